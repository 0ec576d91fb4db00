"""The engine gives the speaker its turns.

Each callback that brings something in pokes the engine; where it brought messages and no other socket waits, it is the
turn itself, without a round through the loop. The engine runs the speaker for at most `BUDGET`
seconds, goes back to the loop, and comes again while there is work. One timer stands at the speaker's next
deadline. How long a turn really took is seen by the loop (`io_loop`).
"""

import asyncio
import traceback
from collections.abc import Callable
from typing import Final

from bgpd.net import memory
from bgpd.net.io_clock import now
from bgpd.speaker.speaker import Speaker

BUDGET: Final = 0.005  #: seconds of work before the loop gets its turn; what is begun is finished
_PAUSE: Final = 0.005  # seconds to wait after a turn that failed, doubling
_PAUSE_MAX: Final = 1.0


class Engine:
    """Turns and the timer."""

    def __init__(self, report: Callable[[str], None], alone: Callable[[], bool] = lambda: False) -> None:
        """`report` takes the traceback of a turn that failed; `alone` says whether one socket only was ready."""
        self.turns = 0  #: turns since start
        self._report: Final = report
        self._alone: Final = alone
        self._bugs = 0  # failed turns in a row
        self._tidied = now()
        self._speaker: Speaker | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn_due = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._until = 0.0

    def start(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._loop = asyncio.get_running_loop()
        self.poke()

    def poke(self) -> None:
        """There may be work, or an earlier deadline: take a turn as soon as the loop allows."""
        if not self._turn_due and self._loop is not None:
            self._turn_due = True
            self._loop.call_soon(self._turn)

    def arrived(self) -> None:
        """Messages came in by a socket. Where no other one waits they have their turn here and now."""
        if not self._turn_due and self._alone():
            self._turn()
        else:
            self.poke()

    def stop(self) -> None:
        self._speaker = None
        if self._timer is not None:
            self._timer.cancel()

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
        if busy:
            self.poke()
        elif start - self._tidied > memory.PERIOD:
            self._tidied = start
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
        self._turn()
