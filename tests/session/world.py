"""Two speakers on a fake wire with a fake clock: as little neighbor as the session's protocol asks for.

`Side` runs a neighbor's sessions by the rules in `bgpd.session`'s docstring, and checks them while it does.
`World` carries messages: each connection is two queues, in order; between connections any order may happen.
"""

import copy
from collections import deque
from math import inf

from bgpd.model import NeighborSpec
from bgpd.session.collision import Admission, admit
from bgpd.session.effects import Dial, Down, Drop, Effect, Moved, Refresh, Send, Supersede, Up
from bgpd.session.fsm import State
from bgpd.session.session import Session, refusal
from bgpd.wire.errors import WireError
from bgpd.wire.family import FAMILIES, Family
from bgpd.wire.framing import Framer
from bgpd.wire.iana import Cease, MessageType

CLOSE = b"close"  # queue items that are not octets
STANDS = b"stands"


def steady() -> float:
    """Jitter that does not jitter."""
    return 1.0


class Wire:
    """One TCP connection: what is on its way to each end. `ends` are the sides' names, the dialing one first."""

    def __init__(self, number: int, dialer: str, acceptor: str) -> None:
        self.number = number
        self.dialer = dialer
        self.ends = (dialer, acceptor)
        self.standing = False  # the handshake is done on the accepting side
        self.open = {dialer: True, acceptor: True}
        self.inbound: dict[str, deque[bytes]] = {dialer: deque(), acceptor: deque()}
        self.framers = {dialer: Framer(), acceptor: Framer()}

    def other(self, name: str) -> str:
        return self.ends[1] if name == self.ends[0] else self.ends[0]

    def send(self, name: str, data: bytes) -> None:
        if self.open[name] and self.open[self.other(name)]:
            self.inbound[self.other(name)].append(data)

    def close(self, name: str) -> None:
        if self.open[name]:
            self.send(name, CLOSE)
            self.open[name] = False
            self.inbound[name].clear()


