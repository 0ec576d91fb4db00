"""The kernel's side in words: events for the log, states and views for people.

What happened to many prefixes at once is one event: the first is named, the others are counted.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from bgpd.kernel.compare import Finding
from bgpd.kernel.culprit import Culprits
from bgpd.kernel.encode import KIND_NAMES, PROTOCOL_NAMES
from bgpd.kernel.knowledge import Loss, Losses
from bgpd.kernel.links import Links
from bgpd.kernel.plan import Fib
from bgpd.kernel.routes import RTN_BLACKHOLE, RTN_UNICAST, Hop, Refusal, Route
from bgpd.kernel.tables import Plane, Tables
from bgpd.kernel.targets import address_words
from bgpd.kernel.wants import Guard, Want, addresses_of
from bgpd.speaker.views import KernelFindingView, KernelRouteView, KernelView
from bgpd.wire.family import Family
from bgpd.wire.prefix import format_address, format_prefix

#: (event name, fields): for the log and for `watch`.
EventCallback = Callable[[str, dict[str, object]], None]


class Reporter:
    """Tells what happened."""

    def __init__(self, tables: Tables, on_event: EventCallback) -> None:
        self._tables: Final = tables
        self.culprits: Final = Culprits()
        self.tell: Final = on_event

    def _report(self, event: str, plane: Plane, prefixes: list[bytes], reason: str) -> None:
        prefix = format_prefix(plane.family, prefixes[0])
        self.tell(event, {"family": plane.family.name, "prefix": prefix, "count": len(prefixes), "reason": reason})

    def glance(self) -> None:
        """Somebody took routes away or changed them: see who, before he is gone."""
        for _, port, _, _ in self._tables.knowledge.lost:
            self.culprits.glance(port)

    def losses(self, lost: Losses, names: Mapping[int, str]) -> None:
        """Routes of ours that somebody removed or changed; `names` are the words for each netlink port."""
        for (af, port, loss, protocol), prefixes in lost.items():
            who = names[port]
            if loss is Loss.REPLACED:
                words = f"{loss.value} of protocol {protocol_words(protocol)}, written by {who}; it is left alone"
            else:
                words = f"{loss.value} by {who}; what is wanted is put back"
            self._report("kernel_routes_lost", self._tables.by_af[af], prefixes, words)

    def unused(self, plane: Plane, finding: Finding) -> None:
        """A look-up does not find a route that is there."""
        self._report("kernel_route_unused", plane, [finding.prefix], finding.reason)

    def fights(self) -> None:
        """Routes that somebody takes away again and again: from now on they are put back after a while only."""
        for af, prefix in self._tables.knowledge.new_fights:
            self._tables.counters["fights"] += 1
            words = "somebody keeps removing or changing it: it is put back after a while, at last once a minute"
            self._report("kernel_fight", self._tables.by_af[af], [prefix], words)
        self._tables.knowledge.new_fights.clear()

    def refusals(self, plane: Plane, refusals: list[Refusal]) -> None:
        """Operations that the kernel refused, by its reason."""
        reasons: dict[str, list[bytes]] = {}
        for refusal in refusals:
            failure = plane.fib.failures.get(refusal.prefix)
            if failure is not None:
                reasons.setdefault(failure.text, []).append(refusal.prefix)
        for text, prefixes in reasons.items():
            self._report("kernel_routes_refused", plane, prefixes, f"the kernel refused it: {text}")

    def conflicts(self, plane: Plane) -> None:
        """Keys that somebody else holds, by his protocol."""
        holders: dict[int, list[bytes]] = {}
        for prefix in plane.fib.news:
            protocol = plane.fib.conflicts.get(prefix)
            if protocol is not None:
                holders.setdefault(protocol, []).append(prefix)
        plane.fib.news.clear()
        for protocol, prefixes in holders.items():
            self._tables.counters["conflicts"] += len(prefixes)
            self._report("kernel_conflict", plane, prefixes, conflict_words(protocol))


def conflict_words(protocol: int) -> str:
    return f"a route of protocol {protocol_words(protocol)} holds this key and is left alone"


def protocol_words(protocol: int) -> str:
    """A routing protocol's number, with its name where it has one."""
    name = PROTOCOL_NAMES.get(protocol)
    return f"{protocol} ({name})" if name else str(protocol)


