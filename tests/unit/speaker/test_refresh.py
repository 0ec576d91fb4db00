"""Refreshes in both directions: marks, generations, and who is asked how."""

from dataclasses import replace

import pytest

from bgpd.model import ExportRule, ImportRule
from bgpd.speaker import inbox
from bgpd.speaker.refresh import LIMIT
from bgpd.wire.capability import Capability, enhanced_route_refresh, make_open, negotiate
from bgpd.wire.family import FAMILIES, IPV4, IPV6
from bgpd.wire.iana import CapabilityCode
from bgpd.wire.message import decode_open
from bgpd.wire.writer import encode_open, encode_route_refresh, encode_updates
from tests.unit.speaker.helpers import ASN, Bench, Peer, prefix_of, spec_of

A, B = "192.168.1.11", "192.168.1.12"
ONE, TWO, THREE = "10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"
BEGIN, END = 1, 2


def meet(bench: Bench, address: str, *offers: Capability) -> Peer:
    """A session with a peer that offers more than the plain one; its view of the session is what was agreed."""
    peer = Peer(bench, address)
    theirs = make_open(peer.asn, peer.address, 90, FAMILIES, more=offers)
    peer.session = negotiate(theirs, decode_open(peer.transport.messages()[0]))
    peer.send(encode_open(theirs))
    peer.keepalive()
    bench.turn()
    return peer


def bench() -> Bench:
    return Bench(spec_of(A), spec_of(B, export_rule=ExportRule.ALL, rr_client=True))


def held(bench: Bench) -> set[bytes]:
    return set(bench.speaker.tables[IPV4].rib.table)


def marks(peer: Peer) -> list[int]:
    """Subtypes of the ROUTE-REFRESH messages for IPv4 that we wrote, and -1 for each UPDATE with routes between them."""
    found = []
    for message in peer.transport.messages():
        if message[18] == 5 and message[20] == 1:
            found.append(message[21])
        elif message[18] == 2 and len(message) > 30:
            found.append(-1)
    return found


def test_a_request_is_answered_between_marks() -> None:
    tested = bench()
    giver, taker = tested.establish(A), meet(tested, B, enhanced_route_refresh())
    giver.announce(ONE, TWO)
    taker.transport.sent.clear()
    taker.send(encode_route_refresh(IPV4))
    tested.turn()
    assert marks(taker) == [BEGIN, -1, END]
    assert set(taker.told()) == {prefix_of(ONE), prefix_of(TWO)}


def test_a_request_of_a_plain_peer_is_answered_without_marks() -> None:
    tested = bench()
    giver, taker = tested.establish(A), tested.establish(B)
    giver.announce(ONE)
    taker.transport.sent.clear()
    taker.send(encode_route_refresh(IPV4))
    tested.turn()
    assert marks(taker) == [-1]


def test_a_request_before_end_of_rib_waits_for_it() -> None:
    """RFC 7313 section 4."""
    tested = bench()
    tested.establish(A).announce(ONE)
    again = Peer(tested, B)
    again.transport.backlog = 1 << 30
    theirs = make_open(again.asn, again.address, 90, FAMILIES, more=(enhanced_route_refresh(),))
    again.send(encode_open(theirs))
    again.keepalive()
    again.send(encode_route_refresh(IPV4))
    tested.turn()
    assert marks(again) == []
    again.transport.backlog = 0
    tested.turn()
    kinds = [(m[18], m[21] if m[18] == 5 else len(m)) for m in again.transport.messages() if m[18] in (2, 5)]
    assert kinds.index((5, BEGIN)) > kinds.index((2, 23))  # End-of-RIB of IPv4 has 23 octets
    assert kinds.index((5, END)) > kinds.index((5, BEGIN))


def test_what_flaps_during_a_refresh_is_said_again_all_the_same() -> None:
    """Between BoRR and EoRR everything that stands is said, or the peer would sweep it."""
    tested = bench()
    giver, taker = tested.establish(A), meet(tested, B, enhanced_route_refresh())
    giver.announce(ONE, TWO, THREE)
    taker.transport.sent.clear()
    taker.transport.backlog = 1 << 30  # nothing leaves for now
    giver.announce(ONE, med=5)
    giver.withdraw(THREE)
    taker.send(encode_route_refresh(IPV4))
    giver.announce(ONE)  # as it was
    giver.announce(TWO, med=6)
    giver.announce(TWO)
    tested.turn()
    taker.transport.backlog = 0
    tested.turn()
    found = marks(taker)
    assert (found[0], found[-1]) == (BEGIN, END)
    assert set(taker.told()) == {prefix_of(ONE), prefix_of(TWO)}
    withdrawn = [prefix for update in taker.updates() for batch in update.batches for prefix in batch.withdrawn]
    assert withdrawn == [prefix_of(THREE)]
    member = tested.speaker.neighbors[taker.address].ribs[IPV4].member
    assert member.advertised == 2


