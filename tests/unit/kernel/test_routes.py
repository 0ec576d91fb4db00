import pytest

from bgpd.kernel.routes import RTN_BLACKHOLE, RTN_UNICAST, Hop, Route

HOPS: tuple[Hop, ...] = ((b"\x0a\x00\x00\x02", 3), (b"\x0a\x00\x00\x03", 3))


def test_routes_are_values() -> None:
    assert Route(RTN_UNICAST, HOPS, 64) == Route(RTN_UNICAST, HOPS, 64)
    assert {Route(RTN_UNICAST, HOPS, 64): 1}[Route(RTN_UNICAST, HOPS, 64)]


@pytest.mark.parametrize(
    "other",
    [
        Route(RTN_BLACKHOLE, HOPS, 64),
        Route(RTN_UNICAST, HOPS[:1], 64),
        Route(RTN_UNICAST, HOPS, 65),
        Route(RTN_UNICAST, HOPS, 64, 7),
        Route(RTN_UNICAST, HOPS, 64, 0, (1, 3)),
    ],
)
def test_every_field_tells_routes_apart(other: Route) -> None:
    assert other != Route(RTN_UNICAST, HOPS, 64)
