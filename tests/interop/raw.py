"""A BGP speaker of the tests' own, small enough to be checked by eye.

It announces exactly the attributes of the routes that it is given, keeps what it hears, and can be told to break the
rules: `send` takes any bytes. It shares no code with the daemon, so that a mistake in the daemon's codec shows up
instead of being made on both sides. One thread a session reads and keeps the peer alive.
"""

import contextlib
import ipaddress
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from tests.interop.routes import AsPath, Route, assert_equal, table

MARKER = b"\xff" * 16
OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE_REFRESH = 1, 2, 3, 4, 5
AFI = {"ipv4": 1, "ipv6": 2}
ORIGINS = ("igp", "egp", "incomplete")


def message(kind: int, body: bytes = b"") -> bytes:
    """One BGP message with its header."""
    return MARKER + struct.pack("!HB", 19 + len(body), kind) + body


def open_message(
    asn: int,
    router_id: str,
    families: Iterable[str] = ("ipv4", "ipv6"),
    hold: int = 90,
    version: int = 4,
    extra: bytes = b"",
) -> bytes:
    """An OPEN that offers the families and four-octet AS numbers; `extra` is more capabilities, encoded."""
    capabilities = b"".join(struct.pack("!BBHBB", 1, 4, AFI[family], 0, 1) for family in families)
    capabilities += struct.pack("!BBI", 65, 4, asn) + bytes((2, 0)) + extra
    parameters = bytes((2, len(capabilities))) + capabilities
    head = struct.pack("!BHH", version, asn if asn < 65536 else 23456, hold)
    return message(OPEN, head + socket.inet_aton(router_id) + bytes((len(parameters),)) + parameters)


def _packed(prefix: str) -> bytes:
    network = ipaddress.ip_network(prefix)
    octets = (network.prefixlen + 7) // 8
    return bytes((network.prefixlen,)) + network.network_address.packed[:octets]


def _attribute(flags: int, code: int, value: bytes) -> bytes:
    if len(value) > 255:
        return struct.pack("!BBH", flags | 0x10, code, len(value)) + value
    return struct.pack("!BBB", flags, code, len(value)) + value


def _segments(path: AsPath) -> bytes:
    out = b""
    run: list[int] = []

    def close() -> bytes:
        text = struct.pack("!BB", 2, len(run)) + b"".join(struct.pack("!I", asn) for asn in run) if run else b""
        run.clear()
        return text

    for hop in path:
        if isinstance(hop, int):
            run.append(hop)
        else:
            out += close() + struct.pack("!BB", 1, len(hop)) + b"".join(struct.pack("!I", a) for a in sorted(hop))
    return out + close()


def encode_attributes(route: Route) -> bytes:
    """The path attributes, sorted by code, without those that carry the prefix of an IPv6 route."""
    rows: list[tuple[int, int, bytes]] = [
        (0x40, 1, bytes((ORIGINS.index(route.origin),))),
        (0x40, 2, _segments(route.as_path)),
    ]
    if route.family == "ipv4":
        rows.append((0x40, 3, socket.inet_aton(route.next_hop)))
    if route.med is not None:
        rows.append((0x80, 4, struct.pack("!I", route.med)))
    if route.local_pref is not None:
        rows.append((0x40, 5, struct.pack("!I", route.local_pref)))
    if route.atomic:
        rows.append((0x40, 6, b""))
    if route.aggregator is not None:
        asn, address = route.aggregator.split()
        rows.append((0xC0, 7, struct.pack("!I", int(asn)) + socket.inet_aton(address)))
    if route.communities:
        rows.append((0xC0, 8, b"".join(struct.pack("!HH", *map(int, c.split(":"))) for c in route.communities)))
    if route.originator is not None:
        rows.append((0x80, 9, socket.inet_aton(route.originator)))
    if route.clusters:
        rows.append((0x80, 10, b"".join(socket.inet_aton(cluster) for cluster in route.clusters)))
    if route.extended:
        rows.append((0xC0, 16, b"".join(bytes.fromhex(community) for community in route.extended)))
    if route.large:
        rows.append((0xC0, 32, b"".join(struct.pack("!III", *map(int, c.split(":"))) for c in route.large)))
    rows += [(flags, code, bytes.fromhex(value)) for code, flags, value in route.unknown]
    return b"".join(_attribute(*row) for row in sorted(rows, key=lambda row: row[1]))


