from math import inf

import pytest

from bgpd.session.deadlines import Backoff, Deadlines, Timer


def test_nothing_runs_at_first() -> None:
    timers = Deadlines()
    assert timers.next == inf
    assert timers.running() == {}
    assert timers.due(1e12) == []


def test_each_timer_is_found() -> None:
    for timer in Timer:
        timers = Deadlines()
        setattr(timers, timer.name.lower(), 5.0)
        assert timers.next == 5.0
        assert timers.running() == {timer: 5.0}
        assert timers.due(4.9) == []
        assert timers.due(5.0) == [timer]
        timers.clear()
        assert timers.running() == {}


def test_due_in_order() -> None:
    timers = Deadlines()
    timers.keepalive, timers.hold, timers.idle_hold = 3.0, 2.0, 9.0
    assert timers.next == 2.0
    assert timers.due(5.0) == [Timer.HOLD, Timer.KEEPALIVE]
    timers.keepalive = 2.0
    assert timers.due(5.0) == [Timer.HOLD, Timer.KEEPALIVE], "no KEEPALIVE to a peer that is given up"


@pytest.mark.parametrize(
    ("minimum", "maximum", "waits"),
    [(5, 30, [5, 10, 20, 30, 30]), (1, 1, [1, 1]), (7, 3, [7, 7]), (0, 0, [0, 0]), (0, 30, [0, 0])],
)
def test_backoff(minimum: float, maximum: float, waits: list[float]) -> None:
    backoff = Backoff(minimum, maximum)
    for wait in waits:
        backoff.failed(100.0, 1.0)
        assert backoff.until == 100 + wait
    backoff.forget()
    backoff.failed(200.0, 0.75)
    assert backoff.until == 200 + minimum * 0.75


def test_admits() -> None:
    backoff = Backoff(5, 30)
    assert backoff.admits(0)
    backoff.failed(100, 1.0)
    assert backoff.admits(100), "the first failure: it may be back already"
    backoff.failed(101, 1.0)
    assert not backoff.admits(110.9)
    assert backoff.admits(111)


def test_a_year_of_failures() -> None:
    for minimum, wait in ((5, 30), (0, 0)):
        backoff = Backoff(minimum, 30)
        backoff.failures = 10**6
        backoff.failed(0, 1.0)
        assert backoff.until == wait
