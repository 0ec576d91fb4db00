"""The overlay between two nodes with a router between them that knows nothing of pods, in real kernels.

pod 10.244.1.10 on lo -- a (172.30.1.11) -- r -- b (172.30.2.12) -- 10.244.2.10 on lo
                                             \\-- c (172.30.1.13, in a's subnet) -- 10.244.3.10 on lo
"""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from bgpd.model import KernelSpec, Overlay, PoolSpec
from bgpd.wire.prefix import parse_address, parse_prefix
from tests.netns.kernel_bench import Bench, make, until
from tests.netns.netns import Namespace, Net

NODES = {"a": ("172.30.1.11", 1), "b": ("172.30.2.12", 2), "c": ("172.30.1.13", 3)}
PORT = 5005


def pools(mode: Overlay) -> tuple[PoolSpec, ...]:
    family, prefix = parse_prefix("10.244.0.0/16")
    return (PoolSpec(family=family, prefix=prefix, overlay=mode),)


@dataclass
class Cluster:
    """Three nodes with their services."""

    nodes: dict[str, Bench]
    net: Net

    def ours(self, name: str) -> list[str]:
        return self.nodes[name].ours()

    async def started(self, name: str) -> None:
        """The service of a node anew, as after the start of a daemon."""
        bench = self.nodes[name]
        fresh = make(self.net, bench.node, bench.node, bench.service.spec, router_id=parse_address(NODES[name][0]))  # type: ignore[arg-type]
        with bench.node.entered():
            await fresh.service.start()
        self.nodes[name] = fresh
        self.mesh(name)
        await fresh.service.settled()

    def mesh(self, name: str) -> None:
        for other, (address, number) in NODES.items():
            if other != name:
                self.nodes[name].service.track(parse_address(address))
                self.nodes[name].want(f"10.244.{number}.0/24", address)


@asynccontextmanager
async def cluster(mode: Overlay, audit_interval: float = 60.0) -> AsyncIterator[Cluster]:
    with Net() as net:
        spaces = {name: net.namespace(name) for name in NODES}
        router = net.namespace("r")
        net.bridge(router, "one", (spaces["a"], "eth0"), (spaces["c"], "eth0"))
        net.veth(router, "two", spaces["b"], "eth0")
        router.ip("addr add 172.30.1.1/24 dev one", "addr add 172.30.2.1/24 dev two")
        _forward(router)
        made = Cluster({}, net)
        for name, (address, number) in NODES.items():
            gateway = address.rsplit(".", 1)[0] + ".1"
            spaces[name].ip(
                f"addr add {address}/24 dev eth0",
                f"route add default via {gateway}",
                f"addr add 10.244.{number}.10/32 dev lo",
            )
            _forward(spaces[name])
            spec = KernelSpec(pools=pools(mode), audit_interval=audit_interval)
            made.nodes[name] = make(net, spaces[name], router, spec, router_id=parse_address(address))  # type: ignore[arg-type]
            with spaces[name].entered():
                await made.nodes[name].service.start()
        try:
            for name in NODES:
                made.mesh(name)
            for bench in made.nodes.values():
                await bench.service.settled()
            yield made
        finally:
            for bench in made.nodes.values():
                await bench.service.stop(flush=False)


def _forward(node: Namespace) -> None:
    node.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])


class Stream:
    """Numbered packets from one pod to another."""

    def __init__(self, sender: Namespace, source: str, receiver: Namespace, destination: str) -> None:
        with receiver.entered():
            self._in = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._in.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._in.bind((destination, PORT))
        self._in.setblocking(False)
        with sender.entered():
            self._out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._out.bind((source, 0))
        self._to = (destination, PORT)
        self.sent = 0
        self.refused = 0

    def send(self, octets: int = 64) -> None:
        try:
            self._out.sendto(struct.pack("!I", self.sent) + bytes(octets - 4), self._to)
        except OSError:
            self.refused += 1
        self.sent += 1

    def received(self) -> int:
        count = 0
        while True:
            try:
                self._in.recv(65535)
            except BlockingIOError:
                return count
            count += 1

    async def arrives(self) -> bool:
        """Whether one packet gets there; the first ones may wait for ARP."""
        self.received()
        for _ in range(50):
            self.send()
            await asyncio.sleep(0.02)
            if self.received():
                return True
        return False

    def close(self) -> None:
        self._in.close()
        self._out.close()


def stream(made: Cluster, sender: str, receiver: str) -> Stream:
    return Stream(
        made.nodes[sender].node,
        f"10.244.{NODES[sender][1]}.10",
        made.nodes[receiver].node,
        f"10.244.{NODES[receiver][1]}.10",
    )


