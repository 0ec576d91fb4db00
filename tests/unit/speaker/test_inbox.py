"""Queues, shares, XOFF and XON."""

from typing import cast

from bgpd.speaker.inbox import HIGH, SHARE, Inbox, Queue
from tests.unit.speaker.helpers import FakeTransport


def queue(number: int) -> Queue[int]:
    return Queue(FakeTransport(bytes((10, 0, 0, number))), number)


def test_turns_are_shared() -> None:
    inbox, a, b = Inbox[int](), queue(1), queue(2)
    for _ in range(100):
        inbox.put(a, bytes(4096))
    inbox.put(b, bytes(23))
    first, frames = inbox.take()
    assert first is a
    assert sum(map(len, frames)) == SHARE
    second, frames = inbox.take()
    assert second is b
    assert len(frames) == 1
    assert inbox.take()[0] is a


def test_order_within_a_connection() -> None:
    inbox, a = Inbox[int](), queue(1)
    sent = [bytes((i,)) * 3000 for i in range(20)]
    for frame in sent:
        inbox.put(a, frame)
    got: list[bytes] = []
    while inbox:
        got += inbox.take()[1]
    assert got == sent
    assert a.octets == 0


def test_a_flood_is_paused_at_the_mark_and_resumed_below() -> None:
    inbox, a = Inbox[int](), queue(1)
    transport = cast("FakeTransport", a.transport)
    while not transport.paused:
        inbox.put(a, bytes(4096))
    assert HIGH <= a.octets < HIGH + 4096
    while transport.paused:
        inbox.take()
    assert a.octets > 0


def test_dropped_frames_are_forgotten() -> None:
    inbox, a = Inbox[int](), queue(1)
    inbox.put(a, b"x")
    inbox.drop(a)
    inbox.drop(a)
    assert not inbox
    assert a.octets == 0
