"""The scan of a received attribute block: bytes -> Attrs, with every check of RFC 4271 section 6.3 and RFC 7606.

`decode_block` is written for the block that is canonical already: one loop, header, value, next, nothing built, and
the block itself becomes `Attrs.raw`. Everything unusual is done before or after it, out of the way: a block out of
order is sorted and scanned again, one of a 2-octet peer is widened first (RFC 6793), one with something to drop or
to mend is written anew at the end. So there is one set of checks, whoever the peer is and however it encodes.
"""

from typing import Final

from bgpd.wire import aspath, community
from bgpd.wire.attrs import (
    AGGREGATOR,
    AS4_AGGREGATOR,
    AS4_PATH,
    AS_PATH,
    ATTRS,
    COMMUNITIES,
    EXTENDED,
    LARGE_COMMUNITIES,
    LOCAL_PREF,
    MED,
    MP_REACH_NLRI,
    MP_UNREACH_NLRI,
    NEXT_HOP,
    OPTIONAL,
    ORIGIN,
    PARTIAL,
    TRANSITIVE,
    Attrs,
    AttrSpec,
    attr_name,
    encode_attr,
    split_block,
)
from bgpd.wire.errors import Fault, Severity, WireError
from bgpd.wire.iana import AS_TRANS

_UPDATE: Final = 3  # error code
_MALFORMED_LIST: Final = 1  # its subcodes
_UNRECOGNIZED: Final = 2
_MISSING: Final = 3
_FLAGS: Final = 4
_LENGTH: Final = 5
_BAD_ORIGIN: Final = 6
_BAD_NEXT_HOP: Final = 8
_OPTIONAL_ERROR: Final = 9
_BAD_AS_PATH: Final = 11

_D: Final = Severity.DISCARD
_W: Final = Severity.WITHDRAW
_OPTIONAL_TRANSITIVE: Final = OPTIONAL | TRANSITIVE

#: The flags octet that needs no second look, by code. An unknown attribute passes where it is already marked Partial.
_PLAIN: Final = [ATTRS[code].flags if code in ATTRS else _OPTIONAL_TRANSITIVE | PARTIAL for code in range(256)]

#: What decode_block answers where the block holds MP_REACH_NLRI or MP_UNREACH_NLRI: cut them out first.
MULTIPROTOCOL: Final = Attrs(b"", b"", 0, -1, -1, 0, 0)


