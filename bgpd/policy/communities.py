"""Patterns of communities, of each kind, as operators write them.

A standard community is `65001:100` or a well-known name, a large one `65001:1:2`, an extended one `rt:65001:100`,
`soo:10.0.0.1:5`, `bandwidth:65001:125000000` (the bandwidth of a link in octets per second, no pattern) or its eight
octets in hex, `0x...`; one with an IPv6 address is `rt:[2001:db8::1]:5`, or its twenty
octets in hex. In a pattern every number may be `*` or a range `100-199`. A pattern is a plain tuple, so that specs
compare; what stands for one community only also serves to add it.
"""

import re
from typing import Final

from bgpd.wire.community import format_ext as named_ext
from bgpd.wire.community import link_bandwidth
from bgpd.wire.iana import WELL_KNOWN_COMMUNITIES
from bgpd.wire.prefix import format_address, parse_address

Range = tuple[int, int]
Standard = tuple[Range, Range]
Large = tuple[Range, Range, Range]
#: (subtype, address (4 octets) or b"", administrator, number), or the eight octets themselves
Ext = tuple[int, bytes, Range, Range] | bytes
#: (subtype, address (16 octets), or b"" for any; number), or the twenty octets themselves
Ext6 = tuple[int, bytes, Range] | bytes

_U16: Final = 0xFFFF
_U32: Final = 0xFFFFFFFF
_BY_NAME: Final = {name: number for number, name in WELL_KNOWN_COMMUNITIES.items()}
_SUBTYPES: Final = {"rt": 0x02, "soo": 0x03}
_SUBTYPE_NAMES: Final = {number: word for word, number in _SUBTYPES.items()}
_DIGITS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_HEX: Final = re.compile(r"0x[0-9a-fA-F]{16}", re.ASCII)
_HEX6: Final = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_EXT6: Final = re.compile(r"([a-z]+):\[([0-9a-fA-F:.]+|\*)\]:(.+)", re.ASCII)


#: Every kind, as `kind_of` names them.
KINDS: Final = ("community", "large-community", "ext-community", "ipv6-ext-community")


def parse_range(text: str, most: int) -> Range:
    """`*`, `N` or `N-M`, each at most `most`. Raises ValueError."""
    if text == "*":
        return 0, most
    low, dash, high = text.partition("-")
    if not _DIGITS.fullmatch(low) or (dash and not _DIGITS.fullmatch(high)):
        raise ValueError(f"{text[:30]!r} is neither a number, nor a range as in 100-199, nor *")
    found = (int(low), int(high) if dash else int(low))
    if found[0] > found[1] or found[1] > most:
        raise ValueError(f"{text} is not between 0 and {most}" if not dash else f"{text} is no range up to {most}")
    return found


def format_range(found: Range, most: int) -> str:
    if found == (0, most):
        return "*"
    return str(found[0]) if found[0] == found[1] else f"{found[0]}-{found[1]}"


def kind_of(text: str) -> str:
    """The kind that a text is written as: community, large-community, ext-community or ipv6-ext-community."""
    if ":[" in text or (text.startswith("0x") and len(text) > 18):
        return "ipv6-ext-community"
    word = text.partition(":")[0]
    if text.startswith("0x") or word in _SUBTYPES or word == "bandwidth":  # mypyc takes no star in a test of this kind
        return "ext-community"
    return "large-community" if text.count(":") == 2 else "community"


# standard


def parse_standard(text: str) -> Standard:
    """A pattern of standard communities. Raises ValueError with a plain sentence."""
    if (known := _BY_NAME.get(text.lower().replace("_", "-"))) is not None:
        return (known >> 16, known >> 16), (known & _U16, known & _U16)
    parts = text.split(":")
    if len(parts) != 2 or parts[0] in _SUBTYPES:
        if ":" not in text:
            names = ", ".join(sorted(_BY_NAME))
            raise ValueError(f"expected a community as in 65001:100, or one of {names}; got {text[:60]!r}")
        other = kind_of(text)
        hint = f"; {text} belongs under {other}" if other != "community" else ""
        raise ValueError(f"expected a community as in 65001:100, got {text[:60]!r}{hint}")
    return parse_range(parts[0], _U16), parse_range(parts[1], _U16)


def format_standard(pattern: Standard) -> str:
    if (number := one_standard(pattern)) is not None and (name := WELL_KNOWN_COMMUNITIES.get(number)) is not None:
        return name
    return ":".join([format_range(part, _U16) for part in pattern])


def one_standard(pattern: Standard) -> int | None:
    """The one community that the pattern means, None where it means several."""
    (a, b), (c, d) = pattern
    return a << 16 | c if a == b and c == d else None


def fits_standard(pattern: Standard, community: int) -> bool:
    (a, b), (c, d) = pattern
    return a <= community >> 16 <= b and c <= community & _U16 <= d


# large


def parse_large(text: str) -> Large:
    """A pattern of large communities (RFC 8092). Raises ValueError with a plain sentence."""
    parts = text.split(":")
    if len(parts) != 3 or parts[0] in _SUBTYPES:
        other = kind_of(text)
        hint = f"; {text} belongs under {other}" if other != "large-community" and ":" in text else ""
        raise ValueError(f"expected a large community as in 65001:1:2, got {text[:60]!r}{hint}")
    a, b, c = [parse_range(part, _U32) for part in parts]
    return a, b, c


def format_large(pattern: Large) -> str:
    return ":".join([format_range(part, _U32) for part in pattern])


def one_large(pattern: Large) -> tuple[int, int, int] | None:
    """The one community that the pattern means, None where it means several."""
    (a, b), (c, d), (e, f) = pattern
    return (a, c, e) if a == b and c == d and e == f else None


