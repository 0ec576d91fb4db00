"""A plain mesh, told by hand: what each part of the simulator does when nothing is random."""

from dataclasses import replace

import pytest

from bgpd.wire.family import IPV4
from tests.sim.checks import check
from tests.sim.world import World, pod_prefix


@pytest.mark.parametrize("seed", range(5))
def test_routes_of_the_dead_leave_and_come_back(seed: int) -> None:
    world = World(seed)
    nodes = world.mesh(4)
    world.start(spread=2.0)
    world.run(20)
    check(world)
    assert all(len(node.fib) == 4 for node in nodes)
    nodes[0].stop()
    world.run(21)
    check(world)
    assert all(len(node.fib) == 3 for node in nodes[1:])
    nodes[0].start()
    world.run(60)
    check(world)
    assert nodes[1].fib[IPV4, pod_prefix(0)] == (nodes[0].address,)


def test_a_partition_is_noticed_by_the_hold_timer_and_heals() -> None:
    world = World(1)
    a, b, _ = world.mesh(3)
    for node in world.nodes.values():
        node.spec = replace(node.spec, neighbors=tuple(replace(n, restart_time=0) for n in node.spec.neighbors))
    world.start()
    world.run(20)
    world.cut(a, b)
    world.run(80)
    assert (IPV4, pod_prefix(1)) in a.fib
    world.run(20 + 90 + 31)
    assert (IPV4, pod_prefix(1)) not in a.fib
    check(world)
    world.heal(a, b)
    world.run(world.now + 60)
    check(world)
    assert (IPV4, pod_prefix(1)) in a.fib


def start_together(seed: int) -> None:
    """Everybody dials everybody in the same moment: each collision ends with one connection, at once."""
    world = World(seed)
    world.mesh(5)
    world.start()
    world.run(2.0)
    check(world)
    counts = [n.established_count for node in world.nodes.values() for n in node.speaker.neighbors.values()]  # type: ignore[union-attr]
    world.run(200.0)
    check(world)
    assert counts == [n.established_count for node in world.nodes.values() for n in node.speaker.neighbors.values()]  # type: ignore[union-attr]


@pytest.mark.parametrize("seed", range(20))
def test_start_together(seed: int) -> None:
    start_together(seed)
