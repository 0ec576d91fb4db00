import pytest

from bgpd.session.cause import MESSAGE_OF_ERROR, event_of, reason_of, unexpected
from bgpd.session.effects import DownReason
from bgpd.session.fsm import Action, Event, State, step
from bgpd.wire.errors import WireError
from bgpd.wire.iana import ErrorCode, MessageType, OpenError


@pytest.mark.parametrize(
    ("code", "subcode", "event", "reason"),
    [
        (ErrorCode.HEADER, 2, Event.HEADER_ERROR, DownReason.HEADER_ERROR),
        (ErrorCode.OPEN, OpenError.BAD_PEER_AS, Event.OPEN_ERROR, DownReason.BAD_PEER_AS),
        (ErrorCode.OPEN, OpenError.UNSUPPORTED_PARAMETER, Event.OPEN_ERROR, DownReason.OPEN_ERROR),
        (ErrorCode.UPDATE, OpenError.BAD_PEER_AS, Event.UPDATE_ERROR, DownReason.UPDATE_ERROR),
        (ErrorCode.ROUTE_REFRESH, 1, Event.UPDATE_ERROR, DownReason.REFRESH_ERROR),
        (ErrorCode.CEASE, 8, Event.HEADER_ERROR, DownReason.HEADER_ERROR),
    ],
)
def test_an_error_is_an_event_and_a_reason(code: int, subcode: int, event: Event, reason: DownReason) -> None:
    error = WireError(code, subcode)

    assert (event_of(error), reason_of(error)) == (event, reason)


def test_an_unexpected_message_is_answered_by_the_state_it_came_in() -> None:
    # RFC 6608: the subcode is the state's, the data is the type of the message
    for subcode, state in enumerate((State.OPEN_SENT, State.OPEN_CONFIRM, State.ESTABLISHED), start=1):
        error = unexpected(state, MessageType.OPEN).error

        assert error is not None
        assert (error.code, error.subcode, error.data) == (ErrorCode.FSM, subcode, b"\x01")


def test_every_state_that_answers_an_error_as_unexpected_knows_of_which_message() -> None:
    for state in State:
        for event in Event:
            if Action.NOTIFY_FSM in step(state, event)[1] and event.name.endswith("_ERROR"):
                assert event in MESSAGE_OF_ERROR, (state, event)
