"""Who dials: a passive side only accepts, and says so."""

from dataclasses import replace

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import Driver, Peer
from tests.interop.scene import Kind, each_other


@each_other()
def test_we_are_passive(make_scene: MakeScene, other: type[Driver]) -> None:
    scene = make_scene(other, Kind("external", dual=False), Peer("", 0, passive=True))
    scene.start()
    for _, their_address, _ in scene.sessions:
        view = scene.ours.neighbor(their_address)
        assert (view["direction"], view["passive"], view["local_port"]) == ("accepted", True, 179)


@each_other()
def test_they_are_passive(make_scene: MakeScene, other: type[Driver]) -> None:
    scene = make_scene(other, Kind("external", dual=False))
    scene.other.peers = [replace(peer, passive=True) for peer in scene.other.peers]
    scene.start()
    for _, their_address, _ in scene.sessions:
        view = scene.ours.neighbor(their_address)
        assert (view["direction"], view["remote_port"]) == ("dialed", 179)
