"""The engine gives the speaker its turns.

Each callback that brings something in pokes the engine; the engine runs the speaker for at most `BUDGET`
seconds, goes back to the loop, and comes again while there is work. One timer stands at the speaker's next
deadline. Lateness is measured in both: a turn that took longer than it should, and a timer that fired late,
go into one histogram that metrics and readiness read.
"""

import asyncio
import traceback
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

from bgpd.net import memory
from bgpd.net.io_clock import now
from bgpd.speaker.speaker import Speaker

BUDGET: Final = 0.010  #: seconds of work before the loop gets its turn
#: Upper bounds, in seconds, of the lag histogram's buckets.
LAG_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_WINDOW: Final = 60.0
_PAUSE: Final = 0.005  # seconds to wait after a turn that failed, doubling
_PAUSE_MAX: Final = 1.0


class Engine:
    """Turns, the timer, and how late they came."""

    def __init__(self, report: Callable[[str], None]) -> None:
        """`report` takes the traceback of a turn that failed."""
        self.lag_counts = [0] * (len(LAG_BUCKETS) + 1)  #: observations a bucket, the last is +Inf
        self.lag_sum = 0.0  #: seconds, all observations
        self.turns = 0  #: turns since start
        self._report: Final = report
        self._bugs = 0  # failed turns in a row
        self._tidied = now()
        self._speaker: Speaker | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn_due = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._until = 0.0
        self._worst = [0.0, 0.0]  # worst lag of this minute and of the last
        self._minute = 0.0

    def start(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._loop = asyncio.get_running_loop()
        self._minute = now()
        self.poke()

    def poke(self) -> None:
        """There may be work, or an earlier deadline: take a turn as soon as the loop allows."""
        if not self._turn_due and self._loop is not None:
            self._turn_due = True
            self._loop.call_soon(self._turn)

    def stop(self) -> None:
        self._speaker = None
        if self._timer is not None:
            self._timer.cancel()

    def worst_lag(self) -> float:
        """Seconds, the worst of the last minute or two."""
        self._roll(now())
        return max(self._worst)

    def overdue(self) -> float:
        """Seconds by which the timer that stands is late at this moment; 0 where it is not."""
        return max(0.0, now() - self._timer_at) if self._timer is not None else 0.0

    def _more(self) -> bool:
        return now() < self._until

    def _turn(self) -> None:
        self._turn_due = False
        speaker = self._speaker
        if speaker is None:
            return
        start = now()
        self._until = start + BUDGET
        busy = False
        try:
            if start >= speaker.deadline():
                speaker.expire(start)
            busy = speaker.run(start, self._more)
        except Exception:  # noqa: BLE001 - a mistake of ours must not end every session; it is told, and we go on
            self._report(traceback.format_exc())
            self._bugs += 1
            self._loop_at(start + min(_PAUSE * 2**self._bugs, _PAUSE_MAX))
            return
        self._bugs = 0
        self.turns += 1
        end = now()
        if end - start > BUDGET:
            self._observe(end - start - BUDGET, end)
        if busy:
            self.poke()
        elif end - self._tidied > memory.PERIOD:
            self._tidied = end
            memory.tidy()
        self._arm(speaker.deadline())

    def _loop_at(self, at: float) -> None:
        """After a turn that failed: try again in a moment, ever more rarely."""
        assert self._loop is not None
        self._turn_due = True
        self._loop.call_at(at, self._turn)

    def _arm(self, deadline: float) -> None:
        if self._timer is not None:
            if deadline == self._timer_at:
                return
            self._timer.cancel()
            self._timer = None
        if deadline != float("inf"):
            assert self._loop is not None
            self._timer_at = deadline
            self._timer = self._loop.call_at(deadline, self._ring)  # loop.time is time.monotonic

    def _ring(self) -> None:
        self._timer = None
        at = now()
        self._observe(max(0.0, at - self._timer_at), at)
        self._turn()

    def _observe(self, lag: float, at: float) -> None:
        self.lag_counts[bisect_left(LAG_BUCKETS, lag)] += 1
        self.lag_sum += lag
        self._roll(at)
        self._worst[0] = max(self._worst[0], lag)

    def _roll(self, at: float) -> None:
        if at - self._minute >= _WINDOW:
            self._worst = [0.0, self._worst[0] if at - self._minute < 2 * _WINDOW else 0.0]
            self._minute = at
