"""The scenarios as a table, and one run of one of them.

Words in commands: N routes of a feeder, T of all feeders together, S what a receiver sees of them (in D, a feeder sees
all but its own), L what it sees when feeder 0 has nothing any more, B routes in the kernel before the first one.
"""

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from bench import usage
from bench.daemons import Kind, Peer, Running, Setup
from bench.load import EXTRA, KEEPER_HOLD, Load, load, peers
from bench.prometheus import buckets, page, stalls
from bench.space import DAEMON, pair
from bench.stats import Record
from bgpd.lab.shell import Failed

SETTLE: Final = 0.3  #: seconds after the last receiver is complete that still count as CPU of a phase

COMMANDS: Final[Mapping[str, str]] = {
    "init": "announce all 0 have={S} generation=0",
    "late": "join have={T}",
    "churn": "announce all 1 have={S} generation=1",
    "wd0": "withdraw 0 have={L}",
    "re0": "announce 0 2 have={S}",
    "drop0": "drop 0 have={L}",
    "wdall": "withdraw all have=0",
    "idle": "single {singles} 0 6",
    "beside 1,000": "single {singles} 1000 {seconds}",
    "beside 20,000": "single {singles} 20000 {seconds}",
    "install": "announce all 0 kernel={K} fib={fib}",
    "remove": "withdraw all kernel={B} fib={fib}",
    "first table": "announce 0 0 have={T}",
    "second table": "announce 1 0 quiet=0.5",
    "third table": "announce 2 0 quiet=0.5",
    "heard": "announce all 0 quiet=0.2",
}
#: phases after which the daemon goes on working where nobody can see it: their end is when it is idle
UNSEEN: Final = frozenset(["second table", "third table", "heard"])


@dataclass(frozen=True, slots=True)
class Scenario:
    """Work for a daemon."""

    name: str
    what: str
    routes: int
    quick: int  #: routes of a quick run
    phases: Sequence[str]
    feeders: int = 1
    receivers: int = 1
    family: int = 4
    options: Mapping[str, int] = field(default_factory=dict)  #: of the load
    runs: int = 1  #: of ours, compiled, and of BIRD 2; the others run once
    others: Sequence[str] = ()  #: phases that the other daemons run, too; none: they stay away
    absent: frozenset[str] = frozenset()  #: daemons that need minutes for it
    kernel: bool = False
    timeout: float = 60.0
    quick_feeders: int = 0
    singles: int = 1000
    only: frozenset[str] = frozenset()  #: the daemons that run it; none: all

    def phases_of(self, kind: Kind) -> Sequence[str]:
        """What a daemon of this kind does of it; empty where it stays away."""
        if (self.only and kind.name not in self.only) or kind.name in self.absent:
            return ()
        if (self.kernel and not kind.kernel) or (self.family == 6 and not kind.ipv6):
            return ()
        if not kind.forwards and "heard" not in self.phases:
            return ()
        return self.phases if kind.ours or kind.name == "bird2" else self.others

    def made_quick(self) -> "Scenario":
        """Small, once, and with the other daemons and ours interpreted in the first scenario only."""
        only = self.only if self.name == "A" else frozenset(["compiled", "bird2"])
        feeders = self.quick_feeders or self.feeders
        return replace(self, routes=self.quick, feeders=feeders, runs=1, timeout=30.0, singles=200, only=only)

    def words(self, *, base: int, fib: str) -> dict[str, object]:
        """What stands for the capitals of a command."""
        shares = self.options.get("mutual") or self.options.get("disjoint")
        total = self.routes * self.feeders if shares else self.routes
        seen = total - self.routes if self.options.get("mutual") else total
        lost = seen - self.routes if shares or self.feeders == 1 else seen
        left = f"{lost} without=0" if not shares and self.feeders > 1 else str(lost)
        kernel = {"K": base + self.routes, "B": base, "fib": fib}
        return {
            "N": self.routes, "T": total, "S": seen, "L": left, "singles": self.singles,
            "seconds": 8 if self.singles > 500 else 2, **kernel,
        }  # fmt: skip


