"""The finite state machine of RFC 4271 section 8, as one total table.

`step(state, event)` answers for every pair and never raises. The table holds *what* is done; payloads,
timers and words belong to `session.py`. Each row quotes the state's own paragraph of section 8.2.2.

The optional session attributes of section 8.1.1 that this machine knows: passive TCP establishment and the
damping of oscillation (idle hold). Left out: DelayOpen (events 12 and 20: two speakers that both wait for the
other's OPEN only lose time) and TrackTcpState (14 and 15: the kernel hands us whole connections only). They
keep their rows all the same, as events that do not occur.

Where the table leaves the letter of the RFC, and why (the tests list exactly these):

- Connect, TCP fails: Active with the connect-retry timer, not Idle. Section 8.2.2 says Idle where no DelayOpen
  timer runs, and then expects an automatic start; the wait is the same, and Active says what we do in it:
  we take a connection from the peer, and try again in a moment.
- Idle, a passive start: Active without a connect-retry timer. With one, Active would dial in the end, and that
  is what passive shall not do.
- Active, TCP fails: Idle, where the idle-hold timer is the wait; the letter restarts the connect-retry timer.
- OpenSent, NOTIFICATION: Idle in silence. The letter would answer it with a NOTIFICATION; section 6.4 and
  every running speaker say that a NOTIFICATION is never answered with one.
- Established, header error: the NOTIFICATION of section 6.1, not an FSM error. The letter lists event 21 under
  "any other event"; section 6.1 says what the peer shall be told.
- OpenConfirm, a second OPEN on the same connection, and Established, any OPEN: an FSM error. Section 8.2.2
  has collision detection there, but the collision of section 6.8 is between two connections, and each of
  ours has a machine of its own: it is resolved when OPEN arrives in OpenSent (`collision.py`).
"""

from enum import Enum, IntEnum
from typing import Final, TypeAlias


class State(IntEnum):
    """The six states, numbered as in the BGP MIB (RFC 4273), so that a larger one is further on."""

    IDLE = 1
    CONNECT = 2
    ACTIVE = 3
    OPEN_SENT = 4
    OPEN_CONFIRM = 5
    ESTABLISHED = 6

    @property
    def label(self) -> str:
        """As RFC 4271 writes it: "OpenConfirm"."""
        return _LABELS[self]


_LABELS: Final = {
    State.IDLE: "Idle",
    State.CONNECT: "Connect",
    State.ACTIVE: "Active",
    State.OPEN_SENT: "OpenSent",
    State.OPEN_CONFIRM: "OpenConfirm",
    State.ESTABLISHED: "Established",
}


class Event(IntEnum):
    """What may happen; the value is the event number of RFC 4271 section 8.1."""

    MANUAL_START = 1
    MANUAL_STOP = 2
    AUTOMATIC_START = 3
    MANUAL_START_PASSIVE = 4
    AUTOMATIC_START_PASSIVE = 5
    AUTOMATIC_START_DAMPED = 6
    AUTOMATIC_START_DAMPED_PASSIVE = 7
    AUTOMATIC_STOP = 8
    CONNECT_RETRY_EXPIRES = 9
    HOLD_EXPIRES = 10
    KEEPALIVE_EXPIRES = 11
    DELAY_OPEN_EXPIRES = 12  #: does not occur
    IDLE_HOLD_EXPIRES = 13
    TCP_VALID = 14  #: does not occur
    TCP_INVALID = 15  #: does not occur
    TCP_UP = 16  #: the connection that we dialed stands
    TCP_ACCEPTED = 17  #: the connection that the peer dialed stands
    TCP_FAILS = 18
    OPEN = 19
    OPEN_DELAYED = 20  #: does not occur
    HEADER_ERROR = 21
    OPEN_ERROR = 22
    COLLISION_DUMP = 23
    NOTIFICATION_VERSION = 24
    NOTIFICATION = 25
    KEEPALIVE = 26
    UPDATE = 27
    UPDATE_ERROR = 28
    SEND_HOLD_EXPIRES = 29  #: RFC 9687
    ROUTE_REFRESH = 64  #: RFC 2918 gives it no number; this one is ours
    ABANDON = 65  #: ours: close without a word, so that a peer with graceful restart keeps our routes


