"""When netlink itself fails: named clearly, and nothing is lost."""

import asyncio
import os

import pytest

from bgpd.kernel.service import KernelRefused, KernelService
from bgpd.model import KernelSpec
from bgpd.wire.family import IPV4
from bgpd.wire.prefix import parse_address
from tests.netns.kernel_bench import Bench, running, until


def trouble(bench: Bench) -> str:
    return "; ".join(str(fields["reason"]) for fields in bench.named("kernel_trouble"))


async def works(bench: Bench) -> None:
    """Writing, repairing and checking go on."""
    bench.want("10.244.9.0/24", "10.0.0.2")
    await until(lambda: bench.state("10.244.9.0/24") == "yes" and bench.service.in_sync(), 20)
    repaired = bench.service.counters["routes_repaired"]
    bench.node.ip("route del 10.244.9.0/24 proto 64")
    await until(lambda: bench.service.counters["routes_repaired"] > repaired)
    await until(lambda: bool(bench.node.routes("10.244.9.0/24")))
    assert (await bench.service.check()).in_step


async def test_the_writer_is_closed_under_us() -> None:
    async with running() as bench:
        bench.want("10.244.2.0/24", "10.0.0.2")
        await bench.service.settled()
        assert bench.service._writers is not None
        bench.service._writers[0]._socket.close()
        bench.want("10.244.3.0/24", "10.0.0.2")
        await until(lambda: bool(bench.ours()) and len(bench.ours()) == 2, 20)
        assert "Bad file descriptor" in trouble(bench)
        await works(bench)


async def test_the_event_socket_is_closed_under_us() -> None:
    """What happened while we were deaf is found by the dump that follows."""
    async with running() as bench:
        bench.want("10.244.2.0/24", "10.0.0.2")
        await bench.service.settled()
        events = bench.service._listener._events
        assert events is not None
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, events.fileno())  # its number lives on, and is no socket any more
        os.close(null)
        bench.node.ip("route del 10.244.2.0/24 proto 64")
        bench.want("10.244.3.0/24", "10.0.0.2")
        await until(lambda: len(bench.ours()) == 2, 20)
        await works(bench)


async def test_events_are_lost_and_nothing_else() -> None:
    """ENOBUFS: more happens than the buffer takes. A dump tells what, and other daemons' noise does not hide it."""
    async with running(receive_buffer=2048) as bench:
        bench.service.submit(IPV4, {bytes((24, 20, 0, i)): (parse_address("10.0.0.2"),) for i in range(100)})
        await bench.service.settled()
        bench.node.ip(
            *[f"route add 30.{i}.0.0/16 via 10.0.0.3 proto static" for i in range(200)],
            *[f"route del 20.0.{i}.0/24 proto 64" for i in range(50)],
            *[f"route del 30.{i}.0.0/16" for i in range(200)],
        )
        await until(lambda: bench.service.counters["overruns"] > 0)
        await until(lambda: len(bench.ours()) == 100, 20)
        assert bench.named("kernel_resync")
        assert (await bench.service.check()).in_step


async def test_an_interface_vanishes() -> None:
    async with running() as bench:
        bench.node.ip("link add ghost type veth peer name ghost1", "link set ghost up", "link set ghost1 up")
        bench.node.ip("addr add 10.7.0.1/24 dev ghost", "addr add fd07::1/64 dev ghost nodad")
        await until(lambda: bench.service.resolve(parse_address("10.7.0.2")).reachable)
        bench.want("10.244.2.0/24", "10.7.0.2")
        bench.want("fd01::/64", "fd07::2")
        bench.want("10.244.3.0/24", "10.7.0.2", "10.0.0.2")
        await until(lambda: bench.service.in_sync() and len(bench.ours()) > 1)
        bench.node.ip("link del ghost")
        await until(lambda: not bench.service.resolve(parse_address("10.7.0.2")).reachable)
        await bench.service.settled()
        assert bench.ours() == ["10.244.3.0/24 via 10.0.0.2 dev eth0 metric 64"]
        assert bench.state("10.244.2.0/24").startswith("unresolved: 10.7.0.2")
        assert bench.state("fd01::/64").startswith("unresolved: fd07::2")
        assert (await bench.service.check()).in_step


async def test_a_table_that_does_not_exist_yet_is_made_by_its_first_route() -> None:
    async with running(KernelSpec(table=4000)) as bench:
        assert (await bench.service.check()).in_step
        bench.want("10.244.2.0/24", "10.0.0.2")
        await bench.service.settled()
        assert bench.node.routes("table 4000") == ["10.244.2.0/24 via 10.0.0.2 dev eth0 proto 64 metric 64"]
        view = await bench.service.check()
        assert (view.in_step, view.dumped, view.looked_up) == (True, 1, 0)


async def test_no_socket_to_be_had() -> None:
    service = KernelService(KernelSpec(), lambda *_: None, lambda *_: None)

    async def refused() -> None:
        raise OSError(24, "Too many open files")

    service._open = refused  # type: ignore[method-assign,assignment]
    with pytest.raises(KernelRefused, match="Too many open files"):
        await service.start()
    await asyncio.sleep(0)
