"""Every key of every table: an example that is read, becomes its attribute, and is printed again as it was."""

import json
from typing import Any

import pytest

from bgpd.cluster.decode import decode_json, decode_yaml
from bgpd.cluster.kinds import KINDS, Kind, show
from bgpd.cluster.resources import META, BGPPeer, IPAMBlock, IPPool, Node
from tests.unit.cluster.examples import EXAMPLES, STATUS, document

BY_NAME = {kind.name: kind for kind in KINDS if not (kind.name == "BGPPeer" and kind.api != "projectcalico.org/v3")}
BY_NAME |= {"BGPPeer metallb.io": next(kind for kind in KINDS if kind.api == "metallb.io/v1beta2")}
CASES = [(BY_NAME[name], key, *pair) for name, table in EXAMPLES.items() for key, pair in table.items()]
#: keys whose example alone is refused, with a reason; test_check has them
REFUSED_ALONE = {
    ("projectcalico.org/v3", "FelixConfiguration", "wireguardEnabled"),
    ("projectcalico.org/v3", "FelixConfiguration", "wireguardEnabledV6"),
}


@pytest.mark.parametrize(
    ("kind", "key", "value", "beside"), CASES, ids=[f"{c[0].api}.{c[0].name}.{c[1]}" for c in CASES]
)
def test_a_key_is_read_kept_and_printed(kind: Kind, key: str, value: Any, beside: dict[str, Any]) -> None:
    given = document(kind.name, {**beside, key: value}, api=kind.api)
    found = decode_json(json.dumps(given), "k")
    assert found.problems == ()
    (resource,) = found.resources
    without = decode_json(json.dumps(document(kind.name, {**beside, key: None}, api=kind.api)), "k").resources
    assert resource not in without, "the key changes nothing"
    assert show(resource)["spec"][key] == value
    assert decode_json(json.dumps(show(resource)), "k").resources == (resource,)
    assert decode_yaml(json.dumps(given), "k").resources == (resource,)


def test_every_key_has_its_example() -> None:
    keys = {(kind.api, kind.name, name) for kind in KINDS for name, key in kind.spec.keys.items() if key.attr}
    assert keys - {(kind.api, kind.name, key) for kind, key, _, _ in CASES} == REFUSED_ALONE


def test_what_a_node_reports() -> None:
    for name, status in STATUS.items():
        kind = BY_NAME[name]
        given = {**document(name, {}, api=kind.api), "status": status}
        (resource,) = decode_json(json.dumps(given), "k").resources
        assert show(resource)["status"] == status
    assert isinstance(resource, Node)
    assert len(resource.pod_cidrs) == 1


def test_metadata() -> None:
    meta = {
        "name": "x",
        "namespace": "team",
        "labels": {"a": "b"},
        "annotations": {"note": "{}"},
        "uid": "u",
        "resourceVersion": "7",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    given = document("IPPool", {}, api="projectcalico.org/v3") | {
        "metadata": {**meta, "managedFields": [{"f": {}}], "generation": 3}
    }
    (pool,) = decode_json(json.dumps(given), "k").resources
    assert META.show(pool.meta) == meta
    assert pool.meta.where == "k"


def test_what_other_editions_and_wireguard_add_is_refused_by_name() -> None:
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("BGPPeer", {"failureDetectionMode": "BFDIfDirectlyConnected"}, "BFD"),
        ("BGPPeer", {"extensions": {}}, "Enterprise"),
        ("Node", {"wireguard": {"interfaceIPv4Address": "10.0.0.1"}}, "WireGuard"),
        ("IPPool", {"nat-outgoing": True}, "natOutgoing"),
    ]
    for name, spec, word in cases:
        (problem,) = decode_json(json.dumps(document(name, spec, api=BY_NAME[name].api)), "k").problems
        assert (problem.cause.value, word in problem.text) == ("refused", True)


def test_defaults() -> None:
    (pool,) = decode_yaml("{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: p}, spec: {cidr: 10.0.0.0/16}}", "").resources  # fmt: skip
    assert isinstance(pool, IPPool)
    assert (pool.bits, pool.allowed_uses, pool.node_selector) == (26, ("Workload", "Tunnel"), "all()")
    peer = decode_json(json.dumps(document("BGPPeer", {}, api="projectcalico.org/v3")), "").resources[0]
    assert isinstance(peer, BGPPeer)
    assert (peer.source_address, peer.reverse_peering, peer.restart_time) == ("UseNodeIP", "Auto", None)


def test_whose_block_it_is() -> None:
    for affinity, node in (("host:a", "a"), ("virtual:load-balancer", ""), ("", "")):
        data = document("IPAMBlock", {"affinity": affinity}, api="projectcalico.org/v3")
        (block,) = decode_json(json.dumps(data), "").resources
        assert isinstance(block, IPAMBlock)
        assert block.node == node
