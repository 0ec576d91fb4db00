import pytest

from bgpd.wire import aspath
from bgpd.wire.attrs import COMMUNITIES, MED, NEXT_HOP, Attrs, format_attr
from bgpd.wire.errors import Fault, Severity, WireError
from bgpd.wire.scan import MULTIPROTOCOL, decode_block, drop_attr, narrow_block
from tests.unit.wire import helpers as h


def decode(
    block: bytes, external: bool = False, four_octet: bool = True, next_hop: bytes = b"", reachable: bool = True
) -> tuple[Attrs | None, list[Fault]]:
    faults: list[Fault] = []
    return decode_block(block, next_hop, external, four_octet, reachable, faults), faults


def good(block: bytes, external: bool = False, four_octet: bool = True, next_hop: bytes = b"") -> Attrs:
    attrs, faults = decode(block, external, four_octet, next_hop)
    assert attrs is not None
    assert not faults
    return attrs


# --- the good


def test_a_canonical_block_is_kept_as_it_is() -> None:
    block = h.MANDATORY + h.MED + h.LOCAL_PREF + h.COMMUNITIES
    attrs = good(block)
    assert attrs.raw is block
    assert (attrs.origin, attrs.med, attrs.local_pref) == (0, 5, 100)
    assert (attrs.next_hop, attrs.as_path_length, attrs.neighbor_as) == (b"\x0a\x00\x00\x01", 1, 65001)
    assert attrs.communities() == [65001 << 16 | 7]
    assert attrs.as_path() == [(2, (65001,))]


def test_absent_fields() -> None:
    attrs = good(h.MANDATORY)
    assert (attrs.med, attrs.local_pref) == (-1, -1)
    assert attrs.get(MED) is None
    assert attrs.get(99) is None
    assert [len(attrs.communities()), len(attrs.large_communities()), len(attrs.ext_communities())] == [0, 0, 0]
    assert not attrs.has_community(1)
    assert "10.0.0.1" in repr(attrs)


def test_order_does_not_matter_and_is_made_canonical() -> None:
    """RFC 4271 section 5: the receiver must be prepared for attributes out of order."""
    attrs = good(h.COMMUNITIES + h.MED + h.NEXT_HOP + h.AS_PATH + h.ORIGIN)
    assert attrs.raw == h.MANDATORY + h.MED + h.COMMUNITIES


def test_an_extended_length_that_is_not_needed_goes() -> None:
    attrs = good(h.ORIGIN + h.attr(0x40, 2, b"\x02\x01\x00\x00\xfd\xe9", extended=True) + h.NEXT_HOP)
    assert attrs.raw == h.MANDATORY


def test_an_extended_length_that_is_needed_stays() -> None:
    block = h.MANDATORY + h.attr(0xC0, 8, bytes(range(1, 9)) * 40, extended=True)
    attrs = good(block)
    assert attrs.raw is block
    assert attrs.get(COMMUNITIES) == bytes(range(1, 9)) * 40
    assert attrs.items()[-1] == (0xD0, 8, bytes(range(1, 9)) * 40)
    assert attrs.get(9) is None


def test_attributes_that_are_checked_more_closely() -> None:
    block = h.MANDATORY + h.attr(0xC0, 7, b"\x00\x00\xfd\xe9\x0a\x00\x00\x09") + h.attr(0x80, 9, b"\x0a\x00\x00\x09")
    block += h.attr(0x80, 26, b"\x07\x00\x03" + b"\x01\x00\x0b" + bytes(8))
    assert good(block).raw is block


def test_low_flag_bits_are_ignored() -> None:
    """RFC 4271 section 4.3: they MUST be ignored when received."""
    assert good(h.attr(0x4F & ~0x10, 1, b"\x00") + h.AS_PATH + h.NEXT_HOP).raw == h.MANDATORY


def test_partial_stays_where_it_may_be() -> None:
    partial = h.attr(0xE0, 8, b"\xfd\xe9\x00\x07")
    assert good(h.MANDATORY + partial).raw == h.MANDATORY + partial
    assert good(h.attr(0x60, 1, b"\x00") + h.AS_PATH + h.NEXT_HOP).raw == h.MANDATORY


