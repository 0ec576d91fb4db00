import pytest

from bgpd.policy.reasons import Reason
from bgpd.rib.loc_rib import Change, Interest, LocRib
from bgpd.rib.nexthop import NextHop
from bgpd.rib.path import Path, Source, best_of
from bgpd.wire.family import IPV4
from tests.unit.rib.helpers import attrs, blocks, path, px, source

P, Q, R = px("10.1.0.0/24"), px("10.2.0.0/24"), px("10.3.0.0/24")


def flat(changes: list[Change]) -> list[tuple[bytes, Path | None, Path | None]]:
    return [(p, best_of(c.old), best_of(c.new)) for c in changes for p in c.prefixes]


def consistent(rib: LocRib, *sources: Source) -> None:
    """The counters say what the table says."""
    assert rib.paths == sum(len(rib.candidates(p)) for p in rib.table)
    for giver in sources:
        mine = [p for _, p in rib.received(giver.neighbor) if p.source is giver]
        assert giver.received == len(mine)
        assert giver.accepted == len([p for p in mine if p.attrs is not None])


def test_announce_and_withdraw() -> None:
    rib, giver = LocRib(IPV4), source()
    one = path(giver)
    assert flat(rib.apply(giver, [], [P, Q], one)) == [(P, None, one), (Q, None, one)]
    assert rib.best(P) is one
    assert rib.candidates(Q) == (one,)
    assert len(rib) == rib.paths == 2
    assert flat(rib.apply(giver, [P], [], None)) == [(P, one, None)]
    assert rib.best(P) is None
    assert rib.candidates(P) == ()
    consistent(rib, giver)


def test_one_run_is_one_change() -> None:
    rib, giver = LocRib(IPV4), source()
    prefixes = blocks(100)
    assert len(rib.apply(giver, [], prefixes, path(giver))) == 1
    assert len(rib.apply(giver, [], prefixes, path(giver, attrs(7)))) == 1
    assert len(rib.apply(giver, prefixes, [], None)) == 1


def test_withdrawing_the_unknown_is_silent() -> None:
    rib, a, b = LocRib(IPV4), source("a"), source("b", router_id=2)
    rib.apply(a, [], [P], path(a))
    assert rib.apply(b, [P, Q], [], None) == []
    assert rib.best(P) is not None
    consistent(rib, a, b)


def test_a_prefix_in_both_is_announced() -> None:
    rib, giver = LocRib(IPV4), source()
    old, new = path(giver), path(giver, attrs(7))
    rib.apply(giver, [], [P], old)
    changes = rib.apply(giver, [P], [P], new)
    assert flat(changes) == [(P, old, None), (P, None, new)]
    assert rib.best(P) is new
    consistent(rib, giver)


def test_a_prefix_named_twice_counts_once() -> None:
    rib, giver = LocRib(IPV4), source()
    rib.apply(giver, [], [P, P, Q], path(giver))
    consistent(rib, giver)
    rib.apply(giver, [], [P, R, P], path(giver, attrs(7)))
    consistent(rib, giver)
    rib.apply(giver, [P, P], [], None)
    consistent(rib, giver)
    assert rib.paths == 2


def test_replacement_by_the_same_source() -> None:
    rib, giver = LocRib(IPV4), source()
    rib.apply(giver, [], [P], path(giver))
    new = path(giver, attrs(65001, 7))
    assert len(rib.apply(giver, [], [P], new)) == 1
    assert rib.candidates(P) == (new,)
    consistent(rib, giver)


def test_equal_again_is_no_change_even_from_a_new_generation() -> None:
    rib, giver = LocRib(IPV4), source()
    rib.apply(giver, [], [P, Q], path(giver, attrs(1)))
    assert rib.apply(giver, [], [P], path(giver, attrs(1))) == []
    later = source(generation=1)
    again = path(later, attrs(1))
    assert rib.apply(later, [], [P, Q], again) == []
    assert rib.best(P) is again
    assert (giver.received, later.received) == (0, 2)
    consistent(rib, giver, later)


def test_the_better_path_wins_and_the_other_steps_in() -> None:
    rib, a, b = LocRib(IPV4), source("a"), source("b", router_id=2)
    short, long = path(a, attrs(1)), path(b, attrs(1, 2))
    rib.apply(b, [], [P], long)
    assert flat(rib.apply(a, [], [P], short)) == [(P, long, short)]
    assert rib.candidates(P) == (short, long)
    assert flat(rib.apply(a, [P], [], None)) == [(P, short, long)]
    consistent(rib, a, b)


def test_a_worse_candidate_is_nobodys_business_unless_asked() -> None:
    a, b = source("a"), source("b", router_id=2)
    for interest, count in ((Interest.BEST, 0), (Interest.MULTIPATH, 0), (Interest.ALL, 1)):
        rib = LocRib(IPV4, 4, interest)
        rib.apply(a, [], [P], path(a, attrs(1)))
        assert len(rib.apply(b, [], [P], path(b, attrs(1, 2)))) == count
        assert len(rib.apply(b, [P], [], None)) == count
        assert len(rib.candidates(P)) == 1


