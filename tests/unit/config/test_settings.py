"""The table of settings holds together, and the manual says what the table says."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from bgpd.config.settings import BY_VARIABLE, PEER_SETTINGS, SETTINGS, Setting, Shape
from bgpd.model import DaemonSpec, KernelSpec, NeighborSpec, SpeakerSpec

ROWS = [*SETTINGS, *PEER_SETTINGS]
MANUAL = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_names_are_unique_and_in_kebab_case() -> None:
    for table in (SETTINGS, PEER_SETTINGS):
        names = [setting.name for setting in table]
        assert len(set(names)) == len(names)
        assert all(re.fullmatch(r"[a-z]+6?(-[a-z]+6?)*", name) for name in names)
    assert len(BY_VARIABLE) == len(SETTINGS)


@pytest.mark.parametrize("setting", ROWS, ids=lambda setting: setting.name)
def test_rows_are_complete(setting: Setting) -> None:
    assert setting.help
    assert setting.help[0].islower() or setting.help.startswith("TCP")
    assert setting.metavar or setting.shape is Shape.SWITCH
    assert setting.default is not None or setting.default_text
    setting.kind.parse(setting.example.split(",")[0])


def test_the_defaults_are_those_of_the_specs() -> None:
    """One truth in two places: a spec made in a test is the spec that no configuration gives."""
    defaults = {row.name: row.default for row in SETTINGS}
    speaker = {field.name: field.default for field in fields(SpeakerSpec)}
    kernel = {field.name: field.default for field in fields(KernelSpec)}
    daemon = {field.name: field.default for field in fields(DaemonSpec)}
    neighbor = {field.name: field.default for field in fields(NeighborSpec)}
    assert {name: defaults[name] for name in ("asn", "multipath")} == {
        name: speaker[name] for name in ("asn", "multipath")
    }
    for name in ("table", "protocol", "metric"):
        assert defaults[name] == kernel[name]
    for name in ("metrics", "control", "on-stop", "log-format", "log-level"):
        assert defaults[name] == daemon[name.replace("-", "_")]
    for row in PEER_SETTINGS:
        if row.default is not None:
            assert row.default == neighbor[row.name.replace("-", "_")], row.name


# the manual


def sections(text: str) -> dict[str, str]:
    """Heading of a setting -> its text: `### asn` in the first part, `### peer: asn` in the second."""
    parts = re.split(r"^### `([^`]+)`$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_manual_has_every_flag_variable_and_key(setting: Setting) -> None:
    section = sections(MANUAL.read_text())[setting.name]
    assert f"`{setting.flag}" in section
    assert f"`{setting.variable}" in section
    assert (f"`{setting.name}:" in section) == setting.in_file
    assert f"**Default:** {setting.default_words}" in section
    assert setting.example in section


@pytest.mark.parametrize("setting", PEER_SETTINGS, ids=lambda setting: setting.name)
def test_the_manual_has_every_key_of_a_neighbor(setting: Setting) -> None:
    rows = {match[1]: match[0] for match in re.finditer(r"^\| `([a-z-]+)` \|.*$", MANUAL.read_text(), re.MULTILINE)}
    row = rows[setting.name]
    assert f"| {setting.default_words} |" in row
    assert setting.example in row


def test_the_manual_has_nothing_else() -> None:
    assert list(sections(MANUAL.read_text())) == [setting.name for setting in SETTINGS]
    rows = re.findall(r"^\| `([a-z-]+)` \|", MANUAL.read_text(), re.MULTILINE)
    assert rows == [setting.name for setting in PEER_SETTINGS]
