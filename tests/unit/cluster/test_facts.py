"""What the settings come down to: router ids, listening, logging, who overrides whom."""

from typing import Any

import pytest

from bgpd.cluster.facts import Facts, hashed_router_id, later_as_text
from bgpd.cluster.plan import Compat
from bgpd.cluster.resources import Node
from bgpd.wire.prefix import format_address, parse_address
from tests.unit.cluster.world import cluster, config, node, own


def facts(*parts: Any, compat: Compat | None = None) -> Facts:
    snapshot = cluster(node("a", "10.0.0.1/24", "fd00::1/64"), *parts)
    found = snapshot.get(Node, "a")
    assert found is not None
    return Facts(snapshot, found, compat)


def test_hashed_router_id_is_calico_s() -> None:
    assert format_address(hashed_router_id("kube-master")) == "25.79.212.8"
    assert all(hashed_router_id(f"node-{number}")[0] <= 223 for number in range(200))


def test_router_ids() -> None:
    assert facts().router_id() == b"\x0a\x00\x00\x01"
    assert facts().router_id("hash") == hashed_router_id("a")
    assert facts().router_id("1.2.3.4") == b"\x01\x02\x03\x04"
    assert facts(own("ClusterConfiguration", "default", routerID="hash")).router_id() == hashed_router_id("a")
    only6 = cluster(node("a", "", "fd00::1/64"))
    found = only6.get(Node, "a")
    assert found is not None
    assert Facts(only6, found).router_id() == hashed_router_id("a")


@pytest.mark.parametrize(
    ("peer", "own_address", "waits"),
    [("10.0.0.9", "10.0.0.10", True), ("10.0.0.10", "10.0.0.9", False), ("fd00::a", "fd00::9", True)],
)
def test_the_passive_rule(peer: str, own_address: str, waits: bool) -> None:
    assert later_as_text(parse_address(peer), parse_address(own_address)) is waits


def test_listen() -> None:
    assert facts().listen == (("0.0.0.0", 179), ("::", 179))
    assert facts(config(bindMode="NodeIP", listenPort=178)).listen == (("10.0.0.1", 178), ("fd00::1", 178))
    assert facts(config(bindMode="NodeIP"), config("node.a", bindMode="None")).listen[0] == ("0.0.0.0", 179)


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("Trace", "debug"),
        ("debug", "debug"),
        ("INFO", "info"),
        ("Warning", "warning"),
        ("Error", "error"),
        ("Fatal", "error"),
    ],
)
def test_log_severity(word: str, level: str) -> None:
    assert facts(config(logSeverityScreen=word)).log_level == level
    assert facts(config(logSeverityScreen="Error"), config("node.a", logSeverityScreen=word)).log_level in (
        level,
        "error",
    )


def test_log_severity_is_info_where_nobody_says() -> None:
    assert facts().log_level == "info"


def test_ignored_interfaces() -> None:
    assert facts(config(ignoredInterfaces=["docker0"])).ignored_interfaces == ("docker0", "cali*", "kube-ipvs*")


def test_a_node_s_prefix_advertisements_replace_those_of_the_cluster() -> None:
    shared = config(
        communities=[{"name": "red", "value": "1:1"}],
        prefixAdvertisements=[{"cidr": "10.0.0.0/8", "communities": ["red"]}],
    )
    mine = config("node.a", prefixAdvertisements=[{"cidr": "10.1.0.0/16", "communities": ["red", "2:2"]}])
    assert [each.communities for each in facts(shared, mine).prefix_advertisements] == [("red", "2:2")]
    assert facts(shared, mine).community("red") == "1:1"
    assert facts(shared, mine).community("2:2") == "2:2"


def test_priorities() -> None:
    found = facts(config(ipv4NormalRoutePriority=5, ipv6NormalRoutePriority=6))
    assert (found.priority(4), found.priority(16)) == (5, 6)
    assert facts().priority(4) == 1024


@pytest.mark.parametrize(
    ("word", "compat"),
    [
        ("none", Compat.NONE),
        ("calico", Compat.CALICO_333),
        ("calico-3.31", Compat.CALICO_331),
        ("calico-3.33", Compat.CALICO_333),
    ],
)
def test_compat(word: str, compat: Compat) -> None:
    assert facts(own("ClusterConfiguration", "default", compat=word)).compat is compat
    assert facts(own("ClusterConfiguration", "default", compat=word), compat=Compat.NONE).compat is Compat.NONE
