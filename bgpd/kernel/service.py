"""The kernel's shell as the house sees it: `KernelService`, from `start` to `stop`.

`submit` only notes what is wanted. The listener reads events, the worker writes; both work on the same `Tables`, in
one event loop. A route of ours that somebody deletes or changes is planned again at once, before everything else that
waits; one that is taken away again and again waits a moment longer each time, and says so.
"""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from bgpd.kernel import report
from bgpd.kernel.audit import Audit
from bgpd.kernel.io_netlink import Events, Overrun, Writer
from bgpd.kernel.links import Resolution
from bgpd.kernel.listener import Listener
from bgpd.kernel.overlay import OverlayKeeper
from bgpd.kernel.report import EventCallback, Reporter
from bgpd.kernel.resync import Resync
from bgpd.kernel.routes import GUARD_METRIC
from bgpd.kernel.tables import Tables
from bgpd.kernel.targets import NextHopCallback
from bgpd.kernel.wants import BLACKHOLE, Want
from bgpd.kernel.worker import JudgedCallback, Worker
from bgpd.model import KernelSpec, PoolSpec, Redistribute
from bgpd.speaker.views import KernelCheckView, KernelView
from bgpd.wire.family import Family

__all__ = ["BLACKHOLE", "KernelRefused", "KernelService", "Want"]

#: (name of the entry, family, withdrawn, announced)
RoutesCallback = Callable[[str, Family, list[bytes], list[bytes]], None]

_LOCAL: Final = 255
_NO_RIGHTS: Final = (
    "bgpd may not change the kernel's routes: it lacks the capability CAP_NET_ADMIN. Run it as root, give the "
    "container `cap_add: [NET_ADMIN]` or the unit `AmbientCapabilities=CAP_NET_ADMIN`, or start with --no-kernel"
)


def _nobody_waits(_family: Family, _want: Want, _prefixes: list[bytes], _installed: bool) -> None:
    pass


