"""What resources may not say together: each case is named, and only what is wrong falls."""

from typing import Any

import pytest

from bgpd.cluster.judge import disagreement, judge
from bgpd.cluster.kinds import Resource
from bgpd.cluster.problem import Cause
from tests.unit.cluster.world import bgp_filter, claim, config, flat, metal, node, nodes, own, peer, pool, resource

TOR = {"peerIP": "10.0.0.254", "asNumber": 65001}
ADVERTISED = [{"cidr": "10.0.0.0/8", "communities": ["red"]}]
FELIX = resource("FelixConfiguration", "default", {"programClusterRoutes": "Enabled"})
METAL_PEER = {"myASN": 1, "peerASN": 2, "peerAddress": "10.0.0.254"}

#: resources -> who is named, field, part of the text, whether it falls
CASES: list[tuple[list[Any], str, str, str, bool]] = [
    ([pool("a", "10.0.0.0/8"), pool("b", "10.1.0.0/16")], "b", "spec.cidr", "overlaps 10.0.0.0/8 of IPPool a", True),
    ([node("a", "10.0.0.1/24"), node("b", "10.0.0.1/24")], "b", "spec.bgp.ipv4Address", "node a's already", True),
    ([node("a", "", "fd00::1"), node("b", "", "fd00::1")], "b", "spec.bgp.ipv6Address", "node a's already", True),
    (
        [claim("a", "10.0.0.0/26"), claim("b", "10.0.0.0/26")],
        "a-10-0-0-0-26",
        "spec.cidr",
        "claimed by a and b, and there is no block",
        True,
    ),
    ([peer("p", **TOR, filters=["no"])], "p", "spec.filters[0]", "there is no BGPFilter no", True),
    ([peer("p", **TOR, node="gone")], "p", "spec.node", "there is no node gone", False),
    (
        [node("a", "10.0.0.254/24"), peer("p", **TOR, node="a")],
        "p",
        "spec.peerIP",
        "is the address of node a itself",
        True,
    ),
    (
        [
            peer("p", peerIP="10.0.0.1", asNumber=1, reachableBy="10.0.0.2"),
            peer("q", peerIP="10.0.0.2", asNumber=1, reachableBy="10.0.0.1"),
        ],
        "p",
        "spec.reachableBy",
        "in a circle: 10.0.0.1 by 10.0.0.2 by 10.0.0.1",
        True,
    ),
    (
        [config("node.a", prefixAdvertisements=ADVERTISED)],
        "node.a",
        "spec.prefixAdvertisements[0].communities[0]",
        "not defined: red",
        True,
    ),
    (
        [nodes(2), config(nodeToNodeMeshEnabled=False)],
        "default",
        "spec.nodeToNodeMeshEnabled",
        "no node has anybody to talk to",
        False,
    ),
    (
        [config(programClusterRoutes="Enabled"), FELIX],
        "default",
        "spec.programClusterRoutes",
        "both would write routes of pools with ipip and plain",
        False,
    ),
    ([own("PeerSettings", "s", peers=["gone"])], "s", "spec.peers[0]", "there is no BGPPeer gone", False),
    (
        [own("PeerSettings", "s", peers=["mesh"]), own("PeerSettings", "t", peers=["mesh"])],
        "t",
        "spec.peers[0]",
        "has PeerSettings s already",
        True,
    ),
    (
        [
            node("a", "10.0.0.1/24"),
            own("ServiceAddress", "s", addresses=["192.0.2.1"], nodes=["a"]),
            own("ServiceAddress", "t", addresses=["192.0.2.1"], nodes=["a"]),
        ],
        "t",
        "spec.addresses[0]",
        "ServiceAddress s's already",
        True,
    ),
    (
        [node("a", "10.0.0.1/24"), own("ServiceAddress", "s", addresses=["10.0.0.1"], nodes=["a"])],
        "s",
        "spec.addresses[0]",
        "the address of node a",
        True,
    ),
    ([own("ServiceAddress", "s", addresses=["192.0.2.1"], nodes=["b"])], "s", "spec.nodes[0]", "no node b", False),
    (
        [
            node("a", "10.0.0.1/24"),
            metal("IPAddressPool", "p", addresses=["192.0.2.0/24"], avoidBuggyIPs=True),
            own("ServiceAddress", "s", addresses=["192.0.2.255"], nodes=["a"]),
        ],
        "s",
        "spec.addresses[0]",
        "ends in .0 or .255",
        True,
    ),
    (
        [
            metal("IPAddressPool", "p", addresses=["192.0.2.0/24"]),
            metal("IPAddressPool", "q", addresses=["192.0.2.9-192.0.2.10"]),
        ],
        "q",
        "spec.addresses",
        "overlaps IPAddressPool p",
        True,
    ),
    ([metal("BGPAdvertisement", "x", communities=["red"])], "x", "spec.communities[0]", "what red is", True),
    (
        [metal("BGPAdvertisement", "x", ipAddressPools=["p"])],
        "x",
        "spec.ipAddressPools[0]",
        "no IPAddressPool p",
        False,
    ),
    ([metal("BGPAdvertisement", "x", peers=["t"])], "x", "spec.peers[0]", "no BGPPeer of MetalLB t", False),
    (
        [metal("BGPPeer", "t", **METAL_PEER), metal("BGPPeer", "u", **METAL_PEER)],
        "u",
        "spec.peerAddress",
        "is BGPPeer t's already",
        True,
    ),
]


