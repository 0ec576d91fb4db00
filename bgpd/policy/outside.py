"""The form of an attribute set for another AS, in one pass over its octets.

This is done once per path and eBGP update group, which makes it the dearest step of announcing a full table; the
general way (`wire.attrs.rewrite`) takes several times as long. A canonical block is in ascending order of code, so
the new one is: ORIGIN as it is, AS_PATH with our AS in front, our NEXT_HOP, MED where it is our own, no
LOCAL_PREF, and the rest as it is less what stays inside an AS.
"""

from typing import Final

from bgpd.wire import aspath
from bgpd.wire.attrs import (
    AIGP,
    AS_PATH,
    CLUSTER_LIST,
    EXT_COMMUNITIES,
    EXTENDED,
    IPV6_EXT_COMMUNITIES,
    LOCAL_PREF,
    MED,
    ORIGIN,
    ORIGINATOR_ID,
    TRANSITIVE,
    Attrs,
    encode_attr,
)

_ORIGIN: Final = ORIGIN  # module-level copies: a compiled module reads its own constants directly
_AS_PATH: Final = AS_PATH
_MED: Final = MED
_LOCAL_PREF: Final = LOCAL_PREF
_ORIGINATOR_ID: Final = ORIGINATOR_ID
_CLUSTER_LIST: Final = CLUSTER_LIST
_EXT: Final = EXT_COMMUNITIES
_EXT6: Final = IPV6_EXT_COMMUNITIES
_AIGP: Final = AIGP
_EXTENDED: Final = EXTENDED
#: AS_PATH's header by the length of its value, and an AS_SEQUENCE's by its AS numbers: a look-up in place of a call.
_HEADERS: Final = [bytes((TRANSITIVE, 2, size)) for size in range(256)]
_SEQUENCES: Final = [bytes((2, count)) for count in range(256)]
_NON_TRANSITIVE: Final = 0x40  # in the first octet of an extended community


def next_hop_attribute(next_hop: bytes) -> bytes:
    """NEXT_HOP as it stands in a block: nothing where the address goes into MP_REACH_NLRI."""
    return b"\x40\x03\x04" + next_hop if len(next_hop) == 4 else b""


def external_form(attrs: Attrs, asn: int, next_hop: bytes, keep_med: bool) -> Attrs:
    """`attrs` as `asn` announces them to another AS with itself as the next hop."""
    raw = attrs.raw
    origin = b""
    as_path = b""
    med = b""
    rest: list[bytes] = []
    pos, end = 0, len(raw)
    first = -1  # raw[first:pos] is kept and not copied yet
    while pos < end:
        code = raw[pos + 1]
        start = pos + 3
        stop = start + raw[pos + 2]
        if raw[pos] & _EXTENDED:
            start += 1
            stop = start + (raw[pos + 2] << 8 | raw[pos + 3])
        if code > _LOCAL_PREF:
            if code == _ORIGINATOR_ID or code == _CLUSTER_LIST or code == _AIGP:  # noqa: PLR1714, SIM109 - a tuple costs here
                # RFC 4456 section 8; RFC 7311 section 3.3: AIGP only where a session enables it
                if first >= 0:
                    rest.append(raw[first:pos])
                    first = -1
            elif code == _EXT and not _all_transitive(raw, start, stop, 8):
                if first >= 0:
                    rest.append(raw[first:pos])
                    first = -1
                rest.append(_transitive_only(raw, pos, start, stop, 8))
            elif code == _EXT6 and not _all_transitive(raw, start, stop, 20):
                if first >= 0:
                    rest.append(raw[first:pos])
                    first = -1
                rest.append(_transitive_only(raw, pos, start, stop, 20))
            elif first < 0:
                first = pos
        elif code == _ORIGIN:
            origin = raw[pos:stop]
        elif code == _AS_PATH:
            as_path = raw[start:stop]
        elif code == _MED and keep_med:  # RFC 4271 section 5.1.4: a received one goes no farther than this AS
            med = raw[pos:stop]
        pos = stop
    if first >= 0:
        rest.append(raw[first:end])
    block = b"".join([origin, _prepended(as_path, asn), next_hop_attribute(next_hop), med, *rest])
    return Attrs(block, next_hop, attrs.origin, attrs.med if keep_med else -1, -1, attrs.as_path_length + 1, asn)


def _prepended(value: bytes, asn: int) -> bytes:
    """AS_PATH with `asn` in front, as an attribute (RFC 4271 section 5.1.2 b)."""
    size = len(value)
    if size > 2 and value[0] == 2 and value[1] < 255 and size < 252:  # one AS_SEQUENCE begins it, as nearly always
        return b"".join((_HEADERS[size + 4], _SEQUENCES[value[1] + 1], asn.to_bytes(4, "big"), value[2:]))
    return encode_attr(TRANSITIVE, 2, aspath.prepend(value, asn))


def _all_transitive(raw: bytes, start: int, stop: int, size: int) -> bool:
    for at in range(start, stop, size):  # noqa: SIM110 - compiles to a plain loop
        if raw[at] & _NON_TRANSITIVE:
            return False
    return True


def _transitive_only(raw: bytes, pos: int, start: int, stop: int, size: int) -> bytes:
    """An extended communities attribute without those that stay inside an AS (RFC 4360 section 6, RFC 5701)."""
    kept = [raw[at : at + size] for at in range(start, stop, size) if not raw[at] & _NON_TRANSITIVE]
    return encode_attr(raw[pos], raw[pos + 1], b"".join(kept)) if kept else b""
