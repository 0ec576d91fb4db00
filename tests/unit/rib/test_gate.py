"""What waits for the FIB is not told; what the FIB refuses is withdrawn; a verdict of the past says nothing."""

import random

from bgpd.rib.gate import Gate, HeldBack
from bgpd.rib.group import UpdateGroup
from bgpd.rib.loc_rib import LocRib
from bgpd.rib.member import GroupKey, Member
from bgpd.rib.nexthop import NextHop
from bgpd.rib.path import Entry, Path, Source, best_of, shared_of
from bgpd.wire.capability import Negotiated
from bgpd.wire.family import IPV4
from tests.unit.rib.helpers import Peer, attrs, blocks, path, px, source

P, Q = px("10.1.0.0/24"), px("10.2.0.0/24")
ONE = NextHop(b"\xc0\x00\x02\x01", reachable=True, cost=0, reason="")
TWO = NextHop(b"\xc0\x00\x02\x02", reachable=True, cost=0, reason="")


def want_of(entry: Entry | None) -> tuple[bytes, ...] | None:
    return tuple(each.next_hop.address for each in shared_of(entry)) or None


class Room:
    """A loc-rib, its gate, and a group with one member behind it."""

    def __init__(self) -> None:
        self.rib = LocRib(IPV4, 1)
        self.gate = Gate(self.rib, want_of)
        session = Negotiated(families=(IPV4,))
        key = GroupKey(
            family="ipv4", external=True, local_asn=1, remote_asn=2, rule="all", next_hop=b"\x0a\0\0\1"
        )  # fmt: skip
        self.group = UpdateGroup(key, self.gate, lambda each: each.attrs, session)
        self.peer = Peer(session)
        self.group.join(Member("peer", self.peer))
        self.flush()

    def flush(self) -> None:
        while self.group.flush():
            pass

    def apply(self, giver: Source, withdrawn: list[bytes], announced: list[bytes], given: Path | None = None) -> None:
        self.group.on_changes(self.gate.on_changes(self.rib.apply(giver, withdrawn, announced, given)))
        self.flush()

    def judge(self, hop: NextHop, prefixes: list[bytes], *, installed: bool = True) -> None:
        self.group.on_changes(self.gate.judged((hop.address,), prefixes, installed=installed))
        self.flush()


def test_told_when_it_is_installed() -> None:
    room, a = Room(), source("a")
    one = path(a, attrs(1), next_hop=ONE)
    room.apply(a, [], [P, Q], one)
    assert (room.peer.table, room.gate.pending) == ({}, 2)
    assert room.gate.held == {P: HeldBack.PENDING, Q: HeldBack.PENDING}
    room.judge(ONE, [P])
    assert (set(room.peer.table), room.gate.pending) == ({P}, 1)
    room.judge(TWO, [Q])  # that was never asked for
    assert set(room.peer.table) == {P}
    room.apply(a, [P, Q], [])
    assert (room.peer.table, room.gate.held, room.gate.pending) == ({}, {}, 0)
    room.judge(ONE, [P, Q])  # too late
    assert (room.peer.table, room.gate.table) == ({}, {})
    assert room.peer.needless == []


def test_what_it_replaces_is_told_until_then_and_goes_where_it_is_refused() -> None:
    room, a = Room(), source("a")
    one, two = path(a, attrs(1), next_hop=ONE), path(a, attrs(2), next_hop=TWO)
    room.apply(a, [], [P], one)
    room.judge(ONE, [P])
    told = room.peer.table[P]
    room.apply(a, [], [P], two)
    assert room.peer.table == {P: told}
    room.judge(ONE, [P])  # of the past
    assert room.gate.held == {P: HeldBack.PENDING}
    room.judge(TWO, [P], installed=False)
    assert (room.peer.table, room.gate.held, room.gate.pending) == ({}, {P: HeldBack.REFUSED}, 0)
    room.judge(TWO, [P])  # a retry
    assert (room.peer.table[P].as_path_value(), room.gate.held) == (two.attrs_in.as_path_value(), {})


def test_other_attributes_over_the_same_way_wait_for_nothing() -> None:
    room, a = Room(), source("a")
    room.apply(a, [], [P], path(a, attrs(1), next_hop=ONE))
    room.judge(ONE, [P])
    room.apply(a, [], [P], path(a, attrs(1, 2), next_hop=ONE))
    assert room.peer.table[P].as_path_value() == attrs(1, 2).as_path_value()
    assert room.gate.held == {}


def test_there_and_back_before_the_fib_had_a_look() -> None:
    room, a = Room(), source("a")
    room.apply(a, [], [P], path(a, attrs(1), next_hop=ONE))
    room.judge(ONE, [P])
    room.apply(a, [], [P], path(a, attrs(2), next_hop=TWO))
    room.apply(a, [], [P], path(a, attrs(3), next_hop=ONE))
    room.judge(ONE, [P])
    assert room.peer.table[P].as_path_value() == attrs(3).as_path_value()
    assert (room.gate.held, room.gate.pending) == ({}, 0)


def test_own_prefixes_never_wait() -> None:
    room, own = Room(), source("local", local=True)
    room.apply(own, [], [P], path(own))
    assert set(room.peer.table) == {P}
    a = source("a")
    room.apply(a, [], [P], path(a, next_hop=ONE))  # ours is better
    assert room.gate.held == {}
    room.apply(own, [P], [])
    assert room.gate.held == {P: HeldBack.PENDING}
    room.judge(ONE, [P])
    assert room.gate.held == {}


def test_any_order_of_news_and_verdicts_ends_with_what_the_fib_has() -> None:
    prefixes = blocks(12)
    for seed in range(60):
        dice, room = random.Random(seed), Room()
        givers = [source(name, router_id=number) for number, name in enumerate("abc", 1)]
        ways = (ONE, TWO)
        for _ in range(60):
            giver, some = dice.choice(givers), dice.sample(prefixes, 3)
            if dice.random() < 0.3:
                room.apply(giver, some, [])
            else:
                room.apply(giver, [], some, path(giver, attrs(dice.randrange(1, 9)), next_hop=dice.choice(ways)))
            for prefix in dice.sample(prefixes, dice.randrange(6)):
                want = want_of(room.rib.table.get(prefix))
                if want is not None:
                    room.group.on_changes(room.gate.judged(want, [prefix], installed=dice.random() < 0.8))
            room.flush()
        refused = set(dice.sample(prefixes, 3))
        for prefix in prefixes:
            want = want_of(room.rib.table.get(prefix))
            if want is not None:
                room.group.on_changes(room.gate.judged(want, [prefix], installed=prefix not in refused))
        room.flush()
        expected = {p: best_of(e) for p, e in room.rib.table.items() if best_of(e) is not None and p not in refused}
        assert {p: a.as_path_value() for p, a in room.peer.table.items()} == {
            p: each.attrs_in.as_path_value() for p, each in expected.items() if each is not None
        }
        assert room.gate.pending == 0
        assert set(room.gate.held) == {p for p in refused if best_of(room.rib.table.get(p)) is not None}
        assert room.peer.needless == []
