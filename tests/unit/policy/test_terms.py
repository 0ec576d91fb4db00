"""Every match and every action on routes, the order of terms, and the end of a policy."""

import pytest

from bgpd.policy.chain import Chain, Route
from bgpd.policy.reasons import Refusal
from bgpd.policy.terms import Policy, PolicyTable
from bgpd.policy.trial import Outcome, given_attrs, try_policy
from bgpd.wire import aspath
from bgpd.wire.attrs import Attrs, build, format_attr
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.prefix import parse_address, parse_prefix
from tests.unit.policy.helpers import context_of, policy_of

ROUTE: dict[str, object] = {
    "as_path": "65001 65002 {7 8} 65003",
    "community": ("65001:5", "65001:1:2", "rt:65001:3"),
    "next_hop": "192.0.2.1",
    "med": "10",
    "origin": "egp",
}


def attrs_of(**more: object) -> Attrs:
    return given_attrs(**(ROUTE | more))  # type: ignore[arg-type]


def outcome(
    text: str, prefix: str = "10.1.0.0/16", *, external: bool = True, local: bool = False, **more: object
) -> Outcome:
    family, packed = parse_prefix(prefix)
    importing = more.pop("importing", True) is True
    return try_policy(
        Policy(policy_of(text)),
        context_of(family=family, importing=importing),
        attrs_of(**more),
        packed,
        external=external,
        local=local,
        peer="" if local else "192.0.2.1",
        peer_address=b"" if local else parse_address("192.0.2.1"),
    )


@pytest.mark.parametrize(
    ("match", "holds"),
    [
        ("prefix: 10.0.0.0/8 le 16", True),
        ("prefix: 10.0.0.0/8", False),
        ("prefix: [11.0.0.0/8, 10.1.0.0/16]", True),
        ("as-path: _65002_", True),
        ('as-path: ["^65002", "65003$"]', True),
        ("as-path: ^65002", False),
        ("as-path: '{7 8}'", True),
        ("as-path-length: 4", True),
        ('as-path-length: "<=3"', False),
        ('as-path-length: ">=4"', True),
        ("as-path-contains: 8", True),
        ("as-path-contains: 65100-65200", False),
        ("as-path-contains: [1, 65000-65001]", True),
        ("as-path-origin: 65003", True),
        ("as-path-origin: 65001", False),
        ("neighbor-as: 65001", True),
        ("neighbor-as: 65003", False),
        ('community: "65001:*"', True),
        ("community: [65001:4, 65001:5]", True),
        ("community: no-export", False),
        ('large-community: "65001:*:2"', True),
        ('large-community: "65001:*:3"', False),
        ("ext-community: rt:65001:3", True),
        ('ext-community: "soo:*:*"', False),
        ('ipv6-ext-community: "rt:[*]:*"', False),
        ("next-hop: 192.0.2.1", True),
        ("next-hop: 192.0.2.0/24", True),
        ("next-hop: [192.0.3.0/24, 2001:db8::/32]", False),
        ("family: ipv4", True),
        ("family: ipv6", False),
        ("origin: egp", True),
        ("origin: [igp, incomplete]", False),
        ("med: 10", True),
        ("med: 11-20", False),
        ("med: none", False),
        ("local-pref: 100", True),
        ("local-pref: 200", False),
        ("peer: 192.0.2.1", True),
        ("peer: 192.0.2.0/24", True),
        ("peer: 192.0.2.2", False),
        ("source: external", True),
        ("source: [own, internal]", False),
        ("{origin: egp, med: 10}", True),
        ("{origin: egp, med: 11}", False),
        ("{not: {med: 11}}", True),
        ("{not: {med: [10, 11]}}", False),
        ("{not: {prefix: 10.0.0.0/8 le 32}}", False),
        ("{origin: egp, not: {med: 11, family: ipv6}}", True),
        ("any", True),
    ],
)
def test_matches(match: str, holds: bool) -> None:
    found = outcome(f"- match: {match if match[0] == '{' or match == 'any' else '{' + match + '}'}\n  then: accept")
    assert found.accepted is holds


