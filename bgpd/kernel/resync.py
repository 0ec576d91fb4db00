"""A dump is the truth: what the kernel holds takes the place of what we had believed.

Done at the start (where it finds what an earlier run left), after lost events, after trouble with netlink, and where
the audit found that something does not add up. The dump is made and sorted in a thread; links, addresses and routes
are taken over in slices; then come the events that arrived meanwhile.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

from bgpd.kernel.interfaces import AddressEvent, LinkEvent
from bgpd.kernel.io_netlink import Dump, dump_links, dump_objects
from bgpd.kernel.knowledge import Sorted
from bgpd.kernel.links import MAIN
from bgpd.kernel.listener import Listener
from bgpd.kernel.objects import Object
from bgpd.kernel.plan import Fib
from bgpd.kernel.tables import Plane, Tables

#: Prefixes looked at in one turn where they are only compared.
_SCAN: Final = 8192

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: Looks at a family's dump before it is taken over.
Witness = Callable[[Plane, Sorted], Awaitable[None]]


class Resync:
    """Dumps, and takes them over."""

    def __init__(self, tables: Tables, listener: Listener, pool: ThreadPoolExecutor) -> None:
        self._tables: Final = tables
        self._listener: Final = listener
        self._pool: Final = pool

    async def in_thread(self, function: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs) -> _T:
        """Run something slow that touches nothing of ours."""
        return await self.to_thread(partial(function, *arguments, **named))

    def to_thread(self, function: Callable[[], _T]) -> asyncio.Future[_T]:
        """The same, begun at once: the thread takes what it is given in this order."""
        return asyncio.get_running_loop().run_in_executor(self._pool, function)

    async def run(self, witness: Witness | None = None) -> int:
        """Dump and take over; returns how many routes were not as believed. Raises OSError, Overrun."""
        self._tables.resyncing = True
        try:
            return await self._run(witness)
        finally:
            self._tables.resyncing = False

    async def _run(self, witness: Witness | None) -> int:
        tables, listener = self._tables, self._listener
        listener.hold()
        tables.resync_reason = ""
        try:
            links, addresses = await self.in_thread(dump_links)
            seen = await self.in_thread(dump_objects)
            rows = {af: await self.in_thread(self.dump, af) for af in tables.by_af}
            if witness is not None:
                for af, row in rows.items():
                    await witness(tables.by_af[af], row)
        except BaseException:
            listener.release(take=False)
            raise
        tables.links.clear()
        events: list[LinkEvent | AddressEvent] = [*links, *addresses]
        for event in events:
            listener.take_link(event)
        wrong = self._learn_objects(seen)
        for af, row in rows.items():
            for (number, _), others in row.others.items():
                tables.links.adopt(number, others)
            wrong += await _learn(tables.by_af[af].fib, row)
        listener.release()
        return wrong

    def _learn_objects(self, seen: list[Object] | None) -> int:
        """Nexthop objects as they are; returns how many groups were not as believed."""
        objects = self._tables.objects
        objects.usable = seen is not None and self._tables.spec.nexthop_objects > 0
        return objects.learn(seen or [])

    def dump(self, af: int) -> Sorted:
        """In the thread: a family's routes in our table, the main one and those that are redistributed."""
        for _ in range(3):
            row = Sorted()
            interrupted = False
            for table in {self._tables.spec.table, MAIN, *self._tables.redistribution.tables}:
                dump = Dump(af, table)
                try:
                    while (rows := dump.read()) is not None:
                        self._tables.knowledge.sort(rows, row)
                finally:
                    dump.close()
                interrupted = interrupted or dump.interrupted
            if not interrupted:
                break
        return row  # the third try is taken as it is: what changed meanwhile comes as events


async def _learn(fib: Fib, row: Sorted) -> int:
    """The dump of our table is what the kernel holds; returns how many routes were not as we had believed."""
    for prefix, stray in row.strays.items():
        known = fib.written.get(prefix)
        if known is not None and known.metric == stray.metric:
            row.strays[prefix], row.ours[prefix] = row.ours[prefix], stray
    doubts = list(fib.doubts)
    wrong = 0
    async for gone in slices(fib.written):
        wrong += fib.not_in(row.ours, gone)
    async for found in slices(row.ours):  # let go of, slice by slice: a million at once would stop the loop
        wrong += sum([fib.found(prefix, row.ours.pop(prefix)) for prefix in found])
    fib.relearned(row.strays, row.foreign)
    now = time.monotonic()
    for prefix in doubts:
        fib.still_in_doubt(prefix, now)
    return wrong


async def slices(prefixes: Iterable[bytes]) -> AsyncIterator[list[bytes]]:
    """The keys of a table as they are now, a few milliseconds' worth at a time, with the loop's turn in between."""
    keys = list(prefixes)
    keys.reverse()
    while keys:
        some = keys[-_SCAN:]
        del keys[-_SCAN:]
        some.reverse()
        yield some
        await asyncio.sleep(0)
