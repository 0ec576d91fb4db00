"""Several paths a prefix: which are told, under which identifier, and that a group needs to know nothing of it."""

import random

from bgpd.rib.fanout import Fanout
from bgpd.rib.group import UpdateGroup
from bgpd.rib.loc_rib import IDENTIFIERS, Change, Interest, LocRib
from bgpd.rib.member import GroupKey, Member
from bgpd.rib.nexthop import NextHop
from bgpd.rib.path import Path, Source, eligible_of
from bgpd.wire.attrs import Attrs
from bgpd.wire.capability import Negotiated
from bgpd.wire.family import IPV4
from tests.unit.rib.helpers import Peer, attrs, blocks, path, px, source

P = px("10.1.0.0/24")
Q = px("10.2.0.0/24")


def key(number: int, prefix: bytes = P) -> bytes:
    return number.to_bytes(4, "big") + prefix


class Pair:
    """A loc-rib and its fanout, kept in step."""

    def __init__(self, limit: int = 0) -> None:
        self.rib = LocRib(IPV4, 1, Interest.ALL)
        self.fanout = Fanout(IPV4, limit)

    def apply(self, giver: Source, withdrawn: list[bytes], announced: list[bytes], given: Path | None) -> list[Change]:
        number = given.path_id if given is not None else 0
        return self.fanout.on_changes(self.rib.apply(giver, withdrawn, announced, given, number))

    def withdraw(self, giver: Source, prefix: bytes, number: int = 0) -> list[Change]:
        return self.fanout.on_changes(self.rib.apply(giver, [prefix], [], None, number))


def test_every_path_has_an_identifier_and_keeps_it() -> None:
    pair = Pair()
    a, b, c = (source(name, router_id=i) for i, name in enumerate("abc", 1))
    one, two, three = (path(giver, attrs(giver.asn, 5)) for giver in (a, b, c))
    pair.apply(a, [], [P, Q], one)
    pair.apply(b, [], [P], two)
    pair.apply(c, [], [P], three)
    assert pair.fanout.table == {key(1): one, key(1, Q): one, key(2): two, key(3): three}
    assert pair.fanout.items(P) == [key(1), key(2), key(3)]
    # a better path of the last one: it is best now, and under the identifier that it had
    better = path(c, attrs(c.asn))
    (change,) = pair.apply(c, [], [P], better)
    assert (change.prefixes, change.old, change.new) == ([key(3)], three, better)
    # the first leaves, a newcomer takes its identifier
    pair.withdraw(a, P)
    assert pair.fanout.items(P) == [key(2), key(3)]
    pair.apply(a, [], [P], one)
    assert pair.fanout.table[key(1)] is one
    for giver in (a, b, c):
        pair.withdraw(giver, P)
    assert pair.fanout.table == {key(1, Q): one}


def test_identifiers_received_tell_paths_of_one_neighbor_apart() -> None:
    pair = Pair()
    a = source("a")
    first, second = path(a, attrs(1, 2)).with_id(7), path(a, attrs(1, 3)).with_id(8)
    pair.apply(a, [], [P], first)
    pair.apply(a, [], [P], second)
    assert pair.fanout.table == {key(1): first, key(2): second}
    assert [found for _, found in pair.rib.received("a")] == [first, second]
    again = path(a, attrs(1, 4)).with_id(7)
    pair.apply(a, [], [P], again)
    assert pair.fanout.table == {key(1): again, key(2): second}
    assert (pair.rib.paths, a.received, a.accepted) == (2, 2, 2)
    pair.withdraw(a, P, 9)  # never given
    pair.withdraw(a, P, 7)
    assert pair.fanout.table == {key(2): second}
    assert (pair.rib.paths, a.received) == (1, 1)


def test_the_best_of_them() -> None:
    pair = Pair(limit=2)
    givers = [source(str(i), router_id=i) for i in (1, 2, 3)]
    paths = [path(giver, attrs(*[1] * length)) for giver, length in zip(givers, (3, 2, 1), strict=True)]
    for giver, given in zip(givers, paths, strict=True):
        pair.apply(giver, [], [P], given)
    assert set(pair.fanout.table.values()) == {paths[1], paths[2]}
    pair.withdraw(givers[2], P)
    assert set(pair.fanout.table.values()) == {paths[0], paths[1]}


