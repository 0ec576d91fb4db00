import pytest

from bgpd.rib.group import UpdateGroup
from bgpd.rib.loc_rib import LocRib
from bgpd.rib.member import GroupKey, Member
from bgpd.rib.path import Path, Source
from bgpd.wire.attrs import Attrs, rewrite
from bgpd.wire.capability import Negotiated
from bgpd.wire.family import IPV4, IPV6, Family
from bgpd.wire.prefix import parse_prefix
from tests.unit.rib.helpers import Peer, attrs, blocks, path, px, source

SESSION = Negotiated(local_asn=64512, remote_asn=65000)
US = b"\x0a\0\0\1"
P, Q = px("10.1.0.0/24"), px("10.2.0.0/24")


def key(**words: object) -> GroupKey:
    values: dict[str, object] = {
        "family": "ipv4",
        "external": True,
        "local_asn": 64512,
        "remote_asn": 0,
        "rule": "all",
        "next_hop": US,
    }
    return GroupKey(**(values | words))  # type: ignore[arg-type]


class Net:
    """A loc-rib, one group, and peers that decode what they get."""

    def __init__(self, family: Family = IPV4, log_limit: int = 1 << 20, session: Negotiated = SESSION) -> None:
        self.session = session
        self.rib = LocRib(family, 4)
        self.asked = 0
        self.group = UpdateGroup(key(), self.rib, self.export, session, log_limit=log_limit)
        self.peers: dict[str, Peer] = {}

    def export(self, path: Path) -> Attrs | None:
        """Next hop self, nothing with a MED of 666, neither MED nor LOCAL_PREF otherwise."""
        self.asked += 1
        assert path.attrs is not None
        return None if path.attrs.med == 666 else rewrite(path.attrs, {4: None, 5: None}, US)

    def join(self, name: str, *, open_: bool = True, told: dict[bytes, Attrs] | None = None) -> Peer:
        peer = Peer(self.session, self.rib.family, open_=open_)
        self.peers[name] = peer
        self.group.join(Member(name, peer), told)
        return peer

    def apply(self, giver: Source, withdrawn: list[bytes], announced: list[bytes], given: Path | None = None) -> None:
        self.group.on_changes(self.rib.apply(giver, withdrawn, announced, given))

    def flush(self, limit: int = 4096) -> None:
        for _ in range(10_000):
            if not self.group.flush(limit):
                break
        else:
            raise AssertionError("the flush never ends")

    def expected(self, name: str) -> dict[bytes, bytes]:
        found = {}
        for prefix in self.rib.table:
            best = self.rib.best(prefix)
            if best is not None and best.source.neighbor != name and (out := self.export(best)) is not None:
                found[prefix] = out.raw
        return found

    def check(self, *, caught_up: bool = True) -> None:
        """What each peer believes is what the group says it told it and, where nothing is left to say, the export."""
        for name, peer in self.peers.items():
            member = self.group.members[name]
            believed = {prefix: given.raw for prefix, given in peer.table.items()}
            assert believed == {prefix: told.raw for prefix, told in self.group.advertised(member)}, name
            assert member.advertised == len(believed), name
            assert not peer.needless, name
            for prefix, given in peer.table.items():
                told = self.group.advertised_route(member, prefix)
                assert told is not None
                assert told.raw == given.raw
            if caught_up and peer.open:
                assert believed == self.expected(name), name
                assert member.lag is None


def makers() -> tuple[Source, Source, Source]:
    return source("a"), source("b", router_id=2), source("c", router_id=3)


def test_key_equality() -> None:
    assert key() == key()
    assert hash(key()) == hash(key())
    assert key() != key(next_hop=b"\1\1\1\1")
    assert key() != key(max_message=65535)
    assert key() != key(extra=("role", 1))
    assert key() != "key"
    assert "ipv4" in repr(key())


def test_announce_replace_withdraw() -> None:
    net = Net()
    x = net.join("x")
    net.flush()
    a, _, _ = makers()
    net.apply(a, [], [P, Q], path(a, attrs(1)))
    net.flush()
    net.check()
    assert set(x.table) == {P, Q}
    assert x.table[P].next_hop == US
    net.apply(a, [], [P], path(a, attrs(2)))
    net.apply(a, [Q], [])
    net.flush()
    net.check()
    assert x.log[-2:] == [("withdraw", Q), ("announce", P)]


def test_end_of_rib_comes_once_after_the_table() -> None:
    net = Net()
    a, _, _ = makers()
    net.apply(a, [], blocks(100), path(a, attrs(1)))
    x = net.join("x")
    net.group.flush(60)
    assert (len(x.table), x.end_of_rib) == (60, 0)
    net.check(caught_up=False)
    net.flush()
    assert (len(x.table), x.end_of_rib) == (100, 1)
    net.apply(a, blocks(100), [])
    net.flush()
    assert x.end_of_rib == 1


