"""Which sessions exist, and each field of a session: one test a field, with Calico's own quirks."""

from typing import Any

import pytest

from bgpd.cluster.decide import decide
from bgpd.cluster.plan import PeerKind, PeerPlan
from bgpd.cluster.resources import SecretRef
from bgpd.cluster.snapshot import settle
from bgpd.model import AsnRule, NextHopRule
from tests.unit.cluster.world import by_address, cluster, config, flat, metal, node, nodes, own, peer, plan_of, resource

TOR = {"peerIP": "10.0.0.254", "asNumber": 65001}
SECRET = {"secretKeyRef": {"name": "bgp", "key": "tor"}}


def one(*parts: Any, name: str = "a", who: str = "10.0.0.254", **spec: Any) -> PeerPlan:
    """The session of node `a` with the router that a BGPPeer describes."""
    described = peer("tor", **{**TOR, **spec})
    return by_address(plan_of(name, node("a", "10.0.0.10/24", "fd00::10/64"), described, *parts))[who]


# -- the mesh


def test_a_mesh_of_both_families() -> None:
    plan = plan_of("node-2", nodes(3))
    assert [(each.name, each.kind.value, each.because) for each in plan.neighbors] == [
        ("Mesh_10_0_0_1", "mesh", "node-to-node mesh"),
        ("Mesh_fd00__1", "mesh", "node-to-node mesh"),
        ("Mesh_10_0_0_3", "mesh", "node-to-node mesh"),
        ("Mesh_fd00__3", "mesh", "node-to-node mesh"),
    ]
    assert {(each.local_asn, each.remote_asn, each.port) for each in plan.neighbors} == {(64512, 64512, 179)}


def test_who_waits_is_decided_by_comparing_text() -> None:
    """10.0.0.9 > 10.0.0.10, as Calico has it: with numbers, both ends would wait for each other."""
    parts = [node("a", "10.0.0.10/24"), node("b", "10.0.0.9/24")]
    assert by_address(plan_of("a", parts))["10.0.0.9"].passive
    assert not by_address(plan_of("b", parts))["10.0.0.10"].passive


def test_a_node_without_an_address_of_the_family_is_left_out() -> None:
    parts = [node("a", "10.0.0.1/24", "fd00::1/64"), node("b", "10.0.0.2/24"), node("c", "", "fd00::3/64"), node("d")]
    assert list(by_address(plan_of("a", parts))) == ["10.0.0.2", "fd00::3"]


def test_reflectors_are_not_in_the_mesh() -> None:
    parts = [*nodes(2), node("rr", "10.0.0.9/24", cluster="244.0.0.1")]
    assert list(by_address(plan_of("node-1", parts))) == ["10.0.0.2", "fd00::2"]
    plan = decide(settle(parts), "rr")
    assert plan.neighbors == ()
    assert "no session with anybody" in str(plan.problems[0])


def test_the_mesh_can_be_off() -> None:
    assert [each.name for each in plan_of("node-1", nodes(3), config(nodeToNodeMeshEnabled=False), peer("t", **TOR)).neighbors] == ["Global_10_0_0_254"]  # fmt: skip


def test_as_numbers_of_nodes_and_of_the_cluster() -> None:
    plan = plan_of("a", node("a", "10.0.0.1/24"), node("b", "10.0.0.2/24", asn=64999), config(asNumber=64600))
    assert plan.asn == 64600
    assert by_address(plan)["10.0.0.2"].remote_asn == 64999


def test_listen_ports_are_where_a_node_is_reached() -> None:
    parts = [nodes(3), config(listenPort=178), config("node.node-3", listenPort=1790)]
    plan = plan_of("node-1", *parts)
    assert {address: each.port for address, each in by_address(plan).items()} == {
        "10.0.0.2": 178, "fd00::2": 178, "10.0.0.3": 1790, "fd00::3": 1790,
    }  # fmt: skip
    assert plan_of("node-3", *parts).listen == (("0.0.0.0", 1790), ("::", 1790))


def test_mesh_password_and_restart_time() -> None:
    parts = [*nodes(2), config(nodeMeshPassword=SECRET, nodeMeshMaxRestartTime="90500ms")]
    (first, *_) = plan_of("node-1", parts).neighbors
    assert (first.password, first.restart_time) == (SecretRef("bgp", "tor"), 90)
    plan = decide(settle(parts, secrets=frozenset()), "node-1")
    assert plan.neighbors == ()  # it fails closed
    assert "secret bgp has no key tor" in str(plan.problems[0])


# -- BGPPeer: whose it is


