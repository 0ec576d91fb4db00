"""What is fuzzed. A target takes octets and returns; whatever it raises is a finding.

The targets say more than "it did not raise": frames are the same however the stream is cut, canonical attributes stay
canonical, nothing stays in a table when every session has ended, and the speaker never logs a bug of its own.
"""

import contextlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from bgpd.config import ConfigError, parse
from bgpd.control.commands import CommandError, answer
from bgpd.control.service import _Request
from bgpd.http import service as http_service
from bgpd.http.service import HttpService
from bgpd.wire.attrs import AttrsTable, format_attr
from bgpd.wire.capability import Negotiated, check_open, make_open, negotiate
from bgpd.wire.errors import Fault, WireError
from bgpd.wire.family import FAMILIES, IPV4, IPV6
from bgpd.wire.framing import MARKER, Framer
from bgpd.wire.message import Open, decode_open
from bgpd.wire.nlri import decode_nlri, decode_nlri_with_ids
from bgpd.wire.prefix import format_prefix, mask
from bgpd.wire.scan import MULTIPROTOCOL, decode_block, narrow_block
from bgpd.wire.writer import encode_open
from tests.conformance.cases import CASES
from tests.conformance.octets import Slot
from tests.property.test_wire_hostile import frame_of, survives
from tests.unit.control.fake import FakeQueries
from tests.unit.http.sample import SamplePages
from tests.unit.speaker.helpers import Bench, Peer, spec_of

OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE_REFRESH = 1, 2, 3, 4, 5


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to fuzz."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    longest: int = 512  #: octets of one input


def _frames() -> list[bytes]:
    """Every message of the conformance table."""
    return [case.data(Slot(number, "10.99.0.2", case.internal)) for number, case in enumerate(CASES, 1)]


def _bodies(kind: int) -> list[bytes]:
    return [frame[19:] for frame in _frames() if len(frame) > 19 and frame[18] == kind]


def _blocks() -> list[bytes]:
    """The attribute blocks of the table's UPDATEs, where their lengths are true."""
    found = []
    for body in _bodies(UPDATE):
        start = 4 + int.from_bytes(body[:2], "big")
        size = int.from_bytes(body[start - 2 : start], "big")
        if 0 < size <= len(body) - start:
            found.append(b"\0" + body[start : start + size])
    return found


# ===== the wire =====


def framer(data: bytes) -> None:
    """The first octet cuts the rest; any cut gives the same frames and the same end."""
    step, stream = (data[0] or 1, data[1:]) if data else (1, b"")
    assert _framed([stream]) == _framed([stream[i : i + step] for i in range(0, len(stream), step)])


def _framed(parts: list[bytes]) -> tuple[list[bytes], object]:
    reader, frames = Framer(), []
    for part in parts:
        reader.feed(part)
        try:
            while (frame := reader.next_frame()) is not None:
                frames.append(frame)
        except WireError as error:
            return frames, (error.code, error.subcode, error.data)
    return frames, None


def open_(data: bytes) -> None:
    """An OPEN's body: read, described, judged, negotiated, written again."""
    message = survives(frame_of(OPEN, data), Negotiated())
    if not isinstance(message, Open):
        return
    local = make_open(64512, b"\1\1\1\1", 90)
    check_open(message, 65001, b"\1\1\1\1", internal=False, families=FAMILIES)
    agreed = negotiate(local, message)
    assert set(agreed.families) <= set(FAMILIES)
    assert agreed.hold_time == 0 or agreed.hold_time >= 3
    assert decode_open(encode_open(message)) == message


def _update(session: Negotiated) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        survives(frame_of(UPDATE, data), session)

    return run


def notification(data: bytes) -> None:
    survives(frame_of(NOTIFICATION, data), Negotiated())


def route_refresh(data: bytes) -> None:
    survives(frame_of(ROUTE_REFRESH, data), Negotiated())
    survives(frame_of(data[0] if data else 0, data[1:]), Negotiated())


