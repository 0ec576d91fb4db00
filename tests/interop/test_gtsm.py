"""GTSM (RFC 5082) with the daemons that have it, and eBGP's TTL of 1 without it."""

from dataclasses import replace

import pytest

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import Driver, Peer
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.routes import Route, prefixes
from tests.interop.scene import Kind

GTSM = {Bird2: ("ttl security on",), Frr: ("ttl-security hops 1",)}


@pytest.mark.parametrize("dialer", ["ours", "theirs"])
@pytest.mark.parametrize("other", [Bird2, Frr], ids=lambda driver: driver.NAME)
def test_both_ends_have_it(make_scene: MakeScene, other: type[Driver], dialer: str) -> None:
    """Whoever dials: the listener's half of the handshake has to pass, too."""
    scene = make_scene(other, Kind("external", dual=False), Peer("", 0))
    ours, theirs = scene.ours, scene.other
    ours.peers = [replace(p, passive=dialer == "theirs", extra={"ttl-security": 1}) for p in ours.peers]
    theirs.peers = [replace(p, passive=dialer == "ours", lines=GTSM[other]) for p in theirs.peers]
    routes = [Route(prefix) for family in ("ipv4", "ipv6") for prefix in prefixes(3, family, 3)]
    ours.announce(routes)
    scene.start()
    scene.expect_at_other(routes, own=True)
    for _, address, _ in scene.sessions:
        view = ours.neighbor(address)
        assert view["direction"] == ("dialed" if dialer == "ours" else "accepted")
        assert "GTSM, 1 hop (TTL 255 sent, less than 255 dropped)" in view["transport"]


@pytest.mark.parametrize("other", [Bird2, Frr], ids=lambda driver: driver.NAME)
def test_only_we_have_it(make_scene: MakeScene, other: type[Driver]) -> None:
    """What leaves them with TTL 1 is dropped before TCP sees it; without it on our side the session comes up."""
    scene = make_scene(other, Kind("external", dual=True), Peer("", 0))
    scene.ours.peers = [replace(peer, extra={"ttl-security": 1}) for peer in scene.ours.peers]
    ((_, address, _),) = scene.sessions
    scene.other.start()
    scene.ours.start()

    def dropped() -> bool:
        text = scene.ours.node.run(["cat", "/proc/net/netstat"])
        names, values = (line.split() for line in text.splitlines()[:2])
        return int(dict(zip(names, values, strict=True))["TCPMinTTLDrop"]) > 2

    scene.ours.wait_for(dropped, "dropped segments")
    assert scene.ours.neighbor(address)["established_count"] == 0
    scene.ours.peers = [replace(peer, extra={}) for peer in scene.ours.peers]
    scene.ours.reload()
    scene.wait_established()
    assert scene.ours.neighbor(address)["transport"] == ["TTL 1"]