def test_multipath_members_are_a_change_for_those_who_ask() -> None:
    a, b = source("a"), source("b", router_id=2)
    for interest, count in ((Interest.BEST, 0), (Interest.MULTIPATH, 1)):
        rib = LocRib(IPV4, 4, interest)
        one, two = path(a, attrs(1)), path(b, attrs(2))
        rib.apply(a, [], [P], one)
        assert len(rib.apply(b, [], [P], two)) == count
        assert rib.shared(P) == (one, two)
        # the same number, other members
        assert len(rib.apply(b, [], [P], path(b, attrs(3)))) == count


@pytest.mark.parametrize("interest", [Interest.MULTIPATH, Interest.ALL])
def test_a_path_that_no_longer_shares_the_load_is_a_change(interest: Interest) -> None:
    """Found by a seed: the same paths in the same order, and the FIB kept a next hop that had become a worse one."""
    rib, a, b = LocRib(IPV4, 4, interest), source("a", external=False), source("b", external=False, router_id=2)
    hop = NextHop(b"\1\1\1\1", reachable=True, cost=0, reason="")
    far = NextHop(b"\1\1\1\2", reachable=True, cost=0, reason="")
    one, two = path(a, attrs(1), next_hop=hop), path(b, attrs(1), next_hop=far)
    rib.apply(a, [], [P], one)
    rib.apply(b, [], [P], two)
    assert rib.shared(P) == (one, two)
    far.cost = 5
    assert flat(next(rib.reselect(far))) == [(P, one, one)]
    assert rib.shared(P) == (one,)
    far.cost = 0
    assert flat(next(rib.reselect(far))) == [(P, one, one)]
    assert rib.shared(P) == (one, two)


def test_rejected_paths_stay_visible_and_lose() -> None:
    rib, a, b = LocRib(IPV4), source("a"), source("b", router_id=2)
    bad = path(a, reason=Reason.AS_LOOP)
    assert rib.apply(a, [], [P], bad) == []
    assert rib.best(P) is None
    assert list(rib.received("a")) == [(P, bad)]
    assert (a.received, a.accepted) == (1, 0)
    good = path(b, attrs(1, 2, 3))
    assert flat(rib.apply(b, [], [P], good)) == [(P, None, good)]
    assert rib.candidates(P) == (good, bad)
    assert rib.apply(a, [P], [], None) == []
    consistent(rib, a, b)


def test_entries_of_equal_content_are_one_object() -> None:
    rib, a, b = LocRib(IPV4), source("a"), source("b", router_id=2)
    one, two = path(a, attrs(1)), path(b, attrs(1, 2))
    for prefix in (P, Q, R):
        rib.apply(a, [], [prefix], one)
        rib.apply(b, [], [prefix], two)
    assert rib.table[P] is rib.table[Q] is rib.table[R]
    bad = path(a, reason=Reason.AS_LOOP)
    rib.apply(a, [], [px("10.9.0.0/24")], bad)
    rib.apply(a, [], [px("10.8.0.0/24")], bad)
    assert rib.table[px("10.9.0.0/24")] is rib.table[px("10.8.0.0/24")]


def test_the_index_of_entries_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    import bgpd.rib.loc_rib as module

    if not module.__file__.endswith(".py"):
        return  # compiled constants cannot be replaced
    monkeypatch.setattr(module, "_INDEX_LIMIT", 4)
    rib, a, b = LocRib(IPV4), source("a"), source("b", router_id=2)
    for i, prefix in enumerate(blocks(20)):
        rib.apply(a, [], [prefix], path(a, attrs(1, i + 1)))
        rib.apply(b, [], [prefix], path(b, attrs(2, i + 1)))
    assert len(rib._equal) <= 4
    rib.forget_entries()
    assert not rib._equal
    assert len(rib) == 20


def test_drop_is_resumable() -> None:
    rib, a, b = LocRib(IPV4), source("a"), source("b", router_id=2)
    prefixes = blocks(10)
    a_path, b_path = path(a, attrs(1)), path(b, attrs(1, 2))
    a.paths[a_path.attrs_in] = a_path
    rib.apply(a, [], prefixes, a_path)
    rib.apply(b, [], prefixes[:5], b_path)
    steps = list(rib.drop(a, 4))
    assert [sum(len(c.prefixes) for c in step) for step in steps] == [4, 4, 2]
    assert sorted(rib.table) == prefixes[:5]
    assert rib.best(prefixes[0]) is b_path
    assert not a.paths
    consistent(rib, a, b)
    assert list(rib.drop(a, 4)) == []


def test_drop_while_the_neighbor_comes_back() -> None:
    rib, old = LocRib(IPV4), source()
    prefixes = blocks(6)
    rib.apply(old, [], prefixes, path(old, attrs(1)))
    walk = rib.drop(old, 2)
    next(walk)
    new = source(generation=1)
    again = path(new, attrs(2))
    rib.apply(new, [], [prefixes[0], prefixes[5]], again)
    list(walk)
    assert dict(rib.received("a")) == {prefixes[0]: again, prefixes[5]: again}
    consistent(rib, old, new)