def test_what_a_marked_refresh_does_not_repeat_goes() -> None:
    tested = bench()
    giver = meet(tested, A, enhanced_route_refresh())
    giver.announce(ONE, TWO, THREE)
    rib = tested.speaker.neighbors[giver.address].ribs[IPV4]
    giver.send(encode_route_refresh(IPV4, BEGIN))
    giver.announce(ONE)
    giver.announce(TWO, med=1)
    assert held(tested) == {prefix_of(ONE), prefix_of(TWO), prefix_of(THREE)}
    assert rib.received == 3
    giver.send(encode_route_refresh(IPV4, END))
    tested.turn()
    assert held(tested) == {prefix_of(ONE), prefix_of(TWO)}
    assert (rib.received, rib.accepted, rib.older) == (2, 2, [])


def test_a_mark_keeps_its_place_behind_the_updates_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """UPDATEs wait for a turn. An end of a refresh that does not would sweep what it has just repeated."""
    monkeypatch.setattr(inbox, "SHARE", 1)
    tested = bench()
    giver = meet(tested, A, enhanced_route_refresh())
    giver.announce(ONE, TWO)
    giver.send(encode_route_refresh(IPV4, BEGIN))
    for text in (THREE, ONE):
        for frame in encode_updates(IPV4, giver.attrs(), [prefix_of(text)], giver.session):
            giver.send(frame)
    giver.send(encode_route_refresh(IPV4, END))
    while True:
        busy = tested.speaker.run(tested.now, lambda: False)
        assert prefix_of(ONE) in held(tested)
        if not busy:
            break
    assert held(tested) == {prefix_of(ONE), prefix_of(THREE)}


def test_a_malformed_refresh_behind_updates_ends_the_session() -> None:
    """RFC 7313 section 5: its length is wrong. What waits behind it is not looked at any more."""
    tested = bench()
    giver = meet(tested, A, enhanced_route_refresh())
    one, two = [encode_updates(IPV4, giver.attrs(), [prefix_of(text)], giver.session)[0] for text in (ONE, TWO)]
    refresh = encode_route_refresh(IPV4)
    for frame in (one, refresh[:16] + b"\0\x18" + refresh[18:] + b"\0", two):
        giver.send(frame)
    tested.turn()
    assert tested.speaker.neighbors[giver.address].live is None
    assert prefix_of(TWO) not in held(tested)


def test_a_refresh_of_one_family_leaves_the_other_alone() -> None:
    tested = bench()
    giver = meet(tested, A, enhanced_route_refresh())
    giver.announce(ONE)
    giver.send(encode_route_refresh(IPV6, BEGIN))
    giver.send(encode_route_refresh(IPV6, END))
    tested.turn()
    assert held(tested) == {prefix_of(ONE)}


def test_the_next_refresh_begins_before_the_last_one_is_swept() -> None:
    """The sweep is a job: what the first refresh repeated is not stale, whatever began meanwhile."""
    tested = bench()
    giver = meet(tested, A, enhanced_route_refresh())
    giver.announce(ONE, TWO)
    giver.send(encode_route_refresh(IPV4, BEGIN))
    giver.announce(ONE)
    for mark in (END, BEGIN):
        giver.send(encode_route_refresh(IPV4, mark))
    tested.turn()
    assert held(tested) == {prefix_of(ONE)}
    giver.send(encode_route_refresh(IPV4, END))
    tested.turn()
    assert held(tested) == set()


def test_a_second_begin_and_an_end_without_begin() -> None:
    tested = bench()
    giver = meet(tested, A, enhanced_route_refresh())
    giver.announce(ONE, TWO)
    giver.send(encode_route_refresh(IPV4, END))
    tested.turn()
    assert held(tested) == {prefix_of(ONE), prefix_of(TWO)}
    giver.send(encode_route_refresh(IPV4, BEGIN))
    giver.announce(ONE)
    giver.send(encode_route_refresh(IPV4, BEGIN))
    giver.announce(TWO)
    giver.send(encode_route_refresh(IPV4, END))
    tested.turn()
    assert held(tested) == {prefix_of(TWO)}


def test_marks_of_a_peer_that_never_offered_them_are_ignored() -> None:
    tested = bench()
    giver = tested.establish(A)
    giver.announce(ONE)
    giver.send(encode_route_refresh(IPV4, BEGIN))
    giver.send(encode_route_refresh(IPV4, END))
    giver.send(encode_route_refresh(IPV4, 77))
    tested.turn()
    assert held(tested) == {prefix_of(ONE)}


def test_a_peer_that_forgets_the_end_has_a_limit() -> None:
    tested = bench()
    giver = meet(tested, A, enhanced_route_refresh())
    giver.announce(ONE, TWO)
    giver.send(encode_route_refresh(IPV4, BEGIN))
    giver.announce(ONE)
    for _ in range(int(LIMIT / 20) + 1):
        tested.wait(20)
        giver.keepalive()
    tested.turn()
    assert held(tested) == {prefix_of(ONE)}


def test_a_session_that_ends_in_a_refresh_takes_every_generation_along() -> None:
    tested = bench()
    giver = meet(tested, A, enhanced_route_refresh())
    giver.announce(ONE, TWO)
    giver.send(encode_route_refresh(IPV4, BEGIN))
    giver.announce(ONE)
    giver.close()
    assert held(tested) == set()
    assert tested.speaker.tables[IPV4].rib.paths == 0


