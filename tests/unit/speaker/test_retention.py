"""The helper: routes that outlive their session, and what ends that."""

from dataclasses import replace

from bgpd.model import GracefulRestart, ImportRule
from bgpd.rib.path import Path
from bgpd.wire.capability import Capability, make_open
from bgpd.wire.family import FAMILIES, IPV4
from bgpd.wire.iana import LLGR_STALE, NO_LLGR, CapabilityCode, Cease
from bgpd.wire.writer import encode_notification, encode_open
from tests.unit.speaker.helpers import Bench, Peer, prefix_of, spec_of

PEER = "192.168.1.11"
OTHER = "192.168.1.12"
GRACEFUL = "407800010180"  # N, 120 s; IPv4, forwarded
LONG = "00010180000064"  # IPv4, forwarded, 100 s
NET, NET2 = "10.244.1.0/24", "10.244.2.0/24"


def establish(
    bench: Bench, address: str, *, graceful: str = "407800010180", long_lived: str | None = None, dialed: bool = True
) -> Peer:
    """A session with a peer whose OPEN has these values for graceful restart; "" for none."""
    peer = Peer(bench, address, dialed=dialed)
    more = [Capability(CapabilityCode.GRACEFUL_RESTART, bytes.fromhex(graceful))] if graceful else []
    if long_lived is not None:
        more.append(Capability(CapabilityCode.LONG_LIVED_GRACEFUL_RESTART, bytes.fromhex(long_lived)))
    peer.send(encode_open(make_open(peer.asn, peer.address, 90, FAMILIES, more=tuple(more))))
    peer.keepalive()
    bench.turn()
    assert bench.speaker.neighbors[peer.address].live is not None
    return peer


def held(bench: Bench, prefix: str = NET) -> Path | None:
    return bench.speaker.tables[IPV4].rib.best(prefix_of(prefix))


def back(bench: Bench, address: str = PEER, graceful: str = GRACEFUL, long_lived: str | None = None) -> Peer:
    """The peer dials again."""
    return establish(bench, address, graceful=graceful, long_lived=long_lived, dialed=False)


def bench_with_routes(graceful: str = GRACEFUL, long_lived: str | None = None) -> tuple[Bench, Peer]:
    bench = Bench(spec_of(PEER), spec_of(OTHER, 65001), fib=True)
    assert bench.fib is not None
    peer = establish(bench, PEER, graceful=graceful, long_lived=long_lived)
    bench.speaker.next_hop_moved(peer.address, True, 0, "on link")
    peer.announce(NET, NET2)
    bench.speaker.next_hop_moved(peer.address, True, 0, "on link")
    bench.turn()
    return bench, peer


def pass_time(bench: Bench, seconds: int, *alive: Peer) -> None:
    """Time passes, and these peers send KEEPALIVEs."""
    for _ in range(0, seconds, 10):
        bench.wait(10)
        for peer in alive:
            peer.keepalive()


def test_a_peer_that_asked_for_nothing_takes_its_routes_along() -> None:
    bench, peer = bench_with_routes(graceful="")
    peer.close()
    assert held(bench) is None


def test_a_lost_session_leaves_its_routes_in_the_fib_and_at_others() -> None:
    bench, peer = bench_with_routes()
    other = establish(bench, OTHER)
    assert prefix_of(NET) in other.told()
    peer.close()
    path = held(bench)
    assert path is not None
    assert path.source.stale
    assert prefix_of(NET) in other.told()
    assert bench.fib is not None
    assert bench.fib.wants[IPV4, prefix_of(NET)] == (peer.address,)
    assert [e["routes"] for e in bench.events("routes_kept")] == [2]


def test_the_restart_time_ends_it() -> None:
    bench, peer = bench_with_routes()
    peer.close()
    bench.wait(119)
    assert held(bench) is not None
    bench.wait(2)
    assert held(bench) is None
    assert bench.fib is not None
    assert bench.fib.wants[IPV4, prefix_of(NET)] is None
    assert bench.events("routes_dropped")