def attributes(data: bytes) -> None:
    """An attribute block behind an octet of choices: scanned, interned, shown, narrowed and widened again."""
    choice, block = (data[0], data[1:]) if data else (0, b"")
    external, wide, reachable = bool(choice & 1), not choice & 2, bool(choice & 4)
    hop = bytes(15) + b"\1" if choice & 8 else b""
    faults: list[Fault] = []
    try:
        attrs = decode_block(block, hop, external, wide, reachable, faults)
    except WireError as error:
        assert error.code == 3
        return
    if attrs is None:
        assert faults
        return
    if attrs is MULTIPROTOCOL:  # cut those out first: that is `decode_update`'s
        return
    table = AttrsTable()
    assert table.keep(attrs, 1, hop, block, not faults).raw == attrs.raw
    for _, code, value in attrs.items():
        assert isinstance(format_attr(code, value), str)
    again: list[Fault] = []
    if not {14, 15} & {code for _, code, _ in attrs.items()}:
        same = decode_block(narrow_block(attrs.raw), hop, external, False, reachable, again)
        assert same is not None, again
        assert same.as_path_length == attrs.as_path_length


def nlri(data: bytes) -> None:
    """A run of prefixes in each form; what is read is canonical."""
    for family in (IPV4, IPV6):
        with contextlib.suppress(WireError):
            for prefix in decode_nlri(data, 0, len(data), family.bits):
                assert prefix == mask(prefix)
                assert format_prefix(family, prefix)
        with contextlib.suppress(WireError):
            for item in decode_nlri_with_ids(data, 0, len(data), family.bits):
                assert item[4:] == mask(item[4:])


# ===== what people and programs write =====


def config(data: bytes) -> None:
    """A YAML file: a spec, or reasons that a terminal can show."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            parsed = parse(["-c", file.name, "--router-id=1.2.3.4"], {})
        except ConfigError as error:
            assert error.lines
            assert all(line.isprintable() for line in error.lines)
        else:
            assert parsed.text()


_QUERIES: Final = FakeQueries()


def control(data: bytes) -> None:
    """A request line on the control socket."""
    try:
        request = msgspec.json.decode(data, type=_Request)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    with contextlib.suppress(CommandError):
        reply = answer(_QUERIES, request.command, request.arguments)
        msgspec.json.encode(reply.head)
        for count, row in enumerate(reply.rows):
            msgspec.json.encode(row)
            if count > 50:
                break


_HTTP: Final = HttpService(("127.0.0.1", 0), pages=SamplePages(), on_event=lambda _event, _values: None)


def http(data: bytes) -> None:
    """The head of an HTTP request, and the page that it finds."""
    try:
        request = http_service._parse(data + b"\r\n\r\n")
        page = _HTTP._find(request)
    except http_service._Bad as error:
        assert 400 <= error.status < 600
        return
    assert page.status < 600


# ===== the whole speaker =====

_WHO: Final = (("192.168.1.11", 64512), ("192.168.1.12", 65001), ("192.168.1.13", 65002))


def speaker(data: bytes) -> None:
    """A little language of what peers and time may do; at the end everybody leaves, and nothing may be left."""
    bench = Bench(*(spec_of(address, asn, passive=True) for address, asn in _WHO))
    peers: dict[int, Peer] = {}
    at = 0
    while at + 1 < len(data):
        op, argument = data[at], data[at + 1]
        at += 2
        who = argument % len(_WHO)
        peer = peers.get(who)
        match op % 9:
            case 0:
                peers[who] = Peer(bench, _WHO[who][0], dialed=False)
            case 1:
                bench.wait(argument / 8)
            case _ if peer is None or peer.transport.closed:
                continue
            case 2:
                peer.open()
            case 3:
                peer.keepalive()
            case 4:
                peer.announce(f"10.{argument}.0.0/16", f"10.{op}.{argument}.0/24", med=op)
            case 5:
                peer.withdraw(f"10.{argument}.0.0/16")
            case 6:
                peer.close()
            case 7:  # a message of any type, with any octets
                size = data[at] if at < len(data) else 0
                kind = data[at + 1] % 6 if at + 1 < len(data) else 0
                _feed(bench, peer, frame_of(kind, data[at + 2 : at + 2 + size]))
                at += 2 + size
            case _:  # any octets at all
                _feed(bench, peer, data[at : at + argument])
                at += argument
        bench.turn()
    for peer in peers.values():
        if not peer.transport.closed:
            peer.close()
    bench.wait(1000.0)
    assert not bench.events("bug"), bench.events("bug")
    for table in bench.speaker.tables.values():
        assert not len(table.rib), f"{len(table.rib)} prefixes are left"


def _feed(bench: Bench, peer: Peer, octets: bytes) -> None:
    """As a transport does it: frames, then the error, if there is one."""
    reader = Framer()
    reader.feed(octets)
    try:
        while not peer.transport.closed and (frame := reader.next_frame()) is not None:
            peer.send(frame)
    except WireError as error:
        bench.speaker.frame_error(peer.transport, error, bench.now)


def _conversations() -> list[bytes]:
    """Sessions that come up and say every message of the table."""
    up = b"".join(bytes((op, who)) for who in range(3) for op in (0, 2, 3, 4))
    found = [up, up + b"\6\0\1\xff\0\0\2\0\3\0", b"\0\0\2\0\1\xff" * 8]
    for number, frame in enumerate(_frames()):
        if 19 <= len(frame) < 270 and frame[:16] == MARKER:
            found.append(up + bytes((7, number % 3, len(frame) - 19, frame[18] % 6)) + frame[19:] + b"\5\0")
    return found


_YAML: Final = b"""asn: 64512
peer:
  - address: 192.0.2.1
    asn: 65001
    import: all
    families: [ipv4, ipv6]
    hold-time: 9
