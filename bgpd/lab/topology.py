"""The lab as values: who is in it, at which address, and what everybody must know in the end.

    pod1 -- node1 --+            +-- dc1 (BIRD) --+            +-- node4 -- pod4
    pod2 -- node2 --+-- rack-a --+                +-- rack-b --+-- node5 -- pod5
    pod3 -- node3 --+     |      +-- dc2 (FRR) ---+            +-- calico -- calico-pod
                          |              |
               etcd, prometheus        east -- east1, east2, a pod behind each

`build_cluster` is that: nodes of AS 64512 that take all they do from resources in etcd, in two racks; a Calico node
(BIRD 1.6.8) among them; two data-centre routers of AS 65001, which are the only way from rack to rack; a second
cluster, AS 64513, behind them, with a datastore of its own; a service address with two back ends. `build` is the
core of it, on one wire and with nothing shared: nodes with a file each, and the routers. Whatever is checked or
configured is derived from these values; no driver adds any.
"""

from dataclasses import dataclass, replace
from enum import Enum
from ipaddress import IPv4Address, IPv4Network

from bgpd.model import Overlay

MAX_NODES = 240  #: addresses .11 to .250 of the fabric, and blocks 1 to 240 of the pool

CLUSTER_ASN = 64512
DATACENTRE_ASN = 65001
EAST_ASN = 64513
METRICS_PORT = 9179
PROMETHEUS_PORT = 9090
ETCD_PORT = 2379
PROTOCOL = 64  #: the mark of our routes in the kernel
BLOCK_BITS = 24  #: of the pools here; Calico's default is 26

FABRIC = IPv4Network("172.30.64.0/24")  # clear of home LANs and of the subnets that Docker gives out first
UNDERLAY = IPv4Network("172.30.64.0/22")  #: every wire of the lab
POOL = IPv4Network("10.244.0.0/16")
EAST_POOL = IPv4Network("10.245.0.0/16")
SHARED = IPv4Network("172.20.0.0/16")  # announced by both data-centre routers
SERVICES = IPv4Network("198.51.100.0/24")  # where service addresses are; nobody announces it as a whole


Gateways = frozenset[IPv4Address]  #: next hops of a route; empty: a blackhole


class RouterKind(Enum):
    """Which program a data-centre router is."""

    BIRD = "bird"
    FRR = "frr"


@dataclass(frozen=True, slots=True)
class Wire:
    """A subnet and the link that it is."""

    name: str
    subnet: IPv4Network

    def at(self, number: int) -> IPv4Address:
        """The address with that number."""
        return self.subnet[number]


