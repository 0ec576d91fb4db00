"""An SVG of bars, written as text: one row of bars a piece of work, on a logarithmic axis, without any library."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

COLOURS: Final = ("#1f6feb", "#79b8ff", "#6e7781", "#bf8700", "#8250df", "#cf222e", "#1a7f37")
WIDTH, LEFT, RIGHT, TOP, BAR, GAP = 860, 210, 70, 92, 13, 16


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn: for each group the value of each series that has one; `one` is the line that divides them."""

    title: str
    note: str
    series: Sequence[str]
    groups: Mapping[str, Mapping[str, float]]


def svg(chart: Chart) -> str:
    """The whole file. Values are more than 0; a chart without any raises ValueError."""
    values = [value for group in chart.groups.values() for value in group.values()]
    if not values or min(values) <= 0:
        raise ValueError("a logarithmic axis needs values, and all above 0")
    low = math.floor(math.log10(min(*values, 0.5)))
    high = math.ceil(math.log10(max(*values, 2.0)))
    span = (WIDTH - LEFT - RIGHT) / (high - low)

    def at(value: float) -> float:
        return LEFT + (math.log10(value) - low) * span

    body, y = [], float(TOP)
    for name, group in chart.groups.items():
        body.append(_text(LEFT - 10, y + len(group) * BAR / 2 + 4, name, "end"))
        for series in (word for word in chart.series if word in group):
            value, colour = group[series], COLOURS[chart.series.index(series) % len(COLOURS)]
            body.append(_rectangle(LEFT, y, at(value) - LEFT, BAR - 2, colour))
            body.append(_text(at(value) + 4, y + BAR - 3.5, _short(value), "start", 9))
            y += BAR
        y += GAP
    grid = [line for power in range(low, high + 1) for line in _tick(at(10.0**power), y - GAP, 10.0**power)]
    height = int(y + 24)
    head = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" fill="#24292f"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" {head} font-family="system-ui, sans-serif" font-size="12">',
        _rectangle(0, 0, WIDTH, height, "#ffffff"),
        _text(14, 24, chart.title, "start", 15),
        _text(14, 43, chart.note, "start", 11),
        *_legend(chart.series),
        *grid,
        *body,
        "</svg>",
        "",
    ])  # fmt: skip


def _legend(series: Sequence[str]) -> list[str]:
    made, x = [], 14.0
    for i, name in enumerate(series):
        made += [_rectangle(x, 57, 11, 11, COLOURS[i % len(COLOURS)]), _text(x + 16, 67, name, "start")]
        x += 30 + 7.2 * len(name)
    return made


def _tick(x: float, bottom: float, value: float) -> list[str]:
    colour, wide = ("#57606a", 1.2) if value == 1 else ("#d8dee4", 1.0)
    rule = f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="{colour}" stroke-width="{wide}"/>'
    return [rule, _text(x, bottom + 16, _short(value), "middle", 11)]


def _rectangle(x: float, y: float, width: float, height: float, colour: str) -> str:
    """From x to x + width; the axis may lie to the right of the value."""
    left, wide = (x, width) if width >= 0 else (x + width, -width)
    return f'<rect x="{left:.1f}" y="{y:.1f}" width="{max(wide, 0.5):.1f}" height="{height:.1f}" fill="{colour}"/>'


def _text(x: float, y: float, words: str, anchor: str, size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
