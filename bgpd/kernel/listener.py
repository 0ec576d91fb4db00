"""The ear: netlink's events, read in the loop and turned into knowledge.

A few milliseconds of reading at a time, then the loop has its turn. During a dump the datagrams are only kept
(`hold`), and taken afterwards (`release`): what happened while the dump was made is newer than the dump.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from bgpd.kernel import encode, interfaces, objects
from bgpd.kernel.interfaces import AddressEvent, LinkEvent
from bgpd.kernel.io_netlink import Events, Overrun
from bgpd.kernel.report import Reporter
from bgpd.kernel.tables import Tables

#: Seconds of event reading before the loop gets its turn again.
_TURN: Final = 0.005


class Listener:
    """Reads the event socket into `tables`; `stir` is called where there may be something to write."""

    def __init__(self, tables: Tables, reporter: Reporter, stir: Callable[[], None], pool: ThreadPoolExecutor) -> None:
        self._tables: Final = tables
        self._reporter: Final = reporter
        self._stir: Final = stir
        self._pool: Final = pool
        self._telling: asyncio.Task[None] | None = None  # finds out who took routes away
        self._events: Events | None = None
        self._held: list[bytes] | None = None  # datagrams that arrived during a dump

    def open(self, events: Events) -> None:
        """Begin to read."""
        self._events = events
        asyncio.get_running_loop().add_reader(events.fileno(), self.read)

    @property
    def is_open(self) -> bool:
        return self._events is not None

    def deafen(self) -> None:
        """Read no more; the socket stays."""
        if self._events is not None:
            with suppress(ValueError):  # somebody has closed it under us
                asyncio.get_running_loop().remove_reader(self._events.fileno())

    async def quiet(self) -> None:
        """Return when everybody knows who took routes away."""
        if self._telling is not None:
            await asyncio.gather(self._telling, return_exceptions=True)

    def close(self) -> None:
        self.deafen()
        if self._events is not None:
            self._events.close()
            self._events = None

    def hold(self) -> None:
        """From here on a dump is being made."""
        self._held = []

    def release(self, *, take: bool = True) -> None:
        """The dump is known, or (`take` False) has failed: go on with the events that came meanwhile."""
        held, self._held = self._held or [], None
        if take:
            for data in held:
                self._take(data)
            self.after()

    @property
    def holding(self) -> bool:
        return self._held is not None

    def read(self) -> bool:
        """The loop's callback: there is something to read. False: there may be more, and the turn is over."""
        deadline = time.monotonic() + _TURN
        drained = True
        try:
            while self._events is not None:
                data = self._events.read()
                if data is None:
                    break
                if self._held is not None:
                    self._held.append(data)
                else:
                    self._take(data)
                if time.monotonic() > deadline:
                    drained = False
                    break
        except Overrun as error:
            self._tables.counters["overruns"] += 1
            self._tables.resync_reason = str(error)
        except OSError as error:
            self._tables.resync_reason = f"the event socket failed: {error}"
            self.close()  # it would call us for ever; the resync opens another one
        self.after()
        return drained

    def _take(self, data: bytes) -> None:
        """One datagram of events."""
        tables = self._tables
        for kind, flags, _, port, start, end in encode.messages(data):
            tables.counters["events"] += 1
            if kind in {encode.RTM_NEWROUTE, encode.RTM_DELROUTE}:
                prefix, info = encode.parse_route(data, start, end, {})
                tables.knowledge.route(prefix, info, kind == encode.RTM_NEWROUTE, flags, port, time.monotonic())
            elif kind in {objects.RTM_NEWNEXTHOP, objects.RTM_DELNEXTHOP}:
                tables.knowledge.nexthop(objects.parse(data, start, end), kind == objects.RTM_NEWNEXTHOP)
            elif kind in interfaces.KINDS and (event := interfaces.parse(data, kind, start, end)) is not None:
                self.take_link(event)

    def take_link(self, event: LinkEvent | AddressEvent) -> None:
        """A link or an address, from an event or a dump."""
        knowledge = self._tables.knowledge
        self._tables.overlays.doubt()
        if isinstance(event, LinkEvent):
            knowledge.link(event.index, event.name, event.flags, event.present)
        else:
            knowledge.address(event.index, event.address, event.length, event.present)

    def after(self) -> None:
        """What the events mean for next hops, and what people should hear of them."""
        self._tables.review()
        self._tables.counters["routes_repaired"] = self._tables.knowledge.repairs
        self._stir()
        if self._tables.knowledge.lost:
            self._reporter.glance()
            if self._telling is None:
                self._telling = asyncio.create_task(self._tell(), name="kernel losses")
        self._reporter.fights()

    async def _tell(self) -> None:
        """Who took our routes away? The look into /proc takes its time; the repair does not wait for it."""
        knowledge, reporter = self._tables.knowledge, self._reporter
        try:
            while knowledge.lost:
                lost, knowledge.lost = knowledge.lost, {}
                ports = {port for _, port, _, _ in lost}
                reporter.losses(lost, {port: await self._who(port) for port in ports})
        finally:
            self._telling = None

    async def _who(self, port: int) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._reporter.culprits.who, port)
