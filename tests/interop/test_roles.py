"""Roles (RFC 9234): pairs that fit, pairs that do not, and the attribute Only to Customer on the way."""

from dataclasses import replace

import pytest

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import Driver
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.drivers.openbgpd import Openbgpd
from tests.interop.routes import Route
from tests.interop.scene import OUR_ASN, Kind, Scene

KNOW: tuple[type[Driver], ...] = (Bird2, Frr, Openbgpd)
SHOW_OTC: tuple[type[Driver], ...] = (Bird2, Openbgpd)
each = pytest.mark.parametrize("other", KNOW, ids=lambda driver: driver.NAME)


def words(other: type[Driver], role: str) -> tuple[str, ...]:
    """How a daemon is told its own role."""
    if other is Bird2:
        return (f"local role {role.replace('-', '_')}",)
    return (f"local-role {role}",) if other is Frr else (f"announce policy {role}",)


def scene_of(make_scene: MakeScene, other: type[Driver], ours: str, theirs: str | None, **more: object) -> Scene:
    scene = make_scene(other, Kind("external", dual="external" in other.DUAL))
    scene.ours.peers = [replace(peer, extra={"role": ours, **more}) for peer in scene.ours.peers]
    if theirs is not None:
        scene.other.peers = [replace(peer, lines=words(other, theirs)) for peer in scene.other.peers]
    return scene


@each
@pytest.mark.parametrize(("ours", "theirs"), [("provider", "customer"), ("customer", "provider"), ("peer", "peer")])
def test_roles_that_fit(make_scene: MakeScene, other: type[Driver], ours: str, theirs: str) -> None:
    scene = scene_of(make_scene, other, ours, theirs)
    families, their_address, our_address = scene.sessions[0]
    assert "ipv4" in families
    scene.ours.announce([Route("203.0.113.0/24")])
    scene.other.announce([Route("198.51.100.0/24")])
    scene.start()
    assert f"we are {ours}, it is {theirs}" in scene.ours.neighbor(their_address)["extensions"]
    scene.other.wait_for(lambda: "203.0.113.0/24" in scene.other.table(our_address), "our route")
    scene.ours.wait_for(lambda: "198.51.100.0/24" in scene.ours.table(their_address), "their route")
    (row,) = [row for row in scene.ours.rows("received", their_address) if row["prefix"] == "198.51.100.0/24"]
    assert row["eligible"], row
    # what comes from above or from beside is marked: by them on the way out, or by us on the way in
    marked = row["attributes"].get("ONLY_TO_CUSTOMER", row["attributes"].get("OTC"))
    assert marked == (None if ours == "provider" else str(scene.other.asn))
    if other in SHOW_OTC and ours != "customer":
        otc = [value for code, _, value in scene.other.table(our_address)["203.0.113.0/24"].unknown if code == 35]
        assert otc == [f"{OUR_ASN:08x}"]


@each
def test_roles_that_do_not_fit(make_scene: MakeScene, other: type[Driver]) -> None:
    scene = scene_of(make_scene, other, "provider", "provider")
    _, their_address, _ = scene.sessions[0]
    scene.other.start()
    scene.ours.start()

    def refused() -> bool:
        last = scene.ours.neighbor(their_address)["last_notification"]
        return last is not None and (last["code"], last["subcode"]) == (2, 11)

    scene.ours.wait_for(refused, "Role Mismatch")
    assert scene.ours.state(their_address) != "Established"
    assert scene.ours.neighbor(their_address)["established_count"] == 0


def test_strict_and_not(make_scene: MakeScene) -> None:
    """A neighbor that tells no role is refused only where somebody asked for that."""
    scene = scene_of(make_scene, Bird2, "provider", None, **{"role-strict": True})
    _, their_address, _ = scene.sessions[0]
    scene.other.start()
    scene.ours.start()
    scene.ours.wait_for(lambda: scene.ours.neighbor(their_address)["last_notification"] is not None, "a refusal")
    assert scene.ours.neighbor(their_address)["last_notification"]["subcode"] == 11
    scene.ours.peers = [replace(peer, extra={"role": "provider"}) for peer in scene.ours.peers]
    scene.ours.reload()
    scene.ours.wait_established(their_address)
    assert "we are provider, it is untold" in scene.ours.neighbor(their_address)["extensions"]
