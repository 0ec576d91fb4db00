"""Prefix sets: which prefixes, and which more specific ones with them.

An entry is a prefix and the lengths that count: "10.0.0.0/8" is that prefix alone, "10.0.0.0/8 ge 16 le 24" what
lies in it and is 16 to 24 bits long. A set answers by looking the prefix up under each length that any entry
has, so its cost is the number of different lengths, never the number of entries.
"""

import re
from typing import Final

from bgpd.wire.family import BY_NAME, FAMILIES, Family
from bgpd.wire.prefix import format_prefix, mask, parse_prefix

#: (family's name, prefix, shortest, longest): one entry, as a plain value that specs can compare.
PrefixRange = tuple[str, bytes, int, int]

_FORM: Final = re.compile(
    r"(?P<prefix>[^ {+]+)(?: ge (?P<ge>[0-9]{1,3}))?(?: le (?P<le>[0-9]{1,3}))?"
    r"(?P<all>\+)?(?:\{(?P<low>[0-9]{1,3}), ?(?P<high>[0-9]{1,3})\})?"
)


def parse_range(text: str) -> PrefixRange:
    """An entry: "P/L", "P/L ge N", "P/L le N", "P/L ge N le M", and BIRD's "P/L+" and "P/L{N,M}".

    Raises ValueError with a plain sentence.
    """
    words = " ".join(text.split())
    found = _FORM.fullmatch(words)
    if found is None:
        raise ValueError(f"expected a prefix as in 10.0.0.0/8 or '10.0.0.0/8 ge 16 le 24', got {text[:60]!r}")
    family, prefix = parse_prefix(found["prefix"])
    length = prefix[0]
    low = high = length
    if found["all"]:
        high = family.bits
    elif found["low"]:
        low, high = int(found["low"]), int(found["high"])
    elif found["ge"] or found["le"]:
        low = int(found["ge"]) if found["ge"] else length
        high = int(found["le"]) if found["le"] else family.bits
    if not length <= low <= high <= family.bits:
        raise ValueError(f"{text}: it must be {length} <= ge <= le <= {family.bits}")
    return family.name, prefix, low, high


def format_range(entry: PrefixRange) -> str:
    """The text of an entry, as `parse_range` takes it."""
    name, prefix, low, high = entry
    family = BY_NAME[name]
    text = format_prefix(family, prefix)
    if (low, high) == (prefix[0], prefix[0]):
        return text
    ge = f" ge {low}" if low != prefix[0] else ""
    le = f" le {high}" if high != family.bits or not ge else ""
    return text + ge + le


class PrefixSet:
    """Entries, ready to be asked."""

    __slots__ = ("_lengths", "_tables")

    def __init__(self, entries: tuple[PrefixRange, ...]) -> None:
        # By family: entry's prefix -> the lengths that count, several times (shortest, longest); and which lengths
        # entries have, ascending.
        self._tables: Final[dict[Family, dict[bytes, list[tuple[int, int]]]]] = {family: {} for family in FAMILIES}
        self._lengths: Final[dict[Family, list[int]]] = {}
        for name, prefix, low, high in entries:
            self._tables[BY_NAME[name]].setdefault(prefix, []).append((low, high))
        for family, table in self._tables.items():
            self._lengths[family] = sorted({prefix[0] for prefix in table})

    def holds(self, family: Family, prefix: bytes) -> bool:
        """Whether an entry takes this prefix."""
        size = prefix[0]
        table = self._tables[family]
        for length in self._lengths[family]:
            if length > size:
                return False
            key = mask(bytes((length,)) + prefix[1 : 1 + ((length + 7) >> 3)])
            for low, high in table.get(key, ()):
                if low <= size <= high:
                    return True
        return False
