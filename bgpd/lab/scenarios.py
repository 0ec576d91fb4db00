"""What happens in a cluster's life, one after the other, while everybody is watched.

A node goes and comes back; a Calico node leaves and joins; a back end of a service address dies; the datastore is
away; another cluster is reached, and nothing is told that should not be. Each leaves the lab as it found it.
"""

import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace

from bgpd.lab import resources, store
from bgpd.lab.driver import Driver, bgpctl, fetch, on, try_on
from bgpd.lab.packets import all_pods, one_ping, seen_by_pod
from bgpd.lab.routes import Watch, parse_table, require_host
from bgpd.lab.shell import Failed, until
from bgpd.lab.topology import METRICS_PORT, PROTOCOL, Node, Service, Topology
from bgpd.lab.verdict import Verdict

ASKED = 40  #: connections to the service address

ASK = """
import socket, sys
for _ in range(int(sys.argv[3])):
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as connection:
        print(connection.recv(64).decode().strip())
"""


def run_all(driver: Driver, verdict: Verdict, patience: float) -> None:
    """Every scenario that this lab has the cast for."""
    topology = driver.topology
    if topology.east:
        check_second_cluster(driver, verdict)
    if topology.calico is not None:
        check_calico(driver, verdict, topology.calico, patience)
    if topology.service is not None:
        check_service(driver, verdict, topology.service, patience)
    check_stop_and_start(driver, verdict, patience)
    if topology.etcd is not None:
        check_datastore(driver, verdict, patience)


def established_counts(driver: Driver, node: Node) -> dict[str, int]:
    """How many sessions each neighbor of a node has had."""
    rows = bgpctl(driver, node.name, "show", "neighbors")
    return {str(row["address"]): int(row["established_count"]) for row in rows}


# -- a node goes and comes back


def check_stop_and_start(driver: Driver, verdict: Verdict, patience: float) -> None:
    """A node is stopped and started again; everybody notices, nobody else is disturbed."""
    topology = driver.topology
    node = topology.nodes[-1]
    verdict.section(f"{node.name} is stopped ({driver.stop_words}) and started again; times by each kernel's events")
    before = counts(driver, without=node)
    verdict.check(f"{node.name} stopped", lambda: stopped(driver, node, patience))
    verdict.check(f"{node.name} started", lambda: started(driver, node, patience))
    verdict.check(f"{topology.nodes[0].pod} -> {node.pod}", lambda: one_ping(driver, topology.nodes[0], node))
    verdict.check("nobody else disturbed", lambda: undisturbed(driver, node, before))


def counts(driver: Driver, without: Node | None = None) -> dict[str, dict[str, int]]:
    """How many sessions each neighbor of each node has had, but for one node."""
    found: dict[str, dict[str, int]] = {}
    for node in driver.topology.speakers:
        if node is not without:
            try:
                found[node.name] = established_counts(driver, node)
            except Failed:  # other checks say so; "nobody else disturbed" will then not hold
                found[node.name] = {}
    return found


def watchers(topology: Topology, node: Node) -> list[str]:
    """Everybody whose kernel hears of a node's block by BGP, and who runs on while it is away."""
    return [other.name for other in topology.members if other is not node] + [r.name for r in topology.routers]


def stopped(driver: Driver, node: Node, patience: float) -> str:
    """Stop a node: its block leaves every other kernel."""
    hosts = watchers(driver.topology, node)
    with ExitStack() as stack:
        watches = [stack.enter_context(Watch(driver, host)) for host in hosts]
        begin = time.time()
        driver.stop_node(node.name)
        took = {watch.host: watch.wait_gone(node.block, patience) - begin for watch in watches}
    settled(driver, hosts, patience, frozenset({node.name}))
    code, left, _ = try_on(driver, node.name, "ip", "-4", "-j", "route", "show", "proto", str(PROTOCOL))
    if code == 0 and parse_table(left):  # a stopped container has no kernel to ask
        raise Failed(f"{node.name} left routes in its own kernel: {', '.join(str(p) for p in parse_table(left))}")
    return f"{node.block} withdrawn from every other kernel in {_milliseconds(took)}"


