"""What is looked at, the same for both drivers.

Nothing here asks bgpd alone: the kernels are read by iproute2, packets by ping and tcpdump in the pods and on the
nodes' wires, the data-centre routers by their own kernels, the figures by a real Prometheus, rights from /proc.
"""

import json
import re
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from ipaddress import IPv4Address
from typing import Any

from bgpd.lab.driver import Driver, bgpctl, on, try_on
from bgpd.lab.routes import Watch, parse_table, read_table, require, words
from bgpd.lab.shell import Failed, Stream, until
from bgpd.lab.topology import METRICS_PORT, PROMETHEUS_PORT, PROTOCOL, Gateways, Node, Router, Topology
from bgpd.lab.verdict import Verdict
from bgpd.model import Overlay

PATIENCE = 60.0  #: seconds that a lab gets until everybody knows everything
SMALL = 5  #: up to so many nodes, every table is printed in full

#: the numbers of the two capabilities that a node's daemon may have (linux/capability.h)
CAPABILITIES = {10: "NET_BIND_SERVICE", 12: "NET_ADMIN"}

PING = 'for to in "$@"; do ping -n -c 1 -W 2 "$to" >/dev/null || echo "$to"; done'

FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"


def run_all(driver: Driver, verdict: Verdict, patience: float = PATIENCE) -> None:
    """Every check, in the order in which a person would look.

    `patience` is the seconds that anything awaited gets; once the lab has not converged, the rest gets little more.
    """
    topology = driver.topology
    verdict.section("Convergence")
    if not verdict.check("converged", lambda: wait_converged(driver, patience)):
        patience = min(patience, 2.0)
        for host in [*(node.name for node in topology.nodes[:SMALL]), *(router.name for router in topology.routers)]:
            verdict.section(f"The log of {host}")
            verdict.show(driver.log(host))
    check_sessions(driver, verdict, patience)
    check_kernels(driver, verdict)
    check_rights(driver, verdict)
    check_packets(driver, verdict)
    check_stop_and_start(driver, verdict, patience)
    verdict.section("Prometheus")
    verdict.check("prometheus", lambda: scraped(driver, patience))


def wait_converged(driver: Driver, patience: float) -> str:
    """Wait until every kernel of the lab, nodes and data-centre routers, holds what it must."""
    topology = driver.topology
    waiting = {node.name for node in topology.nodes} | {router.name for router in topology.routers}

    def missing() -> str | None:
        complaint = None
        for host in sorted(waiting):
            try:
                _require_host(driver, host)
                waiting.discard(host)
            except Failed as error:
                complaint = complaint or str(error)
        return complaint

    took = until("every kernel complete", missing, timeout=patience)
    hosts = len(topology.nodes) + len(topology.routers)
    return f"the kernels of all {hosts} routers are complete after {took:.1f} s of waiting"


def _require_host(driver: Driver, host: str, without: frozenset[str] = frozenset()) -> None:
    topology = driver.topology
    for node in topology.nodes:
        if node.name == host:
            require(read_table(driver, host), topology.expected_on_node(node, without), host)
            return
    require(read_table(driver, host, None), topology.expected_on_router(without), host)


# -- sessions


def check_sessions(driver: Driver, verdict: Verdict, patience: float) -> None:
    """Every node has a session with everybody."""
    verdict.section("Sessions, by `bgpctl show neighbors` on each node")
    for node in driver.topology.nodes:
        verdict.check(f"sessions of {node.name}", partial(sessions, driver, node, patience))
    verdict.check("ready", partial(ready, driver, patience))


def sessions(driver: Driver, node: Node, patience: float) -> str:
    """All of a node's sessions are Established."""
    expected = driver.topology.peers(node)

    def missing() -> str | None:
        rows = {row["address"]: row for row in bgpctl(driver, node.name, "show", "neighbors")}
        down = [
            f"{name} is {rows[str(address)]['state']} ({rows[str(address)]['reason']})"
            if str(address) in rows
            else f"{name} is not configured"
            for name, address in expected.items()
            if str(address) not in rows or rows[str(address)]["state"] != "Established"
        ]
        return "; ".join(down[:4]) or None

    until(f"sessions of {node.name}", missing, timeout=patience)
    return f"{len(expected)}/{len(expected)} Established: {_some(list(expected))}"


