"""The arithmetic."""

import pytest

from bench.stats import Line, Record, Records, line, off, plane, quotient


def records(*rows: tuple[str, int, float]) -> Records:
    return Records(Record("A", daemon, run, "init", {"wall": wall}) for daemon, run, wall in rows)


def test_median_and_ratio() -> None:
    found = records(("ours", 0, 1.0), ("ours", 1, 9.0), ("ours", 2, 2.0), ("bird2", 0, 4.0))
    assert found.median("A", "ours", "init", "wall") == 2.0
    assert found.ratio("A", "ours", "bird2", "init", "wall") == 0.5
    assert found.median("A", "ours", "churn", "wall") is None
    assert found.ratio("A", "ours", "frr", "init", "wall") is None
    assert found.worst("ours", "wall") == 9.0
    assert found.worst("frr", "wall") is None


def test_a_failure_is_no_figure() -> None:
    found = Records([Record("A", "ours", 0, "init", failed="gone"), *records(("ours", 1, 3.0))])
    assert found.median("A", "ours", "init", "wall") == 3.0
    assert found.failure("A", "ours", "init") == "gone"
    assert found.failure("A", "bird2", "init") == ""


def test_order_is_that_of_the_run() -> None:
    found = Records([*records(("b", 0, 1.0), ("a", 0, 1.0), ("b", 1, 1.0)), Record("C", "a", 0, "late")])
    assert found.daemons("A") == ["b", "a"]
    assert found.scenarios() == ["A", "C"]
    assert found.phases("C") == ["late"]


def test_quotient_of_nothing() -> None:
    assert quotient(1.0, 0.0) is None
    assert quotient(None, 1.0) is None
    assert quotient(1.0, 4.0) == 0.25


def test_a_line_through_two_points_and_the_best_through_three() -> None:
    straight = line([(100, 30.0), (1000, 210.0)])
    assert (straight.base, straight.slope) == pytest.approx((10.0, 0.2))
    assert Line(1.0, 2.0).at(3) == 7.0
    fit = line([(0, 0.0), (1, 1.1), (2, 1.9)])
    assert fit.slope == pytest.approx(0.95)
    assert fit.at(10) == pytest.approx(fit.base + 9.5)
    with pytest.raises(ValueError, match="two places"):
        line([(5, 1.0), (5, 2.0)])


def test_a_plane_through_two_points() -> None:
    points = [(x, y, 3 * x + 0.5 * y) for x, y in ((25_000.0, 600_000.0), (100_000.0, 9_900_000.0))]
    assert list(plane(points)) == pytest.approx([3.0, 0.5])
    with pytest.raises(ValueError, match="one direction"):
        plane([(1, 2, 3), (2, 4, 6)])


def test_off() -> None:
    assert off(110.0, 100.0) == pytest.approx(0.1)
    assert off(90.0, 100.0) == pytest.approx(-0.1)
