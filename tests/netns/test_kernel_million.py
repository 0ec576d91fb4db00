"""A million routes through install, churn, loss and audit, with an eye on the loop: keepalives and answers come in time.

Takes minutes and a gigabyte, so it is collected only where BGPD_LONG is set (`make test-long`; tests/conftest.py).
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager

import pytest

from bgpd.kernel.report import installed
from bgpd.model import KernelSpec
from bgpd.wire.family import IPV4
from bgpd.wire.prefix import parse_address
from tests.netns.kernel_bench import Bench, running, until

COUNT = int(os.environ.get("BGPD_MILLION", "1000000"))
ONE, OTHER = (parse_address("10.0.0.2"),), (parse_address("10.0.1.2"),)
#: Seconds that the loop may be away: a keepalive may be a third of a second late, a person does not notice a tenth.
AWAY = 0.3 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Pulse:
    """How long the loop was away, at worst, and how long an answer took."""

    def __init__(self) -> None:
        self.worst = 0.0


@asynccontextmanager
async def pulse(bench: Bench, what: str) -> AsyncIterator[Pulse]:
    felt = Pulse()

    async def beat() -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.01)
            bench.service.counts()
            installed(bench.service._tables, IPV4, b"\x20\x14\x00\x00\x01")
            felt.worst = max(felt.worst, time.perf_counter() - begun - 0.01)

    task = asyncio.create_task(beat())
    begun, cpu = time.perf_counter(), time.process_time()
    yield felt
    took = time.perf_counter() - begun
    task.cancel()
    print(
        f"{what}: {took:.1f} s, {time.process_time() - cpu:.1f} s of CPU, the loop away for {1e3 * felt.worst:.0f} ms at most"
    )


async def feed(bench: Bench, wants: Mapping[bytes, object], want: tuple[bytes, ...] | None) -> None:
    """As the speaker does: some thousands at once."""
    keys = list(wants)
    for i in range(0, COUNT, 16384):
        bench.service.submit(IPV4, dict.fromkeys(keys[i : i + 16384], want))
        await asyncio.sleep(0)


async def within(work: Awaitable[object], seconds: float = 300) -> None:
    async with asyncio.timeout(seconds):
        await work


@pytest.mark.parametrize("objects", [1000, 0])
async def test_a_million_routes(objects: int) -> None:
    wants = {bytes((32, 20 + (i >> 24), i >> 16 & 255, i >> 8 & 255, i & 255)): ONE for i in range(COUNT)}
    print(f"\n{COUNT} routes, {'with' if objects else 'without'} nexthop objects")
    async with running(KernelSpec(nexthop_objects=objects)) as bench:
        pulses = []
        async with pulse(bench, "install") as felt:
            await feed(bench, wants, ONE)
            await within(bench.service.settled())
            pulses.append(felt)
        assert bench.service.counts(IPV4)["installed"] == COUNT
        async with pulse(bench, "check") as felt:
            view = await bench.service.check()
            pulses.append(felt)
        assert (view.in_step, view.dumped) == (True, COUNT)
        async with pulse(bench, "churn: every route another way") as felt:
            await feed(bench, wants, OTHER)
            await within(bench.service.settled())
            pulses.append(felt)
        if objects:
            async with pulse(bench, "nexthop objects flushed by hand, and all routes with them") as felt:
                before = bench.service.counters["routes_created"]
                flushing = await asyncio.create_subprocess_exec("ip", "-n", bench.node.name, "nexthop", "flush")
                await flushing.wait()
                await until(lambda: bench.service.counters["routes_created"] >= before + COUNT, 300)
                await within(bench.service.settled())
                pulses.append(felt)
        async with pulse(bench, "check") as felt:
            view = await bench.service.check()
            pulses.append(felt)
        assert (view.in_step, view.dumped) == (True, COUNT)
        async with pulse(bench, "flush") as felt:
            await within(bench.service.stop(flush=True))
        assert bench.node.routes("proto 64") == []
        assert max(each.worst for each in pulses) < AWAY
