"""Random faults by other hands while wants change: every second the kernel holds what is wanted, and others' routes stay.

A minute of it in `make test`; SOAK_SECONDS=600 makes it ten. Routes deleted and changed, the table flushed, nexthop
objects removed, links down and up at either end, addresses removed, foreign routes on our keys, the service ended with
work undone and started again.
"""

import json
import os
import random
import time

import pytest

from bgpd.kernel.routes import GUARD_METRIC
from bgpd.kernel.service import BLACKHOLE
from bgpd.model import KernelSpec
from tests.netns.kernel_bench import Bench, addresses, key, make, until, wire
from tests.netns.netns import Net

PREFIXES = [f"10.244.{i}.0/24" for i in range(20)] + [f"fd01:{i:x}::/64" for i in range(1, 12)]
SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
#: Many routes with the same next hops (few for this test): they share a nexthop object.
SPEC = KernelSpec(nexthop_objects=6, audit_interval=2.0)
WAYS = {4: ("10.0.0.2", "10.0.0.3", "10.0.1.2"), 6: ("fd00::2", "fd00::3")}


def number(prefix: str) -> int:
    return 6 if ":" in prefix else 4


def table(bench: Bench, family: int, selector: str) -> dict[str, tuple[str, ...]]:
    """prefix -> next hops, or ("blackhole",)."""
    out: dict[str, tuple[str, ...]] = {}
    for route in json.loads(bench.node.ip(f"-j -{family} route show {selector}")):
        hops = route.get("nexthops", [route])
        ways = tuple(sorted(hop["gateway"] for hop in hops if "gateway" in hop))
        out[route["dst"]] = ("blackhole",) if route.get("type") == "blackhole" else ways
    return out


@pytest.mark.timeout(SECONDS + 120)
async def test_random_faults_end_in_step() -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"\nseed {seed}")
    rng = random.Random(seed)
    wants: dict[str, tuple[str, ...] | None] = {}
    foreign: dict[str, str] = {}  # prefix -> gateway of a static route on one of our keys
    deadline = time.monotonic() + SECONDS
    rounds = faults = kills = 0
    with Net() as net:
        node, peer = wire(net)
        bench = await _started(make(net, node, peer, SPEC))
        try:
            while time.monotonic() < deadline:
                begun = time.monotonic()
                while time.monotonic() - begun < 0.5:
                    _change(rng, bench, wants)
                    _fault(rng, bench, wants, foreign)
                    faults += 1
                if rng.random() < 0.1:
                    await _killed(bench)
                    bench = await _started(make(net, node, peer, SPEC))
                    _want_all(bench, wants)
                    kills += 1
                await bench.service.sweep()  # from now on, what bears our mark and is not wanted goes at once
                await _compare(bench, wants, foreign, seed)
                rounds += 1
            check = await bench.service.check()
            assert {finding.difference for finding in check.findings} <= {"not installed", "not used"}, (seed, check)
        finally:
            await bench.service.stop(flush=True)
        print(f"{faults} faults, {kills} of them the end of the service; in step {rounds} times out of {rounds}")
        assert json.loads(bench.node.ip("-j nexthop") or "[]") == []
        for family in (4, 6):
            assert table(bench, family, "proto 64") == {}
            mine = {prefix: (gateway,) for prefix, gateway in foreign.items() if number(prefix) == family}
            assert table(bench, family, "proto static metric 64") == mine


async def _started(bench: Bench) -> Bench:
    with bench.node.entered():
        await bench.service.start()
    return bench


async def _killed(bench: Bench) -> None:
    """It ends with whatever is pending, and puts nothing away. (`test_kernel_restart` kills real processes.)"""
    await bench.service.stop(flush=False)


def _want_all(bench: Bench, wants: dict[str, tuple[str, ...] | None]) -> None:
    for prefix, ways in wants.items():
        family, packed = key(prefix)
        bench.service.submit(family, {packed: addresses(*ways) if ways else BLACKHOLE})


def _change(rng: random.Random, bench: Bench, wants: dict[str, tuple[str, ...] | None]) -> None:
    for prefix in rng.sample(PREFIXES, rng.randrange(1, 8)):
        family, packed = key(prefix)
        dice = rng.random()
        if dice < 0.2:
            bench.service.submit(family, {packed: None})
            wants.pop(prefix, None)
        elif dice < 0.3:
            bench.service.submit(family, {packed: BLACKHOLE})
            wants[prefix] = None
        else:
            ways = WAYS[number(prefix)]
            wants[prefix] = tuple(rng.sample(ways, rng.randrange(1, len(ways) + 1)))
            bench.service.submit(family, {packed: addresses(*wants[prefix] or ())})


def _fault(rng: random.Random, bench: Bench, wants: dict[str, tuple[str, ...] | None], foreign: dict[str, str]) -> None:
    dice = rng.random()
    prefix = rng.choice(PREFIXES)
    family = number(prefix)
    if dice < 0.2:
        _try(bench, f"-{family} route del {prefix} proto 64")
    elif dice < 0.25:
        _try(bench, f"-{family} route flush proto 64")
    elif dice < 0.3:
        _try(bench, "nexthop flush")
    elif dice < 0.4:
        bench.node.ip(f"-{family} route replace {prefix} via {WAYS[family][0]} proto 64 metric 64")
        foreign.pop(prefix, None)  # it replaces whoever is there
    elif (
        dice < 0.5
        and prefix not in foreign
        and _try(bench, f"-{family} route add {prefix} via {WAYS[family][1]} proto static metric 64")
    ):
        foreign[prefix] = WAYS[family][1]
    elif dice < 0.6 and prefix in foreign:
        bench.node.ip(f"-{family} route del {prefix} proto static metric 64")
        del foreign[prefix]
    elif dice < 0.7:
        bench.node.ip("link set eth1 down", "link set eth1 up")
    elif dice < 0.8:
        bench.peer.ip("link set eth1 down", "link set eth1 up")
    elif dice < 0.85:
        bench.node.ip("addr del 10.0.1.1/24 dev eth1", "addr add 10.0.1.1/24 dev eth1")


def _try(bench: Bench, command: str) -> bool:
    try:
        bench.node.ip(command)
    except RuntimeError:
        return False
    return True


async def _compare(bench: Bench, wants: dict[str, tuple[str, ...] | None], foreign: dict[str, str], seed: int) -> None:
    def expected(family: int) -> dict[str, tuple[str, ...]]:
        return {
            prefix: tuple(sorted(ways)) if ways else ("blackhole",)
            for prefix, ways in wants.items()
            if number(prefix) == family and (prefix not in foreign or ways is None)
        }

    def in_step() -> bool:
        return all(table(bench, family, "proto 64") == expected(family) for family in (4, 6))

    try:
        await until(in_step, 30)
    except TimeoutError:
        for family in (4, 6):
            found, wanted = table(bench, family, "proto 64"), expected(family)
            wrong = {
                p: (found.get(p), wanted.get(p), bench.state(p))
                for p in found.keys() | wanted.keys()
                if found.get(p) != wanted.get(p)
            }
            assert not wrong, (seed, wrong)
    for family in (4, 6):
        mine = {prefix: (gateway,) for prefix, gateway in foreign.items() if number(prefix) == family}
        assert table(bench, family, "proto static metric 64") == mine, seed
    assert all("metric" in line for line in bench.ours()), GUARD_METRIC
