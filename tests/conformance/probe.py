"""Many sessions over real TCP, in one thread: each is told what to say at which moment, and keeps what it hears."""

import contextlib
import ipaddress
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterator

from tests.conformance.judge import Notice
from tests.conformance.octets import KEEP, KEEPALIVE, NOTIFICATION, OPEN, UPDATE
from tests.interop.lan import Node

BACKLOG = 6  #: connections that the daemon has not answered yet


class Probe:
    """One session. `hello` answers the daemon's OPEN, `confirm` its first KEEPALIVE."""

    def __init__(self, source: str, target: str, hello: bytes, confirm: bytes = KEEP) -> None:
        self.source = source
        self.target = target
        self.hello = hello
        self.confirm = confirm
        self.sock: socket.socket | None = None
        self.heard: list[int] = []  #: message types, the first thousand
        self.opened = b""  #: the daemon's OPEN, without the header
        self.notice: Notice | None = None
        self.lively = False  #: send KEEPALIVE now and then
        self.closed = False
        self.confirmed = False  #: the daemon took our OPEN, and we answered
        self.attempts = 0
        self.retry_at = 0.0
        self.routes: dict[str, dict[int, tuple[int, bytes]]] | None = None  #: an observer's: prefix -> attributes
        self._buffer = b""

    def send(self, data: bytes) -> None:
        """Any bytes, as they are; a connection that is gone already takes them, too."""
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.setblocking(True)
                self.sock.settimeout(5)
                self.sock.sendall(data)
            with contextlib.suppress(OSError):
                self.sock.setblocking(False)

    def received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 19:
            size = struct.unpack_from("!H", self._buffer, 16)[0]
            if size < 19 or len(self._buffer) < size:
                return
            kind, body, self._buffer = self._buffer[18], self._buffer[19:size], self._buffer[size:]
            self._take(kind, body)

    def _take(self, kind: int, body: bytes) -> None:
        if len(self.heard) < 1000:
            self.heard.append(kind)
        if kind == OPEN and not self.opened:
            self.opened = body
            self.send(self.hello)
        elif kind == KEEPALIVE and not self.confirmed:
            self.confirmed = True
            self.send(self.confirm)
        elif kind == NOTIFICATION and self.notice is None:
            self.notice = Notice(body[0], body[1], body[2:])
        elif kind == UPDATE and self.routes is not None:
            self._observe(body)

    def _observe(self, body: bytes) -> None:
        assert self.routes is not None
        size = struct.unpack_from("!H", body)[0]
        for prefix in _prefixes(body[2 : 2 + size], 4):
            self.routes.pop(prefix, None)
        length = struct.unpack_from("!H", body, 2 + size)[0]
        start = 4 + size
        attrs = {code: (flags, value) for flags, code, value in _split(body[start : start + length])}
        announced = list(_prefixes(body[start + length :], 4))
        if 15 in attrs and attrs[15][1][:3] == b"\0\2\1":
            for prefix in _prefixes(attrs[15][1][3:], 16):
                self.routes.pop(prefix, None)
        if 14 in attrs and attrs[14][1][:3] == b"\0\2\1":
            value = attrs[14][1]
            announced += _prefixes(value[5 + value[3] :], 16)
        self.routes.update(dict.fromkeys(announced, attrs))


def _prefixes(data: bytes, octets: int) -> Iterator[str]:
    at = 0
    while at < len(data):
        size = (data[at] + 7) // 8
        yield str(ipaddress.ip_network((data[at + 1 : at + 1 + size].ljust(octets, b"\0"), data[at])))
        at += 1 + size


def _split(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at < len(data):
        flags, code, size, start = data[at], data[at + 1], data[at + 2], at + 3
        if flags & 0x10:
            size, start = struct.unpack_from("!H", data, at + 2)[0], at + 4
        yield flags, code, data[start : start + size]
        at = start + size


class Probes:
    """All sessions from one node, and the one loop that reads them."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._selector = selectors.DefaultSelector()
        self.all: list[Probe] = []

    def add(self, probe: Probe) -> Probe:
        self.all.append(probe)
        return probe

    def handshakes(self, dead: Callable[[], bool], seconds: float = 6.0) -> None:
        """Until every probe has said its hello, and has been answered one way or another; some daemons need patience."""
        deadline = time.monotonic() + seconds

        def done() -> bool:
            waiting = sum(probe.sock is not None and not probe.opened for probe in self.all)
            for probe in self.all:
                if waiting >= BACKLOG:  # some listen with a backlog of 8
                    break
                if probe.sock is None and not probe.closed and time.monotonic() > probe.retry_at:
                    self._connect(probe)
                    waiting += 1
            return dead() or all(probe.closed or probe.confirmed for probe in self.all)

        self.pump(done, deadline - time.monotonic())

    def pump(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Read until `ready` or the time is over; sessions that said something odd only in OPEN are kept alive."""
        deadline = time.monotonic() + seconds
        spoken = time.monotonic()
        while not ready():
            if time.monotonic() - spoken > 0.5:
                spoken = time.monotonic()
                for probe in self.all:
                    if probe.confirmed and probe.lively:
                        probe.send(KEEP)
            if time.monotonic() > deadline:
                return False
            for key, _ in self._selector.select(0.02):
                self._read(key.data)
        return True

    def close(self) -> None:
        for probe in self.all:
            self._drop(probe)
        self._selector.close()

    def _connect(self, probe: Probe) -> None:
        sock = self._node.tcp()
        try:
            sock.bind((probe.source, 0))
            sock.settimeout(2)
            sock.connect((probe.target, 179))
        except OSError:
            sock.close()
            probe.retry_at = time.monotonic() + 0.2
            return
        sock.setblocking(False)
        probe.sock = sock
        self._selector.register(sock, selectors.EVENT_READ, probe)

    def _read(self, probe: Probe) -> None:
        assert probe.sock is not None
        try:
            data = probe.sock.recv(1 << 17)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            probe.received(data)
            return
        self._drop(probe)
        if not probe.opened and probe.attempts < 100:  # not ready for us yet: nothing was said, try again
            probe.attempts += 1
            probe.notice = None
            probe.retry_at = time.monotonic() + 0.1
        else:
            probe.closed = True

    def _drop(self, probe: Probe) -> None:
        if probe.sock is not None:
            self._selector.unregister(probe.sock)
            probe.sock.close()
            probe.sock = None
