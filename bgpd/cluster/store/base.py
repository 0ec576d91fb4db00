"""The Store protocol: keys, JSON objects, revisions, and the few ways in which a store can fail.

A revision orders everything that ever happened in one store. `Entry.revision` is the revision at which the entry
was written last: a writer that read it can make its write conditional on nobody having written since
(`Unchanged`), or on the key not being there (`Absent`). All writes are transactions: every condition holds and
every write happens, or nothing happens.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

#: What JSON decodes to.
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Object = dict[str, Json]


class Trouble(Enum):
    """Why a store did not do what it was asked."""

    UNREACHABLE = "unreachable"  #: nobody answers, or not in time; it is unknown whether a write happened
    REFUSED = "refused"  #: it answers, and does not let us: password, certificate, rights
    COMPACTED = "compacted"  #: the revision that was asked for is history; list again
    LEASE_LOST = "lease lost"  #: what was bound to the lease is gone; bind it anew
    TOO_LARGE = "too large"  #: a value, or an answer
    BROKEN = "broken"  #: an answer that is none: a bug somewhere, or no etcd at all


class StoreError(Exception):
    """A store failed; `trouble` for programs, the text for people."""

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.trouble: Final = trouble


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at one key."""

    key: str
    value: bytes  #: JSON text, as it was written
    revision: int  #: of its last write
    place: str = ""  #: where a person finds it: `FILE:LINE`, or the key
    lease: int = 0  #: the lease that it lives with; 0: for good


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a watch: an entry was written, or (`entry` None) the key is gone."""

    key: str
    entry: Entry | None
    revision: int


@dataclass(frozen=True, slots=True)
class Fault:
    """An entry that cannot be read; the last good one stays in force."""

    place: str
    reason: str
    keys: tuple[str, ...] = ()  #: the keys that it concerns, where they are known


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything under some ranges at one revision."""

    revision: int
    entries: tuple[Entry, ...]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What one turn of a watch brings: in order, up to `revision`."""

    revision: int
    changes: tuple[Change, ...]
    faults: tuple[Fault, ...] | None = None  #: None: as before


@dataclass(frozen=True, slots=True)
class Range:
    """One key, or (`prefix`) every key that begins so."""

    key: str
    prefix: bool = True

    def holds(self, key: str) -> bool:
        return key.startswith(self.key) if self.prefix else key == self.key


@dataclass(frozen=True, slots=True)
class Absent:
    """Condition: there is nothing at the key."""

    key: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Condition: the key's last write is the one at this revision."""

    key: str
    revision: int


@dataclass(frozen=True, slots=True)
class Put:
    """Write: the value at the key, bound to a lease (0: none)."""

    key: str
    value: bytes
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """Write: nothing at the key."""

    key: str


Condition = Absent | Unchanged
Write = Put | Delete


class Store(Protocol):
    """What both stores do. Every method raises StoreError; none waits longer than its time limit."""

    @property
    def name(self) -> str:
        """For people: where it is."""

    async def read(self, ranges: Sequence[Range]) -> Listing:
        """Every entry of the ranges, at one revision."""

    def watch(self, ranges: Sequence[Range], after: int) -> AsyncGenerator[Changes, None]:
        """What happens after a revision, without end. Raises StoreError where it ends all the same."""

    async def get(self, key: str) -> Entry | None:
        """One entry, the newest there is."""

    async def write(self, conditions: Iterable[Condition], writes: Iterable[Write]) -> int | None:
        """A transaction: its revision, or None where a condition does not hold."""

    async def close(self) -> None:
        """Let go of everything."""
