from pathlib import Path

import pytest

from bgpd.cluster.store.base import StoreError
from bgpd.cluster.store.etcd import EtcdStore
from bgpd.cluster.store.opening import open_store
from bgpd.model import DatastoreSpec


async def test_the_scheme_chooses(tmp_path: Path) -> None:
    store = open_store(DatastoreSpec(scheme="files", places=(str(tmp_path),)))
    assert store.name == f"files in {tmp_path}"
    (tmp_path / "password").write_text("hush\n")
    etcd = open_store(
        DatastoreSpec(
            scheme="etcd", places=("http://a:1", "http://b:2"), user="u", password_file=str(tmp_path / "password")
        )
    )
    assert isinstance(etcd, EtcdStore)
    assert etcd.name == "etcd at http://a:1, http://b:2"
    assert etcd._gateway._access.password == "hush"
    await etcd.close()


async def test_a_password_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such file"):
        open_store(DatastoreSpec(scheme="etcd", places=("http://a",), password_file=str(tmp_path / "absent")))
