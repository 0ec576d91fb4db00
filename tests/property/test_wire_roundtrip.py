"""decode(encode(x)) == x, for every message and attribute; and packing neither loses nor doubles a prefix."""

from hypothesis import given
from hypothesis import strategies as st

from bgpd.wire import aspath
from bgpd.wire.attrs import AS_PATH, COMMUNITIES, MED, Attrs, AttrsTable, rewrite
from bgpd.wire.capability import Negotiated, Open, decode_capabilities, encode_capability, negotiate
from bgpd.wire.errors import Fault
from bgpd.wire.family import FAMILIES, IPV4, IPV6, Family
from bgpd.wire.framing import Framer
from bgpd.wire.message import Keepalive, Notification, RouteRefresh, decode, decode_update
from bgpd.wire.nlri import decode_nlri
from bgpd.wire.prefix import covers, format_address, format_prefix, mask, network, parse_address, parse_prefix
from bgpd.wire.scan import decode_block, narrow_block
from bgpd.wire.writer import (
    encode_end_of_rib,
    encode_keepalive,
    encode_notification,
    encode_open,
    encode_route_refresh,
    encode_updates,
    encode_withdraws,
)
from tests.property import wire_strategies as ws


def whole(frame: bytes, limit: int = 4096) -> bytes:
    """The frame, if the framer agrees that it is one whole message."""
    framer = Framer(limit)
    framer.feed(frame)
    assert framer.next_frame() == frame
    assert framer.pending == 0
    return frame


@given(ws.opens())
def test_open(message: Open) -> None:
    assert decode(whole(encode_open(message)), None) == message


@given(ws.capabilities)
def test_capability(capability: object) -> None:
    assert decode_capabilities(encode_capability(capability)) == [capability]  # type: ignore[arg-type]
    assert isinstance(capability.describe(), str)  # type: ignore[attr-defined]


@given(ws.opens(), ws.opens())
def test_negotiation_agrees_on_both_sides(one: Open, two: Open) -> None:
    mine, yours = negotiate(one, two), negotiate(two, one)
    assert mine.families == yours.families
    assert mine.four_octet == yours.four_octet
    assert mine.hold_time == yours.hold_time
    assert mine.external == yours.external


@given(ws.notifications)
def test_notification(message: Notification) -> None:
    assert decode(whole(encode_notification(message.code, message.subcode, message.data)), None) == message
    assert message.describe()


@given(ws.families, ws.octet)
def test_route_refresh(family: Family, subtype: int) -> None:
    frame = whole(encode_route_refresh(family, subtype))
    assert decode(frame, None) == RouteRefresh(family.afi, family.safi, subtype)


def test_keepalive() -> None:
    assert decode(whole(encode_keepalive()), None) == Keepalive()


@given(st.data(), ws.families)
def test_prefixes_and_addresses(data: st.DataObject, family: Family) -> None:
    prefix = data.draw(ws.prefixes(family))
    assert parse_prefix(format_prefix(family, prefix)) == (family, prefix)
    assert mask(prefix) == prefix
    address = network(prefix, family.octets)
    assert parse_address(format_address(address)) == address
    other = data.draw(ws.prefixes(family))
    inside = other[0] >= prefix[0] and all(
        not (network(prefix, family.octets)[bit >> 3] ^ network(other, family.octets)[bit >> 3]) & 0x80 >> (bit & 7)
        for bit in range(prefix[0])
    )
    assert covers(prefix, other) is inside


@given(st.data(), ws.families)
def test_nlri(data: st.DataObject, family: Family) -> None:
    prefixes = data.draw(st.lists(ws.prefixes(family), max_size=50))
    run = b"".join(prefixes)
    assert decode_nlri(b"x" + run + b"yy", 1, 1 + len(run), family.bits) == prefixes


@given(ws.as_paths, ws.asn, st.integers(1, 600))
def test_as_paths(value: bytes, asn: int, count: int) -> None:
    assert aspath.measure(value) == sum(len(numbers) if kind == 2 else 1 for kind, numbers in aspath.decode(value))
    assert aspath.encode(aspath.decode(value)) == value
    assert aspath.contains(value, asn) is any(asn in numbers for _, numbers in aspath.decode(value))
    longer = aspath.prepend(value, asn, count)
    assert aspath.measure(longer) == aspath.measure(value) + count
    assert aspath.neighbor_as(longer) == asn
    assert aspath.contains(longer, asn)


def plain(value: bytes) -> list[tuple[int, ...]]:
    """An AS_PATH with touching sequences joined: what it says, whatever the cuts."""
    joined: list[tuple[int, ...]] = []
    for kind, numbers in aspath.decode(value):
        if kind == 2 and joined and joined[-1][0] == 2:
            joined[-1] += numbers
        else:
            joined.append((kind, *numbers))
    return joined


