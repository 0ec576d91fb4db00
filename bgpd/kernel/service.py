"""The kernel's shell: sockets, the event loop's callbacks, the one task that writes.

`submit` only notes what is wanted. One task, `_work`, does everything that touches the table, one thing at a time, in
this order: a resync where events were lost, routes that a dead link took along, wants whose next hops moved, keys that
were found held (EEXIST), then batches. So no write races with another, and what a `Fib` calls written is what the
kernel will have once the batch in flight has landed. Small batches are written directly; large ones in a thread, while
the next one is planned.

Events are read in the loop, a few milliseconds at a time. A route of ours that somebody deletes or changes is planned
again at once; one that is taken away again and again waits a moment longer each time, and says so.
"""

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from bgpd.kernel import encode
from bgpd.kernel.encode import Encoder
from bgpd.kernel.io_netlink import AddressEvent, Events, LinkEvent, Overrun, Writer, dump_links, dump_routes
from bgpd.kernel.knowledge import AF, MAIN, Knowledge, Sorted
from bgpd.kernel.links import Links, Resolution
from bgpd.kernel.plan import (
    BLACKHOLE,
    CREATE,
    DELETE,
    GUARD_METRIC,
    REPLACE,
    RTN_BLACKHOLE,
    Batch,
    Fib,
    Guard,
    Hop,
    Refusal,
    Route,
    Target,
    Want,
)
from bgpd.kernel.targets import NextHopCallback, NextHops, address_words
from bgpd.model import KernelSpec
from bgpd.speaker.views import KernelRouteView, KernelView
from bgpd.wire.family import FAMILIES, Family
from bgpd.wire.prefix import format_address, format_prefix

__all__ = ["BLACKHOLE", "KernelRefused", "KernelService", "Want"]

#: (event name, fields): for the log and for `watch`.
EventCallback = Callable[[str, dict[str, object]], None]

_LOCAL: Final = 255
#: Prefixes planned, encoded and written in one turn: a few milliseconds.
_SLICE: Final = 2048
#: Prefixes looked at in one turn where they are only compared.
_SCAN: Final = 8192
#: Seconds of event reading before the loop gets its turn again.
_TURN: Final = 0.005
#: Keys in doubt that are looked up one by one; more than that are settled by a dump.
_LOOKUPS: Final = 16
#: What counts each operation.
_COUNTERS: Final = {CREATE: "routes_created", REPLACE: "routes_replaced", DELETE: "routes_deleted"}
_START: Final = "start"
#: Seconds to wait after netlink itself failed.
_PAUSE: Final = 1.0

_P = ParamSpec("_P")
_T = TypeVar("_T")

_NO_RIGHTS: Final = (
    "bgpd may not change the kernel's routes: it lacks the capability CAP_NET_ADMIN. Run it as root, give the "
    "container `cap_add: [NET_ADMIN]` or the unit `AmbientCapabilities=CAP_NET_ADMIN`, or start with --no-kernel"
)


class KernelRefused(Exception):  # noqa: N818 - it names what happened
    """The kernel cannot be used as configured; the text is a whole sentence with what to do."""


class _Plane:
    """One family's table: what is known and planned, and how it is encoded."""

    def __init__(self, family: Family, spec: KernelSpec) -> None:
        self.family = family
        self.af = AF[family]
        self.fib = Fib(spec.metric)
        self.encoder = Encoder(self.af, spec.table, spec.protocol)
        self.busy: set[bytes] = set()  #: prefixes of the batch in flight
        self.submitted: dict[bytes, Want | None] = {}  #: wants that the task has not looked at yet
        self.intake: Iterator[tuple[bytes, Want | None]] = iter(())  #: wants that it is looking at
        self.taking = False  #: `intake` has more

    def waiting(self) -> bool:
        return bool(self.taking or self.submitted or self.busy or self.fib.waiting())

    def take(self, next_hops: NextHops) -> None:
        """Move a slice of the submitted wants to the table's plan."""
        if not self.taking and self.submitted:
            self.intake, self.submitted, self.taking = iter(self.submitted.items()), {}, True
        if self.taking:
            wants = list(islice(self.intake, _SLICE))
            self.taking = len(wants) == _SLICE
            for target in self.fib.take(wants):
                next_hops.aim(self.family, target)


#: A batch in the writer's thread.
_Flight = tuple[_Plane, Batch, "asyncio.Future[list[Refusal]]"]