class Side:
    """One speaker's neighbor: a session that dials, at most one that was accepted."""

    def __init__(self, world: "World", name: str, spec: NeighborSpec, router_id: bytes) -> None:
        self.world = world
        self.name = name
        self.spec = spec
        self.router_id = router_id
        self.dialing = Session(spec, router_id, world.jitter)
        self.accepted: Session | None = None
        self.wires: dict[int, Wire] = {}  # id(session) would not survive a copy: 0 dialing, 1 accepted
        self.log: list[Effect] = []
        self.ups = 0
        self.up: Session | None = None
        self.refreshed: list[Family] = []

    def slot(self, session: Session) -> int:
        return 0 if session is self.dialing else 1

    def sessions(self) -> list[Session]:
        return [self.dialing] if self.accepted is None else [self.dialing, self.accepted]

    def session_on(self, wire: Wire) -> Session | None:
        if self.wires.get(0) is wire:
            return self.dialing
        return self.accepted if self.wires.get(1) is wire else None

    def refuses(self) -> bool:
        return not self.dialing.listening(self.world.now)

    def on_accept(self, wire: Wire) -> None:
        admission = admit(self.dialing.state, None if self.accepted is None else self.accepted.state)
        if admission is Admission.REFUSE:
            wire.send(self.name, refusal())
            wire.close(self.name)
            return
        if admission is Admission.REPLACE:
            assert self.accepted is not None
            self.carry(self.accepted, self.accepted.give_way(self.world.now))
        self.accept(wire)

    def accept(self, wire: Wire) -> None:
        assert self.accepted is None
        session = Session(self.spec, self.router_id, self.world.jitter, self.dialing.backoff)
        self.accepted = session
        self.wires[1] = wire
        self.dialing.hold_back(session)
        self.carry(session, session.accept(self.world.now))

    def on_frame(self, session: Session, frame: bytes) -> None:
        if frame[18] == MessageType.UPDATE and session.state is State.ESTABLISHED:
            session.update_seen(self.world.now)
            return
        self.carry(session, session.receive(frame, self.world.now))

    def carry(self, session: Session, effects: list[Effect]) -> None:
        for effect in effects:
            self.log.append(effect)
            wire = self.wires.get(self.slot(session))
            if isinstance(effect, Send):
                assert wire is not None
                wire.send(self.name, effect.data)
            elif isinstance(effect, Dial):
                assert wire is None
                self.wires[0] = self.world.dial(self.name)
            elif isinstance(effect, Drop):
                if wire is not None:
                    wire.close(self.name)
                    del self.wires[self.slot(session)]
            elif isinstance(effect, Supersede):
                other = self.accepted if session is self.dialing else self.dialing
                if other is not None:
                    self.carry(other, other.give_way(self.world.now))
            elif isinstance(effect, Up):
                assert self.up is None, "two sessions Established at once"
                self.up = session
                self.ups += 1
            elif isinstance(effect, Down):
                assert effect.established == (self.up is session)
                if self.up is session:
                    self.up = None
            elif isinstance(effect, Refresh):
                self.refreshed.append(effect.family)
            else:
                assert isinstance(effect, Moved)
                assert effect.reason
        if session is self.accepted and session.over:
            self.accepted = None
            self.wires.pop(1, None)
            self.carry(self.dialing, self.dialing.release(self.world.now))

    # ----- for tests to read and poke -----

    @property
    def state(self) -> State:
        return max(session.state for session in self.sessions())

    @property
    def deadline(self) -> float:
        return min(session.deadline for session in self.sessions())

    def start(self) -> None:
        self.carry(self.dialing, self.dialing.start(self.world.now))

    def stop(self, subcode: Cease = Cease.ADMINISTRATIVE_SHUTDOWN, text: str = "") -> None:
        for session in reversed(self.sessions()):
            self.carry(session, session.stop(self.world.now, subcode, text))

    def expire(self) -> None:
        for session in self.sessions():
            self.carry(session, session.expire(self.world.now))

    def moves(self) -> list[tuple[str, str, str]]:
        return [(m.old.label, m.new.label, m.reason) for m in self.log if isinstance(m, Moved)]

    def downs(self) -> list[Down]:
        return [effect for effect in self.log if isinstance(effect, Down)]

    def sent(self, kind: MessageType) -> int:
        return len([effect for effect in self.log if isinstance(effect, Send) and effect.kind == kind])


class Literal(Side):
    """A speaker that does what RFC 4271 section 6.8 says, and no more: most of those in the field."""

    def on_accept(self, wire: Wire) -> None:
        if self.accepted is not None:
            wire.close(self.name)
        else:
            self.accept(wire)

    def accept(self, wire: Wire) -> None:
        super().accept(wire)
        if self.accepted is not None:
            self.dialing.rival = self.accepted.rival = None  # its sessions know nothing of each other

    def on_frame(self, session: Session, frame: bytes) -> None:
        other = self.accepted if session is self.dialing else self.dialing
        if frame[18] == MessageType.OPEN and session.state is State.OPEN_SENT and other is not None:
            if other.state is State.ESTABLISHED:
                self.carry(session, session.give_way(self.world.now))
                return
            if other.state is State.OPEN_CONFIRM:
                wins = (self.router_id > frame[24:28]) == (session is self.dialing)
                loser = other if wins else session
                self.carry(loser, loser.give_way(self.world.now))
                if not wins:
                    return
        super().on_frame(session, frame)