def started(driver: Driver, node: Node, patience: float) -> str:
    """Start a stopped node: its block is in every other kernel again, and its own kernel is complete."""
    hosts = watchers(driver.topology, node)
    with ExitStack() as stack:
        watches = [stack.enter_context(Watch(driver, host)) for host in hosts]
        begin = time.time()
        driver.start_node(node.name)
        took = {watch.host: watch.wait_there([node.block], patience) - begin for watch in watches}
        settled(driver, [node.name], patience)
        took[node.name] = time.time() - begin
    settled(driver, hosts, patience)
    return f"{node.block} is back in every kernel, and {node.name} is complete, in {_milliseconds(took)}"


def settled(
    driver: Driver,
    hosts: Iterable[str],
    patience: float,
    without: frozenset[str] = frozenset(),
    topology: Topology | None = None,
) -> None:
    """Wait until these kernels hold exactly what they must; raises Failed."""

    def missing() -> str | None:
        try:
            for host in hosts:
                require_host(driver, host, without, topology)
        except Failed as error:
            return str(error)
        return None

    until("every kernel as it must be", missing, timeout=patience)


def undisturbed(driver: Driver, node: Node | None, before: dict[str, dict[str, int]]) -> str:
    """No session was lost meanwhile, but those with the node that was away."""
    count = 0
    for name, sessions_before in before.items():
        now = established_counts(driver, driver.topology.node(name))
        for address, times in sessions_before.items():
            if node is not None and address == str(node.address):
                continue
            if now.get(address) != times:
                raise Failed(f"{name} lost its session with {address}")
            count += 1
        if not sessions_before:
            raise Failed(f"{name} did not answer before")
    return f"{'the other' if node is not None else 'all'} {count} ends of sessions stayed up"


def _milliseconds(took: dict[str, float]) -> str:
    worst = max(took.values())
    shown = ", ".join(f"{host} {1000 * seconds:.0f}" for host, seconds in list(took.items())[:8])
    return f"{1000 * worst:.0f} ms ({shown}{', ...' if len(took) > 8 else ''})"


# -- another cluster


def check_second_cluster(driver: Driver, verdict: Verdict) -> None:
    """Pods of the other cluster are reached through the data centre, and nobody passes on what is not its own."""
    first, other = driver.topology.nodes[0], driver.topology.east[0]
    verdict.section(f"The second cluster, AS {other.asn}, by ping, tcpdump and `bgpctl show route advertised`")
    verdict.check(f"{other.pod} -> {first.pod}", lambda: one_ping(driver, other, first))
    verdict.check(f"what {first.pod} saw of it", lambda: seen_by_pod(driver, other, first))
    verdict.check("nothing leaks", lambda: nothing_leaks(driver))


def nothing_leaks(driver: Driver) -> str:
    """What every node tells every data-centre router is its own block, and the service address of a back end."""
    topology = driver.topology
    told = 0
    for node in topology.speakers:
        own = {str(node.block)}
        if topology.service is not None and node.name in topology.service.backends:
            own.add(str(topology.service.prefix))
        for router in topology.routers:
            rows = bgpctl(driver, node.name, "show", "route", "advertised", str(router.on(node.wire)))
            found = {str(row["prefix"]) for row in rows}
            if found != own:
                raise Failed(
                    f"{node.name} tells {router.name} {', '.join(sorted(found))}, not {', '.join(sorted(own))}"
                )
            told += len(found)
    sessions = len(topology.speakers) * len(topology.routers)
    return f"{told} routes on the {sessions} sessions with AS 65001, each of them its node's own"


# -- a Calico node


