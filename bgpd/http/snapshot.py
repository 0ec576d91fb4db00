"""The figures of one scrape, as plain values. No clock, no I/O, no library: anybody may fill these in.

Counters never go down while the process lives; a neighbor that is removed takes its series along. Times are
seconds, `..._at` seconds since the epoch, sizes octets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """A histogram: `counts` has one entry a bound and a last one for everything above."""

    bounds: Sequence[float]  #: upper bounds, ascending, without infinity
    counts: Sequence[int]  #: observations that fell into each bucket (not cumulative), len(bounds) + 1
    total: float  #: sum of all observations


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyMetrics:
    """One family on one neighbor."""

    received: int = 0  #: routes in its adj-rib-in
    accepted: int = 0  #: of those, eligible after import
    advertised: int = 0  #: routes in its adj-rib-out


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighborMetrics:
    """One neighbor."""

    name: str
    address: str
    remote_asn: int
    external: bool
    state: str  #: Idle | Connect | Active | OpenSent | OpenConfirm | Established
    state_changed_at: float
    disabled: bool = False  #: kept down: by an operator, or because it passed its limit of prefixes
    limit: int = 0  #: routes of each family that it may give; 0: no limit
    established: int = 0  #: sessions that reached Established
    dropped: Mapping[str, int] = field(
        default_factory=dict
    )  #: sessions that left Established, by reason (a short word)
    notifications_sent: Mapping[tuple[int, int], int] = field(default_factory=dict)  #: (code, subcode) -> count
    notifications_received: Mapping[tuple[int, int], int] = field(default_factory=dict)
    families: Mapping[str, FamilyMetrics] = field(default_factory=dict)  #: family name -> routes
    messages_received: Mapping[str, int] = field(default_factory=dict)  #: OPEN, UPDATE, ... -> count
    messages_sent: Mapping[str, int] = field(default_factory=dict)
    octets_received: int = 0
    octets_sent: int = 0
    update_faults: int = 0  #: UPDATEs with a fault (RFC 7606)
    stale: Mapping[str, int] = field(default_factory=dict)  #: family name -> routes kept while it restarts
    faults: Mapping[tuple[str, str], int] = field(default_factory=dict)  #: (attribute, discard | withdraw | reset)
    attribute_octets: int = 0  #: path attributes first seen from it and still kept
    input_queue_octets: int = 0
    output_queue_octets: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FibMetrics:
    """The kernel side."""

    in_sync: bool = False
    wanted: Mapping[str, int] = field(default_factory=dict)  #: family name -> routes that we want there
    installed: int = 0
    pending: int = 0
    failed: int = 0
    conflicts: int = 0
    unresolved: int = 0
    writes: int = 0  #: route operations given to the kernel
    write_errors: int = 0  #: of those, refused by it
    repairs: int = 0  #: routes of ours that somebody else had removed or changed, written again
    resyncs: int = 0  #: full dumps after netlink lost events
    fights: int = 0  #: routes that somebody takes away again and again
    audits: int = 0  #: comparisons of the kernel's table with ours
    audit_differences: int = 0  #: what they found
    overlay_devices: int = 0  #: VXLAN devices of ours
    overlay_entries: int = 0  #: next hops to which something may be encapsulated
    overlay_errors: int = 0  #: devices or entries that could not be made as they should be
    held_back: Mapping[str, int] = field(default_factory=dict)  #: pending | refused -> routes not announced for that
    audited: float = 0.0  #: when the last one ended, seconds since the epoch; 0: none yet


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterMetrics:
    """The datastore's side."""

    following: bool = False  #: what is in force is what the datastore says
    revision: int = 0  #: of the datastore, up to which it is followed
    reads: int = 0  #: times that everything was read
    resources: int = 0  #: in force
    problems: int = 0  #: resources, or parts of what they ask for, that are not
    leaving: int = 0  #: sessions that no plan has any more, and that are still needed


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSnapshot:
    """Everything that one scrape reports, taken at one moment."""

    version: str
    python: str
    compiled: tuple[str, ...]  #: rooms that run as machine code
    asn: int
    router_id: str
    ready: bool
    neighbors: Sequence[NeighborMetrics] = ()
    prefixes: Mapping[str, int] = field(default_factory=dict)  #: family name -> prefixes in the loc-rib
    paths: Mapping[str, int] = field(default_factory=dict)  #: family name -> paths in the loc-rib
    update_groups: int = 0
    attribute_sets: int = 0  #: interned sets of path attributes
    policies: Mapping[tuple[str, str], int] = field(default_factory=dict)  #: (policy, term) -> attribute sets matched
    #: (entry of `redistribute`, family name, accepted | rejected by its policy) -> routes
    redistributed: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    fib: FibMetrics | None = None  #: None: --no-kernel
    loop_stall: Histogram | None = None  #: how long the loop was away from its sockets, seconds
    connections_refused: int = 0  #: TCP connections from addresses that are no neighbor
    reloads: int = 0  #: configurations taken over
    restarting: bool = False  #: we came back from a restart, and our table is not complete yet
    draining: bool = False  #: everything is announced with GRACEFUL_SHUTDOWN
    reload_failures: int = 0  #: configurations refused; the old one stayed
    cluster: ClusterMetrics | None = None  #: None: there is no datastore
