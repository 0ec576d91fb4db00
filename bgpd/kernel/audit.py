"""The audit: is the kernel as it should be? On demand (`bgpctl kernel check`), and slowly for ever.

On demand everything is looked at: a dump (as a resync makes it) against what is wanted and what we believe is written,
and real look-ups of a sample, because a route that is there may still not be the one that packets take. What is found
wrong is told, and the resync puts it right.

For ever, a dump trickles in at a small share of one core, and only its sums are compared. Where they do not add up, a
resync is due. What was written meanwhile is left out: a table that never rests is audited as well as it can be.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from bgpd.kernel.compare import Count, Difference, Finding, Survey, unused
from bgpd.kernel.encode import RouteInfo
from bgpd.kernel.io_netlink import Dump, Overrun, Writer
from bgpd.kernel.knowledge import Sorted
from bgpd.kernel.links import MAIN
from bgpd.kernel.report import Reporter, finding_view
from bgpd.kernel.resync import Resync, slices
from bgpd.kernel.routes import Route
from bgpd.kernel.tables import Plane, Tables
from bgpd.speaker.views import KernelCheckView, KernelFindingView

_T = TypeVar("_T")

#: Findings of one family that are told one by one; the others are counted.
_LIMIT: Final = 500
#: Look-ups of one check, for each family.
_SAMPLE: Final = 256
#: The share of one core that the endless audit takes at most.
_SHARE: Final = 0.02
#: Look-ups of one endless round, for each family.
_LOOKS: Final = 32


class Audit:
    """Checks on demand, and the endless round from `start` to `stop`."""

    def __init__(
        self, tables: Tables, reporter: Reporter, resync: Resync, eyes: ThreadPoolExecutor, stir: Callable[[], None]
    ) -> None:
        """`eyes`: the thread in which sockets are made; `stir` is called where something has to be put right."""
        self._tables: Final = tables
        self._reporter: Final = reporter
        self._resync: Final = resync
        self._eyes: Final = eyes
        self._stir: Final = stir
        self._looker: Writer | None = None  # a socket for look-ups
        self._task: asyncio.Task[None] | None = None
        self._asked: asyncio.Future[KernelCheckView] | None = None  # somebody waits for a check

    async def start(self) -> None:
        """Open the socket for look-ups; begin the endless round where it is wanted. Raises OSError."""
        self._looker = await asyncio.get_running_loop().run_in_executor(self._eyes, Writer)
        if self._tables.spec.audit_interval:
            self._task = asyncio.create_task(self._for_ever(), name="kernel audit")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._asked is not None:
            self._asked.cancel()
        if self._looker is not None:
            self._looker.close()
            self._looker = None

    # on demand

    def ask(self) -> "asyncio.Future[KernelCheckView]":
        """Have everything looked at; several who ask at one time share one answer."""
        if self._asked is None:
            self._asked = asyncio.get_running_loop().create_future()
            self._tables.check_wanted = True
            self._stir()
        return self._asked

    async def check(self) -> None:
        """The worker's chore, with nothing in flight: look at everything, put it right, answer.

        Raises as a resync; it is still wanted then, and whoever asked still waits.
        """
        begun = time.monotonic()
        surveys: dict[Plane, Survey] = {}

        async def witness(plane: Plane, row: Sorted) -> None:
            surveys[plane] = survey = Survey(plane.fib, row, plane.busy, _LIMIT)
            dumped[plane] = len(row.ours) + len(row.strays)
            async for prefixes in slices(plane.fib.wants):
                survey.wanted(prefixes)
            async for prefixes in slices(row.ours):
                survey.found(prefixes)
            samples[plane] = [(p, plane.fib.written[p]) for p in _some(row.ours, _SAMPLE) if p in plane.fib.written]

        dumped: dict[Plane, int] = {}
        samples: dict[Plane, list[tuple[bytes, Route]]] = {}
        await self._resync.run(witness)
        views = [
            finding_view(self._tables, plane, finding)
            for plane, survey in surveys.items()
            for finding in survey.findings
        ]
        count = sum(survey.count for survey in surveys.values())
        for plane, sample in samples.items():
            findings = self._look(plane, sample)
            count += len(findings)
            views += [finding_view(self._tables, plane, finding) for finding in findings]
        looked = sum(len(sample) for sample in samples.values()) if self._tables.spec.table == MAIN else 0
        self._answer(views, count, sum(dumped.values()), looked, begun)

    def _answer(self, views: list[KernelFindingView], count: int, dumped: int, looked: int, begun: float) -> None:
        tables = self._tables
        tables.check_wanted = False
        tables.counters["audits"] += 1
        tables.counters["audit_differences"] += count
        tables.audited = time.time()
        if self._asked is not None and not self._asked.done():
            counts = tables.counts()
            self._asked.set_result(
                KernelCheckView(
                    in_step=not count,
                    wanted=counts["wanted"] - counts["unresolved"],
                    unresolved=counts["unresolved"],
                    written=sum(len(plane.fib.written) for plane in tables.planes.values()),
                    dumped=dumped,
                    looked_up=looked,
                    differences=count,
                    seconds=time.monotonic() - begun,
                    findings=views,
                )
            )
        self._asked = None

    def _look(self, plane: Plane, sample: Iterable[tuple[bytes, Route]]) -> list[Finding]:
        """Real look-ups. They follow the routing rules, which lead to our table where it is the main one."""
        if self._looker is None or self._tables.spec.table != MAIN:
            return []
        findings = []
        for prefix, route in sample:
            hit = self._looker.lookup(plane.encoder.lookup(prefix))
            ours = hit is not None and self._tables.knowledge.ours(hit[1])
            reason = unused(prefix, route, hit, ours=ours)
            if reason and plane.fib.written.get(prefix) == route:
                findings.append(
                    Finding(prefix, Difference.UNUSED, route, None if hit is None else hit[1].route(), reason)
                )
        return findings

    # for ever

    async def _for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._tables.spec.audit_interval)
            try:
                await self._round()
            except (OSError, Overrun) as error:
                self._reporter.tell("kernel_trouble", {"reason": f"the audit could not look: {error}"})

    async def _round(self) -> None:
        """Both families once."""
        tables = self._tables
        for plane in tables.planes.values():
            wrong = await self._trickle(plane)
            if wrong and not tables.resync_reason:
                tables.counters["audit_differences"] += wrong
                tables.resync_reason = f"the audit found {wrong} routes that are not as believed"
                self._stir()
        tables.counters["audits"] += 1
        tables.audited = time.time()
        tables.collect_wanted = bool(tables.objects.written or tables.overlays.devices())
        self._stir()

    async def _dump(self, plane: Plane) -> Dump:
        """A dump of our table; its socket is made in the thread, and closed where nobody waits for it any more."""
        made = asyncio.get_running_loop().run_in_executor(self._eyes, Dump, plane.af, self._tables.spec.table)
        try:
            return await asyncio.shield(made)
        except asyncio.CancelledError:
            (await made).close()
            raise

    async def _trickle(self, plane: Plane) -> int:
        """One family's dump, a datagram at a time; returns how many routes are not as believed, at least."""
        knowledge = self._tables.knowledge
        dump = await self._dump(plane)
        count = Count(plane.fib, plane.busy)
        shared: dict[RouteInfo, Route] = {}
        sample: list[tuple[bytes, Route]] = []
        try:
            while True:
                begun = time.thread_time()
                rows = dump.read()
                if rows is None:
                    break
                ours = [(p, shared.setdefault(i, i.route())) for p, i in rows if knowledge.ours(i)]
                count.take(ours)
                if ours:
                    sample.append(ours[random.randrange(len(ours))])  # noqa: S311 - a sample, not a secret
                await asyncio.sleep((time.thread_time() - begun) / _SHARE)
        finally:
            dump.close()
            wrong = count.end()
        for finding in self._look(plane, _some(sample, _LOOKS)):
            self._tables.counters["audit_differences"] += 1
            self._reporter.unused(plane, finding)
        return wrong


def _some(items: Iterable[_T], count: int) -> list[_T]:
    known = list(items)
    return known if len(known) <= count else random.sample(known, count)
