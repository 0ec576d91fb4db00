"""Protocol extensions through a whole speaker: frames in, frames out."""

from dataclasses import replace

from bgpd.model import AddPath, ExportRule, ImportRule, NeighborSpec, Role
from bgpd.policy.reasons import Reason
from bgpd.policy.reflection import CLUSTER_LIST, ORIGINATOR_ID
from bgpd.policy.roles import OTC
from bgpd.speaker import query
from bgpd.speaker.views import RouteView
from bgpd.wire.attrs import Attrs, build
from bgpd.wire.capability import (
    Capability,
    Negotiated,
    add_path,
    extended_message,
    extended_next_hop,
    make_open,
    negotiate,
    role,
)
from bgpd.wire.errors import WireError
from bgpd.wire.family import FAMILIES, IPV4, IPV6
from bgpd.wire.framing import Framer
from bgpd.wire.iana import NO_ADVERTISE
from bgpd.wire.message import decode_notification, decode_open
from bgpd.wire.prefix import format_prefix, parse_address
from bgpd.wire.writer import encode_open, encode_updates, encode_withdraws
from tests.unit.speaker.helpers import LOCAL, Bench, Peer, prefix_of, spec_of

A, B, C = "192.168.1.11", "192.168.1.12", "192.168.1.13"
ONE, TWO = "10.1.0.0/24", "10.2.0.0/24"


def meet(bench: Bench, address: str, *offers: Capability) -> Peer:
    """A session with a peer that offers more than the plain one; its view of the session is what was agreed."""
    peer = Peer(bench, address)
    theirs = make_open(peer.asn, peer.address, 90, FAMILIES, more=offers)
    peer.session = negotiate(theirs, decode_open(peer.transport.messages()[0]))
    peer.send(encode_open(theirs))
    peer.keepalive()
    bench.turn()
    return peer


def item(number: int, prefix: str) -> bytes:
    return number.to_bytes(4, "big") + prefix_of(prefix)


def say(peer: Peer, attrs: Attrs, *items: bytes) -> None:
    for frame in encode_updates(IPV4, attrs, list(items), peer.session):
        peer.send(frame)
    peer.bench.turn()


def shown(bench: Bench, table: str = "loc-rib", neighbor: str | None = None) -> list[RouteView]:
    found = query.find_neighbor(bench.speaker, neighbor) if neighbor is not None else None
    return [view for view in query.routes(bench.speaker, IPV4, None, table, found, None) if view is not None]


# ===== reflection =====


def reflector(*clients: str) -> Bench:
    """A reflector with three internal neighbors."""
    return Bench(*[spec_of(address, rr_client=address in clients) for address in (A, B, C)])


def test_a_client_is_heard_by_everybody_and_a_non_client_by_clients() -> None:
    bench = reflector(A)
    a, b, c = (bench.establish(address) for address in (A, B, C))
    a.announce(ONE, local_pref=200, med=5)
    b.announce(TWO)
    assert set(b.told()) == set(c.told()) - {prefix_of(TWO)} == {prefix_of(ONE)}
    assert set(a.told()) == {prefix_of(TWO)}
    for told in (b.told()[prefix_of(ONE)], c.told()[prefix_of(ONE)]):
        assert (told.get(ORIGINATOR_ID), told.get(CLUSTER_LIST)) == (a.address, LOCAL)
        assert (told.next_hop, told.local_pref, told.med) == (a.address, 200, 5)
    assert prefix_of(TWO) not in c.told()


def test_clients_of_two_clusters() -> None:
    one, two = bytes((1, 1, 1, 1)), bytes((2, 2, 2, 2))
    bench = Bench(spec_of(A, rr_client=True, cluster_id=one), spec_of(B, rr_client=True, cluster_id=two))
    a, b = bench.establish(A), bench.establish(B)
    a.announce(ONE)
    assert b.told()[prefix_of(ONE)].get(CLUSTER_LIST) == two + one
    b.announce(TWO, others={CLUSTER_LIST: one, ORIGINATOR_ID: bytes((5, 5, 5, 5))})
    (view,) = [view for view in shown(bench) if view.prefix == TWO]
    assert not view.eligible
    assert Reason.CLUSTER_LOOP.value in view.reason


def test_what_we_originated_does_not_come_back() -> None:
    bench = reflector(A)
    a = bench.establish(A)
    a.announce(ONE, others={ORIGINATOR_ID: LOCAL, CLUSTER_LIST: bytes((7, 7, 7, 7))})
    (view,) = shown(bench)
    assert Reason.ORIGINATOR_LOOP.value in view.reason