class Action(Enum):
    """What a step asks of the session, in order."""

    DIAL = "open a TCP connection to the peer"
    DROP = "close the TCP connection, or give up dialing it"
    SEND_OPEN = "send OPEN"
    SEND_KEEPALIVE = "send KEEPALIVE"
    NOTIFY = "send the NOTIFICATION that the event carries"
    NOTIFY_FSM = "send NOTIFICATION FSM Error, with the state's subcode of RFC 6608"
    ARM_CONNECT_RETRY = "restart the connect-retry timer"
    ARM_OPEN_HOLD = "start the hold timer with the large value (section 8.2.2 suggests 4 minutes)"
    ARM_HOLD = "restart the hold timer with the negotiated value"
    ARM_KEEPALIVE = "restart the keepalive timer"
    STOP_TIMERS = "stop every timer"
    COUNT = "increment ConnectRetryCounter, which lengthens the back-off"
    FORGET = "set ConnectRetryCounter to zero"
    UP = "the session is established"
    DOWN = "the connection's session has ended"
    DELIVER = "hand the message on"


Step: TypeAlias = tuple[State, tuple[Action, ...]]
_Row: TypeAlias = dict[Event, Step]

_A = Action
_E = Event
_S = State

_STARTS: Final = (
    _E.MANUAL_START,
    _E.AUTOMATIC_START,
    _E.MANUAL_START_PASSIVE,
    _E.AUTOMATIC_START_PASSIVE,
    _E.AUTOMATIC_START_DAMPED,
    _E.AUTOMATIC_START_DAMPED_PASSIVE,
)
#: News of another TCP connection. It has a machine of its own here, so these change nothing in this one.
_OTHER_TCP: Final = (_E.TCP_VALID, _E.TCP_INVALID, _E.TCP_UP, _E.TCP_ACCEPTED)

# The ways out. There is one of each, so that no exit can forget a part.
#: Before TCP stands: nothing was said to the peer, nobody has to be told that a session ended.
_GIVE_UP: Final = (_A.STOP_TIMERS, _A.DROP, _A.COUNT)
#: After TCP stood, without a word to the peer.
_CLOSE: Final = (_A.STOP_TIMERS, _A.DROP, _A.COUNT, _A.DOWN)
_SAY_AND_CLOSE: Final = (_A.NOTIFY, *_CLOSE)
_FSM_ERROR: Final = (_A.NOTIFY_FSM, *_CLOSE)
_STOP: Final = (_A.NOTIFY, _A.STOP_TIMERS, _A.DROP, _A.FORGET, _A.DOWN)
#: Version error: section 8.2.2 leaves ConnectRetryCounter alone here.
_CLOSE_UNCOUNTED: Final = (_A.STOP_TIMERS, _A.DROP, _A.DOWN)

_DIAL: Final[Step] = (_S.CONNECT, (_A.ARM_CONNECT_RETRY, _A.DIAL))


def _every(events: tuple[Event, ...], answer: Step) -> _Row:
    return dict.fromkeys(events, answer)


def _rest(state: State, row: _Row, answer: tuple[Action, ...]) -> _Row:
    """`row`, completed: starts and other connections are ignored, "any other event" leads to Idle by `answer`."""
    ignored: _Row = _every((*_STARTS, *_OTHER_TCP), (state, ()))
    return {**_every(tuple(Event), (_S.IDLE, answer)), **ignored, **row}


