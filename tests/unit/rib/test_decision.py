from itertools import permutations

import pytest

from bgpd.policy.reasons import Reason
from bgpd.rib.decision import Step, arrange, explain, why_not
from bgpd.rib.nexthop import NextHop
from bgpd.rib.path import Path, best_of, paths_of, shared_of
from tests.unit.rib.helpers import REACHABLE, attrs, path, source

FAR = NextHop(b"\xc0\x00\x02\x63", reachable=True, cost=10, reason="via eth1")
GONE = NextHop(b"\xc0\x00\x02\x64", reachable=False, cost=0, reason="no route to it")


def duel(winner: Path, loser: Path) -> Step | None:
    """Both orders of arrival give the same; returns the loser's step."""
    for pair in ([winner, loser], [loser, winner]):
        entry = arrange(pair, 1)
        assert best_of(entry) is winner
        standings = explain(entry)
        assert [s.path for s in standings] == [winner, loser]
        assert standings[0].best
        assert standings[0].words == "best"
        step = standings[1].step
    return step


A, B = source("a", router_id=1), source("b", router_id=2)
H, J = source("h", router_id=1, external=False), source("j", router_id=2, external=False)
LOCAL = source("local", local=True, router_id=9)
KEPT = source("kept", router_id=1)
KEPT.last_resort = True


@pytest.mark.parametrize(
    ("step", "winner", "loser"),
    [
        (Step.ELIGIBLE, path(B, attrs(1, 2, 3)), path(A, reason=Reason.AS_LOOP)),
        (Step.ELIGIBLE, path(B, attrs(1, 2, 3)), path(A, next_hop=GONE)),
        (Step.FRESH, path(B, attrs(1, 2, 3)), path(KEPT, attrs(1))),
        (Step.LOCAL, path(LOCAL, attrs(local_pref=1)), path(A, attrs(1, local_pref=500))),
        (Step.LOCAL_PREF, path(B, attrs(1, 2, local_pref=101)), path(A, attrs(1))),
        (Step.AS_PATH, path(B, attrs(1, origin=2)), path(A, attrs(1, 2))),
        (Step.ORIGIN, path(B, attrs(1, med=9)), path(A, attrs(1, origin=1))),
        (Step.MED, path(B, attrs(1, med=1)), path(A, attrs(1, med=2))),
        (Step.MED, path(J, attrs(1, med=1)), path(A, attrs(1, med=2))),
        (Step.EXTERNAL, path(B, attrs(1), next_hop=FAR), path(H, attrs(1))),
        (Step.EXTERNAL, path(B, attrs(1, med=9), next_hop=FAR), path(H, attrs(2, med=1))),
        (Step.COST, path(B, attrs(1)), path(A, attrs(1), next_hop=FAR)),
        (Step.ROUTER_ID, path(A, attrs(1)), path(B, attrs(2))),
        (
            Step.CLUSTER_LIST,
            path(J, attrs(1, others={9: b"\0\0\0\7", 10: b"\0\0\0\1"})),
            path(H, attrs(1, others={9: b"\0\0\0\7", 10: b"\0\0\0\1\0\0\0\2"})),
        ),
        (Step.ADDRESS, path(source("x", address=1, router_id=5)), path(source("y", address=2, router_id=5))),
    ],
)
def test_each_step_decides_and_is_named(step: Step, winner: Path, loser: Path) -> None:
    assert duel(winner, loser) is step
    assert step.words


def test_the_words_of_a_loser() -> None:
    entry = arrange([path(A, attrs(1, 2)), path(B, attrs(1))], 1)
    assert explain(entry)[1].words == "lost by step 5: shorter AS path"


def test_a_set_counts_as_one() -> None:
    with_set = attrs()
    assert with_set.as_path_length == 0
    from bgpd.wire import aspath
    from bgpd.wire.attrs import build

    summary = build(next_hop=REACHABLE.address, as_path=aspath.encode([(2, (1,)), (1, (7, 8, 9))]))
    assert duel(path(A, summary), path(B, attrs(1, 2))) is Step.ROUTER_ID
    assert duel(path(A, summary), path(B, attrs(1, 2, 3))) is Step.AS_PATH


