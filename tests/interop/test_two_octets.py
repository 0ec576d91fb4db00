"""A speaker that knows AS numbers of two octets only (RFC 6793): AS_TRANS in OPEN and AS_PATH, AS4_PATH beside it."""

from dataclasses import replace
from pathlib import Path

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import Peer
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.exabgp import Exabgp
from tests.interop.drivers.ours import Ours
from tests.interop.routes import Route
from tests.interop.scene import Kind

BIG, TRANS = 4200000001, 23456


def test_our_own_as_is_too_large_for_it(make_scene: MakeScene) -> None:
    """To ExaBGP we are AS_TRANS; the path says who we are by AS4_PATH."""
    scene = make_scene(Exabgp, Kind("external", dual=True))
    scene.ours.asn = BIG
    lines = ("capability { asn4 disable; }",)
    scene.other.peers = [replace(peer, asn=TRANS, lines=lines) for peer in scene.other.peers]
    scene.other.announce([Route("198.51.100.0/24")])
    scene.ours.announce([Route("203.0.113.0/24")])
    scene.start()
    ((_, theirs, ours),) = scene.sessions
    scene.ours.wait_for(lambda: "198.51.100.0/24" in scene.ours.table(theirs), "their route")
    assert scene.ours.table(theirs)["198.51.100.0/24"].as_path == (scene.other.asn,)
    scene.other.wait_for(lambda: "203.0.113.0/24" in scene.other.table(ours), "our route")
    assert scene.other.table(ours)["203.0.113.0/24"].as_path == (BIG,)
    assert not any("four" in text.lower() for text in scene.ours.neighbor(theirs)["capabilities_received"])


def test_a_path_through_it_is_whole_again(make_scene: MakeScene, tmp_path: Path) -> None:
    """AS 4200000001 -> ours -> BIRD, two octets on both sides -> ours: AS4_PATH carries what BIRD's AS_PATH cannot."""
    scene = make_scene(Bird2, Kind("external", dual=True))
    node1, node2, node3 = scene.lan.nodes[:3]
    scene.to_ours.asn = BIG
    scene.ours.peers += scene.to_ours.peers()
    far = Ours(node3, tmp_path / "far", 65010, [Peer(node2.address4, scene.other.asn, passive=True)])
    scene.other.peers = [
        Peer(node1.address4, scene.ours.asn, lines=("enable as4 off",)),
        Peer(node3.address4, far.asn, lines=("enable as4 off",)),
    ]
    scene.start()
    far.start()
    scene.to_ours.connect()
    route = Route("192.0.2.0/24", next_hop=node3.address4, as_path=(BIG, 174))
    scene.to_ours.announce([route])
    scene.other.wait_for(lambda: route.prefix in scene.other.table(node1.address4), "the route at BIRD")
    assert scene.other.table(node1.address4)[route.prefix].as_path == (scene.ours.asn, BIG, 174)
    far.wait_for(lambda: route.prefix in far.table(node2.address4), "the route beyond BIRD")
    assert far.table(node2.address4)[route.prefix].as_path == (scene.other.asn, scene.ours.asn, BIG, 174)
    assert not any("four" in text.lower() for text in far.neighbor(node2.address4)["capabilities_received"])