def test_a_new_client_changes_what_is_a_loop_for_the_others() -> None:
    """A reload that adds a cluster: stored routes through it are loops from then on."""
    bench = reflector()
    a = bench.establish(A)
    seven = bytes((7, 7, 7, 7))
    a.announce(ONE, others={CLUSTER_LIST: seven, ORIGINATOR_ID: bytes((5, 5, 5, 5))})
    assert shown(bench)[0].eligible
    spec = bench.speaker.spec
    changed = [replace(n, rr_client=True, cluster_id=seven) if n.name == C else n for n in spec.neighbors]
    bench.speaker.reconfigure(replace(spec, neighbors=tuple(changed)), bench.now)
    bench.turn()
    assert Reason.CLUSTER_LOOP.value in shown(bench)[0].reason


def test_a_neighbor_says_that_it_is_a_client() -> None:
    bench = reflector(A)
    bench.establish(A)
    neighbor = bench.speaker.neighbors[parse_address(A)]
    view = query.neighbor_view(bench.speaker, neighbor, bench.now)
    assert view.extensions == ["route reflector client, cluster 192.168.1.10"]
    assert view.export_rule == "all"


# ===== extended messages =====


def test_messages_are_filled_to_what_both_take() -> None:
    bench = Bench(spec_of(A), *[spec_of(each, rr_client=True) for each in (B, C)])
    a, large, small = bench.establish(A), meet(bench, B, extended_message()), bench.establish(C)
    prefixes = [f"10.{i >> 8}.{i & 255}.0/24" for i in range(3000)]
    a.announce(*prefixes)
    for peer, longest in ((large, 65535), (small, 4096)):
        sizes = [len(message) for message in peer.transport.messages() if message[18] == 2]
        assert len(peer.told()) == 3000
        assert max(sizes) <= longest
        assert max(sizes) > longest - 5 or longest == 65535
    assert max(len(message) for message in large.transport.messages()) > 4096  # as much as one flush takes in at once
    assert (large.transport.max_message, small.transport.max_message) == (65535, 65535)  # we said that we take them


def test_attributes_that_need_a_long_message_reach_those_who_take_it() -> None:
    bench = Bench(spec_of(A), *[spec_of(each, rr_client=True) for each in (B, C)])
    a, large, small = meet(bench, A, extended_message()), meet(bench, B, extended_message()), bench.establish(C)
    many = list(range(0x10000, 0x10000 + 2000))
    a.announce(ONE, communities=many)
    assert large.told()[prefix_of(ONE)].communities() == many
    assert small.told() == {}
    a.announce(ONE)
    assert set(small.told()) == {prefix_of(ONE)}
    a.announce(ONE, communities=many)
    assert small.told() == {}  # withdrawn again: what no longer fits must not stay as it was


def test_a_peer_that_was_told_no_may_not() -> None:
    bench = Bench(spec_of(A, extended_messages=False))
    a = meet(bench, A, extended_message())
    assert a.transport.max_message == 4096
    framer = Framer(a.transport.max_message)
    framer.feed(encode_updates(IPV4, build(next_hop=a.address, communities=list(range(1, 2000))), [b"\x08\x0a"],
                               negotiate_large())[0])  # fmt: skip
    try:
        framer.next_frame()
    except WireError as error:
        assert (error.code, error.subcode) == (1, 2)
    else:
        raise AssertionError("taken")


def negotiate_large() -> Negotiated:
    both = make_open(1, LOCAL, 90, FAMILIES, more=(extended_message(),))
    return negotiate(both, both)


# ===== ADD-PATH =====

BOTH = ((IPV4, AddPath.BOTH),)


def test_several_paths_come_in() -> None:
    bench = Bench(spec_of(A, add_path=BOTH), fib=False)
    a = meet(bench, A, add_path(((IPV4, 3),)))
    hops = [parse_address(f"192.168.1.{i}") for i in (21, 22)]
    say(a, build(next_hop=hops[0], local_pref=100), item(1, ONE), item(1, TWO))
    say(a, build(next_hop=hops[1], local_pref=100), item(2, ONE))
    views = shown(bench, "received", A)
    assert [(view.prefix, view.path_id, view.next_hop) for view in views] == [
        (ONE, 1, "192.168.1.21"), (ONE, 2, "192.168.1.22"), (TWO, 1, "192.168.1.21"),
    ]  # fmt: skip
    assert [view.multipath for view in views] == [True, True, False]  # two ways of one neighbor share the load
    for frame in encode_withdraws(IPV4, [item(1, ONE)], a.session):
        a.send(frame)
    bench.turn()
    assert [(view.prefix, view.path_id) for view in shown(bench)] == [(ONE, 2), (TWO, 1)]
    family = query.neighbor_view(bench.speaker, bench.speaker.neighbors[a.address], bench.now).families[0]
    assert (family.add_path, family.received, family.accepted) == ("both", 2, 2)
    a.close()
    assert shown(bench) == []


