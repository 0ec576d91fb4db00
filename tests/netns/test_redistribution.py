"""What others have in the kernel, followed live and told as a speaker takes it."""

import asyncio
import time

from bgpd.config.redistribution import parse_redistribute
from bgpd.kernel.encode import AF_INET
from bgpd.kernel.service import KernelService
from bgpd.wire.family import Family
from bgpd.wire.prefix import format_prefix
from tests.netns.kernel_bench import running, until

OTHERS = [f"route add 30.{i >> 8}.{i & 255}.0/24 via 10.0.0.2 proto static" for i in range(10_000)]


class Told:
    """The table that everything told adds up to, by entry."""

    def __init__(self, service: KernelService, *entries: str) -> None:
        self.tables: dict[str, set[str]] = {}
        self._service = service
        self.configure(*entries)

    def configure(self, *entries: str) -> None:
        self._service.redistribute(tuple(parse_redistribute(each) for each in entries), self._take)

    def _take(self, name: str, family: Family, withdrawn: list[bytes], announced: list[bytes]) -> None:
        table = self.tables.setdefault(name, set())
        gone = {format_prefix(family, prefix) for prefix in withdrawn}
        assert gone <= table
        table -= gone
        table |= {format_prefix(family, prefix) for prefix in announced}

    def of(self, name: str) -> set[str]:
        return self.tables.get(name, set())


async def test_addresses_and_links_are_followed() -> None:
    async with running() as bench:
        told = Told(bench.service, "connected,interface=eth*,interface=lo")
        await until(lambda: told.of("connected eth* lo") == {"10.0.0.0/24", "10.0.1.0/24", "fd00::/64"})
        bench.node.ip("addr add 192.0.2.1/32 dev lo", "addr del 10.0.1.1/24 dev eth1")
        await until(lambda: told.of("connected eth* lo") == {"10.0.0.0/24", "192.0.2.1/32", "fd00::/64"})
        bench.peer.ip("link set eth0 down")  # the cable is pulled at the other end
        await until(lambda: told.of("connected eth* lo") == {"192.0.2.1/32"})
        bench.peer.ip("link set eth0 up")
        await until(lambda: told.of("connected eth* lo") == {"10.0.0.0/24", "192.0.2.1/32", "fd00::/64"})
        bench.node.ip("link del eth1")
        bench.node.ip("link del eth0")
        await until(lambda: told.of("connected eth* lo") == {"192.0.2.1/32"})


async def test_routes_of_tables_are_followed_and_ours_are_not_among_them() -> None:
    async with running() as bench:
        bench.node.ip(
            "route add 30.1.0.0/16 via 10.0.0.2 proto static",
            "route add 30.2.0.0/16 via 10.0.0.2 proto ospf",
            "route add 30.3.0.0/16 via 10.0.0.2 proto static table 100",
            "route add default via 10.0.0.2 proto static",
            "route add 2001:db8::/32 via fd00::2 proto static",
        )
        bench.node.ip("route add 30.4.0.0/16 via 10.0.0.2 proto 64 metric 9")
        bench.want("30.5.0.0/16", "10.0.0.2")
        await bench.service.settled()
        told = Told(bench.service, "static", "static,table=100")
        await until(lambda: told.of("static") == {"30.1.0.0/16", "2001:db8::/32"})
        await until(lambda: told.of("static table 100") == {"30.3.0.0/16"})  # by the dump that it needs
        bench.node.ip(
            "route replace 30.1.0.0/16 via 10.0.0.3 proto ospf",  # its key goes to somebody else, without a word
            "route add 30.6.0.0/16 via 10.0.0.2 proto static table 100",
            "route add blackhole 30.7.0.0/16 proto static",
            "route del 2001:db8::/32",
        )
        await until(lambda: told.of("static") == {"30.7.0.0/16"})
        await until(lambda: told.of("static table 100") == {"30.3.0.0/16", "30.6.0.0/16"})
        bench.node.ip("link set eth0 down")  # no RTM_DELROUTE for IPv4 tells of it
        await until(lambda: told.of("static table 100") == set())
        bench.node.ip("link set eth0 up", "route add 30.3.0.0/16 via 10.0.0.2 proto static table 100")
        await until(lambda: told.of("static table 100") == {"30.3.0.0/16"})
        told.configure("static")
        await until(lambda: told.of("static table 100") == set())
        assert told.of("static") == {"30.7.0.0/16"}
        assert bench.service.redistributed() == {"static": 1}


async def test_lost_events_are_made_up_for() -> None:
    async with running(receive_buffer=2048) as bench:
        told = Told(bench.service, "static")
        bench.node.ip(*OTHERS[:2000])
        await until(lambda: bench.service.counters["overruns"] > 0)
        await until(lambda: len(told.of("static")) == 2000, 20)
        bench.node.ip(*[line.replace("add", "del") for line in OTHERS[:1990]])
        await until(lambda: len(told.of("static")) == 10, 20)


async def test_ten_thousand_routes_do_not_hold_the_loop() -> None:
    async with running() as bench:
        bench.node.ip(*OTHERS)
        known = bench.service.links
        await until(lambda: len(list(known.main(AF_INET).prefixes())) > len(OTHERS))  # the events are read
        worst, done = 0.0, asyncio.Event()  # seconds of this thread, whatever else the machine does

        async def watch() -> None:
            nonlocal worst
            while not done.is_set():
                before = time.thread_time()
                await asyncio.sleep(0)
                worst = max(worst, time.thread_time() - before)

        watching = asyncio.create_task(watch())
        begun = time.thread_time()
        told = Told(bench.service, "static")
        while len(told.of("static")) < 10_000:
            await asyncio.sleep(0)
        took = time.thread_time() - begun
        done.set()
        await watching
        print(f"10,000 routes told in {took * 1000:.0f} ms, the loop was away {worst * 1000:.1f} ms at most")
        assert worst < 0.02
