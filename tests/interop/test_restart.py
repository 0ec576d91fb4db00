"""Peers that are killed, stopped, restarted; ours, too. Routes go with the session and come back with it."""

from dataclasses import replace

import pytest

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import BOTH, Driver, Peer
from tests.interop.drivers.bird1 import Bird1
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.drivers.openbgpd import Openbgpd
from tests.interop.routes import Route, generate, prefixes
from tests.interop.scene import Kind, Scene, each_other

COUNT = 20
PLAIN = Peer("", 0, extra={"graceful-restart": "off"})  #: sessions as RFC 4271 has them: routes go with the session
KEEPERS = (Bird2, Bird1, Frr, Openbgpd)  #: keep the routes of a peer that restarts, as they come from Debian


def _running(
    make_scene: MakeScene, other: type[Driver], relation: str, peer: Peer = PLAIN
) -> tuple[Scene, list[Route], list[Route]]:
    """A scene with routes on both sides, compared."""
    scene = make_scene(other, Kind(relation, dual=relation in other.DUAL), peer)
    count = min(COUNT, other.OWN_LIMIT)
    theirs = [scene.other.originable(route) for family in BOTH for route in generate(count, family, None, block=2)]
    ours = [Route(prefix) for family in BOTH for prefix in prefixes(COUNT, family, 3)]
    scene.other.announce(theirs)
    scene.ours.announce(ours)
    scene.start()
    scene.expect_at_ours(theirs, own=True)
    scene.expect_at_other(ours, own=True)
    return scene, theirs, ours


@each_other()
def test_peer_killed_and_back(make_scene: MakeScene, other: type[Driver]) -> None:
    scene, theirs, ours = _running(make_scene, other, "internal")
    scene.other.kill()
    for _, their_address, _ in scene.sessions:
        scene.ours.wait_down(their_address)
    scene.expect_at_ours([], own=True)
    scene.other.start()
    scene.wait_established()
    scene.expect_at_ours(theirs, own=True)
    scene.expect_at_other(ours, own=True)


@each_other()
def test_peer_stopped_and_back(make_scene: MakeScene, other: type[Driver]) -> None:
    """It says goodbye by a Cease, except ExaBGP, which hangs up; we say which in the log and in `show neighbor`."""
    scene, theirs, ours = _running(make_scene, other, "external")
    scene.other.stop()
    for _, their_address, _ in scene.sessions:
        scene.ours.wait_down(their_address)
        notice = scene.ours.neighbor(their_address)["last_notification"]
        if other.NAME != "exabgp":
            assert (notice["direction"], notice["code"]) == ("received", 6)
            assert notice["text"].startswith("Cease: ")
    scene.expect_at_ours([], own=True)
    scene.other.start()
    scene.wait_established()
    scene.expect_at_ours(theirs, own=True)
    scene.expect_at_other(ours, own=True)


@each_other()
def test_ours_killed_stopped_and_back(make_scene: MakeScene, other: type[Driver]) -> None:
    """The other daemon drops our routes when we die, and when we say goodbye; and takes us back each time."""
    scene, theirs, ours = _running(make_scene, other, "internal")
    for end in (scene.ours.kill, scene.ours.stop):
        end()
        for _, _, our_address in scene.sessions:
            scene.other.wait_down(our_address)
            scene.other.wait_count(our_address, 0)
        scene.ours.start()
        scene.wait_established()
        scene.expect_at_ours(theirs, own=True)
        scene.expect_at_other(ours, own=True)


@pytest.mark.parametrize("other", KEEPERS, ids=lambda driver: driver.NAME)
def test_ours_killed_and_remembered(make_scene: MakeScene, other: type[Driver]) -> None:
    """With graceful restart (RFC 4724), which is our default, the other one keeps our routes until we are back.

    What we no longer announce then goes with our End-of-RIB.
    """
    scene, theirs, ours = _running(make_scene, other, "internal", Peer("", 0))
    scene.ours.kill()
    for _, _, our_address in scene.sessions:
        scene.other.wait_down(our_address)
    scene.expect_still_at_other(ours)
    for route in ours[::2]:
        del scene.ours.own[route.prefix]
    scene.ours.start()
    scene.wait_established()
    scene.expect_at_other(ours[1::2], own=True)
    scene.expect_at_ours(theirs, own=True)


def test_silence_ends_a_session(make_scene: MakeScene) -> None:
    """The switch loses what the two send each other: the hold time (3 s) finds out, and only on that session."""
    scene, theirs, ours = _running(make_scene, Bird2, "internal", replace(PLAIN, hold=3))
    scene.ours.peers += scene.to_ours.peers()
    scene.ours.reload()
    scene.to_ours.connect()
    _, their_address, _ = scene.sessions[0]
    assert scene.ours.neighbor(their_address)["hold_time"] == 3
    scene.lan.cut(scene.ours.node, scene.other.node)
    scene.ours.wait_down(their_address)
    notice = scene.ours.neighbor(their_address)["last_notification"]
    assert (notice["direction"], notice["code"], notice["subcode"]) == ("sent", 4, 0)
    assert any("hold timer expired" in event["reason"] for event in scene.ours.events("session"))
    scene.expect_at_ours([], own=True)
    for family in BOTH:
        assert scene.ours.state(scene.to_ours.node.address(family)) == "Established"
    scene.lan.mend(scene.ours.node, scene.other.node)
    scene.wait_established()
    scene.expect_at_ours(theirs, own=True)
    scene.expect_at_other(ours, own=True)
