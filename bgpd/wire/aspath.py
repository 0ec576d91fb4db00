"""AS_PATH values (RFC 4271 section 4.3), held as 4-octet wire bytes whatever the session speaks.

A value is a run of segments: type, count of AS numbers, the numbers. Two-octet peers (RFC 6793) are met at the edge:
`widen` on the way in, `narrow` on the way out, `merge` to put AS4_PATH back where AS_TRANS stands.
"""

from typing import Final

from bgpd.wire.iana import AS_TRANS

_SET: Final = 1
_SEQUENCE: Final = 2
_ZERO: Final = b"\x00\x00\x00\x00"
_TRANS: Final = AS_TRANS

Segments = list[tuple[int, tuple[int, ...]]]


def measure(value: bytes, width: int = 4) -> int:
    """The length that the decision process compares: an AS_SET counts one (RFC 4271 section 9.1.2.2 a).

    -1 where the value is malformed (RFC 7606 section 7.2): an unknown segment type, a segment that is empty or
    overruns, AS 0 (RFC 7607). Confederation segments are malformed too: this speaker is in no confederation
    (RFC 5065 section 5).
    """
    hops, pos, end = 0, 0, len(value)
    while pos < end:
        if end - pos < 2:
            return -1
        kind, count = value[pos], value[pos + 1]
        pos += 2
        stop = pos + width * count
        if count == 0 or stop > end or kind not in (_SET, _SEQUENCE):
            return -1
        zero = _ZERO[:width]
        if value.find(zero, pos, stop) >= 0:  # cheap first; it also finds zeros that span two numbers
            for at in range(pos, stop, width):
                if value[at : at + width] == zero:
                    return -1
        hops += count if kind == _SEQUENCE else 1
        pos = stop
    return hops


def neighbor_as(value: bytes) -> int:
    """The leftmost AS of a leading AS_SEQUENCE: who gave the path to us. 0: none (RFC 4271 section 9.1.2.2 c)."""
    if len(value) >= 6 and value[0] == _SEQUENCE:
        return int.from_bytes(value[2:6], "big")
    return 0


def origin_as(value: bytes) -> int:
    """The rightmost AS where the path ends in an AS_SEQUENCE; 0: none, or a set."""
    segments = decode(value)
    return segments[-1][1][-1] if segments and segments[-1][0] == _SEQUENCE else 0


def decode(value: bytes, width: int = 4) -> Segments:
    """Segments as (type, numbers). The value must be well formed: `measure` said so."""
    segments: Segments = []
    pos = 0
    while pos < len(value):
        kind, count = value[pos], value[pos + 1]
        pos += 2
        numbers = [int.from_bytes(value[at : at + width], "big") for at in range(pos, pos + width * count, width)]
        segments.append((kind, tuple(numbers)))
        pos += width * count
    return segments


def encode(segments: Segments, width: int = 4) -> bytes:
    """The value of segments; one longer than 255 numbers is split (RFC 4271 section 4.3: the count is one octet)."""
    parts: list[bytes] = []
    for kind, numbers in segments:
        for first in range(0, len(numbers), 255):
            piece = numbers[first : first + 255]
            parts.append(bytes((kind, len(piece))))
            parts.extend([number.to_bytes(width, "big") for number in piece])
    return b"".join(parts)


def sequence(*numbers: int) -> bytes:
    """The value of one AS_SEQUENCE, left to right; empty without numbers."""
    return encode([(_SEQUENCE, numbers)]) if numbers else b""


def prepend(value: bytes, asn: int, count: int = 1) -> bytes:
    """The value with `asn` put in front `count` times (RFC 4271 section 5.1.2 b)."""
    number = asn.to_bytes(4, "big")
    while count > 0:
        if len(value) >= 2 and value[0] == _SEQUENCE and value[1] < 255:
            take = min(count, 255 - value[1])
            value = bytes((_SEQUENCE, value[1] + take)) + number * take + value[2:]
        else:
            take = min(count, 255)
            value = bytes((_SEQUENCE, take)) + number * take + value
        count -= take
    return value


def contains(value: bytes, asn: int) -> bool:
    """Whether an AS occurs anywhere in the path: the loop check (RFC 4271 section 9.1.2)."""
    number = asn.to_bytes(4, "big")
    found = value.find(number)
    if found < 0:
        return False
    if len(value) == 2 + 4 * value[1]:  # one segment: aligned hits only
        while found >= 0 and (found - 2) & 3:
            found = value.find(number, found + 1)
        return found >= 0
    return bool([kind for kind, numbers in decode(value) if asn in numbers])


def format_as_path(value: bytes) -> str:
    """As operators write it: "65001 65002 {1 2}"."""
    words: list[str] = []
    for kind, numbers in decode(value):
        text = " ".join([str(number) for number in numbers])
        words.append("{" + text + "}" if kind == _SET else text)
    return " ".join(words)


def widen(value: bytes) -> bytes:
    """A well-formed 2-octet value as a 4-octet value."""
    return encode(decode(value, 2))


def narrow(value: bytes) -> tuple[bytes, bool]:
    """A 4-octet value for a 2-octet peer, and whether a number was lost to AS_TRANS: then AS4_PATH must go along."""
    lost = False
    segments: Segments = []
    for kind, numbers in decode(value):
        short = tuple([number if number < 65536 else _TRANS for number in numbers])
        lost = lost or short != numbers
        segments.append((kind, short))
    return encode(segments, 2), lost


def drop_confederation(value: bytes) -> bytes | None:
    """An AS4_PATH value without confederation segments (RFC 6793 section 3); None where its structure is malformed."""
    kept: list[bytes] = []
    pos, end = 0, len(value)
    while pos < end:
        if end - pos < 2:
            return None
        stop = pos + 2 + 4 * value[pos + 1]
        if stop > end:
            return None
        if value[pos] not in (3, 4):
            kept.append(value[pos:stop])
        pos = stop
    return b"".join(kept)


def merge(as_path: bytes, as4_path: bytes) -> bytes:
    """The real path of a route from a 2-octet peer: AS4_PATH behind the leading part of AS_PATH that it lacks.

    Both values 4 octets wide and well formed (RFC 6793 section 4.2.3). A shorter AS_PATH wins alone: somebody
    aggregated without knowing AS4_PATH.
    """
    missing = measure(as_path) - measure(as4_path)
    if missing < 0:
        return as_path
    lead: Segments = []
    for kind, numbers in decode(as_path):
        if missing == 0:
            break
        if kind == _SET:
            lead.append((kind, numbers))
            missing -= 1
        else:
            lead.append((kind, numbers[:missing]))
            missing -= len(lead[-1][1])
    rest = decode(as4_path)
    if lead and rest and lead[-1][0] == _SEQUENCE == rest[0][0]:  # one sequence, not two that touch
        lead[-1] = (_SEQUENCE, lead[-1][1] + rest[0][1])
        rest = rest[1:]
    return encode(lead + rest)
