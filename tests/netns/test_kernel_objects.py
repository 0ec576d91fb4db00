"""Nexthop objects in a real kernel: one message moves every route; what takes an object away is found out and put right."""

import json
import time

from bgpd.kernel.objects import BASE
from bgpd.kernel.report import installed
from bgpd.model import KernelSpec
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.prefix import parse_address
from tests.netns.kernel_bench import Bench, make, running, until, wire
from tests.netns.netns import Net

COUNT = 100_000
SOME = 1500


def many(count: int, *hops: str) -> dict[bytes, tuple[bytes, ...]]:
    want = tuple(parse_address(hop) for hop in hops)
    if len(want[0]) == 16:
        return {bytes((64, 0xFD, 1, 0, 0, 0, 0, i >> 8, i & 255)): want for i in range(count)}
    return {bytes((32, 20, i >> 16, i >> 8 & 255, i & 255)): want for i in range(count)}


def objects(bench: Bench) -> list[dict[str, object]]:
    return [each for each in json.loads(bench.node.ip("-j nexthop") or "[]") if each["id"] >= BASE]


def through(bench: Bench, gateway: str, family: int = 4) -> int:
    return sum(f"via {gateway} " in line for line in bench.ours(family))


async def test_one_message_moves_100_000_routes() -> None:
    async with running() as bench:
        bench.node.ip("route add 172.16.0.0/24 via 10.0.0.2 proto static")
        begun = time.perf_counter()
        bench.service.submit(IPV4, many(COUNT, "172.16.0.9"))
        await bench.service.settled()
        took = time.perf_counter() - begun
        counters = bench.service.counters
        before = counters["routes_created"] + counters["routes_replaced"] + counters["routes_deleted"]
        writes = counters["nexthop_writes"]
        begun = time.perf_counter()
        bench.node.ip("route replace 172.16.0.0/24 via 10.0.1.2 proto static")
        await until(lambda: counters["nexthop_writes"] >= writes + 2)
        moved = time.perf_counter() - begun
        print(f"\n{COUNT} routes written in {took:.2f} s; moved {1e3 * moved:.1f} ms after `ip` was started")
        after = counters["routes_created"] + counters["routes_replaced"] + counters["routes_deleted"]
        assert after == before  # not one route was written
        assert moved < 2.0  # 100,000 routes one by one take longer than that where the machine is as busy
        assert through(bench, "10.0.1.2") == COUNT
        assert (await bench.service.check()).in_step
        await bench.service.stop(flush=True)
        assert bench.ours() == []
        assert objects(bench) == []


async def test_cable_pulled_under_a_group_and_under_the_only_way() -> None:
    async with running() as bench:
        bench.service.submit(IPV4, many(SOME, "10.0.0.2", "10.0.1.2"))
        bench.service.submit(IPV6, many(SOME, "fd00::2", "fd00::3"))
        await bench.service.settled()
        assert len(objects(bench)) == 6
        bench.peer.ip("link set eth0 down")
        await until(lambda: not bench.service.resolve(parse_address("10.0.0.2")).reachable)
        await bench.service.settled()
        assert (through(bench, "10.0.1.2"), through(bench, "10.0.0.2")) == (SOME, 0)
        assert bench.ours(6) == []
        assert bench.service.counts(IPV6)["unresolved"] == SOME
        bench.peer.ip("link set eth0 up")
        await until(lambda: bench.service.resolve(parse_address("10.0.0.2")).reachable)
        await until(lambda: bench.service.in_sync() and bench.service.counts()["unresolved"] == 0, 20)
        await until(lambda: len(bench.ours(6)) == SOME)
        await until(lambda: all("10.0.0.2" in line and "10.0.1.2" in line for line in bench.ours()))
        assert (await bench.service.check()).in_step
        dead = bench.service.counters["nexthop_writes"]
        bench.node.ip("link set eth0 down", "link set eth0 up", "addr add fd00::1/64 dev eth0 nodad")
        await until(lambda: bench.service.counters["nexthop_writes"] > dead)
        await until(lambda: bench.service.in_sync() and bench.service.counts()["unresolved"] == 0, 20)
        await until(lambda: (len(bench.ours()), len(bench.ours(6))) == (SOME, SOME))
        assert (await bench.service.check()).in_step


async def test_somebody_removes_our_objects() -> None:
    """The kernel removes every route that names one, and does not tell of IPv4 routes."""
    async with running() as bench:
        bench.service.submit(IPV4, many(SOME, "10.0.0.2"))
        bench.service.submit(IPV6, many(SOME, "fd00::2"))
        await bench.service.settled()
        bench.node.ip("nexthop flush")
        await until(lambda: bench.service.in_sync() and len(bench.ours()) == SOME and len(bench.ours(6)) == SOME)
        assert (await bench.service.check()).in_step


async def test_few_routes_and_kernels_without_them_do_without() -> None:
    async with running() as bench:
        bench.service.submit(IPV4, many(20, "10.0.0.2"))
        await bench.service.settled()
        assert objects(bench) == []
    async with running(KernelSpec(nexthop_objects=0)) as bench:
        bench.service.submit(IPV4, many(SOME, "10.0.0.2"))
        await bench.service.settled()
        assert objects(bench) == []
        assert len(bench.ours()) == SOME


async def test_wants_that_change_leave_no_object_behind() -> None:
    async with running() as bench:
        wants = many(SOME, "10.0.0.2")
        for gateway in ("10.0.0.2", "10.0.0.3", "10.0.1.2"):
            bench.service.submit(IPV4, dict.fromkeys(wants, (parse_address(gateway),)))
            await bench.service.settled()
            assert through(bench, gateway) == SOME
        await bench.service.sweep()
        assert len(objects(bench)) == 2
        assert installed(bench.service._tables, IPV4, next(iter(wants))) == "yes"


async def test_a_restart_takes_objects_and_routes_over_as_they_are() -> None:
    with Net() as net:
        node, peer = wire(net)
        first = make(net, node, peer, KernelSpec())
        with node.entered():
            await first.service.start()
        first.service.submit(IPV4, many(SOME, "10.0.0.2", "10.0.1.2"))
        await first.service.settled()
        before = objects(first)
        await first.service.stop(flush=False)
        second = make(net, node, peer, KernelSpec())
        with node.entered():
            await second.service.start()
        assert second.service.adopted() == SOME
        second.service.submit(IPV4, many(SOME, "10.0.0.2", "10.0.1.2"))
        await second.service.settled()
        await second.service.sweep()
        assert objects(second) == before
        assert second.service.counts(IPV4)["installed"] == SOME
        await second.service.stop(flush=True)
        assert objects(second) == []
