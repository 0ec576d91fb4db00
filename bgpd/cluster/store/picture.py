"""Every entry at one revision, in memory: what the decision reads, whatever happens to the store."""

from collections.abc import Iterable
from typing import Final

from bgpd.cluster.store.base import Changes, Entry, Fault, Listing


class Picture:
    """The datastore at one moment. Only its owner moves it on; everybody else reads."""

    def __init__(self, entries: Iterable[Entry] = (), revision: int = 0) -> None:
        self.revision = revision
        self.entries: Final[dict[str, Entry]] = {entry.key: entry for entry in entries}
        self.faults: tuple[Fault, ...] = ()  #: what could not be read, as of now

    def under(self, prefix: str) -> list[Entry]:
        """The entries whose keys begin so, in the order of their keys."""
        return [self.entries[key] for key in sorted(self.entries) if key.startswith(prefix)]

    def replace(self, listing: Listing) -> frozenset[str]:
        """Become what was listed; the keys that moved. An entry with a fault keeps its last good state."""
        kept = {key for fault in listing.faults for key in fault.keys}
        fresh = {entry.key: entry for entry in listing.entries}
        moved = {key for key, entry in fresh.items() if not _same(self.entries.get(key), entry)}
        gone = {key for key in self.entries if key not in fresh and key not in kept}
        self.entries.update(fresh)  # a place may have moved where the value has not
        for key in gone:
            del self.entries[key]
        self.revision, self.faults = listing.revision, listing.faults
        return frozenset(moved | gone)

    def apply(self, changes: Changes) -> frozenset[str]:
        """Move on by one turn of a watch; the keys that moved."""
        moved = set()
        for change in changes.changes:
            if change.entry is None:
                if self.entries.pop(change.key, None) is not None:
                    moved.add(change.key)
            else:
                if not _same(self.entries.get(change.key), change.entry):
                    moved.add(change.key)
                self.entries[change.key] = change.entry
        self.revision = max(self.revision, changes.revision)
        if changes.faults is not None:
            self.faults = changes.faults
        return frozenset(moved)


def _same(old: Entry | None, new: Entry) -> bool:
    """Nothing that a decision reads has changed."""
    return old is not None and old.value == new.value and old.place == new.place
