"""What the FIB is told, and when."""

from bgpd.kernel.wants import BLACKHOLE, Weighted
from bgpd.rib.nexthop import SELF, NextHop
from bgpd.rib.path import Path, Source
from bgpd.speaker.tables import FIB_SLICE, GUARDED, UNGUARDED, Table, want_of
from bgpd.wire.attrs import EXT_COMMUNITIES, build
from bgpd.wire.community import link_bandwidth
from bgpd.wire.family import IPV4
from tests.unit.speaker.helpers import FakeFib, prefix_of

ONE, TWO = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))


def learned(address: bytes) -> Path:
    attrs = build(next_hop=address)
    source = Source(address.hex(), IPV4, address=address, router_id=address)
    return Path(source, attrs, attrs, NextHop(address, reachable=True, cost=0, reason=""), 0.0)


def weighed(address: bytes, *bandwidths: float) -> Path:
    value = b"".join(link_bandwidth(65001, each) for each in bandwidths)
    attrs = build(next_hop=address, others={EXT_COMMUNITIES: value} if value else None)
    source = Source(address.hex(), IPV4, address=address, router_id=address)
    return Path(source, attrs, attrs, NextHop(address, reachable=True, cost=0, reason=""), 0.0)


def local(name: str) -> Path:
    attrs = build()
    return Path(Source(name, IPV4, local=True), attrs, attrs, SELF, 0.0)


def test_wants() -> None:
    a, b = learned(ONE), learned(TWO)
    assert want_of(None) is None
    assert want_of((None, a)) is None
    assert want_of(a) == (ONE,)
    assert want_of((a, b)) == (ONE, TWO)
    assert want_of((a, None, b)) == (ONE,)
    assert want_of(local(GUARDED)) is BLACKHOLE
    assert want_of(local(UNGUARDED)) is None


def test_weights_only_where_every_path_says_what_its_link_carries() -> None:
    a, b = weighed(ONE, 1e9), weighed(TWO, 4e9)
    assert want_of((a, b)) == (ONE, TWO)  # nobody asked for weights
    assert want_of((a, b), weighted=True) == Weighted((ONE, TWO), (1, 4))
    assert want_of((a, weighed(TWO)), weighted=True) == (ONE, TWO)
    assert want_of((a, weighed(TWO, 1e9)), weighted=True) == (ONE, TWO)
    assert want_of((a, weighed(TWO, float("nan"))), weighted=True) == (ONE, TWO)
    assert want_of((a, weighed(TWO, -1.0)), weighted=True) == (ONE, TWO)
    assert want_of((a, weighed(TWO, 3e9, 2e9)), weighted=True) == Weighted((ONE, TWO), (1, 2))  # the least of several
    assert want_of((a, weighed(TWO, 1e30)), weighted=True) == Weighted((ONE, TWO), (1, 256))
    assert want_of((a, None, b), weighted=True) == (ONE,)


def test_a_table_reaches_the_fib_in_slices_and_the_latest_wins() -> None:
    fib = FakeFib()
    table = Table(IPV4, 1, fib)
    a = learned(ONE)
    prefixes = [b"\x18" + i.to_bytes(3, "big") for i in range(2 * FIB_SLICE + 1)]
    table.apply(a.source, [], prefixes, a)
    table.apply(a.source, prefixes[:1], [], None)
    assert table.flush(lambda: False)
    assert len(fib.wants) == FIB_SLICE
    assert fib.wants[IPV4, prefixes[0]] is None
    while table.flush(lambda: False):
        pass
    assert len(fib.wants) == len(prefixes)


def test_without_a_fib_nothing_is_kept_for_one() -> None:
    table = Table(IPV4, 1, None)
    a = learned(ONE)
    table.apply(a.source, [], [prefix_of("10.244.2.0/24")], a)
    assert not table.flush(lambda: True)


def test_a_next_hop_that_several_name_is_wanted_once() -> None:
    """Two reflectors give one route: one way, not two."""
    assert want_of((learned(ONE), learned(ONE))) == (ONE,)
    assert want_of((learned(TWO), learned(ONE), learned(TWO))) == (TWO, ONE)
