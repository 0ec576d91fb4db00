"""Routes of ours in a real kernel: written, replaced, withdrawn, never at others' cost."""

import asyncio
import time

from bgpd.kernel.links import scoped
from bgpd.kernel.routes import GUARD_METRIC
from bgpd.kernel.service import BLACKHOLE
from bgpd.model import KernelSpec
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.prefix import parse_address
from tests.netns.kernel_bench import key, running, until


async def test_install_replace_withdraw_ipv4() -> None:
    async with running() as bench:
        bench.want("10.244.2.0/24", "10.0.0.2")
        await bench.service.settled()
        assert bench.ours() == ["10.244.2.0/24 via 10.0.0.2 dev eth0 metric 64"]
        assert bench.state("10.244.2.0/24") == "yes"
        bench.want("10.244.2.0/24", "10.0.1.2")
        await bench.service.settled()
        assert bench.ours() == ["10.244.2.0/24 via 10.0.1.2 dev eth1 metric 64"]
        assert bench.service.counters["routes_replaced"] == 1
        bench.unwant("10.244.2.0/24")
        await bench.service.settled()
        assert bench.ours() == []
        assert bench.service.counters["routes_refused"] == 0


async def test_install_replace_withdraw_ipv6() -> None:
    async with running() as bench:
        bench.want("fd01::/64", "fd00::2")
        await bench.service.settled()
        assert bench.ours(6) == ["fd01::/64 via fd00::2 dev eth0 metric 64 pref medium"]
        bench.want("fd01::/64", "fd00::3")
        await bench.service.settled()
        assert bench.ours(6) == ["fd01::/64 via fd00::3 dev eth0 metric 64 pref medium"]
        bench.unwant("fd01::/64")
        await bench.service.settled()
        assert bench.ours(6) == []
        assert bench.service.counters["routes_refused"] == 0


async def test_multipath_and_back() -> None:
    async with running() as bench:
        one4, one6 = "10.244.2.0/24", "fd01::/64"
        bench.want(one4, "10.0.0.3", "10.0.0.2", "10.0.1.2")
        bench.want(one6, "fd00::3", "fd00::2")
        await bench.service.settled()
        assert bench.ours() == [
            "10.244.2.0/24 metric 64"
            + "".join(
                f" nexthop via {hop} weight 1"
                for hop in ("10.0.0.2 dev eth0", "10.0.0.3 dev eth0", "10.0.1.2 dev eth1")
            )
        ]
        assert bench.ours(6) == [
            "fd01::/64 metric 64 pref medium nexthop via fd00::2 dev eth0 weight 1 nexthop via fd00::3 dev eth0 weight 1"
        ]
        bench.want(one4, "10.0.0.3")
        bench.want(one6, "fd00::3")
        await bench.service.settled()
        assert bench.ours() == ["10.244.2.0/24 via 10.0.0.3 dev eth0 metric 64"]
        assert bench.ours(6) == ["fd01::/64 via fd00::3 dev eth0 metric 64 pref medium"]
        bench.want(one6, "fd00::3", "fd00::2")
        await bench.service.settled()
        bench.unwant(one6)
        await bench.service.settled()
        assert bench.ours(6) == []


async def test_unresolved_next_hop_is_told_not_installed() -> None:
    async with running() as bench:
        bench.node.ip("route add default via 10.0.0.2")
        bench.want("10.244.2.0/24", "172.31.0.1")
        await bench.service.settled()
        assert bench.ours() == []
        [route] = bench.service.view(with_routes=True).routes
        assert (route.state, route.next_hops) == ("unresolved", ["172.31.0.1"])
        assert "172.31.0.1" in route.reason
        assert bench.service.view(with_routes=False).unresolved == 1
        assert bench.service.in_sync()


async def test_guard_loses_to_every_real_route() -> None:
    async with running() as bench:
        for prefix in ("10.244.1.0/24", "fd01::/64"):
            family, packed = key(prefix)
            bench.service.submit(family, {packed: BLACKHOLE})
        await bench.service.settled()
        assert bench.ours() == [f"blackhole 10.244.1.0/24 metric {GUARD_METRIC}"]
        assert bench.ours(6) == [f"blackhole fd01::/64 dev lo metric {GUARD_METRIC} pref medium"]
        bench.node.ip("addr add 10.244.1.1/24 dev eth1", "addr add fd01::1/64 dev eth1 nodad")
        assert "dev eth1" in bench.node.ip("route get 10.244.1.9")
        assert "dev eth1" in bench.node.ip("-6 route get fd01::9")


