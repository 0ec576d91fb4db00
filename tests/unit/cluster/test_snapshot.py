"""Settling: what is wrong with one object leaves the others, and its own last good version, in force."""

from typing import Any

from bgpd.cluster.decode import decode_yaml
from bgpd.cluster.resources import BGPFilter, BGPPeer, IPPool, Node, SecretRef, WorkloadEndpoint
from bgpd.cluster.snapshot import Snapshot, ref_of, settle
from tests.unit.cluster.world import bgp_filter, node, nodes, peer, pool, resource

TOR = {"peerIP": "10.0.0.254", "asNumber": 65001}


def names(snapshot: Snapshot, kind: Any) -> list[str]:
    return list(snapshot.all(kind))


def test_resources_by_class_in_the_order_of_their_names() -> None:
    snapshot = settle([pool("b", "10.1.0.0/16"), *nodes(2), pool("a", "10.0.0.0/16")])
    assert names(snapshot, IPPool) == ["a", "b"]
    assert names(snapshot, Node) == ["node-1", "node-2"]
    assert snapshot.get(IPPool, "c") is None
    assert len(snapshot.resources) == 4
    assert snapshot.default is None


def test_namespaces_tell_apart() -> None:
    pods = [resource("WorkloadEndpoint", "x", {"node": "a"}, namespace=space) for space in ("t", "u")]
    assert names(settle(pods), WorkloadEndpoint) == ["t/x", "u/x"]


def test_the_second_of_one_name_is_left_out() -> None:
    snapshot = settle([pool("a", "10.0.0.0/16"), pool("a", "10.1.0.0/16")])
    assert names(snapshot, IPPool) == ["a"]
    assert [str(p) for p in snapshot.problems] == ["test: IPPool a: metadata.name: is there twice, first at test"]


def test_what_falls_leaves_the_rest() -> None:
    snapshot = settle([*nodes(2), node("twin", "10.0.0.1/24"), pool("a", "10.0.0.0/8"), pool("b", "10.1.0.0/16")])
    assert names(snapshot, Node) == ["node-1", "node-2"]
    assert names(snapshot, IPPool) == ["a"]
    assert len(snapshot.problems) == 2


def test_the_version_before_stays() -> None:
    good = settle([pool("a", "10.0.0.0/16"), pool("b", "10.1.0.0/16")])
    snapshot = settle([pool("a", "10.0.0.0/16"), pool("b", "10.0.0.0/16")], previous=good)
    found = snapshot.get(IPPool, "b")
    assert found is not None
    assert found.cidr[1] == b"\x10\x0a\x01"
    assert ref_of(found) in snapshot.kept
    again = settle([pool("a", "10.0.0.0/16"), pool("b", "10.0.0.0/16")], previous=snapshot)
    assert again.get(IPPool, "b") == found
    assert [str(p) for p in again.problems] == [str(p) for p in snapshot.problems]


def test_what_the_decoder_refuses_keeps_its_last_good_version() -> None:
    good = settle([peer("tor", **TOR)])
    broken = decode_yaml(
        "{apiVersion: projectcalico.org/v3, kind: BGPPeer, metadata: {name: tor}, spec: {peerIp: x}}", "f"
    )
    snapshot = settle(broken.resources, broken.problems, previous=good)
    assert names(snapshot, BGPPeer) == ["tor"]
    assert snapshot.problems == broken.problems
    assert names(settle(broken.resources, broken.problems), BGPPeer) == []
    assert names(settle([], [], previous=good), BGPPeer) == []  # deleted is deleted


def test_a_filter_that_was_deleted_while_it_is_used_stays() -> None:
    good = settle([peer("tor", **TOR, filters=["f"]), bgp_filter("f", exportV4=[{"action": "Reject"}])])
    snapshot = settle([peer("tor", **TOR, filters=["f"])], previous=good)
    assert names(snapshot, BGPFilter) == ["f"]
    assert names(snapshot, BGPPeer) == ["tor"]
    assert "there is no BGPFilter f" in str(snapshot.problems[0])
    assert settle([], previous=snapshot).resources == ()


def test_a_peer_whose_new_filter_is_unknown_stays_as_it_was() -> None:
    good = settle([peer("tor", **TOR)])
    snapshot = settle([peer("tor", **TOR, filters=["f"])], previous=good)
    found = snapshot.get(BGPPeer, "tor")
    assert found is not None
    assert found.filters == ()
    assert names(settle([peer("tor", **TOR, filters=["f"])]), BGPPeer) == []


def test_secrets() -> None:
    assert settle([]).has_secret(SecretRef("a", "b"))
    assert not settle([], secrets=frozenset()).has_secret(SecretRef("a", "b"))