def test_a_peer_that_is_back_keeps_what_it_repeats_and_loses_the_rest_at_end_of_rib() -> None:
    bench, peer = bench_with_routes()
    other = establish(bench, OTHER)
    peer.close()
    before = len(other.updates())
    again = back(bench)
    again.announce(NET)
    assert held(bench, NET2) is not None
    pass_time(bench, 130, again, other)  # the restart time counts no more
    assert held(bench, NET2) is not None
    again.end_of_rib()
    assert held(bench, NET2) is None
    path = held(bench)
    assert path is not None
    assert not path.source.stale
    told = other.updates()[before:]
    assert [batch.withdrawn for update in told for batch in update.batches] == [[prefix_of(NET2)]], "nothing flapped"


def test_a_peer_that_never_says_end_of_rib_has_its_stale_routes_for_a_while_only() -> None:
    bench, peer = bench_with_routes()
    peer.close()
    again = back(bench)
    pass_time(bench, 370, again)
    assert held(bench) is None


def test_a_peer_that_did_not_forward_loses_its_stale_routes_at_once() -> None:
    bench, peer = bench_with_routes()
    peer.close()
    back(bench, graceful="407800010100")
    assert held(bench) is None


def test_a_second_loss_deletes_what_is_stale_already() -> None:
    bench, peer = bench_with_routes()
    peer.close()
    again = back(bench)
    again.announce(NET)
    again.close()
    assert held(bench) is not None
    assert held(bench, NET2) is None


def test_a_notification_keeps_routes_only_with_the_n_bit_and_no_hard_reset() -> None:
    for graceful, subcode, kept in (("4078", 4, True), ("4078", 9, False), ("0078", 4, False)):
        bench, peer = bench_with_routes(graceful=graceful + "00010180")
        peer.send(encode_notification(6, subcode, b""))
        bench.turn()
        assert (held(bench) is not None) is kept, (graceful, subcode)


def test_our_own_goodbye_is_a_hard_reset_and_takes_the_routes_along() -> None:
    bench, peer = bench_with_routes()
    bench.speaker.neighbors[peer.address].stop(bench.now, Cease.ADMINISTRATIVE_SHUTDOWN, "bye")
    bench.turn()
    assert held(bench) is None
    assert peer.transport.messages()[-1][19:] == b"\x06\x09" + b"\x06\x02" + b"\x03bye"


def test_a_neighbor_that_is_stopped_while_it_is_away_leaves_nothing() -> None:
    bench, peer = bench_with_routes()
    peer.close()
    bench.speaker.neighbors[peer.address].stop(bench.now, Cease.ADMINISTRATIVE_SHUTDOWN)
    bench.turn()
    assert held(bench) is None


def test_off_helps_nobody() -> None:
    bench = Bench(spec_of(PEER, graceful_restart=GracefulRestart.OFF))
    peer = establish(bench, PEER)
    peer.announce(NET)
    peer.close()
    assert held(bench) is None


def test_a_session_opened_anew_takes_the_place_of_the_one_that_the_peer_forgot() -> None:
    for dialed in (True, False):
        bench = Bench(spec_of(PEER))
        first = establish(bench, PEER, dialed=dialed)
        first.announce(NET)
        Peer(bench, PEER, dialed=False)  # it was dialed before the session stood: no restart
        bench.wait(20)
        assert not first.transport.closed
        again = back(bench)
        assert first.transport.closed
        assert held(bench) is not None
        live = bench.speaker.neighbors[again.address].live
        assert live is not None
        assert live.transport is not None
        assert live.transport.local_port == again.transport.local_port == 179
        assert not again.transport.closed
        again.announce(NET)
        again.end_of_rib()
        assert held(bench) is not None


def test_a_connection_beside_an_established_one_that_says_nothing_changes_nothing() -> None:
    bench = Bench(spec_of(PEER))
    first = establish(bench, PEER)
    first.announce(NET)
    bench.wait(20)
    second = Peer(bench, PEER, dialed=False)
    bench.turn()
    second.close()
    assert not first.transport.closed
    assert held(bench) is not None


def test_long_lived_routes_are_the_last_resort_and_marked() -> None:
    bench, peer = bench_with_routes(long_lived=LONG)
    aware = establish(bench, OTHER, long_lived="")
    peer.announce(NET2, communities=[NO_LLGR])
    peer.close()
    pass_time(bench, 110, aware)
    assert LLGR_STALE not in aware.told()[prefix_of(NET)].communities()
    pass_time(bench, 20, aware)
    path = held(bench)
    assert path is not None
    assert path.last_resort()
    assert LLGR_STALE in aware.told()[prefix_of(NET)].communities()
    assert held(bench, NET2) is None, "NO_LLGR"
    pass_time(bench, 80, aware)
    assert held(bench) is not None
    pass_time(bench, 20, aware)
    assert held(bench) is None
    assert aware.told() == {}


