import pytest

from bgpd.wire.errors import Fault, Severity, WireError


def test_a_wire_error_is_the_notification() -> None:
    error = WireError(2, 1, b"\x00\x04", "version 3")
    assert (error.code, error.subcode, error.data) == (2, 1, b"\x00\x04")
    assert str(error) == "OPEN Message Error: Unsupported Version Number (version 3)"
    assert str(WireError(4, 0)) == "Hold Timer Expired"


def test_severities_are_ordered() -> None:
    assert Severity.DISCARD < Severity.WITHDRAW < Severity.RESET


def test_a_fault_shows_what_was_wrong() -> None:
    fault = Fault(Severity.WITHDRAW, 1, 5, "ORIGIN: length 2", b"\x40\x01\x02\x00\x00")
    assert "ORIGIN: length 2" in repr(fault)
    assert "4001020000" in repr(fault)


def test_a_wire_error_can_be_raised_and_caught() -> None:
    with pytest.raises(WireError) as caught:
        raise WireError(1, 1)
    assert caught.value.text == ""