class KernelService:
    """Writes the wanted routes of one table, and watches links, addresses and routes.

    Made and used in one event loop. `counters` are plain ints that only grow.
    """

    def __init__(
        self,
        spec: KernelSpec,
        on_next_hop: NextHopCallback,
        on_event: EventCallback,
        *,
        default_route_resolves: bool = False,
        receive_buffer: int = 8 << 20,
    ) -> None:
        """`receive_buffer`: octets of events that may wait to be read; more is an overrun and a resync."""
        self.spec = spec
        self.links = Links(by_default=default_route_resolves)
        self.counters: dict[str, int] = dict.fromkeys(
            (
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
            ),
            0,
        )
        self._on_event = on_event
        self._receive_buffer = receive_buffer
        self._planes: Final = {family: _Plane(family, spec) for family in FAMILIES}
        self._by_af: Final = {plane.af: plane for plane in self._planes.values()}
        self._next_hops = NextHops(self.links, spec.metric, on_next_hop)
        self._knowledge = Knowledge(spec, self.links, {plane.af: plane.fib for plane in self._planes.values()})
        self._moved: set[Target] = set()
        self._held_back: list[bytes] | None = None  #: datagrams that arrived during a dump
        self._resync_reason = ""
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._pool = ThreadPoolExecutor(1, "kernel")
        self._writer: Writer | None = None
        self._events: Events | None = None

    # life

    async def start(self) -> None:
        """Open the sockets, learn links, addresses and routes, adopt what an earlier run left. Raises KernelRefused."""
        self._check_spec()
        try:
            self._writer = Writer()
            self._check_rights(self._writer)
            self._events = Events(self._writer.port, self._receive_buffer)
            asyncio.get_running_loop().add_reader(self._events.fileno(), self._read_events)
            await self._resync(_START)
        except (OSError, Overrun) as error:
            self._close()
            raise KernelRefused(f"netlink cannot be used ({error}): no routes can be written") from error
        except BaseException:
            self._close()
            raise
        self._worker = asyncio.create_task(self._work(), name="kernel writer")
        self._stir()

    @staticmethod
    def _check_rights(writer: Writer) -> None:
        if writer.probe() in {errno.EPERM, errno.EACCES}:
            raise KernelRefused(_NO_RIGHTS)

    def _check_spec(self) -> None:
        spec = self.spec
        if not 0 < spec.table < 1 << 32 or spec.table == _LOCAL:
            raise KernelRefused(
                f"table {spec.table} cannot hold our routes: take 1 to 4294967295, but not 255, the kernel's own"
            )
        if not 4 < spec.protocol < 256:
            raise KernelRefused(f"protocol {spec.protocol} cannot mark our routes: take 5 to 255 (0 to 4 are others')")
        if not 0 < spec.metric < GUARD_METRIC:
            raise KernelRefused(f"metric {spec.metric} cannot mark our routes: take 1 to {GUARD_METRIC - 1}")

    async def stop(self, flush: bool) -> None:
        """Close; with `flush` all our routes leave the kernel first, foreign ones stay. Safe to call twice."""
        if self._worker is not None and flush:
            self._unread()
            for plane in self._planes.values():
                plane.submitted.clear()
                plane.intake, plane.taking = iter(()), False
                plane.fib.unwant_all()
            self._stir()
            await self.settled()
            await self._remove_leftovers()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
            self._worker = None
        self._close()

    def _close(self) -> None:
        self._unread()
        if self._retry is not None:
            self._retry.cancel()
        self._pool.shutdown()
        if self._events is not None:
            self._events.close()
            self._events = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._idle.set()

    def _unread(self) -> None:
        if self._events is not None:
            asyncio.get_running_loop().remove_reader(self._events.fileno())

    async def _remove_leftovers(self) -> None:
        """After a flush nothing with our mark is left, whatever we had believed."""
        for plane in self._planes.values():
            left = await self._in_thread(self._dump, plane.af)
            ours: dict[Route, list[bytes]] = {}
            for prefix, route in [*left.ours.items(), *left.strays.items()]:
                ours.setdefault(route, []).append(prefix)
            batch = Batch()
            batch.groups = [(DELETE, route, prefixes) for route, prefixes in ours.items()]
            if ours and self._writer is not None:
                await self._in_thread(self._writer.write, self._buffers(plane, batch))

    async def _in_thread(self, function: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(function, *arguments, **named))

    # what the speaker asks

    def submit(self, family: Family, wants: Mapping[bytes, Want | None]) -> None:
        """Take new wants (None: no longer wanted). Never blocks; the latest of several wants of a prefix wins."""
        self._planes[family].submitted.update(wants)
        self._stir()

    def track(self, address: bytes) -> None:
        """Follow a next hop: `on_next_hop` is called now and on every change. Twice is once."""
        self._next_hops.track(address)

    def untrack(self, address: bytes) -> None:
        """No longer follow a next hop."""
        self._next_hops.untrack(address)

    def resolve(self, address: bytes) -> Resolution:
        """Whether and how a next hop is reached at this moment."""
        return self.links.resolve(address)

    async def settled(self) -> None:
        """Return when nothing is pending: all that can be written is."""
        await self._idle.wait()

    def adopted(self) -> int:
        """How many routes of an earlier run are kept and not (yet) wanted."""
        return sum(len(plane.fib.adopted) for plane in self._planes.values())

    async def sweep(self) -> int:
        """Remove the adopted routes that nobody wants; returns how many. Call it after End-of-RIB or a deadline."""
        count = sum(plane.fib.sweep() for plane in self._planes.values())
        self._stir()
        await self.settled()
        if count:
            self._on_event(
                "kernel_swept", {"count": count, "reason": "routes of an earlier run that nobody wants any more"}
            )
        return count

    # answers to people

    def installed(self, family: Family, prefix: bytes) -> str:
        """The word "yes", or why this prefix is not in the kernel, in words (`RouteView.installed`)."""
        plane = self._planes[family]
        want = plane.submitted.get(prefix)
        state, reason = ("pending", "") if want is not None else _describe(plane.fib, plane.busy, prefix)
        if state == "installed":
            return "yes"
        return f"{state}: {reason}" if reason else state

    def view(self, with_routes: bool) -> KernelView:
        """The state as a value. With routes it costs a few microseconds each; `route_views` is the lazy way."""
        counts = self.counts()
        return KernelView(
            enabled=True,
            table=self.spec.table,
            protocol=self.spec.protocol,
            metric=self.spec.metric,
            in_sync=self.in_sync(),
            wanted=counts["wanted"],
            installed=counts["installed"],
            pending=counts["pending"],
            failed=counts["failed"],
            conflicts=counts["conflicts"],
            unresolved=counts["unresolved"],
            routes=list(self.route_views()) if with_routes else [],
        )

    def counts(self, family: Family | None = None) -> dict[str, int]:
        """Routes: wanted, installed, pending, failed, conflicts, unresolved, adopted; of one family or all."""
        total: dict[str, int] = {}
        for plane in self._planes.values():
            if family is None or family is plane.family:
                for key, value in plane.fib.counts(plane.busy).items():
                    total[key] = total.get(key, 0) + value
                total["pending"] += len(plane.submitted)
        return total

    def in_sync(self) -> bool:
        """Whether the kernel holds all it can: nothing pending, failed or in conflict.

        A route without a reachable next hop is not the kernel's fault, and does not count.
        """
        counts = self.counts()
        return self._settled() and not (counts["pending"] or counts["failed"] or counts["conflicts"])

    def route_views(self) -> Iterator[KernelRouteView]:
        """Every route that is wanted, then those kept from an earlier run; lazily."""
        for plane in self._planes.values():
            for prefix in [*plane.fib.wants, *plane.fib.adopted]:
                yield _route_view(plane, self.links, prefix)

    # events

    def _read_events(self) -> None:
        """The loop's callback: there is something to read."""
        deadline = time.monotonic() + _TURN
        try:
            while self._events is not None:
                data = self._events.read()
                if data is None:
                    break
                if self._held_back is not None:
                    self._held_back.append(data)
                else:
                    self._take(data)
                if time.monotonic() > deadline:
                    break
        except Overrun as error:
            self.counters["overruns"] += 1
            self._resync_reason = str(error)
        except OSError as error:
            self._resync_reason = f"the event socket failed: {error}"
        self._after_events()

    def _take(self, data: bytes) -> None:
        """One datagram of events."""
        for kind, flags, _, port, start, end in encode.messages(data):
            self.counters["events"] += 1
            if kind in {encode.RTM_NEWROUTE, encode.RTM_DELROUTE}:
                prefix, info = encode.parse_route(data, start, end, {})
                self._knowledge.route(prefix, info, kind == encode.RTM_NEWROUTE, flags, port, time.monotonic())
            elif kind in {encode.RTM_NEWLINK, encode.RTM_DELLINK, encode.RTM_NEWADDR, encode.RTM_DELADDR}:
                assert self._events is not None
                for event in self._events.decode(data[start:end]):
                    self._take_link(event)

    def _take_link(self, event: LinkEvent | AddressEvent) -> None:
        if isinstance(event, LinkEvent):
            self._knowledge.link(event.index, event.name, event.flags, event.present)
        else:
            self._knowledge.address(event.index, event.address, event.length, event.present)

    def _after_events(self) -> None:
        """What the events mean for next hops, and what people should hear of them."""
        knowledge = self._knowledge
        if self.links.changed:
            for plane in self._planes.values():
                plane.fib.retry_all()
        if self.links.changed or self.links.touched:
            self._moved |= self._next_hops.review((p.family, p.fib) for p in self._planes.values())
        self.counters["routes_repaired"] = knowledge.repairs
        for (af, port), prefixes in knowledge.lost.items():
            words = f"removed or changed by {_who(port)}; what is wanted is put back"
            self._report("kernel_routes_lost", self._by_af[af], prefixes, words)
        knowledge.lost.clear()
        self._stir()

    # the one task that writes

    def _settled(self) -> bool:
        return not self._chores_waiting() and not any(plane.waiting() for plane in self._planes.values())

    def _chores_waiting(self) -> bool:
        return bool(
            self._resync_reason
            or self._knowledge.gone
            or self._moved
            or any(p.fib.doubts or (p.fib.swept and p.fib.strays) for p in self._planes.values())
        )

    def _stir(self) -> None:
        """Something may have to be written."""
        if not self._settled():
            self._idle.clear()
            self._wake.set()
        elif self._worker is not None:
            self._idle.set()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._drain()
            except Exception as error:  # noqa: BLE001 - whatever happened, the table must not be left alone
                self.counters["overruns"] += isinstance(error, Overrun)
                words = str(error) if isinstance(error, OSError | Overrun) else repr(error)
                self._on_event("kernel_trouble", {"reason": f"{words}; a dump will tell what was written"})
                self._resync_reason = words
                await asyncio.sleep(_PAUSE)
            self._arm_retry()
            self._stir()

    async def _drain(self) -> None:
        """Until nothing is left: chores while nothing is in flight; else batches, one planned while one is written."""
        flight: _Flight | None = None
        try:
            while not self._settled():
                if flight is not None and self._chores_waiting():
                    await self._land(flight)
                    flight = None
                    continue
                if flight is None and self._chores_waiting():
                    await self._chores()
                    continue
                if self._held_back is None:
                    self._read_events()  # what is known must not be older than what is written
                    if flight is None and self._chores_waiting():
                        continue
                launched = self._next_batch()
                if flight is not None:
                    await self._land(flight)
                flight = None if launched is None else self._launch(*launched)
                await asyncio.sleep(0)
        finally:
            if flight is not None:
                await asyncio.gather(flight[2], return_exceptions=True)
            for plane in self._planes.values():
                plane.busy = set()

    def _next_batch(self) -> tuple[_Plane, Batch] | None:
        """Plan one slice of the family that has something dirty; None where nothing has to be written."""
        for plane in self._planes.values():
            fib = plane.fib
            plane.take(self._next_hops)
            if not fib.waiting():
                continue
            batch = fib.plan(_SLICE, plane.busy)
            plane.busy |= batch.prefixes
            if fib.news:
                self._report_conflicts(plane)
            if batch.groups:
                return plane, batch
        return None

    def _launch(self, plane: _Plane, batch: Batch) -> _Flight | None:
        """Write a small batch now, a large one in the thread."""
        assert self._writer is not None
        buffers = self._buffers(plane, batch)
        if len(buffers) == 1:
            self._settle(plane, batch, self._writer.write(buffers))
            return None
        return plane, batch, asyncio.get_running_loop().run_in_executor(self._pool, self._writer.write, buffers)

    async def _land(self, flight: _Flight) -> None:
        plane, batch, future = flight
        self._settle(plane, batch, await future)

    def _buffers(self, plane: _Plane, batch: Batch) -> list[bytes]:
        """A batch as buffers of at most `encode.BATCH` messages (four pieces each)."""
        pieces: list[bytes] = []
        for op, route, prefixes in batch.groups:
            pieces += plane.encoder.encode(op, route, prefixes)
            self.counters[_COUNTERS[op]] += len(prefixes)
        step = 4 * encode.BATCH
        return [b"".join(pieces[i : i + step]) for i in range(0, len(pieces), step)]

    def _settle(self, plane: _Plane, batch: Batch, refusals: list[Refusal]) -> None:
        """A batch was written: take note of what the kernel refused."""
        fib = plane.fib
        now = time.monotonic()
        plane.busy -= batch.prefixes
        self.counters["batches"] += 1
        self.counters["routes_refused"] += len(refusals)
        news = [refusal for refusal in refusals if fib.refused(batch, refusal, now)]
        fib.landed(batch, {refusal.prefix for refusal in refusals})
        reasons: dict[str, list[bytes]] = {}
        for refusal in news:
            failure = fib.failures.get(refusal.prefix)
            if failure is not None:
                reasons.setdefault(failure.text, []).append(refusal.prefix)
        for text, prefixes in reasons.items():
            self._report("kernel_routes_refused", plane, prefixes, f"the kernel refused it: {text}")

    def _report(self, event: str, plane: _Plane, prefixes: list[bytes], reason: str) -> None:
        """One event for many prefixes: the first is named, the others are counted."""
        prefix = format_prefix(plane.family, prefixes[0])
        self._on_event(event, {"family": plane.family.name, "prefix": prefix, "count": len(prefixes), "reason": reason})

    def _report_conflicts(self, plane: _Plane) -> None:
        holders: dict[int, list[bytes]] = {}
        for prefix in plane.fib.news:
            protocol = plane.fib.conflicts.get(prefix)
            if protocol is not None:
                holders.setdefault(protocol, []).append(prefix)
        plane.fib.news.clear()
        for protocol, prefixes in holders.items():
            self.counters["conflicts"] += len(prefixes)
            words = f"a route of protocol {_protocol_words(protocol)} holds this key and is left alone"
            self._report("kernel_conflict", plane, prefixes, words)

    def _arm_retry(self) -> None:
        """Make dirty what is due for another try, and set the timer for the next."""
        now = time.monotonic()
        soonest = min(plane.fib.retry(now) for plane in self._planes.values())
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if soonest < float("inf"):
            self._retry = asyncio.get_running_loop().call_later(soonest - now, self._retry_due)

    def _retry_due(self) -> None:
        self._arm_retry()
        self._stir()

    # chores: what has to be known before the next batch is planned

    async def _chores(self) -> None:
        if self._resync_reason:
            await self._resync(self._resync_reason)
        gone = self._knowledge.gone
        while gone:
            af, index = gone.pop(0)
            fib = self._by_af[af].fib
            async for prefixes in _slices(fib.written):
                fib.lost_through(index, prefixes)
        if self._moved:
            moved, self._moved = self._moved, set()
            for plane in self._planes.values():
                async for prefixes in _slices(plane.fib.wants):
                    plane.fib.moved(moved, prefixes)
        for plane in self._planes.values():
            if plane.fib.doubts:
                self._clear_doubts(plane)
            if plane.fib.swept and plane.fib.strays:
                self._remove_strays(plane)

    def _clear_doubts(self, plane: _Plane) -> None:
        """The kernel said EEXIST: who holds these keys?"""
        assert self._writer is not None
        fib = plane.fib
        for prefix in list(fib.doubts) if len(fib.doubts) <= _LOOKUPS else ():
            target = fib.wants.get(prefix)
            if target is None or target.route is None:
                del fib.doubts[prefix]
                continue
            answer = self._writer.lookup(plane.encoder.lookup(prefix))
            if answer is None or answer[0] != prefix:
                continue
            info = answer[1]
            if info.table == self.spec.table and not info.tos and info.metric == target.route.metric:
                if self._knowledge.ours(info):
                    fib.doubts.pop(prefix)
                    fib.found(prefix, info.route())
                else:
                    fib.held(prefix, info.metric, info.protocol)
        if fib.doubts:
            self._resync_reason = f"{len(fib.doubts)} keys are held by routes that we do not know"

    def _remove_strays(self, plane: _Plane) -> None:
        assert self._writer is not None
        batch = Batch()
        batch.groups = [(DELETE, route, [prefix]) for prefix, route in plane.fib.strays.items()]
        plane.fib.strays.clear()
        self._writer.write(self._buffers(plane, batch))

    async def _resync(self, reason: str) -> None:
        """Dump links, addresses and routes, and take the dump for the truth; then the events that came meanwhile."""
        start = reason == _START
        self._held_back = []
        self._resync_reason = ""
        try:
            links, addresses = await self._in_thread(dump_links)
            rows = {af: await self._in_thread(self._dump, af) for af in self._by_af}
        except BaseException:
            self._held_back = None
            raise
        self.links.clear()
        events: list[LinkEvent | AddressEvent] = [*links, *addresses]
        for event in events:
            self._take_link(event)
        wrong = 0
        for af, row in rows.items():
            for prefix, info in row.others:
                self.links.route(prefix, info, present=True)
            wrong += await self._learn(self._by_af[af].fib, row)
        held, self._held_back = self._held_back, None
        for data in held:
            self._take(data)
        self._after_events()
        if not start:
            self.counters["resyncs"] += 1
            words = f"{reason}: {wrong} routes were not as believed"
            self._on_event("kernel_resync", {"count": wrong, "reason": words})
        elif self.adopted():
            words = "routes of an earlier run are kept for now"
            self._on_event("kernel_adopted", {"count": self.adopted(), "reason": words})

    def _dump(self, af: int) -> Sorted:
        """In the thread: a family's routes in our table and the main one."""
        rows = dump_routes(af, self.spec.table)
        if self.spec.table != MAIN:
            rows += dump_routes(af, MAIN)
        return self._knowledge.sort(rows)

    @staticmethod
    async def _learn(fib: Fib, row: Sorted) -> int:
        """The dump of our table is what the kernel holds; returns how many routes were not as we had believed."""
        for prefix, stray in row.strays.items():
            known = fib.written.get(prefix)
            if known is not None and known.metric == stray.metric:
                row.strays[prefix], row.ours[prefix] = row.ours[prefix], stray
        doubts = list(fib.doubts)
        wrong = 0
        async for gone in _slices(fib.written):
            wrong += fib.not_in(row.ours, gone)
        async for found in _slices(row.ours):
            wrong += sum([fib.found(prefix, row.ours[prefix]) for prefix in found])
        fib.relearned(row.strays, row.foreign)
        now = time.monotonic()
        for prefix in doubts:
            fib.still_in_doubt(prefix, now)
        return wrong


