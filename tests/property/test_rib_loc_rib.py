"""The loc-rib against a naive model that keeps every candidate in a flat dict and selects from scratch."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bgpd.policy.reasons import Reason
from bgpd.rib.decision import arrange
from bgpd.rib.loc_rib import Change, Interest, LocRib
from bgpd.rib.nexthop import NextHop
from bgpd.rib.path import Entry, Path, Source, paths_of, same_route, shared_of
from bgpd.wire.family import IPV4
from tests.unit.rib.helpers import attrs, blocks, path, source

PREFIXES = blocks(6)
NAMES = ("a", "b", "c", "d")

specs = st.tuples(
    st.lists(st.integers(1, 3), min_size=1, max_size=3),  # AS path
    st.sampled_from([-1, 100, 200]),  # local preference
    st.sampled_from([0, 0, 2]),  # origin
    st.sampled_from([-1, 0, 1, 2]),  # MED
    st.integers(0, 2),  # which next hop
    st.booleans(),  # rejected?
)
prefix_lists = st.lists(st.sampled_from(PREFIXES), max_size=6)
steps = st.one_of(
    st.tuples(st.just("update"), st.sampled_from(NAMES), prefix_lists, prefix_lists, specs),
    st.tuples(st.just("drop"), st.sampled_from(NAMES)),
    st.tuples(st.just("renew"), st.sampled_from(NAMES)),
    st.tuples(st.just("sweep"), st.sampled_from(NAMES)),
    st.tuples(st.just("hop"), st.integers(0, 2), st.booleans(), st.integers(0, 2)),
)


def naive_best(paths: list[Path]) -> Path | None:
    """RFC 4271 section 9.1.2.2, word by word."""
    live = [p for p in paths if p.attrs is not None and p.next_hop.reachable and not p.source.down]
    if not live:
        return None

    def keep(worth: list[int]) -> list[Path]:
        return [p for p, w in zip(live, worth, strict=True) if w == min(worth)]

    def of(p: Path) -> int:
        return p.attrs_in.local_pref if p.attrs_in.local_pref >= 0 else 100

    live = keep([-of(p) for p in live])
    live = keep([p.attrs_in.as_path_length for p in live])
    live = keep([p.attrs_in.origin for p in live])
    live = [
        p
        for p in live
        if not [
            q
            for q in live
            if q.attrs_in.neighbor_as == p.attrs_in.neighbor_as and max(q.attrs_in.med, 0) < max(p.attrs_in.med, 0)
        ]
    ]
    live = keep([not p.source.external for p in live])
    live = keep([p.next_hop.cost for p in live])
    live = keep([int.from_bytes(p.source.router_id, "big") for p in live])
    live = keep([int.from_bytes(p.source.address, "big") for p in live])
    assert len(live) == 1
    return live[0]


class Both:
    """The loc-rib and its model; a subscriber that lives of changes alone."""

    def __init__(self, multipath: int) -> None:
        self.rib = LocRib(IPV4, multipath, Interest.MULTIPATH)
        self.model: dict[tuple[bytes, str], Path] = {}
        self.seen: dict[bytes, Entry | None] = {}
        self.hops = [NextHop(bytes((192, 0, 2, i)), reachable=True, cost=0, reason="") for i in range(3)]
        self.generation = 0
        self.givers = {name: self.giver(name) for name in NAMES}

    def giver(self, name: str) -> Source:
        """b shares a's router id; c and d are internal."""
        number = NAMES.index(name) + 1
        return source(name, generation=self.generation, external=name in "ab", router_id=max(number, 2), address=number)

    def take(self, changes: list[Change]) -> None:
        for change in changes:
            assert change.prefixes
            for prefix in change.prefixes:
                told = self.seen.get(prefix)
                assert [same_route(x, y) for x, y in zip(shared_of(told), shared_of(change.old), strict=True)] == [
                    True
                ] * len(shared_of(told))
                self.seen[prefix] = change.new

    def check(self) -> None:
        for prefix in PREFIXES:
            mine = [p for (where, _), p in self.model.items() if where == prefix]
            found = self.rib.candidates(prefix)
            assert sorted(map(id, found)) == sorted(map(id, mine))
            assert self.rib.best(prefix) is naive_best(mine)
            left = list(mine)
            for candidate in [p for p in found if p.eligible()][: len(mine)]:
                assert candidate in left
            if len(self.rib.shared(prefix)) <= 1:  # the order is selection repeated
                for candidate in [p for p in found if p.eligible()]:
                    assert naive_best(left) is candidate
                    left.remove(candidate)
            seen = shared_of(self.seen.get(prefix))
            assert len(seen) == len(self.rib.shared(prefix))
            for x, y in zip(seen, self.rib.shared(prefix), strict=True):
                assert same_route(x, y)
        assert self.rib.paths == len(self.model)
        for name, giver in self.givers.items():
            mine = [p for p in self.model.values() if p.source is giver]
            assert (giver.received, giver.accepted) == (len(mine), len([p for p in mine if p.attrs is not None]))
            assert dict(self.rib.received(name)) == {where: p for (where, who), p in self.model.items() if who == name}


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=30), st.integers(1, 3))
def test_loc_rib_is_the_model(script: list[tuple[object, ...]], multipath: int) -> None:
    both = Both(multipath)
    rib, model = both.rib, both.model
    for step in script:
        match step:
            case ("update", str(name), list(withdrawn), list(announced), tuple(spec)):
                asns, preference, origin, med, hop, rejected = spec
                giver = both.givers[name]
                made = path(
                    giver,
                    attrs(*asns, local_pref=preference, origin=origin, med=med),
                    next_hop=both.hops[hop],
                    reason=Reason.AS_LOOP if rejected else None,
                )
                both.take(rib.apply(giver, withdrawn, announced, made))
                for prefix in withdrawn:
                    model.pop((prefix, name), None)
                for prefix in announced:
                    # an equal path of the same source may stay in the place of the new one, only by identity
                    model[prefix, name] = made
            case ("drop", str(name)):
                giver = both.givers[name]
                for changes in rib.drop(giver, 2):
                    both.take(changes)
                for key in [key for key, p in model.items() if p.source is giver]:
                    del model[key]
                both.generation += 1
                both.givers[name] = both.giver(name)
            case ("renew", str(name)):
                both.generation += 1
                both.givers[name] = both.giver(name)
            case ("sweep", str(name)):
                newest = both.givers[name].generation
                for changes in rib.sweep_stale(name, newest, 2):
                    both.take(changes)
                for key in [key for key, p in model.items() if key[1] == name and p.source.generation < newest]:
                    del model[key]
            case ("hop", int(which), bool(reachable), int(cost)):
                hop = both.hops[which]
                hop.reachable, hop.cost = reachable, cost
                for changes in rib.reselect(hop, 2):
                    both.take(changes)
        both.check()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), specs), min_size=1, max_size=4, unique_by=lambda x: x[0]), st.data())
def test_the_decision_does_not_depend_on_arrival(
    given_: list[tuple[str, tuple[list[int], int, int, int, int, bool]]], data: st.DataObject
) -> None:
    both = Both(4)
    made = []
    for name, spec in given_:
        asns, preference, origin, med, hop, rejected = spec
        made.append(
            path(
                both.givers[name],
                attrs(*asns, local_pref=preference, origin=origin, med=med),
                next_hop=both.hops[hop],
                reason=Reason.AS_LOOP if rejected else None,
            )
        )
    for i, next_hop in enumerate(both.hops):
        next_hop.cost = i
    multipath = data.draw(st.integers(1, 4))
    first = arrange(list(made), multipath)
    assert arrange(data.draw(st.permutations(made)), multipath) == first
    assert set(paths_of(first)) == set(made)
