"""Results: what was measured, in which unit, and the aim, if there is one."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import bgpd

OUT = Path(__file__).resolve().parent / "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One figure: the median of `values`."""

    what: str
    unit: str
    values: Sequence[float]
    aim: float | None = None  #: at most this

    @property
    def value(self) -> float:
        """The median."""
        return statistics.median(self.values)


def text(results: Sequence[Result]) -> str:
    """The results as a table."""
    rows = [("", "median", "worst", "runs", "aim", "")]
    for result in results:
        met = "" if result.aim is None else "met" if result.value <= result.aim else "MISSED"
        aim = "" if result.aim is None else f"< {_number(result.aim)} {result.unit}"
        worst = _number(max(result.values)) if len(result.values) > 1 else ""
        rows.append((result.what, f"{_number(result.value)} {result.unit}", worst, str(len(result.values)), aim, met))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def keep(name: str, results: Sequence[Result]) -> Path:
    """Write the results to bench/out/NAME.json, with what the machine is."""
    OUT.mkdir(exist_ok=True)
    file = OUT / f"{name}.json"
    machine = {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "load": os.getloadavg(),
        "bgpd": bgpd.__version__,
    }
    rows = [asdict(result) | {"median": result.value} for result in results]
    file.write_text(json.dumps({"machine": machine, "results": rows}, indent=1) + "\n")
    return file
