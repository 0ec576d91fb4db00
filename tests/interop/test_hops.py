"""How far away a neighbor may be, and by which link: TTL 1 for eBGP, `multihop`, `interface`."""

from dataclasses import replace
from pathlib import Path

from tests.interop.drivers.base import Peer
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan

BEHIND = "10.98.0.2"


def _route_through_node3(lan: Lan) -> None:
    """Node 2 has an address that node 1 reaches by way of node 3 only; the way back is direct."""
    first, second, third = lan.nodes
    quiet = "for f in /proc/sys/net/ipv4/conf/*/{0}; do echo 0 > $f; done"
    for node in lan.nodes:
        for what in ("send_redirects", "accept_redirects", "rp_filter"):
            node.run(["sh", "-c", quiet.format(what)])
    second.namespace.ip("link set lo up", f"addr add {BEHIND}/32 dev lo")
    first.namespace.ip(f"route add {BEHIND}/32 via {third.address4}")
    third.namespace.ip(f"route add {BEHIND}/32 via {second.address4}")
    third.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])


def test_a_neighbor_behind_a_router_needs_multihop(lan: Lan, tmp_path: Path) -> None:
    _route_through_node3(lan)
    first, second = Ours(lan.nodes[0], tmp_path, 64512), Ours(lan.nodes[1], tmp_path, 65002)
    first.peers = [Peer(BEHIND, 65002, ("ipv4",))]
    second.peers = [Peer(lan.nodes[0].address4, 64512, ("ipv4",), passive=True)]
    second.settings["listen"] = [f"{BEHIND}:179"]
    second.start()
    first.start()
    first.wait_for(lambda: "needs multihop=N" in first.neighbor(BEHIND)["reason"], "the hint")
    first.peers = [replace(peer, extra={"multihop": 2}) for peer in first.peers]
    first.reload()
    first.wait_established(BEHIND)
    assert first.neighbor(BEHIND)["transport"] == ["TTL 2"]
    assert first.neighbor(BEHIND)["established_count"] == 1


def test_only_by_its_link(lan: Lan, tmp_path: Path) -> None:
    """Bound to eth0 it comes up, in either direction; bound to another link it never does."""
    first, second = Ours(lan.nodes[0], tmp_path, 64512), Ours(lan.nodes[1], tmp_path, 65002)
    lan.nodes[0].namespace.ip("link add other type bridge", "link set other up")
    first.peers = [Peer(lan.nodes[1].address4, 65002, passive=True, extra={"interface": "eth0"})]
    second.peers = [Peer(lan.nodes[0].address4, 64512, extra={"interface": "eth0"})]
    for daemon in (first, second):
        daemon.start()
    first.wait_established(lan.nodes[1].address4)
    assert "bound to eth0" in second.neighbor(lan.nodes[0].address4)["transport"]
    first.peers = [replace(peer, passive=False, extra={"interface": "other"}) for peer in first.peers]
    first.reload()
    count = first.neighbor(lan.nodes[1].address4)["established_count"]
    first.wait_for(lambda: first.events("connection_refused"), "a refused caller")
    assert first.neighbor(lan.nodes[1].address4)["established_count"] == count
    first.peers = [replace(peer, extra={"interface": "eth0"}) for peer in first.peers]
    first.reload()
    first.wait_established(lan.nodes[1].address4)
