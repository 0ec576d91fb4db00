import pytest

from bgpd.wire.capability import Capability, four_octet_as, multiprotocol
from bgpd.wire.errors import WireError
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.message import (
    Keepalive,
    Notification,
    Open,
    RouteRefresh,
    Update,
    decode,
    decode_open,
    decode_route_refresh,
    shutdown_data,
)
from tests.unit.wire import helpers as h

FIXED = b"\x04\xfc\x00\x00\x5a\x0a\x00\x00\x01"  # version 4, AS 64512, hold 90, 10.0.0.1


def refused(frame: bytes) -> tuple[int, int, bytes]:
    with pytest.raises(WireError) as caught:
        decode(frame, None)
    return caught.value.code, caught.value.subcode, caught.value.data


def open_frame(parameters: bytes = b"\x00", fixed: bytes = FIXED) -> bytes:
    return h.message(1, fixed + parameters)


def test_an_open_without_parameters() -> None:
    assert decode(open_frame(), None) == Open(64512, 90, b"\x0a\x00\x00\x01")


def test_capabilities_in_one_parameter_or_in_many() -> None:
    """RFC 5492 section 4."""
    mp, four = bytes.fromhex("010400010001"), bytes.fromhex("410400011170")
    expected = (multiprotocol(IPV4), four_octet_as(70000))
    one = open_frame(b"\x0e\x02\x0c" + mp + four)
    many = open_frame(b"\x10\x02\x06" + mp + b"\x02\x06" + four)
    for frame in (one, many):
        message = decode_open(frame)
        assert message.capabilities == expected
        assert message.asn == 70000  # RFC 6793 section 4.1: not the 2-octet field


def test_unknown_capabilities_are_kept() -> None:
    message = decode_open(open_frame(b"\x06\x02\x04\x63\x02\x01\x02"))
    assert message.capabilities == (Capability(99, b"\x01\x02"),)


def test_extended_optional_parameters() -> None:
    """RFC 9072 section 2; the plain length is ignored, whatever it says but 0."""
    mp = bytes.fromhex("010400010001")
    for plain in (b"\xff", b"\x01"):
        message = decode_open(open_frame(plain + b"\xff\x00\x09\x02\x00\x06" + mp))
        assert message.capabilities == (multiprotocol(IPV4),)
    big = b"\x63\xff" + bytes(255)
    body = b"\x02" + (2 * len(big)).to_bytes(2, "big") + big + big
    message = decode_open(open_frame(b"\xff\xff" + len(body).to_bytes(2, "big") + body))
    assert message.capabilities == (Capability(99, bytes(255)), Capability(99, bytes(255)))


@pytest.mark.parametrize(
    ("fixed", "answer"),
    [
        (b"\x03\xfc\x00\x00\x5a\x0a\x00\x00\x01", (2, 1, b"\x00\x04")),
        (b"\x05\xfc\x00\x00\x5a\x0a\x00\x00\x01", (2, 1, b"\x00\x04")),
        (b"\x04\x00\x00\x00\x5a\x0a\x00\x00\x01", (2, 2, b"")),  # RFC 7607
        (b"\x04\xfc\x00\x00\x01\x0a\x00\x00\x01", (2, 6, b"")),
        (b"\x04\xfc\x00\x00\x02\x0a\x00\x00\x01", (2, 6, b"")),
        (b"\x04\xfc\x00\x00\x5a\x00\x00\x00\x00", (2, 3, b"")),
    ],
)
def test_values_that_no_speaker_may_accept(fixed: bytes, answer: tuple[int, int, bytes]) -> None:
    """RFC 4271 section 6.2."""
    assert refused(open_frame(fixed=fixed)) == answer


def test_hold_times_that_are_acceptable() -> None:
    for hold in (0, 3, 65535):
        fixed = FIXED[:3] + hold.to_bytes(2, "big") + FIXED[5:]
        assert decode_open(open_frame(fixed=fixed)).hold_time == hold


def test_as_0_in_the_capability() -> None:
    assert refused(open_frame(b"\x08\x02\x06\x41\x04\x00\x00\x00\x00")) == (2, 2, b"")


