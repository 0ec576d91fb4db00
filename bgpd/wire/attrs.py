"""Path attributes: the ATTRS table, one decoded set (`Attrs`), and the table that interns them.

ATTRS has one row an attribute and is the documentation of what this speaker understands: flags, lengths, and what is
done where they are wrong (RFC 7606 section 7).

An `Attrs` keeps the attribute block itself (`raw`) and the five fields that the decision process reads; everything
else is decoded from `raw` when somebody asks. `raw` is canonical: attributes in ascending order of code, each once,
flags as the registry says, the extended length only where it is needed, AS numbers of four octets, neither
MP_REACH_NLRI nor MP_UNREACH_NLRI, and NEXT_HOP exactly where the next hop has 4 octets. So equal sets are equal
bytes, and `raw` is what goes to a 4-octet peer. A received block that is canonical already becomes `raw` as it is,
without a copy (`scan`).
"""

from collections.abc import Callable, Iterator
from typing import Final

from bgpd.wire import aspath, community
from bgpd.wire.errors import Severity
from bgpd.wire.iana import Origin
from bgpd.wire.prefix import format_address

# Attribute codes as plain integers, for loops; the same numbers as iana.AttrCode.
ORIGIN: Final = 1
AS_PATH: Final = 2
NEXT_HOP: Final = 3
MED: Final = 4
LOCAL_PREF: Final = 5
ATOMIC_AGGREGATE: Final = 6
AGGREGATOR: Final = 7
COMMUNITIES: Final = 8
ORIGINATOR_ID: Final = 9
CLUSTER_LIST: Final = 10
MP_REACH_NLRI: Final = 14
MP_UNREACH_NLRI: Final = 15
EXT_COMMUNITIES: Final = 16
AS4_PATH: Final = 17
AS4_AGGREGATOR: Final = 18
IPV6_EXT_COMMUNITIES: Final = 25
AIGP: Final = 26
LARGE_COMMUNITIES: Final = 32
OTC: Final = 35

# Attribute flags (RFC 4271 section 4.3).
OPTIONAL: Final = 0x80
TRANSITIVE: Final = 0x40
PARTIAL: Final = 0x20
EXTENDED: Final = 0x10

_WELL_KNOWN: Final = TRANSITIVE
_OPTIONAL_TRANSITIVE: Final = OPTIONAL | TRANSITIVE
_ANY: Final = 65535


def _number(value: bytes) -> str:
    return str(int.from_bytes(value, "big"))


def _origin_text(value: bytes) -> str:
    return Origin(value[0]).label


def _aggregator_text(value: bytes) -> str:
    return f"{int.from_bytes(value[:4], 'big')} {format_address(value[4:])}"


def _communities_text(value: bytes) -> str:
    return " ".join([community.format_community(number) for number in community.decode_communities(value)])


def _large_text(value: bytes) -> str:
    return " ".join([community.format_large(large) for large in community.decode_large(value)])


def _ext_text(value: bytes) -> str:
    return " ".join([community.format_ext(ext) for ext in community.split(value, 8)])


def _ipv6_ext_text(value: bytes) -> str:
    return " ".join([community.format_ipv6_ext(ext) for ext in community.split(value, 20)])


def _addresses_text(value: bytes) -> str:
    return " ".join([format_address(address) for address in community.split(value, 4)])


def _flag_text(_value: bytes) -> str:
    return "yes"


def _hex_text(value: bytes) -> str:
    return value.hex()


def _aigp_text(value: bytes) -> str:
    return str(int.from_bytes(value[3:11], "big")) if value[:3] == b"\x01\x00\x0b" else value.hex()


def _nothing_more(_value: bytes) -> str:
    return ""


def _check_aggregator(value: bytes) -> str:
    return "AS 0" if value[:4] == b"\x00\x00\x00\x00" else ""  # RFC 7607 section 2


def _check_aigp(value: bytes) -> str:
    """TLVs that fill the value, the AIGP one (type 1) 11 octets long (RFC 7311 section 3)."""
    pos = 0
    while pos < len(value):
        size = int.from_bytes(value[pos + 1 : pos + 3], "big") if pos + 3 <= len(value) else 0
        if size < 3 or pos + size > len(value) or (value[pos] == 1 and size != 11):
            return "malformed TLV"
        pos += size
    return ""


