"""The scene of most tests: our daemon, another one, and injectors that give each of them routes.

    node 1  ours, AS 64512
    node 2  the other daemon: AS 64512 (internal) or AS 65002 (external)
    node 3  injectors, AS 65009, a session for each family to each daemon

Both daemons pass on what they learn from the injectors, so each has to show the routes of the other's injector.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.interop.drivers import OTHERS
from tests.interop.drivers.base import BOTH, Driver, Peer
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan, Node
from tests.interop.raw import RawSession, end_of_rib
from tests.interop.routes import Route, assert_equal, generate

OUR_ASN, OTHER_ASN, INJECTOR_ASN = 64512, 65002, 65009


def each_other() -> pytest.MarkDecorator:
    """Run the test with each of the other daemons."""
    return pytest.mark.parametrize("other", OTHERS, ids=lambda driver: driver.NAME)


@dataclass(frozen=True, slots=True)
class Kind:
    """What the two daemons are to each other, and over how many sessions."""

    relation: str  #: internal | external
    dual: bool  #: both families on one session over IPv4; else a session for each

    @property
    def external(self) -> bool:
        return self.relation == "external"

    def __str__(self) -> str:
        return f"{self.relation}-{'dual' if self.dual else 'split'}"


def kinds(other: type[Driver]) -> list[Kind]:
    """Every kind of pair that this daemon can be part of."""
    return [
        Kind(relation, dual)
        for relation in ("internal", "external")
        for dual in (True, False)
        if not dual or relation in other.DUAL
    ]


def each_pair() -> pytest.MarkDecorator:
    """Run the test with each daemon in every kind of pair."""
    pairs = [(other, kind) for other in OTHERS for kind in kinds(other)]
    return pytest.mark.parametrize(("other", "kind"), pairs, ids=[f"{other.NAME}-{kind}" for other, kind in pairs])


class Injector:
    """Raw sessions to one daemon, one for each family, from an address of its own."""

    def __init__(self, node: Node, target: Driver, asn: int = INJECTOR_ASN, router_id: str | None = None) -> None:
        self.node = node
        self.target = target
        self.asn = asn
        self.router_id = router_id or node.address4
        self.sessions: dict[str, RawSession] = {}
        self.routes: dict[str, Route] = {}

    def peers(self) -> list[Peer]:
        """What the target has to configure."""
        return [Peer(self.node.address(family), self.asn, (family,), passive=True) for family in BOTH]

    def connect(self, seconds: float = 10.0) -> None:
        """Until both sessions are established."""
        deadline = time.monotonic() + seconds
        for family in BOTH:
            while family not in self.sessions:
                try:
                    self.sessions[family] = self._session(family)
                except (OSError, AssertionError):
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.03)

    def announce(self, routes: Iterable[Route]) -> None:
        """These routes, then End-of-RIB."""
        given = list(routes)
        self.routes.update((route.prefix, route) for route in given)
        for family, session in self.sessions.items():
            session.announce(route for route in given if route.family == family)
            session.send(end_of_rib(family))

    def withdraw(self, prefixes: Iterable[str]) -> None:
        names = list(prefixes)
        for prefix in names:
            del self.routes[prefix]
        for family, session in self.sessions.items():
            session.withdraw(prefix for prefix in names if (":" in prefix) == (family == "ipv6"))

    def make(self, count: int, block: int, variant: int = 0) -> list[Route]:
        """Routes of both families with every attribute, `count` of each; an external peer sends no LOCAL_PREF."""
        return [
            replace(route, local_pref=None)
            for family in BOTH
            for route in generate(count, family, self.asn, self.node.address(family), block, variant)
        ]

    def close(self) -> None:
        for session in self.sessions.values():
            session.close()
        self.sessions.clear()

    def _session(self, family: str) -> RawSession:
        session = RawSession(self.node.connect(self.target.node.address(family)))
        try:
            session.hello(self.asn, self.router_id, [family])
            session.wait(lambda: session.established, "KEEPALIVE")
        except BaseException:
            session.close()
            raise
        return session


class Scene:
    """Our daemon and another one, configured for each other; nothing runs until `start`."""

    def __init__(self, lan: Lan, work: Path, other: type[Driver], kind: Kind, peer: Peer | None = None) -> None:
        """`peer` is a template for both ends: its password, passive (ours only) and hold time are taken."""
        template = peer or Peer("", 0)
        self.kind = kind
        self.lan = lan
        self.families = [BOTH] if kind.dual else [(family,) for family in BOTH]
        other_asn = OTHER_ASN if kind.external else OUR_ASN
        node1, node2, node3 = lan.nodes[:3]
        self.ours = Ours(node1, work, OUR_ASN)
        self.other = other(node2, work, other_asn)
        self.ours.peers = [
            replace(template, address=node2.address(families[0]), asn=other_asn, families=families)
            for families in self.families
        ]
        self.other.peers = [
            replace(template, address=node1.address(families[0]), asn=OUR_ASN, families=families, passive=False)
            for families in self.families
        ]
        self.to_ours = Injector(node3, self.ours)
        self.to_other = Injector(node3, self.other)

    @property
    def sessions(self) -> list[tuple[tuple[str, ...], str, str]]:
        """For each session: its families, the other's address (our peer), our address (the other's peer)."""
        node1, node2 = self.lan.nodes[:2]
        return [(families, node2.address(families[0]), node1.address(families[0])) for families in self.families]

    def add_injectors(self) -> None:
        """Both daemons get an injector; ours only, where the other never passes anything on."""
        self.ours.peers += self.to_ours.peers()
        if self.other.FORWARDS:
            self.other.peers += self.to_other.peers()

    def start(self) -> None:
        """Both daemons run, and every session between them is up."""
        self.other.start()
        self.ours.start()
        self.wait_established()

    def wait_established(self) -> None:
        for _, their_address, our_address in self.sessions:
            self.ours.wait_established(their_address)
            self.other.wait_established(our_address)

    def expect_at_ours(self, routes: Iterable[Route], *, own: bool) -> None:
        """Our table of the other holds exactly these routes, as it passes them on (`own`: originates them)."""
        sent = [self.other.exported(route, external=self.kind.external, own=own) for route in routes]
        for families, their_address, _ in self.sessions:
            self.ours.wait_table(their_address, {r.prefix: r for r in sent if r.family in families})

    def expect_at_other(self, routes: Iterable[Route], *, own: bool) -> None:
        """The other's table of us holds exactly these routes, and so does what we say we advertise."""
        sent = [self.ours.exported(route, external=self.kind.external, own=own) for route in routes]
        for families, their_address, our_address in self.sessions:
            expected = {r.prefix: r for r in sent if r.family in families}
            self.other.wait_table(our_address, expected)
            assert_advertised(self.ours, their_address, expected)

    def expect_still_at_other(self, routes: Iterable[Route]) -> None:
        """The other one holds our own routes, whether we run or not."""
        sent = [self.ours.exported(route, external=self.kind.external, own=True) for route in routes]
        for families, _, our_address in self.sessions:
            self.other.wait_table(our_address, {r.prefix: r for r in sent if r.family in families})

    def close(self) -> None:
        self.to_ours.close()
        self.to_other.close()


def assert_advertised(ours: Ours, peer: str, expected: dict[str, Route]) -> None:
    """Our adj-rib-out is what the peer holds."""
    got = {prefix: ours.visible(route) for prefix, route in ours.advertised(peer).items()}
    assert_equal({prefix: ours.visible(route) for prefix, route in expected.items()}, got, f"advertised to {peer}")
