"""What `--check` prints of policies can be loaded again and means the same."""

import pytest

from bgpd.config.showpolicy import quoted
from bgpd.config.yamltree import Mapping, Scalar, read_tree
from tests.unit.config.cases import Case
from tests.unit.config.test_policies import GOOD

MORE = """
  out:
    - name: "odd \\"name\\": yes"
      match: {prefix: [10.0.0.0/8 ge 9 le 24], next-hop: 192.0.2.0/24, as-path: "^1 .* 2$", med: none, local-pref: ">=5"}
      then:
        prepend-as: [65001, 65002]
        set-community: none
        add-ext-community: rt:1:2
        next-hop: 192.0.2.1
    - {match: {ext-community: "rt:*:*", large-community: "1:*:5-9", peer: 192.0.2.0/24}, then: {med: -5}}
    - then: accept
peer:
  - {address: 192.0.2.1, asn: 65001, import: in, export: [{match: {source: own}, then: accept}]}
"""


def test_there_and_back(case: Case) -> None:
    first = case.parse(yaml=GOOD + MORE)
    again = case.parse(yaml=first.text())
    assert again.spec.speaker == first.spec.speaker
    assert again.text().count("policies:") == 1
    assert "bgpd.yaml:9" in first.text()


def test_nothing_is_said_where_there_is_nothing(case: Case) -> None:
    assert "policies" not in case.parse().text()


@pytest.mark.parametrize(
    "text", ["a", "a-b", "65001:*", "10.0.0.0/8", "^$", "", 'a"b', "a\\b", "{1 2}", "é", "-5", "*:1"]
)
def test_quoted(text: str) -> None:
    tree = read_tree(f"k: {quoted(text)}", "x")
    assert isinstance(tree, Mapping)
    value = tree.pairs[0][1]
    assert isinstance(value, Scalar)
    assert value.text == text
