"""Turns, timers and what happens to a turn that fails."""

import asyncio
from collections.abc import Callable
from math import inf
from typing import cast

from bgpd.net.engine import Engine
from bgpd.net.io_clock import now
from bgpd.speaker.speaker import Speaker


class FakeSpeaker:
    """Counts its turns; busy for some of them; its timer rings once."""

    def __init__(self, busy: int = 0, ring_in: float = inf) -> None:
        self.busy = busy
        self.turns = 0
        self.at = now() + ring_in
        self.rung = asyncio.Event()
        self.done = asyncio.Event()
        self.error: Exception | None = None

    def deadline(self) -> float:
        return self.at

    def expire(self, at: float) -> None:
        assert at >= self.at
        self.at = inf
        self.rung.set()

    def run(self, _now: float, more: Callable[[], bool]) -> bool:
        assert more()
        self.turns += 1
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        if self.turns > self.busy:
            self.done.set()
        return self.turns <= self.busy


def engine(speaker: FakeSpeaker, bugs: list[str] | None = None) -> Engine:
    made = Engine((bugs if bugs is not None else []).append)
    made.start(cast("Speaker", speaker))
    return made


async def test_turns_go_on_while_there_is_work() -> None:
    speaker = FakeSpeaker(busy=3)
    made = engine(speaker)
    await asyncio.wait_for(speaker.done.wait(), 5)
    assert speaker.turns == 4
    assert made.turns == 4
    made.stop()


async def test_messages_that_come_alone_have_their_turn_at_once() -> None:
    speaker, lonely = FakeSpeaker(), [False]
    bugs: list[str] = []
    made = Engine(bugs.append, lambda: lonely[0])
    made.start(cast("Speaker", speaker))
    lonely[0] = True
    made.arrived()  # the turn that `start` asked for stands before it
    assert speaker.turns == 0
    await asyncio.wait_for(speaker.done.wait(), 5)
    made.arrived()
    assert speaker.turns == 2
    lonely[0] = False
    made.arrived()
    assert speaker.turns == 2
    await asyncio.sleep(0)
    assert speaker.turns == 3
    made.stop()


async def test_pokes_before_a_turn_are_one_turn() -> None:
    speaker = FakeSpeaker()
    made = engine(speaker)
    for _ in range(10):
        made.poke()
    await asyncio.wait_for(speaker.done.wait(), 5)
    await asyncio.sleep(0)
    assert speaker.turns == 1
    made.stop()


async def test_the_timer_rings() -> None:
    speaker = FakeSpeaker(ring_in=0.02)
    made = engine(speaker)
    await asyncio.wait_for(speaker.rung.wait(), 5)
    assert made.overdue() == 0
    made.stop()


async def test_a_turn_that_fails_is_told_and_tried_again() -> None:
    bugs: list[str] = []
    speaker = FakeSpeaker()
    speaker.error = ValueError("a mistake of ours")
    made = engine(speaker, bugs)
    await asyncio.wait_for(speaker.done.wait(), 5)
    assert "a mistake of ours" in bugs[0]
    assert speaker.turns == 2
    made.stop()


async def test_a_stopped_engine_takes_no_turn() -> None:
    speaker = FakeSpeaker()
    made = engine(speaker)
    made.stop()
    await asyncio.sleep(0)
    assert speaker.turns == 0