def decode_block(
    block: bytes, next_hop: bytes, external: bool, four_octet: bool, reachable: bool, faults: list[Fault]
) -> Attrs | None:
    """Attrs of a received attribute block. None: the routes are to be withdrawn (and `faults` says why).

    `next_hop`: the one of MP_REACH_NLRI; empty where NEXT_HOP in the block is meant. `reachable`: the UPDATE announces
    something, so the mandatory attributes must be there. Faults are appended; session reset raises WireError.
    """
    mark = len(faults)
    if not four_octet:
        block = _widen_block(_sort_block(block, faults), faults)
    clean = True  # the block is canonical: it becomes `raw` as it is
    dropped: list[int] = []
    origin, med, local_pref, hops, neighbor, last, pos, end = -1, -1, -1, -1, 0, -1, 0, len(block)
    hop = next_hop
    while pos + 2 < end:
        flags = block[pos]
        code = block[pos + 1]
        length = block[pos + 2]
        start = pos + 3
        if flags == _PLAIN[code]:  # as it should be; nothing to look at but the length
            stop = start + length
        else:
            if flags & EXTENDED:
                if end - pos < 4:
                    break
                length = length << 8 | block[start]
                start += 1
                clean = clean and length > 255
            stop = start + length
            if stop <= end and code > last and code not in _MULTIPROTOCOL_CODES:
                verdict = _check_flags(flags, code, block[pos:stop], faults)
                if verdict != _KEEP:
                    clean = False
                    if verdict == _DROP:
                        dropped.append(code)
                        last = code
                        pos = stop
                        continue
        if stop > end:  # RFC 7606 section 4: the attribute overruns the block
            break
        if code <= last:
            del faults[mark:]
            return decode_block(_sort_block(block, faults), next_hop, external, True, reachable, faults)
        last = code
        if code == ORIGIN:
            if length == 1 and block[start] <= 2:
                origin = block[start]
            else:
                origin = 0
                _bad_value(ORIGIN, length, _BAD_ORIGIN, "undefined value", block[pos:stop], faults)
        elif code == AS_PATH:
            if length > 5 and block[start] == 2 and length == 2 + 4 * block[start + 1]:
                # one AS_SEQUENCE, as nearly always
                value = block[start + 2 : stop]
                hops = block[start + 1]
                neighbor = int.from_bytes(value[:4], "big")
                if value.find(b"\x00\x00\x00\x00") >= 0:  # `Attrs.mentions` says why not `in`
                    hops = aspath.measure(block[start:stop])
            else:
                value = block[start:stop]
                hops = aspath.measure(value)
                neighbor = aspath.neighbor_as(value)
            if hops < 0:
                hops = 0
                faults.append(Fault(_W, AS_PATH, _BAD_AS_PATH, "AS_PATH: malformed", block[pos:stop]))
        elif code == NEXT_HOP:
            if next_hop:  # RFC 4760 section 3: ignored beside MP_REACH_NLRI
                clean = False
                dropped.append(NEXT_HOP)
            elif length == 4 and 0 < block[start] < 224:
                hop = block[start:stop]
            else:
                hop = b"\x00"
                _bad_value(NEXT_HOP, length, _BAD_NEXT_HOP, "not a host address", block[pos:stop], faults)
        elif code == MED:
            if length == 4:
                med = int.from_bytes(block[start:stop], "big")
            else:
                _bad_value(MED, length, _LENGTH, "", block[pos:stop], faults)
        elif code == LOCAL_PREF and not external:
            if length == 4:
                local_pref = int.from_bytes(block[start:stop], "big")
            else:
                _bad_value(LOCAL_PREF, length, _LENGTH, "", block[pos:stop], faults)
        elif code == COMMUNITIES and length & 3 == 0 and length > 0:
            pass  # the commonest of the others, and well formed
        elif code == MP_REACH_NLRI or code == MP_UNREACH_NLRI:  # noqa: SIM109, PLR1714 - a tuple costs here
            del faults[mark:]
            return MULTIPROTOCOL
        else:
            spec = ATTRS.get(code)
            if spec is not None and not _check_value(spec, code, block, pos, start, stop, external, faults):
                clean = False
                dropped.append(code)
            elif code == LARGE_COMMUNITIES and length > 12:
                clean = clean and community.deduplicate(block[start:stop], 12) == block[start:stop]
        pos = stop
    if pos < end:
        faults.append(_overrun(block, pos))
    if reachable:  # RFC 7606 section 3 (d)
        if origin < 0:
            faults.append(_missing(ORIGIN))
        if hops < 0:
            faults.append(_missing(AS_PATH))
        if not hop:
            faults.append(_missing(NEXT_HOP))
    for i in range(mark, len(faults)):
        if faults[i].severity != _D:
            return None
    if not clean:
        block = _canonical(block, dropped)
    return Attrs(block, hop, origin, med, local_pref, hops, neighbor)


_MULTIPROTOCOL_CODES: Final = (MP_REACH_NLRI, MP_UNREACH_NLRI)
_KEEP: Final = 0  # the attribute is canonical
_FIX: Final = 1  # it stays, its flags do not
_DROP: Final = 2  # it goes


def _check_flags(flags: int, code: int, data: bytes, faults: list[Fault]) -> int:
    """What to do about a flags octet that is not the plain one."""
    spec = ATTRS.get(code)
    if spec is None:
        if not flags & OPTIONAL:  # RFC 4271 section 6.3
            raise WireError(_UPDATE, _UNRECOGNIZED, data, f"attribute {code} is unknown, but marked well-known")
        if not flags & TRANSITIVE:  # RFC 4271 section 9: quietly ignored and not passed along
            return _DROP
        # RFC 4271 section 5: passed along, marked Partial
        return _KEEP if flags & ~EXTENDED == _OPTIONAL_TRANSITIVE | PARTIAL else _FIX
    if (flags ^ spec.flags) & _OPTIONAL_TRANSITIVE:  # RFC 7606 section 3 (c)
        faults.append(Fault(spec.on_flags, code, _FLAGS, f"{spec.name}: flags 0x{flags:02x}", data))
        return _DROP
    allowed = spec.flags | (PARTIAL if spec.flags == _OPTIONAL_TRANSITIVE else 0) | EXTENDED
    return _FIX if flags & ~allowed else _KEEP  # RFC 4271 section 4.3: the lower bits are ignored


