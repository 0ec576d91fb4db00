"""Listener, dialer and transports on loopback, with a real speaker behind them."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bgpd.model import NeighborSpec, SpeakerSpec
from bgpd.net.engine import Engine
from bgpd.net.io_clock import now
from bgpd.net.io_tcp import ListenRefused, Network
from bgpd.speaker.speaker import Speaker
from bgpd.wire.capability import make_open
from bgpd.wire.prefix import parse_address
from bgpd.wire.writer import encode_keepalive, encode_open

ASN = 64512


class Host:
    """One speaker on one loopback address."""

    def __init__(self, address: str, port: int, *neighbors: NeighborSpec) -> None:
        self.logged: list[tuple[str, dict[str, object]]] = []
        self.up = asyncio.Event()
        self.refused = asyncio.Event()
        self.engine = Engine(pytest.fail)
        self.network = Network(self.engine.poke, self._log)
        self.network.listen(((address, port),))
        spec = SpeakerSpec(asn=ASN, router_id=parse_address(address), neighbors=neighbors)
        self.speaker = Speaker(spec, dialer=self.network, fib=None, log=self._log, jitter=lambda: 1.0)
        self.network.start(self.speaker)
        self.speaker.start(now())
        self.engine.start(self.speaker)

    def _log(self, _level: str, event: str, fields: dict[str, object]) -> None:
        self.logged.append((event, fields))
        if event == "session" and fields["new"] == "Established":
            self.up.set()
        if event == "connection_refused":
            self.refused.set()

    @property
    def port(self) -> int:
        return int(self.network.listening()[0].rpartition(":")[2])

    async def stop(self) -> None:
        self.speaker.shutdown(now())
        await self.network.drained(2)
        self.engine.stop()
        await self.network.stop()


def spec(address: str, port: int = 179, **more: Any) -> NeighborSpec:
    values: dict[str, Any] = {"connect_retry_time": 0.1, "idle_hold_min": 0.1, "idle_hold_max": 0.2} | more
    return NeighborSpec(
        address=parse_address(address), name=address, local_asn=ASN, remote_asn=ASN, port=port, **values
    )


@contextlib.asynccontextmanager
async def hosts(password: bytes | None = None, other: bytes | None = None) -> AsyncIterator[tuple[Host, Host]]:
    """127.0.0.2 waits, 127.0.0.1 dials it."""
    waiting = Host("127.0.0.2", 0, spec("127.0.0.1", passive=True, password=password))
    dialing = Host(
        "127.0.0.1",
        0,
        spec("127.0.0.2", waiting.port, source_address=parse_address("127.0.0.1"), password=other or password),
    )
    try:
        yield waiting, dialing
    finally:
        await dialing.stop()
        await waiting.stop()


@pytest.mark.parametrize("password", [None, b"secret"])
async def test_two_hosts_come_up(password: bytes | None) -> None:
    async with hosts(password) as (a, b), asyncio.timeout(10):
        await a.up.wait()
        await b.up.wait()


async def test_a_wrong_password_never_comes_up() -> None:
    async with hosts(b"one", b"two") as (a, _):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await a.up.wait()


async def test_a_password_is_changed_under_a_live_session() -> None:
    async with hosts(b"one") as (a, b), asyncio.timeout(10):
        await a.up.wait()
        await b.up.wait()
        for host in (a, b):
            neighbors = tuple(
                spec(n.name, n.port, passive=n.passive, source_address=n.source_address, password=b"two")
                for n in host.speaker.spec.neighbors
            )
            host.network.set_passwords(neighbors)
        transport = next(iter(a.speaker.neighbors.values())).live
        assert transport is not None
        seen = sum(next(iter(b.speaker.neighbors.values())).messages_received)
        transport.write(encode_keepalive(), 0)
        while sum(next(iter(b.speaker.neighbors.values())).messages_received) == seen:
            await asyncio.sleep(0.01)


async def test_a_stranger_is_closed_and_logged_once() -> None:
    host = Host("127.0.0.2", 0, spec("127.0.0.9"))
    called: list[bytes] = []
    host.network.on_stranger = called.append  # who knows nodes that we do not wants to hear of each
    async with asyncio.timeout(10):
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.2", host.port, local_addr=("127.0.0.1", 0))
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
    assert len([event for event, _ in host.logged if event == "connection_refused"]) == 1
    assert host.speaker.refused == 3
    assert called == [bytes([127, 0, 0, 1])] * 3
    await host.stop()


async def test_any_split_of_the_stream() -> None:
    host = Host("127.0.0.2", 0, spec("127.0.0.1", passive=True))
    async with asyncio.timeout(10):
        _, writer = await asyncio.open_connection("127.0.0.2", host.port, local_addr=("127.0.0.1", 0))
        for octet in encode_open(make_open(ASN, parse_address("127.0.0.1"), 90)) + encode_keepalive():
            writer.write(bytes((octet,)))
            await writer.drain()
        await host.up.wait()
        writer.close()
        await writer.wait_closed()
    await host.stop()


async def test_garbage_is_answered_with_a_notification() -> None:
    host = Host("127.0.0.2", 0, spec("127.0.0.1", passive=True))
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.2", host.port, local_addr=("127.0.0.1", 0))
        writer.write(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answer[18] == 1  # our OPEN
    notification = answer[int.from_bytes(answer[16:18], "big") :]
    assert notification[18:21] == b"\x03\x01\x01"  # Message Header Error, Connection Not Synchronized
    await host.stop()


async def test_a_dial_that_is_refused_says_why() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.3", 0))
        host = Host("127.0.0.1", 0, spec("127.0.0.3", taken.getsockname()[1]))
        async with asyncio.timeout(10):
            while not [f for _, f in host.logged if "connection refused" in str(f.get("reason"))]:
                await asyncio.sleep(0.01)
        await host.stop()


def test_a_port_in_use_names_its_holder() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.4", 0))
        taken.listen()
        port = taken.getsockname()[1]
        network = Network(lambda: None, lambda *_: None)
        with pytest.raises(ListenRefused, match=rf"listen 127.0.0.4:{port}: the port is in use by PID \d+"):
            network.listen((("127.0.0.4", port),))
        asyncio.run(network.stop())


def test_an_address_that_is_not_here() -> None:
    network = Network(lambda: None, lambda *_: None)
    with pytest.raises(ListenRefused, match="the address is not on this host"):
        network.listen((("192.0.2.77", 0),))
    asyncio.run(network.stop())