def test_long_lived_routes_are_not_for_those_who_do_not_know_them() -> None:
    bench, peer = bench_with_routes(long_lived=LONG, graceful="400000010180")
    plain = establish(bench, OTHER)
    assert prefix_of(NET) in plain.told()
    peer.close()
    bench.turn()
    assert held(bench) is not None
    assert plain.told() == {}


def test_anything_fresh_beats_the_last_resort() -> None:
    bench = Bench(spec_of(PEER), spec_of(OTHER))
    peer = establish(bench, PEER, graceful="400000010180", long_lived=LONG)
    peer.announce(NET, local_pref=500)
    other = establish(bench, OTHER)
    other.announce(NET, local_pref=1)
    best = held(bench)
    assert best is not None
    assert best.source.address == peer.address
    peer.close()
    best = held(bench)
    assert best is not None
    assert best.source.address == other.address
    again = back(bench, graceful="400000010180", long_lived=LONG)
    again.announce(NET, local_pref=500)
    again.end_of_rib()
    best = held(bench)
    assert best is not None
    assert best.source.address == peer.address


def test_a_route_that_somebody_else_keeps_for_long_is_the_last_resort_here_too() -> None:
    bench = Bench(spec_of(PEER), spec_of(OTHER))
    one, two = establish(bench, PEER), establish(bench, OTHER)
    one.announce(NET, local_pref=500, communities=[LLGR_STALE])
    two.announce(NET, local_pref=1)
    best = held(bench)
    assert best is not None
    assert best.source.address == two.address


def rules(bench: Bench, **more: object) -> None:
    """Another configuration of the peer, as a reload brings it."""
    spec = bench.speaker.spec
    changed = tuple(replace(n, **more) if n.name == PEER else n for n in spec.neighbors)  # type: ignore[arg-type]
    bench.speaker.reconfigure(replace(spec, neighbors=changed), bench.now)
    bench.turn()


def test_the_long_wait_has_a_limit_of_our_own() -> None:
    bench, peer = bench_with_routes(long_lived="00010180ffffff")  # 194 days
    rules(bench, long_lived_stale_limit=30)
    peer.close()
    bench.wait(121)
    path = held(bench)
    assert path is not None
    assert path.source.last_resort
    bench.wait(28)
    assert held(bench) is not None
    bench.wait(2)
    assert held(bench) is None


def test_no_long_wait_at_all() -> None:
    bench, peer = bench_with_routes(long_lived=LONG)
    rules(bench, long_lived_stale_limit=0)
    peer.close()
    bench.wait(121)
    assert held(bench) is None


def test_other_rules_judge_what_is_kept() -> None:
    bench, peer = bench_with_routes()
    peer.close()
    rules(bench, import_rule=ImportRule.NONE)
    assert held(bench) is None, "not eligible any more"
    assert len(bench.speaker.tables[IPV4].rib.candidates(prefix_of(NET))) == 1, "and still there"
    rules(bench, import_rule=ImportRule.ALL)
    path = held(bench)
    assert path is not None
    assert path.source.stale
    assert not path.source.paths
    again = back(bench)
    again.announce(NET)
    again.end_of_rib()
    assert held(bench) is not None
    assert held(bench, NET2) is None


def test_other_rules_in_the_long_wait_leave_the_mark_on() -> None:
    bench, peer = bench_with_routes(long_lived=LONG)
    peer.announce("10.244.3.0/24", communities=[NO_LLGR])
    peer.close()
    rules(bench, import_rule=ImportRule.NONE)
    bench.wait(121)
    rules(bench, import_rule=ImportRule.ALL)
    path = held(bench)
    assert path is not None
    assert path.attrs is not None
    assert LLGR_STALE in path.attrs.communities()
    assert held(bench, "10.244.3.0/24") is None, "not for the long wait, let in or not"


def test_other_timers_of_a_neighbor_that_restarts_cost_no_routes() -> None:
    bench, peer = bench_with_routes()
    peer.close()
    rules(bench, hold_time=30)
    assert held(bench) is not None
    rules(bench, families=(IPV4,))  # another session altogether
    assert held(bench) is None
