"""Another TCP MD5 key on a live session: both ends take it by a reload, one after the other, and the session stays."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.interop.drivers.base import Driver, Peer
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan
from tests.interop.routes import Route

OLD, NEW = "old-key", "new-key"


def test_the_session_stays(lan: Lan, tmp_path: Path) -> None:
    first, second = Ours(lan.nodes[0], tmp_path, 64512), Ours(lan.nodes[1], tmp_path, 64512)
    first.peers = [Peer(lan.nodes[1].address4, 64512, password=OLD, hold=9)]
    second.peers = [Peer(lan.nodes[0].address4, 64512, password=OLD, hold=9)]
    for daemon in (first, second):
        daemon.start()
    for daemon in (first, second):
        daemon.wait_established(daemon.peers[0].address)
    for daemon in (first, second):
        daemon.peers = [replace(peer, password=NEW) for peer in daemon.peers]
        daemon.reload()
    second.announce([Route("10.7.0.0/16")])  # and what is said now is signed with the new one
    first.wait_for(lambda: "10.7.0.0/16" in first.table(lan.nodes[1].address4), "a route under the new key")
    for daemon in (first, second):
        assert daemon.neighbor(daemon.peers[0].address)["established_count"] == 1


@pytest.mark.parametrize("other", [Bird2], ids=lambda driver: driver.NAME)
def test_a_peer_that_keeps_the_old_key_is_lost(lan: Lan, tmp_path: Path, other: type[Driver]) -> None:
    """The new key is really in use: the hold timer ends the session, and the old key brings it back."""
    ours, theirs = Ours(lan.nodes[0], tmp_path, 64512), other(lan.nodes[1], tmp_path, 64512)
    ours.peers = [Peer(lan.nodes[1].address4, 64512, password=OLD, hold=3)]
    theirs.peers = [Peer(lan.nodes[0].address4, 64512, password=OLD, hold=3)]
    for daemon in (theirs, ours):
        daemon.start()
    ours.wait_established(lan.nodes[1].address4)
    ours.peers = [replace(peer, password=NEW) for peer in ours.peers]
    ours.reload()
    assert ours.state(lan.nodes[1].address4) == "Established"
    ours.wait_for(lambda: ours.state(lan.nodes[1].address4) != "Established", "the hold timer")
    ours.peers = [replace(peer, password=OLD) for peer in ours.peers]
    ours.reload()
    ours.wait_established(lan.nodes[1].address4)