def test_what_is_not_there_matches_nothing() -> None:
    for match in (
        "next-hop: 0.0.0.0/0",
        "neighbor-as: 0-4294967295",
        "as-path-origin: 0-4294967295",
        'community: "*:*"',
    ):
        found = outcome(
            f"- match: {{{match}}}\n  then: accept", as_path="", next_hop="", community=(), local=True, external=False
        )
        assert not found.accepted, match
    assert outcome("- match: {med: none}\n  then: accept", med="").accepted
    assert outcome("- match: {source: own}\n  then: accept", local=True, external=False).accepted
    assert not outcome("- match: {peer: 0.0.0.0/0}\n  then: accept", local=True, external=False).accepted
    assert outcome("- match: {source: internal}\n  then: accept", external=False).accepted


@pytest.mark.parametrize(
    ("then", "changes"),
    [
        ("local-pref: 200", ["LOCAL_PREF none -> 200"]),
        ("local-pref: +50", ["LOCAL_PREF none -> 150"]),
        ("local-pref: -500", ["LOCAL_PREF none -> 0"]),
        ("med: 5", ["MULTI_EXIT_DISC 10 -> 5"]),
        ("med: +4294967295", ["MULTI_EXIT_DISC 10 -> 4294967295"]),
        ("med: none", ["MULTI_EXIT_DISC 10 -> none"]),
        ("origin: igp", ["ORIGIN EGP -> IGP"]),
        ("prepend: 2", ["AS_PATH 65001 65002 {7 8} 65003 -> 65001 65001 65001 65002 {7 8} 65003"]),
        ("prepend-as: [1, 2]", ["AS_PATH 65001 65002 {7 8} 65003 -> 1 2 65001 65002 {7 8} 65003"]),
        ("next-hop: 192.0.2.9", ["NEXT_HOP 192.0.2.1 -> 192.0.2.9"]),
        ("next-hop: 2001:db8::1", []),  # for routes of the other family
        ("add-community: [no-export, 65001:5]", ["COMMUNITIES 65001:5 -> 65001:5 no-export"]),
        ('remove-community: "65001:*"', ["COMMUNITIES 65001:5 -> none"]),
        ('remove-community: "65002:*"', []),
        ("set-community: [1:1]", ["COMMUNITIES 65001:5 -> 1:1"]),
        ("set-community: none", ["COMMUNITIES 65001:5 -> none"]),
        ("add-large-community: 1:2:3", ["LARGE_COMMUNITIES 65001:1:2 -> 1:2:3 65001:1:2"]),
        ('remove-large-community: "*:*:*"', ["LARGE_COMMUNITIES 65001:1:2 -> none"]),
        ("set-large-community: 4:5:6", ["LARGE_COMMUNITIES 65001:1:2 -> 4:5:6"]),
        ("add-ext-community: soo:10.0.0.1:5", ["EXTENDED_COMMUNITIES rt:65001:3 -> rt:65001:3 soo:10.0.0.1:5"]),
        ("remove-ext-community: rt:65001:3", ["EXTENDED_COMMUNITIES rt:65001:3 -> none"]),
        ("set-ext-community: [rt:4200000000:1]", ["EXTENDED_COMMUNITIES rt:65001:3 -> rt:4200000000:1"]),
        (
            'add-ipv6-ext-community: "rt:[2001:db8::1]:7"',
            ["IPV6_EXTENDED_COMMUNITIES none -> rt:[2001:db8::1]:7"],
        ),
        ("{local-pref: 5, med: none}", ["MULTI_EXIT_DISC 10 -> none", "LOCAL_PREF none -> 5"]),
        ("{remove-community: '65001:*', add-community: 2:2}", ["COMMUNITIES 65001:5 -> 2:2"]),
    ],
)
def test_actions(then: str, changes: list[str]) -> None:
    inside = then.strip("{}") if then[0] == "{" else then
    assert outcome(f"- then: {{{inside}, action: accept}}").changes == changes


def test_next_hops_by_direction() -> None:
    assert outcome("- then: {next-hop: peer, action: accept}", next_hop="10.9.9.9").changes == [
        "NEXT_HOP 10.9.9.9 -> 192.0.2.1"
    ]
    found = outcome("- then: {next-hop: self, action: accept}", importing=False)
    assert found.changes == ["NEXT_HOP 192.0.2.1 -> 10.0.0.1"]
    assert found.attrs.next_hop == parse_address("192.0.2.1")  # the chain's last term puts it in
    found = outcome("- then: {prepend: 1, action: accept}", importing=False)
    assert found.attrs.neighbor_as == 64512


