"""The lab as values: who is in it, at which address, and what everybody must know in the end.

    pod1 -- node1 --+            +-- dc1 (BIRD)   172.21.0.0/16 + 172.20.0.0/16
    pod2 -- node2 --+-- fabric --+
    pod3 -- node3 --+            +-- dc2 (FRR)    172.22.0.0/16 + 172.20.0.0/16
                    |
               prometheus

Nodes are in AS 64512 and form a full iBGP mesh; each announces the block of the pool that its pods live in. The
two data-centre routers are in AS 65001, speak eBGP to every node, and both announce 172.20.0.0/16, so that every node
has two equal ways there. Whatever is checked or configured is derived from these values; no driver adds any.
"""

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Network

from bgpd.model import Overlay

MAX_NODES = 240  #: addresses .11 to .250 of the fabric, and blocks 1 to 240 of the pool

CLUSTER_ASN = 64512
DATACENTRE_ASN = 65001
METRICS_PORT = 9179
PROMETHEUS_PORT = 9090
PROTOCOL = 64  #: the mark of our routes in the kernel

FABRIC = IPv4Network("172.30.64.0/24")  # clear of home LANs and of the subnets that Docker gives out first
POOL = IPv4Network("10.244.0.0/16")
SHARED = IPv4Network("172.20.0.0/16")  # announced by both data-centre routers


Gateways = frozenset[IPv4Address]  #: next hops of a route; empty: a blackhole


class RouterKind(Enum):
    """Which program a data-centre router is."""

    BIRD = "bird"
    FRR = "frr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of the cluster and the pod behind it."""

    name: str
    index: int  #: from 1
    address: IPv4Address  #: on the fabric; also its router id
    block: IPv4Network  #: its pods' addresses, a part of the pool
    gateway: IPv4Address  #: its own address inside the block
    pod: str  #: the pod's name
    pod_address: IPv4Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """A data-centre router: a real BIRD or FRR."""

    name: str
    kind: RouterKind
    address: IPv4Address
    prefixes: tuple[IPv4Network, ...]  #: what it announces

    @property
    def services(self) -> tuple[IPv4Address, ...]:
        """One address inside each prefix that it answers at."""
        return tuple(prefix[1] for prefix in self.prefixes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """The whole lab."""

    nodes: tuple[Node, ...]
    routers: tuple[Router, ...]
    prometheus: IPv4Address
    overlay: Overlay = Overlay.NEVER  #: how packets between pods travel

    @property
    def pool(self) -> str:
        """The pool as `--pool` takes it; empty where nothing is to be said of it."""
        return "" if self.overlay is Overlay.NEVER else f"{POOL},overlay={self.overlay.value}"

    def node(self, name: str) -> Node:
        """The node of that name; KeyError where there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def hosts(self) -> list[str]:
        """Every machine of the lab by name."""
        names = [name for node in self.nodes for name in (node.name, node.pod)]
        return [*names, *(router.name for router in self.routers), "prometheus"]

    def peers(self, node: Node) -> dict[str, IPv4Address]:
        """A node's neighbors: every other node, every data-centre router."""
        others = {other.name: other.address for other in self.nodes if other is not node}
        return others | {router.name: router.address for router in self.routers}

    def expected_on_node(self, node: Node, without: frozenset[str] = frozenset()) -> dict[IPv4Network, Gateways]:
        """What a node's kernel holds of ours once converged; `without` names nodes that are down."""
        expected: dict[IPv4Network, Gateways] = {node.block: frozenset()}  # the guard: a blackhole
        for other in self.nodes:
            if other is not node and other.name not in without:
                expected[other.block] = frozenset({other.address})
        for router in self.routers:
            for prefix in router.prefixes:
                expected[prefix] = expected.get(prefix, frozenset()) | {router.address}
        return expected

    def expected_on_router(self, without: frozenset[str] = frozenset()) -> dict[IPv4Network, Gateways]:
        """What a data-centre router's kernel holds of the pool."""
        return {node.block: frozenset({node.address}) for node in self.nodes if node.name not in without}


ROUTERS = (
    Router(name="dc1", kind=RouterKind.BIRD, address=FABRIC[2], prefixes=(SHARED, IPv4Network("172.21.0.0/16"))),
    Router(name="dc2", kind=RouterKind.FRR, address=FABRIC[3], prefixes=(SHARED, IPv4Network("172.22.0.0/16"))),
)


def build(nodes: int = 3, *, routers: bool = True, overlay: Overlay = Overlay.NEVER) -> Topology:
    """The lab with that many nodes, with or without data-centre routers; ValueError where it cannot be."""
    if not 2 <= nodes <= MAX_NODES:
        raise ValueError(f"a lab has 2 to {MAX_NODES} nodes, not {nodes}")
    blocks = list(POOL.subnets(new_prefix=24))
    return Topology(
        nodes=tuple(
            Node(
                name=f"node{i}",
                index=i,
                address=FABRIC[10 + i],
                block=blocks[i],
                gateway=blocks[i][1],
                pod=f"pod{i}",
                pod_address=blocks[i][10],
            )
            for i in range(1, nodes + 1)
        ),
        routers=ROUTERS if routers else (),
        prometheus=FABRIC[4],
        overlay=overlay,
    )
