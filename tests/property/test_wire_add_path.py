"""NLRI with path identifiers, and IPv4 over IPv6 next hops: what is written is what is read, in any size of message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgpd.wire.attrs import AttrsTable, build
from bgpd.wire.capability import Negotiated
from bgpd.wire.errors import WireError
from bgpd.wire.family import FAMILIES, IPV4, IPV6, Family
from bgpd.wire.nlri import decode_nlri_with_ids
from bgpd.wire.prefix import pack_prefix
from bgpd.wire.update import decode_update
from bgpd.wire.writer import encode_updates, encode_withdraws

SESSION = Negotiated(add_path_send=FAMILIES, add_path_receive=FAMILIES, extended_next_hop=True)
HOPS = {
    4: b"\x0a\x00\x00\x01",
    16: b"\xfd" + bytes(14) + b"\x01",
    32: b"\xfd" + bytes(15) + b"\xfe\x80" + bytes(13) + b"\x01",
}


@st.composite
def items(draw: st.DrawFn, family: Family) -> list[bytes]:
    """Different identifiers and prefixes."""
    found: dict[bytes, None] = {}
    for _ in range(draw(st.integers(1, 40))):
        address = draw(st.binary(min_size=family.octets, max_size=family.octets))
        prefix = pack_prefix(address, draw(st.integers(0, family.bits)))
        found[draw(st.binary(min_size=4, max_size=4)) + prefix] = None
    return list(found)


def read(frames: list[bytes], session: Negotiated) -> tuple[list[bytes], list[bytes], set[bytes]]:
    """(announced, withdrawn, next hops) of some UPDATEs."""
    announced, withdrawn, hops = [], [], set()
    for frame in frames:
        assert len(frame) <= session.max_message
        update = decode_update(frame, session, AttrsTable())
        assert not update.faults
        for batch in update.batches:
            announced += batch.announced
            withdrawn += batch.withdrawn
            if batch.attrs is not None:
                hops.add(batch.attrs.next_hop)
    return announced, withdrawn, hops


@given(st.data(), st.sampled_from(FAMILIES), st.sampled_from([4, 16, 32]), st.sampled_from([100, 4096, 65535]))
def test_what_is_written_is_read(data: st.DataObject, family: Family, hop: int, size: int) -> None:
    if family is IPV6 and hop == 4:
        hop = 16
    session = Negotiated(
        add_path_send=FAMILIES, add_path_receive=FAMILIES, extended_next_hop=True, max_message=max(size, 180)
    )
    wanted = data.draw(items(family))
    attrs = build(next_hop=HOPS[hop], local_pref=100)
    assert read(encode_updates(family, attrs, wanted, session), session) == (wanted, [], {HOPS[hop]})
    assert read(encode_withdraws(family, wanted, session), session) == ([], wanted, set())


@given(st.binary(max_size=60), st.sampled_from([32, 128]))
def test_nothing_but_wire_errors_comes_of_any_octets(data: bytes, bits: int) -> None:
    try:
        found = decode_nlri_with_ids(data, 0, len(data), bits)
    except WireError as error:
        assert (error.code, error.subcode) == (3, 10)
    else:
        assert sum(map(len, found)) == len(data)


@pytest.mark.parametrize("size", [4, 5, 15, 17, 31, 33])
def test_other_next_hops_of_ipv4_are_refused(size: int) -> None:
    attributes = b"\x40\x01\x01\x00\x40\x02\x00\x40\x05\x04\x00\x00\x00\x64"
    reach = b"\x00\x01\x01" + bytes((size,)) + b"\x0a" * size + b"\x00" + b"\x08\x0a"
    block = attributes + b"\x80\x0e" + bytes((len(reach),)) + reach
    frame = (
        b"\xff" * 16 + (23 + len(block)).to_bytes(2, "big") + b"\x02\x00\x00" + len(block).to_bytes(2, "big") + block
    )
    session = Negotiated(extended_next_hop=True)
    if size == 4:  # RFC 4760 allows IPv4 in MP_REACH_NLRI as ever
        assert read([frame], session) == ([b"\x08\x0a"], [], {b"\x0a" * 4})
        return
    with pytest.raises(WireError) as caught:
        decode_update(frame, session, AttrsTable())
    assert (caught.value.code, caught.value.subcode) == (3, 9)


def test_room_is_left_for_the_identifier() -> None:
    """The longest prefix with its identifier, or nothing."""
    attrs = build(next_hop=HOPS[4], local_pref=100)
    size = 23 + len(attrs.raw) + 4 + 5
    exact = Negotiated(add_path_send=(IPV4,), max_message=size)
    assert len(encode_updates(IPV4, attrs, [bytes(4) + b"\x20\x0a\x00\x00\x01"], exact)) == 1
    assert encode_updates(IPV4, attrs, [bytes(4) + b"\x20\x0a\x00\x00\x01"], Negotiated(
        add_path_send=(IPV4,), max_message=size - 1)) == []  # fmt: skip