def hop_words(links: Links, hop: Hop) -> str:
    """One way out: "192.0.2.1 dev eth0", or "dev eth0"."""
    gateway, index = hop
    device = f"dev {links.name(index)}"
    return f"{format_address(gateway)} {device}" if gateway else device


def ways_words(tables: Tables, route: Route) -> list[str]:
    """Its ways out, with their weights where these are unequal: "192.0.2.1 dev eth0 weight 2"."""
    words = [hop_words(tables.links, hop) for hop in tables.ways(route)]
    return (
        [f"{each} weight {weight}" for each, weight in zip(words, route.weights, strict=True)]
        if route.weights
        else words
    )


def describe(fib: Fib, busy: set[bytes], prefix: bytes) -> tuple[str, str]:
    """The state of one prefix, and the reason in words where it is not installed."""
    state, reason = fib.state(prefix, busy)
    if state == "conflict":
        reason = conflict_words(fib.conflicts[prefix])
    return state, reason


def installed(tables: Tables, family: Family, prefix: bytes) -> str:
    """The word "yes", or why this prefix is not in the kernel, in words (`RouteView.installed`)."""
    plane = tables.planes[family]
    want = plane.submitted.get(prefix)
    state, reason = ("pending", "") if want is not None else describe(plane.fib, plane.busy, prefix)
    if state == "installed":
        return "yes"
    return f"{state}: {reason}" if reason else state


def view(tables: Tables, with_routes: bool) -> KernelView:
    """The state as a value; its routes are an iterator that bears changes between two steps."""
    spec, counts = tables.spec, tables.counts()
    return KernelView(
        enabled=True,
        table=spec.table,
        protocol=spec.protocol,
        metric=spec.metric,
        in_sync=tables.in_sync(),
        wanted=counts["wanted"],
        installed=counts["installed"],
        pending=counts["pending"],
        failed=counts["failed"],
        conflicts=counts["conflicts"],
        unresolved=counts["unresolved"],
        routes=route_views(tables) if with_routes else [],
    )


def route_views(tables: Tables) -> Iterator[KernelRouteView]:
    """Every route that is wanted, then those kept from an earlier run; lazily."""
    for plane in tables.planes.values():
        for prefixes in (plane.fib.wants, plane.fib.adopted):
            for prefix in list(prefixes):
                yield _route_view(tables, plane, prefix)


def _route_view(tables: Tables, plane: Plane, prefix: bytes) -> KernelRouteView:
    family, fib = plane.family, plane.fib
    state, reason = describe(fib, plane.busy, prefix)
    target = fib.wants.get(prefix)
    route = fib.written.get(prefix) or (target.route if target is not None else None)
    if route is not None:
        next_hops = ways_words(tables, route)
        guard = route.kind == RTN_BLACKHOLE
    else:
        want: Want = target.want if target is not None else ()
        guard = isinstance(want, Guard)
        next_hops = [] if isinstance(want, Guard) else [address_words(address) for address in addresses_of(want)]
    return KernelRouteView(
        family=family.name,
        prefix=format_prefix(family, prefix),
        kind="blackhole" if guard else "unicast",
        next_hops=next_hops,
        state=state,
        reason=reason,
    )


def finding_view(tables: Tables, plane: Plane, finding: Finding) -> KernelFindingView:
    """One difference that a check found."""
    return KernelFindingView(
        family=plane.family.name,
        prefix=format_prefix(plane.family, finding.prefix),
        difference=finding.difference.value,
        wanted=route_words(tables, finding.wanted),
        found=route_words(tables, finding.found),
        reason=finding.reason,
    )


def route_words(tables: Tables, route: Route | None) -> str:
    """A route for people: its ways out, "blackhole", or empty where there is none."""
    if route is None:
        return ""
    if route.kind != RTN_UNICAST:
        return KIND_NAMES.get(route.kind, str(route.kind))
    words = ", ".join(ways_words(tables, route))
    return words or (f"nexthop object {route.nexthop}" if route.nexthop else "nowhere")