def test_an_unknown_transitive_attribute_goes_on_as_partial() -> None:
    """RFC 4271 section 5."""
    assert good(h.MANDATORY + h.attr(0xC0, 99, b"abc")).raw == h.MANDATORY + h.attr(0xE0, 99, b"abc")
    block = h.MANDATORY + h.attr(0xE0, 99, b"abc")
    assert good(block).raw is block
    assert good(h.MANDATORY + h.attr(0xC0, 99, b"x" * 300, extended=True)).raw[len(h.MANDATORY)] == 0xF0


def test_an_unknown_non_transitive_attribute_goes_no_further() -> None:
    """RFC 4271 section 9: quietly ignored."""
    assert good(h.MANDATORY + h.attr(0x80, 99, b"abc") + h.attr(0xE0, 100, b"")).raw == h.MANDATORY + h.attr(
        0xE0, 100, b""
    )


def test_redundant_large_communities_go() -> None:
    """RFC 8092 section 5."""
    one, two = bytes(range(12)), bytes(range(12, 24))
    assert good(h.MANDATORY + h.attr(0xC0, 32, one + two + one)).raw == h.MANDATORY + h.attr(0xC0, 32, one + two)
    block = h.MANDATORY + h.attr(0xC0, 32, two + one)
    assert good(block).raw is block


def test_a_path_with_a_set() -> None:
    value = b"\x02\x01\x00\x00\xfd\xe9\x01\x02\x00\x00\x00\x01\x00\x00\x00\x02"
    attrs = good(h.ORIGIN + h.attr(0x40, 2, value) + h.NEXT_HOP)
    assert (attrs.as_path_length, attrs.neighbor_as) == (2, 65001)
    empty = good(h.ORIGIN + h.attr(0x40, 2, b"") + h.NEXT_HOP)
    assert (empty.as_path_length, empty.neighbor_as) == (0, 0)


def test_zeros_within_a_path_of_large_numbers() -> None:
    value = aspath.sequence(65536, 255, 1 << 24, 1)
    assert good(h.ORIGIN + h.attr(0x40, 2, value) + h.NEXT_HOP).as_path_length == 4


def test_next_hop_beside_mp_reach_is_ignored() -> None:
    """RFC 4760 section 3, however wrong it is."""
    for useless in (h.NEXT_HOP, h.attr(0x40, 3, b"")):
        attrs = good(h.ORIGIN + h.AS_PATH + useless, next_hop=h.GLOBAL)
        assert attrs.raw == h.ORIGIN + h.AS_PATH
        assert attrs.next_hop == h.GLOBAL


def test_multiprotocol_attributes_are_to_be_cut_out_first() -> None:
    blocks = [h.reach() + h.MANDATORY, h.MANDATORY + h.unreach(), h.COMMUNITIES + h.ORIGIN + h.reach()]
    for block in [*blocks, h.COMMUNITIES + h.ORIGIN + h.reach() * 2]:
        attrs, faults = decode(block)
        assert attrs is MULTIPROTOCOL
        assert not faults


# --- the bad: (what is wrong, block, external, severity, code, subcode); data is the attribute

