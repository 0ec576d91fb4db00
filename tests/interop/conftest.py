"""Fixtures of the interop tests: a LAN for each test, and the scene on it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.drivers.base import Driver, Peer
from tests.interop.lan import Lan
from tests.interop.scene import Kind, Scene

MakeScene = Callable[..., Scene]


@pytest.fixture
def lan() -> Iterator[Lan]:
    """Three nodes on one LAN; what runs on them ends with the test."""
    with Lan(3) as made:
        yield made


@pytest.fixture
def make_scene(lan: Lan, tmp_path: Path) -> Iterator[MakeScene]:
    """`make_scene(other, kind, peer)`: our daemon and another one, see `Scene`."""
    scenes: list[Scene] = []

    def make(other: type[Driver], kind: Kind, peer: Peer | None = None) -> Scene:
        scenes.append(Scene(lan, tmp_path, other, kind, peer))
        return scenes[-1]

    yield make
    for scene in scenes:
        scene.close()
