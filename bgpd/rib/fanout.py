"""Several paths for one prefix, as an update group sees them (RFC 7911).

A loc-rib has one entry a prefix. A `Fanout` is the table that neighbors with ADD-PATH are told: one entry for each
path that is worth telling, under the prefix with our path identifier in front, just as it stands on the wire. To an
update group it is a loc-rib like any other, with a lone path under each key; so everything that a group can do (the
shared log, late joiners, refreshes, not telling a neighbor its own routes) works here without knowing of ADD-PATH. All
groups that are told all paths share one fanout, and where no neighbor has ADD-PATH there is none.

Which paths: the eligible ones, best first, at most `limit`. With a limit, only paths that export lets out take one of
these places (`admit`), so such a fanout belongs to one group. What a member gave itself is not told to it, and does
take a place: the groups' members share the identifiers. Our identifiers are 1, 2, 3 and so on, prefix by prefix. A
path keeps its own for as long as it is among those told, whatever its rank, and a path of the same neighbor with the
same identifier received takes its place; so replacing a path is one announcement, and no route is announced in vain.
"""

from collections.abc import Iterator
from typing import Final, Protocol, TypeAlias

from bgpd.rib.gate import Gate
from bgpd.rib.loc_rib import SLICE, Change, LocRib
from bgpd.rib.path import Entry, Path, eligible_of
from bgpd.wire.attrs import Attrs
from bgpd.wire.family import Family

#: The paths told for a prefix by identifier, less one; None: not in use.
Slots: TypeAlias = tuple[Path | None, ...]
_SHARED_LIMIT: Final = 65536


class Admission(Protocol):
    """What a fanout with a limit asks of the group that is told its paths (`rib.export.Exports`)."""

    def export(self, path: Path, sort: int = 0) -> Attrs | None:
        """What `path` is to this group, at prefixes of class `sort`; None: nothing."""

    def classify(self, prefix: bytes) -> int:
        """The class of what is told: a path identifier, and the prefix."""


class Fanout:
    """A table of NLRI with path identifiers, derived from a loc-rib."""

    def __init__(self, family: Family, limit: int) -> None:
        self.family: Final = family
        self.limit: Final = limit  #: paths a prefix, 0: all that are eligible
        #: identifier and prefix -> path. Others may read it; only this class writes.
        self.table: Final[dict[bytes, Entry]] = {}
        self.admit: Admission | None = None  #: who says which paths take a place; None: every eligible one does
        self.complete = False  #: what was in the loc-rib when this table began is in here, too
        self._slots: Final[dict[bytes, Slots]] = {}
        self._shared: Final[dict[Slots, Slots]] = {}

    def walk(self, size: int = SLICE) -> Iterator[list[bytes]]:
        """All keys of this moment in slices."""
        keys = list(self.table)
        for start in range(0, len(keys), size):
            yield keys[start : start + size]

    def best(self, item: bytes) -> Path | None:
        """The path under an identifier and prefix."""
        found = self.table.get(item)
        return found if isinstance(found, Path) else None

    def items(self, prefix: bytes) -> list[bytes]:
        """The keys of one prefix."""
        slots = self._slots.get(prefix, ())
        return [_identifier(at) + prefix for at, path in enumerate(slots) if path is not None]

    def forget_slots(self) -> None:
        """Let go of the index of equal slots, and with it of paths that only it refers to (`intern`)."""
        self._shared.clear()

    def build(self, rib: LocRib | Gate, size: int = SLICE) -> Iterator[list[Change]]:
        """Take over what the loc-rib holds, slice by slice; changes may come in between."""
        for prefixes in rib.walk(size):
            runs: dict[Entry, list[bytes]] = {}
            for prefix in prefixes:
                entry = rib.table.get(prefix)
                if entry is not None:
                    runs.setdefault(entry, []).append(prefix)
            yield self.on_changes([Change(run, None, entry) for entry, run in runs.items()])
        self.complete = True

    def on_changes(self, changes: list[Change]) -> list[Change]:
        """What changes of the loc-rib come to here. What was told before is known by this table itself."""
        found: list[Change] = []
        slots = self._slots
        for change in changes:
            wanted = eligible_of(change.new)
            for chosen, prefixes in self._chosen(wanted, change.prefixes):
                runs: dict[Slots, list[bytes]] = {}
                for prefix in prefixes:
                    before = slots.get(prefix, ())
                    run = runs.get(before)
                    if run is None:
                        runs[before] = [prefix]
                    else:
                        run.append(prefix)
                for before, run in runs.items():
                    self._move(before, chosen, run, found)
        return found

    def _chosen(self, wanted: tuple[Path, ...], prefixes: list[bytes]) -> list[tuple[tuple[Path, ...], list[bytes]]]:
        """Which of the eligible paths are told, for which of these prefixes: export may tell prefixes apart."""
        admit, limit = self.admit, self.limit
        if not limit:
            return [(wanted, prefixes)]
        if admit is None or not wanted:
            return [(wanted[:limit], prefixes)]
        classes: dict[int, list[bytes]] = {}
        for prefix in prefixes:
            classes.setdefault(admit.classify(bytes(4) + prefix), []).append(prefix)
        return [
            (tuple([path for path in wanted if admit.export(path, sort) is not None][:limit]), members)
            for sort, members in classes.items()
        ]

    def _move(self, before: Slots, wanted: tuple[Path, ...], run: list[bytes], found: list[Change]) -> None:
        """Prefixes that had the same paths and now have the same others."""
        after = self._share(_assign(before, wanted))
        if after == before:
            return
        table = self.table
        for at in range(max(len(before), len(after))):
            old = before[at] if at < len(before) else None
            new = after[at] if at < len(after) else None
            if old is new:
                continue
            identifier = _identifier(at)
            items = [identifier + prefix for prefix in run]
            if new is None:
                for item in items:
                    del table[item]
            else:
                table.update(dict.fromkeys(items, new))
            found.append(Change(items, old, new))
        if after:
            self._slots.update(dict.fromkeys(run, after))
        else:
            for prefix in run:
                del self._slots[prefix]

    def _share(self, slots: Slots) -> Slots:
        if len(self._shared) >= _SHARED_LIMIT:
            self._shared.clear()
        return self._shared.setdefault(slots, slots)


def _identifier(at: int) -> bytes:
    return (at + 1).to_bytes(4, "big")


def _assign(before: Slots, wanted: tuple[Path, ...]) -> Slots:
    """Each path where its predecessor was (same neighbor, same identifier received), new ones where there is room."""
    after: list[Path | None] = [None] * len(before)
    fresh: list[Path] = []
    for path in wanted:
        for at, old in enumerate(before):
            if (
                old is not None
                and after[at] is None
                and old.path_id == path.path_id
                and old.source.neighbor == path.source.neighbor
            ):
                after[at] = path
                break
        else:
            fresh.append(path)
    at = 0
    for path in fresh:
        while at < len(after) and after[at] is not None:
            at += 1
        if at < len(after):
            after[at] = path
        else:
            after.append(path)
    while after and after[-1] is None:
        after.pop()
    return tuple(after)