class AttrSpec:
    """One row: what a well-formed attribute looks like, and what is done with another."""

    def __init__(
        self,
        name: str,
        flags: int,
        lengths: tuple[int, int, int],
        on_fault: Severity,
        text: Callable[[bytes], str],
        check: Callable[[bytes], str] = _nothing_more,
        internal: bool = False,
        on_flags: Severity = Severity.WITHDRAW,
    ) -> None:
        self.name: Final = name  #: as the registry spells it
        self.flags: Final = flags  #: Optional and Transitive as they must be
        self.low: Final = lengths[0]  #: fewest octets
        self.high: Final = lengths[1]  #: most octets
        self.step: Final = lengths[2]  #: the length is a multiple of this
        self.on_fault: Final = on_fault  #: wrong length or value
        self.on_flags: Final = on_flags  #: wrong Optional or Transitive flag (RFC 7606 section 3 c)
        self.text: Final = text  #: value in words
        self.check: Final = check  #: what is wrong with a value of good length, "" for nothing
        self.internal: Final = internal  #: means nothing from an external peer: discarded


_D: Final = Severity.DISCARD
_W: Final = Severity.WITHDRAW
_R: Final = Severity.RESET

#: What this speaker understands. Lengths are (fewest, most, multiple of), after AS numbers are widened to 4 octets.
ATTRS: Final[dict[int, AttrSpec]] = {
    ORIGIN: AttrSpec("ORIGIN", _WELL_KNOWN, (1, 1, 1), _W, _origin_text),  # RFC 7606 section 7.1
    AS_PATH: AttrSpec("AS_PATH", _WELL_KNOWN, (0, _ANY, 2), _W, aspath.format_as_path),  # 7.2
    NEXT_HOP: AttrSpec("NEXT_HOP", _WELL_KNOWN, (4, 4, 4), _W, format_address),  # 7.3
    MED: AttrSpec("MULTI_EXIT_DISC", OPTIONAL, (4, 4, 4), _W, _number),  # 7.4
    LOCAL_PREF: AttrSpec("LOCAL_PREF", _WELL_KNOWN, (4, 4, 4), _W, _number, internal=True),  # 7.5
    ATOMIC_AGGREGATE: AttrSpec("ATOMIC_AGGREGATE", _WELL_KNOWN, (0, 0, 1), _D, _flag_text),  # 7.6
    AGGREGATOR: AttrSpec("AGGREGATOR", _OPTIONAL_TRANSITIVE, (8, 8, 8), _D, _aggregator_text, _check_aggregator),  # 7.7
    COMMUNITIES: AttrSpec("COMMUNITIES", _OPTIONAL_TRANSITIVE, (4, _ANY, 4), _W, _communities_text),  # 7.8
    ORIGINATOR_ID: AttrSpec("ORIGINATOR_ID", OPTIONAL, (4, 4, 4), _W, format_address, internal=True),  # 7.9
    CLUSTER_LIST: AttrSpec("CLUSTER_LIST", OPTIONAL, (4, _ANY, 4), _W, _addresses_text, internal=True),  # 7.10
    MP_REACH_NLRI: AttrSpec("MP_REACH_NLRI", OPTIONAL, (5, _ANY, 1), _R, _hex_text),  # 7.11
    MP_UNREACH_NLRI: AttrSpec("MP_UNREACH_NLRI", OPTIONAL, (3, _ANY, 1), _R, _hex_text),  # 7.12
    EXT_COMMUNITIES: AttrSpec("EXTENDED_COMMUNITIES", _OPTIONAL_TRANSITIVE, (8, _ANY, 8), _W, _ext_text),  # 7.14
    AS4_PATH: AttrSpec("AS4_PATH", _OPTIONAL_TRANSITIVE, (6, _ANY, 2), _D, _hex_text),  # RFC 6793 section 6
    AS4_AGGREGATOR: AttrSpec("AS4_AGGREGATOR", _OPTIONAL_TRANSITIVE, (8, 8, 8), _D, _aggregator_text),  # the same
    IPV6_EXT_COMMUNITIES: AttrSpec(  # RFC 7606 section 7.15
        "IPV6_EXTENDED_COMMUNITIES", _OPTIONAL_TRANSITIVE, (20, _ANY, 20), _W, _ipv6_ext_text
    ),
    AIGP: AttrSpec("AIGP", OPTIONAL, (3, _ANY, 1), _D, _aigp_text, _check_aigp, internal=True, on_flags=_D),  # RFC 7311
    LARGE_COMMUNITIES: AttrSpec(
        "LARGE_COMMUNITIES", _OPTIONAL_TRANSITIVE, (12, _ANY, 12), _W, _large_text
    ),  # RFC 8092 section 6
    OTC: AttrSpec("OTC", _OPTIONAL_TRANSITIVE, (4, 4, 4), _W, _number),  # RFC 9234 section 5
}