def test_end_of_rib_of_an_empty_table() -> None:
    net = Net(IPV6)
    x = net.join("x")
    net.flush()
    assert x.end_of_rib == 1


def test_ipv6() -> None:
    net = Net(IPV6)
    net.group = UpdateGroup(key(family="ipv6"), net.rib, lambda p: rewrite(p.attrs_in, {}, bytes(15) + b"\1"), SESSION)
    x = net.join("x")
    giver = source(family=IPV6)
    prefix = parse_prefix("fd00:1::/64")[1]
    given = path(giver, attrs(1, next_hop=bytes(15) + b"\2"))
    net.apply(giver, [], [prefix], given)
    net.flush()
    assert x.table[prefix].next_hop == bytes(15) + b"\1"
    net.apply(giver, [prefix], [])
    net.flush()
    assert x.table == {}


def test_a_neighbor_is_not_told_its_own_routes() -> None:
    net = Net()
    x, a_peer = net.join("x"), net.join("a")
    net.flush()
    a, b, _ = makers()
    net.apply(a, [], [P], path(a, attrs(1)))
    net.apply(b, [], [Q], path(b, attrs(1)))
    net.flush()
    net.check()
    assert set(x.table) == {P, Q}
    assert set(a_peer.table) == {Q}
    net.apply(a, [P], [])
    net.flush()
    net.check()
    assert x.messages == a_peer.messages + 2


def test_the_best_path_moves_from_one_member_to_another() -> None:
    net = Net()
    for name in ("x", "a", "b"):
        net.join(name)
    net.flush()
    a, b, _ = makers()
    net.apply(a, [], [P], path(a, attrs(1, 2)))
    net.flush()
    net.check()
    net.apply(b, [], [P], path(b, attrs(1)))  # better: b must forget a's route, a must learn b's
    net.flush()
    net.check()
    assert net.peers["b"].log == [("announce", P), ("withdraw", P)]
    assert net.peers["a"].log == [("announce", P)]
    net.apply(b, [P], [])
    net.flush()
    net.check()


def test_the_move_is_invisible_to_the_others_where_the_export_is_equal() -> None:
    net = Net()
    for name in ("x", "a", "b"):
        net.join(name)
    net.flush()
    a, b, _ = makers()
    net.apply(b, [], [P], path(b, attrs(1)))
    net.flush()
    before = net.peers["x"].messages
    net.apply(a, [], [P], path(a, attrs(1)))  # wins by router id, looks the same from outside
    net.flush()
    net.check()
    assert net.peers["x"].messages == before
    assert net.peers["a"].log == [("announce", P), ("withdraw", P)]
    assert net.peers["b"].log == [("announce", P)]


def test_a_change_that_export_hides_sends_nothing() -> None:
    net = Net()
    x = net.join("x")
    net.flush()
    a, _, _ = makers()
    net.apply(a, [], [P], path(a, attrs(1, med=1)))
    net.flush()
    before = x.messages
    net.apply(a, [], [P], path(a, attrs(1, med=2)))
    net.flush()
    assert x.messages == before
    net.check()


def test_not_for_export() -> None:
    net = Net()
    for name in ("x", "a", "b"):
        net.join(name)
    net.flush()
    a, b, _ = makers()
    net.apply(a, [], [P], path(a, attrs(1, med=666)))
    net.flush()
    net.check()
    assert net.peers["x"].table == {}
    net.apply(a, [], [P], path(a, attrs(1)))
    net.flush()
    net.check()
    net.apply(b, [], [P], path(b, attrs(1, local_pref=200, med=666)))
    net.flush()
    net.check()
    assert net.peers["x"].table == {}


def test_latest_state_wins_between_flushes() -> None:
    net = Net()
    x = net.join("x")
    net.flush()
    before = x.messages
    a, _, _ = makers()
    for i in range(1, 50):
        net.apply(a, [], [P], path(a, attrs(i)))
        net.apply(a, [P], [])
    net.flush()
    assert x.messages == before  # it came back to where it was
    net.apply(a, [], [P], path(a, attrs(1)))
    net.apply(a, [], [P], path(a, attrs(2)))
    net.flush()
    assert x.messages == before + 1


def test_one_evaluation_per_path_and_one_message_per_attributes() -> None:
    net = Net()
    x, y = net.join("x"), net.join("y")
    net.flush()
    a, _, _ = makers()
    given = path(a, attrs(1))
    net.asked = 0
    for i in range(50):
        net.apply(a, [], blocks(10, 10 * i), given)
    net.flush()
    assert net.asked == 1
    assert x.messages == y.messages == 2  # with End-of-RIB
    net.check()


