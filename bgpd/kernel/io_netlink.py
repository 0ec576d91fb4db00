"""The three netlink sockets: events in, writes out, dumps on demand.

Messages are written and read by `encode` (routes), `interfaces` (links and addresses) and `objects`. Our own writes are
not wanted back as events (100,000 writes would be 100,000 events to skip), so a socket filter in the kernel drops route
messages that carry our writer's port id; what is left is other people's doing.

A lost event (ENOBUFS) is an `Overrun`: the caller has to dump and compare. Everything here is synchronous; the service
calls the slow parts (large writes, dumps) in a thread, where the system calls let go of the interpreter's lock.
"""

import errno
import socket
import struct
from array import array
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from bgpd.kernel import encode, interfaces, objects
from bgpd.kernel.encode import Memo, RouteInfo
from bgpd.kernel.interfaces import AddressEvent, LinkEvent
from bgpd.kernel.objects import Object
from bgpd.kernel.routes import Refusal

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
        return self.answers(self.send(buffer))

    def send(self, buffer: bytes) -> int:
        """Write one buffer; returns its number, for `answers`, which is due in the order of the buffers.

        Fit for a thread: one system call, and nothing else. The kernel has judged every message when this returns.
        """
        self._seq += 1
        self._socket.sendto(buffer + encode.terminator(self._seq), (0, 0))
        return self._seq

    def answers(self, buffer: int) -> list[Refusal]:
        """What the kernel refused of a buffer that was sent. They wait already: this does not block."""
        refusals: list[Refusal] = []
        while True:
            data = _receive(self._socket)  # each answer is a datagram of its own
            for kind, flags, number, _, start, end in encode.messages(data):
                if kind != encode.NLMSG_ERROR:
                    continue
                if number == buffer:
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


def _open(send: int, receive: int, groups: int = 0, deaf_to: tuple[int, ...] = ()) -> socket.socket:
    """A socket in the groups of a bit mask (RTMGRP_*); it does not hear what the ports `deaf_to` do to routes."""
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
        if deaf_to:
            _filter_out(sock, deaf_to)  # before it is in any group
        sock.bind((0, groups))
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

    def __init__(self, writer_ports: tuple[int, ...], receive_buffer: int) -> None:
        self._socket = _open(1 << 16, receive_buffer, _GROUPS, writer_ports)
        try:
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

    def close(self) -> None:
        self._socket.close()


def _filter_out(sock: socket.socket, ports: tuple[int, ...]) -> None:
    """Drop, in the kernel, route messages that answer to these port ids (classic BPF: it loads big-endian)."""
    kinds = (encode.RTM_NEWROUTE, encode.RTM_DELROUTE, objects.RTM_NEWNEXTHOP, objects.RTM_DELNEXTHOP)
    new, gone, other, removed = (int.from_bytes(struct.pack("=H", n), "big") for n in kinds)
    ours = [int.from_bytes(struct.pack("=I", port), "big") for port in ports]
    load_half, load_word, equal, give = 0x28, 0x20, 0x15, 0x06
    program = b"".join(
        struct.pack("=HBBI", *row)
        for row in (
            (load_half, 0, 0, 4),  # nlmsg_type
            (equal, 3, 0, new),
            (equal, 2, 0, gone),
            (equal, 1, 0, other),
            (equal, 0, 1 + len(ours), removed),
            (load_word, 0, 0, 12),  # nlmsg_pid: who asked for it
            *[(equal, len(ours) - number, 0, port) for number, port in enumerate(ours)],
            (give, 0, 0, 0xFFFF_FFFF),
            (give, 0, 0, 0),
        )
    )
    code = array("B", program)
    # struct sock_fprog: a count, then (aligned) a pointer, which the kernel reads during the call
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(program) // 8, code.buffer_info()[0]))


def dump_links() -> tuple[list[LinkEvent], list[AddressEvent]]:
    """All links and addresses."""
    sock = _open(1 << 16, 1 << 20)
    try:
        found = [
            event
            for seq, request in ((1, interfaces.links_request(1)), (2, interfaces.addresses_request(2)))
            for data, kind, start, end in _ask(sock, request, seq)
            if kind in interfaces.KINDS and (event := interfaces.parse(data, kind, start, end)) is not None
        ]
    finally:
        sock.close()
    return [e for e in found if isinstance(e, LinkEvent)], [e for e in found if isinstance(e, AddressEvent)]


def dump_objects() -> list[Object] | None:
    """Every nexthop object; None where the kernel has none of that kind."""
    sock = _open(1 << 16, 1 << 20)
    out: list[Object] = []
    try:
        body = objects.encode_id(0)
        header = struct.pack("=IHHII", 16 + len(body), objects.RTM_GETNEXTHOP, encode.F_REQUEST | encode.F_DUMP, 1, 0)
        for data, kind, start, end in _ask(sock, header + body, 1):
            if kind == objects.RTM_NEWNEXTHOP:
                out.append(objects.parse(data, start, end))
            elif kind == encode.NLMSG_ERROR:
                return None
    finally:
        sock.close()
    return out


def _ask(sock: socket.socket, request: bytes, seq: int) -> Iterator[tuple[bytes, int, int, int]]:
    """The messages that answer a dump request: (datagram, type, start, end); an error is the last one."""
    sock.sendto(request, (0, 0))
    while True:
        data = _receive(sock)
        for kind, _, number, _, start, end in encode.messages(data):
            if number != seq:
                continue
            if kind == encode.NLMSG_DONE:
                return
            yield data, kind, start, end
            if kind == encode.NLMSG_ERROR:
                return


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
