"""`bgpd render`: files in, a plan out; what is wrong is said and stops nothing."""

import json
from pathlib import Path

import pytest

from bgpd.cli.plan import main
from bgpd.cluster.kinds import KINDS
from bgpd.daemon import main as bgpd

NODES = """\
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: a}
spec: {bgp: {ipv4Address: 10.0.0.1/24}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: b}
spec: {bgp: {ipv4Address: 10.0.0.2/24}}
"""
PEER = {
    "apiVersion": "projectcalico.org/v3",
    "kind": "BGPPeer",
    "metadata": {"name": "tor"},
    "spec": {"peerIP": "10.0.0.254", "asNumber": 65001, "password": {"secretKeyRef": {"name": "bgp", "key": "tor"}}},
}


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    made = tmp_path / "resources"
    made.mkdir()
    (made / "nodes.yaml").write_text(NODES)
    (made / "peer.json").write_text(json.dumps(PEER))
    (made / ".hidden.yaml").write_text("{")
    (made / "README").write_text("{")
    return made


def test_a_directory_and_json(resources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bgpd(["render", "--node", "a", "--resources", str(resources), "--json"]) == 0
    out, err = capsys.readouterr()
    assert [each["name"] for each in json.loads(out)["neighbors"]] == ["Global_10_0_0_254", "Mesh_10_0_0_2"]
    assert err == ""


def test_files_and_text(resources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(resources / "nodes.yaml"), "--resources", str(resources / "peer.json")]
    assert main(["--node", "b", "--resources", *files, "--router-id", "1.2.3.4", "--compat", "calico"]) == 0
    out, _ = capsys.readouterr()
    assert out.startswith("node b: AS 64512, router id 1.2.3.4\n")
    assert "hold 240 s, keepalive 80 s" in out


def test_what_is_wrong_is_said_with_its_line_and_stops_nothing(
    resources: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (resources / "bad.yaml").write_text(
        NODES.split("---", maxsplit=1)[0].replace("name: a", "name: c").replace("10.0.0.1/24", "x")
    )
    (resources / "worse.yaml").write_text("a: [")
    assert main(["--node", "a", "--resources", str(resources)]) == 0
    out, err = capsys.readouterr()
    assert "neighbor Mesh_10_0_0_2" in out
    assert err.splitlines() == [
        f"bgpd: {resources}/bad.yaml:4: Node c: spec.bgp.ipv4Address: expected an address, got 'x'",
        f"bgpd: {resources}/worse.yaml:2: YAML syntax: a [ or {{ that is not closed, or a , that is missing",
    ]


def test_secrets_that_are_missing(resources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secrets = resources.parent / "secrets"
    secrets.mkdir()
    words = ["--node", "a", "--resources", str(resources), "--secrets", str(secrets)]
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert "Global_10_0_0_254" not in out
    assert (
        err == "bgpd: BGPPeer tor: spec.password: secret bgp has no key tor: without a password there is no session\n"
    )
    (secrets / "bgp").mkdir()
    (secrets / "bgp" / "tor").write_text("hush")
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert (", password" in out, "hush" in out, err) == (True, False, "")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--node", "x", "--resources", "@"], "there is no node x; there are: a, b"),
        (["--node", "a", "--resources", "@/none"], "there is no such file or directory"),
        (["--node", "a", "--resources", "@", "--secrets", "@/none"], "there is no such directory"),
        (["--node", "a", "--resources", "@", "--router-id", "x"], "expected four octets"),
    ],
)
def test_wrong_words(resources: Path, capsys: pytest.CaptureFixture[str], words: list[str], why: str) -> None:
    assert main([word.replace("@", str(resources)) for word in words]) == 2
    assert why in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "--resources" in capsys.readouterr().out


DOCS = Path(__file__).parents[3] / "docs" / "calico.md"


def test_the_example_of_the_docs_is_real(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resources, printed = DOCS.read_text().split("```")[1:4:2]
    (tmp_path / "all.yaml").write_text(resources.removeprefix("yaml\n"))
    assert main(["--node", "node-1", "--resources", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (printed.removeprefix("\n"), "")


def test_the_docs_name_every_key_and_every_kind() -> None:
    text = DOCS.read_text()
    missing = [
        f"{kind.name}: {key}"
        for kind in KINDS
        for key, row in kind.spec.keys.items()
        if row.attr and f"`{key}`" not in text
    ]
    missing += [kind.name for kind in KINDS if kind.name not in text]
    assert missing == []
