"""Labs in namespaces: from started nodes until every kernel is complete."""

import os
import time
from contextlib import ExitStack

from bench.single import cpu_ticks, rss
from bench.table import Result
from bgpd.lab.checks import wait_converged
from bgpd.lab.driver import bgpctl
from bgpd.lab.netns import NetnsDriver
from bgpd.lab.routes import Watch
from bgpd.lab.topology import build

NAME = "bench"
SMALL_RUNS = 5
IDLE = 5.0  #: seconds over which the idle CPU is taken


def three_nodes() -> list[Result]:
    """Three nodes alone, and with both data-centre routers."""
    alone = [_converge(3, routers=False)[0] for _ in range(SMALL_RUNS)]
    whole = [_converge(3, routers=True)[0] for _ in range(SMALL_RUNS)]
    return [
        Result(what="3 nodes started to all kernels complete", unit="s", values=alone, aim=2.0),
        Result(what="the same with BIRD and FRR beside them", unit="s", values=whole, aim=2.0),
    ]


def mesh(nodes: int) -> list[Result]:
    """A full mesh of so many nodes, and nothing else."""
    took, cpu, memory, idle = _converge(nodes, routers=False)
    what = f"{nodes} nodes, {nodes * (nodes - 1) // 2} sessions"
    return [
        Result(what=f"{what}: started to all kernels complete", unit="s", values=[took]),
        Result(what=f"{what}: CPU a node until then", unit="s", values=cpu),
        Result(what=f"{what}: memory a node", unit="MiB", values=memory),
        Result(what=f"{what}: CPU a node once idle", unit="%", values=idle),
    ]


def _converge(nodes: int, *, routers: bool) -> tuple[float, list[float], list[float], list[float]]:
    """Seconds until complete; of each node: CPU seconds until then, MiB, and per cent of a CPU once idle."""
    topology = build(nodes, routers=routers)
    driver = NetnsDriver(topology, NAME, start=False, scraped=False)
    hosts = [node.name for node in topology.nodes]
    second = os.sysconf("SC_CLK_TCK")
    try:
        driver.up()
        with ExitStack() as stack:
            watches = {host: stack.enter_context(Watch(driver, host)) for host in hosts}
            begin = time.time()
            for host in hosts:
                driver.start_node(host)
            wait_converged(driver, 120)
            ends = [watches[node.name].last_change(topology.expected_on_node(node).keys()) for node in topology.nodes]
        pids = [pid for host in hosts if (pid := driver.pid(host)) is not None]
        before = [cpu_ticks(pid) for pid in pids]
        began_idle = time.monotonic()
        _all_established(driver)
        time.sleep(IDLE)
        elapsed = time.monotonic() - began_idle
        idle = [100 * (cpu_ticks(pid) - ticks) / second / elapsed for pid, ticks in zip(pids, before, strict=True)]
        return max(ends) - begin, [ticks / second for ticks in before], [rss(pid) for pid in pids], idle
    finally:
        driver.down()


def _all_established(driver: NetnsDriver) -> None:
    """Say so where a session is missing: the kernels may be complete without it."""
    node = driver.topology.nodes[0]
    status = bgpctl(driver, node.name, "show", "status")
    if status["established"] != status["neighbors"]:
        print(f"{node.name}: {status['established']} of {status['neighbors']} sessions Established")
