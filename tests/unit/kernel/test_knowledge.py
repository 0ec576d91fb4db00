"""What events and dumps mean."""

from bgpd.kernel.encode import AF_INET, RTM_F_CLONED, RouteInfo
from bgpd.kernel.knowledge import Knowledge, Loss, Sorted
from bgpd.kernel.links import IFF_LOWER_UP, IFF_UP, Links
from bgpd.kernel.objects import Objects
from bgpd.kernel.plan import Fib
from bgpd.kernel.routes import GUARD_METRIC, RTN_BLACKHOLE, RTN_UNICAST, Hop, Route
from bgpd.model import KernelSpec

A = b"\x0a\x00\x00\x02"
P, Q = b"\x18\x0a\x01\x00", b"\x18\x0a\x02\x00"
OURS = Route(RTN_UNICAST, ((A, 2),), 64)


def info(
    *hops: Hop,
    protocol: int = 64,
    metric: int = 64,
    table: int = 254,
    tos: int = 0,
    flags: int = 0,
    kind: int = RTN_UNICAST,
) -> RouteInfo:
    return RouteInfo(
        af=AF_INET, tos=tos, table=table, protocol=protocol, scope=0, kind=kind, flags=flags, metric=metric,
        hops=hops or ((A, 2),), nexthop_id=0,
    )  # fmt: skip


def make() -> tuple[Knowledge, Fib, Links]:
    links, fib = Links(), Fib(64)
    links.link(2, "eth0", IFF_UP | IFF_LOWER_UP)
    for target in fib.take([(P, (A,))]):
        target.route = OURS
    fib.plan(9, set())
    return Knowledge(KernelSpec(), links, {AF_INET: fib}, Objects(64)), fib, links


def test_ours_deleted_by_somebody() -> None:
    knowledge, fib, _ = make()
    knowledge.route(P, info(), False, 0, 4711, 0.0)
    assert fib.waiting()
    assert knowledge.lost == {(AF_INET, 4711, Loss.DELETED, 0): [P]}
    assert knowledge.repairs == 1


def test_ours_deleted_by_the_kernel_is_nobodys_fault() -> None:
    knowledge, fib, _ = make()
    knowledge.route(P, info(), False, 0, 0, 0.0)
    assert fib.waiting()
    assert not knowledge.lost


def test_a_fight_is_postponed_and_forgotten_after_a_while() -> None:
    knowledge, fib, _ = make()
    for times in range(6):
        fib.written[P] = OURS
        knowledge.route(P, info(), False, 0, 4711, times / 10)
    assert fib.state(P, set())[0] == "failed"
    fib.failures.clear()
    fib.written[P] = OURS
    knowledge.route(P, info(), False, 0, 4711, 100.0)
    assert not fib.failures


def test_others_routes_in_the_main_table_resolve_next_hops_ours_do_not() -> None:
    knowledge, _, links = make()
    knowledge.route(Q, info(), True, 0, 1, 0.0)
    assert not links.resolve(b"\x0a\x02\x00\x09").reachable
    knowledge.route(Q, info(protocol=4, metric=0), True, 0, 1, 0.0)
    assert links.resolve(b"\x0a\x02\x00\x09").reachable
    knowledge.route(Q, info(protocol=4, metric=0), False, 0, 1, 0.0)
    assert not links.resolve(b"\x0a\x02\x00\x09").reachable


def test_what_is_not_our_business() -> None:
    knowledge, fib, links = make()
    links.touched.clear()
    for other in (info(tos=8), info(flags=RTM_F_CLONED), info(protocol=4, table=77)):
        knowledge.route(Q, other, True, 0, 1, 0.0)
    assert not links.touched
    assert not fib.foreign


def test_foreign_keys() -> None:
    knowledge, fib, _ = make()
    knowledge.route(P, info(protocol=4), True, 0, 9, 0.0)
    assert fib.foreign == {(P, 64): 4}
    assert knowledge.lost == {(AF_INET, 9, Loss.REPLACED, 4): [P]}
    knowledge.route(P, info(protocol=4), False, 0, 9, 0.0)
    assert not fib.foreign


def test_links_that_take_routes_along() -> None:
    knowledge, _, _ = make()
    knowledge.address(2, b"\x0a\x00\x00\x01", 24, True)
    knowledge.address(2, b"\x0a\x00\x00\x01", 24, False)
    assert knowledge.gone == [(AF_INET, 2)]
    knowledge.link(2, "eth0", 0, True)
    assert knowledge.gone == [(AF_INET, 2), (AF_INET, 2)]


def test_a_dump_is_sorted_by_whose_the_routes_are() -> None:
    knowledge, _, _ = make()
    rows = Sorted()
    knowledge.sort(
        [
            (P, info()),
            (P, info(metric=GUARD_METRIC, kind=RTN_BLACKHOLE)),
            (Q, info(protocol=4)),
            (Q, info(protocol=4, metric=0)),
            (Q, info(protocol=4, tos=8)),
        ],
        rows,
    )
    assert rows.ours == {P: OURS}
    assert rows.strays == {P: Route(RTN_BLACKHOLE, (), GUARD_METRIC)}
    assert rows.foreign == {(Q, 64): 4}
    ((key, others),) = rows.others.items()
    assert key == (254, AF_INET)
    assert [(prefix, len(list(others.routes(prefix)))) for prefix in others.prefixes()] == [(Q, 2)]
