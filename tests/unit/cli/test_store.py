"""bgpctl apply, get, delete, status, mesh: against a directory here, against etcd in tests/etcd."""

import asyncio
import json
from ipaddress import ip_network
from pathlib import Path

import pytest
import yaml

from bgpd.cli.main import main
from bgpd.cli.store import matrix_of, missing_of
from bgpd.cluster.store.claim import Pool, claim
from bgpd.cluster.store.files import FilesStore

POOL = "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: pods}\nspec: {cidr: 10.244.0.0/16}\n"
PEER = (
    "apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata:\n  name: tor  # of rack 1\n"
    "spec:\n  peerIP: 192.0.2.1\n  asNumber: 65001\n"
)


class Ctl:
    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory, self.work, self.capsys = directory / "store", directory, capsys
        self.directory.mkdir()

    def __call__(self, *words: str, code: int = 0) -> str:
        """What it prints; to standard error, where it fails."""
        found = main([words[0], "--datastore", f"files://{self.directory}", *words[1:]])
        out = self.capsys.readouterr()
        assert found == code, out
        return out.out if code == 0 else out.err + out.out

    def apply(self, text: str, code: int = 0) -> str:
        path = self.work / "given.yaml"
        path.write_text(text)
        return self("apply", "-f", str(path), code=code)


@pytest.fixture
def ctl(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ctl:
    return Ctl(tmp_path, capsys)


def test_apply_get_delete(ctl: Ctl) -> None:
    assert ctl.apply(f"{POOL}---\n{PEER}") == "IPPool/pods created\nBGPPeer/tor created\n"
    assert ctl.apply(f"{POOL}---\n{PEER}") == "IPPool/pods unchanged\nBGPPeer/tor unchanged\n"
    assert ctl.apply(PEER.replace("65001", "65002")) == "BGPPeer/tor configured\n"
    assert "# of rack 1" in (ctl.directory / "bgppeers-tor.yaml").read_text()  # a person's words stay
    found = json.loads(ctl("get", "bgppeer", "tor", "-o", "json"))
    assert found["spec"]["asNumber"] == 65002
    assert yaml.safe_load(ctl("get", "bgppeers", "-o", "yaml"))["spec"]["peerIP"] == "192.0.2.1"
    assert ctl("get", "ippools").splitlines()[1].startswith("pods")
    assert ctl("delete", "bgppeer", "tor") == "BGPPeer/tor deleted\n"
    assert "is not there" in ctl("delete", "bgppeer", "tor", code=1)
    assert "there is no BGPPeer tor" in ctl("get", "bgppeer", "tor", code=1)
    assert not (ctl.directory / "bgppeers-tor.yaml").exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (PEER.replace("65001", "0.0.1"), "given.yaml:12: BGPPeer tor: spec.asNumber"),
        (PEER.replace("peerIP", "peerIp"), "did you mean peerIP?"),
        (PEER.replace("kind: BGPPeer", "kind: BGPPeers"), "BGPPeers"),
        ("kind: [\n", "given.yaml:"),
        (POOL.replace("pods", "other"), "10.244.0.0/16"),
        (POOL, "IPPool/pods is given twice"),
        ("apiVersion: v1\nkind: Service\nmetadata: {name: x}\n", "Kubernetes API"),
    ],
)
def test_with_one_mistake_nothing_is_applied(ctl: Ctl, text: str, why: str) -> None:
    told = ctl.apply(f"{POOL}---\n{text}", code=1)
    assert why in told
    assert "nothing was applied" in told
    assert list(ctl.directory.glob("*.yaml")) == []


def test_what_is_there_already_is_not_blamed(ctl: Ctl) -> None:
    (ctl.directory / "old.yaml").write_text(f"{POOL}---\n{POOL.replace('pods', 'twin')}")
    assert ctl.apply(PEER) == "BGPPeer/tor created\n"
    assert "10.244.0.0/16" in ctl("status")


def test_dry_run_writes_nothing(ctl: Ctl) -> None:
    path = ctl.work / "p.yaml"
    path.write_text(PEER)
    assert ctl("apply", "--dry-run", "-f", str(path)) == "BGPPeer/tor valid\n"
    assert not list(ctl.directory.glob("*.yaml"))


def test_words_that_make_no_command(ctl: Ctl) -> None:
    assert "there is no kind 'rubbish'" in ctl("get", "rubbish", code=2)
    assert "delete what?" in ctl("delete", code=2)
    assert "cannot read" in ctl("apply", "-f", "/nowhere", code=1)


def test_no_datastore(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BGPD_DATASTORE", raising=False)
    assert main(["get", "nodes"]) == 2
    assert "BGPD_DATASTORE" in capsys.readouterr().err
    monkeypatch.setenv("BGPD_DATASTORE", "files:///nowhere")
    assert main(["get", "nodes"]) == 3


def test_a_node_that_goes_gives_its_blocks_back(ctl: Ctl) -> None:
    ctl.apply(
        "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: n1}\nspec: {bgp: {ipv4Address: 10.0.0.1/24}}\n"
    )
    got = asyncio.run(claim(FilesStore(ctl.directory), "n1", [Pool(ip_network("10.244.0.0/16"), 26)]))
    assert ctl("status").splitlines()[-1].split() == ["n1", "silent", "10.0.0.1/24", "0/0", str(got.block)]
    assert ctl("delete", "node", "n1") == f"Node/n1 deleted\nblock {got.block} released\n"
    assert len(ctl("status").splitlines()) == 3


TOLD = {
    "a": {"announces": ["10.1.0.0/24"], "has": ["10.1.0.0/24", "10.2.0.0/24"], "sessions": [{"node": "b", "state": "Established"}]},
    "b": {"announces": ["10.2.0.0/24"], "has": ["10.2.0.0/24"], "sessions": [{"node": "a", "state": "Active"}, {"node": "", "state": "Idle"}]},
}  # fmt: skip


def test_the_matrix() -> None:
    assert matrix_of(["a", "b", "c"], TOLD) == {
        "a": {"a": "self", "b": "up", "c": ""},
        "b": {"a": "Active", "b": "self", "c": ""},
        "c": {"a": "silent", "b": "silent", "c": "self"},
    }
    assert missing_of(TOLD) == {"b": ["10.1.0.0/24"]}


def test_mesh_prints_it(ctl: Ctl) -> None:
    keys = ctl.directory / ".keys"
    keys.mkdir()
    for name, says in TOLD.items():
        (keys / f"%2Fbgpd%2Fv1%2Fstatus%2F{name}.json").write_text(json.dumps(says))
    told = ctl("mesh", code=1)
    assert "down: b -> a: Active" in told
    assert "missing at b: 10.1.0.0/24" in told
    assert json.loads(ctl("mesh", "--json", code=1))["complete"] is False