def check_calico(driver: Driver, verdict: Verdict, calico: Node, patience: float) -> None:
    """Packets to and from a Calico node; it is deleted from the cluster and applied to it again."""
    first = driver.topology.nodes[0]
    verdict.section("The Calico node (BIRD 1.6.8); it leaves by `bgpctl delete node` and joins by `bgpctl apply -f`")
    verdict.check(f"{first.pod} -> {calico.pod}", lambda: one_ping(driver, first, calico))
    verdict.check(f"what {calico.pod} saw", lambda: seen_by_pod(driver, first, calico))
    verdict.check(f"{calico.pod} -> {first.pod}", lambda: one_ping(driver, calico, first))
    before = counts(driver, without=calico)
    verdict.check(f"{calico.name} deleted", lambda: deleted(driver, calico, patience))
    verdict.check(f"{calico.name} applied", lambda: applied(driver, calico, patience))
    verdict.check("nobody disturbed by that", lambda: undisturbed(driver, calico, before))


def deleted(driver: Driver, calico: Node, patience: float) -> str:
    """Delete a Node: the others let go of it by that alone; its BIRD ends, and so do the data centre's sessions."""
    hosts = watchers(driver.topology, calico)
    nodes = [node.name for node in driver.topology.nodes]
    with ExitStack() as stack:
        watches = [stack.enter_context(Watch(driver, host)) for host in nodes]
        store.delete(driver, "node", calico.name)
        took = {watch.host: watch.wait_gone(calico.block, patience) for watch in watches}
    worst = 1000 * (max(took.values()) - min(took.values()))
    driver.stop(calico.name)
    settled(driver, hosts, patience, frozenset({calico.name}))
    return f"the {len(nodes)} nodes let go of {calico.block} within {worst:.0f} ms of each other, then the routers"


def applied(driver: Driver, calico: Node, patience: float) -> str:
    """Apply the Node again, with its block, and start its BIRD: everybody has a session and the route."""
    begin = time.time()
    store.claim(driver, [calico])
    store.apply(driver, resources.joining(driver.topology))
    driver.start(calico.name)
    settled(driver, [*watchers(driver.topology, calico), calico.name], patience)
    took = time.time() - begin
    return f"{calico.block} is in every kernel and {calico.name} is complete after {took:.1f} s, nothing was restarted"


# -- a service address


def check_service(driver: Driver, verdict: Verdict, service: Service, patience: float) -> None:
    """The data centre has one way for each back end; one dies, and comes back."""
    first = service.backends[0]
    verdict.section(f"The service address {service.address}, back ends on {' and '.join(service.backends)}")
    routers = [router.name for router in driver.topology.routers]
    everybody = [node.name for node in driver.topology.members] + routers
    verdict.check("ways to it", lambda: ways(driver, service, routers))
    verdict.check("who answers", lambda: answers(driver, service))
    left = replace(service, backends=service.backends[1:])
    verdict.check(f"back end of {first} stopped", lambda: failed_over(driver, left, first, everybody, patience))
    verdict.check("who answers now", lambda: answers(driver, left))
    verdict.check(f"back end of {first} started", lambda: restored(driver, service, first, everybody, patience))


def ways(driver: Driver, service: Service, routers: Iterable[str]) -> str:
    """Every data-centre router has as many ways as there are back ends."""
    for router in routers:
        require_host(driver, router)
    nodes = [driver.topology.node(name) for name in service.backends]
    return f"{service.prefix} via {' + '.join(str(node.address) for node in nodes)} on {' and '.join(routers)}"


def answers(driver: Driver, service: Service) -> str:
    """Connections from another cluster's pod reach every back end, and nobody else."""
    pod = driver.topology.east[0].pod
    words = [*driver.python(pod), "-c", ASK, str(service.address), str(service.port), str(ASKED)]
    found = Counter(on(driver, pod, *words, timeout=60).split())
    said = ", ".join(f"{name} {count}" for name, count in sorted(found.items()))
    if set(found) != set(service.backends):
        raise Failed(f"of {ASKED} connections: {said}; not {' and '.join(service.backends)}")
    return f"{ASKED} connections from {pod}: {said}"