SCENARIOS: Final[Mapping[str, Scenario]] = {
    row.name: row
    for row in (
        Scenario("A", "100,000 IPv4 routes in from one peer, out to another", 100_000, 20_000,
                 ("init", "late", "churn", "wd0", "re0", "drop0"), runs=3, others=("init", "churn", "wd0")),
        Scenario("A6", "the same with IPv6", 100_000, 20_000, ("init", "churn", "wd0"), family=6,
                 options={"family": 6}, runs=2, others=("init",)),
        Scenario("B", "1,000,000 routes", 1_000_000, 100_000, ("init", "late", "churn", "wdall"),
                 others=("init",), absent=frozenset(["gobgp"]), runs=2, timeout=120),
        Scenario("C", "10 peers with the same 100,000 prefixes, to 2", 100_000, 10_000,
                 ("init", "churn", "drop0", "wdall"), feeders=10, receivers=2, others=("init",),
                 absent=frozenset(["gobgp"]), runs=2),
        Scenario("D", "100 peers, 1,000 routes each, all to all", 1_000, 200, ("init", "churn", "drop0", "wdall"),
                 feeders=100, quick_feeders=30, receivers=0, options={"mutual": 1}, others=("init",),
                 absent=frozenset(["gobgp"]), timeout=90),
        Scenario("E", "one route, from announced to seen", 50_000, 10_000,
                 ("init", "idle", "beside 1,000", "beside 20,000"), feeders=2, options={"disjoint": 1},
                 others=("init", "idle", "beside 20,000")),
        Scenario("F", "10 peers, 50,000 routes each, to 2", 50_000, 5_000, ("init", "wdall"), feeders=10, receivers=2,
                 options={"disjoint": 1}, others=("init",), absent=frozenset(["gobgp", "openbgpd"]), runs=2),
        Scenario("K100", "100,000 routes from the wire into the kernel", 100_000, 20_000, ("install", "remove"),
                 kernel=True, others=("install", "remove"), runs=3),
        Scenario("K500", "500,000 routes from the wire into the kernel", 500_000, 50_000, ("install", "remove"),
                 kernel=True, runs=1, timeout=90),
        Scenario("P", "further peers with the same 1,000,000 routes, grouped alike", 1_000_000, 50_000,
                 ("first table", "second table", "third table"), feeders=3, only=frozenset(["compiled", "bird2"]),
                 timeout=120),
        Scenario("Pother", "further peers with the same 1,000,000 routes, grouped otherwise", 1_000_000, 50_000,
                 ("first table", "second table", "third table"), feeders=3, options={"regroup": 1},
                 only=frozenset(["compiled"]), timeout=120),
        Scenario("X", "100,000 routes in, to nobody", 100_000, 10_000, ("heard",), receivers=0, others=("heard",),
                 only=frozenset(["compiled", "interpreted", "exabgp"])),
        Scenario("B300", "300,000 routes", 300_000, 50_000, ("init",), only=frozenset(["compiled", "bird2"])),
        Scenario("D25", "25 peers, 1,000 routes each, all to all", 1_000, 200, ("init",), feeders=25, quick_feeders=10,
                 receivers=0, options={"mutual": 1}, only=frozenset(["compiled", "bird2"]), runs=2),
        Scenario("D50", "50 peers, 1,000 routes each, all to all", 1_000, 200, ("init",), feeders=50, quick_feeders=20,
                 receivers=0, options={"mutual": 1}, only=frozenset(["compiled", "bird2"]), runs=2),
    )
}  # fmt: skip


def perform(scenario: Scenario, kind: Kind, run: int) -> list[Record]:
    """One run of one daemon, phase by phase; the first phase that fails is the last, and says why."""
    base = Path(tempfile.mkdtemp(prefix="bgpd-bench-"))
    records: list[Record] = []
    try:
        _perform(scenario, kind, run, base, records)
    except Failed as error:
        done = {record.phase for record in records}
        phase = next((phase for phase in scenario.phases_of(kind) if phase not in done), "end")
        records.append(Record(scenario.name, kind.name, run, phase, failed=str(error)))
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return records