FAULTS = [
    ("ORIGIN: length 2", h.attr(0x40, 1, b"\x00\x00"), False, Severity.WITHDRAW, 5),
    ("ORIGIN: length 0", h.attr(0x40, 1, b""), False, Severity.WITHDRAW, 5),
    ("ORIGIN: undefined value", h.attr(0x40, 1, b"\x03"), False, Severity.WITHDRAW, 6),
    ("ORIGIN: flags 0xc0", h.attr(0xC0, 1, b"\x00"), False, Severity.WITHDRAW, 4),
    ("ORIGIN: flags 0x00", h.attr(0x00, 1, b"\x00"), False, Severity.WITHDRAW, 4),
    ("AS_PATH: malformed", h.attr(0x40, 2, b"\x02\x02\x00\x00\xfd\xe9"), False, Severity.WITHDRAW, 11),
    ("AS_PATH: malformed", h.attr(0x40, 2, b"\x02\x00"), False, Severity.WITHDRAW, 11),
    ("AS_PATH: malformed", h.attr(0x40, 2, b"\x02\x01\x00\x00\x00\x00"), False, Severity.WITHDRAW, 11),
    ("AS_PATH: malformed", h.attr(0x40, 2, b"\x07\x01\x00\x00\x00\x01"), False, Severity.WITHDRAW, 11),
    ("AS_PATH: flags 0x80", h.attr(0x80, 2, b"\x02\x01\x00\x00\xfd\xe9"), False, Severity.WITHDRAW, 4),
    ("NEXT_HOP: length 3", h.attr(0x40, 3, b"\x0a\x00\x00"), False, Severity.WITHDRAW, 5),
    ("NEXT_HOP: length 16", h.attr(0x40, 3, bytes(16)), False, Severity.WITHDRAW, 5),
    ("NEXT_HOP: not a host address", h.attr(0x40, 3, bytes(4)), False, Severity.WITHDRAW, 8),
    ("NEXT_HOP: not a host address", h.attr(0x40, 3, b"\xe0\x00\x00\x01"), False, Severity.WITHDRAW, 8),
    ("NEXT_HOP: not a host address", h.attr(0x40, 3, b"\xff\xff\xff\xff"), False, Severity.WITHDRAW, 8),
    ("MULTI_EXIT_DISC: length 5", h.attr(0x80, 4, bytes(5)), False, Severity.WITHDRAW, 5),
    ("MULTI_EXIT_DISC: flags 0x40", h.attr(0x40, 4, bytes(4)), False, Severity.WITHDRAW, 4),
    ("LOCAL_PREF: length 3", h.attr(0x40, 5, bytes(3)), False, Severity.WITHDRAW, 5),
    ("LOCAL_PREF: from an external peer", h.LOCAL_PREF, True, Severity.DISCARD, 9),
    ("LOCAL_PREF: from an external peer", h.attr(0x40, 5, bytes(3)), True, Severity.DISCARD, 9),
    ("ATOMIC_AGGREGATE: length 1", h.attr(0x40, 6, b"\x00"), False, Severity.DISCARD, 5),
    ("ATOMIC_AGGREGATE: flags 0xc0", h.attr(0xC0, 6, b""), False, Severity.WITHDRAW, 4),
    ("AGGREGATOR: length 6", h.attr(0xC0, 7, bytes(6)), False, Severity.DISCARD, 5),
    ("AGGREGATOR: AS 0", h.attr(0xC0, 7, bytes(8)), False, Severity.DISCARD, 9),
    ("COMMUNITIES: length 0", h.attr(0xC0, 8, b""), False, Severity.WITHDRAW, 5),
    ("COMMUNITIES: length 6", h.attr(0xC0, 8, bytes(6)), False, Severity.WITHDRAW, 5),
    ("COMMUNITIES: flags 0x80", h.attr(0x80, 8, bytes(4)), False, Severity.WITHDRAW, 4),
    ("ORIGINATOR_ID: length 5", h.attr(0x80, 9, bytes(5)), False, Severity.WITHDRAW, 5),
    ("ORIGINATOR_ID: from an external peer", h.attr(0x80, 9, bytes(5)), True, Severity.DISCARD, 9),
    ("CLUSTER_LIST: length 0", h.attr(0x80, 10, b""), False, Severity.WITHDRAW, 5),
    ("CLUSTER_LIST: length 7", h.attr(0x80, 10, bytes(7)), False, Severity.WITHDRAW, 5),
    ("CLUSTER_LIST: from an external peer", h.attr(0x80, 10, bytes(4)), True, Severity.DISCARD, 9),
    ("EXTENDED_COMMUNITIES: length 0", h.attr(0xC0, 16, b""), False, Severity.WITHDRAW, 5),
    ("EXTENDED_COMMUNITIES: length 12", h.attr(0xC0, 16, bytes(12)), False, Severity.WITHDRAW, 5),
    ("AS4_PATH: from a 4-octet peer", h.attr(0xC0, 17, b"\x02\x01\x00\x00\xfd\xe9"), False, Severity.DISCARD, 9),
    ("AS4_AGGREGATOR: from a 4-octet peer", h.attr(0xC0, 18, bytes(8)), False, Severity.DISCARD, 9),
    ("IPV6_EXTENDED_COMMUNITIES: length 19", h.attr(0xC0, 25, bytes(19)), False, Severity.WITHDRAW, 5),
    ("AIGP: length 2", h.attr(0x80, 26, bytes(2)), False, Severity.DISCARD, 5),
    ("AIGP: malformed TLV", h.attr(0x80, 26, b"\x01\x00\x0a" + bytes(7)), False, Severity.DISCARD, 9),
    ("AIGP: malformed TLV", h.attr(0x80, 26, b"\x02\x00\x02"), False, Severity.DISCARD, 9),
    ("AIGP: malformed TLV", h.attr(0x80, 26, b"\x01\x00\x0b" + bytes(9)), False, Severity.DISCARD, 9),
    ("AIGP: flags 0xc0", h.attr(0xC0, 26, b"\x01\x00\x0b" + bytes(8)), False, Severity.DISCARD, 4),
    ("AIGP: from an external peer", h.attr(0x80, 26, b"\x01\x00\x0b" + bytes(8)), True, Severity.DISCARD, 9),
    ("LARGE_COMMUNITIES: length 0", h.attr(0xC0, 32, b""), False, Severity.WITHDRAW, 5),
    ("LARGE_COMMUNITIES: length 16", h.attr(0xC0, 32, bytes(16)), False, Severity.WITHDRAW, 5),
    ("OTC: length 3", h.attr(0xC0, 35, bytes(3)), False, Severity.WITHDRAW, 5),
]


