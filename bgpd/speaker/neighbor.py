"""One configured neighbor: at most two connections, one arbiter, and what was counted.

The connection that dials is always there (a passive neighbor's only listens); an accepted one comes and goes.
Each has a `Session` that turns frames, TCP news and time into effects; `_carry` is the one place that carries
effects out. Which of two connections stays is decided by the sessions (`session.collision`); this class closes
the other one when they say so. Routes are the speaker's business: `Host` is what it is told.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Final, Protocol

from bgpd.model import AsnRule, NeighborSpec, RangeSpec, text_of
from bgpd.policy.chain import Chain
from bgpd.rib.group import UpdateGroup
from bgpd.rib.member import Member
from bgpd.rib.path import Source
from bgpd.session.collision import Admission, admit
from bgpd.session.deadlines import Backoff
from bgpd.session.effects import (
    Dial,
    Down,
    DownReason,
    Drop,
    Effect,
    Moved,
    Notice,
    Refresh,
    Send,
    Supersede,
    Up,
)
from bgpd.session.fsm import State
from bgpd.session.restart import HARD, Bits
from bgpd.session.session import Session, refusal
from bgpd.speaker.inbox import Queue
from bgpd.speaker.ports import Dialer, Transport
from bgpd.wire.capability import MAX_MESSAGE, Negotiated
from bgpd.wire.errors import WireError
from bgpd.wire.family import Family
from bgpd.wire.iana import Cease, MessageType
from bgpd.wire.writer import encode_keepalive

HIGH: Final = 1 << 18  #: octets unsent in a transport above which routes wait in the update group's log
LATE_DIAL: Final = 10.0  #: seconds for which a peer's dial may have been under way when another connection won
_UPDATE: Final = int(MessageType.UPDATE)
_REFRESH: Final = int(MessageType.ROUTE_REFRESH)


class Connection:
    """A session and, while it stands, its transport. To an update group this is a member's sink."""

    def __init__(self, neighbor: "Neighbor", session: Session) -> None:
        self.neighbor: Final = neighbor
        self.session: Final = session
        self.transport: Transport | None = None
        self.queue: Queue[Connection] | None = None  #: UPDATEs not looked at yet; None before Established
        self._waiting = 0  # octets that waited to be sent when that was last looked at
        self.written = 0  #: octets written since then
        self._stalled_since = inf  # since when TCP has taken none of them

    @property
    def unread(self) -> bool:
        """Octets of the peer wait, here or in the kernel: it is not silent, this speaker is late."""
        if self.queue is not None and self.queue.frames:
            return True
        return self.transport is not None and self.transport.readable()

    def ready(self) -> bool:
        """`rib.member.Sink`."""
        return self.transport is not None and self.transport.backlog < HIGH

    def write(self, data: bytes, messages: int) -> None:
        """`rib.member.Sink`."""
        if self.transport is not None:
            self.transport.write(data)
            self.written += len(data)
            if messages:
                self.neighbor.messages_sent[_UPDATE] += messages
            else:
                self.neighbor.messages_sent[_REFRESH] += 1
            self.neighbor.octets_sent += len(data)

    def write_message(self, data: bytes, kind: MessageType) -> None:
        """One message that is no UPDATE."""
        if self.transport is not None:
            self.transport.write(data)
            self.written += len(data)
            self.neighbor.messages_sent[kind] += 1
            self.neighbor.octets_sent += len(data)

    def blocked(self, now: float) -> bool:
        """Asked every now and then: has TCP taken nothing of what waits for the send hold time (RFC 9687)?"""
        session, transport = self.session, self.transport
        backlog = transport.backlog if transport is not None else 0
        moved = backlog < self._waiting + self.written
        self._waiting, self.written = backlog, 0
        if backlog == 0:
            self._stalled_since = inf
        elif moved or self._stalled_since == inf:
            self._stalled_since = now
        elif now - self._stalled_since >= session.send_hold_time > 0:
            return True
        session.look_later(now)
        return False


