"""What others do to links and routes, what the service makes of it, and what it finds at start."""

import asyncio
import subprocess
import sys
import time

import pytest

from bgpd.kernel.service import KernelRefused, KernelService
from bgpd.model import KernelSpec
from bgpd.wire.family import IPV4
from bgpd.wire.prefix import parse_address
from tests.netns.kernel_bench import Bench, make, running, until, wire
from tests.netns.netns import Namespace, Net


async def settled_with(bench: Bench, *lines: str) -> None:
    await until(lambda: bench.ours() == sorted(lines))


@pytest.mark.parametrize(
    ("prefix", "next_hop", "number"), [("10.244.2.0/24", "10.0.0.2", 4), ("fd01::/64", "fd00::2", 6)]
)
async def test_deleted_route_is_put_back(prefix: str, next_hop: str, number: int) -> None:
    async with running() as bench:
        bench.want(prefix, next_hop)
        await bench.service.settled()
        before = bench.ours(number)
        start = time.perf_counter()
        bench.node.ip(f"-{number} route del {prefix}")
        await until(lambda: bench.service.counters["routes_created"] == 2)
        print(f"\nback {1000 * (time.perf_counter() - start):.1f} ms after `ip` was started")
        assert bench.ours(number) == before
        assert bench.service.counters["routes_repaired"] == 1
        assert bench.named("kernel_routes_lost")


async def test_one_hop_of_a_multipath_route_deleted() -> None:
    async with running() as bench:
        bench.want("fd01::/64", "fd00::2", "fd00::3")
        await bench.service.settled()
        before = bench.ours(6)
        bench.node.ip("-6 route del fd01::/64 via fd00::2 dev eth0")
        await until(lambda: bench.ours(6) == before)
        assert bench.state("fd01::/64") == "yes"


async def test_changed_route_is_put_right() -> None:
    async with running() as bench:
        bench.want("10.244.2.0/24", "10.0.0.2")
        await bench.service.settled()
        bench.node.ip("route replace 10.244.2.0/24 via 10.0.0.3 proto 64 metric 64")
        await settled_with(bench, "10.244.2.0/24 via 10.0.0.2 dev eth0 metric 64")


async def test_flush_by_hand_is_repaired() -> None:
    count = 2000
    # `ip route flush` of iproute2 6.1 fails at routes with a nexthop object: it sends back more than the kernel takes
    async with running(KernelSpec(nexthop_objects=0)) as bench:
        bench.service.submit(
            IPV4, {bytes((24, 20, i >> 8, i & 255)): (parse_address("10.0.0.2"),) for i in range(count)}
        )
        await bench.service.settled()
        bench.node.ip("route flush proto 64")
        await until(lambda: len(bench.ours()) == count)
        assert bench.service.counters["routes_repaired"] == count


async def test_a_fight_is_slowed_down_and_told() -> None:
    async with running() as bench:
        bench.want("10.244.2.0/24", "10.0.0.2")
        await bench.service.settled()
        for times in range(1, 7):
            await until(lambda: len(bench.ours()) == 1)
            bench.node.ip("route del 10.244.2.0/24 proto 64")
            await until(lambda seen=times: bench.service.counters["routes_repaired"] == seen)  # type: ignore[misc]
        await until(lambda: "somebody keeps" in bench.state("10.244.2.0/24"))
        await settled_with(bench, "10.244.2.0/24 via 10.0.0.2 dev eth0 metric 64")


async def test_link_down_and_up() -> None:
    """The kernel drops IPv4 routes of a link that goes down without saying so."""
    async with running() as bench:
        bench.service.track(parse_address("10.0.0.2"))
        assert bench.next_hops[parse_address("10.0.0.2")] == (True, 0, "on link eth0")
        bench.want("10.244.2.0/24", "10.0.0.2")
        bench.want("fd01::/64", "fd00::2")
        await bench.service.settled()
        bench.node.ip("link set eth0 down")
        await until(lambda: bench.state("10.244.2.0/24").startswith("unresolved"))
        assert bench.next_hops[parse_address("10.0.0.2")] == (False, 0, "link eth0 is down")
        await bench.service.settled()
        assert bench.ours() == []
        assert bench.service.view(with_routes=False).unresolved == 2
        bench.node.ip("link set eth0 up", "addr add fd00::1/64 dev eth0 nodad")
        await until(lambda: bench.state("10.244.2.0/24") == "yes" and bench.state("fd01::/64") == "yes")
        assert bench.ours() == ["10.244.2.0/24 via 10.0.0.2 dev eth0 metric 64"]
        assert bench.next_hops[parse_address("10.0.0.2")] == (True, 0, "on link eth0")


