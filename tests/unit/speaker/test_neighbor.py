"""Two connections, one arbiter."""

from bgpd.session.fsm import State
from bgpd.speaker.neighbor import LATE_DIAL
from bgpd.wire.capability import make_open
from bgpd.wire.iana import Cease
from bgpd.wire.prefix import parse_address
from bgpd.wire.writer import encode_notification, encode_open
from tests.unit.speaker.helpers import ASN, Bench, FakeTransport, Peer, spec_of

LOW, HIGH = "192.168.1.1", "192.168.1.99"  # router ids below and above ours, 192.168.1.10


def collide(remote: str) -> tuple[Bench, Peer, Peer]:
    """Both sides dial at once, and the peer's OPEN comes on both connections."""
    bench = Bench(spec_of(remote))
    ours = Peer(bench, remote, dialed=True)
    theirs = Peer(bench, remote, dialed=False)
    ours.open()
    theirs.open()
    return bench, ours, theirs


def test_the_larger_router_id_keeps_its_connection() -> None:
    _, ours, theirs = collide(LOW)
    assert (bool(ours.transport.closed), bool(theirs.transport.closed)) == (False, True)
    assert theirs.transport.messages()[-1][18:21] == bytes((3, 6, Cease.COLLISION_RESOLUTION))
    _, ours, theirs = collide(HIGH)
    assert (bool(ours.transport.closed), bool(theirs.transport.closed)) == (True, False)


def test_the_winner_comes_up_and_nothing_more_is_dialed() -> None:
    bench, ours, theirs = collide(HIGH)
    theirs.keepalive()
    neighbor = bench.speaker.neighbors[ours.address]
    assert neighbor.live is neighbor.accepted
    assert neighbor.state is State.ESTABLISHED
    bench.wait(60)
    assert bench.dialer.dialed == [ours.address]


def test_after_an_accepted_session_ends_we_dial_again() -> None:
    bench = Bench(spec_of(HIGH))
    theirs = bench.establish(HIGH, dialed=False)
    bench.speaker.tcp_failed(theirs.address, "connection refused", bench.now)
    theirs.close()
    bench.wait(10)
    assert bench.dialer.dialed.count(theirs.address) >= 2
    assert bench.speaker.neighbors[theirs.address].accepted is None


def test_a_second_accepted_connection_replaces_one_without_open() -> None:
    bench = Bench(spec_of(LOW, passive=True))
    first = FakeTransport(parse_address(LOW), dialed=False)
    second = FakeTransport(parse_address(LOW), dialed=False)
    bench.speaker.tcp_up(first, bench.now)
    bench.speaker.tcp_up(second, bench.now)
    assert first.closed
    assert not second.closed
    bench.speaker.frame(second, encode_open(make_open(ASN, parse_address(LOW), 90)), bench.now)
    assert bench.speaker.neighbors[parse_address(LOW)].state is State.OPEN_CONFIRM


def test_figures() -> None:
    bench = Bench(spec_of(LOW))
    peer = bench.establish(LOW)
    neighbor = bench.speaker.neighbors[peer.address]
    assert neighbor.established_count == 1
    assert (neighbor.messages_received[1], neighbor.messages_received[4]) == (1, 1)
    assert (neighbor.messages_sent[1], neighbor.messages_sent[4]) == (1, 1)
    peer.send(encode_notification(6, Cease.ADMINISTRATIVE_RESET))
    assert neighbor.notifications_received[6, 4] == 1
    assert neighbor.dropped["notification-received"] == 1
    assert neighbor.live is None


def test_a_wrong_as_is_refused_in_words() -> None:
    bench = Bench(spec_of(LOW))
    peer = Peer(bench, LOW)
    peer.send(encode_open(make_open(65001, peer.address, 90)))
    assert peer.transport.messages()[-1][18:21] == b"\x03\x02\x02"
    line = bench.events("session")[-1]
    assert "65001" in str(line["reason"])
    level = [level for level, event, fields in bench.logged if event == "session" and fields is line]
    assert level == ["warning"]


def test_a_session_that_a_collision_moves_is_one_session() -> None:
    """The peer chose the other connection after ours was Established (RFC 4271 6.8 allows that): nothing was lost."""
    bench = Bench(spec_of(LOW))
    peer = bench.establish(LOW)
    peer.send(encode_notification(6, Cease.COLLISION_RESOLUTION))
    neighbor = bench.speaker.neighbors[peer.address]
    assert (neighbor.live, dict(neighbor.dropped)) == (None, {})
    bench.establish(LOW, dialed=False)
    assert neighbor.established_count == 1


def test_a_collision_excuses_only_what_follows_at_once() -> None:
    bench = Bench(spec_of(LOW))
    peer = bench.establish(LOW)
    peer.send(encode_notification(6, Cease.COLLISION_RESOLUTION))
    bench.wait(LATE_DIAL + 1)
    bench.establish(LOW, dialed=False)
    assert bench.speaker.neighbors[peer.address].established_count == 2
