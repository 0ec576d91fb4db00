"""FRR's bgpd, and zebra for its next hops: configured and read over its vty socket, as vtysh does it."""

import json
import socket
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from tests.interop.drivers.base import Driver, Peer, tree
from tests.interop.routes import Route, parse_path

_WORDS = {"IGP": "igp", "EGP": "egp", "incomplete": "incomplete"}


class Vty:
    """The socket that vtysh uses: a command ends with a NUL, its reply with three and a status."""

    def __init__(self, path: Path) -> None:
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.settimeout(20)
        try:
            self._sock.connect(str(path))
            self.ask("enable")
        except BaseException:
            self._sock.close()
            raise

    def ask(self, command: str) -> str:
        self._sock.sendall(command.encode() + b"\0")
        reply = b""
        while reply[-4:-1] != b"\0\0\0":
            data = self._sock.recv(1 << 18)
            if not data:
                raise ConnectionError("frr hung up")
            reply += data
        text = reply[:-4].decode(errors="replace")
        if reply[-1]:
            raise RuntimeError(f"frr: {command}: status {reply[-1]}: {text}")
        return text

    def close(self) -> None:
        self._sock.close()


class Frr(Driver):
    NAME = "frr"
    PACKAGES = ("frr",)
    BLIND: ClassVar[frozenset[str]] = frozenset({"unknown"})
    ORIGINATES = frozenset({"origin", "as_path", "med", "local_pref", "communities", "large"})

    reflects = False  #: send an external peer its own routes back, as FRR does unless it is told not to
    _maps = 0
    OWN_LIMIT: ClassVar[int] = 6  #: one command at a time

    def exported(self, route: Route, *, external: bool, own: bool = False) -> Route:
        """A `network` always has a MED: 0 where none is set."""
        sent = super().exported(route, external=external, own=own)
        return replace(sent, med=sent.med or 0) if own else sent

    def start(self) -> None:
        (self.work / "conf").write_text("\n".join(self._config()) + "\n")
        (self.work / "zebra.conf").write_text("log timestamp precision 3\n")
        packages = tree(*self.PACKAGES)
        for name in ("zebra", "bgpd"):
            (self.work / f"{name}.vty").unlink(missing_ok=True)
            conf = self.work / ("zebra.conf" if name == "zebra" else "conf")
            argv = packages.command(name, "-f", str(conf), "-i", str(self.work / f"{name}.pid"))
            argv += [
                "-z",
                str(self.work / "zserv"),
                "--vty_socket",
                str(self.work),
                "-u",
                "root",
                "-g",
                "root",
                "-P",
                "0",
            ]
            if name == "bgpd":
                argv += ["--log", f"file:{self.log}", "-l", self.node.address4, "-l", self.node.address6]
            self._launch(argv, packages.env())
            self.wait_for((self.work / f"{name}.vty").exists, f"vty socket of {name}")
        self.wait_for(self._answers, "answer on the vty socket")

    def announce(self, routes: Iterable[Route]) -> None:
        new = {route.prefix: route for route in routes}
        self.own.update(new)
        if self.processes:
            self._configure([line for route in new.values() for line in self._network(route)])

    def withdraw(self, prefixes: Iterable[str]) -> None:
        for prefix in prefixes:
            route = self.own.pop(prefix)
            if self.processes:
                self._configure(
                    [
                        f"router bgp {self.asn}",
                        f"address-family {route.family} unicast",
                        f"no network {prefix}",
                        "exit",
                        "exit",
                    ]
                )

    def table(self, peer: str) -> dict[str, Route]:
        found: dict[str, Route] = {}
        families = next(p.families for p in self.peers if p.address == peer)
        for family in families:
            reply = json.loads(self.ask(f"show bgp {family} unicast json detail"))
            for prefix, value in reply.get("routes", {}).items():
                for path in value if isinstance(value, list) else value["paths"]:
                    if path.get("peer", {}).get("peerId") == peer:
                        found[prefix] = _route(prefix, path)
        return found

    def state(self, peer: str) -> str:
        reply = json.loads(self.ask(f"show bgp neighbors {peer} json"))
        return str(reply.get(peer, {}).get("bgpState", "down"))

    def ask(self, command: str) -> str:
        vty = Vty(self.work / "bgpd.vty")
        try:
            return vty.ask(command)
        finally:
            vty.close()

    def _configure(self, lines: Iterable[str]) -> None:
        vty = Vty(self.work / "bgpd.vty")
        try:
            for line in ("configure terminal", *lines, "end"):
                vty.ask(line)
        finally:
            vty.close()

    def _answers(self) -> bool:
        try:
            self.ask("show version")
        except OSError:
            return False
        return True

    def _config(self) -> list[str]:
        lines = [
            "log timestamp precision 3",
            "debug bgp neighbor-events",
            f"router bgp {self.asn}",
            f"bgp router-id {self.router_id}",
            "bgp log-neighbor-changes",
            "no bgp ebgp-requires-policy",
            "no bgp network import-check",
            "no bgp default ipv4-unicast",
        ]
        lists = [
            f"bgp as-path access-list not_{asn} {rule}"
            for asn in {peer.asn for peer in self.peers}
            for rule in (f"deny _{asn}_", "permit .*")
        ]
        lines = [*lists, *lines]
        for peer in self.peers:
            lines += self._neighbor(peer)
        for family in ("ipv4", "ipv6"):
            active = [peer for peer in self.peers if family in peer.families]
            lines += [f"address-family {family} unicast"]
            lines += [f"neighbor {peer.address} activate" for peer in active]
            lines += [f"neighbor {peer.address} {line}" for peer in active for line in peer.channel]
            for peer in active:
                if peer.asn != self.asn:
                    lines.append(f"neighbor {peer.address} next-hop-self")
                    if not self.reflects:
                        lines.append(f"neighbor {peer.address} filter-list not_{peer.asn} out")
            lines += ["exit-address-family"]
        lines.append("exit")
        for route in self.own.values():
            lines += self._network(route)
        return lines

    def _neighbor(self, peer: Peer) -> list[str]:
        head = f"neighbor {peer.address}"
        lines = [
            f"{head} remote-as {peer.asn}",
            f"{head} timers {max(1, peer.hold // 3)} {peer.hold}",
            f"{head} timers connect 1",
            f"{head} advertisement-interval 0",
        ]
        if peer.password is not None:
            lines.append(f"{head} password {peer.password}")
        if peer.passive:
            lines.append(f"{head} passive")
        return lines + [f"{head} {line}" for line in peer.lines]

    def _network(self, route: Route) -> list[str]:
        """A route-map that sets the attributes, and the network that goes through it."""
        self._maps += 1  # a new name each time: bgpd 8.4.4 dies when a route-map in use is deleted
        name = f"set_{self._maps}"
        lines = [f"route-map {name} permit 10", f"set origin {route.origin}"]
        if route.as_path:
            lines.append("set as-path prepend " + " ".join(map(str, route.as_path)))
        if route.med is not None:
            lines.append(f"set metric {route.med}")
        if route.local_pref is not None:
            lines.append(f"set local-preference {route.local_pref}")
        if route.communities:
            lines.append("set community " + " ".join(route.communities))
        if route.large:
            lines.append("set large-community " + " ".join(route.large))
        lines += ["exit", f"router bgp {self.asn}", f"address-family {route.family} unicast"]
        return [*lines, f"network {route.prefix} route-map {name}", "exit-address-family", "exit"]