# Idle: "refuses all incoming BGP connections" and starts; any other event does nothing.
_IDLE: Final[_Row] = {
    **_every(tuple(Event), (_S.IDLE, ())),
    _E.MANUAL_START: (_S.CONNECT, (_A.FORGET, *_DIAL[1])),
    _E.AUTOMATIC_START: (_S.CONNECT, (_A.FORGET, *_DIAL[1])),
    _E.MANUAL_START_PASSIVE: (_S.ACTIVE, (_A.FORGET,)),
    _E.AUTOMATIC_START_PASSIVE: (_S.ACTIVE, (_A.FORGET,)),
    # Damping: the counter is what the back-off is made of, so these three keep it.
    _E.AUTOMATIC_START_DAMPED: _DIAL,
    _E.AUTOMATIC_START_DAMPED_PASSIVE: (_S.ACTIVE, ()),
    _E.IDLE_HOLD_EXPIRES: _DIAL,
}

# Connect: waits for the connection that we dial.
_CONNECT: Final[_Row] = _rest(
    _S.CONNECT,
    {
        _E.MANUAL_STOP: (_S.IDLE, (_A.STOP_TIMERS, _A.DROP, _A.FORGET)),
        _E.CONNECT_RETRY_EXPIRES: (_S.CONNECT, (_A.DROP, _A.ARM_CONNECT_RETRY, _A.DIAL)),
        _E.TCP_UP: (_S.OPEN_SENT, (_A.STOP_TIMERS, _A.SEND_OPEN, _A.ARM_OPEN_HOLD)),
        _E.TCP_ACCEPTED: (_S.OPEN_SENT, (_A.STOP_TIMERS, _A.SEND_OPEN, _A.ARM_OPEN_HOLD)),
        _E.TCP_FAILS: (_S.ACTIVE, (_A.ARM_CONNECT_RETRY,)),  # see the module's docstring
    },
    _GIVE_UP,
)

# Active: waits for the peer to dial, or for the time to dial again.
_ACTIVE: Final[_Row] = _rest(
    _S.ACTIVE,
    {
        _E.MANUAL_STOP: (_S.IDLE, (_A.STOP_TIMERS, _A.DROP, _A.FORGET)),
        _E.CONNECT_RETRY_EXPIRES: _DIAL,
        _E.TCP_UP: (_S.OPEN_SENT, (_A.STOP_TIMERS, _A.SEND_OPEN, _A.ARM_OPEN_HOLD)),
        _E.TCP_ACCEPTED: (_S.OPEN_SENT, (_A.STOP_TIMERS, _A.SEND_OPEN, _A.ARM_OPEN_HOLD)),
    },
    _GIVE_UP,
)

# OpenSent: our OPEN is out, the peer's is not in.
_OPEN_SENT: Final[_Row] = _rest(
    _S.OPEN_SENT,
    {
        _E.MANUAL_STOP: (_S.IDLE, _STOP),
        _E.AUTOMATIC_STOP: (_S.IDLE, _SAY_AND_CLOSE),
        _E.HOLD_EXPIRES: (_S.IDLE, _SAY_AND_CLOSE),
        # The one failure after which section 8.2.2 does not go to Idle: the peer had no OPEN for us, as a
        # speaker in its own idle hold has none, and that is no reason to count against it.
        _E.TCP_FAILS: (_S.ACTIVE, (_A.STOP_TIMERS, _A.DROP, _A.ARM_CONNECT_RETRY, _A.DOWN)),
        _E.OPEN: (_S.OPEN_CONFIRM, (_A.SEND_KEEPALIVE, _A.ARM_HOLD, _A.ARM_KEEPALIVE)),
        _E.HEADER_ERROR: (_S.IDLE, _SAY_AND_CLOSE),
        _E.OPEN_ERROR: (_S.IDLE, _SAY_AND_CLOSE),
        _E.COLLISION_DUMP: (_S.IDLE, _SAY_AND_CLOSE),
        _E.NOTIFICATION_VERSION: (_S.IDLE, _CLOSE_UNCOUNTED),
        _E.NOTIFICATION: (_S.IDLE, _CLOSE),  # see the module's docstring
        _E.ABANDON: (_S.IDLE, _CLOSE),
    },
    _FSM_ERROR,
)

