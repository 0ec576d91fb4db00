"""What one node does: the values that the decision ends in.

A `NodePlan` says everything in words of the cluster, before any of it becomes a spec of the speaker's (`specs`) or a
line for people (`render`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from bgpd.cluster.problem import Problem
from bgpd.cluster.resources import SecretRef
from bgpd.cluster.scalars import Net
from bgpd.model import AsnRule, NextHopRule, PoolSpec
from bgpd.wire.family import IPV4, IPV6, Family

#: An interface's name -> the prefixes that are reached over it directly.
Interfaces: TypeAlias = Mapping[str, tuple[Net, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What only the machine can say. What is not known offline is empty, and read as the comments say."""

    interfaces: Interfaces = field(default_factory=dict)
    ipip: bool = False  #: the kernel has IPIP tunnels
    healthy: frozenset[str] | None = None  #: names of the ServiceAddresses whose check succeeds here; None: all
    alive: frozenset[str] | None = None  #: names of the nodes that report; None: all


class PeerKind(Enum):
    """Where a session comes from, as Calico names them."""

    MESH = "mesh"
    NODE = "node"
    GLOBAL = "global"
    WORKLOAD = "workload"


class Compat(Enum):
    """Whose export rules and LOCAL_PREF are followed."""

    NONE = "none"  #: ours
    CALICO_331 = "calico-3.31"  #: Calico's, with LOCAL_PREF 100
    CALICO_333 = "calico-3.33"  #: Calico's, with LOCAL_PREF 2147483647 less the kernel's metric (3.32 and later)


class Verb(Enum):
    """What a rule does with a route that it fits."""

    ACCEPT = "accept"
    REJECT = "reject"
    NEXT = "next"  #: change it, and go on


@dataclass(frozen=True, slots=True)
class Within:
    """A prefix, and how long what lies in it may be."""

    net: Net
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a session's import or export. Everything that is given has to hold."""

    why: str  #: "BGPFilter tor rule 1", "IPPool default"
    verb: Verb
    within: tuple[Within, ...] | None = None  #: the prefix lies in any of these; None: any prefix
    outside: bool = False  #: ... in none of them
    source: tuple[str, ...] = ()  #: own, internal, external; empty: whoever
    interface: str = ""  #: that the next hop is reached over; `*` stands for any letters
    community: str = ""
    as_path_prefix: tuple[int, ...] = ()
    local_pref: int | None = None
    add_communities: tuple[str, ...] = ()
    prepend: tuple[int, ...] = ()
    set_local_pref: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerPlan:
    """One session."""

    kind: PeerKind
    name: str  #: as Calico's BIRD would call it: Mesh_10_0_0_2
    address: bytes
    port: int
    local_asn: int
    remote_asn: int
    source_address: bytes | None = None
    passive: bool = False
    rr_client: bool = False
    cluster_id: bytes | None = None
    next_hop: NextHopRule = NextHopRule.AUTO
    gtsm_hops: int = 0
    password: SecretRef | None = None
    restart_time: int = 120
    hold_time: int = 90
    keepalive_time: int = 30
    connect_retry_time: float = 5.0
    allow_own_asn: int = 0
    imports: tuple[Rule, ...] = ()
    exports: tuple[Rule, ...] = ()
    because: str = ""  #: the resource that asks for it
    remote_node: str = ""  #: where the peer is a node of the cluster
    asn_rule: AsnRule = AsnRule.FIXED
    interface: str = ""  #: an unnumbered session: whoever is found there
    plain_password: str = field(default="", repr=False)  #: one that stands in the resource itself
    graceful_restart: bool = True
    multihop: int = 64
    dual_stack: bool = False  #: both families on the one session
    leaving: bool = False  #: no plan has it any more, and its work is not taken over yet (`handover`)

    @property
    def family(self) -> Family:
        return IPV6 if len(self.address) == 16 else IPV4


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A prefix that the node announces as its own."""

    net: Net
    blackhole: bool  #: guarded in the kernel; otherwise in the RIB only
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Static:
    """How a peer's address is reached."""

    net: Net
    via: bytes
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """Communities that what lies in a prefix is announced with."""

    net: Net
    communities: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """Everything that a node does."""

    node: str
    asn: int
    router_id: bytes
    listen: tuple[tuple[str, int], ...]
    neighbors: tuple[PeerPlan, ...] = ()
    originate: tuple[Origin, ...] = ()
    static: tuple[Static, ...] = ()
    communities: tuple[Marked, ...] = ()
    pools: tuple[PoolSpec, ...] = ()  #: what travels in VXLAN
    log_level: str = "info"
    compat: Compat = Compat.NONE
    ignored_interfaces: tuple[str, ...] = ()  #: globs, Calico's own included
    workload_addresses: tuple[bytes, ...] = ()  #: what workloads peer with
    not_programmed: tuple[Net, ...] = ()  #: prefixes that somebody else (Felix) writes to the kernel
    service_ranges: tuple[Net, ...] = ()  #: never written to the kernel, whoever announces them
    checked: tuple[str, ...] = ()  #: ServiceAddresses whose health check has to run here
    problems: tuple[Problem, ...] = ()  #: what this node cannot do as it is asked to
