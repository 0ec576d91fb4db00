from bgpd.wire import aspath
from bgpd.wire.attrs import AttrsTable, build
from bgpd.wire.capability import Capability, Negotiated, Open, make_open
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.message import Notification, RouteRefresh, decode, decode_update
from bgpd.wire.prefix import pack_prefix
from bgpd.wire.writer import (
    encode_end_of_rib,
    encode_keepalive,
    encode_notification,
    encode_open,
    encode_route_refresh,
    encode_updates,
    encode_withdraws,
    room_for,
)
from tests.unit.wire import helpers as h

HOP = b"\x0a\x00\x00\x01"
ATTRS = build(HOP, as_path=aspath.sequence(65001))


def many(count: int) -> list[bytes]:
    return [pack_prefix(number.to_bytes(4, "big"), 24 + number % 9) for number in range(1 << 24, (1 << 24) + count)]


def test_octets_of_the_small_ones() -> None:
    assert encode_keepalive() == h.message(4, b"")
    assert encode_notification(6, 2, b"\x02ok") == h.message(3, b"\x06\x02\x02ok")
    assert encode_route_refresh(IPV6) == h.message(5, b"\x00\x02\x00\x01")
    assert decode(encode_route_refresh(IPV4, 2), None) == RouteRefresh(1, 1, 2)


def test_octets_of_an_open() -> None:
    frame = encode_open(make_open(70000, HOP, 90, (IPV4,)))
    assert frame == h.message(
        1, bytes.fromhex("045ba0005a0a00000110020e010400010001 0200 410400011170".replace(" ", ""))
    )
    assert encode_open(Open(64512, 90, HOP)) == h.message(1, bytes.fromhex("04fc00005a0a00000100"))


def test_an_open_with_many_capabilities_uses_the_extended_form() -> None:
    """RFC 9072 section 2, from the first octet that does not fit."""
    for size in (251, 252, 255):
        message = Open(64512, 90, HOP, (Capability(99, bytes(size)),))
        frame = encode_open(message)
        assert decode(frame, None) == message
        assert (frame[28:30] == b"\xff\xff") is (size > 251)


def test_a_notification_never_exceeds_what_every_peer_takes() -> None:
    frame = encode_notification(3, 5, bytes(60000))
    assert len(frame) == 4096
    assert decode(frame, None) == Notification(3, 5, bytes(4096 - 21))


def test_plain_ipv4() -> None:
    assert encode_updates(IPV4, ATTRS, [h.P1, h.P2], h.INTERNAL) == [h.update(h.MANDATORY, h.P1 + h.P2)]
    assert encode_updates(IPV4, ATTRS, [], h.INTERNAL) == []


def test_ipv6_puts_mp_reach_first() -> None:
    """RFC 7606 section 5.1."""
    attrs = build(h.GLOBAL, as_path=aspath.sequence(65001))
    assert encode_updates(IPV6, attrs, [h.V1, h.V2], h.INTERNAL) == [
        h.update(h.reach(nlri=h.V1 + h.V2) + h.ORIGIN + h.AS_PATH)
    ]


def test_ipv4_with_an_ipv6_next_hop_goes_into_mp_reach() -> None:
    """RFC 8950."""
    attrs = build(h.GLOBAL, as_path=aspath.sequence(65001))
    assert encode_updates(IPV4, attrs, [h.P1], h.INTERNAL) == [
        h.update(h.reach(h.GLOBAL, h.P1, afi=1) + h.ORIGIN + h.AS_PATH)
    ]


def test_withdraws() -> None:
    assert encode_withdraws(IPV4, [h.P1, h.P2], h.INTERNAL) == [h.update(withdrawn=h.P1 + h.P2)]
    assert encode_withdraws(IPV6, [h.V1, h.V2], h.INTERNAL) == [h.update(h.unreach(h.V1 + h.V2))]
    assert encode_withdraws(IPV6, [], h.INTERNAL) == []


def test_end_of_rib() -> None:
    assert encode_end_of_rib(IPV4, h.INTERNAL) == h.update()
    assert encode_end_of_rib(IPV6, h.INTERNAL) == h.update(h.unreach(b""))


def test_updates_are_filled_to_the_limit() -> None:
    prefixes = many(3000)
    frames = encode_updates(IPV4, ATTRS, prefixes, h.INTERNAL)
    assert [
        p
        for frame in frames
        for batch in decode_update(frame, h.INTERNAL, AttrsTable()).batches
        for p in batch.announced
    ] == prefixes
    for frame in frames[:-1]:
        assert 4096 - 5 < len(frame) <= 4096  # not one more prefix would fit
    assert len(frames) == -(-sum(map(len, prefixes)) // (room_for(IPV4, ATTRS, h.INTERNAL) - 2))


def test_a_longer_limit_makes_fewer_messages() -> None:
    prefixes = many(3000)
    wide = Negotiated(max_message=65535)
    assert len(encode_updates(IPV4, ATTRS, prefixes, wide)) == 1
    assert len(encode_withdraws(IPV4, prefixes, wide)) == 1
    assert len(encode_withdraws(IPV4, prefixes, h.INTERNAL)) == 4


def test_attributes_that_leave_no_room_announce_nothing() -> None:
    huge = build(HOP, others={99: bytes(4096 - 23 - 14 - 4 - 4)})
    assert room_for(IPV4, huge, h.INTERNAL) < 5
    assert encode_updates(IPV4, huge, [h.P1], h.INTERNAL) == []
    assert len(encode_updates(IPV4, huge, [h.P1], Negotiated(max_message=65535))) == 1
    assert room_for(IPV6, build(h.GLOBAL), h.INTERNAL) == 4096 - 23 - 7 - 9 - 16


def test_a_2_octet_peer_gets_2_octet_paths() -> None:
    """RFC 6793 section 4.2.2."""
    attrs = build(HOP, as_path=aspath.sequence(70000))
    old = h.ORIGIN + h.attr(0x40, 2, b"\x02\x01\x5b\xa0") + h.NEXT_HOP + h.attr(0xC0, 17, b"\x02\x01\x00\x01\x11\x70")
    assert encode_updates(IPV4, attrs, [h.P1], h.OLD_EXTERNAL) == [h.update(old, h.P1)]
    assert room_for(IPV4, attrs, h.OLD_EXTERNAL) == 4096 - 23 - len(old)
