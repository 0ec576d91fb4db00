import pytest

from bgpd.wire.attrs import AttrsTable
from bgpd.wire.capability import Negotiated
from bgpd.wire.errors import Severity, WireError
from bgpd.wire.family import IPV4, IPV6, Family
from bgpd.wire.update import Update, decode_update
from tests.unit.wire import helpers as h

ONLY_IPV6 = Negotiated(families=(IPV6,))
ONLY_IPV4 = Negotiated(families=(IPV4,))

Shape = list[tuple[Family, list[bytes], list[bytes], bool]]


def decode(frame: bytes, session: Negotiated = h.INTERNAL, table: AttrsTable | None = None) -> Update:
    return decode_update(frame, session, AttrsTable() if table is None else table)


def shape(update: Update) -> Shape:
    """(family, announced, withdrawn, has attributes) of each batch."""
    for batch in update.batches:
        assert (batch.attrs is not None) is bool(batch.announced)
    return [(batch.family, batch.announced, batch.withdrawn, batch.attrs is not None) for batch in update.batches]


def refused(frame: bytes, session: Negotiated = h.INTERNAL) -> tuple[int, int, bytes]:
    with pytest.raises(WireError) as caught:
        decode(frame, session)
    return caught.value.code, caught.value.subcode, caught.value.data


# --- plain IPv4


def test_announce_and_withdraw_in_one() -> None:
    update = decode(h.update(h.MANDATORY, h.P1, h.P2))
    assert shape(update) == [(IPV4, [h.P1], [h.P2], True)]
    assert update.batches[0].attrs is not None
    assert update.batches[0].attrs.raw == h.MANDATORY
    assert update.faults == []
    assert update.end_of_rib is None


def test_withdraw_alone_needs_no_attributes() -> None:
    assert shape(decode(h.update(withdrawn=h.P1 + h.P2))) == [(IPV4, [], [h.P1, h.P2], False)]


def test_attributes_are_decoded_once() -> None:
    table = AttrsTable()
    first = decode(h.update(h.MANDATORY, h.P1), h.INTERNAL, table)
    second = decode(h.update(h.MANDATORY, h.P2), h.INTERNAL, table)
    assert first.batches[0].attrs is second.batches[0].attrs
    assert len(table) == 1


def test_what_bytes_mean_depends_on_the_session() -> None:
    table = AttrsTable()
    frame = h.update(h.MANDATORY + h.LOCAL_PREF, h.P1)
    inside = decode(frame, h.INTERNAL, table).batches[0].attrs
    outside = decode(frame, h.EXTERNAL, table).batches[0].attrs
    assert inside is not None
    assert outside is not None
    assert (inside.local_pref, outside.local_pref) == (100, -1)


def test_faults_come_again_with_the_same_bytes() -> None:
    table = AttrsTable()
    frame = h.update(h.MANDATORY + h.LOCAL_PREF, h.P1)
    runs = [decode(frame, h.EXTERNAL, table) for _ in range(3)]
    assert [[fault.text for fault in run.faults] for run in runs] == [["LOCAL_PREF: from an external peer"]] * 3
    assert runs[0].batches[0].attrs is runs[1].batches[0].attrs is runs[2].batches[0].attrs
    bad = h.update(h.ORIGIN + h.NEXT_HOP, h.P1)
    for _ in range(2):
        assert shape(decode(bad, h.EXTERNAL, table)) == [(IPV4, [], [h.P1], False)]


def test_end_of_rib() -> None:
    """RFC 4724 section 2."""
    update = decode(h.update())
    assert (update.batches, update.end_of_rib) == ([], IPV4)
    update = decode(h.update(h.unreach(b"")))
    assert (update.batches, update.end_of_rib) == ([], IPV6)
    update = decode(h.update(h.unreach(b"", afi=1)))
    assert (update.batches, update.end_of_rib) == ([], IPV4)
    assert decode(h.update(), ONLY_IPV6).end_of_rib is None
    assert decode(h.update(h.unreach(b"")), ONLY_IPV4).end_of_rib is None


def test_end_of_rib_is_nothing_but_that() -> None:
    assert decode(h.update(h.unreach(b"") + h.ORIGIN)).end_of_rib is None
    assert decode(h.update(h.unreach(b"") + h.MANDATORY, h.P1)).end_of_rib is None
    assert decode(h.update(h.unreach(b""), withdrawn=h.P1)).end_of_rib is None
    assert decode(h.update(h.unreach(b"") + h.reach() + h.MANDATORY)).end_of_rib is None


def test_attributes_without_routes_say_nothing() -> None:
    update = decode(h.update(h.MANDATORY))
    assert (update.batches, update.faults, update.end_of_rib) == ([], [], None)


# --- multiprotocol


