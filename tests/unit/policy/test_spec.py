"""The rows of the language: examples there and back, mistakes in words, and the manual that repeats them."""

import re
from pathlib import Path

import pytest

from bgpd.config import parse
from bgpd.model import PolicySpec, PolicyTerm, TermAction
from bgpd.policy.spec import ACTIONS, BUILTIN, MATCHES, SETS, Row, describe_condition, describe_edits
from bgpd.policy.terms import Policy

ROWS = [row for row in (*SETS.values(), *MATCHES.values(), *ACTIONS.values()) if not row.set_of and row.name != "rpki"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_an_example_there_and_back(row: Row) -> None:
    value = row.parse(row.example.strip('"[]').split(",")[0])
    assert row.parse(row.show(value)) == value
    assert row.help


@pytest.mark.parametrize(
    ("row", "text", "words"),
    [
        ("rpki", "valid", "reserved until RPKI exists"),
        ("med", "5-2", "goes down"),
        ("med", "x", "expected a number"),
        ("as-path-length", ">=x", "expected a number"),
        ("as-path-origin", "9-1", "goes down"),
        ("neighbor-as", "1.70000", "from 0 to 65535"),
        ("family", "ipv5", "expected ipv4 or ipv6"),
        ("source", "x", "own, internal or external"),
        ("origin", "x", "igp, egp or incomplete"),
        ("next-hop", "x", "not an IPv4 or IPv6 address"),
        ("as-path", "(", "not closed"),
    ],
)
def test_matches_that_are_none(row: str, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        MATCHES[row].parse(text)


@pytest.mark.parametrize(
    ("row", "text", "words"),
    [
        ("prepend", "0", "1 to 64"),
        ("prepend", "65001", "prepend-as"),
        ("prepend-as", "0", "RFC 7607"),
        ("local-pref", "none", "expected a number"),
        ("local-pref", "4294967296", "expected a number"),
        ("add-community", "65001:*", "a pattern of many"),
        ("set-large-community", "1:*:1", "a pattern of many"),
        ("next-hop", "me", "not an IPv4"),
    ],
)
def test_actions_that_are_none(row: str, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        ACTIONS[row].parse(text)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (MATCHES["med"], "none"),
        (MATCHES["med"], "5-9"),
        (MATCHES["as-path-length"], "<=5"),
        (MATCHES["as-path-length"], ">=5"),
        (MATCHES["neighbor-as"], "64512-65534"),
        (MATCHES["peer"], "192.0.2.0/24"),
        (MATCHES["peer"], "2001:db8::1"),
        (MATCHES["peer"], "rack1"),
        (ACTIONS["med"], "none"),
        (ACTIONS["med"], "-5"),
        (ACTIONS["med"], "+5"),
        (ACTIONS["local-pref"], "200"),
        (ACTIONS["next-hop"], "self"),
        (ACTIONS["set-community"], "none"),
        (ACTIONS["set-ext-community"], "rt:1:2"),
    ],
)
def test_texts_stay_as_they_were_written(row: Row, text: str) -> None:
    assert row.show(row.parse(text)) == text


def test_words_for_people() -> None:
    own = BUILTIN["own"].terms[0]
    assert describe_condition(own.conditions[0]) == "source own"
    assert describe_edits(own) == ["accept"]
    assert describe_edits(PolicyTerm("x")) == ["next"]


def test_the_built_in_ones_are_policies_like_any() -> None:
    assert set(BUILTIN) == {"all", "none", "own"}
    assert [policy.name for policy in BUILTIN.values()] == list(BUILTIN)
    assert not Policy(BUILTIN["own"]).reads_prefix
    assert PolicySpec("x", (PolicyTerm("1", action=TermAction.ACCEPT),)) != BUILTIN["all"]


# the manual: docs/policy.md says what the rows say, and its examples are configurations that can be loaded

MANUAL = (Path(__file__).parents[3] / "docs" / "policy.md").read_text()
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", MANUAL, re.MULTILINE | re.DOTALL)
TABLES = {name: re.findall(r"^\| `([a-z0-9-]+)` \| (.+?) \| `(.+?)` \|$", part, re.MULTILINE) for name, part in zip(
    ("match", "action"), MANUAL.split("## Matches")[1].split("## Actions"), strict=True)}  # fmt: skip

GIVEN_SETS = """
prefix-sets: {bogons: [10.0.0.0/8 le 32]}
community-sets: {customers: ["65001:*"]}
as-path-sets: {transits: ["^65001_"]}
"""


@pytest.mark.parametrize(("table", "rows"), [("match", MATCHES), ("action", ACTIONS)])
def test_every_row_is_there_with_its_words(table: str, rows: dict[str, Row]) -> None:
    found = {name: (words, example) for name, words, example in TABLES[table] if name != "action"}
    assert found == {name: (row.help, f"{name}: {row.example}") for name, row in rows.items()}


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_load(example: str, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(example)
    parsed = parse(["-c", str(file), "--router-id", "10.0.0.1"], {})
    assert parsed.spec.speaker.policies
    assert parsed.warnings == []


@pytest.mark.parametrize("example", [row[2] for row in TABLES["match"] if row[0] != "rpki"])
def test_each_match(example: str, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(f"{GIVEN_SETS}policies:\n  p:\n    - match:\n        {example}\n      then: accept\n")
    (policy,) = parse(["-c", str(file), "--router-id", "10.0.0.1"], {}).spec.speaker.policies
    assert policy.terms[0].conditions


@pytest.mark.parametrize("example", [row[2] for row in TABLES["action"]])
def test_each_action(example: str, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(f"policies:\n  p:\n    - then:\n        {example}\n")
    (policy,) = parse(["-c", str(file), "--router-id", "10.0.0.1"], {}).spec.speaker.policies
    assert bool(policy.terms[0].edits) is not example.startswith("action")