def test_what_is_down_is_not_chosen_before_the_walk_comes() -> None:
    rib, a, b = LocRib(IPV4), source("a"), source("b", router_id=2)
    prefixes = blocks(4)
    rib.apply(a, [], prefixes, path(a, attrs(1)))
    walk = rib.drop(a, 1)
    worse = path(b, attrs(1, 2))
    rib.apply(b, [], [prefixes[3]], worse)  # before the first slice
    assert rib.best(prefixes[3]) is worse
    list(walk)
    assert list(rib.table) == [prefixes[3]]


def test_sweep_stale() -> None:
    rib, other = LocRib(IPV4), source("b", router_id=2)
    prefixes = blocks(9)
    first, second, third = (source(generation=i) for i in range(3))
    rib.apply(other, [], prefixes, path(other, attrs(1, 2)))
    for giver, part in ((first, prefixes[:3]), (second, prefixes[3:6]), (third, prefixes[6:])):
        given = path(giver, attrs(1))
        giver.paths[given.attrs_in] = given
        rib.apply(giver, [], part, given)
    for _ in rib.sweep_stale("a", 2, 2):
        pass
    assert [p for p, _ in rib.received("a")] == prefixes[6:]
    assert len(rib) == 9
    assert not first.paths
    assert not second.paths
    assert third.paths
    consistent(rib, first, second, third, other)


def test_next_hop_goes_and_comes_back() -> None:
    rib, a, b = LocRib(IPV4, 4), source("a"), source("b", router_id=2)
    hop = NextHop(b"\1\1\1\1", reachable=True, cost=0, reason="")
    prefixes = blocks(5)
    one, two = path(a, attrs(1), next_hop=hop), path(b, attrs(1, 2))
    rib.apply(a, [], prefixes, one)
    rib.apply(b, [], prefixes[:2], two)
    hop.reachable = False
    assert rib.best(prefixes[0]) is one  # as told, until the walk
    changes = [change for step in rib.reselect(hop, 2) for change in step]
    assert flat(changes) == [(prefixes[0], one, two), (prefixes[1], one, two), *[(p, one, None) for p in prefixes[2:]]]
    assert len(rib) == 5
    hop.reachable = True
    changes = [change for step in rib.reselect(hop) for change in step]
    assert sorted(flat(changes), key=lambda c: c[0]) == sorted(
        [(prefixes[0], two, one), (prefixes[1], two, one), *[(p, None, one) for p in prefixes[2:]]], key=lambda c: c[0]
    )
    assert [change for step in rib.reselect(hop) for change in step] == []
    consistent(rib, a, b)


def test_reselect_leaves_other_next_hops_alone() -> None:
    rib, a = LocRib(IPV4), source("a")
    hop = NextHop(b"\1\1\1\1", reachable=True, cost=0, reason="")
    rib.apply(a, [], [P], path(a))
    hop.reachable = False
    before = rib.table[P]
    assert list(rib.reselect(hop)) == [[]]
    assert rib.table[P] is before


def test_cost_decides() -> None:
    rib, a, b = LocRib(IPV4), source("a", external=False), source("b", external=False, router_id=2)
    hop = NextHop(b"\1\1\1\1", reachable=True, cost=1, reason="")
    far = NextHop(b"\1\1\1\2", reachable=True, cost=5, reason="")
    one, two = path(a, attrs(1), next_hop=hop), path(b, attrs(1), next_hop=far)
    rib.apply(a, [], [P], one)
    rib.apply(b, [], [P], two)
    assert rib.best(P) is one
    hop.cost = 9
    assert flat(next(rib.reselect(hop))) == [(P, one, two)]


def test_set_multipath() -> None:
    rib = LocRib(IPV4, 1)
    givers = [source(f"n{i}", router_id=i) for i in range(1, 4)]
    paths = [path(giver, attrs(giver.router_id[3])) for giver in givers]
    for giver, given in zip(givers, paths, strict=True):
        rib.apply(giver, [], [P], given)
    assert rib.shared(P) == (paths[0],)
    assert len([c for step in rib.set_multipath(2) for c in step]) == 1
    assert rib.multipath == 2
    assert rib.shared(P) == tuple(paths[:2])


def test_walk_is_a_snapshot_in_slices() -> None:
    rib, giver = LocRib(IPV4), source()
    prefixes = blocks(7)
    rib.apply(giver, [], prefixes, path(giver))
    walk = rib.walk(3)
    assert next(walk) == prefixes[:3]
    rib.apply(giver, prefixes[3:], blocks(5, 100), path(giver))
    assert list(walk) == [prefixes[3:6], prefixes[6:]]


def test_change_repr() -> None:
    assert repr(Change([P], None, None)) == "Change(1 prefixes, None -> None)"
