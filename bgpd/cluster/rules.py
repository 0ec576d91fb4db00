"""The ordered rules of a session: BGPFilters, pools, blocks, services; Calico's own order where `compat` says so.

Import: the filters; then a default route is refused, and all else accepted.

Export: the filters; pools with disableBGPExport; communities by prefix; service addresses; and then what the
neighbor is told at all. By `advertise` that is what the node originates (own), whatever lies in the cluster's pools and
service ranges (cluster) or everything (all). With `compat: calico` it is Calico's pipeline instead: own blocks as a
whole and never a part of them, service ranges, and everything in a pool, other nodes' blocks included.

Calico's rules about outgoing interfaces (`cali*`, `tunl0`) have no place here: routes to workloads are the kernel's,
and never enter this speaker's table.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from bgpd.cluster.plan import Compat, Marked, Rule, Verb, Within
from bgpd.cluster.resources import BGPFilter, FilterRule
from bgpd.cluster.scalars import Net
from bgpd.wire.family import IPV4, Family
from bgpd.wire.prefix import DEFAULT

LARGEST_PREF: Final = 2147483647  #: LOCAL_PREF of a route whose priority (kernel metric) would be 0
_REMOTE: Final = ("internal", "external")


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A service prefix that this node originates, and how it is announced."""

    net: Net
    why: str
    communities: tuple[str, ...] = ()
    local_pref: int | None = None
    peers: frozenset[str] | None = None  #: names of MetalLB's peers; None: everybody

    @property
    def special(self) -> bool:
        """It is announced otherwise than everything else that is ours."""
        return bool(self.communities) or self.local_pref is not None or self.peers is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What of the cluster goes into export rules, of one family."""

    family: Family
    compat: Compat
    priority: int  #: of a route that nobody gave another one
    silent_pools: tuple[tuple[str, Net], ...]  #: with disableBGPExport: name, cidr
    pools: tuple[tuple[str, Net], ...]  #: the others
    blocks: tuple[Net, ...]  #: this node's
    services: tuple[Net, ...]  #: ranges that this node announces
    external_services: tuple[Net, ...]  #: ranges of load balancers and external addresses
    marked: tuple[Marked, ...]
    announced: tuple[Announced, ...]


def in_net(net: Net) -> Within:
    """The prefix and whatever lies in it."""
    return Within(net, net[1][0], net[0].bits)


def exactly(net: Net) -> Within:
    return Within(net, net[1][0], net[1][0])


# -- filters


def filter_rules(
    filters: Iterable[BGPFilter], family: Family, *, importing: bool, internal: bool, asn: int = 0
) -> Iterator[Rule]:
    """What of these filters can concern this session, in order.

    An export to another AS is looked at with our own AS (`asn`) in front of its path already, as Calico's BIRD does:
    `asPathPrefix` begins with it, or fits nothing.
    """
    sent = 0 if importing or internal else asn
    for each in filters:
        v4 = family is IPV4
        rules = (each.import_v4 if v4 else each.import_v6) if importing else (each.export_v4 if v4 else each.export_v6)
        for number, rule in enumerate(rules, 1):
            if rule.peer_type not in ("", "iBGP" if internal else "eBGP"):
                continue
            path = rule.as_path_prefix
            if path and sent:
                if path[0] != sent:
                    continue
                path = path[1:]
            yield _filter_rule(rule, path, f"BGPFilter {each.meta.name} rule {number}")


def _filter_rule(rule: FilterRule, path: tuple[int, ...], why: str) -> Rule:
    within, outside = _comparison(rule)
    communities: list[str] = []
    prepend: tuple[int, ...] = ()
    local_pref: int | None = None
    for operation in rule.operations:
        if operation.add_community:
            communities.append(operation.add_community)
        if operation.prepend:
            prepend = operation.prepend + prepend  # a later one goes in front of an earlier one
        if operation.set_priority:
            local_pref = LARGEST_PREF - operation.set_priority
    return Rule(
        why=why,
        verb=Verb.ACCEPT if rule.action == "Accept" else Verb.REJECT,
        within=within,
        outside=outside,
        source=_REMOTE if rule.source else (),
        interface="" if rule.interface == "*" else rule.interface,
        community=rule.communities[0] if rule.communities else "",
        as_path_prefix=path,
        local_pref=LARGEST_PREF - rule.priority if rule.priority else None,
        add_communities=tuple(communities),
        prepend=prepend,
        set_local_pref=local_pref,
    )


def _comparison(rule: FilterRule) -> tuple[tuple[Within, ...] | None, bool]:
    """cidr, matchOperator and prefixLength together."""
    if rule.cidr is None:
        return None, False
    family, prefix = rule.cidr
    low, high = rule.lengths.low, rule.lengths.high
    ranged = low is not None or high is not None
    exact = rule.operator in ("Equal", "NotEqual") and not ranged
    shortest = prefix[0] if exact else max(prefix[0], low or 0)
    longest = prefix[0] if exact else min(family.bits, family.bits if high is None else high)
    return (Within(rule.cidr, shortest, longest),), rule.operator in ("NotEqual", "NotIn")


# -- import


def import_rules(
    filters: Iterable[BGPFilter], family: Family, *, internal: bool, accept_default: bool
) -> tuple[Rule, ...]:
    """What a session's routes go through."""
    rules = [*filter_rules(filters, family, importing=True, internal=internal)]
    if not accept_default:
        rules.append(Rule(why="default route", verb=Verb.REJECT, within=(exactly((family, DEFAULT)),)))
    return (*rules, Rule(why="everything else", verb=Verb.ACCEPT))


