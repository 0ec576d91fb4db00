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
