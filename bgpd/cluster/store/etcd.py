"""The `etcd` store: Calico's etcd as it is, by transactions at exact revisions.

A list reads its ranges page by page, all of them at the revision of the first page. A watch is one stream for all
ranges, and has begun when etcd has said so of each: a range that it did not hear of would be silent for ever. The
stream of a member that is cut off can stay open and silent: so while a watch runs, the same endpoint is asked for one
key every few seconds (a linearizable read: the member must reach its leader to answer). Where one of these fails, the
watch ends with UNREACHABLE; the next request goes to another endpoint where this one does not answer.
"""

import asyncio
from base64 import b64decode
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from typing import Any, Final

from bgpd.cluster.store.base import (
    Absent,
    Change,
    Changes,
    Condition,
    Delete,
    Entry,
    Listing,
    Range,
    StoreError,
    Trouble,
    Write,
)
from bgpd.cluster.store.gateway import Access, Gateway, Message, b64
from bgpd.cluster.store.keys import end_of

PAGE: Final = 500  #: keys of one page; fewer where they are large
BEGIN: Final = 3.0  #: seconds in which the watch of every range has to begin
CHECK: Final = 3.0  #: seconds between two questions to the endpoint of a watch


class EtcdStore:
    """`Store` over a real etcd, and the leases that only it has."""

    def __init__(self, access: Access) -> None:
        """Raises StoreError (REFUSED) where a certificate cannot be read."""
        self._gateway: Final = Gateway(access)
        self.name: Final = f"etcd at {', '.join(access.endpoints)}"

    async def close(self) -> None:
        await self._gateway.close()

    # -- reading -------------------------------------------------------------------------------------------------
    async def read(self, ranges: Sequence[Range]) -> Listing:
        revision = 0
        entries: list[Entry] = []
        for each in ranges:
            revision, found = await self._pages(each, revision)
            entries += found
        return Listing(revision, tuple(entries))

    async def _pages(self, wanted: Range, revision: int) -> tuple[int, list[Entry]]:
        """One range, at `revision` (0: now); and the revision that it was read at."""
        entries: list[Entry] = []
        size, start = PAGE, wanted.key.encode()
        while True:
            request: Message = {"key": b64(start), "limit": str(size)}
            if wanted.prefix:
                request["range_end"] = b64(end_of(wanted.key))
            if revision:
                request["revision"] = str(revision)
            try:
                answer = await self._gateway.call("kv/range", request)
            except StoreError as error:
                if error.trouble is Trouble.TOO_LARGE and size > 1:  # gRPC's limit of 4 MiB for one answer
                    size //= 4
                    continue
                raise
            revision = revision or _revision(answer)
            page = [_entry(row) for row in answer.get("kvs", ())]
            entries += page
            if not answer.get("more") or not page:
                return revision, entries
            start = page[-1].key.encode() + b"\0"

    async def get(self, key: str) -> Entry | None:
        rows = (await self._gateway.call("kv/range", {"key": b64(key)})).get("kvs", ())
        return _entry(rows[0]) if rows else None

    async def watch(self, ranges: Sequence[Range], after: int) -> AsyncGenerator[Changes, None]:
        """As `Store.watch`. What it yields first may be empty: the watch has begun."""
        creates = [{"create_request": _watch_request(each, after + 1)} for each in ranges]
        async with aclosing(self._gateway.stream("watch", creates)) as stream:
            waiting: asyncio.Task[Message] | None = None
            missing = len(creates)
            begun = asyncio.Event()
            check = asyncio.create_task(self._check(ranges[0].key, begun))
            try:
                while True:
                    waiting = waiting or asyncio.create_task(_next(stream))
                    await asyncio.wait((waiting, check), return_when=asyncio.FIRST_COMPLETED)
                    if check.done():
                        check.result()  # raises
                    if waiting.done():
                        result, waiting = waiting.result(), None
                        _raise_cancelled(result, self._gateway.endpoint)
                        if result.get("created"):
                            missing -= 1
                            if not missing:
                                begun.set()
                        yield _changes(result)
            finally:
                for task in filter(None, (check, waiting)):
                    task.cancel()
                await asyncio.gather(*filter(None, (check, waiting)), return_exceptions=True)

    async def _check(self, key: str, begun: asyncio.Event) -> None:
        """See to it that the watch of every range has begun, then ask its endpoint for a key that we may read.

        Raises StoreError; where the endpoint does not answer any more, another one is in use then.
        """
        here = self._gateway.endpoint
        try:
            async with asyncio.timeout(BEGIN):
                await begun.wait()
        except TimeoutError:
            text = f"{here}: did not begin to watch everything within {BEGIN:g} s"
            raise StoreError(Trouble.UNREACHABLE, text) from None
        while True:
            await asyncio.sleep(CHECK)
            await self._gateway.call("kv/range", {"key": b64(key), "keys_only": True})
            if self._gateway.endpoint != here:  # the call went on to the next one
                raise StoreError(Trouble.UNREACHABLE, f"{here}: does not answer any more")

    # -- writing -------------------------------------------------------------------------------------------------
    async def write(self, conditions: Iterable[Condition], writes: Iterable[Write]) -> int | None:
        request = {"compare": [_compare(each) for each in conditions], "success": [_operation(each) for each in writes]}
        answer = await self._gateway.call("kv/txn", request)
        return _revision(answer) if answer.get("succeeded") else None

    # -- leases --------------------------------------------------------------------------------------------------
    async def grant(self, ttl: int) -> int:
        """A new lease: what is bound to it goes when `ttl` seconds pass without `keep`."""
        return int((await self._gateway.call("lease/grant", {"TTL": str(ttl)}))["ID"])

    async def keep(self, lease: int) -> None:
        """Renew a lease. Raises StoreError (LEASE_LOST) where it is gone."""
        answer = await self._gateway.call("lease/keepalive", {"ID": str(lease)})
        if int(answer.get("result", {}).get("TTL", 0)) <= 0:
            raise StoreError(Trouble.LEASE_LOST, f"{self._gateway.endpoint}: the lease has run out")

    async def revoke(self, lease: int) -> None:
        """End a lease, and all that is bound to it, now."""
        await self._gateway.call("lease/revoke", {"ID": str(lease)})