def test_what_is_not_eligible_is_not_told_and_a_next_hop_that_goes_is_noticed() -> None:
    pair = Pair()
    hop = NextHop(b"\x0a\x00\x00\x09", reachable=True, cost=0, reason="")
    a, b, c = (source(name, router_id=i) for i, name in enumerate("abc", 1))
    good, second = path(a, attrs(1)), path(b, attrs(1, 2), next_hop=hop)
    lost = path(c, attrs(1, 2, 3), next_hop=NextHop(b"", reachable=False, cost=0, reason="away"))
    for giver, given in ((a, good), (b, second), (c, lost)):
        pair.apply(giver, [], [P], given)
    assert set(pair.fanout.table.values()) == {good, second}
    assert eligible_of(pair.rib.table[P]) == (good, second)
    hop.reachable = False  # the order of candidates stays the same, what may be told does not
    for changes in pair.rib.reselect(hop):
        pair.fanout.on_changes(changes)
    assert set(pair.fanout.table.values()) == {good}
    hop.reachable = True
    for changes in pair.rib.reselect(hop):
        pair.fanout.on_changes(changes)
    assert set(pair.fanout.table.values()) == {good, second}


def test_a_session_that_ends_takes_all_its_paths_along() -> None:
    pair = Pair()
    a, b = source("a"), source("b", router_id=2)
    for number in (1, 2, 3):
        pair.apply(a, [], [P, Q], path(a, attrs(1, number)).with_id(number))
    other = path(b, attrs(1, 2))
    pair.apply(b, [], [P], other)
    for changes in pair.rib.drop(a):
        pair.fanout.on_changes(changes)
    assert list(pair.fanout.table.values()) == [other]
    assert (a.received, a.accepted, pair.rib.paths) == (0, 0, 1)


def test_a_refresh_sweeps_identifiers_that_did_not_come_again() -> None:
    rib = LocRib(IPV4, 1, Interest.ALL)
    old = source("a", generation=1)
    for number in (1, 2):
        rib.apply(old, [], [P], path(old, attrs(1, number)).with_id(number), number)
    new = old.successor(2)
    again = path(new, attrs(1, 1)).with_id(1)
    rib.apply(new, [], [P], again, 1)
    for _ in rib.sweep_stale("a", 2):
        pass
    assert rib.candidates(P) == (again,)
    assert (old.received, new.received, rib.paths) == (0, 1, 1)


def test_one_neighbor_cannot_make_a_prefix_expensive() -> None:
    rib, a = LocRib(IPV4), source("a")
    for number in range(1, 2 * IDENTIFIERS):
        rib.apply(a, [], [P], path(a, attrs(1, number)).with_id(number), number)
    assert len(rib.candidates(P)) == a.received == rib.paths == IDENTIFIERS
    rib.apply(a, [P], [], None, 2 * IDENTIFIERS - 1)  # one that was ignored
    assert rib.paths == IDENTIFIERS
    assert a.beyond == IDENTIFIERS - 1
    rib.apply(a, [], [P], path(a, attrs(1, 1)).with_id(1), 1)  # the same again is nothing new
    assert a.beyond == a.successor(2).beyond == IDENTIFIERS - 1
    other = source("b", router_id=2)
    rib.apply(other, [], [P], path(other))
    assert len(rib.candidates(P)) == IDENTIFIERS + 1


def test_it_fills_itself_from_a_table_that_moves_meanwhile() -> None:
    rib, fanout = LocRib(IPV4, 1, Interest.ALL), Fanout(IPV4, 0)
    a, b = source("a"), source("b", router_id=2)
    prefixes = blocks(50)
    rib.apply(a, [], prefixes, path(a))
    walk = fanout.build(rib, 10)
    assert len(next(walk)) == 1
    assert not fanout.complete
    fanout.on_changes(rib.apply(b, [], prefixes[:20], path(b)))
    fanout.on_changes(rib.apply(a, prefixes[40:], [], None))
    for _ in walk:
        pass
    assert fanout.complete
    assert len(fanout.table) == 40 + 20
    assert [fanout.items(prefix)[0][4:] for prefix in prefixes[:40]] == prefixes[:40]