@pytest.mark.parametrize("order", [0, 1, 2])
def test_mp_reach_anywhere_among_the_attributes(order: int) -> None:
    parts = [h.ORIGIN, h.AS_PATH]
    parts.insert(order, h.reach(nlri=h.V1 + h.V2))
    update = decode(h.update(b"".join(parts)))
    assert shape(update) == [(IPV6, [h.V1, h.V2], [], True)]
    attrs = update.batches[0].attrs
    assert attrs is not None
    assert (attrs.next_hop, attrs.raw) == (h.GLOBAL, h.ORIGIN + h.AS_PATH)


def test_mp_attributes_with_extended_length() -> None:
    reach = h.attr(0x80, 14, b"\x00\x02\x01\x10" + h.GLOBAL + b"\x00" + h.V1, extended=True)
    unreach = h.attr(0x80, 15, b"\x00\x02\x01" + h.V2, extended=True)
    assert shape(decode(h.update(reach + h.ORIGIN + h.AS_PATH + unreach))) == [(IPV6, [h.V1], [h.V2], True)]


def test_mp_reach_and_unreach_of_one_family_are_one_batch() -> None:
    update = decode(h.update(h.unreach(h.V2) + h.reach() + h.ORIGIN + h.AS_PATH))
    assert shape(update) == [(IPV6, [h.V1], [h.V2], True)]


def test_two_families_in_one_update() -> None:
    table = AttrsTable()
    frame = h.update(h.reach() + h.MANDATORY, h.P1, h.P2)
    for _ in range(2):
        update = decode(frame, h.INTERNAL, table)
        assert shape(update) == [(IPV4, [h.P1], [h.P2], True), (IPV6, [h.V1], [], True)]
        assert [batch.attrs.next_hop for batch in update.batches if batch.attrs] == [b"\x0a\x00\x00\x01", h.GLOBAL]


def test_a_withdrawal_of_one_family_beside_an_announcement_of_the_other() -> None:
    update = decode(h.update(h.unreach() + h.MANDATORY, h.P1))
    assert shape(update) == [(IPV4, [h.P1], [], True), (IPV6, [], [h.V1], False)]


def test_multiprotocol_sets_are_interned_by_next_hop() -> None:
    table = AttrsTable()
    one = decode(h.update(h.reach() + h.ORIGIN + h.AS_PATH), h.INTERNAL, table).batches[0].attrs
    two = decode(h.update(h.ORIGIN + h.AS_PATH + h.reach(nlri=h.V2)), h.INTERNAL, table).batches[0].attrs
    other = decode(h.update(h.reach(h.LINK_LOCAL) + h.ORIGIN + h.AS_PATH), h.INTERNAL, table).batches[0].attrs
    assert one is two
    assert one is not other


def test_ipv4_in_mp_reach_is_the_same_route_as_plain_ipv4() -> None:
    table = AttrsTable()
    plain = decode(h.update(h.MANDATORY, h.P1), h.INTERNAL, table)
    reach = h.reach(b"\x0a\x00\x00\x01", h.P1, afi=1)
    for rest in (h.ORIGIN + h.AS_PATH, h.ORIGIN + h.AS_PATH + h.attr(0x40, 3, b"\x09\x09\x09\x09")):
        update = decode(h.update(reach + rest), h.INTERNAL, table)
        assert shape(update) == [(IPV4, [h.P1], [], True)]
        assert update.batches[0].attrs is plain.batches[0].attrs
    assert shape(decode(h.update(h.unreach(h.P1, afi=1)))) == [(IPV4, [], [h.P1], False)]


@pytest.mark.parametrize(
    ("received", "kept"),
    [
        (h.GLOBAL, h.GLOBAL),
        (h.LINK_LOCAL, h.LINK_LOCAL),
        (h.GLOBAL + h.LINK_LOCAL, h.GLOBAL + h.LINK_LOCAL),
        (h.GLOBAL + bytes(16), h.GLOBAL),
        (bytes(16) + h.LINK_LOCAL, h.LINK_LOCAL),
    ],
)
def test_ipv6_next_hops(received: bytes, kept: bytes) -> None:
    """RFC 2545 section 3."""
    attrs = decode(h.update(h.reach(received) + h.ORIGIN + h.AS_PATH)).batches[0].attrs
    assert attrs is not None
    assert attrs.next_hop == kept


@pytest.mark.parametrize("hop", [bytes(16), b"\xff\x02" + bytes(14), bytes(32)])
def test_an_ipv6_next_hop_that_is_no_host_costs_the_routes(hop: bytes) -> None:
    reach = h.reach(hop)
    update = decode(h.update(reach + h.ORIGIN + h.AS_PATH))
    assert shape(update) == [(IPV6, [], [h.V1], False)]
    assert [(f.severity, f.code, f.subcode, f.data) for f in update.faults] == [(Severity.WITHDRAW, 14, 8, reach)]


