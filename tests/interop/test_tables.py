"""Full tables: 1,024 routes and more with every attribute, both directions at once, changed and withdrawn under way.

Our injector gives us 512 routes of each family, the other daemon's injector gives it 512 others; each passes them on.
This is done once inside our AS with both families on one session (where the daemon can), and once with another AS and a
session for each family; test_announce.py goes through the other combinations with few routes. Then half of the routes are announced again with other attributes, and a quarter is withdrawn. At each step both
tables are compared route by route, attribute by attribute. ExaBGP passes nothing on: it originates its own instead.
"""

from collections.abc import Sequence

import pytest

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import BOTH, Driver
from tests.interop.routes import Route, generate
from tests.interop.scene import Kind, Scene, each_other

COUNT = 512  #: of each family, in each direction


@pytest.mark.parametrize("relation", ["internal", "external"])
@each_other()
def test_every_attribute_both_ways(make_scene: MakeScene, other: type[Driver], relation: str) -> None:
    scene = make_scene(other, Kind(relation, dual=relation == "internal" and relation in other.DUAL))
    scene.add_injectors()
    scene.start()
    scene.to_ours.connect()
    first = _theirs(scene, 0)
    if scene.other.FORWARDS:
        scene.to_other.connect()
        scene.to_other.announce(first)
    else:
        scene.other.announce(first)
    scene.to_ours.announce(scene.to_ours.make(COUNT, block=0))
    _expect(scene, first)
    before = _established(scene)  # more than once where both had dialed at once

    second = _theirs(scene, 1)
    changed = second[::2]
    theirs = {route.prefix: route for route in [*first, *changed]}
    if scene.other.FORWARDS:
        scene.to_other.announce(changed)
    else:
        scene.other.announce(changed)
    scene.to_ours.announce(scene.to_ours.make(COUNT, block=0, variant=1)[::2])
    _expect(scene, list(theirs.values()))

    gone = [route.prefix for route in first[::4]]
    if scene.other.FORWARDS:
        scene.to_other.withdraw(gone)
    else:
        scene.other.withdraw(gone)
    scene.to_ours.withdraw(list(scene.to_ours.routes)[::4])
    for prefix in gone:
        del theirs[prefix]
    _expect(scene, list(theirs.values()))
    assert _established(scene) == before, "no session flapped"


@each_other()
def test_what_a_daemon_originates(make_scene: MakeScene, other: type[Driver]) -> None:
    """Its own routes with every attribute that it can give them, LOCAL_PREF among them, to an internal peer."""
    scene = make_scene(other, Kind("internal", dual="internal" in other.DUAL))
    count = other.OWN_LIMIT
    routes = [scene.other.originable(route) for family in BOTH for route in generate(count, family, None, block=2)]
    scene.other.announce(routes)
    scene.start()
    scene.expect_at_ours(routes, own=True)


def _theirs(scene: Scene, variant: int) -> list[Route]:
    """What the other side will have: an injector's routes, or its own."""
    if scene.other.FORWARDS:
        return scene.to_other.make(COUNT, block=1, variant=variant)
    made = [route for family in BOTH for route in generate(COUNT, family, None, block=1, variant=variant)]
    return [scene.other.originable(route) for route in made]


def _established(scene: Scene) -> list[int]:
    """How often each session came up; nothing that was sent on it had a fault."""
    views = [scene.ours.neighbor(their_address) for _, their_address, _ in scene.sessions]
    assert [view["last_fault"] for view in views if view["update_faults"]] == []
    return [view["established_count"] for view in views]


def _expect(scene: Scene, theirs: Sequence[Route]) -> None:
    assert len(theirs) > COUNT
    scene.expect_at_ours(theirs, own=not scene.other.FORWARDS)
    scene.expect_at_other(scene.to_ours.routes.values(), own=False)
