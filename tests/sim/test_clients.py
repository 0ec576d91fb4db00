"""From a mesh to a reflector and back on sessions that stay (RFC 4456): no FIB is ever without a route."""

from collections.abc import Generator
from dataclasses import replace

import pytest

from bgpd.model import NeighborSpec
from bgpd.speaker.handover import needed
from bgpd.speaker.neighbor import Neighbor
from bgpd.wire.family import IPV4
from tests.sim.checks import check
from tests.sim.world import Node, World, pod_prefix

COUNT = 5


def change(node: Node, **fields: object) -> None:
    """Other settings for all neighbors of a node."""
    node.reconfigure(replace(node.spec, neighbors=tuple(replace(n, **fields) for n in node.spec.neighbors)))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(4))
def test_from_a_mesh_to_a_reflector_and_back(seed: int) -> None:
    world = World(seed)
    top, *others = world.mesh(COUNT)
    drawn = {node.name: node.spec.neighbors for node in others}
    world.start(spread=2.0)
    world.run(30)
    check(world)
    sessions = [n.established_count for n in neighbors(top)]

    def whole(node: Node) -> None:
        missing = [n for n in range(COUNT) if (IPV4, pod_prefix(n)) not in node.fib]
        assert not missing, f"{world.now}: {node.name} has no route to {missing}"

    for node in world.nodes.values():
        node.watch = whole
    for node in others:
        change(node, leaving=True)
        leave(node, top)  # each when it needs the others no more; they may not be as far
    cluster = b"\0\0\0\1" if seed % 2 else None
    world.at(world.now + 1.0, lambda: change(top, rr_client=True, cluster_id=cluster))
    world.run(80)
    assert [len(node.spec.neighbors) for node in others] == [1] * len(others)
    check(world)
    for node in others:
        world.at(world.now + world.rng.choice((0.0, 0.1, 3.0)), lambda node=node: back(node, drawn[node.name]))  # type: ignore[misc]
    world.run(140)
    change(top, rr_client=False)
    world.run(200)
    check(world)
    assert [n.established_count for n in neighbors(top)] == sessions


def leave(node: Node, top: Node) -> None:
    """As the membership does it, only that it looks more often."""
    assert node.speaker is not None
    looking = needed(node.speaker, frozenset(n.identity for n in node.spec.neighbors if n.address != top.address))
    if not found(looking):
        back(node, tuple(replace(n, leaving=False) for n in node.spec.neighbors if n.address == top.address))
    else:
        node.world.at(node.world.now + 0.001, lambda: leave(node, top))


def found(looking: Generator[None, None, frozenset[bytes]]) -> frozenset[bytes]:
    try:
        while True:
            next(looking)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def back(node: Node, neighbors: tuple[NeighborSpec, ...]) -> None:
    node.reconfigure(replace(node.spec, neighbors=neighbors))


def neighbors(node: Node) -> list[Neighbor]:
    assert node.speaker is not None
    return list(node.speaker.neighbors.values())
