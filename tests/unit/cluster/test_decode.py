"""Text -> resources: places, lists, several documents, JSON; one bad resource takes no other along."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgpd.cluster.decode import decode_json, decode_spec, decode_yaml, tree_of_json
from bgpd.cluster.kinds import BY_API, REFUSED, show
from bgpd.cluster.problem import Cause
from bgpd.cluster.resources import BGPFilter, BGPPeer, BlockAffinity, IPAMBlock, Node

TWO = """\
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: a, labels: {route-reflector: yes}}
spec:
  bgp: {ipv4Address: 10.0.0.1/24, asNumber: 1.10}
---
# nothing
---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  name: tor
spec:
  peerIP: 10.0.0.254
  asNumber: 65001
  ttlSecurity: 300
---
apiVersion: projectcalico.org/v3
kind: BGPFilter
metadata: {name: f}
spec:
  exportV4:
  - action: Accept
  - action: Reject
    cidr: 10.0.0.0/8
"""


def test_documents_fail_alone_and_name_their_lines() -> None:
    found = decode_yaml(TWO, "a.yaml")
    assert [type(each) for each in found.resources] == [Node]
    node = found.resources[0]
    assert isinstance(node, Node)
    assert node.bgp is not None
    assert (node.meta.where, node.meta.labels, node.bgp.asn) == ("a.yaml:1", {"route-reflector": "true"}, 65546)
    assert [str(problem) for problem in found.problems] == [
        "a.yaml:16: BGPPeer tor: spec.ttlSecurity: 300 is not between 0 and 255",
        "a.yaml:22: BGPFilter f: spec.exportV4[1].matchOperator: is missing: how does a route compare with cidr?",
    ]


def test_a_list_is_its_items() -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [show(r) for r in decode_yaml(TWO, "").resources]})
    assert decode_yaml(text, "").resources == decode_yaml(TWO, "").resources
    assert decode_json(text, "").resources == decode_yaml(TWO, "").resources


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ("a: [", "x:2: YAML syntax: a [ or { that is not closed, or a , that is missing", Cause.SYNTAX),
        ("- 1", "x:1: expected a resource, got a list", Cause.SHAPE),
        ("kind: Node", "x:1: Node: kind: Node is read as projectcalico.org/v3, not as ''", Cause.SHAPE),
        (
            "{apiVersion: projectcalico.org/v3, kind: BGPPer}",
            "x:1: BGPPer: kind: unknown kind 'BGPPer' of 'projectcalico.org/v3'; did you mean BGPPeer?",
            Cause.SHAPE,
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: s}}",
            f"x:1: Service s: kind: Service is not read: {REFUSED['Service']}",
            Cause.REFUSED,
        ),
        (
            "{apiVersion: projectcalico.org/v3, kind: Node, metadata: {name: a}, sepc: {}}",
            "x:1: Node a: sepc: unknown key; did you mean spec?",
            Cause.SHAPE,
        ),
        (
            "{apiVersion: projectcalico.org/v3, kind: Node, spec: {}}",
            "x:1: Node: metadata.name: is missing",
            Cause.SHAPE,
        ),
    ],
)
def test_what_is_no_resource(text: str, line: str, cause: Cause) -> None:
    found = decode_yaml(text, "x")
    assert found.resources == ()
    assert [(str(p), p.cause) for p in found.problems] == [(line, cause)]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"{", "this is not JSON"),
        (b"\xff", "this is not UTF-8"),
        (b"[" * 5000, "nested too deep"),
        (b"[" * 30 + b"]" * 30, "nested too deep"),
        (b'{"a": 1' + b" " * (17 << 20) + b"}", "larger than"),
    ],
    ids=["cut", "bytes", "bottomless", "deep", "large"],
)
def test_what_is_no_json(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        tree_of_json(data)
    (problem,) = decode_json(data, "/k").problems
    assert str(problem).startswith("/k: ")


def test_json_keys_are_not_folded_in_silence() -> None:
    text = '{"apiVersion": "projectcalico.org/v3", "kind": "BGPFilter", "metadata": {"name": "f"}, "spec": {"exportv4": []}}'
    (problem,) = decode_json(text, "/k").problems
    assert str(problem) == "/k: BGPFilter f: spec.exportv4: unknown key; did you mean exportV4?"


def test_what_a_datastore_keeps_as_a_bare_spec() -> None:
    kind = BY_API["projectcalico.org/v3", "BlockAffinity"]
    meta = {"name": "a-10-0-0-0-26"}
    found = decode_spec(kind, '{"state":"pending","deleted":"false"}', meta, "/k", node="a", cidr="10.0.0.0/26")
    (claim,) = found.resources
    assert isinstance(claim, BlockAffinity)
    assert (claim.state, claim.deleted, claim.node) == ("pending", False, "a")
    kind = BY_API["projectcalico.org/v3", "IPAMBlock"]
    data = {
        "cidr": "10.0.0.0/30",
        "affinity": "host:a",
        "allocations": [None, 0, None, None],
        "unallocated": [2, 3],
        "attributes": [{"handle_id": "h", "secondary": {"node": "b"}}],
        "sequenceNumberForAllocation": {"1": 7},
        "deleted": False,
    }
    (block,) = decode_spec(kind, json.dumps(data), {"name": "10-0-0-0-30"}, "/k").resources
    assert isinstance(block, IPAMBlock)
    assert (block.node, block.allocations, block.attributes[0].owner) == ("a", (None, 0, None, None), {"node": "b"})


def test_the_crd_spelling_is_read_too() -> None:
    text = "{apiVersion: crd.projectcalico.org/v1, kind: BGPPeer, metadata: {name: p}, spec: {peerIP: 1.1.1.1, asNumber: 1}}"
    assert isinstance(decode_yaml(text, "").resources[0], BGPPeer)


@settings(derandomize=True)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda i: st.lists(i) | st.dictionaries(st.sampled_from(["spec", "metadata", "name", "exportV4", "action", "cidr"]), i), max_leaves=20))  # fmt: skip
def test_no_document_does_more_than_be_refused(value: object) -> None:
    text = json.dumps(
        {"apiVersion": "projectcalico.org/v3", "kind": "BGPFilter", "metadata": {"name": "x"}, "spec": value}
    )
    found = decode_json(text, "k")
    assert found.problems or isinstance(found.resources[0], BGPFilter)
    assert decode_yaml(text, "k").resources == found.resources