# OpenConfirm: both OPENs are in, the peer's KEEPALIVE is not.
_OPEN_CONFIRM: Final[_Row] = _rest(
    _S.OPEN_CONFIRM,
    {
        _E.MANUAL_STOP: (_S.IDLE, _STOP),
        _E.AUTOMATIC_STOP: (_S.IDLE, _SAY_AND_CLOSE),
        _E.HOLD_EXPIRES: (_S.IDLE, _SAY_AND_CLOSE),
        _E.KEEPALIVE_EXPIRES: (_S.OPEN_CONFIRM, (_A.SEND_KEEPALIVE, _A.ARM_KEEPALIVE)),
        _E.TCP_FAILS: (_S.IDLE, _CLOSE),
        _E.HEADER_ERROR: (_S.IDLE, _SAY_AND_CLOSE),
        _E.OPEN_ERROR: (_S.IDLE, _SAY_AND_CLOSE),
        _E.COLLISION_DUMP: (_S.IDLE, _SAY_AND_CLOSE),
        _E.NOTIFICATION_VERSION: (_S.IDLE, _CLOSE_UNCOUNTED),
        _E.NOTIFICATION: (_S.IDLE, _CLOSE),
        _E.KEEPALIVE: (_S.ESTABLISHED, (_A.ARM_HOLD, _A.UP)),
        _E.ABANDON: (_S.IDLE, _CLOSE),
    },
    _FSM_ERROR,
)

# Established: routes flow.
_ESTABLISHED: Final[_Row] = _rest(
    _S.ESTABLISHED,
    {
        _E.MANUAL_STOP: (_S.IDLE, _STOP),
        _E.AUTOMATIC_STOP: (_S.IDLE, _SAY_AND_CLOSE),
        _E.HOLD_EXPIRES: (_S.IDLE, _SAY_AND_CLOSE),
        _E.KEEPALIVE_EXPIRES: (_S.ESTABLISHED, (_A.SEND_KEEPALIVE, _A.ARM_KEEPALIVE)),
        _E.TCP_FAILS: (_S.IDLE, _CLOSE),
        _E.HEADER_ERROR: (_S.IDLE, _SAY_AND_CLOSE),
        _E.COLLISION_DUMP: (_S.IDLE, _SAY_AND_CLOSE),
        _E.NOTIFICATION_VERSION: (_S.IDLE, _CLOSE),
        _E.NOTIFICATION: (_S.IDLE, _CLOSE),
        _E.KEEPALIVE: (_S.ESTABLISHED, (_A.ARM_HOLD,)),
        _E.UPDATE: (_S.ESTABLISHED, (_A.ARM_HOLD,)),
        _E.UPDATE_ERROR: (_S.IDLE, _SAY_AND_CLOSE),
        _E.SEND_HOLD_EXPIRES: (_S.IDLE, _SAY_AND_CLOSE),  # RFC 9687 section 3.2; the NOTIFICATION is an attempt
        _E.ROUTE_REFRESH: (_S.ESTABLISHED, (_A.ARM_HOLD, _A.DELIVER)),
        _E.ABANDON: (_S.IDLE, _CLOSE),
    },
    _FSM_ERROR,
)

TABLE: Final[dict[State, _Row]] = {
    _S.IDLE: _IDLE,
    _S.CONNECT: _CONNECT,
    _S.ACTIVE: _ACTIVE,
    _S.OPEN_SENT: _OPEN_SENT,
    _S.OPEN_CONFIRM: _OPEN_CONFIRM,
    _S.ESTABLISHED: _ESTABLISHED,
}

#: Subcode of NOTIFICATION FSM Error by state (RFC 6608 section 3); 0, unspecific, anywhere else.
FSM_SUBCODES: Final[dict[State, int]] = {_S.OPEN_SENT: 1, _S.OPEN_CONFIRM: 2, _S.ESTABLISHED: 3}


def step(state: State, event: Event) -> Step:
    """The next state and what to do on the way, in order. Total: every pair has an answer, nothing raises."""
    return TABLE[state][event]