async def _next(stream: AsyncIterator[Message]) -> Message:
    return await anext(stream)


def _watch_request(wanted: Range, first: int) -> Message:
    request: Message = {"key": b64(wanted.key), "start_revision": str(first)}
    return request | ({"range_end": b64(end_of(wanted.key))} if wanted.prefix else {})


def _raise_cancelled(result: Message, endpoint: str) -> None:
    """A watch that etcd ended."""
    if not result.get("canceled"):
        return
    if int(result.get("compact_revision", 0)):
        raise StoreError(Trouble.COMPACTED, f"{endpoint}: history before {result['compact_revision']} is compacted")
    reason = str(result.get("cancel_reason") or "no reason given")
    trouble = Trouble.REFUSED if "permission denied" in reason else Trouble.UNREACHABLE
    raise StoreError(trouble, f"{endpoint}: ended the watch: {reason}")


def _changes(result: Message) -> Changes:
    changes = []
    for event in result.get("events", ()):
        row = event["kv"]
        revision = int(row.get("mod_revision", 0))
        gone = event.get("type") == "DELETE"
        changes.append(Change(_text(row["key"]), None if gone else _entry(row), revision))
    return Changes(max((each.revision for each in changes), default=0), tuple(changes))


def _entry(row: dict[str, Any]) -> Entry:
    key = _text(row["key"])
    return Entry(key, b64decode(row.get("value", "")), int(row.get("mod_revision", 0)), key, int(row.get("lease", 0)))


def _text(key: str) -> str:
    return b64decode(key).decode("utf-8", "replace")


def _revision(answer: Message) -> int:
    return int(answer.get("header", {}).get("revision", 0))


def _compare(condition: Condition) -> Message:
    key = b64(condition.key)
    if isinstance(condition, Absent):
        return {"key": key, "target": "VERSION", "result": "EQUAL", "version": "0"}
    return {"key": key, "target": "MOD", "result": "EQUAL", "mod_revision": str(condition.revision)}


def _operation(write: Write) -> Message:
    if isinstance(write, Delete):
        return {"request_delete_range": {"key": b64(write.key)}}
    put = {"key": b64(write.key), "value": b64(write.value)}
    return {"request_put": put | ({"lease": str(write.lease)} if write.lease else {})}