def _route(prefix: str, path: dict[str, Any]) -> Route:
    """One path of `show bgp ... detail json`."""
    text = path.get("aspath", {}).get("string", "")
    hops = [hop["ip"] for hop in path.get("nexthops", ()) if hop.get("scope", "global") == "global"]
    aggregator = f"{path['aggregatorAs']} {path['aggregatorId']}" if "aggregatorAs" in path else None
    route = Route(
        prefix=prefix,
        next_hop=hops[0] if hops else "",
        origin=_WORDS[path["origin"]],
        as_path=() if text == "Local" else parse_path(text),
        med=path.get("metric"),
        local_pref=path.get("locPrf"),
        communities=_list(path, "community"),
        large=_list(path, "largeCommunity"),
        aggregator=aggregator,
        atomic=bool(path.get("atomicAggregate")),
        originator=path.get("originatorId"),
        clusters=tuple(path.get("clusterList", {}).get("list", ())),
    )
    return replace(
        route, extended=tuple(sorted(map(_extended, path.get("extendedCommunity", {}).get("string", "").split())))
    )


def _list(path: dict[str, Any], key: str) -> tuple[str, ...]:
    return tuple(sorted(path.get(key, {}).get("list", ())))


def _extended(text: str) -> str:
    """`RT:65001:1`, `SoO:...` or `UNK:0, 1` into eight octets."""
    kind, key, value = text.split(":")
    sub = {"RT": 2, "SoO": 3}[kind]
    if "." in key:
        return bytes((1, sub)).hex() + socket.inet_aton(key).hex() + f"{int(value):04x}"
    if int(key) < 65536:
        return bytes((0, sub)).hex() + f"{int(key):04x}{int(value):08x}"
    return bytes((2, sub)).hex() + f"{int(key):08x}{int(value):04x}"
