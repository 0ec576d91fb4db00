"""The picture follows, and survives every loss of the store."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from bgpd.cluster.store import follow
from bgpd.cluster.store.base import Delete, Put, Range
from bgpd.cluster.store.follow import Follower, Moved, State
from bgpd.cluster.store.picture import Picture
from tests.unit.cluster.store.memory import MemoryStore

A = Range("/a/")


class Scene:
    """A follower of a store in memory, and what it said."""

    def __init__(self, store: MemoryStore, cached: Path | None = None) -> None:
        self.store = store
        self.moved: list[Moved] = []
        self.states: list[State] = []
        self.event = asyncio.Event()
        self.follower = Follower(store, self.ranges, on_change=self._change, on_state=self._state, cached=cached)
        self.task: asyncio.Task[None] | None = None

    def ranges(self, picture: Picture) -> tuple[Range, ...]:
        extra = (Range("/b/"),) if "/a/more" in picture.entries else ()
        return (A, *extra)

    def _change(self, moved: Moved) -> None:
        self.moved.append(moved)
        self.event.set()

    def _state(self, state: State, _reason: str) -> None:
        self.states.append(state)
        self.event.set()

    def keys(self) -> list[str]:
        return sorted(self.follower.picture.entries)

    async def until(self, keys: list[str] | None = None, state: State | None = None) -> None:
        async with asyncio.timeout(5):
            while (keys is not None and self.keys() != keys) or (state is not None and self.follower.state != state):
                self.event.clear()
                await self.event.wait()

    def start(self) -> "Scene":
        self.task = asyncio.create_task(self.follower.run())
        return self

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await self.task


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "SHORTEST", 0.005)
    monkeypatch.setattr(follow, "LONGEST", 0.02)
    monkeypatch.setattr(follow, "AGAIN", 0.01)
    monkeypatch.setattr(follow, "SAVE_AFTER", 0.005)


async def test_list_then_watch() -> None:
    store = MemoryStore()
    await store.write([], [Put("/a/1", b"1"), Put("/x/1", b"not asked for")])
    scene = Scene(store).start()
    await scene.until(["/a/1"], State.FOLLOWING)
    await store.write([], [Put("/a/2", b"2")])
    await scene.until(["/a/1", "/a/2"])
    await store.write([], [Delete("/a/1")])
    await scene.until(["/a/2"])
    assert store.reads == 1
    await scene.stop()


async def test_a_loss_changes_nothing_and_the_return_is_a_difference() -> None:
    store = MemoryStore()
    await store.write([], [Put("/a/1", b"1"), Put("/a/2", b"2")])
    scene = Scene(store).start()
    await scene.until(["/a/1", "/a/2"])
    store.cut()
    await scene.until(state=State.LOST)
    assert scene.keys() == ["/a/1", "/a/2"]
    store.down = False
    await store.write([], [Delete("/a/1"), Put("/a/3", b"3")])
    store.compacted = store.revision  # nothing of what happened can be watched any more
    await scene.until(["/a/2", "/a/3"], State.FOLLOWING)
    assert scene.moved[-1].keys == {"/a/1", "/a/3"}
    await scene.stop()


async def test_compaction_reads_everything_again_at_once() -> None:
    store = MemoryStore()
    await store.write([], [Put("/a/1", b"1")])
    scene = Scene(store).start()
    await scene.until(["/a/1"])
    store.compacted = store.revision + 5
    store.revision += 10
    store.moved.set()
    store.entries |= (await _other("/a/2")).entries
    await scene.until(["/a/1", "/a/2"])
    assert State.LOST not in scene.states
    await scene.stop()


async def _other(key: str) -> MemoryStore:
    other = MemoryStore()
    await other.write([], [Put(key, b"1")])
    return other


async def test_a_store_that_lost_everything_is_not_believed() -> None:
    store = MemoryStore()
    await store.write([], [Put("/a/1", b"1")])
    scene = Scene(store).start()
    await scene.until(["/a/1"])
    store.entries.clear()
    store.cut()
    await scene.until(state=State.LOST)
    store.down = False
    reads = store.reads
    async with asyncio.timeout(5):
        while store.reads < reads + 2:
            await asyncio.sleep(0.005)
    assert scene.keys() == ["/a/1"]
    assert "is empty" in scene.follower.reason
    await store.write([], [Put("/a/2", b"2")])
    await scene.until(["/a/2"], State.FOLLOWING)
    await scene.stop()


async def test_what_was_read_may_ask_for_more() -> None:
    store = MemoryStore()
    await store.write([], [Put("/a/1", b"1"), Put("/b/1", b"1")])
    scene = Scene(store).start()
    await scene.until(["/a/1"])
    await store.write([], [Put("/a/more", b"1")])
    await scene.until(["/a/1", "/a/more", "/b/1"])
    await store.write([], [Delete("/a/more")])
    await scene.until(["/a/1"])
    await scene.stop()


async def test_a_nudge_reads_everything_now() -> None:
    store = MemoryStore()
    await store.write([], [Put("/a/1", b"1")])
    scene = Scene(store).start()
    await scene.until(["/a/1"])
    store.entries |= (await _other("/a/9")).entries  # a watch that slept
    scene.follower.nudge()
    await scene.until(["/a/1", "/a/9"])
    await scene.stop()


async def test_a_cache_starts_a_node_while_the_store_is_away(tmp_path: Path) -> None:
    store = MemoryStore()
    await store.write([], [Put("/a/1", b"1")])
    first = Scene(store, tmp_path / "cache").start()
    await first.until(["/a/1"], State.FOLLOWING)
    await first.stop()  # before SAVE_AFTER: the last picture is written on the way out
    store.cut()
    second = Scene(store, tmp_path / "cache")
    second.follower.start_from_cache()
    assert second.keys() == ["/a/1"]
    assert second.moved[0].keys == {"/a/1"}
    second.start()
    await asyncio.sleep(0.02)
    assert second.follower.state is State.CACHED
    store.down = False
    await store.write([], [Put("/a/2", b"2")])
    await second.until(["/a/1", "/a/2"], State.FOLLOWING)
    await second.stop()
