"""The speaker as a whole, driven by messages: no sockets, no clock."""

from dataclasses import replace

from bgpd.kernel.wants import BLACKHOLE
from bgpd.model import ExportRule, ImportRule, Originate
from bgpd.wire.errors import WireError
from bgpd.wire.family import IPV4
from bgpd.wire.iana import Cease
from bgpd.wire.writer import encode_route_refresh
from tests.unit.speaker.helpers import ASN, LOCAL, Bench, FakeTransport, prefix_of, spec_of

A, B, C = "192.168.1.11", "192.168.1.12", "192.168.1.13"
OWN = Originate(family=IPV4, prefix=prefix_of("10.244.1.0/24"))


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


def test_octets_that_are_not_bgp_end_the_session() -> None:
    bench = Bench(spec_of(A))
    a = bench.establish(A)
    bench.speaker.frame_error(a.transport, WireError(1, 1), bench.now)
    assert a.transport.closed
    assert a.transport.messages()[-1][18:21] == b"\x03\x01\x01"


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
