"""Both sides dial at the same moment, for real: two TCP connections, two OPENs each way, one session left.

The moment is made by the neighbor table. The switch passes nothing between the two while they start, so both SYNs wait
for an address that nobody answers for. When it passes frames again, the first ARP or ND request that gets through
resolves it for both ends, and both SYNs leave at once. What a real daemon does then depends on microseconds; the raw
sessions below go through each order of the OPENs.
"""

import socket
from functools import partial
from pathlib import Path

import pytest

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import BOTH, Driver, Peer
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan
from tests.interop.raw import KEEPALIVE, OPEN, RawSession, message, open_message
from tests.interop.routes import Route, generate, prefixes
from tests.interop.scene import INJECTOR_ASN, OUR_ASN, Kind, each_other

COUNT = 20
ESTABLISHED, SYN_SENT = 1, 2
COLLISION = (6, 7)


@each_other()
def test_both_dial_at_once(make_scene: MakeScene, other: type[Driver]) -> None:
    scene = make_scene(other, Kind("internal", dual="internal" in other.DUAL))
    theirs = [scene.other.originable(r) for family in BOTH for r in generate(min(COUNT, other.OWN_LIMIT), family, None)]
    ours = [Route(prefix) for family in BOTH for prefix in prefixes(COUNT, family, 3)]
    scene.other.announce(theirs)
    scene.ours.announce(ours)
    scene.lan.cut(scene.ours.node, scene.other.node)
    scene.other.start()
    scene.ours.start()
    for families, their_address, _ in scene.sessions:
        for side in (scene.other, scene.ours):
            side.wait_for(partial(_dials, side, families[0]), f"SYN to {their_address}")
    scene.lan.mend(scene.ours.node, scene.other.node)
    scene.wait_established()
    scene.expect_at_ours(theirs, own=True)
    scene.expect_at_other(ours, own=True)
    for families, their_address, our_address in scene.sessions:
        scene.ours.wait_for(partial(_single, scene.ours, families[0]), "end of the second connection")
        assert scene.ours.state(their_address) == "Established"
        assert scene.other.state(our_address) == "Established"
    scene.expect_at_ours(theirs, own=True)
    scene.expect_at_other(ours, own=True)


def _dials(side: Driver, family: str) -> bool:
    return bool(side.node.connections(SYN_SENT, family))


def _single(side: Driver, family: str) -> bool:
    return len(side.node.connections(ESTABLISHED, family)) == 1


@pytest.mark.parametrize("first", ["dialed", "accepted"])
@pytest.mark.parametrize("larger", ["ours", "theirs"])
def test_the_larger_router_id_keeps_its_connection(lan: Lan, tmp_path: Path, larger: str, first: str) -> None:
    """Whichever OPEN comes first: the connection that the side with the larger id dialed stays (RFC 4271 6.8)."""
    ours, listener, peer = _ours(lan, tmp_path)
    with listener:
        ours.start()
        sessions = {"dialed": RawSession(listener.accept()[0])}
    sessions["accepted"] = RawSession(lan.nodes[2].connect(lan.nodes[0].address4))
    try:
        for session in sessions.values():
            session.wait(partial(session.heard, OPEN), "OPEN on both")
        router_id = "1.0.0.1" if larger == "ours" else "223.0.0.1"
        stays = "dialed" if larger == "ours" else "accepted"
        goes = "accepted" if larger == "ours" else "dialed"
        second = "accepted" if first == "dialed" else "dialed"
        sessions[first].send(open_message(INJECTOR_ASN, router_id))
        sessions[first].wait(lambda: sessions[first].heard(KEEPALIVE), "KEEPALIVE for the first OPEN")
        sessions[second].send(open_message(INJECTOR_ASN, router_id))
        notice = sessions[goes].wait_closed()
        assert notice is not None
        assert (notice.code, notice.subcode) == COLLISION
        sessions[stays].wait(lambda: sessions[stays].heard(KEEPALIVE), "KEEPALIVE on the one that stays")
        sessions[stays].send(message(KEEPALIVE))
        ours.wait_established(peer)
        assert ours.neighbor(peer)["direction"] == stays
        assert ours.neighbor(peer)["established_count"] == 1
    finally:
        for session in sessions.values():
            session.close()


def test_an_established_session_stays(lan: Lan, tmp_path: Path) -> None:
    """A second connection of an established peer is turned away, whoever has the larger id."""
    ours, listener, peer = _ours(lan, tmp_path)
    with listener:
        ours.start()
        session = RawSession(listener.accept()[0])
    session.hello(INJECTOR_ASN, "223.0.0.1")
    ours.wait_established(peer)
    again = RawSession(lan.nodes[2].connect(lan.nodes[0].address4))
    notice = again.wait_closed()
    assert notice is not None
    assert (notice.code, notice.subcode) == COLLISION
    assert ours.state(peer) == "Established"
    assert not session.closed
    assert ours.neighbor(peer)["established_count"] == 1
    again.close()
    session.close()


def _ours(lan: Lan, work: Path) -> tuple[Ours, socket.socket, str]:
    """Our daemon, not started, the socket that it will dial, and the address that it knows the peer by."""
    peer = lan.nodes[2].address4
    ours = Ours(lan.nodes[0], work, OUR_ASN, [Peer(peer, INJECTOR_ASN)])
    return ours, lan.nodes[2].listen(), peer
