"""The event loop, and how long it stays away from its sockets.

asyncio's own loop over a selector of ours. Between two looks at the sockets the loop runs callbacks: nothing is read,
nothing accepted, no timer rings. How long that takes is measured each time (two readings of the clock, under half a
microsecond) and is what `bgpd_loop_stall_seconds` shows.

One look takes at most `EVENTS` ready sockets. The kernel hands out those that were left next time, so a hundred peers
that send at one moment are read in turn, with the speaker's own turns and the timers between them.
"""

import asyncio
import contextlib
import select
import selectors
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, Final

from bgpd.net.io_clock import now

EVENTS: Final = 16  #: ready sockets served between two looks
#: Upper bounds, in seconds, of the stall histogram's buckets.
BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_WINDOW: Final = 60.0
_READ: Final = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR
_WRITE: Final = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR


class Stalls:
    """How long the loop was busy between two looks at its sockets."""

    def __init__(self) -> None:
        self.counts: Final = [0] * (len(BUCKETS) + 1)  #: observations a bucket, the last is +Inf
        self.total = 0.0  #: seconds, all observations
        self.ready = 0  #: sockets that the last look found ready
        self._worst = [0.0, 0.0]  # of this minute and of the last
        self._minute = now()

    def observe(self, seconds: float, at: float) -> None:
        """The loop was away for so long until `at`."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds
        if at - self._minute >= _WINDOW:
            self._roll(at)
        if seconds > self._worst[0]:  # noqa: PLR1730 - max() would be a call on each turn
            self._worst[0] = seconds

    def worst(self) -> float:
        """Seconds, the worst of the last minute or two."""
        at = now()
        if at - self._minute >= _WINDOW:
            self._roll(at)
        return max(self._worst)

    def alone(self) -> bool:
        """Whether the last look found one socket: whoever is called for it makes nobody wait."""
        return self.ready == 1

    def _roll(self, at: float) -> None:
        self._worst = [0.0, self._worst[0] if at - self._minute < 2 * _WINDOW else 0.0]
        self._minute = at


class Poll(selectors.BaseSelector):
    """epoll, a bounded number of events at a time, with a stopwatch."""

    def __init__(self, stalls: Stalls) -> None:
        self._epoll: Final = select.epoll()
        self._keys: Final[dict[int, selectors.SelectorKey]] = {}
        self._stalls: Final = stalls
        self._back = now()  # when the last look ended

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Raises KeyError for one that is registered, ValueError for one that is no file."""
        fd = _fd(fileobj)
        if fd in self._keys:
            raise KeyError(f"{fileobj!r} (descriptor {fd}) is already registered")
        key = selectors.SelectorKey(fileobj, fd, events, data)
        self._epoll.register(fd, _mask(events))
        self._keys[fd] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = self._keys.pop(_fd(fileobj))
        with contextlib.suppress(OSError):  # one that was closed before has left the kernel's set by that
            self._epoll.unregister(key.fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        was = self._keys[_fd(fileobj)]
        if events != was.events:
            self._epoll.modify(was.fd, _mask(events))
        key = self._keys[was.fd] = selectors.SelectorKey(was.fileobj, was.fd, events, data)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready, at most EVENTS of them. `timeout` as everywhere: None for ever, not above 0 at once."""
        at = now()
        self._stalls.observe(at - self._back, at)
        # epoll counts milliseconds; asyncio rounds its deadlines up by as much (as its own selector does).
        wait = -1.0 if timeout is None else 0.0 if timeout <= 0 else -(-timeout * 1e3 // 1) * 1e-3
        keys = self._keys
        ready: list[tuple[selectors.SelectorKey, int]] = []
        try:
            for fd, event in self._epoll.poll(wait, EVENTS):
                if (key := keys.get(fd)) is not None:
                    events = (1 if event & _READ else 0) | (2 if event & _WRITE else 0)
                    ready.append((key, events & key.events))
        except InterruptedError:
            pass
        self._stalls.ready = len(ready)
        self._back = now()
        return ready

    def close(self) -> None:
        self._epoll.close()
        self._keys.clear()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


def new_loop(stalls: Stalls) -> asyncio.AbstractEventLoop:
    """An event loop that tells `stalls` how it fares."""
    return asyncio.SelectorEventLoop(Poll(stalls))


def _fd(fileobj: Any) -> int:
    return fileobj if isinstance(fileobj, int) else int(fileobj.fileno())


def _mask(events: int) -> int:
    return (select.EPOLLIN if events & selectors.EVENT_READ else 0) | (
        select.EPOLLOUT if events & selectors.EVENT_WRITE else 0
    )
