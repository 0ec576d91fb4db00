"""What a run found, put together: the text for the terminal, the JSON, and the parts of the documents."""

import datetime as dt
import json
import os
import platform
import re
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bench import aims, model, plot, table
from bench.daemons import KINDS, ROOT
from bench.stats import Record, Records
from bgpd.lab.shell import Failed

OUT: Final = ROOT / "bench" / "out"
ELSE: Final = {
    "idle": "one session, nothing to do",
    "instructions": "counted by valgrind, work of A",
}
MARK: Final = "<!-- bench -->"
DRAWN: Final = (
    ("A", "init", "A: 100k routes in and out"), ("B", "init", "B: 1M routes in and out"),
    ("B", "late", "B: a new peer gets 1M"), ("C", "init", "C: 10 x the same 100k"),
    ("D", "init", "D: 100 peers, all to all"), ("F", "init", "F: 10 x 50k, to 2"),
    ("K100", "install", "K: 100k into the kernel"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the benchmark."""

    machine: Mapping[str, str]
    versions: Mapping[str, str]  #: daemon -> its version
    missing: Mapping[str, str]  #: daemon -> why it was not measured
    seconds: float  #: how long the run took
    whole: bool  #: all scenarios, all daemons, full size
    records: Records


def machine() -> dict[str, str]:
    """What the run ran on."""
    processor = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{os.cpu_count()} x {processor[1] if processor else platform.machine()}",
        "memory": f"{int(memory[1]) / 2**20:.0f} GiB" if memory else "unknown",
        "kernel": f"Linux {platform.release()}",
        "python": platform.python_version(),
        "load": f"{os.getloadavg()[0]:.1f}",  #: what else ran when it began
    }


def keep(run: Run, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    document = asdict(run) | {"records": [asdict(record) for record in run.records]}
    file.write_text(json.dumps(document, indent=1) + "\n")


def read(file: Path) -> Run:
    """What `keep` wrote. Raises Failed where it is something else."""
    try:
        document: dict[str, Any] = json.loads(file.read_text())
        document["records"] = Records(Record(**row) for row in document["records"])
        return Run(**document)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Failed(f"{file}: no results of a run: {error}") from None


def heading(run: Run) -> str:
    """Machine, versions, date."""
    found = run.machine
    versions = ", ".join(
        f"{KINDS[name].title} {version}" for name, version in run.versions.items() if not KINDS[name].ours
    )
    return (
        f"{found['date']}; {found['processor']}, {found['memory']}, {found['kernel']}, Python {found['python']}; "
        f"load {found['load']} at the start; {versions or 'no other daemon'}; {run.seconds / 60:.1f} minutes"
    )


def text(run: Run) -> str:
    """Everything, for a terminal."""
    parts = [heading(run), table.text(table.aims(aims.lines(run.records)))]
    if not run.whole:
        parts.insert(
            1, "Not a whole run. Sizes are named as a whole run has them; a quick one takes a fifth of them or less."
        )
    parts += [
        f"{name}: {_what(name)}\n{table.text(table.scenario(run.records, name))}" for name in run.records.scenarios()
    ]
    parts += [f"{one.what}\n  {one.formula}\n  {one.check}" for one in model.formulas(run.records, aims.OURS)]
    parts += [f"not measured: {KINDS[name].title}: {why}" for name, why in run.missing.items()]
    parts += [f"FAILED {line}" for line in table.failures(run.records)]
    return "\n\n".join(parts)


def _what(scenario: str) -> str:
    from bench.mesh import SHAPES  # noqa: PLC0415 - they import much, and a report of a file needs little
    from bench.scenarios import SCENARIOS  # noqa: PLC0415

    said = {row.name: row.what for row in SCENARIOS.values()} | {name: shape.what for name, shape in SHAPES.items()}
    return {**said, **ELSE}.get(scenario, "")


def chart(run: Run) -> str:
    """CPU and wall time against BIRD 2: the larger of both ratios."""
    names = [name for name in KINDS if name in run.records.daemons() and name != "exabgp"]
    groups = {}
    for scenario, phase, words in DRAWN:
        bars = {}
        for name in names:
            ratios = [run.records.ratio(scenario, name, aims.RIVAL, phase, key) for key in ("wall", "cpu")]
            known = [ratio for ratio in ratios if ratio is not None]
            if known:
                bars[KINDS[name].title] = max(known)
        if bars:
            groups[words] = bars
    note = f"the worse of wall and CPU time, logarithmic; {run.machine['date']}, {run.machine['processor']}"
    titles = [KINDS[name].title for name in names]
    return plot.svg(plot.Chart("Time for the same work, BIRD 2 = 1 (shorter is better)", note, titles, groups))


def readme(run: Run) -> str:
    """What stands between the marks of the README."""
    formulas = [f"- {one.what}: {one.formula} ({one.check})" for one in model.formulas(run.records, aims.OURS)]
    failed = [f"- FAILED {line}" for line in table.failures(run.records, brief=True)]
    intro = (
        f"Measured: {heading(run)}. `bgpd` is compiled (`make build`). Times are wall / CPU seconds, medians of "
        "interleaved runs; memory is resident. Everything, with the other daemons: [docs/bench.md](docs/bench.md)."
    )
    return "\n".join([
        textwrap.fill(intro, 118, break_long_words=False, break_on_hyphens=False),
        "",
        "![Time for the same work, BIRD 2 = 1](docs/bench.svg)",
        "",
        table.markdown(table.aims(aims.lines(run.records))),
        "",
        *formulas,
        *failed,
    ])  # fmt: skip


def details(run: Run) -> str:
    """docs/bench.md, after its introduction."""
    parts = [textwrap.fill(f"Run: {heading(run)}.", 118, break_long_words=False, break_on_hyphens=False)]
    for scenario in run.records.scenarios():
        parts += [f"### {scenario}: {_what(scenario)}", table.markdown(table.scenario(run.records, scenario))]
    parts += ["### As formulas"]
    parts += ["\n".join(f"- {one.what}: {one.formula} ({one.check})" for one in model.formulas(run.records, aims.OURS))]
    parts += [f"Not measured: {KINDS[name].title}, which could not be had there." for name in run.missing]
    parts += [f"FAILED: {line}" for line in table.failures(run.records, brief=True)]
    return "\n\n".join(parts)


def replaced(document: str, part: str, name: str) -> str:
    """The document with `part` between its two marks; raises Failed where they are not there."""
    pieces = document.split(MARK)
    if len(pieces) == 2:  # one mark only: the part goes behind it
        pieces = [pieces[0], "", pieces[1]]
    if len(pieces) != 3:
        raise Failed(f"{name}: expected the mark {MARK} once or twice, found it {len(pieces) - 1} times")
    return f"{pieces[0]}{MARK}\n{part}\n{MARK}{pieces[2]}"


def publish(run: Run, root: Path = ROOT) -> list[Path]:
    """Write the run into README.md, docs/bench.md and docs/bench.svg. Raises Failed where it is not a whole run."""
    if not run.whole:
        raise Failed("only a whole run is published: no QUICK, no BENCH, no DAEMONS")
    files = {root / "README.md": readme(run), root / "docs" / "bench.md": details(run)}
    made = {file: replaced(file.read_text(), part, file.name) for file, part in files.items()}
    made[root / "docs" / "bench.svg"] = chart(run)
    for file, content in made.items():
        file.write_text(content)
    return list(made)
