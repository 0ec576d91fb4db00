"""The neighbour table's limits are raised where a lab needs it, and put back."""

from pathlib import Path

import pytest

from bgpd.lab import limits


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for step, value in (("gc_thresh1", 128), ("gc_thresh2", 512), ("gc_thresh3", 1024)):
        (tmp_path / step).write_text(f"{value}\n")
    monkeypatch.setattr(limits, "NEIGHBOUR_LIMITS", tmp_path)
    return tmp_path


def _read(table: Path) -> list[int]:
    return [int((table / f"gc_thresh{i}").read_text()) for i in (1, 2, 3)]


def test_a_large_lab(table: Path) -> None:
    before = limits.raise_neighbour_limits(50)
    low, middle, high = _read(table)
    assert low < middle < high
    assert high > 50 * 53
    limits.restore_neighbour_limits(before)
    assert _read(table) == [128, 512, 1024]


def test_a_small_lab_changes_nothing(table: Path) -> None:
    assert limits.raise_neighbour_limits(3) == {}
    assert _read(table) == [128, 512, 1024]


def test_a_machine_with_room_is_left_alone(table: Path) -> None:
    for i in (1, 2, 3):
        (table / f"gc_thresh{i}").write_text("1000000\n")
    assert limits.raise_neighbour_limits(240) == {}
