"""Calico's selectors: what its own grammar accepts and refuses, and the truth of each operator."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgpd.cluster.selector import matches, parse, uses_global

A, AB, NONE = {"a": "1"}, {"a": "1", "b": "2"}, dict[str, str]()

TRUE = [
    ("a == '1'", A),
    ('a=="1"', A),
    ("a != '2'", A),
    ("a != '1'", NONE),  # of a label that is not there
    ("a contains 'x'", {"a": "axb"}),
    ("a starts with 'ax'", {"a": "axb"}),
    ("a startswith 'ax'", {"a": "axb"}),
    ("a ends with 'xb'", {"a": "axb"}),
    ("a endswith\t'xb'", {"a": "axb"}),
    ("a in {'0', \"1\"}", A),
    ("a in {'1',}", A),
    ("a not in {'2'}", A),
    ("a notin {'2'}", NONE),
    ("a not in {}", A),
    ("has(a)", A),
    ("has( a )", A),
    ("!has(b)", A),
    ("!!has(a)", A),
    ("! ! ! has(b)", A),
    ("all()", NONE),
    ("global()", NONE),
    ("", A),
    (" \t", NONE),
    ("a == '1' && b == '2'", AB),
    ("a == '1' || b == '9'", AB),
    ("a == '9' && b == '9' || a == '1'", AB),  # && binds closer
    ("a == '1' || a == '1' && b == '9'", A),
    ("!(a == '9' || b == '9')", AB),
    ("(((has(a))))", A),
    ("a == '\"' || a == \"'\"", {"a": "'"}),
    ("in in {'1'}", {"in": "1"}),
    ("not not in {'1'}", {"not": "2"}),
    ("contains contains 'x'", {"contains": "x"}),
    ("projectcalico.org/rack == 'x'", {"projectcalico.org/rack": "x"}),
    ("all == 'x'", {"all": "x"}),
    ("has == 'x'", {"has": "x"}),
]
FALSE = [
    ("a == '1'", NONE),
    ("a in {'1'}", NONE),
    ("a in {}", A),
    ("a contains ''", NONE),
    ("a starts with ''", NONE),
    ("a ends with ''", NONE),
    ("a != '1'", A),
    ("a not in {'1'}", A),
    ("!all()", A),
    ("!a == '1'", A),
]
BAD = [
    "b == b", "b contains b", "b starts with b", "'b1' == b", "b", "a b", "!", "foo == 'bar' &", "foo == 'bar' |",
    "foo != ||", "foo in {'', ||", "foo in ''", '"FOO', "\"FOO'", "(", "(a == 'foo'", ")", "()", "%", "a == 'b' && %",
    "a ", "has(foo) &&", "has(", "has()", "all(", "a in {'x' 'y'}", "a in {,}", "a = 'b'", "a == 'b'\n", "a inx {'b'}",
    "a starts 'x'", "a not 'x'", "&& a == 'b'", "(" * 200 + "all()" + ")" * 200, "x" * 600 + " == 'a'",
]  # fmt: skip


@pytest.mark.parametrize(("text", "labels"), TRUE)
def test_true(text: str, labels: dict[str, str]) -> None:
    assert matches(text, labels)


@pytest.mark.parametrize(("text", "labels"), FALSE)
def test_false(text: str, labels: dict[str, str]) -> None:
    assert not matches(text, labels)


@pytest.mark.parametrize("text", BAD)
def test_refused_with_the_place(text: str) -> None:
    with pytest.raises(ValueError, match=r"^no selector: .* at "):
        parse(text)


def test_global_is_seen() -> None:
    assert uses_global("has(a) || global()")
    assert not uses_global("global == 'x' && all()")


KEYS = st.sampled_from(["a", "b", "in", "not", "all", "x.y/z-1"])
WORDS = st.sampled_from(["", "1", "12", "x y"])
LEAVES = st.one_of(
    st.tuples(KEYS, st.sampled_from(["==", "!=", "contains", "starts with", "ends with"]), WORDS),
    st.tuples(KEYS, st.sampled_from(["in", "not in"]), st.lists(WORDS, max_size=3)),
    st.tuples(KEYS, st.just("has"), st.none()),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.just("!"), inner),
        st.tuples(st.sampled_from(["&&", "||"]), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=8,
)


def write(tree: tuple) -> str:  # type: ignore[type-arg]
    if tree[0] == "!" and len(tree) == 2:
        return f"!({write(tree[1])})"
    if tree[0] in ("&&", "||"):
        return f" {tree[0]} ".join(f"({write(part)})" for part in tree[1])
    key, operator, value = tree
    if operator == "has":
        return f"has({key})"
    if isinstance(value, list):
        return f"{key} {operator} {{{', '.join(repr(v) for v in value)}}}"
    return f"{key} {operator} {value!r}"


def truth(tree: tuple, labels: dict[str, str]) -> bool:  # type: ignore[type-arg]
    if tree[0] == "!" and len(tree) == 2:
        return not truth(tree[1], labels)
    if tree[0] == "&&":
        return all(truth(part, labels) for part in tree[1])
    if tree[0] == "||":
        return any(truth(part, labels) for part in tree[1])
    key, operator, value = tree
    there = labels.get(key)
    if operator in ("!=", "not in"):
        return there is None or not (there == value if operator == "!=" else there in value)
    if there is None:
        return False
    answers: dict[str, bool] = {
        "has": True,
        "==": there == value,
        "in": value is not None and there in value,
        "contains": isinstance(value, str) and value in there,
        "starts with": isinstance(value, str) and there.startswith(value),
        "ends with": isinstance(value, str) and there.endswith(value),
    }
    return answers[operator]


@settings(derandomize=True)
@given(TREES, st.dictionaries(KEYS, WORDS))
def test_the_evaluator_agrees_with_a_naive_one(tree: tuple, labels: dict[str, str]) -> None:  # type: ignore[type-arg]
    assert matches(write(tree), labels) is truth(tree, labels)


@settings(derandomize=True)
@given(st.text(alphabet="ab in{}()'\"&|!=,has()ll \t", max_size=40))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        assert matches(text, {"a": "b"}) in (True, False)
    except ValueError as error:
        assert str(error).startswith("no selector: ")
