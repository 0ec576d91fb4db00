"""The words of `policy test` and the tables of policies."""

import io

import pytest

from bgpd.cli import policy
from bgpd.cli.grammar import UsageError, parse
from bgpd.cli.main import main
from bgpd.cli.policy import WordsError, arguments
from bgpd.cli.render import Paper

TERM = {"name": "one", "match": ["med 5", "community 1:1"], "then": ["accept"], "hits": 3}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["p", "prefix", "10.0.0.0/8"], {"policy": "p", "prefix": "10.0.0.0/8"}),
        (["p", "--prefix=10.0.0.0/8", "--as-path", "1 2"], {"policy": "p", "prefix": "10.0.0.0/8", "as_path": "1 2"}),
        (["in", "prefix", "::/0", "out"], {"policy": "in", "prefix": "::/0", "way": "out"}),
        (["p", "community", "1:1 2:2", "community", "3:3"], {"policy": "p", "community": ["1:1", "2:2", "3:3"]}),
        (["live", "x"], {"neighbor": "x", "live": "in"}),
        (["p", "live", "x", "out"], {"policy": "p", "neighbor": "x", "live": "out"}),
    ],
)
def test_arguments(words: list[str], found: dict[str, object]) -> None:
    assert arguments(words) == found
    request = parse(["policy", "test", *words])
    assert (request.command, request.arguments) == ("policy test", found)


@pytest.mark.parametrize("words", [["p", "prefix"], ["p", "prefixx", "1"], ["p", "q"], ["p", "med", "1", "med", "2"]])
def test_words_that_mean_nothing(words: list[str]) -> None:
    with pytest.raises(WordsError):
        arguments(words)
    with pytest.raises(UsageError):
        parse(["policy", "test", *words])


def test_show_policy_takes_a_name() -> None:
    assert parse(["show", "policy"]).arguments == {}
    assert parse(["show", "policy", "x"]).arguments == {"policy": "x"}


def test_options_of_bgpctl_stay_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "test", "p", "--prefix", "10.0.0.0/8", "--control", "/nonexistent/x"]) == 3
    assert "/nonexistent/x" in capsys.readouterr().err
    assert main(["show", "route", "--prefix", "10.0.0.0/8"]) == 2


def paper() -> tuple[Paper, io.StringIO]:
    out = io.StringIO()
    return Paper(out.write, width=None, colour=False, now=0.0), out


def test_policies() -> None:
    to, out = paper()
    view = {"name": "in", "builtin": False, "reads_prefix": True, "imports": ["a", "b"], "exports": [], "fallen": 7}
    policy.policies(
        to, [view | {"terms": [TERM]}, view | {"name": "all", "builtin": True, "terms": [TERM | {"match": []}]}]
    )
    lines = out.getvalue().splitlines()
    assert [line.split() for line in lines[:5]] == [
        ["in", "(reads", "prefixes)"],
        ["Imports", "a,", "b"],
        ["Term", "Match", "Then", "Hits"],
        ["one", "med", "5;", "community", "1:1", "accept", "3"],
        ["no", "term", "reject", "7"],
    ]
    assert "any" in lines[-2]
    assert "all  (built in)" in lines


def test_tests() -> None:
    to, out = paper()
    view = {
        "prefix": "10.0.0.0/8",
        "source": "a",
        "accepted": True,
        "term": "one",
        "fired": ["x", "one"],
        "changes": [],
    }
    policy.tests(to, [view, view | {"accepted": False, "term": None, "fired": [], "changes": ["MED none -> 5"]}])
    lines = out.getvalue().splitlines()
    assert lines[1].split() == ["10.0.0.0/8", "a", "accept", "one", "x,", "one", "-"]
    assert lines[2].split() == ["10.0.0.0/8", "a", "reject", "(none)", "-", "MED", "none", "->", "5"]
    to, out = paper()
    policy.tests(to, [])
    assert out.getvalue() == "No such route.\n"
