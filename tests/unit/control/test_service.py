"""The control socket over real Unix sockets: answers, limits, hostile clients, the socket file."""

# ruff: noqa: ASYNC240 - files in a temporary directory

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bgpd.control.listener import ControlRefused
from bgpd.control.protocol import MAX_REQUEST, ErrorCode
from bgpd.control.service import ControlService, Limits
from bgpd.speaker.events import EventView
from bgpd.speaker.views import RouteView
from tests.unit.control.fake import EVENTS, NEIGHBORS, ROUTES, FakeQueries, until


@asynccontextmanager
async def serving(
    path: Path, queries: FakeQueries | None = None, limits: Limits | None = None, events: list[str] | None = None
) -> AsyncIterator[ControlService]:
    def report(event: str, _values: dict[str, object]) -> None:
        assert events is not None, event
        events.append(event)

    service = ControlService(str(path), queries=queries or FakeQueries(), on_event=report, limits=limits)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def send(path: Path, data: bytes, *, close: bool = False) -> list[dict[str, object]]:
    """Everything that is answered to these octets, line by line."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(data)
    if close:
        writer.write_eof()
    answered = await reader.read()
    writer.close()
    await writer.wait_closed()
    return [json.loads(line) for line in answered.splitlines()]


async def ask(path: Path, command: str, **arguments: object) -> list[dict[str, object]]:
    return await send(path, json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bgpd.sock"


async def test_an_object_a_list_and_an_error(path: Path) -> None:
    async with serving(path):
        header, end = await ask(path, "show status")
        assert header["header"]["asn"] == 64512  # type: ignore[index]
        assert end == {"end": 0}
        lines = await ask(path, "show neighbors")
        assert lines[0] == {"header": None}
        assert [line["row"]["name"] for line in lines[1:-1]] == [n.name for n in NEIGHBORS]  # type: ignore[index]
        assert lines[-1] == {"end": len(NEIGHBORS)}
        (error,) = await ask(path, "show neighbor", neighbor="nobody")
        assert error["error"]["code"] == ErrorCode.UNKNOWN_NEIGHBOR  # type: ignore[index]


@pytest.mark.parametrize(
    "request_line",
    [
        b"\n",
        b"show status\n",
        b"[]\n",
        b"{}\n",
        b'{"command": 7}\n',
        b'{"command": "show status", "arguments": []}\n',
        b'{"command": "show status", "colour": 1}\n',
        b"\xff\x00\xfe\x01\n",
        b'{"command": "\xff"}\n',
        b"[" * 60_000 + b"\n",
        b"x" * (3 * MAX_REQUEST),
        b"\0" * MAX_REQUEST + b"\n",
    ],
)
async def test_garbage_is_answered_with_an_error_and_harms_nobody(path: Path, request_line: bytes) -> None:
    async with serving(path):
        (error,) = await send(path, request_line)
        assert error["error"]["code"] == ErrorCode.BAD_REQUEST  # type: ignore[index]
        assert (await ask(path, "show status"))[-1] == {"end": 0}


async def test_a_request_without_its_newline_counts_when_the_client_closed_its_side(path: Path) -> None:
    async with serving(path):
        assert (await send(path, b'{"command": "show status"}', close=True))[-1] == {"end": 0}
        assert await send(path, b"", close=True) == []


async def test_a_request_that_dribbles_is_cut_off(path: Path) -> None:
    async with serving(path, limits=Limits(request_seconds=0.05)):
        (error,) = await send(path, b'{"command": ')
        assert "no request within 0.05 seconds" in error["error"]["text"]  # type: ignore[index]


async def test_clients_beyond_the_limit_are_told_so(path: Path) -> None:
    async with serving(path, limits=Limits(clients=1)) as service:
        reader, writer = await asyncio.open_unix_connection(str(path))
        await asyncio.sleep(0)
        (error,) = await ask(path, "show status")
        assert error["error"]["code"] == ErrorCode.BUSY  # type: ignore[index]
        writer.close()
        await writer.wait_closed()
        assert await reader.read() == b""
        await until(lambda: not service._clients)
        assert (await ask(path, "show status"))[-1] == {"end": 0}


async def test_a_crowd_is_hung_up_on_without_a_word(path: Path) -> None:
    async with serving(path, limits=Limits(clients=1)):
        crowd = [await asyncio.open_unix_connection(str(path)) for _ in range(3)]
        assert await crowd[2][0].read() == b""
        for _reader, writer in crowd:
            writer.close()
            await writer.wait_closed()


class Endless:
    """Rows without end; counts how many were taken."""

    def __init__(self) -> None:
        self.taken = 0

    def __call__(self) -> Iterator[RouteView | None]:
        while True:
            self.taken += 1
            yield ROUTES[1]


async def test_a_client_that_never_reads_costs_a_bounded_number_of_rows_and_is_dropped(path: Path) -> None:
    queries, rows = FakeQueries(), Endless()
    queries.rows = rows
    async with serving(path, queries, Limits(stall_seconds=0.2)) as service:
        deaf = socket.socket(socket.AF_UNIX)
        deaf.connect(str(path))
        deaf.sendall(b'{"command": "show route"}\n')
        await until(lambda: rows.taken)
        queries.rows = None
        assert (await ask(path, "show route"))[-1] == {"end": len(ROUTES)}  # others are served meanwhile
        await until(lambda: not service._clients)
        assert rows.taken < 20_000  # some socket buffers' worth
        deaf.close()


async def test_a_client_that_goes_away_in_the_middle_ends_its_listing(path: Path) -> None:
    queries, rows = FakeQueries(), Endless()
    queries.rows = rows
    async with serving(path, queries) as service:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b'{"command": "show route"}\n')
        await reader.readexactly(100_000)
        writer.close()
        await until(lambda: not service._clients)


async def test_a_long_listing_lets_the_loop_run(path: Path) -> None:
    """With no time for a slice, sixteen rows go out a turn; a client that comes later is not kept waiting."""
    queries = FakeQueries()
    queries.rows = lambda: (ROUTES[1] for _ in range(20_000))
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with serving(path, queries, Limits(slice_seconds=0.0)):
        counting = asyncio.create_task(count_turns())
        listing = asyncio.create_task(ask(path, "show route"))
        await asyncio.sleep(0)
        assert (await ask(path, "show status"))[-1] == {"end": 0}
        assert not listing.done()
        lines = await listing
        counting.cancel()
        assert lines[-1] == {"end": 20_000}
        assert turns > 20_000 / 16


async def test_none_is_a_place_to_pause_and_no_row(path: Path) -> None:
    queries = FakeQueries()
    queries.rows = lambda: iter([None, ROUTES[0], None, None, ROUTES[1], None])
    async with serving(path, queries, Limits(slice_seconds=0.0)):
        lines = await ask(path, "show route")
        assert [next(iter(line)) for line in lines] == ["header", "row", "row", "end"]


async def test_a_bug_in_an_answer_is_reported_to_the_client_and_to_the_log(path: Path) -> None:
    queries = FakeQueries()
    queries.error = ZeroDivisionError("oops")
    events: list[str] = []
    async with serving(path, queries, events=events):
        (error,) = await ask(path, "show status")
        assert error["error"]["code"] == ErrorCode.INTERNAL  # type: ignore[index]
        assert (await ask(path, "show neighbors"))[-1] == {"end": len(NEIGHBORS)}
    assert events == ["control_failed"]


async def test_a_bug_in_the_middle_of_a_listing_does_not_look_complete(path: Path) -> None:
    def broken() -> Iterator[RouteView | None]:
        yield ROUTES[0]
        raise RuntimeError("the table is gone")

    queries = FakeQueries()
    queries.rows = broken
    async with serving(path, queries, events=[]):
        assert "error" in (await ask(path, "show route"))[-1]


async def subscribed(queries: FakeQueries, count: int = 1) -> None:
    await until(lambda: len(queries.listeners) == count)


async def test_watch_passes_events_on_and_ends_with_its_client(path: Path) -> None:
    queries = FakeQueries()
    async with serving(path, queries):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b'{"command": "watch", "arguments": {"events": ["session"]}}\n')
        assert await reader.readline() == b'{"header":null}\n'
        await subscribed(queries)
        for event in EVENTS:
            queries.emit(event)
        first, second = json.loads(await reader.readline()), json.loads(await reader.readline())
        assert (first["row"]["new"], second["row"]["new"]) == ("Established", "Idle")
        writer.close()
        await writer.wait_closed()
        await subscribed(queries, 0)


async def test_a_slow_watcher_loses_the_oldest_events_and_is_told(path: Path) -> None:
    queries = FakeQueries()
    async with serving(path, queries, Limits(watch_events=10)):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b'{"command": "watch"}\n')
        await reader.readline()
        await subscribed(queries)
        for number in range(25):  # no turn of the loop in between
            queries.emit(EventView(at=float(number), event="route"))
        assert json.loads(await reader.readline()) == {"lost": 15}
        kept = [json.loads(await reader.readline())["row"]["at"] for _ in range(10)]
        assert kept == [float(number) for number in range(15, 25)]
        writer.close()
        await writer.wait_closed()


async def test_a_watcher_that_never_reads_is_bounded_and_dropped(path: Path) -> None:
    queries = FakeQueries()
    async with serving(path, queries, Limits(watch_events=100, stall_seconds=0.1)):
        deaf = socket.socket(socket.AF_UNIX)
        deaf.connect(str(path))
        deaf.sendall(b'{"command": "watch"}\n')
        await subscribed(queries)
        while queries.listeners:
            for _ in range(200):
                queries.emit(EventView(at=0.0, event="route", reason="x" * 1000))
            await asyncio.sleep(0.001)
        deaf.close()


async def test_stop_hangs_up_with_a_word_and_removes_the_file(path: Path) -> None:
    queries = FakeQueries()
    async with serving(path, queries) as service:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b'{"command": "watch"}\n')
        await reader.readline()
        await subscribed(queries)
        await service.stop()
        assert json.loads(await reader.readline())["error"]["code"] == ErrorCode.STOPPING
        assert await reader.read() == b""
        assert not queries.listeners
        assert not path.exists()
        writer.close()
        await writer.wait_closed()
        await service.stop()  # twice is harmless


async def test_the_file_is_for_owner_and_group_whatever_the_umask(path: Path) -> None:
    before = os.umask(0o077)
    try:
        async with serving(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
    finally:
        os.umask(before)


async def test_a_stale_file_is_replaced(path: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    async with serving(path):
        assert (await ask(path, "show status"))[-1] == {"end": 0}


async def test_a_living_daemon_is_not_robbed_of_its_socket(path: Path) -> None:
    async with serving(path):
        second = ControlService(str(path), queries=FakeQueries())
        with pytest.raises(ControlRefused, match=f"process {os.getpid()} answers there already"):
            await second.start()
        await second.stop()
        assert (await ask(path, "show status"))[-1] == {"end": 0}


async def test_a_busy_listener_counts_as_alive(path: Path) -> None:
    other = socket.socket(socket.AF_UNIX)
    other.bind(str(path))
    other.listen(0)
    waiting = socket.socket(socket.AF_UNIX)
    waiting.connect(str(path))  # fills its queue
    with pytest.raises(ControlRefused, match="a process answers there already"):
        await ControlService(str(path), queries=FakeQueries()).start()
    waiting.close()
    other.close()


async def test_a_file_of_another_kind_is_left_alone(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(ControlRefused, match="a file of another kind"):
        await ControlService(str(path), queries=FakeQueries()).start()
    assert path.read_text() == "precious"


async def test_stop_leaves_a_file_that_is_not_ours_any_more(path: Path) -> None:
    async with serving(path) as service:
        path.unlink()
        path.write_text("somebody else's")
        await service.stop()
    assert path.exists()


async def test_a_missing_directory_is_made_but_not_a_whole_tree(tmp_path: Path) -> None:
    async with serving(tmp_path / "run" / "bgpd.sock"):
        assert (tmp_path / "run").is_dir()
    with pytest.raises(ControlRefused, match="create its directory first"):
        await ControlService(str(tmp_path / "a" / "b" / "c.sock"), queries=FakeQueries()).start()
    (tmp_path / "file").write_text("")
    with pytest.raises(ControlRefused, match="not a directory"):
        await ControlService(str(tmp_path / "file" / "c.sock"), queries=FakeQueries()).start()


async def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(ControlRefused, match="107 octets"):
        await ControlService(str(tmp_path / ("x" * 120)), queries=FakeQueries()).start()