def _perform(scenario: Scenario, kind: Kind, run: int, base: Path, records: list[Record]) -> None:
    count = scenario.feeders + scenario.receivers + EXTRA
    found = [Peer(address, asn) for address, asn in peers(count)]
    found[-1] = replace(found[-1], hold=KEEPER_HOLD, keeper=True)
    setup = Setup(DAEMON, found, family=scenario.family, kernel=scenario.kernel)
    numbers = {"feeders": scenario.feeders, "receivers": scenario.receivers, "routes": scenario.routes}
    with pair(count) as (here, there), load(there, {**numbers, **scenario.options}) as feeding:
        daemon = Running(kind, setup, here, base)
        try:
            answer = feeding.ask("connect timeout=40")
            if not answer["ok"]:
                raise Failed(f"{answer['up']} of {count - 1} sessions came up: {daemon.tail()} {feeding.said()}")
            usage.settle(daemon.pids(), 0.3, 10)
            if not daemon.alive():
                raise Failed(f"{kind.name} ended: {daemon.tail()}")
            fib = f"/proc/{daemon.pid}/net/fib_triestat"
            words = scenario.words(base=main_routes(fib), fib=fib)
            memory, _ = usage.memory(daemon.pids())
            sizes = {"sessions": count - 1, "feeders": scenario.feeders, "routes": scenario.routes}
            records.append(Record(scenario.name, kind.name, run, "connect", {"rss": memory, **sizes}))
            before = buckets(page(here)) if kind.ours else {}
            for phase in scenario.phases_of(kind):
                records.append(_phase(scenario, kind, run, phase, feeding, daemon, words))  # noqa: PERF401 - one by one
            if kind.ours:
                records.append(Record(scenario.name, kind.name, run, "end", stalls(before, buckets(page(here)))))
        finally:
            daemon.stop()


def _phase(
    scenario: Scenario, kind: Kind, run: int, phase: str, feeding: Load, daemon: Running, words: Mapping[str, object]
) -> Record:
    """One phase: what the load saw, and what the daemon used for it."""
    pids = daemon.pids()
    before = feeding.ask("pass 0")["own_cpu"]
    cpu, machine, began = usage.cpu(pids), usage.busy(), time.monotonic()
    command = COMMANDS[phase].format(**words)
    answer = feeding.ask(command if command.startswith("single") else f"{command} timeout={scenario.timeout:.0f}")
    wall = time.monotonic() - began
    if not answer["ok"]:
        reason = f"not done after {wall:.0f} s, have {answer['have'][0]}" if daemon.alive() else "the daemon ended"
        raise Failed(f"{reason}: {daemon.tail()} {feeding.said()}".strip(": "))
    if phase in UNSEEN:
        usage.settle(pids, SETTLE, scenario.timeout, share=0.05)  # one of them polls
        answer["wall"] = max(0.0, time.monotonic() - began - SETTLE)
    end = feeding.ask(f"pass {SETTLE}")
    machine = usage.busy() - machine - (end["own_cpu"] - before)
    values = _values(answer, pids, usage.cpu(pids) - cpu, machine, time.monotonic() - began)
    return Record(scenario.name, kind.name, run, phase, values)


def _values(answer: Mapping[str, Any], pids: Sequence[int], cpu: float, busy: float, took: float) -> dict[str, float]:
    """The figures of a phase; `others` is how many processors everything else on the machine kept busy."""
    rss, most = usage.memory(pids)
    kept = ("wall", "first", "silence", "late", "keeper_late", "keeper_lost", "lost", "wrong", "messages", "prefixes")
    values = {key: float(answer[key]) for key in kept}
    values |= {key: float(answer[key]) for key in ("p50", "p99", "max", "rate", "seen") if key in answer}
    return values | {"cpu": cpu, "rss": rss, "peak": most, "others": max(0.0, busy - cpu) / took}


def main_routes(file: str) -> int:
    """Routes in the main table of a namespace, by its /proc/PID/net/fib_triestat."""
    total, inside = 0, False
    for line in Path(file).read_text().splitlines():
        if line and not line[0].isspace():
            inside = line.startswith("Main:")
        elif inside and "Prefixes:" in line:
            total += int(line.split()[1])
    return total
