"""Routes at the edge of what is legal, and every attribute on the wire as we send it.

The receivers are raw sessions, which see each flag and octet, and a BIRD, whose opinion of our encoding counts.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.interop.drivers.base import BOTH, Peer
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan
from tests.interop.raw import encode_updates
from tests.interop.routes import Route, generate, table
from tests.interop.scene import INJECTOR_ASN, OTHER_ASN, OUR_ASN, Injector

COUNT = 256


class Chain:
    """injector -> ours -> raw receivers (another AS, and ours) and a BIRD in another AS."""

    def __init__(self, lan: Lan, work: Path, giver: int) -> None:
        node, bird, give, outside, inside = lan.nodes
        self.bird = Bird2(bird, work, OTHER_ASN, [Peer(node.address4, OUR_ASN)])
        self.ours = Ours(node, work, OUR_ASN, [Peer(bird.address4, OTHER_ASN)])
        self.giver = Injector(give, self.ours, giver)
        self.outside = Injector(outside, self.ours, 65010)
        self.inside = Injector(inside, self.ours, OUR_ASN)
        self.injectors = [self.giver, self.outside, self.inside]
        for injector in self.injectors:
            self.ours.peers += injector.peers()
        self.bird.start()
        self.ours.start()
        for injector in self.injectors:
            injector.connect()
        self.bird.wait_established(node.address4)

    def expect(self, receiver: Injector, expected: dict[str, Route]) -> None:
        """The receiver was sent exactly these routes."""
        for family, session in receiver.sessions.items():
            session.wait_routes({prefix: route for prefix, route in expected.items() if route.family == family})


def _chain(work: Path, giver: int) -> Iterator[Chain]:
    with Lan(5) as lan:
        chain = Chain(lan, work, giver)
        yield chain
        for injector in chain.injectors:
            injector.close()


@pytest.fixture
def external(tmp_path: Path) -> Iterator[Chain]:
    yield from _chain(tmp_path, INJECTOR_ASN)


@pytest.fixture
def internal(tmp_path: Path) -> Iterator[Chain]:
    yield from _chain(tmp_path, OUR_ASN)


def test_what_an_internal_peer_may_say(internal: Chain) -> None:
    """LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST come in, and none of them leaves the AS; no iBGP peer gets anything."""
    routes = []
    for family in BOTH:
        for i, route in enumerate(generate(COUNT, family, None, internal.giver.node.address(family))):
            lists = {"originator": f"192.0.2.{i % 250}", "clusters": ("192.0.2.1", "192.0.2.2")[: 1 + i % 2]}
            given = replace(route, local_pref=100 if route.local_pref is None else route.local_pref)
            routes.append(replace(given, **lists) if i % 3 == 0 else given)  # type: ignore[arg-type]
    internal.giver.announce(routes)
    for family in BOTH:
        expected = table(route for route in routes if route.family == family)
        internal.ours.wait_table(internal.giver.node.address(family), expected)
    bare = [replace(route, originator=None, clusters=()) for route in routes]
    sent = table(internal.ours.exported(route, external=True) for route in bare)
    internal.expect(internal.outside, sent)
    internal.bird.wait_table(internal.ours.node.address4, sent)
    internal.expect(internal.inside, {})


def test_what_an_external_peer_may_say(external: Chain) -> None:
    """All of it on the wire, octet by octet, to both kinds of peer: flags, order and Partial bit included."""
    routes = external.giver.make(COUNT, block=0)
    external.giver.announce(routes)
    external.expect(external.outside, table(external.ours.exported(route, external=True) for route in routes))
    external.expect(external.inside, table(external.ours.exported(route, external=False) for route in routes))
    # An external peer has no LOCAL_PREF to give: if it does, it is ignored (RFC 4271 section 5.1.5).
    pushy = [replace(route, local_pref=4294967295) for route in routes[:10]]
    external.giver.announce([replace(route, med=77) for route in pushy])
    session = external.inside.sessions["ipv4"]
    for route in pushy:
        session.wait(lambda p=route.prefix: session.routes[p].med == 77, "MED 77")  # type: ignore[misc]
        assert session.routes[route.prefix].local_pref == 100


def test_extremes(external: Chain) -> None:
    """Full segments, hundreds of communities, the longest attribute, the default routes."""
    hop = external.giver.node.address
    long_path = tuple(range(70000, 70600))
    shapes = [
        Route("0.0.0.0/0", hop("ipv4"), as_path=(INJECTOR_ASN,)),
        Route("::/0", hop("ipv6"), as_path=(INJECTOR_ASN,)),
        # our own AS number does not fit into the first segment any more
        Route("20.0.0.0/8", hop("ipv4"), as_path=(INJECTOR_ASN, *long_path[:254])),
        Route("21.0.0.0/8", hop("ipv4"), as_path=(INJECTOR_ASN, frozenset(long_path[:255]))),
        Route("22.0.0.0/8", hop("ipv4"), as_path=(INJECTOR_ASN,), communities=_many(600)),
        Route("23.0.0.0/8", hop("ipv4"), as_path=(INJECTOR_ASN,), unknown=((213, 0xC0, "5a" * 3900),)),
        Route("24.0.0.1/32", hop("ipv4"), as_path=(INJECTOR_ASN,), unknown=((213, 0xC0, ""),)),
        Route("2001:db8::1/128", hop("ipv6"), as_path=(INJECTOR_ASN,), unknown=((213, 0xC0, "a5" * 3900),)),
    ]
    external.giver.announce(shapes)
    external.expect(external.outside, table(external.ours.exported(route, external=True) for route in shapes))
    external.expect(external.inside, table(external.ours.exported(route, external=False) for route in shapes))
    # BIRD cuts what it shows of such routes; that it has them all means that it could read them all.
    external.bird.wait_for(
        lambda: _prefixes(external) == {route.prefix for route in shapes}, f"these in BIRD: {_prefixes(external)}"
    )
    assert external.ours.neighbor(external.bird.node.address4)["established_count"] == 1


def test_a_route_that_no_longer_fits(external: Chain) -> None:
    """With our AS prepended the UPDATE would exceed 4096 octets: it goes to nobody outside, and it harms nobody."""
    hop = external.giver.node.address4
    fits = Route("30.0.0.0/8", hop, as_path=(INJECTOR_ASN,), unknown=((213, 0xC0, "5a" * 4000),))
    room = 4096 - len(_update(fits))
    full = replace(fits, prefix="31.0.0.0/8", unknown=((213, 0xC0, "5a" * (4000 + room)),))
    small = Route("32.0.0.0/8", hop, as_path=(INJECTOR_ASN,))
    assert len(_update(full)) == 4096
    external.giver.announce([fits, full, small])
    external.ours.wait_count(external.giver.node.address4, 3)
    external.expect(external.outside, table(external.ours.exported(r, external=True) for r in (fits, small)))
    # It was announced once, small; now it has grown: what the peers hold has to go.
    external.giver.announce([replace(small, prefix=full.prefix)])
    both = (fits, small, replace(small, prefix=full.prefix))
    external.expect(external.outside, table(external.ours.exported(r, external=True) for r in both))
    external.giver.announce([full])
    external.expect(external.outside, table(external.ours.exported(r, external=True) for r in (fits, small)))
    for injector in external.injectors:
        for family, session in injector.sessions.items():
            assert not session.closed
            assert external.ours.neighbor(injector.node.address(family))["established_count"] == 1


def _update(route: Route) -> bytes:
    (found,) = encode_updates([route])
    return found


def _many(count: int) -> tuple[str, ...]:
    return tuple(sorted(f"{64000 + i // 300}:{i}" for i in range(count)))


def _prefixes(chain: Chain) -> set[str]:
    """What BIRD holds of ours."""
    lines = chain.bird.ask("show route primary where source = RTS_BGP")
    return {line.split()[0] for line in lines if "/" in line.split(" ")[0]}