async def test_guard_becomes_unicast_and_back() -> None:
    async with running() as bench:
        for prefix, next_hop in (("10.244.1.0/24", "10.0.0.2"), ("fd01::/64", "fd00::2")):
            family, packed = key(prefix)
            number = 4 if family is IPV4 else 6
            bench.service.submit(family, {packed: BLACKHOLE})
            await bench.service.settled()
            bench.want(prefix, next_hop)
            await bench.service.settled()
            [route] = bench.ours(number)
            assert f"via {next_hop} dev eth0 metric 64" in route
            bench.service.submit(family, {packed: BLACKHOLE})
            await bench.service.settled()
            [route] = bench.ours(number)
            assert route.startswith("blackhole")


async def test_foreign_route_on_our_key_stays() -> None:
    async with running() as bench:
        theirs4 = "10.244.2.0/24 via 10.0.0.3 dev eth0 proto static metric 64"
        theirs6 = "fd01::/64 via fd00::3 dev eth0 proto static metric 64 pref medium"
        bench.node.ip("route add 10.244.2.0/24 via 10.0.0.3 proto static metric 64")
        bench.node.ip("-6 route add fd01::/64 via fd00::3 proto static metric 64")
        bench.want("10.244.2.0/24", "10.0.0.2")
        bench.want("fd01::/64", "fd00::2")
        await bench.service.settled()
        assert bench.node.routes("10.244.2.0/24") == [theirs4]
        assert bench.node.routes("fd01::/64", 6) == [theirs6]
        view = bench.service.view(with_routes=True)
        assert (view.conflicts, view.installed, view.in_sync) == (2, 0, False)
        routes = list(view.routes)
        assert {route.state for route in routes} == {"conflict"}
        assert all("4 (static)" in route.reason for route in routes)
        assert bench.named("kernel_conflict")
        # nor when we want it no more
        bench.unwant("10.244.2.0/24")
        bench.unwant("fd01::/64")
        await bench.service.settled()
        assert bench.node.routes("10.244.2.0/24") == [theirs4]
        assert bench.node.routes("fd01::/64", 6) == [theirs6]
        # and when theirs goes while we want it, ours comes
        bench.want("10.244.2.0/24", "10.0.0.2")
        bench.want("fd01::/64", "fd00::2")
        await bench.service.settled()
        bench.node.ip("route del 10.244.2.0/24 proto static")
        bench.node.ip("-6 route del fd01::/64 proto static")
        await until(lambda: bool(bench.ours() and bench.ours(6)))
        assert bench.ours() == ["10.244.2.0/24 via 10.0.0.2 dev eth0 metric 64"]
        assert bench.service.view(with_routes=False).conflicts == 0


async def test_foreign_route_that_we_do_not_know_of_is_found_by_lookup() -> None:
    """EEXIST for a route whose event has not been read: the key is looked up, and theirs stays."""
    async with running() as bench:
        bench.service._listener.read = lambda: True  # type: ignore[method-assign]
        bench.service._listener.deafen()
        bench.node.ip("route add 10.244.2.0/24 via 10.0.0.3 proto bird metric 64")
        bench.want("10.244.2.0/24", "10.0.0.2")
        await bench.service.settled()
        assert bench.node.routes("10.244.2.0/24") == ["10.244.2.0/24 via 10.0.0.3 dev eth0 proto bird metric 64"]
        assert "12 (bird)" in bench.state("10.244.2.0/24")


async def test_foreign_replace_of_ours_revokes_ownership() -> None:
    async with running() as bench:
        bench.want("10.244.2.0/24", "10.0.0.2")
        await bench.service.settled()
        bench.node.ip("route replace 10.244.2.0/24 via 10.0.0.3 proto static metric 64")
        await until(lambda: bool(bench.state("10.244.2.0/24").startswith("conflict")))
        assert bench.node.routes("10.244.2.0/24") == ["10.244.2.0/24 via 10.0.0.3 dev eth0 proto static metric 64"]
        await bench.service.stop(flush=True)
        assert bench.node.routes("10.244.2.0/24") == ["10.244.2.0/24 via 10.0.0.3 dev eth0 proto static metric 64"]


