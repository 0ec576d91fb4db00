"""What one resource may not say: field and reason of each refusal."""

import json
from typing import Any

import pytest

from bgpd.cluster.check import is_community
from bgpd.cluster.decode import decode_json
from tests.unit.cluster.examples import document

SECRET = {"secretKeyRef": {"name": "s", "key": "k"}}
ACCEPT = {"action": "Accept"}


def rule(**keys: Any) -> dict[str, Any]:
    return {"exportV4": [{**ACCEPT, **keys}]}


#: kind, name, spec -> field, part of the reason
CASES: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("BGPConfiguration", "other", {}, "metadata.name", "default"),
    ("BGPConfiguration", "node.a", {"asNumber": 1}, "spec.asNumber", "whole cluster"),
    ("BGPConfiguration", "node.a", {"nodeToNodeMeshEnabled": False}, "spec.nodeToNodeMeshEnabled", "whole cluster"),
    ("BGPConfiguration", "node.a", {"serviceClusterIPs": [{"cidr": "10.0.0.0/8"}]}, "spec.serviceClusterIPs", "whole"),
    ("BGPConfiguration", "", {"communities": [{"name": "a", "value": "1:1"}]}, "spec.communities", "not used"),
    (
        "BGPConfiguration",
        "",
        {"prefixAdvertisements": [{"cidr": "10.0.0.0/8", "communities": ["1:1", "red"]}]},
        "spec.prefixAdvertisements[0].communities[1]",
        "community used is invalid or not defined: red",
    ),
    (
        "BGPConfiguration",
        "",
        {
            "communities": [{"name": "a", "value": "1:1"}, {"name": "a", "value": "1:2"}],
            "prefixAdvertisements": [{"cidr": "10.0.0.0/8", "communities": ["a"]}],
        },
        "spec.communities[1].name",
        "two communities called a",
    ),
    (
        "BGPConfiguration",
        "",
        {"nodeToNodeMeshEnabled": False, "nodeMeshPassword": SECRET},
        "spec.nodeMeshPassword",
        "no mesh",
    ),
    (
        "BGPConfiguration",
        "",
        {"nodeToNodeMeshEnabled": False, "nodeMeshMaxRestartTime": "1s"},
        "spec.nodeMeshMaxRestartTime",
        "no mesh",
    ),
    ("BGPConfiguration", "", {"nodeMeshMaxRestartTime": "2h"}, "spec.nodeMeshMaxRestartTime", "4095"),
    ("BGPPeer", "", {"node": "a", "nodeSelector": "all()"}, "spec.nodeSelector", "node is given"),
    ("BGPPeer", "", {"peerSelector": "all()", "asNumber": None}, "spec.peerSelector", "peerIP is given"),
    ("BGPPeer", "", {"peerIP": None, "asNumber": None}, "spec.peerIP", "says nobody"),
    ("BGPPeer", "", {"peerIP": None, "peerSelector": "all()"}, "spec.asNumber", "must be empty"),
    ("BGPPeer", "", {"peerIP": None, "localWorkloadSelector": "all()", "asNumber": None}, "spec.asNumber", "missing"),
    ("BGPPeer", "", {"asNumber": 0}, "spec.asNumber", "missing"),
    ("BGPPeer", "", {"keepOriginalNextHop": True, "nextHopMode": "Keep"}, "spec.keepOriginalNextHop", "nextHopMode"),
    ("BGPPeer", "", {"reachableBy": "fd00::1"}, "spec.reachableBy", "family"),
    ("BGPPeer", "", {"reachableBy": "10.0.0.1"}, "spec.reachableBy", "itself"),
    (
        "BGPPeer",
        "",
        {"peerIP": None, "asNumber": None, "peerSelector": "all()", "reachableBy": "10.0.0.1"},
        "spec.reachableBy",
        "needs peerIP",
    ),
    (
        "BGPPeer",
        "",
        {"peerIP": None, "localWorkloadSelector": "all()", "reversePeering": "Manual"},
        "spec.reversePeering",
        "no pod",
    ),
    ("BGPPeer", "", {"maxRestartTime": "4096s"}, "spec.maxRestartTime", "4095"),
    ("BGPPeer", "", {"keepaliveTime": "100ms"}, "spec.keepaliveTime", "1 s"),
    ("BGPPeer", "", {"filters": ["a", "a"]}, "spec.filters[1]", "twice"),
    ("BGPFilter", "", rule(cidr="10.0.0.0/8"), "spec.exportV4[0].matchOperator", "is missing"),
    ("BGPFilter", "", rule(matchOperator="In"), "spec.exportV4[0].cidr", "is missing"),
    ("BGPFilter", "", rule(prefixLength={"min": 8}), "spec.exportV4[0].prefixLength", "needs a cidr"),
    ("BGPFilter", "", rule(cidr="fd00::/8", matchOperator="In"), "spec.exportV4[0].cidr", "family"),
    (
        "BGPFilter",
        "",
        rule(cidr="10.0.0.0/8", matchOperator="In", prefixLength={"max": 33}),
        "spec.exportV4[0].prefixLength",
        "at most 32",
    ),
    (
        "BGPFilter",
        "",
        rule(cidr="10.0.0.0/8", matchOperator="In", prefixLength={"min": 25, "max": 24}),
        "spec.exportV4[0].prefixLength",
        "more than max",
    ),
    (
        "BGPFilter",
        "",
        {"importV6": [{"action": "Reject", "operations": [{"setPriority": {"value": 1}}]}]},
        "spec.importV6[0].operations",
        "only what is accepted",
    ),
    (
        "BGPFilter",
        "",
        rule(operations=[{"setPriority": {"value": 1}, "addCommunity": {"value": "1:1"}}]),
        "spec.exportV4[0].operations[0]",
        "exactly one",
    ),
    ("BGPFilter", "", rule(operations=[{}]), "spec.exportV4[0].operations[0]", "exactly one"),
    (
        "BGPFilter",
        "",
        rule(operations=[{"prependASPath": {"prefix": [0]}}]),
        "spec.exportV4[0].operations[0].prependASPath",
        "AS 0",
    ),
    ("IPPool", "", {"blockSize": 116}, "spec.blockSize", "20 to 32"),
    ("IPPool", "", {"cidr": "fd00::/64", "blockSize": 26}, "spec.blockSize", "116 to 128"),
    ("IPPool", "", {"cidr": "10.0.0.0/27"}, "spec.cidr", "smaller than one block"),
    ("IPPool", "", {"cidr": "169.254.0.0/16"}, "spec.cidr", "link-local"),
    ("IPPool", "", {"cidr": "fe80::/64"}, "spec.cidr", "link-local"),
    ("IPPool", "", {"ipipMode": "Always", "vxlanMode": "Always"}, "spec.vxlanMode", "wrapped once"),
    ("IPPool", "", {"cidr": "fd00::/64", "ipipMode": "Always"}, "spec.ipipMode", "IPv4 only"),
    ("IPPool", "", {"allowedUses": ["LoadBalancer", "Tunnel"]}, "spec.allowedUses", "stands alone"),
    ("IPPool", "", {"allowedUses": ["LoadBalancer"], "vxlanMode": "Always"}, "spec.allowedUses", "not wrapped"),
    ("IPPool", "", {"allowedUses": ["LoadBalancer"], "disableBGPExport": True}, "spec.disableBGPExport", "announced"),
    ("IPPool", "", {"allowedUses": ["LoadBalancer"], "nodeSelector": "has(a)"}, "spec.nodeSelector", "all()"),
    ("IPPool", "", {"nodeSelector": "global()"}, "spec.nodeSelector", "no meaning"),
    ("Node", "", {"bgp": {}}, "spec.bgp", "is empty"),
    ("Node", "", {"bgp": {"ipv4Address": "fd00::1"}}, "spec.bgp.ipv4Address", "other family"),
    ("Node", "", {"bgp": {"ipv6Address": "10.0.0.1"}}, "spec.bgp.ipv6Address", "other family"),
    ("IPAMBlock", "", {"cidr": "10.0.0.0/8"}, "spec.cidr", "larger"),
    ("IPAMBlock", "", {"allocations": [None]}, "spec.allocations", "4 addresses"),
    ("IPAMBlock", "", {"allocations": [None, 1, None, None]}, "spec.allocations[1]", "no attributes number 1"),
    ("FelixConfiguration", "", {"wireguardEnabled": True}, "spec.wireguardEnabled", "WireGuard"),
    ("FelixConfiguration", "", {"wireguardEnabledV6": True}, "spec.wireguardEnabledV6", "WireGuard"),
]


