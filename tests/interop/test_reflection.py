"""Route reflection, ours and theirs: what a client gives reaches the others with its next hop, and says its way."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.interop.drivers.base import Driver, Peer
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.drivers.gobgp import Gobgp
from tests.interop.drivers.openbgpd import Openbgpd
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan
from tests.interop.routes import Route
from tests.interop.scene import OUR_ASN

CLUSTER = "9.9.9.9"


@dataclass(frozen=True)
class Words:
    """How a daemon says that a neighbor is its client; its cluster id is its router id."""

    lines: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    extra: dict[str, object] = field(default_factory=dict)


CLIENT: dict[type[Driver], Words] = {
    Bird2: Words(lines=("rr client",)),
    Frr: Words(channel=("route-reflector-client",)),
    Openbgpd: Words(lines=("route-reflector",)),
    Gobgp: Words(extra={"route-reflector": {"config": {"route-reflector-client": True}}}),
}


@pytest.mark.parametrize(("one", "two"), [(Bird2, Frr), (Gobgp, Openbgpd)], ids=["bird2-frr", "gobgp-openbgpd"])
def test_we_reflect(lan: Lan, tmp_path: Path, one: type[Driver], two: type[Driver]) -> None:
    """A client and another internal neighbor that is none: each gets the other's route."""
    node1, node2, node3 = lan.nodes
    ours = Ours(node1, tmp_path, OUR_ASN)
    ours.settings["cluster-id"] = CLUSTER
    ours.peers = [
        Peer(node2.address4, OUR_ASN, extra={"rr-client": True, "export": None}),
        Peer(node3.address4, OUR_ASN, extra={"export": None}),
    ]
    client = one(node2, tmp_path, OUR_ASN, [Peer(node1.address4, OUR_ASN)])
    other = two(node3, tmp_path, OUR_ASN, [Peer(node1.address4, OUR_ASN)])
    client.announce([Route("198.51.100.0/24", med=5, local_pref=150, communities=("64512:7",))])
    other.announce([Route("203.0.113.0/24", local_pref=160)])
    for driver in (client, other, ours):
        driver.start()
    for taker, giver, prefix, preference in (
        (other, client, "198.51.100.0/24", 150),
        (client, other, "203.0.113.0/24", 160),
    ):
        taker.wait_for(lambda t=taker, p=prefix: p in t.table(node1.address4), f"{prefix} at {taker.NAME}")  # type: ignore[misc]
        route = taker.table(node1.address4)[prefix]
        assert (route.next_hop, route.local_pref, route.as_path) == (giver.node.address4, preference, ())
        if taker.NAME != "openbgpd":  # which shows neither
            assert (route.originator, route.clusters) == (giver.router_id, (CLUSTER,))
    view = ours.neighbor(node2.address4)
    assert f"route reflector client, cluster {CLUSTER}" in view["extensions"]
    assert (view["export_rule"], ours.neighbor(node3.address4)["export_rule"]) == ("all", "own")


@pytest.mark.parametrize("other", CLIENT, ids=lambda driver: driver.NAME)
def test_they_reflect(lan: Lan, tmp_path: Path, other: type[Driver]) -> None:
    """Two of ours are clients of theirs; what comes back to who originated it, or to a cluster of ours, is a loop."""
    node1, node2, node3 = lan.nodes
    words = CLIENT[other]
    reflector = other(node2, tmp_path, OUR_ASN)
    reflector.peers = [
        Peer(node.address4, OUR_ASN, lines=words.lines, channel=words.channel, extra=words.extra)
        for node in (node1, node3)
    ]
    first = Ours(node1, tmp_path / "first", OUR_ASN, [Peer(node2.address4, OUR_ASN)])
    second = Ours(node3, tmp_path / "second", OUR_ASN, [Peer(node2.address4, OUR_ASN)])
    first.announce([Route("198.51.100.0/24")])
    for driver in (reflector, first, second):
        driver.start()
    second.wait_for(lambda: "198.51.100.0/24" in second.table(node2.address4), "the reflected route")
    route = second.table(node2.address4)["198.51.100.0/24"]
    assert (route.originator, route.clusters) == (node1.address4, (reflector.router_id,))
    assert route.next_hop == node1.address4
    # the second one is in the reflector's cluster from now on: what it holds has been through it
    second.settings["cluster-id"] = reflector.router_id
    second.peers = [Peer(node2.address4, OUR_ASN, extra={"rr-client": True})]
    second.reload()

    def rejected() -> bool:
        rows = second.rows("received", node2.address4)
        return bool(rows) and "through our cluster already" in rows[0]["reason"]

    second.wait_for(rejected, "a loop seen")
