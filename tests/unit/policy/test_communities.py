"""Patterns of communities: spelled, printed, matched, added."""

import re

import pytest

from bgpd.policy import communities as c
from bgpd.wire.community import format_ext, link_bandwidth
from bgpd.wire.iana import NO_EXPORT


@pytest.mark.parametrize("text", ["65001:100", "65001:*", "*:666", "65000-65010:1", "no-export", "*:*"])
def test_standard_there_and_back(text: str) -> None:
    assert c.format_standard(c.parse_standard(text)) == text


@pytest.mark.parametrize("text", ["65001:1:2", "65001:*:2", "*:*:*", "4200000000:1-5:0"])
def test_large_there_and_back(text: str) -> None:
    assert c.format_large(c.parse_large(text)) == text


@pytest.mark.parametrize(
    "text", ["rt:65001:100", "rt:65001:*", "rt:*:*", "soo:10.0.0.1:5", "rt:4200000000:*", "0x0002fde800000064"]
)
def test_ext_there_and_back(text: str) -> None:
    assert c.format_ext(c.parse_ext(text)) == text


def test_standard() -> None:
    assert c.fits_standard(c.parse_standard("65001:*"), 65001 << 16 | 7)
    assert not c.fits_standard(c.parse_standard("65001:*"), 65002 << 16 | 7)
    assert c.fits_standard(c.parse_standard("65001:10-20"), 65001 << 16 | 20)
    assert not c.fits_standard(c.parse_standard("65001:10-20"), 65001 << 16 | 21)
    assert c.one_standard(c.parse_standard("no-export")) == NO_EXPORT
    assert c.one_standard(c.parse_standard("NO_EXPORT")) == NO_EXPORT
    assert c.one_standard(c.parse_standard("65001:*")) is None


def test_large() -> None:
    assert c.fits_large(c.parse_large("65001:*:3"), (65001, 9, 3))
    assert not c.fits_large(c.parse_large("65001:*:3"), (65001, 9, 4))
    assert c.one_large(c.parse_large("1:2:3")) == (1, 2, 3)
    assert c.one_large(c.parse_large("1:*:3")) is None


@pytest.mark.parametrize("text", ["rt:65001:100", "soo:10.0.0.1:5", "rt:4200000000:7"])
def test_ext_added_is_ext_matched(text: str) -> None:
    one = c.one_ext(c.parse_ext(text))
    assert one is not None
    assert format_ext(one) == text
    assert c.fits_ext(c.parse_ext(text), one)
    word, admin, _ = text.split(":")
    assert c.fits_ext(c.parse_ext(f"{word}:{admin}:*"), one)
    assert c.fits_ext(c.parse_ext(f"{word}:*:*"), one)
    assert not c.fits_ext(c.parse_ext(f"{'soo' if word == 'rt' else 'rt'}:{admin}:*"), one)
    assert not c.fits_ext(c.parse_ext(f"{word}:{admin}:9"), one)
    assert c.fits_ext(one, one)
    assert c.one_ext(c.parse_ext(f"{word}:{admin}:*")) is None


@pytest.mark.parametrize("text", ["rt:[2001:db8::1]:100", "soo:[fd00::]:0"])
def test_ext_with_an_ipv6_address_added_is_matched(text: str) -> None:
    """RFC 5701: type and subtype, the address, two octets."""
    one = c.one_ext6(c.parse_ext6(text))
    assert one is not None
    assert len(one) == 20
    assert c.kind_of(text) == c.kind_of(f"0x{one.hex()}") == "ipv6-ext-community"
    assert c.format_ext6(c.parse_ext6(text)) == text
    word, _, rest = text.partition(":")
    address = rest[: rest.index("]") + 1]
    for fits in (text, f"{word}:{address}:*", f"{word}:[*]:0-100", f"0x{one.hex()}"):
        assert c.fits_ext6(c.parse_ext6(fits), one), fits
    for other in (f"{word}:{address}:9", f"{word}:[2001:db8::2]:*", f"{'soo' if word == 'rt' else 'rt'}:{address}:*"):
        assert not c.fits_ext6(c.parse_ext6(other), one), other
    assert c.fits_ext6(c.parse_ext6(text), bytes((0x40,)) + one[1:])  # not transitive: the same community
    assert not c.fits_ext6(c.parse_ext6(text), bytes((0x01,)) + one[1:])
    assert c.one_ext6(c.parse_ext6(f"{word}:{address}:*")) is None
    assert c.one_ext6(c.parse_ext6(f"{word}:[*]:1")) is None


@pytest.mark.parametrize(
    ("parse", "text", "words"),
    [
        (c.parse_ext6, "rt:65001:1", "belongs under ext-community"),
        (c.parse_ext6, "rt:[10.0.0.1]:1", "rt:10.0.0.1:1 belongs under ext-community"),
        (c.parse_ext6, "rt:[2001:db8::1]:65536", "65536"),
        (c.parse_ext6, "rt:[2001:db8::1]", "expected an extended community with an IPv6 address"),
        (c.parse_ext6, "rt:[2001:db8::g]:1", "expected an extended community with an IPv6 address"),
        (c.parse_ext, "rt:[2001:db8::1]:1", "belongs under ipv6-ext-community"),
        (c.parse_standard, "65001:1:2", "belongs under large-community"),
        (c.parse_standard, "rt:65001:2", "belongs under ext-community"),
        (c.parse_standard, "noexport", "no-export"),
        (c.parse_standard, "65536:1", "65536"),
        (c.parse_standard, "5-2:1", "no range"),
        (c.parse_large, "65001:1", "belongs under community"),
        (c.parse_large, "1:2:4294967296", "4294967296"),
        (c.parse_ext, "65001:1", "belongs under community"),
        (c.parse_ext, "rt:1", "expected an extended community"),
        (c.parse_ext, "rt:4200000000:70000", "70000"),
        (c.parse_ext, "0x12", "expected an extended community"),
    ],
)
def test_what_is_none(parse: object, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        parse(text)  # type: ignore[operator]


def test_a_bandwidth_stands_for_itself() -> None:
    one = c.parse_ext("bandwidth:65001:125000000")
    assert c.one_ext(one) == one == link_bandwidth(65001, 125e6)
    assert c.format_ext(one) == "bandwidth:65001:125000000"
    assert c.parse_ext(c.format_ext(c.parse_ext("0x4004fde97fc00000"))) == bytes.fromhex("4004fde97fc00000")  # NaN
    assert c.kind_of("bandwidth:65001:1") == "ext-community"
    for text in ("bandwidth:65001", "bandwidth:70000:1", "bandwidth:65001:0", "bandwidth:65001:*", "bandwidth:1:-1"):
        with pytest.raises(ValueError, match="expected an extended community"):
            c.parse_ext(text)
