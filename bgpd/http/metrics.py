"""The text of /metrics: a snapshot's figures in the format that Prometheus asks for.

One table, `METRICS`: a row a family, with its type, its help and a function from a snapshot to its lines. The
figures are plain ints that are read at the scrape; nothing is counted twice, no lock is taken, and a scrape that
nobody makes costs nothing. The lines are written directly: the client library takes seven times as long for the
twenty thousand series of a thousand neighbors. It still does what it does best: `process_*` and `python_*`,
the choice between the text format and OpenMetrics, and (in the tests) the check that all of this parses.

The text comes in pieces of one family at most, so that whoever sends it can let the event loop run in between.
Names follow Prometheus' conventions: `bgpd_` first, base units (seconds, bytes), `_total` on counters. Labels
stay few: a neighbor's address and AS are on `bgpd_neighbor_info` only, to be joined by `neighbor`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

from bgpd.http.snapshot import ClusterMetrics, FibMetrics, Histogram, MetricsSnapshot, NeighborMetrics
from bgpd.wire.iana import describe

#: Session states, by the number that `bgpd_session_state` reports.
STATES: Final = ("Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established")
_PIECE: Final = 1024  #: lines made at once
_STATE_NUMBER: Final = {state: number for number, state in enumerate(STATES)}


@dataclass(frozen=True, slots=True)
class Metric:
    """One family: a row of the table, and of docs/metrics.md."""

    name: str
    kind: str  #: gauge | counter | histogram
    help: str
    lines: Callable[[str, MetricsSnapshot], Iterable[str]]  #: its samples, each a line


def escape(text: str) -> str:
    """A label value as the format wants it."""
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _labels(**labels: object) -> str:
    return "{" + ",".join(f'{name}="{escape(str(value))}"' for name, value in labels.items()) + "}"


def _one(value: Callable[[MetricsSnapshot], float | None]) -> Callable[[str, MetricsSnapshot], Iterable[str]]:
    """A family of one sample without labels; none where the value is None."""

    def lines(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
        return () if (number := value(snapshot)) is None else (f"{name} {number}\n",)

    return lines


def _fib(value: Callable[[FibMetrics], float]) -> Callable[[str, MetricsSnapshot], Iterable[str]]:
    return _one(lambda snapshot: None if snapshot.fib is None else value(snapshot.fib))


def _cluster(value: Callable[[ClusterMetrics], float]) -> Callable[[str, MetricsSnapshot], Iterable[str]]:
    return _one(lambda snapshot: None if snapshot.cluster is None else value(snapshot.cluster))


def _keyed(
    label: str, values: Callable[[MetricsSnapshot], Mapping[str, int]]
) -> Callable[[str, MetricsSnapshot], Iterable[str]]:
    """A family with one label, from a mapping."""

    def lines(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
        return (f'{name}{{{label}="{escape(key)}"}} {value}\n' for key, value in values(snapshot).items())

    return lines


def _each(value: Callable[[NeighborMetrics], float]) -> Callable[[str, MetricsSnapshot], Iterable[str]]:
    """A family of one sample a neighbor."""

    def lines(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
        return [f'{name}{{neighbor="{escape(n.name)}"}} {value(n)}\n' for n in snapshot.neighbors]

    return lines


def _build(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    compiled, rooms = str(bool(snapshot.compiled)).lower(), " ".join(snapshot.compiled)
    labels = _labels(version=snapshot.version, python=snapshot.python, compiled=compiled, rooms=rooms)
    yield f"{name}{labels} 1\n"


def _speaker(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    yield f"{name}{_labels(asn=snapshot.asn, router_id=snapshot.router_id)} 1\n"


def _states(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    counts = dict.fromkeys(STATES, 0)
    for neighbor in snapshot.neighbors:
        counts[neighbor.state] += 1
    return (f'{name}{{state="{state}"}} {count}\n' for state, count in counts.items())


def _info(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    for n in snapshot.neighbors:
        kind = "external" if n.external else "internal"
        yield f"{name}{_labels(neighbor=n.name, address=n.address, remote_as=n.remote_asn, type=kind)} 1\n"


def _dropped(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    for n in snapshot.neighbors:
        for reason, count in n.dropped.items():
            yield f"{name}{_labels(neighbor=n.name, reason=reason)} {count}\n"


def _routes(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    for n in snapshot.neighbors:
        begin = f'{name}{{neighbor="{escape(n.name)}",family="'
        for family, routes in n.families.items():
            yield (
                f'{begin}{family}",table="received"}} {routes.received}\n'
                f'{begin}{family}",table="accepted"}} {routes.accepted}\n'
                f'{begin}{family}",table="advertised"}} {routes.advertised}\n'
            )


def _stale(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    for n in snapshot.neighbors:
        for family, count in n.stale.items():
            yield f"{name}{_labels(neighbor=n.name, family=family)} {count}\n"


def _messages(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    for n in snapshot.neighbors:
        begin = f'{name}{{neighbor="{escape(n.name)}",direction="'
        for kind, count in n.messages_received.items():
            yield f'{begin}received",type="{kind}"}} {count}\n'
        for kind, count in n.messages_sent.items():
            yield f'{begin}sent",type="{kind}"}} {count}\n'


def _notifications(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    for n in snapshot.neighbors:
        for direction, counts in (("received", n.notifications_received), ("sent", n.notifications_sent)):
            for (code, subcode), count in counts.items():
                what = _labels(
                    neighbor=n.name, direction=direction, code=code, subcode=subcode, reason=describe(code, subcode)
                )
                yield f"{name}{what} {count}\n"


def _faults(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    for n in snapshot.neighbors:
        for (attribute, action), count in n.faults.items():
            yield f"{name}{_labels(neighbor=n.name, attribute=attribute, action=action)} {count}\n"


def _policies(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    for (policy, term), count in snapshot.policies.items():
        yield f"{name}{_labels(policy=policy, term=term)} {count}\n"


def _redistributed(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    for (entry, family, state), count in snapshot.redistributed.items():
        yield f"{name}{_labels(**{'from': entry}, family=family, state=state)} {count}\n"


def _bytes(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    for n in snapshot.neighbors:
        begin = f'{name}{{neighbor="{escape(n.name)}",direction="'
        yield f'{begin}received"}} {n.octets_received}\n{begin}sent"}} {n.octets_sent}\n'


def _queues(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    for n in snapshot.neighbors:
        begin = f'{name}{{neighbor="{escape(n.name)}",queue="'
        yield f'{begin}input"}} {n.input_queue_octets}\n{begin}output"}} {n.output_queue_octets}\n'


def _fib_states(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    if (fib := snapshot.fib) is None:
        return
    for state, count in (
        ("installed", fib.installed),
        ("pending", fib.pending),
        ("failed", fib.failed),
        ("conflict", fib.conflicts),
        ("unresolved", fib.unresolved),
    ):
        yield f'{name}{{state="{state}"}} {count}\n'


def _reloads(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    yield f'{name}{{result="success"}} {snapshot.reloads}\n{name}{{result="failure"}} {snapshot.reload_failures}\n'


def _stalls(name: str, snapshot: MetricsSnapshot) -> Iterable[str]:
    return () if snapshot.loop_stall is None else _histogram(name, snapshot.loop_stall)


def _histogram(name: str, histogram: Histogram) -> Iterable[str]:
    seen = 0
    for bound, count in zip([*map(float, histogram.bounds), "+Inf"], histogram.counts, strict=True):
        seen += count
        yield f'{name}_bucket{{le="{bound}"}} {seen}\n'
    yield f"{name}_sum {histogram.total}\n{name}_count {seen}\n"


METRICS: Final[tuple[Metric, ...]] = (
    Metric("bgpd_build_info", "gauge", "Version of bgpd and of Python; whether the hot modules are compiled.", _build),
    Metric("bgpd_speaker_info", "gauge", "Our AS number and router id.", _speaker),
    Metric("bgpd_ready", "gauge", "1 where /readyz says yes.", _one(lambda s: int(s.ready))),
    Metric("bgpd_neighbors", "gauge", "Neighbors by session state.", _states),
    Metric("bgpd_neighbor_info", "gauge", "Address, AS and type of each neighbor.", _info),
    Metric(
        "bgpd_session_up", "gauge", "1 where the session is Established.", _each(lambda n: int(n.state == STATES[5]))
    ),
    Metric(
        "bgpd_session_state",
        "gauge",
        "Session state: 0 Idle, 1 Connect, 2 Active, 3 OpenSent, 4 OpenConfirm, 5 Established.",
        _each(lambda n: _STATE_NUMBER[n.state]),
    ),
    Metric(
        "bgpd_session_state_changed_timestamp_seconds",
        "gauge",
        "When the session entered its state, seconds since the epoch.",
        _each(lambda n: round(n.state_changed_at, 3)),
    ),
    Metric(
        "bgpd_session_established_total",
        "counter",
        "Sessions that reached Established.",
        _each(lambda n: n.established),
    ),
    Metric("bgpd_session_dropped_total", "counter", "Sessions that left Established, by reason.", _dropped),
    Metric(
        "bgpd_neighbor_routes",
        "gauge",
        "Routes by table: received (adj-rib-in), accepted by import, advertised (adj-rib-out).",
        _routes,
    ),
    Metric("bgpd_neighbor_messages_total", "counter", "BGP messages by direction and type.", _messages),
    Metric("bgpd_neighbor_bytes_total", "counter", "Octets of BGP by direction.", _bytes),
    Metric("bgpd_neighbor_queue_bytes", "gauge", "Octets that wait: input to be decoded, output to be sent.", _queues),
    Metric("bgpd_notifications_total", "counter", "NOTIFICATION messages by code and subcode.", _notifications),
    Metric(
        "bgpd_neighbor_stale_routes", "gauge", "Routes of an earlier session, kept while the neighbor restarts.", _stale
    ),
    Metric(
        "bgpd_restarting", "gauge", "1 after a restart, until our table is complete.", _one(lambda s: int(s.restarting))
    ),
    Metric(
        "bgpd_draining", "gauge", "1 where everything is announced as about to go.", _one(lambda s: int(s.draining))
    ),
    Metric(
        "bgpd_neighbor_disabled",
        "gauge",
        "1 where the neighbor is kept down, by an operator or because it passed its limit of prefixes.",
        _each(lambda n: int(n.disabled)),
    ),
    Metric(
        "bgpd_neighbor_max_prefix",
        "gauge",
        "Routes of a family that it may give; 0: no limit.",
        _each(lambda n: n.limit),
    ),
    Metric("bgpd_update_faults_total", "counter", "UPDATEs with a fault (RFC 7606).", _each(lambda n: n.update_faults)),
    Metric("bgpd_attribute_faults_total", "counter", "Faults by attribute and by what was done.", _faults),
    Metric(
        "bgpd_neighbor_attribute_bytes",
        "gauge",
        "Octets of path attributes first seen from it and still kept.",
        _each(lambda n: n.attribute_octets),
    ),
    Metric("bgpd_policy_matches_total", "counter", "Sets of attributes that a term of a policy matched.", _policies),
    Metric("bgpd_loc_rib_prefixes", "gauge", "Prefixes in the loc-rib.", _keyed("family", lambda s: s.prefixes)),
    Metric("bgpd_loc_rib_paths", "gauge", "Paths in the loc-rib.", _keyed("family", lambda s: s.paths)),
    Metric(
        "bgpd_update_groups", "gauge", "Groups of neighbors that get the same bytes.", _one(lambda s: s.update_groups)
    ),
    Metric("bgpd_attribute_sets", "gauge", "Interned sets of path attributes.", _one(lambda s: s.attribute_sets)),
    Metric(
        "bgpd_kernel_in_sync", "gauge", "1 where everything wanted is in the kernel.", _fib(lambda f: int(f.in_sync))
    ),
    Metric(
        "bgpd_kernel_routes_wanted",
        "gauge",
        "Routes that should be in the kernel.",
        _keyed("family", lambda s: s.fib.wanted if s.fib else {}),
    ),
    Metric("bgpd_kernel_routes", "gauge", "Our routes in the kernel, by state.", _fib_states),
    Metric("bgpd_kernel_writes_total", "counter", "Route operations given to the kernel.", _fib(lambda f: f.writes)),
    Metric("bgpd_kernel_write_errors_total", "counter", "Operations that it refused.", _fib(lambda f: f.write_errors)),
    Metric(
        "bgpd_kernel_repairs_total",
        "counter",
        "Our routes that somebody else removed or changed, written again.",
        _fib(lambda f: f.repairs),
    ),
    Metric("bgpd_kernel_resyncs_total", "counter", "Full dumps after lost netlink events.", _fib(lambda f: f.resyncs)),
    Metric(
        "bgpd_kernel_fights_total",
        "counter",
        "Routes that somebody takes away again and again; they are put back more slowly.",
        _fib(lambda f: f.fights),
    ),
    Metric(
        "bgpd_kernel_audits_total",
        "counter",
        "Comparisons of the kernel's table with ours that came to their end.",
        _fib(lambda f: f.audits),
    ),
    Metric(
        "bgpd_kernel_audit_differences_total",
        "counter",
        "Routes that audits found not to be as they should.",
        _fib(lambda f: f.audit_differences),
    ),
    Metric(
        "bgpd_kernel_audited_timestamp_seconds",
        "gauge",
        "When the last audit ended, seconds since the epoch; 0 before the first.",
        _fib(lambda f: f.audited),
    ),
    Metric(
        "bgpd_kernel_held_back_routes",
        "gauge",
        "Best routes that are not announced because the kernel has not got them (suppress-fib-pending), by reason.",
        _keyed("reason", lambda s: s.fib.held_back if s.fib else {}),
    ),
    Metric("bgpd_overlay_devices", "gauge", "VXLAN devices of ours.", _fib(lambda f: f.overlay_devices)),
    Metric(
        "bgpd_overlay_entries",
        "gauge",
        "Next hops that have their entries in a VXLAN device of ours.",
        _fib(lambda f: f.overlay_entries),
    ),
    Metric(
        "bgpd_overlay_errors_total",
        "counter",
        "Devices or entries of the overlay that could not be made as they should be.",
        _fib(lambda f: f.overlay_errors),
    ),
    Metric(
        "bgpd_redistributed_routes",
        "gauge",
        "Routes of others in the kernel that we announce as ours, by entry of `redistribute`, family and verdict.",
        _redistributed,
    ),
    Metric("bgpd_loop_stall_seconds", "histogram", "How long the loop was away from its sockets.", _stalls),
    Metric(
        "bgpd_connections_refused_total",
        "counter",
        "TCP connections from addresses that are no neighbor.",
        _one(lambda s: s.connections_refused),
    ),
    Metric("bgpd_config_reloads_total", "counter", "Configurations taken over, and refused ones.", _reloads),
    Metric(
        "bgpd_datastore_following",
        "gauge",
        "1 where what is in force is what the datastore says.",
        _cluster(lambda c: int(c.following)),
    ),
    Metric("bgpd_datastore_revision", "gauge", "Up to where it is followed.", _cluster(lambda c: c.revision)),
    Metric("bgpd_datastore_reads_total", "counter", "Times that everything was read.", _cluster(lambda c: c.reads)),
    Metric("bgpd_cluster_resources", "gauge", "Resources in force.", _cluster(lambda c: c.resources)),
    Metric(
        "bgpd_cluster_problems",
        "gauge",
        "Resources, or parts of what they ask for, that are not in force.",
        _cluster(lambda c: c.problems),
    ),
    Metric(
        "bgpd_cluster_leaving_sessions",
        "gauge",
        "Sessions that no plan has any more, and that are still needed.",
        _cluster(lambda c: c.leaving),
    ),
)


def write(snapshot: MetricsSnapshot, *, openmetrics: bool = False) -> Iterator[str]:
    """Our families as text, in pieces of a millisecond or so; a family without samples is left out."""
    for metric in METRICS:
        lines = iter(metric.lines(metric.name, snapshot))
        if first := "".join(islice(lines, _PIECE)):
            # OpenMetrics names a counter's family without the suffix of its samples.
            name = metric.name.removesuffix("_total") if openmetrics else metric.name
            yield f"# HELP {name} {metric.help}\n# TYPE {name} {metric.kind}\n{first}"
        while piece := "".join(islice(lines, _PIECE)):
            yield piece


def negotiate(accept: str) -> tuple[str, Callable[[MetricsSnapshot], Iterator[bytes]]]:
    """The content type for an Accept header, and what writes the whole page in it, piece by piece."""
    try:
        encode, content_type = choose_encoder(accept)
    except (TypeError, ValueError, IndexError):  # a version that is none: what anybody can read
        encode, content_type = choose_encoder("")
    openmetrics = content_type.startswith("application/openmetrics-text")

    def page(snapshot: MetricsSnapshot) -> Iterator[bytes]:
        for piece in write(snapshot, openmetrics=openmetrics):
            yield piece.encode()
        end = b"# EOF\n" if openmetrics else b""
        yield encode(REGISTRY).removesuffix(end)  # process_*, python_*
        yield end

    return content_type, page