async def test_carrier_lost_moves_multipath_to_the_other_link() -> None:
    async with running() as bench:
        bench.want("10.244.2.0/24", "10.0.0.2", "10.0.1.2")
        bench.want("10.244.3.0/24", "10.0.0.2")
        await bench.service.settled()
        start = time.perf_counter()
        bench.peer.ip("link set eth0 down")
        await settled_with(bench, "10.244.2.0/24 via 10.0.1.2 dev eth1 metric 64")
        print(f"\nmoved {1000 * (time.perf_counter() - start):.1f} ms after `ip` was started")
        assert "no carrier" in bench.state("10.244.3.0/24")
        bench.peer.ip("link set eth0 up")
        await until(lambda: len(bench.ours()) == 2 and "eth0" in bench.ours()[0])


async def test_last_address_removed_takes_routes_along() -> None:
    async with running() as bench:
        bench.want("10.244.2.0/24", "10.0.1.2")
        await bench.service.settled()
        bench.node.ip("addr del 10.0.1.1/24 dev eth1")
        await until(lambda: bench.state("10.244.2.0/24").startswith("unresolved"))
        await bench.service.settled()
        assert bench.ours() == []
        bench.node.ip("addr add 10.0.1.1/24 dev eth1")
        await until(lambda: bench.state("10.244.2.0/24") == "yes")
        assert bench.ours() == ["10.244.2.0/24 via 10.0.1.2 dev eth1 metric 64"]


async def test_interface_removed() -> None:
    async with running() as bench:
        bench.want("10.244.2.0/24", "10.0.1.2")
        await bench.service.settled()
        bench.node.ip("link del eth1")
        await until(lambda: bench.state("10.244.2.0/24").startswith("unresolved"))
        await bench.service.settled()
        assert bench.service.counters["routes_refused"] == 0 or not bench.service.view(with_routes=False).failed


async def test_recursive_next_hop_follows_the_route_that_leads_there() -> None:
    async with running() as bench:
        loopback = parse_address("192.0.2.9")
        bench.service.track(loopback)
        assert bench.next_hops[loopback][0] is False
        bench.want("10.244.2.0/24", "192.0.2.9")
        bench.node.ip("route add 192.0.2.0/24 via 10.0.0.3 metric 20")
        await settled_with(bench, "10.244.2.0/24 via 10.0.0.3 dev eth0 metric 64")
        reachable, cost, reason = bench.next_hops[loopback]
        assert (reachable, cost) == (True, 20)
        assert reason == "via 10.0.0.3 dev eth0 (route 192.0.2.0/24)"
        bench.node.ip("route replace 192.0.2.0/24 via 10.0.1.2 metric 20")
        await settled_with(bench, "10.244.2.0/24 via 10.0.1.2 dev eth1 metric 64")
        bench.node.ip("route del 192.0.2.0/24")
        await settled_with(bench)
        assert bench.next_hops[loopback][0] is False


async def test_our_own_route_never_resolves_a_next_hop() -> None:
    async with running() as bench:
        bench.want("192.0.2.0/24", "10.0.0.2")
        await bench.service.settled()
        bench.want("10.244.2.0/24", "192.0.2.9")
        await bench.service.settled()
        assert bench.state("10.244.2.0/24").startswith("unresolved")


