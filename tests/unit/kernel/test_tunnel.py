"""Which next hops are encapsulated, by pool and place."""

import pytest

from bgpd.kernel.links import Links
from bgpd.kernel.tunnel import Overlays, entries, mac_of, marked, source_of, through
from bgpd.model import Overlay, PoolSpec
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.prefix import parse_address, parse_prefix
from tests.unit.kernel.test_links import UP, address, route

NEAR, FAR, DEVICE = address("10.0.0.7"), address("172.30.2.12"), 9


def pool(text: str, overlay: Overlay) -> PoolSpec:
    family, prefix = parse_prefix(text)
    return PoolSpec(family=family, prefix=prefix, overlay=overlay)


@pytest.fixture
def links() -> Links:
    """eth0 with 10.0.0.1/24 and a default route; the overlay's device as interface 9."""
    links = Links()
    links.link(2, "eth0", UP)
    links.link(DEVICE, "bgpd.vx4", UP)
    links.address(2, address("10.0.0.1"), 24)
    route(links, "10.0.0.0/24", (b"", 2))
    route(links, "0.0.0.0/0", (address("10.0.0.254"), 2))
    return links


def overlays(links: Links, mode: Overlay, *more: PoolSpec) -> Overlays:
    made = Overlays(links, [pool("10.244.0.0/16", mode), *more])
    made.tunnels[4].index = DEVICE
    return made


def hops(made: Overlays, prefix: str, next_hop: bytes) -> tuple[tuple[bytes, int], ...]:
    family, packed = parse_prefix(prefix)
    (answer,) = made.mark(family, packed, (next_hop,))
    return made.resolve(answer).hops if marked(answer) else made.links.resolve(answer).hops


@pytest.mark.parametrize(
    ("mode", "near", "far"),
    [
        (Overlay.NEVER, ((NEAR, 2),), ()),
        (Overlay.CROSS_SUBNET, ((NEAR, 2),), ((FAR, DEVICE),)),
        (Overlay.ALWAYS, ((NEAR, DEVICE),), ((FAR, DEVICE),)),
    ],
)
def test_the_modes(links: Links, mode: Overlay, near: object, far: object) -> None:
    made = overlays(links, mode)
    assert hops(made, "10.244.2.0/24", NEAR) == near
    assert hops(made, "10.244.3.0/24", FAR) == far


def test_only_the_pool(links: Links) -> None:
    made = overlays(links, Overlay.ALWAYS)
    assert hops(made, "10.245.0.0/24", NEAR) == ((NEAR, 2),)
    assert hops(made, "10.245.0.0/24", FAR) == ()  # a default route is no way there, outside


def test_the_longest_pool_counts(links: Links) -> None:
    made = overlays(links, Overlay.ALWAYS, pool("10.244.128.0/17", Overlay.CROSS_SUBNET))
    assert hops(made, "10.244.1.0/24", NEAR) == ((NEAR, DEVICE),)
    assert hops(made, "10.244.129.0/24", NEAR) == ((NEAR, 2),)


def test_a_pool_inside_another_may_stay_plain(links: Links) -> None:
    made = overlays(links, Overlay.ALWAYS, pool("10.244.128.0/17", Overlay.NEVER))
    assert hops(made, "10.244.129.0/24", NEAR) == ((NEAR, 2),)


def test_the_speaker_is_told_that_a_default_route_leads_there(links: Links) -> None:
    made = overlays(links, Overlay.CROSS_SUBNET)
    assert made.resolve(made.follow(FAR)).reachable
    assert overlays(links, Overlay.NEVER).follow(FAR) == FAR


def test_entries_come_before_routes(links: Links) -> None:
    made = overlays(links, Overlay.ALWAYS)
    assert made.waiting()  # the device itself has to be looked at first
    made.unsure = False
    assert not made.waiting()
    hops(made, "10.244.2.0/24", NEAR)
    assert made.tunnels[4].missing == {NEAR}
    assert made.waiting()
    made.tunnels[4].missing.clear()
    made.tunnels[4].known.add(NEAR)
    hops(made, "10.244.2.0/24", NEAR)
    assert not made.waiting()


def test_no_device_is_named(links: Links) -> None:
    made = overlays(links, Overlay.ALWAYS)
    made.tunnels[4].index, made.tunnels[4].reason = 0, "is somebody else's"
    answer = made.resolve(through(NEAR, 2))
    assert (answer.reachable, answer.reason) == (False, "the overlay's device bgpd.vx4 is somebody else's")
    made.tunnels[4].index = DEVICE
    links.link(DEVICE, "bgpd.vx4", 0)
    assert made.resolve(through(NEAR, 2)).reason == "the overlay's device bgpd.vx4 is of no use: link bgpd.vx4 is down"


def test_a_dead_underlay_is_no_way(links: Links) -> None:
    made = overlays(links, Overlay.ALWAYS)
    links.link(2, "eth0", 0)
    assert not made.resolve(through(NEAR, 2)).reachable


def test_link_local_next_hops_stay_plain(links: Links) -> None:
    made = Overlays(links, [pool("fd00::/8", Overlay.ALWAYS)])
    scoped = parse_address("fe80::1") + (2).to_bytes(4, "big")
    assert made.mark(IPV6, parse_prefix("fd00:1::/64")[1], (scoped,)) == (scoped,)


def test_every_node_knows_every_mac() -> None:
    assert mac_of(FAR).hex(":") == "02:62:ac:1e:02:0c"
    assert len(mac_of(parse_address("fd00::1"))) == 6
    assert mac_of(parse_address("fd00::1")) != mac_of(parse_address("fd00::2"))
    assert entries({FAR, NEAR}, {FAR: b"\x02\0\0\0\0\1"}) == [(NEAR, mac_of(NEAR)), (FAR, b"\x02\0\0\0\0\1")]


def test_our_end(links: Links) -> None:
    own = address("10.0.0.1")
    assert source_of(4, links, (), own) == (own, "")
    assert source_of(4, links, (own,), FAR) == (own, "")
    assert "router id 172.30.2.12 is no address of this node" in source_of(4, links, (), FAR)[1]
    assert "172.30.2.12 is no address of this node" in source_of(4, links, (FAR,), own)[1]
    assert "no global IPv6 address" in source_of(16, links, (), own)[1]
    links.address(2, parse_address("fd00::1"), 64)
    assert source_of(16, links, (), own) == (parse_address("fd00::1"), "")


def test_families_are_apart(links: Links) -> None:
    made = overlays(links, Overlay.ALWAYS)
    assert made.active(4)
    assert not made.active(16)
    assert made.mark(IPV6, parse_prefix("fd00:1::/64")[1], (parse_address("fd00::1"),)) == (parse_address("fd00::1"),)
    assert made.mark(IPV4, parse_prefix("10.244.1.0/24")[1], (NEAR,)) == (through(NEAR, 2),)


def test_a_pool_of_somebody_else_s_gets_no_route_and_needs_no_device(links: Links) -> None:
    family, prefix = parse_prefix("10.96.0.0/12")
    made = overlays(links, Overlay.NEVER, PoolSpec(family=family, prefix=prefix, foreign=True))
    assert hops(made, "10.96.7.0/24", NEAR) == ()
    assert hops(made, "10.244.2.0/24", NEAR) == ((NEAR, 2),)
    assert not made.active(4)
    (answer,) = made.mark(family, prefix, (NEAR,))
    assert made.resolve(answer).reason == "somebody else writes the routes of this pool"
