from bgpd.policy.outside import external_form, next_hop_attribute
from bgpd.wire import aspath
from bgpd.wire.attrs import Attrs, build, rewrite
from tests.unit.rib.helpers import attrs

US = 64512
HERE = b"\x0a\0\0\1"
SIX = bytes(15) + b"\1"


def general(given: Attrs, next_hop: bytes, *, keep_med: bool) -> Attrs:
    """The slow way, through the general rewrite."""
    changes: dict[int, bytes | None] = dict.fromkeys((5, 9, 10, 26))
    changes[2] = aspath.prepend(given.as_path_value(), US)
    if not keep_med:
        changes[4] = None
    return rewrite(given, changes, next_hop)


def same(made: Attrs, wanted: Attrs) -> None:
    assert made.raw == wanted.raw
    for field in ("next_hop", "origin", "med", "local_pref", "as_path_length", "neighbor_as"):
        assert getattr(made, field) == getattr(wanted, field), field


def test_as_the_general_way_does_it() -> None:
    paths = [b"", *(aspath.sequence(*range(1, n)) for n in (2, 3, 62, 63, 64, 65, 254, 255, 256, 300))]
    paths += [aspath.encode([(1, (5, 6))]), aspath.encode([(2, (5,)), (1, (6, 7)), (2, (8,))])]
    others = [
        {},
        {9: HERE, 10: HERE},
        {6: b"", 7: b"\0\0\0\1" + HERE},
        {26: b"\1\0\x0b" + bytes(8), 32: bytes(12)},
        {9: HERE, 16: bytes(16), 25: bytes(20), 26: b"\1\0\x0b" + bytes(8), 35: HERE, 99: b"x" * 300},
    ]
    for path in paths:
        for other in others:
            for hop, out in ((HERE, b"\7\7\7\7"), (SIX, SIX[:-1] + b"\2"), (SIX, SIX + SIX), (b"", HERE)):
                given = build(next_hop=hop, as_path=path, origin=1, med=7, local_pref=9, communities=[1], others=other)
                for keep_med in (True, False):
                    same(external_form(given, US, out, keep_med), general(given, out, keep_med=keep_med))


def test_a_long_communities_attribute_stays_as_it_is() -> None:
    given = attrs(1, communities=list(range(200)))
    assert external_form(given, US, HERE, keep_med=False).communities() == list(range(200))


def test_extended_communities_that_stay_inside() -> None:
    stays, goes = bytes(8), b"\x40" + bytes(7)
    for before in ({}, {9: HERE}, {8: HERE}):
        given = attrs(1, others={**before, 16: goes + stays + goes, 32: bytes(12)})
        made = external_form(given, US, HERE, keep_med=False)
        assert made.get(16) == stays
        assert made.get(32) == bytes(12)
        assert made.get(8) == before.get(8)
        made = external_form(attrs(1, others={**before, 16: goes}), US, HERE, keep_med=False)
        assert made.get(16) is None
        made = external_form(attrs(1, others={**before, 25: b"\x40" + bytes(19) + bytes(20)}), US, HERE, keep_med=False)
        assert made.get(25) == bytes(20)


def test_next_hop_attribute() -> None:
    assert next_hop_attribute(HERE) == b"\x40\3\4" + HERE
    assert next_hop_attribute(SIX) == b""
