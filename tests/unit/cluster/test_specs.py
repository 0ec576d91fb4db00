"""From the plan to the speaker's spec: each field arrives, and the compiled policies do what Calico's filters say.

The second half runs random BGPFilters and pools through everything (decoder, decision, policies, chains) and compares
with an evaluator that is written here from the description of Calico's own algorithm, over plain JSON.
"""

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgpd.cluster.plan import Compat, Host, Rule, Verb, Within
from bgpd.cluster.resources import SecretRef
from bgpd.cluster.specs import Compiled, compile_plan, term
from bgpd.model import (
    AddPath,
    AsnRule,
    Condition,
    ExportRule,
    GracefulRestart,
    ImportRule,
    KernelSpec,
    NeighborSpec,
    NextHopRule,
    Originate,
    Overlay,
    PoolSpec,
    SpeakerSpec,
)
from bgpd.policy.chain import Verdict
from bgpd.policy.compile import export_chain, import_chain
from bgpd.policy.spec import ACTIONS, MATCHES
from bgpd.policy.trial import given_attrs
from bgpd.wire.attrs import Attrs
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.prefix import format_address, parse_prefix
from tests.unit.cluster.world import bgp_filter, claim, config, metal, node, nodes, own, peer, plan_of, pool

A = node("a", "10.0.0.1/24", "fd00::1/64")
TOR = {"peerIP": "10.0.0.254", "asNumber": 65001}
BASE = SpeakerSpec(router_id=b"\x01\x01\x01\x01", kernel=KernelSpec(table=100))
SECRET = {"secretKeyRef": {"name": "bgp", "key": "tor"}}


def compiled(*parts: Any, base: SpeakerSpec = BASE, passwords: dict[SecretRef, bytes] | None = None, host: Host = Host(), compat: Compat | None = None, name: str = "a") -> Compiled:  # fmt: skip # noqa: B008
    return compile_plan(plan_of(name, *parts, compat=compat), base, passwords or {}, host)


def one(*parts: Any, **options: Any) -> NeighborSpec:
    found = compiled(*parts, **options)
    assert found.problems == ()
    (spec,) = found.speaker.neighbors
    return spec


# -- fields


def test_every_field_of_a_session() -> None:
    described = peer(
        "tor", **TOR, localASNumber=64999, nextHopMode="Self", ttlSecurity=2, password=SECRET, maxRestartTime="60s",
        keepaliveTime="10s", numAllowedLocalASNumbers=1,
    )  # fmt: skip
    tuned = own("PeerSettings", "s", peers=["tor"], holdTime="40s", connectRetryTime="3s")
    spec = one(A, described, tuned, passwords={SecretRef("bgp", "tor"): b"hush"})
    assert (spec.address, spec.port, spec.name) == (b"\x0a\x00\x00\xfe", 179, "Global_10_0_0_254")
    assert (spec.local_asn, spec.remote_asn, spec.speaker_asn) == (64999, 65001, 64512)
    assert (spec.password, spec.ttl_security, spec.multihop, spec.ttl) == (b"hush", 2, 0, 255)
    assert (spec.hold_time, spec.keepalive_time, spec.connect_retry_time) == (40, 10, 3.0)
    assert (spec.restart_time, spec.graceful_restart) == (60, GracefulRestart.FULL)
    assert (spec.allow_own_as, spec.next_hop, spec.source_address) == (1, NextHopRule.SELF, b"\x0a\x00\x00\x01")
    assert (spec.families, spec.add_path) == ((IPV4,), ((IPV4, AddPath.BOTH),))
    assert (spec.import_rule, spec.export_rule) == (ImportRule.POLICY, ExportRule.POLICY)


def test_a_session_carries_its_own_family_only() -> None:
    spec = one(A, peer("six", peerIP="[fd00::fe]:178", asNumber=65001))
    assert (spec.families, spec.port, spec.multihop) == ((IPV6,), 178, 64)


