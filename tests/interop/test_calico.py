"""Beside a Calico node: BIRD 1.6.8, the base of Calico's own, configured as Calico configures it.

In the mesh it is a peer like any other. With BGPFilters it is the oracle: the same resources, ours read by the daemon
and the oracle's turned into BIRD's language here, have to let the same routes out to a router, with the same attributes.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from tests.interop.drivers.base import Peer
from tests.interop.drivers.bird1 import _HALVES, Bird1
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan, Node
from tests.interop.routes import Route

ASN, TOR_ASN = 64512, 65001


class CalicoNode(Bird1):
    """BIRD 1.6.8 with the protocols of a Calico node: multihop, recursive next hops, ADD-PATH, a pipeline of filters."""

    def __init__(self, node: Node, work: Path, peers: list[Peer]) -> None:
        super().__init__(node, work, ASN, peers)
        self.blocks: list[str] = []
        self.functions = ""
        self.filters: dict[str, tuple[str, str]] = {}  #: peer's address -> import, export

    def _halves(self) -> Iterator[Any]:
        yield _HALVES[0]

    def _write(self) -> None:
        routes = [f"  route {block} blackhole;" for block in self.blocks]
        lines = [
            f"router id {self.router_id};", f'log "{self.log}" all;', "debug protocols { states };",
            "protocol device { scan time 2; }", 'protocol direct { interface -"cali*", "*"; }',
            "protocol static {", *routes, "}", self.functions,
            "template bgp calico {",
            f"  local as {ASN}; multihop; gateway recursive; add paths on; graceful restart; source address {self.node.address4};",
            "  connect delay time 2; connect retry time 5; error wait time 5, 30;",
            "}",
        ]  # fmt: skip
        for peer in self.peers:
            incoming, outgoing = self.filters.get(peer.address, ("accept;", "accept;"))
            lines += [
                f"protocol bgp {peer.name} from calico {{",
                f"  neighbor {peer.address} as {peer.asn}; ttl security off; multihop;",
                f"  import filter {{ {incoming} }};",
                f"  export filter {{ {outgoing} }};",
                *(["  passive on;"] if peer.passive else []),
                "}",
            ]
        (self.work / "ipv4.conf").write_text("\n".join(lines) + "\n")


def resource(kind: str, name: str, spec: dict[str, Any], api: str = "projectcalico.org/v3") -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}


def node(name: str, address: str) -> dict[str, Any]:
    return resource("Node", name, {"bgp": {"ipv4Address": f"{address}/24"}})


def claim(block: str) -> dict[str, Any]:
    name = "ours-" + block.replace(".", "-").replace("/", "-")
    return resource("BlockAffinity", name, {"node": "ours", "cidr": block, "state": "confirmed"})


CLASSIC = resource("ClusterConfiguration", "default", {"compat": "calico-3.31", "connectRetryTime": "1s"}, "bgpd/v1")


class Scene:
    """Our node (1), a Calico node (2), and a router of the data centre (3)."""

    def __init__(self, lan: Lan, work: Path) -> None:
        one, two, three = lan.nodes
        self.ours = Ours(one, work, ASN)
        self.calico = CalicoNode(two, work, [])
        self.tor = Bird2(three, work, TOR_ASN, [Peer(one.address4, ASN, ("ipv4",)), Peer(two.address4, ASN, ("ipv4",))])
        self.directory = work / "resources"

    def configure(self, resources: list[dict[str, Any]]) -> None:
        """The resources of the cluster, as files."""
        self.directory.mkdir()
        for number, each in enumerate(resources):
            (self.directory / f"{number}.json").write_text(json.dumps(each))
        self.ours.settings |= {
            "datastore": f"files://{self.directory}",
            "datastore-cache": str(self.directory.parent / "cache"),
            "node": "ours",
            "node-address": f"{self.ours.node.address4}/24",
        }


@pytest.fixture
def scene(lan: Lan, tmp_path: Path) -> Scene:
    return Scene(lan, tmp_path)


def test_a_mesh_with_a_calico_node(scene: Scene) -> None:
    """Each finds the other by its own rules (it dials, we wait: 10.99.0.2 > 10.99.0.1), and both know both blocks."""
    ours, calico = scene.ours.node.address4, scene.calico.node.address4
    scene.configure(
        [
            node("ours", ours), node("theirs", calico), CLASSIC,
            resource("IPPool", "pods", {"cidr": "192.168.0.0/16"}),
            {**claim("192.168.2.0/26"), "metadata": {"name": "theirs-b"}, "spec": {"node": "theirs", "cidr": "192.168.2.0/26"}},
        ]
    )  # fmt: skip
    scene.calico.blocks = ["192.168.2.0/26"]
    scene.calico.peers = [Peer(ours, ASN, ("ipv4",))]
    scene.calico.filters[ours] = ("accept;", "if (net ~ 192.168.0.0/16) then accept; reject;")
    scene.calico.start()
    scene.ours.start()
    scene.ours.wait_established(calico)
    scene.ours.wait_count(calico, 1)
    scene.calico.wait_count(ours, 1)
    (block,) = scene.calico.table(ours).values()
    assert ip_network(block.prefix).subnet_of(ip_network("192.168.0.0/16"))  # type: ignore[arg-type]
    assert (block.next_hop, block.local_pref, block.as_path) == (ours, 100, ())
    assert list(scene.ours.table(calico)) == ["192.168.2.0/26"]
    assert scene.ours.neighbor(calico)["passive"] is True


# -- the oracle

BLOCKS = [f"192.168.{number}.0/26" for number in range(1, 7)]
EXPORT: list[dict[str, Any]] = [
    {"action": "Reject", "cidr": "192.168.1.0/26", "matchOperator": "Equal"},
    {"action": "Reject", "peerType": "iBGP"},
    {
        "action": "Accept", "cidr": "192.168.2.0/24", "matchOperator": "In", "prefixLength": {"min": 25, "max": 26},
        "operations": [
            {"addCommunity": {"value": "65001:1"}}, {"addCommunity": {"value": "65001:1:2"}},
            {"prependASPath": {"prefix": [64512, 64512]}}, {"setPriority": {"value": 100}},
        ],
    },
    {"action": "Reject", "cidr": "192.168.3.0/24", "matchOperator": "In", "prefixLength": {"max": 25}},
    {"action": "Reject", "source": "RemotePeers"},
    {"action": "Reject", "communities": {"values": ["65001:1"]}},
    {"action": "Accept", "cidr": "192.168.4.0/24", "matchOperator": "In"},
    {"action": "Reject", "cidr": "192.168.5.0/26", "matchOperator": "NotEqual", "prefixLength": {}, "interface": "wlan*"},
    {"action": "Reject", "cidr": "192.168.0.0/22", "matchOperator": "NotIn", "asPathPrefix": [65009]},
    {"action": "Reject", "cidr": "192.168.6.0/26", "matchOperator": "Equal", "asPathPrefix": [ASN]},
]  # fmt: skip
IMPORT: list[dict[str, Any]] = [
    {"action": "Reject", "communities": {"values": ["65001:66"]}},
    {"action": "Reject", "asPathPrefix": [TOR_ASN, 65013]},
    {"action": "Accept", "cidr": "203.0.113.0/24", "matchOperator": "In", "prefixLength": {"max": 28}},
    {"action": "Reject", "cidr": "203.0.113.0/24", "matchOperator": "In"},
    {"action": "Reject", "communities": {"values": ["65001:7:7"]}, "peerType": "eBGP"},
    {"action": "Reject", "cidr": "198.51.100.0/24", "matchOperator": "NotIn", "interface": "eth*"},
]


def in_bird(rules: list[dict[str, Any]], *, internal: bool) -> str:
    """A list of rules in BIRD's language, as the description of Calico's mapping has it."""
    return " ".join(_rule(each) for each in rules if each.get("peerType", "") in ("", "iBGP" if internal else "eBGP"))


def _rule(rule: dict[str, Any]) -> str:
    tests = ["true"]
    if "cidr" in rule:
        cidr, lengths = ip_network(rule["cidr"]), rule.get("prefixLength") or {}
        sign = {"Equal": "=", "NotEqual": "!=", "In": "~", "NotIn": "!~"}[rule["matchOperator"]]
        what = str(cidr)
        if lengths:
            low, high = max(cidr.prefixlen, lengths.get("min", 0)), min(32, lengths.get("max", 32))
            what = f"[ {cidr}{{{low},{high}}} ]"
        tests.append(f"net {sign} {what}")
    if "source" in rule:
        tests.append("source ~ [ RTS_BGP ]")
    if "interface" in rule:
        tests.append(f'ifname ~ "{rule["interface"]}"')
    for value in rule.get("communities", {}).get("values", []):
        numbers = value.replace(":", ",")
        tests.append(f"({numbers}) ~ bgp_{'large_' if value.count(':') == 2 else ''}community")
    if "asPathPrefix" in rule:
        tests.append(f"bgp_path ~ [= {' '.join(map(str, rule['asPathPrefix']))} * =]")
    done = "".join(_operation(each) for each in rule.get("operations", []))
    return f"if ({' && '.join(f'({test})' for test in tests)}) then {{ {done}{rule['action'].lower()}; }}"


def _operation(operation: dict[str, Any]) -> str:
    if "addCommunity" in operation:
        value = operation["addCommunity"]["value"]
        return f"bgp_{'large_' if value.count(':') == 2 else ''}community.add(({value.replace(':', ',')})); "
    if "prependASPath" in operation:
        return "".join(f"bgp_path.prepend({asn}); " for asn in reversed(operation["prependASPath"]["prefix"]))
    return f"bgp_local_pref = {2147483647 - operation['setPriority']['value']}; "


def test_filters_let_the_same_out_and_in_as_calico_s_bird(scene: Scene) -> None:
    ours, calico, tor = (each.node.address4 for each in (scene.ours, scene.calico, scene.tor))
    exports = [{key: value for key, value in rule.items() if value != {}} for rule in EXPORT]
    scene.configure(
        [
            node("ours", ours), CLASSIC, *[claim(block) for block in BLOCKS],
            resource("BGPFilter", "first", {"exportV4": exports[:4], "importV4": IMPORT[:3]}),
            resource("BGPFilter", "second", {"exportV4": exports[4:], "importV4": IMPORT[3:]}),
            resource("BGPPeer", "tor", {"peerIP": tor, "asNumber": TOR_ASN, "filters": ["first", "second"]}),
        ]
    )  # fmt: skip
    scene.calico.blocks = BLOCKS
    scene.calico.peers = [Peer(tor, TOR_ASN, ("ipv4",))]
    blocks = " ".join(f"if (net = {block}) then accept;" for block in BLOCKS)
    scene.calico.filters[tor] = (
        in_bird(IMPORT, internal=False) + " accept;",
        in_bird(exports, internal=False) + f" {blocks} reject;",
    )
    scene.tor.start()
    scene.calico.start()
    scene.ours.start()
    given = [
        Route("203.0.113.0/28"),
        Route("203.0.113.32/29"),
        Route("198.51.100.0/25"),
        Route("198.51.100.128/25", communities=("65001:66",)),
        Route("198.51.100.64/26", large=("65001:7:7",)),
        Route("198.51.100.0/26", as_path=(65013, 65014)),
        Route("198.51.100.192/26", as_path=(65014, 65013)),
        Route("192.0.2.0/24"),
    ]
    scene.tor.announce(given)
    for address in (ours, calico):
        scene.tor.wait_established(address)
    expected = {"192.168.2.0/26", "192.168.3.0/26", "192.168.4.0/26", "192.168.5.0/26"}
    for address in (ours, calico):
        scene.tor.wait_for(lambda at=address: set(scene.tor.table(at)) == expected, f"routes from {address}")  # type: ignore[misc]
    told = [{p: replace(r, next_hop="") for p, r in scene.tor.table(at).items()} for at in (ours, calico)]
    assert told[0] == told[1]
    assert told[0]["192.168.2.0/26"].as_path == (ASN, ASN, ASN)
    let_in = {"203.0.113.0/28", "198.51.100.0/25", "198.51.100.192/26"}
    scene.calico.wait_for(lambda: set(scene.calico.table(tor)) == let_in, "the routes that pass")
    scene.ours.wait_for(lambda: used(scene.ours, tor) == let_in, "the routes that pass")


def used(daemon: Ours, peer: str) -> set[str]:
    """What of a peer's routes is in the loc-rib."""
    return {row["prefix"] for row in daemon.rows("received", peer) if row["eligible"]}