async def _slices(prefixes: Iterable[bytes]) -> AsyncIterator[list[bytes]]:
    """The keys of a table as they are now, a few milliseconds' worth at a time, with the loop's turn in between."""
    keys = list(prefixes)
    for i in range(0, len(keys), _SCAN):
        yield keys[i : i + _SCAN]
        await asyncio.sleep(0)


def _route_view(plane: _Plane, links: Links, prefix: bytes) -> KernelRouteView:
    family, fib = plane.family, plane.fib
    state, reason = _describe(fib, plane.busy, prefix)
    target = fib.wants.get(prefix)
    route = fib.written.get(prefix) or (target.route if target is not None else None)
    if route is not None:
        next_hops = [_hop_words(links, hop) for hop in route.hops]
        guard = route.kind == RTN_BLACKHOLE
    else:
        want = target.want if target is not None else ()
        guard = isinstance(want, Guard)
        next_hops = [] if isinstance(want, Guard) else [address_words(address) for address in want]
    return KernelRouteView(
        family=family.name,
        prefix=format_prefix(family, prefix),
        kind="blackhole" if guard else "unicast",
        next_hops=next_hops,
        state=state,
        reason=reason,
    )


def _describe(fib: Fib, busy: set[bytes], prefix: bytes) -> tuple[str, str]:
    """The state of one prefix, and the reason in words where it is not installed."""
    state, reason = fib.state(prefix, busy)
    if state == "conflict":
        reason = f"a route of protocol {_protocol_words(fib.conflicts[prefix])} holds this key and is left alone"
    return state, reason


def _hop_words(links: Links, hop: Hop) -> str:
    gateway, index = hop
    device = f"dev {links.name(index)}"
    return f"{format_address(gateway)} {device}" if gateway else device


def _protocol_words(protocol: int) -> str:
    """A routing protocol's number, with its name where it has one."""
    name = encode.PROTOCOL_NAMES.get(protocol)
    return f"{protocol} ({name})" if name else str(protocol)


def _who(port: int) -> str:
    """The program behind a netlink port id, as far as can be seen: it is its process id by custom only."""
    if not port:
        return "the kernel"
    try:
        name = Path(f"/proc/{port}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        return "somebody who is gone already"
    return f"{name} (pid {port})"