@pytest.mark.parametrize(
    ("mode", "to_b", "to_c"),
    [
        (Overlay.NEVER, None, "via 172.30.1.13 dev eth0"),
        (Overlay.CROSS_SUBNET, "via 172.30.2.12 dev bgpd.vx4", "via 172.30.1.13 dev eth0"),
        (Overlay.ALWAYS, "via 172.30.2.12 dev bgpd.vx4", "via 172.30.1.13 dev bgpd.vx4"),
    ],
)
async def test_the_modes(mode: Overlay, to_b: str | None, to_c: str) -> None:
    async with cluster(mode) as made:
        routes = " | ".join(made.ours("a"))
        assert to_c in routes
        assert (to_b or "bgpd.vx4") in routes or to_b is None
        for other, expected in (("b", to_b is not None), ("c", True)):
            packets = stream(made, "a", other)
            assert await packets.arrives() is expected, other
            packets.close()


async def test_packets_of_full_size_get_through() -> None:
    """The device's MTU leaves room for what encapsulation adds: nothing is fragmented on the way."""
    async with cluster(Overlay.ALWAYS) as made:
        packets = stream(made, "a", "b")
        assert await packets.arrives()
        packets.send(1450 - 28)  # IP and UDP
        await asyncio.sleep(0.1)
        assert packets.received() == 1
        packets.close()


async def test_a_device_that_is_taken_away_comes_back() -> None:
    async with cluster(Overlay.ALWAYS) as made:
        bench = made.nodes["a"]
        before = bench.ours()
        start = time.perf_counter()
        bench.node.ip("link del bgpd.vx4")
        await until(lambda: bench.ours() == before)
        print(f"\ndevice, entries and routes back within {1000 * (time.perf_counter() - start):.0f} ms")
        packets = stream(made, "a", "b")
        assert await packets.arrives()
        packets.close()


async def test_the_mode_changes_without_losing_a_packet() -> None:
    """cross-subnet -> always -> cross-subnet, within one subnet, where both ways work, under a stream of packets."""
    async with cluster(Overlay.CROSS_SUBNET) as made:
        packets = stream(made, "a", "c")
        assert await packets.arrives()
        packets.received()
        packets.sent = packets.refused = received = 0
        for turn in range(20):
            for name in NODES:
                made.nodes[name].service.configure(pools(Overlay.ALWAYS if turn % 2 == 0 else Overlay.CROSS_SUBNET))
            for _ in range(40):
                packets.send()
                await asyncio.sleep(0.0005)
            received += packets.received()
        await asyncio.sleep(0.1)
        received += packets.received()
        print(f"\n20 changes of mode: {packets.sent} packets sent, {packets.sent - received} lost")
        assert received == packets.sent
        assert "via 172.30.1.13 dev eth0" in " | ".join(made.ours("a"))
        packets.close()


async def test_a_restart_loses_nothing_and_a_clean_exit_leaves_nothing() -> None:
    async with cluster(Overlay.ALWAYS) as made:
        packets = stream(made, "a", "b")
        assert await packets.arrives()
        packets.received()
        packets.sent = 0

        async def steadily() -> None:
            while True:
                packets.send()
                await asyncio.sleep(0.001)

        sender = asyncio.create_task(steadily())
        await made.nodes["a"].service.stop(flush=False)
        await made.started("a")
        await made.nodes["a"].service.sweep()
        sender.cancel()
        await asyncio.sleep(0.1)
        assert packets.received() == packets.sent
        packets.close()
        node = made.nodes["a"].node
        await made.nodes["a"].service.stop(flush=True)
        assert "bgpd.vx4" not in node.ip("link show")
        assert node.routes("proto 64") == []


async def test_entries_of_a_node_that_left_go() -> None:
    async with cluster(Overlay.ALWAYS, audit_interval=0.05) as made:
        bench = made.nodes["a"]
        await bench.service.sweep()
        assert "172.30.1.13" in bench.node.ip("neigh show dev bgpd.vx4")
        assert bench.service.overlay() == (1, 2)
        bench.unwant("10.244.3.0/24")
        await until(lambda: "172.30.1.13" not in bench.node.ip("neigh show dev bgpd.vx4"))
        assert "172.30.2.12" in bench.node.ip("neigh show dev bgpd.vx4")
        await until(lambda: bench.service.overlay() == (1, 1))
        assert bench.service.counters["overlay_errors"] == 0
        packets = stream(made, "a", "b")
        assert await packets.arrives()
        packets.close()


async def test_a_device_of_somebody_else_is_reported() -> None:
    with Net() as net:
        node, router = net.namespace("a"), net.namespace("r")
        net.veth(node, "eth0", router, "eth0")
        node.ip("addr add 172.30.1.11/24 dev eth0", "link add bgpd.vx4 type vxlan id 1 dstport 1 nolearning")
        spec = KernelSpec(pools=pools(Overlay.ALWAYS))
        bench = make(net, node, router, spec, router_id=parse_address("172.30.1.11"))  # type: ignore[arg-type]
        with node.entered():
            await bench.service.start()
        try:
            bench.want("10.244.2.0/24", "172.30.1.13")
            await bench.service.settled()
            assert "somebody else's" in str(bench.named("kernel_overlay")[0]["reason"])
            assert (bench.service.overlay(), bench.service.counters["overlay_errors"]) == ((0, 0), 1)
            assert "somebody else's" in bench.state("10.244.2.0/24")
        finally:
            await bench.service.stop(flush=True)
        assert "bgpd.vx4" in node.ip("link show")