def test_a_session_that_is_lost_in_a_refresh_is_kept_whole() -> None:
    """Where the peer asked for patience (RFC 4724): what the refresh had not repeated is no staler than the rest."""
    tested = bench()
    restarts = Capability(CapabilityCode.GRACEFUL_RESTART, bytes.fromhex("407800010180"))
    giver = meet(tested, A, enhanced_route_refresh(), restarts)
    giver.announce(ONE, TWO)
    giver.send(encode_route_refresh(IPV4, BEGIN))
    giver.announce(ONE)
    giver.close()
    assert held(tested) == {prefix_of(ONE), prefix_of(TWO)}
    again = Peer(tested, A, dialed=False)
    theirs = make_open(again.asn, again.address, 90, FAMILIES, more=(restarts,))
    again.send(encode_open(theirs))
    again.keepalive()
    again.announce(THREE)
    assert held(tested) == {prefix_of(ONE), prefix_of(TWO), prefix_of(THREE)}
    again.end_of_rib()
    assert held(tested) == {prefix_of(THREE)}


def test_we_ask() -> None:
    tested = bench()
    speaker = tested.speaker
    neighbor = speaker.neighbors[Peer(tested, A).address]
    assert not speaker.refresh_in(neighbor, IPV4)  # no session
    giver = tested.establish(A)
    giver.transport.sent.clear()
    assert speaker.refresh_in(speaker.neighbors[giver.address], IPV4)
    assert giver.transport.sent == [encode_route_refresh(IPV4)]
    sent = speaker.neighbors[giver.address].messages_sent[5]
    assert sent == 1


def test_a_peer_without_route_refresh_is_not_asked() -> None:
    tested = bench()
    peer = Peer(tested, A)
    plain = make_open(ASN, peer.address, 90, FAMILIES)
    without = type(plain)(
        plain.asn, plain.hold_time, plain.router_id, tuple(c for c in plain.capabilities if c.code != 2)
    )
    peer.send(encode_open(without))
    peer.keepalive()
    tested.turn()
    assert tested.speaker.neighbors[peer.address].live is not None
    assert not tested.speaker.refresh_in(tested.speaker.neighbors[peer.address], IPV4)


def test_other_rules_in_a_refresh_judge_both_generations_and_leave_them_apart() -> None:
    tested = bench()
    giver = meet(tested, A, enhanced_route_refresh())
    giver.announce(ONE, TWO)
    giver.send(encode_route_refresh(IPV4, BEGIN))
    giver.announce(ONE)
    speaker = tested.speaker
    old = speaker.spec
    none = tuple(replace(n, import_rule=ImportRule.NONE) if n.name == A else n for n in old.neighbors)
    speaker.reconfigure(replace(old, neighbors=none), tested.now)
    tested.turn()
    table = speaker.tables[IPV4].rib
    assert table.best(prefix_of(ONE)) is table.best(prefix_of(TWO)) is None
    assert held(tested) == {prefix_of(ONE), prefix_of(TWO)}
    speaker.reconfigure(old, tested.now)
    tested.turn()
    assert table.best(prefix_of(ONE)) is not None
    assert table.best(prefix_of(TWO)) is not None
    giver.send(encode_route_refresh(IPV4, END))
    tested.turn()
    assert held(tested) == {prefix_of(ONE)}


def test_a_default_route_of_its_own_is_told_between_the_marks() -> None:
    tested = Bench(spec_of(A, 65001), spec_of(B, 65002, default_originate=True))
    giver, taker = tested.establish(A), meet(tested, B, enhanced_route_refresh())
    giver.announce(ONE, TWO)
    assert len(taker.told()) == 3
    for backlog in (0, 1 << 30):
        taker.transport.sent.clear()
        taker.transport.backlog = backlog
        taker.send(encode_route_refresh(IPV4))
        tested.turn()
        taker.transport.backlog = 0
        tested.turn()
        assert marks(taker) == [BEGIN, -1, -1, END]
        assert set(taker.told()) == {b"\0", prefix_of(ONE), prefix_of(TWO)}


def test_a_request_before_end_of_rib_gets_the_default_route_behind_the_mark() -> None:
    tested = Bench(spec_of(A, 65001), spec_of(B, 65002, default_originate=True))
    tested.establish(A).announce(ONE)
    peer = Peer(tested, B)
    theirs = make_open(peer.asn, peer.address, 90, FAMILIES, more=(enhanced_route_refresh(),))
    peer.session = negotiate(theirs, decode_open(peer.transport.messages()[0]))
    peer.send(encode_open(theirs))
    peer.keepalive()
    peer.send(encode_route_refresh(IPV4))
    tested.turn()
    found = marks(peer)
    assert found[found.index(BEGIN) :] == [BEGIN, -1, -1, END]


def test_a_plain_peer_gets_its_default_route_again_too() -> None:
    tested = Bench(spec_of(B, 65002, default_originate=True))
    taker = tested.establish(B)
    taker.transport.sent.clear()
    taker.send(encode_route_refresh(IPV4))
    tested.turn()
    assert set(taker.told()) == {b"\0"}
