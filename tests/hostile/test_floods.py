"""Floods of every kind: each costs its own session at the most, and a bounded amount of memory."""

import contextlib
import socket
import struct
import time
from collections.abc import Iterator

import pytest

from tests.conformance.octets import KEEP, attr, capability, nlri, raw_update
from tests.hostile.conftest import GARBAGE, QUIET_ASN, STRANGER, Start
from tests.hostile.peers import (
    FLOODER_ASN,
    Quiet,
    block,
    ending,
    full_table,
    handshake,
    handshake_soon,
    resident,
    withdraws,
)
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan
from tests.interop.raw import open_message

MIB = 1 << 20


class Yard:
    """The daemon, the quiet peer's session, and what both must still be at the end."""

    def __init__(self, lan: Lan, ours: Ours) -> None:
        self.lan, self.ours = lan, ours
        self.node, self.target = lan.nodes[2], lan.nodes[0].address4
        self.address = self.node.address4
        self.quiet = Quiet(handshake_soon(lan.nodes[1], self.target, QUIET_ASN, hold=3))
        self.quiet.start()
        self.before = resident(ours)

    def up(self, extra: bytes = b"", rcvbuf: int = 0, source: str = "") -> socket.socket:
        return handshake_soon(self.node, self.target, FLOODER_ASN, source, extra=extra, rcvbuf=rcvbuf)

    def shown(self, address: str = "") -> dict[str, object]:
        return self.ours.neighbor(address or self.address)

    def received(self, address: str = "") -> int:
        families = self.shown(address)["families"]
        assert isinstance(families, list)
        return sum(family["received"] for family in families)

    def fine(self, grown: int) -> None:
        """The quiet session never noticed, the daemon is no more than `grown` octets larger, and none was a bug."""
        assert not self.quiet.lost, self.quiet.lost
        assert self.quiet.latest < 0.5
        assert self.shown(self.lan.nodes[1].address4)["established_count"] == 1
        assert resident(self.ours) - self.before < grown
        assert not self.ours.events("bug")


@pytest.fixture
def yards(lan: Lan, start: Start) -> Iterator[list[Yard]]:
    made: list[Yard] = []
    yield made
    for yard in made:
        yard.quiet.end()


def test_a_thousand_connections_from_strangers(yards: list[Yard], lan: Lan, start: Start) -> None:
    yard = Yard(lan, start())
    yards.append(yard)
    socks = []
    try:
        for _ in range(1000):
            with contextlib.suppress(OSError):
                socks.append(yard.node.connect(yard.target, source=STRANGER))
        heard = [_rest(sock) for sock in socks]
    finally:
        for sock in socks:
            sock.close()
    assert len(socks) > 900
    assert not any(heard)  # not a word to strangers
    lines = [event for event in yard.ours.events("connection_refused") if event["source"] == STRANGER]
    assert len(lines) == 1
    yard.fine(8 * MIB)


def test_a_thousand_connections_from_a_neighbor(yards: list[Yard], lan: Lan, start: Start) -> None:
    yard = Yard(lan, start())
    yards.append(yard)
    socks = []
    try:
        for _ in range(1000):
            with contextlib.suppress(OSError):
                socks.append(yard.node.connect(yard.target))
        yard.fine(8 * MIB)
        # One is at work, and the newest took the place of the others.
        yard.ours.wait_for(lambda: sum(_is_open(sock) for sock in socks) <= 2, "end of all but one connection", 5)
    finally:
        for sock in socks:
            sock.close()
    yard.up().close()  # a proper session is still welcome
    yard.fine(8 * MIB)


def test_open_for_ever(yards: list[Yard], lan: Lan, start: Start) -> None:
    """OPEN upon OPEN on one connection: an FSM error. And a connection for each OPEN: at most one at work."""
    yard = Yard(lan, start())
    yards.append(yard)
    opening = open_message(FLOODER_ASN, yard.address)
    sock = yard.node.connect(yard.target)
    with contextlib.suppress(OSError):
        sock.sendall(opening * 200)
    assert ending(sock) in {(5, 2), (6, 7)}
    sock.close()
    until = time.monotonic() + 3
    count = 0
    socks = []
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            socks.append(yard.node.connect(yard.target))
            socks[-1].sendall(opening)
            count += 1
        if len(socks) > 100:
            socks.pop(0).close()
    for sock in socks:
        sock.close()
    assert count > 100
    yard.up().close()
    yard.fine(8 * MIB)


def test_ten_thousand_attributes_of_one_octet(yards: list[Yard], lan: Lan, start: Start) -> None:
    """In one extended message where we offer those, and 240 in each of many plain ones."""
    yard = Yard(lan, start())
    yards.append(yard)
    sock = yard.up(extra=capability(6))
    many = b"".join(attr(0xC0, 130 + i % 120, bytes((i & 255,))) for i in range(10_000))
    sock.sendall(raw_update(block(yard.address, more=many), nlri("20.0.0.0/24")))
    for i in range(50):
        junk = b"".join(attr(0xC0, 120 + code, bytes((i,))) for code in range(120))
        sock.sendall(raw_update(block(yard.address, more=junk), nlri(f"21.0.{i}.0/24")))
    sock.sendall(raw_update(block(yard.address), nlri("22.0.0.0/24")))
    yard.ours.wait_for(lambda: yard.received() == 52, "all routes", 10)
    assert yard.shown()["state"] == "Established"
    sock.close()
    yard.fine(8 * MIB)


