"""One connection's life: frames, TCP news and `now` go in, effects come out.

A `Session` does no I/O and has no clock. It asks the table in `fsm.py` what an event means in its state and
carries the answer out: it builds the messages, keeps the deadlines, and finds the words. A peer can make it
end, never raise.

Two kinds of life, one class. The session that *dials* stays with its neighbor: Idle, Connect, Active, and again
after each failure. A session that was *accepted* lives as long as its one TCP connection and is then `over`.
The package's docstring says how a neighbor runs the two together.
"""

from dataclasses import replace
from math import inf
from typing import Final

from bgpd.model import AsnRule, NeighborSpec, text_of
from bgpd.session.cause import MESSAGE_OF_ERROR, Cause, event_of, reason_of, unexpected
from bgpd.session.collision import Verdict, resolve
from bgpd.session.deadlines import OPEN_HOLD_TIME, Backoff, Deadlines, Jitter, Timer
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
from bgpd.session.features import features
from bgpd.session.fsm import FSM_SUBCODES, Action, Event, State, step
from bgpd.session.restart import HARD, Agreement, Bits, agree, capabilities
from bgpd.wire.capability import Negotiated, Open, check_open, check_role, make_open, negotiate
from bgpd.wire.errors import WireError
from bgpd.wire.iana import Cease, ErrorCode, MessageType, OpenError
from bgpd.wire.message import Notification, RouteRefresh, decode, shutdown_data
from bgpd.wire.prefix import format_address
from bgpd.wire.writer import encode_keepalive, encode_notification, encode_open

#: Seconds that a hold timer waits more where octets of the peer lie unread: we are late, the peer is not silent.
UNREAD_GRACE: Final = 1.0
#: Seconds, the least that a send hold time is by default (RFC 9687 section 4.1 wants more than a short hold time).
SEND_HOLD_MIN: Final = 8.0
SEND_HOLD_LOOKS: Final = 4  #: how often a connection is looked at within its send hold time
_TYPE_OFFSET: Final = 18  #: of the type octet in a message header (RFC 4271 section 4.1)
_KEEPALIVE: Final = encode_keepalive()


def refusal() -> bytes:
    """The NOTIFICATION for a connection that `collision.admit` refuses: Cease, before any OPEN."""
    return encode_notification(ErrorCode.CEASE, Cease.COLLISION_RESOLUTION, b"")


