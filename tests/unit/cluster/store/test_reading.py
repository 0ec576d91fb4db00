"""From entries to resources: Calico's JSON as it stands in etcd, and what is wrong with some of it."""

import json
from ipaddress import ip_network

import pytest

from bgpd.cluster.decode import Decoded
from bgpd.cluster.resources import BGPPeer, BlockAffinity, IPAMBlock, Node
from bgpd.cluster.store import reading
from bgpd.cluster.store.base import Entry, Fault
from bgpd.cluster.store.claim import affinity_value, block_value
from bgpd.cluster.store.keys import affinity_key, block_key, resource_key
from bgpd.cluster.store.picture import Picture
from bgpd.cluster.store.reading import Reader, decode, ranges_of

CALICO = "projectcalico.org/v3"


def resource(kind: str, name: str, spec: object, revision: int = 1) -> Entry:
    key = resource_key(CALICO, kind, name)
    value = {"kind": kind, "apiVersion": CALICO, "metadata": {"name": name, "uid": "u"}, "spec": spec}
    return Entry(key, json.dumps(value).encode(), revision, key)


def node(name: str, address: str) -> Entry:
    return resource("Node", name, {"bgp": {"ipv4Address": address}})


@pytest.mark.parametrize("text", ["10.244.1.0/26", "10.0.0.1/32", "fd00:10:244::40/122", "fd00::/122"])
@pytest.mark.parametrize("value", [b"", affinity_value("confirmed"), affinity_value("pending")])
def test_affinities_and_blocks_as_they_are_written(text: str, value: bytes) -> None:
    block = ip_network(text)
    for key, body, kind in (
        (affinity_key("node-1", block), value, BlockAffinity),
        (block_key(block), block_value("node-1", block), IPAMBlock),
    ):
        decoded = decode(Entry(key, body, 1, key))
        assert decoded.problems == ()
        found = decoded.resources[0]
        assert isinstance(found, kind)
        assert found.node == "node-1"


def test_calicos_own_block() -> None:
    block = ip_network("10.244.1.0/26")
    value = json.loads(block_value("node-1", block))
    value |= {"affinity_claim_time": "2024-01-01T00:00:00Z", "sequenceNumber": 1730000000000000001}
    value["allocations"][3] = 0
    value["attributes"] = [{"handle_id": "k8s-pod-network.0", "secondary": {"pod": "p", "node": "node-2"}}]
    decoded = decode(Entry(block_key(block), json.dumps(value).encode(), 1, "k"))
    assert decoded.problems == ()


def test_an_entry_that_did_not_change_is_not_decoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, picture = Reader(), Picture([node("a", "10.0.0.1/24"), node("b", "10.0.0.2/24")])
    assert list(reader.read(picture).all(Node)) == ["a", "b"]
    seen = []

    def count(entry: Entry) -> Decoded:
        seen.append(entry.key)
        return decode(entry)

    monkeypatch.setattr(reading, "decode", count)
    changed = node("b", "10.0.0.3/24")
    picture.entries[changed.key] = changed
    found = reader.read(picture).all(Node)["b"].bgp
    assert found is not None
    assert str(found.ipv4) == "10.0.0.3/24"
    assert seen == [changed.key]


def test_the_last_good_state_of_a_broken_one_stays() -> None:
    reader = Reader()
    good = resource("BGPPeer", "tor", {"peerIP": "192.0.2.1", "asNumber": 65001})
    picture = Picture([good, node("a", "10.0.0.1/24")])
    reader.read(picture)
    for value in (b"{", b'{"kind":"BGPPeer"}', good.value.replace(b"192.0.2.1", b"rubbish")):
        picture.entries[good.key] = Entry(good.key, value, 2, good.key)
        snapshot = reader.read(picture)
        assert good.key in str(snapshot.problems[0])
        assert list(snapshot.all(Node)) == ["a"]
    assert snapshot.all(BGPPeer)["tor"].asn == 65001
    del picture.entries[good.key]
    assert not reader.read(picture).all(BGPPeer)
    assert not reader.snapshot.problems


def test_faults_of_the_store_are_problems() -> None:
    picture = Picture()
    picture.faults = (Fault("f.yaml:3", "f.yaml:3: a tab"),)
    assert [str(problem) for problem in Reader().read(picture).problems] == ["f.yaml:3: a tab"]


def test_workloads_are_read_only_where_somebody_peers_with_them() -> None:
    ranges = ranges_of("a", secrets=True)
    plain = ranges(Picture([resource("BGPPeer", "x", {"peerIP": "192.0.2.1", "asNumber": 1})]))
    with_them = ranges(Picture([resource("BGPPeer", "x", {"localWorkloadSelector": "all()", "asNumber": 1})]))
    assert {each.key for each in with_them} - {each.key for each in plain} == {
        "/calico/resources/v3/projectcalico.org/workloadendpoints/"
    }
    assert "/calico/ipam/v2/host/a/" in {each.key for each in plain}
    assert "/bgpd/v1/secrets/" not in {each.key for each in ranges_of("a", secrets=False)(Picture())}
