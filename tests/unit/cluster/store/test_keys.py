"""Keys are Calico's, letter by letter."""

from ipaddress import ip_network

import pytest

from bgpd.cluster.kinds import KINDS
from bgpd.cluster.store import keys
from bgpd.cluster.store.base import Range


def test_resources_stand_where_calico_puts_them() -> None:
    assert keys.resource_key("projectcalico.org/v3", "BGPPeer", "rack1") == (
        "/calico/resources/v3/projectcalico.org/bgppeers/rack1"
    )
    assert keys.resource_key("projectcalico.org/v3", "Node", "n") == "/calico/resources/v3/projectcalico.org/nodes/n"
    with pytest.raises(ValueError, match="no kind Rubbish"):
        keys.resource_key("projectcalico.org/v3", "Rubbish", "x")


def test_every_kind_has_a_place_of_its_own() -> None:
    places = {keys.kind_prefix(kind) for kind in KINDS}
    assert len(places) == len(KINDS)
    for kind in KINDS:
        key = keys.kind_prefix(kind) + "a.b"
        assert keys.name_of_resource(key) == (kind.plural, "a.b")
    assert keys.name_of_resource("/bgpd/v1/status/node1") is None
    endpoint = "/calico/resources/v3/projectcalico.org/workloadendpoints/ns/name"
    assert keys.name_of_resource(endpoint) == ("workloadendpoints", "ns/name")
    assert keys.resource_key("projectcalico.org/v3", "WorkloadEndpoint", "name", "ns") == endpoint


@pytest.mark.parametrize("text", ["10.244.1.0/26", "fd00:10:244::40/122"])
def test_blocks(text: str) -> None:
    block = ip_network(text)
    key = keys.affinity_key("node-1.example", block)
    assert key == f"/calico/ipam/v2/host/node-1.example/ipv{block.version}/block/{text.replace('/', '-')}"
    assert keys.read_affinity(key) == ("node-1.example", block)
    assert keys.read_block(keys.block_key(block)) == block
    assert keys.block_key(block).startswith(f"/calico/ipam/v2/assignment/ipv{block.version}/block/")


@pytest.mark.parametrize(
    "key",
    ["/calico/ipam/v2/host/n/ipv4/block/rubbish", "/calico/ipam/v2/host/n/ipv6/block/10.0.0.0-26",
     "/calico/ipam/v2/host//ipv4/block/10.0.0.0-26", "/calico/ipam/v2/host/n/ipv4/x/10.0.0.0-26", "/else", ""],
)  # fmt: skip
def test_other_keys_are_no_affinities(key: str) -> None:
    assert keys.read_affinity(key) is None
    assert keys.read_block(key) is None


def test_a_prefix_ends_where_its_last_octet_does() -> None:
    assert keys.end_of("/a/") == b"/a0"
    assert keys.end_of("") == b"\0"
    assert not keys.holds([Range(keys.affinity_prefix("node-1"))], keys.affinity_prefix("node-10") + "x")
