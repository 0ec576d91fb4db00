"""All that this room knows and plans, of both families, in one place. Pure.

The shells share one `Tables`: the listener puts in what netlink says, the worker takes out what is to be written, and
whoever answers people only reads. Everything runs in one event loop, so nothing here is locked.
"""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Final

from bgpd.kernel.encode import Encoder
from bgpd.kernel.knowledge import AF, Knowledge
from bgpd.kernel.links import Links
from bgpd.kernel.objects import Objects
from bgpd.kernel.plan import Fib, Target
from bgpd.kernel.redistribution import Redistribution
from bgpd.kernel.routes import Hop, Route
from bgpd.kernel.targets import NextHopCallback, NextHops
from bgpd.kernel.tunnel import Overlays, plain
from bgpd.kernel.wants import Want, addresses_of, readdressed
from bgpd.model import KernelSpec, PoolSpec
from bgpd.wire.family import FAMILIES, Family

#: Prefixes planned, encoded and written (in one buffer) in one turn: a few milliseconds of ours, and of the kernel.
SLICE: Final = 2048

#: What is counted, and only grows.
COUNTERS: Final = (
    "routes_created",
    "routes_replaced",
    "routes_deleted",
    "routes_refused",
    "routes_repaired",
    "batches",
    "events",
    "overruns",
    "resyncs",
    "conflicts",
    "fights",
    "nexthop_writes",
    "audits",
    "audit_differences",
    "overlay_errors",
)


class Plane:
    """One family's table: what is known and planned, and how it is encoded."""

    def __init__(self, family: Family, spec: KernelSpec, overlays: Overlays) -> None:
        self._overlays: Final = overlays
        self.family: Final = family
        self.af: Final = AF[family]
        self.fib: Final = Fib(spec.metric, spec.nexthop_objects, judging=spec.suppress_fib_pending)
        self.encoder: Final = Encoder(self.af, spec.table, spec.protocol)
        self.judging: Final = spec.suppress_fib_pending  #: somebody wants to hear what became of every want
        self.busy: set[bytes] = set()  #: prefixes of the batch in flight
        self.submitted: dict[bytes, Want | None] = {}  #: wants that the worker has not looked at yet
        self._intake: Iterator[tuple[bytes, Want | None]] = iter(())  # wants that it is looking at
        self._taking = False  # `_intake` has more

    def untaken(self) -> bool:
        """Whether some of what was submitted is not in the plan yet."""
        return bool(self._taking or self.submitted)

    def waiting(self) -> bool:
        """Whether something has to be taken, planned or landed."""
        return bool(self._taking or self.submitted or self.busy or self.fib.waiting())

    def take(self, next_hops: NextHops) -> None:
        """Move a slice of the submitted wants to the table's plan."""
        if not self._taking and self.submitted:
            self._intake, self.submitted, self._taking = iter(self.submitted.items()), {}, True
        if self._taking:
            wants = list(islice(self._intake, SLICE))
            self._taking = len(wants) == SLICE
            if self._overlays.pooled(self.family):
                mark = self._overlays.mark
                wants = [
                    (prefix, want and readdressed(want, mark(self.family, prefix, addresses_of(want))))
                    for prefix, want in wants
                ]
            for target in self.fib.take(wants):
                next_hops.aim(self.family, target)

    def want_anew(self) -> None:
        """Every want once more: the pools are others, and it may be marked otherwise. Newer wants come after it."""
        self._intake, self._taking = chain(self._known(list(self.fib.wants)), self._intake), True

    def _known(self, prefixes: list[bytes]) -> Iterator[tuple[bytes, Want | None]]:
        """The wants of these prefixes without a mark; looked up when they are taken, a slice at a time."""
        for prefix in prefixes:
            target = self.fib.wants.get(prefix)
            if target is not None:
                yield prefix, readdressed(target.want, plain(addresses_of(target.want)))

    def unwant_all(self) -> None:
        """Everything of ours is to go, whatever was submitted."""
        self.submitted.clear()
        self._intake, self._taking = iter(()), False
        self.fib.unwant_all()


