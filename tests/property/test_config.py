"""Whatever is written, parse() gives a spec or a ConfigError whose lines a terminal can show."""

import contextlib
import os
import tempfile
from pathlib import Path
from unittest import mock

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from bgpd.config import ConfigError, parse, yamltree
from bgpd.config.settings import PEER_SETTINGS, SETTINGS
from bgpd.config.yamltree import read_tree

NAMES = [setting.name for setting in SETTINGS if setting.in_file]
PEER_NAMES = [setting.name for setting in PEER_SETTINGS]
VALUES = st.one_of(
    st.sampled_from([row.example for row in (*SETTINGS, *PEER_SETTINGS)]),
    st.text(max_size=20),
    st.from_regex(r"[0-9.:/\[\]a-f]{0,20}", fullmatch=True),
    st.integers().map(str),
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | VALUES
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(PEER_NAMES) | st.text(max_size=9), inner, max_size=4), max_leaves=12
)  # fmt: skip
DOCUMENTS = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=9), TREES, max_size=6).map(
    lambda tree: yaml.safe_dump(tree, allow_unicode=True)
)
MUTATED = st.tuples(DOCUMENTS, st.integers(0, 400), st.text("[]{}:#&*!|>'\"%@`-? \t\n,", max_size=4)).map(
    lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] :]
)


def attempt(argv: list[str], environ: dict[str, str]) -> None:
    whole = [*argv, "--router-id=1.2.3.4"]
    try:
        parsed = parse(whole, environ)
        lines = parsed.warnings
    except ConfigError as error:
        lines = error.lines or ["\n"]
    else:
        assert parse(whole, environ).spec == parsed.spec
    assert all(line.isprintable() for line in lines)


def read(document: bytes) -> None:
    handle, name = tempfile.mkstemp()
    try:
        os.write(handle, document)
        attempt(["-c", name], {})
    finally:
        os.close(handle)
        Path(name).unlink()


@given(st.text(max_size=200) | DOCUMENTS | MUTATED)
@example("peer: [&a [*a]]")
@example("!!python/object/apply:os.system [x]")
@example("? |\n  a\n: b")
@example("\ufeff")
@example("a: !<tag:yaml.org,2002:binary> x")
def test_any_text_as_a_file(document: str) -> None:
    read(document.encode())


@given(st.binary(max_size=100))
def test_any_octets_as_a_file(document: bytes) -> None:
    read(document)


def _without_nowhere(node: yamltree.Node | None) -> yamltree.Node | None:
    if isinstance(node, yamltree.Scalar):
        return node if node.text or node.quoted else yamltree.Scalar("", 0)
    if isinstance(node, yamltree.Sequence):
        node.items = [found for item in node.items if (found := _without_nowhere(item)) is not None]
    elif isinstance(node, yamltree.Mapping):
        for i, (key, value) in enumerate(node.pairs):
            new_key, new_value = _without_nowhere(key), _without_nowhere(value)
            assert new_key is not None
            assert new_value is not None
            node.pairs[i] = (new_key, new_value)
    return node


@example("?")
@given(st.text(max_size=100) | MUTATED)
def test_either_scanner(document: str) -> None:
    """libyaml and PyYAML's own: both refuse with a ConfigError, and what both accept is the same tree.

    They do not agree on the line of a value that is not there (`?` and nothing more).
    """
    trees = []
    for loader in (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        with mock.patch.object(yamltree, "_LOADER", loader), contextlib.suppress(ConfigError):
            trees.append(_without_nowhere(read_tree(document, "f")))
    assert len(trees) < 2 or trees[0] == trees[1]


PEER_WORDS = st.lists(
    st.one_of(st.text(max_size=12), st.builds("{}={}".format, st.sampled_from(PEER_NAMES), VALUES), st.just("passive")),
    max_size=5,
)


@given(st.text(max_size=60) | st.builds(lambda first, rest: ",".join([first, *rest]), VALUES, PEER_WORDS))
@example("10.0.0.1,password-file=/")
@example("10.0.0.1,password-file=" + "a" * 5000)
def test_any_text_as_a_neighbor(text: str) -> None:
    attempt([f"--peer={text}"], {})
    attempt([], {"BGPD_PEER": text})


@given(st.lists(st.builds("--{}={}".format, st.sampled_from([n for n in NAMES if n != "peer"]), VALUES), max_size=4))
def test_any_text_as_a_value(argv: list[str]) -> None:
    attempt(argv, {})


@given(st.lists(st.text(max_size=10).filter(lambda word: not word.startswith(("-h", "--h", "--v"))), max_size=4))
def test_any_words_as_arguments(argv: list[str]) -> None:
    attempt(argv, {})


@given(
    st.dictionaries(
        st.text(max_size=9).map("BGPD_{}".format) | st.sampled_from([s.variable for s in SETTINGS if s.in_file]),
        VALUES,
        max_size=4,
    )
)
def test_any_environment(environ: dict[str, str]) -> None:
    attempt([], environ)
