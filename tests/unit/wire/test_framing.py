import pytest

from bgpd.wire.errors import WireError
from bgpd.wire.framing import Framer
from tests.unit.wire import helpers as h

KEEPALIVE = h.message(4, b"")
UPDATE = h.update(h.MANDATORY, h.P1)
OPEN = h.message(1, bytes(10))


def frames(stream: bytes, step: int, limit: int = 4096) -> tuple[list[bytes], tuple[int, int, bytes] | None]:
    """What a stream yields when it comes in pieces of `step` octets: the frames and the error."""
    framer = Framer(limit)
    found: list[bytes] = []
    try:
        for i in range(0, len(stream), step):
            framer.feed(stream[i : i + step])
            while (frame := framer.next_frame()) is not None:
                found.append(frame)
    except WireError as error:
        return found, (error.code, error.subcode, error.data)
    return found, None


@pytest.mark.parametrize("step", [1, 2, 18, 19, 20, 64, 100000])
def test_any_cut_gives_the_same_frames(step: int) -> None:
    stream = OPEN + KEEPALIVE + UPDATE + UPDATE + h.message(3, b"\x06\x02")
    assert frames(stream, step) == ([OPEN, KEEPALIVE, UPDATE, UPDATE, h.message(3, b"\x06\x02")], None)


def header(length: int, kind: int) -> bytes:
    return h.MARKER + length.to_bytes(2, "big") + bytes((kind,))


@pytest.mark.parametrize("step", [1, 7, 100])
@pytest.mark.parametrize(
    ("bad", "answer"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n", (1, 1, b"")),
        (b"\xff" * 15 + b"\xfe" + b"\x00\x13\x04", (1, 1, b"")),
        (header(18, 4), (1, 2, b"\x00\x12")),
        (header(0, 2), (1, 2, b"\x00\x00")),
        (header(4097, 2), (1, 2, b"\x10\x01")),
        (header(65535, 9), (1, 2, b"\xff\xff")),
        (header(28, 1), (1, 2, b"\x00\x1c")),
        (header(22, 2), (1, 2, b"\x00\x16")),
        (header(20, 3), (1, 2, b"\x00\x14")),
        (header(20, 4), (1, 2, b"\x00\x14")),
        (header(22, 5), (1, 2, b"\x00\x16")),
        (header(19, 0), (1, 3, b"\x00")),
        (header(19, 6), (1, 3, b"\x06")),
        (header(19, 255), (1, 3, b"\xff")),
    ],
)
def test_bad_headers(bad: bytes, answer: tuple[int, int, bytes], step: int) -> None:
    """RFC 4271 section 6.1; what came before is still delivered."""
    assert frames(KEEPALIVE + UPDATE + bad, step) == ([KEEPALIVE, UPDATE], answer)


def test_a_wrong_marker_is_told_with_its_first_octet() -> None:
    framer = Framer()
    framer.feed(b"SSH-2.0-OpenSSH")
    with pytest.raises(WireError):
        framer.next_frame()


def test_an_error_stays() -> None:
    framer = Framer()
    framer.feed(header(19, 6))
    for _ in range(2):
        with pytest.raises(WireError):
            framer.next_frame()


def test_the_limit_can_grow_but_not_for_open_and_keepalive() -> None:
    """RFC 8654 section 4."""
    long = h.message(2, bytes(5000))
    assert frames(long, 1000, 65535) == ([long], None)
    assert frames(long, 1000)[1] == (1, 2, (5019).to_bytes(2, "big"))
    assert frames(h.message(1, bytes(5000)), 1000, 65535)[1] == (1, 2, (5019).to_bytes(2, "big"))


def test_pending_counts_what_is_not_handed_out() -> None:
    framer = Framer()
    assert framer.next_frame() is None
    framer.feed(KEEPALIVE + KEEPALIVE[:5])
    assert framer.pending == 24
    assert framer.next_frame() == KEEPALIVE
    assert framer.next_frame() is None
    assert framer.pending == 5
    framer.feed(KEEPALIVE[5:])
    assert framer.next_frame() == KEEPALIVE
    assert framer.pending == 0
