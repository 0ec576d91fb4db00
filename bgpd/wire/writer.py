"""Values -> messages. Packing and splitting are one rule: an UPDATE takes prefixes until the next does not fit.

All routes of one call share one Attrs, so the attribute block is encoded once a call and the NLRI is a join of the
prefixes as they are; under ADD-PATH the caller's "prefixes" begin with their path identifiers. Every message is at
most `session.max_message` octets long.
"""

from typing import Final

from bgpd.wire.attrs import Attrs, encode_attr
from bgpd.wire.capability import MAX_MESSAGE, Negotiated, Open, encode_capability
from bgpd.wire.family import IPV4, Family
from bgpd.wire.framing import MARKER
from bgpd.wire.iana import AS_TRANS
from bgpd.wire.scan import narrow_block

_OPEN: Final = b"\x01"
_UPDATE: Final = b"\x02"
_NOTIFICATION: Final = b"\x03"
_ROUTE_REFRESH: Final = b"\x05"
_MP_REACH_NLRI: Final = 14
_MP_UNREACH_NLRI: Final = 15
_OPTIONAL: Final = 0x80
_NONE: Final = b"\x00\x00"  # a length of nothing
_EMPTY_UPDATE: Final = 23  # octets of header and the two lengths

#: A length in two octets, for every plain message: a look-up in place of a call.
_TWO: Final = [size.to_bytes(2, "big") for size in range(MAX_MESSAGE + 1)]

KEEPALIVE: Final = MARKER + b"\x00\x13\x04"  #: the only one there is


def encode_message(kind: bytes, body: bytes) -> bytes:
    """Header and body; `kind` is the type octet."""
    return b"".join((MARKER, _two(19 + len(body)), kind, body))


def _two(size: int) -> bytes:
    return _TWO[size] if size <= MAX_MESSAGE else size.to_bytes(2, "big")


def encode_keepalive() -> bytes:
    """A KEEPALIVE."""
    return KEEPALIVE


def encode_open(message: Open) -> bytes:
    """An OPEN; all capabilities in one parameter, in the extended form where 255 octets are not enough (RFC 9072)."""
    asn = message.asn if message.asn < 65536 else AS_TRANS
    fixed = b"\x04" + asn.to_bytes(2, "big") + message.hold_time.to_bytes(2, "big") + message.router_id
    capabilities = b"".join([encode_capability(capability) for capability in message.capabilities])
    size = len(capabilities)
    if size == 0:
        parameters = b"\x00"
    elif size <= 253:
        parameters = bytes((size + 2, 2, size)) + capabilities
    else:
        parameters = b"\xff\xff" + (size + 3).to_bytes(2, "big") + b"\x02" + size.to_bytes(2, "big") + capabilities
    return encode_message(_OPEN, fixed + parameters)


def encode_notification(code: int, subcode: int, data: bytes = b"") -> bytes:
    """A NOTIFICATION; data that does not fit 4096 octets is cut (the peer may not take more)."""
    return encode_message(_NOTIFICATION, bytes((code, subcode)) + data[: MAX_MESSAGE - 21])


def encode_route_refresh(family: Family, subtype: int = 0) -> bytes:
    """A ROUTE-REFRESH for one family (RFC 2918, RFC 7313)."""
    return encode_message(_ROUTE_REFRESH, family.afi.to_bytes(2, "big") + bytes((subtype, family.safi)))


