"""What has to be true of resources together: no two claim one thing, and what one names is there.

Every finding is a `Verdict`: the resource, the problem, and whether the resource falls (is not in force) or only has
something said about it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from bgpd.cluster.check import is_community
from bgpd.cluster.kinds import BY_CLASS, Resource
from bgpd.cluster.metallb import BGPAdvertisement, Community, IPAddressPool, MetalPeer
from bgpd.cluster.own import MESH, PeerSettings, ServiceAddress
from bgpd.cluster.problem import Cause, Problem
from bgpd.cluster.resources import (
    BGPConfiguration,
    BGPFilter,
    BGPPeer,
    BlockAffinity,
    FelixConfiguration,
    IPAMBlock,
    IPPool,
    Node,
)
from bgpd.cluster.scalars import show_net
from bgpd.wire.prefix import covers, format_address

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Something that is wrong between resources."""

    resource: Resource
    problem: Problem
    falls: bool = True  #: it is not in force
    needs: tuple[type, str] | None = None  #: what is missing: class and name


class Court:
    """All resources of one moment, by class, oldest first."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._by_class: Final[dict[type, list[Any]]] = {}
        for each in resources:
            self._by_class.setdefault(type(each), []).append(each)
        for found in self._by_class.values():
            found.sort(key=lambda each: (each.meta.created or "~", each.meta.name))

    def all(self, kind: type[R]) -> list[R]:
        return self._by_class.get(kind, [])

    def names(self, kind: type) -> frozenset[str]:
        return frozenset(each.meta.name for each in self._by_class.get(kind, []))


def judge(resources: Iterable[Resource]) -> list[Verdict]:
    """Everything that is wrong between these resources."""
    court = Court(resources)
    return [verdict for test in _TESTS for verdict in test(court)]


def _verdict(
    it: Resource,
    field: str,
    text: str,
    cause: Cause,
    *,
    falls: bool = True,
    needs: tuple[type, str] | None = None,
) -> Verdict:
    kind = BY_CLASS[type(it)].name
    return Verdict(it, Problem(kind, it.meta.name, field, text, it.meta.where, cause), falls, needs)


# -- two of one thing


def _pools(court: Court) -> Iterator[Verdict]:
    seen: list[IPPool] = []
    for pool in court.all(IPPool):
        for other in seen:
            same = pool.cidr[0] is other.cidr[0]
            if same and (covers(pool.cidr[1], other.cidr[1]) or covers(other.cidr[1], pool.cidr[1])):
                text = f"{show_net(pool.cidr)} overlaps {show_net(other.cidr)} of IPPool {other.meta.name}"
                yield _verdict(pool, "spec.cidr", text, Cause.DUPLICATE)
                break
        else:
            seen.append(pool)


def _node_addresses(court: Court) -> Iterator[Verdict]:
    owner: dict[bytes, str] = {}
    for node in court.all(Node):
        if node.bgp is None:
            continue
        for key, found in (("ipv4Address", node.bgp.ipv4), ("ipv6Address", node.bgp.ipv6)):
            if found is None:
                continue
            first = owner.setdefault(found.address, node.meta.name)
            if first != node.meta.name:
                yield _verdict(node, f"spec.bgp.{key}", f"{found.text} is node {first}'s already", Cause.DUPLICATE)
                break


def _claims(court: Court) -> Iterator[Verdict]:
    """Calico's order of claiming ends with the block: whose it says it is, wins."""
    blocks = {block.cidr: block for block in court.all(IPAMBlock) if not block.deleted}
    by_cidr: dict[Any, list[BlockAffinity]] = {}
    for claim in court.all(BlockAffinity):
        if claim.state == "confirmed" and not claim.deleted and claim.type == "host":
            by_cidr.setdefault(claim.cidr, []).append(claim)
    for cidr, claims in by_cidr.items():
        block = blocks.get(cidr)
        nodes = sorted({claim.node for claim in claims})
        for claim in claims:
            if block is not None and block.node != claim.node:
                whose = f"belongs to {block.node}" if block.node else "belongs to nobody"
                yield _verdict(claim, "spec.cidr", f"{show_net(cidr)} {whose}, as the block says", Cause.DUPLICATE)
            elif block is None and len(nodes) > 1:
                text = f"{show_net(cidr)} is claimed by {' and '.join(nodes)}, and there is no block to say whose it is"
                yield _verdict(claim, "spec.cidr", text, Cause.DUPLICATE)