@pytest.mark.parametrize(("text", "wrong", "external", "severity", "subcode"), FAULTS)
def test_faults(text: str, wrong: bytes, external: bool, severity: Severity, subcode: int) -> None:
    """RFC 7606 section 7, row by row; the rest of the block is well formed."""
    code = wrong[1]
    block = b"".join([wrong if part[1] == code else part for part in (h.ORIGIN, h.AS_PATH, h.NEXT_HOP)])
    if code > 3:
        block += wrong
    attrs, faults = decode(block, external)
    fault = faults[0]
    assert fault.text == text
    assert (fault.severity, fault.code, fault.subcode, fault.data) == (severity, code, subcode, wrong)
    if severity is Severity.DISCARD:
        assert len(faults) == 1
        assert attrs is not None
        assert attrs.raw == h.MANDATORY
        assert attrs.local_pref == -1
    else:
        assert attrs is None


@pytest.mark.parametrize("code", [1, 2, 3])
def test_a_missing_mandatory_attribute_costs_the_routes(code: int) -> None:
    """RFC 7606 section 3 (d); the data is the code (RFC 4271 section 6.3)."""
    block = b"".join([part for part in (h.ORIGIN, h.AS_PATH, h.NEXT_HOP, h.MED) if part[1] != code])
    attrs, faults = decode(block)
    assert attrs is None
    assert [(f.severity, f.code, f.subcode, f.data) for f in faults] == [(Severity.WITHDRAW, code, 3, bytes((code,)))]
    assert faults[0].text.endswith("missing")
    assert decode(block, reachable=False)[1] == []


def test_a_missing_local_pref_is_not_held_against_an_internal_peer() -> None:
    assert good(h.MANDATORY).local_pref == -1


def test_only_the_first_of_an_attribute_counts() -> None:
    """RFC 7606 section 3 (g)."""
    again = h.attr(0x80, 4, b"\x00\x00\x00\x09")
    attrs, faults = decode(h.MANDATORY + h.MED + again + h.COMMUNITIES)
    assert attrs is not None
    assert attrs.raw == h.MANDATORY + h.MED + h.COMMUNITIES
    assert attrs.med == 5
    assert [(f.severity, f.code, f.data) for f in faults] == [(Severity.DISCARD, 4, again)]