announce: [10.0.0.0/8]
"""
_REQUESTS: Final = [
    {"command": "show status", "arguments": {}},
    {"command": "show route", "arguments": {"table": "received", "neighbor": "node2", "prefix": "10.0.0.0/8"}},
    {"command": "show kernel", "arguments": {"routes": True}},
    {"command": "show neighbor", "arguments": {"neighbor": "node2"}},
]


TARGETS: Final[dict[str, Target]] = {
    "framer": Target(framer, lambda: [b"\x07" + frame for frame in _frames()]),
    "open": Target(open_, lambda: _bodies(OPEN)),
    "update-internal": Target(_update(Negotiated()), lambda: _bodies(UPDATE)),
    "update-external": Target(_update(Negotiated(remote_asn=65001)), lambda: _bodies(UPDATE)),
    "update-two-octet": Target(_update(Negotiated(remote_asn=65001, four_octet=False)), lambda: _bodies(UPDATE)),
    "update-ipv6-only": Target(_update(Negotiated(families=(IPV6,))), lambda: _bodies(UPDATE)),
    "update-add-path": Target(
        _update(Negotiated(remote_asn=65001, add_path_receive=FAMILIES, extended_next_hop=True)),
        lambda: _bodies(UPDATE),
    ),
    "notification": Target(notification, lambda: _bodies(NOTIFICATION)),
    "route-refresh": Target(route_refresh, lambda: [*_bodies(ROUTE_REFRESH), *(f[18:] for f in _frames()[:40])]),
    "attributes": Target(attributes, _blocks),
    "nlri": Target(nlri, lambda: [b"\x18\x0a\1\2\x20\x0a\1\2\3", b"\x40\x20\1\x0d\xb8\0\1\0\2", b"\0\0\0\1\x08\x0a"]),
    "config": Target(config, lambda: [_YAML, b"asn: 1\nrouter-id: 1.1.1.1\n"]),
    "control": Target(control, lambda: [json.dumps(request).encode() for request in _REQUESTS]),
    "http": Target(http, lambda: [b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: text/plain", b"HEAD / HTTP/1.0"]),
    "speaker": Target(speaker, _conversations, 1024),
}


def _breaks(data: bytes) -> None:
    if len(data) > 3:
        raise ValueError("found")


#: What shows that findings are found.
BROKEN: Final = Target(_breaks, lambda: [b""])
