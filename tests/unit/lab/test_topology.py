"""The topology: addresses that do not collide, and what everybody must know."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from bgpd.lab.topology import FABRIC, MAX_NODES, POOL, SERVICES, UNDERLAY, build, build_cluster
from bgpd.model import Overlay


@pytest.mark.parametrize("nodes", [2, 3, 20, MAX_NODES])
def test_addresses_are_distinct_and_inside(nodes: int) -> None:
    lab = build(nodes)
    fabric = [node.address for node in lab.nodes] + [router.address for router in lab.routers] + [lab.prometheus]
    assert len(set(fabric)) == len(fabric) == nodes + 3
    assert all(address in FABRIC and address not in (FABRIC[0], FABRIC[1], FABRIC[-1]) for address in fabric)
    blocks = [node.block for node in lab.nodes]
    assert len(set(blocks)) == nodes
    assert all(block.subnet_of(POOL) and block.prefixlen == 24 for block in blocks)
    for node in lab.nodes:
        assert node.gateway in node.block
        assert node.pod_address in node.block
        assert node.gateway != node.pod_address


@pytest.mark.parametrize("nodes", [-1, 0, 1, MAX_NODES + 1])
def test_no_lab_of_that_size(nodes: int) -> None:
    with pytest.raises(ValueError, match=f"2 to {MAX_NODES} nodes, not {nodes}"):
        build(nodes)


def test_the_blocks_of_the_mission() -> None:
    assert [str(node.block) for node in build().nodes] == ["10.244.1.0/24", "10.244.2.0/24", "10.244.3.0/24"]


def test_what_a_node_must_know() -> None:
    lab = build()
    one, two, three = lab.nodes
    assert lab.expected_on_node(one) == {
        one.block: frozenset(),
        two.block: {two.address},
        three.block: {three.address},
        IPv4Network("172.20.0.0/16"): {IPv4Address("172.30.64.2"), IPv4Address("172.30.64.3")},
        IPv4Network("172.21.0.0/16"): {IPv4Address("172.30.64.2")},
        IPv4Network("172.22.0.0/16"): {IPv4Address("172.30.64.3")},
    }
    assert three.block not in lab.expected_on_node(one, frozenset({"node3"}))


def test_what_a_router_must_know() -> None:
    lab = build()
    assert lab.expected_on_router() == {node.block: {node.address} for node in lab.nodes}
    assert set(lab.expected_on_router(frozenset({"node2"}))) == {lab.nodes[0].block, lab.nodes[2].block}


def test_everybody_peers_with_everybody() -> None:
    lab = build(5)
    for node in lab.nodes:
        assert set(lab.peers(node)) == {f"node{i}" for i in range(1, 6)} - {node.name} | {"dc1", "dc2"}
    assert lab.node("node4").index == 4
    with pytest.raises(KeyError):
        lab.node("node6")


def test_every_host_once() -> None:
    hosts = build(2).hosts()
    assert sorted(hosts) == ["dc1", "dc2", "node1", "node2", "pod1", "pod2", "prometheus"]


# -- the cluster


@pytest.mark.parametrize("nodes", [2, 5, 20, MAX_NODES])
def test_everybody_in_the_cluster_has_a_place_of_its_own(nodes: int) -> None:
    lab = build_cluster(nodes)
    addresses = [node.address for node in lab.members]
    addresses += [router.on(wire) for router in lab.routers for wire in lab.wires]
    addresses += [lab.prometheus, lab.etcd]  # type: ignore[list-item]
    assert len(set(addresses)) == len(addresses)
    assert all(address in UNDERLAY for address in addresses)
    assert all(node.address in node.wire.subnet for node in lab.members)
    assert len({node.block for node in lab.members}) == nodes + 3
    assert {node.wire.name for node in lab.nodes} == {"rack-a", "rack-b"}
    assert lab.service is not None
    racks = {lab.node(name).wire.name for name in lab.service.backends}
    assert racks == {"rack-a", "rack-b"}


def test_ways_in_the_cluster() -> None:
    lab = build_cluster()
    one, two, _, four, five = lab.nodes
    doors = {IPv4Address("172.30.64.2"), IPv4Address("172.30.64.3")}
    known = lab.expected_on_node(one)
    assert known[two.block] == {two.address}
    assert known[four.block] == known[lab.east[0].block] == doors
    assert SERVICES[80] not in {prefix[0] for prefix in known}  # a back end answers itself
    assert lab.expected_on_node(two)[IPv4Network("198.51.100.80/32")] == doors | {one.address}
    assert lab.calico is not None
    known = lab.expected_on_node(lab.calico)
    assert known[five.block] == {five.address}
    assert known[one.block] == {IPv4Address("172.30.65.2")}
    assert known[IPv4Network("198.51.100.80/32")] == {four.address}
    assert lab.expected_on_router()[IPv4Network("198.51.100.80/32")] == {one.address, four.address}
    assert lab.expected_on_router(frozenset({"node4"}))[IPv4Network("198.51.100.80/32")] == {one.address}


@pytest.mark.parametrize(
    ("overlay", "near", "far"), [(Overlay.NEVER, 2, 3), (Overlay.CROSS_SUBNET, 2, 2), (Overlay.ALWAYS, 2, 2)]
)
def test_racks_and_the_overlay(overlay: Overlay, near: int, far: int) -> None:
    lab = build_cluster(overlay=overlay)
    one, two, _, four, _ = lab.nodes
    assert (lab.hops(one, two), lab.hops(one, four)) == (near, far)
    assert lab.tunnelled(one, two) is (overlay is Overlay.ALWAYS)
    assert lab.tunnelled(one, four) is (overlay is not Overlay.NEVER)
    assert not lab.tunnelled(lab.east[0], one)
    assert (lab.calico is None) is (overlay is not Overlay.NEVER)  # BIRD does not encapsulate
    if overlay is not Overlay.NEVER:
        assert lab.expected_on_node(one)[four.block] == {four.address}
