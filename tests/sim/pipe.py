"""One simulated TCP connection: two ends, a pipe each way.

What TCP promises is kept, and nothing else: octets arrive in order, whole or not at all; a close comes behind
everything written before it; what a broken network swallows is sent again when it heals. A pipe has a window (the
kernels' buffers at both sides): beyond it octets wait in the writer's transport, which is its `backlog`. A reader
that pauses, or whose whole host stands still, fills the window; a slow link does the same.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from bgpd.speaker import neighbor as limits
from bgpd.wire.errors import WireError
from bgpd.wire.family import IPV4, IPV6, Family
from bgpd.wire.framing import Framer

if TYPE_CHECKING:
    from tests.sim.world import Node, World

SEGMENT: Final = 1460  #: octets that a slow link carries at once


class Mark(Enum):
    """What ends a direction."""

    FIN = "the peer closed the connection"
    RST = "the peer reset the connection"


@dataclass(slots=True)
class Link:
    """How one direction between two addresses behaves."""

    low: float = 0.0001  #: seconds
    high: float = 0.05
    rate: float = 0.0  #: octets a second; 0: no limit
    split: float = 0.0  #: how often a write arrives in two pieces


class Pipe:
    """What flows from one end to the other."""

    def __init__(self, world: "World", writer: "End", reader: "End") -> None:
        self.world: Final = world
        self.writer: Final = writer
        self.reader: Final = reader
        self.backlog = 0  #: octets beyond the window
        self.flying = 0  #: octets in the window: under way or unread in the reader's kernel
        self.waiting: Final[deque[bytes]] = deque()  # beyond the window
        self.flight: Final[deque[tuple[float, bytes | Mark]]] = deque()  # with the earliest moment of arrival
        self.choked = False
        self._free_at = 0.0
        self._last_at = 0.0

    def blocked(self) -> bool:
        """Nothing gets through: a partition, or two different MD5 keys."""
        writer, reader = self.writer, self.reader
        return self.world.lost(writer.local_address, reader.local_address) or not self.world.same_key(writer, reader)

    def write(self, data: bytes) -> None:
        self.waiting.append(data)
        self.backlog += len(data)
        self._pump()
        if self.backlog > limits.HIGH:
            self.choked = True

    def end(self, mark: Mark) -> None:
        """The last thing that arrives. An orderly close sends what waits; a crash loses it."""
        if mark is Mark.FIN:
            while self.waiting:
                self._fly(self.waiting.popleft())
        self.waiting.clear()
        self.backlog = 0
        self._fly(mark)

    def read(self, octets: int) -> None:
        """The reader took them from its kernel."""
        self.flying -= octets
        self._pump()
        if self.choked and self.backlog <= limits.HIGH // 4:
            self.choked = False
            if self.writer.open:
                self.writer.owner.drained(self.writer)

    def kick(self) -> None:
        """Whatever blocked is over: TCP sends again what was lost."""
        if self.flight and not self.blocked():
            self.world.at(self.world.now + self.world.rng.uniform(0.001, 2.0), self._arrive)

    def _pump(self) -> None:
        while self.waiting and self.flying < self.world.window:
            data = self.waiting.popleft()
            self.backlog -= len(data)
            self._fly(data)

    def _fly(self, item: bytes | Mark) -> None:
        world = self.world
        link = world.link(self.writer.local_address, self.reader.local_address)
        if isinstance(item, Mark):
            self._schedule(item, link, 0)
            return
        self.flying += len(item)
        if link.rate:
            for at in range(0, len(item), SEGMENT):
                piece = item[at : at + SEGMENT]
                self._schedule(piece, link, len(piece))
        elif link.split and len(item) > 1 and world.rng.random() < link.split:
            cut = world.rng.randrange(1, len(item))
            self._schedule(item[:cut], link, cut)
            self._schedule(item[cut:], link, len(item) - cut)
        else:
            self._schedule(item, link, len(item))

    def _schedule(self, item: bytes | Mark, link: Link, octets: int) -> None:
        world = self.world
        start = world.now
        if link.rate:
            start = self._free_at = max(self._free_at, world.now) + octets / link.rate
        self._last_at = at = max(self._last_at, start + world.rng.uniform(link.low, link.high))
        self.flight.append((at, item))
        world.at(at, self._arrive)

    def _arrive(self) -> None:
        flight, now = self.flight, self.world.now
        while flight and flight[0][0] <= now and not self.blocked():
            self.reader.arrive(flight.popleft()[1])


class End:
    """One end of a connection: a `speaker.ports.Transport`."""

    def __init__(self, world: "World", owner: "Node", local: bytes, remote: bytes, *, dialed: bool) -> None:
        self.world = world
        self.owner = owner
        self.dialed = dialed
        self.local_address, self.remote_address = local, remote
        self.local_port, self.remote_port = (40000, 179) if dialed else (179, 40000)
        self.interface, self.zone = "", 0
        self.next_hops: dict[Family, bytes] = {IPV4: local[-4:], IPV6: world.hop6(local)}
        self.peer: End = self  # until `join`
        self.out: Pipe = Pipe(world, self, self)
        self.open = True  #: our process holds it
        self.paused = False  #: our process does not read
        self.kernel: deque[bytes | Mark] = deque()  # arrived, not read
        self.framer = Framer()

    @staticmethod
    def join(a: "End", b: "End") -> None:
        """Make two ends one connection."""
        a.peer, b.peer = b, a
        a.out, b.out = Pipe(a.world, a, b), Pipe(a.world, b, a)
        a.world.pipes += (a.out, b.out)

    # speaker.ports.Transport

    @property
    def backlog(self) -> int:
        return self.out.backlog

    def write(self, data: bytes) -> None:
        if self.open:
            self.out.write(data)

    def close(self) -> None:
        """An orderly close: what was written arrives first."""
        self._end(Mark.FIN)

    def crash(self) -> None:
        """A reset: what still waits is lost."""
        self._end(Mark.RST)

    def set_max_message(self, octets: int) -> None:
        self.framer.max_message = octets

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False
        if self.kernel:
            self.world.at(self.world.now, self.read_kernel)

    def readable(self) -> bool:
        return any(not isinstance(item, Mark) for item in self.kernel)

    # the simulator's side

    @property
    def peer_owner(self) -> "Node":
        return self.peer.owner

    def _end(self, mark: Mark) -> None:
        if self.open:
            self.open = False
            self.world.ends.pop(self, None)
            self.out.end(mark)
            self.kernel.clear()

    def arrive(self, item: bytes | Mark) -> None:
        """Something reached our kernel."""
        if not self.open:
            return
        if self.paused or self.owner.frozen or self.kernel:
            self.kernel.append(item)
        else:
            self._take(item)

    def read_kernel(self) -> None:
        """Our process reads on, until it is told to stop."""
        while self.kernel and self.open and not (self.paused or self.owner.frozen):
            self._take(self.kernel.popleft())

    def _take(self, item: bytes | Mark) -> None:
        node, speaker, now = self.owner, self.owner.speaker, self.world.now
        assert speaker is not None  # who crashed has no open ends
        if isinstance(item, Mark):
            self.open = False
            self.world.ends.pop(self, None)
            self.out.end(Mark.FIN)
            speaker.tcp_closed(self, item.value, now)
            node.poke()
            return
        self.peer.out.read(len(item))
        self.framer.feed(item)
        try:
            while self.open and (frame := self.framer.next_frame()) is not None:
                speaker.frame(self, frame, now)
        except WireError as error:
            speaker.frame_error(self, error, now)
        node.poke()
