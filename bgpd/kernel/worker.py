"""The one task that writes: chores, then batches, one thing at a time.

No write races with another, and what a `Fib` calls written is what the kernel will have once the batch in flight has
landed. Chores are what has to be known before the next batch is planned: a resync where events were lost, routes that
a dead link took along, wants whose next hops moved, keys that were found held (EEXIST). Small batches are written
directly, large ones in a thread while the next ones are planned. Repairs wait for none of this: what somebody took away
goes back at once, by a socket of its own, unless the batch in flight is about the same prefix.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final

from bgpd.kernel.audit import Audit
from bgpd.kernel.encode import F_CREATE, F_REPLACE
from bgpd.kernel.io_netlink import Overrun, Writer, dump_objects
from bgpd.kernel.listener import Listener
from bgpd.kernel.objects import RTM_DELNEXTHOP, RTM_NEWNEXTHOP, encode_id
from bgpd.kernel.overlay import OverlayKeeper
from bgpd.kernel.report import Reporter
from bgpd.kernel.resync import Resync, slices
from bgpd.kernel.routes import CREATE, DELETE, REPLACE, Batch, Refusal, Route
from bgpd.kernel.tables import SLICE, Plane, Tables
from bgpd.kernel.tunnel import plain
from bgpd.kernel.wants import Want, addresses_of, readdressed
from bgpd.wire.family import Family

#: Keys in doubt that are looked up one by one; more than that are settled by a dump.
_LOOKUPS: Final = 16
#: What counts each operation.
_COUNTERS: Final = {CREATE: "routes_created", REPLACE: "routes_replaced", DELETE: "routes_deleted"}
#: Seconds to wait after netlink itself failed.
_PAUSE: Final = 1.0

#: fe80::/10, as far as it is in use: the same address may be somebody else on another link.
_LINK_LOCAL: Final = b"\xfe\x80"

#: Messages that are written directly: they take the kernel less time than a thread takes to wake up.
_SMALL: Final = 64

#: (family, what was wanted, for which prefixes, whether the kernel has it): with `suppress_fib_pending` only.
JudgedCallback = Callable[[Family, Want, list[bytes], bool], None]

#: Batches that the writer's thread has at one time: the one that it writes, and the one that comes next.
_AHEAD: Final = 2

#: A batch in the writer's thread, and its number when it is written.
_Flight = tuple[Plane, Batch, "asyncio.Future[int]"]


class Worker:
    """Writes what is wanted, from `start` to `stop`."""

    def __init__(
        self,
        tables: Tables,
        reporter: Reporter,
        listener: Listener,
        resync: Resync,
        audit: Audit,
        overlay: OverlayKeeper,
        reopen: Callable[[], Awaitable[tuple[Writer, Writer]]],
        judged: JudgedCallback,
    ) -> None:
        """`reopen` gives new sockets in the place of broken ones, the writers among them. It may raise OSError."""
        self._judged: Final = judged
        self._tables: Final = tables
        self._reporter: Final = reporter
        self._listener: Final = listener
        self._resync: Final = resync
        self._audit: Final = audit
        self._overlay: Final = overlay
        self._reopen: Final = reopen
        self._writer: Writer | None = None
        self._repairer: Writer | None = None  # while a batch is under way in the thread, its writer is not ours
        self._wake: Final = asyncio.Event()
        self._idle: Final = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._broken = False  # netlink failed: new sockets before the next try
        self._repairing = False

    def start(self, writer: Writer, repairer: Writer) -> None:
        """`repairer`: for what cannot wait for the batch that `writer` is at."""
        self._writer, self._repairer = writer, repairer
        self._task = asyncio.create_task(self._work(), name="kernel writer")
        self.stir()

    @property
    def running(self) -> bool:
        return self._task is not None

    async def stop(self) -> None:
        """Whatever is in flight lands; nothing is written after that."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._retry is not None:
            self._retry.cancel()
        self._idle.set()

    async def settled(self) -> None:
        """Return when nothing is pending: all that can be written is."""
        await self._idle.wait()

    def stir(self) -> None:
        """Something may have to be written."""
        if any(plane.fib.urgent for plane in self._tables.planes.values()):
            self._repair()
        if not self._tables.settled():
            self._idle.clear()
            self._wake.set()
        elif self._task is not None:
            self._idle.set()
            if any(plane.fib.postponed for plane in self._tables.planes.values()):
                self._arm_retry()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                if self._broken or not self._listener.is_open:
                    self._writer, self._repairer = await self._reopen()
                    self._broken = False
                await self._drain()
                self._still_hearing()
            except Exception as error:  # noqa: BLE001 - whatever happened, the table must not be left alone
                self._tables.counters["overruns"] += isinstance(error, Overrun)
                words = str(error) if isinstance(error, OSError | Overrun) else repr(error)
                self._reporter.tell("kernel_trouble", {"reason": f"{words}; a dump will tell what was written"})
                self._tables.resync_reason = words
                self._broken = True
                await asyncio.sleep(_PAUSE)
            self._arm_retry()
            self.stir()

    def _still_hearing(self) -> None:
        if not self._listener.is_open:
            raise OSError("the socket for events failed")

    async def _drain(self) -> None:
        """Until nothing is left: chores while nothing is in flight; else batches, one planned while others are written.

        The thread finds its next batch without a turn of this loop, which is busy where there is much to write.
        """
        tables = self._tables
        flights: deque[_Flight] = deque()
        try:
            while not tables.settled():
                if tables.chores_waiting():
                    if flights:
                        await self._land(flights)
                    else:
                        await self._chores()
                    continue
                # What is known must not be older than what is written: a REPLACE hits whoever holds the key by then.
                if not self._listener.holding and not self._listener.read():
                    await asyncio.sleep(0)
                    continue
                if not flights and tables.chores_waiting():
                    continue
                planned = self._next_batch()
                alone = planned is None or _alone(planned[1])
                while flights and (alone or len(flights) >= _AHEAD or flights[0][2].done()):
                    await self._land(flights)
                    if planned is None:
                        break
                if planned is not None and (flight := self._launch(*planned)) is not None:
                    flights.append(flight)
                await asyncio.sleep(0)
        finally:
            await asyncio.gather(*[flight[2] for flight in flights], return_exceptions=True)
            for plane in tables.planes.values():
                plane.busy = set()

    def _next_batch(self) -> tuple[Plane, Batch] | None:
        """Plan one slice of the family that has something dirty; None where nothing has to be written."""
        for plane in self._tables.planes.values():
            fib = plane.fib
            plane.take(self._tables.next_hops)
            if fib.grown:
                self._tables.share(plane)
                if self._tables.objects.pending:
                    return None  # an object is there before the first route that names it
            if not fib.waiting():
                continue
            batch = fib.plan(SLICE, plane.busy)
            plane.busy |= batch.prefixes
            if fib.news:
                self._reporter.conflicts(plane)
            if plane.judging:
                self._judge(plane, [prefix for prefix in batch.taken if prefix not in batch.prefixes])
            if batch.groups:
                return plane, batch
        return None

    def _repair(self) -> None:
        """Put back what somebody took away, at once, whatever is in flight: none of it is of that."""
        tables = self._tables
        if self._repairing or self._task is None or self._broken or tables.resyncing:
            return  # the worker finds it where it left it
        self._repairing = True  # reading comes back here
        try:
            fresh = self._listener.read()
        finally:
            self._repairing = False
        if not fresh or tables.resync_reason or tables.objects.pending or tables.objects.dead:
            return  # older knowledge would put ours in the place of a route that somebody has added since
        assert self._repairer is not None
        try:
            for plane in tables.planes.values():
                batch = plane.fib.repairs(_SMALL, plane.busy)
                if batch.groups:
                    self._settle(plane, batch, self._repairer.write(self._encode(plane, batch)))
        except (OSError, Overrun) as error:
            tables.resync_reason = str(error)
            self._broken = True

    def _launch(self, plane: Plane, batch: Batch) -> _Flight | None:
        """Write a small batch now, a large one in the thread."""
        assert self._writer is not None
        buffer = self._encode(plane, batch)
        if len(batch.prefixes) <= _SMALL:
            self._settle(plane, batch, self._writer.write(buffer))
            return None
        return plane, batch, self._resync.to_thread(partial(self._writer.send, buffer))

    async def _land(self, flights: deque[_Flight]) -> None:
        """The first of them: wait for it, and take note of what the kernel refused."""
        plane, batch, sent = flights[0]
        number = await sent
        flights.popleft()
        assert self._writer is not None
        self._settle(plane, batch, self._writer.answers(number))

    def _encode(self, plane: Plane, batch: Batch) -> bytes:
        """A batch as one buffer."""
        pieces: list[bytes] = []
        for op, route, prefixes in batch.groups:
            pieces += plane.encoder.encode(op, route, prefixes)
            self._tables.counters[_COUNTERS[op]] += len(prefixes)
        return b"".join(pieces)

    def _settle(self, plane: Plane, batch: Batch, refusals: list[Refusal]) -> None:
        """A batch was written: take note of what the kernel refused."""
        fib, counters = plane.fib, self._tables.counters
        now = time.monotonic()
        plane.busy -= batch.prefixes
        counters["batches"] += 1
        counters["routes_refused"] += len(refusals)
        news = [refusal for refusal in refusals if fib.refused(batch, refusal, now)]
        fib.landed(batch, {refusal.prefix for refusal in refusals})
        self._reporter.refusals(plane, news)
        if plane.judging:
            self._judge(plane, batch.prefixes)

    def _judge(self, plane: Plane, prefixes: Iterable[bytes]) -> None:
        """Tell those who wait what became of these wants."""
        for (want, installed), judged in plane.fib.verdicts(prefixes, plane.busy).items():
            self._judged(plane.family, readdressed(want, plain(addresses_of(want))), judged, installed)

    def _arm_retry(self) -> None:
        """Make dirty what is due for another try, and set the timer for the next."""
        now = time.monotonic()
        soonest = min(plane.fib.retry(now) for plane in self._tables.planes.values())
        for plane in self._tables.planes.values():
            plane.fib.postponed = False
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if soonest < float("inf"):
            self._retry = asyncio.get_running_loop().call_later(soonest - now, self._retry_due)

    def _retry_due(self) -> None:
        self._arm_retry()
        self.stir()

    # chores: what has to be known before the next batch is planned

    async def _chores(self) -> None:
        tables = self._tables
        if tables.resync_reason:
            reason = tables.resync_reason
            wrong = await self._resync.run()
            tables.counters["resyncs"] += 1
            words = f"{reason}: {wrong} routes were not as believed"
            self._reporter.tell("kernel_resync", {"count": wrong, "reason": words})
            tables.overlays.unsure = True
        if tables.collect_wanted:
            tables.collect_wanted = False
            await self.collect()
            if all(plane.fib.swept for plane in tables.planes.values()):
                await self._overlay.tidy()
        if tables.heard and not any(plane.untaken() for plane in tables.planes.values()):
            await self._let_go()
        if tables.check_wanted:
            await self._audit.check()
        if tables.overlays.waiting():
            await self._overlay.run()
        gone = tables.knowledge.gone
        while gone:
            af, index = gone.pop(0)
            fib = tables.by_af[af].fib
            async for prefixes in slices(fib.written):
                fib.lost_through(index, prefixes)
        if tables.objects.dead:
            dead, tables.objects.dead = tables.objects.dead, set()
            for plane in tables.planes.values():
                async for prefixes in slices(plane.fib.written):
                    plane.fib.lost_with(dead, prefixes)
        if tables.objects.pending:
            self._write_objects()
        if tables.moved:
            moved, tables.moved = tables.moved, set()
            for plane in tables.planes.values():
                async for prefixes in slices(plane.fib.wants):
                    plane.fib.moved(moved, prefixes)
        for plane in tables.planes.values():
            if plane.fib.doubts:
                self._clear_doubts(plane)
            if plane.fib.swept and plane.fib.strays:
                self._remove_strays(plane)

    async def _let_go(self) -> None:
        """What an earlier run had from neighbors that have said everything by now goes; the others' waits for them.

        A kernel's route does not say who gave it, but where it leads. Whoever is the next hop of a route tells it
        himself. So a route is a neighbor's where its gateway is his address, and nothing else leads there: with a route
        of others by that gateway it may be the way to somebody who is not heard yet.
        """
        tables = self._tables
        heard, tables.heard = tables.heard, set()
        others = tables.links.gateways()
        gateways = set() if others is None else {each for each in heard - others if each[:2] != _LINK_LOCAL}
        count = 0
        for plane in tables.planes.values():
            async for prefixes in slices(plane.fib.adopted):
                count += plane.fib.let_go(prefixes, gateways, tables.found_ways)
        if count:
            words = "routes of an earlier run that neighbors who said everything did not name any more"
            self._reporter.tell("kernel_swept", {"count": count, "reason": words})

    def _write_objects(self) -> None:
        """Nexthop objects as they should be. Where the kernel refuses one, its target's routes do without."""
        assert self._writer is not None
        objects = self._tables.objects
        for group in list(objects.pending):
            for id_, hop, body in objects.steps(group):
                code, text = self._writer.command(RTM_NEWNEXTHOP, F_CREATE | F_REPLACE, body)
                if code:
                    self._do_without(group, code, text)
                    break
                objects.done(id_, hop)
                self._tables.counters["nexthop_writes"] += 1

    def _do_without(self, group: int, code: int, text: str) -> None:
        tables = self._tables
        target = tables.objects.owners[group]
        target.plain = True
        for plane in tables.planes.values():
            if plane.fib.targets.get(target.want) is target:
                tables.next_hops.aim(plane.family, target)
        tables.objects.drop(group)
        tables.moved.add(target)
        words = (
            f"a nexthop object was refused ({text or os.strerror(code)}): its routes name their next hops themselves"
        )
        self._reporter.tell("kernel_trouble", {"reason": words})

    async def collect(self) -> None:
        """Remove the nexthop objects that neither a target nor a route names. To be called with nothing in flight."""
        objects = self._tables.objects
        objects.release()
        if len(objects.written) == len(objects.groups):
            return
        named: set[int] = set()
        for plane in self._tables.planes.values():
            async for prefixes in slices(plane.fib.written):
                written = plane.fib.written
                named.update(route.nexthop for p in prefixes if (route := written.get(p)) is not None)
            named.update(route.nexthop for route in plane.fib.strays.values())
        assert self._writer is not None
        for id_ in objects.unused(named):
            self._writer.command(RTM_DELNEXTHOP, 0, encode_id(id_))

    def _clear_doubts(self, plane: Plane) -> None:
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
            if info.table == self._tables.spec.table and not info.tos and info.metric == target.route.metric:
                if self._tables.knowledge.ours(info):
                    fib.doubts.pop(prefix)
                    fib.found(prefix, info.route())
                else:
                    fib.held(prefix, info.metric, info.protocol)
        if fib.doubts:
            self._tables.resync_reason = f"{len(fib.doubts)} keys are held by routes that we do not know"

    def _remove_strays(self, plane: Plane) -> None:
        assert self._writer is not None
        batch = Batch()
        batch.groups = [(DELETE, route, [prefix]) for prefix, route in plane.fib.strays.items()]
        plane.fib.strays.clear()
        self._writer.write(self._encode(plane, batch))

    async def remove_leftovers(self) -> None:
        """After a flush nothing with our mark is left, whatever we had believed."""
        await self._remove_routes()
        objects = self._tables.objects
        if objects.usable:
            objects.groups.clear()
            objects.owners.clear()
            seen = await self._resync.in_thread(dump_objects)
            objects.learn(seen or [])
            assert self._writer is not None
            for id_ in objects.unused(set()):
                self._writer.command(RTM_DELNEXTHOP, 0, encode_id(id_))

    async def _remove_routes(self) -> None:
        for plane in self._tables.planes.values():
            left = await self._resync.in_thread(self._resync.dump, plane.af)
            ours: dict[Route, list[bytes]] = {}
            for prefix, route in [*left.ours.items(), *left.strays.items()]:
                ours.setdefault(route, []).append(prefix)
            for route, prefixes in ours.items():
                for i in range(0, len(prefixes), SLICE):
                    batch = Batch()
                    batch.groups = [(DELETE, route, prefixes[i : i + SLICE])]
                    if self._writer is not None:
                        await self._resync.in_thread(self._writer.write, self._encode(plane, batch))


def _alone(batch: Batch) -> bool:
    """Whether nothing may be under way when it is launched.

    A small one is written by this thread, on the same socket. A REPLACE follows from what was known when it was
    planned, and between the two there must be no time for anybody to put his own route there.
    """
    return len(batch.prefixes) <= _SMALL or any(op == REPLACE for op, _, _ in batch.groups)
