"""OpenBGPD: a configuration file, and its bgpctl by path for everything else.

It has four processes and insists on a user of its own with a home directory that root owns; the driver gives it
one in a private view of /etc/passwd.
"""

import json
import os
import socket
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from bgpd.lab.debian import Tree, with_home
from tests.interop.drivers.base import Driver, Peer, tree
from tests.interop.routes import Route, parse_path

_USER = "_openbgpd"
_FLAGS = {"optional": 0x80, "transitive": 0x40, "partial": 0x20}


@cache
def _packages(work: Path) -> Tree:
    """The unpacked package, with a passwd that knows its user and a home for it."""
    return with_home(tree("openbgpd"), _USER, work)


class Openbgpd(Driver):
    NAME = "openbgpd"
    PACKAGES = ("openbgpd",)
    ORIGINATES = frozenset({"origin", "med", "local_pref", "communities", "large"})
    #: its own IPv6 next hop on a session over IPv4 is ::1 on Linux, and to an external peer it sends no other
    DUAL: ClassVar[frozenset[str]] = frozenset({"internal"})

    SHOWS_PARTIAL: ClassVar[bool] = True

    def visible(self, route: Route) -> Route:
        """A route without MED is shown with 0."""
        shown = super().visible(route)
        return replace(shown, med=shown.med or 0)

    def start(self) -> None:
        self._write()
        packages = _packages(self.work)
        for directory in (self.work, *self.work.parents):  # its home has to be reachable for it
            if directory.stat().st_uid == os.getuid() and directory.stat().st_mode & 0o077 == 0:
                directory.chmod(0o711)
        self._launch(packages.command("bgpd", "-d", "-v", "-f", str(self.work / "conf")), packages.env())
        self.wait_for(self._answers, "answer on the control socket")

    def announce(self, routes: Iterable[Route]) -> None:
        self.own.update((route.prefix, route) for route in routes)
        self._reload()

    def withdraw(self, prefixes: Iterable[str]) -> None:
        for prefix in prefixes:
            del self.own[prefix]
        self._reload()

    def table(self, peer: str) -> dict[str, Route]:
        reply = json.loads(self._bgpctl("-j", "show", "rib", "in", "neighbor", peer, "detail") or "{}")
        return {row["prefix"]: _route(row) for row in reply.get("rib", ())}

    def state(self, peer: str) -> str:
        reply = json.loads(self._bgpctl("-j", "show", "neighbor", peer) or "{}")
        for row in reply.get("neighbors", ()):
            return str(row["state"])
        return "down"

    def _bgpctl(self, *words: str) -> str:
        packages = _packages(self.work)
        return self.node.run([packages.path("bgpctl"), "-s", str(self.work / "ctl"), *words], packages.env())

    def _answers(self) -> bool:
        if not (self.work / "ctl").exists():
            return False
        try:
            self._bgpctl("-j", "show", "summary")
        except AssertionError:
            return False
        return True

    def _reload(self) -> None:
        self._write()
        if self.processes:
            self._bgpctl("reload")

    def _write(self) -> None:
        lines = [
            f"AS {self.asn}",
            f"router-id {self.router_id}",
            "fib-update no",
            "connect-retry 1",
            f'socket "{self.work / "ctl"}"',
            f"listen on {self.node.address4}",
            f"listen on {self.node.address6}",
            *(_network(route, self.next_hop(route.family)) for route in self.own.values()),
        ]
        for peer in self.peers:
            lines += self._neighbor(peer)
        for peer in self.peers:
            if peer.asn != self.asn:
                lines.append(f"match to {peer.address} set nexthop self")
        (self.work / "conf").write_text("\n".join([*lines, "allow to any", "allow from any"]) + "\n")
        (self.work / "conf").chmod(0o600)

    def _neighbor(self, peer: Peer) -> list[str]:
        lines = [f"neighbor {peer.address} {{", f"  remote-as {peer.asn}", f"  holdtime {peer.hold}"]
        lines += [
            f"  announce {name.replace('ip', 'IP')} {'unicast' if name in peer.families else 'none'}"
            for name in ("ipv4", "ipv6")
        ]
        if peer.password is not None:
            lines.append(f'  tcp md5sig password "{peer.password}"')
        if peer.passive:
            lines.append("  passive")
        lines += [f"  {line}" for line in peer.lines]
        return [*lines, "}"]


def _network(route: Route, next_hop: str) -> str:
    """An own route; its next hop is written out, as on a session over IPv4 it would announce ::1 for IPv6."""
    sets = [f"origin {route.origin}", f"nexthop {next_hop}"]
    if route.med is not None:
        sets.append(f"med {route.med}")
    if route.local_pref is not None:
        sets.append(f"localpref {route.local_pref}")
    sets += [f"community {value}" for value in route.communities]
    sets += [f"large-community {value}" for value in route.large]
    return f"network {route.prefix} set {{ {' '.join(sets)} }}"


def _route(row: dict[str, Any]) -> Route:
    """One row of `bgpctl -j show rib in neighbor X detail`."""
    aggregator, atomic, unknown = None, False, []
    originator: str | None = None
    clusters: tuple[str, ...] = ()
    for attr in row.get("attributes", ()):
        match attr["type"]:
            case "Aggregator":
                aggregator = f"{attr['AS']} {attr['router_id']}"
            case "Atomic Aggregate":
                atomic = True
            case "Originator Id":
                originator = attr["originator"]
            case "Cluster Id List":
                clusters = tuple(attr["cluster_list"])
            case "OTC":
                unknown.append((35, 0xC0, f"{int(attr['as']):08x}"))
            case text:
                flags = sum(bit for name, bit in _FLAGS.items() if attr["flags"][name])
                unknown.append((int(text.rpartition("#")[2]), flags, attr["data"]))
    return Route(
        prefix=row["prefix"],
        next_hop=row["exit_nexthop"],
        origin=row["origin"].lower(),
        as_path=parse_path(row["aspath"]),
        med=row["metric"],
        local_pref=row["localpref"],
        communities=tuple(sorted(row.get("communities", ()))),
        large=tuple(sorted(row.get("large_communities", ()))),
        extended=tuple(sorted(map(_extended, row.get("extended_communities", ())))),
        aggregator=aggregator,
        atomic=atomic,
        originator=originator,
        clusters=clusters,
        unknown=tuple(unknown),
    )


def _extended(text: str) -> str:
    """`rt 65001:1` or `soo 192.0.2.1:1` into eight octets: an AS of two octets, an address, or an AS of four octets."""
    kind, _, value = text.partition(" ")
    key, _, number = value.partition(":")
    sub = {"rt": 2, "soo": 3}[kind]
    if "." in key:
        return bytes((1, sub)).hex() + socket.inet_aton(key).hex() + f"{int(number):04x}"
    if int(key) < 65536:
        return bytes((0, sub)).hex() + f"{int(key):04x}{int(number):08x}"
    return bytes((2, sub)).hex() + f"{int(key):08x}{int(number):04x}"