def test_an_import_rule_that_changes_is_asked_for_every_path() -> None:
    bench = Bench(spec_of(A, add_path=BOTH))
    a = meet(bench, A, add_path(((IPV4, 3),)))
    say(a, a.attrs(), item(1, ONE))
    say(a, a.attrs(med=1), item(2, ONE))
    for rule, accepted in ((ImportRule.NONE, 0), (ImportRule.ALL, 2)):
        spec = bench.speaker.spec
        neighbors = tuple(replace(n, import_rule=rule) for n in spec.neighbors)
        bench.speaker.reconfigure(replace(spec, neighbors=neighbors), bench.now)
        bench.turn()
        assert sum(view.eligible for view in shown(bench)) == accepted
        assert len(shown(bench)) == 2


def several(limit: int = 0) -> Bench:
    """Two external neighbors that give, an internal one that is told several paths."""
    taker = spec_of(C, export_rule=ExportRule.ALL, add_path=BOTH, add_path_paths=limit)
    return Bench(spec_of(A, 65001), spec_of(B, 65002), taker)


def test_several_paths_go_out() -> None:
    bench = several()
    a, b, c = bench.establish(A), bench.establish(B), meet(bench, C, add_path(((IPV4, 3),)))
    a.announce(ONE, TWO)
    b.announce(ONE)
    told = c.told()
    assert {key: attrs.next_hop for key, attrs in told.items()} == {
        item(1, ONE): a.address, item(1, TWO): a.address, item(2, ONE): b.address,
    }  # fmt: skip
    views = shown(bench, "advertised", C)
    assert sorted((view.prefix, view.path_id, view.source) for view in views) == [
        (ONE, 1, A), (ONE, 2, B), (TWO, 1, A),
    ]  # fmt: skip
    (only,) = {view.path_id for view in views if view.prefix == TWO}
    assert only == 1
    a.withdraw(ONE)
    assert set(c.told()) == {item(1, TWO), item(2, ONE)}
    a.close()
    assert set(c.told()) == {item(2, ONE)}
    assert all(len(update.batches) for update in c.updates() if update.end_of_rib is None)


def test_at_most_the_best_n_go_out_and_their_number_may_change() -> None:
    bench = several(limit=1)
    a, b, c = bench.establish(A), bench.establish(B), meet(bench, C, add_path(((IPV4, 3),)))
    b.announce(ONE, as_path=b.attrs().as_path_value())
    a.announce(ONE)
    assert len(c.told()) == 1
    spec = bench.speaker.spec
    neighbors = tuple(replace(n, add_path_paths=0) if n.name == C else n for n in spec.neighbors)
    bench.speaker.reconfigure(replace(spec, neighbors=neighbors), bench.now)
    bench.turn()
    assert {attrs.next_hop for attrs in c.told().values()} == {a.address, b.address}
    assert len(bench.speaker.tables[IPV4].fanouts) == 1
    c.close()
    assert not bench.speaker.tables[IPV4].fanouts


def test_the_best_n_are_those_that_export_lets_out() -> None:
    """Two better paths that stay here take no place of the two that go."""
    bench = several(limit=2)
    a, b, c = bench.establish(A), bench.establish(B), meet(bench, C, add_path(((IPV4, 3),)))
    b.announce(ONE, as_path=b.attrs().as_path_value())
    a.announce(ONE, communities=[NO_ADVERTISE])
    assert [attrs.next_hop for attrs in c.told().values()] == [b.address]
    a.announce(ONE)
    assert {attrs.next_hop for attrs in c.told().values()} == {a.address, b.address}
    a.announce(ONE, communities=[NO_ADVERTISE])
    assert [attrs.next_hop for attrs in c.told().values()] == [b.address]
    bench2 = several(limit=1)
    a, b, c = bench2.establish(A), bench2.establish(B), meet(bench2, C, add_path(((IPV4, 3),)))
    a.announce(ONE, communities=[NO_ADVERTISE])
    b.announce(ONE)
    assert [attrs.next_hop for attrs in c.told().values()] == [b.address]


def test_a_late_neighbor_is_told_what_was_there_and_end_of_rib_comes_last() -> None:
    bench = several()
    a, b = bench.establish(A), bench.establish(B)
    a.announce(ONE, TWO)
    b.announce(ONE)
    c = meet(bench, C, add_path(((IPV4, 3),)))
    assert len(c.told()) == 3
    ends = [update.end_of_rib for update in c.updates()]
    assert ends.count(IPV4) == 1
    assert ends[-1] is not None or ends[-2] is not None


