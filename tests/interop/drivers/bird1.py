"""BIRD 1.6, as Calico's: one program for IPv4 and another for IPv6, so one session each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from tests.interop.drivers.base import Driver, Peer, tree
from tests.interop.drivers.bird2 import Bird2, statement
from tests.interop.routes import Route


@dataclass(frozen=True, slots=True)
class _Half:
    """One of the two programs."""

    family: str
    program: str

    def file(self, kind: str) -> str:
        return f"{self.family}.{kind}"


_HALVES = (_Half("ipv4", "bird"), _Half("ipv6", "bird6"))


class Bird1(Bird2):
    NAME = "bird1"
    PACKAGES = ("bird",)
    DUAL: ClassVar[frozenset[str]] = frozenset()
    #: BIRD 1.6 gives a static route its origin, AS_PATH and LOCAL_PREF on the way out, whatever the route says
    ORIGINATES = frozenset({"med", "communities", "large", "extended"})

    def exported(self, route: Route, *, external: bool, own: bool = False) -> Route:
        """Three ways of its own: no Partial bit, an IPv6 next hop is always itself, another AS's MED turns into 0."""
        sent = Driver.exported(self, route, external=external, own=own)
        hop = self.next_hop("ipv6") if route.family == "ipv6" else sent.next_hop
        med = 0 if external and not own and route.med is not None else sent.med
        return replace(sent, unknown=route.unknown, next_hop=hop, med=med)

    def start(self) -> None:
        self._write()
        packages = tree(*self.PACKAGES)
        for half in self._halves():
            conf, control = str(self.work / half.file("conf")), str(self.work / half.file("ctl"))
            self._launch(packages.command(half.program, "-f", "-c", conf, "-s", control), packages.env())
        self.wait_for(self._answers, "answer on the control sockets")

    def ask(self, command: str) -> list[str]:
        """Asks the program that has the protocol which the command names; one that names none, both of them."""
        named = re.search(r"\bp_\w+", command)
        lines: list[str] = []
        for half in self._halves():
            if named is None or any(peer.name == named[0] for peer in self._of(half)):
                lines += self._ask(self.work / half.file("ctl"), command)
        return lines

    def _halves(self) -> Iterator[_Half]:
        for half in _HALVES:
            if any(half.family in peer.families for peer in self.peers):
                yield half

    def _of(self, half: _Half) -> list[Peer]:
        return [peer for peer in self.peers if peer.families == (half.family,)]

    def _write(self) -> None:
        for half in _HALVES:
            own = [statement(route) for route in self.own.values() if route.family == half.family]
            lines = [
                f"router id {self.router_id};",
                f'log "{self.log}" all;',
                "debug protocols { states, events };",
                "protocol device { scan time 1; }",
                "protocol direct { }",
                "protocol static own {",
                *own,
                "}",
            ]
            for peer in self._of(half):
                lines += self._bgp(peer)
            (self.work / half.file("conf")).write_text("\n".join(lines) + "\n")

    def _bgp(self, peer: Peer) -> list[str]:
        family = peer.families[0]
        lines = [
            f"protocol bgp {peer.name} {{",
            f"  local {self.node.address(family)} as {self.asn};",
            f"  neighbor {peer.address} as {peer.asn};",
            "  direct; connect delay time 1; connect retry time 1; error wait time 1, 2; error forget time 1;",
            f"  hold time {peer.hold};",
            "  import all; export where source ~ [RTS_STATIC, RTS_BGP];",
        ]
        if peer.asn != self.asn:
            lines.append("  next hop self;")
        if peer.password is not None:
            lines.append(f'  password "{peer.password}";')
        if peer.passive:
            lines.append("  passive;")
        return [*lines, "}"]