class Tables:
    """Both planes, and what they share."""

    def __init__(self, spec: KernelSpec, on_next_hop: NextHopCallback, *, by_default: bool = False) -> None:
        self.spec: Final = spec
        self.links: Final = Links(by_default=by_default)
        self.overlays: Final = Overlays(self.links, spec.pools)
        self.counters: Final[dict[str, int]] = dict.fromkeys(COUNTERS, 0)
        self.planes: Final = {family: Plane(family, spec, self.overlays) for family in FAMILIES}
        self.by_af: Final = {plane.af: plane for plane in self.planes.values()}
        self.objects: Final = Objects(spec.protocol)
        self.next_hops: Final = NextHops(self.links, self.overlays, self.objects, spec.metric, on_next_hop)
        fibs = {plane.af: plane.fib for plane in self.planes.values()}
        self.knowledge: Final = Knowledge(spec, self.links, fibs, self.objects)
        self.redistribution: Final = Redistribution(self.links, spec.protocol)
        self.moved: set[Target] = set()  #: targets whose route is another one, and whose prefixes are not planned yet
        self.collect_wanted = False  #: nexthop objects and entries of the overlay may have been left behind
        self.heard: set[bytes] = set()  #: neighbors that have said everything; their stale routes can go
        self.check_wanted = False  #: somebody wants to know whether all is as it should be (`audit`)
        self.audited = 0.0  #: when an audit last came to its end, seconds since the epoch
        self.resyncing = False  #: a dump is being made or taken over
        self.resync_reason = ""  #: why a dump is due; empty: none is

    def configure(self, pools: tuple[PoolSpec, ...]) -> None:
        """Other pools: every want and every next hop is looked at anew."""
        self.overlays.configure(pools)
        self.next_hops.follow_anew()
        for plane in self.planes.values():
            plane.want_anew()

    def review(self) -> None:
        """Links, addresses or others' routes may have changed: what that makes of next hops and failures."""
        self.redistribution.review()
        if self.links.changed:
            for plane in self.planes.values():
                plane.fib.retry_all()
        if self.links.changed or self.links.touched:
            self.moved |= self.next_hops.review((p.family, p.fib) for p in self.planes.values())

    def share(self, plane: Plane) -> None:
        """Targets that many prefixes want by now get nexthop objects."""
        grown, plane.fib.grown = plane.fib.grown, []
        self.moved.update(target for target in grown if self.next_hops.share(plane.family, target))

    def ways(self, route: Route) -> tuple[Hop, ...]:
        """The ways out of a route, also where a nexthop object has them."""
        return self.objects.groups.get(route.nexthop, ()) if route.nexthop else route.hops

    def found_ways(self, route: Route) -> tuple[Hop, ...]:
        """The ways out of a route that was found, an earlier run's nexthop objects included."""
        return self.objects.written.get(route.nexthop, ()) if route.nexthop else route.hops

    def chores_waiting(self) -> bool:
        """Whether something has to be found out before the next batch is planned."""
        return bool(
            self.resync_reason
            or self.check_wanted
            or self.collect_wanted
            or (self.heard and not any(plane.untaken() for plane in self.planes.values()))
            or self.knowledge.gone
            or self.moved
            or self.overlays.waiting()
            or self.objects.pending
            or self.objects.dead
            or any(p.fib.doubts or (p.fib.swept and p.fib.strays) for p in self.planes.values())
        )

    def settled(self) -> bool:
        """Nothing is pending: all that can be written is."""
        return (
            not self.resyncing
            and not self.heard
            and not self.chores_waiting()
            and not any(plane.waiting() for plane in self.planes.values())
        )

    def in_sync(self) -> bool:
        """Whether the kernel holds all it can: nothing pending, failed or in conflict.

        A route without a reachable next hop is not the kernel's fault, and does not count.
        """
        counts = self.counts()
        return self.settled() and not (counts["pending"] or counts["failed"] or counts["conflicts"])

    def counts(self, family: Family | None = None) -> dict[str, int]:
        """Routes: wanted, installed, pending, failed, conflicts, unresolved, adopted; of one family or all."""
        total: dict[str, int] = {}
        for plane in self.planes.values():
            if family is None or family is plane.family:
                for key, value in plane.fib.counts(plane.busy).items():
                    total[key] = total.get(key, 0) + value
                total["pending"] += len(plane.submitted)
        return total

    def adopted(self) -> int:
        """How many routes of an earlier run are kept and not (yet) wanted."""
        return sum(len(plane.fib.adopted) for plane in self.planes.values())