def test_mesh_and_reflection() -> None:
    found = compiled(node("a", "10.0.0.9/24"), node("b", "10.0.0.10/24")).speaker.neighbors
    assert [(each.passive, each.rr_client, each.external) for each in found] == [(False, False, False)]
    spec = one(node("a", "10.0.0.9/24", cluster="244.0.0.1"), peer("c", peerIP="10.0.0.7", asNumber=64512))
    assert (spec.rr_client, spec.cluster_id) == (True, b"\xf4\x00\x00\x01")


def test_metallb_s_ways() -> None:
    spec = one(A, metal("BGPPeer", "t", myASN=64512, dynamicASN="external", interface="eth1"))
    assert (spec.unnumbered, spec.interface, spec.asn_rule, spec.families) == (
        True,
        "eth1",
        AsnRule.EXTERNAL,
        (IPV4, IPV6),
    )
    assert (spec.graceful_restart, spec.multihop) == (GracefulRestart.HELPER, 0)
    spec = one(A, metal("BGPPeer", "t", myASN=64512, peerASN=1, peerAddress="10.0.0.254", dualStackAddressFamily=True, password="x"))  # fmt: skip
    assert (spec.families, spec.password) == ((IPV4, IPV6), b"x")


def test_a_missing_password_keeps_the_session_out() -> None:
    found = compiled(A, peer("tor", **TOR, password=SECRET), peer("other", peerIP="10.0.0.253", asNumber=65001))
    assert [each.name for each in found.speaker.neighbors] == ["Global_10_0_0_253"]
    assert "secret bgp has no key tor: the session with Global_10_0_0_254 stays down" in str(found.problems[0])
    found = compiled(A, peer("tor", **TOR, password=SECRET), passwords={SecretRef("bgp", "tor"): b"x" * 81})
    assert found.speaker.neighbors == ()
    assert "longer than 80 octets" in str(found.problems[0])


def test_what_is_laid_over_what() -> None:
    mine = NeighborSpec(address=b"\x0a\x00\x00\xfe", name="mine", local_asn=1, remote_asn=2)
    base = SpeakerSpec(
        router_id=b"\x01\x01\x01\x01",
        neighbors=(mine,),
        originate=(Originate(family=IPV4, prefix=b"\x10\xc0\xa8"),),
        kernel=KernelSpec(table=100, metric=7),
    )
    parts = [
        A, peer("tor", **TOR), claim("a", "10.244.0.0/26"), config(asNumber=64600, serviceClusterIPs=[{"cidr": "10.96.0.0/12"}]),
        pool("p", "10.244.0.0/16", vxlanMode="CrossSubnet"),
    ]  # fmt: skip
    spec = compiled(parts, base=base).speaker
    assert (spec.asn, spec.router_id, spec.neighbors) == (64600, b"\x0a\x00\x00\x01", (mine,))
    assert [(each.prefix, each.blackhole) for each in spec.originate] == [
        (b"\x10\xc0\xa8", True),
        (b"\x1a\x0a\xf4\x00\x00", True),
        (b"\x0c\x0a\x60", False),
    ]
    assert spec.kernel.table == 100
    assert spec.kernel.metric == 7
    assert spec.kernel.pools == (
        PoolSpec(family=IPV4, prefix=b"\x10\x0a\xf4", overlay=Overlay.CROSS_SUBNET),
        PoolSpec(family=IPV4, prefix=b"\x0c\x0a\x60", foreign=True),  # services are the proxy's
    )
    assert compiled(parts, base=base, compat=Compat.CALICO_333).speaker.kernel.metric == 1024


def test_sessions_that_are_alike_share_their_policies() -> None:
    found = compiled(nodes(20), name="node-1").speaker.neighbors
    assert len({id(each.export_policy) for each in found}) == 1  # its rules name no family
    assert len({id(each.import_policy) for each in found}) == 2  # each family has a default route of its own


def test_names_are_no_two_policies() -> None:
    found = compiled(nodes(3), peer("tor", **TOR), name="node-1").speaker.neighbors
    policies = {each.export_policy for each in found} | {each.import_policy for each in found}
    names = [policy.name for policy in policies if policy is not None]
    assert len(set(names)) == len(names)


