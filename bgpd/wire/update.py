"""UPDATE -> batches: the hot path of the whole daemon.

One UPDATE is one batch nearly always: some prefixes of one family, withdrawn or announced with one interned Attrs.
The road of the common message is short: two lengths, the NLRI loop, one dict look-up by the attribute block. Whatever
is unusual (a new block, multiprotocol attributes, faults) goes through `_decode_rest`, which does everything in full.

RFC 7606 is applied here as far as routes are concerned: where a fault asks for it, what was announced is handed on as
withdrawn, and nobody further in needs to know.
"""

from typing import Final

from bgpd.wire.attrs import (
    EXTENDED,
    MP_REACH_NLRI,
    MP_UNREACH_NLRI,
    NEXT_HOP,
    OPTIONAL,
    TRANSITIVE,
    Attrs,
    AttrsTable,
    attr_name,
)
from bgpd.wire.capability import Negotiated
from bgpd.wire.errors import Fault, Severity, WireError
from bgpd.wire.family import IPV4, Family
from bgpd.wire.nlri import decode_nlri, decode_nlri_with_ids
from bgpd.wire.scan import MULTIPROTOCOL, decode_block, drop_attr

_HEADER: Final = 1
_BAD_LENGTH: Final = 2
_UPDATE: Final = 3
_MALFORMED_LIST: Final = 1
_FLAGS: Final = 4
_BAD_NEXT_HOP: Final = 8
_OPTIONAL_ERROR: Final = 9
_DISCARD: Final = Severity.DISCARD
_WITHDRAW: Final = Severity.WITHDRAW
_MINIMUM: Final = 23  # header and the two length fields (RFC 4271 section 4.3)


class Batch:
    """One family's share of an UPDATE. Withdrawals come first (RFC 4271 section 4.3: an announcement overrides)."""

    def __init__(self, family: Family, announced: list[bytes], withdrawn: list[bytes], attrs: Attrs | None) -> None:
        self.family = family
        self.announced = announced  #: prefixes, all with `attrs`; behind 4 octets of path identifier under ADD-PATH
        self.withdrawn = withdrawn  #: prefixes, in the same form
        self.attrs = attrs  #: None exactly where nothing is announced


class Update:
    """A decoded UPDATE."""

    def __init__(self, batches: list[Batch], faults: list[Fault], end_of_rib: Family | None) -> None:
        self.batches = batches  #: usually exactly one
        self.faults = faults  #: what was wrong and survived, in the order found
        self.end_of_rib = end_of_rib  #: the family whose End-of-RIB marker this is (RFC 4724 section 2)


def decode_update(frame: bytes, session: Negotiated, table: AttrsTable) -> Update:
    """An UPDATE frame (header included) as batches. Raises WireError where the session must end, and nothing else."""
    total = len(frame)
    if total < _MINIMUM:
        raise WireError(_HEADER, _BAD_LENGTH, frame[16:18], f"an UPDATE of {total} octets")
    middle = 21 + (frame[19] << 8 | frame[20])
    if middle + 2 > total:  # RFC 7606 section 3 (b)
        raise WireError(_UPDATE, _MALFORMED_LIST, b"", "the withdrawn routes overrun the message")
    start = middle + 2
    end = start + (frame[middle] << 8 | frame[middle + 1])
    if end > total:
        raise WireError(_UPDATE, _MALFORMED_LIST, b"", "the path attributes overrun the message")
    if session.ids4:
        withdrawn = decode_nlri_with_ids(frame, 21, middle, 32)
        announced = decode_nlri_with_ids(frame, end, total, 32)
    else:
        withdrawn = decode_nlri(frame, 21, middle, 32) if middle > 21 else []
        announced = decode_nlri(frame, end, total, 32) if end < total else []
    block = frame[start:end]
    if session.ipv4:
        if not block and not announced:
            if not withdrawn:
                return Update([], [], IPV4)
            return Update([Batch(IPV4, announced, withdrawn, None)], [], None)
        if announced:
            attrs = table.classic[session.flavor].get(block)
            if attrs is not None:
                return Update([Batch(IPV4, announced, withdrawn, attrs)], [], None)
            faults: list[Fault] = []
            attrs = decode_block(block, b"", session.external, session.four_octet, True, faults)
            if attrs is None:
                return Update([Batch(IPV4, [], withdrawn + announced, None)], faults, None)
            if attrs is not MULTIPROTOCOL:
                attrs = table.keep(attrs, session.flavor, b"", block, not faults)
                return Update([Batch(IPV4, announced, withdrawn, attrs)], faults, None)
    return _decode_rest(block, announced, withdrawn, session, table)


