"""TLS, users, several endpoints: how an etcd is reached, and what is said where it cannot be."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from bgpd.cluster.store import etcd as etcd_module
from bgpd.cluster.store.base import Put, Range, StoreError, Trouble
from bgpd.cluster.store.etcd import EtcdStore
from bgpd.cluster.store.gateway import Access
from tests.etcd.driver import Member, Tls, access, free_ports, single


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Member, Tls]]:
    """An etcd that wants certificates of its clients."""
    work = tmp_path_factory.mktemp("secure")
    tls = Tls.make(work / "tls")
    with single(work, tls=tls) as member:
        yield member, tls


async def refusal(way: Access) -> StoreError:
    store = EtcdStore(way)
    with pytest.raises(StoreError) as caught:
        await store.get("/a")
    await store.close()
    return caught.value


async def test_certificates_of_both_ends(secure: tuple[Member, Tls]) -> None:
    member, tls = secure
    files = {"ca": str(tls.ca), "certificate": str(tls.client_certificate), "key": str(tls.client_key)}
    store = EtcdStore(access(member, **files))
    await store.write([], [Put("/a", b"1")])
    async with aclosing(store.watch([Range("/a")], 1)) as stream:
        changes = await anext(stream)
        while not changes.changes:
            changes = await anext(stream)
        assert changes.changes[0].key == "/a"
    await store.close()


async def test_an_authority_that_nobody_trusts(secure: tuple[Member, Tls]) -> None:
    error = await refusal(access(secure[0]))
    assert error.trouble is Trouble.REFUSED
    assert "certificate is not good" in str(error)


async def test_no_certificate_of_ours(secure: tuple[Member, Tls]) -> None:
    error = await refusal(access(secure[0], ca=str(secure[1].ca)))
    assert "certificate" in str(error).lower()


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "rubbish").write_text("rubbish")
    for name, why in (("absent", "no such file"), ("rubbish", "no certificate and key that fit")):
        with pytest.raises(StoreError, match=why) as caught:
            asyncio.run(_make(Access(endpoints=("https://x",), ca=str(tmp_path / name))))
        assert caught.value.trouble is Trouble.REFUSED


async def _make(way: Access) -> None:
    EtcdStore(way)


def with_users(member: Member) -> None:
    """Root, and a user that may use /calico/ only."""
    for words in (
        "user add root:rootpass", "user grant-role root root", "role add node", "user add node1:pass1",
        "role grant-permission node --prefix=true readwrite /calico/", "user grant-role node1 node", "auth enable",
    ):  # fmt: skip
        member.ctl(*words.split())


async def test_users_rights_and_tokens_that_grow_old(own_etcd: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    with_users(own_etcd)
    wrong = await refusal(access(own_etcd, user="node1", password="wrong"))
    assert wrong.trouble is Trouble.REFUSED
    nobody = await refusal(access(own_etcd))
    assert nobody.trouble is Trouble.REFUSED
    store = EtcdStore(access(own_etcd, user="node1", password="pass1"))
    await store.write([], [Put("/calico/a", b"1")])
    with pytest.raises(StoreError, match="permission denied") as caught:
        await store.get("/else")
    assert caught.value.trouble is Trouble.REFUSED
    # A restart forgets every token, as time would; what is asked next is asked again with a new one.
    own_etcd.stop(signal.SIGTERM)
    own_etcd.start()
    await asyncio.to_thread(_wait_for_port, own_etcd)
    await store.write([], [Put("/calico/a", b"2")])
    revision = (await store.read([Range("/calico/")])).revision
    async with aclosing(store.watch([Range("/calico/")], revision - 1)) as stream:
        changes = await anext(stream)
        while not changes.changes:
            changes = await anext(stream)
        assert changes.changes[0].entry is not None
        assert changes.changes[0].entry.value == b"2"
    # A watch goes on asking, and asks only for what the user may read.
    monkeypatch.setattr(etcd_module, "CHECK", 0.05)
    async with aclosing(store.watch([Range("/calico/")], revision)) as stream:
        await anext(stream)
        await asyncio.sleep(0.2)
        await store.write([], [Put("/calico/a", b"3")])
        assert (await anext(stream)).changes
    # A change of users makes every token old, too.
    own_etcd.ctl("user", "add", "other:x", user="root:rootpass")
    entry = await store.get("/calico/a")
    assert entry is not None
    own_etcd.ctl("user", "passwd", "node1", "--interactive=false", user="root:rootpass", stdin="pass2\n")
    assert (await refusal(access(own_etcd, user="node1", password="pass1"))).trouble is Trouble.REFUSED
    await store.close()


def _wait_for_port(member: Member) -> None:
    """Root cannot be asked without a password: only that it listens, and has a leader."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            member.ctl("get", "/calico/a", user="node1:pass1")
        except subprocess.CalledProcessError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("etcd does not come back")


async def test_the_endpoint_that_answers_is_used(etcd: Member) -> None:
    dead = f"http://127.0.0.1:{free_ports(1)[0]}"
    store = EtcdStore(Access(endpoints=(dead, etcd.url), timeout=2.0))
    await store.write([], [Put("/a", b"1")])
    assert store._gateway.endpoint == etcd.url
    await store.close()


async def test_silence_is_a_loss_after_the_time_limit(own_etcd: Member, etcd: Member) -> None:
    """A member that is stopped in its tracks: its port accepts, and nothing comes."""
    store = EtcdStore(Access(endpoints=(own_etcd.url, etcd.url), timeout=1.5))
    await store.get("/a")
    own_etcd.send(signal.SIGSTOP)
    await store.get("/a")
    assert store._gateway.endpoint == etcd.url
    alone = EtcdStore(Access(endpoints=(own_etcd.url,), timeout=0.3))
    with pytest.raises(StoreError, match=r"no answer within 0\.3 s") as caught:
        await alone.get("/a")
    assert caught.value.trouble is Trouble.UNREACHABLE
    own_etcd.send(signal.SIGCONT)
    await alone.close()
    await store.close()


async def test_a_watch_on_a_member_that_fell_silent_ends(own_etcd: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_module, "CHECK", 0.1)
    store = EtcdStore(Access(endpoints=(own_etcd.url,), timeout=0.3))
    revision = (await store.read([Range("/")])).revision
    async with asyncio.timeout(5), aclosing(store.watch([Range("/")], revision)) as stream:
        await anext(stream)
        own_etcd.send(signal.SIGSTOP)
        with pytest.raises(StoreError) as caught:
            await anext(stream)
    assert caught.value.trouble is Trouble.UNREACHABLE
    own_etcd.send(signal.SIGCONT)
    await store.close()