def test_the_same_rules_are_the_same_policy_whatever_else_changes() -> None:
    few = compiled(nodes(2), name="node-1").speaker.neighbors[0]
    service = own("ServiceAddress", "s", addresses=["192.0.2.1"], nodes=["node-1"])
    more = compiled(nodes(4), peer("tor", **TOR), service, name="node-1").speaker.neighbors
    (same,) = [each for each in more if each.address == few.address]
    assert same == few


def test_a_term_is_made_of_what_the_language_knows() -> None:
    rule = Rule(
        why="x", verb=Verb.ACCEPT, within=(Within((IPV4, b"\x08\x0a"), 9, 24),), outside=True, source=("own",),
        interface="eth*", community="65001:1:2", as_path_prefix=(1, 2), local_pref=7,
        add_communities=("1:1", "1:1:1"), prepend=(3,), set_local_pref=9,
    )  # fmt: skip
    made = term(rule, 1, Host(interfaces={"eth0": ((IPV4, b"\x18\x0a\x00\x00"),)}))
    assert {each.field for each in made.conditions} <= set(MATCHES)
    assert {each.field for each in made.edits} <= set(ACTIONS)
    assert [each.field for each in made.conditions] == [
        "prefix",
        "source",
        "next-hop",
        "large-community",
        "as-path",
        "local-pref",
    ]
    assert [each.field for each in made.edits] == ["add-community", "add-large-community", "prepend-as", "local-pref"]
    assert made.conditions[0].negated


def test_interfaces_are_the_links_that_next_hops_are_on() -> None:
    rule = Rule(why="x", verb=Verb.ACCEPT, interface="eth*")
    there = Host(interfaces={"eth0": ((IPV4, b"\x18\x0a\x00\x00"),), "cali1": ((IPV4, b"\x18\x0a\x00\x01"),)})
    assert term(rule, 1, there).conditions == (Condition("next-hop", (("ipv4", b"\x18\x0a\x00\x00"),)),)
    (never,) = term(rule, 1, Host()).conditions
    assert never.field == "as-path-length"


# -- against Calico's own words

PREFIXES = ["0.0.0.0/0", "10.0.0.0/8", "10.244.0.0/16", "10.244.1.0/24", "10.244.1.0/26", "10.244.1.9/32", "10.245.0.0/16", "203.0.113.0/24"]  # fmt: skip
COMMUNITIES = ["65001:1", "65001:2", "65001:1:2"]
ASNS = [65001, 65002, 65003]

LENGTHS = st.fixed_dictionaries({}, optional={"min": st.integers(0, 16), "max": st.integers(16, 32)})
CIDRS = st.fixed_dictionaries(
    {"cidr": st.sampled_from(PREFIXES), "matchOperator": st.sampled_from(["Equal", "NotEqual", "In", "NotIn"])},
    optional={"prefixLength": LENGTHS},
).map(lambda rule: rule if rule["matchOperator"] in ("In", "NotIn") else {k: v for k, v in rule.items() if k != "prefixLength"})  # fmt: skip
OPERATIONS = st.one_of(
    st.builds(lambda v: {"addCommunity": {"value": v}}, st.sampled_from(COMMUNITIES)),
    st.builds(lambda v: {"prependASPath": {"prefix": v}}, st.lists(st.sampled_from(ASNS), min_size=1, max_size=3)),
    st.builds(lambda v: {"setPriority": {"value": v}}, st.sampled_from([100, 2147483547])),
)
OTHERS = st.fixed_dictionaries(
    {"action": st.sampled_from(["Accept", "Reject"])},
    optional={
        "source": st.just("RemotePeers"),
        "peerType": st.sampled_from(["eBGP", "iBGP"]),
        "communities": st.builds(lambda v: {"values": [v]}, st.sampled_from(COMMUNITIES)),
        "asPathPrefix": st.lists(st.sampled_from([64512, *ASNS]), min_size=1, max_size=2),
        "priority": st.sampled_from([100, 2147483547, 1024]),
        "interface": st.sampled_from(["eth*", "*", "wlan0"]),
    },
)


def _rule(base: dict[str, Any], cidr: dict[str, Any] | None, operations: list[Any]) -> dict[str, Any]:
    rule = {**base, **(cidr or {})}
    return rule | ({"operations": operations} if operations and rule["action"] == "Accept" else {})


