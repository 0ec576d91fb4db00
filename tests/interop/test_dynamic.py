"""Dynamic neighbors: the daemons dial us, and we know only the range that they come from, and its key."""

from dataclasses import replace

import pytest

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import Driver, Peer
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.drivers.gobgp import Gobgp
from tests.interop.drivers.openbgpd import Openbgpd
from tests.interop.routes import Route, prefixes
from tests.interop.scene import Kind

KEY = "one-for-all"


@pytest.mark.parametrize("other", [Bird2, Frr, Gobgp, Openbgpd], ids=lambda driver: driver.NAME)
def test_a_neighbor_comes_and_goes(make_scene: MakeScene, other: type[Driver]) -> None:
    scene = make_scene(other, Kind("external", dual=False), Peer("", 0, password=KEY))
    key = scene.ours.work / "range.key"
    key.write_text(KEY + "\n")
    key.chmod(0o400)
    common = {
        "asn": "external",
        "limit": 2,
        "password-file": str(key),
        "import": "all",
        "export": "all",
        "hold-time": 9,
    }
    ranges = [
        {"prefix": "10.99.0.0/24", **common, "families": "ipv4"},
        {"prefix": "fd99::/64", **common, "families": "ipv6"},
    ]
    scene.ours.settings["listen-range"] = ranges
    scene.ours.peers = []
    routes = [Route(prefix) for family in ("ipv4", "ipv6") for prefix in prefixes(3, family, 3)]
    scene.ours.announce(routes)
    scene.ours.start()
    assert scene.ours.status()["neighbors"] == 0
    scene.other.start()
    for families, theirs, ours in scene.sessions:
        scene.other.wait_established(ours)
        scene.other.wait_table(
            ours, {r.prefix: scene.ours.exported(r, external=True, own=True) for r in routes if r.family in families}
        )
        view = scene.ours.neighbor(theirs)
        assert (view["dynamic"], view["remote_asn"], view["direction"]) == (
            "10.99.0.0/24" if families == ("ipv4",) else "fd99::/64", scene.other.asn, "accepted",
        )  # fmt: skip
        assert "TCP MD5" in view["transport"]
    scene.other.stop()
    scene.ours.wait_for(lambda: scene.ours.status()["neighbors"] == 0, "no neighbor any more")
    scene.other.start()
    for _, _, ours in scene.sessions:
        scene.other.wait_established(ours)


def test_a_range_of_another_key_lets_nobody_in(make_scene: MakeScene) -> None:
    scene = make_scene(Bird2, Kind("external", dual=True), Peer("", 0, password=KEY))
    scene.ours.settings["listen-range"] = [
        {"prefix": "10.99.0.0/24", "asn": scene.other.asn, "import": "all", "export": "all"}
    ]
    scene.ours.peers = []
    scene.other.peers = [replace(peer, password="wrong") for peer in scene.other.peers]
    key = scene.ours.work / "range.key"
    key.write_text(KEY + "\n")
    key.chmod(0o400)
    scene.ours.settings["listen-range"][0]["password-file"] = str(key)  # type: ignore[index]
    scene.ours.start()
    scene.other.start()

    def refused() -> bool:
        names, values = (line.split() for line in scene.ours.node.run(["cat", "/proc/net/netstat"]).splitlines()[:2])
        return int(dict(zip(names, values, strict=True))["TCPMD5Failure"]) > 1

    scene.ours.wait_for(refused, "refused segments")
    assert scene.ours.status()["neighbors"] == 0
