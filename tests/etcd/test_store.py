"""The Store protocol, kept by a real etcd."""

import asyncio
from contextlib import aclosing

import pytest

from bgpd.cluster.store import etcd as etcd_module
from bgpd.cluster.store import gateway as gateway_module
from bgpd.cluster.store.base import Absent, Delete, Put, Range, StoreError, Trouble, Unchanged
from bgpd.cluster.store.etcd import EtcdStore
from bgpd.cluster.store.gateway import Access
from tests.etcd.driver import Member, free_ports

A = Range("/a/")
B = Range("/b/")


async def test_list_then_watch_loses_nothing(store: EtcdStore) -> None:
    await store.write([], [Put("/a/1", b"one"), Put("/b/1", b"two"), Put("/c/1", b"unseen")])
    listing = await store.read([A, B])
    assert {(e.key, e.value) for e in listing.entries} == {("/a/1", b"one"), ("/b/1", b"two")}
    revision = await store.write([], [Put("/a/2", b"between"), Delete("/b/1")])  # after the list, before the watch
    seen: dict[str, tuple[bytes | None, int]] = {}
    async with aclosing(store.watch([A, B], listing.revision)) as stream:
        async for changes in stream:
            seen |= {c.key: (c.entry.value if c.entry else None, c.revision) for c in changes.changes}
            if len(seen) == 2:
                break
    assert seen == {"/a/2": (b"between", revision), "/b/1": (None, revision)}


async def test_every_range_of_a_watch_is_watched(store: EtcdStore) -> None:
    """etcd's gateway forgets requests that it has not read when it begins to answer: one start of seven was deaf."""
    ranges = [Range(f"/r{n:02}/") for n in range(20)]
    for turn in range(25):
        revision = (await store.read([ranges[-1]])).revision
        async with asyncio.timeout(10), aclosing(store.watch(ranges, revision)) as stream:
            await store.write([], [Put(f"{each.key}key", b"%d" % turn) for each in ranges])
            seen: set[str] = set()
            async for changes in stream:
                seen |= {change.key for change in changes.changes}
                if len(seen) == len(ranges):
                    break


async def test_a_watch_that_does_not_begin_whole_ends(store: EtcdStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """One answer for two requests: the second range would be silent for ever."""
    body = gateway_module._body
    monkeypatch.setattr(etcd_module, "BEGIN", 0.3)
    monkeypatch.setattr(gateway_module, "_body", lambda *messages: body(*messages[:1]))
    async with asyncio.timeout(10), aclosing(store.watch([Range("/one/"), Range("/other/")], 1)) as stream:
        assert (await anext(stream)).changes == ()
        with pytest.raises(StoreError, match="did not begin to watch everything within"):
            await anext(stream)


async def test_a_name_is_not_the_beginning_of_another(store: EtcdStore) -> None:
    await store.write([], [Put("/n/node-1/x", b"1"), Put("/n/node-10/x", b"10")])
    listing = await store.read([Range("/n/node-1/")])
    assert [entry.key for entry in listing.entries] == ["/n/node-1/x"]
    exact = await store.read([Range("/n/node-10/x", prefix=False)])
    assert [entry.value for entry in exact.entries] == [b"10"]


async def test_many_keys_come_in_pages_at_one_revision(store: EtcdStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_module, "PAGE", 7)
    for n in range(20):
        await store.write([], [Put(f"/a/{n:02}", str(n).encode())])
    original = store._gateway.call
    written = False

    async def call(method: str, message: dict[str, object], **options: float) -> dict[str, object]:
        nonlocal written
        answer = await original(method, message, **options)
        if not written:
            written = True
            await store.write([], [Put("/a/99", b"later"), Delete("/a/19")])
        return answer

    monkeypatch.setattr(store._gateway, "call", call)
    listing = await store.read([A])
    assert [entry.key for entry in listing.entries] == [f"/a/{n:02}" for n in range(20)]


async def test_an_answer_that_is_too_large_for_grpc_comes_in_smaller_pages(store: EtcdStore) -> None:
    value = b"x" * 1_000_000
    for n in range(6):
        await store.write([], [Put(f"/a/{n}", value)])
    listing = await store.read([A])
    assert [len(entry.value) for entry in listing.entries] == [1_000_000] * 6


async def test_a_large_value_comes_through_a_watch(store: EtcdStore) -> None:
    listing = await store.read([A])
    async with aclosing(store.watch([A], listing.revision)) as stream:
        await anext(stream)
        await store.write([], [Put("/a/big", b"y" * 1_200_000)])
        async for changes in stream:
            assert changes.changes[0].entry is not None
            assert len(changes.changes[0].entry.value) == 1_200_000
            break


async def test_a_transaction_is_all_or_nothing(store: EtcdStore) -> None:
    first = await store.write([Absent("/a/1")], [Put("/a/1", b"1"), Put("/a/2", b"2")])
    assert first is not None
    assert await store.write([Absent("/a/1")], [Put("/a/1", b"x"), Delete("/a/2")]) is None
    assert await store.write([Unchanged("/a/1", first), Unchanged("/a/2", first - 1)], [Delete("/a/1")]) is None
    entry = await store.get("/a/1")
    assert entry is not None
    assert (entry.value, entry.revision) == (b"1", first)
    assert await store.write([Unchanged("/a/1", first)], [Delete("/a/1")]) is not None
    assert await store.get("/a/1") is None


async def test_what_is_bound_to_a_lease_goes_with_it(store: EtcdStore) -> None:
    lease = await store.grant(30)
    await store.write([], [Put("/a/1", b"here", lease)])
    await store.keep(lease)
    entry = await store.get("/a/1")
    assert entry is not None
    assert entry.lease == lease
    await store.revoke(lease)
    assert await store.get("/a/1") is None
    with pytest.raises(StoreError) as caught:
        await store.keep(lease)
    assert caught.value.trouble is Trouble.LEASE_LOST
    with pytest.raises(StoreError) as caught:
        await store.write([], [Put("/a/1", b"here", lease)])
    assert caught.value.trouble is Trouble.LEASE_LOST


async def test_compacted_history_is_said_so(etcd: Member, store: EtcdStore) -> None:
    old = (await store.read([A])).revision
    for n in range(3):
        await store.write([], [Put("/a/1", str(n).encode())])
    now = (await store.read([A])).revision
    etcd.ctl("compact", str(now))
    with pytest.raises(StoreError) as caught:
        async for _ in store.watch([A], old):
            pass
    assert caught.value.trouble is Trouble.COMPACTED


async def test_nobody_there() -> None:
    store = EtcdStore(access_to(f"http://127.0.0.1:{free_ports(1)[0]}"))
    with pytest.raises(StoreError, match=r"127\.0\.0\.1") as caught:
        await store.get("/a")
    assert caught.value.trouble is Trouble.UNREACHABLE
    await store.close()


async def test_somebody_else_is_there() -> None:
    """A web server is no etcd: said in words, not as a crash."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n<html>hi</html"[:-1] + b">")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    store = EtcdStore(access_to(f"http://127.0.0.1:{port}"))
    with pytest.raises(StoreError, match="not etcd's JSON gateway") as caught:
        await store.get("/a")
    assert caught.value.trouble is Trouble.BROKEN
    await store.close()
    server.close()
    await server.wait_closed()


def access_to(*endpoints: str) -> Access:
    return Access(endpoints=endpoints, timeout=1.0)