def test_whose_a_peering_is() -> None:
    parts = [
        node("a", "10.0.0.1/24", rack="a"),
        node("b", "10.0.0.2/24", rack="b"),
        config(nodeToNodeMeshEnabled=False),
    ]
    for spec, expected in (
        ({}, {"a": "Global_10_0_0_254", "b": "Global_10_0_0_254"}),
        ({"node": "a"}, {"a": "Node_10_0_0_254"}),
        ({"nodeSelector": "rack == 'b'"}, {"b": "Node_10_0_0_254"}),
    ):
        snapshot = cluster(parts, peer("tor", **TOR, **spec))
        found = {name: [each.name for each in decide(snapshot, name).neighbors] for name in "ab"}
        assert found == {name: [expected[name]] if name in expected else [] for name in "ab"}


def test_labels_are_yaml_1_1_booleans() -> None:
    rr = node("rr", "10.0.0.9/24", cluster="244.0.0.1", **{"route-reflector": "true"})
    plan = plan_of("a", node("a", "10.0.0.1/24"), rr, peer("rr", peerSelector="route-reflector == 'true'"))
    assert [each.name for each in plan.neighbors] == ["Global_10_0_0_9"]


def test_own_address_is_nobody_to_peer_with() -> None:
    parts = [nodes(2), peer("all", peerIP="10.0.0.1", asNumber=64512), config(nodeToNodeMeshEnabled=False)]
    plan = plan_of("node-1", *parts)
    assert [each.name for each in plan.neighbors] == ["Node_10_0_0_2"]  # the way back


def test_a_global_peering_with_a_node_waits_by_text_and_others_never_do() -> None:
    parts = [
        node("a", "10.0.0.1/24", me="yes"),
        node("b", "10.192.0.3/24"),
        config(nodeToNodeMeshEnabled=False),
        config("node.b", listenPort=150),
    ]
    (found,) = plan_of("a", parts, peer("b", peerIP="10.192.0.3:150", asNumber=64512)).neighbors
    assert (found.name, found.passive, found.port) == ("Global_10_192_0_3_port_150", True, 150)
    (found,) = plan_of("a", parts, peer("b", peerIP="10.192.0.3", asNumber=64512)).neighbors
    assert (found.name, found.port) == ("Global_10_192_0_3_port_150", 150)  # the port that it listens on
    (found,) = plan_of("a", parts, peer("b", peerIP="10.192.0.3", asNumber=64512, node="a")).neighbors
    assert (found.kind, found.passive) == (PeerKind.NODE, False)
    (found,) = plan_of("a", parts, peer("b", peerSelector="!has(me)")).neighbors
    assert (found.kind, found.passive) == (PeerKind.GLOBAL, False)


def test_global_wins_over_node_and_names_decide_among_equals() -> None:
    snapshot = settle(
        flat(
            node("a", "10.0.0.1/24"), peer("a-node", **TOR, node="a"), peer("b-global", **TOR), peer("c-global", **TOR)
        )
    )
    plan = decide(snapshot, "a")
    assert [(each.name, each.because) for each in plan.neighbors] == [("Global_10_0_0_254", "BGPPeer b-global")]
    text = "there is a session with 10.0.0.254 already, of BGPPeer b-global; this one is left out"
    assert [str(each) for each in plan.problems] == [
        f"test: BGPPeer {name}: spec.peerIP: {text}" for name in ("c-global", "a-node")
    ]


# -- reverse peering and reflectors


def rr_cluster() -> list[Any]:
    return [
        node("a", "10.0.0.1/24", "fd00::1/64"),
        node("b", "10.0.0.2/24"),
        node("r1", "10.0.0.11/24", "fd00::11/64", cluster="244.0.0.1", rr="1"),
        node("r2", "10.0.0.12/24", cluster="244.0.0.1", rr="1"),
        node("r3", "10.0.0.13/24", cluster="244.0.0.2", rr="1"),
        config(nodeToNodeMeshEnabled=False),
        peer("to-rr", nodeSelector="!has(rr)", peerSelector="has(rr)"),
        peer("among-rr", nodeSelector="has(rr)", peerSelector="has(rr)"),
    ]


def test_clients_find_all_reflectors() -> None:
    plan = plan_of("a", *rr_cluster())
    assert list(by_address(plan)) == ["10.0.0.11", "fd00::11", "10.0.0.12", "10.0.0.13"]
    assert {(each.kind, each.rr_client, each.cluster_id, each.passive) for each in plan.neighbors} == {
        (PeerKind.NODE, False, None, False)
    }


