import pytest

from bgpd.wire import aspath
from bgpd.wire.attrs import (
    AIGP,
    AS_PATH,
    ATTRS,
    COMMUNITIES,
    LARGE_COMMUNITIES,
    LOCAL_PREF,
    MED,
    NEXT_HOP,
    ORIGIN,
    Attrs,
    AttrsTable,
    attr_name,
    build,
    encode_attr,
    format_attr,
    prepend,
    rewrite,
)
from bgpd.wire.errors import Fault
from bgpd.wire.iana import GRACEFUL_SHUTDOWN
from bgpd.wire.scan import decode_block
from tests.unit.wire import helpers as h

HOP = b"\x0a\x00\x00\x01"


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


def test_every_attribute_is_reachable_by_code() -> None:
    block = h.MANDATORY + h.COMMUNITIES + h.attr(0xC0, 16, bytes.fromhex("0002fc0000000064"))
    block += h.attr(0xC0, 32, bytes.fromhex("000000010000000200000003"))
    attrs = good(block)
    assert [code for _, code, _ in attrs.items()] == [1, 2, 3, 8, 16, 32]
    assert attrs.ext_communities() == [bytes.fromhex("0002fc0000000064")]
    assert attrs.large_communities() == [(1, 2, 3)]
    assert attrs.has_community(65001 << 16 | 7)
    assert not attrs.has_community(7 << 16 | 65001)
    assert attrs.get(16) == bytes.fromhex("0002fc0000000064")


# --- making and changing


def test_build_makes_a_canonical_block() -> None:
    attrs = build(
        HOP,
        origin=2,
        as_path=aspath.sequence(65001),
        med=5,
        local_pref=100,
        communities=[65001 << 16 | 7],
        large_communities=[(1, 2, 3)],
        others={16: bytes.fromhex("0002fc0000000064")},
    )
    assert [code for _, code, _ in attrs.items()] == [1, 2, 3, 4, 5, 8, 16, 32]
    assert (attrs.origin, attrs.med, attrs.local_pref, attrs.as_path_length, attrs.neighbor_as) == (2, 5, 100, 1, 65001)
    assert good(attrs.raw).raw is attrs.raw


def test_build_without_a_next_hop() -> None:
    """A local route gets one for each peer, on export."""
    attrs = build()
    assert (attrs.raw, attrs.next_hop) == (h.ORIGIN + h.attr(0x40, 2, b""), b"")
    assert rewrite(attrs, {}, HOP).get(NEXT_HOP) == HOP
    assert rewrite(attrs, {}, h.GLOBAL).get(NEXT_HOP) is None


def test_rewrite_sets_replaces_and_removes() -> None:
    attrs = good(h.MANDATORY + h.MED + h.COMMUNITIES)
    changed = rewrite(
        attrs,
        {AS_PATH: prepend(attrs.as_path_value(), 64512), MED: None, LOCAL_PREF: b"\x00\x00\x00\xc8"},
        b"\x0a\x00\x00\x02",
    )
    assert [code for _, code, _ in changed.items()] == [1, 2, 3, 5, 8]
    assert (changed.med, changed.local_pref, changed.as_path_length, changed.neighbor_as) == (-1, 200, 2, 64512)
    assert changed.next_hop == changed.get(NEXT_HOP) == b"\x0a\x00\x00\x02"
    assert good(changed.raw).raw is changed.raw
    assert attrs.raw == h.MANDATORY + h.MED + h.COMMUNITIES


def test_rewrite_at_both_ends_and_of_nothing() -> None:
    attrs = good(h.MANDATORY + h.COMMUNITIES)
    assert rewrite(attrs, {}).raw == attrs.raw
    assert rewrite(attrs, {99: b"x"}).raw == attrs.raw + h.attr(0xE0, 99, b"x")
    assert rewrite(attrs, {ORIGIN: b"\x01"}).origin == 1
    assert rewrite(attrs, {COMMUNITIES: None, MED: None}).raw == h.MANDATORY
    assert rewrite(attrs, {ORIGIN: None, AS_PATH: None}).as_path_length == 0
    assert rewrite(attrs, {MED: b"\x00\x00\x00\x01"}).med == 1
    assert rewrite(attrs, {LOCAL_PREF: None}).local_pref == -1


def test_rewrite_passes_over_long_attributes() -> None:
    many = list(range(100))
    attrs = build(HOP, communities=many, others={99: b"x"})
    changed = rewrite(attrs, {MED: b"\x00\x00\x00\x01", 99: None})
    assert changed.communities() == many
    assert [code for _, code, _ in changed.items()] == [1, 2, 3, 4, 8]


def test_rewrite_moves_between_kinds_of_next_hop() -> None:
    attrs = good(h.MANDATORY + h.MED)
    six = rewrite(attrs, {}, h.GLOBAL)
    assert six.raw == h.ORIGIN + h.AS_PATH + h.MED
    assert rewrite(six, {}, HOP).raw == attrs.raw


