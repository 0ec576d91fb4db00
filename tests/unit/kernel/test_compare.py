"""Differences between wanted, written and found."""

from bgpd.kernel.compare import Count, Difference, Survey, unused
from bgpd.kernel.encode import AF_INET, RouteInfo
from bgpd.kernel.knowledge import Sorted
from bgpd.kernel.plan import Fib
from bgpd.kernel.routes import CREATE, RTN_BLACKHOLE, RTN_UNICAST, Refusal, Route

A, B = b"\x0a\x00\x00\x02", b"\x0a\x00\x00\x03"
P, Q, R = b"\x18\x0a\x01\x00", b"\x18\x0a\x02\x00", b"\x18\x0a\x03\x00"
ONE = Route(RTN_UNICAST, ((A, 2),), 64)
OTHER = Route(RTN_UNICAST, ((B, 2),), 64)


def make() -> Fib:
    fib = Fib(64)
    for target in fib.take([(P, (A,)), (Q, (A,))]):
        target.route = ONE
    fib.plan(9, set())
    return fib


def survey(fib: Fib, ours: dict[bytes, Route], limit: int = 9) -> Survey:
    row = Sorted()
    row.ours = ours
    found = Survey(fib, row, set(), limit)
    found.wanted(fib.wants)
    found.found(row.ours)
    return found


def kinds(found: Survey) -> list[tuple[bytes, Difference]]:
    return [(finding.prefix, finding.difference) for finding in found.findings]


def test_in_step() -> None:
    assert survey(make(), {P: ONE, Q: ONE}).count == 0


def test_missing_changed_unexpected() -> None:
    found = survey(make(), {Q: OTHER, R: ONE})
    assert kinds(found) == [(P, Difference.MISSING), (Q, Difference.CHANGED), (R, Difference.UNEXPECTED)]
    assert all(finding.reason for finding in found.findings)


def test_what_is_kept_from_an_earlier_run_or_still_to_be_written_is_no_difference() -> None:
    fib = make()
    fib.found(R, ONE)  # adopted
    fib.dirty[P] = None
    assert survey(fib, {Q: ONE, R: ONE}).count == 0


def test_refused_and_conflict() -> None:
    fib = make()
    batch = fib.plan(9, set())
    fib.refused(batch, Refusal(P, CREATE, 101, ""), 0.0)
    fib.held(Q, 64, 4)
    fib.plan(9, set())
    found = survey(fib, {})
    assert kinds(found) == [(P, Difference.REFUSED), (Q, Difference.REFUSED)]
    assert found.findings[0].reason == "Network is unreachable"


def test_findings_are_limited_and_counted() -> None:
    found = survey(make(), {}, limit=1)
    assert (len(found.findings), found.count) == (1, 2)


def test_sums_that_add_up_and_sums_that_do_not() -> None:
    fib = make()
    count = Count(fib, set())
    count.take([(P, ONE), (Q, ONE)])
    assert count.end() == 0
    count = Count(fib, set())
    count.take([(P, OTHER)])
    assert count.end() == 3  # one is wrong, and two are not as they should be: at least one, and a resync tells
    assert fib.touched is None


def test_what_moves_meanwhile_is_left_out() -> None:
    fib = make()
    count = Count(fib, set())
    count.take([(P, ONE)])
    fib.lost(Q, 64)
    fib.take([(P, None)])
    fib.plan(9, set())
    assert count.end() == 0


def test_what_is_in_flight_is_left_out() -> None:
    fib = make()
    count = Count(fib, {P})
    count.take([(P, OTHER), (Q, ONE)])
    assert count.end() == 0


def hit(protocol: int = 64, metric: int = 64, nexthop_id: int = 0) -> RouteInfo:
    return RouteInfo(
        af=AF_INET, tos=0, table=254, protocol=protocol, scope=0, kind=RTN_UNICAST, flags=0, metric=metric,
        hops=((A, 2),), nexthop_id=nexthop_id,
    )  # fmt: skip


def test_look_ups() -> None:
    assert not unused(P, ONE, (P, hit()), ours=True)
    assert not unused(P, ONE, (b"\x20\x0a\x01\x00\x00", hit(2)), ours=False)  # a host on that network
    assert not unused(P, Route(RTN_BLACKHOLE, (), 9), None, ours=False)
    assert "protocol 4 with metric 5" in unused(P, ONE, (P, hit(4, 5)), ours=False)
    assert "shorter prefix" in unused(P, ONE, (b"\x08\x0a", hit(4)), ours=False)
    assert "no route at all" in unused(P, ONE, None, ours=False)


def test_look_up_by_way_of_a_nexthop_object_may_name_another_route_of_it() -> None:
    shared = Route(RTN_UNICAST, (), 64, 7)
    assert not unused(P, shared, (Q, hit(nexthop_id=7)), ours=True)
    assert unused(P, shared, (Q, hit(nexthop_id=8)), ours=True)
    assert unused(P, ONE, (Q, hit()), ours=True)
