"""Frozen specs: what configuration produces and the core consumes.

Addresses and prefixes are packed bytes here and everywhere inside; text lives at the edges only.
Two specs compare equal exactly where nothing needs to be done on a reload (`speaker.reconcile`).
"""

from dataclasses import dataclass, field
from enum import Enum

from bgpd.wire.family import FAMILIES, Family
from bgpd.wire.prefix import format_address


class ImportRule(Enum):
    """What of a neighbor's routes enters the loc-rib."""

    ALL = "all"
    NONE = "none"
    POLICY = "policy"  #: what `import_policy` lets in
    UNSET = "unset"  #: nobody said: iBGP means all, eBGP means none and says so (RFC 8212)


class ExportRule(Enum):
    """What of the loc-rib goes to a neighbor."""

    OWN = "own"  #: only what this speaker originates
    ALL = "all"  #: every best path that the protocol's own rules let go
    NONE = "none"
    POLICY = "policy"  #: what `export_policy` lets out
    UNSET = "unset"  #: nobody said: iBGP means own, eBGP means none and says so (RFC 8212)


class AsnRule(Enum):
    """Which AS a neighbor may be in."""

    FIXED = "fixed"  #: the configured one
    EXTERNAL = "external"  #: any other than ours; learned from its OPEN
    ANY = "any"  #: whatever its OPEN says


class NextHopRule(Enum):
    """Whom a neighbor is told to send packets to."""

    AUTO = "auto"  #: ourselves for eBGP and for what we originate, else whoever gave the route
    SELF = "self"  #: always ourselves
    KEEP = "keep"  #: whoever gave the route, to eBGP too


class LimitAction(Enum):
    """What a neighbor's limit of prefixes does when it is passed."""

    WARN = "warn"  #: say so, once a session
    STOP = "stop"  #: Cease, Maximum Number of Prefixes Reached; down until somebody enables it
    RESTART = "restart"  #: the same, and up again by itself after a time


class Role(Enum):
    """What this speaker is to an external neighbor (RFC 9234 section 4.1); the value is the code point."""

    PROVIDER = 0
    RS = 1
    RS_CLIENT = 2
    CUSTOMER = 3
    PEER = 4

    @property
    def label(self) -> str:
        """As configuration and the RFC spell it: "rs-client"."""
        return self.name.lower().replace("_", "-")


