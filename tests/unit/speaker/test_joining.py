"""Sessions into groups, and other rules."""

from dataclasses import replace

import pytest

from bgpd.model import ExportRule, ImportRule, Originate
from bgpd.wire.family import IPV4
from bgpd.wire.iana import GRACEFUL_SHUTDOWN
from tests.unit.speaker.helpers import Bench, prefix_of, spec_of

A, B = "192.168.1.11", "192.168.1.12"


def test_reload_of_policy_keeps_the_session() -> None:
    bench = Bench(spec_of(A), spec_of(B, 65001))
    a, b = bench.establish(A), bench.establish(B)
    a.announce("10.244.2.0/24")
    b.announce("172.20.0.0/16")
    old = bench.speaker.spec
    changed = spec_of(B, 65001, import_rule=ImportRule.NONE, export_rule=ExportRule.OWN)
    bench.speaker.reconfigure(replace(old, neighbors=(old.neighbors[0], changed)), bench.now)
    bench.turn()
    assert b.told() == {}
    assert bench.speaker.tables[IPV4].rib.best(prefix_of("172.20.0.0/16")) is None
    bench.speaker.reconfigure(old, bench.now)
    bench.turn()
    assert set(b.told()) == {prefix_of("10.244.2.0/24")}
    assert bench.speaker.tables[IPV4].rib.best(prefix_of("172.20.0.0/16")) is not None
    assert not b.transport.closed


def test_drain_and_undrain_keep_the_session() -> None:
    own = (Originate(family=IPV4, prefix=prefix_of("10.244.1.0/24")),)
    bench = Bench(spec_of("192.168.1.11"), spec_of("192.168.1.12", 65001), originate=own)
    inside, outside = bench.establish("192.168.1.11"), bench.establish("192.168.1.12")
    assert bench.speaker.drain(on=True) == 2
    bench.turn()
    for peer in (inside, outside):
        assert peer.told()[own[0].prefix].communities() == [GRACEFUL_SHUTDOWN]
    assert inside.told()[own[0].prefix].local_pref == 0
    bench.speaker.drain(on=False)
    bench.turn()
    for peer in (inside, outside):
        assert peer.told()[own[0].prefix].communities() == []
        assert not peer.transport.closed
    assert bench.events("drain")
    assert bench.events("undrain")


def test_neighbors_that_are_told_the_same_share_a_group() -> None:
    bench = Bench(spec_of(A), spec_of(B))
    a, b = bench.establish(A), bench.establish(B)
    groups = [bench.speaker.neighbors[peer.address].ribs[IPV4].group for peer in (a, b)]
    assert groups[0] is groups[1]
    a.close()
    b.close()
    assert not bench.speaker.tables[IPV4].groups


def test_a_session_without_an_address_of_a_family_says_so() -> None:
    bench = Bench(spec_of(A))
    bench.establish(A)  # its transport has an IPv4 address only
    (line,) = bench.events("no_next_hop")
    assert line["family"] == "ipv6"


def test_the_configuration_says_goodbye_to_everybody_and_takes_it_back() -> None:
    own = (Originate(family=IPV4, prefix=prefix_of("10.244.1.0/24")),)
    bench = Bench(spec_of(A), originate=own, graceful_shutdown=True)
    a = bench.establish(A)
    assert a.told()[own[0].prefix].communities() == [GRACEFUL_SHUTDOWN]
    assert bench.speaker.draining
    with pytest.raises(ValueError, match="graceful-shutdown is set in the configuration"):
        bench.speaker.drain(on=False)
    for wanted in (False, True, False):
        bench.speaker.reconfigure(replace(bench.speaker.spec, graceful_shutdown=wanted), bench.now)
        bench.turn()
        assert bool(a.told()[own[0].prefix].communities()) == wanted == bench.speaker.draining
    assert not a.transport.closed
