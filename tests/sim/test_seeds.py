"""Histories in bulk. SIM_SEEDS: how many (40 unless told); SIM_FIRST: from which one.

A seed that fails is printed with the command that plays it alone.
"""

import gc
import os
import subprocess
import sys
from collections import Counter

import pytest

from bgpd.rib import export, intern, loc_rib
from bgpd.rib.group import UpdateGroup
from bgpd.rib.member import Member
from bgpd.rib.path import Path, Source
from bgpd.session.session import Session
from bgpd.speaker.neighbor import Connection, Retained
from bgpd.wire.attrs import build
from bgpd.wire.family import IPV4
from tests.sim.bulk import run
from tests.sim.checks import check
from tests.sim.history import play
from tests.sim.world import World, pod

SEEDS = int(os.environ.get("SIM_SEEDS", "40"))
FIRST = int(os.environ.get("SIM_FIRST", "0"))
JOBS = int(os.environ.get("SIM_JOBS", "2"))
#: 1644: cut off from a giver while it comes back; 2533: a second crash when all had been quiet, and another was away
FOUND = (1644, 2533)


@pytest.mark.timeout(60 + 2 * SEEDS)
def test_seeds() -> None:
    reports: list[str] = []
    failed = run(FIRST, SEEDS, JOBS, report=reports.append)
    assert not failed, "\n".join(reports)


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found(seed: int) -> None:
    play(seed)


@pytest.mark.parametrize("seed", [3, 12])
def test_same_seed_same_history(seed: int) -> None:
    """Also in another process, where sets of octets and texts have another order."""
    assert play(seed).trace == play(seed).trace
    traces = {
        subprocess.run(
            [sys.executable, "-m", "tests.sim", str(seed)],
            env={**os.environ, "PYTHONHASHSEED": salt},
            capture_output=True,
            check=True,
        ).stdout
        for salt in ("1", "2")
    }
    assert len(traces) == 1


KEPT = (Source, Path, Session, Connection, UpdateGroup, Member, Retained)


def test_nothing_piles_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same trouble over and over: no more objects than after the first time, caches aside (they have limits)."""
    monkeypatch.setattr(export, "_CACHE", 2)
    monkeypatch.setattr(loc_rib, "_INDEX_LIMIT", 2)
    monkeypatch.setattr(intern.Threshold.__init__, "__defaults__", (10,))
    monkeypatch.setattr(intern.Threshold.survived, "__defaults__", (10,))
    world = World(4)
    nodes = world.mesh(4)
    world.start()
    world.run(30.0)
    counts: list[Counter[str]] = []
    for _ in range(5):
        for node in nodes[:2]:
            for number in range(20):
                node.announce(IPV4, pod(IPV4, 40000 + number), build(med=number))
        world.run(world.now + 5)
        nodes[0].crash()
        world.run(world.now + 20)
        nodes[0].start()
        world.run(world.now + 60)
        nodes[1].stop()
        world.run(world.now + 10)
        nodes[1].start()
        world.cut(nodes[2], nodes[3])
        world.run(world.now + 300)
        world.heal_all()
        world.run(world.now + 100)
        for node in nodes[:2]:
            for family, prefix in list(node.routes):
                node.withdraw(family, prefix)
        world.run(world.now + 20)
        check(world)
        gc.collect()
        counts.append(Counter(type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, KEPT)))
    assert counts[-1] <= counts[1], counts