def encode_updates(routes: Iterable[Route]) -> Iterator[bytes]:
    """UPDATE messages for the routes: one for each run of equal attributes."""
    groups: dict[Route, list[str]] = {}
    for route in routes:
        groups.setdefault(replace(route, prefix="::/0" if route.family == "ipv6" else "0.0.0.0/0"), []).append(
            route.prefix
        )
    for shape, prefixes in groups.items():
        attributes = encode_attributes(shape)
        for start in range(0, len(prefixes), 100):
            nlri = b"".join(_packed(prefix) for prefix in prefixes[start : start + 100])
            if shape.family == "ipv4":
                yield message(UPDATE, struct.pack("!HH", 0, len(attributes)) + attributes + nlri)
            else:
                hop = socket.inet_pton(socket.AF_INET6, shape.next_hop)
                reach = _attribute(0x80, 14, struct.pack("!HBB", 2, 1, 16) + hop + b"\0" + nlri)
                yield message(UPDATE, struct.pack("!HH", 0, len(reach + attributes)) + reach + attributes)


def encode_withdraws(prefixes: Iterable[str]) -> Iterator[bytes]:
    """UPDATE messages that withdraw the prefixes."""
    names = list(prefixes)
    old = [_packed(name) for name in names if ":" not in name]
    new = [_packed(name) for name in names if ":" in name]
    for start in range(0, len(old), 100):
        body = b"".join(old[start : start + 100])
        yield message(UPDATE, struct.pack("!H", len(body)) + body + b"\0\0")
    for start in range(0, len(new), 100):
        unreach = _attribute(0x80, 15, struct.pack("!HB", 2, 1) + b"".join(new[start : start + 100]))
        yield message(UPDATE, struct.pack("!HH", 0, len(unreach)) + unreach)


def end_of_rib(family: str) -> bytes:
    """The End-of-RIB marker of a family (RFC 4724 section 2)."""
    if family == "ipv4":
        return message(UPDATE, b"\0\0\0\0")
    return message(UPDATE, struct.pack("!HH", 0, 6) + _attribute(0x80, 15, struct.pack("!HB", 2, 1)))


def _prefixes(data: bytes, family: str) -> Iterator[str]:
    at, octets = 0, 4 if family == "ipv4" else 16
    while at < len(data):
        size = (data[at] + 7) // 8
        value = data[at + 1 : at + 1 + size]
        yield str(ipaddress.ip_network((value.ljust(octets, b"\0"), data[at])))
        at += 1 + size


def _path(value: bytes) -> AsPath:
    path: list[int | frozenset[int]] = []
    at = 0
    while at < len(value):
        kind, count = value[at], value[at + 1]
        asns = struct.unpack_from(f"!{count}I", value, at + 2)
        path += [frozenset(asns)] if kind == 1 else list(asns)
        at += 2 + 4 * count
    return tuple(path)


