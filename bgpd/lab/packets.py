"""Packets, as they are: pings counted by their TTL, and what tcpdump sees in a pod and on a node's wire."""

import json
import re
from collections.abc import Sequence
from ipaddress import IPv4Address

from bgpd.lab.driver import Driver, on
from bgpd.lab.shell import Failed, Stream
from bgpd.lab.topology import Node, Router

SMALL = 6  #: up to so many nodes, everything is looked at and printed in full

PING = 'for to in "$@"; do ping -n -c 1 -W 2 "$to" >/dev/null || echo "$to"; done'


def one_ping(driver: Driver, first: Node, second: Node) -> str:
    """A ping from pod to pod, by exactly as many routers as there are between them."""
    out = on(driver, first.pod, "ping", "-n", "-c", "1", "-w", "5", str(second.pod_address))
    found = re.search(r"from (\S+): .*ttl=(\d+) time=([\d.]+ ms)", out)
    if found is None:
        raise Failed(f"no answer: {out.strip()}")
    hops, wanted = 64 - int(found[2]), driver.topology.hops(first, second)
    if hops != wanted:
        raise Failed(f"the answer came over {hops} routers, not {wanted}")
    way = f"{first.name}, {second.name}" if wanted == 2 else f"{first.name}, a router, {second.name}"
    return f"answer from {found[1]} in {found[3]}, {hops} hops (TTL 64 -> {found[2]}): {way}"


def capture(driver: Driver, host: str, device: str, sender: Node, to: Node) -> str:
    """The first packet that a device sees while one pod pings another: `IP (...) a > b: ...` as tcpdump has it.

    Tunnels are listened for as well: had the ping one around it, that would be the first packet.
    """
    what = "icmp[icmptype] == icmp-echo or ip proto 4 or ip proto 41 or ip proto 47 or udp"
    command = ["tcpdump", "-Z", "root", "-n", "-v", "-l", "--immediate-mode", "-c", "1", "-i", device, what]
    with Stream(driver.sidecar(host, command)) as stream:
        stream.wait(lambda lines: any("listening on" in line for line in lines), timeout=20, what=f"tcpdump on {host}")
        on(driver, sender.pod, "ping", "-n", "-c", "1", "-w", "5", str(to.pod_address))
        lines = stream.wait(
            lambda lines: any(re.match(r"\s+\S+ > ", line) for line in lines), timeout=15, what=f"a packet on {host}"
        )
    return packet_of(lines)


def packet_of(lines: Sequence[str]) -> str:
    """Tcpdump's two lines about the first packet as one; its other words may stand anywhere between them."""
    head = next((line for line in lines if re.search(r"(^| )IP6? \(", line)), "")
    addresses = next((line for line in lines if re.match(r"\s+\S+ > ", line)), "")
    return f"{head.strip()} {addresses.strip()}"


def parse_packet(text: str) -> tuple[str, str, str, int]:
    """A packet as tcpdump -v has it -> source, destination, protocol, TTL."""
    found = re.search(r"ttl (\d+),.*proto (\w+).*\) +(\S+) > ([\d.]+):? ", text)
    if found is None:
        raise Failed(f"not understood: {text}")
    return found[3], found[4], found[2], int(found[1])


def seen_by_pod(driver: Driver, first: Node, second: Node) -> str:
    """The receiver sees the sender's own address: no address translation."""
    source, to, protocol, ttl = parse_packet(capture(driver, second.pod, "eth0", first, second))
    left = 64 - driver.topology.hops(first, second)
    if (source, to, protocol, ttl) != (str(first.pod_address), str(second.pod_address), "ICMP", left):
        raise Failed(f"{source} > {to}, {protocol}, TTL {ttl}")
    return f"{source} > {to}, {protocol}, TTL {ttl}: the sender's own address, no NAT"


