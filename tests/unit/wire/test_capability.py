import pytest

from bgpd.wire.capability import (
    Capability,
    Open,
    check_open,
    decode_capabilities,
    encode_capability,
    four_octet_as,
    make_open,
    multiprotocol,
    negotiate,
    offered_families,
    route_refresh,
)
from bgpd.wire.errors import WireError
from bgpd.wire.family import IPV4, IPV6

US = b"\x0a\x00\x00\x01"
THEM = b"\x0a\x00\x00\x02"


@pytest.mark.parametrize(
    ("capability", "octets", "text"),
    [
        (multiprotocol(IPV4), "010400010001", "multiprotocol ipv4"),
        (multiprotocol(IPV6), "010400020001", "multiprotocol ipv6"),
        (Capability(1, b"\x00\x19\x00\x46"), "010400190046", "multiprotocol afi 25 safi 70"),
        (route_refresh(), "0200", "route-refresh"),
        (four_octet_as(70000), "410400011170", "four-octet-as 70000"),
        (Capability(6), "0600", "extended-message"),
        (Capability(70), "4600", "enhanced-route-refresh"),
        (Capability(9, b"\x03"), "090103", "role customer"),
        (
            Capability(69, b"\x00\x01\x01\x03\x00\x02\x01\x01"),
            "45080001010300020101",
            "add-path ipv4 both, ipv6 receive",
        ),
        (
            Capability(64, b"\xc0\x78\x00\x01\x01\x80"),
            "4006c07800010180",
            "graceful-restart 120 s, restarted, notification, ipv4 kept",
        ),
        (Capability(64, b"\x00\x78"), "40020078", "graceful-restart 120 s"),
        (
            Capability(71, b"\x00\x02\x01\x80\x00\x0e\x10"),
            "470700020180000e10",
            "long-lived-graceful-restart ipv6 3600 s kept",
        ),
        (Capability(73, b"\x02n1\x03lab"), "4907026e31036c6162", "fqdn n1.lab"),
        (Capability(73, b"\x03n\n1\x00"), "4905036e0a3100", "fqdn n?1"),
        (Capability(5, b"\x00\x01\x00\x01\x00\x02"), "0506000100010002", "extended-next-hop ipv4 over afi 2"),
        (Capability(99, b"\x01\x02"), "63020102", "capability 99 0102"),
        (Capability(99), "6300", "capability 99"),
    ],
)
def test_capabilities_on_the_wire_and_in_words(capability: Capability, octets: str, text: str) -> None:
    assert encode_capability(capability) == bytes.fromhex(octets)
    assert decode_capabilities(bytes.fromhex(octets)) == [capability]
    assert capability.describe() == text


@pytest.mark.parametrize("code", [1, 5, 9, 64, 69, 71, 73])
def test_a_malformed_capability_can_still_be_shown(code: int) -> None:
    assert "malformed" in Capability(code, b"\xff").describe()


def test_an_unknown_role_can_be_shown() -> None:
    assert Capability(9, b"\x09").describe() == "role (malformed) 09"


@pytest.mark.parametrize("octets", ["01", "0104000100", "41020001", "0103000101", "6305"])
def test_malformed_capabilities_are_unspecific_open_errors(octets: str) -> None:
    """RFC 4271 section 6.2: a recognized parameter that is malformed is subcode 0."""
    with pytest.raises(WireError) as caught:
        decode_capabilities(bytes.fromhex(octets))
    assert (caught.value.code, caught.value.subcode, caught.value.data) == (2, 0, b"")


def test_make_open_offers_what_this_speaker_does() -> None:
    message = make_open(70000, US, 90)
    assert [capability.describe() for capability in message.capabilities] == [
        "multiprotocol ipv4",
        "multiprotocol ipv6",
        "route-refresh",
        "four-octet-as 70000",
    ]
    assert message.find(65) == [b"\x00\x01\x11\x70"]


def test_negotiate_takes_what_both_offer() -> None:
    local = make_open(64512, US, 90)
    session = negotiate(local, make_open(65001, THEM, 30, (IPV6,)), 20.0)
    assert session.families == (IPV6,)
    assert not session.ipv4
    assert session.by_code == {0x0201: IPV6}
    assert (session.hold_time, session.keepalive_time) == (30, 10.0)
    assert session.external
    assert session.four_octet
    assert session.route_refresh
    assert (session.remote_asn, session.remote_router_id, session.max_message) == (65001, THEM, 4096)
    assert "ipv6, external, AS 65001" in repr(session)


def test_a_peer_without_capabilities_speaks_ipv4_and_2_octets() -> None:
    """RFC 4760 section 8, RFC 6793 section 4.1."""
    session = negotiate(make_open(64512, US, 90), Open(64512, 0, THEM))
    assert session.families == (IPV4,)
    assert not session.four_octet
    assert not session.route_refresh
    assert not session.external
    assert (session.hold_time, session.keepalive_time) == (0, 0)


def test_flavors_tell_sessions_apart_whose_bytes_mean_different_things() -> None:
    local = make_open(64512, US, 90)
    opens = [make_open(64512, THEM, 90), make_open(65001, THEM, 90), Open(64512, 90, THEM), Open(65001, 90, THEM)]
    assert len({negotiate(local, message).flavor for message in opens}) == 4


def test_offered_families_are_ours_in_our_order() -> None:
    message = Open(1, 90, THEM, (multiprotocol(IPV6), Capability(1, b"\x00\x19\x00\x46"), multiprotocol(IPV4)))
    assert offered_families(message) == (IPV4, IPV6)
    assert offered_families(Open(1, 90, THEM, (Capability(1, b"\x00\x19\x00\x46"),))) == ()


def test_check_open() -> None:
    message = make_open(64512, THEM, 90)
    assert check_open(message, 64512, US, internal=True) is None
    assert check_open(message, 64512, US, True, (IPV6,)) is None
    wrong = check_open(message, 65001, US, internal=False)
    assert wrong is not None
    assert (wrong.code, wrong.subcode, wrong.text) == (2, 2, "the peer's AS is 64512, 65001 is configured")


def test_our_own_router_id_is_refused_only_inside_our_as() -> None:
    """RFC 6286 section 2.2."""
    own = check_open(make_open(64512, US, 90), 64512, US, internal=True)
    assert own is not None
    assert (own.code, own.subcode) == (2, 3)
    assert check_open(make_open(65001, US, 90), 65001, US, internal=False) is None


def test_no_family_in_common() -> None:
    """RFC 5492 section 5: the data names what is missing."""
    wrong = check_open(make_open(64512, THEM, 90, (IPV6,)), 64512, US, True, (IPV4,))
    assert wrong is not None
    assert (wrong.code, wrong.subcode, wrong.data) == (2, 7, bytes.fromhex("010400010001"))