def test_terms_see_what_terms_before_them_did() -> None:
    found = outcome(
        """
        - then: {add-community: 1:1, local-pref: 50, prepend-as: 9}
        - name: second
          match: {community: 1:1, local-pref: 50, as-path: ^9_, as-path-length: 5}
          then: {local-pref: +5}
        - name: third
          match: {local-pref: 55}
          then: accept
        - name: fourth
          then: reject
        """
    )
    assert (found.accepted, found.term, found.fired) == (True, "third", ["1", "second", "third"])
    assert format_attr(5, found.attrs.get(5) or b"") == "55"


def test_the_end_of_a_policy_rejects() -> None:
    found = outcome("- match: {med: 11}\n  then: accept\n- then: {med: 3}")
    assert not found.accepted
    assert found.reason == "rejected by policy p: no term accepts it"
    assert found.changes == []
    assert found.fired == ["2"]
    assert outcome("- name: no\n  then: reject").reason == "rejected by policy p term no"


def test_classes_of_prefixes() -> None:
    policy = Policy(
        policy_of(
            """
            - match: {prefix: 10.0.0.0/8 le 32}
              then: {med: 1}
            - match: {prefix: 10.1.0.0/16 le 32}
              then: accept
            - match: {prefix: 10.0.0.0/8 le 32, family: ipv4}
              then: accept
            """
        )
    )
    classes = [policy.classify(IPV4, parse_prefix(text)[1]) for text in ("11.0.0.0/8", "10.0.0.0/8", "10.1.0.0/16")]
    assert classes == [0, 1, 3]
    assert policy.classify(IPV6, parse_prefix("a00::/8")[1]) == 0
    assert policy.reads_prefix
    assert not Policy(policy_of("- then: accept")).reads_prefix


def test_counters_and_sharing() -> None:
    table = PolicyTable()
    spec = policy_of("- match: {prefix: 10.0.0.0/8}\n  then: accept\n- match: {med: 1}\n  then: reject")
    policy = table.get(spec)
    assert (
        table.get(policy_of("- match: {prefix: 10.0.0.0/8}\n  then: accept\n- match: {med: 1}\n  then: reject"))
        is policy
    )
    context = context_of()
    assert policy(Route(attrs_of(), True, False, sort=1), context) is None
    assert isinstance(policy(Route(attrs_of(med="1"), True, False), context), Refusal)
    assert isinstance(policy(Route(attrs_of(), True, False), context), Refusal)
    assert ([term.hits for term in policy.terms], policy.fallen) == ([1, 1], 1)
    table.keep(set())
    assert table.find(spec) is None


def test_communities_with_an_ipv6_address_are_read_and_changed() -> None:
    """RFC 5701, added and seen by a later term."""
    terms = """
- then: {add-ipv6-ext-community: ["rt:[2001:db8::1]:7", "soo:[2001:db8::2]:8"], action: next}
- {match: {ipv6-ext-community: "rt:[2001:db8::1]:1-9"}, then: {remove-ipv6-ext-community: "rt:[*]:*", action: accept}}
"""
    found = outcome(terms)
    assert found.accepted
    assert found.changes == ["IPV6_EXTENDED_COMMUNITIES none -> soo:[2001:db8::2]:8"]


def test_what_terms_matched_is_counted_for_so_many_terms() -> None:
    table = PolicyTable()
    terms = "- {name: short, match: {as-path-length: 1}, then: {action: accept}}\n- {name: igp, match: {origin: igp}, then: {action: next}}"
    policy, other = policy_of(terms), policy_of("- {name: all, then: {action: accept}}", "q")
    for spec in (policy, policy_of(terms), other):
        Chain((table.get(spec),), context_of()).evaluate(build(as_path=aspath.sequence(1)))
    Chain((table.get(policy),), context_of()).evaluate(build(as_path=aspath.sequence(1, 2)))
    assert table.counts(9) == {("p", "short"): 2, ("p", "igp"): 1, ("p", ""): 1, ("q", "all"): 1, ("q", ""): 0}
    assert table.counts(2) == {("p", "short"): 2, ("p", "igp"): 1}
