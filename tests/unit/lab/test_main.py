"""`bgpd lab`: usage, and what it says where it cannot do what is asked."""

import os
from pathlib import Path

import pytest

from bgpd.lab import compose, main, netns


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["up", "--nodes", "1"], ["up", "--nodes", "x"], ["up", "--node", "3"]]
)
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main.main(arguments)
    assert end.value.code == 2
    assert "usage: bgpd lab" in capsys.readouterr().err


def test_the_committed_files_are_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["render", "--check"]) == 0
    assert capsys.readouterr().out == ""


def test_no_root(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(netns, "RUN", tmp_path)
    assert main.main(["up", "--driver", "netns", "--name", "nobody"]) == 1
    assert (
        capsys.readouterr().err == "bgpd lab: the lab in namespaces needs root (network namespaces): run it with sudo\n"
    )


def test_no_engine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(compose, "engine_answers", lambda: False)
    assert main.main(["up", "--driver", "docker"]) == 1
    assert capsys.readouterr().err == "bgpd lab: no Docker engine answers\n"


def test_containers_are_three(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(compose, "engine_answers", lambda: True)
    assert main.main(["up", "--driver", "docker", "--nodes", "4"]) == 1
    assert "the container lab has three nodes" in capsys.readouterr().err


def test_nothing_to_check_or_take_down(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(netns, "RUN", tmp_path)
    assert main.main(["check", "--driver", "netns", "--name", "nobody"]) == 1
    assert "no lab is running" in capsys.readouterr().err
    assert main.main(["down", "--driver", "netns", "--name", "nobody"]) == 0
    assert capsys.readouterr().out == "bgpd lab: there is none\n"


def test_a_name_is_a_plain_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["up", "--driver", "netns", "--name", "../x"]) == 1
    assert "a lab's name is made of" in capsys.readouterr().err
