"""Who the neighbors are."""

from dataclasses import replace

from bgpd.wire.iana import Cease
from bgpd.wire.prefix import parse_address
from tests.unit.speaker.helpers import Bench, FakeTransport, Peer, spec_of

A, B = "192.168.1.11", "192.168.1.12"


def test_every_neighbor_is_dialed_and_a_passive_one_is_not() -> None:
    bench = Bench(spec_of(A), spec_of(B, passive=True))
    assert bench.dialer.dialed == [parse_address(A)]


def test_a_stranger_is_not_expected() -> None:
    bench = Bench(spec_of(A))
    assert not bench.speaker.expects(parse_address("192.168.1.99"))
    assert bench.speaker.refused == 1


def test_reload_adds_a_neighbor_and_flaps_no_other() -> None:
    bench = Bench(spec_of(A))
    a = bench.establish(A)
    old = bench.speaker.spec
    steps = bench.speaker.reconfigure(replace(old, neighbors=(*old.neighbors, spec_of(B))), bench.now)
    assert len(steps) == 1
    assert not a.transport.closed
    assert parse_address(B) in bench.dialer.dialed
    bench.speaker.reconfigure(replace(old, neighbors=(spec_of(B),)), bench.now)
    assert a.transport.closed
    assert a.transport.messages()[-1][18:21] == bytes((3, 6, Cease.PEER_DECONFIGURED))


def test_reload_of_the_as_resets_that_session() -> None:
    bench = Bench(spec_of(A), spec_of(B, 65001))
    a, b = bench.establish(A), bench.establish(B)
    old = bench.speaker.spec
    bench.speaker.reconfigure(replace(old, neighbors=(old.neighbors[0], spec_of(B, 65002))), bench.now)
    assert b.transport.closed
    assert b.transport.messages()[-1][18:21] == bytes((3, 6, Cease.OTHER_CONFIGURATION_CHANGE))
    assert not a.transport.closed
    again = Peer(bench, B)
    again.open()
    again.keepalive()
    assert bench.speaker.neighbors[again.address].live is not None


def test_a_connection_of_nobody_is_closed() -> None:
    bench = Bench(spec_of(A))
    stranger = FakeTransport(parse_address("192.168.1.99"), dialed=False)
    bench.speaker.tcp_up(stranger, bench.now)
    assert stranger.closed
    assert bench.speaker.refused == 1


def test_a_large_reload_is_taken_in_turns_and_another_one_is_not_mixed_with_it() -> None:
    bench = Bench(spec_of(A))
    a = bench.establish(A)
    old = bench.speaker.spec
    many = tuple(spec_of(f"10.9.{n // 200}.{1 + n % 200}") for n in range(1000))
    steps = bench.speaker.reconfigure(replace(old, neighbors=(*old.neighbors, *many)), bench.now)
    assert len(steps) == 1000
    some = len(bench.speaker.neighbors)
    assert 1 < some < 100
    assert bench.speaker.run(bench.now, lambda: False)
    assert some < len(bench.speaker.neighbors) < 200
    bench.speaker.reconfigure(replace(old, neighbors=(*old.neighbors, *many[:500])), bench.now)
    while bench.speaker.run(bench.now, lambda: True):
        pass
    assert {n.spec.address for n in bench.speaker.neighbors.values()} == {
        s.address for s in (*old.neighbors, *many[:500])
    }
    assert len(bench.dialer.dialed) >= 501
    assert not a.transport.closed
