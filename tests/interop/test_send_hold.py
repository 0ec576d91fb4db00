"""A peer that never reads (RFC 9687), over real TCP: the send hold timer ends its session, and nobody else's.

The raw peer keeps saying KEEPALIVE, so no hold timer helps. The real daemons are stopped (SIGSTOP) with a hold time of
0: without the send hold timer such a session would stand for ever.
"""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import Driver, Peer
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan, Node
from tests.interop.raw import KEEPALIVE, message, open_message
from tests.interop.routes import Route, prefixes
from tests.interop.scene import INJECTOR_ASN, OTHER_ASN, OUR_ASN, Injector, Kind

TABLE = 4000  #: routes, a message each of more than 1,000 octets: more than TCP takes for somebody who does not read
LIMIT = 4  #: seconds


def table(hop: str) -> list[Route]:
    return [
        Route(prefix, next_hop=hop, as_path=(INJECTOR_ASN,), unknown=((99, 0xC0, f"{i:08x}" * 250),))
        for i, prefix in enumerate(prefixes(TABLE, "ipv4", 4))
    ]


@contextmanager
def deaf(node: Node, to: str, asn: int) -> Iterator[socket.socket]:
    """A session that comes up and then reads nothing more, but goes on saying KEEPALIVE."""
    sock = node.tcp()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.bind((node.address4, 0))
    sock.settimeout(10)
    sock.connect((to, 179))
    over = threading.Event()

    def speak() -> None:
        with suppress(OSError):
            while not over.wait(0.5):
                sock.sendall(message(KEEPALIVE))

    sock.sendall(open_message(asn, node.address4, hold=3) + message(KEEPALIVE))
    speaker = threading.Thread(target=speak)
    speaker.start()
    try:
        yield sock
    finally:
        over.set()
        speaker.join()
        sock.close()


def expect_the_end(ours: Ours, peer: str) -> None:
    """It is over for that reason: in the log, and in `show neighbor`."""
    said = "send hold timer expired"
    ours.wait_for(lambda: any(said in event["reason"] for event in ours.events("session")), "the end", LIMIT + 15)
    view = ours.neighbor(peer)
    assert view["state"] != "Established"
    shown = view["last_notification"]
    assert (shown["direction"], shown["code"], shown["subcode"]) == ("sent", 8, 0)


def test_a_peer_that_stops_reading(lan: Lan, tmp_path: Path) -> None:
    """Its neighbors on the same table notice nothing, and what it gave goes with its session."""
    node1, node2, node3 = lan.nodes
    quick = Peer(node2.address4, OTHER_ASN, ("ipv4",), hold=3, passive=True, extra={"send-hold-time": LIMIT})
    ours = Ours(node1, tmp_path, OUR_ASN, [quick])
    injector = Injector(node3, ours)
    ours.peers += injector.peers()
    ours.start()
    try:
        injector.connect()
        with deaf(node2, node1.address4, OTHER_ASN):
            ours.wait_established(node2.address4)
            injector.announce(table(node3.address4))
            expect_the_end(ours, node2.address4)
        assert ours.neighbor(node3.address4)["established_count"] == 1
        assert ours.state(node3.address4) == "Established"
    finally:
        injector.close()


@pytest.mark.parametrize("other", [Bird2, Frr], ids=lambda driver: driver.NAME)
def test_a_daemon_that_hangs(make_scene: MakeScene, other: type[Driver]) -> None:
    """Hold time 0: no KEEPALIVE is expected. Woken up, it finds the session gone, and a new one comes up."""
    scene = make_scene(other, Kind("external", dual=False), Peer("", 0, hold=0))
    scene.ours.peers = [replace(scene.ours.peers[0], extra={"send-hold-time": LIMIT})]
    scene.other.peers = scene.other.peers[:1]
    scene.families = scene.families[:1]
    scene.ours.peers += scene.to_ours.peers()
    scene.start()
    scene.to_ours.connect()
    ((_, their_address, our_address),) = scene.sessions
    assert scene.ours.neighbor(their_address)["hold_time"] == 0
    scene.other._signal(signal.SIGSTOP)
    try:
        routes = table(scene.to_ours.node.address4)
        scene.to_ours.announce(routes)
        expect_the_end(scene.ours, their_address)
    finally:
        scene.other._signal(signal.SIGCONT)
    scene.to_ours.withdraw([route.prefix for route in routes[8:]])
    scene.wait_established()
    scene.other.wait_count(our_address, 8)
