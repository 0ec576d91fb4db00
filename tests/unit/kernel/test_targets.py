"""Next hops of wants: aimed, reviewed, told."""

from bgpd.kernel.encode import AF_INET, AF_INET6, RouteInfo
from bgpd.kernel.links import IFF_LOWER_UP, IFF_UP, Links
from bgpd.kernel.objects import Objects
from bgpd.kernel.plan import Fib, Target
from bgpd.kernel.routes import GUARD_METRIC, RTN_BLACKHOLE, RTN_UNICAST
from bgpd.kernel.targets import NextHops
from bgpd.kernel.tunnel import Overlays
from bgpd.kernel.wants import BLACKHOLE
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.prefix import parse_address, parse_prefix

UP = IFF_UP | IFF_LOWER_UP
A, B, V6 = parse_address("10.0.0.2"), parse_address("10.0.1.2"), parse_address("fd00::2")


def connect(links: Links, text: str, index: int, present: bool = True) -> None:
    family, prefix = parse_prefix(text)
    info = RouteInfo(
        af=AF_INET if family is IPV4 else AF_INET6, tos=0, table=254, protocol=2, scope=253, kind=RTN_UNICAST,
        flags=0, metric=0, hops=((b"", index),), nexthop_id=0,
    )  # fmt: skip
    links.route(prefix, info, present)


def make() -> tuple[NextHops, list[tuple[bytes, bool, int, str]]]:
    links = Links()
    for index in (2, 3):
        links.link(index, f"eth{index - 2}", UP)
        connect(links, f"10.0.{index - 2}.0/24", index)
    connect(links, "fd00::/64", 2)
    told: list[tuple[bytes, bool, int, str]] = []
    return NextHops(links, Overlays(links), Objects(64), 64, lambda *words: told.append(words)), told


def test_track_tells_at_once_and_on_change_only() -> None:
    next_hops, told = make()
    next_hops.track(A)
    next_hops.track(A)
    assert told == [(A, True, 0, "on link eth0")]
    next_hops.links.link(3, "eth1", 0)
    next_hops.review([])
    assert len(told) == 1
    next_hops.links.link(2, "eth0", IFF_UP)
    next_hops.review([])
    assert told[1:] == [(A, False, 0, "link eth0 has no carrier")]
    next_hops.untrack(A)
    next_hops.links.link(2, "eth0", UP)
    next_hops.review([])
    assert len(told) == 2


def test_a_target_takes_the_reachable_ones() -> None:
    next_hops, _ = make()
    target = Target((A, parse_address("172.16.0.1"), B))
    assert next_hops.aim(IPV4, target)
    assert target.route is not None
    assert target.route.hops == ((A, 2), (B, 3))
    assert not next_hops.aim(IPV4, target)


def test_a_target_without_any_says_why() -> None:
    next_hops, _ = make()
    target = Target((parse_address("172.16.0.1"),))
    next_hops.aim(IPV4, target)
    assert (target.route, target.reason) == (None, "172.16.0.1: no route leads to it")


def test_guard() -> None:
    next_hops, _ = make()
    target = Target(BLACKHOLE)
    next_hops.aim(IPV6, target)
    assert target.route is not None
    assert (target.route.kind, target.route.metric) == (RTN_BLACKHOLE, GUARD_METRIC)


def test_families_of_gateways() -> None:
    next_hops, _ = make()
    over6, over4 = Target((V6,)), Target((A,))
    next_hops.aim(IPV4, over6)
    assert over6.route is not None, "IPv4 over an IPv6 next hop (RFC 8950)"
    next_hops.aim(IPV6, over4)
    assert over4.route is None
    assert "IPv4 next hop" in over4.reason


def test_review_names_the_targets_that_moved() -> None:
    next_hops, _ = make()
    fib = Fib(64)
    for target in fib.take([(b"\x18\x0a\x09\x01", (A,)), (b"\x18\x0a\x09\x02", (B,))]):
        next_hops.aim(IPV4, target)
    next_hops.links.link(2, "eth0", IFF_UP)
    [moved] = next_hops.review([(IPV4, fib)])
    assert moved.want == (A,)
    assert moved.route is None
    connect(next_hops.links, "10.0.1.0/24", 3, present=False)
    [moved] = next_hops.review([(IPV4, fib)])
    assert moved.want == (B,)
    assert next_hops.review([(IPV4, fib)]) == set()
