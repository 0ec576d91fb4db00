"""Routes of ours that others delete or change: back within 50 ms (99 of 100), told with who did it, and no fight at full speed."""

import asyncio
import os
import statistics
import time
from typing import Self

from bgpd.kernel.encode import AF_INET, Encoder
from bgpd.kernel.io_netlink import Writer
from bgpd.kernel.routes import DELETE, REPLACE, RTN_UNICAST, Route
from bgpd.wire.family import IPV4
from bgpd.wire.prefix import parse_address, parse_prefix
from tests.netns.kernel_bench import Bench, running, until

COUNT = 200
PREFIX = "10.244.2.0/24"
KEY = parse_prefix(PREFIX)[1]
TARGET = 0.050  #: seconds, 99 of 100


def target() -> float:
    """50 ms, on a machine that has a core for us; more where several others want each core at the same time."""
    crowd = os.getloadavg()[0] / (os.cpu_count() or 1)
    print(f"(load {crowd:.1f} a core)")
    return TARGET * max(1.0, crowd * crowd)


class Vandal:
    """Another program's socket in the node's namespace."""

    def __init__(self, bench: Bench) -> None:
        with bench.node.entered():
            self.writer = Writer()
        self.encoder = Encoder(AF_INET, 254, 64)
        index = next(link.index for link in bench.service.links.links.values() if link.name == "eth0")
        self.ours = Route(RTN_UNICAST, ((parse_address("10.0.0.2"), index),), 64)
        self.other = Route(RTN_UNICAST, ((parse_address("10.0.0.3"), index),), 64)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.close()

    def do(self, op: int, route: Route) -> None:
        assert self.writer.write(b"".join(self.encoder.encode(op, route, [KEY]))) == []

    def there(self) -> bool:
        answer = self.writer.lookup(self.encoder.lookup(KEY))
        return answer is not None and answer[0] == KEY and answer[1].hops == self.ours.hops


async def harm(bench: Bench, vandal: Vandal, count: int) -> list[float]:
    """Delete and change in turn; seconds until the kernel forwards by our route again, each."""
    taken = []
    for number in range(count):
        bench.service._tables.knowledge._fights.clear()  # no fight: 200 different accidents
        start = time.perf_counter()
        vandal.do(*((DELETE, vandal.ours) if number % 2 else (REPLACE, vandal.other)))
        async with asyncio.timeout(5):
            while not vandal.there():
                await asyncio.sleep(0.0002)  # a look now and then: who looks all the time is the load himself
        taken.append(time.perf_counter() - start)
    return taken


def figures(what: str, taken: list[float]) -> float:
    p99 = statistics.quantiles(taken, n=100)[98]
    print(
        f"\n{what}: {len(taken)} repairs, median {1e3 * statistics.median(taken):.2f} ms, "
        f"p99 {1e3 * p99:.2f} ms, worst {1e3 * max(taken):.2f} ms"
    )
    return p99


async def test_repair_within_50_ms() -> None:
    async with running() as bench:
        bench.want(PREFIX, "10.0.0.2")
        await bench.service.settled()
        with Vandal(bench) as vandal:
            p99 = figures("idle", await harm(bench, vandal, COUNT))
            assert bench.service.counters["routes_repaired"] == COUNT
            assert p99 < target()
            await until(lambda: len(bench.named("kernel_routes_lost")) > 1)
            reasons = {str(fields["reason"]) for fields in bench.named("kernel_routes_lost")}
            assert any(reason.startswith("deleted by ") for reason in reasons)
            assert any(reason.startswith("changed by ") for reason in reasons)
            # the vandal is this very process, by a second socket: found by its inode
            assert any(f"(pid {os.getpid()}" in reason for reason in reasons), reasons


async def test_repair_goes_before_bulk_work() -> None:
    """100,000 routes are on their way into the kernel; what is taken away meanwhile does not wait for them."""
    async with running() as bench:
        bench.want(PREFIX, "10.0.0.2")
        await bench.service.settled()
        with Vandal(bench) as vandal:
            hop = (parse_address("10.0.0.2"),)
            wants = {bytes((32, 20, i >> 16, i >> 8 & 255, i & 255)): hop for i in range(100_000)}
            taken: list[float] = []
            for turn in range(4):
                bench.service.submit(IPV4, wants if turn % 2 == 0 else dict.fromkeys(wants))
                while bench.service.counts()["pending"] > 100:
                    taken += await harm(bench, vandal, 2)
            assert figures("beside 100,000 routes being written", taken) < target()


async def test_a_fight_is_put_right_slowly_and_seen() -> None:
    """Somebody who deletes it as soon as it is there: a few quick repairs, then ever rarer ones, and a state with a reason."""
    async with running() as bench:
        bench.want(PREFIX, "10.0.0.2")
        await bench.service.settled()
        with Vandal(bench) as vandal:
            deadline = time.perf_counter() + 3.0
            words = set()
            while time.perf_counter() < deadline:
                if vandal.there():
                    vandal.do(DELETE, vandal.ours)
                await asyncio.sleep(0.001)
                words.add((bench.state(PREFIX), bench.service.in_sync()))
            made = bench.service.counters["routes_created"]
            print(f"\n{made} writes in 3 s of fighting")
            assert 6 <= made <= 10
            assert len(bench.named("kernel_fight")) == 1
            assert ("failed: somebody keeps removing or changing it", False) in words
            await until(lambda: bench.state(PREFIX) == "yes")  # he has given up, and we have not
