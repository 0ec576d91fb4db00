"""Sweeping: what no table refers to any more is let go.

Attribute sets are interned by the wire room, paths are remembered by their sources, next hops by their table,
equal entries by the loc-rib. Compiled classes take no weak references, and a count per path would cost every
prefix, so a mark walk finds out what is in use when the table of attribute sets has doubled.

The walk is resumable and exact for paths and next hops: it gives every loc-rib a new epoch first, and from then
on `LocRib.apply` marks what it is given, so whatever is in a table at the end has been marked by the walk or by the
batch that brought it. Attribute sets are only shared by interning, nothing depends on it: one that is
forgotten too early costs a second copy.
"""

from collections.abc import Iterator
from typing import Final

from bgpd.rib.loc_rib import LocRib
from bgpd.rib.nexthop import NextHopTable
from bgpd.rib.path import Path, Source
from bgpd.wire.attrs import Attrs, AttrsTable

_FLOOR: Final = 8192  #: below this many attribute sets nothing is worth a sweep


class Threshold:
    """When the next sweep is due: at twice what survived the last one."""

    __slots__ = ("_limit",)

    def __init__(self, floor: int = _FLOOR) -> None:
        self._limit = floor

    def due(self, size: int) -> bool:
        return size > self._limit

    def survived(self, size: int, floor: int = _FLOOR) -> None:
        self._limit = max(2 * size, floor)


class Sweep:
    """One sweep over everything. Only one may be under way at a time."""

    def __init__(self, attrs: AttrsTable, ribs: list[LocRib], sources: list[Source], hops: NextHopTable) -> None:
        self._attrs: Final = attrs
        self._ribs: Final = ribs
        self._sources: Final = sources  # all that live, whether they have a route or not
        self._hops: Final = hops
        self._live: Final[set[Attrs]] = set()
        self.unused: list[bytes] = []  #: next hops that went with the sweep: nobody needs to track them any more
        self.paths = 0  #: paths that went
        self.keys = 0  #: keys of attribute sets that went

    def run(self, size: int = 4096) -> Iterator[None]:
        """The sweep, in steps of `size` prefixes, paths or attribute sets."""
        epoch = self._hops.epoch + 1
        self._hops.epoch = epoch
        for rib in self._ribs:
            rib.epoch = epoch
        for rib in self._ribs:
            for prefixes in rib.walk(size):
                self._mark(rib, prefixes, epoch)
                yield
            rib.forget_entries()
        for source in self._sources:
            yield from self._sweep_paths(source, epoch, size)
        for gone in self._attrs.sweep(self._live, size):
            self.keys += gone
            yield
        # Last, and without a pause before the caller reads `unused`: nobody can ask for one of these in between.
        self.unused = [hop.address for hop in self._hops.all() if hop.mark != epoch]
        self._hops.forget(self.unused)

    def _mark(self, rib: LocRib, prefixes: list[bytes], epoch: int) -> None:
        table = rib.table
        last: object = None
        for prefix in prefixes:
            entry = table.get(prefix)
            if entry is None or entry is last:
                continue
            last = entry
            if isinstance(entry, Path):
                self._keep(entry, epoch)
                continue
            for path in entry:
                if path is not None:
                    self._keep(path, epoch)

    def _keep(self, path: Path, epoch: int) -> None:
        path.mark = epoch
        path.next_hop.mark = epoch
        self._live.add(path.attrs_in)
        if path.attrs is not None:
            self._live.add(path.attrs)

    def _sweep_paths(self, source: Source, epoch: int, size: int) -> Iterator[None]:
        keys = list(source.paths)  # not the items: a tuple each would be made, all at once
        for start in range(0, len(keys), size):
            for key in keys[start : start + size]:
                path = source.paths.get(key)
                if path is None:
                    continue
                if path.mark == epoch:
                    self._keep(path, epoch)  # it may have come after the walk
                else:
                    del source.paths[key]
                    self.paths += 1
            yield
