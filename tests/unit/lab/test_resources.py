"""The clusters' resources are what the daemon reads, without a complaint."""

import pytest

from bgpd.cluster.decide import decide
from bgpd.cluster.decode import decode_yaml
from bgpd.cluster.plan import Host
from bgpd.cluster.resources import IPPool
from bgpd.cluster.snapshot import settle
from bgpd.cluster.store.files import split
from bgpd.lab import resources
from bgpd.lab.topology import build_cluster
from bgpd.model import Overlay
from bgpd.wire.prefix import format_address


def read(text: str) -> list[object]:
    found: list[object] = []
    for document in split(text, "lab"):
        decoded = decode_yaml(document.text, "lab")
        assert decoded.problems == ()
        found += decoded.resources
    return found


@pytest.mark.parametrize("overlay", list(Overlay))
def test_the_first_cluster_s(overlay: Overlay) -> None:
    lab = build_cluster(overlay=overlay)
    snapshot = settle(read(resources.cluster(lab)))  # type: ignore[arg-type]
    assert snapshot.problems == ()
    (pool,) = snapshot.all(IPPool).values()
    assert pool.bits == 24


def test_a_node_s_peers_are_the_topology_s() -> None:
    """With the Calico node there, and with addresses as the nodes find them."""
    lab = build_cluster()
    snapshot = settle(read(resources.east(lab)))  # type: ignore[arg-type]
    assert snapshot.problems == ()
    plan = decide(snapshot, "east1", Host())
    assert {format_address(peer.address) for peer in plan.neighbors} == {
        str(address) for address in lab.peers(lab.node("east1")).values()
    }
    joining = settle(read(resources.joining(lab)))  # type: ignore[arg-type]
    assert joining.problems == ()