def _bad_value(code: int, length: int, subcode: int, text: str, data: bytes, faults: list[Fault]) -> None:
    """The fault of a wrong length, or else of a wrong value."""
    spec = ATTRS[code]
    if length < spec.low or length > spec.high:
        faults.append(Fault(spec.on_fault, code, _LENGTH, f"{spec.name}: length {length}", data))
    else:
        faults.append(Fault(spec.on_fault, code, subcode, f"{spec.name}: {text}", data))


def _check_value(
    spec: AttrSpec, code: int, block: bytes, pos: int, start: int, stop: int, external: bool, faults: list[Fault]
) -> bool:
    """Whether an attribute that the scan does not read itself may stay."""
    length = stop - start
    if external and spec.internal:  # RFC 7606 sections 7.5, 7.9, 7.10; RFC 7311 section 3.2
        faults.append(Fault(_D, code, _OPTIONAL_ERROR, f"{spec.name}: from an external peer", block[pos:stop]))
        return False
    if code in (AS4_PATH, AS4_AGGREGATOR):  # RFC 6793 section 4.1
        faults.append(Fault(_D, code, _OPTIONAL_ERROR, f"{spec.name}: from a 4-octet peer", block[pos:stop]))
        return False
    if length < spec.low or length > spec.high or length % spec.step:
        faults.append(Fault(spec.on_fault, code, _LENGTH, f"{spec.name}: length {length}", block[pos:stop]))
        return False
    if wrong := spec.check(block[start:stop]):
        faults.append(Fault(spec.on_fault, code, _OPTIONAL_ERROR, f"{spec.name}: {wrong}", block[pos:stop]))
        return False
    return True


def _overrun(block: bytes, pos: int) -> Fault:
    """RFC 7606 section 4: what is left is shorter than an attribute says, or than any attribute."""
    left = len(block) - pos
    if left < 3 or (block[pos] & EXTENDED and left < 4):
        return Fault(_W, 0, _MALFORMED_LIST, "the attributes end within a header", block[pos:])
    extended = block[pos] & EXTENDED
    length = block[pos + 2] << 8 | block[pos + 3] if extended else block[pos + 2]
    text = f"{attr_name(block[pos + 1])}: length {length}, but {left - (4 if extended else 3)} octets are left"
    return Fault(_W, block[pos + 1], _LENGTH, text, block[pos:])


def _missing(code: int) -> Fault:
    # RFC 4271 section 6.3: the data is the code of the missing attribute
    return Fault(_W, code, _MISSING, f"{ATTRS[code].name}: missing", bytes((code,)))


def _headers(block: bytes) -> list[tuple[int, int, int, int]]:
    """(code, header, value, end) offsets of each whole attribute; stops where one overruns."""
    found: list[tuple[int, int, int, int]] = []
    pos, end = 0, len(block)
    while end - pos >= 3:
        start = pos + 3
        length = block[pos + 2]
        if block[pos] & EXTENDED:
            if end - pos < 4:
                break
            length = length << 8 | block[start]
            start += 1
        if start + length > end:
            break
        found.append((block[pos + 1], pos, start, start + length))
        pos = start + length
    return found


def _sort_block(block: bytes, faults: list[Fault]) -> bytes:
    """The block by ascending code, of each code only the first (RFC 7606 section 3 g). A broken tail stays behind."""
    parts: dict[int, bytes] = {}
    stop = 0
    for code, pos, _, end in _headers(block):
        stop = end
        if code not in parts:
            parts[code] = block[pos:end]
        elif code in _MULTIPROTOCOL_CODES:
            parts[code] += block[pos:end]  # section 3 (g): whoever cuts them out resets the session
        else:
            faults.append(Fault(_D, code, _MALFORMED_LIST, f"{attr_name(code)}: again", block[pos:end]))
    return b"".join([parts[code] for code in sorted(parts)]) + block[stop:]


def drop_attr(block: bytes, code: int) -> bytes:
    """A received block less one attribute, wherever it stands. A broken tail stays behind."""
    parts: list[bytes] = []
    stop = 0
    for found, pos, _, end in _headers(block):
        stop = end
        if found != code:
            parts.append(block[pos:end])
    return b"".join(parts) + block[stop:]


def _canonical(block: bytes, dropped: list[int]) -> bytes:
    """The canonical form of an ordered, checked block, less the dropped codes."""
    parts: list[bytes] = []
    for code, pos, start, end in _headers(block):
        if code in dropped:
            continue
        spec = ATTRS.get(code)
        flags = spec.flags if spec is not None else _OPTIONAL_TRANSITIVE | PARTIAL
        if flags & _OPTIONAL_TRANSITIVE == _OPTIONAL_TRANSITIVE:
            flags |= block[pos] & PARTIAL
        value = block[start:end]
        if code == LARGE_COMMUNITIES:
            value = community.deduplicate(value, 12)  # RFC 8092 section 5
        parts.append(encode_attr(flags, code, value))
    return b"".join(parts)