def test_members_write_the_same_bytes() -> None:
    written: dict[str, list[bytes]] = {"x": [], "y": []}

    class Raw(Peer):
        def write(self, data: bytes, messages: int) -> None:
            written["x" if self is one else "y"].append(data)
            super().write(data, messages)

    net = Net()
    one, two = Raw(SESSION), Raw(SESSION)
    net.peers = {"x": one, "y": two}
    net.group.join(Member("x", one))
    net.group.join(Member("y", two))
    net.flush()
    a, _, _ = makers()
    net.apply(a, [], blocks(500), path(a, attrs(1)))
    net.flush()
    assert written["x"][-1] is written["y"][-1]


def test_late_joiner_disturbs_nobody() -> None:
    net = Net()
    x = net.join("x")
    net.flush()
    a, b, _ = makers()
    net.apply(a, [], blocks(300), path(a, attrs(1)))
    net.flush()
    before = x.messages
    y = net.join("y")
    net.group.flush(100)
    net.apply(
        b, [], blocks(10, 295), path(b, attrs(2, local_pref=200))
    )  # while it walks: some walked, some not, some new
    net.apply(a, blocks(5), [])
    net.apply(a, blocks(5, 250), [])
    net.check(caught_up=False)
    net.flush(100)
    net.check()
    assert (x.end_of_rib, y.end_of_rib) == (1, 1)
    assert x.messages <= before + 3


def test_a_slow_member_waits_then_follows_the_log() -> None:
    net = Net()
    x, slow = net.join("x"), net.join("slow")
    net.flush()
    a, _, _ = makers()
    slow.open = False
    net.apply(a, [], blocks(10), path(a, attrs(1)))
    net.flush()
    net.apply(a, blocks(5), [])
    net.flush()
    assert len(x.table) == 5
    assert slow.table == {}
    net.check(caught_up=False)
    assert net.group.members["slow"].lag is None
    slow.open = True
    assert net.group.has_work
    net.flush()
    net.check()


def test_a_member_too_far_behind_is_detached_and_gets_the_latest() -> None:
    net = Net(log_limit=2000)
    x, slow = net.join("x"), net.join("slow")
    net.flush()
    a, b, _ = makers()
    net.apply(a, [], blocks(100), path(a, attrs(1)))
    net.flush()
    slow.open = False
    for i in range(2, 40):
        net.apply(a, [], blocks(100), path(a, attrs(i)))
        net.apply(b, [], blocks(3, i), path(b, attrs(99, i, local_pref=200)))
        net.flush()
        net.check(caught_up=False)
    assert net.group.members["slow"].lag is not None
    assert net.group._octets <= 2000
    net.apply(a, blocks(20), [])
    net.flush()
    before = slow.messages
    slow.open = True
    net.flush()
    net.check()
    assert slow.messages - before < 50  # the latest state, not the history
    net.apply(a, [], blocks(100), path(a, attrs(3)))
    net.flush()
    net.check()
    assert x.messages > slow.messages


def test_when_all_are_slow_nothing_piles_up() -> None:
    net = Net(log_limit=500)
    x = net.join("x")
    net.flush()
    x.open = False
    a, _, _ = makers()
    for i in range(1, 30):
        net.apply(a, [], blocks(50), path(a, attrs(i)))
        net.flush()
    assert net.group._log == []
    assert len(net.group._pending) == 0
    net.check(caught_up=False)
    x.open = True
    net.flush()
    net.check()
    assert x.messages == 2


def test_flush_in_small_slices() -> None:
    net = Net()
    net.join("x")
    net.flush()
    a, b, _ = makers()
    net.apply(a, [], blocks(50), path(a, attrs(1)))
    net.apply(b, [], blocks(50, 25), path(b, attrs(2, local_pref=300)))
    assert net.group.flush(7)
    net.check(caught_up=False)
    net.apply(a, blocks(50), [])
    net.check(caught_up=False)
    net.flush(7)
    net.check()


def test_refresh_says_everything_again() -> None:
    net = Net()
    x, y = net.join("x"), net.join("y")
    net.flush()
    a, b, _ = makers()
    net.apply(a, [], blocks(10), path(a, attrs(1)))
    net.apply(b, [], blocks(1, 50), path(b, attrs(1, med=666)))
    net.flush()
    net.apply(a, blocks(2), [])  # pending while the refresh comes in
    mark = len(x.log)
    others = y.messages
    net.group.refresh(net.group.members["x"])
    net.check(caught_up=False)
    net.apply(a, blocks(1, 2), [])
    net.apply(b, [], blocks(1, 60), path(b, attrs(5)))
    net.flush(4)
    net.check()
    assert {p for kind, p in x.log[mark:] if kind == "announce"} == {*blocks(7, 3), *blocks(1, 60)}
    assert {p for kind, p in x.log[mark:] if kind == "withdraw"} == set(blocks(3))
    assert x.end_of_rib == 1
    assert y.messages - others == 2


