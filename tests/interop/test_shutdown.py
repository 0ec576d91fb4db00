"""What operators say to each other: shutdown communication (RFC 9003), enable, reset, soft resets."""

import pytest

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import Driver
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.drivers.openbgpd import Openbgpd
from tests.interop.routes import Route, prefixes
from tests.interop.scene import Kind, Scene

OURS, THEIRS = "back at noon, ticket 4711", "replacing the fan, ticket 1147"


def _heard(scene: Scene, address: str) -> str:
    """Where the other daemon shows what it was told."""
    if isinstance(scene.other, Openbgpd):
        return scene.other._bgpctl("show", "neighbor", address)
    return scene.other.log.read_text()


def _say(scene: Scene, address: str) -> None:
    """The other end's operator takes the session down."""
    if isinstance(scene.other, Openbgpd):
        scene.other._bgpctl("neighbor", address, "down", THEIRS)
    else:
        assert isinstance(scene.other, Frr)
        scene.other._configure([f"router bgp {scene.other.asn}", f"neighbor {address} shutdown message {THEIRS}"])


@pytest.mark.parametrize("other", [Frr, Openbgpd], ids=lambda driver: driver.NAME)
def test_words_go_both_ways(make_scene: MakeScene, other: type[Driver]) -> None:
    scene = make_scene(other, Kind("external", dual=True))
    scene.start()
    ((_, theirs, ours),) = scene.sessions
    answer = scene.ours.act("disable", theirs, OURS)
    assert "is disabled until" in answer
    scene.other.wait_for(lambda: OURS in _heard(scene, ours), "our words")
    view = scene.ours.neighbor(theirs)
    assert (view["state"], view["disabled"]) == ("Idle", f"disabled by an operator: {OURS}")
    assert view["last_notification"]["direction"] == "sent"

    scene.ours.act("enable", theirs)
    scene.wait_established()
    _say(scene, ours)
    scene.ours.wait_for(
        lambda: THEIRS in (scene.ours.neighbor(theirs)["last_notification"] or {})["text"], "their words"
    )
    notice = scene.ours.neighbor(theirs)["last_notification"]
    # Administrative Shutdown; FRR wraps it into a Hard Reset, since both ends know RFC 8538
    assert (notice["direction"], notice["code"]) == ("received", 6)
    assert notice["subcode"] in (2, 9)


@pytest.mark.parametrize("other", [Frr, Bird2], ids=lambda driver: driver.NAME)
def test_resets(make_scene: MakeScene, other: type[Driver]) -> None:
    scene = make_scene(other, Kind("external", dual=True))
    theirs = [scene.other.originable(Route(prefix)) for prefix in prefixes(3, "ipv4", 2)]
    ours = [Route(prefix) for prefix in prefixes(3, "ipv4", 3)]
    scene.other.announce(theirs)
    scene.ours.announce(ours)
    scene.start()
    ((_, address, _),) = scene.sessions
    scene.expect_at_ours(theirs, own=True)
    scene.expect_at_other(ours, own=True)
    before = scene.ours.neighbor(address)
    assert "asked for them again" in scene.ours.act("reset soft in", address)
    scene.ours.act("reset soft out", address)

    def refreshed() -> bool:
        received = scene.ours.neighbor(address)["messages_received"]["UPDATE"]
        return bool(received > before["messages_received"]["UPDATE"])

    scene.ours.wait_for(refreshed, "their routes again")
    scene.expect_at_ours(theirs, own=True)
    scene.expect_at_other(ours, own=True)
    after = scene.ours.neighbor(address)
    assert after["established_count"] == before["established_count"] == 1
    assert after["messages_sent"]["UPDATE"] > before["messages_sent"]["UPDATE"]

    scene.ours.act("reset", address, "new cable")
    scene.ours.wait_for(lambda: scene.ours.neighbor(address)["established_count"] == 2, "a second session")
    scene.expect_at_ours(theirs, own=True)
