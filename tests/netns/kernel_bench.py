"""A kernel service in a namespace with one neighbor on a cable, and eyes on what the kernel holds."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bgpd.kernel.service import KernelService
from bgpd.model import KernelSpec
from bgpd.wire.family import Family
from bgpd.wire.prefix import parse_address, parse_prefix
from tests.netns.netns import Namespace, Net

OURS = "proto 64"


def addresses(*texts: str) -> tuple[bytes, ...]:
    """Next hops of a want."""
    return tuple(parse_address(text) for text in texts)


def key(text: str) -> tuple[Family, bytes]:
    """Family and packed prefix."""
    return parse_prefix(text)


@dataclass
class Bench:
    """The node under test, its neighbor, the service, and what it said."""

    net: Net
    node: Namespace
    peer: Namespace
    service: KernelService
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    next_hops: dict[bytes, tuple[bool, int, str]] = field(default_factory=dict)

    def want(self, prefix: str, *next_hops: str) -> None:
        family, packed = key(prefix)
        self.service.submit(family, {packed: addresses(*next_hops)})

    def unwant(self, prefix: str) -> None:
        family, packed = key(prefix)
        self.service.submit(family, {packed: None})

    def state(self, prefix: str) -> str:
        return self.service.installed(*key(prefix))

    def ours(self, family: int = 4) -> list[str]:
        """Our routes as `ip` shows them, multipath in one line."""
        lines: list[str] = []
        for line in self.node.routes(OURS, family):
            if line.startswith("nexthop"):
                lines[-1] += " " + line
            else:
                lines.append(line)
        return sorted(lines)

    def named(self, event: str) -> list[dict[str, object]]:
        return [fields for name, fields in self.events if name == event]


async def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that events bring about."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.002)


def wire(net: Net) -> tuple[Namespace, Namespace]:
    """node eth0 10.0.0.1/24, fd00::1/64 -- peer eth0 10.0.0.2, .3, fd00::2, ::3; node eth1 10.0.1.1/24 -- peer 10.0.1.2."""
    node, peer = net.namespace("node"), net.namespace("peer")
    net.veth(node, "eth0", peer, "eth0")
    net.veth(node, "eth1", peer, "eth1")
    node.ip("addr add 10.0.0.1/24 dev eth0", "addr add fd00::1/64 dev eth0 nodad", "addr add 10.0.1.1/24 dev eth1")
    peer.ip(
        "addr add 10.0.0.2/24 dev eth0",
        "addr add 10.0.0.3/24 dev eth0",
        "addr add fd00::2/64 dev eth0 nodad",
        "addr add fd00::3/64 dev eth0 nodad",
        "addr add 10.0.1.2/24 dev eth1",
    )
    return node, peer


def make(net: Net, node: Namespace, peer: Namespace, spec: KernelSpec, **options: int) -> Bench:
    """The service, not started."""
    events: list[tuple[str, dict[str, object]]] = []
    next_hops: dict[bytes, tuple[bool, int, str]] = {}

    def on_next_hop(address: bytes, reachable: bool, cost: int, reason: str) -> None:
        next_hops[address] = reachable, cost, reason

    service = KernelService(spec, on_next_hop, lambda name, fields: events.append((name, fields)), **options)  # type: ignore[arg-type]
    return Bench(net, node, peer, service, events, next_hops)


@asynccontextmanager
async def running(
    spec: KernelSpec | None = None, before: Callable[[Namespace], None] | None = None, **options: int
) -> AsyncIterator[Bench]:
    """A started service; at the end it is stopped and its namespaces are gone."""
    with Net() as net:
        node, peer = wire(net)
        if before is not None:
            before(node)
        bench = make(net, node, peer, spec or KernelSpec(), **options)
        with node.entered():
            await bench.service.start()
        try:
            yield bench
        finally:
            await bench.service.stop(flush=False)
