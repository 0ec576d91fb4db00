"""The clusters' resources, as text made from the topology: what `bgpctl apply -f` is given.

The first cluster's are in etcd: settings, a pool, a node for each node with its rack as a label, a peering of each
rack with each data-centre router, the service address. The second cluster's are files in a directory that its nodes
share, with a pool for each node.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bgpd.lab.topology import BLOCK_BITS, DATACENTRE_ASN, EAST_ASN, POOL, Node, Topology
from bgpd.model import Overlay

CALICO = "projectcalico.org/v3"
OURS = "bgpd/v1"
OWN_ROUTES = "own-routes"  #: the filter of what the data centre is told: a node's own, never what it heard

_VXLAN = {Overlay.NEVER: "Never", Overlay.CROSS_SUBNET: "CrossSubnet", Overlay.ALWAYS: "Always"}


def cluster(topology: Topology) -> str:
    """Everything of the first cluster but the Calico node, which joins later."""
    found = [
        _one(CALICO, "BGPConfiguration", "default", {"asNumber": topology.nodes[0].asn}),
        _one(OURS, "ClusterConfiguration", "default", {"connectRetryTime": "1s"}),
        _one(
            CALICO,
            "IPPool",
            "pods",
            {"cidr": str(POOL), "blockSize": BLOCK_BITS, "vxlanMode": _VXLAN[topology.overlay]},
        ),
        _one(CALICO, "BGPFilter", OWN_ROUTES, {"exportV4": [{"action": "Reject", "source": "RemotePeers"}]}),
        *(node(each, {}) for each in topology.nodes),
    ]
    for wire in dict.fromkeys(each.wire for each in topology.nodes):
        for router in topology.routers:
            spec = {
                "nodeSelector": f"rack == '{wire.name}'",
                "peerIP": str(router.on(wire)),
                "asNumber": DATACENTRE_ASN,
                "filters": [OWN_ROUTES],
            }
            found.append(_one(CALICO, "BGPPeer", f"{router.name}-{wire.name}", spec))
    if (service := topology.service) is not None:
        check = {"tcp": {"port": service.port}, "interval": "200ms", "timeout": "1s", "rise": 1, "fall": 1}
        spec = {"addresses": [str(service.address)], "healthCheck": check}
        found.append(_one(OURS, "ServiceAddress", service.name, spec))
    return documents(found)


def joining(topology: Topology) -> str:
    """The Calico node: its address is in its resource, since nobody of ours runs there to find it."""
    assert topology.calico is not None
    return documents([node(topology.calico, _placed(topology.calico))])


def east(topology: Topology) -> str:
    """The second cluster: its nodes take their blocks themselves, each out of a pool of its own."""
    found = [_one(CALICO, "BGPConfiguration", "default", {"asNumber": EAST_ASN})]
    for each in topology.east:
        selector = f"kubernetes.io/hostname == '{each.name}'"
        spec = {"cidr": str(each.block), "blockSize": BLOCK_BITS, "nodeSelector": selector}
        found.append(_one(CALICO, "IPPool", each.name, spec))
        found.append(node(each, _placed(each)))  # what a person's file says is not written over: it says the address
    for router in topology.routers:
        peer = {"peerIP": str(router.on(topology.east[0].wire)), "asNumber": DATACENTRE_ASN}
        found.append(_one(CALICO, "BGPPeer", router.name, peer))
    return documents(found)


def node(each: Node, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A Node as the cluster's owner writes it; where `spec` is empty, the daemon fills in its address."""
    labels = {"kubernetes.io/hostname": each.name, "rack": each.wire.name}
    return {**_one(CALICO, "Node", each.name, spec), "metadata": {"name": each.name, "labels": labels}}


def _placed(each: Node) -> dict[str, Any]:
    return {"bgp": {"ipv4Address": f"{each.address}/{each.wire.subnet.prefixlen}"}}


def documents(resources: Iterable[Mapping[str, Any]]) -> str:
    """Resources as one text of YAML documents, each in the manner of JSON."""
    return "---\n".join(json.dumps(each, indent=2) + "\n" for each in resources)


def _one(api: str, kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}
