"""Read-only answers about the speaker, as values: what `bgpctl --json`, the tables and the metrics are made of.

Field names are the JSON keys; addresses and prefixes are text here (this is the edge). Times are seconds
since the epoch (`since`) or plain seconds (durations).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyView:
    """One family on one neighbor."""

    family: str  #: ipv4 | ipv6
    negotiated: bool
    received: int = 0  #: routes in its adj-rib-in, accepted or not
    accepted: int = 0  #: of those, eligible after import
    advertised: int = 0  #: routes in its adj-rib-out
    ignored: int = 0  #: announcements ignored in this session: one prefix had too many paths already (ADD-PATH)
    end_of_rib_received: bool = False
    end_of_rib_sent: bool = False
    stale: int = 0  #: routes of an earlier session, kept while the neighbor restarts
    stale_left: float | None = None  #: seconds until they go, or become the last resort
    long_lived: bool = False  #: they are the last resort (RFC 9494)
    add_path: str = ""  #: several paths a prefix go: receive | send | both; empty: not negotiated
    next_hop: str | None = None  #: what we send as next hop self, None where we have none (nothing is announced then)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationView:
    """A NOTIFICATION, in words."""

    direction: str  #: sent | received
    code: int
    subcode: int
    text: str  #: RFC words, e.g. "Cease: Administrative Shutdown"
    data: str  #: hex
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighborView:
    """One neighbor, as `show neighbors` and `show neighbor X` print it."""

    name: str
    address: str
    local_asn: int
    remote_asn: int
    external: bool
    state: str  #: Idle | Connect | Active | OpenSent | OpenConfirm | Established
    since: float  #: when it entered this state
    reason: str  #: why it is in this state, in words
    established_count: int  #: sessions established since start
    remote_router_id: str | None = None
    local_address: str | None = None
    local_port: int | None = None
    remote_port: int | None = None
    direction: str | None = None  #: who opened the TCP connection: dialed | accepted
    passive: bool = False
    password: bool = False
    hold_time: int = 0  #: negotiated, seconds (configured while there is no session)
    keepalive_time: int = 0
    hold_left: float | None = None
    import_rule: str = ""  #: all | none, as in force, or the name of a policy
    export_rule: str = ""  #: own | all | none, as in force, or the name of a policy
    policy_note: str | None = None  #: set where RFC 8212 keeps an eBGP neighbor silent, with what to do
    capabilities_sent: list[str] = field(default_factory=list)
    capabilities_received: list[str] = field(default_factory=list)
    families: list[FamilyView] = field(default_factory=list)
    messages_received: dict[str, int] = field(default_factory=dict)  #: by type: OPEN, UPDATE, ... -> count
    messages_sent: dict[str, int] = field(default_factory=dict)
    octets_received: int = 0
    octets_sent: int = 0
    update_faults: int = 0  #: UPDATEs with a fault (RFC 7606), whatever was done about it
    last_fault: str | None = None
    last_fault_attribute: str = ""  #: the offending attribute as received, hex, its first 128 octets
    faults: dict[str, dict[str, int]] = field(default_factory=dict)  #: attribute -> discard | withdraw | reset -> count
    attribute_octets: int = 0  #: path attributes first seen from it and still kept
    max_attribute_octets: int = 0  #: how many it may have; 0: no limit
    last_notification: NotificationView | None = None
    input_queue_octets: int = 0
    output_queue_octets: int = 0
    asn_rule: str = "fixed"  #: fixed | external | any: whether its AS is configured, or learned from its OPEN
    disabled: str = ""  #: why it is kept down, in words; empty: it is not
    resume_in: float | None = None  #: seconds until it is enabled by itself, where it is
    dynamic: str | None = None  #: the listen range that it came from
    remote_address: str | None = None  #: of the connection, where that is another than `address`: unnumbered
    transport: list[str] = field(default_factory=list)  #: how the connection is made and guarded, in words
    rewriting: list[str] = field(default_factory=list)  #: what becomes of AS paths and next hops, in words
    extensions: list[str] = field(default_factory=list)  #: reflection, roles, and what the session agreed on, in words
    restarts: list[str] = field(default_factory=list)  #: what is kept through restarts, at which end, in words
    limits: list[str] = field(default_factory=list)  #: how many routes, and what happens beyond, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionView:
    """What a command did that changes something."""

    neighbor: str
    result: str  #: a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteView:
    """One route: a prefix and a path, in one of the tables."""

    family: str
    prefix: str
    source: str  #: neighbor name, or "local"
    next_hop: str  #: "self" for a route we originate
    best: bool
    multipath: bool  #: shares the load with the best
    eligible: bool
    reason: str  #: why it is best, or the step that it lost by, or why it is not eligible
    origin: str  #: IGP | EGP | incomplete
    as_path: str  #: as operators write it: "65001 65002 {1 2}"
    path_id: int | None = None  #: ADD-PATH identifier as received, or as sent in the adj-rib-out
    local_pref: int | None = None
    med: int | None = None
    communities: list[str] = field(default_factory=list)
    large_communities: list[str] = field(default_factory=list)
    ext_communities: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)  #: every other attribute: name -> text
    since: float = 0.0
    stale: str = ""  #: restart | long-lived: kept while the neighbor restarts; empty: fresh
    installed: str | None = None  #: "yes", or why not, for the best path where the kernel is in use
    held_back: str = ""  #: why the best path is not announced, where that waits for the kernel; empty: it does not


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelRouteView:
    """One of our routes in the kernel, or one that we want there."""

    family: str
    prefix: str
    kind: str  #: unicast | blackhole
    next_hops: list[str]  #: "192.168.1.11 dev eth0", one each
    state: str  #: installed | pending | failed | conflict | unresolved
    reason: str = ""  #: errno in words, or who holds the key, where it is not installed


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelView:
    """`show kernel`: the FIB side at a glance, then route by route."""

    enabled: bool
    table: int
    protocol: int
    metric: int
    in_sync: bool  #: everything wanted is written, nothing pending
    wanted: int
    installed: int
    pending: int
    failed: int
    conflicts: int
    unresolved: int
    routes: Iterable[KernelRouteView] = field(default_factory=list)  #: may be made one by one, as they are taken


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelFindingView:
    """One prefix at which the kernel is not as it should be."""

    family: str
    prefix: str
    difference: str  #: missing | changed | unexpected | not installed | not used
    wanted: str  #: the ways out that it should have; empty: none
    found: str  #: those that it has
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelCheckView:
    """`kernel check`: what is wanted, what we believe is written, what a dump and look-ups show."""

    in_step: bool  #: no difference
    wanted: int  #: routes that should be there
    unresolved: int  #: those that cannot be, their next hops are unreachable
    written: int
    dumped: int  #: routes with our mark
    looked_up: int  #: real look-ups
    differences: int  #: all of them; `findings` may be fewer
    seconds: float
    findings: list[KernelFindingView] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """`show status`: the daemon at a glance."""

    version: str
    hostname: str
    pid: int
    asn: int
    router_id: str
    started: float
    uptime: float
    listen: list[str]
    neighbors: int
    established: int
    prefixes: dict[str, int]  #: family -> prefixes in the loc-rib
    paths: dict[str, int]  #: family -> paths in the loc-rib
    update_groups: int
    ready: bool
    not_ready: list[str]  #: why not, in words
    kernel_in_sync: bool | None
    rss: int  #: octets
    loop_stall: float  #: seconds, the longest that the loop was away from its sockets in the last minute
    compiled: bool
    restarting: bool = False  #: we came back from a restart, and our table is not complete yet
    draining: bool = False  #: everything is announced with GRACEFUL_SHUTDOWN (`bgpctl drain`)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTermView:
    """One term of a policy, in words."""

    name: str
    match: list[str]  #: every one has to hold; empty: it always does
    then: list[str]
    hits: int  #: sets of attributes that it has matched, import and export together, since the policy is in use


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    """One policy, as `show policy` prints it."""

    name: str
    builtin: bool  #: a word of import and export
    reads_prefix: bool  #: evaluated per class of prefixes, not only per set of attributes
    imports: list[str]  #: neighbors whose routes it lets in
    exports: list[str]  #: neighbors that get what it lets out
    terms: list[PolicyTermView]
    fallen: int  #: sets of attributes that no term stopped, which rejects them


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTestView:
    """What a policy does, or would do, with one route."""

    family: str
    prefix: str
    source: str  #: neighbor name, "local", or "" where nobody was named
    policy: str
    accepted: bool
    term: str | None  #: that decided; None: no term did, so it is rejected
    reason: str
    fired: list[str]  #: every term that matched
    changes: list[str]  #: "LOCAL_PREF none -> 200"
    as_path: str  #: afterwards
