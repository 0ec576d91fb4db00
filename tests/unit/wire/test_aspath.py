import pytest

from bgpd.wire import aspath

SEQ = b"\x02\x02\x00\x00\xfd\xe9\x00\x01\x11\x70"  # 65001 70000
SET = b"\x01\x02\x00\x00\x00\x01\x00\x00\x00\x02"  # {1 2}


def test_a_set_counts_one() -> None:
    """RFC 4271 section 9.1.2.2 (a)."""
    assert aspath.measure(b"") == 0
    assert aspath.measure(SEQ) == 2
    assert aspath.measure(SEQ + SET) == 3


@pytest.mark.parametrize(
    "value",
    [
        b"\x02",  # a segment header cut off
        b"\x02\x00",  # an empty segment
        b"\x02\x02\x00\x00\xfd\xe9",  # overruns
        b"\x02\x01\x00\x00\xfd\xe9\x00",  # leftover
        b"\x05\x01\x00\x00\xfd\xe9",  # no such type
        b"\x00\x01\x00\x00\xfd\xe9",
        b"\x03\x01\x00\x00\xfd\xe9",  # a confederation, and we are in none
        b"\x02\x02\x00\x00\xfd\xe9\x00\x00\x00\x00",  # AS 0 (RFC 7607)
        SEQ + b"\x01\x01\x00\x00\x00\x00",
    ],
)
def test_malformed_values(value: bytes) -> None:
    """RFC 7606 section 7.2."""
    assert aspath.measure(value) == -1


def test_zeros_across_two_numbers_are_not_as_0() -> None:
    value = aspath.sequence(65536, 255, 1 << 24, 1)  # 00010000 000000ff 01000000 00000001
    assert b"\x00\x00\x00\x00" in value
    assert aspath.measure(value) == 4


def test_neighbor_and_origin() -> None:
    assert aspath.neighbor_as(SEQ + SET) == 65001
    assert aspath.neighbor_as(SET + SEQ) == 0
    assert aspath.neighbor_as(b"") == 0
    assert aspath.origin_as(SEQ) == 70000
    assert aspath.origin_as(SEQ + SET) == 0
    assert aspath.origin_as(b"") == 0


def test_segments_and_back() -> None:
    segments: aspath.Segments = [(2, (65001, 70000)), (1, (1, 2))]
    assert aspath.decode(SEQ + SET) == segments
    assert aspath.encode(segments) == SEQ + SET
    assert aspath.format_as_path(SEQ + SET) == "65001 70000 {1 2}"
    assert aspath.sequence() == b""


def test_a_long_sequence_is_split() -> None:
    value = aspath.sequence(*range(1, 301))
    assert [len(numbers) for _, numbers in aspath.decode(value)] == [255, 45]


def test_prepend_grows_the_first_sequence_or_makes_one() -> None:
    """RFC 4271 section 5.1.2 (b)."""
    assert aspath.format_as_path(aspath.prepend(SEQ, 64512)) == "64512 65001 70000"
    assert aspath.decode(aspath.prepend(b"", 64512, 2)) == [(2, (64512, 64512))]
    assert aspath.decode(aspath.prepend(SET, 64512)) == [(2, (64512,)), (1, (1, 2))]
    assert aspath.prepend(SEQ, 64512, 0) == SEQ


def test_prepend_never_overflows_the_count() -> None:
    full = aspath.sequence(*range(1, 256))
    assert [len(numbers) for _, numbers in aspath.decode(aspath.prepend(full, 7))] == [1, 255]
    assert aspath.measure(aspath.prepend(full, 7, 600)) == 855
    almost = aspath.sequence(*range(1, 255))
    assert [len(numbers) for _, numbers in aspath.decode(aspath.prepend(almost, 7, 3))] == [2, 255]


def test_contains_finds_numbers_and_not_their_neighbors() -> None:
    assert aspath.contains(SEQ, 70000)
    assert aspath.contains(SEQ + SET, 2)
    assert not aspath.contains(SEQ, 64512)
    assert not aspath.contains(SEQ + SET, 3)
    crossing = aspath.sequence(0x00010000, 0x00FF0001)  # holds 000000ff across the border
    assert b"\x00\x00\x00\xff" in crossing
    assert not aspath.contains(crossing, 0xFF)
    assert not aspath.contains(crossing + SET, 0xFF)
    twice = aspath.sequence(0x00010000, 0x00FF0001, 0xFF)
    assert aspath.contains(twice, 0xFF)


def test_two_octets_wide_and_back() -> None:
    """RFC 6793 section 4.2.2."""
    narrow, lost = aspath.narrow(SEQ + SET)
    assert narrow == b"\x02\x02\xfd\xe9\x5b\xa0" + b"\x01\x02\x00\x01\x00\x02"
    assert lost
    assert aspath.narrow(SET) == (b"\x01\x02\x00\x01\x00\x02", False)
    assert aspath.widen(b"\x01\x02\x00\x01\x00\x02") == SET
    assert aspath.measure(narrow, 2) == 3


def words(value: bytes) -> str:
    return aspath.format_as_path(value)


def test_as4_path_replaces_the_tail_of_as_path() -> None:
    """RFC 6793 section 4.2.3: the example of an OLD speaker in the middle."""
    as_path = aspath.sequence(275, 250, 225, 23456, 23456, 175)
    as4_path = aspath.sequence(200001, 200000, 175)
    assert words(aspath.merge(as_path, as4_path)) == "275 250 225 200001 200000 175"
    assert aspath.decode(aspath.merge(as_path, as4_path))[0][1][:4] == (275, 250, 225, 200001)


def test_a_shorter_as_path_wins_alone() -> None:
    assert words(aspath.merge(aspath.sequence(1, 2), aspath.sequence(1, 2, 3))) == "1 2"


def test_merge_counts_a_set_as_one() -> None:
    as_path = aspath.encode([(1, (5, 6)), (2, (23456,))])
    assert words(aspath.merge(as_path, aspath.sequence(200000))) == "{5 6} 200000"
    same = aspath.sequence(23456, 1)
    assert words(aspath.merge(same, aspath.sequence(70000, 1))) == "70000 1"
    two = aspath.encode([(2, (9,)), (1, (5, 6)), (2, (23456,))])
    assert words(aspath.merge(two, aspath.sequence(200000))) == "9 {5 6} 200000"


def test_confederation_segments_leave_as4_path() -> None:
    """RFC 6793 section 3."""
    confederation = b"\x03\x01\x00\x00\x00\x09"
    assert aspath.drop_confederation(confederation + SEQ + b"\x04\x01\x00\x00\x00\x09") == SEQ
    assert aspath.drop_confederation(b"\x03") is None
    assert aspath.drop_confederation(b"\x02\x02\x00\x00\x00\x09") is None
