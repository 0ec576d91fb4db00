"""A node among nodes: it registers itself, takes a block, and says what it is doing, with a lease.

Everything here begins anew when the store has been away, and each step looks first at what is there: a node that
was registered by somebody else (calicoctl, an earlier life) is taken as it is, but for its address.

Two machines with one name, or one address, would ruin each other: whoever comes second says so and does not register.
The key `/bgpd/v1/alive/NODE` lives with a lease of half a minute and names the machine that holds it.
"""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any, Final, Protocol

from bgpd.cluster import selector
from bgpd.cluster.resources import IPPool, Node
from bgpd.cluster.snapshot import Snapshot
from bgpd.cluster.store.address import Found
from bgpd.cluster.store.base import Absent, Entry, Put, Store, StoreError, Trouble, Unchanged
from bgpd.cluster.store.claim import Outcome, Pool, claim
from bgpd.cluster.store.keys import alive_key, resource_key, status_key
from bgpd.wire.family import FAMILIES
from bgpd.wire.prefix import format_address, format_prefix

TTL: Final = 30  #: seconds of the lease
EVERY: Final = 10.0  #: seconds between two reports, and two renewals of the lease
SOON: Final = 0.5  #: seconds in which changes gather before they are reported
RETRY: Final = 5.0  #: seconds between two attempts to register
_LARGEST: Final = 1 << 20  #: octets of a report; etcd takes one and a half times that
_ECHO: Final = 2.0  #: seconds at most until what we wrote is in the snapshot
_LOOK: Final = 0.02  #: seconds between two looks

Emit = Callable[[str, str, dict[str, object]], None]


class Conflict(Exception):  # noqa: N818 - a state of the world
    """We may not register; the text says who is in the way."""


