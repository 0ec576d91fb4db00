"""Prefixes and addresses: packed bytes inside, text at the edges.

A prefix is exactly its NLRI encoding (RFC 4271 section 4.3): one octet of length in bits, then only the octets that
are significant, with the bits after the length zero. So equal prefixes are equal bytes, a prefix is its own dict key,
and it goes to the wire as it is. The family is not in the bytes; it travels beside them.
"""

from ipaddress import IPv4Address, IPv6Address
from typing import Final

from bgpd.wire.family import IPV4, IPV6, Family

DEFAULT: Final = b"\x00"  #: 0.0.0.0/0 or ::/0


def parse_address(text: str) -> bytes:
    """Packed address (4 or 16 octets). Raises ValueError with a plain sentence."""
    try:
        return IPv6Address(text).packed if ":" in text and "%" not in text else IPv4Address(text).packed
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv4 or IPv6 address") from None


def format_address(address: bytes) -> str:
    """An address as text, IPv6 by RFC 5952. 32 octets are a global and a link-local next hop: "2001:db8::1 fe80::1"."""
    size = len(address)
    if size == 4:
        return f"{address[0]}.{address[1]}.{address[2]}.{address[3]}"
    if size == 16:
        return _format_ipv6(address)
    if size == 20:  # a link-local next hop and the number of its interface
        return f"{_format_ipv6(address[:16])}%{int.from_bytes(address[16:], 'big')}"
    if size == 32:
        return f"{_format_ipv6(address[:16])} {_format_ipv6(address[16:])}"
    return address.hex()


def _format_ipv6(address: bytes) -> str:
    if address.startswith(b"\x00" * 10 + b"\xff\xff"):  # RFC 5952 section 5
        return f"::ffff:{format_address(address[12:])}"
    groups = [address[i] << 8 | address[i + 1] for i in range(0, 16, 2)]
    best, best_length, start = -1, 1, -1  # RFC 5952 section 4.2.2: never shorten a single group
    for i in range(9):
        if i < 8 and groups[i] == 0:
            start = i if start < 0 else start
            continue
        if start >= 0 and i - start > best_length:  # section 4.2.3: the first of equal runs
            best, best_length = start, i - start
        start = -1
    words = [f"{group:x}" for group in groups]
    if best < 0:
        return ":".join(words)
    return f"{':'.join(words[:best])}::{':'.join(words[best + best_length :])}"


def pack_prefix(address: bytes, length: int) -> bytes:
    """The prefix of `length` bits that holds an address (4 or 16 octets): host bits are masked away."""
    return mask(bytes((length,)) + address[: (length + 7) >> 3])


def mask(prefix: bytes) -> bytes:
    """The same prefix with the bits after its length cleared."""
    spare = -prefix[0] & 7
    if spare and prefix[-1] & ((1 << spare) - 1):
        return prefix[:-1] + bytes((prefix[-1] >> spare << spare,))
    return prefix


def network(prefix: bytes, octets: int) -> bytes:
    """The prefix's first address, packed in 4 or 16 octets."""
    return prefix[1:] + bytes(octets + 1 - len(prefix))


def parse_prefix(text: str) -> tuple[Family, bytes]:
    """Family and prefix of "10.244.1.0/24". Raises ValueError with a plain sentence; host bits are an error."""
    host, slash, bits = text.partition("/")
    if not slash:
        raise ValueError(f"{text!r} is not a prefix: the length is missing, as in 10.244.1.0/24")
    address = parse_address(host)
    family = IPV4 if len(address) == 4 else IPV6
    if not (bits.isascii() and bits.isdigit() and len(bits) <= 3) or int(bits) > family.bits:
        raise ValueError(f"{text!r} is not a prefix: the length must be 0 to {family.bits}")
    prefix = pack_prefix(address, int(bits))
    if network(prefix, family.octets) != address:
        raise ValueError(f"{text!r} has host bits set; did you mean {format_prefix(family, prefix)}?")
    return family, prefix


def format_prefix(family: Family, prefix: bytes) -> str:
    """A prefix as text: "10.244.1.0/24"."""
    return f"{format_address(network(prefix, family.octets))}/{prefix[0]}"


def covers(outer: bytes, inner: bytes) -> bool:
    """Whether `inner` lies within `outer` (or equals it). Both of one family, both masked."""
    length = outer[0]
    if inner[0] < length:
        return False
    whole = (length >> 3) + 1
    if outer[1:whole] != inner[1:whole]:
        return False
    rest = length & 7
    return rest == 0 or (outer[whole] ^ inner[whole]) >> (8 - rest) == 0
