"""A store in memory, with the faults that a test asks for."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence

from bgpd.cluster.store.base import (
    Absent,
    Change,
    Changes,
    Condition,
    Entry,
    Listing,
    Put,
    Range,
    StoreError,
    Trouble,
    Write,
)


class Crash(BaseException):
    """The process that asked is dead."""


class MemoryStore:
    """`Store`, without any I/O. `before` and `after` are called around each write, and may raise."""

    def __init__(self) -> None:
        self.name = "memory"
        self.revision = 1
        self.entries: dict[str, Entry] = {}
        self.history: list[Change] = []
        self.compacted = 0
        self.down = False
        self.reads = 0
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self.moved = asyncio.Event()

    async def read(self, ranges: Sequence[Range]) -> Listing:
        self._there()
        self.reads += 1
        found = [entry for key, entry in sorted(self.entries.items()) if any(each.holds(key) for each in ranges)]
        return Listing(self.revision, tuple(found))

    async def get(self, key: str) -> Entry | None:
        self._there()
        return self.entries.get(key)

    async def watch(self, ranges: Sequence[Range], after: int) -> AsyncGenerator[Changes, None]:
        while True:
            self._there()
            if after < self.compacted:
                raise StoreError(Trouble.COMPACTED, "compacted")
            new = [c for c in self.history if c.revision > after and any(each.holds(c.key) for each in ranges)]
            after = self.revision
            if new:
                yield Changes(after, tuple(new))
                continue
            self.moved.clear()
            await self.moved.wait()

    async def write(self, conditions: Iterable[Condition], writes: Iterable[Write]) -> int | None:
        self._there()
        await asyncio.sleep(0)
        self.before()
        for condition in conditions:
            entry = self.entries.get(condition.key)
            met = entry is None if isinstance(condition, Absent) else entry and entry.revision == condition.revision
            if not met:
                return None
        self.revision += 1
        for each in writes:
            new = Entry(each.key, each.value, self.revision, each.key) if isinstance(each, Put) else None
            if new is not None:
                self.entries[each.key] = new
            else:
                self.entries.pop(each.key, None)
            self.history.append(Change(each.key, new, self.revision))
        self.moved.set()
        self.after()
        return self.revision

    async def close(self) -> None:
        pass

    def cut(self, down: bool = True) -> None:
        """Out of reach, or back; a watch that is open ends."""
        self.down = down
        self.moved.set()

    def _there(self) -> None:
        if self.down:
            raise StoreError(Trouble.UNREACHABLE, "memory: nobody answers")