class KernelRefused(Exception):  # noqa: N818 - it names what happened
    """The kernel cannot be used as configured; the text is a whole sentence with what to do."""


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
        router_id: bytes = b"",
        on_judged: JudgedCallback = _nobody_waits,
    ) -> None:
        """`receive_buffer`: octets of events that may wait to be read; more is an overrun and a resync.

        `router_id`: our end of the overlay, where the spec names no address. `on_judged`: what became of every want,
        with `suppress_fib_pending`.
        """
        self.spec: Final = spec
        self._tables: Final = Tables(spec, on_next_hop, by_default=default_route_resolves)
        self.links: Final = self._tables.links
        self.counters: Final = self._tables.counters
        self._receive_buffer: Final = receive_buffer
        self._pool: Final = ThreadPoolExecutor(1, "kernel")
        self._eyes: Final = ThreadPoolExecutor(1, "kernel eyes")  # what is slow, and what no write may wait for
        self._reporter: Final = Reporter(self._tables, on_event)
        self._listener: Final = Listener(self._tables, self._reporter, self._stir, self._eyes)
        self._resync: Final = Resync(self._tables, self._listener, self._pool)
        self._overlay: Final = OverlayKeeper(self._tables, self._reporter, self._resync, router_id)
        self._audit: Final = Audit(self._tables, self._reporter, self._resync, self._eyes, self._stir)
        self._worker: Final = Worker(
            self._tables,
            self._reporter,
            self._listener,
            self._resync,
            self._audit,
            self._overlay,
            self._open,
            on_judged,
        )
        self._writers: tuple[Writer, Writer] | None = None  # for batches, and for repairs beside them
        self._on_routes: RoutesCallback | None = None
        self._telling: asyncio.Handle | None = None  # the next slice of what is redistributed

    # life

    async def start(self) -> None:
        """Open the sockets, learn links, addresses and routes, adopt what an earlier run left. Raises KernelRefused."""
        check_spec(self.spec)
        self._eyes.submit(int)  # a thread belongs to the network namespace that it is made in
        try:
            writers = await self._open()
            _check_rights(writers[0])
            await self._resync.run()
            await self._audit.start()
        except (OSError, Overrun) as error:
            await self._close()
            raise KernelRefused(f"netlink cannot be used ({error}): no routes can be written") from error
        except BaseException:
            await self._close()
            raise
        if self.adopted():
            words = "routes of an earlier run are kept for now"
            self._reporter.tell("kernel_adopted", {"count": self.adopted(), "reason": words})
        self._worker.start(*writers)

    async def _open(self) -> tuple[Writer, Writer]:
        """All sockets, in the place of those there were; made in the thread, which stays in its network namespace."""
        self._listener.close()
        self._close_writers()
        in_thread = self._resync.in_thread
        self._writers = batches, repairs = await in_thread(Writer), await in_thread(Writer)
        self._listener.open(await in_thread(Events, (batches.port, repairs.port), self._receive_buffer))
        return self._writers

    def _close_writers(self) -> None:
        for writer in self._writers or ():
            writer.close()
        self._writers = None

    async def stop(self, flush: bool) -> None:
        """Close; with `flush` all our routes leave the kernel first, foreign ones stay. Safe to call twice."""
        if self._worker.running and flush:
            self._listener.deafen()
            for plane in self._tables.planes.values():
                plane.unwant_all()
            self._worker.stir()
            await self._worker.settled()
            await self._worker.remove_leftovers()
            await self._overlay.remove()
        await self._worker.stop()
        await self._listener.quiet()
        await self._close()

    async def _close(self) -> None:
        self._on_routes = None
        await self._audit.stop()
        self._listener.close()
        self._pool.shutdown()
        self._eyes.shutdown()
        self._close_writers()

    def _stir(self) -> None:
        self._worker.stir()
        if self._on_routes is not None and self._telling is None:
            self._telling = asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self) -> None:
        """A slice of what is redistributed, and the loop's turn before the next one."""
        self._telling = None
        redistribution = self._tables.redistribution
        if self._on_routes is None or self._tables.resyncing:
            return  # closed; or after a resync all is looked at
        for told in redistribution.take():
            self._on_routes(*told)
        if redistribution.waiting():
            self._telling = asyncio.get_running_loop().call_soon(self._tell)

    # what the speaker asks

    def submit(self, family: Family, wants: Mapping[bytes, Want | None]) -> None:
        """Take new wants (None: no longer wanted). Never blocks; the latest of several wants of a prefix wins."""
        self._tables.planes[family].submitted.update(wants)
        self._worker.stir()

    def configure(self, pools: tuple[PoolSpec, ...]) -> None:
        """Other pools: routes move to the overlay and back, each by one replacement."""
        self._tables.configure(pools)
        self._worker.stir()

    def redistribute(self, entries: tuple[Redistribute, ...], on_routes: RoutesCallback) -> None:
        """Tell from now on which prefixes these entries name: what there is, and every change.

        `on_routes(name, family, withdrawn, announced)`: of an entry that is another one now all are announced again.
        """
        if self._on_routes is None and not entries:
            return
        self._on_routes = on_routes
        if self._tables.redistribution.configure(entries):
            self._tables.resync_reason = "a table is redistributed that was not read before"
        self._stir()

    def redistributed(self) -> dict[str, int]:
        """Prefixes that each entry of `redistribute` names at this moment."""
        return self._tables.redistribution.counts()

    def track(self, address: bytes) -> None:
        """Follow a next hop: `on_next_hop` is called now and on every change. Twice is once."""
        self._tables.next_hops.track(address)

    def untrack(self, address: bytes) -> None:
        """No longer follow a next hop."""
        self._tables.next_hops.untrack(address)

    def heard(self, addresses: set[bytes]) -> None:
        """These neighbors have said everything: adopted routes that lead to them, and that nobody wants, can go."""
        if self.adopted():
            self._tables.heard |= addresses
            self._worker.stir()

    def resolve(self, address: bytes) -> Resolution:
        """Whether and how a next hop is reached at this moment."""
        return self.links.resolve(address)

    async def settled(self) -> None:
        """Return when nothing is pending: all that can be written is."""
        await self._worker.settled()

    def adopted(self) -> int:
        """How many routes of an earlier run are kept and not (yet) wanted."""
        return self._tables.adopted()

    async def sweep(self) -> int:
        """Remove the adopted routes that nobody wants; returns how many. Call it after End-of-RIB or a deadline."""
        count = sum(plane.fib.sweep() for plane in self._tables.planes.values())
        self._tables.collect_wanted = True
        self._worker.stir()
        await self.settled()
        await self._overlay.tidy()
        if count:
            words = "routes of an earlier run that nobody wants any more"
            self._reporter.tell("kernel_swept", {"count": count, "reason": words})
        return count

    def check(self) -> Awaitable[KernelCheckView]:
        """Look at everything and put it right; what was found wrong. The audit goes on by itself, more slowly."""
        return self._audit.ask()

    # answers to people

    def installed(self, family: Family, prefix: bytes) -> str:
        """The word "yes", or why this prefix is not in the kernel, in words (`RouteView.installed`)."""
        return report.installed(self._tables, family, prefix)

    def view(self, with_routes: bool) -> KernelView:
        """The state as a value; its routes, where they are wanted, as an iterator."""
        return report.view(self._tables, with_routes)

    def counts(self, family: Family | None = None) -> dict[str, int]:
        """Routes: wanted, installed, pending, failed, conflicts, unresolved, adopted; of one family or all."""
        return self._tables.counts(family)

    def in_sync(self) -> bool:
        """Whether the kernel holds all it can (`Tables.in_sync`)."""
        return self._tables.in_sync()

    def overlay(self) -> tuple[int, int]:
        """VXLAN devices of ours, and next hops that have their entries there."""
        return self._tables.overlays.counts()

    def audited(self) -> float:
        """When an audit last came to its end, seconds since the epoch; 0: not yet."""
        return self._tables.audited


def _check_rights(writer: Writer) -> None:
    if writer.probe() in {errno.EPERM, errno.EACCES}:
        raise KernelRefused(_NO_RIGHTS)


def check_spec(spec: KernelSpec) -> None:
    """Raises KernelRefused for a table, protocol or metric that cannot be ours."""
    if not 0 < spec.table < 1 << 32 or spec.table == _LOCAL:
        raise KernelRefused(
            f"table {spec.table} cannot hold our routes: take 1 to 4294967295, but not 255, the kernel's own"
        )
    if not 4 < spec.protocol < 256:
        raise KernelRefused(f"protocol {spec.protocol} cannot mark our routes: take 5 to 255 (0 to 4 are others')")
    if not 0 < spec.metric < GUARD_METRIC:
        raise KernelRefused(f"metric {spec.metric} cannot mark our routes: take 1 to {GUARD_METRIC - 1}")
