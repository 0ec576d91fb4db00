"""The datastore as the lab uses it: what bgpctl says, and blocks that are claimed for nodes."""

import sys
from pathlib import Path
from typing import cast

import pytest

from bgpd.cluster.store.claim import owned
from bgpd.cluster.store.opening import open_store
from bgpd.lab import resources, store
from bgpd.lab.driver import Driver
from bgpd.lab.shell import Failed
from bgpd.lab.topology import build_cluster
from bgpd.model import DatastoreSpec


class Lab:
    """One whose datastore is a directory of this machine."""

    def __init__(self, datastore: str) -> None:
        lab = build_cluster()
        self.whole = lab

        class Topology:
            pass

        self.topology = Topology()
        self.topology.datastore = datastore  # type: ignore[attr-defined]

    def argv(self, host: str, command: list[str]) -> list[str]:
        assert host == store.HOST
        return command

    def python(self, host: str) -> list[str]:
        assert host == store.HOST
        return [sys.executable]


async def test_resources_and_blocks(tmp_path: Path) -> None:
    lab = Lab(f"files://{tmp_path}")
    driver = cast("Driver", lab)
    store.wait(driver)
    assert "IPPool/pods created" in store.apply(driver, resources.cluster(lab.whole))
    store.claim(driver, lab.whole.nodes[:2])
    store.claim(driver, lab.whole.nodes[:2])  # what is there already is no trouble
    opened = open_store(DatastoreSpec(scheme="files", places=(str(tmp_path),)))
    assert await owned(opened, "node2") == [lab.whole.nodes[1].block]
    await opened.close()
    assert store.mesh(driver)["nodes"] == [node.name for node in lab.whole.nodes]
    assert "deleted" in store.delete(driver, "node", "node5")
    with pytest.raises(Failed, match="Node/node5 is not there"):
        store.delete(driver, "node", "node5")


def test_no_datastore() -> None:
    driver = cast("Driver", Lab("etcd://127.0.0.1:1"))
    with pytest.raises(Failed, match="bgpctl apply"):
        store.apply(driver, resources.east(build_cluster()))
    with pytest.raises(Failed, match="claiming blocks"):
        store.claim(driver, build_cluster().nodes[:1])
    with pytest.raises(Failed, match="bgpctl mesh"):
        store.mesh(driver)
