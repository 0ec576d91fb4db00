"""The loop over a selector of ours: what is ready, how much at once, how long it was away."""

import asyncio
import contextlib
import selectors
import socket
import time
from collections.abc import Iterator

import pytest

from bgpd.net.io_clock import now
from bgpd.net.io_loop import BUCKETS, EVENTS, Poll, Stalls, new_loop


@pytest.fixture
def poll() -> Iterator[Poll]:
    made = Poll(Stalls())
    yield made
    made.close()


def test_each_stall_falls_into_its_bucket() -> None:
    stalls = Stalls()
    for seconds in (0.0, 0.0005, 0.0006, 99.0):
        stalls.observe(seconds, now())
    assert (stalls.counts[0], stalls.counts[1], stalls.counts[-1], sum(stalls.counts)) == (2, 1, 1, 4)
    assert len(stalls.counts) == len(BUCKETS) + 1
    assert stalls.total == pytest.approx(99.0011)


def test_the_worst_is_forgotten_after_two_minutes() -> None:
    stalls = Stalls()
    at = now()
    stalls.observe(0.5, at - 130)
    stalls.observe(0.25, at - 61)
    assert stalls.worst() == 0.5
    stalls = Stalls()
    stalls.observe(0.5, at)
    stalls.observe(0.1, at + 61)
    stalls.observe(0.2, at + 122)
    assert max(stalls._worst) == 0.2
    stalls.observe(0.1, at + 1000)
    assert max(stalls._worst) == 0.1


def test_reading_and_writing_are_told_apart(poll: Poll) -> None:
    left, right = socket.socketpair()
    with left, right:
        poll.register(left, selectors.EVENT_READ, "left")
        assert poll.select(0) == []
        right.send(b"x")
        ((key, events),) = poll.select(None)
        assert (key.data, events) == ("left", selectors.EVENT_READ)
        poll.modify(left, selectors.EVENT_WRITE, "other")
        ((key, events),) = poll.select(1)
        assert (key.data, key.fileobj, events) == ("other", left, selectors.EVENT_WRITE)
        poll.modify(left, selectors.EVENT_READ | selectors.EVENT_WRITE, "both")
        assert [events for _, events in poll.select(1)] == [3]
        right.close()  # seen by whoever waits for anything
        poll.modify(left, selectors.EVENT_WRITE, "other")
        assert [events for _, events in poll.select(1)] == [2]


def test_one_that_is_alone_is_known() -> None:
    stalls = Stalls()
    poll, (left, right) = Poll(stalls), socket.socketpair()
    with left, right, contextlib.closing(poll):
        poll.register(left, selectors.EVENT_WRITE)
        poll.select(0)
        assert stalls.alone()
        poll.register(right, selectors.EVENT_WRITE)
        poll.select(0)
        assert not stalls.alone()


def test_what_is_not_registered_is_refused(poll: Poll) -> None:
    left, right = socket.socketpair()
    with left, right:
        poll.register(left, selectors.EVENT_READ)
        with pytest.raises(KeyError):
            poll.register(left, selectors.EVENT_READ)
        assert poll.get_key(left.fileno()).fd == left.fileno()
        poll.unregister(left)
        with pytest.raises(KeyError):
            poll.unregister(left)
        with pytest.raises(KeyError):
            poll.modify(left, selectors.EVENT_READ)


def test_one_that_was_closed_before_can_still_be_taken_out(poll: Poll) -> None:
    left, right = socket.socketpair()
    with right:
        number = left.fileno()
        poll.register(number, selectors.EVENT_READ)
        left.close()
        assert poll.unregister(number).fd == number


def test_of_many_that_are_ready_all_get_their_turn(poll: Poll) -> None:
    pairs = [socket.socketpair() for _ in range(3 * EVENTS)]
    try:
        for number, (left, right) in enumerate(pairs):
            poll.register(left, selectors.EVENT_READ, number)
            right.send(b"x")
        looks = [[key.data for key, _ in poll.select(0)] for _ in range(3)]
        assert [len(look) for look in looks] == [EVENTS] * 3
        assert {number for look in looks for number in look} == set(range(3 * EVENTS))
    finally:
        for left, right in pairs:
            left.close()
            right.close()


def test_a_wait_is_never_short(poll: Poll) -> None:
    at = now()
    assert poll.select(0.0031) == []
    assert now() - at >= 0.0031


def test_a_callback_that_stalls_is_seen_and_idle_time_is_not() -> None:
    stalls = Stalls()

    async def main() -> None:
        await asyncio.sleep(0.06)
        assert stalls.worst() < 0.05
        time.sleep(0.055)  # noqa: ASYNC251 - the offence
        await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=lambda: new_loop(stalls)) as runner:
        runner.run(main())
    assert stalls.worst() >= 0.055
    assert sum(stalls.counts[BUCKETS.index(0.05) + 1 :]) == 1
