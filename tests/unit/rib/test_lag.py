"""A list that fills itself: what is told once it is full is what would be told had it been full at once."""

from bgpd.rib import lag as lag_module
from bgpd.rib.lag import FILL, Before, Lag
from bgpd.rib.pack import SAME, Told
from bgpd.rib.path import Entry
from tests.unit.rib.helpers import path, source

P = [bytes((32, 10, 0, 0, n)) for n in range(20)]


def table(count: int = 20) -> dict[bytes, Entry]:
    one = path(source())
    return dict.fromkeys(P[:count], one)


class Said(Before):
    """Everything was told by one word; one prefix is gone from the table."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, Told]] = []

    def told(self, prefix: bytes, word: Told) -> Told:
        self.asked.append((prefix, word))
        return path(source("x"))

    def others(self) -> list[bytes]:
        return [P[19]]


def drained(lag: Lag, limit: int = 2) -> dict[bytes, Told]:
    found: dict[bytes, Told] = {}
    while len(lag):
        found |= lag.take(limit)
    return found


def test_nothing_is_taken_before_all_is_known() -> None:
    lag = Lag(table())
    assert (len(lag), lag.filling) == (20, True)
    assert [lag.take(2) for _ in range(20 // (FILL * 2))] == [{}, {}]
    assert lag.filling
    assert len(lag.take(2)) == 2
    assert not lag.filling
    assert len(lag) == 18
    assert set(drained(lag)) <= set(P)


def test_a_prefix_that_moves_meanwhile_was_not_told() -> None:
    old = path(source())
    lag = Lag(table())
    lag.note([P[0], P[18]], old)
    lag.take(2)
    lag.note([P[1], P[17]], old)
    assert lag.word(P[17]) is None
    assert lag.word(P[5]) is None
    assert drained(lag) == dict.fromkeys(P)


def test_a_refresh_keeps_the_word_of_the_moment() -> None:
    old = path(source())
    lag = Lag()
    assert not lag.filling
    lag.note([P[3]], None)
    lag.repeat(table())
    assert lag.word(P[3]) is None
    assert lag.word(P[4]) is SAME
    assert lag.word(P[4], old) is old
    lag.note([P[4]], old)
    assert lag.word(P[4]) is old
    lag.take(2)
    lag.note([P[5]], old)
    found = drained(lag)
    assert found.pop(P[3]) is None
    assert found.pop(P[4]) is old
    assert found.pop(P[5]) is old
    assert set(found.values()) == {SAME}
    assert lag.again == set(P)


def test_a_refresh_while_it_is_filled_repeats_what_is_in_already() -> None:
    lag = Lag(table())
    lag.take(2)
    lag.repeat(table())
    assert drained(lag) == dict.fromkeys(P)
    assert lag.again == set(P)


def test_who_was_told_elsewhere_is_asked_at_the_last_moment() -> None:
    if not lag_module.__file__.endswith(".py"):
        return  # a compiled class has no interpreted subclass
    said, old = Said(), path(source())
    lag = Lag(table(18), before=said)
    assert len(lag) == 19
    lag.note([P[2]], old)
    assert said.asked == [(P[2], old)]
    assert isinstance(lag.word(P[7]), type(old))
    assert set(drained(lag)) == {*P[:18], P[19]}
    assert {prefix for prefix, word in said.asked if word is SAME} == {*P[:2], *P[3:18], P[19]}
