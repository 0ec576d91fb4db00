"""Announced only when it is installed: the loc-rib as update groups see it where they wait for the FIB.

A `Gate` is the table of those routes that may be told. To an update group it is a loc-rib like any other. What comes
from a neighbor and goes to the FIB is held back until the FIB has said that it has it; meanwhile peers keep what they
were told before, which is what packets still take. A route that the FIB refuses is withdrawn, and so is what stood in
its place: whoever gave that has replaced it. Own prefixes, and what leaves the table, never wait.

The FIB's verdict names what it was asked for (a *want*). A verdict on anything but the present want is of the past, and
another is on its way; so batches, a want that was overtaken by a later one and a resync need no care here.
"""

from collections.abc import Callable, Hashable, Iterator
from enum import Enum
from typing import Final

from bgpd.rib.loc_rib import SLICE, Change, LocRib
from bgpd.rib.path import Entry, Path, best_of
from bgpd.wire.family import Family


class HeldBack(Enum):
    """Why the best route of a prefix is not announced."""

    PENDING = "held back until the kernel has it"
    REFUSED = "held back: the kernel does not take it"


class Gate:
    """The routes of one loc-rib that the FIB has, or need not have."""

    def __init__(self, rib: LocRib, want_of: Callable[[Entry | None], Hashable]) -> None:
        """`want_of`: what the FIB shall hold for an entry; None: nothing, and there is nothing to wait for."""
        self.family: Final[Family] = rib.family
        #: prefix -> entry. Others may read it; only this class writes.
        self.table: Final[dict[bytes, Entry]] = {}
        self.complete: Final = True  #: for update groups: unlike a fanout, it is never under construction
        self.held: Final[dict[bytes, HeldBack]] = {}  #: prefixes whose best route is not told
        self.pending = 0  #: of those, the ones that wait for a verdict
        self._rib: Final = rib
        self._want_of: Final = want_of

    def walk(self, size: int = SLICE) -> Iterator[list[bytes]]:
        """All prefixes of this moment in slices. Those that went since are still named; ask the table."""
        keys = list(self.table)
        for start in range(0, len(keys), size):
            yield keys[start : start + size]

    def best(self, prefix: bytes) -> Path | None:
        return best_of(self.table.get(prefix))

    def on_changes(self, changes: list[Change]) -> list[Change]:
        """What changes of the loc-rib may be told at once; the others wait for `judged`."""
        found: list[Change] = []
        for change in changes:
            new = change.new
            best = best_of(new)
            if best is None:
                self._tell(change.prefixes, None, found)
                continue
            want = None if best.source.local else self._want_of(new)
            if want is None:
                self._tell(change.prefixes, new, found)
                continue
            same: list[bytes] = []
            verdicts: dict[Entry, bool] = {}  # entries are shared: whether the FIB was asked for the same before
            for prefix in change.prefixes:
                told = self.table.get(prefix)
                known = self.held.get(prefix)
                if known is None and told is not None:
                    if told not in verdicts:
                        before = best_of(told)
                        verdicts[told] = before is not None and not before.source.local and self._want_of(told) == want
                    if verdicts[told]:
                        same.append(prefix)
                        continue
                if known is not HeldBack.PENDING:
                    self.held[prefix] = HeldBack.PENDING
                    self.pending += 1
            if same:
                self._tell(same, new, found)
        return found

    def judged(self, want: Hashable, prefixes: list[bytes], *, installed: bool) -> list[Change]:
        """The FIB has, or has not, what it was asked for; what may be told now."""
        found: list[Change] = []
        runs: dict[Entry, list[bytes]] = {}
        verdicts: dict[Entry, bool] = {}
        for prefix in prefixes:
            entry = self._rib.table.get(prefix)
            best = best_of(entry)
            if entry is None or best is None or best.source.local:
                continue
            if entry not in verdicts:
                verdicts[entry] = self._want_of(entry) == want
            if verdicts[entry] and (not installed or self.table.get(prefix) is not entry or prefix in self.held):
                runs.setdefault(entry, []).append(prefix)
        for entry, run in runs.items():
            self._tell(run, entry if installed else None, found)
            if not installed:
                self.held.update(dict.fromkeys(run, HeldBack.REFUSED))
        return found

    def _tell(self, prefixes: list[bytes], new: Entry | None, found: list[Change]) -> None:
        """These are told `new` from now on, and wait for nothing."""
        table, held = self.table, self.held
        runs: dict[Entry | None, list[bytes]] = {}
        for prefix in prefixes:
            runs.setdefault(table.get(prefix), []).append(prefix)
            if held and held.pop(prefix, None) is HeldBack.PENDING:
                self.pending -= 1
        for old, run in runs.items():
            if new is None:
                for prefix in run:
                    table.pop(prefix, None)
            else:
                table.update(dict.fromkeys(run, new))
            if old is not new:
                found.append(Change(run, old, new))
