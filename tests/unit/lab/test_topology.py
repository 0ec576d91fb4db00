"""The topology: addresses that do not collide, and what everybody must know."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from bgpd.lab.topology import FABRIC, MAX_NODES, POOL, build


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