@given(ws.as_paths)
def test_a_path_survives_a_2_octet_peer(value: bytes) -> None:
    narrow, lost = aspath.narrow(value)
    wide = aspath.widen(narrow)
    assert plain(aspath.merge(wide, value) if lost else wide) == plain(value)


def same(one: Attrs, two: Attrs) -> None:
    for name in ("raw", "next_hop", "origin", "med", "local_pref", "as_path_length", "neighbor_as"):
        assert getattr(one, name) == getattr(two, name), name


@given(ws.attribute_sets())
def test_a_canonical_block_decodes_to_itself(attrs: Attrs) -> None:
    faults: list[Fault] = []
    again = decode_block(attrs.raw, b"", False, True, True, faults)
    assert again is not None
    assert not faults
    assert again.raw is attrs.raw
    same(again, attrs)


@given(ws.attribute_sets(), st.randoms(use_true_random=False))
def test_order_and_length_encoding_do_not_matter(attrs: Attrs, random: object) -> None:
    parts = []
    for flags, code, value in attrs.items():
        if random.random() < 0.5:  # type: ignore[attr-defined]
            parts.append(bytes((flags | 0x10, code)) + len(value).to_bytes(2, "big") + value)
        else:
            extended = len(value) > 255
            length = len(value).to_bytes(2 if extended else 1, "big")
            parts.append(bytes((flags | 0x10 if extended else flags & ~0x10, code)) + length + value)
    random.shuffle(parts)  # type: ignore[attr-defined]
    faults: list[Fault] = []
    again = decode_block(b"".join(parts), b"", False, True, True, faults)
    assert again is not None
    assert not faults
    same(again, attrs)


@given(ws.attribute_sets())
def test_a_set_survives_a_2_octet_peer(attrs: Attrs) -> None:
    faults: list[Fault] = []
    again = decode_block(narrow_block(attrs.raw), b"", False, False, True, faults)
    assert again is not None
    assert not faults
    assert [item for item in again.items() if item[1] != AS_PATH] == [i for i in attrs.items() if i[1] != AS_PATH]
    assert plain(again.as_path_value()) == plain(attrs.as_path_value())
    assert again.as_path_length == attrs.as_path_length


@given(ws.attribute_sets(), st.sampled_from([None, b"\x00\x00\x00\x07"]), st.sampled_from(FAMILIES), st.data())
def test_rewrite_equals_decoding_what_it_wrote(
    attrs: Attrs, value: bytes | None, family: Family, data: st.DataObject
) -> None:
    changes: dict[int, bytes | None] = {MED: value, 5: value, COMMUNITIES: value, 99: value}
    changes[AS_PATH] = aspath.prepend(attrs.as_path_value(), 65001)
    hop = data.draw(ws.next_hops(family))
    changed = rewrite(attrs, changes, hop)
    faults: list[Fault] = []
    own = b"" if family is IPV4 else hop
    again = decode_block(changed.raw, own, False, True, True, faults)
    assert again is not None
    assert not faults
    same(again, changed)
    for code, wanted in changes.items():
        assert changed.get(code) == wanted
    untouched = [item for item in attrs.items() if item[1] not in changes and item[1] != 3]
    assert [item for item in changed.items() if item[1] not in changes and item[1] != 3] == untouched


@given(st.data(), ws.families, ws.sessions())
def test_updates_lose_nothing_and_fit(data: st.DataObject, family: Family, session: Negotiated) -> None:
    if family not in session.families:
        family = session.families[0]
    attrs = data.draw(ws.attribute_sets(family, session.external))
    prefixes = data.draw(st.lists(ws.prefixes(family), max_size=60)) * data.draw(st.sampled_from([1, 1, 30]))
    table = AttrsTable()
    announced: list[bytes] = []
    for frame in encode_updates(family, attrs, prefixes, session):
        update = decode_update(whole(frame, session.max_message), session, table)
        assert not update.faults
        (batch,) = update.batches
        assert batch.family is family
        assert batch.attrs is not None
        if session.four_octet:
            same(batch.attrs, attrs)
        assert batch.attrs.next_hop == attrs.next_hop
        assert not batch.withdrawn
        announced += batch.announced
    assert announced == prefixes
    assert len(table) <= 2
    withdrawn: list[bytes] = []
    for frame in encode_withdraws(family, prefixes, session):
        update = decode_update(whole(frame, session.max_message), session, table)
        assert not update.faults
        (batch,) = update.batches
        assert not batch.announced
        withdrawn += batch.withdrawn
    assert withdrawn == prefixes


@given(ws.families)
def test_end_of_rib(family: Family) -> None:
    session = Negotiated(families=(IPV4, IPV6))
    assert decode_update(whole(encode_end_of_rib(family, session)), session, AttrsTable()).end_of_rib is family
