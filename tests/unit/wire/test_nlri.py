import pytest

from bgpd.wire.errors import WireError
from bgpd.wire.nlri import decode_nlri, decode_nlri_with_ids, multicast_in
from bgpd.wire.prefix import parse_prefix

RUN = b"\x18\x0a\xf4\x01" + b"\x00" + b"\x20\xc0\x00\x02\x01" + b"\x14\x0a\xf4\x10"


def test_a_run_is_cut_at_its_lengths() -> None:
    assert decode_nlri(b"??" + RUN + b"!!", 2, 2 + len(RUN), 32) == [
        b"\x18\x0a\xf4\x01",
        b"\x00",
        b"\x20\xc0\x00\x02\x01",
        b"\x14\x0a\xf4\x10",
    ]
    assert decode_nlri(b"", 0, 0, 32) == []


def test_bits_after_the_length_do_not_make_another_prefix() -> None:
    assert decode_nlri(b"\x14\x0a\xf4\x1f", 0, 4, 32) == [b"\x14\x0a\xf4\x10"]
    assert decode_nlri(b"\x01\xff", 0, 2, 128) == [b"\x01\x80"]


@pytest.mark.parametrize(
    ("run", "bits", "says"),
    [
        (b"\x21\x0a\x00\x00\x00\x00", 32, "prefix length 33 is more than 32"),
        (b"\xff", 32, "prefix length 255 is more than 32"),
        (b"\x81" + bytes(17), 128, "prefix length 129 is more than 128"),
        (b"\x18\x0a\xf4", 32, "NLRI ends within a prefix of length 24"),
        (b"\x18\x0a\xf4\x01\x11", 32, "NLRI ends within a prefix of length 17"),
        (b"\x18\x0a\xf4\x01\x18\x0a\xf4\x01\x22\x0a", 32, "prefix length 34"),
    ],
)
def test_a_broken_run_ends_the_session(run: bytes, bits: int, says: str) -> None:
    """RFC 7606 section 5.3: what follows cannot be trusted."""
    for tail in (b"", bytes(300)):  # also where octets of the next field would satisfy it
        with pytest.raises(WireError) as caught:
            decode_nlri(run + tail, 0, len(run), bits)
        assert (caught.value.code, caught.value.subcode, caught.value.data) == (3, 10, b"")
        assert says in caught.value.text


def test_path_identifiers_stay_in_front() -> None:
    run = b"\x00\x00\x00\x07\x18\x0a\xf4\x01" + b"\x00\x00\x00\x08\x14\x0a\xf4\x1f"
    assert decode_nlri_with_ids(run, 0, len(run), 32) == [run[:8], b"\x00\x00\x00\x08\x14\x0a\xf4\x10"]


@pytest.mark.parametrize("run", [b"\x00\x00\x00\x07", b"\x00\x00\x00\x07\x18\x0a", b"\x00\x00\x00\x07\x21" + bytes(5)])
def test_broken_runs_with_path_identifiers(run: bytes) -> None:
    with pytest.raises(WireError) as caught:
        decode_nlri_with_ids(run, 0, len(run), 32)
    assert (caught.value.code, caught.value.subcode) == (3, 10)


def test_multicast_prefixes_are_found_behind_identifiers_too() -> None:
    four = [
        parse_prefix(text)[1]
        for text in ("224.0.0.0/4", "239.255.255.255/32", "10.0.0.0/8", "224.0.0.0/3", "0.0.0.0/0")
    ]
    six = [parse_prefix(text)[1] for text in ("ff00::/8", "ff02::1/128", "fe00::/7", "2001:db8::/32", "::/0")]
    for bits, prefixes in ((32, four), (128, six)):
        assert multicast_in(prefixes, bits, 0) == prefixes[:2]
        with_ids = [bytes((255, 224, 1, 7)) + prefix for prefix in prefixes]
        assert multicast_in(with_ids, bits, 4) == with_ids[:2]
