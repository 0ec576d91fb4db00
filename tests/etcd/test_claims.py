"""Claimants of a real etcd that are killed at every step, and that come together: one block has one owner."""

import asyncio
import subprocess
import sys

import pytest

from bgpd.cluster.store import claim as c
from bgpd.cluster.store.base import Range
from bgpd.cluster.store.claim import Outcome, claim
from bgpd.cluster.store.etcd import EtcdStore
from bgpd.cluster.store.keys import BLOCKS, HOSTS, read_affinity, read_block
from tests.etcd.claimant import POOL
from tests.etcd.driver import Member, access


def claimant(etcd: Member, node: str, when: str = "never", at: int = 0) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "tests.etcd.claimant", etcd.url, node, when, str(at)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


async def owners(store: EtcdStore) -> dict[str, str]:
    """Block -> its owner; that every confirmed affinity agrees with it, and no block has two, is checked."""
    listing = await store.read([Range(BLOCKS), Range(HOSTS)])
    owner = {str(read_block(e.key)): c.owner_of(e) for e in listing.entries if e.key.startswith(BLOCKS)}
    for entry in listing.entries:
        place = read_affinity(entry.key)
        if place is not None and c.state_of(entry) == c.CONFIRMED:
            assert owner[str(place[1])] == place[0]
    return owner


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", [1, 2, 3])
async def test_killed_at_every_step(etcd: Member, store: EtcdStore, when: str, at: int) -> None:
    dead = await asyncio.to_thread(claimant, etcd, "victim", when, at)
    assert dead.returncode == -9, dead
    await owners(store)
    others = [await claim(store, f"other{n}", [POOL]) for n in range(7)]  # eight blocks, one of them the victim's
    assert len({each.block for each in others}) == 7
    assert {each.outcome for each in others} == {Outcome.TAKEN}
    found = await claim(store, "victim", [POOL])
    assert found.block is not None
    owner = await owners(store)
    assert owner[str(found.block)] == "victim"
    assert sorted(owner.values()) == ["other0", "other1", "other2", "other3", "other4", "other5", "other6", "victim"]
    assert (await claim(store, "late", [POOL])).outcome is Outcome.NONE


async def test_twelve_at_one_time_for_eight_blocks(etcd: Member, store: EtcdStore) -> None:
    stores = [EtcdStore(access(etcd)) for _ in range(12)]
    claims = await asyncio.gather(*(claim(each, f"node{n}", [POOL]) for n, each in enumerate(stores)))
    blocks = [each.block for each in claims if each.block is not None]
    assert len(blocks) == len(set(blocks)) == 8
    assert len(await owners(store)) == 8
    assert [each.outcome for each in claims].count(Outcome.NONE) == 4
    for each in stores:
        await each.close()