def test_a_family_that_is_not_negotiated_is_ignored_and_told() -> None:
    update = decode(h.update(h.reach() + h.ORIGIN + h.AS_PATH), ONLY_IPV4)
    assert update.batches == []
    assert [fault.text for fault in update.faults] == ["MP_REACH_NLRI: afi 2 safi 1 ignored: not negotiated"]
    update = decode(h.update(h.unreach(b"\x00", afi=1, safi=128)))
    assert [fault.text for fault in update.faults] == ["MP_UNREACH_NLRI: afi 1 safi 128 ignored: not negotiated"]
    update = decode(h.update(h.MANDATORY, h.P1, h.P2), ONLY_IPV6)
    assert update.batches == []
    assert [fault.text for fault in update.faults] == ["IPv4 routes ignored: not negotiated"]
    update = decode(h.update(h.reach() + h.MANDATORY, h.P1, h.P2), ONLY_IPV6)
    assert shape(update) == [(IPV6, [h.V1], [], True)]


def test_the_shape_of_another_family_is_not_judged() -> None:
    """Only its length fields: the next hop and the NLRI of a family we do not speak are opaque."""
    update = decode(h.update(h.reach(bytes(12), b"\xff\xff", afi=1, safi=128) + h.MANDATORY, h.P1))
    assert shape(update) == [(IPV4, [h.P1], [], True)]
    assert len(update.faults) == 1


# --- RFC 7606


def test_a_faulty_attribute_withdraws_the_routes_of_every_family() -> None:
    update = decode(h.update(h.reach() + h.unreach(h.V2) + h.MANDATORY + h.attr(0xC0, 8, b"x"), h.P1, h.P2))
    assert shape(update) == [(IPV4, [], [h.P2, h.P1], False), (IPV6, [], [h.V2, h.V1], False)]
    assert [fault.text for fault in update.faults] == ["COMMUNITIES: length 1"]


def test_a_missing_next_hop_withdraws_both_families_and_is_told_once() -> None:
    update = decode(h.update(h.reach() + h.ORIGIN + h.AS_PATH + h.attr(0x40, 6, b"x"), h.P1))
    assert shape(update) == [(IPV4, [], [h.P1], False), (IPV6, [], [h.V1], False)]
    assert [fault.text for fault in update.faults] == ["ATOMIC_AGGREGATE: length 1", "NEXT_HOP: missing"]


def test_mp_reach_without_mandatory_attributes() -> None:
    update = decode(h.update(h.reach()))
    assert shape(update) == [(IPV6, [], [h.V1], False)]
    assert [fault.text for fault in update.faults] == ["ORIGIN: missing", "AS_PATH: missing"]


def test_wrong_flags_of_mp_reach_withdraw_its_routes() -> None:
    """RFC 7606 section 3 (c): the NLRI can be found all the same."""
    for flags in (0xC0, 0x40, 0x00):
        update = decode(h.update(h.reach(flags=flags) + h.ORIGIN + h.AS_PATH))
        assert shape(update) == [(IPV6, [], [h.V1], False)]
        assert update.faults[0].subcode == 4


def test_wrong_flags_of_multiprotocol_attributes_beside_plain_routes() -> None:
    update = decode(h.update(h.reach(flags=0xC0) + h.unreach(h.V2, flags=0x40) + h.MANDATORY, h.P1))
    assert shape(update) == [(IPV4, [], [h.P1], False), (IPV6, [], [h.V2, h.V1], False)]
    assert [(fault.code, fault.subcode) for fault in update.faults] == [(15, 4), (14, 4)]
    for twice in (h.reach(flags=0xC0) * 2, h.unreach(flags=0x40) * 2):
        assert refused(h.update(h.MANDATORY + twice, h.P1)) == (3, 1, b"")


def test_attribute_code_0_is_an_attribute_like_any_unknown_one() -> None:
    update = decode(h.update(h.attr(0xC0, 0, b"") + h.MANDATORY, h.P1))
    assert update.batches[0].attrs is not None
    assert update.batches[0].attrs.raw == h.attr(0xE0, 0, b"") + h.MANDATORY


def test_wrong_flags_of_mp_unreach_change_nothing() -> None:
    update = decode(h.update(h.unreach(flags=0xC0)))
    assert shape(update) == [(IPV6, [], [h.V1], False)]
    assert len(update.faults) == 1


def test_an_overrun_behind_mp_reach_withdraws_what_was_found() -> None:
    """RFC 7606 section 4."""
    update = decode(h.update(h.reach() + h.ORIGIN + h.AS_PATH + b"\xc0\x08\xff"))
    assert shape(update) == [(IPV6, [], [h.V1], False)]
    for tail in (b"\xd0\x08\x00", b"\xc0"):
        assert shape(decode(h.update(h.reach() + h.ORIGIN + h.AS_PATH + tail))) == [(IPV6, [], [h.V1], False)]


