"""IPv4 routes over IPv6 next hops (RFC 8950): on the wire, in both tables, and in the kernel."""

from dataclasses import replace

import pytest

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import Driver
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.routes import Route
from tests.interop.scene import OTHER_ASN, OUR_ASN, Kind

CHANNEL: dict[type[Driver], tuple[str, ...]] = {Bird2: ("extended next hop on",), Frr: ()}
LINES: dict[type[Driver], tuple[str, ...]] = {Bird2: (), Frr: ("capability extended-nexthop",)}
OURS, THEIRS = "203.0.113.0/24", "198.51.100.0/24"


@pytest.mark.parametrize("other", CHANNEL, ids=lambda driver: driver.NAME)
def test_both_ways(make_scene: MakeScene, other: type[Driver]) -> None:
    scene = make_scene(other, Kind("external", dual=True))
    node1, node2, _ = scene.lan.nodes
    scene.ours.settings = {}  # with the kernel
    scene.ours.peers = [
        replace(scene.ours.peers[0], address=node2.address6, asn=OTHER_ASN, extra={"extended-next-hop": True})
    ]
    template = replace(scene.other.peers[0], address=node1.address6, asn=OUR_ASN)
    scene.other.peers = [replace(template, channel=CHANNEL[other], lines=LINES[other])]
    if isinstance(scene.other, Bird2):  # its driver gives every channel the node's own address of the family
        scene.other.next_hop = lambda family: node2.address6  # type: ignore[method-assign]
    scene.ours.announce([Route(OURS)])
    scene.other.announce([Route(THEIRS)])
    scene.other.start()
    scene.ours.start()
    scene.ours.wait_established(node2.address6)
    assert "IPv4 over IPv6 next hops" in scene.ours.neighbor(node2.address6)["extensions"]
    scene.other.wait_for(lambda: OURS in scene.other.table(node1.address6), "our route")
    assert scene.other.table(node1.address6)[OURS].next_hop == node1.address6
    scene.ours.wait_for(lambda: THEIRS in scene.ours.table(node2.address6), "their route")
    assert scene.ours.table(node2.address6)[THEIRS].next_hop == node2.address6

    def kernel() -> list[str]:
        return [line for line in node1.namespace.routes("proto 64", 4) if line.startswith(THEIRS)]

    scene.ours.wait_for(lambda: len(kernel()) == 1, "the kernel's route")
    assert f"via inet6 {node2.address6} dev eth0" in kernel()[0] or " via inet6 fe80::" in kernel()[0]
    scene.other.withdraw([THEIRS])
    scene.ours.wait_for(lambda: kernel() == [], "its end")
