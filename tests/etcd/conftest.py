"""One etcd for all tests of a module that do not harm it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from bgpd.cluster.store.etcd import EtcdStore
from tests.etcd.driver import Member, access, single


@pytest.fixture(scope="session")
def shared_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    with single(tmp_path_factory.mktemp("etcd")) as member:
        yield member


@pytest.fixture
def etcd(shared_etcd: Member) -> Member:
    """An etcd with nothing in it."""
    shared_etcd.ctl("del", "", "--prefix")
    return shared_etcd


@pytest.fixture
def own_etcd(tmp_path: Path) -> Iterator[Member]:
    """An etcd of one's own, to be stopped and harmed."""
    with single(tmp_path) as member:
        yield member


@pytest_asyncio.fixture
async def store(etcd: Member) -> AsyncIterator[EtcdStore]:
    store = EtcdStore(access(etcd))
    yield store
    await store.close()
