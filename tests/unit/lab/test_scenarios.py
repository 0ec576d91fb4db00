"""What the scenarios conclude from what they are told."""

from typing import Any, cast

import pytest

from bgpd.lab import scenarios, store
from bgpd.lab.driver import Driver
from bgpd.lab.shell import Failed
from bgpd.lab.topology import build_cluster


class Lab:
    topology = build_cluster()


DRIVER = cast("Driver", Lab())


def told(monkeypatch: pytest.MonkeyPatch, rows: dict[str, list[dict[str, Any]]]) -> None:
    monkeypatch.setattr(scenarios, "bgpctl", lambda _driver, node, *_words: rows[node])


def own(more: str = "") -> dict[str, list[dict[str, Any]]]:
    rows = {node.name: [{"prefix": str(node.block)}] for node in Lab.topology.speakers}
    for name in ("node1", "node4"):
        rows[name].append({"prefix": "198.51.100.80/32"})
    if more:
        rows["node2"].append({"prefix": more})
    return rows


def test_a_leak_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, own())
    assert scenarios.nothing_leaks(DRIVER).startswith("18 routes on the 14 sessions")
    told(monkeypatch, own("10.245.1.0/24"))
    with pytest.raises(Failed, match=r"node2 tells dc1 10\.244\.2\.0/24, 10\.245\.1\.0/24, not 10\.244\.2\.0/24"):
        scenarios.nothing_leaks(DRIVER)


def test_a_lost_session_disturbs(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {"node1": {"172.30.64.12": 1, "172.30.65.251": 1}}
    rows = [{"address": "172.30.64.12", "established_count": 1}, {"address": "172.30.65.251", "established_count": 2}]
    told(monkeypatch, {"node1": rows})
    assert scenarios.undisturbed(DRIVER, Lab.topology.calico, before) == "the other 1 ends of sessions stayed up"
    with pytest.raises(Failed, match=r"node1 lost its session with 172\.30\.65\.251"):
        scenarios.undisturbed(DRIVER, None, before)
    with pytest.raises(Failed, match="node1 did not answer before"):
        scenarios.undisturbed(DRIVER, None, {"node1": {}})


def test_a_hole_in_the_mesh_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [node.name for node in Lab.topology.mesh]
    sessions = {name: {other: "self" if other == name else "up" for other in names} for name in names}
    said: dict[str, Any] = {"sessions": sessions, "missing": {}}
    monkeypatch.setattr(store, "mesh", lambda _driver: said)
    assert scenarios.mesh(DRIVER, 0.0).startswith("5 x 6: every session is up")
    sessions["node3"]["calico"] = "Active"
    with pytest.raises(Failed, match="node3 -> calico: Active"):
        scenarios.mesh(DRIVER, 0.0)
    sessions["node3"]["calico"] = "up"
    said["missing"] = {"node1": ["10.244.2.0/24"]}
    with pytest.raises(Failed, match=r"node1 has no 10\.244\.2\.0/24"):
        scenarios.mesh(DRIVER, 0.0)
