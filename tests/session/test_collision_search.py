"""Both sides dial at once: every order in which the two connections' messages can arrive.

Messages of one connection and direction keep their order; between connections, and between the two directions,
any order may happen. The search visits every reachable state of the pair once.
"""

import pytest

from bgpd.session.effects import DownReason
from bgpd.session.fsm import State
from tests.session.specs import pair
from tests.session.world import Literal, Side, World

LOW, HIGH = b"\x0a\0\0\x01", b"\x0a\0\0\x02"


def search(world: World) -> list[World]:
    """Every end of every interleaving: worlds in which nothing is on its way any more.

    "start" of each side is a step like any other, so dialing early, late and into a closed port all occur.
    """
    ends: list[World] = []
    seen: set[object] = set()
    todo = [(world, frozenset(world.sides))]
    while todo:
        current, unstarted = todo.pop()
        key = (current.signature(), unstarted)
        if key in seen:
            continue
        seen.add(key)
        steps = current.steps()
        if not steps and not unstarted:
            ends.append(current)
        for name in unstarted:
            branch = current.copy()
            branch.sides[name].start()
            todo.append((branch, unstarted - {name}))
        for step in steps:
            branch = current.copy()
            branch.step(step)
            todo.append((branch, unstarted))
    return ends


def alive(world: World) -> bool:
    """Both sides Established, on the same connection, and nothing else left over."""
    return (
        world.left.up is not None
        and world.right.up is not None
        and world.left.wires[world.left.slot(world.left.up)] is world.right.wires[world.right.slot(world.right.up)]
        and len(world.wires) == 1
    )


@pytest.mark.parametrize("ids", [(LOW, HIGH), (HIGH, LOW), (LOW, LOW)], ids=["right", "left", "equal-ids"])
def test_ours_with_ours(ids: tuple[bytes, bytes]) -> None:
    ends = search(World(*pair(), ids=ids))
    assert len(ends) > 10
    collided = 0
    for world in ends:
        assert alive(world), world.left.moves() + world.right.moves()
        for side in world.sides.values():
            assert side.dialing.backoff.failures == 0, "losing a collision is no failure"
            collided += DownReason.COLLISION in [down.reason for down in side.downs()]
    assert collided, "the search never saw a collision"


@pytest.mark.parametrize(("ids", "winner"), [((LOW, HIGH), "right"), ((HIGH, LOW), "left"), ((LOW, LOW), "right")])
def test_the_larger_id_keeps_its_own(ids: tuple[bytes, bytes], winner: str) -> None:
    """All in step: both dial, both connections stand, then OPENs. Equal ids: the larger AS (RFC 6286)."""
    world = World(*pair(65001, 65002), ids=ids)
    world.left.start()
    world.right.start()
    while world.left.state < State.ESTABLISHED or world.right.state < State.ESTABLISHED:
        for step in world.steps():  # one item a queue and round: nobody gets ahead
            if step in world.steps():
                world.step(step)
    world.settle()
    assert [wire.dialer for wire in world.wires] == [winner]
    assert alive(world)
    assert world.left.ups == world.right.ups == 1
    losers = [down for side in world.sides.values() for down in side.downs()]
    assert {down.reason for down in losers} == {DownReason.COLLISION}
    assert {down.notification.subcode for down in losers if down.notification is not None} == {7}


@pytest.mark.parametrize("ids", [(LOW, HIGH), (HIGH, LOW)], ids=["larger", "smaller"])
def test_ours_with_a_literal_peer(ids: tuple[bytes, bytes]) -> None:
    """One end in a dozen is dead for a moment: section 6.8 orders us to close what the peer has just taken."""
    ends = search(World(*pair(), ids=ids, kinds=(Side, Literal)))
    dead = [world for world in ends if not alive(world)]
    assert len(dead) <= 1 < len(ends) / 10
    for world in dead:
        assert world.right.ups == 1, "only where the peer was Established already"
        assert world.left.ups == 0, "and we were not"
        world.advance(30)
        assert alive(world), world.left.moves()


def test_the_hole_in_the_letter_is_real() -> None:
    """Two literal speakers can close both connections: what `collision.py` adds to the RFC is needed."""
    ends = search(World(*pair(), kinds=(Literal, Literal)))
    assert [world for world in ends if world.left.state < State.OPEN_SENT and world.right.state < State.OPEN_SENT]
    assert [world for world in ends if alive(world)]
