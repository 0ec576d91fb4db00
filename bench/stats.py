"""The arithmetic: medians of runs, ratios, straight lines through two points."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Record:
    """One phase of one run of one daemon."""

    scenario: str
    daemon: str
    run: int
    phase: str
    values: dict[str, float] = field(default_factory=dict)  #: seconds, MiB, counts, by name
    failed: str = ""  #: why there are no values


class Records(list[Record]):
    """All that was measured."""

    def values(self, scenario: str, daemon: str, phase: str, key: str) -> list[float]:
        """One figure of every run that has it."""
        return [
            record.values[key]
            for record in self
            if (record.scenario, record.daemon, record.phase) == (scenario, daemon, phase) and key in record.values
        ]

    def median(self, scenario: str, daemon: str, phase: str, key: str) -> float | None:
        """The median of the runs; None where nothing was measured."""
        found = self.values(scenario, daemon, phase, key)
        return statistics.median(found) if found else None

    def ratio(self, scenario: str, one: str, other: str, phase: str, key: str) -> float | None:
        """The median of one daemon over that of another in the same run of the benchmark."""
        return quotient(self.median(scenario, one, phase, key), self.median(scenario, other, phase, key))

    def worst(self, daemon: str, key: str) -> float | None:
        """The largest value of a figure in any scenario and phase."""
        found = [record.values[key] for record in self if record.daemon == daemon and key in record.values]
        return max(found) if found else None

    def has(self, scenario: str, key: str) -> bool:
        """Whether any daemon has this figure."""
        return any(record.scenario == scenario and key in record.values for record in self)

    def failure(self, scenario: str, daemon: str, phase: str) -> str:
        """Why a phase has no value; empty where it has one or was not tried."""
        for record in self:
            if (record.scenario, record.daemon, record.phase) == (scenario, daemon, phase) and record.failed:
                return record.failed
        return ""

    def scenarios(self) -> list[str]:
        return list(dict.fromkeys(record.scenario for record in self))

    def phases(self, scenario: str) -> list[str]:
        return list(dict.fromkeys(record.phase for record in self if record.scenario == scenario))

    def daemons(self, scenario: str | None = None) -> list[str]:
        wanted = [record for record in self if scenario in (None, record.scenario)]
        return list(dict.fromkeys(record.daemon for record in wanted))


def quotient(one: float | None, other: float | None) -> float | None:
    """None where either is missing or there is nothing to divide by."""
    return None if one is None or other is None or other <= 0 else one / other


@dataclass(frozen=True, slots=True)
class Line:
    """y = base + slope * x."""

    base: float
    slope: float

    def at(self, x: float) -> float:
        return self.base + self.slope * x


def line(points: Sequence[tuple[float, float]]) -> Line:
    """The line of least squares; through both where there are two. Raises ValueError where it has no direction."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if len(set(xs)) < 2:
        raise ValueError("a line needs points at two places")
    slope, base = statistics.linear_regression(xs, ys)
    return Line(base, slope)


def off(predicted: float, measured: float) -> float:
    """How far a prediction was from what was measured, as a share of the latter."""
    return (predicted - measured) / measured


def plane(points: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """The (a, b) of z = a * x + b * y through two points (x, y, z). Raises ValueError where they do not fix it."""
    (x1, y1, z1), (x2, y2, z2) = points
    determinant = x1 * y2 - x2 * y1
    if determinant == 0:
        raise ValueError("two points in one direction fix no plane")
    return (z1 * y2 - z2 * y1) / determinant, (x1 * z2 - x2 * z1) / determinant
