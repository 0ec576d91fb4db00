"""What a node announces as its own."""

from typing import Any

from bgpd.cluster.decide import decide
from bgpd.cluster.plan import Host
from bgpd.cluster.snapshot import settle
from tests.unit.cluster.world import announced, claim, cluster, config, flat, metal, node, own, plan_of, pool, resource

A = node("a", "10.0.0.1/24")
B = node("b", "10.0.0.2/24")


def block(cidr: str, affinity: str, **spec: Any) -> Any:
    name = cidr.replace(".", "-").replace("/", "-").replace(":", "-")
    return resource("IPAMBlock", name, {"cidr": cidr, "affinity": affinity, **spec})


def test_blocks_are_guarded_and_single_addresses_are_not() -> None:
    parts = [
        claim("a", "10.244.0.0/26"),
        claim("a", "10.244.1.7/32"),
        claim("a", "fd00:1::/122"),
        claim("b", "10.244.2.0/26"),
    ]
    assert announced(plan_of("a", A, B, parts)) == {"10.244.0.0/26": True, "10.244.1.7/32": False, "fd00:1::/122": True}


def test_only_confirmed_blocks() -> None:
    parts = [claim("a", "10.244.0.0/26", "pending"), claim("a", "10.244.1.0/26", "pendingDeletion")]
    deleted = resource("BlockAffinity", "x", {"node": "a", "cidr": "10.244.2.0/26", "deleted": "true"})
    virtual = resource("BlockAffinity", "y", {"node": "a", "cidr": "10.244.3.0/26", "type": "virtual"})
    assert announced(plan_of("a", A, parts, deleted, virtual)) == {}


def test_a_claim_on_somebody_else_s_block_is_not_announced() -> None:
    snapshot = settle(flat(A, B, claim("a", "10.244.0.0/26"), block("10.244.0.0/26", "host:b")))
    assert announced(decide(snapshot, "a")) == {}
    assert "10.244.0.0/26 belongs to b, as the block says" in str(snapshot.problems[0])


def test_an_address_borrowed_from_another_node_s_block() -> None:
    lent = block(
        "10.244.0.0/30",
        "host:b",
        allocations=[None, 0, 1, 2],
        attributes=[{"secondary": {"node": "a"}}, {"secondary": {"node": "b"}}, {"secondary": {"node": "a"}, "releasedAt": "x"}],
    )  # fmt: skip
    assert announced(plan_of("a", A, B, lent)) == {"10.244.0.1/32": False}
    assert announced(plan_of("b", A, B, lent, claim("b", "10.244.0.0/30"))) == {"10.244.0.0/30": True}


def test_host_local_addresses() -> None:
    text = {"apiVersion": "projectcalico.org/v3", "kind": "Node", "metadata": {"name": "a"}, "status": {"podCIDRs": ["10.1.0.0/24"]}}  # fmt: skip
    import json

    from bgpd.cluster.decode import decode_json

    (it,) = decode_json(json.dumps(text), "").resources
    assert announced(plan_of("a", it)) == {"10.1.0.0/24": True}
    assert announced(plan_of("a", it, claim("a", "10.244.0.0/26"))) == {"10.244.0.0/26": True}


def test_service_ranges_are_in_the_rib_only() -> None:
    ranges = config(
        serviceClusterIPs=[{"cidr": "10.96.0.0/12"}],
        serviceExternalIPs=[{"cidr": "192.0.2.0/25"}],
        serviceLoadBalancerIPs=[{"cidr": "198.51.100.0/24"}],
    )
    plan = plan_of("a", A, ranges)
    assert announced(plan) == {"10.96.0.0/12": False, "192.0.2.0/25": False, "198.51.100.0/24": False}
    assert len(plan.service_ranges) == 3
    excluded = node("x", "10.0.0.9/24", **{"node.kubernetes.io/exclude-from-external-load-balancers": "true"})
    plan = plan_of("x", excluded, ranges)
    assert announced(plan) == {"10.96.0.0/12": False}
    assert len(plan.service_ranges) == 3  # nobody's packets to a service leave by a route


def test_without_aggregation_there_is_no_range_of_load_balancers() -> None:
    ranges = config(serviceLoadBalancerIPs=[{"cidr": "198.51.100.0/24"}], serviceLoadBalancerAggregation="Disabled")
    assert announced(plan_of("a", A, ranges)) == {}


# -- service addresses