async def test_overrun_leads_to_a_resync() -> None:
    """A small buffer, and more events than it takes while nobody reads."""
    async with running(receive_buffer=4096) as bench:
        bench.want("10.244.2.0/24", "10.0.0.2")
        bench.want("10.244.3.0/24", "10.0.0.2")
        await bench.service.settled()
        # without a turn of the event loop: hundreds of foreign routes, then ours is taken away
        bench.node.ip(*(f"route add 10.9.{i}.0/24 via 10.0.0.3 proto static" for i in range(250)))
        bench.node.ip("route del 10.244.2.0/24 proto 64", "route add 192.0.2.0/24 via 10.0.0.3 metric 5")
        await until(lambda: bench.service.counters["resyncs"] >= 1)
        await bench.service.settled()
        assert bench.service.counters["overruns"] >= 1
        assert bench.ours() == [f"10.244.{i}.0/24 via 10.0.0.2 dev eth0 metric 64" for i in (2, 3)]
        assert bench.service.resolve(parse_address("192.0.2.1")).reachable


async def test_adoption_of_an_earlier_run_and_sweep() -> None:
    with Net() as net:
        node, peer = wire(net)
        first = make(net, node, peer, KernelSpec())
        with node.entered():
            await first.service.start()
        for i in range(3):
            first.want(f"10.244.{i}.0/24", "10.0.0.2")
            first.want(f"fd01:{i}::/64", "fd00::2")
        await first.service.settled()
        await first.service.stop(flush=False)
        assert len(first.ours()) == len(first.ours(6)) == 3
        node.ip("route add 10.250.0.0/16 via 10.0.0.3 proto static metric 64")

        second = make(net, node, peer, KernelSpec())
        with node.entered():
            await second.service.start()
        assert second.service.adopted() == 6
        assert second.named("kernel_adopted")
        second.want("10.244.0.0/24", "10.0.0.2")  # as it was: nothing is written
        second.want("10.244.1.0/24", "10.0.0.3")  # another way: replaced
        second.want("fd01:0::/64", "fd00::2")
        await second.service.settled()
        assert len(second.ours()) == len(second.ours(6)) == 3
        counters = second.service.counters
        assert (counters["routes_created"], counters["routes_replaced"]) == (0, 1)
        assert await second.service.sweep() == 3
        assert second.ours() == [
            "10.244.0.0/24 via 10.0.0.2 dev eth0 metric 64",
            "10.244.1.0/24 via 10.0.0.3 dev eth0 metric 64",
        ]
        assert len(second.ours(6)) == 1
        await second.service.stop(flush=True)
        assert second.ours() == second.ours(6) == []
        assert node.routes("10.250.0.0/16") == ["10.250.0.0/16 via 10.0.0.3 dev eth0 proto static metric 64"]


async def test_stop_twice_and_nothing_wanted() -> None:
    async with running() as bench:
        await asyncio.wait_for(bench.service.settled(), 5)
        await bench.service.stop(flush=True)
        await bench.service.stop(flush=True)


REFUSED = """
import asyncio
from bgpd.kernel.service import KernelRefused, KernelService
from bgpd.model import KernelSpec
async def main():
    try:
        await KernelService(KernelSpec(), lambda *a: None, lambda *a: None).start()
    except KernelRefused as refused:
        print(refused)
asyncio.run(main())
"""


async def test_without_the_capability_it_says_which() -> None:
    with Net() as net:
        node = net.namespace("node")
        said = node.run(["setpriv", "--bounding-set=-net_admin", sys.executable, "-c", REFUSED])
    assert "CAP_NET_ADMIN" in said
    assert "--no-kernel" in said


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        (KernelSpec(table=255), "table 255"),
        (KernelSpec(table=0), "table 0"),
        (KernelSpec(protocol=2), "protocol 2"),
        (KernelSpec(metric=0), "metric 0"),
    ],
)
async def test_impossible_specs_are_refused(spec: KernelSpec, word: str) -> None:
    service = KernelService(spec, lambda *_: None, lambda *_: None)
    with pytest.raises(KernelRefused, match=word):
        await service.start()


async def test_ipv6_disabled_is_not_fatal() -> None:
    def before(node: Namespace) -> None:
        node.run(["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"])

    async with running(before=before) as bench:
        bench.want("10.244.2.0/24", "10.0.0.2")
        bench.want("fd01::/64", "fd00::2")
        await bench.service.settled()
        assert bench.state("10.244.2.0/24") == "yes"
        assert bench.state("fd01::/64").startswith("unresolved")


def test_namespaces_are_removed() -> None:
    with Net() as net:
        name = net.namespace("gone").name
        assert name in subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    assert name not in subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