@pytest.mark.parametrize(
    ("parameters", "subcode"),
    [
        (b"\x04\x01\x02\x00\x00", 4),  # the old authentication parameter
        (b"\x02\x63\x00", 4),
        (b"\x01\x02", 0),  # cut off
        (b"\x02\x02\x05", 0),  # overruns
        (b"\x05\x02\x01\x41", 0),  # ends before its length
        (b"\x00\x02", 0),  # goes on after its length
        (b"\x03\x02\x01\x41", 0),  # a capability without a length
        (b"\x04\x02\x02\x41\x05", 0),  # a capability that overruns
        (b"\xff\xff", 0),  # RFC 9072, cut off
        (b"\xff\xff\x00\x02\x02\x00", 0),
        (b"\xff\xff\x00\x05\x02\x00\x00", 0),
    ],
)
def test_broken_parameters(parameters: bytes, subcode: int) -> None:
    assert refused(open_frame(parameters)) == (2, subcode, b"")


def test_keepalive() -> None:
    assert decode(h.message(4, b""), None) == Keepalive()
    assert refused(h.message(4, b"x")) == (1, 2, b"\x00\x14")


def test_notification() -> None:
    message = decode(h.message(3, b"\x06\x02\x05hello"), None)
    assert message == Notification(6, 2, b"\x05hello")
    assert isinstance(message, Notification)
    assert message.describe() == "Cease: Administrative Shutdown (hello)"
    assert Notification(4, 0).describe() == "Hold Timer Expired"


@pytest.mark.parametrize(
    ("notification", "text"),
    [
        (Notification(6, 4, b"\x02ok"), "ok"),
        (Notification(6, 2, b"\x00"), ""),
        (Notification(6, 2, b""), ""),
        (Notification(6, 2, b"\x09short"), ""),  # RFC 9003: malformed, not shown as text
        (Notification(6, 1, b"\x02no"), ""),
        (Notification(3, 2, b"\x02no"), ""),
        (Notification(6, 2, b"\x03a\nb"), "a b"),
        (Notification(6, 2, b"\x02\xff\xfe"), "\ufffd\ufffd"),
    ],
)
def test_shutdown_communication(notification: Notification, text: str) -> None:
    assert notification.shutdown_text == text


def test_shutdown_data_is_cut_between_characters() -> None:
    """RFC 9003 section 2: at most 255 octets of UTF-8."""
    assert shutdown_data("") == b""
    assert shutdown_data("ok") == b"\x02ok"
    data = shutdown_data("ü" * 200)
    assert data[0] == len(data) - 1 == 254
    assert data[1:].decode() == "ü" * 127
    assert shutdown_data("\ud800x") == b"\x02?x"


def test_route_refresh() -> None:
    message = decode(h.message(5, b"\x00\x02\x00\x01"), None)
    assert message == RouteRefresh(2, 1)
    assert isinstance(message, RouteRefresh)
    assert message.family is IPV6
    begin = decode_route_refresh(h.message(5, b"\x00\x01\x01\x80"))
    assert (begin.subtype, begin.family) == (1, None)


def test_a_route_refresh_of_another_length() -> None:
    """RFC 7313 section 5: the data is the whole message."""
    frame = h.message(5, b"\x00\x01\x00\x01\x00")
    assert refused(frame) == (7, 1, frame)
    assert refused(h.message(5, b"\x00\x01\x00")) == (1, 2, b"\x00\x16")


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        (h.message(6, b""), (1, 3, b"\x06")),
        (h.message(0, b""), (1, 3, b"\x00")),
        (h.message(1, FIXED), (1, 2, b"\x00\x1c")),
        (h.message(3, b"\x06"), (1, 2, b"\x00\x14")),
        (b"", (1, 2, b"\x00\x00")),
        (h.MARKER, (1, 2, b"\x00\x10")),
        (h.update(), (5, 0, b"")),
    ],
)
def test_frames_that_are_no_message(frame: bytes, answer: tuple[int, int, bytes]) -> None:
    assert refused(frame) == answer


def test_an_update_within_a_session() -> None:
    assert isinstance(decode(h.update(), h.INTERNAL), Update)
