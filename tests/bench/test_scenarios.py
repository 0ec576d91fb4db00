"""The table of scenarios, and the configuration that our daemon gets."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bench import __main__, mesh, scenarios, space, usage
from bench.daemons import KINDS, Peer, Running, Setup, ours_yaml
from bench.instructions import _through
from bench.scenarios import COMMANDS, SCENARIOS
from bgpd.lab.shell import Failed


def commands(name: str) -> dict[str, str]:
    words = SCENARIOS[name].words(base=3, fib="/proc/1/x")
    return {phase: COMMANDS[phase].format(**words) for phase in SCENARIOS[name].phases}


def test_what_receivers_must_have() -> None:
    assert commands("A")["wd0"] == "withdraw 0 have=0"
    assert commands("A")["drop0"] == "drop 0 have=0"
    assert commands("C")["drop0"] == "drop 0 have=100000 without=0"  # the nine others still have all of them
    assert commands("D")["init"] == "announce all 0 have=99000 generation=0"  # all but its own
    assert commands("D")["drop0"] == "drop 0 have=98000"
    assert commands("F")["init"] == "announce all 0 have=500000 generation=0"
    assert commands("K100")["install"] == "announce all 0 kernel=100003 fib=/proc/1/x"
    assert commands("K100")["remove"] == "withdraw all kernel=3 fib=/proc/1/x"


def test_every_phase_has_its_command() -> None:
    for scenario in SCENARIOS.values():
        assert {*scenario.phases, *scenario.others} <= set(COMMANDS), scenario.name
        assert set(scenario.others) <= set(scenario.phases), scenario.name
        assert {*scenario.only, *scenario.absent} <= set(KINDS), scenario.name


def test_who_does_what() -> None:
    assert SCENARIOS["A"].phases_of(KINDS["frr"]) == ("init", "churn", "wd0")
    assert SCENARIOS["D"].phases_of(KINDS["gobgp"]) == ()
    assert SCENARIOS["K100"].phases_of(KINDS["openbgpd"]) == ()  # writes no routes on Linux
    assert SCENARIOS["A"].phases_of(KINDS["exabgp"]) == ()  # passes nothing on
    assert SCENARIOS["X"].phases_of(KINDS["exabgp"]) == ("heard",)
    assert SCENARIOS["C"].made_quick().phases_of(KINDS["frr"]) == ()


def test_who_speaks_with_whom() -> None:
    spoken_to = {name: [mesh._setup(mesh.SHAPES[name], i, 5).peers for i in range(5)] for name in ("M20", "R20")}
    assert [len(peers) for peers in spoken_to["M20"]] == [4] * 5
    assert [len(peers) for peers in spoken_to["R20"]] == [4, 4, 2, 2, 2]
    assert [peer.client for peer in spoken_to["R20"][0]] == [False, True, True, True]
    assert not any(peer.client for peers in (*spoken_to["M20"], *spoken_to["R20"][2:]) for peer in peers)


def test_a_killed_daemon_that_takes_other_routes_along_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    routes = {1: 20, 2: 20, 3: 20}
    monkeypatch.setattr(mesh, "_routes", lambda pid: routes[pid])
    running = [cast("Running", SimpleNamespace(pid=pid, tail=str)) for pid in routes]
    assert mesh._heal(running, lambda: routes.update({1: 16, 2: 16})) < 5
    with pytest.raises(Failed, match="1 of 2 nodes lost routes of nodes that live"):
        mesh._heal(running, lambda: routes.update({1: 12, 2: 11}))


def test_routes_of_the_main_table(tmp_path: Path) -> None:
    file = tmp_path / "fib_triestat"
    file.write_text(
        "Basic info\nMain:\n\tAver depth: 1\n\tPrefixes: 7\n\nLocal:\n\tPrefixes: 5\nId 9:\n\tPrefixes: 4\n"
    )
    assert scenarios.main_routes(str(file)) == 7


@pytest.mark.parametrize("passive", [True, False])
def test_our_daemon_takes_the_configuration(tmp_path: Path, passive: bool) -> None:
    client = Peer("10.99.1.4", 65000, client=True, graceful=False)
    peers = [
        client,
        Peer("10.99.1.1", 400001),
        Peer("10.99.1.2", 400002, hold=3, keeper=True),
        Peer("10.99.1.3", 65000),
    ]
    setup = Setup("10.99.0.1", peers, networks=["10.200.1.0/24"], passive=passive)
    (tmp_path / "bgpd.yaml").write_text(ours_yaml(setup, tmp_path))
    argv = [sys.executable, "-m", "bgpd", "--config", str(tmp_path / "bgpd.yaml"), "--check"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "hold-time: 3 " in done.stdout


def test_the_same_addresses_on_both_sides_of_the_language() -> None:
    assert (space.peer_address(0), space.peer_address(199), space.peer_address(200)) == (
        "10.99.1.1",
        "10.99.1.200",
        "10.99.2.1",
    )
    assert space.peer_address(0) == space.GATEWAY


def test_valgrind_stands_before_the_program_itself() -> None:
    wrapped = ["unshare", "--mount", "sh", "-c", 'mount && exec "$@"', "sh", "/x/bird", "-f"]
    assert _through(wrapped, ["valgrind"]) == [*wrapped[:6], "valgrind", "/x/bird", "-f"]
    assert _through(["python", "-m", "bgpd"], ["valgrind"]) == ["valgrind", "python", "-m", "bgpd"]


def test_usage_of_a_process_that_sleeps_and_of_one_that_is_gone() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:  # one process: at the end of the block it is reaped
        try:
            pids = usage.family([process.pid])
            assert pids == [process.pid]
            assert process.pid in usage.family([os.getpid()])
            assert usage.memory(pids)[0] > 0
            assert usage.settle(pids, 0.05, 5)
        finally:
            process.kill()
    assert usage.cpu(pids) == 0.0
    assert usage.memory([process.pid]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "A,Z"], "no scenario named Z"),
        (["--daemons", "quagga"], "no daemon named quagga"),
        (["--quick", "--publish"], "only a whole run is published"),
        (["--show", "/nonexistent.json"], "no results of a run"),
    ],
)
def test_what_the_command_refuses(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(words) == 1
    assert said in capsys.readouterr().err
