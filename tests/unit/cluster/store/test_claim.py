"""Two nodes never own one block: every crash at every step, every interleaving of two claimants."""

import asyncio
import itertools
import json
import random
from ipaddress import ip_network

import pytest

from bgpd.cluster.store import claim as c
from bgpd.cluster.store.base import Put, StoreError, Trouble
from bgpd.cluster.store.claim import Claim, Outcome, Pool, claim
from bgpd.cluster.store.keys import affinity_key, block_key, read_affinity, read_block
from tests.unit.cluster.store.memory import Crash, MemoryStore

POOL = Pool(ip_network("10.244.0.0/24"), 26)  # four blocks


def owners(store: MemoryStore) -> dict[str, list[str]]:
    """Block -> nodes that have it confirmed, where the block itself agrees."""
    found: dict[str, list[str]] = {}
    for key, entry in store.entries.items():
        place = read_affinity(key)
        if place is not None and c.state_of(entry) == c.CONFIRMED:
            found.setdefault(str(place[1]), []).append(place[0])
    return found


def check(store: MemoryStore) -> None:
    for block, nodes in owners(store).items():
        assert len(nodes) == 1, f"{block} belongs to {nodes}"
        there = store.entries.get(block_key(ip_network(block)))
        assert there is not None
        assert c.owner_of(there) == nodes[0]


async def test_a_claim_and_the_same_again() -> None:
    store = MemoryStore()
    first = await claim(store, "node1", [POOL])
    assert first.outcome is Outcome.TAKEN
    assert await claim(store, "node1", [POOL]) == Claim(Outcome.HELD, first.block)
    assert first.block is not None
    assert json.loads(store.entries[affinity_key("node1", first.block)].value) == {
        "state": "confirmed",
        "deleted": False,
    }
    block = json.loads(store.entries[block_key(first.block)].value)
    assert (block["cidr"], block["affinity"]) == (str(first.block), "host:node1")
    assert block["allocations"] == [None] * 64
    assert block["unallocated"] == list(range(64))


async def test_the_states_go_pending_block_confirmed() -> None:
    store = MemoryStore()
    await claim(store, "node1", [POOL])
    steps = [
        (h.key.split("/")[4], c.state_of(h.entry) if read_affinity(h.key) and h.entry else "") for h in store.history
    ]
    assert steps == [("host", "pending"), ("assignment", ""), ("host", "confirmed")]


async def test_the_fifth_of_five_gets_nothing() -> None:
    store = MemoryStore()
    claims = [await claim(store, f"node{n}", [POOL]) for n in range(5)]
    assert [each.outcome for each in claims] == [Outcome.TAKEN] * 4 + [Outcome.NONE]
    assert len({each.block for each in claims[:4]}) == 4
    check(store)
    assert not [key for key in store.entries if key.startswith("/calico/ipam/v2/host/node4/")]


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_a_crash_at_any_step_is_finished_later(step: int, lost: str) -> None:
    """The others never get that block, and the node that comes back has one, and only one."""
    store = MemoryStore()
    count = itertools.count(1)

    def crash() -> None:
        if next(count) == step:
            raise Crash

    setattr(store, "before" if lost == "request" else "after", crash)
    with pytest.raises(Crash):
        await claim(store, "node1", [POOL])
    setattr(store, "before" if lost == "request" else "after", lambda: None)
    check(store)
    others = [await claim(store, f"other{n}", [POOL]) for n in range(3)]
    check(store)
    again = await claim(store, "node1", [POOL])
    assert again.block is not None
    assert again.block not in {each.block for each in others}
    check(store)
    assert sum("node1" in nodes for nodes in owners(store).values()) == 1
    assert (await claim(store, "node1", [POOL])).outcome is Outcome.HELD