def test_refresh_of_one_who_lags() -> None:
    net = Net()
    x = net.join("x", open_=False)
    a, _, _ = makers()
    net.apply(a, [], blocks(10), path(a, attrs(1)))
    net.group.refresh(net.group.members["x"])
    x.open = True
    net.flush(3)
    net.check()


def test_remove() -> None:
    net = Net()
    net.join("x")
    y = net.join("y")
    net.flush()
    a, _, _ = makers()
    net.apply(a, [], blocks(10), path(a, attrs(1)))
    member = net.group.members["x"]
    net.group.remove(member)
    net.group.remove(member)
    del net.peers["x"]
    net.flush()
    net.check()
    net.group.remove(net.group.members["y"])
    del net.peers["y"]
    net.apply(a, [], blocks(10, 20), path(a, attrs(1)))
    assert not net.group.has_work  # without members nothing is noted
    assert len(net.group._pending) == 0
    again = net.join("y")
    net.flush()
    net.check()
    assert len(again.table) == 20
    assert len(y.table) == 10


def test_remove_one_who_lags() -> None:
    net = Net()
    net.join("x")
    net.flush()
    net.join("y", open_=False)
    net.group.remove(net.group.members["y"])
    del net.peers["y"]
    a, _, _ = makers()
    net.apply(a, [], blocks(10), path(a, attrs(1)))
    net.flush()
    net.check()


def test_move_to_another_group_withdraws_by_the_old_chain() -> None:
    net = Net()
    x = net.join("x")
    net.flush()
    a, b, _ = makers()
    net.apply(a, [], blocks(5), path(a, attrs(1)))
    net.apply(b, [], blocks(5, 10), path(b, attrs(1, 2)))
    net.flush()
    net.apply(a, blocks(1), [])  # pending in the old group
    member = net.group.members["x"]
    told = net.group.leave(member)
    assert set(told) == {*blocks(5), *blocks(5, 10)}

    def short_only(given: Path) -> Attrs | None:
        return rewrite(given.attrs_in, {}, US) if given.attrs_in.as_path_length < 2 else None

    mark = len(x.log)
    other = UpdateGroup(key(rule="short"), net.rib, short_only, SESSION)
    other.join(Member("x", x), told)
    other.on_changes(net.rib.apply(a, [], blocks(1, 7), path(a, attrs(1))))
    while other.flush(2):
        pass
    assert set(x.table) == {*blocks(4, 1), *blocks(1, 7)}
    assert not x.needless
    assert {p for kind, p in x.log[mark:] if kind == "announce"} == set(blocks(1, 7))  # the rest it knew
    assert other.members["x"].advertised == 5


def test_attributes_that_fill_a_message_are_not_announced() -> None:
    net = Net()
    x = net.join("x")
    net.flush()
    a, _, _ = makers()
    net.apply(a, [], [P], path(a, attrs(1)))
    net.apply(a, [], [Q], path(a, attrs(1, communities=list(range(600)))))
    net.flush()
    net.check(caught_up=False)
    assert set(x.table) == {P, Q}
    net.apply(a, [], [P], path(a, attrs(1, communities=list(range(1100)))))
    net.flush()
    assert set(x.table) == {Q}
    assert net.group.members["x"].advertised == 1


def test_the_memory_of_exports_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    import bgpd.rib.export as module

    if not module.__file__.endswith(".py"):
        return  # compiled constants cannot be replaced
    monkeypatch.setattr(module, "_CACHE", 4)
    net = Net()
    net.join("x")
    net.flush()
    a, _, _ = makers()
    for i, prefix in enumerate(blocks(50)):
        net.apply(a, [], [prefix], path(a, attrs(1, i + 1)))
    net.flush()
    assert len(net.group.exports._recent) + len(net.group.exports._older) <= 8
    for i, prefix in enumerate(blocks(50)):
        net.apply(a, [], [prefix], path(a, attrs(2, i + 1)))
        net.apply(a, [], [prefix], path(a, attrs(1, i + 1)))
    net.flush()
    net.check()


def test_reprs() -> None:
    net = Net()
    net.join("x")
    assert "1 members" in repr(net.group)
    assert "behind" in repr(net.group.members["x"])
    net.flush()
    assert "at 0" in repr(net.group.members["x"])


def test_a_joiner_waits_for_the_group_before_it_follows() -> None:
    """Nothing is left to tell it, but the log is still to withdraw what it never heard of."""
    net = Net()
    net.join("x")
    net.flush()
    a, _, _ = makers()
    net.apply(a, [], blocks(20), path(a, attrs(1)))
    net.flush()
    net.apply(a, blocks(20), [])
    y = net.join("y")
    assert net.group.flush(3)
    assert y.end_of_rib == 1
    assert net.group.members["y"].lag is not None
    net.flush(3)
    net.check()
    assert y.log == []
