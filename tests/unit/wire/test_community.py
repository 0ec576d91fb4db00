import pytest

from bgpd.wire import community
from bgpd.wire.iana import NO_EXPORT


def test_communities() -> None:
    value = community.encode_communities([NO_EXPORT, 64512 << 16 | 100, NO_EXPORT])
    assert value == b"\xfc\x00\x00\x64\xff\xff\xff\x01"
    assert community.decode_communities(value) == [64512 << 16 | 100, NO_EXPORT]
    assert [community.format_community(number) for number in community.decode_communities(value)] == [
        "64512:100",
        "no-export",
    ]


def test_large_communities() -> None:
    value = community.encode_large([(64512, 1, 2), (1, 2, 3), (64512, 1, 2)])
    assert len(value) == 24
    assert community.decode_large(value) == [(1, 2, 3), (64512, 1, 2)]
    assert community.format_large((64512, 1, 2)) == "64512:1:2"


def test_redundant_values_go() -> None:
    assert community.deduplicate(b"aabbaacc", 2) == b"aabbcc"
    assert community.split(b"aabb", 2) == [b"aa", b"bb"]


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("0002fc0000000064", "rt:64512:100"),
        ("0003fc0000000064", "soo:64512:100"),
        ("01020a0000010005", "rt:10.0.0.1:5"),
        ("0202000111700005", "rt:70000:5"),
        ("4002fc0000000064", "rt:64512:100"),  # non-transitive
        ("030c000000000008", "0x030c000000000008"),
        ("800600000000abcd", "0x800600000000abcd"),
    ],
)
def test_extended_communities_in_words(octets: str, text: str) -> None:
    assert community.format_ext(bytes.fromhex(octets)) == text


def test_ipv6_extended_communities_in_words() -> None:
    address = bytes.fromhex("20010db8000000000000000000000001")
    assert community.format_ipv6_ext(b"\x00\x02" + address + b"\x00\x07") == "rt:[2001:db8::1]:7"
    assert community.format_ipv6_ext(b"\x00\x99" + address + b"\x00\x07") == "0x0099:[2001:db8::1]:7"


def test_link_bandwidth() -> None:
    one = community.link_bandwidth(65001, 125_000_000)
    assert one.hex() == "4004fde94cee6b28"
    assert community.format_ext(one) == "bandwidth:65001:125000000"
    assert community.bandwidth_of(one) == 125e6
    assert community.bandwidth_of(bytes((0x00,)) + one[1:]) == 125e6  # transitive: means the same
    assert community.format_ext(bytes((0x00,)) + one[1:]) == "0x0004fde94cee6b28"
    assert community.bandwidth_of(bytes.fromhex("0002fde900000064")) == 0.0
    assert community.bandwidth_of(bytes.fromhex("0002fde900000064") + one) == 125e6
    assert community.bandwidth_of(one + community.link_bandwidth(65001, 1.0)) == 1.0
    for value in (float("inf"), float("nan"), 0.0, -5.0):
        bad = community.link_bandwidth(65001, value)
        assert community.bandwidth_of(one + bad) == 0.0
        assert community.format_ext(bad) == f"0x{bad.hex()}"
