"""What paths become on their way out to one update group: asked once a path, remembered for those of late."""

from collections.abc import Callable
from itertools import count
from typing import Final, Protocol, TypeAlias

from bgpd.rib.pack import Same, Told
from bgpd.rib.path import Path
from bgpd.wire.attrs import Attrs
from bgpd.wire.capability import Negotiated
from bgpd.wire.family import Family
from bgpd.wire.writer import longest_nlri, room_for

_ROOMY: Final = 2048  # octets of attributes that leave room for a prefix in any message
_CACHE: Final = 8192  #: exports remembered, twice over
_HASH: Final = (1 << 60) - 1  # of a hash, what stays a machine integer when compiled
_SERIALS: Final = count(1)

#: What a path becomes on its way out; None: not for these neighbors. Pure: it may read nothing that can change.
Export: TypeAlias = Callable[[Path], Attrs | None]


class ByPrefix(Protocol):
    """An export that reads the prefix, too. It says what it reads: prefixes of one class fare alike.

    So the export of a path is still computed once, only once for each class that it meets.
    """

    def classify(self, prefix: bytes) -> int:
        """The class of a prefix. Pure, and fixed for as long as the group lives."""

    def export(self, path: Path, sort: int) -> Attrs | None:
        """What `path` is to these neighbors at a prefix of this class. Pure."""


def equal(a: Attrs, b: Attrs) -> bool:
    """Are these the same words on the wire?"""
    return a is b or (a.raw == b.raw and a.next_hop == b.next_hop)


class Exports:
    """A group's export, remembered."""

    def __init__(self, family: Family, compute: Export, session: Negotiated, by_prefix: ByPrefix | None) -> None:
        """`by_prefix`: where the export reads prefixes; `compute` is then not asked."""
        self.by_prefix: Final = by_prefix
        self._family: Final = family
        self._compute: Final = compute
        self._session: Final = session
        self.serial: Final = next(_SERIALS)  #: never given twice: what a path remembers of a group is of that one
        self._recent: dict[Path | tuple[Path, int], Attrs | None] = {}
        self._older: dict[Path | tuple[Path, int], Attrs | None] = {}

    def export(self, path: Path, sort: int = 0) -> Attrs | None:
        """What `path` is to this group, at prefixes of class `sort`. Remembered for the paths of late, so memory
        stays bounded.
        """
        key = (path, sort) if sort else path
        found = self._recent.get(key)
        if found is not None or key in self._recent:
            return found
        found = self._older[key] if key in self._older else self._export(path, sort)
        if len(self._recent) >= _CACHE:
            self._older = self._recent
            self._recent = {}
        self._recent[key] = found
        return found

    def _export(self, path: Path, sort: int) -> Attrs | None:
        attrs = self._compute(path) if self.by_prefix is None else self.by_prefix.export(path, sort)
        if attrs is not None and len(attrs.raw) >= _ROOMY:
            family = self._family
            if room_for(family, attrs, self._session) < longest_nlri(family, self._session):
                attrs = None  # RFC 4271 section 9.2: what does not fit one message is not announced
        if not sort:
            path.exported_by = self.serial
            path.exported_words = -1 if attrs is None else (hash(attrs.raw) ^ hash(attrs.next_hop)) & _HASH
        return attrs

    def passed(self, path: Path, sort: int) -> bool:
        """Whether `path` was told at all: asked at each withdrawal, long after `export` has forgotten the answer."""
        if not sort and path.exported_by == self.serial:
            return path.exported_words >= 0
        return self.export(path, sort) is not None

    def same_words(self, old: Path, new: Path, attrs: Attrs, sort: int) -> bool:
        """Whether `old` was told in the words of `attrs`, which is what `new` exports to."""
        mine = self.serial
        if not sort and old.exported_by == mine == new.exported_by and old.exported_words != new.exported_words:
            return False
        before = self.export(old, sort)
        return before is not None and equal(before, attrs)

    def classify(self, prefix: bytes) -> int:
        """The class of a prefix, as far as this group's export tells prefixes apart."""
        return 0 if self.by_prefix is None else self.by_prefix.classify(prefix)

    def for_member(self, told: Told, name: str, sort: int) -> Attrs | None:
        """What `name` was told, where the word was `told`."""
        if isinstance(told, Path):
            return None if told.source.neighbor == name else self.export(told, sort)
        if told is None or isinstance(told, Same):
            return None
        return told
