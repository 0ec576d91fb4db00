"""Next hops: how they are reached, and every reason why not."""

import pytest

from bgpd.kernel.encode import AF_INET, AF_INET6, F_REPLACE, RouteInfo
from bgpd.kernel.links import IFF_LOWER_UP, IFF_RUNNING, IFF_UP, Links, scoped
from bgpd.kernel.routes import RTN_BLACKHOLE, RTN_UNICAST, Hop
from bgpd.wire.prefix import parse_address, parse_prefix

UP = IFF_UP | IFF_RUNNING | IFF_LOWER_UP


def info(*hops: Hop, af: int = AF_INET, metric: int = 0, kind: int = RTN_UNICAST) -> RouteInfo:
    return RouteInfo(
        af=af, tos=0, table=254, protocol=2, scope=0, kind=kind, flags=0, metric=metric,
        hops=tuple(sorted(hops)), nexthop_id=0,
    )  # fmt: skip


def route(
    links: Links, text: str, *hops: Hop, metric: int = 0, present: bool = True, flags: int = 0, kind: int = RTN_UNICAST
) -> None:
    family, prefix = parse_prefix(text)
    links.route(
        prefix, info(*hops, af=AF_INET if family.octets == 4 else AF_INET6, metric=metric, kind=kind), present, flags
    )


def address(text: str) -> bytes:
    return parse_address(text)


@pytest.fixture
def links() -> Links:
    links = Links()
    for index, name, host, network in ((2, "eth0", "10.0.0.1", "10.0.0.0/24"), (3, "eth1", "10.0.1.1", "10.0.1.0/24")):
        links.link(index, name, UP)
        links.address(index, address(host), 24)
        route(links, network, (b"", index))
    return links


def test_on_link(links: Links) -> None:
    answer = links.resolve(address("10.0.0.7"))
    assert (answer.hops, answer.cost, answer.reason) == (((address("10.0.0.7"), 2),), 0, "on link eth0")


def test_nothing_leads_there(links: Links) -> None:
    assert links.resolve(address("172.16.0.1")).reason == "no route leads to it"
    assert not links.resolve(address("fd00::1")).reachable


def test_through_a_gateway(links: Links) -> None:
    route(links, "172.16.0.0/12", (address("10.0.1.9"), 3), metric=20)
    answer = links.resolve(address("172.16.0.1"))
    assert (answer.hops, answer.cost) == (((address("10.0.1.9"), 3),), 20)
    assert answer.reason == "via 10.0.1.9 dev eth1 (route 172.16.0.0/12)"


def test_longest_match_then_metric(links: Links) -> None:
    route(links, "172.16.0.0/12", (address("10.0.0.9"), 2), metric=1)
    route(links, "172.16.5.0/24", (address("10.0.1.9"), 3), metric=90)
    route(links, "172.16.5.0/24", (address("10.0.1.8"), 3), metric=50)
    assert links.resolve(address("172.16.5.1")).hops == ((address("10.0.1.8"), 3),)
    route(links, "172.16.5.0/24", (address("10.0.1.8"), 3), metric=50, present=False)
    assert links.resolve(address("172.16.5.1")).hops == ((address("10.0.1.9"), 3),)
    route(links, "172.16.5.0/24", (address("10.0.1.9"), 3), metric=90, present=False)
    assert links.resolve(address("172.16.5.1")).hops == ((address("10.0.0.9"), 2),)


def test_default_route_only_where_it_is_meant(links: Links) -> None:
    route(links, "0.0.0.0/0", (address("10.0.0.9"), 2))
    assert links.resolve(address("8.8.8.8")).reason == "only the default route leads to it"
    meant = Links(by_default=True)
    meant.link(2, "eth0", UP)
    route(meant, "0.0.0.0/0", (address("10.0.0.9"), 2))
    assert meant.resolve(address("8.8.8.8")).reachable


def test_own_address(links: Links) -> None:
    assert links.resolve(address("10.0.0.1")).reason == "it is an address of this node (eth0)"
    links.address(2, address("10.0.0.1"), 24, present=False)
    assert not links.resolve(address("10.0.0.1")).reachable


def test_blackhole_does_not_resolve(links: Links) -> None:
    route(links, "172.16.0.0/12", kind=RTN_BLACKHOLE)
    assert links.resolve(address("172.16.0.1")).reason == "route 172.16.0.0/12 is blackhole"