def _decode_rest(
    block: bytes, announced: list[bytes], withdrawn: list[bytes], session: Negotiated, table: AttrsTable
) -> Update:
    """Everything but plain IPv4: multiprotocol attributes, attributes without routes, families not negotiated."""
    faults: list[Fault] = []
    parts = _cut(block)
    reachable = bool(announced)
    if (announced or withdrawn) and not session.ipv4:
        faults.append(Fault(_DISCARD, 0, _OPTIONAL_ERROR, "IPv4 routes ignored: not negotiated"))
        announced, withdrawn = [], []
    batches: list[Batch] = []
    end_of_rib: Family | None = None
    if parts.unreach is not None:
        family = _decode_unreach(parts.unreach, session, faults, batches)
        if family is not None and not batches and not (parts.rest or parts.reach or announced or withdrawn):
            end_of_rib = family
    reach: _Reach | None = None
    if parts.reach is not None:
        reach = _decode_reach(parts.reach, session, faults)
        reachable = reachable or reach is None or bool(reach.announced)
    attrs: Attrs | None = None
    if announced:
        attrs = _decode_attrs(parts.rest, b"", session, table, faults)
    multi: Attrs | None = None
    if reach is not None and reach.announced:
        again: list[Fault] = []
        multi = _decode_attrs(parts.rest, reach.next_hop, session, table, again)
        known = {fault.text for fault in faults}  # beside plain IPv4 routes the block is read twice
        faults.extend([fault for fault in again if fault.text not in known])
    elif not announced and parts.rest:
        decode_block(parts.rest, b"", session.external, session.four_octet, False, faults)
    worst = _worst(faults)
    if worst is not None:
        if not reachable and (parts.rest or parts.reach):
            # RFC 7606 section 5.2: without a route in sight nobody knows what to withdraw
            raise WireError(_UPDATE, worst.subcode, worst.data, f"{worst.text}, in an UPDATE without routes")
        attrs = multi = None
    if announced or withdrawn:
        batches.insert(0, _batch(IPV4, announced, withdrawn, attrs))
    if reach is not None and reach.announced:
        _join(batches, _batch(reach.family, reach.announced, [], multi))
    return Update(batches, faults, end_of_rib)


def _batch(family: Family, announced: list[bytes], withdrawn: list[bytes], attrs: Attrs | None) -> Batch:
    if attrs is None:
        return Batch(family, [], withdrawn + announced, None)
    return Batch(family, announced, withdrawn, attrs)


def _join(batches: list[Batch], batch: Batch) -> None:
    """Add what MP_REACH_NLRI gave: into the batch of MP_UNREACH_NLRI where they are of one family."""
    last = batches[-1] if batches else None
    if last is not None and last.family is batch.family and last.attrs is None:
        last.announced, last.attrs = batch.announced, batch.attrs
        last.withdrawn.extend(batch.withdrawn)
    else:
        batches.append(batch)


def _worst(faults: list[Fault]) -> Fault | None:
    """The first fault that costs the routes (RFC 7606 section 3 h)."""
    for fault in faults:
        if fault.severity != _DISCARD:
            return fault
    return None


def _decode_attrs(
    block: bytes, next_hop: bytes, session: Negotiated, table: AttrsTable, faults: list[Fault]
) -> Attrs | None:
    """Interned Attrs of a block whose multiprotocol attributes are cut out."""
    if next_hop:
        known = table.multi[session.flavor].get(next_hop)
        attrs = known.get(block) if known is not None else None
    else:
        attrs = table.classic[session.flavor].get(block)
    if attrs is not None:
        return attrs
    mark = len(faults)
    if len(next_hop) == 4:  # IPv4 in MP_REACH_NLRI: the same routes as plain ones
        plain = b"\x40\x03\x04" + next_hop + drop_attr(block, NEXT_HOP)
        attrs = decode_block(plain, b"", session.external, session.four_octet, True, faults)
    else:
        attrs = decode_block(block, next_hop, session.external, session.four_octet, True, faults)
    if attrs is None:
        return None
    return table.keep(attrs, session.flavor, next_hop, block, len(faults) == mark)


def _twice() -> WireError:
    return WireError(_UPDATE, _MALFORMED_LIST, b"", "a multiprotocol attribute occurs twice")  # RFC 7606 section 3 (g)


class _Parts:
    """An attribute block taken apart: the two multiprotocol attributes (header included) and what is left."""

    def __init__(self) -> None:
        self.reach: bytes | None = None
        self.unreach: bytes | None = None
        self.rest = b""


def _cut(block: bytes) -> _Parts:
    """Take the multiprotocol attributes out of a block. A broken tail stays in `rest`, for the scan to report."""
    parts = _Parts()
    kept: list[bytes] = []
    pos, first, end = 0, 0, len(block)  # `first`: where the run to keep begins
    while end - pos >= 3:
        stop = pos + 3 + block[pos + 2]
        if block[pos] & EXTENDED:
            if end - pos < 4:
                break
            stop = pos + 4 + (block[pos + 2] << 8 | block[pos + 3])
        if stop > end:
            break
        code = block[pos + 1]
        if code == MP_REACH_NLRI:
            if parts.reach is not None:
                raise _twice()
            parts.reach = block[pos:stop]
        elif code == MP_UNREACH_NLRI:
            if parts.unreach is not None:
                raise _twice()
            parts.unreach = block[pos:stop]
        else:
            pos = stop
            continue
        if first < pos:
            kept.append(block[first:pos])
        pos = first = stop
    if first < end:
        kept.append(block[first:])
    parts.rest = b"".join(kept)
    return parts