def _services(court: Court) -> Iterator[Verdict]:
    owner: dict[Any, str] = {}
    hosts = {
        found.address: node.meta.name
        for node in court.all(Node)
        if node.bgp is not None
        for found in (node.bgp.ipv4, node.bgp.ipv6)
        if found is not None
    }
    pools = court.all(IPAddressPool)
    for service in court.all(ServiceAddress):
        for number, address in enumerate(service.addresses):
            field = f"spec.addresses[{number}]"
            first = owner.setdefault(address, service.meta.name)
            if first != service.meta.name:
                yield _verdict(service, field, f"{address} is ServiceAddress {first}'s already", Cause.DUPLICATE)
            if address.address in hosts:
                text = f"{address.text} is the address of node {hosts[address.address]}"
                yield _verdict(service, field, text, Cause.ABSURD)
            pool = next((each for each in pools if each.holds(address.address)), None)
            if pool is not None and pool.avoid_buggy_ips and address.address[-1] in (0, 255):
                text = f"{address.text} ends in .0 or .255, which IPAddressPool {pool.meta.name} avoids"
                yield _verdict(service, field, text, Cause.VALUE)
        yield from _unknown(service, "spec.nodes", service.nodes, court.names(Node), "node")


def _address_pools(court: Court) -> Iterator[Verdict]:
    seen: list[IPAddressPool] = []
    for pool in court.all(IPAddressPool):
        for other in seen:
            if any(a.holds(b.first) or b.holds(a.first) for a in pool.addresses for b in other.addresses):
                text = f"overlaps IPAddressPool {other.meta.name}"
                yield _verdict(pool, "spec.addresses", text, Cause.DUPLICATE)
                break
        else:
            seen.append(pool)


def _settings(court: Court) -> Iterator[Verdict]:
    owner: dict[str, str] = {}
    names = court.names(BGPPeer) | {MESH}
    for settings in court.all(PeerSettings):
        for number, name in enumerate(settings.peers):
            first = owner.setdefault(name, settings.meta.name)
            if first != settings.meta.name:
                text = f"{name} has PeerSettings {first} already"
                yield _verdict(settings, f"spec.peers[{number}]", text, Cause.DUPLICATE)
        yield from _unknown(settings, "spec.peers", settings.peers, names, "BGPPeer")


# -- what is named


def _unknown(
    it: Resource, field: str, names: Iterable[str], known: frozenset[str], what: str, *, falls: bool = False
) -> Iterator[Verdict]:
    for number, name in enumerate(names):
        if name not in known:
            yield _verdict(it, f"{field}[{number}]", f"there is no {what} {name}", Cause.MISSING, falls=falls)


def _peers(court: Court) -> Iterator[Verdict]:
    filters, nodes = court.names(BGPFilter), {node.meta.name: node for node in court.all(Node)}
    for peer in court.all(BGPPeer):
        for number, name in enumerate(peer.filters):
            if name not in filters:
                text = f"there is no BGPFilter {name}: without it, routes would pass that should not"
                yield _verdict(peer, f"spec.filters[{number}]", text, Cause.MISSING, needs=(BGPFilter, name))
        if peer.node and peer.node not in nodes:
            yield _verdict(peer, "spec.node", f"there is no node {peer.node}", Cause.MISSING, falls=False)
        if peer.node in nodes and peer.peer_ip is not None and _is_own(nodes[peer.node], peer.peer_ip.address):
            text = f"{peer.peer_ip} is the address of node {peer.node} itself"
            yield _verdict(peer, "spec.peerIP", text, Cause.ABSURD)
    yield from _reachable(court)


def _is_own(node: Node, address: bytes) -> bool:
    found = node.bgp.address(len(address)) if node.bgp is not None else None
    return found is not None and found.address == address


