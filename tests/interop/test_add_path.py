"""ADD-PATH both ways: two paths for one prefix, and one of them leaves."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import Driver
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.drivers.gobgp import Gobgp
from tests.interop.drivers.ours import Ours
from tests.interop.routes import Route
from tests.interop.scene import INJECTOR_ASN, Kind, Scene

PREFIX = "192.0.2.0/24"


def _bird(driver: Driver, peer: str) -> set[str]:
    assert isinstance(driver, Bird2)
    lines = driver.ask(f"show route all for {PREFIX} protocol {driver._peer(peer).name}")
    return {line.split()[1] for line in lines if "BGP.next_hop:" in line}


def _frr(driver: Driver, peer: str) -> set[str]:
    assert isinstance(driver, Frr)
    paths = json.loads(driver.ask(f"show bgp ipv4 unicast {PREFIX} json")).get("paths", [])
    return {hop["ip"] for path in paths if path["peer"].get("peerId") == peer for hop in path["nexthops"]}


def _gobgp(driver: Driver, peer: str) -> set[str]:
    assert isinstance(driver, Gobgp)
    paths = driver._learned(peer, "ipv4").get(PREFIX, [])
    return {attr["nexthop"] for path in paths for attr in path["attrs"] if attr["type"] == 3}


@dataclass(frozen=True)
class Words:
    """How a daemon is told, and how to see the next hops of the prefix's paths from a peer."""

    hops: Callable[[Driver, str], set[str]]
    channel: tuple[str, ...] = ()
    extra: dict[str, object] = field(default_factory=dict)


KNOW: dict[type[Driver], Words] = {
    Bird2: Words(_bird, ("add paths on",)),
    Frr: Words(_frr, ("addpath-tx-all-paths",)),
    Gobgp: Words(_gobgp, extra={"afi-safi": {"add-paths": {"config": {"receive": True, "send-max": 8}}}}),
}
each = pytest.mark.parametrize("other", KNOW, ids=lambda driver: driver.NAME)


def scene_of(make_scene: MakeScene, other: type[Driver], **more: object) -> Scene:
    """Internal neighbors, so that next hops tell the paths apart."""
    words = KNOW[other]
    scene = make_scene(other, Kind("internal", dual=True))
    scene.ours.peers = [replace(scene.ours.peers[0], extra={"add-path": "both", **more})]
    scene.other.peers = [replace(scene.other.peers[0], channel=words.channel, extra=words.extra)]
    return scene


def paths_at_ours(ours: Ours, peer: str) -> dict[str, int]:
    """Next hop -> the identifier that came with it."""
    return {row["next_hop"]: row["path_id"] for row in ours.rows("received", peer) if row["prefix"] == PREFIX}


@each
def test_we_send(make_scene: MakeScene, other: type[Driver]) -> None:
    """Our own path and the injector's, all or the best one."""
    scene = scene_of(make_scene, other)
    scene.ours.peers += scene.to_ours.peers()
    ours, theirs = scene.ours, scene.other
    ((_, their_address, our_address),) = scene.sessions
    ours.announce([Route(PREFIX)])
    scene.start()
    scene.to_ours.connect()
    hop = scene.to_ours.node.address4
    scene.to_ours.announce([Route(PREFIX, next_hop=hop, as_path=(INJECTOR_ASN,))])
    hops = KNOW[other].hops
    theirs.wait_for(lambda: hops(theirs, our_address) == {ours.node.address4, hop}, "both paths")
    sent = [row for row in ours.rows("advertised", their_address) if row["prefix"] == PREFIX]
    assert len({row["path_id"] for row in sent}) == len(sent) == 2
    (family,) = [view for view in ours.neighbor(their_address)["families"] if view["family"] == "ipv4"]
    assert family["add_path"] == "both"
    ours.withdraw([PREFIX])
    theirs.wait_for(lambda: hops(theirs, our_address) == {hop}, "one path")
    ours.announce([Route(PREFIX)])
    theirs.wait_for(lambda: hops(theirs, our_address) == {ours.node.address4, hop}, "both paths again")
    ours.peers[0] = replace(ours.peers[0], extra={**ours.peers[0].extra, "add-path-paths": 1})
    ours.reload()
    theirs.wait_for(lambda: hops(theirs, our_address) == {ours.node.address4}, "the best path alone")
    assert ours.neighbor(their_address)["established_count"] == 1


@each
def test_we_receive(make_scene: MakeScene, other: type[Driver]) -> None:
    """Their own path and the injector's."""
    scene = scene_of(make_scene, other)
    scene.other.peers += scene.to_other.peers()
    ours, theirs = scene.ours, scene.other
    ((_, their_address, _),) = scene.sessions
    theirs.announce([Route(PREFIX)])
    scene.start()
    scene.to_other.connect()
    hop = scene.to_other.node.address4
    scene.to_other.announce([Route(PREFIX, next_hop=hop, as_path=(INJECTOR_ASN,))])
    wanted = {theirs.node.address4, hop}
    ours.wait_for(lambda: set(paths_at_ours(ours, their_address)) == wanted, "both paths")
    assert len(set(paths_at_ours(ours, their_address).values())) == 2
    scene.to_other.withdraw([PREFIX])
    ours.wait_for(lambda: set(paths_at_ours(ours, their_address)) == {theirs.node.address4}, "one path")


@each
def test_one_way_only(make_scene: MakeScene, other: type[Driver]) -> None:
    """We only send: what comes has no identifier, and both ends agree on it."""
    scene = scene_of(make_scene, other, **{"add-path": "send"})
    ours, theirs = scene.ours, scene.other
    ((_, their_address, our_address),) = scene.sessions
    theirs.announce([Route("198.51.100.0/24")])
    ours.announce([Route(PREFIX)])
    scene.start()
    ours.wait_for(lambda: "198.51.100.0/24" in ours.table(their_address), "their route")
    assert [row["path_id"] for row in ours.rows("received", their_address)] == [None]
    theirs.wait_for(lambda: KNOW[other].hops(theirs, our_address) == {ours.node.address4}, "our route")
