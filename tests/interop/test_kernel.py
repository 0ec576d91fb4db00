"""What a real peer announces becomes real kernel routes through it, and what it withdraws leaves."""

import ipaddress
from collections.abc import Iterable
from pathlib import Path

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import BOTH, Driver, Peer
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan, Node
from tests.interop.routes import Route, prefixes
from tests.interop.scene import OUR_ASN, Kind, each_other

PROTOCOL, METRIC = "64", "64"
GUARD_METRIC = "4294967294"  #: weaker than any other route for the prefix


def _kernel(node: Node) -> dict[str, list[str]]:
    """Our routes in the node's kernel: prefix -> next hops, or ["blackhole"]."""
    found: dict[str, list[str]] = {}
    for family in (4, 6):
        prefix = ""
        for line in node.namespace.routes(f"proto {PROTOCOL}", family):
            words = line.split()
            if words[0] == "nexthop":
                found[prefix].append(words[words.index("via") + 1])
                continue
            kind = words.pop(0) if words[0] == "blackhole" else ""
            prefix = str(ipaddress.ip_network(words[0]))
            metric = words[words.index("metric") + 1]
            assert metric == (GUARD_METRIC if kind else METRIC), line
            found[prefix] = [kind] if kind else [words[words.index("via") + 1]] if "via" in words else []
    return found


def _expect(ours: Ours, expected: dict[str, list[str]]) -> None:
    def equal() -> bool:
        return {prefix: sorted(hops) for prefix, hops in _kernel(ours.node).items()} == expected

    ours.wait_for(equal, f"kernel routes {expected}; there are {_kernel(ours.node)}", 10)
    view = ours.kernel()
    assert view["in_sync"], view
    assert view["installed"] == len(expected)


@each_other()
def test_routes_reach_the_kernel(make_scene: MakeScene, other: type[Driver]) -> None:
    scene = make_scene(other, Kind("internal", dual="internal" in other.DUAL))
    scene.ours.settings.pop("no-kernel")
    theirs = [Route(prefix) for family in BOTH for prefix in prefixes(6, family, 2)]
    scene.ours.announce([Route("10.244.1.0/24")])
    scene.other.announce(theirs)
    scene.start()
    guard = {"10.244.1.0/24": ["blackhole"]}
    via = {route.prefix: [scene.other.node.address(route.family)] for route in theirs}
    _expect(scene.ours, via | guard)
    scene.other.withdraw([route.prefix for route in theirs[::2]])
    _expect(scene.ours, {route.prefix: via[route.prefix] for route in theirs[1::2]} | guard)
    scene.other.kill()
    _expect(scene.ours, guard)
    scene.ours.stop()
    assert _kernel(scene.ours.node) == {}


def test_two_daemons_share_the_load(lan: Lan, tmp_path: Path) -> None:
    """BIRD and FRR announce the same prefixes: multipath routes, and back to one when one of them dies."""
    node, first, second = lan.nodes
    daemons: list[Driver] = [
        kind(place, tmp_path, OUR_ASN, [Peer(node.address4, OUR_ASN)])
        for kind, place in ((Bird2, first), (Frr, second))
    ]
    ours = Ours(node, tmp_path, OUR_ASN, [Peer(place.address4, OUR_ASN) for place in (first, second)])
    ours.settings.pop("no-kernel")
    shared = [Route(prefix, med=0) for family in BOTH for prefix in prefixes(3, family, 2)]
    for daemon in daemons:
        daemon.announce(shared)
        daemon.start()
    ours.start()
    _expect(ours, {route.prefix: _hops(route, (first, second)) for route in shared})
    daemons[0].kill()
    _expect(ours, {route.prefix: _hops(route, (second,)) for route in shared})
    daemons[0].start()
    _expect(ours, {route.prefix: _hops(route, (first, second)) for route in shared})


def _hops(route: Route, nodes: Iterable[Node]) -> list[str]:
    return sorted(node.address(route.family) for node in nodes)
