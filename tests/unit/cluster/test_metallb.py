"""MetalLB's kinds: selectors, ranges, aggregates, and what they may not say."""

import json
from typing import Any

import pytest

from bgpd.cluster.decode import decode_json
from bgpd.cluster.metallb import Expression, LabelSelector, address_range, advertised, aggregate, picks, within
from bgpd.cluster.scalars import show_net
from bgpd.wire.prefix import parse_address
from tests.unit.cluster.examples import document
from tests.unit.cluster.world import metal


@pytest.mark.parametrize(
    ("operator", "values", "labels", "holds"),
    [
        ("In", ("x", "y"), {"a": "x"}, True),
        ("In", ("x",), {}, False),
        ("NotIn", ("x",), {"a": "y"}, True),
        ("NotIn", ("x",), {}, True),
        ("NotIn", ("x",), {"a": "x"}, False),
        ("Exists", (), {"a": ""}, True),
        ("Exists", (), {}, False),
        ("DoesNotExist", (), {}, True),
        ("DoesNotExist", (), {"a": "x"}, False),
    ],
)
def test_expressions(operator: str, values: tuple[str, ...], labels: dict[str, str], holds: bool) -> None:
    assert Expression("a", operator, values).holds(labels) is holds


def test_selectors_are_alternatives_of_conjunctions() -> None:
    both = LabelSelector({"a": "1"}, (Expression("b", "Exists"),))
    assert both.matches({"a": "1", "b": ""})
    assert not both.matches({"a": "1"})
    assert picks((both, LabelSelector({"c": "1"})), {"c": "1"})
    assert picks((), {})
    assert not picks((both,), {})


def test_ranges() -> None:
    assert address_range("192.0.2.0/25").holds(parse_address("192.0.2.127"))
    assert not address_range("192.0.2.0/25").holds(parse_address("192.0.2.128"))
    few = address_range("2001:db8::1 - 2001:db8::9")
    assert few.holds(parse_address("2001:db8::9"))
    assert not few.holds(parse_address("192.0.2.1"))
    for text in ("192.0.2.9-192.0.2.1", "192.0.2.1-2001:db8::1", "a-b", "192.0.2.1"):
        with pytest.raises(ValueError, match=r"range|prefix|FIRST-LAST"):
            address_range(text)


def test_aggregates() -> None:
    whole = aggregate(parse_address("192.0.2.77"), 26)
    assert show_net(whole) == "192.0.2.64/26"
    pool: Any = metal("IPAddressPool", "p", addresses=["192.0.2.0/25", "198.51.100.1-198.51.100.9"])
    assert within(pool, whole)
    assert not within(pool, aggregate(parse_address("192.0.2.77"), 24))
    assert not within(pool, aggregate(parse_address("198.51.100.5"), 28))


def test_communities() -> None:
    assert advertised("large:65001:1:2") == "65001:1:2"
    assert advertised("65001:1") == "65001:1"
    assert advertised("red") == "red"
    with pytest.raises(ValueError, match="community"):
        advertised("1:2:3:4")


PEER: dict[str, Any] = {"myASN": 64512, "peerASN": 65001, "peerAddress": "10.0.0.1"}
CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"myASN": 0}, "spec.myASN", "not be 0"),
    ({"peerASN": None}, "spec.peerASN", "exactly one"),
    ({"dynamicASN": "external"}, "spec.peerASN", "exactly one"),
    ({"peerAddress": None}, "spec.peerAddress", "exactly one"),
    ({"interface": "eth0"}, "spec.peerAddress", "exactly one"),
    ({"interface": "eth*", "peerAddress": None}, "spec.interface", "one interface"),
    ({"password": "x", "passwordSecret": {"name": "s"}}, "spec.passwordSecret", "password is given"),
    ({"sourceAddress": "fd00::1"}, "spec.sourceAddress", "family"),
    ({"disableMP": True, "peerAddress": "fd00::1"}, "spec.disableMP", "IPv4 only"),
    ({"peerPort": 16385}, "spec.peerPort", "16384"),
    ({"holdTime": "2s"}, "spec.holdTime", "RFC 4271"),
    ({"holdTime": "9s", "keepaliveTime": "10s"}, "spec.keepaliveTime", "less than"),
    ({"connectTime": "70000s"}, "spec.connectTime", "65535"),
    ({"bfdProfile": "fast"}, "spec.bfdProfile", "BFD"),
    ({"vrf": "red"}, "spec.vrf", "VRF"),
    ({"routerID": "1.1.1.1"}, "spec.routerID", "router id"),
]


@pytest.mark.parametrize(("spec", "field", "why"), CASES, ids=[c[1] + c[2] for c in CASES])
def test_a_peer_may_not_say(spec: dict[str, Any], field: str, why: str) -> None:
    found = decode_json(json.dumps(document("BGPPeer", {**PEER, **spec}, api="metallb.io/v1beta2")), "k")
    assert (field, True) in [(problem.field, why in problem.text) for problem in found.problems], found.problems


def test_other_refusals() -> None:
    for kind, spec, field in (
        ("IPAddressPool", {"serviceAllocation": {}}, "spec.serviceAllocation"),
        ("BGPAdvertisement", {"aggregationLength": 24, "serviceSelectors": [{}]}, "spec.serviceSelectors"),
        ("BFDProfile", {"detectMultiplier": 1}, "spec.detectMultiplier"),
        ("Community", {"communities": [{"name": "x", "value": "no"}]}, "spec.communities[0].value"),
    ):
        (problem,) = decode_json(json.dumps(document(kind, spec, api="metallb.io/v1beta1")), "k").problems
        assert problem.field == field
