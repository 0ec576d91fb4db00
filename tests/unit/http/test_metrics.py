"""The text of /metrics: read back by the client library's own parsers, and held against the naming rules."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as _untyped
from prometheus_client.parser import text_string_to_metric_families as parse_text

from bgpd.http.metrics import METRICS, STATES, negotiate, write
from bgpd.http.snapshot import Histogram, MetricsSnapshot, NeighborMetrics
from tests.unit.http.sample import ODD, SNAPSHOT

parse_openmetrics: Any = _untyped
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
ALERTS = Path(__file__).parents[3] / "docs" / "alerts.yml"
DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"


def page(accept: str = "", snapshot: MetricsSnapshot = SNAPSHOT) -> str:
    return b"".join(negotiate(accept)[1](snapshot)).decode()


def values(families: Any) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def ours(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {key: value for key, value in values(parse_text(text)).items() if key[0].startswith("bgpd_")}


def sample(name: str, **labels: str) -> float:
    return ours(page())[name, tuple(sorted(labels.items()))]


def test_figures_arrive() -> None:
    assert sample("bgpd_session_up", neighbor="node2") == 1
    assert sample("bgpd_session_state", neighbor="node2") == 5
    assert sample("bgpd_session_up", neighbor=ODD.name) == 0
    assert sample("bgpd_session_state_changed_timestamp_seconds", neighbor="node2") == 1_750_000_000.123
    assert sample("bgpd_session_dropped_total", neighbor="node2", reason="hold-expired") == 2
    assert sample("bgpd_neighbor_routes", neighbor="node2", family="ipv4", table="accepted") == 11
    assert sample("bgpd_neighbor_messages_total", neighbor="node2", direction="sent", type="KEEPALIVE") == 231
    assert sample("bgpd_neighbor_bytes_total", neighbor="node2", direction="received") == 5120
    assert sample("bgpd_neighbors", state="Idle") == 1
    assert sample("bgpd_neighbors", state="Active") == 0
    assert sample("bgpd_kernel_routes", state="conflict") == 1
    assert sample("bgpd_policy_matches_total", policy="from-rack", term="customers") == 12
    assert sample("bgpd_config_reloads_total", result="failure") == 2
    assert sample("bgpd_datastore_following") == 1
    assert sample("bgpd_cluster_problems") == 1
    notification = {"neighbor": "node2", "direction": "received", "code": "6", "subcode": "2"}
    assert sample("bgpd_notifications_total", **notification, reason="Cease: Administrative Shutdown") == 1


def test_the_histogram_is_cumulative() -> None:
    buckets = [sample("bgpd_loop_stall_seconds_bucket", le=le) for le in ("0.001", "0.01", "1.0", "+Inf")]
    assert buckets == [90, 95, 98, 100]
    assert sample("bgpd_loop_stall_seconds_count") == 100
    assert sample("bgpd_loop_stall_seconds_sum") == 4.5


def test_a_histogram_has_one_count_more_than_bounds() -> None:
    wrong = replace(SNAPSHOT, loop_stall=Histogram(bounds=(1.0,), counts=(1,), total=0.0))
    with pytest.raises(ValueError, match="zip"):
        page(snapshot=wrong)


def test_both_formats_say_the_same() -> None:
    text, openmetrics = page(), page(OPENMETRICS)
    assert openmetrics.endswith("# EOF\n")
    assert "# EOF" not in text
    assert openmetrics.count("# EOF") == 1
    from_openmetrics = values(parse_openmetrics(openmetrics))
    assert {key: value for key, value in from_openmetrics.items() if key[0].startswith("bgpd_")} == ours(text)


def test_the_librarys_own_families_are_there() -> None:
    names = {family.name for family in parse_text(page())}
    assert {"process_cpu_seconds", "process_resident_memory_bytes", "process_open_fds", "python_info"} <= names


@pytest.mark.parametrize(
    ("accept", "begins"),
    [
        ("", "text/plain; version=0.0.4"),
        ("*/*", "text/plain; version=0.0.4"),
        ("text/html", "text/plain; version=0.0.4"),
        (OPENMETRICS, "application/openmetrics-text; version=1.0.0"),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4", "application/openmetrics-text"),
        ("application/openmetrics-text; version=abc", ""),
        ("text/plain; version=;;=,=", ""),
        ("application/openmetrics-text; version=1.0.0; escaping=nonsense", ""),
        ("application/openmetrics-text; version=9\u00b2", ""),
    ],
)
def test_negotiation(accept: str, begins: str) -> None:
    content_type, write_page = negotiate(accept)
    assert content_type.startswith(begins)
    text = b"".join(write_page(SNAPSHOT)).decode()
    parsed = parse_openmetrics(text) if "openmetrics" in content_type else parse_text(text)
    assert values(parsed)["bgpd_ready", ()] == 1


def test_what_is_not_used_is_not_there() -> None:
    text = page(snapshot=replace(SNAPSHOT, fib=None, loop_stall=None, neighbors=[]))
    assert "bgpd_kernel" not in text
    assert "event_loop" not in text
    assert "bgpd_session" not in text
    assert "bgpd_neighbors{" in text


def test_names_follow_the_conventions() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    for metric in METRICS:
        assert re.fullmatch(r"bgpd(_[a-z]+)+", metric.name), metric.name
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert metric.kind in {"gauge", "counter", "histogram"}
        assert metric.help.endswith("."), metric.name
        assert "\n" not in metric.help
        assert not re.search(r"_(milliseconds|octets|kib|ms|minutes)(_|$)", metric.name)  # base units
        assert not re.search(r"_(sum|count|bucket)$", metric.name)
    families = {name.removesuffix("_total") for name in names}
    assert len(families) == len(names)  # OpenMetrics drops the suffix: still no two alike


def test_types_are_declared_and_samples_belong_to_them() -> None:
    parsed = {family.name: family for family in parse_openmetrics(page(OPENMETRICS))}
    for metric in METRICS:
        family = parsed[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        assert family.samples


def test_every_state_of_a_session_has_a_number() -> None:
    for number, state in enumerate(STATES):
        neighbor = NeighborMetrics(
            name="n", address="10.0.0.1", remote_asn=1, external=False, state=state, state_changed_at=0.0
        )
        found = ours(page(snapshot=replace(SNAPSHOT, neighbors=[neighbor])))
        assert found["bgpd_session_state", (("neighbor", "n"),)] == number
        assert found["bgpd_session_up", (("neighbor", "n"),)] == (state == "Established")


def test_the_text_comes_in_one_piece_a_family() -> None:
    pieces = list(write(SNAPSHOT))
    assert len(pieces) == len(METRICS)
    assert all(piece.startswith("# HELP") and piece.endswith("\n") for piece in pieces)


def test_the_document_lists_every_family_with_type_and_labels() -> None:
    rows = re.findall(r"^\| `(bgpd_\w+)` \| (\w+) \| ?(.*?) ?\| .+ \|$", DOCUMENT.read_text(), re.MULTILINE)
    documented = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    found: dict[str, tuple[str, set[str]]] = {metric.name: (metric.kind, set()) for metric in METRICS}
    for family in parse_text(page()):
        for one in family.samples:
            name = one.name if one.name in found else family.name
            if name in found:
                found[name][1].update(set(one.labels) - {"le"})
    assert documented == found


def test_the_alerts_read_only_what_is_there() -> None:
    """Every figure in an expression is a family of ours, and the file is YAML."""
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    known = {metric.name for metric in METRICS} | {f"bgpd_loop_stall_seconds_{part}" for part in ("bucket", "count")}
    for rule in rules:
        assert set(re.findall(r"bgpd_\w+", rule["expr"])) <= known, rule["alert"]
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert rule["annotations"]["summary"]


def test_faults_by_attribute_and_action() -> None:
    text = "".join(write(SNAPSHOT))
    assert 'bgpd_attribute_faults_total{neighbor="node2",attribute="ORIGIN",action="withdraw"} 1\n' in text
    assert 'bgpd_attribute_faults_total{neighbor="node2",attribute="AGGREGATOR",action="discard"} 1\n' in text
    assert 'bgpd_neighbor_attribute_bytes{neighbor="node2"} 1234\n' in text