def test_med_is_compared_within_one_neighboring_as_only() -> None:
    assert duel(path(A, attrs(1, med=100)), path(B, attrs(2, med=1))) is Step.ROUTER_ID


def test_med_is_no_total_order() -> None:
    """x beats y by MED, y beats z by router id, z beats x by router id: the set decides, not the order."""
    x = path(source("x", router_id=3), attrs(1, med=1))
    y = path(source("y", router_id=1), attrs(1, med=2))
    z = path(source("z", router_id=2), attrs(2))
    for order in permutations([x, y, z]):
        entry = arrange(list(order), 1)
        assert paths_of(entry) == (z, x, y)
    steps = {s.path.source.neighbor: s.step for s in explain(arrange([x, y, z], 1))}
    assert steps == {"z": None, "x": Step.ROUTER_ID, "y": Step.MED}


def test_no_candidates() -> None:
    assert arrange([], 4) is None
    assert explain(None) == []


def test_a_lone_eligible_path_is_bare() -> None:
    only = path(A)
    assert arrange([only], 4) is only
    assert [s.words for s in explain(only)] == ["best"]


def test_a_lone_ineligible_path_is_no_best() -> None:
    entry = arrange([path(A, next_hop=GONE)], 4)
    assert best_of(entry) is None
    assert shared_of(entry) == ()
    assert [s.words for s in explain(entry)] == ["next hop unreachable: no route to it"]


def test_why_not() -> None:
    assert why_not(path(A)) == ""
    assert why_not(path(A, reason=Reason.AS_LOOP)) == "rejected: our own AS is in its AS path"
    assert why_not(Path(A, attrs(1), None, REACHABLE, 0.0)) == "rejected by import policy"
    down = source("down")
    down.down = True
    assert why_not(path(down)) == "the session is gone"


def test_between_a_next_hop_and_its_walk() -> None:
    hop = NextHop(b"\1\1\1\1", reachable=False, cost=0, reason="")
    entry = arrange([path(A, next_hop=hop)], 4)
    hop.reachable = True
    assert [s.words for s in explain(entry)] == ["about to be selected"]


def test_multipath_takes_equals_up_to_the_limit() -> None:
    equals = [path(source(f"n{i}", router_id=i), attrs(100 + i)) for i in range(1, 5)]
    worse = path(source("w", router_id=9), attrs(1, 2))
    entry = arrange([worse, *reversed(equals)], 3)
    assert shared_of(entry) == tuple(equals[:3])
    assert paths_of(entry) == (*equals, worse)
    words = [s.words for s in explain(entry)]
    assert words[0] == "best"
    assert words[1] == "shares the load with the best (lost by step 10: lower router id)"
    assert words[3] == "lost by step 10: lower router id"
    assert [s.shares for s in explain(entry)] == [True, True, True, False, False]
    assert arrange(equals[:2], 3) == tuple(equals[:2])
    assert shared_of(arrange(list(equals), 1)) == (equals[0],)


@pytest.mark.parametrize(
    "other",
    [
        path(B, attrs(1), next_hop=FAR),
        path(J, attrs(1)),
        path(B, attrs(1, med=1)),
        path(B, attrs(2, med=1)),
        path(B, attrs(1, 2)),
        path(B, attrs(1, local_pref=99)),
        path(B, attrs(1, origin=1)),
        path(B, attrs(1), next_hop=GONE),
    ],
)
def test_multipath_wants_equality(other: Path) -> None:
    best = path(A, attrs(1))
    assert shared_of(arrange([other, best], 8)) == (best,)


def test_multipath_sees_past_another_as_with_a_higher_med() -> None:
    a = path(source("a", router_id=1), attrs(1, med=5))
    b = path(source("b", router_id=2), attrs(2, med=9))
    c = path(source("c", router_id=3), attrs(3, med=5))
    assert shared_of(arrange([c, b, a], 8)) == (a, c)
    d = path(source("d", router_id=4), attrs(3, med=3))
    assert shared_of(arrange([c, b, a, d], 8)) == (a,)  # c is beaten by d


def test_what_is_kept_does_not_share_with_what_is_fresh() -> None:
    fresh, kept = path(B, attrs(1)), path(KEPT, attrs(2))
    assert shared_of(arrange([kept, fresh], 8)) == (fresh,)
    assert shared_of(arrange([kept], 8)) == (kept,)