def _split(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at < len(data):
        flags, code = data[at], data[at + 1]
        if flags & 0x10:
            size, at = struct.unpack_from("!H", data, at + 2)[0], at + 4
        else:
            size, at = data[at + 2], at + 3
        yield flags, code, data[at : at + size]
        at += size


def decode_update(body: bytes) -> tuple[list[Route], list[str], str | None]:
    """The routes and the withdrawn prefixes of an UPDATE, and the family that it ends (End-of-RIB), if any."""
    size = struct.unpack_from("!H", body)[0]
    withdrawn = list(_prefixes(body[2 : 2 + size], "ipv4"))
    length = struct.unpack_from("!H", body, 2 + size)[0]
    start = 4 + size
    nlri = body[start + length :]
    if body == b"\0\0\0\0":
        return [], [], "ipv4"
    found: dict[str, object] = {}
    unknown: list[tuple[int, int, str]] = []
    reach: list[tuple[str, str]] = []
    end = None
    for flags, code, value in _split(body[start : start + length]):
        match code:
            case 1:
                found["origin"] = ORIGINS[value[0]]
            case 2:
                found["as_path"] = _path(value)
            case 3:
                reach += [(prefix, socket.inet_ntoa(value)) for prefix in _prefixes(nlri, "ipv4")]
            case 4:
                found["med"] = struct.unpack("!I", value)[0]
            case 5:
                found["local_pref"] = struct.unpack("!I", value)[0]
            case 6:
                found["atomic"] = True
            case 7:
                found["aggregator"] = f"{struct.unpack_from('!I', value)[0]} {socket.inet_ntoa(value[4:])}"
            case 8:
                found["communities"] = tuple(sorted("{}:{}".format(*pair) for pair in struct.iter_unpack("!HH", value)))
            case 9:
                found["originator"] = socket.inet_ntoa(value)
            case 10:
                found["clusters"] = tuple(socket.inet_ntoa(value[i : i + 4]) for i in range(0, len(value), 4))
            case 14:
                hop = socket.inet_ntop(socket.AF_INET6, value[4:20])
                reach += [(prefix, hop) for prefix in _prefixes(value[5 + value[3] :], "ipv6")]
            case 15:
                withdrawn += _prefixes(value[3:], "ipv6")
                end = "ipv6" if len(value) == 3 else None
            case 16:
                found["extended"] = tuple(sorted(value[i : i + 8].hex() for i in range(0, len(value), 8)))
            case 32:
                found["large"] = tuple(sorted("{}:{}:{}".format(*part) for part in struct.iter_unpack("!III", value)))
            case _:
                unknown.append((code, flags & 0xEF, value.hex()))
    shape = replace(Route(""), unknown=tuple(unknown), **found)  # type: ignore[arg-type]
    return [replace(shape, prefix=prefix, next_hop=hop) for prefix, hop in reach], withdrawn, end


@dataclass(frozen=True, slots=True)
class Notice:
    """A NOTIFICATION as received."""

    code: int
    subcode: int
    data: bytes


class RawSession:
    """One TCP connection to a daemon, and what came over it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.messages: list[tuple[int, bytes]] = []
        self.routes: dict[str, Route] = {}
        self.ended: set[str] = set()
        self.notice: Notice | None = None
        self.closed = False
        self._changed = threading.Condition()
        self._alive = True
        self._write = threading.Lock()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def send(self, *parts: bytes) -> None:
        """Any bytes, as they are."""
        with self._write:
            self.sock.sendall(b"".join(parts))

    def hello(self, asn: int, router_id: str, families: Iterable[str] = ("ipv4", "ipv6"), hold: int = 90) -> None:
        """OPEN, and the KEEPALIVE that accepts the other's."""
        self.send(open_message(asn, router_id, families, hold))
        self.wait(lambda: self.heard(OPEN), "its OPEN")
        self.send(message(KEEPALIVE))

    def heard(self, kind: int) -> bool:
        return any(got == kind for got, _ in self.messages)

    @property
    def established(self) -> bool:
        return not self.closed and self.heard(OPEN) and self.heard(KEEPALIVE)

    def announce(self, routes: Iterable[Route]) -> None:
        self.send(*encode_updates(routes))

    def withdraw(self, prefixes: Iterable[str]) -> None:
        self.send(*encode_withdraws(prefixes))

    def wait(self, ready: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
        """Until `ready`, woken by what is received; raises AssertionError at the deadline or when the peer hangs up."""
        with self._changed:
            done = self._changed.wait_for(lambda: ready() or self.closed, seconds)
            assert done, f"no {what}: timed out"
            assert ready(), f"no {what}: heard {[kind for kind, _ in self.messages[-8:]]}, notice {self.notice}"

    def wait_routes(self, expected: dict[str, Route], seconds: float = 10.0) -> None:
        """Until it was sent exactly these routes."""
        with self._changed:
            self._changed.wait_for(lambda: self.routes == expected or self.closed, seconds)
            assert_equal(expected, self.routes, "routes received")

    def wait_closed(self, seconds: float = 10.0) -> Notice | None:
        """The NOTIFICATION that ended the connection, or None if it was closed without one."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.closed, seconds), "the connection stays open"
        return self.notice

    def close(self, *, reset: bool = False) -> None:
        """Hang up; `reset` by a RST, as a killed machine's kernel would."""
        self._alive = False
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        try:
            if not reset:
                self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if reset:
            self.sock.close()
        self._thread.join(5)
        self.sock.close()

    def _read(self) -> None:
        buffer = b""
        self.sock.settimeout(1.0)
        spoken = time.monotonic()
        while self._alive:
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                data = None
            except OSError:
                data = b""
            if data == b"":
                break
            buffer += data or b""
            with self._changed:
                while len(buffer) >= 19 and len(buffer) >= (size := struct.unpack_from("!H", buffer, 16)[0]) >= 19:
                    self._take(buffer[18], buffer[19:size])
                    buffer = buffer[size:]
                self._changed.notify_all()
            if time.monotonic() - spoken > 10 and self.established:  # any hold time of the tests is longer
                spoken = time.monotonic()
                self._keep_alive()
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def _take(self, kind: int, body: bytes) -> None:
        self.messages.append((kind, body))
        if kind == NOTIFICATION:
            self.notice = Notice(body[0], body[1], body[2:])
        elif kind == UPDATE:
            routes, withdrawn, end = decode_update(body)
            for prefix in withdrawn:
                self.routes.pop(prefix, None)
            self.routes.update(table(routes))
            if end is not None:
                self.ended.add(end)

    def _keep_alive(self) -> None:
        with contextlib.suppress(OSError):
            self.send(message(KEEPALIVE))
