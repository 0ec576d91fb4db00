"""Next hops: what each address resolves to now, and what that makes of each want. Pure.

One answer is kept per address that somebody asked about. When links, addresses or routes change, `review` asks again
about the addresses concerned, tells the speaker about those it follows, and returns the targets whose route moved:
a dead link under 100,000 routes is one address, one target, and one walk to find its prefixes.
"""

from collections.abc import Callable, Iterable

from bgpd.kernel.links import Links, Resolution
from bgpd.kernel.objects import Objects
from bgpd.kernel.plan import Fib, Target
from bgpd.kernel.routes import GUARD_METRIC, RTN_BLACKHOLE, RTN_UNICAST, Hop, Route
from bgpd.kernel.tunnel import Overlays, marked
from bgpd.kernel.wants import Guard, Weighted, addresses_of, scaled
from bgpd.wire.family import IPV4, Family
from bgpd.wire.prefix import covers, format_address

#: (address, reachable, cost, reason)
NextHopCallback = Callable[[bytes, bool, int, str], None]

#: More changed routes than this, and every address is asked about again.
_MANY = 64


class NextHops:
    """The answers in force, and who wants to know."""

    def __init__(
        self, links: Links, overlays: Overlays, objects: Objects, metric: int, on_next_hop: NextHopCallback
    ) -> None:
        self.links = links
        self._objects = objects
        self._overlays = overlays
        self._metric = metric
        self._tell = on_next_hop
        self._answers: dict[bytes, Resolution] = {}
        self._followed: dict[bytes, bytes] = {}  # what is asked (see `Overlays.follow`) -> the address that is told

    def track(self, address: bytes) -> None:
        """Tell about this address now and at each change. Twice is once."""
        asked = self._overlays.follow(address)
        if asked not in self._followed:
            self._followed[asked] = address
            self._report(address, self.answer(asked))

    def untrack(self, address: bytes) -> None:
        self._followed.pop(self._overlays.follow(address), None)

    def follow_anew(self) -> None:
        """The pools are others: what is asked about an address may be another thing now, and so may the answer."""
        addresses = list(self._followed.values())
        self._followed.clear()
        for address in addresses:
            self.track(address)

    def _resolve(self, address: bytes) -> Resolution:
        return self._overlays.resolve(address) if marked(address) else self.links.resolve(address)

    def _report(self, address: bytes, answer: Resolution) -> None:
        self._tell(address, answer.reachable, answer.cost, answer.reason)

    def answer(self, address: bytes) -> Resolution:
        known = self._answers.get(address)
        if known is None:
            known = self._answers[address] = self._resolve(address)
        return known

    def aim(self, family: Family, target: Target) -> bool:
        """Work out what a want comes to now; True where that changed."""
        before = target.route
        if isinstance(target.want, Guard):
            target.route = Route(RTN_BLACKHOLE, (), GUARD_METRIC)
            return target.route != before
        hops: dict[Hop, float] = {}  # a share of the load for each
        reasons: list[str] = []
        weights = target.want.weights if isinstance(target.want, Weighted) else ()
        for number, address in enumerate(addresses_of(target.want)):
            answer = self.answer(address)
            if answer.reachable and family is not IPV4 and len(answer.hops[0][0]) == 4:
                reasons.append(f"{address_words(address)}: an IPv6 route cannot take an IPv4 next hop")
            elif answer.reachable:
                share = weights[number] / len(answer.hops) if weights else 0.0
                for hop in answer.hops:
                    hops[hop] = hops.get(hop, 0.0) + share
            else:
                reasons.append(f"{address_words(address)}: {answer.reason}")
        target.route = self._route(target, hops) if hops else None
        target.reason = "; ".join(reasons) or "there is no next hop"
        return target.route != before

    def _route(self, target: Target, shares: dict[Hop, float]) -> Route:
        """By way of the target's nexthop object, where it has one and the object can take these ways out."""
        hops = tuple(sorted(shares))
        weights = scaled([shares[hop] for hop in hops])
        if target.group:
            if not target.plain and not weights and all(gateway for gateway, _ in hops):
                self._objects.change(target.group, hops)
                return Route(RTN_UNICAST, (), self._metric, target.group)
            self._objects.drop(target.group)
            target.group = 0
        return Route(RTN_UNICAST, hops, self._metric, 0, weights)

    def share(self, family: Family, target: Target) -> bool:
        """Many prefixes want this: give it a nexthop object. True where its route is another one now."""
        route = target.route
        if (
            not self._objects.usable
            or target.plain
            or target.group
            or route is None
            or not route.hops
            or route.weights
            or any(marked(address) for address in target.addresses)  # the overlay's gateways are on no link
            or not all(gateway for gateway, _ in route.hops)
        ):
            return False
        target.group = self._objects.give(target, route.hops)
        return self.aim(family, target)

    def review(self, fibs: Iterable[tuple[Family, Fib]]) -> set[Target]:
        """After changes in `links`: the targets whose route is another one now."""
        tables = list(fibs)
        concerned = self._concerned()
        used = set(self._followed)
        for _, fib in tables:
            for target in fib.targets.values():
                used |= target.addresses
        changed: set[bytes] = set()
        for address in concerned:
            if address not in used:
                del self._answers[address]
                continue
            answer = self._resolve(address)
            if answer != self._answers[address]:
                self._answers[address] = answer
                changed.add(address)
        moved: set[Target] = set()
        if changed:
            for family, fib in tables:
                for target in fib.targets.values():
                    if not changed.isdisjoint(target.addresses) and self.aim(family, target):
                        moved.add(target)
        for asked in changed & self._followed.keys():
            self._report(self._followed[asked], self._answers[asked])
        return moved

    def _concerned(self) -> list[bytes]:
        links = self.links
        if links.changed or len(links.touched) > _MANY:
            concerned = list(self._answers)
        else:
            touched = links.touched
            concerned = [a for a in self._answers if any(_covered(prefix, octets, a) for octets, prefix in touched)]
        links.changed = False
        links.touched = []
        return concerned


def _covered(prefix: bytes, octets: int, address: bytes) -> bool:
    if (len(address) < 16) != (octets == 4):
        return False
    return covers(prefix, bytes((octets * 8,)) + address[:octets])


def address_words(address: bytes) -> str:
    """A next hop as text; the interface of a link-local one is the link's business, a mark the overlay's."""
    return format_address(address[:16] if len(address) == 20 else address[:-1] if marked(address) else address)
