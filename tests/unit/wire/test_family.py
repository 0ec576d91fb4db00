from bgpd.wire.family import BY_CODE, BY_NAME, FAMILIES, IPV4, IPV6


def test_there_is_one_object_a_family() -> None:
    assert BY_CODE[1, 1] is BY_NAME["ipv4"] is IPV4
    assert BY_CODE[2, 1] is BY_NAME["ipv6"] is IPV6
    assert FAMILIES == (IPV4, IPV6)


def test_octets_follow_bits() -> None:
    assert [(family.bits, family.octets) for family in FAMILIES] == [(32, 4), (128, 16)]
    assert repr(IPV6) == "Family(ipv6)"
