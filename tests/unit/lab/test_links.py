"""Links and addresses, as `ip -batch` takes them."""

from bgpd.lab import links
from bgpd.lab.topology import build, build_cluster

LAB = build_cluster()


def test_every_leg_is_a_port_of_its_wire() -> None:
    lines = links.fabric(LAB, "x.{}")
    for leg in links.legs(LAB):
        assert len(leg.port) <= 15  # IFNAMSIZ
        assert f"link add {leg.port} type veth peer name {leg.device} netns x.{leg.host}" in lines
        assert f"link set {leg.port} master {leg.wire.name} up" in lines
    assert len({leg.port for leg in links.legs(LAB)}) == len(links.legs(LAB))


def test_a_router_is_on_every_wire_and_needs_no_way_out() -> None:
    lines = links.host(LAB, "dc2")
    assert [line for line in lines if "172.30." in line] == [
        "address add 172.30.64.3/24 dev eth0", "address add 172.30.65.3/24 dev eth1", "address add 172.30.66.3/24 dev eth2",
    ]  # fmt: skip
    assert not [line for line in lines if line.startswith("route")]


def test_others_know_the_wires_and_nothing_else() -> None:
    route = "route add 172.30.64.0/22"
    assert f"{route} nexthop via 172.30.65.2 nexthop via 172.30.65.3" in links.host(LAB, "node5")
    assert f"{route} via 172.30.64.2" in links.host(LAB, "etcd")
    assert "route add default via 172.30.65.2" in links.host(LAB, "calico")
    assert not [line for line in links.host(build(), "node1") if line.startswith("route")]


def test_a_back_end_has_the_service_address() -> None:
    with_it = [node.name for node in LAB.members if "address add 198.51.100.80/32 dev lo" in links.host(LAB, node.name)]
    assert with_it == ["node1", "node4"]


def test_a_calico_pod_is_reached_as_calico_does_it() -> None:
    assert LAB.calico is not None
    outside, inside = links.pods(LAB, LAB.calico, "x")
    assert "route add 10.244.241.10/32 dev cali0 scope link" in outside
    assert inside[-1] == "route add default via 169.254.1.1"
    assert "conf/cali0/proxy_arp 1" in links.settings(LAB, "calico")
    assert "link add pods type bridge" in links.pods(LAB, LAB.nodes[0], "x")[0]
