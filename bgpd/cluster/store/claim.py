"""One block, one owner, whatever crashes when: Calico's claim protocol, over any store.

    1  the affinity, `pending`       /calico/ipam/v2/host/NODE/ipv4/block/...      only where there is none
    2  the block, with our name      /calico/ipam/v2/assignment/ipv4/block/...     only where there is none
    3  the affinity, `confirmed`                                                   only where it is still step 1's

The block's key decides: it is there once, and names one owner. An affinity is an intention until it is confirmed,
and nobody announces a pending one. A claimant that dies leaves an intention behind; when it comes back it looks at
its own affinities first and finishes, or takes back, what it finds. A claimant whose answer got lost does the same.
Every step is a transaction on what was read, so that a claimant that was suspended for an hour does nothing.
"""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_network
from typing import Any, Final

from bgpd.cluster.store.base import Absent, Delete, Entry, Put, Range, Store, StoreError, Trouble, Unchanged
from bgpd.cluster.store.keys import (
    BLOCKS,
    Network,
    affinity_key,
    affinity_prefix,
    block_key,
    read_affinity,
    read_block,
)

PENDING: Final = "pending"
CONFIRMED: Final = "confirmed"
LEAVING: Final = "pendingDeletion"
_LARGEST_WALK: Final = 1 << 20  #: blocks of one pool that are looked at


class Outcome(Enum):
    """What became of a claim."""

    HELD = "held"  #: it was ours before
    FINISHED = "finished"  #: an earlier claim of ours was left half-way, and is complete now
    TAKEN = "taken"  #: a new one
    NONE = "none"  #: no block is free


@dataclass(frozen=True, slots=True)
class Pool:
    """Where blocks come from."""

    cidr: Network
    bits: int  #: length of a block's prefix


@dataclass(frozen=True, slots=True)
class Claim:
    """The block that this node has now."""

    outcome: Outcome
    block: Network | None


async def claim(store: Store, node: str, pools: Sequence[Pool]) -> Claim:
    """One block of the first pool that has one, for this node; the one that it has already comes first.

    Raises StoreError; then nothing is certain, and calling it again is right.
    """
    finished = await settle(store, node)
    held = await owned(store, node)
    for pool in pools:
        for block in held:
            if _inside(block, pool):
                return Claim(Outcome.FINISHED if block in finished else Outcome.HELD, block)
    for pool in pools:
        taken = {found for key in await _keys(store, pool) if (found := read_block(key)) is not None}
        for free in candidates(pool, node, taken):
            if await _take(store, node, free):
                return Claim(Outcome.TAKEN, free)
    return Claim(Outcome.NONE, None)


async def owned(store: Store, node: str) -> list[Network]:
    """The blocks that are this node's beyond doubt: affinity confirmed, and the block says so itself."""
    listing = await store.read([Range(affinity_prefix(node))])
    found = []
    for entry in listing.entries:
        place = read_affinity(entry.key)
        if place is not None and state_of(entry) == CONFIRMED:
            block = await store.get(block_key(place[1]))
            if block is not None and owner_of(block) == node:
                found.append(place[1])
    return found


async def settle(store: Store, node: str) -> list[Network]:
    """Finish, or take back, every claim of this node that is half-way; the blocks that are ours since."""
    listing = await store.read([Range(affinity_prefix(node))])
    finished = []
    for entry in listing.entries:
        place = read_affinity(entry.key)
        if place is None:
            continue
        block = await store.get(block_key(place[1]))
        state, ours = state_of(entry), block is not None and owner_of(block) == node
        if block is not None and not ours and state in (PENDING, CONFIRMED):
            await store.write([Unchanged(entry.key, entry.revision)], [Delete(entry.key)])
        elif state == LEAVING:
            await _leave(store, entry, block if ours else None)
        elif (state == PENDING or block is None) and await _create_and_confirm(store, node, place[1], entry.revision):
            finished.append(place[1])
    return finished


async def release(store: Store, node: str, block: Network) -> bool:
    """Give a block back: the affinity goes last, so that a crash in between is seen and finished.

    False: it is not ours, or addresses of it are in use.
    """
    entry, there = await store.get(affinity_key(node, block)), await store.get(block_key(block))
    if entry is None or (there is not None and owner_of(there) != node):
        return False
    leaving = await store.write([Unchanged(entry.key, entry.revision)], [Put(entry.key, affinity_value(LEAVING))])
    if leaving is None:
        return False
    entry = await store.get(entry.key)
    return entry is not None and await _leave(store, entry, there)