class Rib:
    """What a neighbor has in one family's table while its session is Established."""

    def __init__(self, source: Source, imports: Chain, group: UpdateGroup, member: Member) -> None:
        self.source = source
        self.imports = imports
        self.group = group
        self.member = member
        self.end_of_rib = False  #: received (RFC 4724 section 2)
        self.zone = 0  #: the link's number, where the session is over link-local addresses
        self.local_addresses: frozenset[bytes] = frozenset()  #: ours on this session: never a next hop of its routes
        self.default: tuple[UpdateGroup, Member] | None = None  #: where its own default route comes from
        self.older: list[Source] = []  #: generations before `source` that a refresh has made stale (RFC 7313)
        self.beyond_said = 0  #: of `source.beyond`, how many the log has seen
        self.beyond_said_at = -inf  #: when
        self.with_ids = False  #: its NLRI comes with path identifiers (RFC 7911)
        self.refresh_until = inf  #: when they go, EoRR or not; monotonic seconds
        self.accepts_blackhole = False  #: packets to routes with BLACKHOLE are dropped (RFC 7999)

    @property
    def advertised(self) -> int:
        """Routes that it has been told."""
        return self.member.advertised + (self.default[1].advertised if self.default is not None else 0)

    @property
    def sources(self) -> list[Source]:
        """Every generation of this session."""
        return [*self.older, self.source]

    def inherit(self) -> None:
        """Those of its sources that have an heir are over."""
        self.source = self.source.last_heir()
        self.older = [source.last_heir() for source in self.older]

    @property
    def received(self) -> int:
        """Routes in the adj-rib-in."""
        return sum([source.received for source in self.sources])

    @property
    def accepted(self) -> int:
        """Of those, let in by import policy."""
        return sum([source.accepted for source in self.sources])


class Retained:
    """One family's routes of a session that ended: good until `until`, or until the neighbor has said it all again."""

    def __init__(self, rib: Rib, until: float, long_wait: int) -> None:
        self.rib: Final = rib  #: as it was when the session ended; its chain is kept up to date
        self.sources = rib.sources  #: oldest first; several after a refresh under way, or a session that collided
        self.until = until  #: monotonic seconds
        self.long_wait = long_wait  #: seconds to keep them after that as the last resort (RFC 9494); 0: they go then
        self.long_lived = False  #: the long wait has begun
        self.back = False  #: the neighbor is Established again, and its End-of-RIB is awaited

    @property
    def routes(self) -> int:
        """How many there are left."""
        return sum([source.received for source in self.sources])


class Host(Protocol):
    """What a neighbor tells the speaker."""

    def session_up(self, connection: Connection, negotiated: Negotiated) -> None: ...

    def session_down(self, connection: Connection, down: Down, now: float) -> None: ...

    def retention_due(self, neighbor: "Neighbor", now: float) -> None:
        """Routes that were kept through a restart have been kept long enough."""

    def session_moved(self, connection: Connection, moved: Moved, now: float) -> None: ...

    def connection_over(self, neighbor: "Neighbor") -> None:
        """A dynamic neighbor's connection is gone."""

    def refresh_wanted(self, connection: Connection, refresh: Refresh, now: float) -> None: ...

    def refresh_due(self, neighbor: "Neighbor", now: float) -> None:
        """A refresh that the peer began has taken too long."""

    def forget(self, transport: Transport) -> None:
        """Nothing from this transport is to be heard any more."""


