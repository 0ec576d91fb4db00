"""What people read: golden files (UPDATE_GOLDEN=1 writes them), and the rules of the paper."""

import io
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from bgpd.cli import render
from bgpd.cli.render import LEGEND, Paper, View, clean, duration, octets
from tests.unit.control.fake import CHECK, EVENTS, HOSTILE, KERNEL, NEIGHBORS, NODE2, NODE3, NOW, ROUTER, ROUTES, STATUS

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def view(value: object) -> View:
    """As it comes over the socket."""
    decoded: View = json.loads(msgspec.json.encode(value))
    return decoded


def drawn(draw: Callable[[Paper], None], *, width: int | None = None, colour: bool = False) -> str:
    out = io.StringIO()
    draw(Paper(out.write, width=width, colour=colour, now=NOW))
    return out.getvalue()


def events(paper: Paper) -> None:
    for event in EVENTS:
        render.event(paper, view(event))
    render.lost(paper, 1)


SHEETS: dict[str, Callable[[Paper], None]] = {
    "status": lambda paper: render.status(paper, view(STATUS)),
    "neighbors": lambda paper: render.neighbors(paper, map(view, NEIGHBORS)),
    "neighbor-up": lambda paper: render.neighbor(paper, view(NODE2)),
    "neighbor-down": lambda paper: render.neighbor(paper, view(NODE3)),
    "neighbor-external": lambda paper: render.neighbor(paper, view(ROUTER)),
    "neighbor-hostile": lambda paper: render.neighbor(paper, view(HOSTILE)),
    "routes": lambda paper: render.routes(paper, map(view, ROUTES)),
    "routes-in-full": lambda paper: render.routes_in_full(paper, map(view, ROUTES)),
    "kernel_check": lambda paper: render.kernel_check(paper, view(CHECK), map(view, CHECK.findings)),
    "kernel": lambda paper: render.kernel(paper, view(KERNEL), map(view, KERNEL.routes)),
    "watch": events,
}


def compare(name: str, text: str) -> None:
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("name", SHEETS)
def test_in_a_pipe(name: str) -> None:
    text = drawn(SHEETS[name])
    assert text.isprintable() or (set(text) - {"\n"} and all(c.isprintable() or c == "\n" for c in text))
    assert not any(line.endswith(" ") for line in text.splitlines())
    compare(name, text)


@pytest.mark.parametrize("name", ["neighbors", "routes"])
def test_on_a_narrow_terminal(name: str) -> None:
    compare(f"{name}-terminal", drawn(SHEETS[name], width=100, colour=True))


def test_every_golden_file_is_used() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {*SHEETS, "neighbors-terminal", "routes-terminal"}


def test_colour_changes_nothing_but_colour() -> None:
    for name, sheet in SHEETS.items():
        painted = drawn(sheet, colour=True)
        for style in (render.GOOD, render.WARN, render.BAD, render.DIM, render.BOLD):
            painted = painted.replace(f"\x1b[{style}m", "")
        painted = painted.replace("\x1b[0m", "")
        assert painted == drawn(sheet), name


def test_addresses_have_a_column_only_beside_names() -> None:
    assert "Address" not in drawn(lambda paper: render.neighbors(paper, [view(NODE3)]))


def test_empty_answers_say_so() -> None:
    assert "--peer" in drawn(lambda paper: render.neighbors(paper, []))
    assert drawn(lambda paper: render.routes(paper, [])) == "No such route.\n"
    assert drawn(lambda paper: render.routes_in_full(paper, [])) == "No such route.\n"
    assert "--no-kernel" in drawn(lambda paper: render.kernel(paper, {"enabled": False}, []))


def test_later_blocks_only_get_wider() -> None:
    short: render.Row = ["a", "x"]
    longer: render.Row = ["longer", "x"]
    rows = [short] * 500 + [longer] * 500
    lines = drawn(lambda paper: print(paper.table(("A", "B"), rows))).splitlines()
    assert (lines[1], lines[501], len(lines)) == ("a  x", "longer  x", 1001)


def test_only_the_last_column_is_cut_and_only_on_a_terminal() -> None:
    reason = "a long reason that goes on and on"
    rows: list[render.Row] = [["name", reason]]

    def row(width: int | None) -> str:
        return drawn(lambda paper: print(paper.table(("A", "B"), rows)), width=width).splitlines()[1]

    assert row(30) == "name  a long reason that goes…"
    for width in (None, 39, 29):  # no terminal, wide enough, too narrow to be worth cutting
        assert row(width) == f"name  {reason}"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0s"), (0.9, "0s"), (59, "59s"), (60, "1m"), (133, "2m 13s"), (3600, "1h"),
        (3605, "1h"), (7384, "2h 3m"), (90_000, "1d 1h"), (86_400 * 400, "400d"),
    ],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (44_040_192, "42.0 MiB"), (5 << 30, "5.0 GiB")]
)
def test_octets(count: int, text: str) -> None:
    assert octets(count) == text


def test_what_a_peer_says_cannot_steer_the_terminal() -> None:
    assert clean("bye\x1b[2J\r\n\x07\u202e\x9b") == r"bye\x1b[2J\r\n\x07\u202e\x9b"
    assert clean("grüße") == "grüße"
    assert LEGEND.isprintable()
