"""Announce, replace, withdraw: the daemons' own routes, in both directions, in every kind of pair."""

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import BOTH, Driver
from tests.interop.routes import Route, generate, prefixes
from tests.interop.scene import Kind, each_pair

COUNT = 5


@each_pair()
def test_own_routes_come_change_and_go(make_scene: MakeScene, other: type[Driver], kind: Kind) -> None:
    scene = make_scene(other, kind)
    theirs = [scene.other.originable(route) for family in BOTH for route in generate(COUNT, family, None, block=2)]
    ours = [Route(prefix) for family in BOTH for prefix in prefixes(COUNT, family, 3)]
    scene.other.announce(theirs[::2])
    scene.ours.announce(ours[::2])
    scene.start()
    scene.expect_at_ours(theirs[::2], own=True)
    scene.expect_at_other(ours[::2], own=True)
    before = [scene.ours.neighbor(address)["established_count"] for _, address, _ in scene.sessions]

    scene.other.announce(theirs[1::2])
    scene.ours.announce(ours[1::2])
    scene.expect_at_ours(theirs, own=True)
    scene.expect_at_other(ours, own=True)

    changed = [
        scene.other.originable(route) for family in BOTH for route in generate(COUNT, family, None, block=2, variant=1)
    ]
    scene.other.announce(changed)
    scene.expect_at_ours(changed, own=True)

    scene.other.withdraw([route.prefix for route in changed[::2]])
    scene.ours.withdraw([route.prefix for route in ours[::2]])
    scene.expect_at_ours(changed[1::2], own=True)
    scene.expect_at_other(ours[1::2], own=True)

    scene.other.withdraw([route.prefix for route in changed[1::2]])
    scene.ours.withdraw([route.prefix for route in ours[1::2]])
    scene.expect_at_ours([], own=True)
    scene.expect_at_other([], own=True)
    assert [scene.ours.neighbor(address)["established_count"] for _, address, _ in scene.sessions] == before
