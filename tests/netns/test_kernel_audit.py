"""The audit finds what no event told, says it and puts it right; and costs little."""

import asyncio
import time

from bgpd.model import KernelSpec
from bgpd.wire.family import IPV4
from bgpd.wire.prefix import parse_address
from tests.netns.kernel_bench import Bench, running, until

HOP = (parse_address("10.0.0.2"),)


def many(count: int) -> dict[bytes, tuple[bytes, ...]]:
    return {bytes((24, 20, i >> 8, i & 255)): HOP for i in range(count)}


def deaf(bench: Bench) -> None:
    """No event reaches the service: what happens now is found by looking, or not at all."""
    bench.service._listener.deafen()
    bench.service._listener.read = lambda: True  # type: ignore[method-assign]


async def test_check_says_what_is_wrong_and_puts_it_right() -> None:
    async with running() as bench:
        bench.service.submit(IPV4, many(1000))
        bench.want("fd01::/64", "fd00::2")
        bench.want("10.244.2.0/24", "10.0.0.2")
        await bench.service.settled()
        clean = await bench.service.check()
        assert (clean.in_step, clean.wanted, clean.written, clean.dumped) == (True, 1002, 1002, 1002)
        assert clean.looked_up == 257
        deaf(bench)
        bench.node.ip(
            "route del 20.0.1.0/24 proto 64",
            "route replace 20.0.2.0/24 via 10.0.0.3 proto 64 metric 64",
            "route add 30.0.0.0/24 via 10.0.0.3 proto 64 metric 64",
        )
        await bench.service.sweep()  # nothing is kept for its own sake any more
        found = await bench.service.check()
        print(f"\n{found.dumped} routes looked at in {1e3 * found.seconds:.0f} ms")
        for finding in found.findings:
            print(f"  {finding.prefix}: {finding.difference}, wanted {finding.wanted or '-'}: {finding.reason}")
        assert not found.in_step
        assert {(f.prefix, f.difference) for f in found.findings} == {
            ("20.0.1.0/24", "missing"),
            ("20.0.2.0/24", "changed"),
            ("30.0.0.0/24", "unexpected"),
        }
        [changed] = [f for f in found.findings if f.difference == "changed"]
        assert (changed.wanted, changed.found) == ("10.0.0.2 dev eth0", "10.0.0.3 dev eth0")
        await bench.service.settled()
        assert (await bench.service.check()).in_step
        assert len(bench.ours()) == 1001


async def test_a_route_that_packets_do_not_take() -> None:
    """It is in the dump, and a look-up finds another: only the look-up tells."""
    async with running() as bench:
        bench.node.ip("route add 10.244.2.0/24 via 10.0.0.3 proto static metric 5")
        bench.want("10.244.2.0/24", "10.0.0.2")
        await bench.service.settled()
        [finding] = (await bench.service.check()).findings
        assert (finding.prefix, finding.difference) == ("10.244.2.0/24", "not used")
        assert finding.reason == "a route of protocol 4 with metric 5 goes before it (table 254)"


async def test_check_names_refused_and_held_routes() -> None:
    async with running() as bench:
        bench.node.ip("route add 10.244.2.0/24 via 10.0.0.3 proto static metric 64")
        bench.want("10.244.2.0/24", "10.0.0.2")
        bench.want("10.244.3.0/24", "172.31.0.1")
        await bench.service.settled()
        view = await bench.service.check()
        assert [(f.prefix, f.difference) for f in view.findings] == [("10.244.2.0/24", "not installed")]
        assert view.unresolved == 1


async def test_the_endless_audit_finds_drift_and_repairs_it() -> None:
    async with running(KernelSpec(audit_interval=0.05, nexthop_objects=0)) as bench:
        bench.service.submit(IPV4, many(4000))
        await bench.service.settled()
        rounds = bench.service.counters["audits"]
        await until(lambda: bench.service.counters["audits"] > rounds + 1)
        assert bench.service.counters["audit_differences"] == 0
        deaf(bench)
        bench.node.ip("route del 20.0.1.0/24 proto 64", "route replace 20.0.2.0/24 via 10.0.0.3 proto 64 metric 64")
        before = bench.node.routes("20.0.1.0/24")
        assert before == []
        start = time.perf_counter()
        await until(lambda: bench.service.counters["audit_differences"] > 0)
        await bench.service.settled()
        print(f"\nfound and put right {time.perf_counter() - start:.2f} s later, among 4,000 routes")
        assert len(bench.ours()) == 4000
        assert bench.node.routes("20.0.2.0/24") == ["20.0.2.0/24 via 10.0.0.2 dev eth0 proto 64 metric 64"]
        assert "the audit found" in str(bench.named("kernel_resync")[0]["reason"])


async def test_the_endless_audit_of_a_table_that_never_rests_cries_no_wolf() -> None:
    async with running(KernelSpec(audit_interval=0.02)) as bench:
        wants = many(2000)
        keys = list(wants)
        other = (parse_address("10.0.0.3"),)
        bench.service.submit(IPV4, wants)
        await bench.service.settled()
        turn = 0
        async with asyncio.timeout(20):
            while bench.service.counters["audits"] < 3:
                turn += 1
                some = keys[turn % 1500 : turn % 1500 + 200]
                bench.service.submit(IPV4, dict.fromkeys(some, other if turn % 2 else HOP))
                bench.service.submit(IPV4, {keys[-1 - turn % 100]: None if turn % 3 else HOP})
                await asyncio.sleep(0.02)
        await bench.service.settled()
        print(f"\n{bench.service.counters['audits']} rounds beside churn")
        assert bench.service.counters["audit_differences"] == 0
        assert bench.service.counters["resyncs"] == 0


async def test_the_endless_audit_is_cheap() -> None:
    async with running(KernelSpec(audit_interval=0.01)) as bench:
        bench.service.submit(IPV4, many(4000))
        await bench.service.settled()
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep(2.0)
        share = (time.process_time() - cpu) / (time.perf_counter() - wall)
        print(f"\n{100 * share:.1f}% of a core, {bench.service.counters['audits']} rounds of 4,000 routes in 2 s")
        assert share < 0.10