def attr_name(code: int) -> str:
    """An attribute's name, or "attribute 99"."""
    spec = ATTRS.get(code)
    return spec.name if spec is not None else f"attribute {code}"


def format_attr(code: int, value: bytes) -> str:
    """A well-formed value in words; hex where the attribute is unknown."""
    spec = ATTRS.get(code)
    return spec.text(value) if spec is not None else value.hex()


def encode_attr(flags: int, code: int, value: bytes) -> bytes:
    """Flags, code, length and value; the extended length where it is needed (RFC 4271 section 4.3)."""
    size = len(value)
    if size > 255:
        return bytes((flags | EXTENDED, code, size >> 8, size & 0xFF)) + value
    return bytes((flags & ~EXTENDED, code, size)) + value


class Attrs:
    """The path attributes of routes, immutable. Compared by identity: equal sets that came in are one object."""

    def __init__(
        self,
        raw: bytes,
        next_hop: bytes,
        origin: int,
        med: int,
        local_pref: int,
        as_path_length: int,
        neighbor_as: int,
    ) -> None:
        self.raw = raw  #: canonical attribute block, see the module
        self.next_hop = next_hop  #: 4 or 16 octets; 32 are global + link-local; b"" where a local route has none yet
        self.origin = origin  #: iana.Origin value
        self.med = med  #: MULTI_EXIT_DISC, -1 where absent
        self.local_pref = local_pref  #: LOCAL_PREF, -1 where absent
        self.as_path_length = as_path_length  #: an AS_SET counts one
        self.neighbor_as = neighbor_as  #: leftmost AS, 0 where the path begins with none
        self.giver = 0  #: who it was first seen from, in AttrsTable's numbers
        self._well_known = -1  # the answer of `may_be_well_known`, once somebody has asked

    def __repr__(self) -> str:
        return f"Attrs({format_address(self.next_hop) or 'no next hop'}, {self.raw.hex()})"

    def get(self, code: int) -> bytes | None:
        """The value of one attribute, None where it is absent."""
        raw = self.raw
        pos, end = 0, len(raw)
        while pos < end:
            start = pos + 3
            length = raw[pos + 2]
            if raw[pos] & EXTENDED:
                length = length << 8 | raw[start]
                start += 1
            if raw[pos + 1] >= code:
                return raw[start : start + length] if raw[pos + 1] == code else None
            pos = start + length
        return None

    def mentions(self, octets: bytes) -> bool:
        """Whether these octets are anywhere in the block: a quick look before a slow one.

        `in` would do, but CPython tries a number first, and to make and drop that TypeError costs five times the look.
        """
        return self.raw.find(octets) >= 0

    def may_be_well_known(self) -> bool:
        """Whether there may be a well-known community (RFC 1997): all begin with FFFF, and few sets have any."""
        if self._well_known < 0:
            self._well_known = 1 if self.mentions(b"\xff\xff") else 0
        return self._well_known > 0

    def items(self) -> list[tuple[int, int, bytes]]:
        """(flags, code, value) of every attribute, by ascending code."""
        return split_block(self.raw)

    def as_path_value(self) -> bytes:
        """The AS_PATH value, as `aspath` takes it."""
        return self.get(AS_PATH) or b""

    def as_path(self) -> list[tuple[int, tuple[int, ...]]]:
        """AS_PATH as (segment type, AS numbers)."""
        return aspath.decode(self.as_path_value())

    def communities(self) -> list[int]:
        """32-bit communities (RFC 1997)."""
        return community.decode_communities(self.get(COMMUNITIES) or b"")

    def has_community(self, number: int) -> bool:
        """Whether a 32-bit community is attached."""
        value = self.get(COMMUNITIES)
        if value is None:
            return False
        wanted = number.to_bytes(4, "big")
        return wanted in value and number in community.decode_communities(value)

    def large_communities(self) -> list[tuple[int, int, int]]:
        """Large communities (RFC 8092)."""
        return community.decode_large(self.get(LARGE_COMMUNITIES) or b"")

    def ext_communities(self) -> list[bytes]:
        """Extended communities, 8 octets each (RFC 4360)."""
        return community.split(self.get(EXT_COMMUNITIES) or b"", 8)


