"""A heap that may be early and is never late."""

from math import inf

from bgpd.speaker.neighbor import Neighbor
from bgpd.speaker.schedule import Schedule
from tests.unit.speaker.helpers import Bench, spec_of

A, B = "192.168.1.11", "192.168.1.12"


def neighbors() -> list[Neighbor]:
    found = list(Bench(spec_of(A), spec_of(B)).speaker.neighbors.values())
    for neighbor in found:
        neighbor.scheduled = inf
    return found


def test_the_earliest_first_and_put_back() -> None:
    a, b = neighbors()
    a.dialing.session.deadlines.connect_retry = 10.0
    b.dialing.session.deadlines.connect_retry = 5.0
    schedule = Schedule()
    schedule.put(a)
    schedule.put(b)
    assert schedule.next == 5.0
    for neighbor in schedule.due(7.0):
        assert neighbor is b
        b.dialing.session.deadlines.connect_retry = 20.0
    assert schedule.next == 10.0
    assert list(schedule.due(9.0)) == []


def test_a_deadline_that_moved_later_is_asked_again_at_its_time() -> None:
    a, _ = neighbors()
    timers = a.dialing.session.deadlines
    timers.connect_retry = 5.0
    schedule = Schedule()
    schedule.put(a)
    timers.connect_retry = 50.0
    assert list(schedule.due(6.0)) == []
    assert schedule.next == 50.0


def test_a_deadline_that_moved_earlier_is_put_again() -> None:
    a, _ = neighbors()
    timers = a.dialing.session.deadlines
    timers.connect_retry = 50.0
    schedule = Schedule()
    schedule.put(a)
    timers.connect_retry = 5.0
    schedule.put(a)
    for neighbor in schedule.due(6.0):
        timers.connect_retry = 60.0
        assert neighbor is a
    assert list(schedule.due(55.0)) == []  # the entry for 50 was left behind, and means nothing
    assert schedule.next == 60.0


def test_dropped_for_good() -> None:
    a, b = neighbors()
    schedule = Schedule()
    schedule.put(a)
    schedule.put(b)
    schedule.drop(a)
    schedule.put(a)
    assert list(schedule.due(1e9)) == [b]
    schedule.drop(b)
    assert schedule.next == inf
