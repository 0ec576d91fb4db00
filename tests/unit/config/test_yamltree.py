"""YAML syntax: what is refused, in words, with the line; whichever scanner is there."""

import time

import pytest
import yaml

from bgpd.config import yamltree
from bgpd.config.report import ConfigError
from bgpd.config.yamltree import Mapping, Scalar, Sequence, read_tree


@pytest.fixture(params=["libyaml", "pure"], autouse=True)
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pure":
        monkeypatch.setattr(yamltree, "_LOADER", yaml.SafeLoader)


def test_the_tree_knows_its_lines() -> None:
    tree = read_tree("a: 1\nb:\n  - 'x'\n  - {c: ~}\n", "f")
    assert tree == Mapping(
        [
            (Scalar("a", 1), Scalar("1", 1)),
            (
                Scalar("b", 2),
                Sequence([Scalar("x", 3, quoted=True), Mapping([(Scalar("c", 4), Scalar("~", 4))], 4)], 3),
            ),
        ],
        1,
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("asn: 1\n\tmetric: 2\n", "f:2: YAML syntax: a tab in the indentation; YAML allows spaces only"),
        ("peer:\n\t- a\n", "f:2: YAML syntax: a tab in the indentation; YAML allows spaces only"),
        ("listen: [::]:179\n", 'f:1: YAML syntax: an address in brackets must stand in quotes: "[::]:179"'),
        ("listen:\n- [fd00::1]:179\n", 'f:2: YAML syntax: an address in brackets must stand in quotes: "[::]:179"'),
        ("a: [1\nb: 2\n", "f:2: YAML syntax: a [ or { that is not closed, or a , that is missing"),
        ("a: {b: 1\n", "f:2: YAML syntax: a [ or { that is not closed, or a , that is missing"),
        ("a: 'x\n", "f:2: YAML syntax: a quote that is not closed"),
        ("a: b: c\n", "f:1: YAML syntax: a second ': ' in one line; quote the value, or indent the line as the others"),
        ("a: 1\nb\nc: 2\n", "f:3: YAML syntax: a line without ':'"),
        ("a: @x\n", "f:1: YAML syntax: a value that begins with a character that YAML keeps for itself (@ ` %); quote it"),
        ("a:\n  - b\n - c\n", "f:3: YAML syntax: indented otherwise than its neighbors"),
        ("- a\nb: c\n", "f:2: YAML syntax: indented otherwise than its neighbors"),
        ("a: 1\n---\nb: 2\n", "f:2: a second document; one file is one configuration"),
        ("a: &x [*x]\n", "f:1: anchors and aliases (& and *) are not used here"),
        ("a: *x\n", "f:1: anchors and aliases (& and *) are not used here"),
        ("a: !!python/object:os.system x\n", "f:1: tags (!) are not used here"),
        ("a: !!str 1\n", "f:1: tags (!) are not used here"),
        ("a: 1\nb: \x01\n", "f:2: a control character, which YAML does not allow"),
        ("a: " + "[" * 20 + "]" * 20 + "\n", "f:1: nested too deep"),
    ],
)  # fmt: skip
def test_refused(text: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_tree(text, "f")
    assert caught.value.lines == [line]


def test_brackets_without_end_take_no_time() -> None:
    """Some scanners need minutes for these; the depth limit stops the reading first."""
    before = time.process_time()
    with pytest.raises(ConfigError):
        read_tree("[" * 1_000_000, "f")
    assert time.process_time() - before < 5


@pytest.mark.parametrize(
    ("text", "noun"),
    [
        ("x", "a string"), ("yes", "a boolean"), ("Off", "a boolean"), ("12", "a number"), ("1.5", "a number"),
        ("12:30", "a number"), ("0x1f", "a number"), ("1e5", "a number"), ("~", "nothing"), ("null", "nothing"),
        ("", "nothing"), ("10.1.2.3", "a string"), ("10.0.0.0/8", "a string"), ("fd00::1", "a string"),
    ],
)  # fmt: skip
def test_what_yaml_makes_of_a_scalar(text: str, noun: str) -> None:
    assert Scalar(text, 1).noun == noun
    assert Scalar(text, 1, quoted=True).noun == "a string"