RULES = st.builds(_rule, OTHERS, st.none() | CIDRS, st.lists(OPERATIONS, max_size=3))
ROUTES = st.fixed_dictionaries(
    {
        "prefix": st.sampled_from(PREFIXES),
        "source": st.sampled_from(["own", "internal", "external"]),
        "as_path": st.lists(st.sampled_from(ASNS), max_size=3),
        "communities": st.lists(st.sampled_from(COMMUNITIES), unique=True, max_size=2),
        "local_pref": st.sampled_from([100, 2147483547, 2147482623]),
        "next_hop": st.sampled_from(["10.0.0.77", "172.16.0.1"]),
    }
)
HOST = Host(interfaces={"eth0": ((IPV4, b"\x18\x0a\x00\x00"),)})


def naive_fits(rule: dict[str, Any], route: dict[str, Any], internal: bool, path: list[int]) -> bool:
    net = ip_network(route["prefix"])
    if "cidr" in rule:
        cidr = ip_network(rule["cidr"])
        lengths = rule.get("prefixLength", {})
        low, high = max(cidr.prefixlen, lengths.get("min", 0)), min(32, lengths.get("max", 32))
        inside = net.subnet_of(cidr) and low <= net.prefixlen <= high  # type: ignore[arg-type]
        holds = {"Equal": net == cidr, "NotEqual": net != cidr, "In": inside, "NotIn": not inside}
        if not holds[rule["matchOperator"]]:
            return False
    interface = "" if route["source"] == "own" else "eth0" if route["next_hop"].startswith("10.") else "?"
    wanted = rule.get("interface", "*")
    return (
        (rule.get("source") is None or route["source"] != "own")
        and (rule.get("peerType") is None or rule["peerType"] == ("iBGP" if internal else "eBGP"))
        and (rule.get("communities") is None or rule["communities"]["values"][0] in route["communities"])
        and (rule.get("asPathPrefix") is None or path[: len(rule["asPathPrefix"])] == rule["asPathPrefix"])
        and (rule.get("priority") is None or route["local_pref"] == 2147483647 - rule["priority"])
        and (wanted == "*" or (wanted == "eth*" and interface == "eth0"))
    )


def naive_filter(rules: list[dict[str, Any]], route: dict[str, Any], internal: bool, front: list[int]) -> bool | None:
    """Whether it passes; None: no rule says. The route is changed by the operations. `front`: our AS, on the way out."""
    for rule in rules:
        if not naive_fits(rule, route, internal, [*front, *route["as_path"]]):
            continue
        for operation in rule.get("operations", []):
            if "addCommunity" in operation:
                route["communities"] = sorted({*route["communities"], operation["addCommunity"]["value"]})
            elif "prependASPath" in operation:
                route["as_path"] = [*operation["prependASPath"]["prefix"], *route["as_path"]]
            else:
                route["local_pref"] = 2147483647 - operation["setPriority"]["value"]
        return bool(rule["action"] == "Accept")
    return None


def naive_export(rules: list[dict[str, Any]], route: dict[str, Any], internal: bool, modern: bool) -> bool:
    """Calico's pipeline with one block 10.244.1.0/26, a pool 10.244.0.0/16 and a silent pool 10.245.0.0/16."""
    if modern and route["source"] == "own":
        route["local_pref"] = 2147482623
    verdict = naive_filter(rules, route, internal, [] if internal else [64512])
    if verdict is not None:
        return verdict
    net, block = ip_network(route["prefix"]), ip_network("10.244.1.0/26")
    if net.subnet_of(ip_network("10.245.0.0/16")):  # type: ignore[arg-type]
        return False
    if net.subnet_of(ip_network("10.244.0.0/16")):  # type: ignore[arg-type]
        route["communities"] = sorted({*route["communities"], "65001:9"})
        return net == block or not net.subnet_of(block)  # type: ignore[arg-type]
    return False


def attrs_of(route: dict[str, Any]) -> Attrs:
    return given_attrs(
        as_path=" ".join(map(str, route["as_path"])),
        community=route["communities"],
        next_hop=route["next_hop"],
        local_pref=str(route["local_pref"]),
    )


