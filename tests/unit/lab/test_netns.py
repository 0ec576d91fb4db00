"""The namespace driver, where it needs no root: names, environments, command lines."""

import os
from pathlib import Path

import pytest

from bgpd.lab import netns
from bgpd.lab.netns import NetnsDriver
from bgpd.lab.processes import start_time
from bgpd.lab.shell import Failed
from bgpd.lab.topology import build


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> NetnsDriver:
    monkeypatch.setattr(netns, "RUN", tmp_path)
    return NetnsDriver(build(4), "unit")


def test_names_carry_the_labs(driver: NetnsDriver) -> None:
    assert driver.namespace("node1") == "bgpd-unit.node1"
    assert driver.argv("pod1", ["ip", "route"])[:4] == ["ip", "netns", "exec", "bgpd-unit.pod1"]
    assert driver.argv("pod1", ["ip", "route"])[-2:] == ["ip", "route"]


@pytest.mark.parametrize("name", ["", "a b", "../x", "A", "x" * 25])
def test_bad_names(name: str) -> None:
    with pytest.raises(Failed, match="a lab's name"):
        NetnsDriver(build(), name)


def test_a_lab_that_exists_keeps_its_size(driver: NetnsDriver, tmp_path: Path) -> None:
    assert not driver.exists()
    (tmp_path / "unit").mkdir()
    driver._write_state({"nodes": 7})
    assert driver.exists()
    assert len(NetnsDriver(name="unit").topology.nodes) == 7


def test_a_torn_state_file_is_a_lab_of_three(driver: NetnsDriver, tmp_path: Path) -> None:
    (tmp_path / "unit").mkdir()
    (tmp_path / "unit/state.json").write_text("{")
    assert len(NetnsDriver(name="unit").topology.nodes) == 3


def test_the_daemon_gets_no_configuration_from_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BGPD_PEER", "192.0.2.1")
    env = netns._daemon_env()
    assert "BGPD_PEER" not in env
    assert (Path(env["PYTHONPATH"].split(":")[0]) / "bgpd" / "lab").is_dir()


def test_a_node_that_does_not_run_cannot_be_stopped(driver: NetnsDriver) -> None:
    with pytest.raises(Failed, match="node1 does not run"):
        driver.stop_node("node1")
    assert driver.pid("node1") is None


def test_a_cluster_that_exists_is_one_again(driver: NetnsDriver, tmp_path: Path) -> None:
    (tmp_path / "unit").mkdir()
    driver._write_state({"nodes": 6, "cluster": True, "overlay": "always"})
    found = NetnsDriver(name="unit").topology
    assert (len(found.nodes), found.etcd is not None, found.calico) == (6, True, None)


def test_what_runs_is_not_started_twice(driver: NetnsDriver, tmp_path: Path) -> None:
    directory = tmp_path / "unit" / "node1"
    directory.mkdir(parents=True)
    (directory / "backend.pid").write_text(f"{os.getpid()} {start_time(os.getpid())}\n")
    with pytest.raises(Failed, match="backend on node1 runs already"):
        driver.start("node1", "backend")


def test_labs_are_found_by_their_directories(driver: NetnsDriver, tmp_path: Path) -> None:
    (tmp_path / "left-behind").mkdir()
    assert "left-behind" in netns.labs()
