"""Messages of more than 4096 octets (RFC 8654): offered, agreed, sent and taken."""

from dataclasses import replace

import pytest

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import Driver
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.raw import KEEPALIVE, OPEN, RawSession, message, open_message
from tests.interop.routes import Route
from tests.interop.scene import INJECTOR_ASN, Kind, Scene

EXTENDED = bytes((6, 0))  #: the capability
MANY = tuple(sorted(f"64900:{i}" for i in range(1500)))  #: 6000 octets of communities
PREFIX = "192.0.2.0/24"

LINES: dict[type[Driver], tuple[str, ...]] = {Bird2: ("enable extended messages on",), Frr: ()}
each = pytest.mark.parametrize("other", LINES, ids=lambda driver: driver.NAME)


def connect(scene: Scene, *, extended: bool) -> RawSession:
    """An injector's session to ours, which takes long messages or does not."""
    injector = scene.to_ours
    session = RawSession(injector.node.connect(scene.ours.node.address4))
    session.send(open_message(INJECTOR_ASN, injector.router_id, ["ipv4"], extra=EXTENDED if extended else b""))
    session.wait(lambda: session.heard(OPEN), "OPEN")
    session.send(message(KEEPALIVE))
    session.wait(lambda: session.established, "KEEPALIVE")
    return session


@each
def test_a_long_message_goes_through(make_scene: MakeScene, other: type[Driver]) -> None:
    scene = make_scene(other, Kind("external", dual=True))
    scene.other.peers = [replace(scene.other.peers[0], lines=LINES[other])]
    scene.ours.peers += scene.to_ours.peers()
    ((_, their_address, our_address),) = scene.sessions
    scene.start()
    view = scene.ours.neighbor(their_address)
    assert "extended-message" in view["capabilities_received"]
    assert "messages of up to 65535 octets" in view["extensions"]
    session = connect(scene, extended=True)
    try:
        route = Route(PREFIX, scene.to_ours.node.address4, as_path=(INJECTOR_ASN,), communities=MANY)
        session.announce([route])
        scene.other.wait_for(lambda: PREFIX in scene.other.table(our_address), "the route")
        shown = scene.other.table(our_address)[PREFIX].communities
        assert shown == MANY if other is Frr else set(shown) < set(MANY)  # BIRD prints the first few only
        session.withdraw([PREFIX])
        scene.other.wait_for(lambda: PREFIX not in scene.other.table(our_address), "the withdrawal")
    finally:
        session.close()


@each
def test_who_does_not_take_it_is_told_nothing(make_scene: MakeScene, other: type[Driver]) -> None:
    """Ours does not offer it to the other daemon: the long route stays here, and its short form goes."""
    scene = make_scene(other, Kind("external", dual=True))
    scene.ours.peers = [replace(scene.ours.peers[0], extra={"extended-messages": False})]
    scene.other.peers = [replace(scene.other.peers[0], lines=LINES[other])]
    scene.ours.peers += scene.to_ours.peers()
    ((_, their_address, our_address),) = scene.sessions
    scene.start()
    assert "extended-message" not in scene.ours.neighbor(their_address)["capabilities_sent"]
    session = connect(scene, extended=True)
    try:
        short = Route(PREFIX, scene.to_ours.node.address4, as_path=(INJECTOR_ASN,))
        session.announce([short])
        scene.other.wait_for(lambda: PREFIX in scene.other.table(our_address), "the short one")
        session.announce([replace(short, communities=MANY)])
        scene.other.wait_for(lambda: PREFIX not in scene.other.table(our_address), "its withdrawal")
        assert scene.ours.table(scene.to_ours.node.address4)[PREFIX].communities == MANY
    finally:
        session.close()


def test_a_long_message_without_the_capability_ends_the_session(make_scene: MakeScene) -> None:
    scene = make_scene(Bird2, Kind("external", dual=True))
    scene.ours.peers += [replace(peer, extra={"extended-messages": False}) for peer in scene.to_ours.peers()]
    scene.start()
    session = connect(scene, extended=True)
    try:
        session.announce([Route(PREFIX, scene.to_ours.node.address4, as_path=(INJECTOR_ASN,), communities=MANY)])
        notice = session.wait_closed()
        assert notice is not None
        assert (notice.code, notice.subcode) == (1, 2)  # Message Header Error, Bad Message Length
    finally:
        session.close()
