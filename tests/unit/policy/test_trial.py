"""Routes as people write them."""

import re

import pytest

from bgpd.policy.trial import differences, given_attrs, parse_as_path, used_by
from bgpd.wire.aspath import format_as_path
from bgpd.wire.attrs import rewrite
from tests.unit.policy.helpers import policy_of


@pytest.mark.parametrize("text", ["", "65001", "65001 65002", "{1 2}", "65001 {1 2} 65003 {4}"])
def test_as_paths_there_and_back(text: str) -> None:
    assert format_as_path(parse_as_path(text)) == text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"as_path": "65001 x"}, "no AS number"),
        ({"as_path": "0"}, "no AS number"),
        ({"as_path": "{}"}, "no AS path"),
        ({"as_path": "{1"}, "no AS number"),
        ({"med": "x"}, "expected a number"),
        ({"local_pref": "4294967296"}, "expected a number"),
        ({"origin": "x"}, "igp, egp or incomplete"),
        ({"next_hop": "x"}, "not an IPv4"),
        ({"community": ["x"]}, "no-export"),
    ],
)
def test_what_is_no_route(values: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        given_attrs(**values)  # type: ignore[arg-type]


def test_differences() -> None:
    before = given_attrs(med="5", next_hop="192.0.2.1")
    assert differences(before, before) == []
    assert differences(before, rewrite(before, {4: None}, b"\x0a\0\0\1")) == [
        "MULTI_EXIT_DISC 5 -> none",
        "NEXT_HOP 192.0.2.1 -> 10.0.0.1",
    ]


def test_who_uses_it() -> None:
    policy = policy_of("- then: accept")
    assert used_by(policy, policy, None) == ["import"]
    assert used_by(policy, policy, policy) == ["import", "export"]
    assert used_by(policy, None, None) == []
