"""From a seed to a history: a shape, a few kinds of fault, a time of trouble, then quiet.

`play(seed)` returns the world when all is quiet; `judge(seed)` checks it and gives the reason why not.
Of forty seeds, one is a big world, of a hundred speakers and more, and three are of a dozen; the rest is of 3 to 8.
"""

import traceback
from collections.abc import Callable
from dataclasses import replace

from tests.sim.checks import check
from tests.sim.faults import FAULTS
from tests.sim.graceful import play as play_graceful
from tests.sim.knobs import knobs
from tests.sim.pipe import Link
from tests.sim.shapes import BIG, MIDDLE, SMALL, several_paths
from tests.sim.world import World

#: Seconds after the last fault: an OPEN that never comes (240), the longest back-off, a dial that times out, with room.
QUIET = 400.0


def play(seed: int, *, watch: Callable[[World], None] | None = None) -> World:
    """One history, up to and with the quiet at its end, where it is checked. Raises AssertionError (or a bug)."""
    world = World(seed)
    if watch is not None:
        watch(world)
    rng = world.rng
    tight = rng.random() < 0.25
    with knobs(rng, tight=tight):
        big = seed % 40 == 39
        small = seed % 10 != 9
        shape = rng.choice(BIG if big else MIDDLE if seed % 10 == 9 else SMALL)
        graceful = small and rng.random() < 0.2
        world.trace.append(f"seed {seed}: {shape.__name__}{', nothing may be lost' if graceful else ''}")
        shape(world)
        if small and rng.random() < 0.25:
            several_paths(world)
        for node in world.nodes.values():
            node.drawn = {spec.address: spec for spec in node.spec.neighbors}
        if big:
            _patient(world)
        world.window = rng.choice((1 << 18, 1 << 18, 4096, 300) if not tight else (1, 100, 300))
        world.lag = rng.choice((0.0, 0.0, 0.02, 0.3))
        world.budget = rng.choice((0.5, 0.95, 0.95))
        world.late_hops = rng.random() < 0.3
        world.link_local = rng.random() < 0.3
        if rng.random() < 0.2:
            world.usual = Link(low=0.01, high=0.01, split=0.2)  # all alike: everything meets
        if graceful:
            world.window, world.late_hops = max(world.window, 300), False
            play_graceful(world)
            return world
        world.together = rng.random() < 0.5
        world.start(spread=0.0 if world.together else 3.0)
        end = _trouble(world, big=big)
        world.run(end)
        _peace(world)
        world.run(world.now + QUIET)
        check(world)
    return world


def _patient(world: World) -> None:
    """Fewer keepalives, where they would be nearly all that happens."""
    for node in world.nodes.values():
        neighbors = tuple(replace(spec, hold_time=180, keepalive_time=60) for spec in node.spec.neighbors)
        node.spec = replace(node.spec, neighbors=neighbors)


def _trouble(world: World, *, big: bool) -> float:
    """Lay the faults on the time line; when the last one comes."""
    rng = world.rng
    kinds = rng.sample(sorted(FAULTS), rng.randrange(1, 9))
    if rng.random() < 0.5:  # routes that move while things break
        kinds += ["announce", "flap", "withdraw"]
    if rng.random() < 0.1:
        kinds = []
    if big and "everybody" in kinds:
        kinds.remove("everybody")
    world.trace.append(f"faults: {' '.join(kinds) or 'none'}")
    at = 1.0
    pace = rng.choice((0.05, 2.0, 15.0))
    if not kinds:
        return _calm(world)
    for _ in range(rng.randrange(2, 10 if big else 25)):
        name = rng.choice(kinds)
        world.at(at, lambda name=name: _strike(world, name))  # type: ignore[misc]
        at += rng.expovariate(1 / pace)
    return at


def _calm(world: World) -> float:
    """Nothing goes wrong, so nothing may fail: all sessions stand soon, and none of them ever ends."""
    soon = 4.0 if world.together else 3.0 + 5.0 + 4.0

    def standing() -> list[int]:
        counts = []
        for node in world.nodes.values():
            assert node.speaker is not None
            for neighbor in node.speaker.neighbors.values():
                assert neighbor.live is not None, f"{node.name} -> {neighbor.key}: {neighbor.foremost.session.reason}"
                counts.append(neighbor.established_count)
        return counts

    def look() -> None:
        before = standing()

        def again() -> None:
            assert standing() == before, "a session ended, and nothing was wrong"

        world.at(soon + 200, again)

    world.at(soon, look)
    return soon


def _strike(world: World, name: str) -> None:
    world.trace.append(f"{world.now:.6f} fault: {name}")
    FAULTS[name](world)


def _peace(world: World) -> None:
    """Mostly all heals and everybody is up; sometimes what is broken stays broken."""
    rng = world.rng
    if rng.random() < 0.75:
        world.heal_all()
    if rng.random() < 0.75:
        for node in world.nodes.values():
            if node.speaker is None:
                node.start()
    for node in world.nodes.values():
        if rng.random() < 0.5:
            for address in sorted(node.lost_hops):
                node.move_hop(address, lost=False)


def judge(seed: int) -> str | None:
    """None where a seed holds, else why not."""
    try:
        play(seed)
    except Exception:  # noqa: BLE001 - whatever it is, it is a finding
        return traceback.format_exc()
    return None