def _reachable(court: Court) -> Iterator[Verdict]:
    """`reachableBy` that leads back to where it began."""
    by_address = {
        peer.peer_ip.address: peer
        for peer in court.all(BGPPeer)
        if peer.peer_ip is not None and peer.reachable_by is not None
    }
    for address, peer in by_address.items():
        way, at = [address], peer.reachable_by
        while at is not None and at in by_address and at not in way:
            way.append(at)
            at = by_address[at].reachable_by
        if at == address:
            text = f"goes in a circle: {' by '.join(format_address(each) for each in [*way, address])}"
            yield _verdict(peer, "spec.reachableBy", text, Cause.ABSURD)


def _configurations(court: Court) -> Iterator[Verdict]:
    every = court.all(BGPConfiguration)
    default = next((each for each in every if each.meta.name == "default"), None)
    shared = {each.name for each in default.communities} if default is not None else set()
    for it in every:
        names = shared | {each.name for each in it.communities}
        for number, advertisement in enumerate(it.prefix_advertisements):
            for place, word in enumerate(advertisement.communities):
                if not is_community(word) and word not in names:
                    field = f"spec.prefixAdvertisements[{number}].communities[{place}]"
                    text = f"community used is invalid or not defined: {word}"
                    yield _verdict(it, field, text, Cause.MISSING)
    if default is not None:
        yield from _felix(default, court.all(FelixConfiguration))
        if default.mesh is False and len(court.all(Node)) > 1 and not court.all(BGPPeer):
            text = "there is no BGPPeer either: no node has anybody to talk to"
            yield _verdict(default, "spec.nodeToNodeMeshEnabled", text, Cause.ABSURD, falls=False)


#: programClusterRoutes -> whose routes it writes, without and with IPIP
PROGRAMS: Final[Mapping[str, frozenset[str]]] = {
    "Enabled": frozenset({"plain", "ipip"}),
    "Disabled": frozenset(),
    "EnabledIPIPOnly": frozenset({"ipip"}),
    "EnabledNoEncapOnly": frozenset({"plain"}),
}


def disagreement(bgp: str, felix: str) -> str:
    """What two settings of programClusterRoutes leave to both, or to nobody; empty: they fit."""
    ours, theirs = (
        PROGRAMS[bgp or "Enabled"],
        PROGRAMS[felix] if felix else PROGRAMS["Enabled"] - PROGRAMS[bgp or "Enabled"],
    )
    if both := ours & theirs:
        return f"both would write routes of pools with {' and '.join(sorted(both))}"
    if nobody := PROGRAMS["Enabled"] - ours - theirs:
        return f"nobody would write routes of pools with {' and '.join(sorted(nobody))}"
    return ""


def _felix(default: BGPConfiguration, felix: list[FelixConfiguration]) -> Iterator[Verdict]:
    for each in felix:
        if each.meta.name != "default" or not each.program_cluster_routes:
            continue
        if text := disagreement(default.program_cluster_routes, each.program_cluster_routes):
            text = f"does not fit FelixConfiguration {each.meta.name} ({each.program_cluster_routes}): {text}"
            yield _verdict(default, "spec.programClusterRoutes", text, Cause.REFUSED, falls=False)


def _metallb(court: Court) -> Iterator[Verdict]:
    aliases = {alias.name for each in court.all(Community) for alias in each.communities}
    pools, peers = court.names(IPAddressPool), court.names(MetalPeer)
    for it in court.all(BGPAdvertisement):
        for number, word in enumerate(it.communities):
            if not is_community(word) and word not in aliases:
                text = f"there is no Community that says what {word} is"
                yield _verdict(it, f"spec.communities[{number}]", text, Cause.MISSING)
        yield from _unknown(it, "spec.ipAddressPools", it.pools, pools, "IPAddressPool")
        yield from _unknown(it, "spec.peers", it.peers, peers, "BGPPeer of MetalLB")
    seen: dict[tuple[bytes, str], str] = {}
    for peer in court.all(MetalPeer):
        first = seen.setdefault((peer.address, peer.interface), peer.meta.name)
        if first != peer.meta.name and not peer.node_selectors:
            yield _verdict(peer, "spec.peerAddress", f"is BGPPeer {first}'s already", Cause.DUPLICATE)


_TESTS: Final[tuple[Callable[[Court], Iterator[Verdict]], ...]] = (
    _pools,
    _node_addresses,
    _claims,
    _services,
    _address_pools,
    _settings,
    _peers,
    _configurations,
    _metallb,
)
