"""A stream of numbered packets from one namespace to another: what arrives, what is lost, how long it was silent.

Sockets belong to the namespace in which they were made, whichever thread uses them: so two threads of the test are
sender and receiver, and the way between them is the kernel's alone.
"""

import socket
import threading
import time
from types import TracebackType
from typing import Final, Self

from tests.netns.netns import Namespace

PORT: Final = 9999
_FORCE: Final = 33  # SO_RCVBUFFORCE


class Stream:
    """UDP packets every `interval` seconds, from `start` (or `with`) to `stop`."""

    def __init__(self, sender: Namespace, receiver: Namespace, destination: str, interval: float = 0.0005) -> None:
        family = socket.AF_INET6 if ":" in destination else socket.AF_INET
        with sender.entered():
            self._out = socket.socket(family, socket.SOCK_DGRAM)
        with receiver.entered():
            self._in = socket.socket(family, socket.SOCK_DGRAM)
            self._in.setsockopt(socket.SOL_SOCKET, _FORCE, 16 << 20)
            self._in.bind((destination, PORT))
        self._in.settimeout(0.2)
        self._interval: Final = interval
        self._destination: Final = destination
        self._stop = threading.Event()
        self.sent = 0
        self.received = 0
        self.refused = 0  #: the sender's own kernel had no route
        self.longest = 0.0  #: seconds between two packets that arrived
        self._threads = [threading.Thread(target=self._send), threading.Thread(target=self._receive)]

    def _send(self) -> None:
        due = time.perf_counter()
        while not self._stop.is_set():
            try:
                self._out.sendto(self.sent.to_bytes(8, "big"), (self._destination, PORT))
            except OSError:
                self.refused += 1
            self.sent += 1
            due += self._interval
            time.sleep(max(0.0, due - time.perf_counter()))

    def _receive(self) -> None:
        last = time.perf_counter()
        while True:
            try:
                self._in.recv(16)
            except TimeoutError:
                if self._stop.is_set():
                    return
                continue
            now = time.perf_counter()
            self.longest = max(self.longest, now - last)
            last = now
            self.received += 1

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        deadline = time.perf_counter() + 5
        while not self.received:  # the way is known, ARP and all
            assert time.perf_counter() < deadline, "nothing arrives at all"
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._out.close()
        self._in.close()

    @property
    def lost(self) -> int:
        """To be asked after the end."""
        return self.sent - self.received

    def words(self) -> str:
        return f"{self.sent} packets sent, {self.lost} lost, longest silence {1e3 * self.longest:.1f} ms"
