"""The whole decision: what is in the plan beside sessions, and what a node cannot do."""

from typing import Any

import pytest

from bgpd.cluster.decide import UnknownNodeError, decide
from bgpd.cluster.plan import Host
from bgpd.cluster.scalars import show_net
from bgpd.cluster.snapshot import settle
from bgpd.model import Overlay
from bgpd.wire.prefix import format_address
from tests.unit.cluster.world import claim, cluster, config, flat, node, nodes, peer, plan_of, pool

A = node("a", "10.0.0.1/24", "fd00::1/64")
TOR = {"peerIP": "10.0.0.254", "asNumber": 65001}


def test_a_node_that_is_not_there() -> None:
    with pytest.raises(UnknownNodeError, match="there is no node x; there are: node-1, node-2"):
        decide(cluster(nodes(2)), "x")
    with pytest.raises(UnknownNodeError, match="none at all"):
        decide(settle([]), "x")


def test_the_same_snapshot_gives_the_same_plan() -> None:
    parts = [nodes(5), peer("tor", **TOR), pool("p", "10.244.0.0/16"), claim("node-1", "10.244.0.0/26")]
    assert decide(cluster(*parts), "node-1") == decide(cluster(*reversed(parts)), "node-1")


def test_reachable_by() -> None:
    plan = plan_of("a", A, peer("tor", **TOR, reachableBy="10.0.0.253"), peer("six", peerIP="2001:db8::1", asNumber=1, reachableBy="fd00::2"))  # fmt: skip
    assert [(show_net(each.net), format_address(each.via)) for each in plan.static] == [
        ("2001:db8::1/128", "fd00::2"),
        ("10.0.0.254/32", "10.0.0.253"),
    ]
    assert (
        plan_of("a", A, node("b", "10.0.0.2/24"), peer("tor", **TOR, node="b", reachableBy="10.0.0.253")).static == ()
    )


def test_communities_by_prefix() -> None:
    named = config(
        communities=[{"name": "red", "value": "65001:7"}],
        prefixAdvertisements=[{"cidr": "10.0.0.0/8", "communities": ["red", "65001:7", "1:2:3"]}],
    )
    plan = plan_of("a", A, named)
    assert [(show_net(each.net), each.communities) for each in plan.communities] == [
        ("10.0.0.0/8", ("65001:7", "1:2:3"))
    ]


@pytest.mark.parametrize(
    ("word", "foreign"),
    [
        ("Enabled", []),
        ("Disabled", ["10.1.0.0/16", "10.2.0.0/16"]),
        ("EnabledIPIPOnly", ["10.1.0.0/16"]),
        ("EnabledNoEncapOnly", ["10.2.0.0/16"]),
    ],
)
def test_whose_routes_we_write(word: str, foreign: list[str]) -> None:
    pools = [
        pool("plain", "10.1.0.0/16"),
        pool("ipip", "10.2.0.0/16", ipipMode="Always"),
        pool("vxlan", "10.3.0.0/16", vxlanMode="CrossSubnet"),
        pool("always", "fd00:1::/48", vxlanMode="Always"),
    ]
    plan = plan_of("a", A, pools, config(programClusterRoutes=word), host=Host(ipip=True))
    assert sorted(show_net(net) for net in plan.not_programmed) == foreign
    assert [each.overlay for each in plan.pools] == [Overlay.ALWAYS, Overlay.CROSS_SUBNET]
    assert plan.problems == ()


def test_ipip_without_a_kernel_that_has_it_is_refused_by_name() -> None:
    plan = plan_of("a", A, pool("p", "10.2.0.0/16", ipipMode="CrossSubnet"))
    assert [str(problem) for problem in plan.problems] == [
        "test: IPPool p: spec.ipipMode: CrossSubnet needs IPIP tunnels, which this kernel or this daemon does not have"
    ]
    assert (
        plan_of("a", A, pool("p", "10.2.0.0/16", ipipMode="Always"), config(programClusterRoutes="Disabled")).problems
        == ()
    )


def test_a_thousand_nodes_are_decided_in_a_moment() -> None:
    """No clock here: that the work is linear is seen in the shared rules."""
    parts: list[Any] = flat(nodes(1000), pool("p", "10.244.0.0/16"))
    plan = decide(settle(parts), "node-1")
    assert len(plan.neighbors) == 1998
    assert len({id(each.exports) for each in plan.neighbors}) == 2
