"""The container driver, where it needs no engine: command lines, and what it does without a registry."""

import shutil
from collections.abc import Sequence

import pytest

from bgpd.lab import compose
from bgpd.lab.compose import ComposeDriver
from bgpd.lab.shell import Failed
from bgpd.lab.topology import build


def test_three_nodes_only() -> None:
    with pytest.raises(Failed, match="three nodes"):
        ComposeDriver(print, build(4))


def test_command_lines() -> None:
    driver = ComposeDriver(print)
    assert driver.argv("pod1", ["ip", "route"]) == ["docker", "exec", "--interactive", "bgpd-lab-pod1", "ip", "route"]
    side = driver.sidecar("node2", ["tcpdump", "-c", "1"])
    assert side[:6] == ["docker", "run", "--rm", "--interactive", "--network", "container:bgpd-lab-node2"]
    assert side[-5:] == ["--entrypoint", "tcpdump", "bgpd-lab-pod", "-c", "1"]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, str, str]]:
    """Answers of commands, by a word in them; what is not there fails."""
    answers: dict[str, tuple[int, str, str]] = {}

    def attempt(argv: Sequence[str], **_: object) -> tuple[int, str, str]:
        for word, answer in answers.items():
            if word in " ".join(argv):
                return answer
        return 1, "", "no"

    monkeypatch.setattr(compose, "attempt", attempt)
    return answers


def test_the_base_image_is_here(commands: dict[str, tuple[int, str, str]]) -> None:
    commands["image inspect"] = (0, "", "")
    said: list[str] = []
    compose.ensure_base(said.append)
    assert said == []


def test_the_base_image_is_pulled(commands: dict[str, tuple[int, str, str]]) -> None:
    commands["pull"] = (0, "", "")
    said: list[str] = []
    compose.ensure_base(said.append)
    assert said == ["pulling debian:trixie-slim"]


def test_the_base_image_is_made(commands: dict[str, tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    commands["pull"] = (1, "", "Error: dial tcp: no such host")
    made = []
    monkeypatch.setattr(compose, "make_base", lambda: made.append(True))
    said: list[str] = []
    compose.ensure_base(said.append)
    assert made == [True]
    assert said[1] == "no registry answers (Error: dial tcp: no such host)"


def test_compose_of_either_kind(commands: dict[str, tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert compose.compose_command() == ["docker-compose"]
    commands["compose version"] = (0, "v2", "")
    assert compose.compose_command() == ["docker", "compose"]
    commands.clear()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(Failed, match="neither"):
        compose.compose_command()


def test_no_docker_is_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert not compose.installed()
    assert not compose.engine_answers()