async def test_other_metric_is_no_conflict() -> None:
    async with running() as bench:
        bench.node.ip("route add 10.244.2.0/24 via 10.0.0.3 proto static metric 10")
        bench.want("10.244.2.0/24", "10.0.0.2")
        await bench.service.settled()
        assert len(bench.node.routes("10.244.2.0/24")) == 2
        bench.unwant("10.244.2.0/24")
        await bench.service.settled()
        assert bench.node.routes("10.244.2.0/24") == ["10.244.2.0/24 via 10.0.0.3 dev eth0 proto static metric 10"]


async def test_flush_takes_ours_and_leaves_others() -> None:
    async with running() as bench:
        bench.node.ip("route add 10.250.0.0/16 via 10.0.0.3 proto static")
        before = bench.node.routes()
        wants = {bytes((24, 20, i >> 8, i & 255)): (parse_address("10.0.0.2"),) for i in range(3000)}
        bench.service.submit(IPV4, wants)
        bench.want("fd01::/64", "fd00::2")
        await bench.service.settled()
        assert len(bench.ours()) == 3000
        await bench.service.stop(flush=True)
        assert bench.ours() == []
        assert bench.ours(6) == []
        assert bench.node.routes() == before


async def test_other_table_and_protocol() -> None:
    spec = KernelSpec(table=1000, protocol=99, metric=7)
    async with running(spec) as bench:
        bench.want("10.244.2.0/24", "10.0.0.2")
        bench.want("fd01::/64", "fd00::2", "fd00::3")
        await bench.service.settled()
        assert bench.node.routes("table 1000") == ["10.244.2.0/24 via 10.0.0.2 dev eth0 proto openr metric 7"]
        assert bench.node.routes("table 1000", 6)
        bench.node.ip("route del 10.244.2.0/24 table 1000")
        await until(lambda: bool(bench.node.routes("table 1000")))
        await bench.service.stop(flush=True)
        assert bench.node.routes("table 1000") == []
        assert bench.node.routes("table 1000", 6) == []


async def test_refused_route_is_told_and_retried() -> None:
    async with running() as bench:
        bench.node.run(["sysctl", "-qw", "net.ipv6.conf.eth1.disable_ipv6=1"])
        link = next(link for link in bench.service.links.links.values() if link.name == "eth1")
        family, packed = key("fd05::/64")
        bench.service.submit(family, {packed: (scoped(parse_address("fe80::99"), link.index),)})
        await bench.service.settled()
        assert bench.state("fd05::/64").startswith("failed: ")
        view = bench.service.view(with_routes=False)
        assert (view.failed, view.in_sync) == (1, False)
        assert bench.named("kernel_routes_refused")
        bench.node.run(["sysctl", "-qw", "net.ipv6.conf.eth1.disable_ipv6=0"])
        await until(lambda: bench.state("fd05::/64") == "yes", 20)
        assert "fd05::/64 via fe80::99 dev eth1" in bench.ours(6)[0]


async def test_bulk_rate_is_printed(capsys: object) -> None:
    count = 10_000
    wants = {bytes((24, 20, i >> 8, i & 255)): (parse_address("10.0.0.2"),) for i in range(count)}
    async with running() as bench:
        slowest, ticking = 0.0, True

        async def tick() -> None:
            nonlocal slowest
            while ticking:
                start = time.perf_counter()
                await asyncio.sleep(0)
                slowest = max(slowest, time.perf_counter() - start)

        ticker = asyncio.create_task(tick())
        start = time.perf_counter()
        bench.service.submit(IPV4, wants)
        await bench.service.settled()
        taken = time.perf_counter() - start
        ticking = False
        await ticker
        print(
            f"\n{count} routes in {taken * 1000:.0f} ms: {count / taken:.0f} routes/s; longest turn of the loop {slowest * 1000:.1f} ms"
        )
        assert bench.service.counts(IPV4)["installed"] == count
        assert bench.service.counts(IPV6)["installed"] == 0
        assert len(bench.ours()) == count