def test_service_addresses_by_node_and_selector() -> None:
    parts = [
        node("a", "10.0.0.1/24", edge="1"),
        B,
        own("ServiceAddress", "one", addresses=["192.0.2.1"], nodes=["b"]),
        own("ServiceAddress", "two", addresses=["192.0.2.2", "2001:db8::2"], nodeSelector="has(edge)"),
    ]
    assert announced(plan_of("a", parts)) == {"192.0.2.2/32": False, "2001:db8::2/128": False}
    assert announced(plan_of("b", parts)) == {"192.0.2.1/32": False}


def test_a_health_check_decides() -> None:
    parts = [A, own("ServiceAddress", "dns", addresses=["192.0.2.53"], healthCheck={"tcp": {"port": 53}})]
    for host, there in ((Host(healthy=frozenset({"dns"})), True), (Host(healthy=frozenset()), False), (Host(), True)):
        plan = plan_of("a", parts, host=host)
        assert (list(announced(plan)), plan.checked) == (["192.0.2.53/32"] if there else [], ("dns",))


METAL = [
    metal("IPAddressPool", "web", addresses=["192.0.2.0/24"], labels={"tier": "web"}),
    metal("Community", "names", communities=[{"name": "red", "value": "65001:7"}]),
]


def test_metallb_advertises_with_aggregation_preference_and_communities() -> None:
    parts = [
        A, *METAL,
        metal("BGPPeer", "tor", myASN=64512, peerASN=64512, peerAddress="10.0.0.254"),
        metal("BGPAdvertisement", "all", aggregationLength=26, localPref=300, communities=["red", "large:65001:1:2"]),
        own("ServiceAddress", "web", addresses=["192.0.2.77"], nodes=["a"]),
    ]  # fmt: skip
    plan = plan_of("a", parts)
    assert announced(plan) == {"192.0.2.64/26": False}
    rule = plan.neighbors[0].exports[0]
    assert (rule.why, rule.set_local_pref) == ("BGPAdvertisement all", 300)
    assert rule.add_communities == ("65001:7", "65001:1:2")


def test_an_aggregate_never_holds_a_stranger_s_address() -> None:
    parts = [
        A, metal("IPAddressPool", "few", addresses=["192.0.2.70-192.0.2.80"]),
        metal("BGPAdvertisement", "all", aggregationLength=24),
        own("ServiceAddress", "web", addresses=["192.0.2.77"], nodes=["a"]),
    ]  # fmt: skip
    assert announced(plan_of("a", parts)) == {"192.0.2.77/32": False}


def test_which_advertisements_concern_an_address() -> None:
    service = own("ServiceAddress", "web", addresses=["192.0.2.77"], nodes=["a"])
    other = metal("IPAddressPool", "other", addresses=["198.51.100.0/24"])
    for spec, there in (
        ({"ipAddressPools": ["web"]}, True),
        ({"ipAddressPools": ["other"]}, False),
        ({"ipAddressPoolSelectors": [{"matchLabels": {"tier": "web"}}]}, True),
        ({"nodeSelectors": [{"matchLabels": {"edge": "1"}}]}, False),
        ({"serviceSelectors": [{"matchLabels": {"app": "x"}}]}, False),
    ):
        snapshot = cluster(A, *METAL, other, service, metal("BGPAdvertisement", "it", **spec))
        plan = decide(snapshot, "a")
        assert bool(plan.originate) is there, spec
        assert bool(plan.problems) is not there


def test_an_advertisement_can_be_for_some_peers_only() -> None:
    parts = [
        A, *METAL,
        metal("BGPPeer", "tor", myASN=64512, peerASN=65001, peerAddress="10.0.0.254"),
        metal("BGPPeer", "oob", myASN=64512, peerASN=65002, peerAddress="10.0.0.253"),
        metal("BGPAdvertisement", "to-tor", peers=["tor"], communities=["65001:1"]),
        own("ServiceAddress", "web", addresses=["192.0.2.77"], nodes=["a"]),
    ]  # fmt: skip
    oob, tor = plan_of("a", parts).neighbors
    assert [each.verb.value for each in tor.exports] == ["accept", "reject"]
    assert [each.verb.value for each in oob.exports] == ["reject", "reject"]
    assert [each.verb.value for each in oob.imports] == ["reject"]


def test_pools_without_blocks_originate_nothing() -> None:
    assert announced(plan_of("a", A, pool("p", "10.244.0.0/16"))) == {}
