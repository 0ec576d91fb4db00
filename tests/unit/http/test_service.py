"""The pages over loopback TCP: routes, methods, keep-alive, limits, hostile clients."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bgpd.http.listener import HttpRefused
from bgpd.http.service import Health, HttpService, Limits
from bgpd.http.snapshot import NeighborMetrics
from bgpd.net.ports import who_listens
from tests.unit.control.fake import until
from tests.unit.http.sample import NODE2, SNAPSHOT, SamplePages


@asynccontextmanager
async def serving(
    pages: SamplePages | None = None, limits: Limits | None = None, events: list[str] | None = None
) -> AsyncIterator[HttpService]:
    def report(event: str, _values: dict[str, object]) -> None:
        assert events is not None, event
        events.append(event)

    service = HttpService(("127.0.0.1", 0), pages=pages or SamplePages(), on_event=report, limits=limits)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


class Answer:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body


async def read_answer(reader: asyncio.StreamReader, *, head_only: bool = False) -> Answer:
    begin, *lines = (await reader.readuntil(b"\r\n\r\n")).decode()[:-4].split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    body = b"" if head_only else await reader.readexactly(int(headers["content-length"]))
    return Answer(int(begin.split(" ")[1]), headers, body)


@asynccontextmanager
async def connected(service: HttpService) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):  # reset: what it had sent was not all read
            await writer.wait_closed()


async def send(service: HttpService, data: bytes, *, head_only: bool = False) -> tuple[Answer, bytes]:
    """The answer to these octets, and whatever came behind it until the server hung up."""
    async with connected(service) as (reader, writer):
        writer.write(data)
        answer = await read_answer(reader, head_only=head_only)
        writer.write_eof()
        return answer, await reader.read()


async def get(service: HttpService, path: str, *, headers: str = "") -> Answer:
    answer, rest = await send(service, f"GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
    assert rest == b""
    return answer


async def test_metrics() -> None:
    async with serving() as service:
        answer = await get(service, "/metrics")
        assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert "bgpd_session_up" in {f.name for f in text_string_to_metric_families(answer.body.decode())}
        answer = await get(service, "/metrics", headers="Accept: application/openmetrics-text;version=1.0.0\r\n")
        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        assert answer.body.endswith(b"# EOF\n")


async def test_health() -> None:
    pages = SamplePages()
    async with serving(pages) as service:
        answer = await get(service, "/healthz")
        assert (answer.status, answer.body) == (200, b"ok: loop stalls: 4.2 ms at worst in the last minute\n")
        pages.well = Health(loop_stall=2.0, stalled="no turn for 12 s")
        answer = await get(service, "/healthz")
        assert answer.status == 503
        assert answer.body.startswith(b"stalled: no turn for 12 s")


async def test_readiness_names_every_reason() -> None:
    pages = SamplePages()
    async with serving(pages) as service:
        answer = await get(service, "/readyz")
        assert (answer.status, answer.body) == (200, b"ready\n")
        pages.view = replace(pages.view, ready=False, not_ready=["no session", "kernel is behind"])
        answer = await get(service, "/readyz")
        assert (answer.status, answer.body) == (503, b"not ready: no session\nnot ready: kernel is behind\n")
        answer = await get(service, "/readyz?verbose")
        assert answer.status == 503
        assert b"neighbors: 2 of 4 established\nkernel: not in step\n" in answer.body
        pages.view = replace(pages.view, not_ready=[])
        assert (await get(service, "/readyz")).body == b"not ready: no reason given\n"


async def test_index_and_nowhere() -> None:
    async with serving() as service:
        assert b"/metrics" in (await get(service, "/")).body
        answer = await get(service, "/metricsx")
        assert answer.status == 404
        assert b"/metrics" in answer.body
        assert (await get(service, "http://host/healthz")).status == 200
        assert (await get(service, "/healthz?x=1")).status == 200


async def test_head_has_the_length_and_no_body() -> None:
    async with serving() as service:
        answer, rest = await send(service, b"HEAD /readyz HTTP/1.1\r\nHost: x\r\n\r\n", head_only=True)
        assert (answer.status, answer.headers["content-length"], rest) == (200, "6", b"")


async def test_several_requests_on_one_connection_also_at_once() -> None:
    async with serving() as service, connected(service) as (reader, writer):
        for _ in range(3):
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = await read_answer(reader)
            assert (answer.status, answer.headers["connection"]) == (200, "keep-alive")
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await read_answer(reader)).body == b"ready\n"
        assert (await read_answer(reader)).headers["connection"] == "close"
        assert await reader.read() == b""


@pytest.mark.parametrize(
    ("head", "kept"),
    [
        ("GET / HTTP/1.0\r\n\r\n", "close"),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive"),
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n", "close"),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "keep-alive"),
        ("GET / HTTP/1.1\r\nhOST:x\r\n\r\n", "keep-alive"),
    ],
)
async def test_who_hangs_up(head: str, kept: str) -> None:
    async with serving() as service:
        answer, _ = await send(service, head.encode())
        assert (answer.status, answer.headers["connection"]) == (200, kept)


@pytest.mark.parametrize(
    "head",
    [
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"G\xc3\xa4T / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET nowhere HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\ny: z\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n: empty\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS \r\n\r\n",
        b"\xff" * 16 + b"\x00\x1d\x01\x04\r\n\r\n",  # BGP
    ],
)
async def test_what_is_not_understood_is_refused_and_hung_up_on(head: bytes) -> None:
    async with serving() as service:
        async with connected(service) as (reader, writer):
            writer.write(head)
            answer = await read_answer(reader)
            assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert (await get(service, "/readyz")).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get", "BREW"])
async def test_other_methods(method: str) -> None:
    async with serving() as service:
        answer, rest = await send(service, f"{method} /metrics HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert (answer.status, answer.headers["allow"], rest) == (405, "get, head", b"")
        answer, _ = await send(service, f"{method} / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n".encode())
        assert (answer.status, answer.headers["connection"]) == (405, "close")


async def test_a_head_that_is_too_long() -> None:
    async with serving() as service:
        async with connected(service) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 3000)
            assert (await read_answer(reader)).status == 431
        async with connected(service) as (reader, writer):
            writer.write(b"G" * 20_000)
            assert (await read_answer(reader)).status == 431


async def test_a_head_that_dribbles_is_cut_off_by_the_deadline() -> None:
    async with serving(limits=Limits(head_seconds=0.1)) as service, connected(service) as (reader, writer):
        dribble = asyncio.create_task(_dribble(writer))
        answer = await read_answer(reader)
        dribble.cancel()
        assert (answer.status, answer.headers["connection"]) == (408, "close")


async def _dribble(writer: asyncio.StreamWriter) -> None:
    for octet in b"GET / HTTP/1.1\r\nX: " + b"y" * 10_000:
        writer.write(bytes([octet]))
        await asyncio.sleep(0.01)


async def test_an_idle_connection_is_closed_in_silence() -> None:
    async with serving(limits=Limits(idle_seconds=0.05)) as service, connected(service) as (reader, _writer):
        assert await reader.read() == b""


async def test_a_client_that_goes_away_in_the_middle_of_a_head() -> None:
    async with serving() as service:
        async with connected(service) as (_reader, writer):
            writer.write(b"GET / HTTP")
        await until(lambda: not service._connections)


async def test_a_client_that_never_reads_is_dropped() -> None:
    pages = SamplePages()
    pages.snapshot = replace(SNAPSHOT, neighbors=[replace(NODE2, name=f"n{i}" * 200) for i in range(2000)])
    async with serving(pages, Limits(stall_seconds=0.1)) as service:
        deaf = socket.create_connection(("127.0.0.1", service.port))
        deaf.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: service._connections)
        assert (await get(service, "/readyz")).status == 200
        await until(lambda: not service._connections)
        deaf.close()


async def test_connections_beyond_the_limit() -> None:
    async with serving(limits=Limits(connections=1)) as service, connected(service):
        await until(lambda: service._connections)
        async with connected(service) as (reader, _writer):
            assert (await read_answer(reader)).status == 503


async def test_a_long_page_lets_the_loop_run() -> None:
    pages = SamplePages()
    many = [
        NeighborMetrics(
            name=f"n{i}", address="10.0.0.1", remote_asn=1, external=False, state="Idle", state_changed_at=0.0
        )
        for i in range(200)
    ]
    pages.snapshot = replace(SNAPSHOT, neighbors=many)
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with serving(pages, Limits(slice_seconds=0.0)) as service, connected(service) as (reader, writer):
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        await read_answer(reader)
        counting = asyncio.create_task(count_turns())
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await read_answer(reader)).status == 200
        counting.cancel()
    assert turns > 25  # one a family


async def test_a_bug_in_a_page_is_reported() -> None:
    pages, events = SamplePages(), list[str]()
    pages.error = ZeroDivisionError("oops")
    async with serving(pages, events=events) as service:
        answer = await get(service, "/metrics")
        assert (answer.status, b"oops" in answer.body) == (500, True)
        assert (await get(service, "/readyz")).status == 200
    assert events == ["http_failed"]


async def test_stop_hangs_up_and_twice_is_harmless() -> None:
    async with serving() as service, connected(service) as (reader, _writer):
        await until(lambda: service._connections)
        await service.stop()
        assert await reader.read() == b""


async def test_a_port_in_use_names_its_holder() -> None:
    async with serving() as first:
        second = HttpService(("127.0.0.1", first.port), pages=SamplePages(), who_listens=who_listens)
        with pytest.raises(HttpRefused, match=rf"127\.0\.0\.1:{first.port}: port in use by PID {os.getpid()} \("):
            await second.start()
        await second.stop()
        nameless = HttpService(("127.0.0.1", first.port), pages=SamplePages())
        with pytest.raises(HttpRefused, match="port in use by unknown process"):
            await nameless.start()


@pytest.mark.parametrize(
    ("host", "words"), [("192.0.2.1", "does not have that address"), ("no such host", "is no address of this machine")]
)
async def test_an_address_that_is_not_ours(host: str, words: str) -> None:
    with pytest.raises(HttpRefused, match=words):
        await HttpService((host, 0), pages=SamplePages()).start()
