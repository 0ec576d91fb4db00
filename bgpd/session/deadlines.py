"""A session's timers, as named moments instead of timers.

Nothing here ticks: a deadline is a float in the caller's monotonic seconds, infinite while it is not running.
The shell sleeps until the earliest one of all sessions and then calls `expire`; a test just passes a later `now`.
"""

from collections.abc import Callable
from enum import Enum
from math import inf
from typing import Final

#: Seconds to wait for the peer's OPEN (RFC 4271 section 8.2.2, "a large value", 4 minutes suggested).
OPEN_HOLD_TIME: Final = 240.0

#: A factor from 0.75 to 1.0, so that a cluster's timers do not beat in step (RFC 4271 section 10).
Jitter = Callable[[], float]


class Timer(Enum):
    """The timers of one connection, by name."""

    CONNECT_RETRY = "connect retry"
    OPEN_HOLD = "open hold"
    HOLD = "hold"
    KEEPALIVE = "keepalive"
    IDLE_HOLD = "idle hold"
    SEND_HOLD = "send hold"


class Deadlines:
    """When each timer of one connection runs out; `inf` where it is stopped."""

    __slots__ = ("connect_retry", "hold", "idle_hold", "keepalive", "open_hold", "send_hold")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Stop every timer."""
        self.connect_retry = self.open_hold = self.hold = self.keepalive = self.idle_hold = inf
        self.send_hold = inf

    @property
    def next(self) -> float:
        """The earliest deadline, or `inf`."""
        return min(self.connect_retry, self.open_hold, self.hold, self.keepalive, self.idle_hold, self.send_hold)

    def running(self) -> dict[Timer, float]:
        """Timers that run, with their deadlines."""
        every = {
            Timer.CONNECT_RETRY: self.connect_retry,
            Timer.OPEN_HOLD: self.open_hold,
            Timer.HOLD: self.hold,
            Timer.KEEPALIVE: self.keepalive,
            Timer.IDLE_HOLD: self.idle_hold,
            Timer.SEND_HOLD: self.send_hold,
        }
        return {timer: at for timer, at in every.items() if at != inf}

    def due(self, now: float) -> list[Timer]:
        """Timers that have run out at `now`, earliest first; a hold timer goes before what is due with it."""
        late = [(at, timer) for timer, at in self.running().items() if at <= now]
        late.sort(key=_by_time)
        return [timer for _, timer in late]


def _by_time(item: tuple[float, Timer]) -> float:
    return item[0]


class Backoff:
    """How long a neighbor is left alone after a session that failed: idle hold, doubling.

    One per neighbor, shared by the session that dials and those that are accepted, since it is about the
    peer and not about a connection (RFC 4271 section 8.1.1, DampPeerOscillations; the method is left to us).
    """

    __slots__ = ("failures", "maximum", "minimum", "until")

    def __init__(self, minimum: float, maximum: float) -> None:
        self.minimum = minimum  #: seconds, after the first failure
        self.maximum = max(minimum, maximum)  #: seconds, where doubling ends
        self.failures = 0  #: in a row: ConnectRetryCounter, as far as damping is concerned
        self.until = 0.0  #: nothing is dialed before this moment

    def failed(self, now: float, factor: float) -> None:
        """A session failed: wait, twice as long as the last time. `factor` is the jitter."""
        delay = min(self.minimum * 2.0 ** min(self.failures, 16), self.maximum)
        self.failures += 1
        self.until = now + delay * factor

    def forget(self) -> None:
        """Start from the minimum again: the neighbor was stable, or somebody asked for a fresh start."""
        self.failures = 0
        self.until = 0.0

    def admits(self, now: float) -> bool:
        """Whether a connection that the peer dials is welcome.

        After the first failure it is, at once: most often the peer restarted and is back already. A peer that
        failed again since then waits as long as we do.
        """
        return self.failures <= 1 or now >= self.until
