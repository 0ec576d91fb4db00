"""The speaker as a whole, driven by messages: no sockets, no clock."""

from dataclasses import replace

from bgpd.kernel.plan import BLACKHOLE
from bgpd.model import ExportRule, ImportRule, Originate
from bgpd.speaker.views import EventView
from bgpd.wire.errors import WireError
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.iana import BLACKHOLE as BLACKHOLE_COMMUNITY
from bgpd.wire.iana import GRACEFUL_SHUTDOWN, Cease
from bgpd.wire.prefix import parse_address
from bgpd.wire.writer import encode_message, encode_route_refresh
from tests.unit.speaker.helpers import ASN, LOCAL, Bench, FakeTransport, Peer, prefix_of, spec_of

A, B, C = "192.168.1.11", "192.168.1.12", "192.168.1.13"
OWN = Originate(family=IPV4, prefix=prefix_of("10.244.1.0/24"))


def test_every_neighbor_is_dialed_and_a_passive_one_is_not() -> None:
    bench = Bench(spec_of(A), spec_of(B, passive=True))
    assert bench.dialer.dialed == [parse_address(A)]


def test_own_prefix_is_announced_and_guarded() -> None:
    bench = Bench(spec_of(A), fib=True, originate=(OWN,))
    peer = bench.establish(A)
    (prefix, attrs), *rest = peer.told().items()
    assert (prefix, attrs.next_hop, attrs.local_pref, rest) == (OWN.prefix, LOCAL, 100, [])
    assert bench.fib is not None
    assert bench.fib.wants[IPV4, OWN.prefix] is BLACKHOLE
    assert peer.updates()[-1].end_of_rib is not None  # the table ends with End-of-RIB


def test_ibgp_routes_go_to_the_fib_and_not_to_ibgp() -> None:
    bench = Bench(spec_of(A), spec_of(B), fib=True)
    a, b = bench.establish(A), bench.establish(B)
    a.announce("10.244.2.0/24")
    assert bench.fib is not None
    assert bench.fib.tracked == [a.address]
    bench.speaker.next_hop_moved(a.address, True, 0, "on link")
    bench.turn()
    assert bench.fib.wants[IPV4, prefix_of("10.244.2.0/24")] == (a.address,)
    assert b.told() == {}
    a.withdraw("10.244.2.0/24")
    assert bench.fib.wants[IPV4, prefix_of("10.244.2.0/24")] is None


def test_ebgp_routes_are_passed_on_with_our_as_in_front() -> None:
    bench = Bench(spec_of(A), spec_of(B, 65001))
    a, b = bench.establish(A), bench.establish(B)
    b.announce("172.20.0.0/16")
    a.announce("10.244.2.0/24")
    assert a.told() == {}  # iBGP exports only our own by default
    attrs = b.told()[prefix_of("10.244.2.0/24")]
    assert attrs.as_path() == [(2, (ASN,))]
    assert attrs.next_hop == LOCAL
    assert attrs.local_pref == -1


def test_a_lost_session_takes_its_routes_along() -> None:
    bench = Bench(spec_of(A), spec_of(B, 65001))
    a, b = bench.establish(A), bench.establish(B)
    a.announce("10.244.2.0/24", "10.244.3.0/24")
    a.close()
    assert len(bench.speaker.tables[IPV4].rib) == 0
    assert b.told() == {}
    assert bench.speaker.neighbors[a.address].dropped["tcp-closed"] == 1


def test_ebgp_without_policy_is_silent_and_says_so() -> None:
    quiet = spec_of(B, 65001, import_rule=ImportRule.UNSET, export_rule=ExportRule.UNSET)
    bench = Bench(quiet, originate=(OWN,))
    b = bench.establish(B)
    b.announce("172.20.0.0/16")
    assert b.told() == {}
    (warning,) = bench.events("policy_missing")
    assert "RFC 8212" in str(warning["reason"])
    table = bench.speaker.tables[IPV4].rib
    assert table.best(prefix_of("172.20.0.0/16")) is None
    assert len(table.candidates(prefix_of("172.20.0.0/16"))) == 1  # visible in the adj-rib-in


def test_end_of_rib_from_all_means_converged_once() -> None:
    bench = Bench(spec_of(A), spec_of(B))
    a, b = bench.establish(A), bench.establish(B)
    for peer in (a, b):
        for family in (IPV4, IPV6):
            assert bench.converged == 0
            peer.end_of_rib(family)
    b.end_of_rib()
    assert bench.converged == 1


def test_a_stranger_is_not_expected() -> None:
    bench = Bench(spec_of(A))
    assert not bench.speaker.expects(parse_address("192.168.1.99"))
    assert bench.speaker.refused == 1


