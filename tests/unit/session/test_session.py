"""Session's questions and corners; its life is played in `tests/session`."""

from dataclasses import replace

import pytest

from bgpd.model import NeighborSpec
from bgpd.session.deadlines import Backoff
from bgpd.session.effects import Dial, Down, Drop, Moved, Send, Supersede, Up
from bgpd.session.fsm import State
from bgpd.session.session import Session, refusal
from bgpd.wire.capability import make_open
from bgpd.wire.iana import MessageType
from bgpd.wire.message import Notification, Open, decode
from bgpd.wire.writer import encode_keepalive, encode_open

SPEC = NeighborSpec(address=bytes((10, 0, 0, 2)), name="two", local_asn=4200000001, remote_asn=65002)
OUR_ID = bytes((10, 0, 0, 1))


def session(**changes: object) -> Session:
    return Session(replace(SPEC, **changes), OUR_ID, lambda: 1.0)  # type: ignore[arg-type]


def test_refusal_is_a_cease() -> None:
    assert decode(refusal(), None) == Notification(6, 7)


def test_a_new_session_waits_for_nothing() -> None:
    new = session()
    assert new.state is State.IDLE
    assert new.deadline == float("inf")
    assert new.hold_left(0.0) is None
    assert new.retry_in(0.0) is None
    assert not new.hold_due(1e12)
    assert not new.listening(0.0)
    assert new.expire(1e12) == []


def test_start_dials_once() -> None:
    new = session()
    effects = new.start(1.0)
    assert effects == [Dial(), Moved(State.IDLE, State.CONNECT, "dialing 10.0.0.2 port 179")]
    assert new.start(2.0) == []
    assert new.since == 1.0


def test_what_open_says() -> None:
    new = session(hold_time=30)
    new.start(0.0)
    send = new.tcp_up(0.0)[0]
    assert isinstance(send, Send)
    assert send.kind is MessageType.OPEN
    message = decode(send.data, None)
    assert isinstance(message, Open)
    assert (message.asn, message.hold_time, message.router_id) == (4200000001, 30, OUR_ID)
    assert message == new.local_open
    words = [capability.describe() for capability in message.capabilities]
    assert words[:4] == ["multiprotocol ipv4", "multiprotocol ipv6", "route-refresh", "four-octet-as 4200000001"]
    assert "graceful-restart 120 s, notification, ipv4, ipv6" in words
    assert "long-lived-graceful-restart" in words


def test_the_back_off_is_shared() -> None:
    backoff = Backoff(5, 30)
    dialing = Session(SPEC, OUR_ID, lambda: 1.0, backoff)
    accepted = Session(SPEC, OUR_ID, lambda: 1.0, backoff)
    dialing.start(0.0)
    dialing.tcp_failed(0.0, "refused")
    dialing.hold_back(accepted)
    assert dialing.deadline == float("inf")
    accepted.accept(1.0)
    accepted.reset(2.0)
    assert accepted.over
    dialing.release(2.0)
    assert dialing.deadline == 7.0


def test_release_resumes_what_was_due() -> None:
    dialing = session()
    dialing.start(0.0)
    dialing.tcp_failed(0.0, "refused")
    assert dialing.retry_in(0.0) == 5.0
    for _ in range(2):  # one accepted connection after another
        accepted = session()
        dialing.hold_back(accepted)
        accepted.accept(1.0)
        accepted.tcp_failed(1.0)
        dialing.release(1.0)
        assert dialing.rival is None
    assert dialing.deadline == 5.0
    assert dialing.release(1.0) == []
    assert dialing.deadline == 5.0


def test_a_held_session_starts_when_released() -> None:
    dialing, accepted = session(), session()
    dialing.hold_back(accepted)
    assert dialing.start(0.0) == []
    assert dialing.state is State.IDLE
    dialing.release(3.0)
    assert dialing.deadline == 3.0
    assert Dial() in dialing.expire(3.0)