class World:
    """Both sides, the wires between them, and the time."""

    def __init__(
        self,
        left: NeighborSpec,
        right: NeighborSpec,
        ids: tuple[bytes, bytes] = (b"\x0a\0\0\x01", b"\x0a\0\0\x02"),
        kinds: tuple[type[Side], type[Side]] = (Side, Side),
    ) -> None:
        self.now = 1000.0
        self.jitter = steady
        self.wires: list[Wire] = []
        self.dialed = 0
        self.specs = (left, right)
        self.sides = {
            "left": kinds[0](self, "left", left, ids[0]),
            "right": kinds[1](self, "right", right, ids[1]),
        }
        self.cut = False  # the network drops everything

    @property
    def left(self) -> Side:
        return self.sides["left"]

    @property
    def right(self) -> Side:
        return self.sides["right"]

    def copy(self) -> "World":
        shared: dict[int, object] = {id(value): value for value in (*FAMILIES, *self.specs)}
        return copy.deepcopy(self, shared)

    def dial(self, name: str) -> Wire:
        wire = Wire(self.dialed, name, "right" if name == "left" else "left")
        self.dialed += 1
        self.wires.append(wire)
        return wire

    def steps(self) -> list[tuple[int, str]]:
        """What may happen next: (wire, the side that something reaches)."""
        steps = []
        for index, wire in enumerate(self.wires):
            if not wire.standing:
                steps.append((index, wire.ends[1]))
            else:
                steps += [(index, name) for name in wire.ends if wire.inbound[name]]
        return steps

    def step(self, step: tuple[int, str]) -> None:
        index, name = step
        wire, side = self.wires[index], self.sides[name]
        if not wire.standing:
            self._handshake(wire, side)
        else:
            self._deliver(wire, side, wire.inbound[name].popleft())
        self.wires = [w for w in self.wires if not w.standing or any(w.open.values()) or any(w.inbound.values())]

    def _handshake(self, wire: Wire, acceptor: Side) -> None:
        wire.standing = True
        if not wire.open[wire.dialer]:  # given up before it arrived
            wire.open[acceptor.name] = False
            wire.inbound[acceptor.name].clear()
            return
        if acceptor.refuses():
            wire.open[acceptor.name] = False
            wire.inbound[wire.dialer].append(CLOSE)
            return
        wire.inbound[wire.dialer].append(STANDS)
        acceptor.on_accept(wire)

    def _deliver(self, wire: Wire, side: Side, item: bytes) -> None:
        session = side.session_on(wire)
        assert session is not None, "something reached a side after its Drop"
        if item == STANDS:
            side.carry(session, session.tcp_up(self.now))
        elif item == CLOSE:
            wire.open[side.name] = False
            side.wires.pop(side.slot(session), None)
            why = "connection refused" if session.state is State.CONNECT else ""
            side.carry(session, session.tcp_failed(self.now, why))
        else:
            framer = wire.framers[side.name]
            framer.feed(item)
            try:
                while wire.open[side.name] and (frame := framer.next_frame()) is not None:
                    side.on_frame(session, frame)
            except WireError as error:
                side.carry(session, session.fail(error, self.now))

    def settle(self) -> None:
        """Deliver everything, one wire after the other, until nothing is on its way."""
        for _ in range(1000):
            steps = self.steps()
            if not steps or self.cut:
                return
            self.step(steps[0])
        raise AssertionError("never quiet")

    def start(self) -> None:
        self.left.start()
        self.right.start()
        self.settle()

    def advance(self, seconds: float) -> None:
        """Let time pass: every deadline when it is due, every message at once."""
        end = self.now + seconds
        for _ in range(10000):
            self.settle()
            due = min(side.deadline for side in self.sides.values())
            if due > end or due == inf:
                self.now = end
                return
            assert due >= self.now - 1e-9, "a deadline was missed"
            self.now = max(due, self.now)
            for side in self.sides.values():
                side.expire()
        raise AssertionError("time stands still")

    def signature(self) -> tuple[object, ...]:
        """What tells two worlds apart, at one moment of time."""
        return (
            tuple([_side_signature(side) for side in self.sides.values()]),
            tuple([_wire_signature(wire) for wire in self.wires]),
        )


def _side_signature(side: Side) -> tuple[object, ...]:
    sessions = [(s.state, s.held, s.over, s.rival is not None, s.remote_open is not None) for s in side.sessions()]
    wires = sorted((slot, wire.number) for slot, wire in side.wires.items())
    return (tuple(sessions), tuple(wires), side.ups, side.up is None, side.dialing.listening(side.world.now))


def _wire_signature(wire: Wire) -> tuple[object, ...]:
    return (wire.number, wire.standing, tuple(wire.open.values()), tuple([tuple(q) for q in wire.inbound.values()]))