def test_faults_without_routes_end_the_session() -> None:
    """RFC 7606 section 5.2: nobody knows what to withdraw."""
    wrong = h.attr(0xC0, 8, b"x")
    assert refused(h.update(h.MANDATORY + wrong)) == (3, 5, wrong)
    assert refused(h.update(h.MANDATORY + wrong, withdrawn=h.P1)) == (3, 5, wrong)
    assert refused(h.update(h.unreach() + wrong)) == (3, 5, wrong)
    assert refused(h.update(h.reach(nlri=b"") + h.ORIGIN + h.AS_PATH + wrong)) == (3, 5, wrong)
    tail = b"\xc0\x08\xff"
    assert refused(h.update(h.ORIGIN + tail)) == (3, 5, tail)


def test_discards_without_routes_do_not() -> None:
    update = decode(h.update(h.attr(0x40, 6, b"x"), withdrawn=h.P1))
    assert shape(update) == [(IPV4, [], [h.P1], False)]
    assert len(update.faults) == 1


def test_mp_attributes_that_cannot_be_parsed_end_the_session() -> None:
    """RFC 7606 sections 7.11, 7.12 and 5.3."""
    for wrong in (
        h.attr(0x80, 14, b"\x00\x02\x01\x10"),
        h.attr(0x80, 14, b"\x00\x02\x01\x10\x00" + bytes(15)),
        h.reach(bytes(15)),
        h.reach(bytes(4)),
        h.reach(bytes(24)),
        h.reach(bytes(16), h.P1, afi=1),
        h.reach(b""),
        h.attr(0x80, 15, b"\x00\x02"),
        h.attr(0x80, 15, b""),
    ):
        assert refused(h.update(wrong + h.MANDATORY, h.P1)) == (3, 9, wrong)
    assert refused(h.update(h.reach(nlri=b"\x81" + bytes(17)) + h.ORIGIN + h.AS_PATH)) == (3, 10, b"")
    assert refused(h.update(h.unreach(b"\x40\x20"))) == (3, 10, b"")


@pytest.mark.parametrize("twice", [h.reach() + h.reach(), h.unreach() + h.unreach(), h.reach() + h.MED + h.reach()])
def test_a_multiprotocol_attribute_twice_ends_the_session(twice: bytes) -> None:
    """RFC 7606 section 3 (g)."""
    assert refused(h.update(twice + h.ORIGIN + h.AS_PATH)) == (3, 1, b"")
    assert refused(h.update(h.COMMUNITIES + twice + h.MANDATORY, h.P1)) == (3, 1, b"")


def test_mp_reach_in_the_dark_behind_an_overrun_is_not_believed() -> None:
    tail = b"\xc0\x08\xff" + h.reach()
    update = decode(h.update(h.MANDATORY + tail, h.P1))
    assert shape(update) == [(IPV4, [], [h.P1], False)]


@pytest.mark.parametrize(
    "body",
    [
        b"\x00\x01\x00\x00",  # withdrawn routes overrun
        b"\xff\xff\x00\x00",
        b"\x00\x00\x00\x01",  # attributes overrun
        b"\x00\x00\xff\xff" + h.MANDATORY,
        b"\x00\x02\x00\x00\x00",  # no room for the attribute length
    ],
)
def test_lengths_that_overrun_the_message(body: bytes) -> None:
    """RFC 7606 section 3 (b)."""
    assert refused(h.message(2, body)) == (3, 1, b"")


def test_an_update_without_its_lengths() -> None:
    assert refused(h.message(2, b"\x00\x00\x00")) == (1, 2, b"\x00\x16")


def test_broken_prefixes_in_either_field() -> None:
    """RFC 7606 sections 3 (i) and 5.3."""
    assert refused(h.update(h.MANDATORY, b"\x21\x0a\x00\x00\x00\x00")) == (3, 10, b"")
    assert refused(h.update(withdrawn=b"\x18\x0a\x00")) == (3, 10, b"")


def test_a_session_of_2_octets() -> None:
    table = AttrsTable()
    frame = h.update(h.ORIGIN + h.attr(0x40, 2, b"\x02\x01\xfd\xe9") + h.NEXT_HOP, h.P1)
    first = decode(frame, h.OLD_EXTERNAL, table)
    assert first.batches[0].attrs is decode(frame, h.OLD_EXTERNAL, table).batches[0].attrs
    assert first.batches[0].attrs is decode(h.update(h.MANDATORY, h.P2), h.EXTERNAL, table).batches[0].attrs
    six = decode(h.update(h.reach() + h.ORIGIN + h.attr(0x40, 2, b"\x02\x01\xfd\xe9")), h.OLD_EXTERNAL, table)
    assert six.batches[0].attrs is not None
    assert six.batches[0].attrs.raw == h.ORIGIN + h.AS_PATH