def test_an_attribute_set_that_grows_without_end(yards: list[Yard], lan: Lan, start: Start) -> None:
    yard = Yard(lan, start(**{"max-attribute-octets": 1_000_000}))
    yards.append(yard)
    sock = yard.up()
    with contextlib.suppress(OSError):
        for i in range(5000):  # 3,600 octets each, a prefix each
            communities = struct.pack("!I", i) + bytes(range(256)) * 14
            data = raw_update(block(yard.address, more=attr(0xC0, 8, communities)), nlri(f"20.{i >> 8}.{i & 255}.0/24"))
            sock.sendall(data)
    assert ending(sock) == (6, 8)
    sock.close()
    assert yard.shown()["last_notification"]["text"] == "Cease: Out of Resources"  # type: ignore[index]
    (event,) = yard.ours.events("attribute_limit")
    assert event["setting"] == "max-attribute-octets=1000000"
    yard.fine(16 * MIB)


def test_one_route_with_ever_other_attributes(yards: list[Yard], lan: Lan, start: Start) -> None:
    """What is unused is forgotten before anybody is blamed: the session stays."""
    yard = Yard(lan, start(**{"max-attribute-octets": 1_000_000}))
    yards.append(yard)
    sock = yard.up()
    for i in range(5000):
        communities = struct.pack("!I", i) + bytes(range(256)) * 3
        sock.sendall(raw_update(block(yard.address, more=attr(0xC0, 8, communities)), nlri("20.0.0.0/24")))
    sock.sendall(raw_update(block(yard.address), nlri("22.0.0.0/24")))
    yard.ours.wait_for(lambda: yard.received() == 2, "the last route", 10)
    shown = yard.shown()
    assert shown["state"] == "Established"
    assert 0 < int(str(shown["attribute_octets"])) <= 2_000_000
    sock.close()
    yard.fine(16 * MIB)


def test_withdraws_of_what_was_never_sent(yards: list[Yard], lan: Lan, start: Start) -> None:
    yard = Yard(lan, start())
    yards.append(yard)
    sock = yard.up()
    sock.sendall(b"".join(withdraws(500_000)))
    sock.sendall(raw_update(block(yard.address), nlri("22.0.0.0/24")))
    yard.ours.wait_for(lambda: yard.received() == 1, "the route behind the withdrawals", 10)
    assert yard.ours.status()["prefixes"]["ipv4"] == 1
    sock.close()
    yard.fine(8 * MIB)


def test_a_flood_of_keepalives_and_refreshes(yards: list[Yard], lan: Lan, start: Start) -> None:
    yard = Yard(lan, start())
    yards.append(yard)
    sock = yard.up()
    sock.settimeout(20)
    flood = (KEEP * 50 + b"\xff" * 16 + b"\0\x17\5\0\1\0\1") * 200
    for _ in range(5):
        sock.sendall(flood)
    sock.sendall(raw_update(block(yard.address), nlri("22.0.0.0/24")))
    yard.ours.wait_for(lambda: yard.received() == 1, "the route behind the flood", 10)
    sock.close()
    yard.fine(8 * MIB)


def test_a_peer_that_never_reads(yards: list[Yard], lan: Lan, start: Start) -> None:
    """What waits for it is bounded, however often the table changes: a route has only its latest state."""
    yard = Yard(lan, start())
    yards.append(yard)
    deaf = yard.up(rcvbuf=4096, source=GARBAGE)
    churner = yard.up()
    churner.settimeout(30)
    tables = [full_table(20_000, yard.address, per_set=10 + i) for i in range(6)]
    seen = []
    for table in tables:
        churner.sendall(b"".join(table))
        yard.ours.wait_for(lambda: yard.shown()["input_queue_octets"] == 0, "an empty input queue", 20)
        yard.ours.wait_for(lambda: yard.received() == 20_000, "the table", 20)
        seen.append(int(str(yard.shown(GARBAGE)["output_queue_octets"])))
    assert yard.shown(GARBAGE)["state"] == "Established"
    assert max(seen) < MIB
    churner.close()
    deaf.close()
    yard.fine(48 * MIB)


def test_a_stalled_message(yards: list[Yard], lan: Lan, start: Start) -> None:
    """Half a message, and then nothing for ever: it costs its octets, and its hold time ends it."""
    yard = Yard(lan, start())
    yards.append(yard)
    sock = handshake(yard.node, yard.target, FLOODER_ASN, hold=3)
    sock.sendall(raw_update(block(yard.address), nlri("22.0.0.0/24"))[:30])
    assert ending(sock) == (4, 0)
    sock.close()
    yard.fine(8 * MIB)


def _is_open(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        while data := sock.recv(4096):
            del data
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def _rest(sock: socket.socket) -> bytes:
    sock.settimeout(5)
    try:
        return sock.recv(4096)
    except ConnectionError:
        return b""