def _check_flags(data: bytes, faults: list[Fault]) -> None:
    if (data[0] ^ OPTIONAL) & (OPTIONAL | TRANSITIVE):  # RFC 7606 section 3 (c)
        faults.append(Fault(_WITHDRAW, data[1], _FLAGS, f"{attr_name(data[1])}: flags 0x{data[0]:02x}", data))


def _malformed(data: bytes, text: str) -> WireError:
    """RFC 7606 sections 7.11 and 7.12: the NLRI cannot be found reliably, so the session ends."""
    return WireError(_UPDATE, _OPTIONAL_ERROR, data, f"{attr_name(data[1])}: {text}")


def _find_family(data: bytes, at: int, session: Negotiated, faults: list[Fault]) -> Family | None:
    """The family at an offset; None and a fault where the session does not carry it (RFC 4760 section 6)."""
    afi, safi = data[at] << 8 | data[at + 1], data[at + 2]
    family = session.by_code.get(afi << 8 | safi)
    if family is None:
        text = f"{attr_name(data[1])}: afi {afi} safi {safi} ignored: not negotiated"
        faults.append(Fault(_DISCARD, data[1], _OPTIONAL_ERROR, text, data))
    return family


def _decode_unreach(data: bytes, session: Negotiated, faults: list[Fault], batches: list[Batch]) -> Family | None:
    """Add the batch of MP_UNREACH_NLRI, if it withdraws anything; the family is the answer (RFC 4760 section 4)."""
    value = 4 if data[0] & EXTENDED else 3
    if len(data) < value + 3:
        raise _malformed(data, f"length {len(data) - value}")
    _check_flags(data, faults)
    family = _find_family(data, value, session, faults)
    if family is not None:
        withdrawn = _decode_run(data, value + 3, family, session)
        if withdrawn:
            batches.append(Batch(family, [], withdrawn, None))
    return family


class _Reach:
    """What MP_REACH_NLRI says."""

    def __init__(self, family: Family, next_hop: bytes, announced: list[bytes]) -> None:
        self.family = family
        self.next_hop = next_hop
        self.announced = announced


def _decode_reach(data: bytes, session: Negotiated, faults: list[Fault]) -> _Reach | None:
    """MP_REACH_NLRI (RFC 4760 section 3); None where its family is not negotiated."""
    value = 4 if data[0] & EXTENDED else 3
    if len(data) < value + 5:
        raise _malformed(data, f"length {len(data) - value}")
    _check_flags(data, faults)
    size = data[value + 3]
    nlri = value + 5 + size  # one reserved octet lies between
    if nlri > len(data):
        raise _malformed(data, f"a next hop of {size} octets overruns it")
    family = _find_family(data, value, session, faults)
    if family is None:
        return None
    wide = family.octets == 16 or session.extended_next_hop  # RFC 8950 section 3
    if size != family.octets and not (wide and size in (16, 32)):  # RFC 2545 section 3
        raise _malformed(data, f"a next hop of {size} octets")
    next_hop = data[value + 4 : value + 4 + size]
    if size != 4:  # 4 octets become NEXT_HOP and are checked there
        next_hop = _meant_next_hop(next_hop)
        if next_hop[0] == 0xFF or next_hop == _UNSPECIFIED:
            text = "MP_REACH_NLRI: the next hop is not a host address"
            faults.append(Fault(_WITHDRAW, MP_REACH_NLRI, _BAD_NEXT_HOP, text, data))
    return _Reach(family, next_hop, _decode_run(data, nlri, family, session))


def _decode_run(data: bytes, start: int, family: Family, session: Negotiated) -> list[bytes]:
    """The NLRI at the end of a multiprotocol attribute; with path identifiers where the session has them."""
    if family in session.add_path_receive:
        return decode_nlri_with_ids(data, start, len(data), family.bits)
    return decode_nlri(data, start, len(data), family.bits)


_UNSPECIFIED: Final = bytes(16)


def _meant_next_hop(next_hop: bytes) -> bytes:
    """16 or 32 octets as kept: global and link-local (RFC 2545 section 3), or the half that says something."""
    local = next_hop[16:]
    if not local:
        return next_hop
    if local[0] != 0xFE or local[1] & 0xC0 != 0x80:
        return next_hop[:16]
    return local if next_hop.startswith(_UNSPECIFIED) else next_hop