def test_a_later_malformed_duplicate_does_no_harm() -> None:
    attrs, faults = decode(h.MANDATORY + h.attr(0x40, 1, b""))
    assert attrs is not None
    assert attrs.raw == h.MANDATORY
    assert len(faults) == 1


@pytest.mark.parametrize(
    ("tail", "code", "subcode"),
    [
        (b"\xc0", 0, 1),
        (b"\xc0\x08", 0, 1),
        (b"\xd0\x08\x00", 0, 1),
        (b"\xc0\x08\x05\x00\x00\x00\x00", 8, 5),
        (b"\xd0\x08\x01\x00\x00\x00\x00", 8, 5),
        (b"\xc0\x63\xff", 99, 5),
        (b"\x40\x01\x05\x00", 1, 5),  # a code that was there already: the overrun counts first
    ],
)
def test_an_attribute_that_overruns_the_block_costs_the_routes(tail: bytes, code: int, subcode: int) -> None:
    """RFC 7606 section 4."""
    attrs, faults = decode(h.MANDATORY + tail)
    assert attrs is None
    assert [(f.severity, f.code, f.subcode, f.data) for f in faults] == [(Severity.WITHDRAW, code, subcode, tail)]
    disordered, faults = decode(h.COMMUNITIES + h.MANDATORY + tail)
    assert disordered is None
    assert faults[-1].data == tail


def test_an_unknown_well_known_attribute_ends_the_session() -> None:
    """RFC 4271 section 6.3; RFC 7606 leaves it."""
    wrong = h.attr(0x40, 99, b"x")
    with pytest.raises(WireError) as caught:
        decode(h.MANDATORY + wrong)
    assert (caught.value.code, caught.value.subcode, caught.value.data) == (3, 2, wrong)


def test_every_fault_is_found_and_the_worst_decides() -> None:
    """RFC 7606 section 3 (h)."""
    block = h.attr(0x40, 1, b"\x09") + h.AS_PATH + h.NEXT_HOP + h.attr(0x40, 6, b"x")
    attrs, faults = decode(block)
    assert attrs is None
    assert [fault.severity for fault in faults] == [Severity.WITHDRAW, Severity.DISCARD]
    with pytest.raises(WireError):
        decode(block + h.attr(0x00, 99, b""))


# --- peers of two octets


def test_a_2_octet_path_is_widened() -> None:
    attrs = good(h.ORIGIN + h.attr(0x40, 2, b"\x02\x01\xfd\xe9") + h.NEXT_HOP, four_octet=False)
    assert attrs.raw == h.MANDATORY
    assert (attrs.as_path_length, attrs.neighbor_as) == (1, 65001)


def test_as4_path_and_as4_aggregator_take_their_places() -> None:
    """RFC 6793 section 4.2.3."""
    block = h.ORIGIN + h.attr(0x40, 2, b"\x02\x02\xfd\xe9\x5b\xa0") + h.NEXT_HOP
    block += h.attr(0xC0, 7, b"\x5b\xa0\x0a\x00\x00\x09")
    block += h.attr(0xC0, 17, b"\x02\x01\x00\x01\x11\x70") + h.attr(0xC0, 18, b"\x00\x01\x11\x70\x0a\x00\x00\x09")
    attrs = good(block, four_octet=False)
    assert aspath.format_as_path(attrs.as_path_value()) == "65001 70000"
    assert format_attr(7, attrs.get(7) or b"") == "70000 10.0.0.9"
    assert attrs.get(17) is None
    assert attrs.get(18) is None
    assert narrow_block(attrs.raw).startswith(block[: len(block) - 30])


