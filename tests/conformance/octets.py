"""Messages and attributes as bytes, right or wrong; what each case is sent by."""

import ipaddress
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

MARKER = b"\xff" * 16
OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE_REFRESH = 1, 2, 3, 4, 5
DAEMON_ASN, EXTERNAL_ASN = 64512, 65100
EXTENDED = 0x10


@dataclass(frozen=True, slots=True)
class Slot:
    """What is one case's own: an address, an AS, prefixes."""

    number: int  #: from 1
    daemon: str  #: the daemon's address
    internal: bool

    @property
    def address(self) -> str:
        return f"10.99.{1 + self.number // 200}.{10 + self.number % 200}"

    @property
    def asn(self) -> int:
        return DAEMON_ASN if self.internal else EXTERNAL_ASN

    @property
    def old(self) -> str:
        """Announced, well formed, before the case."""
        return f"20.{self.number >> 8}.{self.number & 255}.0/24"

    @property
    def new(self) -> str:
        """Announced by the case."""
        return f"21.{self.number >> 8}.{self.number & 255}.0/24"

    @property
    def mark(self) -> str:
        """Announced, well formed, after the case: the observer sees it where the session lives."""
        return f"22.{self.number >> 8}.{self.number & 255}.0/24"

    @property
    def old6(self) -> str:
        return f"2001:db8:0:{self.number:x}::/64"

    @property
    def new6(self) -> str:
        return f"2001:db8:1:{self.number:x}::/64"

    @property
    def mark6(self) -> str:
        return f"2001:db8:2:{self.number:x}::/64"


def message(kind: int, body: bytes = b"", length: int | None = None, marker: bytes = MARKER) -> bytes:
    """A message; `length` and `marker` may lie."""
    return marker + struct.pack("!HB", 19 + len(body) if length is None else length, kind) + body


KEEP = message(KEEPALIVE)


def packed(prefix: str) -> bytes:
    """NLRI of one prefix."""
    network = ipaddress.ip_network(prefix)
    return bytes((network.prefixlen,)) + network.network_address.packed[: (network.prefixlen + 7) // 8]


def nlri(*prefixes: str) -> bytes:
    return b"".join(map(packed, prefixes))


# ===== OPEN =====


def capability(code: int, value: bytes = b"") -> bytes:
    return bytes((code, len(value))) + value


def multiprotocol(afi: int = 1, safi: int = 1) -> bytes:
    return capability(1, struct.pack("!HBB", afi, 0, safi))


def four_octet(asn: int) -> bytes:
    return capability(65, struct.pack("!I", asn))


def parameter(code: int, value: bytes) -> bytes:
    return bytes((code, len(value))) + value


def usual(s: Slot, *, wide: bool = True, ipv6: bool = True) -> bytes:
    """The capabilities of a well-behaved peer."""
    caps = multiprotocol(1) + (multiprotocol(2) if ipv6 else b"") + capability(2)
    return caps + (four_octet(s.asn) if wide else b"")


def open_message(
    s: Slot,
    caps: bytes | None = None,
    *,
    version: int = 4,
    asn: int | None = None,
    hold: int = 90,
    router_id: str = "",
    parameters: bytes | None = None,
    size: int | None = None,
) -> bytes:
    """OPEN; `parameters` are raw optional parameters, `size` is their length as claimed."""
    if parameters is None:
        parameters = parameter(2, usual(s) if caps is None else caps)
    head = struct.pack("!BHH", version, s.asn if asn is None else asn, hold)
    tail = bytes((len(parameters) if size is None else size,)) + parameters
    return message(OPEN, head + socket.inet_aton(router_id or s.address) + tail)


def extended_open(s: Slot, parameters: bytes, *, size: int | None = None, plain: int = 255) -> bytes:
    """OPEN in the form of RFC 9072."""
    head = struct.pack("!BHH", 4, s.asn, 90) + socket.inet_aton(s.address)
    length = len(parameters) if size is None else size
    return message(OPEN, head + bytes((plain, 255)) + struct.pack("!H", length) + parameters)


def wide_parameter(code: int, value: bytes) -> bytes:
    return struct.pack("!BH", code, len(value)) + value


# ===== UPDATE =====


def attr(flags: int, code: int, value: bytes = b"", length: int | None = None) -> bytes:
    """One attribute; `length` may lie. The extended length where the flag is set or it is needed."""
    size = len(value) if length is None else length
    if flags & EXTENDED or size > 255:
        return struct.pack("!BBH", flags | EXTENDED, code, size) + value
    return bytes((flags, code, size)) + value


def sequence(*asns: int, width: int = 4, kind: int = 2) -> bytes:
    return bytes((kind, len(asns))) + b"".join(asn.to_bytes(width, "big") for asn in asns)


def base(s: Slot, *, width: int = 4) -> dict[int, bytes]:
    """The attributes of a well-formed route, by code."""
    found = {
        1: attr(0x40, 1, b"\0"),
        2: attr(0x40, 2, b"" if s.internal else sequence(s.asn, width=width)),
        3: attr(0x40, 3, socket.inet_aton(s.address)),
    }
    if s.internal:
        found[5] = attr(0x40, 5, struct.pack("!I", 100))
    return found


def block(s: Slot, changes: Mapping[int, bytes] | None = None, *, width: int = 4, ipv6: bool = False) -> bytes:
    """An attribute block by ascending code, with some attributes put in, changed, or (empty) left out."""
    values = base(s, width=width)
    if ipv6:
        del values[3]
    values.update(changes or {})
    return b"".join(values[code] for code in sorted(values))


def raw_update(
    attributes: bytes, routes: bytes = b"", withdrawn: bytes = b"", *, w: int | None = None, a: int | None = None
) -> bytes:
    """UPDATE; `w` and `a` are the two lengths as claimed."""
    body = struct.pack("!H", len(withdrawn) if w is None else w) + withdrawn
    body += struct.pack("!H", len(attributes) if a is None else a) + attributes + routes
    return message(UPDATE, body)


def update(
    s: Slot,
    changes: Mapping[int, bytes] | None = None,
    extra: bytes = b"",
    *,
    routes: bytes | None = None,
    width: int = 4,
) -> bytes:
    """Announce the old and the new prefix, with attributes changed, and raw octets behind them."""
    attributes = block(s, changes, width=width) + extra
    return raw_update(attributes, nlri(s.old, s.new) if routes is None else routes)


HOP6 = socket.inet_pton(socket.AF_INET6, "fd99::3")


def reach_value(routes: bytes, hop: bytes = HOP6, afi: int = 2, safi: int = 1, reserved: int = 0) -> bytes:
    return struct.pack("!HBB", afi, safi, len(hop)) + hop + bytes((reserved,)) + routes


def update6(s: Slot, reach: bytes | None = None, changes: Mapping[int, bytes] | None = None) -> bytes:
    """The same over MP_REACH_NLRI; `reach`: the whole attribute."""
    if reach is None:
        reach = attr(0x80, 14, reach_value(nlri(s.old6, s.new6)))
    return raw_update(block(s, {14: reach, **(changes or {})}, ipv6=True))


def unreach_value(routes: bytes, afi: int = 2, safi: int = 1) -> bytes:
    return struct.pack("!HB", afi, safi) + routes


def refresh(afi: int = 1, safi: int = 1, subtype: int = 0, more: bytes = b"") -> bytes:
    return message(ROUTE_REFRESH, struct.pack("!HBB", afi, subtype, safi) + more)


def notification(code: int, subcode: int, data: bytes = b"") -> bytes:
    return message(NOTIFICATION, bytes((code, subcode)) + data)
