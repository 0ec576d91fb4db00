"""A default route of our own, for one neighbor."""

from dataclasses import replace

from bgpd.model import ExportRule
from bgpd.wire.family import IPV4
from tests.unit.speaker.helpers import LOCAL, Bench, Peer, prefix_of, spec_of

DEFAULT = b"\0"
GIVER, WANTS, OTHER = "192.168.1.11", "192.168.1.12", "192.168.1.13"


def bench_with(**more: object) -> tuple[Bench, Peer, Peer, Peer]:
    bench = Bench(
        spec_of(GIVER, 65001), spec_of(WANTS, 65002, default_originate=True, **more), spec_of(OTHER, 65003), fib=True
    )
    return bench, bench.establish(GIVER), bench.establish(WANTS), bench.establish(OTHER)


def test_it_is_told_to_one_neighbor_and_nobody_else() -> None:
    bench, _, wants, other = bench_with()
    assert wants.told()[DEFAULT].next_hop == LOCAL
    assert other.told() == {}
    assert bench.fib is not None
    assert bench.fib.wants == {}
    # and before End-of-RIB
    assert wants.updates()[0].batches
    assert [update.end_of_rib for update in wants.updates()].count(IPV4) == 1


def test_a_learned_default_route_does_not_mix_with_it() -> None:
    bench, giver, wants, other = bench_with()
    for hop in bench.fib.tracked if bench.fib is not None else []:
        bench.speaker.next_hop_moved(hop, True, 0, "")
    giver.announce("0.0.0.0/0", "10.0.0.0/8")
    bench.speaker.next_hop_moved(giver.address, True, 0, "on link")
    bench.turn()
    assert set(other.told()) == {DEFAULT, prefix_of("10.0.0.0/8")}
    assert set(wants.told()) == {DEFAULT, prefix_of("10.0.0.0/8")}
    assert wants.told()[DEFAULT].as_path_length == 1
    assert other.told()[DEFAULT].as_path_length == 2
    giver.withdraw("0.0.0.0/0")
    assert DEFAULT not in other.told()
    assert DEFAULT in wants.told()


def test_export_none_leaves_it_alone() -> None:
    _, giver, wants, _ = bench_with(export_rule=ExportRule.NONE)
    giver.announce("10.0.0.0/8")
    assert set(wants.told()) == {DEFAULT}


def test_no_stated_policy_is_no_policy() -> None:
    """RFC 8212."""
    _, _, wants, _ = bench_with(export_rule=ExportRule.UNSET)
    assert wants.told() == {}


def test_a_reload_turns_it_on_and_off() -> None:
    bench, giver, wants, other = bench_with()
    giver.announce("0.0.0.0/0")
    bench.speaker.next_hop_moved(giver.address, True, 0, "on link")
    bench.turn()
    spec = bench.speaker.spec
    swapped = tuple(replace(s, default_originate=s.name == OTHER) for s in spec.neighbors)
    bench.speaker.reconfigure(replace(spec, neighbors=swapped), bench.now)
    bench.turn()
    assert wants.told()[DEFAULT].as_path_length == 2  # now the learned one
    assert other.told()[DEFAULT].as_path_length == 1  # now ours
    giver.withdraw("0.0.0.0/0")
    assert DEFAULT not in wants.told()
    assert DEFAULT in other.told()
    bench.speaker.reconfigure(
        replace(spec, neighbors=tuple(replace(s, default_originate=False) for s in spec.neighbors)), bench.now
    )
    bench.turn()
    assert DEFAULT not in other.told()
    for neighbor in bench.speaker.neighbors.values():
        assert neighbor.ribs[IPV4].advertised == 0


def test_it_is_told_again_on_request() -> None:
    bench, _, wants, _ = bench_with()
    before = len(wants.updates())
    bench.speaker.tell_again(bench.speaker.neighbors[wants.address])
    bench.turn()
    again = [prefix for update in wants.updates()[before:] for batch in update.batches for prefix in batch.announced]
    assert again.count(DEFAULT) >= 1
