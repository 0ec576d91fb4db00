"""Communities by which neighbors ask something of each other."""

import pytest

from bgpd.model import ExportRule, ImportRule, NeighborSpec
from bgpd.policy.compile import export_chain, import_chain
from bgpd.policy.courtesy import asks_to_drop
from bgpd.policy.reasons import Reason
from bgpd.wire import aspath
from bgpd.wire.attrs import Attrs, build
from bgpd.wire.iana import BLACKHOLE, GRACEFUL_SHUTDOWN, LLGR_STALE, NO_EXPORT

ME, HOP, ID = 64512, bytes((192, 0, 2, 1)), bytes((10, 0, 0, 1))


def spec(asn: int = 65001, *, shutdown: bool = False) -> NeighborSpec:
    return NeighborSpec(
        address=bytes((192, 0, 2, 9)),
        name="x",
        local_asn=ME,
        remote_asn=asn,
        import_rule=ImportRule.ALL,
        export_rule=ExportRule.ALL,
        graceful_shutdown=shutdown,
    )


def received(*communities: int) -> Attrs:
    return build(next_hop=HOP, as_path=aspath.sequence(65001), communities=list(communities))


def let_in(*communities: int) -> Attrs:
    attrs = import_chain(spec(), router_id=ID).evaluate(received(*communities), external=True).attrs
    assert attrs is not None
    return attrs


def test_a_plain_route_is_not_touched() -> None:
    route = received(64512 << 16 | 7)
    assert import_chain(spec(), router_id=ID).evaluate(route, external=True).attrs is route


def test_graceful_shutdown_is_the_last_choice() -> None:
    assert let_in(GRACEFUL_SHUTDOWN).local_pref == 0
    assert let_in(7).local_pref == -1


def test_a_blackhole_stays_in_this_as() -> None:
    attrs = let_in(BLACKHOLE)
    assert asks_to_drop(attrs)
    assert set(attrs.communities()) == {BLACKHOLE, NO_EXPORT}
    assert let_in(BLACKHOLE, NO_EXPORT).communities() == [BLACKHOLE, NO_EXPORT]
    assert not asks_to_drop(let_in(7))


@pytest.mark.parametrize("asn", [ME, 65002])
@pytest.mark.parametrize("by_neighbor", [True, False])
def test_a_drain_is_announced(asn: int, by_neighbor: bool) -> None:
    chain = export_chain(spec(asn, shutdown=by_neighbor), router_id=ID, next_hop=HOP, drain=not by_neighbor)
    attrs = chain.evaluate(received(7), external=True).attrs
    assert attrs is not None
    assert attrs.communities() == [7, GRACEFUL_SHUTDOWN]
    assert attrs.local_pref == (0 if asn == ME else -1)
    assert attrs.next_hop == HOP
    own = chain.evaluate(build(), local=True).attrs
    assert own is not None
    assert own.communities() == [GRACEFUL_SHUTDOWN]


def test_the_last_resort_is_for_those_who_know_what_that_means() -> None:
    stale = received(LLGR_STALE)
    plain = export_chain(spec(65002), router_id=ID, next_hop=HOP)
    assert plain.evaluate(stale, external=True).reason is Reason.LLGR_STALE
    aware = export_chain(spec(65002), router_id=ID, next_hop=HOP, knows_llgr=True)
    assert aware.evaluate(stale, external=True).attrs is not None
