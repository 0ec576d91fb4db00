"""Rules in order: filters, pools, communities, services, and what a neighbor is told at all."""

from typing import Any

import pytest

from bgpd.cluster.plan import Compat, PeerPlan
from bgpd.cluster.render import rule_as_json
from tests.unit.cluster.world import bgp_filter, by_address, claim, config, node, own, peer, plan_of, pool

A = node("a", "10.0.0.1/24", "fd00::1/64")
TOR = {"peerIP": "10.0.0.254", "asNumber": 65001}
RR = node("a", "10.0.0.1/24", cluster="244.0.0.1")


def rules(found: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [rule_as_json(rule) for rule in found]


def session(*parts: Any, compat: Compat | None = None, **spec: Any) -> PeerPlan:
    if not any(getattr(part, "bgp", None) for part in parts):
        parts = (A, *parts)
    return by_address(plan_of("a", peer("tor", **{**TOR, **spec}), *parts, compat=compat))["10.0.0.254"]


def filtered(way: str, compat: Compat | None = None, asn: int = 65001, **rule: Any) -> list[dict[str, Any]]:
    """The rules of a session with one filter rule, without those that every session has."""
    lists = {f"{way}V4": [{"action": "Accept", **rule}]}
    found = session(bgp_filter("f", **lists), filters=["f"], asNumber=asn, compat=compat)
    both = rules(found.imports if way == "import" else found.exports)
    return [each for each in both if each["rule"].startswith("BGPFilter")]


def test_import_without_filters() -> None:
    assert rules(session().imports) == [
        {"rule": "default route", "match": {"prefix": ["0.0.0.0/0"]}, "set": {}, "action": "reject"},
        {"rule": "everything else", "match": {}, "set": {}, "action": "accept"},
    ]


def test_a_default_route_has_to_be_asked_for() -> None:
    asked = own("PeerSettings", "s", peers=["tor"], acceptDefaultRoute=True)
    assert [each["rule"] for each in rules(session(asked).imports)] == ["everything else"]
    for_six = by_address(plan_of("a", A, peer("six", peerIP="fd00::fe", asNumber=65001)))["fd00::fe"]
    assert rules(for_six.imports)[0]["match"] == {"prefix": ["::/0"]}


@pytest.mark.parametrize("way", ["import", "export"])
@pytest.mark.parametrize(
    ("rule", "match"),
    [
        ({}, {}),
        ({"cidr": "10.0.0.0/8", "matchOperator": "Equal"}, {"prefix": ["10.0.0.0/8"]}),
        ({"cidr": "10.0.0.0/8", "matchOperator": "NotEqual"}, {"not_prefix": ["10.0.0.0/8"]}),
        ({"cidr": "10.0.0.0/8", "matchOperator": "In"}, {"prefix": ["10.0.0.0/8 le 32"]}),
        ({"cidr": "10.0.0.0/8", "matchOperator": "NotIn"}, {"not_prefix": ["10.0.0.0/8 le 32"]}),
        (
            {"cidr": "10.0.0.0/8", "matchOperator": "In", "prefixLength": {"min": 4, "max": 24}},
            {"prefix": ["10.0.0.0/8 le 24"]},
        ),
        (
            {"cidr": "10.0.0.0/8", "matchOperator": "In", "prefixLength": {"min": 16}},
            {"prefix": ["10.0.0.0/8 ge 16"]},
        ),
        (
            {"cidr": "10.0.0.0/8", "matchOperator": "In", "prefixLength": {"max": 4}},
            {"prefix": ["10.0.0.0/8 ge 8 le 4"]},
        ),
        ({"source": "RemotePeers"}, {"source": ["internal", "external"]}),
        ({"interface": "eth*"}, {"interface": "eth*"}),
        ({"interface": "*"}, {}),
        ({"communities": {"values": ["65001:7"]}}, {"community": "65001:7"}),
        ({"priority": 100}, {"local_pref": 2147483547}),
        ({"peerType": "eBGP"}, {}),
    ],
)
def test_criteria(way: str, rule: dict[str, Any], match: dict[str, Any]) -> None:
    assert [(each["match"], each["action"]) for each in filtered(way, **rule)] == [(match, "accept")]


def test_as_path_prefix_sees_the_path_as_it_is_sent() -> None:
    """Towards another AS ours is in front already: so it is with Calico's BIRD."""
    plain = {"as_path_prefix": [65001, 65002]}
    assert [each["match"] for each in filtered("import", asPathPrefix=[65001, 65002])] == [plain]
    assert [each["match"] for each in filtered("export", asn=64512, asPathPrefix=[65001, 65002])] == [plain]
    assert filtered("export", asPathPrefix=[65001, 65002]) == []
    assert [each["match"] for each in filtered("export", asPathPrefix=[64512, 65001, 65002])] == [plain]
    assert [each["match"] for each in filtered("export", asPathPrefix=[64512])] == [{}]


def test_peer_type_is_of_this_session() -> None:
    assert filtered("export", peerType="iBGP") == []
    assert len(filtered("export", peerType="iBGP", asn=64512)) == 1
    assert filtered("export", peerType="eBGP", asn=64512) == []


def test_operations() -> None:
    done = filtered(
        "export",
        operations=[
            {"addCommunity": {"value": "65001:1"}},
            {"prependASPath": {"prefix": [1, 2]}},
            {"setPriority": {"value": 100}},
            {"addCommunity": {"value": "65001:1:2"}},
            {"prependASPath": {"prefix": [3]}},
        ],
    )
    assert done[0]["set"] == {
        "add_communities": ["65001:1", "65001:1:2"],
        "prepend": [3, 1, 2],  # the later one in front
        "local_pref": 2147483547,
    }


def test_filters_in_the_order_in_which_they_are_listed() -> None:
    parts = [bgp_filter("a", exportV4=[{"action": "Reject"}]), bgp_filter("b", exportV4=[{"action": "Accept"}], exportV6=[{"action": "Reject"}])]  # fmt: skip
    found = rules(session(*parts, filters=["b", "a"]).exports)
    assert [each["rule"] for each in found] == [
        "BGPFilter b rule 1",
        "BGPFilter a rule 1",
        "own",
        "everything else",
    ]


FULL = [
    pool("open", "10.244.0.0/16"),
    pool("off", "10.245.0.0/16", disabled=True),
    pool("silent", "10.246.0.0/16", disableBGPExport=True),
    pool("six", "fd00:1::/48"),
    claim("a", "10.244.1.0/26"),
    config(
        serviceClusterIPs=[{"cidr": "10.96.0.0/12"}],
        serviceExternalIPs=[{"cidr": "192.0.2.0/25"}],
        serviceLoadBalancerIPs=[{"cidr": "198.51.100.0/24"}],
        serviceLoadBalancerAggregation="Disabled",
        prefixAdvertisements=[{"cidr": "10.244.0.0/16", "communities": ["65001:1", "65001:1:2"]}],
    ),
]


def test_export_own() -> None:
    assert rules(session(*FULL).exports) == [
        {
            "rule": "IPPool silent disableBGPExport",
            "match": {"prefix": ["10.246.0.0/16 le 32"]},
            "set": {},
            "action": "reject",
        },
        {
            "rule": "prefixAdvertisements",
            "match": {"prefix": ["10.244.0.0/16 le 32"]},
            "set": {"add_communities": ["65001:1", "65001:1:2"]},
            "action": "next",
        },
        {"rule": "own", "match": {"source": ["own"]}, "set": {}, "action": "accept"},
        {"rule": "everything else", "match": {}, "set": {}, "action": "reject"},
    ]


def test_export_cluster_and_all() -> None:
    for word, rule in (
        (
            "cluster",
            {
                "rule": "advertise cluster",
                "match": {
                    "prefix": [
                        "10.245.0.0/16 le 32",
                        "10.244.0.0/16 le 32",
                        "10.96.0.0/12 le 32",
                        "192.0.2.0/25 le 32",
                        "198.51.100.0/24 le 32",
                    ]
                },
                "set": {},
                "action": "accept",
            },
        ),
        ("all", {"rule": "advertise all", "match": {}, "set": {}, "action": "accept"}),
    ):
        found = rules(session(*FULL, own("PeerSettings", "s", peers=["tor"], advertise=word)).exports)
        assert [found[-3]["rule"], found[-2]] == ["own", rule]


def test_a_reflector_passes_on_what_internal_peers_gave() -> None:
    inside = rules(session(RR, asNumber=64512).exports)
    assert {"rule": "route reflector", "match": {"source": ["internal"]}, "set": {}, "action": "accept"} in inside
    assert "route reflector" not in [each["rule"] for each in rules(session(RR).exports)]  # not to another AS


def test_calico_s_pipeline_in_its_order() -> None:
    found = rules(session(*FULL, compat=Compat.CALICO_331).exports)
    assert [(each["rule"], each["action"]) for each in found] == [
        ("IPPool silent disableBGPExport", "reject"),
        ("prefixAdvertisements", "next"),
        ("block", "accept"),
        ("inside a block", "reject"),
        ("service ranges", "accept"),
        ("IPPool off", "accept"),  # disabled pools are announced all the same
        ("IPPool open", "accept"),
        ("everything else", "reject"),
    ]
    assert found[4]["match"] == {"prefix": ["10.96.0.0/12 le 32", "192.0.2.0/25 le 32"]}


def test_calico_s_reflector_also_passes_services_on() -> None:
    found = rules(session(RR, *FULL[:-1], FULL[-1], compat=Compat.CALICO_331).exports)
    (rule,) = [each for each in found if each["rule"] == "services through a route reflector"]
    assert rule["match"] == {"prefix": ["198.51.100.0/24 le 32", "192.0.2.0/25 le 32"]}


def test_local_pref_of_calico_3_33() -> None:
    first, *_ = rules(session(*FULL, compat=Compat.CALICO_333).exports)
    assert first == {
        "rule": "LOCAL_PREF",
        "match": {"source": ["own"]},
        "set": {"local_pref": 2147482623},
        "action": "next",
    }
    tuned = [*FULL[:-1], config(ipv4NormalRoutePriority=1000)]
    assert rules(session(*tuned, compat=Compat.CALICO_333).exports)[0]["set"] == {"local_pref": 2147482647}


def test_a_service_that_is_announced_like_all_else_needs_no_rule() -> None:
    service = own("ServiceAddress", "s", addresses=["192.0.2.1"], nodes=["a"])
    assert [each["rule"] for each in rules(session(service).exports)] == ["own", "everything else"]
    assert "ServiceAddress s" in [each["rule"] for each in rules(session(service, compat=Compat.CALICO_331).exports)]
