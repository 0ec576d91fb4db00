"""Kernel routes: what iproute2 prints becomes a table; differences are told in words."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from bgpd.lab.routes import difference, parse_table, replay, require, words
from bgpd.lab.shell import Failed

A, B = IPv4Address("172.30.64.2"), IPv4Address("172.30.64.3")
P1, P2, P3 = (IPv4Network(f"10.244.{i}.0/24") for i in (1, 2, 3))


def test_parse_table() -> None:
    text = """[
      {"type": "blackhole", "dst": "10.244.1.0/24", "metric": 64},
      {"dst": "10.244.2.0/24", "gateway": "172.30.64.2", "dev": "eth0"},
      {"dst": "172.20.0.0/16", "nexthops": [{"gateway": "172.30.64.2"}, {"gateway": "172.30.64.3"}]},
      {"dst": "default", "gateway": "172.30.64.1"}]"""
    assert parse_table(text) == {P1: frozenset(), P2: {A}, IPv4Network("172.20.0.0/16"): {A, B}}
    assert parse_table(text, pool_only=True) == {P2: {A}}
    assert parse_table("") == {}


def test_difference_in_words() -> None:
    assert difference({P1: frozenset({A})}, {P1: frozenset({A})}) is None
    found = {P1: frozenset({A}), P3: frozenset({A})}
    expected = {P1: frozenset({A, B}), P2: frozenset({A})}
    assert difference(found, expected) == (
        "missing 10.244.2.0/24; not expected 10.244.3.0/24; "
        "10.244.1.0/24 via 172.30.64.2, not 172.30.64.2 + 172.30.64.3"
    )
    with pytest.raises(Failed, match=r"^node1: missing 10\.244\.2\.0/24"):
        require({}, {P2: frozenset({A})}, "node1")


def test_difference_names_a_few_only() -> None:
    many = {IPv4Network(f"10.244.{i}.0/24"): frozenset({A}) for i in range(100)}
    assert difference({}, many) == "missing 10.244.0.0/24, 10.244.1.0/24, 10.244.2.0/24, 10.244.3.0/24, ..."


def test_words() -> None:
    assert words(frozenset({B, A})) == "172.30.64.2 + 172.30.64.3"
    assert words(frozenset()) == "blackhole"


def test_replay() -> None:
    lines = [
        "listening",
        "[2026-11-22T17:40:00.500000] 10.244.3.0/24 via 172.30.64.13 dev eth0 proto 64 metric 64",
        "[2026-11-22T17:40:00.600000] blackhole 10.244.1.0/24 proto 64 metric 64",
        "[2026-11-22T17:40:01.000000] Deleted 10.244.3.0/24 via 172.30.64.13 dev eth0 proto 64 metric 64",
        "[2026-11-22T17:40:01.000000] local 172.30.64.11 dev eth0 table local proto kernel scope host",
    ]
    state, times = replay(lines)
    assert state == {P3: False, P1: True}
    assert times[P3] - times[P1] == pytest.approx(0.4)
    assert times[P1] == pytest.approx(1795369200.6)