def ready(driver: Driver, patience: float) -> str:
    """Every node answers on /readyz that it is ready, and its health check, where it has one, says so too."""
    url = f"http://127.0.0.1:{METRICS_PORT}/readyz"

    def missing() -> str | None:
        for node in driver.topology.nodes:
            code, out, err = try_on(driver, node.name, *driver.python(node.name), "-m", "bgpd.http.probe", url)
            if code != 0:
                return f"{node.name}: {(out + err).strip()}"
            health = driver.health(node.name)
            if health not in {None, "healthy"}:
                return f"{node.name} is {health}"
        return None

    until("every node ready", missing, timeout=patience, pause=0.5)
    healthy = ", and every container is healthy" if driver.health(driver.topology.nodes[0].name) else ""
    return f"{len(driver.topology.nodes)}/{len(driver.topology.nodes)} nodes answer 200 on /readyz{healthy}"


def established_counts(driver: Driver, node: Node) -> dict[str, int]:
    """How many sessions each neighbor of a node has had."""
    rows = bgpctl(driver, node.name, "show", "neighbors")
    return {str(row["address"]): int(row["established_count"]) for row in rows}


# -- kernels


def check_kernels(driver: Driver, verdict: Verdict) -> None:
    """Every kernel holds exactly what it must."""
    topology = driver.topology
    small = len(topology.nodes) <= SMALL
    verdict.section("Kernel routes, by `ip route show proto 64` on each node and `ip route` on the routers")
    for node in topology.nodes:
        expected = topology.expected_on_node(node)
        verdict.check(f"kernel of {node.name}", partial(kernel, driver, node.name, expected))
        if small:
            verdict.show(_table(driver, node.name, "64"))
    for router in topology.routers:
        expected = topology.expected_on_router()
        name = f"kernel of {router.name} ({router.kind.name})"
        verdict.check(name, partial(kernel, driver, router.name, expected, None))
        if small:
            verdict.show(_table(driver, router.name, None))


def kernel(driver: Driver, host: str, expected: dict[Any, Gateways], protocol: str | None = "64") -> str:
    """A host's kernel holds exactly the expected routes."""
    require(read_table(driver, host, protocol), expected, host)
    ecmp = sum(len(gateways) > 1 for gateways in expected.values())
    return f"exactly the {len(expected)} routes it must have" + (f", {ecmp} by two ways" if ecmp else "")


def _table(driver: Driver, host: str, protocol: str | None) -> str:
    try:
        table = read_table(driver, host, protocol)
    except Failed as error:
        return str(error)
    return "\n".join(f"{prefix!s:18} {words(gateways)}" for prefix, gateways in sorted(table.items()))


# -- rights


def check_rights(driver: Driver, verdict: Verdict) -> None:
    """The daemon is not root and has the two capabilities, no more; where the driver runs it so."""
    statuses = {node.name: driver.process_status(node.name) for node in driver.topology.nodes}
    if any(statuses.values()):
        verdict.section("Rights, by /proc/1/status in each node")
        for name, status in statuses.items():
            verdict.check(f"rights of {name}", partial(rights, status or ""))


def rights(status: str) -> str:
    """What /proc/PID/status says of a process: not root, exactly CAPABILITIES effective."""
    fields = dict(re.findall(r"^(\w+):\s*(.*)$", status, re.MULTILINE))
    uid = fields["Uid"].split()[1]
    if uid == "0":
        raise Failed("the daemon runs as root")
    for kind in ("CapEff", "CapPrm", "CapBnd"):
        bits = {bit for bit in range(64) if int(fields[kind], 16) >> bit & 1}
        if bits != set(CAPABILITIES):
            raise Failed(f"{kind} is {fields[kind]}: not exactly {' and '.join(CAPABILITIES.values())}")
    return f"user {uid}, effective capabilities {fields['CapEff']} = {' + '.join(sorted(CAPABILITIES.values()))}"