class Session:
    """One BGP connection, without the connection.

    Every method that changes something takes `now` (monotonic seconds) and returns the effects to carry out, in
    order. None of them raises, whatever the peer sent and in whatever state.
    """

    def __init__(
        self,
        spec: NeighborSpec,
        router_id: bytes,
        jitter: Jitter,
        backoff: Backoff | None = None,
        bits: Bits | None = None,
    ) -> None:
        """A session that is Idle. `jitter` gives factors from 0.75 to 1.0.

        `backoff` and `bits` (what OPEN says of our own restarts) are the neighbor's, shared by its sessions.
        """
        self.spec = spec
        self.router_id = router_id  #: ours, 4 octets
        self.state = State.IDLE
        self.since = 0.0  #: when it entered this state
        self.reason = "not started"  #: why it is in this state, in words
        self.dialed = True  #: False: the peer opened the connection
        self.reopens = False  #: the peer dialed it beside an Established one: it may have restarted (RFC 4724)
        self.over = False  #: True: an accepted connection that has ended; throw the session away
        self.rival: Session | None = None  #: the neighbor's other session while there are two
        self.backoff = backoff if backoff is not None else Backoff(spec.idle_hold_min, spec.idle_hold_max)
        self.bits = bits if bits is not None else Bits()
        self.deadlines = Deadlines()
        # Of the connection that stands, or of the last one until the next one comes up.
        self.local_open: Open | None = None
        self.remote_open: Open | None = None
        self.negotiated: Negotiated | None = None
        self.last_notification: Notice | None = None
        self._jitter = jitter
        self._peer = text_of(spec.address, spec.interface)
        self._wanted = False  # started, and to start again by itself after a failure
        self._held = False
        self._resume_at = inf
        self._hold_time = 0.0  # seconds, negotiated; 0: no hold timer, no keepalives
        self._keepalive_time = 0.0

    # ===== what one may ask =====

    @property
    def deadline(self) -> float:
        """When `expire` is due next; `inf` where no timer runs."""
        return self.deadlines.next

    @property
    def agreement(self) -> Agreement:
        """What the OPENs of the connection that stands, or stood last, say about graceful restart."""
        return agree(self.local_open, self.remote_open)

    @property
    def held(self) -> bool:
        """An accepted session is at work, so this one dials nothing."""
        return self._held

    def hold_left(self, now: float) -> float | None:
        """Seconds until the hold timer expires; None where none runs."""
        return max(0.0, self.deadlines.hold - now) if self.deadlines.hold != inf else None

    def hold_due(self, now: float) -> bool:
        """Whether `expire` would end the session now: look first whether the peer's octets lie unread."""
        return now >= self.deadlines.hold or now >= self.deadlines.open_hold

    def retry_in(self, now: float) -> float | None:
        """Seconds until the session dials again by itself; None where it does not."""
        at = min(self.deadlines.connect_retry, self.deadlines.idle_hold)
        return max(0.0, at - now) if at != inf and self.state in (State.IDLE, State.ACTIVE) else None

    def listening(self, now: float) -> bool:
        """Whether a connection that the peer opens is welcome: started, and not in a long back-off."""
        return self._wanted and self.backoff.admits(now)

    # ===== what somebody here wants =====

    def start(self, now: float) -> list[Effect]:
        """Start, at once even in back-off: dial, or wait for the peer where the neighbor is passive."""
        self._wanted = True
        if self._held or self.state is not State.IDLE:
            return []
        event = Event.MANUAL_START_PASSIVE if self.spec.passive else Event.MANUAL_START
        return self._run(event, self._dialing(), now)

    def accept(self, now: float) -> list[Effect]:
        """Take a TCP connection that the peer opened: the first and only life of this session."""
        self.dialed = False
        self.state = State.ACTIVE
        return self._run(Event.TCP_ACCEPTED, Cause(f"accepted a connection from {self._peer}, OPEN sent"), now)

    def stop(
        self, now: float, subcode: Cease = Cease.ADMINISTRATIVE_SHUTDOWN, text: str = "", data: bytes = b""
    ) -> list[Effect]:
        """End the session with Cease and stay down until `start`.

        `text` goes to the peer where the subcode has room for it (RFC 9003), `data` where it has a form of its own.
        """
        self._stay_down("stopped")
        return self._cease(Event.MANUAL_STOP, DownReason.STOPPED, subcode, text, now, data)

    def reset(self, now: float, subcode: Cease = Cease.ADMINISTRATIVE_RESET, text: str = "") -> list[Effect]:
        """End the session with Cease; it starts again by itself after the back-off."""
        return self._cease(Event.AUTOMATIC_STOP, DownReason.RESET, subcode, text, now)

    def drop(self, now: float, why: str) -> list[Effect]:
        """Close without a NOTIFICATION and stay down: a peer with graceful restart keeps our routes."""
        self._stay_down(why)
        return self._run(Event.ABANDON, Cause(why, DownReason.ABANDONED), now)

    def look_later(self, now: float) -> None:
        """Whether TCP takes what we write is asked several times within the send hold time; by whom, see `blocked`."""
        time = self.send_hold_time
        self.deadlines.send_hold = now + time / SEND_HOLD_LOOKS if time else inf

    @property
    def send_hold_time(self) -> float:
        """Seconds for which TCP may take nothing of what waits to be sent; 0: for ever."""
        if self.spec.send_hold_time is not None:
            return float(self.spec.send_hold_time)
        return max(SEND_HOLD_MIN, 2 * self._hold_time) if self._hold_time else 0.0

    def blocked(self, now: float) -> list[Effect]:
        """Nothing of what waits has left for the send hold time: the peer never reads (RFC 9687).

        Who writes knows, so who writes says it, when `deadlines.send_hold` is due.
        """
        error = WireError(ErrorCode.SEND_HOLD_TIMER_EXPIRED, 0)
        text = f"send hold timer expired: the peer has taken nothing that we sent for {self.send_hold_time:g} s"
        return self._run(Event.SEND_HOLD_EXPIRES, Cause(text, DownReason.SEND_HOLD_EXPIRED, error), now)

    def configure(self, spec: NeighborSpec, router_id: bytes, now: float) -> None:
        """Take other settings: a connection that stands keeps what it said in OPEN, the next one gets them all."""
        self.spec, self.router_id = spec, router_id
        if self.state is State.ACTIVE and self._wanted and not self._held:
            if spec.passive:
                self.deadlines.connect_retry = inf
            elif self.deadlines.connect_retry == inf:
                self.deadlines.connect_retry = now  # it was passive, and now it dials

    def _stay_down(self, why: str) -> None:
        self._wanted = False
        if self.state is State.IDLE:  # the table ignores a stop in Idle; it must not start by itself all the same
            self.deadlines.idle_hold = inf
            self.reason = why

    # ===== two connections =====

    def hold_back(self, rival: "Session") -> None:
        """The neighbor accepted a connection, `rival`: dial nothing new while it lives.

        A dial that is under way goes on: the peer may have closed its own in favor of it. From here on the two
        sessions know of each other and resolve a collision by themselves.
        """
        self.rival, rival.rival = rival, self
        if not self._held:
            self._held = True
            timers = self.deadlines
            self._resume_at = inf
            if self.state is State.IDLE:
                self._resume_at, timers.idle_hold = timers.idle_hold, inf
            elif self.state is State.ACTIVE:  # in Connect, the dial ends by itself or by its timer
                self._resume_at, timers.connect_retry = timers.connect_retry, inf

    def release(self, now: float) -> list[Effect]:
        """The accepted connection is gone: dial again when it was due, or when the back-off has passed.

        At the earliest that is the next `expire`, so that a connection which takes the place of the last one can
        hold this session back again first.
        """
        if self.rival is not None:
            self.rival.rival = None
            self.rival = None
        resume_at, self._resume_at = self._resume_at, inf
        if not self._held:
            return []
        self._held = False
        if self._wanted:
            at = max(now, self.backoff.until, resume_at if resume_at != inf else now)
            if self.state is State.IDLE:
                self.deadlines.idle_hold = at
            elif self.state is State.ACTIVE and not self.spec.passive:
                self.deadlines.connect_retry = at
        return []

    def give_way(self, now: float) -> list[Effect]:
        """Close this connection in favor of the other one (RFC 4271 section 6.8)."""
        if self.state is State.ACTIVE:
            return []  # nothing to close
        return self._cease(Event.COLLISION_DUMP, DownReason.COLLISION, Cease.COLLISION_RESOLUTION, "", now)

    # ===== what TCP says =====

    def tcp_up(self, now: float) -> list[Effect]:
        """The connection that we dialed stands."""
        if self.state is State.IDLE:
            return [Drop()]  # nobody wants it any more
        return self._run(Event.TCP_UP, Cause(f"connected to {self._peer}, OPEN sent"), now)

    def tcp_failed(self, now: float, why: str = "") -> list[Effect]:
        """The connection closed or could not be had; `why` in words, empty: the peer just closed it."""
        text = why or f"peer {self._peer} closed the connection"
        return self._run(Event.TCP_FAILS, Cause(text, DownReason.TCP_CLOSED), now)

    def receive(self, frame: bytes, now: float) -> list[Effect]:
        """Take one whole message. An UPDATE in Established only re-arms the hold timer: its content is not ours."""
        state = self.state
        kind = frame[_TYPE_OFFSET]
        if state < State.OPEN_SENT:
            return []  # octets of a connection that has ended already
        if kind == MessageType.UPDATE:
            return self._run(Event.UPDATE, unexpected(self.state, kind), now)
        if (kind == MessageType.OPEN and state > State.OPEN_SENT) or (
            kind == MessageType.ROUTE_REFRESH and state < State.ESTABLISHED
        ):
            event = Event.OPEN if kind == MessageType.OPEN else Event.ROUTE_REFRESH
            return self._run(event, unexpected(self.state, kind), now)
        try:
            message = decode(frame, self.negotiated)
            if isinstance(message, Open):
                return self._on_open(message, now)
        except WireError as error:
            return self.fail(error, now)
        if isinstance(message, Notification):
            return self._on_notification(message, now)
        if isinstance(message, RouteRefresh):
            return self._on_refresh(message, now)
        return self._on_keepalive(now)

    def update_seen(self, now: float) -> None:
        """An UPDATE was taken from the wire in Established: the peer lives. The hot path's `receive`."""
        if self.deadlines.hold != inf:
            self.deadlines.hold = now + self._hold_time

    def fail(self, error: WireError, now: float) -> list[Effect]:
        """The connection's octets cannot be read, or an UPDATE asks for a session reset: `error` is what we answer."""
        event = event_of(error)
        if Action.NOTIFY_FSM in step(self.state, event)[1]:
            return self._run(event, unexpected(self.state, MESSAGE_OF_ERROR[event]), now)
        return self._run(event, Cause(f"sent NOTIFICATION {error}", reason_of(error), error), now)

    def expire(self, now: float, *, unread: bool = False) -> list[Effect]:
        """Do what is due at `now`. `unread`: octets of the peer wait in the kernel, so it has not gone silent."""
        effects: list[Effect] = []
        for timer in self.deadlines.due(now):
            effects += self._expired(timer, now, unread)  # one that ended the session: Idle ignores the others
        return effects

    # ===== messages =====

    def _on_open(self, remote: Open, now: float) -> list[Effect]:
        """OPEN in OpenSent: refuse it, resolve a collision, or go on. Raises WireError (code 2)."""
        local = self.local_open
        assert local is not None
        self.remote_open = remote
        spec = self._spec_for(remote)
        error = check_open(remote, spec.remote_asn, self.router_id, not spec.external, spec.families)
        if error is None and spec.role is not None and spec.external:
            error = check_role(remote, spec.role.value, spec.role_strict)
        if error is not None:
            raise error
        negotiated = negotiate(local, remote, float(spec.keepalive_time))
        effects: list[Effect] = []
        if (rival := self.rival) is not None:
            verdict = resolve(
                self.router_id,
                remote.router_id,
                spec.local_asn,
                spec.remote_asn,
                new_dialed=self.dialed,
                other=rival.state,
                reopened=self.reopens,
            )
            if verdict is Verdict.OLD:
                return self.give_way(now)
            if verdict is Verdict.NEW:
                effects.append(Supersede())
        self.negotiated = negotiated
        self._hold_time = float(negotiated.hold_time)
        self._keepalive_time = negotiated.keepalive_time
        text = (
            f"OPEN received: AS {negotiated.remote_asn}, router id {format_address(remote.router_id)}, "
            f"hold time {remote.hold_time} s"
        )
        return effects + self._run(Event.OPEN, Cause(text), now)

    def _spec_for(self, remote: Open) -> NeighborSpec:
        """Our settings, completed by the AS in the peer's OPEN where they leave it open. Raises WireError."""
        spec = self.spec
        if spec.asn_rule is AsnRule.FIXED:
            return spec
        if spec.asn_rule is AsnRule.EXTERNAL and remote.asn == spec.local_asn:
            text = f"the peer's AS is {remote.asn}, which is ours, and an external one is configured"
            raise WireError(ErrorCode.OPEN, OpenError.BAD_PEER_AS, b"", text)
        self.spec = spec = replace(spec, remote_asn=remote.asn)
        return spec

    def _on_keepalive(self, now: float) -> list[Effect]:
        if self.state is State.ESTABLISHED:
            self.update_seen(now)
            return []
        if self.state is State.OPEN_SENT:
            return self._run(Event.KEEPALIVE, unexpected(self.state, MessageType.KEEPALIVE), now)
        assert self.negotiated is not None
        effects: list[Effect] = []
        # The peer confirms this connection. Another one that is Established, or still being dialed, is not the
        # one that it chose (`collision.py`). Where that is in OpenSent, its OPEN resolves it.
        if self.rival is not None and self.rival.state in _SUPERSEDED:
            effects.append(Supersede())
        families = ", ".join([family.name for family in self.negotiated.families])
        text = f"KEEPALIVE received: hold time {self._hold_time:g} s, families {families}"
        return effects + self._run(Event.KEEPALIVE, Cause(text), now)

    def _on_notification(self, message: Notification, now: float) -> list[Effect]:
        words = message.describe()
        self.last_notification = Notice(message, sent=False, text=words, at=now)
        collision = (message.code, message.subcode) == (ErrorCode.CEASE, Cease.COLLISION_RESOLUTION)
        version = (message.code, message.subcode) == (ErrorCode.OPEN, OpenError.UNSUPPORTED_VERSION)
        return self._run(
            Event.NOTIFICATION_VERSION if version else Event.NOTIFICATION,
            Cause(
                f"received NOTIFICATION {words}",
                DownReason.COLLISION if collision else DownReason.NOTIFICATION,
                received=message,
            ),
            now,
        )

    def _on_refresh(self, message: RouteRefresh, now: float) -> list[Effect]:
        family = message.family
        if family is None or self.negotiated is None or family not in self.negotiated.families:
            self.update_seen(now)  # RFC 2918 section 4: ignored where the family was not negotiated
            return []
        return self._run(Event.ROUTE_REFRESH, Cause("", effects=(Refresh(family, message.subtype),)), now)

    # ===== timers =====

    def _expired(self, timer: Timer, now: float, unread: bool) -> list[Effect]:
        if timer is Timer.SEND_HOLD:
            self.look_later(now)
            return []
        if timer is Timer.KEEPALIVE:
            return self._run(Event.KEEPALIVE_EXPIRES, Cause("keepalive timer expired"), now)
        if timer is Timer.CONNECT_RETRY:
            if self._held:  # the dial took too long, and another connection is at work
                self.deadlines.connect_retry = inf
                return self.give_way(now)
            return self._run(Event.CONNECT_RETRY_EXPIRES, self._dialing(), now)
        if timer is Timer.IDLE_HOLD:
            self.deadlines.idle_hold = inf
            passive = Event.AUTOMATIC_START_DAMPED_PASSIVE
            return self._run(passive if self.spec.passive else Event.IDLE_HOLD_EXPIRES, self._dialing(), now)
        if unread:
            if timer is Timer.HOLD:
                self.deadlines.hold = now + UNREAD_GRACE
            else:
                self.deadlines.open_hold = now + UNREAD_GRACE
            return []
        error = WireError(ErrorCode.HOLD_TIMER_EXPIRED, 0)
        if timer is Timer.HOLD:
            text, reason = f"hold timer expired after {self._hold_time:g} s without a message", DownReason.HOLD_EXPIRED
        else:
            missing = "OPEN" if self.state is State.OPEN_SENT else "KEEPALIVE"
            text, reason = f"no {missing} from the peer within {OPEN_HOLD_TIME:g} s", DownReason.NO_OPEN
        return self._run(Event.HOLD_EXPIRES, Cause(text, reason, error), now)

    # ===== the machine =====

    def _cease(
        self, event: Event, reason: DownReason, subcode: Cease, text: str, now: float, data: bytes = b""
    ) -> list[Effect]:
        # RFC 9003 gives only these two room for words.
        worded = subcode in (Cease.ADMINISTRATIVE_SHUTDOWN, Cease.ADMINISTRATIVE_RESET)
        error = WireError(ErrorCode.CEASE, subcode, shutdown_data(text) if worded else data, text)
        if subcode in HARD and self.state is State.ESTABLISHED and self.agreement.notification:
            # RFC 8538 section 3.1: else the peer would keep our routes. What is meant goes inside.
            inside = bytes((ErrorCode.CEASE, subcode)) + error.data
            error = WireError(ErrorCode.CEASE, Cease.HARD_RESET, inside, str(error))
        stood = self.state >= State.OPEN_SENT
        return self._run(event, Cause(f"sent NOTIFICATION {error}" if stood else _BEFORE[reason], reason, error), now)

    def _dialing(self) -> Cause:
        if self.spec.passive:
            return Cause(f"waiting for {self._peer} to connect (passive)")
        return Cause(f"dialing {self._peer} port {self.spec.port}")

    def _run(self, event: Event, cause: Cause, now: float) -> list[Effect]:
        """Take one step of the table and carry out its actions."""
        old = self.state
        new, actions = step(old, event)
        effects: list[Effect] = []
        sent: Notification | None = None
        for action in actions:
            if action is Action.NOTIFY or action is Action.NOTIFY_FSM:
                sent = self._notify(cause, old, effects, now)
            elif action not in _LAST:
                self._act(action, new, cause, effects, now)
        if new is not old:
            self.state = new
            self.since = now
            self.reason = cause.text
            self._settle(old, now)
            effects.append(Moved(old, new, cause.text, self.retry_in(now)))
        if Action.UP in actions:
            assert self.negotiated is not None
            effects.append(Up(self.negotiated))
        if Action.DOWN in actions:
            notification = sent if sent is not None else cause.received
            effects.append(Down(cause.reason, cause.text, notification, sent is not None, old is State.ESTABLISHED))
        return effects

    def _act(self, action: Action, new: State, cause: Cause, effects: list[Effect], now: float) -> None:
        timers = self.deadlines
        if action is Action.STOP_TIMERS:
            timers.clear()
        elif action is Action.DROP:
            effects.append(Drop())
        elif action is Action.DIAL:
            effects.append(Dial())
        elif action is Action.SEND_OPEN:
            self._new_connection()
            assert self.local_open is not None
            effects.append(Send(encode_open(self.local_open), MessageType.OPEN))
        elif action is Action.SEND_KEEPALIVE:
            effects.append(Send(_KEEPALIVE, MessageType.KEEPALIVE))
        elif action is Action.ARM_CONNECT_RETRY:
            timers.connect_retry = now + self.spec.connect_retry_time * self._jitter()
        elif action is Action.ARM_OPEN_HOLD:
            timers.open_hold = now + OPEN_HOLD_TIME
        elif action is Action.ARM_HOLD:
            self._arm_hold(new, now)
            if new is State.ESTABLISHED and self.state is not new:
                self.look_later(now)
        elif action is Action.ARM_KEEPALIVE:
            timers.keepalive = now + self._keepalive_time * self._jitter() if self._keepalive_time else inf
        elif action is Action.COUNT:
            self._count(cause, now)
        elif action is Action.FORGET:
            self.backoff.forget()
        elif action is Action.DELIVER:
            effects.extend(cause.effects)

    def _notify(self, cause: Cause, state: State, effects: list[Effect], now: float) -> Notification:
        # Only a timer that should not run has nothing to say; the machine is then wrong, not the peer.
        error = cause.error or WireError(ErrorCode.FSM, FSM_SUBCODES.get(state, 0))
        notification = Notification(error.code, error.subcode, error.data)
        effects.append(Send(encode_notification(error.code, error.subcode, error.data), MessageType.NOTIFICATION))
        self.last_notification = Notice(notification, sent=True, text=str(error), at=now)
        return notification

    def _new_connection(self) -> None:
        """Forget the last connection; write our OPEN for the new one."""
        spec = self.spec
        self.remote_open = self.negotiated = None
        self._hold_time = self._keepalive_time = 0.0
        more = (*features(spec), *capabilities(spec, self.bits))
        self.local_open = make_open(spec.local_asn, self.router_id, spec.hold_time, spec.families, more=more)

    def _arm_hold(self, new: State, now: float) -> None:
        timers = self.deadlines
        if self._hold_time:
            timers.hold, timers.open_hold = now + self._hold_time, inf
        elif new is State.ESTABLISHED:
            # Hold time 0: neither timer runs (RFC 4271 section 4.4). Until Established the large one stays, or
            # a peer that never confirms would keep the connection for ever.
            timers.open_hold = inf

    def _count(self, cause: Cause, now: float) -> None:
        """A failure, unless the neighbor's other connection carries the session or is about to."""
        rival = self.rival
        if cause.reason is DownReason.COLLISION or (rival is not None and rival.state is State.ESTABLISHED):
            return
        if self.state is State.ESTABLISHED and now - self.since >= self.spec.idle_hold_max:
            self.backoff.forget()  # it was stable
        self.backoff.failed(now, self._jitter())

    def _settle(self, old: State, now: float) -> None:
        """After a change of state: what starts again by itself, and what is over."""
        if old is State.IDLE:
            self.deadlines.idle_hold = inf
        if self.state not in (State.IDLE, State.ACTIVE):
            return
        if not self.dialed:
            self.deadlines.clear()
            self.over = True
        elif self._held or not self._wanted or (self.state is State.ACTIVE and self.spec.passive):
            self.deadlines.connect_retry = inf
        elif self.state is State.IDLE:
            # An uncounted end (a version error, a collision) leaves no back-off behind; pause all the same.
            pause = now + self.spec.idle_hold_min * self._jitter() if self.backoff.until <= now else self.backoff.until
            self.deadlines.idle_hold = pause


_LAST: Final = (Action.UP, Action.DOWN)
_SUPERSEDED: Final = (State.CONNECT, State.ESTABLISHED)
#: Words for a stop before TCP stood, when there is nobody to send a NOTIFICATION to.
_BEFORE: Final = {
    DownReason.STOPPED: "stopped",
    DownReason.RESET: "reset",
    DownReason.COLLISION: "another connection with the peer is at work",
}
