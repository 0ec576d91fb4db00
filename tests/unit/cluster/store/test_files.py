"""A directory of YAML: renames, half-written files, faults with file and line, and the same protocol as etcd's."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
import pytest_asyncio

from bgpd.cluster.store import files
from bgpd.cluster.store.base import Absent, Delete, Put, Range, StoreError, Trouble, Unchanged
from bgpd.cluster.store.files import FilesStore
from bgpd.cluster.store.follow import Follower, Moved, State
from bgpd.cluster.store.inotify import Event, parse
from bgpd.cluster.store.keys import CALICO

ALL = (Range("/"),)
PEERS = CALICO + "bgppeers/"


def peer(name: str, asn: int = 65001) -> str:
    return (
        f"apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {{name: {name}}}\n"
        f"spec: {{peerIP: 192.0.2.1, asNumber: {asn}}}\n"
    )


class Scene:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = FilesStore(directory)
        self.event = asyncio.Event()
        self.follower = Follower(
            self.store, lambda _: ALL, on_change=self._change, on_state=lambda *_: self.event.set()
        )
        self.moved: list[Moved] = []
        self.task = asyncio.create_task(self.follower.run())

    def _change(self, moved: Moved) -> None:
        self.moved.append(moved)
        self.event.set()

    def text(self, name: str) -> str:
        entry = self.follower.picture.entries.get(PEERS + name)
        return entry.value.decode().strip() if entry else ""

    async def until(self, what: object) -> None:
        async with asyncio.timeout(5):
            while not what():  # type: ignore[operator]
                self.event.clear()
                await self.event.wait()

    @property
    def faults(self) -> list[str]:
        return [fault.reason for fault in self.follower.picture.faults]


@pytest_asyncio.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    scene = Scene(tmp_path)
    await scene.until(lambda: scene.follower.state is State.FOLLOWING)
    yield scene
    scene.task.cancel()
    await asyncio.gather(scene.task, return_exceptions=True)
    await scene.store.close()


async def test_files_come_change_and_go(scene: Scene) -> None:
    path = scene.directory / "peers.yaml"
    path.write_text(f"# two\n{peer('a')}---\n{peer('b')}")
    await scene.until(lambda: scene.text("a") and scene.text("b"))
    assert scene.follower.picture.entries[PEERS + "b"].place == f"{path}:7"
    path.write_text(peer("b", 65002))
    await scene.until(lambda: not scene.text("a") and "65002" in scene.text("b"))
    path.unlink()
    await scene.until(lambda: not scene.follower.picture.entries)
    assert scene.faults == []


async def test_a_rename_over_a_file_is_one_step(scene: Scene) -> None:
    path = scene.directory / "p.yaml"
    for asn in range(65001, 65021):
        fresh = scene.directory / ".p.new"
        fresh.write_text(peer("a", asn))
        fresh.rename(path)
    await scene.until(lambda: "65020" in scene.text("a"))
    assert scene.faults == []
    assert not any(moved.faults for moved in scene.moved)


async def test_half_a_file_is_never_read(scene: Scene) -> None:
    """The first half is good YAML, and would be another peer."""
    path = scene.directory / "p.yaml"
    path.write_text(peer("a"))
    await scene.until(lambda: scene.text("a"))
    whole = peer("a", 65009).replace("spec: {peerIP: 192.0.2.1, asNumber: 65009}", "spec:\n  asNumber: 65009")
    with path.open("w") as file:
        file.write(whole[:-2])
        file.flush()
        (scene.directory / "q.yaml").write_text(peer("b"))  # another file makes us look
        await scene.until(lambda: scene.text("b"))
        assert "65001" in scene.text("a")
        file.write(whole[-2:])
    await scene.until(lambda: "65009" in scene.text("a"))
    assert not any(moved.faults for moved in scene.moved)


async def test_a_writer_that_never_ends_does_not_hold_a_file_for_ever(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "QUIET", 0.05)
    with (scene.directory / "p.yaml").open("w") as file:
        file.write(peer("a"))
        file.flush()
        await scene.until(lambda: scene.text("a"))


async def test_a_fault_names_file_and_line_and_leaves_the_last_good_state(scene: Scene) -> None:
    path = scene.directory / "p.yaml"
    path.write_text(f"{peer('a')}---\n{peer('b')}")
    await scene.until(lambda: scene.text("b"))
    path.write_text(f"{peer('a', 65005)}---\nkind: [\n")
    await scene.until(lambda: scene.faults)
    assert scene.faults[0].startswith(f"{path}:")
    assert int(scene.faults[0].split(":")[1]) >= 6
    assert "65005" in scene.text("a")  # the good one moved on
    assert "65001" in scene.text("b")  # the broken one is what it was
    path.write_text(peer("a", 65005))
    await scene.until(lambda: not scene.faults)
    assert scene.text("b") == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kind: BGPPeer\nmetadata: {name: x}\n", "apiVersion is missing"),
        ("apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {}\n", "metadata.name is missing"),
        ("apiVersion: projectcalico.org/v3\nkind: Rubbish\nmetadata: {name: x}\n", "no kind Rubbish"),
        ("- 1\n- 2\n", "apiVersion is missing"),
        ("a: b: c\n", "YAML syntax"),
        ("\0", "a control character"),
    ],
)
async def test_documents_that_are_no_resources(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "bad.yaml").write_text(f"{peer('a')}---\n{text}")
    (tmp_path / "good.yaml").write_text(peer("b"))
    store = FilesStore(tmp_path)
    listing = await store.read(ALL)
    assert PEERS + "b" in {entry.key for entry in listing.entries}
    assert len(listing.faults) == 1
    assert why in listing.faults[0].reason
    assert listing.faults[0].reason.startswith(f"{tmp_path / 'bad.yaml'}:")
    await store.close()


async def test_one_resource_in_two_files_is_a_fault_and_the_first_counts(tmp_path: Path) -> None:
    (tmp_path / "1.yaml").write_text(peer("a", 65001))
    (tmp_path / "2.yaml").write_text(peer("a", 65002))
    store = FilesStore(tmp_path)
    listing = await store.read(ALL)
    assert [b"65001" in entry.value for entry in listing.entries] == [True]
    assert f"{tmp_path / '2.yaml'}:1: the same resource as in {tmp_path / '1.yaml'}:1" in listing.faults[0].reason
    await store.close()


async def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    for name in (".hidden.yaml", "notes.txt", "p.yaml~", "p.yaml.swp"):
        (tmp_path / name).write_text("{{{")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\0")
    (tmp_path / "dir.yaml").mkdir()
    store = FilesStore(tmp_path)
    listing = await store.read(ALL)
    assert [fault.reason.partition(": ")[2] for fault in listing.faults] == [
        "cannot read: not UTF-8 text",
        "cannot read: is a directory",
    ]
    await store.close()


async def test_a_directory_that_goes_is_a_loss(scene: Scene) -> None:
    (scene.directory / "p.yaml").write_text(peer("a"))
    await scene.until(lambda: scene.text("a"))
    away = scene.directory.with_name("away")
    scene.directory.rename(away)
    await scene.until(lambda: scene.follower.state is State.LOST)
    assert scene.text("a")
    assert not scene.directory.exists()
    away.rename(scene.directory)
    (scene.directory / "q.yaml").write_text(peer("b"))
    scene.follower.nudge()
    await scene.until(lambda: scene.text("b"))


async def test_no_directory(tmp_path: Path) -> None:
    store = FilesStore(tmp_path / "a-file")
    (tmp_path / "a-file").write_text("")
    with pytest.raises(StoreError) as caught:
        await store.read(ALL)
    assert caught.value.trouble is Trouble.UNREACHABLE


async def test_writes_are_transactions(tmp_path: Path) -> None:
    store = FilesStore(tmp_path)
    key, raw = PEERS + "a", "/calico/ipam/v2/host/n/ipv4/block/10.0.0.0-26"
    assert await store.write([Absent(key), Absent(raw)], [Put(key, peer("a").encode()), Put(raw, b"{}")]) is not None
    assert await store.write([Absent(key)], [Put(raw, b"x")]) is None
    one, two = await store.get(key), await store.get(raw)
    assert one is not None
    assert two is not None
    assert (one.place, two.value) == (f"{tmp_path / 'bgppeers-a.yaml'}:1", b"{}")
    assert await store.write([Unchanged(key, one.revision)], [Put(key, peer("a", 65002).encode())]) is not None
    assert await store.write([Unchanged(key, one.revision)], [Delete(key)]) is None
    assert await store.write([], [Delete(key), Delete(raw)]) is not None
    assert (await store.read(ALL)).entries == ()
    await store.close()


async def test_a_write_touches_only_its_document(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"# first\n{peer('a')}---\n# second\n{peer('b')}---\n{peer('c')}")
    store = FilesStore(tmp_path)
    await store.write([], [Put(PEERS + "b", peer("b", 65005).encode())])
    await store.write([], [Delete(PEERS + "c")])
    text = path.read_text()
    assert "# first" in text
    assert text.count("kind: BGPPeer") == 2
    listing = await store.read(ALL)
    assert sorted(entry.key.rpartition("/")[2] for entry in listing.entries) == ["a", "b"]
    assert listing.faults == ()
    assert "65005" in text
    await store.close()


async def test_two_writers_take_turns(tmp_path: Path) -> None:
    key = "/bgpd/v1/status/counter"

    async def count(times: int) -> None:
        store = FilesStore(tmp_path)
        while times:
            entry = await store.get(key)
            condition = Unchanged(key, entry.revision) if entry else Absent(key)
            value = str(int(entry.value) + 1 if entry else 1).encode()
            times -= await store.write([condition], [Put(key, value)]) is not None
        await store.close()

    await asyncio.gather(count(10), count(10), count(10))
    entry = await FilesStore(tmp_path).get(key)
    assert entry is not None
    assert entry.value == b"30"


async def test_a_watch_of_another_reading_is_refused(tmp_path: Path) -> None:
    store = FilesStore(tmp_path)
    listing = await store.read(ALL)
    with pytest.raises(StoreError) as caught:
        async with aclosing(store.watch(ALL, listing.revision + 1)) as stream:
            await anext(stream)
    assert caught.value.trouble is Trouble.COMPACTED
    await store.close()


def test_events_are_read_as_the_kernel_writes_them() -> None:
    import struct

    data = struct.pack("=iIII", 1, 0x80, 0, 8) + b"a.yaml\0\0" + struct.pack("=iIII", 1, 0x4000, 0, 0)
    assert parse(data) == [Event(0x80, "a.yaml"), Event(0x4000, "")]
    for end in range(len(data)):
        parse(data[:end])
    assert os.sep == "/"
