"""Route messages of rtnetlink: routes in, octets out; dumps, events and errors in, values out. Pure.

A bulk write is one buffer of many RTM_NEWROUTE or RTM_DELROUTE messages: head + prefix + pad + tail, where heads depend
on the prefix length only and tails on the route only, so both are made once and 100,000 messages are a `join`. No
message asks for an ACK; a buffer ends with a NLMSG_NOOP that does, and its ACK means that everything before it has
been judged. An error carries the whole request back, so its prefix is read from there and no sequence number has to be
counted per route.

A dump is read with a memo: two messages that differ in their destination only describe one `RouteInfo`. Numbers are
in host byte order (netlink is a local protocol), addresses in network order. Unknown attributes are passed over.
"""

import struct
import sys
from collections.abc import Iterable, Iterator
from typing import Final

from bgpd.kernel.routes import CREATE, DELETE, REPLACE, RTN_UNICAST, Hop, Refusal, Route

NLMSG_NOOP: Final = 1
NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
RTM_NEWLINK: Final = 16
RTM_DELLINK: Final = 17
RTM_GETLINK: Final = 18
RTM_NEWADDR: Final = 20
RTM_DELADDR: Final = 21
RTM_GETADDR: Final = 22
RTM_NEWROUTE: Final = 24
RTM_DELROUTE: Final = 25
RTM_GETROUTE: Final = 26

F_REQUEST: Final = 0x1
F_ACK: Final = 0x4
F_DUMP_INTR: Final = 0x10
F_REPLACE: Final = 0x100
F_EXCL: Final = 0x200
F_CREATE: Final = 0x400
F_APPEND: Final = 0x800
F_DUMP: Final = 0x300
F_CAPPED: Final = 0x100  #: on an error: the request was not echoed
F_ACK_TLVS: Final = 0x200  #: on an error: the kernel's own words follow

AF_INET: Final = 2
AF_INET6: Final = 10

KIND_NAMES: Final = {
    1: "unicast", 2: "local", 3: "broadcast", 4: "anycast", 5: "multicast",
    6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw", 10: "nat",
}  # fmt: skip

SCOPE_UNIVERSE: Final = 0
SCOPE_LINK: Final = 253
SCOPE_NOWHERE: Final = 255

RTNH_F_ONLINK: Final = 0x4
RTM_F_CLONED: Final = 0x200
RTM_F_FIB_MATCH: Final = 0x2000

RTA_DST: Final = 1
RTA_OIF: Final = 4
RTA_GATEWAY: Final = 5
RTA_PRIORITY: Final = 6
RTA_MULTIPATH: Final = 9
RTA_TABLE: Final = 15
RTA_VIA: Final = 18
RTA_NH_ID: Final = 30

#: Who writes routes, by rtm_protocol: /etc/iproute2/rt_protos, so that a conflict names its holder.
PROTOCOL_NAMES: Final = {
    1: "redirect", 2: "kernel", 3: "boot", 4: "static", 8: "gated", 9: "ra", 10: "mrt", 11: "zebra", 12: "bird",
    13: "dnrouted", 14: "xorp", 15: "ntk", 16: "dhcp", 17: "mrouted", 18: "keepalived", 42: "babel", 80: "calico",
    84: "ovn", 99: "openr", 186: "bgp", 187: "isis", 188: "ospf", 189: "rip", 192: "eigrp",
}  # fmt: skip

_MSG: Final = struct.Struct("=IHHII")
_RTM: Final = struct.Struct("=BBBBBBBBI")
_FULL: Final = struct.Struct("=IHHIIBBBBBBBBI")
_RTA: Final = struct.Struct("=HH")
_RTA32: Final = struct.Struct("=HHI")
_HOP: Final = struct.Struct("=HBBi")
_HEAD: Final = struct.Struct("=IHHIIBBBBBBBBIHH")
_U32: Final = struct.Struct("=I")
_I32: Final = struct.Struct("=i")
_LITTLE: Final = sys.byteorder == "little"

#: By operation: the message, and the flags that make each of them safe (see `plan`).
_TYPE: Final = (RTM_NEWROUTE, RTM_NEWROUTE, RTM_DELROUTE)
_FLAGS: Final = (F_REQUEST | F_CREATE | F_EXCL, F_REQUEST | F_REPLACE, F_REQUEST)


def _align(length: int) -> int:
    return (length + 3) & ~3


