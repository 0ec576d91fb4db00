from ipaddress import IPv6Address

import pytest

from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.prefix import (
    covers,
    format_address,
    format_prefix,
    mask,
    network,
    pack_prefix,
    parse_address,
    parse_prefix,
)


@pytest.mark.parametrize(
    ("text", "family", "packed"),
    [
        ("10.244.1.0/24", IPV4, b"\x18\x0a\xf4\x01"),
        ("0.0.0.0/0", IPV4, b"\x00"),
        ("192.0.2.1/32", IPV4, b"\x20\xc0\x00\x02\x01"),
        ("10.244.0.0/20", IPV4, b"\x14\x0a\xf4\x00"),
        ("::/0", IPV6, b"\x00"),
        ("2001:db8::/33", IPV6, b"\x21\x20\x01\x0d\xb8\x00"),
    ],
)
def test_text_and_octets(text: str, family: object, packed: bytes) -> None:
    assert parse_prefix(text) == (family, packed)
    assert format_prefix(IPV4 if family is IPV4 else IPV6, packed) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10.244.1.7/24", "'10.244.1.7/24' has host bits set; did you mean 10.244.1.0/24?"),
        ("2001:db8::1/64", "did you mean 2001:db8::/64?"),
        ("10.244.1.0", "the length is missing"),
        ("10.244.1.0/33", "the length must be 0 to 32"),
        ("::/129", "the length must be 0 to 128"),
        ("10.244.1.0/-1", "the length must be"),
        ("10.244.1.0/", "the length must be"),
        ("10.244.1.0/" + "9" * 5000, "the length must be"),
        ("10.244.1.0/²", "the length must be"),
        ("10.244.1/24", "is not an IPv4 or IPv6 address"),
        ("010.244.1.0/24", "is not an IPv4 or IPv6 address"),
        ("", "the length is missing"),
    ],
)
def test_bad_text_is_refused_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_prefix(text)
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["", "1.2.3", "1.2.3.4.5", "::g", "fe80::1%eth0", "host", "1.2.3.4/32"])
def test_bad_addresses(text: str) -> None:
    with pytest.raises(ValueError, match="is not an IPv4 or IPv6 address"):
        parse_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "::",
        "::1",
        "1::",
        "2001:db8::1",
        "2001:db8:0:1:1:1:1:1",  # RFC 5952 section 4.2.2: one group is not shortened
        "2001:0:0:1::1",  # 4.2.3: the longest run
        "2001:db8::1:0:0:1",  # 4.2.3: the first of equal runs
        "fe80::a:0:0:1",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6::",
        "::ffff:192.0.2.1",
    ],
)
def test_ipv6_text_is_rfc_5952(text: str) -> None:
    assert format_address(IPv6Address(text).packed) == text


def test_other_sizes_of_address() -> None:
    pair = parse_address("2001:db8::1") + parse_address("fe80::1")
    assert format_address(pair) == "2001:db8::1 fe80::1"
    assert format_address(b"") == ""
    assert format_address(b"\x01\x02") == "0102"


def test_mask_clears_host_bits_only() -> None:
    assert mask(b"\x14\x0a\xf4\xff") == b"\x14\x0a\xf4\xf0"
    assert mask(b"\x18\x0a\xf4\xff") == b"\x18\x0a\xf4\xff"
    assert mask(b"\x00") == b"\x00"
    assert mask(b"\x01\xff") == b"\x01\x80"
    assert pack_prefix(parse_address("10.244.1.7"), 22) == parse_prefix("10.244.0.0/22")[1]
    assert network(b"\x14\x0a\xf4\xf0", 4) == b"\x0a\xf4\xf0\x00"


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("10.0.0.0/8", "10.1.2.0/24", True),
        ("10.0.0.0/8", "10.0.0.0/8", True),
        ("10.1.2.0/24", "10.0.0.0/8", False),
        ("10.0.0.0/8", "11.0.0.0/8", False),
        ("0.0.0.0/0", "11.0.0.0/8", True),
        ("10.16.0.0/12", "10.31.255.0/24", True),
        ("10.16.0.0/12", "10.32.0.0/24", False),
        ("10.16.0.0/12", "10.0.0.0/11", False),
    ],
)
def test_covers(outer: str, inner: str, expected: bool) -> None:
    assert covers(parse_prefix(outer)[1], parse_prefix(inner)[1]) is expected
