"""Nodes that restart in restart mode or are killed: no live route may leave any FIB meanwhile (RFC 4724, RFC 8538).

The simulated kernel keeps what a node's earlier life has written, as the real one does: what is wanted again takes
its place, and what is not goes when the sweep comes, at convergence or after half a minute (`daemon`).
"""

from dataclasses import replace

import pytest

from bgpd.model import GracefulRestart
from tests.sim.checks import check
from tests.sim.world import Node, World

#: 1069: a connection that lost its collision after it was Established is no second restart
SEEDS = (*range(25), 1069)


class Restarts:
    """A mesh whose nodes come back as restarted ones, and what every FIB must hold all the time."""

    def __init__(self, seed: int, count: int = 4) -> None:
        self.world = World(seed)
        self.nodes = self.world.mesh(count)
        self.world.start(spread=2.0)
        self.world.run(40)
        check(self.world)
        self.full = {node.name: dict(node.fib) for node in self.nodes}
        assert all(len(fib) == count for fib in self.full.values())

    def watch(self, until: float) -> None:
        """Every FIB is whole after every single event."""
        world = self.world
        for node in self.nodes:
            node.watch = self.whole
        step = world.now
        while step < until:
            step += 0.25
            world.run(step)
            for node in self.nodes:
                self.whole(node)
        for node in self.nodes:
            node.watch = None

    def whole(self, node: Node) -> None:
        missing = self.full[node.name].keys() - node.fib.keys()
        assert not missing, f"{self.world.now:.3f}: {node.name} lost {missing}"

    def leave(self, node: Node, *, kill: bool) -> None:
        if not kill and node.speaker is not None:
            node.speaker.abandon(self.world.now)
        node.crash()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_node_restarts_and_nobody_loses_a_route(seed: int) -> None:
    """Killed or restarted, gone for up to 100 s; then again, once it has said everything."""
    play = Restarts(seed)
    rng = play.world.rng
    for _ in range(2):
        node = rng.choice(play.nodes)
        play.leave(node, kill=rng.random() < 0.5)
        play.world.at(play.world.now + rng.choice((0.01, 1.0, 10.0, 60.0, 100.0)), node.start)
        play.watch(play.world.now + 160)
        check(play.world)
        for each in play.nodes:
            assert each.fib == play.full[each.name]


@pytest.mark.parametrize("seed", range(10))
def test_one_peer_is_dead_and_delays_nobody(seed: int) -> None:
    """Its routes go at the others when their patience ends, and at who restarts when it sweeps; nothing else does."""
    play = Restarts(seed)
    dead, node, *others = play.nodes
    dead.crash()
    for each in others:
        play.full[each.name] = {k: w for k, w in play.full[each.name].items() if w != (dead.address,)}
    play.full[node.name] = {k: w for k, w in play.full[node.name].items() if w != (dead.address,)}
    play.leave(node, kill=seed % 2 == 0)
    play.world.at(play.world.now + 5, node.start)
    play.watch(play.world.now + 200)
    check(play.world)
    assert not any(want == (dead.address,) for each in play.nodes[1:] for want in each.fib.values())
    (over,) = [at for at, _, event, _ in node.log if event == "restart_over"]
    came_up = max(at for at, _, event, f in node.log if event == "session" and f["new"] == "Established" and at < over)
    assert over - came_up < 31


@pytest.mark.parametrize("seed", range(10))
def test_who_stays_away_is_forgotten(seed: int) -> None:
    play = Restarts(seed)
    gone, *others = play.nodes
    gone.crash()
    play.world.run(play.world.now + 119)
    assert all((gone.address,) in node.fib.values() for node in others)
    play.world.run(play.world.now + 3)
    assert all((gone.address,) not in node.fib.values() for node in others)
    check(play.world)


@pytest.mark.parametrize("seed", range(5))
def test_without_the_capability_they_go_at_once(seed: int) -> None:
    """The invariant can fail: this is what it looks like when nobody helps."""
    world = World(seed)
    nodes = world.mesh(3)
    for node in nodes:
        off = tuple(replace(n, graceful_restart=GracefulRestart.OFF) for n in node.spec.neighbors)
        node.spec = replace(node.spec, neighbors=off)
    world.start()
    world.run(30)
    nodes[0].crash()
    world.run(31)
    assert all(len(node.fib) == 2 for node in nodes[1:])


def test_all_restart_at_once() -> None:
    """Two that wait for each other would wait for ever."""
    play = Restarts(3)
    for node in play.nodes:
        play.leave(node, kill=True)
    for node in play.nodes:
        play.world.at(play.world.now + play.world.rng.uniform(0, 3), node.start)
    play.watch(play.world.now + 120)
    check(play.world)
    assert all(node.fib == play.full[node.name] for node in play.nodes)
