"""Which sessions a node has, and with what settings: mesh, BGPPeers forwards and backwards, workloads, MetalLB's peers.

The order decides where two ask for a session with one address: BGPPeers of all nodes, BGPPeers of this node, peerings
that another node's BGPPeer implies, workloads, MetalLB's peers, and the mesh last; among equals, by name. A speaker
has one session with an address, so the later one is left out, and named where it is not a mere mirror of the first.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from bgpd.cluster import selector
from bgpd.cluster.facts import DEFAULT_PORT, RESTART_TIME, Facts, later_as_text
from bgpd.cluster.metallb import MetalPeer, picks
from bgpd.cluster.own import MESH
from bgpd.cluster.plan import Host, PeerKind, PeerPlan
from bgpd.cluster.problem import Cause, Problem
from bgpd.cluster.reflectors import Roles, roles_of
from bgpd.cluster.resources import BGPPeer, Node, SecretRef, WorkloadEndpoint
from bgpd.cluster.rulebook import RuleBook
from bgpd.model import AsnRule, NextHopRule
from bgpd.wire.family import FAMILIES, IPV4, IPV6
from bgpd.wire.prefix import format_address

_FAMILIES: Final = (4, 16)  #: octets of an address
_TITLES: Final = {
    PeerKind.MESH: "Mesh",
    PeerKind.NODE: "Node",
    PeerKind.GLOBAL: "Global",
    PeerKind.WORKLOAD: "Local_Workload",
}


class Sessions:
    """Collects the sessions of one node. `found` is by address, or by interface."""

    def __init__(self, facts: Facts, host: Host, rules: RuleBook) -> None:
        self._facts: Final = facts
        self._rules: Final = rules
        self._roles: Final[Roles] = roles_of(facts, host.alive)
        self._nodes: Final = facts.snapshot.all(Node)
        self._by_address: Final = {
            found.address: node
            for node in self._nodes.values()
            if node.bgp is not None
            for found in (node.bgp.ipv4, node.bgp.ipv6)
            if found is not None
        }
        self._reflector: Final = self._roles.cluster_id(facts.node) is not None
        self.found: Final[dict[bytes, PeerPlan]] = {}
        self.problems: Final[list[Problem]] = []

    def collect(self) -> "Sessions":
        peers = list(self._facts.snapshot.all(BGPPeer).values())
        for peer in peers:
            if not peer.node and not peer.node_selector:
                self._forward(peer, PeerKind.GLOBAL)
        for peer in peers:
            if (peer.node or peer.node_selector) and self._is_local(peer, self._facts.node):
                self._forward(peer, PeerKind.NODE)
        for peer in peers:
            if peer.reverse_peering == "Auto" and not peer.workload_selector:
                self._backward(peer)
        for metal in self._facts.snapshot.all(MetalPeer).values():
            if picks(metal.node_selectors, self._facts.node.meta.labels):
                self._metal(metal)
        for plan in self._mesh():
            self._add(plan, None)
        return self

    # -- the mesh

    def _mesh(self) -> Iterator[PeerPlan]:
        facts = self._facts
        if facts.config.mesh is False:
            return
        restart, secret = facts.config.mesh_restart_time, facts.config.mesh_password
        if not facts.has_password(secret):
            self._missing_secret("BGPConfiguration", "default", "spec.nodeMeshPassword", secret)
            return
        timers = facts.timers(MESH)
        for name, node in self._nodes.items():
            if name == facts.name or not self._roles.meshed(facts.node, node):
                continue
            for octets in _FAMILIES:
                mine, theirs = facts.address(octets), node.bgp.address(octets) if node.bgp is not None else None
                if mine is None or theirs is None:
                    continue
                remote_asn = facts.asn_of(node)
                client = remote_asn == facts.asn and self._roles.client(facts.node, node)
                rules = self._rules.of(
                    (mine.family,), None, internal=remote_asn == facts.asn, reflector=self._reflector
                )
                yield PeerPlan(
                    kind=PeerKind.MESH,
                    name=_name(PeerKind.MESH, theirs.address, 0),
                    address=theirs.address,
                    port=facts.given_port(name) or DEFAULT_PORT,
                    local_asn=facts.asn,
                    remote_asn=remote_asn,
                    source_address=mine.address,
                    passive=later_as_text(theirs.address, mine.address),
                    rr_client=client,
                    cluster_id=self._roles.cluster_id(facts.node) if client else None,
                    password=secret,
                    restart_time=RESTART_TIME if restart is None else round(restart),
                    hold_time=timers.hold,
                    keepalive_time=timers.keepalive,
                    connect_retry_time=timers.retry,
                    imports=rules[0],
                    exports=rules[1],
                    because="node-to-node mesh",
                    remote_node=name,
                )

    # -- BGPPeer

    def _is_local(self, peer: BGPPeer, node: Node) -> bool:
        """Whether a BGPPeer is a peering of this node's."""
        if peer.node:
            return peer.node == node.meta.name
        return selector.matches(peer.node_selector, node.meta.labels)

    def _forward(self, peer: BGPPeer, kind: PeerKind) -> None:
        if peer.peer_selector:
            for name, node in self._nodes.items():
                if name != self._facts.name and selector.matches(peer.peer_selector, node.meta.labels):
                    self._with_node(peer, kind, node, _FAMILIES)
        elif peer.workload_selector:
            self._workloads(peer)
        elif peer.peer_ip is not None:
            self._with_address(peer, kind)

    def _with_address(self, peer: BGPPeer, kind: PeerKind) -> None:
        """The peer is an address, which may be a node's."""
        assert peer.peer_ip is not None
        address, port = peer.peer_ip.address, peer.peer_ip.port
        mine = self._facts.address(len(address))
        if mine is not None and mine.address == address:
            return  # a peering of all nodes with one of them
        node = self._by_address.get(address)
        if node is not None and not port and self._facts.asn_of(node) == peer.asn:
            port = self._facts.given_port(node.meta.name)
        plan = self._plan(peer, kind, address, port, peer.asn, None)
        if plan is None:
            return
        if kind is PeerKind.GLOBAL and node is not None and mine is not None:
            plan = replace(plan, passive=later_as_text(address, mine.address))
        self._add(replace(plan, remote_node=node.meta.name if node is not None else ""), peer)

    def _with_node(self, peer: BGPPeer, kind: PeerKind, node: Node, families: tuple[int, ...], asn: int = 0) -> None:
        """The peer is a node: one session for each family that both have. `asn`: another AS than the node's own."""
        for octets in families:
            theirs = node.bgp.address(octets) if node.bgp is not None else None
            if theirs is None or self._facts.address(octets) is None:
                continue
            port = self._facts.given_port(node.meta.name)
            remote_asn = asn or self._facts.asn_of(node)
            plan = self._plan(peer, kind, theirs.address, port, remote_asn, self._roles.cluster_id(node))
            if plan is not None:
                self._add(replace(plan, remote_node=node.meta.name), peer)

    def _workloads(self, peer: BGPPeer) -> None:
        """Pods of this node; they dial, because only they know when they are there."""
        for endpoint in self._facts.snapshot.all(WorkloadEndpoint).values():
            if endpoint.node != self._facts.name or not selector.matches(peer.workload_selector, endpoint.meta.labels):
                continue
            for network in endpoint.networks:
                plan = self._plan(peer, PeerKind.WORKLOAD, network.address, 0, peer.asn, None)
                if plan is not None:
                    self._add(replace(plan, passive=True, source_address=None), peer)

    def _backward(self, peer: BGPPeer) -> None:
        """Where somebody's BGPPeer means this node: it has to know of the session, too."""
        facts = self._facts
        families: tuple[int, ...] = _FAMILIES
        if peer.peer_selector:
            if not selector.matches(peer.peer_selector, facts.node.meta.labels):
                return
        elif peer.peer_ip is not None:
            mine = facts.address(len(peer.peer_ip.address))
            if mine is None or mine.address != peer.peer_ip.address or peer.asn != facts.asn:
                return
            if peer.peer_ip.port and peer.peer_ip.port != facts.port:
                return
            families = (len(peer.peer_ip.address),)
        everybody = not peer.node and not peer.node_selector
        for name, node in self._nodes.items():
            if name != facts.name and (everybody or self._is_local(peer, node)):
                self._with_node(replace(peer, local_asn=0), PeerKind.NODE, node, families, peer.local_asn)

    def _plan(
        self, peer: BGPPeer, kind: PeerKind, address: bytes, port: int, remote_asn: int, cluster: bytes | None
    ) -> PeerPlan | None:
        """A session of a BGPPeer; None where this node cannot have it."""
        facts = self._facts
        mine = facts.address(len(address))
        if mine is None and peer.source_address == "UseNodeIP" and kind is not PeerKind.WORKLOAD:
            family = "IPv4" if len(address) == 4 else "IPv6"
            self._problem(peer, "spec.sourceAddress", f"node {facts.name} has no {family} address to speak from")
            return None
        if not facts.has_password(peer.password):
            self._missing_secret("BGPPeer", peer.meta.name, "spec.password", peer.password)
            return None
        local_asn = peer.local_asn or facts.asn
        internal = local_asn == remote_asn
        own_cluster = self._roles.cluster_id(facts.node)
        client = internal and own_cluster is not None and own_cluster != cluster
        timers = facts.timers(peer.meta.name, peer.keepalive_time)
        families = (IPV4 if len(address) == 4 else IPV6,)
        rules = self._rules.of(families, peer, internal=internal, reflector=self._reflector, asn=local_asn)
        return PeerPlan(
            kind=kind,
            name=_name(kind, address, port),
            address=address,
            port=port or DEFAULT_PORT,
            local_asn=local_asn,
            remote_asn=remote_asn,
            source_address=mine.address if mine is not None and peer.source_address == "UseNodeIP" else None,
            rr_client=client,
            cluster_id=own_cluster if client else None,
            next_hop=_next_hop(peer, internal=internal),
            gtsm_hops=peer.ttl_security,
            password=peer.password,
            restart_time=RESTART_TIME if peer.restart_time is None else round(peer.restart_time),
            hold_time=timers.hold,
            keepalive_time=timers.keepalive,
            connect_retry_time=timers.retry,
            allow_own_asn=peer.allow_own_as,
            imports=rules[0],
            exports=rules[1],
            because=f"BGPPeer {peer.meta.name}",
        )

    # -- MetalLB

    def _metal(self, peer: MetalPeer) -> None:
        facts = self._facts
        secret = SecretRef(peer.password_secret.name, "password") if peer.password_secret is not None else None
        if not facts.has_password(secret):
            self._missing_secret("BGPPeer", peer.meta.name, "spec.passwordSecret", secret)
            return
        local_asn = peer.local_asn or peer.my_asn
        fixed = peer.peer_asn or (local_asn if peer.dynamic_asn == "internal" else 0)
        timers = facts.timers(peer.meta.name)
        hold = timers.hold if peer.hold_time is None else round(peer.hold_time)
        if peer.hold_time is None and peer.keepalive_time is not None:
            hold = 3 * round(peer.keepalive_time)
        mine = facts.address(len(peer.address))
        both = peer.dual_stack or not peer.address
        families = FAMILIES if both else (IPV4 if len(peer.address) == 4 else IPV6,)
        rules = self._rules.of(families, peer, internal=fixed == local_asn, reflector=self._reflector)
        plan = PeerPlan(
            kind=PeerKind.NODE if peer.node_selectors else PeerKind.GLOBAL,
            name=peer.meta.name,
            address=peer.address,
            port=peer.port,
            local_asn=local_asn,
            remote_asn=fixed,
            asn_rule=AsnRule.FIXED if fixed else AsnRule.EXTERNAL,
            source_address=peer.source_address or (mine.address if mine is not None else None),
            password=secret,
            plain_password=peer.password,
            hold_time=hold,
            keepalive_time=round(hold / 3 if peer.keepalive_time is None else peer.keepalive_time),
            connect_retry_time=timers.retry if peer.connect_time is None else peer.connect_time,
            imports=rules[0],
            exports=rules[1],
            because=f"BGPPeer {peer.meta.name} (metallb.io)",
            interface=peer.interface,
            graceful_restart=peer.graceful_restart,
            multihop=64 if peer.multihop or fixed == local_asn else 0,
            dual_stack=peer.dual_stack,
        )
        self._add(plan, peer)

    # -- both

    def _add(self, plan: PeerPlan, source: BGPPeer | MetalPeer | None) -> None:
        key = plan.address or b"%" + plan.interface.encode()
        first = self.found.get(key)
        if first is None:
            self.found[key] = plan
        elif first.because != plan.because and plan.kind is not PeerKind.MESH and source is not None:
            if isinstance(source, BGPPeer) and source.peer_selector:
                return  # two selectors that meet, or a peering and its own mirror
            where = format_address(plan.address) if plan.address else plan.interface
            text = f"there is a session with {where} already, of {first.because}; this one is left out"
            kind = "BGPPeer"
            self.problems.append(
                Problem(kind, source.meta.name, "spec.peerIP", text, source.meta.where, Cause.DUPLICATE)
            )

    def _problem(self, peer: BGPPeer, field: str, text: str) -> None:
        self.problems.append(Problem("BGPPeer", peer.meta.name, field, text, peer.meta.where, Cause.MISSING))

    def _missing_secret(self, kind: str, name: str, field: str, secret: SecretRef | None) -> None:
        assert secret is not None
        text = f"secret {secret.name} has no key {secret.key}: without a password there is no session"
        self.problems.append(Problem(kind, name, field, text, "", Cause.MISSING))


def _name(kind: PeerKind, address: bytes, port: int) -> str:
    """What Calico's BIRD calls it."""
    text = format_address(address).replace(".", "_").replace(":", "_")
    return f"{_TITLES[kind]}_{text}" + (f"_port_{port}" if port else "")


def _next_hop(peer: BGPPeer, *, internal: bool) -> NextHopRule:
    if peer.next_hop_mode:
        return NextHopRule(peer.next_hop_mode.lower())
    # the older switch means external peers only
    return NextHopRule.KEEP if peer.keep_next_hop and not internal else NextHopRule.AUTO