class AddPath(Enum):
    """Which way several paths for one prefix may go (RFC 7911 section 4); the value is the code point."""

    OFF = 0
    RECEIVE = 1
    SEND = 2
    BOTH = 3

    @property
    def label(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class AoKey:
    """One master key of TCP-AO (RFC 5925 section 3.1)."""

    send_id: int  #: KeyID that we put into segments
    receive_id: int  #: KeyID that the peer puts into its segments
    algorithm: str  #: hmac-sha-1-96 | aes-128-cmac-96 (RFC 5926)
    secret: bytes = field(repr=False)  #: 1 to 80 octets


class GracefulRestart(Enum):
    """How much of graceful restart (RFC 4724, 8538, 9494) a neighbor is offered."""

    OFF = "off"  #: nothing: a session that ends takes its routes along, at both ends
    HELPER = "helper"  #: we keep the neighbor's routes while it restarts
    FULL = "full"  #: and ask it to keep ours


class OnStop(Enum):
    """What SIGTERM does to sessions and kernel routes."""

    SHUTDOWN = "shutdown"  #: Cease, Administrative Shutdown; our routes leave the kernel
    RESTART = "restart"  #: sockets close without a NOTIFICATION; our routes stay


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of a policy term's `match`: it holds where any of its values fits."""

    field: str  #: a row of `policy.spec.MATCHES`
    values: tuple[object, ...]  #: parsed by that row; of a named set: everything in it
    negated: bool = False  #: it holds where none of the values fits
    set_name: str = ""  #: the named set that the values come from


@dataclass(frozen=True, slots=True)
class Edit:
    """One line of a policy term's `then` that changes a route."""

    field: str  #: a row of `policy.spec.ACTIONS`
    values: tuple[object, ...]  #: parsed by that row


class TermAction(Enum):
    """What a term does with a route that matches, after its edits."""

    ACCEPT = "accept"
    REJECT = "reject"
    NEXT = "next"  #: go on with the next term


@dataclass(frozen=True, slots=True)
class PolicyTerm:
    """One term: all conditions hold -> the edits are made, in order, and the action taken."""

    name: str
    conditions: tuple[Condition, ...] = ()
    edits: tuple[Edit, ...] = ()
    action: TermAction = TermAction.NEXT


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """Ordered terms. A route that no term accepts is rejected."""

    name: str
    terms: tuple[PolicyTerm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighborSpec:
    """One configured neighbor. Its identity is its address, or its interface where that is all that is known."""

    address: bytes  #: packed, 4 or 16 octets; empty: an unnumbered neighbor that was not seen yet
    name: str  #: for people; the address in text where nothing else was given
    local_asn: int
    remote_asn: int
    port: int = 179
    passive: bool = False  #: never dial, only accept
    password: bytes | None = field(default=None, repr=False)  #: TCP MD5 key (RFC 2385), 1 to 80 octets
    families: tuple[Family, ...] = FAMILIES  #: offered in OPEN (RFC 4760)
    import_rule: ImportRule = ImportRule.UNSET
    export_rule: ExportRule = ExportRule.UNSET
    import_policy: PolicySpec | None = None  #: set exactly where `import_rule` is POLICY
    export_policy: PolicySpec | None = None  #: set exactly where `export_rule` is POLICY
    source_address: bytes | None = None  #: local address to dial from, packed; None: the kernel's choice
    hold_time: int = 90  #: seconds, 0 or >= 3 (RFC 4271 section 4.2)
    keepalive_time: int = 30  #: seconds; never more than a third of the negotiated hold time
    connect_retry_time: float = 5.0  #: seconds
    idle_hold_min: float = 5.0  #: seconds; first back-off after a session that failed
    idle_hold_max: float = 30.0  #: seconds; the back-off doubles up to this
    asn_rule: AsnRule = AsnRule.FIXED  #: other than FIXED: `remote_asn` is 0 until its OPEN says it
    interface: str = ""  #: the link that the session is bound to; required for a link-local address
    unnumbered: bool = False  #: the neighbor is whoever is found on `interface`
    multihop: int = 0  #: TTL of what we send; 0: 1 for eBGP, the kernel's own for iBGP
    ttl_security: int = 0  #: GTSM (RFC 5082): routers up to the peer, itself included; 0: off
    ao_keys: tuple[AoKey, ...] = field(default=(), repr=False)  #: TCP-AO keys (RFC 5925)
    speaker_asn: int = 0  #: the speaker's own AS where `local_asn` is another one (local-as); 0: the same
    allow_own_as: int = 0  #: how often our own AS may be in the AS path of its routes
    as_override: bool = False  #: what it is sent shows our AS in place of its own
    remove_private_as: bool = False  #: what it is sent shows no AS for private use (RFC 6996) but its own
    next_hop: NextHopRule = NextHopRule.AUTO
    default_originate: bool = False  #: it is told a default route that points to us
    max_prefix: int = 0  #: routes that it may give for each family; 0: no limit
    max_prefix_action: LimitAction = LimitAction.STOP  #: what either limit does
    max_prefix_restart: float = 300.0  #: seconds down, for LimitAction.RESTART
    max_prefix_out: int = 0  #: routes that it may be told for each family; 0: no limit
    max_attribute_octets: int = 64 << 20  #: octets of path attributes first seen from it; 0: no limit
    graceful_restart: GracefulRestart = GracefulRestart.FULL
    restart_time: int = 120  #: seconds for which the neighbor keeps our routes; 0 to 4095
    long_lived_stale_time: tuple[tuple[Family, int], ...] = ()  #: seconds after that, by family (RFC 9494)
    long_lived_stale_limit: int = 86400  #: seconds, the most that its own routes are kept after the restart time
    send_hold_time: int | None = None  #: seconds (RFC 9687); None: twice the negotiated hold time; 0: off
    graceful_shutdown: bool = False  #: what it is sent carries GRACEFUL_SHUTDOWN (RFC 8326)
    accept_blackhole: bool = False  #: its routes with BLACKHOLE (RFC 7999) drop packets here
    rr_client: bool = False  #: an internal neighbor that routes are reflected to and from (RFC 4456)
    cluster_id: bytes | None = None  #: 4 octets, for reflecting to and from this neighbor; None: our router id
    extended_messages: bool = True  #: messages of up to 65535 octets (RFC 8654)
    add_path: tuple[tuple[Family, AddPath], ...] = ()  #: several paths a prefix (RFC 7911), by family; not there: off
    add_path_paths: int = 0  #: how many of the best eligible paths it is told; 0: all of them
    extended_next_hop: bool = False  #: IPv4 routes may have an IPv6 next hop (RFC 8950)
    role: Role | None = None  #: ours towards it (RFC 9234); None: no role, no route leak rules
    role_strict: bool = False  #: no session with a neighbor that does not tell its own role
    leaving: bool = False  #: it is about to be removed, and then leaves without a NOTIFICATION (`cluster.handover`)

    @property
    def external(self) -> bool:
        """eBGP: the peer is in another AS (RFC 4271 section 1.1)."""
        return self.local_asn != self.remote_asn

    @property
    def identity(self) -> bytes:
        """What tells neighbors apart: the address, with its link where it is link-local; the link if unnumbered."""
        if self.unnumbered:
            return b"%" + self.interface.encode()
        return identity_of(self.address, self.interface)

    def add_path_of(self, family: Family) -> AddPath:
        """Which way several paths of this family may go."""
        for each, way in self.add_path:
            if each is family:
                return way
        return AddPath.OFF

    @property
    def ttl(self) -> int:
        """TTL, or hop limit, of what we send; 0: the kernel's own."""
        if self.ttl_security:
            return 255  # RFC 5082 section 3
        if self.multihop:
            return self.multihop
        return 1 if self.external else 0

    @property
    def least_ttl(self) -> int:
        """TTL below which what comes is thrown away; 0: nothing is."""
        return 256 - self.ttl_security if self.ttl_security else 0


def link_local(address: bytes) -> bool:
    """Whether an address means something on its link only (fe80::/10)."""
    return len(address) == 16 and address[0] == 0xFE and address[1] & 0xC0 == 0x80


def identity_of(address: bytes, interface: str) -> bytes:
    """The identity of the neighbor with this address, seen on this interface (which counts only where link-local)."""
    return address + b"%" + interface.encode() if link_local(address) else address


def text_of(address: bytes, interface: str) -> str:
    """An identity for people: the address, `fe80::1%eth0`, or `eth0` where no address is known."""
    if not address:
        return interface
    return format_address(address) + (f"%{interface}" if link_local(address) and interface else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeSpec:
    """Addresses from which anybody may connect and becomes a neighbor for as long as the session lasts."""

    family: Family  #: of the addresses
    prefix: bytes  #: packed
    limit: int = 100  #: neighbors at one time
    template: NeighborSpec  #: every setting of these neighbors but address and name


class Overlay(Enum):
    """Whether packets to a pool's prefixes travel in VXLAN to their next hop."""

    NEVER = "never"
    CROSS_SUBNET = "cross-subnet"  #: where the next hop is behind a router, which knows nothing of pods
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSpec:
    """A part of the address space, and how packets get there."""

    family: Family
    prefix: bytes  #: packed
    overlay: Overlay = Overlay.NEVER
    foreign: bool = False  #: somebody else writes the routes into it (Felix, a service proxy): we write none


@dataclass(frozen=True, slots=True, kw_only=True)
class VxlanSpec:
    """The overlay's devices (RFC 7348); all nodes of a cluster say the same VNI and port."""

    vni: int = 4096
    port: int = 4789  #: UDP
    mtu: int = 0  #: octets; 0: what is left of the underlay's
    addresses: tuple[bytes, ...] = ()  #: our end, at most one a family; empty: found


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSpec:
    """Where and as whom routes are written."""

    enabled: bool = True
    table: int = 254  #: routing table (254 is `main`)
    protocol: int = 64  #: rtm_protocol of our routes, our mark of ownership
    metric: int = 64  #: priority of our routes; part of the kernel's key
    nexthop_objects: int = 1000  #: prefixes with the same next hops from which on they share an object; 0: never
    audit_interval: float = 60.0  #: seconds between two rounds of the endless audit; 0: none
    link_bandwidth: bool = False  #: equal paths share the load by the bandwidth that they carry
    suppress_fib_pending: bool = False  #: a route is announced only when the kernel has it
    pools: tuple[PoolSpec, ...] = ()  #: where packets may have to be encapsulated
    vxlan: VxlanSpec = VxlanSpec()


@dataclass(frozen=True, slots=True, kw_only=True)
class Originate:
    """One prefix that this speaker announces as its own."""

    family: Family
    prefix: bytes  #: packed, length octet + significant octets
    blackhole: bool = True  #: guard it in the kernel, so that stray packets do not loop


@dataclass(frozen=True, slots=True, kw_only=True)
class Redistribute:
    """Routes of others in the kernel, or the prefixes of our links, that this speaker announces as its own."""

    protocol: int = 0  #: rtm_protocol of the routes; 0: the prefixes of our links' addresses ("connected")
    table: int = 254  #: where the routes are
    interfaces: tuple[str, ...] = ()  #: patterns of the names of links that they leave by; empty: any
    policy_name: str = ""  #: empty: all of them
    policy: PolicySpec | None = None  #: set exactly where `policy_name` is
    name: str  #: for people, and what tells entries apart: "connected", "static table 100"


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticRoute:
    """How a neighbor's address is reached: a route of the kernel's, which nobody is told of."""

    family: Family
    prefix: bytes  #: packed
    via: bytes  #: packed address


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerSpec:
    """Everything the speaker needs to know; a reload is a new one of these."""

    asn: int = 64512
    router_id: bytes  #: 4 octets
    neighbors: tuple[NeighborSpec, ...] = ()
    ranges: tuple[RangeSpec, ...] = ()  #: dynamic neighbors
    originate: tuple[Originate, ...] = ()
    redistribute: tuple[Redistribute, ...] = ()
    multipath: int = 16  #: equal paths kept for ECMP; 1: only the best
    graceful_shutdown: bool = False  #: what every neighbor is sent carries GRACEFUL_SHUTDOWN (RFC 8326)
    kernel: KernelSpec = KernelSpec()
    policies: tuple[PolicySpec, ...] = ()  #: every policy that has a name, in use or not
    static: tuple[StaticRoute, ...] = ()  #: ways to neighbors that nothing else would find


@dataclass(frozen=True, slots=True, kw_only=True)
class DatastoreSpec:
    """Where the resources of a cluster are, and who we are in it. Files are named, and read at the start."""

    scheme: str = ""  #: etcd, etcds or files; empty: there is none
    places: tuple[str, ...] = ()  #: endpoints as URLs of HTTP; or the one directory
    ca: str = ""  #: file
    certificate: str = ""  #: file
    key: str = ""  #: file
    user: str = ""
    password_file: str = ""
    cache: str = "/var/lib/bgpd/datastore.json"
    secrets: str = ""  #: directory; empty: they are in the datastore
    node: str = ""  #: our name; empty: the machine's
    address: str = "default-route"  #: our IPv4 address, or the method that finds it
    address6: str = "none"
    asn: int = 0  #: that the configuration gives this node; 0: the cluster's


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSpec:
    """The speaker's spec and everything around it that only shells read."""

    speaker: SpeakerSpec
    listen: tuple[tuple[str, int], ...] = (("0.0.0.0", 179), ("::", 179))  # noqa: S104 - a router listens
    metrics: tuple[str, int] | None = ("127.0.0.1", 9179)
    control: str = "/run/bgpd/bgpd.sock"
    on_stop: OnStop = OnStop.SHUTDOWN
    log_format: str = "console"
    log_level: str = "info"
    hostname: str = ""  #: as shown in views
    datastore: DatastoreSpec = DatastoreSpec()
    sources: dict[str, str] = field(default_factory=dict, compare=False)  #: setting -> where its value came from