def split_block(block: bytes) -> list[tuple[int, int, bytes]]:
    """(flags, code, value) of a well-formed attribute block, in order."""
    found: list[tuple[int, int, bytes]] = []
    pos, end = 0, len(block)
    while pos < end:
        start = pos + 3
        length = block[pos + 2]
        if block[pos] & EXTENDED:
            length = length << 8 | block[start]
            start += 1
        found.append((block[pos], block[pos + 1], block[start : start + length]))
        pos = start + length
    return found


def build(
    next_hop: bytes = b"",
    origin: int = 0,
    as_path: bytes = b"",
    med: int = -1,
    local_pref: int = -1,
    communities: list[int] | None = None,
    large_communities: list[tuple[int, int, int]] | None = None,
    others: dict[int, bytes] | None = None,
) -> Attrs:
    """Attrs from values. `others`: any further attribute, code -> value. -1, None and empty lists: absent."""
    values: dict[int, bytes | None] = {ORIGIN: bytes((origin,)), AS_PATH: as_path}
    if med >= 0:
        values[MED] = med.to_bytes(4, "big")
    if local_pref >= 0:
        values[LOCAL_PREF] = local_pref.to_bytes(4, "big")
    if communities:
        values[COMMUNITIES] = community.encode_communities(communities)
    if large_communities:
        values[LARGE_COMMUNITIES] = community.encode_large(large_communities)
    if others:
        values.update(others)
    return rewrite(_EMPTY, values, next_hop)


def rewrite(attrs: Attrs, changes: dict[int, bytes | None], next_hop: bytes | None = None) -> Attrs:
    """A copy with attributes set (a value) or removed (None), and another next hop where one is given.

    NEXT_HOP follows from the next hop and is not for `changes`. Values must be well formed.
    """
    raw = attrs.raw
    hop = attrs.next_hop if next_hop is None else next_hop
    edits: dict[int, bytes | None] = dict(changes)
    if next_hop is not None:
        edits[NEXT_HOP] = hop if len(hop) == 4 else None
    order = sorted(edits)
    order.append(_BEYOND)
    parts: list[bytes] = []
    pos, first, turn, end = 0, 0, 0, len(raw)  # raw[first:pos] stays and is not copied yet
    while pos < end:
        flags, code = raw[pos], raw[pos + 1]
        while order[turn] < code:  # new ones that come before
            parts.append(raw[first:pos])
            first = pos
            parts.append(_encode_edit(order[turn], edits[order[turn]], 0))
            turn += 1
        stop = pos + 3 + raw[pos + 2]
        if flags & EXTENDED:
            stop = pos + 4 + (raw[pos + 2] << 8 | raw[pos + 3])
        if order[turn] == code:
            parts.append(raw[first:pos])
            first = stop
            parts.append(_encode_edit(code, edits[code], flags & PARTIAL))
            turn += 1
        pos = stop
    parts.append(raw[first:])
    parts.extend([_encode_edit(code, edits[code], 0) for code in order[turn:-1]])
    origin, med, local_pref = attrs.origin, attrs.med, attrs.local_pref
    hops, neighbor = attrs.as_path_length, attrs.neighbor_as
    for code, value in changes.items():
        if code == AS_PATH:
            hops = 0 if value is None else aspath.measure(value)
            neighbor = 0 if value is None else aspath.neighbor_as(value)
        elif code == MED:
            med = -1 if value is None else int.from_bytes(value, "big")
        elif code == LOCAL_PREF:
            local_pref = -1 if value is None else int.from_bytes(value, "big")
        elif code == ORIGIN:
            origin = 0 if value is None else value[0]
    return Attrs(b"".join(parts), hop, origin, med, local_pref, hops, neighbor)


_BEYOND: Final = 256  # more than any code


def _encode_edit(code: int, value: bytes | None, partial: int) -> bytes:
    """A changed attribute as it goes into a block: nothing where it is removed."""
    if value is None:
        return b""
    spec = ATTRS.get(code)
    if spec is None:
        return encode_attr(_OPTIONAL_TRANSITIVE | PARTIAL, code, value)
    return encode_attr(spec.flags | partial, code, value)  # somebody on the way did not know it: that stays true