def test_a_default_route_of_our_own_has_an_identifier_too() -> None:
    bench = Bench(spec_of(A, 65001), spec_of(C, add_path=BOTH, default_originate=True, export_rule=ExportRule.ALL))
    bench.establish(A).announce(ONE)
    c = meet(bench, C, add_path(((IPV4, 3),)))
    assert set(c.told()) == {item(1, "0.0.0.0/0"), item(1, ONE)}


# ===== IPv4 over IPv6 next hops =====

SIX = "fd00::11"
OURS6 = parse_address("fd00::10")


def over_ipv6(bench: Bench, *offers: Capability) -> Peer:
    """A session over IPv6 between hosts without an IPv4 address between them."""
    peer = Peer(bench, SIX)
    peer.transport.next_hops = {IPV6: OURS6}
    theirs = make_open(peer.asn, bytes((8, 8, 8, 8)), 90, FAMILIES, more=offers)
    peer.session = negotiate(theirs, decode_open(peer.transport.messages()[0]))
    peer.send(encode_open(theirs))
    peer.keepalive()
    bench.turn()
    return peer


def test_ipv4_routes_have_an_ipv6_next_hop() -> None:
    bench = Bench(spec_of(SIX, 65001, extended_next_hop=True), spec_of(A), fib=True)
    peer, inside = over_ipv6(bench, extended_next_hop()), bench.establish(A)
    inside.announce(TWO)
    theirs = parse_address(SIX)
    bench.speaker.next_hop_moved(inside.address, True, 0, "here")
    bench.turn()
    assert {format_prefix(IPV4, key): attrs.next_hop for key, attrs in peer.told().items()} == {TWO: OURS6}
    say(peer, peer.attrs(next_hop=theirs), prefix_of(ONE))
    bench.speaker.next_hop_moved(theirs, True, 0, "on eth0")
    bench.turn()
    assert bench.fib is not None
    assert bench.fib.wants[IPV4, prefix_of(ONE)] == (theirs,)


def test_who_does_not_know_them_gets_our_own_address() -> None:
    bench = Bench(spec_of(SIX, 65001, extended_next_hop=True), spec_of(A, export_rule=ExportRule.ALL))
    peer, inside = over_ipv6(bench, extended_next_hop()), bench.establish(A)
    say(peer, peer.attrs(next_hop=parse_address(SIX)), prefix_of(ONE))
    assert inside.told()[prefix_of(ONE)].next_hop == LOCAL


def test_without_the_capability_they_are_an_error() -> None:
    bench = Bench(spec_of(SIX, 65001))
    peer = over_ipv6(bench, extended_next_hop())
    said = make_open(1, LOCAL, 90, FAMILIES, more=(extended_next_hop(),))
    for frame in encode_updates(IPV4, peer.attrs(next_hop=parse_address(SIX)), [prefix_of(ONE)], negotiate(said, said)):
        peer.send(frame)
    bench.turn()
    last = decode_notification(peer.transport.messages()[-1])
    assert (last.code, last.subcode) == (3, 9)


# ===== roles =====


def role_spec(address: str, asn: int, ours: Role) -> NeighborSpec:
    return spec_of(address, asn, role=ours)


def test_a_leak_is_stopped_and_the_reason_shown() -> None:
    bench = Bench(
        role_spec(A, 65001, Role.CUSTOMER), role_spec(B, 65002, Role.PROVIDER), role_spec(C, 65003, Role.PEER)
    )
    provider, customer, peer = (meet(bench, address, role(value)) for address, value in ((A, 0), (B, 3), (C, 4)))
    provider.announce(ONE)
    customer.announce(TWO)
    marked = customer.told()[prefix_of(ONE)]
    assert marked.get(OTC) == (65001).to_bytes(4, "big")
    assert set(peer.told()) == {prefix_of(TWO)}  # from above nothing goes to a peer
    assert peer.told()[prefix_of(TWO)].get(OTC) == (64512).to_bytes(4, "big")
    assert provider.told()[prefix_of(TWO)].get(OTC) is None
    customer.announce(ONE, others={OTC: (9).to_bytes(4, "big")})
    reasons = [view.reason for view in shown(bench) if view.source == B and view.prefix == ONE]
    assert len(reasons) == 1
    assert Reason.LEAK_FROM_BELOW.value in reasons[0]
    view = query.neighbor_view(bench.speaker, bench.speaker.neighbors[customer.address], bench.now)
    assert view.extensions == ["we are provider, it is customer"]