def test_an_aggregator_that_is_not_as_trans_makes_the_as4_attributes_stale() -> None:
    """RFC 6793 section 4.2.3: AS4_AGGREGATOR and AS4_PATH are ignored."""
    block = h.ORIGIN + h.attr(0x40, 2, b"\x02\x01\x5b\xa0") + h.NEXT_HOP + h.attr(0xC0, 7, b"\xfd\xe9\x0a\x00\x00\x09")
    block += h.attr(0xC0, 17, b"\x02\x01\x00\x01\x11\x70") + h.attr(0xC0, 18, b"\x00\x01\x11\x70\x0a\x00\x00\x09")
    attrs = good(block, four_octet=False)
    assert aspath.format_as_path(attrs.as_path_value()) == "23456"
    assert format_attr(7, attrs.get(7) or b"") == "65001 10.0.0.9"


@pytest.mark.parametrize(
    ("wrong", "subcode"),
    [
        (h.attr(0xC0, 7, bytes(8)), 5),
        (h.attr(0xC0, 17, b"\x02"), 9),
        (h.attr(0xC0, 17, b"\x02\x01\xfd\xe9"), 9),
        (h.attr(0xC0, 17, b""), 9),
        (h.attr(0xC0, 17, b"\x02\x01\x00\x00\x00\x00"), 9),
        (h.attr(0xC0, 18, bytes(6)), 5),
    ],
)
def test_malformed_attributes_of_a_2_octet_peer_are_discarded(wrong: bytes, subcode: int) -> None:
    """RFC 6793 section 6, RFC 7606 section 7.7."""
    block = h.ORIGIN + h.attr(0x40, 2, b"\x02\x01\xfd\xe9") + h.NEXT_HOP + wrong
    attrs, faults = decode(block, four_octet=False)
    assert attrs is not None
    assert attrs.raw == h.MANDATORY
    assert [(f.severity, f.code, f.subcode, f.data) for f in faults] == [(Severity.DISCARD, wrong[1], subcode, wrong)]


def test_malformed_and_misflagged_paths_of_a_2_octet_peer() -> None:
    attrs, faults = decode(h.ORIGIN + h.attr(0x40, 2, b"\x02\x02\xfd\xe9") + h.NEXT_HOP, four_octet=False)
    assert attrs is None
    assert faults[0].text == "AS_PATH: malformed"
    attrs, faults = decode(h.ORIGIN + h.attr(0xC0, 2, b"\x02\x01\xfd\xe9") + h.NEXT_HOP, four_octet=False)
    assert attrs is None
    assert faults[0].text == "AS_PATH: flags 0xc0"
    attrs, faults = decode(h.MANDATORY[:4] + b"\x40\x02\x09", four_octet=False)
    assert attrs is None
    assert faults[0].text.startswith("AS_PATH: length 9")


def test_narrow_block() -> None:
    """RFC 6793 section 4.2.2: AS4_PATH only where a number was lost."""
    few = h.MANDATORY + h.attr(0xC0, 7, b"\x00\x00\xfd\xe9\x0a\x00\x00\x09")
    assert narrow_block(few)[-9:] == h.attr(0xC0, 7, b"\xfd\xe9\x0a\x00\x00\x09")
    assert narrow_block(h.MANDATORY) == h.ORIGIN + h.attr(0x40, 2, b"\x02\x01\xfd\xe9") + h.NEXT_HOP
    block = (
        h.ORIGIN + h.attr(0x40, 2, b"\x02\x01\x00\x01\x11\x70") + h.attr(0xC0, 7, b"\x00\x01\x11\x70\x0a\x00\x00\x09")
    )
    assert narrow_block(block) == (
        h.ORIGIN
        + h.attr(0x40, 2, b"\x02\x01\x5b\xa0")
        + h.attr(0xC0, 7, b"\x5b\xa0\x0a\x00\x00\x09")
        + h.attr(0xC0, 17, b"\x02\x01\x00\x01\x11\x70")
        + h.attr(0xC0, 18, b"\x00\x01\x11\x70\x0a\x00\x00\x09")
    )


def test_drop_attr_keeps_everything_else() -> None:
    assert drop_attr(h.MANDATORY + b"\xc0", NEXT_HOP) == h.ORIGIN + h.AS_PATH + b"\xc0"
