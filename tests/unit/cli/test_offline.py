"""`bgpd policy test` without a daemon."""

from pathlib import Path

import pytest

from bgpd.cli.offline import main
from bgpd.config.build import NO_HOST

FILE = """
router-id: 10.0.0.1
policies:
  in:
    - {name: one, match: {community: "65001:*", peer: rack}, then: {local-pref: 200, action: accept}}
peer: [{address: 192.0.2.1, name: rack, asn: 65001, import: in, export: none}]
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "x.yaml"
    path.write_text(FILE)
    return str(path)


def test_a_route(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["test", "-c", file, "in", "prefix", "10.0.0.0/8", "community", "65001:5", "neighbor", "rack"]
    assert main(words, NO_HOST, {}) == 0
    out = capsys.readouterr().out
    assert "accept" in out
    assert "LOCAL_PREF none -> 200" in out
    assert main(["test", "all", "--prefix", "10.0.0.0/8", "--config", file], NO_HOST, {}) == 0
    assert main(["test", "own", "out", "--prefix", "10.0.0.0/8", "--config", file], NO_HOST, {}) == 0
    assert capsys.readouterr().out.count("accept") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "policy test -c FILE"),
        (["test", "in"], "say which policy"),
        (["test", "live", "rack"], "bgpctl"),
        (["test", "inn", "prefix", "10.0.0.0/8"], "did you mean in?"),
        (["test", "in", "prefix", "10.0.0.1/8"], "host bits"),
        (["test", "in", "prefix", "10.0.0.0/8", "neighbor", "x"], "there is no neighbor 'x'"),
        (["test", "in", "prefex", "10.0.0.0/8"], "no part of policy test"),
        (["test", "in", "prefix", "10.0.0.0/8", "-c", "/nonexistent/file"], "cannot read"),
    ],
)
def test_mistakes(file: str, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    given = words if "-c" in words or not words else [words[0], "-c", file, *words[1:]]
    assert main(given, NO_HOST, {}) == 2
    assert said in capsys.readouterr().err