def test_reflectors_find_their_clients_by_reverse_peering() -> None:
    found = by_address(plan_of("r1", *rr_cluster()))
    assert list(found) == ["10.0.0.12", "10.0.0.13", "10.0.0.1", "fd00::1", "10.0.0.2"]
    assert {address: each.rr_client for address, each in found.items()} == {
        "10.0.0.1": True,
        "fd00::1": True,
        "10.0.0.2": True,
        "10.0.0.12": False,  # of the same cluster
        "10.0.0.13": True,  # of another one
    }
    assert found["10.0.0.1"].cluster_id == b"\xf4\x00\x00\x01"
    assert found["10.0.0.12"].cluster_id is None


def test_reverse_peering_can_be_manual() -> None:
    parts = rr_cluster()
    parts[-2] = peer("to-rr", nodeSelector="!has(rr)", peerSelector="has(rr)", reversePeering="Manual")
    assert list(by_address(plan_of("r1", *parts))) == ["10.0.0.12", "10.0.0.13"]


def test_reverse_peering_of_an_address_needs_its_as_its_family_and_its_port() -> None:
    base = [nodes(2), config(nodeToNodeMeshEnabled=False)]
    assert list(by_address(plan_of("node-2", *base, peer("p", peerIP="10.0.0.2", asNumber=64512, node="node-1")))) == [
        "10.0.0.1"
    ]
    for spec in ({"peerIP": "10.0.0.2", "asNumber": 65000}, {"peerIP": "10.0.0.2:178", "asNumber": 64512}):
        snapshot = cluster(*base, peer("p", node="node-1", **spec))
        assert decide(snapshot, "node-2").neighbors == ()


def test_the_mirror_of_a_local_as_is_a_remote_one() -> None:
    parts = [
        nodes(2),
        config(nodeToNodeMeshEnabled=False),
        peer("p", node="node-1", peerSelector="all()", localASNumber=64999),
    ]
    forward, *_ = plan_of("node-1", *parts).neighbors
    back, *_ = plan_of("node-2", *parts).neighbors
    assert (forward.local_asn, forward.remote_asn) == (64999, 64512)
    assert (back.local_asn, back.remote_asn) == (64512, 64999)


def test_an_external_peer_is_no_client() -> None:
    parts = [
        node("rr", "10.0.0.9/24", cluster="244.0.0.1"),
        peer("t", **TOR),
        peer("i", peerIP="10.0.0.7", asNumber=64512),
    ]
    found = by_address(plan_of("rr", *parts))
    assert (found["10.0.0.254"].rr_client, found["10.0.0.254"].cluster_id) == (False, None)
    assert (found["10.0.0.7"].rr_client, found["10.0.0.7"].cluster_id) == (True, b"\xf4\x00\x00\x01")


# -- BGPPeer: one test a field


def test_peer_ip_and_port() -> None:
    assert (one().port, one(peerIP="10.0.0.254:1790").port) == (179, 1790)
    assert one(peerIP="10.0.0.254:1790").name == "Global_10_0_0_254_port_1790"
    assert one(peerIP="[fd00::fe]:178", who="fd00::fe").port == 178


def test_as_numbers() -> None:
    assert (one().local_asn, one().remote_asn) == (64512, 65001)
    assert one(localASNumber="1.10").local_asn == 65546


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, NextHopRule.AUTO),
        ({"nextHopMode": "Auto"}, NextHopRule.AUTO),
        ({"nextHopMode": "Self"}, NextHopRule.SELF),
        ({"nextHopMode": "Keep"}, NextHopRule.KEEP),
        ({"nextHopMode": "Keep", "asNumber": 64512}, NextHopRule.KEEP),
        ({"keepOriginalNextHop": True}, NextHopRule.KEEP),
        ({"keepOriginalNextHop": True, "asNumber": 64512}, NextHopRule.AUTO),  # of external peers only
    ],
)
def test_next_hop(spec: dict[str, Any], expected: NextHopRule) -> None:
    assert one(**spec).next_hop is expected


def test_password() -> None:
    assert one(password=SECRET).password == SecretRef("bgp", "tor")
    parts = flat(node("a", "10.0.0.1/24"), peer("tor", **TOR, password=SECRET))
    assert decide(settle(parts, secrets=frozenset([SecretRef("bgp", "tor")])), "a").neighbors
    plan = decide(settle(parts, secrets=frozenset()), "a")
    assert plan.neighbors == ()
    assert str(plan.problems[0]).startswith("BGPPeer tor: spec.password: secret bgp has no key tor")


def test_source_address() -> None:
    assert one().source_address == b"\x0a\x00\x00\x0a"
    assert one(sourceAddress="None").source_address is None
    snapshot = cluster(node("a", "10.0.0.1/24"), peer("tor", peerIP="fd00::fe", asNumber=65001))
    plan = decide(snapshot, "a")
    assert plan.neighbors == ()
    assert str(plan.problems[0]).endswith("spec.sourceAddress: node a has no IPv6 address to speak from")


