"""What goes on to whom: full-mesh iBGP, AS loops, well-known communities, and no policy at all; with real daemons."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.interop.drivers.base import Peer
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan
from tests.interop.routes import NO_ADVERTISE, NO_EXPORT, Route
from tests.interop.scene import OTHER_ASN, OUR_ASN, Injector


class Middle:
    """Our daemon between a BIRD inside (AS 64512), an FRR outside (AS 65002) and an injector (AS 65009)."""

    def __init__(self, lan: Lan, work: Path) -> None:
        ours, inside, outside, node = lan.nodes
        self.inside = Bird2(inside, work, OUR_ASN, [Peer(ours.address4, OUR_ASN)])
        self.outside = Frr(outside, work, OTHER_ASN, [Peer(ours.address4, OUR_ASN)])
        self.ours = Ours(ours, work, OUR_ASN, [Peer(inside.address4, OUR_ASN), Peer(outside.address4, OTHER_ASN)])
        self.injector = Injector(node, self.ours)
        self.ours.peers += self.injector.peers()

    def start(self) -> None:
        self.inside.start()
        self.outside.start()
        self.ours.start()
        for daemon in (self.inside, self.outside):
            self.ours.wait_established(daemon.node.address4)
            daemon.wait_established(self.ours.node.address4)
        self.injector.connect()

    def expect(self, daemon: Bird2 | Frr, routes: list[Route]) -> None:
        """The daemon holds these of ours, and nothing else."""
        external = daemon.asn != OUR_ASN
        sent = [self.ours.exported(route, external=external) for route in routes]
        daemon.wait_table(self.ours.node.address4, {route.prefix: route for route in sent})


@pytest.fixture
def middle(tmp_path: Path) -> Iterator[Middle]:
    with Lan(4) as lan:
        made = Middle(lan, tmp_path)
        yield made
        made.injector.close()


def test_internal_routes_stay_with_us(middle: Middle) -> None:
    """From inside to outside, from outside to inside; nothing from one internal peer to another (RFC 4271 9.2)."""
    from_inside, from_outside = Route("36.1.0.0/16", med=7), Route("36.2.0.0/16", med=9)
    middle.inside.announce([from_inside])
    middle.outside.announce([from_outside])
    third = Injector(middle.injector.node, middle.ours, OUR_ASN)
    middle.ours.peers = [*middle.ours.peers[:2], *third.peers()]
    middle.injector = third
    middle.start()
    seen_outside = middle.inside.exported(from_inside, external=False, own=True)
    seen_inside = middle.outside.exported(from_outside, external=True, own=True)
    middle.expect(middle.outside, [seen_outside])
    middle.expect(middle.inside, [seen_inside])
    session = third.sessions["ipv4"]
    session.wait(lambda: "ipv4" in session.ended, "End-of-RIB")
    assert set(session.routes) == {from_outside.prefix}


def test_routes_sent_back_do_not_count(middle: Middle) -> None:
    """FRR sends an external peer its own routes back: held, not eligible, the reason is said, and nobody gets them."""
    middle.outside.reflects = True
    middle.ours.announce([Route("36.3.0.0/16"), Route("2403::/32")])
    middle.start()
    outside = middle.outside.node.address4
    middle.ours.wait_count(outside, 2)
    view = next(f for f in middle.ours.neighbor(outside)["families"] if f["family"] == "ipv4")
    assert (view["received"], view["accepted"]) == (1, 0)
    for row in middle.ours.rows("received", outside):
        assert not row["eligible"]
        assert not row["best"]
        assert "our own AS is in its AS path" in row["reason"]
    middle.expect(middle.inside, [Route("36.3.0.0/16", next_hop="10.99.0.1"), Route("2403::/32", next_hop="fd99::1")])


def test_well_known_communities(middle: Middle) -> None:
    """NO_EXPORT stays in our AS, NO_ADVERTISE stays here (RFC 1997)."""
    middle.start()
    plain, no_export, no_advertise = middle.injector.make(3, block=0)[:3]
    no_export = replace(no_export, communities=tuple(sorted((*no_export.communities, NO_EXPORT))))
    no_advertise = replace(no_advertise, communities=tuple(sorted((*no_advertise.communities, NO_ADVERTISE))))
    middle.injector.announce([no_export, no_advertise, plain])
    middle.expect(middle.outside, [plain])
    middle.expect(middle.inside, [plain, no_export])
    # The same prefixes without the communities come out, and go back in again.
    free = [replace(route, communities=()) for route in (no_export, no_advertise)]
    middle.injector.announce(free)
    middle.expect(middle.outside, [plain, *free])
    middle.injector.announce([no_export, no_advertise])
    middle.expect(middle.outside, [plain])
    middle.expect(middle.inside, [plain, no_export])


def test_no_policy_no_routes(middle: Middle) -> None:
    """RFC 8212: an external peer without import and export exchanges nothing, and that is said; then it is given."""
    outside = middle.outside.node.address4
    policy = middle.ours.peers[1]
    middle.ours.peers[1] = replace(policy, extra={"import": None, "export": None})
    middle.ours.announce([Route("36.4.0.0/16")])
    middle.outside.announce([Route("36.5.0.0/16")])
    middle.start()
    middle.expect(middle.inside, [Route("36.4.0.0/16", next_hop="10.99.0.1")])
    view = middle.ours.neighbor(outside)
    assert "8212" in view["policy_note"]
    assert any(event["neighbor"] == outside for event in middle.ours.events("policy_missing"))
    middle.expect(middle.outside, [])
    middle.ours.wait_count(outside, 1)
    assert not any(row["eligible"] for row in middle.ours.rows("received", outside))

    middle.ours.peers[1] = replace(policy, extra={"export": "own"})
    middle.ours.reload()
    seen = middle.outside.exported(Route("36.5.0.0/16"), external=True, own=True)
    middle.expect(middle.inside, [Route("36.4.0.0/16", next_hop="10.99.0.1"), seen])
    middle.expect(middle.outside, [Route("36.4.0.0/16")])
