"""UPDATE frames that wait for a turn: one queue a connection, taken round-robin.

Frames stay bytes here, in the order in which TCP brought them. A queue is counted in octets; above `HIGH` its
transport is paused (XOFF: TCP slows the peer), below `LOW` it reads again (XON). A peer that floods therefore
costs `HIGH` octets and a share of the turns, never more, and no other peer waits behind it.
"""

from collections import deque
from typing import Final, Generic, TypeVar

from bgpd.speaker.ports import Transport

Owner = TypeVar("Owner")

HIGH: Final = 1 << 20  #: octets queued for one connection before its transport stops reading
LOW: Final = 1 << 18  #: octets below which it reads again
SHARE: Final = 4096  #: octets taken from one queue before the next one has its turn


class Queue(Generic[Owner]):
    """What one connection has sent and nobody has looked at: UPDATEs, and each ROUTE-REFRESH that came behind one."""

    def __init__(self, transport: Transport, owner: Owner) -> None:
        self.transport: Final = transport
        self.owner: Final = owner  #: the connection, for whoever takes from the inbox
        self.frames: Final[deque[bytes]] = deque()
        self.octets = 0
        self.paused = False


class Inbox(Generic[Owner]):
    """Every queue with something in it, in the order of their turns."""

    def __init__(self) -> None:
        self._ready: Final[deque[Queue[Owner]]] = deque()

    def __bool__(self) -> bool:
        return bool(self._ready)

    def put(self, queue: Queue[Owner], frame: bytes) -> None:
        """Queue one whole message."""
        if not queue.frames:
            self._ready.append(queue)
        queue.frames.append(frame)
        queue.octets += len(frame)
        if queue.octets >= HIGH and not queue.paused:
            queue.paused = True
            queue.transport.pause_reading()

    def take(self) -> tuple[Queue[Owner], list[bytes]]:
        """The next queue and its share of frames, about SHARE octets. Must not be empty."""
        queue = self._ready.popleft()
        frames, taken = [], 0
        while queue.frames and taken < SHARE:
            frame = queue.frames.popleft()
            taken += len(frame)
            frames.append(frame)
        queue.octets -= taken
        if queue.frames:
            self._ready.append(queue)
        if queue.paused and queue.octets <= LOW:
            queue.paused = False
            queue.transport.resume_reading()
        return queue, frames

    def drop(self, queue: Queue[Owner]) -> None:
        """Forget what is queued: its connection has ended."""
        if queue.frames:
            self._ready.remove(queue)
            queue.frames.clear()
            queue.octets = 0