class Leases(Protocol):
    """What only etcd has."""

    async def grant(self, ttl: int) -> int: ...
    async def keep(self, lease: int) -> None: ...
    async def revoke(self, lease: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who we are."""

    node: str
    machine: str  #: what tells this machine from every other one
    asn: int = 0  #: of this node; 0: the cluster's


class Member:
    """One node's part in the store. `run` is a task."""

    def __init__(
        self,
        store: Store,
        identity: Identity,
        *,
        snapshot: Callable[[], Snapshot],
        following: Callable[[], Awaitable[None]],
        addresses: Callable[[], tuple[Found | None, Found | None]],
        report: Callable[[], Awaitable[dict[str, Any]]],
        log: Emit,
    ) -> None:
        """`addresses`: of both families, found now; raises ValueError. `report`: what the node says of itself."""
        self.registered = asyncio.Event()  #: our Node resource is there
        self.block = ""  #: the blocks that we have, for people
        self._store: Final = store
        self._leases: Final[Leases | None] = store if hasattr(store, "grant") else None  # type: ignore[assignment]
        self._identity: Final = identity
        self._snapshot: Final = snapshot
        self._following: Final = following
        self._addresses: Final = addresses
        self._report: Final = report
        self._log: Final = log
        self._lease = 0
        self._moved: Final = asyncio.Event()
        self._said = ""
        self._reported = b""

    def poke(self) -> None:
        """Something that is reported, or a pool, has changed."""
        self._moved.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                await self._following()
                await self._register()
                self.registered.set()
                await self._live()
            except StoreError as error:
                if error.trouble is not Trouble.LEASE_LOST:
                    if self._news(error):
                        self._log("warning", "datastore_trouble", {"node": self._identity.node, "reason": str(error)})
                    await asyncio.sleep(1.0)
            except Conflict as error:
                if self._news(error):
                    self._log("error", "node_conflict", {"node": self._identity.node, "reason": str(error)})
                await asyncio.sleep(RETRY)
            except ValueError as error:
                if self._news(error):
                    self._log("error", "node_address", {"node": self._identity.node, "reason": str(error)})
                await asyncio.sleep(RETRY)

    async def leave(self) -> None:
        """Say that we go: what lives with our lease goes now."""
        if self._leases is not None and self._lease:
            with suppress(StoreError, TimeoutError):
                async with asyncio.timeout(2.0):
                    await self._leases.revoke(self._lease)

    def _news(self, error: Exception) -> bool:
        """Whether this was not said the last time."""
        before, self._said = self._said, str(error)
        return before != self._said

    # -- registering ---------------------------------------------------------------------------------------------
    async def _register(self) -> None:
        """Our Node resource, with our address. Raises Conflict, ValueError (no address), StoreError."""
        found = self._addresses()
        self._refuse_twins(found)
        await self._be_alive(found)
        if await self._write_node(found):
            await self._see(found)
        self._said = ""

    async def _see(self, found: tuple[Found | None, Found | None]) -> None:
        """Until the snapshot has what we wrote: a node that decides without its address has another router id."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_ECHO):
                while not self._shown(found):  # noqa: ASYNC110 - who reads the picture tells nobody
                    await asyncio.sleep(_LOOK)

    def _shown(self, found: tuple[Found | None, Found | None]) -> bool:
        node = self._snapshot().get(Node, self._identity.node)
        bgp = node.bgp if node is not None else None
        theirs = [bgp.address(len(each.address)) if bgp is not None else None for each in found if each is not None]
        ours = [each.address for each in found if each is not None]
        return [each.address if each is not None else b"" for each in theirs] == ours

    def _refuse_twins(self, found: tuple[Found | None, Found | None]) -> None:
        for name, node in self._snapshot().all(Node).items():
            for each in found:
                if name == self._identity.node or node.bgp is None or each is None:
                    continue
                theirs = node.bgp.address(len(each.address))
                if theirs is not None and theirs.address == each.address:
                    text = (
                        f"node {name} has our address {format_address(each.address)} ({each.how}): give one of both "
                        f"another one (--node-address), or delete node {name} where it is gone"
                    )
                    raise Conflict(text)

    async def _be_alive(self, found: tuple[Found | None, Found | None]) -> None:
        """The key that says that we are there, which another machine of our name may hold."""
        if self._leases is None:
            return
        key, text = alive_key(self._identity.node), ", ".join(str(each) for each in found if each is not None)
        entry = await self._store.get(key)
        ours = f"{self._identity.machine} at {text}"
        machine = _object(entry).get("machine") if entry is not None else None
        if machine is not None and machine != ours:
            raise Conflict(
                f"another machine is node {self._identity.node}: {machine}; give this one another name (--node)"
            )
        if not self._lease:
            self._lease = await self._leases.grant(TTL)
        value = json.dumps({"machine": ours}).encode()
        condition = Absent(key) if entry is None else Unchanged(key, entry.revision)
        try:
            written = await self._store.write([condition], [Put(key, value, self._lease)])
        except StoreError as error:
            if error.trouble is Trouble.LEASE_LOST:
                self._lease = 0
            raise
        if written is None:
            raise Conflict(f"another machine became node {self._identity.node} at this moment")

    async def _write_node(self, found: tuple[Found | None, Found | None]) -> bool:
        """Create the resource, or put our address into the one that is there; whether that was needed."""
        name = self._identity.node
        key = resource_key("projectcalico.org/v3", "Node", name)
        for _ in range(10):
            entry = await self._store.get(key)
            value = _object(entry) if entry is not None else self._fresh()
            if entry is not None and not value:
                return False  # YAML of a person's, in a file: what it says counts
            changed = self._fill(value, found)
            if not changed and entry is not None:
                return False
            text = json.dumps(value, separators=(",", ":")).encode()
            condition = Absent(key) if entry is None else Unchanged(key, entry.revision)
            if await self._store.write([condition], [Put(key, text)]) is not None:
                address = ", ".join(f"{each} ({each.how})" for each in found if each is not None)
                self._log("info", "node_registered", {"node": name, "address": address, "new": entry is None})
                return True
        raise StoreError(Trouble.UNREACHABLE, f"{key}: changes faster than we can write it")

    def _fresh(self) -> dict[str, Any]:
        created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        meta = {"name": self._identity.node, "uid": str(uuid.uuid4()), "creationTimestamp": created}
        return {"kind": "Node", "apiVersion": "projectcalico.org/v3", "metadata": meta, "spec": {"bgp": {}}}

    def _fill(self, value: dict[str, Any], found: tuple[Found | None, Found | None]) -> bool:
        """Put what we know into a Node; whether that changed it."""
        spec = _child(value, "spec")
        bgp = _child(spec, "bgp")
        before = json.dumps(value, sort_keys=True)
        for each, key in zip(found, ("ipv4Address", "ipv6Address"), strict=True):
            if each is not None:
                bgp[key] = str(each)
        if self._identity.asn:
            bgp["asNumber"] = self._identity.asn
        if not bgp:
            del spec["bgp"]  # Calico refuses an empty one
        known = [{"address": str(each), "type": "CalicoNodeIP"} for each in found if each is not None]
        others = [each for each in spec.get("addresses") or [] if each.get("type") != "CalicoNodeIP"]
        if known:
            spec["addresses"] = [*known, *others]
        return json.dumps(value, sort_keys=True) != before

    # -- living --------------------------------------------------------------------------------------------------
    async def _live(self) -> None:
        """Take a block, report, renew the lease, until the store fails."""
        claimed: tuple[Pool, ...] | None = None
        while True:
            pools = pools_of(self._snapshot(), self._identity.node)
            if pools != claimed:
                await self._take_blocks(pools)
                claimed = pools
            if self._leases is not None:
                await self._renew()
            await self._say()
            self._moved.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._moved.wait()
                    await asyncio.sleep(SOON)

    async def _take_blocks(self, pools: tuple[Pool, ...]) -> None:
        """One block of each family that has a pool for us."""
        blocks = []
        for version in (4, 6):
            mine = [pool for pool in pools if pool.cidr.version == version]
            if not mine:
                continue
            got = await claim(self._store, self._identity.node, mine)
            if got.outcome is Outcome.NONE:
                reason = f"no block is free in {', '.join(str(pool.cidr) for pool in mine)}"
                self._log("error", "block_missing", {"node": self._identity.node, "reason": reason})
                continue
            blocks.append(str(got.block))
            if got.outcome is not Outcome.HELD:
                fields: dict[str, object] = {"node": self._identity.node, "block": str(got.block)}
                self._log("info", "block_claimed", fields | {"outcome": got.outcome.value})
        self.block = ", ".join(blocks)

    async def _renew(self) -> None:
        assert self._leases is not None
        try:
            await self._leases.keep(self._lease)
        except StoreError as error:
            if error.trouble is Trouble.LEASE_LOST:
                self._lease, self._reported = 0, b""
            raise

    async def _say(self) -> None:
        """Our status, where it differs from the one that is there; without leases again and again."""
        value = {"node": self._identity.node, "blocks": self.block, **await self._report()}
        text = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
        if len(text) > _LARGEST:
            value["has"] = None  # too much to be told; the sessions still are
            text = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
        if text == self._reported and self._leases is not None:
            return
        if self._leases is None:
            text = json.dumps(value | {"time": datetime.now(UTC).timestamp(), "ttl": TTL}, sort_keys=True).encode()
        await self._store.write([], [Put(status_key(self._identity.node), text, self._lease)])
        self._reported = text


def pools_of(snapshot: Snapshot, name: str) -> tuple[Pool, ...]:
    """The pools that a node may take a block of, by name; none for a node whose addresses come from elsewhere."""
    node = snapshot.get(Node, name)
    if node is None or node.pod_cidrs:
        return ()
    return tuple(
        Pool(ip_network(format_prefix(*pool.cidr)), pool.bits)
        for pool in snapshot.all(IPPool).values()
        if not pool.disabled
        and "Workload" in pool.allowed_uses
        and pool.assignment_mode == "Automatic"
        and selector.matches(pool.node_selector, node.meta.labels)
        and pool.cidr[0] in FAMILIES
    )


def _object(entry: Entry) -> dict[str, Any]:
    """The JSON object of an entry; empty where it is something else."""
    with suppress(ValueError):
        value = json.loads(entry.value)
        if isinstance(value, dict):
            return value
    return {}


def _child(value: dict[str, Any], key: str) -> dict[str, Any]:
    """The mapping at a key, made where there is none."""
    if not isinstance(value.get(key), dict):
        value[key] = {}
    found: dict[str, Any] = value[key]
    return found
