"""The decision: a snapshot and the name of a node -> what that node does.

Pure: the same snapshot, name and host give the same plan. Everything that cannot be done as it is asked for is a
problem of the plan, and leaves the rest as it is.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from bgpd.cluster import origins
from bgpd.cluster.facts import Facts
from bgpd.cluster.judge import PROGRAMS
from bgpd.cluster.metallb import MetalPeer
from bgpd.cluster.own import MESH
from bgpd.cluster.plan import Compat, Host, Marked, NodePlan, Origin, PeerKind, PeerPlan, Rule, Static, Verb
from bgpd.cluster.problem import Cause, Problem
from bgpd.cluster.resources import BGPFilter, BGPPeer, IPPool, Node
from bgpd.cluster.rules import Material, export_rules, import_rules
from bgpd.cluster.scalars import Net
from bgpd.cluster.sessions import Sessions
from bgpd.cluster.snapshot import Snapshot
from bgpd.model import Overlay, PoolSpec
from bgpd.wire.family import FAMILIES, Family
from bgpd.wire.prefix import pack_prefix

_OVERLAYS: Final = {"Never": Overlay.NEVER, "CrossSubnet": Overlay.CROSS_SUBNET, "Always": Overlay.ALWAYS}
NOBODY: Final = Host()


class UnknownNodeError(LookupError):
    """There is no such node in the snapshot."""


def decide(
    snapshot: Snapshot, name: str, host: Host = NOBODY, *, compat: Compat | None = None, router_id: str = ""
) -> NodePlan:
    """What the node `name` does. Raises UnknownNodeError where there is none of this name.

    `compat` overrides what the cluster says; `router_id` is as in `Facts.router_id`.
    """
    node = snapshot.get(Node, name)
    if node is None:
        known = ", ".join(list(snapshot.all(Node))[:10]) or "none at all"
        raise UnknownNodeError(f"there is no node {name}; there are: {known}")
    facts = Facts(snapshot, node, compat)
    service = origins.services(facts, host)
    originate = _once(origins.origins(facts, service))
    sessions = Sessions(facts, host).collect()
    problems = [*sessions.problems, *service.problems]
    rules = _Rules(facts, service)
    neighbors = tuple(rules.of(plan, sessions.sources[key]) for key, plan in sessions.found.items())
    pools, foreign = _forwarding(facts, host, problems)
    if not neighbors and len(snapshot.all(Node)) > 1:
        text = "it has no session with anybody: there is no mesh for it, and no BGPPeer picks it"
        problems.append(Problem("Node", name, "", text, node.meta.where, Cause.ABSURD))
    return NodePlan(
        node=name,
        asn=facts.asn,
        router_id=facts.router_id(router_id),
        listen=facts.listen,
        neighbors=neighbors,
        originate=originate,
        static=_static(facts, neighbors),
        communities=_marked(facts),
        pools=pools,
        log_level=facts.log_level,
        compat=facts.compat,
        ignored_interfaces=facts.ignored_interfaces,
        workload_addresses=_workload_addresses(facts, neighbors),
        not_programmed=foreign,
        service_ranges=origins.all_service_ranges(facts),
        checked=service.checked,
        problems=tuple(problems),
    )


def _once(found: Iterable[Origin]) -> tuple[Origin, ...]:
    """Each prefix once, as it was first said."""
    by_net: dict[Net, Origin] = {}
    for each in found:
        by_net.setdefault(each.net, each)
    return tuple(by_net.values())


def _marked(facts: Facts) -> tuple[Marked, ...]:
    return tuple(
        Marked(net=each.cidr, communities=tuple(dict.fromkeys(facts.community(word) for word in each.communities)))
        for each in facts.prefix_advertisements
    )


def _static(facts: Facts, neighbors: tuple[PeerPlan, ...]) -> tuple[Static, ...]:
    """How the peers are reached that a BGPPeer gives a way to."""
    ways = {f"BGPPeer {name}": peer.reachable_by for name, peer in facts.snapshot.all(BGPPeer).items()}
    return tuple(
        Static(
            net=(plan.family, pack_prefix(plan.address, plan.family.bits)),
            via=via,
            because=plan.because,
        )
        for plan in neighbors
        if (via := ways.get(plan.because)) is not None and len(via) == len(plan.address)
    )


def _workload_addresses(facts: Facts, neighbors: tuple[PeerPlan, ...]) -> tuple[bytes, ...]:
    """The virtual addresses that workloads peer with, where there are such peers."""
    if all(plan.kind is not PeerKind.WORKLOAD for plan in neighbors):
        return ()
    config, own = facts.config, facts.own
    found = (
        own.workload_peering_ipv4 or config.workload_peering_ipv4,
        own.workload_peering_ipv6 or config.workload_peering_ipv6,
    )
    return tuple(each for each in found if each is not None)


def _forwarding(facts: Facts, host: Host, problems: list[Problem]) -> tuple[tuple[PoolSpec, ...], tuple[Net, ...]]:
    """How packets reach each pool, and the pools whose routes somebody else writes to the kernel."""
    programs = PROGRAMS[facts.config.program_cluster_routes or "Enabled"]
    pools: list[PoolSpec] = []
    foreign: list[Net] = []
    for name, pool in facts.snapshot.all(IPPool).items():
        family, prefix = pool.cidr
        if pool.ipip_mode != "Never" and not host.ipip and "ipip" in programs:
            text = f"{pool.ipip_mode} needs IPIP tunnels, which this kernel or this daemon does not have"
            problems.append(Problem("IPPool", name, "spec.ipipMode", text, pool.meta.where, Cause.REFUSED))
        if pool.vxlan_mode != "Never":
            pools.append(PoolSpec(family=family, prefix=prefix, overlay=_OVERLAYS[pool.vxlan_mode]))
        elif ("ipip" if pool.ipip_mode != "Never" else "plain") not in programs:
            foreign.append(pool.cidr)
    return tuple(pools), tuple(foreign)


class _Rules:
    """Rules of sessions; sessions that are alike share them."""

    def __init__(self, facts: Facts, service: origins.Service) -> None:
        self._facts = facts
        self._service = service
        self._filters = facts.snapshot.all(BGPFilter)
        self._materials = {family: self._material(family) for family in FAMILIES}
        self._made: dict[object, tuple[tuple[Rule, ...], tuple[Rule, ...]]] = {}

    def of(self, plan: PeerPlan, source: BGPPeer | MetalPeer | None) -> PeerPlan:
        """The same session with its rules."""
        internal = plan.local_asn == plan.remote_asn
        settings = self._facts.settings(source.meta.name if source is not None else MESH)
        advertise = settings.advertise if settings is not None else ""
        accept_default = settings is not None and settings.accept_default_route
        metal = source.meta.name if isinstance(source, MetalPeer) else ""
        names = source.filters if isinstance(source, BGPPeer) else ()
        reflector = plan.cluster_id is not None or self._facts.bgp.cluster_id is not None
        families = FAMILIES if plan.dual_stack or not plan.address else (plan.family,)
        key = (families, internal, names, advertise, accept_default, metal, reflector)
        if key not in self._made:
            filters = [self._filters[name] for name in names]
            imports: list[Rule] = []
            exports: list[Rule] = []
            for family in families:
                if metal:
                    imports = [Rule(why="MetalLB's peers are not listened to", verb=Verb.REJECT)]
                else:
                    imports += import_rules(filters, family, internal=internal, accept_default=accept_default)
                # what is told of one family ends with "everything else": of two, only the last one may
                exports[-1:] = export_rules(
                    self._materials[family],
                    filters,
                    internal=internal,
                    reflector=reflector,
                    advertise=advertise,
                    metal_peer=metal,
                )
            self._made[key] = tuple(imports), tuple(exports)
        imports_, exports_ = self._made[key]
        return replace(plan, imports=imports_, exports=exports_)

    def _material(self, family: Family) -> Material:
        facts, config = self._facts, self._facts.config
        pools = [(name, pool) for name, pool in facts.snapshot.all(IPPool).items() if pool.cidr[0] is family]

        def mine(nets: Iterable[Net]) -> tuple[Net, ...]:
            return tuple(net for net in nets if net[0] is family)

        return Material(
            family=family,
            compat=facts.compat,
            priority=facts.priority(family.octets),
            silent_pools=tuple((name, pool.cidr) for name, pool in pools if pool.disable_bgp_export),
            pools=tuple((name, pool.cidr) for name, pool in pools if not pool.disable_bgp_export),
            blocks=mine(origins.blocks(facts)),
            services=mine(origins.service_ranges(facts)),
            external_services=mine((*config.service_lb_ips, *config.service_external_ips)),
            marked=tuple(each for each in _marked(facts) if each.net[0] is family),
            announced=tuple(each for each in self._service.announced if each.net[0] is family),
        )
