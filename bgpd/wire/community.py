"""Community values of every kind: RFC 1997, 4360, 5701 and 8092, as numbers and as operators write them."""

import struct
from math import isfinite
from typing import Final

from bgpd.wire.iana import WELL_KNOWN_COMMUNITIES
from bgpd.wire.prefix import format_address

#: Extended community subtypes of the types 0, 1 and 2 (RFC 4360 section 4, RFC 7153): one word each.
_SUBTYPES: Final[dict[int, str]] = {0x02: "rt", 0x03: "soo"}
#: Link bandwidth (draft-ietf-idr-link-bandwidth): type 0x40 (non-transitive) or 0x00, this
#: subtype, the AS, octets per second.
_BANDWIDTH: Final = 0x04
_FLOAT: Final = struct.Struct("!f")


def decode_communities(value: bytes) -> list[int]:
    """32-bit numbers, in order."""
    return [int.from_bytes(value[i : i + 4], "big") for i in range(0, len(value), 4)]


def encode_communities(communities: list[int]) -> bytes:
    """The COMMUNITIES value: sorted, each once."""
    return b"".join([number.to_bytes(4, "big") for number in sorted(set(communities))])


def format_community(community: int) -> str:
    """As operators write it: "64512:100", or the name of a well-known one."""
    known = WELL_KNOWN_COMMUNITIES.get(community)
    return known if known is not None else f"{community >> 16}:{community & 0xFFFF}"


def decode_large(value: bytes) -> list[tuple[int, int, int]]:
    """(global administrator, local 1, local 2), in order (RFC 8092)."""
    large: list[tuple[int, int, int]] = []
    for i in range(0, len(value), 12):
        first = int.from_bytes(value[i : i + 4], "big")
        second = int.from_bytes(value[i + 4 : i + 8], "big")
        large.append((first, second, int.from_bytes(value[i + 8 : i + 12], "big")))
    return large


def encode_large(large: list[tuple[int, int, int]]) -> bytes:
    """The LARGE_COMMUNITIES value: sorted, each once."""
    parts: list[bytes] = []
    for numbers in sorted(set(large)):
        parts.extend([number.to_bytes(4, "big") for number in numbers])
    return b"".join(parts)


def format_large(large: tuple[int, int, int]) -> str:
    """As operators write it: "64512:1:2"."""
    return f"{large[0]}:{large[1]}:{large[2]}"


def split(value: bytes, size: int) -> list[bytes]:
    """The pieces of `size` octets that a value is made of."""
    return [value[i : i + size] for i in range(0, len(value), size)]


def deduplicate(value: bytes, size: int) -> bytes:
    """The value with each piece of `size` octets once, at its first place (RFC 8092 section 5)."""
    return b"".join(dict.fromkeys(split(value, size)))


def format_ext(community: bytes) -> str:
    """An extended community (8 octets): "rt:64512:100", "bandwidth:64512:125000000", or "0x..." in hex."""
    kind = community[0] & 0xBF  # without the "non-transitive" bit
    word = _SUBTYPES.get(community[1])
    if word is not None and kind == 0x00:
        return f"{word}:{int.from_bytes(community[2:4], 'big')}:{int.from_bytes(community[4:8], 'big')}"
    if word is not None and kind == 0x01:
        return f"{word}:{format_address(community[2:6])}:{int.from_bytes(community[6:8], 'big')}"
    if word is not None and kind == 0x02:  # RFC 5668
        return f"{word}:{int.from_bytes(community[2:6], 'big')}:{int.from_bytes(community[6:8], 'big')}"
    octets = bandwidth_of(community)
    if octets >= 1.0:
        asn = int.from_bytes(community[2:4], "big")
        if link_bandwidth(asn, round(octets)) == community:
            return f"bandwidth:{asn}:{octets:.0f}"
    return f"0x{community.hex()}"


def link_bandwidth(asn: int, octets: float) -> bytes:
    """The extended community that says how much a link carries, in octets per second; `asn` below 65536."""
    return bytes((0x40, _BANDWIDTH)) + asn.to_bytes(2, "big") + _FLOAT.pack(octets)


def bandwidth_of(value: bytes) -> float:
    """The link bandwidth among extended communities, octets per second; the least of several; 0.0: there is none."""
    found = 0.0
    for at in range(0, len(value) - 7, 8):
        if value[at] & 0xBF == 0 and value[at + 1] == _BANDWIDTH:
            octets: float = _FLOAT.unpack_from(value, at + 4)[0]
            if not isfinite(octets) or octets <= 0.0:
                return 0.0
            found = min(found, octets) if found else octets
    return found


def format_ipv6_ext(community: bytes) -> str:
    """An IPv6 address specific extended community (20 octets, RFC 5701)."""
    word = _SUBTYPES.get(community[1], f"0x{community[:2].hex()}")
    return f"{word}:[{format_address(community[2:18])}]:{int.from_bytes(community[18:20], 'big')}"