@pytest.mark.parametrize(("parts", "name", "field", "text", "falls"), CASES, ids=[f"{c[1]}-{c[2]}" for c in CASES])
def test_named(parts: list[Any], name: str, field: str, text: str, falls: bool) -> None:
    found = judge(flat(*parts))
    matching = [v for v in found if (v.problem.name, v.problem.field) == (name, field) and text in v.problem.text]
    assert matching, [str(verdict.problem) for verdict in found]
    assert matching[0].falls is falls
    assert matching[0].problem.where == "test"


GOOD: list[list[Any]] = [
    [pool("a", "10.0.0.0/16"), pool("b", "10.1.0.0/16"), pool("c", "fd00::/16")],
    [node("a", "10.0.0.1/24", "fd00::1/64"), node("b", "10.0.0.2/24"), node("c")],
    [claim("a", "10.0.0.0/26"), claim("b", "10.0.0.0/26", "pending")],
    [peer("p", **TOR, filters=["f"]), bgp_filter("f")],
    [
        config(communities=[{"name": "red", "value": "1:1"}], prefixAdvertisements=ADVERTISED),
        config("node.a", prefixAdvertisements=ADVERTISED),
    ],
    [nodes(1), config(nodeToNodeMeshEnabled=False)],
    [
        config(programClusterRoutes="EnabledNoEncapOnly"),
        resource("FelixConfiguration", "default", {"programClusterRoutes": "EnabledIPIPOnly"}),
    ],
]


@pytest.mark.parametrize("parts", GOOD)
def test_nothing_is_wrong(parts: list[Resource]) -> None:
    assert judge(flat(*parts)) == []


def test_the_older_of_two_wins_whatever_their_names() -> None:
    old = resource("IPPool", "z", {"cidr": "10.0.0.0/8"}, creationTimestamp="2024-01-01T00:00:00Z")
    new = resource("IPPool", "a", {"cidr": "10.0.0.0/8"}, creationTimestamp="2025-01-01T00:00:00Z")
    (verdict,) = judge([new, old])
    assert (verdict.problem.name, verdict.problem.cause) == ("a", Cause.DUPLICATE)


@pytest.mark.parametrize(
    ("bgp", "felix", "text"),
    [
        ("Enabled", "Disabled", ""),
        ("Disabled", "Enabled", ""),
        ("EnabledIPIPOnly", "EnabledNoEncapOnly", ""),
        ("", "", ""),
        ("Disabled", "Disabled", "nobody would write routes of pools with ipip and plain"),
        ("EnabledIPIPOnly", "Enabled", "both would write routes of pools with ipip"),
        ("EnabledIPIPOnly", "Disabled", "nobody would write routes of pools with plain"),
    ],
)
def test_who_writes_routes(bgp: str, felix: str, text: str) -> None:
    assert disagreement(bgp, felix) == text
