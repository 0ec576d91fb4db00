"""The verdict: counts, evidence, one last line, an exit code that means it."""

import re

from bgpd.lab.shell import Failed
from bgpd.lab.verdict import Verdict


def _fail() -> str:
    raise Failed("no answer")


def _break() -> str:
    return {}["x"]  # type: ignore[index]


def test_pass() -> None:
    said: list[str] = []
    verdict = Verdict(said.append)
    verdict.section("Part")
    assert verdict.check("one", lambda: "seen")
    verdict.show("a\nb")
    assert verdict.finish("3 nodes") == 0
    assert said[:4] == ["\nPart", "  ok    one: seen", "        a", "        b"]
    assert re.fullmatch(r"\nVERDICT: PASS 1/1 checks, 3 nodes, [\d.]+ s", said[-1])


def test_fail_names_the_checks() -> None:
    said: list[str] = []
    verdict = Verdict(said.append)
    assert not verdict.check("one", _fail)
    assert not verdict.check("two", _break)
    assert verdict.check("three", lambda: "fine")
    assert verdict.finish("3 nodes") == 1
    assert said[0] == "  FAIL  one: no answer"
    assert said[1].startswith("  FAIL  two: KeyError: 'x' (_break, line ")
    assert re.fullmatch(r"\nVERDICT: FAIL 1/3 checks, 3 nodes, [\d.]+ s; failed: one, two", said[-1])


def test_nothing_looked_at_is_no_pass() -> None:
    said: list[str] = []
    assert Verdict(said.append).finish("3 nodes") == 1
    assert "FAIL 0/0" in said[-1]