def test_restart_and_keepalive_time() -> None:
    assert one().restart_time == 120
    assert one(maxRestartTime="1m30.4s").restart_time == 90
    assert (one().hold_time, one().keepalive_time) == (90, 30)
    assert (one(keepaliveTime="20s").hold_time, one(keepaliveTime="20s").keepalive_time) == (90, 20)
    assert one(keepaliveTime="60s").hold_time == 180  # or it would not live from one keepalive to the next


def test_allowed_own_as_and_gtsm() -> None:
    assert (one().allow_own_asn, one(numAllowedLocalASNumbers=2).allow_own_asn) == (0, 2)
    assert (one().gtsm_hops, one(ttlSecurity=3).gtsm_hops) == (0, 3)


def test_timers_of_the_cluster_and_of_a_peer() -> None:
    shared = own("ClusterConfiguration", "default", holdTime="30s", connectRetryTime="2s")
    tuned = own("PeerSettings", "fast", peers=["tor"], holdTime="3s", keepaliveTime="1s")
    found = one(shared)
    assert (found.hold_time, found.keepalive_time, found.connect_retry_time) == (30, 10, 2.0)
    found = one(shared, tuned)
    assert (found.hold_time, found.keepalive_time, found.connect_retry_time) == (3, 1, 2.0)
    mesh = plan_of("node-1", nodes(2), own("PeerSettings", "m", peers=["mesh"], holdTime="9s")).neighbors[0]
    assert (mesh.hold_time, mesh.keepalive_time) == (9, 3)


def test_calico_s_hold_time_where_it_is_to_be_compatible() -> None:
    found = one(own("ClusterConfiguration", "default", compat="calico"))
    assert (found.hold_time, found.keepalive_time) == (240, 80)


# -- workloads


def test_workloads_are_peers_that_dial() -> None:
    pods = [
        resource("WorkloadEndpoint", name, {"node": where, "ipNetworks": nets}, namespace="team", labels={"app": app})
        for name, where, nets, app in (
            ("p1", "a", ["10.244.0.5/32", "fd00:1::5/128"], "router"),
            ("p2", "b", ["10.244.0.6/32"], "router"),
            ("p3", "a", ["10.244.0.7/32"], "web"),
        )
    ]
    parts = [
        node("a", "10.0.0.1/24"),
        config(nodeToNodeMeshEnabled=False, localWorkloadPeeringIPV4="169.254.1.2"),
        peer("pods", localWorkloadSelector="app == 'router'", asNumber=65100),
        *pods,
    ]
    plan = plan_of("a", parts)
    assert [(each.name, each.kind.value, each.passive, each.source_address) for each in plan.neighbors] == [
        ("Local_Workload_10_244_0_5", "workload", True, None),
        ("Local_Workload_fd00_1__5", "workload", True, None),
    ]
    assert plan.workload_addresses == (b"\xa9\xfe\x01\x02",)


# -- MetalLB


def test_metallb_peers() -> None:
    parts = [
        node("a", "10.0.0.1/24", rack="a"),
        metal("BGPPeer", "tor", myASN=64600, peerASN=65001, peerAddress="10.0.0.254", holdTime="30s", connectTime="7s"),
        metal("BGPPeer", "dyn", myASN=64600, dynamicASN="external", interface="eth1", enableGracefulRestart=True),
        metal("BGPPeer", "off", myASN=64600, peerASN=1, peerAddress="10.0.0.9", nodeSelectors=[{"matchLabels": {"rack": "b"}}]),
        metal("BGPPeer", "loc", myASN=64600, localASN=64999, peerASN=2, peerAddress="10.0.0.8", password="x", ebgpMultiHop=True),
    ]  # fmt: skip
    dyn, loc, tor = plan_of("a", parts).neighbors
    assert (tor.name, tor.local_asn, tor.remote_asn, tor.hold_time, tor.keepalive_time) == ("tor", 64600, 65001, 30, 10)
    assert (tor.connect_retry_time, tor.multihop, tor.graceful_restart) == (7.0, 0, False)
    assert (dyn.interface, dyn.asn_rule, dyn.graceful_restart) == ("eth1", AsnRule.EXTERNAL, True)
    assert (loc.local_asn, loc.plain_password, loc.multihop) == (64999, "x", 64)
    assert "hush" not in repr(loc)
    assert "password='x'" not in repr(loc)


def test_metallb_s_secret_fails_closed() -> None:
    described = metal("BGPPeer", "tor", myASN=1, peerASN=2, peerAddress="10.0.0.254", passwordSecret={"name": "s"})
    plan = decide(settle([node("a", "10.0.0.1/24"), described], secrets=frozenset()), "a")
    assert plan.neighbors == ()
    assert "spec.passwordSecret" in str(plan.problems[0])