# -- export


def export_rules(
    material: Material,
    filters: Iterable[BGPFilter],
    *,
    internal: bool,
    reflector: bool,
    advertise: str,
    metal_peer: str = "",
    asn: int = 0,
) -> tuple[Rule, ...]:
    """What goes to a session, and how. `metal_peer`: the name of MetalLB's peer that this is; `asn`: our AS there."""
    rules: list[Rule] = []
    if material.compat is Compat.CALICO_333:
        preference = LARGEST_PREF - material.priority
        rules.append(Rule(why="LOCAL_PREF", verb=Verb.NEXT, source=("own",), set_local_pref=preference))
    rules += filter_rules(filters, material.family, importing=False, internal=internal, asn=asn)
    for name, net in material.silent_pools:
        rules.append(Rule(why=f"IPPool {name} disableBGPExport", verb=Verb.REJECT, within=(in_net(net),)))
    for marked in material.marked:
        rules.append(
            Rule(
                why="prefixAdvertisements",
                verb=Verb.NEXT,
                within=(in_net(marked.net),),
                add_communities=marked.communities,
            )
        )
    rules += _service_rules(material, metal_peer)
    if metal_peer:
        pass  # it is told service addresses, and nothing else
    elif material.compat is not Compat.NONE:
        rules += _calico(material, reflector=reflector)
    else:
        rules += _ours(material, advertise, reflector=internal and reflector)
    return (*rules, Rule(why="everything else", verb=Verb.REJECT))


def _service_rules(material: Material, metal_peer: str) -> Iterator[Rule]:
    """One rule a service prefix: what all advertisements that reach this peer say of it together."""
    plain = material.compat is Compat.NONE and not metal_peer
    by_net: dict[Net, list[Announced]] = {}
    for each in material.announced:
        by_net.setdefault(each.net, []).append(each)
    for net, found in by_net.items():
        if plain and not any(each.special for each in found):
            continue  # "own" says as much, and a service that comes or goes changes no policy
        reaching = [each for each in found if each.peers is None or metal_peer in each.peers]
        if not reaching:
            yield Rule(why=f"{found[0].why}: other peers", verb=Verb.REJECT, within=(exactly(net),), source=("own",))
            continue
        preferences = [each.local_pref for each in reaching if each.local_pref is not None]
        yield Rule(
            why=", ".join(dict.fromkeys(each.why for each in reaching)),
            verb=Verb.ACCEPT,
            within=(exactly(net),),
            source=("own",),
            add_communities=tuple(dict.fromkeys(word for each in reaching for word in each.communities)),
            set_local_pref=max(preferences) if preferences else None,
        )


def _ours(material: Material, advertise: str, *, reflector: bool) -> Iterator[Rule]:
    yield Rule(why="own", verb=Verb.ACCEPT, source=("own",))
    if reflector:
        yield Rule(why="route reflector", verb=Verb.ACCEPT, source=("internal",))
    if advertise == "cluster":
        nets = [*[net for _, net in material.pools], *material.services, *material.external_services]
        if nets:
            yield Rule(why="advertise cluster", verb=Verb.ACCEPT, within=tuple(in_net(net) for net in _once(nets)))
    elif advertise == "all":
        yield Rule(why="advertise all", verb=Verb.ACCEPT)


def _calico(material: Material, *, reflector: bool) -> Iterator[Rule]:
    for block in material.blocks:
        yield Rule(why="block", verb=Verb.ACCEPT, within=(exactly(block),))
        yield Rule(why="inside a block", verb=Verb.REJECT, within=(in_net(block),))
    if material.services:
        yield Rule(why="service ranges", verb=Verb.ACCEPT, within=tuple(in_net(net) for net in material.services))
    if reflector and material.external_services:
        nets = tuple(in_net(net) for net in _once(material.external_services))
        yield Rule(why="services through a route reflector", verb=Verb.ACCEPT, within=nets)
    for name, net in material.pools:
        yield Rule(why=f"IPPool {name}", verb=Verb.ACCEPT, within=(in_net(net),))


def _once(nets: Iterable[Net]) -> list[Net]:
    return list(dict.fromkeys(nets))
