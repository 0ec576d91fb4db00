"""Runs of NLRI: the loop that every prefix of every UPDATE goes through.

Per prefix: two table look-ups, one comparison, one slice, one append. The bytes of the message become the key in the
rib as they are; only where a peer left bits set after the prefix length they are masked (RFC 4271 section 4.3 calls
them irrelevant, but they must not make two keys of one prefix).
"""

from typing import Final

from bgpd.wire.errors import WireError
from bgpd.wire.prefix import mask

_UPDATE: Final = 3
_INVALID_NETWORK_FIELD: Final = 10

_TOO_LONG: Final = 1 << 20  # more octets than any message: a run with such a prefix never ends where it should


def _sizes(bits: int) -> list[int]:
    return [1 + ((length + 7) >> 3) if length <= bits else _TOO_LONG for length in range(256)]


#: Octets of one prefix on the wire, by its first octet, the length in bits; one table for each longest length.
_SIZES: Final[dict[int, list[int]]] = {bits: _sizes(bits) for bits in (32, 128)}
#: Bits of its last octet that must be zero, by its length; 0 where the last octet is whole.
_TAILS: Final = [(1 << (-length & 7)) - 1 for length in range(256)]


def decode_nlri(data: bytes, start: int, end: int, bits: int) -> list[bytes]:
    """Prefixes of data[start:end], in order, masked. `bits`: the family's longest length.

    Raises WireError(3, 10) where the run cannot be parsed: then nothing after it can be trusted (RFC 7606 section 5.3).
    """
    prefixes: list[bytes] = []
    sizes, tails = _SIZES[bits], _TAILS
    pos = start
    while pos < end:
        length = data[pos]
        stop = pos + sizes[length]
        prefix = data[pos:stop]
        if length & 7 and prefix[-1] & tails[length]:
            prefix = mask(prefix)
        prefixes.append(prefix)
        pos = stop
    if pos != end:  # one check for the whole run: a prefix too long or cut off leaves the end behind
        raise _invalid(data, start, end, bits)
    return prefixes


def decode_nlri_with_ids(data: bytes, start: int, end: int, bits: int) -> list[bytes]:
    """As decode_nlri where ADD-PATH is on (RFC 7911): each item is a 4-octet path identifier and the prefix."""
    items: list[bytes] = []
    while start < end:
        if start + 5 > end:
            raise WireError(_UPDATE, _INVALID_NETWORK_FIELD, b"", "NLRI ends within a path identifier")
        length = data[start + 4]
        stop = start + 4 + _SIZES[bits][length]
        if stop > end:
            raise _invalid(data, start + 4, end, bits)
        items.append(data[start : start + 4] + mask(data[start + 4 : stop]))
        start = stop
    return items


def multicast_in(prefixes: list[bytes], bits: int, at: int) -> list[bytes]:
    """Those that lie in 224.0.0.0/4 or ff00::/8: no unicast route has such a destination. Asked of every prefix.

    `bits`: the family's longest length. `at`: where a prefix begins in its item: 4 behind path identifiers, else 0.
    """
    if bits == 32:
        return [prefix for prefix in prefixes if prefix[at] > 3 and prefix[at + 1] & 0xF0 == 0xE0]
    return [prefix for prefix in prefixes if prefix[at] > 7 and prefix[at + 1] == 0xFF]


def _invalid(data: bytes, pos: int, end: int, bits: int) -> WireError:
    """The error of a run that does not end where it should, by the first prefix that is wrong."""
    while data[pos] <= bits and pos + _SIZES[bits][data[pos]] <= end:
        pos += _SIZES[bits][data[pos]]
    if data[pos] > bits:
        text = f"prefix length {data[pos]} is more than {bits}"
    else:
        text = f"NLRI ends within a prefix of length {data[pos]}"
    return WireError(_UPDATE, _INVALID_NETWORK_FIELD, b"", text)