async def test_the_loser_of_a_race_takes_its_intention_back() -> None:
    """Both had the affinity pending; the block was there first."""
    store = MemoryStore()
    block = next(iter(c.candidates(POOL, "node1", ())))
    await store.write([], [Put(affinity_key("node1", block), c.affinity_value(c.PENDING))])
    await store.write([], [Put(block_key(block), c.block_value("node2", block))])
    await store.write([], [Put(affinity_key("node2", block), c.affinity_value(c.CONFIRMED))])
    found = await claim(store, "node1", [POOL])
    assert found.outcome is Outcome.TAKEN
    assert found.block != block
    assert affinity_key("node1", block) not in store.entries
    check(store)


async def test_a_confirmed_affinity_to_a_block_of_another_is_not_believed() -> None:
    store = MemoryStore()
    block = next(iter(c.candidates(POOL, "node1", ())))
    await store.write([], [Put(affinity_key("node1", block), b"")])  # Calico's oldest form of "confirmed"
    await store.write([], [Put(block_key(block), c.block_value("node2", block))])
    assert await c.owned(store, "node1") == []
    found = await claim(store, "node1", [POOL])
    assert found.block != block
    check(store)


@pytest.mark.parametrize("seed", range(60))
async def test_claimants_at_one_time_that_crash_and_come_back(seed: int) -> None:
    """Six nodes, four blocks, writes that interleave and claimants that die anywhere, until all is quiet."""
    rng = random.Random(seed)
    store = MemoryStore()

    def fate() -> None:
        check(store)
        if rng.random() < 0.15:
            raise Crash

    store.before = store.after = fate

    async def live(node: str) -> Claim:
        while True:
            for _ in range(rng.randrange(4)):
                await asyncio.sleep(0)
            try:
                return await claim(store, node, [POOL])
            except Crash:
                continue

    await asyncio.gather(*(live(f"n{n}") for n in range(6)))
    store.before = store.after = lambda: None
    last = [await claim(store, f"n{n}", [POOL]) for n in range(6)]
    check(store)
    held = [each.block for each in last if each.block is not None]
    assert len(held) == len(set(held)) == 4


async def test_a_broken_block_stops_the_claim_with_its_name() -> None:
    store = MemoryStore()
    block = next(iter(c.candidates(POOL, "node1", ())))
    await store.write([], [Put(affinity_key("node1", block), c.affinity_value(c.PENDING))])
    await store.write([], [Put(block_key(block), b"{")])
    with pytest.raises(StoreError, match="assignment") as caught:
        await claim(store, "node1", [POOL])
    assert caught.value.trouble is Trouble.BROKEN


@pytest.mark.parametrize("step", [0, 1, 2, 3])
async def test_a_release_that_dies_half_way_is_finished_later(step: int) -> None:
    store = MemoryStore()
    block = (await claim(store, "node1", [POOL])).block
    assert block is not None
    count = itertools.count(1)

    def crash() -> None:
        if next(count) == step:
            raise Crash

    store.after = crash
    try:
        assert await c.release(store, "node1", block)
    except Crash:
        store.after = lambda: None
        await c.settle(store, "node1")
    assert not [key for key in store.entries if "node1" in key or read_block(key) == block]


async def test_a_block_in_use_is_not_released() -> None:
    store = MemoryStore()
    block = (await claim(store, "node1", [POOL])).block
    assert block is not None
    value = json.loads(store.entries[block_key(block)].value)
    value["allocations"][5] = 0
    await store.write([], [Put(block_key(block), json.dumps(value).encode())])
    assert not await c.release(store, "node1", block)
    assert block_key(block) in store.entries


def test_candidates_avoid_blocks_of_any_size_and_begin_in_different_places() -> None:
    pool = Pool(ip_network("10.0.0.0/16"), 26)
    first = {next(iter(c.candidates(pool, f"node{n}", ()))) for n in range(50)}
    assert len(first) > 45
    small = Pool(ip_network("10.0.0.0/24"), 26)
    left = list(c.candidates(small, "n", {ip_network("10.0.0.128/25"), ip_network("10.0.0.0/26")}))
    assert left == [ip_network("10.0.0.64/26")]
    v6 = next(iter(c.candidates(Pool(ip_network("fd00:10::/48"), 122), "n", ())))
    assert v6.prefixlen == 122
    assert v6.subnet_of(ip_network("fd00:10::/48"))  # type: ignore[arg-type]
