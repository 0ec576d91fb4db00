"""Policies and sets in the file: what is read, and every mistake with its place."""

import pytest

from bgpd.config import ConfigError
from bgpd.config.policies import inline_name
from bgpd.model import Condition, Edit, PolicyTerm, TermAction
from tests.unit.config.cases import Case

GOOD = """
prefix-sets:
  near: [10.0.0.0/8 le 24, 2001:db8::/32]
community-sets:
  mine: ["64512:*", "64512:1:*", "rt:64512:*"]
as-path-sets:
  far: ["^65001_"]
policies:
  in:
    - name: one
      match:
        prefix-set: near
        not: {community-set: mine, as-path-set: [far]}
      then: {local-pref: +5, action: accept}
    - then: reject
"""


def test_what_is_read(case: Case) -> None:
    (policy,) = case.parse(yaml=GOOD).spec.speaker.policies
    one, two = policy.terms
    assert (one.name, one.action, one.edits) == ("one", TermAction.ACCEPT, (Edit("local-pref", (("add", 5),)),))
    assert [(c.field, c.set_name, c.negated, len(c.values)) for c in one.conditions] == [
        ("prefix-set", "near", False, 2),
        ("community-set", "mine", True, 3),
        ("as-path-set", "far", True, 1),
    ]
    assert two == PolicyTerm("2", action=TermAction.REJECT)


def test_the_order_of_sections_does_not_matter(case: Case) -> None:
    parts = GOOD.split("policies:")
    assert case.parse(yaml="policies:" + parts[1] + parts[0]).spec.speaker == case.parse(yaml=GOOD).spec.speaker


def test_one_value_or_a_list(case: Case) -> None:
    text = "policies:\n  p:\n    - {match: {med: %s}, then: accept}\n"
    one, two = [case.parse(yaml=text % value).spec.speaker.policies for value in ("5", "[5]")]
    assert one == two
    assert one[0].terms[0].conditions == (Condition("med", ((5, 5),)),)


def policy(terms: str) -> str:
    return f"policies:\n  p:\n{terms}\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("prefix-sets: 5\n", ["bgpd.yaml:1: prefix-sets: expected names, each with a list, got a number"]),
        ("prefix-sets:\n  a b: [1.0.0.0/8]\n", [("bgpd.yaml:2: prefix-sets: expected a name of at most 63 letters, "
                                                "digits and . _ : -, got 'a b'")]),
        ("prefix-sets:\n  a: []\n", ["bgpd.yaml:2: prefix-sets: a: an empty list means nothing"]),
        ("prefix-sets:\n  a: [10.0.0.1/8]\n",
         ["bgpd.yaml:2: prefix-sets: a: '10.0.0.1/8' has host bits set; did you mean 10.0.0.0/8?"]),
        ("prefix-sets:\n  a: 1.0.0.0/8\n  a: 2.0.0.0/8\n",
         ["bgpd.yaml:3: prefix-sets: a is given twice, first on line 2"]),
        ("prefix-set:\n  a: 1.0.0.0/8\n", ["bgpd.yaml:1: prefix-set: unknown key; did you mean prefix-sets?"]),
        ("policies:\n  all:\n    - then: accept\n",
         ["bgpd.yaml:2: policy all: this name is a word of import and export; take another"]),
        ("policies:\n  p: accept\n", ["bgpd.yaml:2: policy p: expected a list of terms, got a string"]),
        ("policies:\n  p: []\n", ["bgpd.yaml:2: policy p: expected a list of terms, got an empty list"]),
        (policy("    - accept"), ["bgpd.yaml:3: policy p: term 1: expected name, match and then, got a string"]),
        (policy("    - {match: any}"),
         ["bgpd.yaml:3: policy p: term 1: without then: say accept, reject, next or what to change"]),
        (policy("    - {mach: any, then: accept}"),
         ["bgpd.yaml:3: policy p: term 1: unknown key 'mach'; did you mean match?"]),
        (policy("    - {if: any, then: accept}"),
         ["bgpd.yaml:3: policy p: term 1: unknown key 'if'; did you mean match?"]),
        (policy("    - {name: a, then: next}\n    - {name: a, then: accept}"),
         ["bgpd.yaml:4: policy p: there are two terms called a"]),
        (policy("    - {match: 5, then: accept}"),
         ["bgpd.yaml:3: policy p: term 1: match: expected matches, such as prefix-set: NAME, got a number"]),
        (policy("    - {match: {comunity: 1:1}, then: accept}"),
         ["bgpd.yaml:3: policy p: term 1: match: there is no match 'comunity'; did you mean community?"]),
        (policy("    - {match: {rpki: valid}, then: accept}"),
         [("bgpd.yaml:3: policy p: term 1: match: rpki: reserved until RPKI exists: this speaker has no RPKI state to "
          "match yet")]),
        (policy("    - match:\n        prefix-set: nerr\n      then: accept\nprefix-sets: {near: 1.0.0.0/8}"),
         ["bgpd.yaml:4: policy p: term 1: match: prefix-set: there is no prefix set 'nerr'; did you mean near?"]),
        (policy("    - {match: {as-path: '('}, then: accept}"),
         ["bgpd.yaml:3: policy p: term 1: match: as-path: the ( at character 1 is not closed"]),
        (policy("    - {match: {med: {}}, then: accept}"),
         ["bgpd.yaml:3: policy p: term 1: match: med: expected a value such as none, got a mapping"]),
        (policy("    - {then: acept}"),
         ["bgpd.yaml:3: policy p: term 1: then: expected accept, reject or next, got 'acept'; did you mean accept?"]),
        (policy("    - {then: [accept]}"),
         ["bgpd.yaml:3: policy p: term 1: then: expected accept, reject, or what to change, got a list"]),
        (policy("    - {then: {accept: true}}"),
         ["bgpd.yaml:3: policy p: term 1: then: there is no action 'accept'; write action: accept"]),
        (policy("    - {then: {local-prf: 5}}"),
         ["bgpd.yaml:3: policy p: term 1: then: there is no action 'local-prf'; did you mean local-pref?"]),
        (policy("    - {then: {local-pref: [5, 6]}}"),
         ["bgpd.yaml:3: policy p: term 1: then: local-pref: expected one value, got a list"]),
        (policy("    - {then: {med: 5, action: reject}}"),
         ["bgpd.yaml:3: policy p: term 1: then: a route that is rejected is not changed: leave out one of the two"]),
        (policy("    - {match: {not: {not: {med: 5}}}, then: accept}"),
         ["bgpd.yaml:3: policy p: term 1: match: not: there is no match 'not'"]),
    ],
)  # fmt: skip
def test_mistakes(case: Case, text: str, lines: list[str]) -> None:
    assert case.errors(yaml=text) == lines


def test_every_mistake_is_told_at_once(case: Case) -> None:
    text = policy("    - {match: {med: x, family: y}, then: {prepend: z, med: w}}")
    with pytest.raises(ConfigError) as caught:
        case.parse(yaml=text)
    assert len(caught.value.lines) == 4


def test_a_term_that_is_never_reached(case: Case) -> None:
    text = policy("    - {name: a, then: accept}\n    - {name: b, then: reject}")
    assert case.warnings(yaml=text) == ["bgpd.yaml:4: policy p: term b is never reached: term a stops all"]


def test_names_of_terms_beside_a_neighbor() -> None:
    assert inline_name("peer", "192.0.2.1", "import") == "peer-192.0.2.1-import"
    assert inline_name("listen-range", "10.0.0.0/8", "export") == "listen-range-10.0.0.0-8-export"
