"""The three netlink sockets: events in, writes out, dumps on demand.

pyroute2 makes the event socket and decodes links and addresses, which are few. Routes are many: they are read and
written by `encode`. Our own writes are not wanted back as events (100,000 writes would be 100,000 events to skip), so a
socket filter in the kernel drops route messages that carry our writer's port id; what is left is other people's doing.

A lost event (ENOBUFS) is an `Overrun`: the caller has to dump and compare. Everything here is synchronous; the service
calls the slow parts (large writes, dumps) in a thread, where the system calls let go of the interpreter's lock.
"""

import ctypes
import errno
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from pyroute2 import IPRSocket

from bgpd.kernel import encode, objects
from bgpd.kernel.encode import Memo, RouteInfo
from bgpd.kernel.objects import Object
from bgpd.kernel.plan import Refusal
from bgpd.wire.prefix import parse_address

_SOL_NETLINK: Final = 270
_NETLINK_ADD_MEMBERSHIP: Final = 1
_RTNLGRP_NEXTHOP: Final = 32
_NETLINK_EXT_ACK: Final = 11
_NETLINK_GET_STRICT_CHK: Final = 12
_SO_ATTACH_FILTER: Final = 26
_SO_SNDBUFFORCE: Final = 32
_SO_RCVBUFFORCE: Final = 33

#: RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE
_GROUPS: Final = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
_AF_BRIDGE: Final = 7
_READ: Final = 1 << 16
#: Seconds after which an answer that the kernel gives at once is taken as lost.
_PATIENCE: Final = 5.0


class Overrun(Exception):  # noqa: N818 - it names what happened
    """The kernel had more to say than our buffer took: something was lost, and only a dump can tell what."""


class Writer:
    """The socket that changes routes. One user at a time."""

    def __init__(self) -> None:
        self._socket = _open(1 << 22, 1 << 22)
        self._seq = 1
        self.port: int = self._socket.getsockname()[0]

    def write(self, buffer: bytes) -> list[Refusal]:
        """Write one buffer of messages (see `encode`); returns what the kernel refused. Raises Overrun, OSError."""
        self.send(buffer)
        return self.answers()

    def send(self, buffer: bytes) -> None:
        """Write one buffer; `answers` is due before the next. Fit for a thread: one system call, and nothing else.

        The kernel has judged every message when this returns.
        """
        self._seq += 1
        self._socket.sendto(buffer + encode.terminator(self._seq), (0, 0))

    def answers(self) -> list[Refusal]:
        """What the kernel refused of the buffer that was sent. They wait already: this does not block."""
        refusals: list[Refusal] = []
        while True:
            data = _receive(self._socket)
            for kind, flags, number, _, start, end in encode.messages(data):
                if kind != encode.NLMSG_ERROR:
                    continue
                if number == self._seq:
                    return refusals
                refusal = encode.parse_refusal(data, start, end, flags)
                if refusal is not None:
                    refusals.append(refusal)

    def command(self, kind: int, flags: int, body: bytes) -> tuple[int, str]:
        """One message by itself: its errno (0: done) and the kernel's words. Raises Overrun, OSError."""
        self._seq += 1
        header = struct.pack("=IHHII", 16 + len(body), kind, encode.F_REQUEST | encode.F_ACK | flags, self._seq, 0)
        self._socket.sendto(header + body, (0, 0))
        while True:
            data = _receive(self._socket)
            for answer, answer_flags, number, _, start, end in encode.messages(data):
                if answer == encode.NLMSG_ERROR and number == self._seq:
                    return encode.parse_error(data, start, end, answer_flags)

    def probe(self) -> int:
        """The errno of a write that every kernel rejects: EPERM where we may not write at all."""
        self._socket.sendto(encode.permission_probe(), (0, 0))
        data = _receive(self._socket)
        for kind, flags, _, _, start, end in encode.messages(data):
            if kind == encode.NLMSG_ERROR:
                return encode.parse_error(data, start, end, flags)[0]
        return 0

    def lookup(self, request: bytes) -> tuple[bytes, RouteInfo] | None:
        """The FIB entry that a `RTM_GETROUTE` hits, None where the kernel names none."""
        self._socket.sendto(request, (0, 0))
        data = _receive(self._socket)
        for kind, _, _, _, start, end in encode.messages(data):
            if kind == encode.RTM_NEWROUTE:
                return encode.parse_route(data, start, end, {})
        return None

    def close(self) -> None:
        self._socket.close()