def test_a_second_connection_beside_an_established_one_is_refused() -> None:
    bench = Bench(spec_of(A))
    first = bench.establish(A)
    before = len(first.transport.messages())
    second = FakeTransport(first.address, dialed=False)
    bench.speaker.tcp_up(second, bench.now)
    assert second.closed
    assert second.messages()[0][18:21] == bytes((3, 6, Cease.COLLISION_RESOLUTION))
    assert not first.transport.closed
    assert len(first.transport.messages()) == before + 1  # a KEEPALIVE finds out whether the old one is dead


def test_a_reset_worthy_update_costs_one_session_only() -> None:
    bench = Bench(spec_of(A), spec_of(B))
    a, b = bench.establish(A), bench.establish(B)
    a.send(encode_message(b"\x02", b"\xff\xff\0\0"))
    bench.turn()
    assert a.transport.closed
    assert a.transport.messages()[-1][18:21] == b"\x03\x03\x01"
    assert not b.transport.closed
    assert bench.speaker.neighbors[a.address].update_faults == 1


def test_a_survivable_fault_is_logged_once_a_second() -> None:
    bench = Bench(spec_of(A))
    a = bench.establish(A)
    block = bytes.fromhex("40010109 400200 400304c0a8010b 40050400000064")  # ORIGIN 9
    frame = encode_message(b"\x02", b"\0\0" + len(block).to_bytes(2, "big") + block + b"\x18\x0a\xf4\x02")
    for _ in range(3):
        a.send(frame)
        bench.turn()
    (line,) = bench.events("update_fault")
    assert line["attribute"] == "40010109"
    assert line["done"] == "routes treated as withdrawn"
    assert bench.speaker.neighbors[a.address].update_faults == 3
    assert not a.transport.closed


def test_octets_that_are_not_bgp_end_the_session() -> None:
    bench = Bench(spec_of(A))
    a = bench.establish(A)
    bench.speaker.frame_error(a.transport, WireError(1, 1), bench.now)
    assert a.transport.closed
    assert a.transport.messages()[-1][18:21] == b"\x03\x01\x01"


def test_a_mistake_of_ours_costs_one_session() -> None:
    bench = Bench(spec_of(A), spec_of(B))
    a, b = bench.establish(A), bench.establish(B)
    rib = bench.speaker.neighbors[a.address].ribs[IPV4]
    rib.imports = None  # type: ignore[assignment]
    a.announce("10.244.2.0/24")
    assert bench.events("bug")
    assert a.transport.closed
    assert not b.transport.closed


def test_hold_timer_spares_a_peer_whose_octets_lie_unread() -> None:
    bench = Bench(spec_of(A))
    a = bench.establish(A)
    a.transport.unread = True
    bench.wait(95)
    assert not a.transport.closed
    a.transport.unread = False
    bench.wait(5)
    assert a.transport.closed
    assert a.transport.messages()[-1][18:20] == b"\x03\x04"
    assert "hold timer expired" in str(bench.events("session")[-1]["reason"]) or any(
        "hold timer expired" in str(line["reason"]) for line in bench.events("session")
    )


def test_keepalives_keep_time() -> None:
    bench = Bench(spec_of(A))
    a = bench.establish(A)
    for _ in range(10):
        bench.wait(30)
        a.keepalive()
    sent = [m for m in a.transport.messages() if m[18] == 4]
    assert len(sent) == 11
    assert not a.transport.closed


def test_refresh_tells_everything_again() -> None:
    bench = Bench(spec_of(A), originate=(OWN,))
    a = bench.establish(A)
    before = len(a.updates())
    a.send(encode_route_refresh(IPV4))
    bench.turn()
    again = a.updates()[before:]
    assert [p for u in again for b in u.batches for p in b.announced] == [OWN.prefix]


def test_a_flood_is_paused_and_resumed() -> None:
    bench = Bench(spec_of(A))
    a = bench.establish(A)
    frame = encode_message(b"\x02", b"\0\0\0\0")
    for _ in range(50000):
        a.send(frame)
    assert a.transport.paused
    bench.turn()
    assert not a.transport.paused


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


def test_reload_of_prefixes() -> None:
    bench = Bench(spec_of(A), originate=(OWN,))
    a = bench.establish(A)
    other = Originate(family=IPV4, prefix=prefix_of("10.244.9.0/24"))
    bench.speaker.reconfigure(replace(bench.speaker.spec, originate=(other,)), bench.now)
    bench.turn()
    assert set(a.told()) == {other.prefix}