def seen_on_wire(driver: Driver, first: Node, second: Node) -> str:
    """Between the nodes the packet is as the pod sent it: no encapsulation."""
    device = uplink(driver, second)
    source, to, protocol, ttl = parse_packet(capture(driver, second.name, device, first, second))
    left = 65 - driver.topology.hops(first, second)
    if (source, to, protocol, ttl) != (str(first.pod_address), str(second.pod_address), "ICMP", left):
        raise Failed(f"{source} > {to}, {protocol}, TTL {ttl}: not the pod's own packet")
    return f"{source} > {to}, {protocol}, TTL {ttl}: the outermost header is the pod's own, no encapsulation"


def on_wire(driver: Driver, first: Node, second: Node) -> str:
    """What the wire has to show: the pod's own packet, or one that is in the overlay."""
    look = seen_in_tunnel if driver.topology.tunnelled(first, second) else seen_on_wire
    return look(driver, first, second)


def seen_in_tunnel(driver: Driver, first: Node, second: Node) -> str:
    """Between the nodes a second header is around the packet: nodes as its ends, VXLAN, and the pod's own inside."""
    command = ["tcpdump", "-Z", "root", "-n", "-v", "-l", "--immediate-mode", "-c", "1"]
    command += ["-i", uplink(driver, second), f"udp and src {first.address} and dst {second.address}"]
    with Stream(driver.sidecar(second.name, command)) as stream:
        stream.wait(
            lambda lines: any("listening on" in line for line in lines), timeout=20, what=f"tcpdump on {second.name}"
        )
        on(driver, first.pod, "ping", "-n", "-c", "1", "-w", "5", str(second.pod_address))
        lines = stream.wait(
            lambda lines: any("ICMP echo" in line for line in lines), timeout=15, what=f"a packet on {second.name}"
        )
    inner = next(number for number, line in enumerate(lines) if "ICMP echo" in line)
    outer = re.search(r"(\S+)\.\d+ > (\S+)\.(\d+): VXLAN, .*vni (\d+)", " ".join(lines[:inner]))
    if outer is None:
        raise Failed(f"no VXLAN around it: {' | '.join(lines)}")
    source, to, protocol, ttl = parse_packet(packet_of(lines[inner - 1 : inner + 1]))
    if (source, to, protocol, ttl) != (str(first.pod_address), str(second.pod_address), "ICMP", 63):
        raise Failed(f"inside: {source} > {to}, {protocol}, TTL {ttl}: not the pod's own packet")
    return f"{outer[1]} > {outer[2]}, UDP {outer[3]}, VXLAN {outer[4]} ( {source} > {to}, {protocol}, TTL {ttl} )"


def uplink(driver: Driver, node: Node) -> str:
    """The device that has a node's address on the fabric."""
    for row in json.loads(on(driver, node.name, "ip", "-4", "-j", "address")):
        if any(entry.get("local") == str(node.address) for entry in row.get("addr_info", [])):
            return str(row["ifname"])
    raise Failed(f"{node.name} has no device with {node.address}")


def pings(driver: Driver, host: str, targets: Sequence[IPv4Address]) -> str:
    """Every target answers a ping from a host."""
    lost = on(driver, host, "sh", "-c", PING, "sh", *(str(to) for to in targets), timeout=10 + 3 * len(targets)).split()
    if lost:
        raise Failed(f"no answer from {', '.join(lost)}")
    return f"{len(targets)}/{len(targets)} answer: {some([str(to) for to in targets])}"


def all_pods(driver: Driver) -> str:
    """Every pod reaches every other pod (in a large lab: the next two)."""
    nodes = driver.topology.mesh
    count = 0
    for i, node in enumerate(nodes):
        others = [other for other in nodes if other is not node]
        if len(nodes) > SMALL:
            others = [nodes[(i + 1) % len(nodes)], nodes[(i + 2) % len(nodes)]]
        try:
            pings(driver, node.pod, [other.pod_address for other in others])
        except Failed as error:
            raise Failed(f"{node.pod}: {error}") from error
        count += len(others)
    which = "" if len(nodes) <= SMALL else ", from each to the next two"
    return f"{count}/{count} pings answered{which}"


def router_to_pods(driver: Driver, router: Router) -> str:
    """A data-centre router reaches every pod."""
    return pings(driver, router.name, [node.pod_address for node in driver.topology.members])


def some(names: list[str]) -> str:
    """The first eight."""
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
