"""Neighbors that are known by their link."""

from dataclasses import replace

from bgpd.model import AsnRule
from bgpd.session.fsm import State
from bgpd.speaker.intake import on_link
from bgpd.speaker.query import neighbor_view
from bgpd.wire import aspath
from bgpd.wire.attrs import build
from bgpd.wire.capability import Negotiated, make_open
from bgpd.wire.family import IPV6
from bgpd.wire.prefix import parse_address, parse_prefix
from bgpd.wire.writer import encode_keepalive, encode_open, encode_updates
from tests.unit.speaker.helpers import Bench, FakeTransport, spec_of

FIRST, SECOND = parse_address("fe80::11"), parse_address("fe80::12")


def bench_with(**more: object) -> Bench:
    link = replace(spec_of("192.168.1.1", 65001, **more), address=b"", name="eth0", interface="eth0", unnumbered=True)
    return Bench(link, fib=True)


def link_transport(address: bytes, *, dialed: bool = True, interface: str = "eth0") -> FakeTransport:
    transport = FakeTransport(address, dialed=dialed)
    transport.interface, transport.zone = interface, 7
    transport.next_hops = {IPV6: parse_address("fe80::10")}
    return transport


def establish(bench: Bench, transport: FakeTransport, asn: int = 65001) -> None:
    bench.speaker.tcp_up(transport, bench.now)
    for frame in (encode_open(make_open(asn, bytes((1, 1, 1, 1)), 90, (IPV6,))), encode_keepalive()):
        bench.speaker.frame(transport, frame, bench.now)
    bench.turn()


def test_it_is_looked_for_and_dialed_when_it_is_found() -> None:
    bench = bench_with()
    assert bench.dialer.links == {"eth0"}
    assert bench.dialer.dialed == [b""]  # the shell answers that nobody is there
    bench.speaker.tcp_failed(b"%eth0", "nobody else was heard on eth0 yet", bench.now)
    bench.speaker.discovered("eth0", FIRST, bench.now)
    assert bench.dialer.dialed == [b"", FIRST]
    transport = link_transport(FIRST)
    establish(bench, transport)
    (neighbor,) = bench.speaker.neighbors.values()
    assert neighbor.state is State.ESTABLISHED
    view = neighbor_view(bench.speaker, neighbor, bench.now)
    assert (view.address, view.remote_address) == ("eth0", "fe80::11%eth0")


def test_who_connects_first_is_the_neighbor() -> None:
    bench = bench_with(passive=True)
    stranger = link_transport(FIRST, dialed=False, interface="eth1")
    assert not bench.speaker.expects(FIRST, "eth1")
    bench.speaker.tcp_up(stranger, bench.now)
    assert stranger.closed
    establish(bench, link_transport(FIRST, dialed=False))
    assert not bench.speaker.expects(SECOND, "eth0")
    (neighbor,) = bench.speaker.neighbors.values()
    assert neighbor.state is State.ESTABLISHED
    bench.speaker.discovered("eth0", SECOND, bench.now)  # a session that stands goes on
    assert neighbor.spec.address == FIRST
    assert neighbor.state is State.ESTABLISHED


def test_a_machine_that_was_replaced_is_found_again() -> None:
    bench = bench_with()
    bench.speaker.discovered("eth0", FIRST, bench.now)
    transport = link_transport(FIRST)
    establish(bench, transport)
    bench.speaker.tcp_closed(transport, "gone", bench.now)
    bench.speaker.discovered("eth0", SECOND, bench.now)
    assert bench.dialer.dialed[-1] == SECOND


def test_its_as_is_learned() -> None:
    bench = bench_with(asn_rule=AsnRule.EXTERNAL, remote_asn=0)
    bench.speaker.discovered("eth0", FIRST, bench.now)
    establish(bench, link_transport(FIRST), asn=4200000001)
    (neighbor,) = bench.speaker.neighbors.values()
    assert neighbor.spec.remote_asn == 4200000001


def test_its_next_hops_are_on_the_link() -> None:
    bench = bench_with()
    bench.speaker.discovered("eth0", FIRST, bench.now)
    transport = link_transport(FIRST)
    establish(bench, transport)
    attrs = build(as_path=aspath.sequence(65001), next_hop=FIRST)
    prefix = parse_prefix("2001:db8::/32")[1]
    for frame in encode_updates(IPV6, attrs, [prefix], Negotiated(local_asn=65001, remote_asn=64512)):
        bench.speaker.frame(transport, frame, bench.now)
    bench.turn()
    scoped = FIRST + (7).to_bytes(4, "big")
    assert bench.fib is not None
    assert bench.fib.tracked == [scoped]
    bench.speaker.next_hop_moved(scoped, True, 0, "on link eth0")
    bench.turn()
    assert bench.fib.wants[IPV6, prefix] == (scoped,)


def test_which_next_hops_get_a_link() -> None:
    both = parse_address("2001:db8::1") + FIRST
    assert on_link(FIRST, 7) == on_link(both, 7) == FIRST + b"\0\0\0\7"
    assert on_link(FIRST, 0) == FIRST
    assert on_link(parse_address("2001:db8::1"), 7) == parse_address("2001:db8::1")
    assert on_link(bytes((192, 168, 1, 1)), 7) == bytes((192, 168, 1, 1))
