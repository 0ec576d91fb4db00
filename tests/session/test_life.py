"""Two speakers, one wire: how sessions come up, stay up, and end, with the words that people read."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bgpd.session.effects import Down, DownReason, Effect, Moved, Send
from bgpd.session.fsm import State
from bgpd.session.session import Session
from bgpd.wire.capability import Capability, Open, make_open, multiprotocol
from bgpd.wire.errors import WireError
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.iana import Cease, MessageType
from bgpd.wire.message import Notification, decode
from bgpd.wire.writer import (
    encode_keepalive,
    encode_message,
    encode_notification,
    encode_open,
    encode_route_refresh,
)
from tests.session.specs import LEFT_ADDRESS, one_way, pair
from tests.session.world import World, steady

LEFT_ID, RIGHT_ID = b"\x0a\0\0\x01", b"\x0a\0\0\x02"


def established() -> World:
    world = World(*one_way())
    world.right.start()
    world.start()
    assert world.left.state is world.right.state is State.ESTABLISHED
    return world


class Peer:
    """One session and its peer played by hand: what is sent is decoded, what arrives is said by the test."""

    def __init__(self, *, internal: bool = False, hold_time: int = 90) -> None:
        left, _ = pair(65001, 65001 if internal else 65002)
        self.spec = replace(left, hold_time=hold_time)
        self.session = Session(self.spec, LEFT_ID, steady)
        self.now = 500.0

    def open(self) -> Open:
        return make_open(self.spec.remote_asn, RIGHT_ID, 90)

    def up_to(self, state: State) -> "Peer":
        session = self.session
        if state >= State.CONNECT:
            session.start(self.now)
        if state is State.ACTIVE:
            session.tcp_failed(self.now, "connection refused")
        if state >= State.OPEN_SENT:
            session.tcp_up(self.now)
        if state >= State.OPEN_CONFIRM:
            session.receive(encode_open(self.open()), self.now)
        if state >= State.ESTABLISHED:
            session.receive(encode_keepalive(), self.now)
        assert session.state is state
        return self


def notification_in(effects: Sequence[Effect]) -> Notification | None:
    found = [e for e in effects if isinstance(e, Send) and e.kind is MessageType.NOTIFICATION]
    assert len(found) <= 1
    if not found:
        return None
    message = decode(found[0].data, None)
    assert isinstance(message, Notification)
    return message


def down_in(effects: Sequence[Effect]) -> Down:
    (down,) = [e for e in effects if isinstance(e, Down)]
    assert isinstance(effects[-1], Down)
    return down


# ===== up =====


def test_establish() -> None:
    world = established()
    assert world.left.ups == world.right.ups == 1
    assert world.left.moves() == [
        ("Idle", "Connect", "dialing 192.168.1.11 port 179"),
        ("Connect", "OpenSent", "connected to 192.168.1.11, OPEN sent"),
        ("OpenSent", "OpenConfirm", "OPEN received: AS 65002, router id 10.0.0.2, hold time 90 s"),
        ("OpenConfirm", "Established", "KEEPALIVE received: hold time 90 s, families ipv4, ipv6"),
    ]
    assert world.right.moves()[:2] == [
        ("Idle", "Active", "waiting for 192.168.1.10 to connect (passive)"),
        ("Active", "OpenSent", "accepted a connection from 192.168.1.10, OPEN sent"),
    ]
    session = world.left.dialing
    assert session.negotiated is not None
    assert (session.negotiated.remote_asn, session.negotiated.remote_router_id) == (65002, RIGHT_ID)
    assert session.negotiated.families == (IPV4, IPV6)


def test_keepalives_and_no_expiry() -> None:
    world = established()
    before = world.left.sent(MessageType.KEEPALIVE)
    world.advance(300)
    assert world.left.state is world.right.state is State.ESTABLISHED
    assert world.left.sent(MessageType.KEEPALIVE) - before == 10  # one each 30 s


@pytest.mark.parametrize(
    ("left_hold", "right_hold", "keepalive", "every"),
    [(90, 90, 30, 30.0), (90, 9, 30, 3.0), (9, 90, 30, 3.0), (90, 90, 10, 10.0), (3, 3, 30, 1.0), (100, 90, 60, 30.0)],
)
def test_hold_and_keepalive_are_negotiated(left_hold: int, right_hold: int, keepalive: int, every: float) -> None:
    left, right = one_way()
    world = World(replace(left, hold_time=left_hold, keepalive_time=keepalive), replace(right, hold_time=right_hold))
    world.right.start()
    world.start()
    session = world.left.dialing
    assert session.state is State.ESTABLISHED
    assert session.hold_left(world.now) == min(left_hold, right_hold)
    assert session.deadlines.keepalive == world.now + every


def test_keepalives_are_jittered() -> None:
    peer = Peer()
    factors = iter([1.0, 0.75, 0.9])
    session = peer.session = Session(peer.spec, LEFT_ID, lambda: next(factors))
    peer.up_to(State.ESTABLISHED)
    assert session.deadlines.keepalive == peer.now + 22.5
    (send,) = session.expire(peer.now + 22.5)
    assert isinstance(send, Send)
    assert send.kind is MessageType.KEEPALIVE
    assert session.deadlines.keepalive == peer.now + 22.5 + 27.0


@pytest.mark.parametrize("side", ["left", "right"])
def test_hold_time_zero_disables_both_timers(side: str) -> None:
    left, right = one_way()
    specs = (replace(left, hold_time=0), right) if side == "left" else (left, replace(right, hold_time=0))
    world = World(*specs)
    world.right.start()
    world.start()
    assert world.left.state is State.ESTABLISHED
    assert world.left.deadline == world.right.deadline == float("inf")
    assert world.left.dialing.hold_left(world.now) is None
    world.left.dialing.update_seen(world.now)
    assert world.left.deadline == float("inf")


def test_hold_time_zero_does_not_wait_for_ever_in_open_confirm() -> None:
    peer = Peer(hold_time=0).up_to(State.OPEN_CONFIRM)
    assert peer.session.deadline == peer.now + 240
    effects = peer.session.expire(peer.now + 240)
    assert down_in(effects).reason is DownReason.NO_OPEN
    assert down_in(effects).text == "no KEEPALIVE from the peer within 240 s"


# ===== down =====


def test_hold_timer_expires() -> None:
    world = established()
    world.cut = True
    world.advance(89)
    assert world.left.state is State.ESTABLISHED
    world.advance(2)
    for side in world.sides.values():
        (down,) = side.downs()
        assert down.reason is DownReason.HOLD_EXPIRED
        assert down.text == "hold timer expired after 90 s without a message"
        assert down.notification == Notification(4, 0)
        assert down.sent
        assert down.established


def test_any_message_rearms_the_hold_timer() -> None:
    peer = Peer().up_to(State.ESTABLISHED)
    session = peer.session
    frames = [encode_keepalive(), encode_route_refresh(IPV4), encode_message(b"\x02", bytes(4))]
    for frame in frames:
        peer.now += 50
        session.receive(frame, peer.now)
        assert session.hold_left(peer.now) == 90
    peer.now += 50
    session.update_seen(peer.now)
    assert session.hold_left(peer.now) == 90


def test_a_late_speaker_does_not_blame_the_peer() -> None:
    peer = Peer().up_to(State.ESTABLISHED)
    session = peer.session
    peer.now += 200  # we slept
    assert session.hold_due(peer.now)
    effects = session.expire(peer.now, unread=True)
    assert [e.kind for e in effects if isinstance(e, Send)] == [MessageType.KEEPALIVE]
    assert session.state is State.ESTABLISHED
    assert not session.hold_due(peer.now)
    # A peer that really stopped is still caught, as soon as nothing is left to read.
    effects = session.expire(peer.now + 1, unread=False)
    assert down_in(effects).reason is DownReason.HOLD_EXPIRED


def test_no_open() -> None:
    peer = Peer().up_to(State.OPEN_SENT)
    assert peer.session.deadline == peer.now + 240
    assert peer.session.expire(peer.now + 239) == []
    peer.session.expire(peer.now + 240, unread=True)
    assert peer.session.deadline == peer.now + 241
    effects = peer.session.expire(peer.now + 241)
    assert notification_in(effects) == Notification(4, 0)
    assert down_in(effects).text == "no OPEN from the peer within 240 s"


@pytest.mark.parametrize(
    ("why", "text"), [("", "peer 192.168.1.11 closed the connection"), ("reset by peer", "reset by peer")]
)
def test_tcp_closes(why: str, text: str) -> None:
    peer = Peer().up_to(State.ESTABLISHED)
    effects = peer.session.tcp_failed(peer.now, why)
    assert notification_in(effects) is None
    down = down_in(effects)
    assert (down.reason, down.text, down.notification, down.established) == (DownReason.TCP_CLOSED, text, None, True)
    assert peer.session.state is State.IDLE


def test_dial_fails_and_is_tried_again() -> None:
    peer = Peer().up_to(State.CONNECT)
    effects = peer.session.tcp_failed(peer.now, "connection refused")
    assert effects == [Moved(State.CONNECT, State.ACTIVE, "connection refused", 5.0)]
    assert peer.session.retry_in(peer.now) == 5.0
    effects = peer.session.expire(peer.now + 5)
    assert peer.session.state is State.CONNECT
    # No answer at all: give up this dial and begin another one.
    assert peer.session.deadline == peer.now + 10
    assert [type(effect).__name__ for effect in peer.session.expire(peer.now + 10)] == ["Drop", "Dial"]
    assert peer.session.backoff.failures == 0


def test_backoff_doubles_and_is_forgotten() -> None:
    peer = Peer()
    session = peer.session
    waits = []
    for _ in range(5):
        session.start(peer.now)
        peer.now = session.deadline if session.state is State.IDLE else peer.now
        session.expire(peer.now)
        session.tcp_up(peer.now)
        session.fail(WireError(1, 1), peer.now)
        waits.append(session.deadline - peer.now)
        session._wanted = True
        peer.now = session.deadline
        session.expire(peer.now)
    # `start` above acted only the first time: the session comes back by itself.
    assert waits == [5, 10, 20, 30, 30]
    session.tcp_up(peer.now)
    session.receive(encode_open(peer.open()), peer.now)
    session.receive(encode_keepalive(), peer.now)
    session.tcp_failed(peer.now + 29)
    assert session.deadline == peer.now + 29 + 30, "not stable yet"
    peer.now = session.deadline
    session.expire(peer.now)
    session.tcp_up(peer.now)
    session.receive(encode_open(peer.open()), peer.now)
    session.receive(encode_keepalive(), peer.now)
    session.tcp_failed(peer.now + 30)
    assert session.deadline == peer.now + 30 + 5, "was stable"


def test_a_peer_that_came_back_is_let_in_once() -> None:
    peer = Peer().up_to(State.ESTABLISHED)
    session = peer.session
    assert session.listening(peer.now)
    session.tcp_failed(peer.now)
    assert session.listening(peer.now)
    session.start(peer.now)  # no waiting for those who ask
    session.tcp_up(peer.now)
    session.fail(WireError(1, 1), peer.now)
    session.expire(session.deadline)
    session.tcp_up(peer.now)
    session.fail(WireError(1, 1), peer.now)
    assert session.backoff.failures == 2
    assert not session.listening(peer.now)
    assert session.listening(session.deadline)
    session.stop(peer.now)
    assert not session.listening(peer.now + 1000)


# ===== what is wrong with an OPEN =====


VERSION_3 = encode_message(b"\x01", b"\x03" + encode_open(make_open(65002, RIGHT_ID, 90))[20:])
ODD_PARAMETER = encode_message(b"\x01", b"\x04" + (65002).to_bytes(2) + b"\0\x5a" + RIGHT_ID + b"\x04\x01\x02ab")
OTHER_FAMILY = encode_open(Open(65002, 90, RIGHT_ID, (Capability(1, b"\0\x19\0\x41"),)))

OPENS = [
    ("version", VERSION_3, (2, 1, b"\0\x04"), DownReason.BAD_VERSION),
    ("as", encode_open(make_open(65003, RIGHT_ID, 90)), (2, 2, b""), DownReason.BAD_PEER_AS),
    ("as-zero", encode_open(make_open(0, RIGHT_ID, 90)), (2, 2, b""), DownReason.BAD_PEER_AS),
    ("id-zero", encode_open(make_open(65002, bytes(4), 90)), (2, 3, b""), DownReason.BAD_ROUTER_ID),
    ("parameter", ODD_PARAMETER, (2, 4, b""), DownReason.OPEN_ERROR),
    ("hold-1", encode_open(make_open(65002, RIGHT_ID, 1)), (2, 6, b""), DownReason.BAD_HOLD_TIME),
    ("hold-2", encode_open(make_open(65002, RIGHT_ID, 2)), (2, 6, b""), DownReason.BAD_HOLD_TIME),
    ("family", OTHER_FAMILY, (2, 7, b"\1\4\0\1\0\1\1\4\0\2\0\1"), DownReason.BAD_CAPABILITY),
    ("cut", encode_message(b"\x01", b"\x04\0\0"), (1, 2, b"\0\x16"), DownReason.HEADER_ERROR),
]


@pytest.mark.parametrize(("frame", "expected", "reason"), [o[1:] for o in OPENS], ids=[o[0] for o in OPENS])
def test_unacceptable_open(frame: bytes, expected: tuple[int, int, bytes], reason: DownReason) -> None:
    peer = Peer().up_to(State.OPEN_SENT)
    effects = peer.session.receive(frame, peer.now)
    assert notification_in(effects) == Notification(*expected)
    down = down_in(effects)
    assert down.reason is reason
    assert down.sent
    assert not down.established
    assert down.text.startswith("sent NOTIFICATION ")
    assert peer.session.state is State.IDLE
    assert peer.session.retry_in(peer.now) == 5.0
    assert peer.session.last_notification is not None
    assert peer.session.last_notification.sent


def test_wrong_as_says_both_numbers() -> None:
    peer = Peer().up_to(State.OPEN_SENT)
    text = down_in(peer.session.receive(encode_open(make_open(65003, RIGHT_ID, 90)), peer.now)).text
    assert "OPEN Message Error: Bad Peer AS" in text
    assert "65003" in text
    assert "65002" in text


@pytest.mark.parametrize(("internal", "state"), [(True, State.IDLE), (False, State.OPEN_CONFIRM)])
def test_our_own_router_id(internal: bool, state: State) -> None:
    """Wrong inside one AS only (RFC 6286)."""
    peer = Peer(internal=internal).up_to(State.OPEN_SENT)
    effects = peer.session.receive(encode_open(make_open(peer.spec.remote_asn, LEFT_ID, 90)), peer.now)
    assert peer.session.state is state
    assert notification_in(effects) == (Notification(2, 3) if internal else None)


def test_a_peer_without_capabilities_speaks_ipv4() -> None:
    peer = Peer().up_to(State.OPEN_SENT)
    peer.session.receive(encode_open(Open(65002, 90, RIGHT_ID)), peer.now)
    assert peer.session.negotiated is not None
    assert peer.session.negotiated.families == (IPV4,)


def test_wrong_as_harms_nothing_else_and_is_tried_again() -> None:
    left, right = pair(65001, 65002)
    world = World(replace(left, remote_asn=65009), right)
    world.start()
    world.advance(120)
    assert world.left.ups == world.right.ups == 0
    assert DownReason.BAD_PEER_AS in {down.reason for down in world.left.downs()}
    assert len(world.left.downs()) < 20, "damped"


# ===== garbage and surprises =====


def test_garbage_in_place_of_bgp() -> None:
    world = World(*one_way())
    world.right.start()
    world.left.start()
    wire = world.wires[0]
    world.step((0, "right"))
    wire.inbound["right"].append(b"GET / HTTP/1.1\r\nHost: example\r\n\r\n")
    world.settle()
    (down,) = world.right.downs()
    assert (down.reason, down.notification) == (DownReason.HEADER_ERROR, Notification(1, 1))
    assert world.right.state is State.ACTIVE


KINDS = {
    MessageType.OPEN: encode_open(make_open(65002, RIGHT_ID, 90)),
    MessageType.UPDATE: encode_message(b"\x02", bytes(4)),
    MessageType.KEEPALIVE: encode_keepalive(),
    MessageType.ROUTE_REFRESH: encode_route_refresh(IPV4),
}
UNEXPECTED = [
    (State.OPEN_SENT, 1, (MessageType.UPDATE, MessageType.KEEPALIVE, MessageType.ROUTE_REFRESH)),
    (State.OPEN_CONFIRM, 2, (MessageType.OPEN, MessageType.UPDATE, MessageType.ROUTE_REFRESH)),
    (State.ESTABLISHED, 3, (MessageType.OPEN,)),
]


@pytest.mark.parametrize(("state", "subcode", "kind"), [(s, c, k) for s, c, kinds in UNEXPECTED for k in kinds])
def test_a_message_that_has_no_place(state: State, subcode: int, kind: MessageType) -> None:
    """RFC 6608: the subcode is the state's, the data is the message's type."""
    peer = Peer().up_to(state)
    effects = peer.session.receive(KINDS[kind], peer.now)
    assert notification_in(effects) == Notification(5, subcode, bytes((kind,)))
    down = down_in(effects)
    assert down.reason is DownReason.FSM_ERROR
    assert kind.label in down.text
    assert state.label in down.text


def test_a_second_notification_of_anything() -> None:
    """What still arrives from a connection that has ended is not looked at."""
    peer = Peer().up_to(State.ESTABLISHED)
    peer.session.fail(WireError(1, 2, b"\0\0"), peer.now)
    for frame in KINDS.values():
        assert peer.session.receive(frame, peer.now) == []
    assert peer.session.fail(WireError(1, 1), peer.now) == []
    assert peer.session.tcp_failed(peer.now) == []


@pytest.mark.parametrize("state", [State.OPEN_SENT, State.OPEN_CONFIRM, State.ESTABLISHED])
@pytest.mark.parametrize(("code", "subcode"), [(1, 1), (2, 1), (2, 2), (3, 1), (4, 0), (5, 2), (6, 2), (6, 7), (99, 9)])
def test_a_notification_is_never_answered(state: State, code: int, subcode: int) -> None:
    peer = Peer().up_to(state)
    effects = peer.session.receive(encode_notification(code, subcode, b"\x01x"), peer.now)
    assert notification_in(effects) is None
    down = down_in(effects)
    assert down.notification == Notification(code, subcode, b"\x01x")
    assert not down.sent
    assert down.established == (state is State.ESTABLISHED)
    assert down.reason is (DownReason.COLLISION if (code, subcode) == (6, 7) else DownReason.NOTIFICATION)
    assert down.text.startswith("received NOTIFICATION ")
    notice = peer.session.last_notification
    assert notice is not None
    assert (notice.notification, notice.sent, notice.at) == (down.notification, False, peer.now)
    assert peer.session.state is State.IDLE
    assert peer.session.deadline == peer.now + 5


@pytest.mark.parametrize("state", [State.OPEN_SENT, State.OPEN_CONFIRM, State.ESTABLISHED])
@pytest.mark.parametrize("error", [WireError(1, 2, b"\0\x01"), WireError(2, 0), WireError(3, 1), WireError(7, 1, b"x")])
def test_fail(state: State, error: WireError) -> None:
    peer = Peer().up_to(state)
    sent = notification_in(peer.session.fail(error, peer.now))
    fits = error.code == 1 or (error.code == 2) == (state < State.ESTABLISHED)
    if fits:
        assert sent == Notification(error.code, error.subcode, error.data)
    else:
        assert sent is not None
        assert sent.code == 5


def test_an_error_before_tcp_stands_is_nobodys() -> None:
    peer = Peer().up_to(State.CONNECT)
    effects = peer.session.fail(WireError(1, 1), peer.now)
    assert notification_in(effects) is None
    assert peer.session.state is State.IDLE


# ===== route refresh =====


def test_route_refresh_is_delivered() -> None:
    world = established()
    wire = world.wires[0]
    wire.send("left", encode_route_refresh(IPV6))
    world.settle()
    assert world.right.refreshed == [IPV6]
    wire.send("left", encode_route_refresh(IPV4))
    world.settle()
    assert world.right.refreshed == [IPV6, IPV4]
    assert world.right.state is State.ESTABLISHED


def test_route_refresh_of_another_family_is_ignored() -> None:
    peer = Peer().up_to(State.OPEN_SENT)
    peer.session.receive(encode_open(Open(65002, 90, RIGHT_ID, (multiprotocol(IPV4),))), peer.now)
    peer.session.receive(encode_keepalive(), peer.now)
    assert peer.session.receive(encode_route_refresh(IPV6), peer.now) == []
    assert peer.session.receive(encode_message(b"\x05", b"\x40\x04\0\x47"), peer.now) == []
    assert len(peer.session.receive(encode_route_refresh(IPV4), peer.now)) == 1
    assert peer.session.state is State.ESTABLISHED


def test_malformed_route_refresh() -> None:
    peer = Peer().up_to(State.ESTABLISHED)
    frame = encode_message(b"\x05", b"\0\x01\0\x01\x00")
    effects = peer.session.receive(frame, peer.now)
    assert notification_in(effects) == Notification(7, 1, frame)
    assert down_in(effects).reason is DownReason.REFRESH_ERROR


# ===== stopping =====


@pytest.mark.parametrize("state", list(State))
def test_stop_in_every_state(state: State) -> None:
    peer = Peer().up_to(state)
    effects = peer.session.stop(peer.now, Cease.ADMINISTRATIVE_SHUTDOWN, "moving to rack 7")
    stood = state >= State.OPEN_SENT
    assert notification_in(effects) == (Notification(6, 2, b"\x10moving to rack 7") if stood else None)
    assert peer.session.state is State.IDLE
    assert peer.session.deadline == float("inf"), "it stays down"
    if stood:
        assert down_in(effects).text == "sent NOTIFICATION Cease: Administrative Shutdown (moving to rack 7)"
        assert down_in(effects).reason is DownReason.STOPPED
    elif state is not State.IDLE:
        assert effects[-1] == Moved(state, State.IDLE, "stopped")
    else:
        assert effects == []
    restarted = peer.session.start(peer.now)
    assert restarted[-1] == Moved(State.IDLE, State.CONNECT, "dialing 192.168.1.11 port 179")


def test_stop_in_backoff() -> None:
    peer = Peer().up_to(State.ESTABLISHED)
    peer.session.tcp_failed(peer.now)
    assert peer.session.deadline == peer.now + 5
    assert peer.session.stop(peer.now) == []
    assert peer.session.deadline == float("inf")
    assert peer.session.reason == "stopped"


def test_the_peers_words_arrive() -> None:
    world = established()
    world.left.stop(Cease.ADMINISTRATIVE_SHUTDOWN, "moving to rack 7 \N{SNOWMAN}")
    world.settle()
    (down,) = world.right.downs()
    assert down.text == (
        "received NOTIFICATION Cease: Hard Reset (Cease: Administrative Shutdown (moving to rack 7 \N{SNOWMAN}))"
    )
    world.advance(100)
    assert world.left.state is State.IDLE
    assert world.left.ups == world.right.ups == 1


@pytest.mark.parametrize(("subcode", "data"), [(Cease.PEER_DECONFIGURED, b""), (Cease.ADMINISTRATIVE_RESET, b"\x01x")])
def test_only_some_subcodes_carry_words(subcode: Cease, data: bytes) -> None:
    peer = Peer().up_to(State.ESTABLISHED)
    assert notification_in(peer.session.stop(peer.now, subcode, "x")) == Notification(6, subcode, data)


def test_long_words_are_cut_at_a_character() -> None:
    peer = Peer().up_to(State.ESTABLISHED)
    sent = notification_in(peer.session.stop(peer.now, Cease.ADMINISTRATIVE_SHUTDOWN, "\N{SNOWMAN}" * 100))
    assert sent is not None
    assert sent.data == b"\xff" + "\N{SNOWMAN}".encode() * 85


@pytest.mark.parametrize("state", list(State))
def test_drop_says_nothing(state: State) -> None:
    peer = Peer().up_to(state)
    effects = peer.session.drop(peer.now, "restarting")
    assert notification_in(effects) is None
    assert peer.session.state is State.IDLE
    assert peer.session.deadline == float("inf")
    if state >= State.OPEN_SENT:
        down = down_in(effects)
        assert (down.reason, down.text, down.notification) == (DownReason.ABANDONED, "restarting", None)


@pytest.mark.parametrize("state", [State.OPEN_SENT, State.OPEN_CONFIRM, State.ESTABLISHED])
def test_reset_comes_back(state: State) -> None:
    peer = Peer().up_to(state)
    effects = peer.session.reset(peer.now, Cease.MAXIMUM_PREFIXES)
    assert notification_in(effects) == Notification(6, 1)
    assert down_in(effects).reason is DownReason.RESET
    assert peer.session.deadline == peer.now + 5
    restarted = peer.session.expire(peer.now + 5)
    assert restarted[-1] == Moved(State.IDLE, State.CONNECT, "dialing 192.168.1.11 port 179")


# ===== two connections =====


def test_a_restarted_peer_is_back_at_once() -> None:
    world = established()
    world.left.stop()
    world.settle()
    world.left.start()
    world.settle()
    assert world.left.state is world.right.state is State.ESTABLISHED
    assert world.left.ups == world.right.ups == 2


def test_the_one_that_dials_waits_for_the_accepted_one() -> None:
    world = World(*pair())
    world.left.start()
    world.settle()  # refused: right has not started
    assert world.left.moves()[-1] == ("Connect", "Active", "connection refused")
    world.right.start()
    world.settle()
    assert world.left.up is world.left.sessions()[1]
    assert world.left.dialing.held is True
    world.advance(100)
    assert world.dialed == 2, "nothing more was dialed"
    # Right goes down for good; left dials again after its back-off.
    world.right.stop()
    world.settle()
    assert len(world.left.sessions()) == 1
    world.advance(4.5)
    assert world.dialed == 2
    world.advance(1)
    assert world.dialed == 3


def test_a_stranger_that_never_says_open_is_replaced() -> None:
    world = World(*pair())
    world.left.start()
    world.settle()
    world.right.start()
    wire = world.wires[0]
    world.step((0, "left"))
    first = world.left.accepted
    assert first is not None
    assert first.state is State.OPEN_SENT
    wire.close("right")  # the peer crashed: left hears nothing of it
    wire.inbound["left"].clear()
    world.right.wires.clear()
    world.right.carry(world.right.dialing, world.right.dialing.tcp_failed(world.now, "crash"))
    world.advance(10)
    assert world.left.state is world.right.state is State.ESTABLISHED
    assert first.over
    assert [down.reason for down in world.left.downs()] == [DownReason.COLLISION]


def test_an_established_session_refuses_another_connection() -> None:
    world = established()
    intruder = world.dial("left")
    world._handshake(intruder, world.right)
    assert list(intruder.inbound["left"])[1] == encode_notification(6, 7)
    assert world.right.state is State.ESTABLISHED
    assert not world.right.downs()


def test_passive_never_dials() -> None:
    left, right = pair()
    world = World(replace(left, passive=True), replace(right, passive=True))
    world.start()
    world.advance(1000)
    assert world.dialed == 0
    assert world.left.state is State.ACTIVE
    assert world.left.dialing.retry_in(world.now) is None


def test_passive_is_back_in_active_after_a_stop_and_start_while_held() -> None:
    world = established()
    right = world.right
    right.dialing.stop(world.now)
    right.dialing.start(world.now)
    right.carry(right.sessions()[1], right.sessions()[1].stop(world.now))
    world.advance(0)
    assert right.dialing.state is State.ACTIVE


def test_tcp_that_nobody_wants() -> None:
    peer = Peer()
    assert [type(effect).__name__ for effect in peer.session.tcp_up(peer.now)] == ["Drop"]


def test_reasons_name_the_address_not_a_packed_one() -> None:
    spec = replace(pair()[1], address=LEFT_ADDRESS)
    session = Session(spec, RIGHT_ID, steady)
    session.start(0.0)
    assert session.reason == "dialing 192.168.1.10 port 179"
