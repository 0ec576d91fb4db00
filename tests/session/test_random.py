"""Anything, in any order: nothing raises, and what is left always makes sense."""

from collections.abc import Callable
from dataclasses import replace
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from bgpd.session.deadlines import Timer
from bgpd.session.effects import Dial, Down, Drop, Effect, Moved, Send, Up
from bgpd.session.fsm import State
from bgpd.session.session import Session
from bgpd.wire.capability import Open, make_open
from bgpd.wire.errors import WireError
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.iana import Cease, MessageType
from bgpd.wire.writer import (
    encode_keepalive,
    encode_message,
    encode_notification,
    encode_open,
    encode_route_refresh,
)
from tests.session.specs import pair
from tests.session.world import Side, World

OUR_ID, PEER_ID = b"\x0a\0\0\x01", b"\x0a\0\0\x02"
IN_STATE: dict[State, set[frozenset[Timer]]] = {
    State.IDLE: {frozenset(), frozenset({Timer.IDLE_HOLD})},
    State.CONNECT: {frozenset({Timer.CONNECT_RETRY})},
    State.ACTIVE: {frozenset(), frozenset({Timer.CONNECT_RETRY})},
    State.OPEN_SENT: {frozenset({Timer.OPEN_HOLD})},
    State.OPEN_CONFIRM: {frozenset({Timer.HOLD, Timer.KEEPALIVE}), frozenset({Timer.OPEN_HOLD})},
    State.ESTABLISHED: {frozenset({Timer.HOLD, Timer.KEEPALIVE}), frozenset()},
}

opens = st.builds(
    make_open, st.sampled_from([65002, 65003, 0, 4200000000]), st.sampled_from([PEER_ID, OUR_ID, bytes(4)]),
    st.sampled_from([0, 1, 3, 90, 65535]), st.sampled_from([(IPV4,), (IPV4, IPV6), ()]),
)  # fmt: skip
frames = st.one_of(
    opens.map(encode_open),
    st.just(encode_open(Open(65002, 90, PEER_ID))),
    st.just(encode_keepalive()),
    st.builds(encode_notification, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=40)),
    st.sampled_from([encode_route_refresh(IPV4), encode_route_refresh(IPV6)]),
    st.builds(encode_message, st.sampled_from([bytes((kind,)) for kind in range(7)]), st.binary(max_size=60)),
)
errors = st.builds(WireError, st.integers(0, 9), st.integers(0, 12), st.binary(max_size=10), st.text(max_size=5))
Call = Callable[[Session, float], list[Effect]]


def _seen(session: Session, now: float) -> list[Effect]:
    session.update_seen(now)
    return []


calls: st.SearchStrategy[Call] = st.one_of(
    st.just(lambda s, now: s.start(now)),
    st.just(lambda s, now: s.tcp_up(now)),
    st.just(lambda s, now: s.tcp_up(now)),
    st.just(_seen),
    frames.map(lambda frame: lambda s, now: s.receive(frame, now)),
    frames.map(lambda frame: lambda s, now: s.receive(frame, now)),
    st.text(max_size=8).map(lambda why: lambda s, now: s.tcp_failed(now, why)),
    st.text(max_size=300).map(lambda text: lambda s, now: s.stop(now, Cease.ADMINISTRATIVE_SHUTDOWN, text)),
    st.just(lambda s, now: s.reset(now)),
    st.just(lambda s, now: s.drop(now, "restarting")),
    st.just(lambda s, now: s.give_way(now)),
    errors.map(lambda error: lambda s, now: s.fail(error, now)),
    st.booleans().map(lambda unread: lambda s, now: s.expire(now, unread=unread)),
    st.booleans().map(lambda unread: lambda s, now: s.expire(now, unread=unread)),
)


