"""Each kind of check against something that answers, something that does not, and something that hangs."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bgpd.cluster.own import HealthCheck, HttpCheck, TcpCheck
from bgpd.health.probe import ask


@asynccontextmanager
async def server(answer: bytes | None) -> AsyncIterator[int]:
    """A server on loopback that answers everybody so; None: not at all. Its port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is not None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            writer.close()
        else:
            await reader.read()
            writer.close()

    made = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with made:
        yield made.sockets[0].getsockname()[1]


def closed_port() -> int:
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def test_tcp() -> None:
    async with server(None) as port:
        assert await ask(HealthCheck(tcp=TcpCheck(port))) == ""
    assert await ask(HealthCheck(tcp=TcpCheck(closed_port()))) != ""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", ""),
        (b"HTTP/1.0 302 Found\r\n\r\n", ""),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP status 503"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "HTTP status 404"),
        (b"SSH-2.0-x\r\n", "what answers does not speak HTTP"),
        (b"", "what answers does not speak HTTP"),
        (b"x" * 10_000, "no line"),
    ],
)
async def test_http(answer: bytes, reason: str) -> None:
    async with server(answer) as port:
        found = await ask(HealthCheck(http=HttpCheck(port)))
    assert found == reason or (reason == "no line" and found)


async def test_http_says_host_and_path() -> None:
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    made = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with made:
        port = made.sockets[0].getsockname()[1]
        assert await ask(HealthCheck(http=HttpCheck(port, "/ready", host="dns.example"))) == ""
    assert seen[0].startswith(b"GET /ready HTTP/1.1\r\nHost: dns.example\r\n")


async def test_commands(tmp_path: Path) -> None:
    assert await ask(HealthCheck(command=("true",))) == ""
    assert await ask(HealthCheck(command=("sh", "-c", "exit 3"))) == "sh ended with 3"
    assert "no such file" in await ask(HealthCheck(command=(str(tmp_path / "none"),)))


async def hanging(check: Callable[[int], HealthCheck]) -> None:
    async with server(None) as port:
        before = time.monotonic()
        assert "no answer within 0.2 s" in await ask(check(port))
        assert time.monotonic() - before < 3


async def test_what_hangs_costs_its_own_time(tmp_path: Path) -> None:
    await hanging(lambda port: HealthCheck(http=HttpCheck(port), timeout=0.2))
    mark = tmp_path / "mark"
    await hanging(lambda _port: HealthCheck(command=("sh", "-c", f"sleep 1; touch {mark}"), timeout=0.2))
    await asyncio.sleep(1.2)
    assert not mark.exists()  # nothing of it is left