class Side:
    """A group of neighbors with ADD-PATH, one with, one without a route of its own."""

    def __init__(self, limit: int) -> None:
        self.session = Negotiated(add_path_send=(IPV4,), add_path_receive=(IPV4,))
        self.rib = LocRib(IPV4, 1, Interest.ALL)
        self.fanout = Fanout(IPV4, limit)
        group_key = GroupKey(
            family="ipv4", external=True, local_asn=1, remote_asn=0, rule="all", next_hop=b"", extra=(limit,)
        )
        self.group = UpdateGroup(group_key, self.fanout, lambda given: given.attrs, self.session)
        self.peers = {name: Peer(self.session) for name in ("a", "z")}
        self.members: dict[str, Member] = {}

    def join(self, name: str) -> None:
        self.members[name] = Member(name, self.peers[name])
        self.group.join(self.members[name])

    def distribute(self, changes: list[Change]) -> None:
        derived = self.fanout.on_changes(changes)
        if derived:
            self.group.on_changes(derived)

    def flush(self) -> None:
        while self.group.flush():
            pass

    def expected(self, name: str) -> dict[bytes, bytes]:
        return {
            item: found.attrs.raw
            for item, found in self.fanout.table.items()
            if isinstance(found, Path) and found.attrs is not None and found.source.neighbor != name
        }


def test_who_comes_from_another_group_loses_nothing_while_the_table_is_filled() -> None:
    """Other rules, or another number of paths, may need a table that is new: what is not in it yet is not gone."""
    side = Side(0)
    a, b = source("a"), source("b", router_id=2)
    side.rib.apply(a, [], [P, Q], path(a))
    side.rib.apply(b, [], [P], path(b))
    peer = side.peers["z"]
    told = {key(1): attrs(1), key(2): attrs(1), key(1, Q): attrs(1), key(3): attrs(9)}
    peer.table.update(told)
    member = side.members["z"] = Member("z", peer)
    member.end_of_rib = True
    side.group.join(member, told)
    side.flush()
    for changes in side.fanout.build(side.rib, 1):
        assert not side.fanout.complete
        side.group.on_changes(changes)
        side.flush()
        assert peer.table == told
    side.flush()
    assert raw(peer.table) == side.expected("z")
    assert ("withdraw", key(3)) in peer.log, "that one is gone indeed"
    assert [item for what, item in peer.log if what == "withdraw"] == [key(3)]


def raw(table: dict[bytes, Attrs]) -> dict[bytes, bytes]:
    return {item: found.raw for item, found in table.items()}


def test_what_is_on_the_wire_adds_up_to_the_table() -> None:
    for seed in range(40):
        rng = random.Random(seed)
        side = Side(rng.choice((0, 1, 2)))
        givers = [source(name, router_id=i) for i, name in enumerate("abc", 1)]
        prefixes = blocks(6)
        side.join("z")
        for changes in side.fanout.build(side.rib):
            side.group.on_changes(changes)
        for turn in range(60):
            giver, number = rng.choice(givers), rng.choice((0, 1, 2, 3))
            chosen = rng.sample(prefixes, rng.randrange(1, 4))
            if rng.random() < 0.3:
                side.distribute(side.rib.apply(giver, chosen, [], None, number))
            else:
                given = path(giver, attrs(giver.asn, *[7] * rng.randrange(3)))
                side.distribute(side.rib.apply(giver, [], chosen, given.with_id(number), number))
            if turn == 20:
                side.join("a")
            if turn == 40:
                side.group.refresh(side.members["z"], marked=True)
            if rng.random() < 0.4:
                side.flush()
        side.flush()
        for name, peer in side.peers.items():
            assert raw(peer.table) == side.expected(name), seed
            assert not peer.needless
            assert peer.end_of_rib == 1
            assert side.members[name].advertised == len(peer.table)
            assert raw(dict(side.group.advertised(side.members[name]))) == raw(peer.table)


def test_end_of_rib_waits_until_the_table_is_whole() -> None:
    side = Side(0)
    a = source("b")
    side.rib.apply(a, [], blocks(30), path(a))
    side.join("z")
    side.flush()
    assert side.peers["z"].end_of_rib == 0
    for changes in side.fanout.build(side.rib, 10):
        side.group.on_changes(changes)
        side.flush()
    side.flush()
    assert side.peers["z"].end_of_rib == 1
    assert len(side.peers["z"].table) == 30
