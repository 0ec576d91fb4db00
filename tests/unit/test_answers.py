"""What control and http are told, joined from speaker and process."""

import asyncio
from dataclasses import replace

import pytest

from bgpd.answers import GRACE, Answers, resident
from bgpd.net.engine import Engine
from bgpd.net.io_clock import now
from bgpd.net.io_loop import Stalls
from bgpd.rib.loc_rib import SLICE
from bgpd.wire.capability import Capability
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.iana import CapabilityCode
from bgpd.wire.prefix import parse_prefix
from tests.unit.speaker.helpers import Bench, spec_of

A, B = "192.168.1.11", "192.168.1.12"


def answers(bench: Bench) -> Answers:
    made = Answers(hostname="node1", listening=lambda: ["0.0.0.0:179"], engine=Engine(lambda _: None), stalls=Stalls())
    made.start(bench.speaker, None)
    return made


def test_status() -> None:
    bench = Bench(spec_of(A), spec_of(B))
    bench.establish(A).announce("10.244.2.0/24")
    status = answers(bench).status()
    assert (status.neighbors, status.established) == (2, 1)
    assert status.prefixes == {"ipv4": 1, "ipv6": 0}
    assert status.kernel_in_sync is None
    assert 8 << 20 < status.rss < 1 << 30
    assert resident() > 8 << 20


def test_readiness_waits_for_everybody_at_first_and_for_one_later() -> None:
    bench = Bench(spec_of(A), spec_of(B))
    made = answers(bench)
    a = bench.establish(A)
    reasons = made.not_ready()
    assert any(reason.startswith(f"neighbor {B}: ") for reason in reasons)
    assert not any("End-of-RIB" in reason for reason in reasons)  # a peer that does not know the marker owes none
    live = bench.speaker.neighbors[a.address].live
    assert live is not None
    remote = live.session.remote_open
    assert remote is not None
    knows = Capability(CapabilityCode.GRACEFUL_RESTART, b"\0\x78")
    live.session.remote_open = replace(remote, capabilities=(*remote.capabilities, knows))
    assert any("End-of-RIB not received for ipv4, ipv6" in reason for reason in made.not_ready())
    made._started = now() - GRACE - 1  # type: ignore[misc]
    assert made.not_ready() == []
    a.close()
    assert len(made.not_ready()) == 2


def test_ready_without_neighbors() -> None:
    assert answers(Bench()).not_ready() == []


def test_neighbors_and_metrics_tell_the_same() -> None:
    bench = Bench(spec_of(A), spec_of(B, 65001))
    made = answers(bench)
    a = bench.establish(A)
    a.announce("10.244.2.0/24", "10.244.3.0/24")
    a.end_of_rib(IPV4)
    a.end_of_rib(IPV6)
    view = made.neighbor(A)
    assert view is not None
    assert view.families[0].received == 2
    assert view.families[0].end_of_rib_received
    assert view.messages_received["UPDATE"] == 3
    *pauses, snapshot = made.metrics()
    assert snapshot is not None
    assert pauses == []
    first, second = snapshot.neighbors
    assert first.families["ipv4"].received == 2
    assert (first.state, second.state) == ("Established", "Connect")
    assert snapshot.fib is None
    assert made.kernel(routes=True).enabled is False
    assert [v.name for v in made.neighbors() if v is not None] == [A, B]
    assert made.neighbor("nobody") is None


async def test_report_of_a_small_table_names_everything() -> None:
    bench = Bench(spec_of(A))
    bench.establish(A).announce("10.244.2.0/24", "192.0.2.0/24")
    told = await answers(bench).report([])
    assert told["has"] == ["10.244.2.0/24", "192.0.2.0/24"]
    assert [each["state"] for each in told["sessions"]] == ["Established"]


async def test_report_of_a_large_table_is_taken_in_slices_and_names_what_lies_in_pools() -> None:
    bench = Bench(spec_of(A))
    a = bench.establish(A)
    for i in range(40):
        a.announce(*(f"10.{i}.{j}.0/24" for j in range(150)))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    told = await answers(bench).report([parse_prefix("10.7.0.0/17"), parse_prefix("fd00::/8")])
    counting.cancel()
    assert told["has"] == sorted(f"10.7.{j}.0/24" for j in range(128))
    assert turns >= 40 * 150 // SLICE
    assert (await answers(bench).report([]))["has"] == []


async def test_report_of_too_much_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bgpd.answers._MOST_TOLD", 1)
    bench = Bench(spec_of(A))
    bench.establish(A).announce("10.244.2.0/24", "192.0.2.0/24")
    assert (await answers(bench).report([]))["has"] is None