def test_shutdown_says_cease_and_abandon_says_nothing() -> None:
    bench = Bench(spec_of(A), spec_of(B))
    a = bench.establish(A)
    bench.speaker.shutdown(bench.now, "maintenance")
    last = a.transport.messages()[-1]
    assert last[18:21] == bytes((3, 6, Cease.ADMINISTRATIVE_SHUTDOWN))
    assert last[21:] == b"\x0bmaintenance"
    bench = Bench(spec_of(A))
    a = bench.establish(A)
    before = a.transport.messages()
    bench.speaker.abandon(bench.now)
    assert a.transport.closed
    assert a.transport.messages() == before


def test_watchers_see_sessions_and_routes() -> None:
    bench = Bench(spec_of(A), originate=(OWN,))
    seen: list[EventView] = []
    end = bench.speaker.subscribe(seen.append)
    a = bench.establish(A)
    a.announce("10.244.2.0/24")
    assert [(e.event, e.new) for e in seen][-2:] == [("session", "Established"), ("route", A)]
    end()
    end()
    a.withdraw("10.244.2.0/24")
    assert len(seen) == len([e for e in seen if e.new != "withdrawn"])
    assert seen[-1].prefix == "10.244.2.0/24"


def test_a_next_hop_that_is_lost_takes_its_routes_out() -> None:
    bench = Bench(spec_of(A), fib=True)
    a = bench.establish(A)
    a.announce("10.244.2.0/24")
    bench.speaker.next_hop_moved(a.address, True, 0, "on link")
    bench.turn()
    bench.speaker.next_hop_moved(a.address, False, 0, "eth0 is down")
    bench.turn()
    assert bench.fib is not None
    assert bench.fib.wants[IPV4, prefix_of("10.244.2.0/24")] is None


def test_attribute_sets_are_swept() -> None:
    bench = Bench(spec_of(A), fib=True)
    a = bench.establish(A)
    for turn in range(4):
        for i in range(6000):
            a.announce(f"10.{i // 250}.{i % 250}.0/24", med=turn * 6000 + i)
    assert len(bench.speaker.attrs) <= 2 * 6000 + 8192


def test_a_peer_that_never_reads_is_given_up() -> None:
    """RFC 9687: nothing of what waits has left for the send hold time; what comes in does not count."""
    bench = Bench(spec_of("192.168.1.11", send_hold_time=40))
    peer = bench.establish("192.168.1.11")
    for _ in range(5):
        assert not peer.transport.closed
        peer.transport.backlog = 5000 + len(b"".join(peer.transport.sent))
        bench.wait(10)
        peer.keepalive()
    bench.wait(1)
    assert peer.transport.closed
    assert peer.transport.messages()[-1][18:21] == b"\x03\x08\x00"
    neighbor = bench.speaker.neighbors[peer.address]
    assert dict(neighbor.dropped) == {"send-hold-expired": 1}
    assert "has taken nothing that we sent for 40 s" in neighbor.dialing.session.reason


def test_a_slow_reader_and_an_idle_one_are_not() -> None:
    for sizes in ([0], [5000, 4900, 4800, 4700]):
        bench = Bench(spec_of("192.168.1.11", send_hold_time=40))
        peer = bench.establish("192.168.1.11")
        for turn in range(20):
            peer.transport.backlog = sizes[turn % len(sizes)] - (0 if len(sizes) == 1 else turn * 10)
            bench.wait(10)
            peer.keepalive()
        assert not peer.transport.closed


def test_no_send_hold_time_means_for_ever() -> None:
    bench = Bench(spec_of("192.168.1.11", send_hold_time=0))
    peer = bench.establish("192.168.1.11")
    peer.transport.backlog = 5000
    for _ in range(60):
        bench.wait(10)
        peer.keepalive()
    assert not peer.transport.closed


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


def test_a_blackhole_is_dropped_only_for_who_may_ask() -> None:
    for accepted in (True, False):
        bench = Bench(spec_of("192.168.1.12", 65001, accept_blackhole=accepted), fib=True)
        assert bench.fib is not None
        peer = bench.establish("192.168.1.12")
        peer.announce("10.9.9.9/32", communities=[BLACKHOLE_COMMUNITY])
        bench.speaker.next_hop_moved(peer.address, True, 0, "on link")
        bench.turn()
        want = bench.fib.wants.get((IPV4, prefix_of("10.9.9.9/32")))
        assert want == (BLACKHOLE if accepted else (peer.address,))
        peer.withdraw("10.9.9.9/32")
        assert bench.fib.wants[IPV4, prefix_of("10.9.9.9/32")] is None
