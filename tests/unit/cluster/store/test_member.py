"""A node registers, takes a block, reports; and a second one of its name or address does not."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest

from bgpd.cluster.snapshot import Snapshot
from bgpd.cluster.store import member as module
from bgpd.cluster.store.address import Found
from bgpd.cluster.store.base import Put, Range, StoreError, Trouble
from bgpd.cluster.store.keys import alive_key, resource_key, status_key
from bgpd.cluster.store.member import Identity, Member
from bgpd.cluster.store.picture import Picture
from bgpd.cluster.store.reading import Reader
from tests.unit.cluster.store.memory import MemoryStore
from tests.unit.cluster.store.test_reading import node, resource

NODE = resource_key("projectcalico.org/v3", "Node", "node1")


class Leasing(MemoryStore):
    """A store with leases, which a test ends."""

    def __init__(self) -> None:
        super().__init__()
        self.leases: set[int] = set()
        self.last = 0

    async def grant(self, ttl: int) -> int:
        self.last += 1
        self.leases.add(self.last)
        return self.last

    async def keep(self, lease: int) -> None:
        if lease not in self.leases:
            raise StoreError(Trouble.LEASE_LOST, "gone")

    async def revoke(self, lease: int) -> None:
        self.leases.discard(lease)


class Scene:
    def __init__(self, store: MemoryStore, machine: str = "host1", address: str = "10.0.0.1", asn: int = 0) -> None:
        self.store = store
        self.logged: list[tuple[str, dict[str, object]]] = []
        self.event = asyncio.Event()
        self.told: dict[str, object] = {"sessions": []}
        found = Found(ip_address(address).packed, 24, "a test")
        self.member = Member(
            store, Identity(node="node1", machine=machine, asn=asn), snapshot=self.snapshot, following=self._following,
            addresses=lambda: (found, None), report=self._report, log=self._log,
        )  # fmt: skip

    async def _report(self) -> dict[str, object]:
        return self.told

    def snapshot(self) -> Snapshot:
        return Reader().read(Picture(self.store.entries.values()))

    async def _following(self) -> None:
        await self.store.read([Range("/")])

    def _log(self, _level: str, event: str, fields: dict[str, object]) -> None:
        self.logged.append((event, fields))
        self.event.set()

    async def until_logged(self, event: str, times: int = 1) -> dict[str, object]:
        async with asyncio.timeout(5):
            while len(found := [fields for name, fields in self.logged if name == event]) < times:
                self.event.clear()
                await self.event.wait()
        return found[-1]

    async def until(self, key: str, words: str) -> None:
        async with asyncio.timeout(5):
            while key not in self.store.entries or words not in self.store.entries[key].value.decode():
                await asyncio.sleep(0.002)


@asynccontextmanager
async def living(scene: Scene) -> AsyncIterator[Scene]:
    task = asyncio.create_task(scene.member.run())
    try:
        yield scene
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"EVERY": 0.02, "SOON": 0.001, "RETRY": 0.01}.items():
        monkeypatch.setattr(module, name, value)


async def test_registered_only_when_its_address_is_in_the_picture() -> None:
    """Deciding without it, a node would begin with another router id, and its tunnels would have no end here."""
    store = Leasing()
    late = Snapshot(())
    scene = Scene(store)
    scene.member._snapshot = lambda: late  # type: ignore[misc]
    async with living(scene):
        await scene.until_logged("node_registered")
        for _ in range(10):
            await asyncio.sleep(0)
        assert not scene.member.registered.is_set()
        late = scene.snapshot()
        async with asyncio.timeout(5):
            await scene.member.registered.wait()


async def test_a_new_node() -> None:
    store = Leasing()
    pool = resource("IPPool", "p", {"cidr": "10.244.0.0/16", "blockSize": 24})
    await store.write([], [Put(pool.key, pool.value)])
    async with living(Scene(store, asn=64999)) as scene:
        await scene.until_logged("block_claimed")
        await scene.until(status_key("node1"), "10.244.")
        spec = json.loads(store.entries[NODE].value)["spec"]
        assert spec["bgp"] == {"ipv4Address": "10.0.0.1/24", "asNumber": 64999}
        assert spec["addresses"] == [{"address": "10.0.0.1/24", "type": "CalicoNodeIP"}]
        scene.told = {"sessions": ["another"]}
        scene.member.poke()
        await scene.until(status_key("node1"), "another")
    assert (await scene.until_logged("block_claimed"))["outcome"] == "taken"


async def test_a_node_that_is_there_keeps_what_others_wrote() -> None:
    store = Leasing()
    there = {"kind": "Node", "apiVersion": "projectcalico.org/v3", "metadata": {"name": "node1", "labels": {"rack": "1"}},
             "spec": {"bgp": {"ipv4Address": "10.9.9.9/16", "routeReflectorClusterID": "1.1.1.1"}, "orchRefs": []}}  # fmt: skip
    await store.write([], [Put(NODE, json.dumps(there).encode())])
    async with living(Scene(store)) as scene:
        await scene.until_logged("node_registered")
    value = json.loads(store.entries[NODE].value)
    assert value["metadata"]["labels"] == {"rack": "1"}
    assert value["spec"]["bgp"] == {"ipv4Address": "10.0.0.1/24", "routeReflectorClusterID": "1.1.1.1"}
    revision = store.entries[NODE].revision
    async with living(Scene(store)) as scene:
        await scene.until(status_key("node1"), "node1")
    assert store.entries[NODE].revision == revision  # nothing to be written


async def test_another_machine_of_our_name_is_named_until_it_goes() -> None:
    store = Leasing()
    async with living(Scene(store, "host1")) as first:
        await first.until_logged("node_registered")
        async with living(Scene(store, "host2", "10.0.0.2")) as second:
            told = await second.until_logged("node_conflict")
            assert "host1 at 10.0.0.1/24" in str(told["reason"])
            assert b"10.0.0.1" in store.entries[NODE].value
            del store.entries[alive_key("node1")]  # as its lease would
            await second.until_logged("node_registered")
            assert b"10.0.0.2" in store.entries[NODE].value


async def test_the_same_machine_comes_back_at_once() -> None:
    store = Leasing()
    async with living(Scene(store)) as first:
        await first.until_logged("node_registered")
    async with living(Scene(store)) as second:
        await second.until(alive_key("node1"), "host1")
        await asyncio.wait_for(second.member.registered.wait(), 5)
    assert "node_conflict" not in dict(second.logged)


async def test_a_node_with_our_address_is_named() -> None:
    store = Leasing()
    other = node("other", "10.0.0.1/16")
    await store.write([], [Put(other.key, other.value)])
    async with living(Scene(store)) as scene:
        told = await scene.until_logged("node_conflict")
        assert "node other has our address 10.0.0.1" in str(told["reason"])
        assert NODE not in store.entries


async def test_a_lost_lease_is_taken_anew() -> None:
    store = Leasing()
    async with living(Scene(store)) as scene:
        await scene.until(status_key("node1"), "node1")
        store.leases.clear()
        for key in (alive_key("node1"), status_key("node1")):
            store.entries.pop(key)
        await scene.until(alive_key("node1"), "host1")
        await scene.until(status_key("node1"), "node1")


async def test_a_store_that_was_away() -> None:
    store = Leasing()
    store.cut()
    async with living(Scene(store)) as scene:
        await scene.until_logged("datastore_trouble")


async def test_no_leases() -> None:
    """In files there are none: the report carries its time."""
    store = MemoryStore()
    async with living(Scene(store)) as scene:
        await scene.until(status_key("node1"), '"ttl": 30')
        assert alive_key("node1") not in store.entries


def test_pools_that_a_node_may_take_from() -> None:
    entries = [
        node("node1", "10.0.0.1/24"),
        resource("IPPool", "a", {"cidr": "10.1.0.0/16", "disabled": True}),
        resource("IPPool", "b", {"cidr": "10.2.0.0/16", "nodeSelector": "rack == 'x'"}),
        resource("IPPool", "c", {"cidr": "10.3.0.0/16", "assignmentMode": "Manual"}),
        resource("IPPool", "d", {"cidr": "10.4.0.0/16", "allowedUses": ["LoadBalancer"]}),
        resource("IPPool", "e", {"cidr": "10.5.0.0/16"}),
    ]
    found = module.pools_of(Reader().read(Picture(entries)), "node1")
    assert [(str(pool.cidr), pool.bits) for pool in found] == [("10.5.0.0/16", 26)]