def prepend(as_path_value: bytes, asn: int, count: int = 1) -> bytes:
    """An AS_PATH value with `asn` in front `count` times."""
    return aspath.prepend(as_path_value, asn, count)


_EMPTY: Final = Attrs(b"", b"", 0, -1, -1, 0, 0)


class AttrsTable:
    """Interned attribute sets: bytes as received -> Attrs. A hit skips decoding, and equal sets are one object.

    What bytes mean depends on who sent them, so there is one table for each flavor of session (Negotiated.flavor:
    internal or external, AS numbers of 2 or 4 octets), and within it one for blocks with NEXT_HOP and one for each
    next hop of MP_REACH_NLRI. Blocks with a fault are not interned under their own bytes: each is found anew.
    """

    def __init__(self) -> None:
        self.classic: list[dict[bytes, Attrs]] = [{}, {}, {}, {}]
        self.multi: list[dict[bytes, dict[bytes, Attrs]]] = [{}, {}, {}, {}]
        self.next_hops: dict[bytes, bytes] = {}
        self.giver = 0  #: whose octets are decoded now: a number of the caller's own
        self.given: dict[int, int] = {}  #: giver -> octets of the keys that came first from it
        self._aliases: dict[bytes, int] = {}  # keys that are not canonical -> giver

    def __len__(self) -> int:
        """Number of keys; one Attrs may stand under several."""
        return sum([len(keys) for keys in self._dicts()])

    def _dicts(self) -> list[dict[bytes, Attrs]]:
        found = list(self.classic)
        for by_hop in self.multi:
            found.extend(by_hop.values())
        return found

    def keep(self, attrs: Attrs, flavor: int, next_hop: bytes, block: bytes, clean: bool) -> Attrs:
        """Intern a set just decoded from `block`; returns the one to use. `clean`: it had no fault.

        `next_hop`: as in MP_REACH_NLRI, empty for a block with its own.
        """
        keys = self.multi[flavor].setdefault(next_hop, {}) if next_hop else self.classic[flavor]
        attrs.next_hop = self.next_hops.setdefault(attrs.next_hop, attrs.next_hop)  # one object for each address
        attrs.giver = self.giver
        if attrs.raw is block and clean and flavor & 1:
            keys[block] = attrs
            self._charge(self.giver, len(block))
            return attrs
        # Canonical bytes mean the same on every 4-octet session, so equal sets meet there.
        flavor |= 1
        own = self.classic[flavor]
        if len(attrs.next_hop) != 4:
            own = self.multi[flavor].setdefault(attrs.next_hop, {})
        kept = own.setdefault(attrs.raw, attrs)
        if kept is attrs:
            self._charge(self.giver, len(attrs.raw))
        if clean:
            keys[block] = kept
            if block != kept.raw and block not in self._aliases:
                self._aliases[block] = self.giver
                self._charge(self.giver, len(block))
        return kept

    def _charge(self, giver: int, octets: int) -> None:
        left = self.given.get(giver, 0) + octets
        if left > 0:
            self.given[giver] = left
        else:
            self.given.pop(giver, None)

    def _forget(self, keys: dict[bytes, Attrs], block: bytes) -> None:
        attrs = keys.pop(block, None)
        if attrs is None:
            return
        if attrs.raw == block:
            self._charge(attrs.giver, -len(block))
        elif (giver := self._aliases.pop(block, None)) is not None:
            self._charge(giver, -len(block))

    def sweep(self, live: set[Attrs], size: int = 4096) -> Iterator[int]:
        """Forget what is not in `live`; a resumable walk in slices of `size` keys.

        Yields how many keys went, slice by slice.
        """
        for keys in self._dicts():
            snapshot = list(keys)  # not the items: a tuple each would be made, all at once
            for first in range(0, len(snapshot), size):
                some = [(block, keys.get(block)) for block in snapshot[first : first + size]]
                gone = [block for block, attrs in some if attrs is not None and attrs not in live]
                for block in gone:
                    self._forget(keys, block)
                yield len(gone)
        for by_hop in self.multi:
            for hop in [hop for hop, keys in by_hop.items() if not keys]:
                del by_hop[hop]
        self.next_hops.clear()
