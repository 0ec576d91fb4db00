"""bgpctl apply, get, delete, status against a real etcd: Calico's keys, and an identity that stays."""

import asyncio
import json
from ipaddress import ip_network
from pathlib import Path

import pytest

from bgpd.cli.main import main
from bgpd.cluster.store.claim import Outcome, Pool, claim
from bgpd.cluster.store.etcd import EtcdStore
from tests.etcd.cluster import CALICO, resource
from tests.etcd.driver import Member, access


def run(etcd: Member, *words: str) -> int:
    return main([words[0], "--datastore", etcd.url.replace("http", "etcd", 1), *words[1:]])


async def _claim(etcd: Member) -> Outcome:
    store = EtcdStore(access(etcd))
    found = await claim(store, "n1", [Pool(ip_network("10.244.0.0/16"), 26)])
    await store.close()
    return found.outcome


def test_a_life_of_resources(etcd: Member, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r.json"
    path.write_text(resource("IPPool", "pods", {"cidr": "10.244.0.0/16"}))
    assert run(etcd, "apply", "-f", str(path)) == 0
    stored = json.loads(etcd.ctl("get", CALICO + "ippools/pods", "--print-value-only"))
    assert stored["spec"]["blockSize"] == 26  # Calico's readers expect it there
    assert stored["metadata"]["uid"]
    path.write_text(resource("IPPool", "pods", {"cidr": "10.244.0.0/16", "natOutgoing": True}))
    assert run(etcd, "apply", "-f", str(path)) == 0
    again = json.loads(etcd.ctl("get", CALICO + "ippools/pods", "--print-value-only"))
    assert again["spec"]["natOutgoing"] is True
    assert again["metadata"]["uid"] == stored["metadata"]["uid"]
    path.write_text(resource("Node", "n1", {"bgp": {"ipv4Address": "10.0.0.1/24"}}))
    assert run(etcd, "apply", "-f", str(path)) == 0
    assert asyncio.run(_claim(etcd)) is Outcome.TAKEN
    assert run(etcd, "status") == 0
    assert run(etcd, "delete", "node", "n1") == 0
    out = capsys.readouterr().out
    assert "IPPool/pods created" in out
    assert "IPPool/pods configured" in out
    assert "released" in out
    assert etcd.ctl("get", "/calico/ipam/", "--prefix", "--keys-only").strip() == ""


def test_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["get", "nodes", "--datastore", "etcd://127.0.0.1:1"]) == 3
    assert "127.0.0.1:1" in capsys.readouterr().err
