from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from bgpd.cli.yaml import as_yaml

TEXT = st.text(max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_it_means_the_same_to_another_parser(value: Any) -> None:
    assert yaml.safe_load(as_yaml(value)) == value


def test_how_it_looks() -> None:
    value = {"kind": "BGPPeer", "spec": {"peerIP": "192.0.2.1", "filters": ["a", "yes"], "n": 1, "empty": {}}}
    assert as_yaml(value) == (
        'kind: BGPPeer\nspec:\n  peerIP: "192.0.2.1"\n  filters:\n    - a\n    - "yes"\n  "n": 1\n  empty: {}\n'
    )
