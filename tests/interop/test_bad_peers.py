"""Peers that break the rules: a NOTIFICATION as RFC 4271 section 6 says, a log line, and nobody else notices."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.interop.conftest import MakeScene
from tests.interop.drivers.base import Driver, Peer
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan, Node
from tests.interop.raw import KEEPALIVE, MARKER, OPEN, Notice, RawSession, message, open_message
from tests.interop.routes import Route, prefixes
from tests.interop.scene import INJECTOR_ASN, OUR_ASN, Kind, each_other

VERSION_4 = struct.pack("!H", 4)


@dataclass(frozen=True, slots=True)
class Bad:
    """What a peer sends right after it connected, and what it must hear."""

    name: str
    sends: bytes
    code: int
    subcode: int
    data: bytes | None  #: None: whatever it is
    words: str  #: in the log line

    def __str__(self) -> str:
        return self.name


def _open(**changes: object) -> bytes:
    values: dict[str, object] = {"asn": INJECTOR_ASN, "router_id": "10.99.0.3"} | changes
    return open_message(**values)  # type: ignore[arg-type]


GOOD = _open()
BAD = (
    Bad("http", b"GET / HTTP/1.1\r\nHost: bgpd\r\n\r\n", 1, 1, b"", "Connection Not Synchronized"),
    Bad("zeros", bytes(64), 1, 1, b"", "Connection Not Synchronized"),
    Bad("one bit of the marker", b"\xfe" + GOOD[1:], 1, 1, b"", "Connection Not Synchronized"),
    Bad("length below a header", MARKER + b"\x00\x12\x01", 1, 2, b"\x00\x12", "Bad Message Length"),
    Bad("length above 4096", MARKER + b"\x10\x01\x01", 1, 2, b"\x10\x01", "Bad Message Length"),
    Bad("OPEN shorter than it can be", message(OPEN, GOOD[19:28]), 1, 2, b"\x00\x1c", "Bad Message Length"),
    Bad("type 9", message(9, b"\0"), 1, 3, b"\x09", "Bad Message Type"),
    Bad("version 3", _open(version=3), 2, 1, VERSION_4, "Unsupported Version Number"),
    Bad("version 5", _open(version=5), 2, 1, VERSION_4, "Unsupported Version Number"),
    Bad("wrong AS", _open(asn=65010), 2, 2, None, "Bad Peer AS"),
    Bad("wrong AS of four octets", _open(asn=4200000010), 2, 2, None, "Bad Peer AS"),
    Bad("router id 0.0.0.0", _open(router_id="0.0.0.0"), 2, 3, None, "Bad BGP Identifier"),
    Bad("hold time 1", _open(hold=1), 2, 6, None, "Unacceptable Hold Time"),
    Bad("hold time 2", _open(hold=2), 2, 6, None, "Unacceptable Hold Time"),
    Bad("KEEPALIVE before OPEN", message(KEEPALIVE), 5, 1, None, "Unexpected Message in OpenSent"),
    Bad("UPDATE before OPEN", message(2, bytes(4)), 5, 1, None, "Unexpected Message in OpenSent"),
    Bad("second OPEN", GOOD + GOOD, 5, 2, None, "Unexpected Message in OpenConfirm"),
)


class Victim:
    """Our daemon with an established BIRD beside the peer that will misbehave."""

    def __init__(self, lan: Lan, work: Path) -> None:
        ours, bird, self.node = lan.nodes
        self.bird = Bird2(bird, work, OUR_ASN, [Peer(ours.address4, OUR_ASN)])
        self.ours = Ours(ours, work, OUR_ASN, [Peer(bird.address4, OUR_ASN), self.peer(self.node)])
        self.routes = [Route(prefix) for family in ("ipv4", "ipv6") for prefix in prefixes(10, family, 2)]
        self.bird.announce(self.routes)
        self.bird.start()
        self.ours.start()
        self.ours.wait_established(bird.address4)

    @staticmethod
    def peer(node: Node) -> Peer:
        quick = {"idle-hold-min": 0.1, "idle-hold-max": 0.1}
        return Peer(node.address4, INJECTOR_ASN, passive=True, extra=quick)

    def connect(self) -> RawSession:
        """A connection, as soon as the daemon takes one from this peer again (it holds a failed peer off)."""
        made: list[RawSession] = []

        def try_it() -> bool:
            session = RawSession(self.node.connect(self.ours.node.address4))
            try:
                session.wait(lambda: session.heard(OPEN), "OPEN")
            except AssertionError:
                session.close()
                return False
            made.append(session)
            return True

        self.ours.wait_for(try_it, "OPEN for a new connection")
        return made[0]

    def unharmed(self) -> None:
        """The other session did not notice: never down, and all routes are there."""
        view = self.ours.neighbor(self.bird.node.address4)
        assert (view["state"], view["established_count"]) == ("Established", 1)
        sent = [self.bird.exported(route, external=False, own=True) for route in self.routes]
        self.ours.wait_table(self.bird.node.address4, {route.prefix: route for route in sent})


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """One daemon for the whole list: it has to stand all of it."""
    with Lan(3) as lan:
        yield Victim(lan, tmp_path_factory.mktemp("victim"))


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_broken_rules(victim: Victim, bad: Bad) -> None:
    before = len(victim.ours.events("session"))
    session = victim.connect()
    session.send(bad.sends)
    notice = session.wait_closed()
    session.close()
    _check(notice, bad.code, bad.subcode, bad.data)
    victim.ours.wait_down(victim.node.address4)
    reasons = [event["reason"] for event in victim.ours.events("session")[before:]]
    assert any(bad.words.lower() in reason.lower() for reason in reasons), reasons
    shown = victim.ours.neighbor(victim.node.address4)["last_notification"]
    assert (shown["direction"], shown["code"], shown["subcode"]) == ("sent", bad.code, bad.subcode)
    victim.unharmed()


def test_our_own_router_id_from_an_internal_peer(lan: Lan, tmp_path: Path) -> None:
    """RFC 6286: legal in another AS, an error in ours."""
    ours = Ours(lan.nodes[0], tmp_path, OUR_ASN, [Peer(lan.nodes[2].address4, OUR_ASN, passive=True)])
    ours.start()
    session = RawSession(lan.nodes[2].connect(lan.nodes[0].address4))
    session.wait(lambda: session.heard(OPEN), "OPEN")
    session.send(open_message(OUR_ASN, ours.router_id))
    notice = session.wait_closed()
    session.close()
    _check(notice, 2, 3, None)
    ours.wait_for(lambda: any("Bad BGP Identifier" in event["reason"] for event in ours.events("session")), "log line")


def test_garbage_on_a_session_that_stands(victim: Victim) -> None:
    """Established, with routes: the same NOTIFICATION, and its routes go."""
    session = victim.connect()
    session.send(GOOD, message(KEEPALIVE))
    victim.ours.wait_established(victim.node.address4)
    session.announce([Route("36.99.0.0/16", next_hop=victim.node.address4, as_path=(INJECTOR_ASN,))])
    victim.ours.wait_count(victim.node.address4, 1)
    session.send(b"\xff" * 15 + b"garbage" * 9)
    notice = session.wait_closed()
    session.close()
    _check(notice, 1, 1, b"")
    victim.ours.wait_count(victim.node.address4, 0)
    victim.unharmed()


def test_what_we_dial_is_no_router(lan: Lan, tmp_path: Path) -> None:
    """Something else listens on port 179 of a neighbor."""
    node = lan.nodes[2]
    ours = Ours(lan.nodes[0], tmp_path, OUR_ASN, [Peer(node.address4, INJECTOR_ASN)])
    with node.listen() as listener:
        ours.start()
        session = RawSession(listener.accept()[0])
        session.send(b"220 mail.example.net ESMTP\r\n")
        notice = session.wait_closed()
        session.close()
    _check(notice, 1, 1, b"")
    ours.wait_for(lambda: "Not Synchronized" in ours.neighbor(node.address4)["last_notification"]["text"], "its words")


def test_somebody_unknown(victim: Victim) -> None:
    """No configured neighbor: refused before any state is made, with a log line."""
    stranger = "10.99.0.77"
    victim.node.namespace.ip(f"addr replace {stranger}/24 dev eth0")
    session = RawSession(victim.node.connect(victim.ours.node.address4, source=stranger))
    session.wait_closed()
    session.close()
    assert not session.heard(OPEN)
    victim.ours.wait_for(
        lambda: any(stranger in str(event) for event in victim.ours.events("connection_refused")), "log line"
    )
    victim.unharmed()


@each_other()
def test_a_daemon_with_the_wrong_as(make_scene: MakeScene, other: type[Driver]) -> None:
    """It is configured as AS 65002, we expect AS 65077: Bad Peer AS, whoever looks first, and no session."""
    scene = make_scene(other, Kind("external", dual="external" in other.DUAL))
    scene.ours.peers = [Peer(peer.address, 65077, peer.families) for peer in scene.ours.peers]
    scene.other.start()
    scene.ours.start()
    for _, their_address, _ in scene.sessions:
        scene.ours.wait_for(partial(_refused_as, scene.ours, their_address), "NOTIFICATION about the AS")
        assert scene.ours.neighbor(their_address)["established_count"] == 0


def _refused_as(ours: Ours, peer: str) -> bool:
    shown = ours.neighbor(peer)["last_notification"]
    return shown is not None and (shown["code"], shown["subcode"]) == (2, 2)


def _check(notice: Notice | None, code: int, subcode: int, data: bytes | None) -> None:
    assert notice is not None, "closed without a NOTIFICATION"
    assert (notice.code, notice.subcode) == (code, subcode)
    if data is not None:
        assert notice.data == data
