"""A minute of fuzzing, split over the targets, and every input that ever broke one, again."""

from pathlib import Path

import pytest

from tests.fuzz.__main__ import CORPUS, SHARES, fuzz
from tests.fuzz.targets import TARGETS

SECONDS = 60.0
FINDINGS = sorted(path for name in TARGETS for path in (CORPUS / name).glob("*"))


@pytest.mark.parametrize("name", TARGETS)
def test_a_share_of_a_minute(name: str, tmp_path: Path) -> None:
    share = SECONDS / sum(SHARES.get(each, 1) for each in TARGETS)
    done = fuzz(name, share * SHARES.get(name, 1), tmp_path)
    assert done.finding is None, f"{done.finding}\n{done.output[-3000:]}"
    assert done.inputs > len(TARGETS[name].seeds())
    print(f"{name}: {done.inputs} inputs")


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_passes(name: str) -> None:
    """It needs no fuzzer, and fails where a target's own claims are wrong."""
    for seed in TARGETS[name].seeds():
        TARGETS[name].run(seed)


def test_bytes_that_once_broke_a_target() -> None:
    for path in FINDINGS:
        TARGETS[path.parent.name].run(path.read_bytes())


def test_a_broken_target_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The net itself: what a target raises comes back as a finding."""
    monkeypatch.setattr("tests.fuzz.__main__.CORPUS", tmp_path / "corpus")
    monkeypatch.setitem(TARGETS, "broken", TARGETS["nlri"])
    done = fuzz("broken", 5, tmp_path / "work")
    assert done.finding is not None
    assert done.finding.parent == tmp_path / "corpus" / "broken"
