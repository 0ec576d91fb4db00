"""The table of changes names every field of NeighborSpec, or says why not."""

from dataclasses import fields, replace

from bgpd.model import NeighborSpec
from tests.sim.faults import CHANGES, LEFT_ALONE
from tests.sim.world import World


def test_every_field_is_changed_or_left_alone_for_a_reason() -> None:
    assert not CHANGES.keys() & LEFT_ALONE.keys()
    assert CHANGES.keys() | LEFT_ALONE.keys() == {field.name for field in fields(NeighborSpec)}


def test_every_change_is_one() -> None:
    """Each row gives, sooner or later, something that the spec does not say already."""
    world = World(0)
    a, b = world.mesh(2)
    (spec,) = a.spec.neighbors
    for name, (_, other) in CHANGES.items():
        values = [other(world, spec) for _ in range(40)]
        assert any(replace(spec, **{name: value}) != spec for value in values), name  # type: ignore[arg-type]
    assert b.spec.neighbors