def test_a_held_dial_that_hangs_is_given_up() -> None:
    dialing, accepted = session(), session()
    dialing.start(0.0)
    dialing.hold_back(accepted)
    accepted.accept(0.0)
    assert dialing.state is State.CONNECT
    effects = dialing.expire(5.0)
    assert effects[-1] == Moved(State.CONNECT, State.IDLE, "another connection with the peer is at work")
    assert dialing.deadline == float("inf")


@pytest.mark.parametrize("state", [State.IDLE, State.ACTIVE])
def test_nothing_to_give_way_with(state: State) -> None:
    waiting = session(passive=state is State.ACTIVE)
    if state is State.ACTIVE:
        waiting.start(0.0)
    assert waiting.give_way(0.0) == []
    assert waiting.state is state


def test_settings_that_change_while_waiting() -> None:
    waiting = session()
    waiting.start(0.0)
    waiting.tcp_failed(0.0, "refused")
    passive = replace(SPEC, passive=True)
    waiting.configure(SPEC, OUR_ID, 1.0)
    assert waiting.deadline == 5.0
    waiting.configure(passive, OUR_ID, 1.0)
    assert waiting.deadline == float("inf")
    waiting.configure(passive, OUR_ID, 2.0)
    waiting.configure(SPEC, OUR_ID, 3.0)
    assert waiting.deadline == 3.0
    assert Dial() in waiting.expire(3.0)
    waiting.configure(passive, OUR_ID, 4.0)
    waiting.tcp_failed(4.0, "refused")
    assert waiting.state is State.ACTIVE
    assert waiting.deadline == float("inf")


def test_settings_that_change_while_stopped_or_held() -> None:
    stopped = session(passive=True)
    stopped.configure(SPEC, OUR_ID, 1.0)
    assert stopped.deadline == float("inf")
    held = session(passive=True)
    held.start(0.0)
    held.hold_back(session())
    held.configure(SPEC, OUR_ID, 1.0)
    assert held.deadline == float("inf")
    held.release(2.0)
    assert held.deadline == 2.0


def test_a_second_rival_takes_the_place_of_the_first() -> None:
    """A neighbor may hold back again before it released: what was due stays due."""
    dialing, first, second = session(), session(), session()
    dialing.start(0.0)
    dialing.tcp_failed(0.0, "refused")
    dialing.hold_back(first)
    dialing.hold_back(second)
    assert dialing.rival is second
    dialing.release(1.0)
    assert dialing.deadline == 5.0


def test_a_dial_under_way_is_given_up_once_the_accepted_session_stands() -> None:
    dialing, accepted = session(), session()
    dialing.start(0.0)
    dialing.hold_back(accepted)
    accepted.accept(0.0)
    accepted.receive(encode_open(make_open(65002, bytes((10, 0, 0, 2)), 90)), 0.0)
    assert dialing.state is State.CONNECT
    effects = accepted.receive(encode_keepalive(), 0.0)
    assert effects[0] == Supersede()
    assert isinstance(effects[-1], Up)
    assert dialing.give_way(0.0)[0] == Drop()
    assert dialing.deadline == float("inf")
    assert dialing.backoff.failures == 0


def test_a_new_connection_knows_nothing_of_the_last_one() -> None:
    one = session()
    one.start(0.0)
    one.tcp_up(0.0)
    one.receive(encode_open(make_open(65002, bytes((10, 0, 0, 2)), 90)), 0.0)
    one.receive(encode_keepalive(), 0.0)
    one.tcp_failed(1.0)
    assert one.negotiated is not None, "still to be looked at after the end"
    one.expire(one.deadline)
    one.tcp_up(10.0)
    assert one.remote_open is None
    assert one.negotiated is None
    assert one.hold_left(10.0) is None


def test_silence_and_a_keepalive_due_together() -> None:
    one = session()
    one.start(0.0)
    one.tcp_up(0.0)
    one.receive(encode_open(make_open(65002, bytes((10, 0, 0, 2)), 90)), 0.0)
    one.receive(encode_keepalive(), 0.0)
    effects = one.expire(1000.0)  # a long sleep: both ran out
    assert [e.kind for e in effects if isinstance(e, Send)] == [MessageType.KEEPALIVE, MessageType.NOTIFICATION]
    assert isinstance(effects[-1], Down)
    assert one.deadline == 1005.0