def encode_updates(family: Family, attrs: Attrs, announced: list[bytes], session: Negotiated) -> list[bytes]:
    """UPDATEs that announce prefixes with one set of attributes, each filled to the limit.

    IPv4 with a 4-octet next hop goes in the plain NLRI field, everything else in MP_REACH_NLRI. The answer is empty
    where the attributes alone leave no room for a prefix: then the routes cannot be announced to this peer at all
    (`room_for` is less than one prefix), and what was announced before is to be withdrawn.
    """
    block = attrs.raw if session.four_octet else narrow_block(attrs.raw)
    room = _room(family, attrs, len(block), session)
    if room < longest_nlri(family, session):
        return []
    if family is IPV4 and len(attrs.next_hop) == 4:
        size = len(block)
        head = MARKER, b"\x02\x00\x00" + _two(size)
        return [
            b"".join((head[0], _two(_EMPTY_UPDATE + size + len(nlri)), head[1], block, nlri))
            for nlri in _fill(announced, room)
        ]
    hop = attrs.next_hop
    reach = family.afi.to_bytes(2, "big") + bytes((family.safi, len(hop))) + hop + b"\x00"
    messages: list[bytes] = []
    for nlri in _fill(announced, room):
        # RFC 7606 section 5.1: MP_REACH_NLRI comes first, so that it is found in a broken UPDATE
        attributes = encode_attr(_OPTIONAL, _MP_REACH_NLRI, reach + nlri) + block
        messages.append(encode_message(_UPDATE, _NONE + len(attributes).to_bytes(2, "big") + attributes))
    return messages


def longest_nlri(family: Family, session: Negotiated) -> int:
    """Octets of the longest item of NLRI: a prefix, behind a path identifier under ADD-PATH (RFC 7911 section 3)."""
    return 1 + family.octets + (4 if family in session.add_path_send else 0)


def room_for(family: Family, attrs: Attrs, session: Negotiated) -> int:
    """Octets of NLRI that one UPDATE with these attributes can take."""
    block = attrs.raw if session.four_octet else narrow_block(attrs.raw)
    return _room(family, attrs, len(block), session)


def _room(family: Family, attrs: Attrs, block: int, session: Negotiated) -> int:
    room = session.max_message - _EMPTY_UPDATE - block
    if family is IPV4 and len(attrs.next_hop) == 4:
        return room
    return room - 4 - 5 - len(attrs.next_hop)  # attribute header, family, next hop length, reserved octet


def encode_withdraws(family: Family, prefixes: list[bytes], session: Negotiated) -> list[bytes]:
    """UPDATEs that withdraw prefixes, each filled to the limit."""
    if family is IPV4:
        runs = _fill(prefixes, session.max_message - _EMPTY_UPDATE)
        return [encode_message(_UPDATE, len(nlri).to_bytes(2, "big") + nlri + _NONE) for nlri in runs]
    messages: list[bytes] = []
    for nlri in _fill(prefixes, session.max_message - _EMPTY_UPDATE - 4 - 3):
        attribute = _unreach(family, nlri)
        messages.append(encode_message(_UPDATE, _NONE + len(attribute).to_bytes(2, "big") + attribute))
    return messages


def encode_end_of_rib(family: Family, session: Negotiated) -> bytes:  # noqa: ARG001 - one shape with its siblings
    """The End-of-RIB marker: an UPDATE that withdraws nothing (RFC 4724 section 2)."""
    if family is IPV4:
        return encode_message(_UPDATE, _NONE + _NONE)
    attribute = _unreach(family, b"")
    return encode_message(_UPDATE, _NONE + len(attribute).to_bytes(2, "big") + attribute)


def _unreach(family: Family, nlri: bytes) -> bytes:
    return encode_attr(_OPTIONAL, _MP_UNREACH_NLRI, family.afi.to_bytes(2, "big") + bytes((family.safi,)) + nlri)


def _fill(prefixes: list[bytes], room: int) -> list[bytes]:
    """NLRI runs of at most `room` octets that hold all prefixes, in order; none for no prefixes."""
    if not prefixes:
        return []
    whole = b"".join(prefixes)
    if len(whole) <= room:  # nearly always
        return [whole]
    runs: list[bytes] = []
    start, stop = 0, 0
    for prefix in prefixes:
        size = len(prefix)
        if stop + size - start > room:
            runs.append(whole[start:stop])
            start = stop
        stop += size
    runs.append(whole[start:stop])
    return runs
