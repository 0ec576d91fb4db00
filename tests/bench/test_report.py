"""From records to tables, formulas, SVG and documents."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from bench import aims, model, plot, report, table
from bench.prometheus import buckets, stalls
from bench.stats import Record, Records
from bgpd.lab.shell import Failed


def phase(scenario: str, daemon: str, name: str, **values: float) -> Record:
    return Record(scenario, daemon, 0, name, values)


@pytest.fixture
def run() -> report.Run:
    records = Records()
    for daemon, factor in (("compiled", 1.0), ("bird2", 2.0), ("frr", 20.0)):
        for scenario in ("A", "B"):
            records.append(
                phase(scenario, daemon, "init", wall=0.5 * factor, cpu=0.4 * factor, rss=50, peak=60, late=0.1)
            )
    records.append(Record("B", "frr", 0, "churn", failed="not done after 60 s: see /tmp/log"))
    return report.Run(
        machine={"date": "2026-01-01 00:00 UTC", "processor": "2 x Z80", "memory": "1 GiB", "kernel": "Linux 6", "python": "3.11", "load": "0.0"},
        versions={"compiled": "bgpd 1", "bird2": "2.0"}, missing={"gobgp": "no network"}, seconds=90.0, whole=True, records=records,
    )  # fmt: skip


def row(lines: list[aims.Line], work: str) -> aims.Line:
    return next(line for line in lines if line.work.startswith(work))


def test_an_aim_is_met_by_both_ratios_or_not_at_all(run: report.Run) -> None:
    found = row(aims.lines(run.records), "A: 100k")
    assert (found.ratio, found.met, found.figures["bird2"]) == ("0.50 / 0.50", True, "1.00 / 0.80 s")
    slow = Records(
        [*run.records, phase("F", "compiled", "init", wall=1, cpu=3), phase("F", "bird2", "init", wall=2, cpu=2)]
    )
    assert row(aims.lines(slow), "F: 10 peers").met is False


def test_what_failed_is_missed_and_what_was_not_measured_is_left_out(run: report.Run) -> None:
    failed = Records(
        [*run.records, Record("C", "compiled", 0, "init", failed="gone"), phase("C", "bird2", "init", wall=1, cpu=1)]
    )
    line = row(aims.lines(failed), "C: 10 peers")
    assert (line.met, line.figures["compiled"]) == (False, "failed")
    assert not [line for line in aims.lines(run.records) if line.work.startswith("D:")]


def test_figures_that_must_not_be_lower() -> None:
    records = Records([phase("K100", "limit", "install", wall=0.2), phase("K100", "compiled", "install", wall=0.4)])
    line = row(aims.lines(records), "K100: share")
    assert (line.figures["compiled"], line.met, line.aim) == ("0.500", False, "≥ 0.8")


def test_further_peers() -> None:
    records = Records(
        phase("P", "compiled", f"{word} table", rss=rss)
        for word, rss in (("first", 200), ("second", 260), ("third", 300))
    )
    assert row(aims.lines(records), "a further peer").figures["compiled"] == "50.0 MiB"


def test_ours_interpreted_has_an_aim_of_its_own(run: report.Run) -> None:
    records = Records([*run.records, phase("A", "interpreted", "init", wall=2.0, cpu=2.8)])
    line = row(aims.lines(records), "A, interpreted")
    assert (line.figures, line.aim, line.met) == ({"interpreted": "2.00 / 3.50 x"}, "≤ 3 x", False)
    assert not [line for line in aims.lines(run.records) if "interpreted" in line.work]


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (0.00012, "0.00012"), (0.0123, "0.012"), (0.5, "0.500"), (1.234, "1.23"), (55.55, "55.5"), (12345.6, "12346")])  # fmt: skip
def test_numbers_for_people(value: float, text: str) -> None:
    assert aims.number(value) == text


def test_tables(run: report.Run) -> None:
    rows = table.everybody(run.records, "B")
    assert rows[0][:3] == ("daemon", "init", "churn")
    assert rows[-1][:3] == ("FRR", "10.00 / 8.00", "failed")
    assert table.markdown([("a|b", "c"), ("1", "2")]) == "| a&#124;b | c |\n|---|--:|\n| 1 | 2 |"
    assert table.text([("what", "n"), ("x", "100")]) == "what    n\n---------\nx     100"
    assert table.failures(run.records) == ["B churn, frr, run 0: not done after 60 s: see /tmp/log"]
    assert table.failures(run.records, brief=True) == ["B churn, frr, run 0: not done after 60 s"]


def test_formulas_find_what_the_figures_were_made_of() -> None:
    """Costs go in, and come out again; the check is right where the costs are, and says how far off it is elsewhere."""
    records = Records()
    for name, routes in (("A", 100_000), ("B", 1_000_000), ("B300", 300_000)):
        cost = {"cpu": routes * 2e-6, "rss": 40 + routes * 0.0002, "wall": 1.0}
        records += [
            phase(name, "compiled", "connect", routes=routes, rss=40, sessions=3, feeders=1),
            phase(name, "compiled", "init", **cost),
        ]
    for name, peers in (("D25", 25), ("D50", 50), ("D", 100)):
        cpu = 1000 * peers * 3e-6 + 1000 * peers * (peers - 1) * 2e-7
        records += [
            phase(
                name, "compiled", "connect", routes=1000, feeders=peers, sessions=peers + 1, rss=40 + 0.1 * (peers + 1)
            ),
            phase(name, "compiled", "init", cpu=cpu * (1.1 if name == "D50" else 1), wall=1, rss=99),
        ]
    found = {one.what: one for one in model.formulas(records, "compiled")}
    assert found["memory, one peer's routes to one other"].formula == "40.0 MiB + 210 octets a route"
    assert "(+0%)" in found["memory, one peer's routes to one other"].check
    assert found["CPU, a route in and out to one peer"].formula == "2.00 µs a route"
    assert found["memory, sessions without routes"].formula == "40.0 MiB +102 KiB a session"
    between = found["CPU, routes between many peers"]
    assert between.formula == "3.0 µs a route in + 0.200 µs for each peer that is sent it"
    assert "(-9%)" in between.check
    assert not [what for what in found if what.startswith("EXTRAPOLATED")]  # P and C are missing


def test_the_chart_is_xml_and_longer_is_more(run: report.Run) -> None:
    root = ET.fromstring(report.chart(run))
    bars = [
        float(e.get("width", "0")) for e in root.iter("{http://www.w3.org/2000/svg}rect") if e.get("height") == "11.0"
    ]
    assert len(bars) == 3 + 6  # the legend, then two groups of three
    ours, bird, frr = bars[3:6]
    assert ours < bird < frr
    assert (frr - bird) == pytest.approx(bars[-1] - bars[-2])


def test_a_chart_escapes_and_refuses() -> None:
    drawn = plot.svg(plot.Chart("a < b & c", "", ["x"], {"<g>": {"x": 1.0}}))
    assert "a &lt; b &amp; c" in drawn
    ET.fromstring(drawn)
    with pytest.raises(ValueError, match="above 0"):
        plot.svg(plot.Chart("", "", ["x"], {"g": {"x": 0.0}}))


def test_a_run_is_kept_and_read_again(run: report.Run, tmp_path: Path) -> None:
    report.keep(run, tmp_path / "out" / "bench.json")
    assert report.read(tmp_path / "out" / "bench.json") == run
    (tmp_path / "bad.json").write_text('{"records": 3}')
    with pytest.raises(Failed, match="no results of a run"):
        report.read(tmp_path / "bad.json")


def test_publishing_rewrites_its_part_and_nothing_else(run: report.Run, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "docs/bench.md"):
        (tmp_path / name).write_text(f"before\n{report.MARK}\nold\n{report.MARK}\nafter\n")
    for _ in range(2):
        report.publish(run, tmp_path)
    readme = (tmp_path / "README.md").read_text()
    assert readme.startswith("before\n")
    assert readme.endswith("after\n")
    assert "old" not in readme
    assert "/tmp" not in readme
    assert (
        "| A: 100k IPv4 routes in, out to another peer | 0.50 / 0.40 s | - | 1.00 / 0.80 s | 0.50 / 0.50 | ≤ 1 x | met |"
        in readme
    )
    assert "FAILED B churn, frr" in readme
    assert "| FRR | 10.00 / 8.00 |" in (tmp_path / "docs/bench.md").read_text()
    ET.fromstring((tmp_path / "docs/bench.svg").read_text())


def test_only_a_whole_run_is_published(run: report.Run, tmp_path: Path) -> None:
    with pytest.raises(Failed, match="only a whole run"):
        report.publish(replace(run, whole=False), tmp_path)
    with pytest.raises(Failed, match="expected the mark"):
        report.replaced("no mark here", "part", "README.md")


def test_the_text_has_everything(run: report.Run) -> None:
    said = report.text(run)
    for part in ("2 x Z80", "A: 100k IPv4 routes", "FRR", "not measured: GoBGP: no network", "FAILED B churn"):
        assert part in said


def page(*counts: int) -> str:
    edges = ("0.01", "0.02", "0.03", "0.05", "+Inf")
    rows = [f'bgpd_loop_stall_seconds_bucket{{le="{edge}"}} {count}' for edge, count in zip(edges, counts, strict=True)]
    return "\n".join(["# HELP x", *rows, "bgpd_loop_stall_seconds_count 9"])


def test_stalls_between_two_looks() -> None:
    before, after = buckets(page(1, 1, 1, 2, 3)), buckets(page(5, 8, 9, 10, 11))
    assert stalls(before, after) == {"stalls": 8.0, "stalls_over": 1.0, "stall_longest": 0.03}
    assert stalls({}, buckets(page(1, 1, 1, 1, 2)))["stall_longest"] == 0.5
    assert stalls({}, {}) == {}
