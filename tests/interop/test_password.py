"""TCP MD5 (RFC 2385) with the kernels and the daemons: the right key, the wrong one, none, and a corrected one."""

import contextlib
import select
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import Driver, Peer
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan, Node
from tests.interop.routes import Route, prefixes
from tests.interop.scene import OUR_ASN, Kind, each_other

KEY = "correct-horse"


def _refused(node: Node) -> int:
    """Segments that this kernel dropped for a wrong, missing or unexpected MD5 signature."""
    names, values = (line.split() for line in node.run(["cat", "/proc/net/netstat"]).splitlines()[:2])
    found = dict(zip(names, values, strict=True))
    return sum(int(found[name]) for name in ("TCPMD5NotFound", "TCPMD5Unexpected", "TCPMD5Failure"))


@each_other()
def test_the_right_key(make_scene: MakeScene, other: type[Driver]) -> None:
    """On both families: a session over IPv4 and one over IPv6, both signed."""
    scene = make_scene(other, Kind("internal", dual=False), Peer("", 0, password=KEY))
    routes = [Route(prefix) for family in ("ipv4", "ipv6") for prefix in prefixes(5, family, 3)]
    scene.ours.announce(routes)
    scene.start()
    scene.expect_at_other(routes, own=True)
    assert all(scene.ours.neighbor(address)["password"] for _, address, _ in scene.sessions)


def test_no_window_at_the_start(lan: Lan, tmp_path: Path) -> None:
    """Somebody with the peer's address and no key knocks from before the daemon starts: it never hears an OPEN."""
    node, peer = lan.nodes[:2]
    ours = Ours(node, tmp_path, OUR_ASN, [Peer(peer.address4, OUR_ASN, password=KEY, passive=True)])
    ours.settings.pop("no-kernel")  # the kernel is asked between the ports and the keys
    knocking = threading.Event()
    caught: list[socket.socket] = []

    def knock() -> None:
        while not knocking.is_set():
            sock = peer.tcp()
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sock.connect((node.address4, 179))
            if select.select([], [sock], [], 0.002)[1] and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                caught.append(sock)
            else:
                sock.close()

    thread = threading.Thread(target=knock)
    thread.start()
    try:
        ours.start()
        ours.wait_for(lambda: _refused(node) > 20, "refused segments")
    finally:
        knocking.set()
        thread.join()
    heard = []
    for sock in caught:
        sock.settimeout(0.5)
        with contextlib.suppress(OSError):
            heard.append(sock.recv(19))
        sock.close()
    assert not any(heard), "an unsigned connection was taken for the peer"
    assert [event for event in ours.events("session") if event["new"] == "OpenSent"] == []


@pytest.mark.parametrize("theirs", ["wrong", None], ids=["wrong", "none"])
@each_other()
def test_another_key(make_scene: MakeScene, other: type[Driver], theirs: str | None) -> None:
    """Nothing gets through, while a session without a key stays up; the corrected key takes effect by a reload."""
    kind = Kind("internal", dual="internal" in other.DUAL)
    scene = make_scene(other, kind, Peer("", 0, password=KEY))
    scene.other.peers = [replace(peer, password=theirs) for peer in scene.other.peers]
    scene.ours.peers += scene.to_ours.peers()
    scene.other.start()
    scene.ours.start()
    scene.to_ours.connect()
    nodes = (scene.ours.node, scene.other.node)
    scene.ours.wait_for(lambda: sum(map(_refused, nodes)) > 2, "refused segments")
    for _, their_address, _ in scene.sessions:
        view = scene.ours.neighbor(their_address)
        assert view["state"] in ("Connect", "Active", "Idle")
        assert view["established_count"] == 0
    for peer in scene.to_ours.peers():
        assert scene.ours.state(peer.address) == "Established"

    scene.ours.peers = [replace(peer, password=theirs) if peer.password == KEY else peer for peer in scene.ours.peers]
    scene.ours.reload()
    scene.wait_established()
    for peer in scene.to_ours.peers():
        assert scene.ours.neighbor(peer.address)["established_count"] == 1, "the reload flapped another neighbor"
