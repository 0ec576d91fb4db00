"""What is looked at, the same for both drivers.

Nothing here asks bgpd alone: the kernels are read by iproute2, packets by ping and tcpdump in the pods and on the
nodes' wires, the data-centre routers by their own kernels, the figures by a real Prometheus, rights from /proc.
"""

import json
import re
from functools import partial
from typing import Any

from bgpd.lab import scenarios
from bgpd.lab.driver import Driver, bgpctl, fetch, try_on
from bgpd.lab.packets import SMALL, all_pods, on_wire, one_ping, pings, router_to_pods, seen_by_pod, some
from bgpd.lab.routes import protocol_of, read_table, require, require_host, words
from bgpd.lab.shell import Failed, until
from bgpd.lab.topology import METRICS_PORT, PROMETHEUS_PORT, Gateways, Node
from bgpd.lab.verdict import Verdict

PATIENCE = 60.0  #: seconds that a lab gets until everybody knows everything

#: the numbers of the two capabilities that a node's daemon may have (linux/capability.h)
CAPABILITIES = {10: "NET_BIND_SERVICE", 12: "NET_ADMIN"}


def run_all(driver: Driver, verdict: Verdict, patience: float = PATIENCE) -> None:
    """Every check, in the order in which a person would look.

    `patience` is the seconds that anything awaited gets; once the lab has not converged, the rest gets little more.
    """
    topology = driver.topology
    verdict.section("Convergence")
    if not verdict.check("converged", lambda: wait_converged(driver, patience)):
        patience = min(patience, 2.0)
        for host in [*(node.name for node in topology.speakers[:SMALL]), *(router.name for router in topology.routers)]:
            verdict.section(f"The log of {host}")
            verdict.show(driver.log(host))
    check_sessions(driver, verdict, patience)
    check_kernels(driver, verdict)
    check_rights(driver, verdict)
    check_packets(driver, verdict)
    scenarios.run_all(driver, verdict, patience)
    verdict.section("Prometheus")
    verdict.check("prometheus", lambda: scraped(driver, patience))


def wait_converged(driver: Driver, patience: float) -> str:
    """Wait until every kernel of the lab, nodes and data-centre routers, holds what it must."""
    topology = driver.topology
    waiting = {node.name for node in topology.members} | {router.name for router in topology.routers}

    def missing() -> str | None:
        complaint = None
        for host in sorted(waiting):
            try:
                require_host(driver, host)
                waiting.discard(host)
            except Failed as error:
                complaint = complaint or str(error)
        return complaint

    took = until("every kernel complete", missing, timeout=patience)
    hosts = len(topology.members) + len(topology.routers)
    return f"the kernels of all {hosts} routers are complete after {took:.1f} s of waiting"


# -- sessions


def check_sessions(driver: Driver, verdict: Verdict, patience: float) -> None:
    """Every node has a session with everybody."""
    verdict.section("Sessions, by `bgpctl show neighbors` on each node")
    for node in driver.topology.speakers:
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
    return f"{len(expected)}/{len(expected)} Established: {some(list(expected))}"


def ready(driver: Driver, patience: float) -> str:
    """Every node answers on /readyz that it is ready, and its health check, where it has one, says so too."""
    url = f"http://127.0.0.1:{METRICS_PORT}/readyz"

    def missing() -> str | None:
        for node in driver.topology.speakers:
            code, out, err = try_on(driver, node.name, *driver.python(node.name), "-m", "bgpd.http.probe", url)
            if code != 0:
                return f"{node.name}: {(out + err).strip()}"
            health = driver.health(node.name)
            if health not in {None, "healthy"}:
                return f"{node.name} is {health}"
        return None

    until("every node ready", missing, timeout=patience, pause=0.5)
    healthy = ", and every container is healthy" if driver.health(driver.topology.nodes[0].name) else ""
    count = len(driver.topology.speakers)
    return f"{count}/{count} nodes answer 200 on /readyz{healthy}"


# -- kernels


def check_kernels(driver: Driver, verdict: Verdict) -> None:
    """Every kernel holds exactly what it must."""
    topology = driver.topology
    small = len(topology.nodes) <= SMALL
    verdict.section("Kernel routes, by `ip route show proto 64` on each node and `ip route` on the routers")
    for node in topology.members:
        expected = topology.expected_on_node(node)
        mark = protocol_of(topology, node.name)
        verdict.check(f"kernel of {node.name}", partial(kernel, driver, node.name, expected, mark))
        if small:
            verdict.show(_table(driver, node.name, mark))
    for router in topology.routers:
        expected = topology.expected_on_router()
        name = f"kernel of {router.name} ({router.kind.name})"
        verdict.check(name, partial(kernel, driver, router.name, expected, None))
        if small:
            verdict.show(_table(driver, router.name, None))


def kernel(driver: Driver, host: str, expected: dict[Any, Gateways], protocol: str | None) -> str:
    """A host's kernel holds exactly the expected routes."""
    require(read_table(driver, host, protocol), expected, host)
    ecmp = sum(len(gateways) > 1 for gateways in expected.values())
    return f"exactly the {len(expected)} routes it must have" + (f", {ecmp} by several ways" if ecmp else "")


def _table(driver: Driver, host: str, protocol: str | None) -> str:
    try:
        table = read_table(driver, host, protocol)
    except Failed as error:
        return str(error)
    return "\n".join(
        f"{prefix} via {words(gateways)}" if gateways else f"blackhole {prefix}"
        for prefix, gateways in sorted(table.items())
    )


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
    verdict.check(f"what the wire of {second.name} saw", lambda: on_wire(driver, first, second))
    far = next((node for node in topology.nodes if node.wire != first.wire), None)
    if far is not None:
        verdict.check(f"{first.pod} -> {far.pod}, the other rack", lambda: one_ping(driver, first, far))
        verdict.check(f"what the wire of {far.name} saw", lambda: on_wire(driver, first, far))
    verdict.check("pods -> pods", lambda: all_pods(driver))
    for router in topology.routers:
        verdict.check(f"{router.name} -> every pod", partial(router_to_pods, driver, router))
    services = sorted({service for router in topology.routers for service in router.services})
    verdict.check(f"{first.pod} -> data centre", lambda: pings(driver, first.pod, services))


# -- Prometheus


def scraped(driver: Driver, patience: float) -> str:
    """Prometheus sees every node up."""
    topology = driver.topology
    wanted = {node.name for node in topology.speakers}
    url = f"http://{topology.prometheus}:{PROMETHEUS_PORT}/api/v1/targets?state=active"
    node = topology.nodes[0].name

    def missing() -> str | None:
        try:
            targets = json.loads(fetch(driver, node, url))["data"]["activeTargets"]
        except Failed as error:
            return str(error)
        down = [f"{t['labels']['node']} {t['health']} {t['lastError']}".strip() for t in targets if t["health"] != "up"]
        absent = wanted - {target["labels"]["node"] for target in targets}
        return "; ".join([*down[:3], *(f"{name} is no target" for name in sorted(absent)[:3])]) or None

    until("every target up", missing, timeout=patience, pause=0.5)
    return f"{len(wanted)}/{len(wanted)} targets up, seen at http://{topology.prometheus}:{PROMETHEUS_PORT}/targets"