def fits_large(pattern: Large, community: tuple[int, int, int]) -> bool:
    for (low, high), number in zip(pattern, community, strict=True):  # noqa: SIM110 - compiles to a plain loop
        if not low <= number <= high:
            return False
    return True


# extended


def parse_ext(text: str) -> Ext:
    """A pattern of extended communities (RFC 4360). Raises ValueError with a plain sentence."""
    if _HEX.fullmatch(text):
        return bytes.fromhex(text[2:])
    word, _, rest = text.partition(":")
    admin, colon, number = rest.rpartition(":")
    if (
        word == "bandwidth"
        and admin.isdecimal()
        and number.isdecimal()
        and int(admin) <= _U16
        and 0 < int(number) < 1 << 64
    ):
        return link_bandwidth(int(admin), int(number))
    other = kind_of(text)
    if word not in _SUBTYPES or not colon or other == "ipv6-ext-community":
        hint = f"; {text} belongs under {other}" if other != "ext-community" and ":" in text else ""
        raise ValueError(
            f"expected an extended community as in rt:65001:100, soo:10.0.0.1:5, "
            f"bandwidth:65001:125000000 (octets per second) or 0x0002fde800000064, "
            f"got {text[:60]!r}{hint}"
        )
    if "." in admin:
        return _SUBTYPES[word], parse_address(admin), (0, _U32), parse_range(number, _U16)
    found = parse_range(admin, _U32)
    most = _U16 if found[0] > _U16 else _U32  # RFC 5668: behind a 4-octet AS number there are two octets left
    return _SUBTYPES[word], b"", found, parse_range(number, most)


def format_ext(pattern: Ext) -> str:
    if isinstance(pattern, bytes):
        words = named_ext(pattern)
        return words if words.startswith("bandwidth:") else f"0x{pattern.hex()}"
    subtype, address, admin, number = pattern
    most = _U16 if address or admin[0] > _U16 else _U32
    first = format_address(address) if address else format_range(admin, _U32)
    return f"{_SUBTYPE_NAMES[subtype]}:{first}:{format_range(number, most)}"


def one_ext(pattern: Ext) -> bytes | None:
    """The one community that the pattern means, None where it means several."""
    if isinstance(pattern, bytes):
        return pattern
    subtype, address, admin, number = pattern
    if number[0] != number[1] or (not address and admin[0] != admin[1]):
        return None
    if address:
        return bytes((0x01, subtype)) + address + number[0].to_bytes(2, "big")
    if admin[0] <= _U16:
        return bytes((0x00, subtype)) + admin[0].to_bytes(2, "big") + number[0].to_bytes(4, "big")
    return bytes((0x02, subtype)) + admin[0].to_bytes(4, "big") + number[0].to_bytes(2, "big")


def fits_ext(pattern: Ext, community: bytes) -> bool:
    if isinstance(pattern, bytes):
        return pattern == community
    subtype, address, admin, number = pattern
    kind = community[0] & 0xBF  # without the "non-transitive" bit
    if community[1] != subtype or kind > 2:
        return False
    if kind == 0:
        first, second = int.from_bytes(community[2:4], "big"), int.from_bytes(community[4:8], "big")
    else:
        first, second = int.from_bytes(community[2:6], "big"), int.from_bytes(community[6:8], "big")
    if address or kind == 1:
        named = kind == 1 and community[2:6] == address if address else admin == (0, _U32)
        return named and number[0] <= second <= number[1]
    return admin[0] <= first <= admin[1] and number[0] <= second <= number[1]


# extended, with an IPv6 address


def parse_ext6(text: str) -> Ext6:
    """A pattern of IPv6 address specific extended communities (RFC 5701). Raises ValueError with a plain sentence."""
    if _HEX6.fullmatch(text):
        return bytes.fromhex(text[2:])
    found = _EXT6.fullmatch(text)
    if found is None or found[1] not in _SUBTYPES:
        other = kind_of(text)
        hint = f"; {text} belongs under {other}" if other != "ipv6-ext-community" and ":" in text else ""
        raise ValueError(
            "expected an extended community with an IPv6 address as in rt:[2001:db8::1]:5, or its 20 octets in hex, "
            f"got {text[:60]!r}{hint}"
        )
    address = b"" if found[2] == "*" else parse_address(found[2])
    if len(address) == 4:
        raise ValueError(f"{found[2]} is an IPv4 address: {found[1]}:{found[2]}:{found[3]} belongs under ext-community")
    return _SUBTYPES[found[1]], address, parse_range(found[3], _U16)


def format_ext6(pattern: Ext6) -> str:
    if isinstance(pattern, bytes):
        return f"0x{pattern.hex()}"
    subtype, address, number = pattern
    return f"{_SUBTYPE_NAMES[subtype]}:[{format_address(address) if address else '*'}]:{format_range(number, _U16)}"


def one_ext6(pattern: Ext6) -> bytes | None:
    """The one community that the pattern means, None where it means several."""
    if isinstance(pattern, bytes):
        return pattern
    subtype, address, number = pattern
    if not address or number[0] != number[1]:
        return None
    return bytes((0x00, subtype)) + address + number[0].to_bytes(2, "big")


def fits_ext6(pattern: Ext6, community: bytes) -> bool:
    if isinstance(pattern, bytes):
        return pattern == community
    subtype, address, number = pattern
    if community[0] & 0xBF or community[1] != subtype:  # without the "non-transitive" bit
        return False
    if address and community[2:18] != address:
        return False
    return number[0] <= int.from_bytes(community[18:20], "big") <= number[1]