@pytest.mark.parametrize(("kind", "name", "spec", "field", "why"), CASES, ids=[f"{c[0]}-{c[3]}-{c[4]}" for c in CASES])
def test_refused(kind: str, name: str, spec: dict[str, Any], field: str, why: str) -> None:
    found = decode_json(json.dumps(document(kind, spec, api="projectcalico.org/v3", name=name)), "k")
    assert found.resources == ()
    assert (field, True) in [(problem.field, why in problem.text) for problem in found.problems], found.problems


def test_what_looks_wrong_and_is_not() -> None:
    good: list[tuple[str, str, dict[str, Any]]] = [
        ("IPPool", "", {"cidr": "10.0.0.0/27", "disabled": True}),  # nothing is taken from it
        ("BGPConfiguration", "node.a", {"prefixAdvertisements": [{"cidr": "10.0.0.0/8", "communities": ["red"]}]}),
        ("BGPFilter", "", {"exportV4": []}),
        ("BGPFilter", "", {"exportV4": [{"action": "Reject"}]}),
        ("Node", "", {}),
    ]
    for kind, name, spec in good:
        assert decode_json(json.dumps(document(kind, spec, api="projectcalico.org/v3", name=name)), "k").problems == ()


def test_values_and_names_of_communities() -> None:
    assert is_community("65001:1")
    assert not is_community("red")
    assert not is_community("65536:1")
