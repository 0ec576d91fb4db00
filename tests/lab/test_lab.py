"""The lab comes up by both drivers, its verdict is PASS, and it leaves no trace."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bgpd.lab import checks, compose, main, netns
from bgpd.lab.shell import run
from bgpd.lab.topology import build, build_cluster
from bgpd.lab.verdict import Verdict
from bgpd.model import Overlay

NAME = f"test-{os.getpid()}"


def _last_line(output: str) -> str:
    return output.strip().splitlines()[-1]


@pytest.fixture
def name() -> Iterator[str]:
    yield NAME
    netns.NetnsDriver(name=NAME).down()


@pytest.mark.timeout(240)
def test_namespaces(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main.main(["up", "--driver", "netns", "--name", name])
    output = capsys.readouterr().out
    assert code == 0, output
    assert _last_line(output).startswith("VERDICT: PASS 52/52 checks, 5 nodes in network namespaces"), output
    assert main.main(["down", "--driver", "netns", "--name", name]) == 0
    assert f"bgpd-{name}." not in run(["ip", "netns", "list"])
    assert not (netns.RUN / name).exists()


@pytest.mark.timeout(240)
def test_the_overlay(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same checks in the other world: VXLAN is around every packet on a wire."""
    code = main.main(["up", "--driver", "netns", "--name", name, "--overlay", "always"])
    output = capsys.readouterr().out
    assert code == 0, output
    assert _last_line(output).startswith("VERDICT: PASS 45/45 checks, 5 nodes in network namespaces"), output
    assert "172.30.64.11 > 172.30.64.12, UDP 4789, VXLAN 4096 ( 10.244.1.10 > 10.244.2.10, ICMP, TTL 63 )" in output
    assert "172.30.64.11 > 172.30.65.14, UDP 4789, VXLAN 4096 ( 10.244.1.10 > 10.244.4.10, ICMP, TTL 63 )" in output
    assert netns.NetnsDriver(name=name).topology.overlay is Overlay.ALWAYS  # `check` knows which world it is in


@pytest.mark.timeout(240)
def test_the_overlay_between_racks(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`cross-subnet`, and seven nodes: plain inside a rack, VXLAN from one to the other."""
    words = ["up", "--driver", "netns", "--name", name, "--overlay", "cross-subnet", "--nodes", "7"]
    code = main.main(words)
    output = capsys.readouterr().out
    assert code == 0, output
    assert _last_line(output).startswith("VERDICT: PASS "), output
    assert "sessions of node7: 8/8 Established" in output
    assert "10.244.1.10 > 10.244.2.10, ICMP, TTL 63: the outermost header is the pod's own" in output
    assert "172.30.64.11 > 172.30.65.16, UDP 4789, VXLAN 4096 ( 10.244.1.10 > 10.244.6.10, ICMP, TTL 63 )" in output


@pytest.mark.timeout(120)
def test_one_wire(name: str) -> None:
    """The core of it that the containers have too: a file for each node, nothing shared."""
    driver = netns.NetnsDriver(build(), name)
    driver.up()
    verdict = Verdict(print)
    checks.run_all(driver, verdict)
    assert (len(verdict.passed), verdict.failed) == (22, [])


@pytest.mark.timeout(240)
def test_a_broken_lab_fails_its_verdict(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The checks can fail: a node that should run does not."""
    driver = netns.NetnsDriver(build_cluster(3), name)
    driver.up()
    driver.stop_node("node2")
    assert main.main(["check", "--driver", "netns", "--name", name, "--patience", "3"]) == 1
    last = _last_line(capsys.readouterr().out)
    assert last.startswith("VERDICT: FAIL")
    for failed in (
        "converged",
        "sessions of node1",
        "sessions of node2",
        "bgpctl mesh",
        "kernel of dc1 (BIRD)",
        "pods -> pods",
    ):
        assert failed in last


@pytest.mark.timeout(120)
def test_down_after_a_crash(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever made the lab was killed, and its directory is lost: the namespaces and what lives there still go."""
    driver = netns.NetnsDriver(build_cluster(2), name)
    driver.up()
    pids = run(["ip", "netns", "pids", driver.namespace("node1")]).split()
    assert pids
    for file in (netns.RUN / name).glob("*/*.pid"):
        file.unlink()
    assert main.main(["down", "--driver", "netns", "--name", name]) == 0
    assert name not in netns.labs()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    capsys.readouterr()


def containers(capsys: pytest.CaptureFixture[str]) -> None:
    """The same lab in containers."""
    assert compose.engine_answers(), "Docker is installed and its engine does not run"
    driver = compose.ComposeDriver(print)
    assert not driver.exists(), "a container lab is running: `make lab-down` first"
    try:
        code = main.main(["up", "--driver", "docker"])
        output = capsys.readouterr().out
        assert code == 0, output
        assert _last_line(output).startswith("VERDICT: PASS 25/25 checks, 3 nodes in containers"), output
        status = json.loads(run(["docker", "inspect", "bgpd-lab-node1"]))[0]
        assert status["HostConfig"]["ReadonlyRootfs"] is True
        assert status["Config"]["User"] == "bgpd"
    finally:
        driver.down()
    assert not driver.exists()
    assert not [line for line in run(["docker", "network", "ls"]).splitlines() if "_fabric" in line or "_pods" in line]


if compose.installed():  # a machine without Docker has the lab in namespaces; a Docker without its engine is an error
    test_containers = pytest.mark.timeout(1500)(containers)