class Checker:
    """One session, and what its effects must add up to."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.state = session.state
        self.stands = False  # a connection that was said to be there
        self.dialing = False
        self.established = False

    def take(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                assert self.stands or effect.kind is MessageType.OPEN
                assert len(effect.data) == int.from_bytes(effect.data[16:18])
                assert effect.data[18] == effect.kind
                self.stands = True
            elif isinstance(effect, Dial):
                assert not self.dialing
                assert not self.stands
                self.dialing = True
            elif isinstance(effect, Drop):
                self.dialing = self.stands = False
            elif isinstance(effect, Moved):
                assert effect.old is self.state is not effect.new
                assert isinstance(effect.reason, str)
                self.state = effect.new
            elif isinstance(effect, Up):
                assert not self.established
                self.established = True
            elif isinstance(effect, Down):
                assert effect.established == self.established
                assert effect.sent <= (effect.notification is not None)
                self.established = False
        session = self.session
        assert session.state is self.state
        assert self.established == (session.state is State.ESTABLISHED)
        assert self.stands == (session.state >= State.OPEN_SENT)
        running = session.deadlines.running()
        assert frozenset(running) in IN_STATE[session.state], (session.state, running)
        assert session.deadline == (min(running.values()) if running else inf)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(calls, st.floats(0, 100)), max_size=40), st.booleans(), st.sampled_from([0, 3, 90]))
def test_a_session(story: list[tuple[Call, float]], passive: bool, hold_time: int) -> None:
    spec = replace(pair(65001, 65002)[0], passive=passive, hold_time=hold_time)
    session = Session(spec, OUR_ID, lambda: 0.8)
    checker = Checker(session)
    now = 0.0
    for call, wait in story:
        now += wait
        before = session.state
        effects = call(session, now)
        if before in (State.CONNECT, State.ACTIVE) and session.state in (State.ACTIVE, State.IDLE):
            checker.dialing = False  # the dial failed
        checker.take(effects)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(calls, st.floats(0, 100)), max_size=20))
def test_an_accepted_session(story: list[tuple[Call, float]]) -> None:
    """It never begins again: once its connection is gone, it is over."""
    session = Session(pair(65001, 65002)[0], OUR_ID, lambda: 0.8)
    now = 0.0
    effects = session.accept(now)
    assert isinstance(effects[0], Send)
    for call, wait in story:
        now += wait
        call(session, now)
        assert session.over == (session.state < State.OPEN_SENT)
        if session.over:
            assert session.deadline == inf
            return


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_two_sides_on_a_bad_day(data: st.DataObject) -> None:
    """Messages, cuts, stops and time in any order; then peace: both sides end up on one connection."""
    world = World(*pair(65001, 65002))
    for _ in range(data.draw(st.integers(0, 40))):
        steps = world.steps()
        what = data.draw(st.sampled_from(["step", "step", "step", "start", "stop", "time", "close", "reset"]))
        side: Side = world.sides[data.draw(st.sampled_from(["left", "right"]))]
        if what == "step" and steps:
            world.step(data.draw(st.sampled_from(steps)))
        elif what == "start":
            side.start()
        elif what == "stop":
            side.stop()
        elif what == "reset":
            for session in reversed(side.sessions()):
                side.carry(session, session.reset(world.now))
        elif what == "time":
            world.now += data.draw(st.floats(0, 30))
            for each in world.sides.values():
                each.expire()
        elif what == "close":
            standing = [index for index, wire in enumerate(world.wires) if wire.standing]
            for index in standing:  # the network kills every connection
                wire = world.wires[index]
                for name in wire.ends:
                    session_on = world.sides[name].session_on(wire)
                    wire.open[name] = False
                    wire.inbound[name].clear()
                    if session_on is not None:
                        world.sides[name].wires.pop(world.sides[name].slot(session_on))
                        each = world.sides[name]
                        each.carry(session_on, session_on.tcp_failed(world.now, "the network went away"))
    world.start()
    world.advance(120)
    assert world.left.state is world.right.state is State.ESTABLISHED
    assert len(world.wires) == 1
