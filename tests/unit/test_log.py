"""Log lines: what people read, what machines read, and what cannot go wrong."""

import ast
import io
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bgpd.log import EVENTS, LEVELS, Logger, setup

ROOT = Path(__file__).parents[2]


def lines(log_format: str, *events: tuple[str, str, dict[str, object]], level: str = "info") -> list[str]:
    stream = io.StringIO()
    log = setup(log_format, level, stream)
    for event in events:
        log.emit(*event)
    return stream.getvalue().splitlines()


def console(fields: dict[str, object]) -> str:
    (line,) = lines("console", ("info", "session", fields))
    return line.partition("session")[2].strip()


def test_console() -> None:
    (line,) = lines("console", ("warning", "session", {"peer": "rack1", "old": "OpenConfirm", "new": "Idle"}))
    stamp, rest = line[:24], line[24:]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z", stamp)
    assert rest == " warning session           peer=rack1 old=OpenConfirm new=Idle"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("word", "word"),
        (5, "5"),
        (None, "None"),
        ("two words", '"two words"'),
        ("", '""'),
        ('say "hi"', '"say \\"hi\\""'),
        ("a=b", '"a=b"'),
        ("back\\slash here", '"back\\\\slash here"'),
        (b"\x01\xff", "01ff"),
        ("a\nb", '"a\\nb"'),
        ("\x1b[31mred", '"\\x1b[31mred"'),
        ("\u202e", '"\\u202e"'),
        ("fd00::1", "fd00::1"),
        ("größer", "größer"),
    ],
)
def test_a_value_is_one_word_or_in_quotes(value: object, text: str) -> None:
    assert console({"x": value}) == f"x={text}"


def test_a_traceback_stands_below_its_line() -> None:
    first, *below = lines("console", ("error", "bug", {"reason": "x", "traceback": "Traceback:\n  File 1\nError\n"}))
    assert first.endswith("reason=x")
    assert below == ["    Traceback:", "      File 1", "    Error"]


def test_json() -> None:
    fields = {"peer": "rack1", "text": 'a\n"b"', "raw": b"\x01", "count": 3, "nested": {"x": [1, None]}, "odd": {1}}
    (line,) = lines("json", ("info", "session", dict(fields)))
    event = json.loads(line)
    assert list(event) == ["time", "level", "event", "peer", "text", "raw", "count", "nested", "odd"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
    assert (event["level"], event["event"]) == ("info", "session")
    assert {name: event[name] for name in ("text", "raw", "count", "nested", "odd")} == {
        "text": 'a\n"b"',
        "raw": "01",
        "count": 3,
        "nested": {"x": [1, None]},
        "odd": "{1}",
    }


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_fields_cannot_take_the_place_of_ours(log_format: str) -> None:
    (line,) = lines(log_format, ("info", "session", {"event": "x", "level": "y", "time": "z", "self": "s"}))
    assert "session" in line
    for name in ("event_", "level_", "time_", "self_"):
        assert name in line


@pytest.mark.parametrize("level", list(LEVELS))
def test_levels(level: str) -> None:
    written = lines("json", *((name, "session", {}) for name in LEVELS), level=level)
    assert [json.loads(line)["level"] for line in written] == [name for name in LEVELS if LEVELS[name] >= LEVELS[level]]


def test_the_level_can_change() -> None:
    stream = io.StringIO()
    log = setup("json", "error", stream)
    log.emit("info", "session", {"n": 1})
    log.set_level("debug")
    log.emit("debug", "session", {"n": 2})
    log.set_level("warning")
    log.emit("info", "session", {"n": 3})
    assert [json.loads(line)["n"] for line in stream.getvalue().splitlines()] == [2]


def test_colors_only_where_a_person_looks() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    Logger("console", "info", terminal).emit("error", "bug", {})
    assert "\x1b[31merror" in terminal.getvalue()
    assert "\x1b" not in lines("console", ("error", "bug", {}))[0]


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_line_that_cannot_be_written_is_counted_and_nothing_else() -> None:
    log = setup("console", "info", Full())
    log.emit("info", "session", {})
    log.emit("info", "session", {})
    closed = io.StringIO()
    other = setup("json", "info", closed)
    closed.close()
    other.emit("info", "session", {})
    assert (log.lost, other.lost) == (2, 1)


def test_names_have_one_spelling() -> None:
    assert all(name.isidentifier() and name == name.lower() for name in EVENTS)


def said() -> dict[str, str]:
    """Every event named in the source: name -> where. A call of a logger or of an event callback with literals."""
    found = {}
    for path in sorted((ROOT / "bgpd").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call):
                continue
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            words = [arg.value if isinstance(arg, ast.Constant) else None for arg in call.args[:2]]
            index = {"emit": 1, "_log": 1, "log": 1, "_on_event": 0, "_report": 0, "tell": 0}.get(name)
            if index is not None and len(words) > index and isinstance(words[index], str):
                found[str(words[index])] = f"{path.relative_to(ROOT)}:{call.lineno}"
    return found


def test_every_event_is_in_the_list_and_every_entry_is_used() -> None:
    events = said()
    assert {name: where for name, where in events.items() if name not in EVENTS} == {}
    assert sorted(set(EVENTS) - set(events)) == []


def test_rich_is_not_loaded_for_logs(tmp_path: Path) -> None:
    """It costs 60 ms of the 400 that a start may take."""
    (tmp_path / "rich").mkdir()
    (tmp_path / "rich" / "__init__.py").write_text("here = True\n")
    code = "import sys, bgpd.log; assert 'rich' not in sys.modules; import rich; assert rich.here"
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": path})


def test_lines_that_are_held_back_come_out_in_order_with_their_own_time() -> None:
    stream = io.StringIO()
    log = setup("json", "info", stream)
    log.hold()
    fields: dict[str, object] = {"version": 1}
    log.emit("debug", "session", {})
    log.emit("info", "started", fields)
    fields["version"] = 2
    log.emit("info", "stopping", {"at_": 5})
    assert stream.getvalue() == ""
    before = datetime.now(UTC).isoformat()[:23]
    log.load()
    log.release()
    log.emit("info", "bug", {})
    log.hold()  # too late: what writes is there
    log.emit("info", "config", {})
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in found] == ["started", "stopping", "bug", "config"]
    assert (found[0]["version"], found[1]["at__"]) == (1, 5)
    assert found[0]["time"][:23] <= before <= found[2]["time"][:23]
