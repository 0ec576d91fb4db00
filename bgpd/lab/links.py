"""The lab's links, addresses and static routes as lines of `ip -batch`, host by host. Pure.

Every wire is a bridge in the namespace `fabric`; who is on several wires has eth0, eth1, ... in their order. Beyond
its wire a machine knows one static route to all of them, by the data-centre routers: what lies behind the other
machines is BGP's to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from bgpd.lab.topology import UNDERLAY, Node, Topology, Wire

POD_LINK = "169.254.1.1"  #: where a Calico pod sends everything; its node answers for it (proxy ARP)


@dataclass(frozen=True, slots=True)
class Leg:
    """One machine on one wire."""

    host: str
    device: str
    wire: Wire
    address: IPv4Address

    @property
    def port(self) -> str:
        """The bridge's end, at most 15 letters."""
        return f"{self.host}-{self.device[3:]}"


def legs(topology: Topology) -> list[Leg]:
    """Who is on which wire."""
    first = topology.wires[0]
    found = [Leg(node.name, "eth0", node.wire, node.address) for node in topology.members]
    for router in topology.routers:
        found += [Leg(router.name, f"eth{n}", wire, router.on(wire)) for n, wire in enumerate(router.wires)]
    found.append(Leg("prometheus", "eth0", first, topology.prometheus))
    if topology.etcd is not None:
        found.append(Leg("etcd", "eth0", first, topology.etcd))
    return found


def fabric(topology: Topology, namespace: str) -> list[str]:
    """The bridges and their ports; `namespace` holds "{}" where a host's name belongs."""
    lines = [
        line for wire in topology.wires for line in (f"link add {wire.name} type bridge", f"link set {wire.name} up")
    ]
    for leg in legs(topology):
        peer = namespace.format(leg.host)
        lines += [
            f"link add {leg.port} type veth peer name {leg.device} netns {peer}",
            f"link set {leg.port} master {leg.wire.name} up",
        ]
    return lines


def host(topology: Topology, name: str) -> list[str]:
    """A machine's loopback, its legs, and the way to the other wires."""
    lines = ["link set lo up"]
    for leg in legs(topology):
        if leg.host == name:
            lines += [
                f"address add {leg.address}/{leg.wire.subnet.prefixlen} dev {leg.device}",
                f"link set {leg.device} up",
            ]
    if len(topology.wires) > 1 and name not in {router.name for router in topology.routers}:
        lines.append(_way_out(topology, next(leg.wire for leg in legs(topology) if leg.host == name), name))
    for router in topology.routers:
        if router.name == name:
            lines += [f"address add {address}/32 dev lo" for address in router.services]
    if topology.service is not None and name in topology.service.backends:
        lines.append(f"address add {topology.service.address}/32 dev lo")
    return lines


def _way_out(topology: Topology, wire: Wire, name: str) -> str:
    if topology.calico is not None and name == topology.calico.name:
        # proxy ARP answers for addresses to which there is a way: Calico counts on a default route
        return f"route add default via {topology.routers[0].on(wire)}"
    if name in {node.name for node in topology.members}:
        ways = " ".join(f"nexthop via {router.on(wire)}" for router in topology.routers)
        return f"route add {UNDERLAY} {ways}"
    return f"route add {UNDERLAY} via {topology.routers[0].on(wire)}"


def pods(topology: Topology, node: Node, namespace: str) -> tuple[list[str], list[str]]:
    """What the node does for its pod, and what is inside the pod; `namespace` is the pod's."""
    if node is topology.calico:
        outside = [
            f"link add cali0 type veth peer name eth0 netns {namespace}",
            "link set cali0 up",
            f"route add {node.pod_address}/32 dev cali0 scope link",
        ]
        inside = [
            f"address add {node.pod_address}/32 dev eth0",
            "link set eth0 up",
            f"route add {POD_LINK} dev eth0 scope link",
            f"route add default via {POD_LINK}",
        ]
        return outside, ["link set lo up", *inside]
    length = node.block.prefixlen
    outside = [
        "link add pods type bridge",
        f"address add {node.gateway}/{length} dev pods",
        "link set pods up",
        f"link add {node.pod} type veth peer name eth0 netns {namespace}",
        f"link set {node.pod} master pods up",
    ]
    inside = [f"address add {node.pod_address}/{length} dev eth0", "link set eth0 up"]
    return outside, ["link set lo up", *inside, f"route add default via {node.gateway}"]


def settings(topology: Topology, name: str) -> Sequence[str]:
    """Kernel settings of a machine that forwards: files below /proc/sys/net/ipv4 and what stands in them."""
    found = ["ip_forward 1"]
    if topology.calico is not None and name == topology.calico.name:
        found.append("conf/cali0/proxy_arp 1")
    if name in {router.name for router in topology.routers}:
        found.append("fib_multipath_hash_policy 1")  # ports count: the connections of one client spread, too
    return found