async def _leave(store: Store, affinity: Entry, block: Entry | None) -> bool:
    """The rest of a release. A block with addresses that are in use stays, and so does the affinity."""
    if block is not None:
        if any(index is not None for index in _object(block).get("allocations") or ()):
            return False
        if await store.write([Unchanged(block.key, block.revision)], [Delete(block.key)]) is None:
            return False
    return await store.write([Unchanged(affinity.key, affinity.revision)], [Delete(affinity.key)]) is not None


async def _take(store: Store, node: str, block: Network) -> bool:
    """All three steps. False: somebody else has it."""
    key = affinity_key(node, block)
    revision = await store.write([Absent(key)], [Put(key, affinity_value(PENDING))])
    if revision is None:  # we, or an earlier self of ours
        return False
    entry = await store.get(key)
    if entry is None or state_of(entry) != PENDING:
        return False
    return await _create_and_confirm(store, node, block, entry.revision)


async def _create_and_confirm(store: Store, node: str, block: Network, affinity: int) -> bool:
    """Steps 2 and 3, for an affinity whose last write is the one at `affinity`."""
    key, mine = block_key(block), affinity_key(node, block)
    made = await store.write([Absent(key), Unchanged(mine, affinity)], [Put(key, block_value(node, block))])
    if made is None:
        there = await store.get(key)
        if there is None:
            return False  # the affinity is not what it was: somebody works on it
        if owner_of(there) != node:
            await store.write([Unchanged(mine, affinity)], [Delete(mine)])
            return False
    return await store.write([Unchanged(mine, affinity)], [Put(mine, affinity_value(CONFIRMED))]) is not None


async def _keys(store: Store, pool: Pool) -> list[str]:
    listing = await store.read([Range(f"{BLOCKS}ipv{pool.cidr.version}/block/")])
    return [entry.key for entry in listing.entries]


def candidates(pool: Pool, node: str, taken: Iterable[Network]) -> Iterator[Network]:
    """The free blocks of a pool, from a place that the node's name decides: nodes that start together spread out."""
    avoid = set(taken)
    count = 1 << (pool.bits - pool.cidr.prefixlen)
    start = random.Random(f"{pool.bits} {node}").randrange(count)  # noqa: S311 - a place to begin, not a secret
    size = 1 << (pool.cidr.max_prefixlen - pool.bits)
    base = int(pool.cidr.network_address)
    for step in range(min(count, _LARGEST_WALK)):
        address = type(pool.cidr.network_address)(base + (start + step) % count * size)
        block = ip_network(f"{address}/{pool.bits}")
        if not any(block.overlaps(other) for other in _near(block, avoid)):
            yield block


def _near(block: Network, taken: set[Network]) -> Iterable[Network]:
    """Those of `taken` that might overlap: the same one, and (pools change their block size) every other size."""
    if block in taken:
        return (block,)
    return [other for other in taken if other.prefixlen != block.prefixlen and other.version == block.version]


def affinity_value(state: str) -> bytes:
    return json.dumps({"state": state, "deleted": False}, separators=(",", ":")).encode()


def block_value(node: str, block: Network) -> bytes:
    """A block of which every address is free."""
    count = block.num_addresses
    value = {
        "cidr": str(block),
        "affinity": f"host:{node}",
        "strictAffinity": False,
        "allocations": [None] * count,
        "unallocated": list(range(count)),
        "attributes": [],
        "sequenceNumber": 0,
        "sequenceNumberForAllocation": {},
        "deleted": False,
    }
    return json.dumps(value, separators=(",", ":")).encode()


def state_of(entry: Entry) -> str:
    """An affinity's state; nothing at all is `confirmed`, as Calico's oldest versions wrote it."""
    if not entry.value:
        return CONFIRMED
    value = _object(entry)
    return LEAVING if value.get("deleted") is True else str(value.get("state") or CONFIRMED)


def owner_of(entry: Entry) -> str:
    """The node that a block names; empty: none."""
    value = _object(entry)
    affinity = str(value.get("affinity") or "")
    if not affinity and value.get("hostAffinity"):
        return str(value["hostAffinity"])
    kind, _, name = affinity.partition(":")
    return name if kind == "host" else ""


def _object(entry: Entry) -> dict[str, Any]:
    try:
        value = json.loads(entry.value)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise StoreError(Trouble.BROKEN, f"{entry.key}: is no JSON object; nothing is claimed until it is repaired")
    return value


def _inside(block: Network, pool: Pool) -> bool:
    return block.version == pool.cidr.version and block.subnet_of(pool.cidr)  # type: ignore[arg-type]
