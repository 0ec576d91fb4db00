"""Precedence: flag, then environment, then file; lists as a whole."""

import pytest

from bgpd.config.settings import SETTINGS, Setting, Shape
from tests.unit.config.cases import Case

#: setting -> three values that differ, and from the default too
THREE = {
    "asn": ("64601", "64602", "64603"),
    "router-id": ("1.1.1.1", "2.2.2.2", "3.3.3.3"),
    "multipath": ("1", "2", "3"),
    "graceful-shutdown": ("true", "false", "true"),
    "cluster-id": ("1.1.1.1", "2.2.2.2", "3.3.3.3"),
    "table": ("101", "102", "103"),
    "protocol": ("71", "72", "73"),
    "metric": ("1", "2", "3"),
    "metrics": (":1", ":2", ":3"),
    "control": ("/a", "/b", "/c"),
    "hostname": ("a", "b", "c"),
    "announce": ("10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"),
    "redistribute": ("connected", "static", "ospf,table=100"),
    "listen": (":1", ":2", ":3"),
    "listen-range": ("10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"),
    "peer": ("10.0.0.1", "10.0.0.2", "10.0.0.3"),
    "log-level": ("debug", "warning", "error"),
    "log-format": ("json", "console", "json"),
    "on-stop": ("restart", "shutdown", "restart"),
    "nexthop-objects": ("1", "2", "3"),
    "audit-interval": ("1", "2", "3"),
    "link-bandwidth": ("true", "false", "true"),
    "suppress-fib-pending": ("true", "false", "true"),
    "pool": ("10.1.0.0/16,overlay=always", "10.2.0.0/16,overlay=never", "10.3.0.0/16,overlay=cross-subnet"),
    "vxlan-vni": ("1", "2", "3"),
    "vxlan-port": ("1", "2", "3"),
    "vxlan-mtu": ("1", "2", "3"),
    "vxlan-address": ("10.0.0.1", "10.0.0.2", "10.0.0.3"),
    "no-kernel": ("true", "false", "true"),
    "datastore": ("etcd://a", "files:///b", "etcds://c:1"),
    "datastore-ca": ("/a", "/b", "/c"),
    "datastore-cert": ("/a", "/b", "/c"),
    "datastore-key": ("/a", "/b", "/c"),
    "datastore-user": ("a", "b", "c"),
    "datastore-password-file": ("/a", "/b", "/c"),
    "datastore-cache": ("/a", "/b", "/c"),
    "secrets": ("/a", "/b", "/c"),
    "node": ("a", "b", "c"),
    "node-address": ("none", "10.0.0.1", "cidr=10.0.0.0/8"),
    "node-address6": ("first-found", "fd00::1/64", "interface=eth0"),
}
LAYERED = [setting for setting in SETTINGS if setting.in_file]


def test_the_table_of_this_test_is_whole() -> None:
    assert set(THREE) == {setting.name for setting in LAYERED}


@pytest.mark.parametrize("setting", LAYERED, ids=lambda setting: setting.name)
def test_flag_then_environment_then_file(case: Case, setting: Setting) -> None:
    flag, variable, line = THREE[setting.name]
    yaml = f"{setting.name}: {line}\n"
    alone = [case.parse(f"{setting.flag}={value}").spec for value in (flag, variable, line)]
    assert case.parse(f"{setting.flag}={flag}", yaml=yaml, **{setting.variable: variable}).spec == alone[0]
    assert case.parse(yaml=yaml, **{setting.variable: variable}).spec == alone[1]
    assert case.parse(yaml=yaml).spec == alone[2]


@pytest.mark.parametrize("setting", LAYERED, ids=lambda setting: setting.name)
def test_each_source_is_named(case: Case, setting: Setting) -> None:
    flag, variable, line = THREE[setting.name]
    name = setting.name
    keys = (
        [f"{name} {value}" for value in (flag, variable, line)]
        if setting.shape in (Shape.LIST, Shape.PEERS, Shape.RANGES)
        else [name] * 3
    )
    assert case.parse(f"{setting.flag}={flag}").spec.sources[keys[0]] == f"flag {setting.flag}"
    assert case.parse(**{setting.variable: variable}).spec.sources[keys[1]] == f"environment {setting.variable}"
    assert case.parse(yaml=f"\n{name}: {line}\n").spec.sources[keys[2]] == "bgpd.yaml:2"


def test_defaults_are_named(case: Case) -> None:
    sources = case.parse().spec.sources
    assert sources["asn"] == "default"
    assert sources["hostname"] == "the machine's name"


def test_a_list_that_hides_another_warns(case: Case) -> None:
    parsed = case.parse("--peer", "10.0.0.1", yaml="peer: [10.0.0.2, 10.0.0.3]\nannounce: [10.1.0.0/16, 10.2.0.0/16]\n", BGPD_ANNOUNCE="10.9.0.0/16")  # fmt: skip
    assert [neighbor.name for neighbor in parsed.spec.speaker.neighbors] == ["10.0.0.1"]
    assert parsed.warnings == [
        "BGPD_ANNOUNCE: replaces the 2 values of bgpd.yaml:2; lists are not added up",
        "--peer: replaces the 2 values of bgpd.yaml:1; lists are not added up",
    ]


def test_one_value_that_hides_another_does_not_warn(case: Case) -> None:
    assert case.warnings("--asn=64513", "--announce=10.1.0.0/16", yaml="asn: 64512\nannounce: 10.2.0.0/16\n") == []


def test_a_mistake_in_a_hidden_layer_is_found_where_it_counts(case: Case) -> None:
    """A flag repairs a value of the file, and the file's value is not judged then."""
    assert case.parse("--metric=5", yaml="metric: 0\n").spec.speaker.kernel.metric == 5
