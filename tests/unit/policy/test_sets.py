"""Prefix sets: every spelling of an entry, and what it takes."""

import pytest

from bgpd.policy.sets import PrefixSet, format_range, parse_range
from bgpd.wire.prefix import parse_prefix


def holds(entries: list[str], text: str) -> bool:
    family, prefix = parse_prefix(text)
    return PrefixSet(tuple(parse_range(entry) for entry in entries)).holds(family, prefix)


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        ("10.0.0.0/8", ["10.0.0.0/8"], ["10.0.0.0/9", "0.0.0.0/0", "11.0.0.0/8"]),
        ("10.0.0.0/8 le 16", ["10.0.0.0/8", "10.1.0.0/16"], ["10.1.0.0/17", "11.0.0.0/16"]),
        ("10.0.0.0/8 ge 16", ["10.1.0.0/16", "10.1.1.1/32"], ["10.0.0.0/8", "10.0.0.0/15"]),
        ("10.0.0.0/8 ge 16 le 24", ["10.1.0.0/16", "10.1.1.0/24"], ["10.1.1.0/25", "10.0.0.0/8"]),
        ("10.0.0.0/8+", ["10.0.0.0/8", "10.1.1.1/32"], ["10.0.0.0/7"]),
        ("10.0.0.0/8{16,24}", ["10.1.0.0/16"], ["10.0.0.0/8"]),
        ("0.0.0.0/0", ["0.0.0.0/0"], ["10.0.0.0/8", "::/0"]),
        ("0.0.0.0/0 le 32", ["0.0.0.0/0", "1.2.3.4/32"], ["::/0", "2001:db8::/32"]),
        ("2001:db8::/29 le 48", ["2001:db8::/29", "2001:dbf:1::/48"], ["2001:dc0::/32", "2001:db8::/64"]),
    ],
)
def test_an_entry(entry: str, inside: list[str], outside: list[str]) -> None:
    for text in inside:
        assert holds([entry], text), text
    for text in outside:
        assert not holds([entry], text), text
    assert parse_range(format_range(parse_range(entry))) == parse_range(entry)


def test_several_entries_of_one_prefix() -> None:
    assert holds(["10.0.0.0/8", "10.0.0.0/8 ge 24 le 24"], "10.1.1.0/24")
    assert not holds(["10.0.0.0/8", "10.0.0.0/8 ge 24 le 24"], "10.1.0.0/16")


@pytest.mark.parametrize(
    "text",
    ["10.0.0.0", "10.0.0.1/8", "10.0.0.0/8 ge 4", "10.0.0.0/8 ge 24 le 16", "10.0.0.0/8 le 33", "x/8", "10.0.0.0/8 ge"],
)
def test_what_is_no_entry(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_range(text)