def test_rewrite_keeps_partial() -> None:
    attrs = good(h.MANDATORY + h.attr(0xE0, 8, b"\xfd\xe9\x00\x07"))
    assert rewrite(attrs, {COMMUNITIES: b"\x00\x00\x00\x01"}).items()[-1] == (0xE0, 8, b"\x00\x00\x00\x01")


def test_encode_attr_knows_when_to_extend() -> None:
    assert encode_attr(0xC0, 8, bytes(255))[:3] == b"\xc0\x08\xff"
    assert encode_attr(0xC0, 8, bytes(256))[:4] == b"\xd0\x08\x01\x00"
    assert encode_attr(0xD0, 8, b"")[:3] == b"\xc0\x08\x00"


@pytest.mark.parametrize(
    ("code", "value", "text"),
    [
        (ORIGIN, b"\x02", "incomplete"),
        (AS_PATH, b"\x02\x01\x00\x00\xfd\xe9", "65001"),
        (NEXT_HOP, HOP, "10.0.0.1"),
        (MED, b"\x00\x00\x00\x05", "5"),
        (6, b"", "yes"),
        (7, b"\x00\x00\xfd\xe9\x0a\x00\x00\x09", "65001 10.0.0.9"),
        (COMMUNITIES, b"\xfd\xe9\x00\x07\xff\xff\xff\x01", "65001:7 no-export"),
        (9, HOP, "10.0.0.1"),
        (10, HOP + HOP, "10.0.0.1 10.0.0.1"),
        (14, b"\x00", "00"),
        (16, bytes.fromhex("0002fc0000000064"), "rt:64512:100"),
        (25, b"\x00\x02" + h.GLOBAL + b"\x00\x07", "rt:[2001:db8::1]:7"),
        (AIGP, b"\x01\x00\x0b" + bytes(7) + b"\x09", "9"),
        (AIGP, b"\x02\x00\x03", "020003"),
        (LARGE_COMMUNITIES, bytes.fromhex("000000010000000200000003"), "1:2:3"),
        (35, b"\x00\x00\xfd\xe9", "65001"),
        (99, b"\xab", "ab"),
    ],
)
def test_attributes_in_words(code: int, value: bytes, text: str) -> None:
    assert format_attr(code, value) == text


def test_names() -> None:
    assert attr_name(4) == "MULTI_EXIT_DISC"
    assert attr_name(99) == "attribute 99"
    assert len({spec.name for spec in ATTRS.values()}) == len(ATTRS)


# --- interning


def test_keep_and_sweep() -> None:
    table = AttrsTable()
    block = h.MANDATORY + h.MED
    first = table.keep(good(block), 1, b"", block, True)
    assert table.classic[1][block] is first
    again = bytes(bytearray(block))
    assert table.keep(good(again), 1, b"", again, True).next_hop is first.next_hop
    six = h.ORIGIN + h.AS_PATH
    kept = table.keep(good(six, next_hop=h.GLOBAL), 1, h.GLOBAL, six, True)
    assert len(table) == 2
    assert sum(table.sweep({kept}, 1)) == 1
    assert len(table) == 1
    assert sum(table.sweep(set())) == 1
    assert len(table) == 0
    assert table.multi[1] == {}


def test_equal_sets_in_other_clothes_are_one_object() -> None:
    table = AttrsTable()
    plain = table.keep(good(h.MANDATORY), 3, b"", h.MANDATORY, True)
    disorder = h.NEXT_HOP + h.ORIGIN + h.AS_PATH
    assert table.keep(good(disorder), 3, b"", disorder, True) is plain
    old = h.ORIGIN + h.attr(0x40, 2, b"\x02\x01\xfd\xe9") + h.NEXT_HOP
    assert table.keep(good(old, four_octet=False), 2, b"", old, True) is plain
    assert table.classic[2] == {old: plain}
    assert old not in table.classic[3]  # there it would mean something else


def test_a_faulty_block_is_not_a_key() -> None:
    table = AttrsTable()
    block = h.MANDATORY + h.LOCAL_PREF
    attrs, faults = decode(block, external=True)
    assert attrs is not None
    assert faults
    kept = table.keep(attrs, 3, b"", block, False)
    assert table.classic[3] == {h.MANDATORY: kept}


def test_a_well_known_community_is_never_missed() -> None:
    assert build(communities=[0x0001_0002, 0xFFFF_FF01]).may_be_well_known()
    assert build(communities=[GRACEFUL_SHUTDOWN]).may_be_well_known()
    for plain in (build(), build(communities=[0x0001_0002])):
        assert not plain.may_be_well_known()
        assert not plain.may_be_well_known()  # remembered