def test_no_carrier_keeps_the_route_but_not_the_next_hop(links: Links) -> None:
    assert not links.link(2, "eth0", IFF_UP)
    assert links.resolve(address("10.0.0.7")).reason == "link eth0 has no carrier"
    links.link(2, "eth0", UP)
    assert links.resolve(address("10.0.0.7")).reachable


def test_link_down_takes_its_routes_along(links: Links) -> None:
    assert links.link(2, "eth0", 0)
    assert links.resolve(address("10.0.0.7")).reason == "link eth0 is down"
    assert not links.link(2, "eth0", UP)
    assert not links.resolve(address("10.0.0.7")).reachable, "the kernel tells of the new connected route itself"
    route(links, "10.0.0.0/24", (b"", 2))
    assert links.resolve(address("10.0.0.7")).reachable


def test_link_removed(links: Links) -> None:
    assert links.link(3, "eth1", 0, present=False)
    assert links.resolve(address("10.0.1.7")).reason == "no route leads to it"
    assert links.name(3) == "#3"


def test_last_ipv4_address_takes_routes_along(links: Links) -> None:
    links.address(2, address("10.0.9.1"), 24)
    assert not links.address(2, address("10.0.9.1"), 24, present=False)
    assert links.address(2, address("10.0.0.1"), 24, present=False)
    assert not links.resolve(address("10.0.0.7")).reachable


def test_multipath_route_gives_its_usable_ways(links: Links) -> None:
    route(links, "172.16.0.0/12", (address("10.0.0.9"), 2), (address("10.0.1.9"), 3))
    assert len(links.resolve(address("172.16.0.1")).hops) == 2
    links.link(3, "eth1", IFF_UP)
    assert links.resolve(address("172.16.0.1")).hops == ((address("10.0.0.9"), 2),)


def test_shorter_match_serves_while_the_longer_is_down(links: Links) -> None:
    route(links, "10.0.0.0/16", (address("10.0.1.9"), 3))
    links.link(2, "eth0", IFF_UP)
    assert links.resolve(address("10.0.0.7")).hops == ((address("10.0.1.9"), 3),)


def test_link_local(links: Links) -> None:
    local = address("fe80::7")
    assert "interface" in links.resolve(local).reason
    assert links.resolve(scoped(local, 2)).hops == ((local, 2),)
    assert links.resolve(scoped(local, 9)).reason == "interface 9 does not exist"
    links.link(2, "eth0", 0)
    assert links.resolve(scoped(local, 2)).reason == "link eth0 is down"


def test_thirty_two_octets_are_the_global_address(links: Links) -> None:
    route(links, "fd00::/64", (b"", 2))
    answer = links.resolve(address("fd00::7") + address("fe80::7"))
    assert answer.hops == ((address("fd00::7"), 2),)


def test_ipv6_keeps_one_route_a_link(links: Links) -> None:
    route(links, "fd00::/64", (b"", 2), metric=256)
    route(links, "fd00::/64", (b"", 3), metric=256)
    route(links, "fd00::/64", (b"", 2), metric=256, present=False)
    assert links.resolve(address("fd00::7")).hops == ((address("fd00::7"), 3),)


def test_ipv6_multipath_loses_one_way(links: Links) -> None:
    one, two = (address("fd00::8"), 2), (address("fd00::9"), 3)
    route(links, "fd01::/64", one, two, metric=10)
    route(links, "fd01::/64", one, metric=10, present=False)
    assert links.resolve(address("fd01::1")).hops == (two,)
    route(links, "fd01::/64", two, metric=10, present=False)
    assert not links.resolve(address("fd01::1")).reachable


def test_replace_takes_the_place_of_the_same_metric(links: Links) -> None:
    route(links, "fd01::/64", (b"", 2), metric=10)
    route(links, "fd01::/64", (b"", 3), metric=10, flags=F_REPLACE)
    assert links.resolve(address("fd01::1")).hops == ((address("fd01::1"), 3),)


def test_withdrawing_the_unknown_is_nothing(links: Links) -> None:
    route(links, "172.16.0.0/12", (b"", 2), present=False)
    links.link(99, "gone", 0, present=False)
    links.address(99, address("10.9.9.9"), 24, present=False)
    assert links.resolve(address("10.0.0.7")).reachable


def test_clear(links: Links) -> None:
    links.changed = False
    links.clear()
    assert links.changed
    assert not links.resolve(address("10.0.0.7")).reachable
