"""Route refresh both ways, with marks (RFC 7313) where the other daemon knows them, and nothing is lost by it."""

import pytest

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import Driver
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.drivers.gobgp import Gobgp
from tests.interop.drivers.openbgpd import Openbgpd
from tests.interop.routes import Route
from tests.interop.scene import Kind, Scene

#: OpenBGPD 7.7 counts our request and logs "not negotiated", for families that it has just sent routes of
ANSWER: tuple[type[Driver], ...] = (Bird2, Frr, Gobgp)
#: GoBGP keeps what it is told and asks itself
ASK: tuple[type[Driver], ...] = (Bird2, Frr, Openbgpd)
OURS = {"203.0.113.0/24", "203.0.112.0/24"}
THEIRS = {"198.51.100.0/24", "198.51.101.0/24"}


def ask(driver: Driver, peer: str) -> None:
    """Have the other daemon ask us for our routes again."""
    if isinstance(driver, Bird2):
        driver.ask(f"reload in {driver._peer(peer).name}")
    elif isinstance(driver, Frr):
        driver.ask(f"clear bgp {peer} soft in")
    elif isinstance(driver, Openbgpd):
        driver._bgpctl("neighbor", peer, "refresh")


def counts(scene: Scene, peer: str) -> tuple[int, int]:
    """ROUTE-REFRESH messages: received, sent."""
    view = scene.ours.neighbor(peer)
    return view["messages_received"]["ROUTE-REFRESH"], view["messages_sent"]["ROUTE-REFRESH"]


def up(make_scene: MakeScene, other: type[Driver]) -> tuple[Scene, str, str, bool]:
    """A scene with routes both ways; their address, ours, and whether they know the marks."""
    scene = make_scene(other, Kind("internal", dual=True))
    ((_, their_address, our_address),) = scene.sessions
    scene.ours.announce([Route(prefix) for prefix in OURS])
    scene.other.announce([Route(prefix) for prefix in THEIRS])
    scene.start()
    scene.other.wait_for(lambda: set(scene.other.table(our_address)) == OURS, "our routes")
    scene.ours.wait_for(lambda: set(scene.ours.table(their_address)) == THEIRS, "their routes")
    marked = "enhanced-route-refresh" in scene.ours.neighbor(their_address)["capabilities_received"]
    return scene, their_address, our_address, marked


@pytest.mark.parametrize("other", ANSWER, ids=lambda driver: driver.NAME)
def test_we_ask(make_scene: MakeScene, other: type[Driver]) -> None:
    scene, their_address, _, marked = up(make_scene, other)
    ours = scene.ours
    received, sent = counts(scene, their_address)
    updates = ours.neighbor(their_address)["messages_received"]["UPDATE"]
    ours.act("reset soft in", their_address)
    if marked:  # BoRR and EoRR of two families
        ours.wait_for(lambda: counts(scene, their_address)[0] == received + 4, "their marks")
    ours.wait_for(lambda: ours.neighbor(their_address)["messages_received"]["UPDATE"] > updates, "their routes again")
    assert counts(scene, their_address)[1] == sent + 2  # a request for each family
    assert set(ours.table(their_address)) == THEIRS
    assert ours.neighbor(their_address)["established_count"] == 1


@pytest.mark.parametrize("other", ASK, ids=lambda driver: driver.NAME)
def test_they_ask(make_scene: MakeScene, other: type[Driver]) -> None:
    scene, their_address, our_address, marked = up(make_scene, other)
    ours = scene.ours
    received, sent = counts(scene, their_address)
    told = ours.neighbor(their_address)["messages_sent"]["UPDATE"]
    ask(scene.other, our_address)
    ours.wait_for(lambda: counts(scene, their_address)[0] > received, "their request")
    ours.wait_for(lambda: ours.neighbor(their_address)["messages_sent"]["UPDATE"] > told, "our routes again")
    if marked:
        ours.wait_for(lambda: counts(scene, their_address)[1] >= sent + 2, "our marks")
    assert set(scene.other.table(our_address)) == OURS
    assert ours.neighbor(their_address)["established_count"] == 1
