"""Limits of prefixes, in and out."""

from dataclasses import replace

import pytest

from bgpd.model import LimitAction
from bgpd.session.fsm import State
from tests.unit.speaker.helpers import Bench, Peer, prefix_of, spec_of

FIVE = [f"10.0.{number}.0/24" for number in range(5)]


def bench_with(**more: object) -> tuple[Bench, Peer]:
    bench = Bench(spec_of("192.168.1.11", 65001, **more))
    return bench, bench.establish("192.168.1.11")


def notification(peer: Peer) -> bytes:
    return next(message[19:] for message in peer.transport.messages() if message[18] == 3)


def test_one_too_many_ends_the_session_for_good() -> None:
    bench, peer = bench_with(max_prefix=4)
    peer.announce(*FIVE[:4])
    assert not peer.transport.closed
    peer.announce(FIVE[4])
    # RFC 4486 section 4: AFI, SAFI, the limit
    assert notification(peer) == bytes((6, 1)) + bytes((0, 1, 1)) + (4).to_bytes(4, "big")
    neighbor = bench.speaker.neighbors[peer.address]
    assert neighbor.state is State.IDLE
    assert neighbor.disabled == "it gave more than 4 ipv4 routes"
    bench.wait(10_000)
    assert neighbor.state is State.IDLE
    assert [event["setting"] for event in bench.events("prefix_limit")] == ["max-prefix=4"]
    dials = len(bench.dialer.dialed)
    neighbor.enable(bench.now)
    assert len(bench.dialer.dialed) == dials + 1


def test_replacing_and_withdrawing_count_nothing() -> None:
    _, peer = bench_with(max_prefix=4)
    for med in range(5):
        peer.announce(*FIVE[:4], med=med)
    peer.withdraw(FIVE[0])
    peer.announce(FIVE[4])
    assert not peer.transport.closed


def test_rejected_routes_count_too() -> None:
    _, peer = bench_with(max_prefix=1)
    peer.announce(FIVE[0], FIVE[1], next_hop=bytes((192, 168, 1, 10)))  # our own address: not let in
    assert peer.transport.closed


def test_a_warning_is_said_once_a_session() -> None:
    bench, peer = bench_with(max_prefix=1, max_prefix_action=LimitAction.WARN)
    peer.announce(*FIVE)
    peer.announce("10.1.0.0/24")
    assert not peer.transport.closed
    assert len(bench.events("prefix_limit")) == 1


def test_restart_comes_back_after_its_pause() -> None:
    bench, peer = bench_with(max_prefix=1, max_prefix_action=LimitAction.RESTART, max_prefix_restart=60.0)
    peer.announce(*FIVE)
    neighbor = bench.speaker.neighbors[peer.address]
    dials = len(bench.dialer.dialed)
    bench.wait(59)
    assert neighbor.state is State.IDLE
    bench.wait(2)
    assert not neighbor.disabled
    assert len(bench.dialer.dialed) == dials + 1


def test_another_limit_by_reload_lets_it_try_again() -> None:
    bench, peer = bench_with(max_prefix=1)
    peer.announce(*FIVE)
    spec = bench.speaker.spec
    bench.speaker.reconfigure(replace(spec, neighbors=(replace(spec.neighbors[0], max_prefix=100),)), bench.now)
    assert not bench.speaker.neighbors[peer.address].disabled


def test_a_lower_limit_by_reload_is_looked_at_now() -> None:
    bench, peer = bench_with()
    peer.announce(*FIVE)
    spec = bench.speaker.spec
    bench.speaker.reconfigure(replace(spec, neighbors=(replace(spec.neighbors[0], max_prefix=2),)), bench.now)
    assert peer.transport.closed


@pytest.mark.parametrize(("limit", "closed"), [(5, False), (4, True)])
def test_what_it_is_told(limit: int, closed: bool) -> None:
    bench = Bench(spec_of("192.168.1.11", 65001), spec_of("192.168.1.12", 65002, max_prefix_out=limit))
    giver, taker = bench.establish("192.168.1.11"), bench.establish("192.168.1.12")
    giver.announce(*FIVE)
    assert bool(taker.transport.closed) is closed
    assert set(taker.told()) == (set() if closed else {prefix_of(prefix) for prefix in FIVE})
    assert not giver.transport.closed
    if closed:
        assert notification(taker)[:2] == bytes((6, 2))
        assert b"more than 4 ipv4 routes" in notification(taker)


def pair(**more: object) -> tuple[Bench, Peer, Peer]:
    bench = Bench(spec_of("192.168.1.11", 65001), spec_of("192.168.1.12", 65002, **more))
    return bench, bench.establish("192.168.1.11"), bench.establish("192.168.1.12")


def test_the_route_beyond_is_never_told() -> None:
    """To a member that follows the log, to one that catches up, and among withdrawals."""
    bench, giver, taker = pair(max_prefix_out=3)
    for prefix in FIVE[:3]:
        giver.announce(prefix)
    giver.announce(*FIVE[:3], med=7)
    giver.withdraw(FIVE[0])
    giver.announce(FIVE[3])
    assert len(taker.told()) == 3
    giver.announce(FIVE[4])
    assert taker.transport.closed
    assert set(taker.told()) == {prefix_of(prefix) for prefix in FIVE[1:4]}
    bench.speaker.neighbors[taker.address].enable(bench.now)
    again = bench.establish("192.168.1.12")
    assert again.told() == {}
    assert again.transport.closed


def test_a_warning_about_what_it_is_told_keeps_nothing_back() -> None:
    bench, giver, taker = pair(max_prefix_out=3, max_prefix_action=LimitAction.WARN)
    giver.announce(*FIVE)
    assert len(taker.told()) == 5
    assert len(bench.events("prefix_limit")) == 1


def test_a_limit_for_what_it_is_told_comes_and_goes_with_a_reload() -> None:
    bench, giver, taker = pair()
    giver.announce(*FIVE[:3])
    spec = bench.speaker.spec
    for limit in (3, 0, 4):
        changed = replace(spec.neighbors[1], max_prefix_out=limit)
        bench.speaker.reconfigure(replace(spec, neighbors=(spec.neighbors[0], changed)), bench.now)
        bench.turn()
    assert not taker.transport.closed
    giver.announce(FIVE[3])
    assert len(taker.told()) == 4
    giver.announce(FIVE[4])
    assert taker.transport.closed
    assert len(taker.told()) == 4


def test_a_default_route_of_its_own_counts() -> None:
    _, giver, taker = pair(max_prefix_out=3, default_originate=True)
    giver.announce(*FIVE[:2])
    assert len(taker.told()) == 3
    giver.announce(FIVE[2])
    assert taker.transport.closed
    assert len(taker.told()) == 3
