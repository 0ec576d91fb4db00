"""The loc-rib of one family: prefix to candidates, best first, in one dict.

Keys are prefixes as packed octets; values are entries (`path.Entry`), equal ones shared. All work is paid per
batch or per transition, not per prefix: neighboring prefixes of an UPDATE mostly move from one and the same
entry to one and the same other, so the decision is made once for the run, and the run becomes one `Change`.

A change is reported only where a subscriber could see it. `interest` says what there is to see: the best path,
the set that shares the load, or any candidate. A path that came again with equal attributes (a refresh, a new
generation) replaces the old object in silence.

Everything that must look at the whole table (`drop`, `sweep_stale`, `reselect`, `walk`) is a generator over a
snapshot of the keys, in slices: the caller decides when the next slice runs, and changes may come in between.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

from bgpd.rib.decision import arrange
from bgpd.rib.nexthop import NextHop
from bgpd.rib.path import (
    Entry,
    Path,
    Source,
    best_of,
    eligible_of,
    given_by,
    path_from,
    paths_of,
    same_route,
    shared_of,
)
from bgpd.wire.family import Family

SLICE: Final = 2048  #: prefixes that a walk looks at between two chances to do something else
IDENTIFIERS: Final = 64  #: paths for one prefix that a neighbor with ADD-PATH may give; more are ignored
_LONG: Final = 8  # prefixes of one UPDATE from which on it pays to ask for all of them at once
_INDEX_LIMIT: Final = 65536  # entries of several candidates known by content


class Interest(IntEnum):
    """What the subscribers of a loc-rib look at; less interest, fewer changes."""

    BEST = 0
    MULTIPATH = 1
    ALL = 2  #: of the eligible ones


class Change:
    """Prefixes that moved from one entry to another. `old` and `new` are values: they stay true for ever."""

    __slots__ = ("new", "old", "prefixes")

    def __init__(self, prefixes: list[bytes], old: Entry | None, new: Entry | None) -> None:
        self.prefixes: Final = prefixes  #: never empty; owned by the change, not to be altered
        self.old: Final = old
        self.new: Final = new

    def __repr__(self) -> str:
        return f"Change({len(self.prefixes)} prefixes, {self.old!r} -> {self.new!r})"


class LocRib:
    """Every candidate of one family."""

    def __init__(self, family: Family, multipath: int = 1, interest: Interest = Interest.MULTIPATH) -> None:
        self.family: Final = family
        self.interest: int = int(interest)
        #: prefix -> entry. Others may read it; only this class writes.
        self.table: Final[dict[bytes, Entry]] = {}
        self.paths = 0  #: candidates in the table
        self.complete: Final = True  #: for update groups: unlike a fanout, it is never under construction
        self.epoch = 0  #: number of the sweep under way or last done (`intern`)
        self._multipath = max(multipath, 1)
        self._equal: Final[dict[Entry, Entry]] = {}  # entries of several candidates by content

    def __len__(self) -> int:
        return len(self.table)

    @property
    def multipath(self) -> int:
        return self._multipath

    # -- questions

    def candidates(self, prefix: bytes) -> tuple[Path, ...]:
        """Best first; the ineligible ones last. Empty where the prefix is unknown."""
        return paths_of(self.table.get(prefix))

    def best(self, prefix: bytes) -> Path | None:
        return best_of(self.table.get(prefix))

    def shared(self, prefix: bytes) -> tuple[Path, ...]:
        """The best path and those that share the load with it; empty where nothing is eligible."""
        return shared_of(self.table.get(prefix))

    def walk(self, size: int = SLICE) -> Iterator[list[bytes]]:
        """All prefixes of this moment in slices. Those that went since are still named; ask the table."""
        keys = list(self.table)
        for start in range(0, len(keys), size):
            yield keys[start : start + size]

    def received(self, neighbor: str, size: int = SLICE) -> Iterator[tuple[bytes, Path]]:
        """The adj-rib-in of a neighbor: every path that it gave, accepted or not."""
        for prefixes in self.walk(size):
            for prefix in prefixes:
                for path in given_by(self.table.get(prefix), neighbor):
                    yield prefix, path

    # -- one UPDATE

    def apply(
        self, source: Source, withdrawn: list[bytes], announced: list[bytes], path: Path | None, path_id: int = 0
    ) -> list[Change]:
        """One batch of `source`: `announced` all have `path` (None only where nothing is announced).

        `path_id`: under ADD-PATH, that of everything in the batch, and of `path`.

        Withdrawals come first, so a prefix in both is announced (RFC 4271 section 4.3). What was never announced
        is withdrawn in silence. A path replaces any candidate of the same neighbor, of whatever generation.
        """
        changes: list[Change] = []
        if withdrawn:
            self._replace(source, withdrawn, None, changes, path_id)
        if announced and path is not None:
            path.mark = self.epoch  # in use, whatever a sweep has found so far
            path.next_hop.mark = self.epoch
            if len(announced) > _LONG and self.table.keys().isdisjoint(announced):
                self._fill(announced, path, changes)
            else:
                self._replace(source, announced, path, changes, path_id)
        return changes

    def _fill(self, announced: list[bytes], path: Path, changes: list[Change]) -> None:
        """All prefixes are new: the table grows at the speed of C."""
        table = self.table
        before = len(table)
        entry: Entry = path
        if not path.eligible():
            entry = self._equal.setdefault((None, path), (None, path))
        table.update(dict.fromkeys(announced, entry))
        added = len(table) - before
        if added != len(announced):  # a prefix is named twice in one UPDATE
            announced = list(dict.fromkeys(announced))
        self.paths += added
        path.source.received += added
        if path.attrs is not None:
            path.source.accepted += added
        if entry is path:
            changes.append(Change(announced, None, entry))

    def _replace(
        self, source: Source, prefixes: list[bytes], path: Path | None, changes: list[Change], path_id: int
    ) -> None:
        """Put `path` (None: nothing) in the place of what this neighbor gave before, prefix by prefix."""
        table = self.table
        neighbor = source.neighbor
        run: list[bytes] = []  # prefixes that make the same transition, from `last` to `new`
        last: Entry | None = None
        new: Entry | None = None
        gone: Path | None = None
        started = False
        for prefix in prefixes:
            old = table.get(prefix)
            if not started or old is not last:
                if run:
                    self._account(gone, path, len(run))
                    self._report(run, last, new, changes)
                    run = []
                started = True
                last = old
                gone = path_from(old, neighbor, path_id)
                new = self._with(old, gone, path)
            if new is old:
                if gone is None and path is not None:
                    source.beyond += 1
                continue
            if new is None:
                del table[prefix]
            else:
                table[prefix] = new
            run.append(prefix)
        if run:
            self._account(gone, path, len(run))
            self._report(run, last, new, changes)

    def _report(self, run: list[bytes], old: Entry | None, new: Entry | None, changes: list[Change]) -> None:
        if self._visible(old, new):
            changes.append(Change(run, old, new))

    def _with(self, old: Entry | None, gone: Path | None, path: Path | None) -> Entry | None:
        """The entry `old` less `gone`, plus `path`; `old` itself where nothing is different."""
        if gone is path:
            return old
        if path is not None and (old is None or old is gone):
            return self._share(arrange([path], self._multipath))
        left = [candidate for candidate in paths_of(old) if candidate is not gone]
        if path is not None:
            if path.path_id and gone is None and len(given_by(old, path.source.neighbor)) >= IDENTIFIERS:
                return old  # the cost of choosing among paths must not be a peer's to decide
            left.append(path)
        return self._share(arrange(left, self._multipath))

    def _share(self, entry: Entry | None) -> Entry | None:
        """One object for entries of equal content: similar tables of several peers cost little more than one.

        The prefixes of one run share without this; the index is for runs that meet, and may forget.
        """
        if entry is None or isinstance(entry, Path):
            return entry
        if len(self._equal) >= _INDEX_LIMIT:
            self._equal.clear()
        return self._equal.setdefault(entry, entry)

    def _account(self, gone: Path | None, path: Path | None, count: int) -> None:
        if gone is not None:
            self.paths -= count
            gone.source.received -= count
            if gone.attrs is not None:
                gone.source.accepted -= count
        if path is not None:
            self.paths += count
            path.source.received += count
            if path.attrs is not None:
                path.source.accepted += count

    def _visible(self, old: Entry | None, new: Entry | None) -> bool:
        """Could a subscriber of our interest tell the two apart?"""
        if old is None and isinstance(new, Path):
            return True
        if self.interest == 2:
            # Equal or not: a fanout holds the paths themselves, and must not hold on to those that are no more.
            # The same paths in the same order may share the load or no longer do so, as the cost of a next hop says.
            return eligible_of(old) != eligible_of(new) or len(shared_of(old)) != len(shared_of(new))
        if not same_route(best_of(old), best_of(new)):
            return True
        if self.interest == 0:
            return False
        if isinstance(old, Path) and isinstance(new, Path):
            return False
        a, b = shared_of(old), shared_of(new)
        return len(a) != len(b) or not all([same_route(x, y) for x, y in zip(a, b, strict=True)])  # noqa: C419 - compiles

    # -- walks over the whole table

    def drop(self, source: Source, size: int = SLICE) -> Iterator[list[Change]]:
        """Remove what `source` (this generation) gave. From this call on, nothing of it is chosen any more.

        Each step of the walk looks at `size` prefixes and gives their changes. It is no harm if the neighbor comes
        back as a new source meanwhile.
        """
        source.down = True  # now, not when the first slice is asked for
        return self._drop(source, size)

    def _drop(self, source: Source, size: int) -> Iterator[list[Change]]:
        for prefixes in self.walk(size):
            if source.received == 0:
                break
            yield self._rework(prefixes, source, None)
        source.paths.clear()  # they refer to the source and it to them: a cycle that nobody would collect

    def sweep_stale(self, neighbor: str, older_than: int, size: int = SLICE) -> Iterator[list[Change]]:
        """Remove what generations before `older_than` of a neighbor gave and its present one did not repeat."""
        old: list[Source] = []
        for prefixes in self.walk(size):
            doomed: list[Source] = []
            for prefix in prefixes:
                for path in given_by(self.table.get(prefix), neighbor):
                    if path.source.generation < older_than and path.source not in doomed:
                        doomed.append(path.source)
            changes: list[Change] = []
            for source in doomed:
                changes.extend(self._rework(prefixes, source, None))
                if source not in old:
                    old.append(source)
            yield changes
        for source in old:
            source.paths.clear()

    def reselect(self, next_hop: NextHop | None = None, size: int = SLICE) -> Iterator[list[Change]]:
        """Choose again wherever a candidate goes through `next_hop` (None: everywhere)."""
        for prefixes in self.walk(size):
            yield self._rework(prefixes, None, next_hop)

    def set_multipath(self, multipath: int, size: int = SLICE) -> Iterator[list[Change]]:
        """Another limit for the set that shares the load."""
        self._multipath = max(multipath, 1)
        yield from self.reselect(None, size)

    def _rework(self, prefixes: list[bytes], doomed: Source | None, next_hop: NextHop | None) -> list[Change]:
        """Choose again for each prefix: without the paths of `doomed`, or because of `next_hop`."""
        table = self.table
        changes: list[Change] = []
        runs: dict[Entry, tuple[Entry | None, list[Path], list[bytes]]] = {}
        for prefix in prefixes:
            old = table.get(prefix)
            if old is None:
                continue
            found = runs.get(old)
            if found is None:
                gone = [path for path in paths_of(old) if path.source is doomed] if doomed is not None else []
                found = (self._again(old, gone, doomed, next_hop), gone, [])
                runs[old] = found
            new = found[0]
            if new is old:
                continue
            if new is None:
                del table[prefix]
            else:
                table[prefix] = new
            found[2].append(prefix)
        for old, (new, gone, run) in runs.items():
            if run:
                for path in gone:
                    self._account(path, None, len(run))
                self._report(run, old, new, changes)
        return changes

    def _again(self, old: Entry, gone: list[Path], doomed: Source | None, next_hop: NextHop | None) -> Entry | None:
        paths = list(paths_of(old))
        if doomed is not None:
            if not gone:
                return old
            paths = [path for path in paths if path.source is not doomed]
        elif next_hop is not None:
            for path in paths:
                if path.next_hop is next_hop:
                    break
            else:
                return old
        new = self._share(arrange(paths, self._multipath))
        return old if new == old else new

    def forget_entries(self) -> None:
        """Let go of the index of equal entries, and with it of paths that only it refers to (`intern`)."""
        self._equal.clear()
