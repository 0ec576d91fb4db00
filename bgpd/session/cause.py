"""What stands behind an event of the FSM: the words, the reason that is counted, the NOTIFICATION to answer.

Tables, because each is a row of RFC 4271 section 6 (or of a later RFC) and is read beside it.
"""

from dataclasses import dataclass
from typing import Final

from bgpd.session.effects import DownReason, Effect
from bgpd.session.fsm import FSM_SUBCODES, Event, State
from bgpd.wire.errors import WireError
from bgpd.wire.iana import ErrorCode, MessageType, OpenError
from bgpd.wire.message import Notification


@dataclass(frozen=True, slots=True)
class Cause:
    """What stands behind an event: words for people, and the NOTIFICATION that it calls for or came with."""

    text: str
    reason: DownReason = DownReason.FSM_ERROR
    error: WireError | None = None  #: the NOTIFICATION to send, where the table says so
    received: Notification | None = None
    effects: tuple[Effect, ...] = ()  #: what DELIVER delivers


#: The event of an error that reading found, by its code (RFC 4271 section 8.1.5); any other is one of the header.
_EVENT_OF_CODE: Final[dict[int, Event]] = {
    ErrorCode.HEADER: Event.HEADER_ERROR,
    ErrorCode.OPEN: Event.OPEN_ERROR,
    ErrorCode.UPDATE: Event.UPDATE_ERROR,
    ErrorCode.ROUTE_REFRESH: Event.UPDATE_ERROR,
}
#: The message that an error's event speaks of, for a state that has no place for it.
MESSAGE_OF_ERROR: Final[dict[Event, int]] = {
    Event.OPEN_ERROR: MessageType.OPEN,
    Event.UPDATE_ERROR: MessageType.UPDATE,
}
_REASON_OF_CODE: Final[dict[int, DownReason]] = {
    ErrorCode.HEADER: DownReason.HEADER_ERROR,
    ErrorCode.OPEN: DownReason.OPEN_ERROR,
    ErrorCode.UPDATE: DownReason.UPDATE_ERROR,
    ErrorCode.ROUTE_REFRESH: DownReason.REFRESH_ERROR,
}
#: Finer than the code, where the subcode tells people more (RFC 4271 section 6.2, RFC 5492 section 5, RFC 9234).
_REASON_OF_SUBCODE: Final[dict[tuple[int, int], DownReason]] = {
    (ErrorCode.OPEN, OpenError.UNSUPPORTED_VERSION): DownReason.BAD_VERSION,
    (ErrorCode.OPEN, OpenError.BAD_PEER_AS): DownReason.BAD_PEER_AS,
    (ErrorCode.OPEN, OpenError.BAD_IDENTIFIER): DownReason.BAD_ROUTER_ID,
    (ErrorCode.OPEN, OpenError.UNACCEPTABLE_HOLD_TIME): DownReason.BAD_HOLD_TIME,
    (ErrorCode.OPEN, OpenError.UNSUPPORTED_CAPABILITY): DownReason.BAD_CAPABILITY,
    (ErrorCode.OPEN, OpenError.ROLE_MISMATCH): DownReason.BAD_ROLE,
}


def event_of(error: WireError) -> Event:
    """The event that `error`, found in a peer's octets, is to the FSM."""
    return _EVENT_OF_CODE.get(error.code, Event.HEADER_ERROR)


def reason_of(error: WireError) -> DownReason:
    """Why a session ends with `error`, as people count it."""
    by_code = _REASON_OF_CODE.get(error.code, DownReason.HEADER_ERROR)
    return _REASON_OF_SUBCODE.get((error.code, error.subcode), by_code)


def unexpected(state: State, kind: int) -> Cause:
    """A message of type `kind` that `state` has no place for (RFC 6608): the data is its type."""
    error = WireError(ErrorCode.FSM, FSM_SUBCODES.get(state, 0), bytes((kind,)), MessageType(kind).label)
    return Cause(f"sent NOTIFICATION {error}", error=error)
