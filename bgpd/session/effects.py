"""What a session asks its shell to do, and what it tells its neighbor: plain values, in the order to carry out.

The session never does anything itself. Each of its methods returns a list of these; the list may be empty.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from bgpd.session.fsm import State
from bgpd.wire.capability import Negotiated
from bgpd.wire.family import Family
from bgpd.wire.iana import MessageType
from bgpd.wire.message import Notification


class DownReason(Enum):
    """Why a connection's session ended, as a word for metrics and JSON; the sentence is in `Down.text`."""

    STOPPED = "stopped"  #: somebody here stopped it: shutdown, removed from the configuration
    RESET = "reset"  #: this speaker ended it by itself and will start again
    ABANDONED = "abandoned"  #: closed without a word, for a graceful restart
    COLLISION = "collision"  #: two connections at once, the other one stayed (RFC 4271 section 6.8)
    TCP_CLOSED = "tcp-closed"  #: the peer or the network closed the connection
    HOLD_EXPIRED = "hold-expired"  #: nothing came from the peer for the hold time
    SEND_HOLD_EXPIRED = "send-hold-expired"  #: the peer took nothing that we sent (RFC 9687)
    NO_OPEN = "no-open"  #: TCP stood, but the peer's OPEN or the KEEPALIVE that confirms ours never came
    NOTIFICATION = "notification-received"  #: the peer ended it and said why
    BAD_VERSION = "bad-version"
    BAD_PEER_AS = "bad-peer-as"
    BAD_ROUTER_ID = "bad-router-id"  #: zero, or our own one
    BAD_HOLD_TIME = "bad-hold-time"
    BAD_CAPABILITY = "bad-capability"  #: not one family in common
    BAD_ROLE = "bad-role"  #: roles that do not fit each other (RFC 9234)
    OPEN_ERROR = "open-error"  #: anything else wrong with the peer's OPEN
    HEADER_ERROR = "header-error"  #: what came is not BGP
    UPDATE_ERROR = "update-error"  #: an UPDATE with an error that RFC 7606 lets no session survive
    REFRESH_ERROR = "refresh-error"  #: a ROUTE-REFRESH that cannot be read (RFC 7313)
    FSM_ERROR = "fsm-error"  #: a message that has no place in this state


@dataclass(frozen=True, slots=True)
class Dial:
    """Open a TCP connection to the neighbor; answer with `tcp_up` or `tcp_failed`."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the TCP connection once everything sent has left, or give up dialing it.

    From here on the connection does not exist for the session: no frame and no `tcp_failed` may come from it.
    """


@dataclass(frozen=True, slots=True)
class Send:
    """Write one whole message to the connection, ahead of queued routes."""

    data: bytes
    kind: MessageType


@dataclass(frozen=True, slots=True)
class Supersede:
    """Close the neighbor's other connection now (its `give_way`), before the effects that follow."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The state changed. Comes before the `Up` or `Down` that the change means."""

    old: State
    new: State
    reason: str  #: a sentence for people, without the peer's name as subject where that is clear
    retry_in: float | None = None  #: seconds until the session tries again by itself; None: it waits for the peer


@dataclass(frozen=True, slots=True)
class Up:
    """Established: routes may flow."""

    negotiated: Negotiated


@dataclass(frozen=True, slots=True)
class Down:
    """A connection's session has ended, Established or on the way there. Comes once for each TCP connection."""

    reason: DownReason
    text: str  #: the reason as a sentence; the same as in `Moved`
    notification: Notification | None  #: the NOTIFICATION that ended it, where there was one
    sent: bool  #: True: we sent that NOTIFICATION; False: the peer did
    established: bool  #: True: an `Up` came before, so there are routes to take back


@dataclass(frozen=True, slots=True)
class Refresh:
    """The peer asks for our routes of a family again (RFC 2918), or marks such a transfer (RFC 7313)."""

    family: Family
    subtype: int = 0  #: `iana.RefreshSubtype`


Effect: TypeAlias = Dial | Drop | Send | Supersede | Moved | Up | Down | Refresh


@dataclass(frozen=True, slots=True)
class Notice:
    """A NOTIFICATION to remember, for `show neighbor`."""

    notification: Notification
    sent: bool  #: by us; else received
    text: str  #: in words: "Cease: Administrative Shutdown", with the peer's own words where it gave some
    at: float  #: the session's clock, monotonic seconds
