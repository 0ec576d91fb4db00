"""The verdicts, pair by pair; `tests/session/test_collision_search.py` shows that they fit together."""

import itertools

import pytest

from bgpd.session.collision import Admission, Verdict, admit, local_wins, resolve
from bgpd.session.fsm import State

LOW, HIGH = b"\x0a\0\0\xff", b"\x0a\0\1\x00"


@pytest.mark.parametrize(
    ("ours", "theirs", "our_asn", "their_asn", "expected"),
    [
        (HIGH, LOW, 1, 2, True),
        (LOW, HIGH, 2, 1, False),
        (b"\xff\0\0\0", b"\x7f\xff\xff\xff", 1, 1, True),  # unsigned
        (LOW, LOW, 2, 1, True),  # RFC 6286: equal ids, larger AS
        (LOW, LOW, 1, 2, False),
    ],
)
def test_who_is_dominant(ours: bytes, theirs: bytes, our_asn: int, their_asn: int, expected: bool) -> None:
    assert local_wins(ours, theirs, our_asn, their_asn) is expected
    assert local_wins(theirs, ours, their_asn, our_asn) is not expected, "both sides agree"


@pytest.mark.parametrize("other", [State.IDLE, State.CONNECT, State.ACTIVE, State.OPEN_SENT])
@pytest.mark.parametrize("new_dialed", [True, False])
def test_no_collision_before_open_confirm(other: State, new_dialed: bool) -> None:
    assert resolve(LOW, HIGH, 1, 2, new_dialed=new_dialed, other=other) is Verdict.BOTH


def test_open_confirm() -> None:
    """The connection stays that the larger id dialed."""
    expected = {
        (HIGH, True): Verdict.NEW,
        (HIGH, False): Verdict.OLD,
        (LOW, True): Verdict.OLD,
        (LOW, False): Verdict.NEW,
    }
    for (ours, dialed), verdict in expected.items():
        theirs = LOW if ours == HIGH else HIGH
        assert resolve(ours, theirs, 1, 2, new_dialed=dialed, other=State.OPEN_CONFIRM) is verdict


def test_established() -> None:
    """It is never closed for an OPEN alone; the new one is, unless the peer may be about to choose it."""
    for ours, dialed in itertools.product((LOW, HIGH), (True, False)):
        theirs = LOW if ours == HIGH else HIGH
        verdict = resolve(ours, theirs, 1, 2, new_dialed=dialed, other=State.ESTABLISHED)
        assert verdict is (Verdict.BOTH if (ours == HIGH) == dialed else Verdict.OLD)


def test_admission() -> None:
    for dialing in (None, *State):
        for accepted in (None, *State):
            admission = admit(dialing, accepted)
            if State.ESTABLISHED in (dialing, accepted) or accepted is State.OPEN_CONFIRM:
                assert admission is Admission.REFUSE
            elif accepted is State.OPEN_SENT:
                assert admission is Admission.REPLACE
            else:
                assert admission is Admission.TAKE