def _attribute(kind: int, value: bytes) -> bytes:
    length = 4 + len(value)
    return _RTA.pack(length, kind) + value + bytes(_align(length) - length)


class Encoder:
    """Builds the messages of one address family in one table, under one protocol number."""

    def __init__(self, af: int, table: int, protocol: int) -> None:
        self.af = af
        self.table = table
        self.protocol = protocol
        self.onlink: frozenset[int] = frozenset()  #: interfaces whose gateways no route leads to: the overlay's
        self._octets = 4 if af == AF_INET else 16
        self._pads = [bytes(self._octets - (n + 7) // 8) for n in range(self._octets * 8 + 1)]
        self._heads: dict[tuple[int, int, int, int, int], list[bytes]] = {}
        self._tails: dict[Route, bytes] = {}
        self._delete_tails: dict[int, bytes] = {}

    def forget(self) -> None:
        """Interface numbers mean something else now: messages are made anew."""
        self._tails.clear()

    def encode(self, op: int, route: Route, prefixes: Iterable[bytes]) -> list[bytes]:
        """One operation for many prefixes: the pieces of their messages, to be joined; four pieces a message."""
        tail = self._delete_tail(route.metric) if op == DELETE else self._tail(route)
        heads = self._head_table(op, route, len(tail))
        pads = self._pads
        out: list[bytes] = []
        for prefix in prefixes:
            length = prefix[0]
            out += (heads[length], prefix[1:], pads[length], tail)
        return out

    def _head_table(self, op: int, route: Route, tail_length: int) -> list[bytes]:
        scope, kind = self._scope_and_kind(op, route)
        flags = self._hop_flags(route.hops[0][1]) if op != DELETE and len(route.hops) == 1 else 0
        key = (op, scope, kind, tail_length, flags)
        heads = self._heads.get(key)
        if heads is None:
            total = _HEAD.size + self._octets + tail_length
            table = self.table if self.table < 256 else 0
            heads = self._heads[key] = [
                _HEAD.pack(
                    total, _TYPE[op], _FLAGS[op], 0, 0,
                    self.af, length, 0, 0, table, self.protocol, scope, kind, flags,
                    4 + self._octets, RTA_DST,
                )
                for length in range(self._octets * 8 + 1)
            ]  # fmt: skip
        return heads

    @staticmethod
    def _scope_and_kind(op: int, route: Route) -> tuple[int, int]:
        if op == DELETE:
            return SCOPE_NOWHERE, 0  # any scope, any kind: protocol, table and metric say whose it is
        if route.kind == RTN_UNICAST and any(not gateway for gateway, _ in route.hops):
            return SCOPE_LINK, route.kind
        return SCOPE_UNIVERSE, route.kind

    def _common(self, metric: int) -> bytes:
        table = _RTA32.pack(8, RTA_TABLE, self.table) if self.table > 255 else b""
        return _RTA32.pack(8, RTA_PRIORITY, metric) + table

    def _delete_tail(self, metric: int) -> bytes:
        tail = self._delete_tails.get(metric)
        if tail is None:
            tail = self._delete_tails[metric] = self._common(metric)
        return tail

    def _tail(self, route: Route) -> bytes:
        tail = self._tails.get(route)
        if tail is None:
            if len(self._tails) > 10_000:  # next hops that are long gone
                self._tails.clear()
            tail = self._tails[route] = self._common(route.metric) + self._ways(route)
        return tail

    def _ways(self, route: Route) -> bytes:
        return _RTA32.pack(8, RTA_NH_ID, route.nexthop) if route.nexthop else self._hops(route.hops, route.weights)

    def _hops(self, hops: tuple[Hop, ...], weights: tuple[int, ...]) -> bytes:
        if not hops:
            return b""
        if len(hops) == 1:
            gateway, ifindex = hops[0]
            return self._gateway(gateway) + _RTA32.pack(8, RTA_OIF, ifindex)
        parts = []
        for number, (gateway, ifindex) in enumerate(hops):
            value = self._gateway(gateway)
            weight = weights[number] - 1 if weights else 0
            parts.append(_HOP.pack(_HOP.size + len(value), self._hop_flags(ifindex), weight, ifindex) + value)
        return _attribute(RTA_MULTIPATH, b"".join(parts))

    def _hop_flags(self, ifindex: int) -> int:
        return RTNH_F_ONLINK if ifindex in self.onlink else 0

    def _gateway(self, gateway: bytes) -> bytes:
        if not gateway:
            return b""
        if len(gateway) == self._octets:
            return _attribute(RTA_GATEWAY, gateway)
        # another family's gateway (RFC 8950: IPv4 prefixes by way of an IPv6 next hop)
        via = struct.pack("=H", AF_INET if len(gateway) == 4 else AF_INET6) + gateway
        return _attribute(RTA_VIA, via)

    def lookup(self, prefix: bytes) -> bytes:
        """A RTM_GETROUTE that asks for the FIB entry which the prefix' first address hits."""
        head = _HEAD.pack(
            _HEAD.size + self._octets, RTM_GETROUTE, F_REQUEST, 0, 0,
            self.af, self._octets * 8, 0, 0, 0, 0, 0, 0, RTM_F_FIB_MATCH, 4 + self._octets, RTA_DST,
        )  # fmt: skip
        return head + prefix[1:] + self._pads[prefix[0]]


def terminator(seq: int) -> bytes:
    """The message that ends a buffer: it does nothing but ask for an ACK with this sequence number."""
    return _MSG.pack(_MSG.size, NLMSG_NOOP, F_REQUEST | F_ACK, seq, 0)


def dump_request(af: int, table: int, seq: int) -> bytes:
    """Ask for the routes of one table. Only a socket with strict checks gets it filtered; others get all tables."""
    small = table if table < 256 else 0
    tail = b"" if small else _RTA32.pack(8, RTA_TABLE, table)
    size = _FULL.size + len(tail)
    return _FULL.pack(size, RTM_GETROUTE, F_REQUEST | F_DUMP, seq, 0, af, 0, 0, 0, small, 0, 0, 0, 0) + tail


def permission_probe() -> bytes:
    """A write that no kernel accepts (a /33): EPERM without CAP_NET_ADMIN, another error with it."""
    return _FULL.pack(28, RTM_DELROUTE, F_REQUEST | F_ACK, 1, 0, AF_INET, 33, 0, 0, 254, 0, 0, 0, 0)


class RouteInfo:
    """All that a route message says but its destination. Shared between routes; never changed."""

    __slots__ = ("af", "flags", "hops", "kind", "metric", "nexthop_id", "protocol", "scope", "table", "tos", "weights")

    def __init__(
        self, *, af: int, tos: int, table: int, protocol: int, scope: int, kind: int, flags: int,
        metric: int, hops: tuple[Hop, ...], nexthop_id: int, weights: tuple[int, ...] = (),
    ) -> None:  # fmt: skip
        self.af = af
        self.tos = tos
        self.table = table
        self.protocol = protocol
        self.scope = scope
        self.kind = kind
        self.flags = flags
        self.metric = metric
        self.hops = hops  #: sorted, so that two orders of one multipath set are equal
        self.nexthop_id = nexthop_id
        self.weights = weights  #: one a way out; empty: equal ones

    def route(self) -> Route:
        """As the value that `plan` compares."""
        if self.nexthop_id:
            return Route(self.kind, (), self.metric, self.nexthop_id)
        # An IPv6 blackhole is attached to lo by the kernel; that is no way out.
        if self.kind != RTN_UNICAST:
            return Route(self.kind, (), self.metric)
        return Route(self.kind, self.hops, self.metric, 0, self.weights)


Memo = dict[bytes, RouteInfo]


def messages(data: bytes) -> Iterator[tuple[int, int, int, int, int, int]]:
    """Every message of a datagram: (type, flags, seq, port, start, end); start is that of the header."""
    offset = 0
    size = len(data)
    while offset + 16 <= size:
        length, kind, flags, seq, port = _MSG.unpack_from(data, offset)
        if length < 16 or offset + length > size:
            return
        yield kind, flags, seq, port, offset, offset + length
        offset += (length + 3) & ~3


def parse_route(data: bytes, start: int, end: int, memo: Memo) -> tuple[bytes, RouteInfo]:
    """One route message: (prefix, the rest). `memo` is the caller's, bounded by him; it makes dumps fast.

    Raises struct.error or IndexError for a message that is shorter than it says, which the kernel does not send.
    """
    octets = 4 if data[start + 16] == AF_INET else 16
    length = data[start + 17]
    body = start + 28
    if length and _LITTLE and data[body : body + 4] == b"\x08\x00\x0f\x00" and data[body + 10] == RTA_DST:
        # The kernel's own order: RTA_TABLE, RTA_DST, the rest. What is not the destination is the memo's key.
        address = body + 12
        prefix = data[start + 17 : start + 18] + data[address : address + (length + 7) // 8]
        key = data[start + 16 : start + 17] + data[start + 19 : body + 8] + data[address + octets : end]
        info = memo.get(key)
        if info is None:
            info = memo[key] = _parse_body(data, start, end)[1]
        return prefix, info
    destination, info = _parse_body(data, start, end)
    return bytes((length,)) + (destination or bytes(octets))[: (length + 7) // 8], info


def _parse_body(data: bytes, start: int, end: int) -> tuple[bytes, RouteInfo]:
    af, _, _, tos, table, protocol, scope, kind, flags = _RTM.unpack_from(data, start + 16)
    destination = gateway = b""
    metric = ifindex = nexthop_id = 0
    hops: list[tuple[Hop, int]] = []
    for code, at, stop in attributes(data, start + 28, end):
        if code == RTA_DST:
            destination = data[at:stop]
        elif code == RTA_GATEWAY:
            gateway = data[at:stop]
        elif code == RTA_VIA:
            gateway = data[at + 2 : stop]
        elif code == RTA_OIF:
            ifindex = _U32.unpack_from(data, at)[0]
        elif code == RTA_PRIORITY:
            metric = _U32.unpack_from(data, at)[0]
        elif code == RTA_TABLE:
            table = _U32.unpack_from(data, at)[0]
        elif code == RTA_NH_ID:
            nexthop_id = _U32.unpack_from(data, at)[0]
        elif code == RTA_MULTIPATH:
            hops = _parse_hops(data, at, stop)
    if not hops and (gateway or ifindex):
        hops = [((gateway, ifindex), 1)]
    hops.sort()
    weights = [weight for _, weight in hops]
    info = RouteInfo(
        af=af, tos=tos, table=table, protocol=protocol, scope=scope, kind=kind, flags=flags,
        metric=metric, hops=tuple([hop for hop, _ in hops]), nexthop_id=nexthop_id,
        weights=tuple(weights) if len(set(weights)) > 1 else (),
    )  # fmt: skip
    return destination, info


def _parse_hops(data: bytes, start: int, end: int) -> list[tuple[Hop, int]]:
    """Ways out with their weights."""
    hops: list[tuple[Hop, int]] = []
    while start + 8 <= end:
        length, _, weight, ifindex = _HOP.unpack_from(data, start)
        if length < 8:
            break
        gateway = b""
        for code, at, stop in attributes(data, start + 8, start + length):
            if code == RTA_GATEWAY:
                gateway = data[at:stop]
            elif code == RTA_VIA:
                gateway = data[at + 2 : stop]
        hops.append(((gateway, ifindex), weight + 1))
        start += _align(length)
    return hops


def attributes(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The attributes between two offsets: (type without its flags, start and end of the value)."""
    while start + 4 <= end:
        length, kind = _RTA.unpack_from(data, start)
        if length < 4:
            return
        yield kind & 0x3FFF, start + 4, min(start + length, end)
        start += _align(length)


def parse_error(data: bytes, start: int, end: int, flags: int) -> tuple[int, str]:
    """(errno, the kernel's words or "") of a NLMSG_ERROR; errno 0 is an ACK."""
    code = -_I32.unpack_from(data, start + 16)[0]
    if not flags & F_ACK_TLVS:
        return code, ""
    echoed = 16 if flags & F_CAPPED else _U32.unpack_from(data, start + 20)[0]
    for kind, at, stop in attributes(data, start + 20 + _align(echoed), end):
        if kind == 1:  # NLMSGERR_ATTR_MSG
            return code, data[at:stop].rstrip(b"\0").decode("ascii", "replace")
    return code, ""


def parse_refusal(data: bytes, start: int, end: int, flags: int) -> Refusal | None:
    """The error reply to one of our route messages, read from the request that it echoes; None for anything else."""
    code, text = parse_error(data, start, end, flags)
    request = start + 20
    if not code or flags & F_CAPPED or request + 28 > end:
        return None
    length, kind, request_flags, _, _ = _MSG.unpack_from(data, request)
    if kind == RTM_DELROUTE:
        op = DELETE
    elif kind == RTM_NEWROUTE:
        op = REPLACE if request_flags & F_REPLACE else CREATE
    else:
        return None
    prefix, _ = parse_route(data, request, request + length, {})
    return Refusal(prefix, op, code, text)
