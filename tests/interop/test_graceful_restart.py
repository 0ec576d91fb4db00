"""Restarts with real daemons: their routes stay with us, ours with them, for a while and for long, and goodbyes are final."""

import subprocess
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import pytest

from bgpd.cli.client import Refused
from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import BOTH, Driver, Peer
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.drivers.gobgp import Gobgp
from tests.interop.routes import Route, generate, prefixes
from tests.interop.scene import Kind, Scene

COUNT = 6
STALE, LLGR_STALE = "restart", "long-lived"


class Again(Driver):
    """A driver whose daemon is told, from its second start on, that it restarts."""

    AGAIN: ClassVar[tuple[str, ...]] = ()
    launched = False

    def _launch(self, argv: list[str], env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        again, self.launched = self.launched, True
        return super()._launch([*argv, *self.AGAIN] if again else argv, env)


class BirdAgain(Again, Bird2):
    AGAIN = ("-R",)
    times = "graceful restart time 60;"

    def _bgp(self, peer: Peer) -> list[str]:
        *lines, end = super()._bgp(peer)
        return [*lines, f"  graceful restart on; {self.times}", end]


class BirdLong(BirdAgain):
    times = "graceful restart time 1; long lived graceful restart on; long lived stale time 60;"


class FrrAgain(Frr):
    def _config(self) -> list[str]:
        lines = super()._config()
        at = lines.index(f"router bgp {self.asn}") + 1
        return [*lines[:at], "bgp graceful-restart", "bgp graceful-restart preserve-fw-state", *lines[at:]]


class FrrLong(FrrAgain):
    def _config(self) -> list[str]:
        lines = super()._config()
        at = lines.index("bgp graceful-restart")
        times = ["bgp graceful-restart restart-time 1", "bgp long-lived-graceful-restart stale-time 60"]
        return [*lines[:at], *times, *lines[at:]]


class GobgpAgain(Again, Gobgp):
    AGAIN = ("-r",)
    restart_time = 60
    long_lived = 0

    def _neighbor(self, peer: Peer) -> dict[str, Any]:
        config = super()._neighbor(peer)
        long_lived = {"long-lived-enabled": True} if self.long_lived else {}
        config["graceful-restart"] = {
            "config": {
                "enabled": True,
                "restart-time": self.restart_time,
                "deferral-time": 3,
                "notification-enabled": True,
                **long_lived,
            }
        }
        for family in config["afi-safis"]:
            family["mp-graceful-restart"] = {"config": {"enabled": True}}
            if self.long_lived:
                family["long-lived-graceful-restart"] = {"config": {"enabled": True, "restart-time": self.long_lived}}
        return config


class GobgpLong(GobgpAgain):
    restart_time = 1
    long_lived = 60


def names(driver: type[Driver]) -> str:
    return driver.__name__


def running(make_scene: MakeScene, other: type[Driver], **ours: object) -> tuple[Scene, list[Route], list[Route]]:
    """A scene of internal peers with routes on both sides."""
    scene = make_scene(other, Kind("internal", dual="internal" in other.DUAL))
    for i, peer in enumerate(scene.ours.peers):
        scene.ours.peers[i] = Peer(peer.address, peer.asn, peer.families, extra=ours)
    theirs = [scene.other.originable(route) for family in BOTH for route in generate(COUNT, family, None, block=2)]
    own = [Route(prefix) for family in BOTH for prefix in prefixes(COUNT, family, 3)]
    scene.other.announce(theirs)
    scene.ours.announce(own)
    scene.start()
    scene.expect_at_ours(theirs, own=True)
    scene.expect_at_other(own, own=True)
    return scene, theirs, own


def staleness(scene: Scene) -> set[str]:
    """What we say of the routes that the other one gave."""
    return {row["stale"] for _, address, _ in scene.sessions for row in rows(scene, address)}


def rows(scene: Scene, peer: str) -> Iterable[dict[str, Any]]:
    return scene.ours.rows("received", peer)


def held(scene: Scene) -> set[str]:
    return {row["prefix"] for _, address, _ in scene.sessions for row in rows(scene, address)}


@pytest.mark.parametrize("other", [BirdAgain, FrrAgain, GobgpAgain], ids=names)
def test_theirs_stay_while_they_restart(make_scene: MakeScene, other: type[Driver]) -> None:
    """Killed and started again: what it announces no more goes with its End-of-RIB, the rest was never gone."""
    scene, theirs, own = running(make_scene, other)
    scene.other.kill()
    for _, address, _ in scene.sessions:
        scene.ours.wait_down(address)
    assert staleness(scene) == {STALE}
    assert held(scene) == {route.prefix for route in theirs}
    for route in theirs[::2]:
        del scene.other.own[route.prefix]
    scene.other.start()
    scene.wait_established()
    scene.expect_at_ours(theirs[1::2], own=True)
    assert staleness(scene) == {""}
    scene.expect_at_other(own, own=True)
    assert scene.ours.events("routes_kept")


@pytest.mark.parametrize("other", [BirdLong, FrrLong, GobgpLong], ids=names)
def test_theirs_are_the_last_resort_for_long(make_scene: MakeScene, other: type[Driver]) -> None:
    scene, theirs, _ = running(make_scene, other)
    scene.other.kill()
    scene.ours.wait_for(lambda: staleness(scene) == {LLGR_STALE}, "the long wait")
    assert held(scene) == {route.prefix for route in theirs}
    for _, address, _ in scene.sessions:
        assert all("llgr-stale" in row["communities"] for row in rows(scene, address))
    scene.other.start()
    scene.wait_established()
    scene.expect_at_ours(theirs, own=True)
    scene.ours.wait_for(lambda: staleness(scene) == {""}, "fresh routes")


def test_how_long_is_for_us_to_say(make_scene: MakeScene) -> None:
    """BIRD asks for 60 s, and gets the 2 that `long-lived-stale-limit` allows; other rules judge its routes meanwhile."""
    scene, theirs, _ = running(make_scene, BirdLong, **{"long-lived-stale-limit": 2})
    ((_, address, _),) = scene.sessions
    scene.other.kill()
    scene.ours.wait_for(lambda: staleness(scene) == {LLGR_STALE}, "the long wait")
    assert held(scene) == {route.prefix for route in theirs}
    peer = scene.ours.peers[0]
    scene.ours.peers[0] = Peer(peer.address, peer.asn, peer.families, extra={**peer.extra, "import": "none"})
    scene.ours.reload()
    scene.ours.wait_for(lambda: not any(row["eligible"] for row in rows(scene, address)), "the other verdict")
    scene.ours.wait_for(lambda: not held(scene), "the end of the long wait", 5)


@pytest.mark.parametrize("other", [BirdLong, FrrLong, GobgpLong], ids=names)
def test_ours_are_their_last_resort_for_long(make_scene: MakeScene, other: type[Driver]) -> None:
    scene, theirs, own = running(make_scene, other, **{"restart-time": 1, "long-lived-stale-time": 60})
    scene.ours.kill()

    def aged() -> bool:
        tables = [scene.other.table(address) for _, _, address in scene.sessions]
        marks = {"65535:6", "llgr-stale", "llgrStale"}
        return all(marks & set(route.communities) for table in tables for route in table.values())

    scene.other.wait_for(aged, "LLGR_STALE on our routes")
    held_there = {prefix for _, _, address in scene.sessions for prefix in scene.other.table(address)}
    assert held_there == {route.prefix for route in own}
    scene.ours.start()
    scene.wait_established()
    scene.expect_at_other(own, own=True)
    scene.expect_at_ours(theirs, own=True)


@pytest.mark.parametrize("other", [FrrAgain, GobgpAgain], ids=names)
def test_a_reset_keeps_routes_and_a_goodbye_does_not(make_scene: MakeScene, other: type[Driver]) -> None:
    """RFC 8538: a NOTIFICATION keeps both ends' routes, but for a Hard Reset."""
    scene, theirs, own = running(make_scene, other)
    for _, address, _ in scene.sessions:
        assert "through NOTIFICATIONs, too" in scene.ours.neighbor(address)["restarts"]
    before = {address: scene.ours.neighbor(address)["established_count"] for _, address, _ in scene.sessions}
    for _, address, _ in scene.sessions:
        scene.ours.act("reset", address)
    assert held(scene) == {route.prefix for route in theirs}
    scene.ours.wait_for(
        lambda: all(scene.ours.neighbor(a)["established_count"] > n for a, n in before.items()), "new sessions"
    )
    scene.wait_established()
    scene.expect_at_ours(theirs, own=True)
    scene.expect_at_other(own, own=True)
    scene.ours.stop()
    for _, _, address in scene.sessions:
        scene.other.wait_down(address)
        scene.other.wait_count(address, 0)


@pytest.mark.parametrize("other", [Bird2, Frr], ids=names)
def test_bgpctl_restart_leaves_our_routes_with_them(make_scene: MakeScene, other: type[Driver]) -> None:
    scene, theirs, own = running(make_scene, other)
    scene.ours.manage("restart", text="a test")
    for process in scene.ours.processes:
        assert process.wait(10) == 0
    scene.ours.processes.clear()
    for _, _, address in scene.sessions:
        scene.other.wait_down(address)
    scene.expect_still_at_other(own)
    scene.ours.start()
    scene.wait_established()
    scene.expect_at_other(own, own=True)
    scene.expect_at_ours(theirs, own=True)
    scene.ours.wait_for(lambda: bool(scene.ours.events("restart_over")), "end of the restart", 35)


@pytest.mark.parametrize("other", [Bird2, Frr], ids=names)
def test_drain_and_undrain(make_scene: MakeScene, other: type[Driver]) -> None:
    """RFC 8326: everything carries the community, local preference 0 for an internal peer; and all is as before again."""
    scene, _, own = running(make_scene, other)
    scene.ours.manage("drain")

    def drained() -> bool:
        found = [route for _, _, address in scene.sessions for route in scene.other.table(address).values()]
        marks = ("65535:0", "graceful-shutdown", "gracefulShutdown")
        return len(found) == len(own) and all(
            route.local_pref == 0 and any(mark in route.communities for mark in marks) for route in found
        )

    scene.other.wait_for(drained, "GRACEFUL_SHUTDOWN on our routes")
    assert scene.ours.status()["draining"]
    scene.ours.manage("undrain")
    scene.expect_at_other(own, own=True)
    # The same by the configuration, which `undrain` does not overrule.
    scene.ours.settings["graceful-shutdown"] = True
    scene.ours.reload()
    scene.other.wait_for(drained, "GRACEFUL_SHUTDOWN on our routes")
    with pytest.raises(Refused, match="graceful-shutdown is set in the configuration"):
        scene.ours.manage("undrain")
    del scene.ours.settings["graceful-shutdown"]
    scene.ours.reload()
    scene.expect_at_other(own, own=True)


@pytest.mark.parametrize("other", [Bird2, Gobgp], ids=names)
def test_their_shutdown_and_blackholes_are_heard(make_scene: MakeScene, other: type[Driver]) -> None:
    scene = make_scene(other, Kind("internal", dual="internal" in other.DUAL))
    going = Route("10.40.0.0/24", communities=("65535:0",))
    hole = Route("10.40.1.1/32", communities=("65535:666",))
    scene.other.announce([scene.other.originable(going), scene.other.originable(hole)])
    scene.start()
    address = scene.sessions[0][1]
    scene.ours.wait_for(lambda: len(list(rows(scene, address))) == 2, "two routes")
    found = {row["prefix"]: row for row in rows(scene, address)}
    assert found[going.prefix]["local_pref"] == 0
    assert set(found[hole.prefix]["communities"]) == {"blackhole", "no-export"}


@pytest.mark.parametrize(
    ("other", "kill"),
    [(BirdAgain, True), (BirdAgain, False), (FrrAgain, True)],
    ids=["BirdAgain-killed", "BirdAgain-restarted", "FrrAgain-killed"],
)
def test_the_kernel_keeps_our_routes_and_a_blackhole_is_one(
    make_scene: MakeScene, other: type[Driver], kill: bool
) -> None:
    """From the kernel's routes we know that we restarted: nothing leaves it, what nobody wants any more goes after.

    One of the routes is marked BLACKHOLE (RFC 7999) by the other daemon, and drops packets here.
    """
    scene = make_scene(other, Kind("internal", dual=True))
    scene.ours.settings.pop("no-kernel")
    peer = scene.ours.peers[0]
    scene.ours.peers[0] = Peer(peer.address, peer.asn, peer.families, extra={"accept-blackhole": True})
    hole = Route("10.40.1.1/32", communities=("65535:666",))
    theirs = [Route("10.41.0.0/24"), Route("10.42.0.0/24"), hole]
    scene.other.announce([scene.other.originable(route) for route in theirs])
    scene.ours.announce([Route("10.244.1.0/24")])
    scene.start()

    def routes() -> set[str]:
        return {
            " ".join(line.split()[:2]).removesuffix(" via") for line in scene.ours.node.namespace.routes("proto 64")
        }

    full = {"10.41.0.0/24", "10.42.0.0/24", "blackhole 10.40.1.1", "blackhole 10.244.1.0/24"}
    scene.ours.wait_for(lambda: routes() == full, "all routes in the kernel")
    if kill:
        scene.ours.kill()
    else:
        scene.ours.manage("restart")
        for process in scene.ours.processes:
            assert process.wait(10) == 0
        scene.ours.processes.clear()
    assert routes() == full
    scene.other.withdraw(["10.42.0.0/24"])
    scene.ours.start()
    wanted = full - {"10.42.0.0/24"}

    def swept() -> bool:
        found = routes()
        assert found >= wanted, found
        return found == wanted

    scene.ours.wait_for(swept, "the sweep", 35)
    capabilities = scene.ours.neighbor(peer.address)["capabilities_sent"]
    assert any("graceful-restart 120 s, restarted" in word and "ipv4 kept" in word for word in capabilities)
