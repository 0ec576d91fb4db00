"""Tables: for a terminal and as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Final

from bench.aims import OURS, PLAIN, RIVAL, Line, number
from bench.daemons import KINDS
from bench.stats import Records

Row = Sequence[str]
HEAD: Row = ("work", "bgpd", "interpreted", "BIRD 2", "bgpd / BIRD 2", "aim", "")


def text(rows: Sequence[Row]) -> str:
    """Columns, the first to the left and the others to the right; the first row is the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    made = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in [made[0], "-" * len(made[0]), *made[1:]])


def markdown(rows: Sequence[Row]) -> str:
    """The same for a document."""
    lines = [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows]
    return "\n".join([lines[0], "|---|" + "--:|" * (len(rows[0]) - 1), *lines[1:]])


def aims(lines: Sequence[Line]) -> list[Row]:
    """The lines of the aims, ours against BIRD 2."""
    verdict = {True: "met", False: "missed", None: ""}
    rows: list[Row] = [HEAD]
    for line in lines:
        figures = [line.figures.get(daemon, "-") for daemon in (OURS, PLAIN, RIVAL)]
        rows.append((line.work, *figures, line.ratio or "-", line.aim or "-", verdict[line.met]))
    return rows


#: what the figures of a mesh, of a node at rest and of the counter are called
NAMES: Final[Mapping[str, str]] = {
    "wall": "all routes everywhere, s",
    "started": "all started, s",
    "after_listening": "after the last listens, s",
    "cpu_until": "CPU a node until then, s",
    "idle": "at rest, % of a processor",
    "wakeups": "wake-ups a second",
    "rss": "MiB",
    "pss": "MiB, shared pages by share",
    "reflector_pss": "MiB of a reflector, so",
    "heal": "a node killed: gone everywhere, s",
    "heal_reflector": "a reflector killed: so, s",
    "heal_cut": "a link lost: so, s",
    "first_open": "exec to first OPEN, s",
    "a_route": "instructions a route",
}


def scenario(records: Records, name: str) -> list[Row]:
    """One scenario, all daemons."""
    return everybody(records, name) if records.has(name, "cpu") else figures(records, name)


def figures(records: Records, name: str) -> list[Row]:
    """A scenario of one phase with figures of its own: their medians."""
    (phase,) = records.phases(name)
    keys = [key for key in NAMES if records.has(name, key)]
    rows: list[Row] = [("daemon", *(NAMES[key] for key in keys))]
    for daemon in records.daemons(name):
        cells = [_or_dash(records.median(name, daemon, phase, key)) for key in keys]
        rows.append((_title(daemon), *(["failed"] * len(keys) if records.failure(name, daemon, phase) else cells)))
    return rows


def _title(daemon: str) -> str:
    return KINDS[daemon].title if daemon in KINDS else daemon


def everybody(records: Records, scenario: str) -> list[Row]:
    """One scenario, all daemons: wall / CPU seconds of each phase, memory at the end, the longest silence."""
    phases = [phase for phase in records.phases(scenario) if phase not in ("connect", "end")]
    last = phases[-1] if phases else ""
    rows: list[Row] = [("daemon", *phases, "MiB, at most", "late, s", "others' cores", "runs")]
    for daemon in records.daemons(scenario):
        cells = [_cell(records, scenario, daemon, phase) for phase in phases]
        done = [phase for phase in phases if records.values(scenario, daemon, phase, "wall")]
        peak = records.median(scenario, daemon, done[-1] if done else last, "peak")
        late, others = (_worst(records, scenario, daemon, key) for key in ("late", "others"))
        runs = len(records.values(scenario, daemon, phases[0], "wall")) if phases else 0
        rows.append((_title(daemon), *cells, _or_dash(peak), _or_dash(late), _or_dash(others), str(runs)))
    return rows


def _cell(records: Records, scenario: str, daemon: str, phase: str) -> str:
    p50, p99 = (records.median(scenario, daemon, phase, key) for key in ("p50", "p99"))
    if p50 is not None and p99 is not None:
        return f"{p50:.0f} / {p99:.0f} µs"
    wall, cpu = (records.median(scenario, daemon, phase, key) for key in ("wall", "cpu"))
    if wall is None:
        return "failed" if records.failure(scenario, daemon, phase) else "-"
    return f"{wall:.2f} / {cpu:.2f}" if cpu is not None else f"{wall:.2f}"


def _worst(records: Records, scenario: str, daemon: str, key: str) -> float | None:
    values = [value for phase in records.phases(scenario) for value in records.values(scenario, daemon, phase, key)]
    return max(values) if values else None


def _or_dash(value: float | None) -> str:
    return "-" if value is None else number(value)


def failures(records: Records, *, brief: bool = False) -> list[str]:
    """What did not work, a line each; `brief` without what the daemon said, which may name files of this machine."""
    found = []
    for record in records:
        if record.failed:
            why = record.failed.partition(":")[0] if brief else record.failed[:240]
            found.append(f"{record.scenario} {record.phase}, {record.daemon}, run {record.run}: {why}")
    return found