def failed_over(driver: Driver, left: Service, name: str, hosts: list[str], patience: float) -> str:
    """A back end ends: its node withdraws the address, everybody goes to those that are left."""
    routers = [router.name for router in driver.topology.routers]
    with ExitStack() as stack:
        watches = [stack.enter_context(Watch(driver, router)) for router in routers]
        begin = time.time()
        driver.stop(name, "backend")
        settled(driver, hosts, patience, topology=replace(driver.topology, service=left))
        took = {watch.host: watch.last_change([left.prefix]) - begin for watch in watches}
    return f"{name} withdrew {left.prefix} (it looks every 200 ms), the routers changed after {_milliseconds(took)}"


def restored(driver: Driver, service: Service, name: str, hosts: list[str], patience: float) -> str:
    """It comes back: all ways are there again, and all answer."""
    driver.start(name, "backend")
    settled(driver, hosts, patience)
    return answers(driver, service)


# -- the datastore


def check_datastore(driver: Driver, verdict: Verdict, patience: float) -> None:
    """The mesh as the nodes report it; then the datastore is away, and everything goes on."""
    node = driver.topology.nodes[0]
    verdict.section("The datastore (etcd), by `bgpctl mesh`, `bgpd_datastore_following` and everybody's kernel")
    verdict.check("bgpctl mesh", lambda: mesh(driver, patience))
    before = counts(driver)
    verdict.check("etcd stopped", lambda: lost(driver, patience))
    verdict.check(f"{node.pod} -> every other, meanwhile", lambda: all_pods(driver))
    verdict.check("etcd started", lambda: found_again(driver, patience))
    verdict.check("nobody noticed", lambda: undisturbed(driver, None, before))


def mesh(driver: Driver, patience: float) -> str:
    """Every node says that it has a session with every other member, and that no prefix is missing."""
    nodes = [node.name for node in driver.topology.nodes]
    members = [node.name for node in driver.topology.mesh]

    def missing() -> str | None:
        said = store.mesh(driver)
        holes = [
            f"{name} -> {other}: {said['sessions'].get(name, {}).get(other, 'nothing')}"
            for name in nodes
            for other in members
            if other != name and said["sessions"].get(name, {}).get(other) != "up"
        ]
        holes += [f"{name} has no {', '.join(prefixes)}" for name, prefixes in said["missing"].items()]
        return "; ".join(holes[:4]) or None

    until("a whole mesh", missing, timeout=patience, pause=0.3)
    return f"{len(nodes)} x {len(members)}: every session is up, no prefix is missing anywhere"


def following(driver: Driver, value: int) -> str | None:
    """Which nodes do not say that of their datastore."""
    for node in driver.topology.nodes:
        page = fetch(driver, node.name, f"http://127.0.0.1:{METRICS_PORT}/metrics")
        if f"bgpd_datastore_following {value}" not in page and f"bgpd_datastore_following {value}.0" not in page:
            return f"{node.name} does not say bgpd_datastore_following {value}"
    return None


def lost(driver: Driver, patience: float) -> str:
    """Stop the datastore: every node knows, and every kernel stays as it is."""
    driver.stop(store.HOST)
    took = until("every node knows", lambda: following(driver, 0), timeout=patience, pause=0.2)
    hosts = [*(node.name for node in driver.topology.members), *(router.name for router in driver.topology.routers)]
    for host in hosts:
        require_host(driver, host)
    return f"every node knows after {took:.1f} s, and the kernels of all {len(hosts)} routers are as before"


def found_again(driver: Driver, patience: float) -> str:
    """Start it again: every node follows it."""
    driver.start(store.HOST)
    took = until("every node follows", lambda: following(driver, 1), timeout=patience, pause=0.2)
    return f"every node follows it again after {took:.1f} s; {mesh(driver, patience)}"
