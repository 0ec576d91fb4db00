"""Kinds of our own: what they may not say."""

import json
from typing import Any

import pytest

from bgpd.cluster.decode import decode_json
from tests.unit.cluster.examples import document

CASES: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("ClusterConfiguration", "other", {}, "metadata.name", "default"),
    ("ClusterConfiguration", "", {"compat": "calico-3.20"}, "spec.compat", "expected none"),
    ("ClusterConfiguration", "", {"holdTime": "2s"}, "spec.holdTime", "RFC 4271"),
    ("ClusterConfiguration", "", {"holdTime": "9s", "keepaliveTime": "9s"}, "spec.keepaliveTime", "less than holdTime"),
    ("PeerSettings", "", {"peers": []}, "spec.peers", "must be 1"),
    ("PeerSettings", "", {"connectRetryTime": "500ms"}, "spec.connectRetryTime", "1 s"),
    ("PeerSettings", "", {"keepaliveTime": "500ms"}, "spec.keepaliveTime", "1 s"),
    ("ServiceAddress", "", {"nodes": None}, "spec.nodes", "nobody announces it"),
    ("ServiceAddress", "", {"nodeSelector": "all()"}, "spec.nodeSelector", "nodes is given"),
    ("ServiceAddress", "", {"addresses": ["192.0.2.1/24"]}, "spec.addresses[0]", "host bits"),
    ("ServiceAddress", "", {"addresses": []}, "spec.addresses", "must be 1"),
    ("ServiceAddress", "", {"healthCheck": {"interval": "1s"}}, "spec.healthCheck", "exactly one of"),
    (
        "ServiceAddress",
        "",
        {"healthCheck": {"tcp": {"port": 1}, "command": ["x"]}},
        "spec.healthCheck",
        "exactly one of",
    ),
    ("ServiceAddress", "", {"healthCheck": {"tcp": {}}}, "spec.healthCheck.tcp.port", "is missing"),
    (
        "ServiceAddress",
        "",
        {"healthCheck": {"tcp": {"port": 1}, "interval": "1ms"}},
        "spec.healthCheck.interval",
        "100ms",
    ),
    ("ServiceAddress", "", {"healthCheck": {"tcp": {"port": 1}, "timeout": "2m"}}, "spec.healthCheck.timeout", "1m"),
    (
        "ServiceAddress",
        "",
        {"healthCheck": {"http": {"port": 1, "path": "x"}}},
        "spec.healthCheck.http.path",
        "begin with /",
    ),
]


@pytest.mark.parametrize(("kind", "name", "spec", "field", "why"), CASES, ids=[f"{c[0]}-{c[3]}" for c in CASES])
def test_refused(kind: str, name: str, spec: dict[str, Any], field: str, why: str) -> None:
    found = decode_json(json.dumps(document(kind, spec, api="bgpd/v1", name=name)), "k")
    assert found.resources == ()
    assert (field, True) in [(problem.field, why in problem.text) for problem in found.problems], found.problems
