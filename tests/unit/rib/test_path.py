from bgpd.policy.reasons import Reason
from bgpd.rib.nexthop import NextHop
from bgpd.rib.path import Path, Source, best_of, path_from, paths_of, same_route, shared_of
from bgpd.wire.family import IPV4
from tests.unit.rib.helpers import REACHABLE, attrs, path, source


def rank(**words: object) -> int:
    return path(source(), attrs(1, **words)).rank  # type: ignore[arg-type]


def test_rank_orders_by_preference_then_length_then_origin() -> None:
    assert rank(local_pref=200) < rank(local_pref=100) < rank(local_pref=0)
    assert rank(local_pref=0xFFFFFFFF) < rank(local_pref=0xFFFFFFFE)
    assert rank() == rank(local_pref=100)
    shorter, longer = path(source(), attrs(1)), path(source(), attrs(1, 2))
    assert shorter.rank < longer.rank < rank(local_pref=99)
    assert rank(origin=0) < rank(origin=1) < rank(origin=2) < longer.rank


def test_rank_of_our_own_beats_all() -> None:
    own = path(source("local", local=True), attrs(local_pref=0, origin=2))
    assert own.rank < rank(local_pref=0xFFFFFFFF)


def test_an_endless_as_path_does_not_spill_into_the_preference() -> None:
    long = path(source(), attrs(*range(1, 201)))
    assert long.rank < rank(local_pref=99)
    assert long.rank > path(source(), attrs(*range(1, 200))).rank


def test_missing_med_is_the_lowest() -> None:
    assert path(source(), attrs(1)).med == path(source(), attrs(1, med=0)).med == 0


def test_tail_is_router_id_then_cluster_list_then_address() -> None:
    low, high = source(router_id=1, address=9, external=False), source(router_id=2, address=1, external=False)
    assert path(low).tail < path(high).tail
    twin = source("b", router_id=1, address=10, external=False)
    assert path(low).tail < path(twin).tail
    assert path(low, attrs(1, others={10: b"\0\0\0\1"})).tail > path(twin).tail
    originated = attrs(1, others={9: b"\0\0\0\3"})
    assert path(low, originated).tail > path(high).tail
    assert path(source(router_id=1), originated).tail < path(high).tail  # means nothing from an external neighbor


def test_eligible() -> None:
    giver = source()
    assert path(giver).eligible()
    assert not path(giver, reason=Reason.AS_LOOP).eligible()
    hop = NextHop(b"\1\1\1\1", reachable=False, cost=0, reason="no route")
    lost = path(giver, next_hop=hop)
    assert not lost.eligible()
    hop.reachable = True
    assert lost.eligible()
    giver.down = True
    assert not lost.eligible()


def test_same_route() -> None:
    giver = source()
    one = path(giver, attrs(1))
    assert same_route(one, one)
    assert same_route(None, None)
    assert not same_route(one, None)
    assert not same_route(None, one)
    assert same_route(one, path(source(generation=1), attrs(1)))  # equal bytes in another object
    assert not same_route(one, path(source(generation=1, router_id=9, address=1), attrs(1)))  # ORIGINATOR_ID
    client = Source("a", IPV4, external=True, router_id=giver.router_id, address=giver.address, cluster=b"\0\0\0\7")
    assert not same_route(one, path(client, attrs(1)))  # CLUSTER_LIST
    assert not same_route(one, path(giver, attrs(2)))
    assert not same_route(one, path(source("b"), attrs(1)))
    other = NextHop(REACHABLE.address, reachable=True, cost=0, reason="")
    assert not same_route(one, path(giver, attrs(1), next_hop=other))
    rejected = path(giver, attrs(1), reason=Reason.AS_LOOP)
    assert not same_route(one, rejected)
    assert same_route(rejected, path(giver, attrs(2), reason=Reason.FIRST_AS))


def test_entries() -> None:
    a, b, c = (path(source(name)) for name in "abc")
    assert (best_of(None), shared_of(None), paths_of(None), path_from(None, "a")) == (None, (), (), None)
    assert (best_of(a), shared_of(a), paths_of(a)) == (a, (a,), (a,))
    assert path_from(a, "a") is a
    assert path_from(a, "b") is None
    entry: tuple[Path | None, ...] = (a, b, None, c)
    assert (best_of(entry), shared_of(entry), paths_of(entry)) == (a, (a, b), (a, b, c))
    assert path_from(entry, "c") is c
    assert path_from(entry, "d") is None
    assert shared_of((a, b)) == (a, b)
    assert (best_of((None, a)), shared_of((None, a)), paths_of((None, a))) == (None, (), (a,))


def test_repr_names_the_neighbor() -> None:
    assert "Source(a, ipv4, generation 0)" in repr(source())
    assert "Path(a" in repr(path(source()))