class Neighbor:
    """A neighbor's connections and figures. Its key, everywhere inside, is its address in text."""

    def __init__(
        self, spec: NeighborSpec, router_id: bytes, host: Host, dialer: Dialer, jitter: Callable[[], float]
    ) -> None:
        self.spec = spec
        self.key: Final = spec.interface if spec.unnumbered else text_of(spec.address, spec.interface)
        self.router_id = router_id
        self.backoff: Final = Backoff(spec.idle_hold_min, spec.idle_hold_max)
        self.bits: Final = Bits()  #: what our OPENs say of our own restarts
        self.dialing: Final = Connection(self, Session(spec, router_id, jitter, self.backoff, self.bits))
        self.accepted: Connection | None = None
        self.live: Connection | None = None  #: the Established one
        self.ribs: Final[dict[Family, Rib]] = {}  #: negotiated families while Established
        self.retained: Final[dict[Family, Retained]] = {}  #: what it gave in a session before, kept while it restarts
        self.range: RangeSpec | None = None  #: the listen range that it came from; None: it is configured
        self.disabled = ""  #: why it is kept down until somebody enables it, in words; empty: it is not
        self.resume_at = inf  #: when it is enabled again by itself
        self.limits_passed: Final[set[tuple[Family, bool]]] = set()  #: said in this session: family, and whether out
        self.generation = 0  #: counts sessions: the generation of their sources
        self.scheduled = inf  #: when the speaker looks at this neighbor's timers next
        self.since = 0.0  #: when `state` last changed
        # Figures, since the neighbor was configured.
        self.established_count = 0  #: sessions that came up; one that a collision moves to another connection goes on
        self.dropped: Final[Counter[str]] = Counter()  #: Established sessions that ended, by DownReason
        self.notifications_sent: Final[Counter[tuple[int, int]]] = Counter()
        self.notifications_received: Final[Counter[tuple[int, int]]] = Counter()
        self.messages_received: Final = [0] * 256  #: by message type
        self.messages_sent: Final = [0] * 256
        self.octets_received = 0
        self.octets_sent = 0
        self.update_faults = 0
        self.faults: Final[Counter[tuple[str, str]]] = Counter()  #: by attribute and what was done about it
        self.last_fault: str | None = None
        self.last_fault_attribute = ""  #: the offending attribute, hex
        self.giver = 0  #: its number in AttrsTable; 0: it has given nothing yet
        self.last_notice: Notice | None = None
        self.last_logged = ""  #: the last reason that was logged, so that a retry for ever is not a log for ever
        self.fault_logged_at = -inf
        self._moves_until = -inf  # an Established connection lost a collision: until then the other one carries it on
        self._host: Final = host
        self._dialer: Final = dialer
        self._jitter: Final = jitter

    # ===== questions =====

    @property
    def connections(self) -> tuple[Connection, ...]:
        return (self.dialing,) if self.accepted is None else (self.dialing, self.accepted)

    @property
    def foremost(self) -> Connection:
        """The connection that is farthest on: what `show neighbor` is about."""
        accepted = self.accepted
        if accepted is not None and accepted.session.state > self.dialing.session.state:
            return accepted
        return self.dialing

    @property
    def state(self) -> State:
        return self.foremost.session.state

    @property
    def deadline(self) -> float:
        """When `expire` is due, monotonic seconds; inf where nothing is."""
        at = min([self.resume_at, *[connection.session.deadline for connection in self.connections]])
        for kept in self.retained.values():
            at = min(at, kept.until)
        for rib in self.ribs.values():
            at = min(at, rib.refresh_until)
        return at

    # ===== what somebody here wants =====

    def start(self, now: float) -> None:
        """Come up, unless somebody wants it down."""
        if self.disabled:
            return
        self._carry(self.dialing, self.dialing.session.start(now), now)

    def stop(self, now: float, subcode: Cease, text: str = "", data: bytes = b"") -> None:
        """End every connection with Cease; stay down until `start`."""
        for connection in reversed(self.connections):
            self._carry(connection, connection.session.stop(now, subcode, text, data), now)
        if subcode in HARD and self.retained:
            for kept in self.retained.values():
                kept.until, kept.long_wait = now, 0  # who is sent away comes back as a stranger
            self._host.retention_due(self, now)

    def hold_down(
        self, now: float, why: str, subcode: Cease, text: str = "", data: bytes = b"", pause: float | None = None
    ) -> None:
        """End every connection and keep the neighbor down: for `pause` seconds, or (None) until it is enabled."""
        self.disabled = why
        self.resume_at = now + pause if pause is not None else inf
        self.stop(now, subcode, text, data)

    def enable(self, now: float) -> None:
        """Nobody wants it down any more; come up, even in back-off."""
        self.disabled, self.resume_at = "", inf
        self.start(now)

    def abandon(self, now: float, why: str) -> None:
        """Close every connection without a word (a graceful restart is coming); stay down."""
        for connection in reversed(self.connections):
            self._carry(connection, connection.session.drop(now, why), now)

    def reset(self, connection: Connection, now: float) -> None:
        """End one connection with Cease; the neighbor starts again by itself after the back-off."""
        self._carry(connection, connection.session.reset(now, Cease.OUT_OF_RESOURCES), now)

    def change(self, spec: NeighborSpec, router_id: bytes, now: float) -> None:
        """Other settings, for whatever reads them next. What must be done about a running session is the caller's."""
        self.spec = spec if spec.address else replace(spec, address=self.spec.address)
        spec = self.spec
        self.router_id = router_id
        self.backoff.minimum, self.backoff.maximum = spec.idle_hold_min, max(spec.idle_hold_min, spec.idle_hold_max)
        for connection in self.connections:
            connection.session.configure(spec, router_id, now)

    # ===== what TCP says =====

    def tcp_dialed(self, transport: Transport, now: float) -> Connection:
        """The connection that we dialed stands."""
        self.dialing.transport = transport
        self._carry(self.dialing, self.dialing.session.tcp_up(now), now)
        return self.dialing

    def tcp_accepted(self, transport: Transport, now: float) -> Connection | None:
        """The peer opened a connection; None where it was refused and closed."""
        dialing = self.dialing.session
        accepted = self.accepted
        live = self.live
        # A dial of the peer's that was under way when the session came up means nothing of the kind.
        settled = live is not None and now - live.session.since >= LATE_DIAL
        restarts = settled and live is not None and bool(live.session.agreement.families)
        state = accepted.session.state if accepted is not None else None
        admission = admit(dialing.state, state, restarts=restarts)
        if admission is Admission.REFUSE or not dialing.listening(now):
            if admission is Admission.REFUSE:
                transport.write(refusal())
            transport.close()
            if self.live is not None and self.live.transport is not None:
                # A peer that lost its memory dials anew. A segment on the old connection makes its TCP say so at once.
                self.live.transport.write(encode_keepalive())
            return None
        if accepted is not None and accepted is live:
            # RFC 4724 section 5: to the peer the old connection is no more; it is closed without a word.
            self._carry(accepted, accepted.session.drop(now, "the peer connects anew: it has restarted"), now)
        elif accepted is not None:
            self._carry(accepted, accepted.session.give_way(now), now)
        connection = Connection(self, Session(self.spec, self.router_id, self._jitter, self.backoff, self.bits))
        connection.transport = transport
        connection.session.reopens = restarts
        self.accepted = connection
        dialing.hold_back(connection.session)
        self._carry(connection, connection.session.accept(now), now)
        return connection

    def tcp_failed(self, why: str, now: float) -> None:
        """The dial came to nothing."""
        self._carry(self.dialing, self.dialing.session.tcp_failed(now, why), now)

    def tcp_closed(self, connection: Connection, why: str, now: float) -> None:
        connection.transport = None
        self._carry(connection, connection.session.tcp_failed(now, why), now)

    def receive(self, connection: Connection, frame: bytes, now: float) -> None:
        """Any message but an UPDATE in Established."""
        self._carry(connection, connection.session.receive(frame, now), now)

    def fail(self, connection: Connection, error: WireError, now: float) -> None:
        self._carry(connection, connection.session.fail(error, now), now)

    def expire(self, now: float) -> None:
        for connection in self.connections:
            session = connection.session
            if session.deadlines.send_hold <= now and connection.blocked(now):
                self._carry(connection, session.blocked(now), now)
            if session.deadline <= now:
                # A hold timer may only end a session that is silent, not one that we were too late to read.
                unread = session.hold_due(now) and connection.unread
                self._carry(connection, session.expire(now, unread=unread), now)
        if self.resume_at <= now:
            self.enable(now)
        if min([kept.until for kept in self.retained.values()], default=inf) <= now:
            self._host.retention_due(self, now)
        if min([rib.refresh_until for rib in self.ribs.values()], default=inf) <= now:
            self._host.refresh_due(self, now)

    # ===== effects =====

    def _other(self, connection: Connection) -> Connection | None:
        return self.accepted if connection is self.dialing else self.dialing

    def _carry(self, connection: Connection, effects: list[Effect], now: float) -> None:
        """Carry out what a session asks, in order; then clear away an accepted connection that is over."""
        for effect in effects:
            if isinstance(effect, Send):
                self._send(connection, effect)
            elif isinstance(effect, Moved):
                self.since = now
                if effect.new is State.OPEN_CONFIRM:
                    self._agree(connection)
                self._host.session_moved(connection, effect, now)
            elif isinstance(effect, Dial):
                self._dialer.dial(self.spec)
            elif isinstance(effect, Drop):
                self._drop(connection)
            elif isinstance(effect, Supersede):
                if (other := self._other(connection)) is not None:
                    self._carry(other, other.session.give_way(now), now)
            elif isinstance(effect, Up):
                self.live = connection
                self.generation += 1
                self.established_count += now > self._moves_until
                self._moves_until = -inf
                self.limits_passed.clear()
                if self.spec.asn_rule is not AsnRule.FIXED:
                    self.spec = replace(self.spec, remote_asn=effect.negotiated.remote_asn)
                self._host.session_up(connection, effect.negotiated)
                self.bits.preserved = True  # from now on, what it has of us stays good through whatever comes
            elif isinstance(effect, Down):
                self._down(connection, effect, now)
            else:
                self._host.refresh_wanted(connection, effect, now)
        if connection is self.accepted and connection.session.over:
            self.accepted = None
            if self.range is not None:
                self._host.connection_over(self)
            self._carry(self.dialing, self.dialing.session.release(now), now)

    def _agree(self, connection: Connection) -> None:
        """Both OPENs are in: what they say about the connection itself."""
        negotiated = connection.session.negotiated
        if negotiated is not None and connection.transport is not None and negotiated.max_receive > MAX_MESSAGE:
            connection.transport.set_max_message(negotiated.max_receive)

    def _send(self, connection: Connection, effect: Send) -> None:
        connection.write_message(effect.data, effect.kind)

    def _drop(self, connection: Connection) -> None:
        transport, connection.transport = connection.transport, None
        if transport is not None:
            self._host.forget(transport)
            transport.close()
        elif connection is self.dialing:
            self._dialer.cancel(self.spec.identity)

    def _down(self, connection: Connection, down: Down, now: float) -> None:
        if (notice := connection.session.last_notification) is not None and down.notification is notice.notification:
            self.last_notice = notice
            counter = self.notifications_sent if down.sent else self.notifications_received
            counter[notice.notification.code, notice.notification.subcode] += 1
        if connection is self.live:
            self.live = None
            if down.reason is DownReason.COLLISION:
                self._moves_until = now + LATE_DIAL
            else:
                self.dropped[down.reason.value] += 1
            self._host.session_down(connection, down, now)