# -- packets


def check_packets(driver: Driver, verdict: Verdict) -> None:
    """Packets arrive, as they were sent."""
    topology = driver.topology
    first, second = topology.nodes[:2]
    verdict.section(f"Packets, by ping, and by tcpdump in {second.pod} and on the uplink of {second.name}")
    verdict.check(f"{first.pod} -> {second.pod}", lambda: one_ping(driver, first, second))
    verdict.check(f"what {second.pod} saw", lambda: seen_by_pod(driver, first, second))
    on_wire = seen_in_tunnel if topology.overlay is Overlay.ALWAYS else seen_on_wire
    verdict.check(f"what the wire of {second.name} saw", lambda: on_wire(driver, first, second))
    verdict.check("pods -> pods", lambda: all_pods(driver))
    for router in topology.routers:
        verdict.check(f"{router.name} -> every pod", partial(router_to_pods, driver, router))
    services = sorted({service for router in topology.routers for service in router.services})
    verdict.check(f"{first.pod} -> data centre", lambda: pings(driver, first.pod, services))


def one_ping(driver: Driver, first: Node, second: Node) -> str:
    """A ping from pod to pod, by exactly two routers."""
    out = on(driver, first.pod, "ping", "-n", "-c", "1", "-w", "5", str(second.pod_address))
    found = re.search(r"from (\S+): .*ttl=(\d+) time=([\d.]+ ms)", out)
    if found is None:
        raise Failed(f"no answer: {out.strip()}")
    hops = 64 - int(found[2])
    if hops != 2:
        raise Failed(f"the answer came over {hops} routers, not 2")
    return f"answer from {found[1]} in {found[3]}, 2 hops (TTL 64 -> {found[2]}): {first.name}, {second.name}"


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
    if (source, to, protocol, ttl) != (str(first.pod_address), str(second.pod_address), "ICMP", 62):
        raise Failed(f"{source} > {to}, {protocol}, TTL {ttl}")
    return f"{source} > {to}, {protocol}, TTL {ttl}: the sender's own address, no NAT"


def seen_on_wire(driver: Driver, first: Node, second: Node) -> str:
    """Between the nodes the packet is as the pod sent it: no encapsulation."""
    device = uplink(driver, second)
    source, to, protocol, ttl = parse_packet(capture(driver, second.name, device, first, second))
    if (source, to, protocol, ttl) != (str(first.pod_address), str(second.pod_address), "ICMP", 63):
        raise Failed(f"{source} > {to}, {protocol}, TTL {ttl}: not the pod's own packet")
    return f"{source} > {to}, {protocol}, TTL {ttl}: the outermost header is the pod's own, no encapsulation"


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
    return f"{len(targets)}/{len(targets)} answer: {_some([str(to) for to in targets])}"


def all_pods(driver: Driver) -> str:
    """Every pod reaches every other pod (in a large lab: the next two)."""
    nodes = driver.topology.nodes
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
    return pings(driver, router.name, [node.pod_address for node in driver.topology.nodes])


# -- a node goes and comes back


def check_stop_and_start(driver: Driver, verdict: Verdict, patience: float) -> None:
    """A node is stopped and started again; everybody notices, nobody else is disturbed."""
    topology = driver.topology
    node = topology.nodes[-1]
    verdict.section(f"{node.name} is stopped ({driver.stop_words}) and started again; times by each kernel's events")
    before = {other.name: _counts(driver, other) for other in topology.nodes if other is not node}
    verdict.check(f"{node.name} stopped", lambda: stopped(driver, node, patience))
    verdict.check(f"{node.name} started", lambda: started(driver, node, patience))
    verdict.check(f"{topology.nodes[0].pod} -> {node.pod}", lambda: one_ping(driver, topology.nodes[0], node))
    verdict.check("nobody else disturbed", lambda: undisturbed(driver, node, before))


def _counts(driver: Driver, node: Node) -> dict[str, int]:
    try:
        return established_counts(driver, node)
    except Failed:  # other checks say so; "nobody else disturbed" will then not hold
        return {}