def same(verdict: Verdict, passes: bool, route: dict[str, Any], own_asn: list[int], preference: bool) -> None:
    assert verdict.accepted is passes, verdict
    if verdict.attrs is None:
        return
    wanted = attrs_of({**route, "as_path": [*own_asn, *route["as_path"]]})
    found = verdict.attrs
    assert found.as_path_value() == wanted.as_path_value()
    assert (found.get(8), found.get(32)) == (wanted.get(8), wanted.get(32))
    if preference:
        assert found.local_pref == wanted.local_pref


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(RULES, max_size=3), st.lists(ROUTES, min_size=1, max_size=5), st.booleans(), st.booleans())
def test_exports_are_those_of_calico(rules: list[Any], routes: list[Any], internal: bool, modern: bool) -> None:
    asn = 64512 if internal else 65009
    parts = [
        A, peer("tor", peerIP="10.0.0.254", asNumber=asn, filters=["f"]), bgp_filter("f", exportV4=rules),
        claim("a", "10.244.1.0/26"), pool("p", "10.244.0.0/16"), pool("s", "10.245.0.0/16", disableBGPExport=True),
        config(prefixAdvertisements=[{"cidr": "10.244.0.0/16", "communities": ["65001:9"]}]),
    ]  # fmt: skip
    spec = one(*parts, host=HOST, compat=Compat.CALICO_333 if modern else Compat.CALICO_331)
    chain = export_chain(spec, router_id=b"\x0a\0\0\1", next_hop=b"\x0a\0\0\1", family=IPV4)
    for given_route in routes:
        route = dict(given_route)
        if internal and route["source"] == "internal":
            continue  # the protocol's own rule: nothing goes from one internal peer to another
        if route["source"] == "own":
            route["next_hop"] = ""
        verdict = chain.evaluate(
            attrs_of(route),
            external=route["source"] == "external",
            local=route["source"] == "own",
            sort=chain.classify(parse_prefix(route["prefix"])[1]),
        )
        passes = naive_export(rules, route, internal, modern)
        same(verdict, passes, {**route, "next_hop": "10.0.0.1"}, [] if internal else [64512], internal)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(RULES, max_size=3), st.lists(ROUTES, min_size=1, max_size=5), st.booleans())
def test_imports_are_those_of_calico_but_for_the_default_route(
    rules: list[Any], routes: list[Any], internal: bool
) -> None:
    asn = 64512 if internal else 65001
    spec = one(
        A, peer("tor", peerIP="10.0.0.254", asNumber=asn, filters=["f"]), bgp_filter("f", importV4=rules), host=HOST
    )
    chain = import_chain(spec, router_id=b"\x0a\0\0\1", family=IPV4)
    for given_route in routes:
        route = {**given_route, "source": "internal" if internal else "external"}
        if not internal:
            route["as_path"] = [65001, *route["as_path"]]
        verdict = chain.evaluate(
            attrs_of(route), external=not internal, sort=chain.classify(parse_prefix(route["prefix"])[1])
        )
        passes = naive_filter(rules, route, internal, [])
        same(verdict, route["prefix"] != "0.0.0.0/0" if passes is None else passes, route, [], True)


@pytest.mark.parametrize(("source", "passes"), [("own", True), ("internal", False), ("external", False)])
def test_without_calico_s_pipeline_only_our_own_goes_out(source: str, passes: bool) -> None:
    spec = one(A, peer("tor", **TOR), claim("a", "10.244.1.0/26"), pool("p", "10.244.0.0/16"))
    chain = export_chain(spec, router_id=b"\x0a\0\0\1", next_hop=b"\x0a\0\0\1", family=IPV4)
    verdict = chain.evaluate(
        given_attrs(next_hop="10.0.0.9"),
        external=source == "external",
        local=source == "own",
        sort=chain.classify(parse_prefix("10.244.1.0/26")[1]),
    )
    assert verdict.accepted is passes
    if verdict.attrs is not None:
        assert format_address(verdict.attrs.next_hop) == "10.0.0.1"
