"""What hostile peers are made of: raw sessions, floods encoded ahead of time, and a quiet peer that watches the clock."""

import contextlib
import itertools
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator

from tests.conformance.octets import KEEP, KEEPALIVE, attr, raw_update, sequence
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Node
from tests.interop.raw import open_message

FLOODER_ASN = 65009


def resident(ours: Ours) -> int:
    """Octets of memory that the daemon has in RAM."""
    with open(f"/proc/{ours.processes[0].pid}/statm", encoding="ascii") as file:  # noqa: PTH123 - it is no file
        return int(file.read().split()[1]) * 4096


def handshake(
    node: Node, target: str, asn: int, source: str = "", hold: int = 90, extra: bytes = b"", rcvbuf: int = 0
) -> socket.socket:
    """A session brought up by hand; nobody reads or keeps it alive after that."""
    sock = node.tcp()
    try:
        if rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        sock.bind((source or node.address4, 0))
        sock.settimeout(10)
        sock.connect((target, 179))
        sock.sendall(open_message(asn, source or node.address4, hold=hold, extra=extra))
        kinds: list[int] = []
        while KEEPALIVE not in kinds:
            head = _exactly(sock, 19)
            kinds.append(head[18])
            _exactly(sock, struct.unpack_from("!H", head, 16)[0] - 19)
        sock.sendall(KEEP)
    except BaseException:
        sock.close()
        raise
    return sock


def handshake_soon(
    node: Node, target: str, asn: int, source: str = "", hold: int = 90, extra: bytes = b"", rcvbuf: int = 0
) -> socket.socket:
    """The same, again until the daemon's back-off is over."""
    deadline = time.monotonic() + 15
    while True:
        try:
            return handshake(node, target, asn, source, hold, extra, rcvbuf)
        except (OSError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise ConnectionError("the daemon hung up")
        data += part
    return data


def ending(sock: socket.socket, seconds: float = 10.0) -> tuple[int, int] | None:
    """Read until the daemon hangs up; its NOTIFICATION's code and subcode, None where there was none."""
    buffer, found = b"", None
    sock.settimeout(seconds)
    with contextlib.suppress(ConnectionError):
        while data := sock.recv(1 << 16):
            buffer += data
            while len(buffer) >= 19 and len(buffer) >= (size := struct.unpack_from("!H", buffer, 16)[0]):
                if buffer[18] == 3:
                    found = buffer[19], buffer[20]
                buffer = buffer[size:]
    return found


def block(next_hop: str, asn: int = FLOODER_ASN, more: bytes = b"") -> bytes:
    """Attributes of an eBGP route."""
    path = attr(0x40, 2, sequence(asn))
    return attr(0x40, 1, b"\0") + path + attr(0x40, 3, socket.inet_aton(next_hop)) + more


def full_table(count: int, next_hop: str, per_set: int = 200) -> list[bytes]:
    """UPDATEs of `count` /24s, a set of attributes for each `per_set` of them."""
    found = []
    for first in range(0, count, per_set):
        number = first // per_set
        attributes = block(next_hop, more=attr(0x80, 4, struct.pack("!I", number)))
        routes = b"".join(
            b"\x18" + struct.pack("!I", (16 << 16) + i)[1:] for i in range(first, min(first + per_set, count))
        )
        found.append(raw_update(attributes, routes))
    return found


def withdraws(count: int) -> Iterator[bytes]:
    """UPDATEs that take away what nobody announced."""
    for first in range(0, count, 1000):
        yield raw_update(
            b"", b"", b"".join(b"\x18" + struct.pack("!I", (50 << 16) + i)[1:] for i in range(first, first + 1000))
        )


class Quiet(threading.Thread):
    """A peer that says nothing but KEEPALIVE each second, and notes when it hears one."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(daemon=True)
        self.heard: list[float] = []
        self.lost = ""
        self._sock = sock
        self._over = threading.Event()
        self._buffer = b""

    def run(self) -> None:
        due = time.monotonic()
        try:
            while not self._over.is_set():
                if time.monotonic() >= due:
                    self._sock.sendall(KEEP)
                    due += 1.0
                if select.select([self._sock], [], [], max(0.0, min(0.2, due - time.monotonic())))[0]:
                    data = self._sock.recv(1 << 16)
                    if not data:
                        self.lost = self.lost or "the daemon hung up"
                        return
                    self._take(data, time.monotonic())
        except OSError as error:
            self.lost = str(error)

    def _take(self, data: bytes, at: float) -> None:
        self._buffer += data
        while len(self._buffer) >= 19 and len(self._buffer) >= (size := struct.unpack_from("!H", self._buffer, 16)[0]):
            if self._buffer[18] == KEEPALIVE:
                self.heard.append(at)
            elif self._buffer[18] == 3:
                self.lost = f"NOTIFICATION {self._buffer[19]}/{self._buffer[20]}"
            self._buffer = self._buffer[size:]

    def end(self) -> None:
        self._over.set()
        self.join(5)
        self._sock.close()

    @property
    def latest(self) -> float:
        """Seconds by which the latest KEEPALIVE came too late: one is due a second after the last at the most."""
        moments = [*self.heard, time.monotonic()]
        return max([b - a - 1.0 for a, b in itertools.pairwise(moments)], default=0.0)
