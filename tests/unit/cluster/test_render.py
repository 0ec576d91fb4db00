"""The plan as JSON (the keys are a contract) and as text."""

import json
from typing import Any

from bgpd.cluster.plan import Rule, Verb, Within
from bgpd.cluster.render import as_json, as_text, rule_as_json, rule_as_text
from bgpd.wire.family import IPV4
from tests.unit.cluster.world import claim, config, metal, node, peer, plan_of, pool

A = node("a", "10.0.0.10/24", "fd00::10/64")
PARTS: list[Any] = [
    A,
    node("b", "10.0.0.9/24"),
    claim("a", "10.244.0.0/26"),
    pool("p", "10.244.0.0/16", vxlanMode="Always"),
    config(
        serviceClusterIPs=[{"cidr": "10.96.0.0/12"}],
        prefixAdvertisements=[{"cidr": "10.244.0.0/16", "communities": ["65001:1"]}],
    ),
    peer(
        "tor",
        peerIP="10.0.0.254",
        asNumber=65001,
        reachableBy="10.0.0.253",
        ttlSecurity=1,
        password={"secretKeyRef": {"name": "s", "key": "k"}},
        numAllowedLocalASNumbers=1,
    ),
]


def test_the_keys_are_a_contract() -> None:
    shown = as_json(plan_of("a", *PARTS))
    assert list(shown) == ["asn", "router_id", "listen", "neighbors", "originate", "static", "communities"]
    assert list(shown["neighbors"][0]) == [
        "kind", "name", "address", "port", "local_asn", "remote_asn", "source_address", "passive", "rr_client",
        "cluster_id", "next_hop", "gtsm_hops", "password", "restart_time", "keepalive_time", "allow_own_asn", "import",
        "export",
    ]  # fmt: skip
    assert json.loads(json.dumps(shown)) == shown


def test_values() -> None:
    shown = as_json(plan_of("a", *PARTS))
    assert (shown["asn"], shown["router_id"], shown["listen"]) == (64512, "10.0.0.10", ["0.0.0.0:179", "[::]:179"])
    assert shown["originate"] == [
        {"prefix": "10.244.0.0/26", "blackhole": True, "because": "block"},
        {"prefix": "10.96.0.0/12", "blackhole": False, "because": "service range"},
    ]
    assert shown["static"] == [{"prefix": "10.0.0.254/32", "via": "10.0.0.253", "because": "BGPPeer tor"}]
    assert shown["communities"] == {"10.244.0.0/16": ["65001:1"]}
    tor, mesh = shown["neighbors"]
    assert {key: tor[key] for key in list(tor)[:-2]} == {
        "kind": "global", "name": "Global_10_0_0_254", "address": "10.0.0.254", "port": 179, "local_asn": 64512,
        "remote_asn": 65001, "source_address": "10.0.0.10", "passive": False, "rr_client": False, "cluster_id": None,
        "next_hop": "auto", "gtsm_hops": 1, "password": True, "restart_time": 120, "keepalive_time": 30,
        "allow_own_asn": 1,
    }  # fmt: skip
    assert (mesh["kind"], mesh["passive"], mesh["password"]) == ("mesh", True, False)
    assert tor["import"][0] == {
        "rule": "default route",
        "match": {"prefix": ["0.0.0.0/0"]},
        "set": {},
        "action": "reject",
    }


def test_an_unnumbered_neighbor_is_called_by_its_interface() -> None:
    shown = as_json(plan_of("a", A, metal("BGPPeer", "t", myASN=1, peerASN=2, interface="eth1", password="hush")))
    assert (shown["neighbors"][0]["address"], shown["neighbors"][0]["password"]) == ("eth1", True)
    assert "hush" not in json.dumps(shown)


def test_text_says_the_same() -> None:
    text = as_text(plan_of("a", *PARTS))
    for line in (
        "node a: AS 64512, router id 10.0.0.10",
        "  10.244.0.0/26  blackhole  (block)",
        "  10.96.0.0/12  RIB only  (service range)",
        "  10.0.0.254/32 via 10.0.0.253",
        "  10.244.0.0/16  65001:1",
        "  10.244.0.0/16  always",
        "neighbor Global_10_0_0_254 (global): eBGP",
        "  local AS 64512, from 10.0.0.10, GTSM 1 hops, password, own AS allowed 1 times",
        "    1. prefix 0.0.0.0/0: reject  (default route)",
        "  import: as of Global_10_0_0_254",
    ):
        assert line in text.split("\n"), line


def test_every_part_of_a_rule_is_shown() -> None:
    rule = Rule(
        why="x", verb=Verb.ACCEPT, within=(Within((IPV4, b"\x08\x0a"), 9, 4),), outside=True, source=("own",),
        interface="eth*", community="1:1", as_path_prefix=(1, 2), local_pref=7, add_communities=("1:2",), prepend=(3,),
        set_local_pref=9,
    )  # fmt: skip
    assert rule_as_json(rule) == {
        "rule": "x",
        "match": {
            "not_prefix": ["10.0.0.0/8 ge 9 le 4"],
            "source": ["own"],
            "interface": "eth*",
            "community": "1:1",
            "as_path_prefix": [1, 2],
            "local_pref": 7,
        },
        "set": {"add_communities": ["1:2"], "prepend": [3], "local_pref": 9},
        "action": "accept",
    }
    assert rule_as_text(rule) == (
        "not prefix 10.0.0.0/8 ge 9 le 4 and source own and interface eth* and community 1:1 and as path prefix 1 2 and "
        "local pref 7: add communities 1:2, prepend 3, local pref 9, accept  (x)"
    )
