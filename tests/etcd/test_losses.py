"""A picture that follows a real etcd through restarts, lost leaders, cut networks and bursts."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from bgpd.cluster.store import etcd as etcd_module
from bgpd.cluster.store.base import Put, Range, StoreError
from bgpd.cluster.store.etcd import EtcdStore
from bgpd.cluster.store.follow import Follower, Moved, State
from bgpd.cluster.store.gateway import Access
from tests.etcd.driver import Member, access, three
from tests.netns.netns import Net

NODES = Range("/calico/resources/v3/projectcalico.org/nodes/")


class Watcher:
    """A follower, what it saw and when."""

    def __init__(self, way: Access) -> None:
        self.store = EtcdStore(way)
        self.follower = Follower(self.store, lambda _: (NODES,), on_change=self._change, on_state=self._state)
        self.seen: dict[str, float] = {}
        self.states: list[State] = []
        self.event = asyncio.Event()

    def _change(self, moved: Moved) -> None:
        self.seen |= dict.fromkeys(moved.keys, time.monotonic())
        self.event.set()

    def _state(self, state: State, _: str) -> None:
        self.states.append(state)
        self.event.set()

    def value(self, name: str) -> bytes | None:
        entry = self.follower.picture.entries.get(NODES.key + name)
        return entry.value if entry else None

    async def until(self, what: object, limit: float = 15) -> None:
        async with asyncio.timeout(limit):
            while not what():  # type: ignore[operator]
                self.event.clear()
                await self.event.wait()


@asynccontextmanager
async def watching(way: Access) -> AsyncIterator[Watcher]:
    watcher = Watcher(way)
    task = asyncio.create_task(watcher.follower.run())
    try:
        await watcher.until(lambda: watcher.follower.state is State.FOLLOWING)
        yield watcher
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await watcher.store.close()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_module, "CHECK", 0.3)


async def put(store: EtcdStore, name: str, value: bytes) -> None:
    await store.write([], [Put(NODES.key + name, value)])


async def test_a_restart_of_etcd_with_compacted_history(own_etcd: Member) -> None:
    async with watching(access(own_etcd, timeout=1.0)) as watcher:
        await put(watcher.store, "a", b"1")
        await watcher.until(lambda: watcher.value("a") == b"1")
        own_etcd.stop(signal.SIGKILL)
        await watcher.until(lambda: watcher.follower.state is State.LOST)
        assert watcher.value("a") == b"1"
        own_etcd.start()
        await asyncio.to_thread(own_etcd.wait)
        own_etcd.ctl("put", NODES.key + "b", "2")
        own_etcd.ctl("del", NODES.key + "a")
        own_etcd.ctl("compact", "4")
        await watcher.until(lambda: watcher.value("b") == b"2" and watcher.value("a") is None)


async def test_leaders_die_one_after_the_other(tmp_path: Path) -> None:
    """Three members; whoever leads is killed, twice: nothing is lost, nothing that was there goes."""
    with three(tmp_path) as members:
        async with watching(access(*members, timeout=1.0)) as watcher:
            for turn in range(2):
                leader = next(member for member in members if member.process and member.is_leader())
                watcher.store._gateway._at = members.index(leader)
                watcher.follower.nudge()
                await put(watcher.store, "before", b"%d" % turn)
                await watcher.until(lambda turn=turn: watcher.value("before") == b"%d" % turn)
                leader.stop(signal.SIGKILL)
                await _put_until_it_holds(watcher.store, "after", b"%d" % turn)
                await watcher.until(lambda turn=turn: watcher.value("after") == b"%d" % turn)
                assert watcher.value("before") == b"%d" % turn
                leader.start()
                await asyncio.to_thread(leader.wait)


async def test_a_member_without_a_leader_is_left(tmp_path: Path) -> None:
    """Two of three stop: nobody can write; the picture stays. One comes back: it goes on."""
    with three(tmp_path) as members:
        async with watching(access(*members, timeout=1.0)) as watcher:
            await put(watcher.store, "a", b"1")
            await watcher.until(lambda: watcher.value("a") == b"1")
            for member in members[1:]:
                member.stop(signal.SIGKILL)
            watcher.store._gateway._at = 0
            await watcher.until(lambda: watcher.follower.state is State.LOST)
            assert watcher.value("a") == b"1"
            members[1].start()
            await asyncio.to_thread(members[1].wait)
            await _put_until_it_holds(watcher.store, "b", b"2")
            await watcher.until(lambda: watcher.value("b") == b"2")


async def _put_until_it_holds(store: EtcdStore, name: str, value: bytes) -> None:
    async with asyncio.timeout(15):
        while True:
            try:
                await put(store, name, value)
            except StoreError:
                await asyncio.sleep(0.05)
            else:
                return


async def test_a_network_that_is_cut_and_comes_back(tmp_path: Path) -> None:
    """Packets are dropped in silence, in a namespace: no FIN, no RST."""
    with Net() as net:
        here, there = net.namespace("node"), net.namespace("etcd")
        net.veth(here, "eth0", there, "eth0")
        here.ip("addr add 192.0.2.1/24 dev eth0")
        there.ip("addr add 192.0.2.2/24 dev eth0")
        member = Member("one", tmp_path, "192.0.2.2:2379", "192.0.2.2:2380", namespace=there)
        member.start()
        try:
            await asyncio.to_thread(member.wait)
            store = EtcdStore(access(member, timeout=1.0))
            with here.entered():
                await store.get("/")  # name resolution's threads and the first socket are made inside
                async with watching(access(member, timeout=1.0)) as watcher:
                    await put(watcher.store, "a", b"1")
                    await watcher.until(lambda: watcher.value("a") == b"1")
                    there.ip("link set eth0 down")
                    await watcher.until(lambda: watcher.follower.state is State.LOST, limit=5)
                    assert watcher.value("a") == b"1"
                    there.ip("link set eth0 up")
                    await asyncio.to_thread(member.ctl, "put", NODES.key + "b", "2")
                    await watcher.until(lambda: watcher.value("b") == b"2", limit=10)
            await store.close()
        finally:
            member.stop()


async def test_a_thousand_nodes_that_change(etcd: Member) -> None:
    """Written as fast as etcd takes them (faster than a thousand in a minute): every change arrives, each soon."""
    body = json.dumps({"kind": "Node", "spec": {"bgp": {"ipv4Address": "10.0.0.1/24"}}}).encode()
    patient = access(etcd, timeout=20.0)
    async with AsyncExitStack() as stack:
        watcher = await stack.enter_async_context(watching(patient))
        writer = EtcdStore(patient)
        stack.push_async_callback(writer.close)
        delays = []
        for n in range(200):
            began = time.monotonic()
            await put(writer, f"single{n}", b"{}")
            await watcher.until(lambda n=n: NODES.key + f"single{n}" in watcher.seen)
            delays.append(watcher.seen[NODES.key + f"single{n}"] - began)
        delays.sort()
        assert delays[100] < 0.1, f"median {delays[100] * 1000:.1f} ms"
        lanes = asyncio.Semaphore(50)

        async def write(name: str) -> None:
            async with lanes:
                await put(writer, name, body)

        began = time.monotonic()
        await asyncio.gather(*(write(f"node{n}") for n in range(1000)))
        await watcher.until(lambda: len(watcher.follower.picture.entries) == 1200, limit=60)
        print(f"1,000 changes followed in {time.monotonic() - began:.2f} s; one: {delays[100] * 1000:.2f} ms")
        assert State.LOST not in watcher.states
