"""What was aimed at, line by line, and what a run says about each line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.limit import NAME as LIMIT
from bench.stats import Records, quotient

OURS: Final = "compiled"
PLAIN: Final = "interpreted"
RIVAL: Final = "bird2"

Reading = Callable[[Records, str], float | None]  #: (records, daemon) -> its figure


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    work: str
    figures: dict[str, str]  #: daemon -> what it took, for people
    ratio: str
    aim: str
    met: bool | None  #: None: there is no aim, or nothing to compare with


def number(value: float) -> str:
    """Three significant digits, no exponent."""
    if value == 0:
        return "0"
    for places, least in ((0, 100.0), (1, 10.0), (2, 1.0), (3, 0.1)):
        if abs(value) >= least:
            return f"{value:.{places}f}"
    return f"{value:.3f}" if abs(value) >= 0.01 else f"{value:.2g}"


def against(work: str, scenario: str, phase: str, aim: float, records: Records) -> Line:
    """Wall and CPU seconds; both ratios to BIRD 2 are to be as low as the aim."""
    figures = {}
    for daemon in (OURS, PLAIN, RIVAL):
        pair = [records.median(scenario, daemon, phase, key) for key in ("wall", "cpu")]
        if None not in pair:
            figures[daemon] = " / ".join(f"{value:.2f}" for value in pair if value is not None) + " s"
        elif records.failure(scenario, daemon, phase):
            figures[daemon] = "failed"
    ratios = [records.ratio(scenario, OURS, RIVAL, phase, key) for key in ("wall", "cpu")]
    known = [ratio for ratio in ratios if ratio is not None]
    met = max(known) <= aim if len(known) == 2 else False if figures.get(OURS) == "failed" else None
    return Line(work, figures, " / ".join(f"{ratio:.2f}" for ratio in known), f"≤ {aim:g} x", met)


def plainly(work: str, scenario: str, phase: str, aim: float, records: Records) -> Line:
    """Ours interpreted against BIRD 2, wall and CPU."""
    ratios = [records.ratio(scenario, PLAIN, RIVAL, phase, key) for key in ("wall", "cpu")]
    known = [ratio for ratio in ratios if ratio is not None]
    figures = {PLAIN: " / ".join(f"{ratio:.2f}" for ratio in known) + " x"} if known else {}
    return Line(work, figures, "", f"≤ {aim:g} x", max(known) <= aim if len(known) == 2 else None)


def absolute(
    work: str, reading: Reading, unit: str, aim: float | None, records: Records, *, least: bool = False
) -> Line:
    """One figure a daemon; ours is to be at most the aim (`least`: at least)."""
    found = {daemon: reading(records, daemon) for daemon in (OURS, PLAIN, RIVAL)}
    figures = {daemon: f"{number(value)} {unit}".strip() for daemon, value in found.items() if value is not None}
    ours = found[OURS]
    ratio = quotient(ours, found[RIVAL])
    met = None if ours is None or aim is None else ours >= aim if least else ours <= aim
    wanted = "" if aim is None else f"{'≥' if least else '≤'} {aim:g} {unit}".strip()
    return Line(work, figures, "" if ratio is None else f"{ratio:.2f}", wanted, met)


def _median(scenario: str, phase: str, key: str, scale: float = 1.0) -> Reading:
    def read(records: Records, daemon: str) -> float | None:
        value = records.median(scenario, daemon, phase, key)
        return None if value is None else value * scale

    return read


def _worst(key: str, scale: float = 1.0) -> Reading:
    def read(records: Records, daemon: str) -> float | None:
        value = records.worst(daemon, key)
        return None if value is None else value * scale

    return read


def _further(scenario: str) -> Reading:
    """MiB that each further peer with the same table costs."""

    def read(records: Records, daemon: str) -> float | None:
        tables = [records.median(scenario, daemon, f"{word} table", "rss") for word in ("first", "third")]
        return None if tables[0] is None or tables[1] is None else (tables[1] - tables[0]) / 2

    return read


def _share_of_limit(scenario: str) -> Reading:
    """Our routes a second over those of the C program."""

    def read(records: Records, daemon: str) -> float | None:
        limit = records.median(scenario, LIMIT, "install", "wall")
        return quotient(limit, records.median(scenario, daemon, "install", "wall"))

    return read


def lines(records: Records) -> list[Line]:
    """The table."""
    found = [against(*row, records) for row in AGAINST]
    found += [plainly(*row, records) for row in PLAINLY]
    found += [absolute(work, reading, unit, aim, records) for work, reading, unit, aim in ABSOLUTE]
    found += [
        absolute(f"{name}: share of what a C program reaches", _share_of_limit(name), "", 0.8, records, least=True)
        for name in ("K100", "K500")
    ]
    return [line for line in found if line.figures]


AGAINST: Final[Sequence[tuple[str, str, str, float]]] = (
    ("A: 100k IPv4 routes in, out to another peer", "A", "init", 1.0),
    ("A: all of them again, with new attributes", "A", "churn", 1.0),
    ("A: the session they came from ends", "A", "drop0", 1.0),
    ("A6: 100k IPv6 routes", "A6", "init", 1.0),
    ("A6: all of them again, with new attributes", "A6", "churn", 1.0),
    ("B: 1M routes", "B", "init", 1.0),
    ("B: a new peer gets the full table", "B", "late", 0.7),
    ("B: all of them again, with new attributes", "B", "churn", 1.0),
    ("B: all withdrawn", "B", "wdall", 1.0),
    ("C: 10 peers with the same 100k, to 2", "C", "init", 1.0),
    ("C: all of them again, with new attributes", "C", "churn", 1.0),
    ("C: the session of one of the ten ends", "C", "drop0", 1.0),
    ("C: all withdrawn", "C", "wdall", 1.0),
    ("D: 100 peers, 1k each, all to all", "D", "init", 0.5),
    ("D: all of them again, with new attributes", "D", "churn", 0.5),
    ("D: the session of one of the hundred ends", "D", "drop0", 1.0),
    ("D: all withdrawn", "D", "wdall", 1.0),
    ("F: 10 peers, 50k each, to 2", "F", "init", 1.0),
    ("F: all withdrawn", "F", "wdall", 1.0),
    ("K100: 100k routes into the kernel", "K100", "install", 0.6),
    ("K100: out of the kernel again", "K100", "remove", 0.6),
    ("K500: 500k routes into the kernel", "K500", "install", 0.6),
    ("K500: out of the kernel again", "K500", "remove", 0.6),
)
PLAINLY: Final[Sequence[tuple[str, str, str, float]]] = (
    ("A, interpreted, against BIRD 2", "A", "init", 3.0),
    ("A6, interpreted, against BIRD 2", "A6", "init", 3.0),
    ("B, interpreted, against BIRD 2", "B", "init", 3.0),
)
ABSOLUTE: Final[Sequence[tuple[str, Reading, str, float | None]]] = (
    ("E: one route, idle, p50", _median("E", "idle", "p50"), "µs", 100),
    ("E: idle, p99", _median("E", "idle", "p99"), "µs", 1000),
    ("E: beside 1,000 UPDATE/s, p50", _median("E", "beside 1,000", "p50"), "µs", 200),
    ("E: beside 1,000 UPDATE/s, p99", _median("E", "beside 1,000", "p99"), "µs", 2000),
    ("E: beside 20,000 UPDATE/s, p50", _median("E", "beside 20,000", "p50"), "µs", 500),
    ("E: beside 20,000 UPDATE/s, p99", _median("E", "beside 20,000", "p99"), "µs", 5000),
    ("keepalives in all of these: latest", _worst("late"), "s", 0.3),
    ("sessions with a hold time of 3 s lost beside all of these", _worst("keeper_lost"), "", 0),
    ("event loop away from its sockets, at most", _worst("stall_longest", 1000), "ms", 20),
    ("memory with 100k routes", _median("A", "init", "rss"), "MiB", 60),
    ("memory with 1M routes", _median("B", "init", "rss"), "MiB", 220),
    ("a further peer with the same 1M routes, grouped alike", _further("P"), "MiB", 60),
    ("the same, grouped otherwise", _further("Pother"), "MiB", 130),
    ("M: 20 nodes, from exec to every route in every kernel", _median("M20", "mesh", "wall"), "s", 4),
    ("M: 20 nodes, after the last one listens", _median("M20", "mesh", "after_listening"), "s", 2),
    ("M: 20 nodes at rest, of a processor a node", _median("M20", "mesh", "idle"), "%", 0.2),
    ("M: 50 nodes, from exec to every route in every kernel", _median("M50", "mesh", "wall"), "s", 10),
    ("M: 50 nodes, after the last one listens", _median("M50", "mesh", "after_listening"), "s", 2),
    ("M: 50 nodes at rest, of a processor a node", _median("M50", "mesh", "idle"), "%", 0.6),
    ("M: 50 nodes, one is killed: its routes gone everywhere", _median("M50", "mesh", "heal"), "s", None),
    ("M: 50 nodes, memory a node, shared pages by share", _median("M50", "mesh", "pss"), "MiB", None),
    ("R: 20 nodes, two reflect, to every route in every kernel", _median("R20", "mesh", "wall"), "s", None),
    ("R: a reflector is killed: its routes gone, all others kept", _median("R20", "mesh", "heal_reflector"), "s", None),
    ("L: 20 nodes, one loses its link, hold time 9 s", _median("L20", "mesh", "heal_cut"), "s", None),
    ("one session, nothing to do: memory", _median("idle", "idle", "rss"), "MiB", 45),
    ("one session, nothing to do: wake-ups a second", _median("idle", "idle", "wakeups"), "", None),
    ("exec to first OPEN", _median("idle", "idle", "first_open"), "s", 0.3),
    ("instructions a route (A)", _median("instructions", "init", "a_route", 0.001), "thousand", None),
)