def _open(send: int, receive: int) -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    try:
        _size(sock, _SO_SNDBUFFORCE, socket.SO_SNDBUF, send)
        _size(sock, _SO_RCVBUFFORCE, socket.SO_RCVBUF, receive)
        for option in (_NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK):
            with suppress(OSError):  # kernels before 4.12 and 4.20 do without
                sock.setsockopt(_SOL_NETLINK, option, 1)
        # Not `settimeout`: Python would wait for the socket before each call, and the interpreter's lock twice.
        patience = struct.pack("ll", int(_PATIENCE), 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        sock.bind((0, 0))
    except OSError:
        sock.close()
        raise
    return sock


def _size(sock: socket.socket, force: int, plain: int, octets: int) -> None:
    """Set a buffer beyond the system's limit where we may (CAP_NET_ADMIN), else up to it."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, force, octets)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, plain, octets)


def _receive(sock: socket.socket) -> bytes:
    try:
        return sock.recv(_READ)
    except (TimeoutError, BlockingIOError):
        raise Overrun("the kernel did not answer") from None
    except OSError as error:
        if error.errno == errno.ENOBUFS:
            raise Overrun("answers were lost") from None
        raise


class Events:
    """The socket that tells what others do to links, addresses and routes."""

    def __init__(self, writer_port: int, receive_buffer: int) -> None:
        self._netlink: Any = IPRSocket(groups=_GROUPS)
        self._socket: socket.socket = self._netlink.socket
        try:
            _size(self._socket, _SO_RCVBUFFORCE, socket.SO_RCVBUF, receive_buffer)
            _filter_out(self._socket, writer_port)
            self._netlink.bind()
            with suppress(OSError):  # kernels before 5.3 have no nexthop objects
                self._socket.setsockopt(_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, _RTNLGRP_NEXTHOP)
        except BaseException:
            self.close()
            raise
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> bytes | None:
        """The next datagram, None where there is none. Raises Overrun where some were lost."""
        try:
            return self._socket.recv(_READ)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                raise Overrun("events were lost") from None
            raise

    def decode(self, data: bytes) -> Iterator["LinkEvent | AddressEvent"]:
        """Links and addresses of a datagram, by pyroute2."""
        return _decode(self._netlink.marshal, data)

    def close(self) -> None:
        self._netlink.asyncore.close()
        self._socket.close()


class LinkEvent:
    """A link as netlink shows it."""

    __slots__ = ("flags", "index", "name", "present")

    def __init__(self, index: int, name: str, flags: int, present: bool) -> None:
        self.index = index
        self.name = name
        self.flags = flags
        self.present = present


class AddressEvent:
    """An address of an interface as netlink shows it."""

    __slots__ = ("address", "index", "length", "present")

    def __init__(self, index: int, address: bytes, length: int, present: bool) -> None:
        self.index = index
        self.address = address
        self.length = length
        self.present = present


def _decode(marshal: Any, data: bytes) -> Iterator[LinkEvent | AddressEvent]:
    for message in marshal.parse(data):
        kind = message["header"]["type"]
        if kind in {encode.RTM_NEWLINK, encode.RTM_DELLINK}:
            # A bridge tells about its ports in the same words: a port that leaves it is no link that went.
            if message["family"] != _AF_BRIDGE:
                name = message.get("ifname") or f"#{message['index']}"
                yield LinkEvent(message["index"], name, message["flags"], kind == encode.RTM_NEWLINK)
        elif kind in {encode.RTM_NEWADDR, encode.RTM_DELADDR}:
            text = message.get("local") or message.get("address")
            if text and message["family"] in {encode.AF_INET, encode.AF_INET6}:
                address = parse_address(text)
                yield AddressEvent(message["index"], address, message["prefixlen"], kind == encode.RTM_NEWADDR)


def _filter_out(sock: socket.socket, port: int) -> None:
    """Drop, in the kernel, route messages that answer to this port id (classic BPF: it loads big-endian)."""
    kinds = (encode.RTM_NEWROUTE, encode.RTM_DELROUTE, objects.RTM_NEWNEXTHOP, objects.RTM_DELNEXTHOP)
    new, gone, other, removed = (int.from_bytes(struct.pack("=H", n), "big") for n in kinds)
    ours = int.from_bytes(struct.pack("=I", port), "big")
    load_half, load_word, equal, give = 0x28, 0x20, 0x15, 0x06
    program = b"".join(
        struct.pack("=HBBI", *row)
        for row in (
            (load_half, 0, 0, 4),  # nlmsg_type
            (equal, 3, 0, new),
            (equal, 2, 0, gone),
            (equal, 1, 0, other),
            (equal, 0, 3, removed),
            (load_word, 0, 0, 12),  # nlmsg_pid: who asked for it
            (equal, 0, 1, ours),
            (give, 0, 0, 0),
            (give, 0, 0, 0xFFFF_FFFF),
        )
    )
    code = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: a count, then (aligned) a pointer, which the kernel reads during the call
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(program) // 8, ctypes.addressof(code)))


def dump_links() -> tuple[list[LinkEvent], list[AddressEvent]]:
    """All links and addresses."""
    netlink: Any = IPRSocket(groups=0)
    try:
        netlink.bind()
        netlink.socket.settimeout(_PATIENCE)
        links = [e for e in _ask(netlink, encode.RTM_GETLINK) if isinstance(e, LinkEvent)]
        return links, [e for e in _ask(netlink, encode.RTM_GETADDR) if isinstance(e, AddressEvent)]
    finally:
        netlink.asyncore.close()
        netlink.socket.close()


def _ask(netlink: Any, kind: int) -> Iterator[LinkEvent | AddressEvent]:
    netlink.put(None, kind, encode.F_REQUEST | encode.F_DUMP, msg_seq=kind)
    while True:
        data = _receive(netlink.socket)
        yield from _decode(netlink.marshal, data)
        if any(m[0] in {encode.NLMSG_DONE, encode.NLMSG_ERROR} for m in encode.messages(data)):
            return


def dump_objects() -> list[Object] | None:
    """Every nexthop object; None where the kernel has none of that kind."""
    sock = _open(1 << 16, 1 << 20)
    out: list[Object] = []
    try:
        body = objects.encode_id(0)
        header = struct.pack("=IHHII", 16 + len(body), objects.RTM_GETNEXTHOP, encode.F_REQUEST | encode.F_DUMP, 1, 0)
        sock.sendto(header + body, (0, 0))
        while True:
            data = _receive(sock)
            for kind, _, _, _, start, end in encode.messages(data):
                if kind == objects.RTM_NEWNEXTHOP:
                    out.append(objects.parse(data, start, end))
                elif kind == encode.NLMSG_ERROR:
                    return None
                elif kind == encode.NLMSG_DONE:
                    return out
    finally:
        sock.close()


class Dump:
    """The routes of one family in one table, a datagram at a time: the kernel goes on when it is asked."""

    def __init__(self, af: int, table: int) -> None:
        self._af = af
        self._table = table
        self._memo: Memo = {}
        self._done = False
        self.interrupted = False  #: the table changed meanwhile; the dump may not be whole
        self._socket = _open(1 << 16, 1 << 20)
        self._socket.sendto(encode.dump_request(af, table, 1), (0, 0))

    def read(self) -> list[tuple[bytes, RouteInfo]] | None:
        """Some more routes, None at the end. Raises Overrun, OSError."""
        if self._done:
            return None
        out: list[tuple[bytes, RouteInfo]] = []
        data = _receive(self._socket)
        for kind, flags, _, _, start, end in encode.messages(data):
            self.interrupted = self.interrupted or bool(flags & encode.F_DUMP_INTR)
            if kind == encode.RTM_NEWROUTE:
                row = encode.parse_route(data, start, end, self._memo)
                if row[1].af == self._af and row[1].table == self._table and not row[1].flags & encode.RTM_F_CLONED:
                    out.append(row)
            elif kind in {encode.NLMSG_DONE, encode.NLMSG_ERROR}:
                self._done = True
        return out

    def close(self) -> None:
        self._socket.close()
