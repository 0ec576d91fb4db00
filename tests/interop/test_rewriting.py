"""What a neighbor's settings do to AS paths, next hops, default routes and numbers of routes, as other daemons see it."""

from dataclasses import replace

import pytest

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import Driver
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.routes import Route, prefixes
from tests.interop.scene import INJECTOR_ASN, OTHER_ASN, OUR_ASN, Kind, Scene
from tests.interop.test_refresh import ask, counts

TWO = pytest.mark.parametrize("other", [Bird2, Frr], ids=lambda driver: driver.NAME)
PREFIX = "192.0.2.0/24"


def _scene(make_scene: MakeScene, other: type[Driver], **settings: object) -> Scene:
    """Ours gives the other what an injector gave it, with these settings for the other."""
    scene = make_scene(other, Kind("external", dual=True))
    scene.ours.peers = [replace(peer, extra=settings) for peer in scene.ours.peers]
    scene.ours.peers += scene.to_ours.peers()
    return scene


def _path_at_other(scene: Scene, *path: int) -> Route:
    """What the other daemon has of a route with this path."""
    scene.start()
    scene.to_ours.connect()
    scene.to_ours.announce([Route(PREFIX, next_hop=scene.to_ours.node.address4, as_path=(INJECTOR_ASN, *path))])
    ((_, _, ours),) = scene.sessions
    scene.other.wait_for(lambda: PREFIX in scene.other.table(ours), "the route")
    return scene.other.table(ours)[PREFIX]


@TWO
def test_as_override(make_scene: MakeScene, other: type[Driver]) -> None:
    """Without it, the other would take the route for a loop."""
    route = _path_at_other(_scene(make_scene, other, **{"as-override": True}), OTHER_ASN, 174)
    assert route.as_path == (OUR_ASN, INJECTOR_ASN, OUR_ASN, 174)


@TWO
def test_remove_private_as(make_scene: MakeScene, other: type[Driver]) -> None:
    route = _path_at_other(_scene(make_scene, other, **{"remove-private-as": True}), 64999, 174, 4200000009)
    assert route.as_path == (OUR_ASN, 174)


@TWO
def test_next_hop_keep(make_scene: MakeScene, other: type[Driver]) -> None:
    scene = _scene(make_scene, other, **{"next-hop": "keep"})
    assert _path_at_other(scene, 174).next_hop == scene.to_ours.node.address4


@TWO
def test_local_as_and_allow_own_as(make_scene: MakeScene, other: type[Driver]) -> None:
    """To the other we are in AS 64777; what it gives may have been through that AS once."""
    scene = _scene(make_scene, other, **{"local-as": 64777, "allow-own-as": 1})
    scene.other.peers = [replace(peer, asn=64777) for peer in scene.other.peers]
    looped = Route("198.51.100.0/24", as_path=(64777, 174))
    if other is Bird2:  # the one of the two whose driver lets it out
        scene.other.announce([looped])
    route = _path_at_other(scene, 174)
    assert route.as_path == (64777, INJECTOR_ASN, 174)
    if other is not Bird2:
        return
    ((_, theirs, _),) = scene.sessions
    scene.ours.wait_for(lambda: looped.prefix in scene.ours.table(theirs), "the looped route")
    (row,) = [row for row in scene.ours.rows("received", theirs) if row["prefix"] == looped.prefix]
    assert row["eligible"]


@TWO
def test_default_originate(make_scene: MakeScene, other: type[Driver]) -> None:
    scene = _scene(make_scene, other, **{"default-originate": True, "export": "none"})
    scene.start()
    ((_, theirs, ours),) = scene.sessions
    scene.other.wait_for(lambda: "0.0.0.0/0" in scene.other.table(ours), "the default route")
    assert set(scene.other.table(ours)) == {"0.0.0.0/0", "::/0"}
    assert scene.other.table(ours)["0.0.0.0/0"].as_path == (OUR_ASN,)
    assert set(scene.ours.advertised(theirs)) == {"0.0.0.0/0", "::/0"}
    # Asked again, it is told between the marks (RFC 7313): who sweeps at EoRR still has it.
    received, sent = counts(scene, theirs)
    ask(scene.other, ours)
    marks = 2 if "enhanced-route-refresh" in scene.ours.neighbor(theirs)["capabilities_received"] else 0
    scene.ours.wait_for(lambda: counts(scene, theirs) == (received + 2, sent + 2 * marks), "its request and the marks")
    assert set(scene.other.table(ours)) == {"0.0.0.0/0", "::/0"}
    scene.ours.peers = [replace(peer, extra={}) for peer in scene.ours.peers]
    scene.ours.reload()
    scene.other.wait_for(lambda: not scene.other.table(ours), "its end")
    assert scene.ours.neighbor(theirs)["established_count"] == 1


@TWO
def test_max_prefix(make_scene: MakeScene, other: type[Driver]) -> None:
    settings = {"max-prefix": 3, "max-prefix-action": "restart", "max-prefix-restart": 1}
    scene = _scene(make_scene, other, **settings)
    routes = [Route(prefix) for prefix in prefixes(4, "ipv4", 2)]
    scene.other.announce(routes[:3])
    scene.start()
    scene.expect_at_ours([scene.other.originable(route) for route in routes[:3]], own=True)
    ((_, theirs, _),) = scene.sessions
    scene.other.announce(routes[3:])
    scene.ours.wait_for(lambda: bool(scene.ours.events("prefix_limit")), "the limit")
    notice = scene.ours.neighbor(theirs)["last_notification"]
    assert (notice["direction"], notice["code"]) == ("sent", 6)
    assert "00010100000003" in notice["data"]  # AFI, SAFI, the limit; in a Hard Reset where both know RFC 8538
    scene.other.withdraw([routes[3].prefix])
    scene.ours.wait_established(theirs)
    assert not scene.ours.neighbor(theirs)["disabled"]


@TWO
def test_max_prefix_out(make_scene: MakeScene, other: type[Driver]) -> None:
    """The session ends before the route beyond the limit is told, and comes back when there is none."""
    settings = {"max-prefix-out": 3, "max-prefix-action": "restart", "max-prefix-restart": 1}
    scene = _scene(make_scene, other, **settings)
    routes = [Route(prefix) for prefix in prefixes(4, "ipv4", 2)]
    scene.ours.announce(routes[:3])
    scene.start()
    ((_, theirs, ours),) = scene.sessions
    scene.other.wait_count(ours, 3)
    updates = scene.ours.neighbor(theirs)["messages_sent"]["UPDATE"]
    scene.ours.announce(routes[3:])
    scene.ours.wait_for(lambda: bool(scene.ours.events("prefix_limit")), "the limit")
    view = scene.ours.neighbor(theirs)
    assert view["messages_sent"]["UPDATE"] == updates
    assert (view["last_notification"]["direction"], view["last_notification"]["code"]) == ("sent", 6)
    scene.ours.withdraw([routes[3].prefix])
    scene.ours.wait_established(theirs)
    scene.other.wait_count(ours, 3)
