from bgpd.policy.reasons import Reason
from bgpd.rib.intern import Sweep, Threshold
from bgpd.rib.loc_rib import LocRib
from bgpd.rib.nexthop import NOWHERE, NextHopTable
from bgpd.rib.path import Path, Source
from bgpd.wire.attrs import Attrs, AttrsTable
from bgpd.wire.capability import Negotiated
from bgpd.wire.family import IPV4
from bgpd.wire.update import decode_update
from bgpd.wire.writer import encode_updates
from tests.unit.rib.helpers import attrs, blocks, source

SESSION = Negotiated(local_asn=64512, remote_asn=65001)


class World:
    """The little that a speaker does around the tables."""

    def __init__(self) -> None:
        self.attrs = AttrsTable()
        self.hops = NextHopTable(resolved=True)
        self.rib = LocRib(IPV4, 4)
        self.givers = [source("a"), source("b", router_id=2)]

    def give(self, giver: Source, given: Attrs, prefixes: list[bytes], reason: Reason | None = None) -> Path:
        [frame] = encode_updates(IPV4, given, prefixes, SESSION)
        [batch] = decode_update(frame, SESSION, self.attrs).batches
        assert batch.attrs is not None
        path = giver.paths.get(batch.attrs)
        if path is None:
            hop = NOWHERE if reason is not None else self.hops.get(batch.attrs.next_hop)
            path = Path(giver, batch.attrs, None if reason is not None else batch.attrs, hop, 0.0, reason)
            giver.paths[batch.attrs] = path
        self.rib.apply(giver, [], batch.announced, path)
        return path

    def sweep(self) -> Sweep:
        return Sweep(self.attrs, [self.rib], self.givers, self.hops)


def finish(sweep: Sweep) -> Sweep:
    for _ in sweep.run(2):
        pass
    return sweep


def test_what_is_used_stays_and_the_rest_goes() -> None:
    world = World()
    a, b = world.givers
    prefixes = blocks(6)
    old = world.give(a, attrs(65001, 1, next_hop=b"\1\1\1\1"), prefixes)
    new = world.give(a, attrs(65001, 2, next_hop=b"\1\1\1\2"), prefixes)
    other = world.give(b, attrs(65001, 3, next_hop=b"\1\1\1\3"), prefixes[:1])
    refused = world.give(b, attrs(65001, 4, next_hop=b"\1\1\1\4"), prefixes[1:2], Reason.AS_LOOP)
    sweep = finish(world.sweep())
    assert sweep.paths == 1
    assert sweep.keys == 1
    assert sweep.unused == [b"\1\1\1\1"]
    assert list(a.paths.values()) == [new]
    assert set(b.paths.values()) == {other, refused}
    assert len(world.attrs) == 3
    assert old.attrs_in not in world.attrs.classic[SESSION.flavor].values()
    assert finish(world.sweep()).paths == 0


def test_what_is_used_again_meanwhile_stays() -> None:
    """A path that nothing referred to when the walk began, hit by the memory of its source while it is under way."""
    world = World()
    a, _ = world.givers
    prefixes = blocks(8)
    first = world.give(a, attrs(65001, 1, next_hop=b"\1\1\1\1"), prefixes)
    world.give(a, attrs(65001, 2, next_hop=b"\1\1\1\2"), prefixes)
    sweep = world.sweep()
    steps = sweep.run(2)
    next(steps)
    next(steps)
    assert world.give(a, attrs(65001, 1, next_hop=b"\1\1\1\1"), prefixes[:1]) is first
    fresh = world.give(a, attrs(65001, 9, next_hop=b"\1\1\1\7"), blocks(1, 100))
    for _ in steps:
        pass
    assert sweep.unused == []
    assert first in a.paths.values()
    assert fresh in a.paths.values()
    assert b"\1\1\1\1" in world.hops
    assert b"\1\1\1\7" in world.hops


def test_many_churns_leave_the_tables_flat() -> None:
    world = World()
    a, b = world.givers
    prefixes = blocks(40)
    sizes = []
    for turn in range(30):
        for i, prefix in enumerate(prefixes):
            world.give(a, attrs(65001, 1 + turn, 1 + i, next_hop=bytes((1, 1, turn, 1))), [prefix])
            world.give(b, attrs(65001, 1 + turn, next_hop=bytes((1, 1, turn, 2))), [prefix])
        finish(world.sweep())
        sizes.append((len(world.attrs), len(a.paths), len(b.paths), len(world.hops)))
    assert set(sizes) == {(41, 40, 1, 2)}


def test_threshold() -> None:
    threshold = Threshold(10)
    assert not threshold.due(10)
    assert threshold.due(11)
    threshold.survived(8, 10)
    assert not threshold.due(16)
    assert threshold.due(17)
    threshold.survived(1, 10)
    assert not threshold.due(10)


def test_a_next_hop_that_only_the_table_uses_stays() -> None:
    """A new policy has cleared the memory of the source; an old path is put back into the table behind the walk."""
    world = World()
    a, _ = world.givers
    prefixes = blocks(8)
    first = world.give(a, attrs(65001, 1, next_hop=b"\1\1\1\1"), prefixes)
    world.give(a, attrs(65001, 2, next_hop=b"\1\1\1\2"), prefixes)
    a.paths.clear()
    sweep = world.sweep()
    steps = sweep.run(4)
    next(steps)
    next(steps)
    world.rib.apply(a, [], prefixes[:1], first)
    for _ in steps:
        pass
    assert sweep.unused == []


def test_next_hops_go_in_the_very_last_step() -> None:
    """Whoever asks for one before gets it back with the sweep over; whoever asks later gets a new one to track."""
    world = World()
    a, _ = world.givers
    world.give(a, attrs(65001, 1, next_hop=b"\1\1\1\1"), blocks(4))
    world.rib.apply(a, blocks(4), [], None)
    sweep = world.sweep()
    steps = 0
    for _ in sweep.run(2):
        steps += 1
        assert b"\1\1\1\1" in world.hops
    assert steps > 0
    assert sweep.unused == [b"\1\1\1\1"]
    assert b"\1\1\1\1" not in world.hops