ONE_WIRE = (Wire("fabric", FABRIC),)
RACKS = (Wire("rack-a", FABRIC), Wire("rack-b", IPv4Network("172.30.65.0/24")))
EAST = Wire("east", IPv4Network("172.30.66.0/24"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of a cluster and the pod behind it."""

    name: str
    index: int  #: from 1
    wire: Wire
    address: IPv4Address  #: on its wire; also its router id
    block: IPv4Network  #: its pods' addresses, a part of the pool
    gateway: IPv4Address  #: its own address inside the block
    pod: str  #: the pod's name
    pod_address: IPv4Address
    asn: int = CLUSTER_ASN


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """A data-centre router: a real BIRD or FRR."""

    name: str
    kind: RouterKind
    number: int  #: its address on every wire
    wires: tuple[Wire, ...]
    prefixes: tuple[IPv4Network, ...]  #: what it announces

    @property
    def address(self) -> IPv4Address:
        """Its first one; also its router id."""
        return self.wires[0].at(self.number)

    def on(self, wire: Wire) -> IPv4Address:
        """Its address on a wire."""
        return wire.at(self.number)

    @property
    def services(self) -> tuple[IPv4Address, ...]:
        """One address inside each prefix that it answers at."""
        return tuple(prefix[1] for prefix in self.prefixes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """An address that several nodes answer for, each while its back end lives."""

    name: str
    address: IPv4Address
    port: int
    backends: tuple[str, ...]  #: names of nodes

    @property
    def prefix(self) -> IPv4Network:
        return IPv4Network(self.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The whole lab."""

    nodes: tuple[Node, ...]
    routers: tuple[Router, ...]
    prometheus: IPv4Address
    wires: tuple[Wire, ...] = ONE_WIRE
    overlay: Overlay = Overlay.NEVER  #: how packets between pods travel
    etcd: IPv4Address | None = None  #: where the cluster's resources are; None: every node has a file of its own
    calico: Node | None = None
    east: tuple[Node, ...] = ()
    service: Service | None = None

    @property
    def pool(self) -> str:
        """The pool as `--pool` takes it; empty where nothing is to be said of it."""
        return "" if self.overlay is Overlay.NEVER else f"{POOL},overlay={self.overlay.value}"

    @property
    def datastore(self) -> str:
        """The cluster's datastore as `--datastore` takes it; empty where there is none."""
        return f"etcd://{self.etcd}:{ETCD_PORT}" if self.etcd is not None else ""

    @property
    def mesh(self) -> tuple[Node, ...]:
        """The members of the first cluster."""
        return (*self.nodes, self.calico) if self.calico is not None else self.nodes

    @property
    def speakers(self) -> tuple[Node, ...]:
        """Every node that runs bgpd."""
        return (*self.nodes, *self.east)

    @property
    def members(self) -> tuple[Node, ...]:
        """Every node of both clusters."""
        return (*self.mesh, *self.east)

    def node(self, name: str) -> Node:
        """The node of that name; KeyError where there is none."""
        for node in self.members:
            if node.name == name:
                return node
        raise KeyError(name)

    def cluster_of(self, node: Node) -> tuple[Node, ...]:
        """The members of a node's cluster."""
        return self.east if node.asn == EAST_ASN else self.mesh

    def hosts(self) -> list[str]:
        """Every machine of the lab by name."""
        names = [name for node in self.members for name in (node.name, node.pod)]
        others = ["prometheus", *(["etcd"] if self.etcd is not None else [])]
        return [*names, *(router.name for router in self.routers), *others]

    def peers(self, node: Node) -> dict[str, IPv4Address]:
        """A node's neighbors: every other node of its cluster, every data-centre router."""
        others = {other.name: other.address for other in self.cluster_of(node) if other is not node}
        return others | {router.name: router.on(node.wire) for router in self.routers}

    def hops(self, first: Node, second: Node) -> int:
        """How many routers a packet from pod to pod passes."""
        return 2 if first.wire == second.wire or self.tunnelled(first, second) else 3

    def tunnelled(self, first: Node, second: Node) -> bool:
        """Whether packets between two nodes have a header of the overlay around them."""
        if second not in self.cluster_of(first) or first in self.east:
            return False
        if self.overlay is Overlay.CROSS_SUBNET:
            return first.wire != second.wire
        return self.overlay is Overlay.ALWAYS

    def expected_on_node(self, node: Node, without: frozenset[str] = frozenset()) -> dict[IPv4Network, Gateways]:
        """What a node's kernel holds of ours once converged; `without` names nodes that are down."""
        expected: dict[IPv4Network, Gateways] = {node.block: frozenset()}  # the guard: a blackhole
        for other in self.members:
            if other is node or other.name in without:
                continue
            expected[other.block] = self.way(node, other)
        for router in self.routers:
            for prefix in router.prefixes:
                expected[prefix] = expected.get(prefix, frozenset()) | {router.on(node.wire)}
        if self.service is not None and (ways := self._ways_to_service(node, self.service, without)):
            expected[self.service.prefix] = ways
        return expected

    def way(self, node: Node, other: Node) -> Gateways:
        """The next hops of a node's route to what another one has."""
        inside = other in self.cluster_of(node)
        if inside and (other.wire == node.wire or self.tunnelled(node, other)):
            return frozenset({other.address})
        doors = self.routers[:1] if inside and node is self.calico else self.routers  # it has but a default route
        return frozenset(router.on(node.wire) for router in doors)

    def _ways_to_service(self, node: Node, service: Service, without: frozenset[str]) -> Gateways:
        """Next hops to the service address; none on a back end, which answers itself."""
        backends = [self.node(name) for name in service.backends if name not in without]
        if node in backends:
            return frozenset()
        if node is self.calico:  # BIRD 1.6 weighs the way to an internal next hop: the one on its wire is nearer
            backends = [other for other in backends if other.wire == node.wire] or backends
        plain = replace(self, overlay=Overlay.NEVER)  # it is in no pool
        return frozenset(gateway for other in backends for gateway in plain.way(node, other))

    def expected_on_router(self, without: frozenset[str] = frozenset()) -> dict[IPv4Network, Gateways]:
        """What a data-centre router's kernel holds of the pools and of service addresses."""
        expected = {node.block: frozenset({node.address}) for node in self.members if node.name not in without}
        if self.service is not None:
            backends = (self.node(name).address for name in self.service.backends if name not in without)
            expected[self.service.prefix] = frozenset(backends)
        return expected


def _routers(wires: tuple[Wire, ...]) -> tuple[Router, ...]:
    return (
        Router(
            name="dc1", kind=RouterKind.BIRD, number=2, wires=wires, prefixes=(SHARED, IPv4Network("172.21.0.0/16"))
        ),
        Router(name="dc2", kind=RouterKind.FRR, number=3, wires=wires, prefixes=(SHARED, IPv4Network("172.22.0.0/16"))),
    )


def _node(index: int, wire: Wire, pool: IPv4Network, name: str, pod: str, asn: int = CLUSTER_ASN) -> Node:
    block = list(pool.subnets(new_prefix=BLOCK_BITS))[index]
    return Node(
        name=name,
        index=index,
        wire=wire,
        address=wire.at(10 + index),
        block=block,
        gateway=block[1],
        pod=pod,
        pod_address=block[10],
        asn=asn,
    )


def build(nodes: int = 3, *, routers: bool = True, overlay: Overlay = Overlay.NEVER) -> Topology:
    """One wire, that many nodes with a file each, with or without routers; ValueError where it cannot be."""
    if not 2 <= nodes <= MAX_NODES:
        raise ValueError(f"a lab has 2 to {MAX_NODES} nodes, not {nodes}")
    return Topology(
        nodes=tuple(_node(i, ONE_WIRE[0], POOL, f"node{i}", f"pod{i}") for i in range(1, nodes + 1)),
        routers=_routers(ONE_WIRE) if routers else (),
        prometheus=FABRIC[4],
        overlay=overlay,
    )


def build_cluster(nodes: int = 5, *, overlay: Overlay = Overlay.NEVER) -> Topology:
    """Two racks, a datastore, and everybody else; ValueError where it cannot be.

    The Calico node is there only without an overlay: BIRD does not encapsulate, that is Felix's part of Calico.
    """
    core = build(nodes, overlay=overlay)
    far = nodes - max(1, nodes * 2 // 5)  # of five nodes, two are in the second rack
    racked = tuple(_node(node.index, RACKS[node.index > far], POOL, node.name, node.pod) for node in core.nodes)
    wires = (*RACKS, EAST)
    return replace(
        core,
        nodes=racked,
        wires=wires,
        routers=_routers(wires),
        etcd=FABRIC[5],
        calico=_node(MAX_NODES + 1, RACKS[1], POOL, "calico", "calico-pod") if overlay is Overlay.NEVER else None,
        east=tuple(_node(i, EAST, EAST_POOL, f"east{i}", f"east-pod{i}", EAST_ASN) for i in (1, 2)),
        service=Service(name="web", address=SERVICES[80], port=8080, backends=(racked[0].name, racked[far].name)),
    )