def _watchers(topology: Topology, node: Node) -> list[str]:
    return [other.name for other in topology.nodes if other is not node] + [r.name for r in topology.routers]


def stopped(driver: Driver, node: Node, patience: float) -> str:
    """Stop a node: its block leaves every other kernel."""
    hosts = _watchers(driver.topology, node)
    with ExitStack() as stack:
        watches = [stack.enter_context(Watch(driver, host)) for host in hosts]
        begin = time.time()
        driver.stop_node(node.name)
        took = {watch.host: watch.wait_gone(node.block, patience) - begin for watch in watches}
    for host in hosts:
        _require_host(driver, host, frozenset({node.name}))
    code, left, _ = try_on(driver, node.name, "ip", "-4", "-j", "route", "show", "proto", str(PROTOCOL))
    if code == 0 and parse_table(left):  # a stopped container has no kernel to ask
        raise Failed(f"{node.name} left routes in its own kernel: {', '.join(str(p) for p in parse_table(left))}")
    return f"{node.block} withdrawn from every other kernel in {_milliseconds(took)}"


def started(driver: Driver, node: Node, patience: float) -> str:
    """Start a stopped node: its block is in every other kernel again, and its own kernel is complete."""
    hosts = _watchers(driver.topology, node)
    with ExitStack() as stack:
        watches = [stack.enter_context(Watch(driver, host)) for host in hosts]
        begin = time.time()
        driver.start_node(node.name)
        took = {watch.host: watch.wait_there([node.block], patience) - begin for watch in watches}
        until(f"kernel of {node.name}", lambda: _complaint(driver, node.name), timeout=patience)
        took[node.name] = time.time() - begin
    for host in hosts:
        _require_host(driver, host)
    return f"{node.block} is back in every kernel, and {node.name} is complete, in {_milliseconds(took)}"


def _complaint(driver: Driver, host: str) -> str | None:
    try:
        _require_host(driver, host)
    except Failed as error:
        return str(error)
    return None


def undisturbed(driver: Driver, node: Node, before: dict[str, dict[str, int]]) -> str:
    """No session but those with the stopped node was lost meanwhile."""
    count = 0
    for other in driver.topology.nodes:
        if other is node:
            continue
        now = established_counts(driver, other)
        for address, times in before[other.name].items():
            if address == str(node.address):
                continue
            if now.get(address) != times:
                raise Failed(f"{other.name} lost its session with {address}")
            count += 1
        if not before[other.name]:
            raise Failed(f"{other.name} did not answer before")
    return f"the other {count} ends of sessions stayed up"


# -- Prometheus


def scraped(driver: Driver, patience: float) -> str:
    """Prometheus sees every node up."""
    topology = driver.topology
    wanted = {node.name for node in topology.nodes}
    url = f"http://{topology.prometheus}:{PROMETHEUS_PORT}/api/v1/targets?state=active"
    node = topology.nodes[0].name

    def missing() -> str | None:
        code, out, err = try_on(driver, node, *driver.python(node), "-c", FETCH, url)
        if code != 0:
            return (err.strip().splitlines() or ["no answer"])[-1]
        targets = json.loads(out)["data"]["activeTargets"]
        down = [f"{t['labels']['node']} {t['health']} {t['lastError']}".strip() for t in targets if t["health"] != "up"]
        absent = wanted - {target["labels"]["node"] for target in targets}
        return "; ".join([*down[:3], *(f"{name} is no target" for name in sorted(absent)[:3])]) or None

    until("every target up", missing, timeout=patience, pause=0.5)
    return f"{len(wanted)}/{len(wanted)} targets up, seen at http://{topology.prometheus}:{PROMETHEUS_PORT}/targets"


def _milliseconds(took: dict[str, float]) -> str:
    worst = max(took.values())
    shown = ", ".join(f"{host} {1000 * seconds:.0f}" for host, seconds in list(took.items())[:8])
    return f"{1000 * worst:.0f} ms ({shown}{', ...' if len(took) > 8 else ''})"


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
