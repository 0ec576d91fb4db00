"""List, watch, and list again where it must: the picture follows the store and survives every loss of it.

What a loss of the datastore changes is nothing: the picture stays as it is, the attempts go on, and what happened
meanwhile arrives as one difference when the store answers again. Only what was really read can remove something:
a store that answers with nothing at all, where there was a cluster a moment ago, has lost its data, and is not
believed.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from bgpd.cluster.store import cache
from bgpd.cluster.store.base import Fault, Listing, Range, Store, StoreError, Trouble
from bgpd.cluster.store.picture import Picture

SHORTEST: Final = 0.1  #: seconds before the first new attempt
LONGEST: Final = 5.0  #: and at most between two
SAVE_AFTER: Final = 1.0  #: seconds in which changes gather before the cache is written
RESYNC: Final = 60.0  #: seconds after which everything is read again in any case, whatever a watch has not told
AGAIN: Final = 1.0  #: seconds between two readings that a nudge may cause


class State(Enum):
    """How the picture stands to the store."""

    EMPTY = "empty"  #: nothing was ever read
    CACHED = "cached"  #: what a file of an earlier run says; the store has not answered yet
    FOLLOWING = "following"  #: the picture is the store's
    LOST = "lost"  #: the store was read, and does not answer now


@dataclass(frozen=True, slots=True)
class Moved:
    """What `on_change` is told: the keys that moved, and whether faults did."""

    keys: frozenset[str]
    faults: bool


class Follower:
    """One picture of one store. `run` is a task; `picture` is there from the start and always consistent."""

    def __init__(
        self,
        store: Store,
        ranges: Callable[[Picture], tuple[Range, ...]],
        *,
        on_change: Callable[[Moved], None],
        on_state: Callable[[State, str], None] = lambda _state, _reason: None,
        cached: Path | None = None,
    ) -> None:
        """`ranges` says what to read, and may depend on what was read. `cached`: the file of the last picture."""
        self.picture = Picture()
        self.state = State.EMPTY
        self.reason = ""  #: why the state is not FOLLOWING
        self.lists = 0  #: times that everything was read
        self.following = asyncio.Event()  #: set while the picture is the store's
        self.tried = asyncio.Event()  #: the store has answered once, or failed to
        self._store: Final = store
        self._ranges: Final = ranges
        self._on_change: Final = on_change
        self._on_state: Final = on_state
        self._cached: Final = cached
        self._nudged: Final = asyncio.Event()
        self._read_at = -AGAIN
        self._saving: asyncio.Task[None] | None = None

    def start_from_cache(self) -> None:
        """Take the picture of an earlier run, where there is one and the store has said nothing yet. Blocks."""
        if self._cached is None or self.state is not State.EMPTY:
            return
        found, why = cache.load(self._cached, self._store.name)
        if found is None:
            self.reason = why
            return
        self.picture = found
        self._moved(frozenset(found.entries), faults=False)
        self._turn(State.CACHED, "the datastore has not answered yet")

    def nudge(self) -> None:
        """Somebody knows something that the picture does not: read everything now."""
        self._nudged.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        wait = SHORTEST
        try:
            while True:
                try:
                    await self._follow()
                    wait = SHORTEST
                except StoreError as error:
                    if error.trouble is Trouble.COMPACTED:
                        continue
                    if self.state is State.FOLLOWING:
                        wait = SHORTEST
                    lost = self.state in (State.FOLLOWING, State.LOST)
                    self._turn(State.LOST if lost else self.state, str(error))
                    with suppress(TimeoutError):
                        async with asyncio.timeout(wait):
                            await self._nudged.wait()
                    wait = min(wait * 2, LONGEST)
        finally:
            await self._save_last()

    async def _follow(self) -> None:
        """One reading of everything, and what follows until the watch ends or everything has to be read again."""
        loop = asyncio.get_running_loop()
        self._nudged.clear()
        ranges = self._ranges(self.picture)
        listing = await self._store.read(ranges)
        self.lists += 1
        self._read_at = loop.time()
        self._believe(listing)
        before = self.picture.faults
        moved = self.picture.replace(listing)
        self._turn(State.FOLLOWING, "")
        self._moved(moved, faults=before != self.picture.faults)
        if self._ranges(self.picture) != ranges:
            return
        nudge = asyncio.create_task(self._nudge_due())
        watch = asyncio.create_task(self._watch(ranges, listing.revision))
        try:
            await asyncio.wait((nudge, watch), return_when=asyncio.FIRST_COMPLETED)
            if watch.done():
                watch.result()  # raises
        finally:
            for task in (nudge, watch):
                task.cancel()
            await asyncio.gather(nudge, watch, return_exceptions=True)

    async def _nudge_due(self) -> None:
        """Until somebody nudges, or `RESYNC` has passed; not more often than `AGAIN`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(RESYNC):
                await self._nudged.wait()
        await asyncio.sleep(max(0.0, self._read_at + AGAIN - asyncio.get_running_loop().time()))

    async def _watch(self, ranges: tuple[Range, ...], after: int) -> None:
        """Follow, until other ranges are wanted. Raises StoreError."""
        async with aclosing(self._store.watch(ranges, after)) as stream:
            async for changes in stream:
                before: tuple[Fault, ...] = self.picture.faults
                moved = self.picture.apply(changes)
                self._moved(moved, faults=before != self.picture.faults)
                if moved and self._ranges(self.picture) != ranges:
                    return

    def _believe(self, listing: Listing) -> None:
        """Raises StoreError where a store has plainly lost what it held."""
        if self.picture.entries and not listing.entries and not listing.faults:
            text = f"{self._store.name}: is empty, and held {len(self.picture.entries)} entries; nothing is removed"
            raise StoreError(Trouble.BROKEN, text)

    def _moved(self, keys: frozenset[str], *, faults: bool) -> None:
        if not keys and not faults:
            return
        self._on_change(Moved(keys, faults))
        if keys and self._cached is not None and self.state is State.FOLLOWING and self._saving is None:
            self._saving = asyncio.create_task(self._save())

    def _turn(self, state: State, reason: str) -> None:
        if (state, reason) != (self.state, self.reason):
            self.state, self.reason = state, reason
            self.tried.set()
            self.following.set() if state is State.FOLLOWING else self.following.clear()
            self._on_state(state, reason)

    async def _save(self) -> None:
        await asyncio.sleep(SAVE_AFTER)
        self._saving = None
        await self._write_cache()

    async def _write_cache(self) -> None:
        assert self._cached is not None
        copy = Picture(self.picture.entries.values(), self.picture.revision)
        try:
            await asyncio.to_thread(cache.save, self._cached, self._store.name, copy)
        except OSError as error:
            self._on_state(self.state, f"{self._cached}: cannot write: {(error.strerror or str(error)).lower()}")

    async def _save_last(self) -> None:
        if self._saving is not None:
            self._saving.cancel()
            self._saving = None
            await self._write_cache()