def _right_flags(block: bytes, pos: int, code: int) -> bool:
    return not (block[pos] ^ ATTRS[code].flags) & _OPTIONAL_TRANSITIVE


def _widen_block(block: bytes, faults: list[Fault]) -> bytes:
    """An ordered block from a 2-octet peer as a 4-octet peer would have sent it (RFC 6793 section 4.2.3).

    A malformed AS_PATH goes, and is then missed; attributes with wrong flags stay for the scan to complain about.
    """
    found: dict[int, bytes] = {}
    parts: list[bytes] = []
    places: dict[int, int] = {}
    stop = 0
    for code, pos, start, end in _headers(block):
        stop = end
        if code in (AS_PATH, AGGREGATOR, AS4_PATH, AS4_AGGREGATOR) and _right_flags(block, pos, code):
            wide = _widen_value(code, block[pos:end], block[start:end], faults)
            if wide is not None:
                found[code] = wide
                places[code] = len(parts)
                parts.append(bytes((block[pos],)))  # the flags, until the value is known
        else:
            parts.append(block[pos:end])
    _merge_as4(found)
    for code, place in places.items():
        parts[place] = encode_attr(parts[place][0], code, found[code]) if code in found else b""
    return b"".join(parts) + block[stop:]


def _widen_value(code: int, data: bytes, value: bytes, faults: list[Fault]) -> bytes | None:
    """One attribute's value with 4-octet AS numbers; None and a fault where it is malformed."""
    if code == AS_PATH:
        if aspath.measure(value, 2) < 0:
            faults.append(Fault(_W, code, _BAD_AS_PATH, "AS_PATH: malformed", data))
            return None
        return aspath.widen(value)
    if code == AS4_PATH:
        kept = aspath.drop_confederation(value)
        if kept is None or aspath.measure(kept) < 1:
            faults.append(Fault(_D, code, _OPTIONAL_ERROR, "AS4_PATH: malformed", data))
            return None
        return kept
    size = 6 if code == AGGREGATOR else 8
    if len(value) != size:
        faults.append(Fault(_D, code, _LENGTH, f"{ATTRS[code].name}: length {len(value)}", data))
        return None
    return b"\x00\x00" + value if code == AGGREGATOR else value


def _merge_as4(found: dict[int, bytes]) -> None:
    """Put AS4_PATH and AS4_AGGREGATOR where AS_TRANS stands, in place (RFC 6793 section 4.2.3)."""
    as4_path = found.pop(AS4_PATH, None)
    as4_aggregator = found.pop(AS4_AGGREGATOR, None)
    aggregator = found.get(AGGREGATOR)
    if aggregator is not None and as4_aggregator is not None:
        if int.from_bytes(aggregator[:4], "big") != AS_TRANS:
            return  # aggregated again by a 2-octet speaker: both AS4 attributes are out of date
        found[AGGREGATOR] = as4_aggregator
    as_path = found.get(AS_PATH)
    if as4_path is not None and as_path is not None:
        found[AS_PATH] = aspath.merge(as_path, as4_path)


def narrow_block(block: bytes) -> bytes:
    """A canonical block as a 2-octet peer needs it: AS_TRANS, AS4_PATH and AS4_AGGREGATOR (RFC 6793 section 4.2.2)."""
    parts: dict[int, bytes] = {}
    for flags, code, value in split_block(block):
        parts[code] = encode_attr(flags, code, value)
        if code == AS_PATH:
            short, lost = aspath.narrow(value)
            parts[AS_PATH] = encode_attr(flags, AS_PATH, short)
            if lost:
                parts[AS4_PATH] = encode_attr(_OPTIONAL_TRANSITIVE, AS4_PATH, value)
        elif code == AGGREGATOR:
            asn = int.from_bytes(value[:4], "big")
            if asn > 65535:
                parts[AS4_AGGREGATOR] = encode_attr(_OPTIONAL_TRANSITIVE, AS4_AGGREGATOR, value)
                asn = AS_TRANS
            parts[AGGREGATOR] = encode_attr(flags, AGGREGATOR, asn.to_bytes(2, "big") + value[4:])
    return b"".join([parts[code] for code in sorted(parts)])
