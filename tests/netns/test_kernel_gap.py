"""Never a gap: packets through routes that move, and how fast they move when something breaks."""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bgpd.kernel.service import BLACKHOLE
from bgpd.wire.family import IPV4
from bgpd.wire.prefix import parse_address
from tests.netns.kernel_bench import Bench, key, running, until
from tests.netns.stream import Stream

CHANGES = 1000
#: Seconds from the moment of the harm until the routes are as they should be; the figure that is printed is far less.
PROMPT = 0.5 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@contextmanager
def streaming(bench: Bench, destination: str) -> Iterator[Stream]:
    """A host behind the node sends to an address on the peer, by whatever route the node has."""
    host = bench.net.namespace("host")
    bench.net.veth(host, "eth0", bench.node, "host0")
    host.ip("addr add 10.9.0.2/24 dev eth0", "addr add fd09::2/64 dev eth0 nodad")
    bench.node.ip("addr add 10.9.0.1/24 dev host0", "addr add fd09::1/64 dev host0 nodad")
    host.ip("route add default via 10.9.0.1", "route add default via fd09::1")
    for namespace in (bench.node, bench.peer):
        for name in ("all", "eth0", "eth1"):
            namespace.run(["sysctl", "-qw", f"net.ipv4.conf.{name}.rp_filter=0"])
    bench.node.run(["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"])
    for hop in ("fd00::2", "fd00::3") if ":" in destination else ("10.0.0.2", "10.0.0.3", "10.0.1.2"):
        _meet(bench, hop)
    bench.peer.ip(f"addr add {destination} dev lo {'nodad' if ':' in destination else ''}".strip())
    with Stream(host, bench.peer, destination) as stream:
        yield stream
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("prefix", "destination", "ways"),
    [
        ("10.244.2.0/24", "10.244.2.1", [("10.0.0.2",), ("10.0.1.2",), ("10.0.0.2", "10.0.1.2"), ("10.0.0.3",)]),
        ("fd01::/64", "fd01::1", [("fd00::2",), ("fd00::3",), ("fd00::2", "fd00::3")]),
    ],
)
async def test_a_route_that_moves_1000_times_loses_no_packet(
    prefix: str, destination: str, ways: list[tuple[str, ...]]
) -> None:
    async with running() as bench:
        bench.want(prefix, *ways[0])
        await bench.service.settled()
        with streaming(bench, destination) as stream:
            begun = time.perf_counter()
            for number in range(CHANGES):
                bench.want(prefix, *ways[number % len(ways)])
                await bench.service.settled()
                await asyncio.sleep(0.001)
            took = time.perf_counter() - begun
        print(f"\n{CHANGES} changes of {prefix} in {took:.1f} s: {stream.words()}")
        assert bench.service.counters["routes_replaced"] >= CHANGES - 1
        assert stream.sent > CHANGES
        assert stream.lost == 0


async def test_a_guard_over_a_route_and_back_loses_nothing_of_the_route() -> None:
    """What is announced as our own and learned as well: the unicast route is there before the guard goes."""
    async with running() as bench:
        family, packed = key("10.244.2.0/24")
        bench.want("10.244.0.0/16", "10.0.0.2")
        bench.want("10.244.2.0/24", "10.0.0.2")
        await bench.service.settled()
        with streaming(bench, "10.244.2.1") as stream:
            for _ in range(100):
                bench.service.submit(family, {packed: None})  # the /16 takes over
                await bench.service.settled()
                bench.want("10.244.2.0/24", "10.0.1.2")
                await bench.service.settled()
        print(f"\n{stream.words()}")
        assert stream.lost == 0
        bench.service.submit(family, {packed: BLACKHOLE})
        await bench.service.settled()


def _meet(bench: Bench, hop: str) -> None:
    """Neighbor discovery is not what is tested: let it be over."""
    with (
        bench.node.entered(),
        socket.socket(socket.AF_INET6 if ":" in hop else socket.AF_INET, socket.SOCK_DGRAM) as out,
    ):
        deadline = time.perf_counter() + 10
        while not any(state in bench.node.ip(f"neigh show {hop}") for state in ("REACHABLE", "DELAY", "STALE")):
            assert time.perf_counter() < deadline, bench.node.ip("neigh show")
            out.sendto(b"", (hop, 9))
            time.sleep(0.05)


COUNT = 1000


async def harmed(bench: Bench, what: str, harm: Callable[[], object], moved: Callable[[], bool]) -> float:
    begun = time.perf_counter()
    harm()
    struck, cpu = time.perf_counter(), time.process_time()
    await until(moved)
    await bench.service.settled()
    took = time.perf_counter() - struck
    print(
        f"\n{what}: {COUNT} routes moved {1e3 * took:.0f} ms after `ip` came back (which took "
        f"{1e3 * (struck - begun):.0f}); {1e3 * (time.process_time() - cpu):.0f} ms of CPU"
    )
    return took


def through(bench: Bench, device: str) -> int:
    return sum(f"dev {device} " in line for line in bench.ours())


def fill(bench: Bench, *hops: str) -> None:
    want = tuple(parse_address(hop) for hop in hops)
    bench.service.submit(IPV4, {bytes((24, 20, i >> 8, i & 255)): want for i in range(COUNT)})


async def test_cable_pulled_moves_to_the_other_link() -> None:
    async with running() as bench:
        fill(bench, "10.0.0.2", "10.0.1.2")
        await bench.service.settled()
        took = await harmed(
            bench,
            "cable pulled",
            lambda: bench.peer.ip("link set eth0 down"),
            lambda: not bench.service.resolve(parse_address("10.0.0.2")).reachable,
        )
        assert (through(bench, "eth1"), through(bench, "eth0")) == (COUNT, 0)
        assert took < 4 * PROMPT  # the kernel tells of carriers at most once a second


async def test_link_down_takes_the_routes_away() -> None:
    async with running() as bench:
        fill(bench, "10.0.0.2")
        await bench.service.settled()
        took = await harmed(
            bench,
            "link down",
            lambda: bench.node.ip("link set eth0 down"),
            lambda: not bench.service.resolve(parse_address("10.0.0.2")).reachable,
        )
        assert bench.ours() == []
        assert took < PROMPT
        bench.node.ip("link set eth0 up")
        await until(lambda: bench.service.counts(IPV4)["installed"] == COUNT)
        assert through(bench, "eth0") == COUNT


async def test_address_removed_takes_the_routes_away() -> None:
    async with running() as bench:
        fill(bench, "10.0.1.2")
        await bench.service.settled()
        took = await harmed(
            bench,
            "address removed",
            lambda: bench.node.ip("addr del 10.0.1.1/24 dev eth1"),
            lambda: not bench.service.resolve(parse_address("10.0.1.2")).reachable,
        )
        assert bench.ours() == []
        assert took < PROMPT


async def test_the_route_under_a_next_hop_moves() -> None:
    """A recursive next hop: another daemon changes the way to it, and what rests on it follows."""
    async with running() as bench:
        bench.node.ip("route add 172.16.0.0/24 via 10.0.0.2 proto static")
        fill(bench, "172.16.0.9")
        await bench.service.settled()
        assert through(bench, "eth0") == COUNT
        took = await harmed(
            bench,
            "route under a next hop replaced",
            lambda: bench.node.ip("route replace 172.16.0.0/24 via 10.0.1.2 proto static"),
            lambda: bool(bench.service.resolve(parse_address("172.16.0.9")).hops[0][0] == parse_address("10.0.1.2")),
        )
        assert through(bench, "eth1") == COUNT
        assert took < PROMPT
