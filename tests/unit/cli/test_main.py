"""bgpctl from end to end: its words, a real socket, a daemon made of samples, exit codes."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from bgpd.cli.main import INTERRUPTED, NOT_REACHABLE, OK, SAYS_NO, USAGE, main
from bgpd.control.service import ControlService
from bgpd.speaker.views import RouteView
from tests.unit.control.fake import CHECK, EVENTS, KERNEL, NEIGHBORS, NODE2, ROUTES, STATUS, FakeQueries, until


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "bgpd.sock")


@pytest.fixture
async def queries(path: str) -> AsyncIterator[FakeQueries]:
    """A daemon behind `path`."""
    made = FakeQueries()
    service = ControlService(path, queries=made, on_event=lambda _event, _values: None)
    await service.start()
    yield made
    await service.stop()


async def run(path: str, line: str) -> int:
    return await asyncio.to_thread(main, ["--control", path, *line.split()])


def plain(value: object) -> object:
    return json.loads(msgspec.json.encode(value))


async def test_every_command_prints_a_table(
    path: str, queries: FakeQueries, capsys: pytest.CaptureFixture[str]
) -> None:
    for line, word in (
        ("show status", "64512"),
        ("show neighbors", "dc-router"),
        ("show neighbor node2", "Administrative Shutdown"),
        ("show route", "10.244.2.0/24"),
        ("show route 10.244.2.0/24", "Communities"),
        ("show kernel", "blackhole"),
        ("show kernel summary", "protocol 64"),
    ):
        assert await run(path, line) == OK
        out = capsys.readouterr()
        assert word in out.out
        assert out.err == ""
        assert "\x1b" not in out.out  # not a terminal


@pytest.mark.parametrize(
    ("line", "view"),
    [
        ("show status", STATUS),
        ("show neighbors", NEIGHBORS),
        ("show neighbor node2", NODE2),
        ("show route", ROUTES),
        ("show kernel", KERNEL),
    ],
)
async def test_json_is_the_views_as_they_are(
    path: str, queries: FakeQueries, capsys: pytest.CaptureFixture[str], line: str, view: object
) -> None:
    assert await run(path, f"{line} --json") == OK
    assert json.loads(capsys.readouterr().out) == plain(view)


async def test_a_check_that_finds_something_says_so_by_its_exit_code(
    path: str, queries: FakeQueries, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(path, "kernel check") == SAYS_NO
    assert "changed without an event" in capsys.readouterr().out
    assert await run(path, "ker ch --json") == SAYS_NO
    assert json.loads(capsys.readouterr().out) == plain(CHECK)


async def test_an_empty_list_is_valid_json(path: str, queries: FakeQueries, capsys: pytest.CaptureFixture[str]) -> None:
    queries.rows = lambda: iter(())
    assert await run(path, "-j show route") == OK
    assert json.loads(capsys.readouterr().out) == []
    assert await run(path, "-j show kernel summary") == OK
    assert json.loads(capsys.readouterr().out)["routes"] == []


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("show neighbor nod2", SAYS_NO, "did you mean node2?"),
        ("show route received nobody", SAYS_NO, "no neighbor 'nobody'"),
        ("show route 10.0.0.1/8", USAGE, "10.0.0.0/8"),
        ("show nieghbors", USAGE, "did you mean 'neighbors'?"),
        ("--jsno show status", USAGE, "did you mean '--json'?"),
        ("--json=1 show status", USAGE, "takes no value"),
        ("show status --control", USAGE, "wants the path"),
        ("", USAGE, "bgpctl help"),
    ],
)
async def test_exit_codes(
    path: str, queries: FakeQueries, capsys: pytest.CaptureFixture[str], line: str, code: int, words: str
) -> None:
    assert await run(path, line) == code
    out = capsys.readouterr()
    assert out.out == ""
    assert words in out.err
    assert out.err.startswith("bgpctl: ")


def test_no_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "none.sock"
    assert main(["show", "status", f"--control={missing}"]) == NOT_REACHABLE
    assert "there is no" in capsys.readouterr().err
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(missing))
    stale.close()
    monkeypatch.setenv("BGPD_CONTROL", str(missing))
    assert main(["show", "status"]) == NOT_REACHABLE
    assert "nobody listens" in capsys.readouterr().err
    assert main(["show", "status", "-s", str(tmp_path)]) == NOT_REACHABLE
    assert main(["show", "status", "-s", "x" * 200]) == NOT_REACHABLE
    assert "--control PATH" in capsys.readouterr().err


@pytest.mark.parametrize("answer", [b"", b"0001 BIRD ready.\n", b'{"header":null}\n{"row":{}}\n', b'{"header":nu'])
async def test_an_answer_that_is_none_or_breaks_off(
    path: str, capsys: pytest.CaptureFixture[str], answer: bytes
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    async with await asyncio.start_unix_server(serve, path):
        assert await run(path, "--json show neighbors") == NOT_REACHABLE
    out = capsys.readouterr()
    assert "bgpctl: " in out.err
    with pytest.raises(json.JSONDecodeError):
        json.loads(out.out)  # what was cut off does not look complete


async def test_a_listing_that_fails_in_the_middle(
    path: str, queries: FakeQueries, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> Iterator[RouteView]:
        yield ROUTES[0]
        raise RuntimeError("the table is gone")

    queries.rows = broken
    assert await run(path, "show route") == SAYS_NO
    assert "the table is gone" in capsys.readouterr().err


async def test_watch_until_the_daemon_stops(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    for line in ("watch", "watch --json"):
        queries = FakeQueries()
        service = ControlService(path, queries=queries)
        await service.start()
        watching = asyncio.create_task(run(path, line))
        await until(lambda queries=queries: queries.listeners)  # type: ignore[misc]
        for _ in range(300):  # four times its queue in one turn
            for event in EVENTS:
                queries.emit(event)
        await until(lambda queries=queries: not _waiting(queries))  # type: ignore[misc]
        await service.stop()
        assert await watching == SAYS_NO
        out = capsys.readouterr()
        assert "the daemon is stopping" in out.err
        assert "lost: this end was too slow" in out.out + out.err
        last = out.out.splitlines()[-1]
        assert json.loads(last) == plain(EVENTS[-1]) if "json" in line else "reloaded" in last


def _waiting(queries: FakeQueries) -> int:
    """Events in the mailbox of the one watcher, which subscribed with its bound method `put`."""
    mailbox = queries.listeners[0].__self__  # type: ignore[attr-defined]
    return len(mailbox._events)


async def test_a_reader_that_has_seen_enough(path: str, queries: FakeQueries) -> None:
    """`bgpctl show route | head -1`: no complaint, no hang."""
    queries.rows = lambda: (ROUTES[1] for _ in range(50_000))
    code = f"import sys; from bgpd.cli.main import main; sys.exit(main(['-s', {path!r}, 'show', 'route']))"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert b"eligible" in await process.stdout.readline()
    process.stdout._transport.close()  # type: ignore[attr-defined]
    assert await process.stderr.read() == b""
    assert await process.wait() == OK


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for line in (["help"], ["--help"], ["show", "-h"]):
        assert main(line) == OK
        assert "show route" in capsys.readouterr().out
    assert main(["--version"]) == OK
    assert capsys.readouterr().out.startswith("bgpctl 0.")


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bgpd.cli.main.ask", interrupted)
    assert main(["show", "status"]) == INTERRUPTED


def test_it_imports_little() -> None:
    """A person waits for it: nothing that only the daemon needs."""
    import subprocess

    code = "import sys, bgpd.cli.main; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"asyncio", "rich", "msgspec", "dataclasses", "argparse", "structlog", "bgpd.speaker"} & set(loaded)
