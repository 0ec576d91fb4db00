"""AS path patterns as operators write them, and patterns and paths that want to hurt."""

import re
import time

import pytest

from bgpd.policy.regexp import AsPathRegexp


@pytest.mark.parametrize(
    ("pattern", "finds", "misses"),
    [
        (
            "_65001_",
            ["65001", "1 65001", "65001 2", "1 65001 2", "{65001 3}", "1 {2 65001}"],
            ["", "165001", "650011 2"],
        ),
        ("^65001_", ["65001", "65001 2"], ["1 65001", "650012"]),
        ("_65002$", ["65002", "1 65002"], ["65002 1", "165002"]),
        ("^65001 .* 65002$", ["65001 7 65002", "65001 7 8 65002"], ["65001 65002", "1 65001 7 65002"]),
        ("^$", [""], ["1"]),
        (".*", ["", "1 2"], []),
        ("^65001( 65001)*$", ["65001", "65001 65001 65001"], ["65001 2", ""]),
        ("^(65001|65002)_", ["65001 3", "65002"], ["65003"]),
        ("^[0-9]+$", ["65001"], ["", "1 2"]),
        ("^[0-9]+ [0-9]+$", ["1 2"], ["1", "1 2 3"]),
        ("^[0-9]+( [0-9]+){1,2}$", ["1 2", "1 2 3"], ["1", "1 2 3 4"]),
        ("{1 2}", ["5 {1 2}"], ["1 2"]),
        (r"\{1", ["{1 2}"], ["1"]),
        ("[^ ]5$", ["15"], ["1 5", "5"]),
        ("^_65001", ["65001 2"], ["2 65001"]),
        ("65001_65002", ["65001 65002"], ["6500165002"]),
        ("1?2$", ["2", "12"], ["1"]),
        ("$^", [""], ["65001", "1 2"]),
    ],
)
def test_search(pattern: str, finds: list[str], misses: list[str]) -> None:
    compiled = AsPathRegexp(pattern)
    for text in finds:
        assert compiled.search(text), (pattern, text)
    for text in misses:
        assert not compiled.search(text), (pattern, text)
    for text in finds:  # again, with what was remembered
        assert compiled.search(text)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "empty pattern"),
        ("(65001", "the ( at character 1 is not closed"),
        ("65001)", "a ) without its ( at character 6"),
        ("*", "nothing before the *"),
        ("[0-9", "not closed"),
        ("[]", "empty"),
        ("[a-b]", "range in brackets is of digits"),
        ("[x]", "is in no AS path"),
        ("abc", "'a' at character 1 is in no AS path"),
        ("1{5,2}", "{m,n}"),
        ("(((1{255}){255}){255})", "too large"),
        ("(" * 60 + "1" + ")" * 60, "too deep"),
        ("1" * 600, "longer than"),
        ("1\\", "in no AS path"),
    ],
)
def test_what_is_no_pattern(pattern: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        AsPathRegexp(pattern)


def test_a_pattern_that_would_stop_a_matcher_that_backtracks() -> None:
    compiled = AsPathRegexp("^(([0-9]+ ?)+)+_65001$")
    path = " ".join(["65002"] * 4000)
    began = time.perf_counter()
    assert not compiled.search(path)
    assert compiled.search(path + " 65001")
    assert time.perf_counter() - began < 2


def test_states_are_bounded() -> None:
    compiled = AsPathRegexp("1[0-9 ]{14}2_")  # 2 to the 14th states, were they all kept
    text = " ".join(str(10**9 + 7919 * n * n) for n in range(1, 2000))
    want = AsPathRegexp("1[0-9 ]{14}2_").search(text)
    assert compiled.search(text) is want
    assert len(compiled._sets) <= 1000
    assert compiled.search("1 00000000000000 1" + "0" * 14 + "2")
