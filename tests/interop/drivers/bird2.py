"""BIRD 2: a configuration file, and its control socket (the protocol of birdc) for everything else."""

import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from tests.interop.drivers.base import Driver, Peer, tree
from tests.interop.routes import Route, parse_path

_NET = re.compile(r"^(\S+/\d+)?\s+(?:unicast|unreachable|blackhole|via|multipath)?.*\[(\S+) ")
_ORIGIN = {"IGP": "igp", "EGP": "egp", "Incomplete": "incomplete"}
_SETS = {"igp": "ORIGIN_IGP", "egp": "ORIGIN_EGP", "incomplete": "ORIGIN_INCOMPLETE"}
_STATES = ("Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established")


class Control:
    """A connection to a BIRD control socket. A reply is lines with a four-digit code; a space after it ends the reply."""

    def __init__(self, path: Path) -> None:
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.settimeout(10)
        self._buffer = b""
        try:
            self._sock.connect(str(path))
            list(self._reply())
        except BaseException:
            self._sock.close()
            raise

    def ask(self, command: str) -> list[str]:
        """The lines of the reply, without codes."""
        self._sock.sendall(command.encode() + b"\n")
        return list(self._reply())

    def close(self) -> None:
        self._sock.close()

    def _line(self) -> str:
        while b"\n" not in self._buffer:
            data = self._sock.recv(1 << 16)
            if not data:
                raise ConnectionError("bird hung up")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line.decode(errors="replace")

    def _reply(self) -> Iterator[str]:
        while True:
            line = self._line()
            coded = line[:4].isdigit()
            yield line[5:] if coded else line[1:]
            if coded and line[4:5] == " ":
                return


def statement(route: Route) -> str:
    """A static route with BGP attributes, as BIRD's configuration spells them."""
    sets = [f"bgp_origin = {_SETS[route.origin]};"]
    if route.as_path:
        sets.append("bgp_path = +empty+;")
        sets += [f"bgp_path.prepend({asn});" for asn in reversed(route.as_path)]
    if route.med is not None:
        sets.append(f"bgp_med = {route.med};")
    if route.local_pref is not None:
        sets.append(f"bgp_local_pref = {route.local_pref};")
    sets += [f"bgp_community.add(({value.replace(':', ',')}));" for value in route.communities]
    sets += [f"bgp_large_community.add(({value.replace(':', ',')}));" for value in route.large]
    sets += [f"bgp_ext_community.add((generic, 0x{value[:8]}, 0x{value[8:]}));" for value in route.extended]
    return f"  route {route.prefix} blackhole {{ {' '.join(sets)} }};"


def parse(lines: Iterable[str]) -> dict[str, Route]:
    """`show route all`: a line for each route, then its attributes indented."""
    found: dict[str, Route] = {}
    prefix = ""
    for line in lines:
        if line.startswith("\t"):
            name, _, value = line.strip().partition(":")
            if name.startswith("BGP."):
                found[prefix] = _attribute(found[prefix], name[4:], value.strip())
        elif (match := _NET.match(line)) is not None:
            prefix = match[1] or prefix
            found[prefix] = Route(prefix)
    return found


def _attribute(route: Route, name: str, value: str) -> Route:
    match name:
        case "origin":
            return replace(route, origin=_ORIGIN[value])
        case "as_path":
            return replace(route, as_path=parse_path(value))
        case "next_hop":
            return replace(route, next_hop=value.split(maxsplit=1)[0])
        case "med":
            return replace(route, med=int(value))
        case "local_pref":
            return replace(route, local_pref=int(value))
        case "community":
            return replace(route, communities=_sorted(value, ":", route.communities))
        case "large_community":
            return replace(route, large=_sorted(value, ":", route.large))
        case "ext_community":
            return replace(route, extended=tuple(sorted({*route.extended, *map(_extended, _groups(value))})))
        case "aggregator":
            address, asn = value.split()
            return replace(route, aggregator=f"{asn.removeprefix('AS')} {address}")
        case "atomic_aggr":
            return replace(route, atomic=True)
        case "originator_id":
            return replace(route, originator=value)
        case "otc":
            return replace(route, unknown=((35, 0xC0, f"{int(value):08x}"),))
        case "cluster_list":
            return replace(route, clusters=tuple(value.split()))
        case _:
            return replace(route, unknown=_unknown(name, value))


def _groups(value: str) -> list[str]:
    return re.findall(r"\(([^)]*)\)", value)


def _sorted(value: str, glue: str, before: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*before, *(glue.join(part.strip() for part in group.split(",")) for group in _groups(value))}))


def _extended(text: str) -> str:
    """`rt, 1, 2` and its kin, back into eight octets: an AS of two octets, an address, or an AS of four octets."""
    kind, key, value = (part.strip() for part in text.split(","))
    if kind == "generic":
        return f"{int(key, 16):08x}{int(value, 16):08x}"
    sub = {"rt": 2, "ro": 3}[kind]
    if "." in key:
        return bytes((1, sub)).hex() + socket.inet_aton(key).hex() + f"{int(value):04x}"
    if int(key) < 65536:
        return bytes((0, sub)).hex() + f"{int(key):04x}{int(value):08x}"
    return bytes((2, sub)).hex() + f"{int(key):08x}{int(value):04x}"


def _unknown(name: str, value: str) -> tuple[tuple[int, int, str], ...]:
    """`BGP.d5 [t]: 50 07`; it does not show the Partial bit, which it sets when it passes the attribute on."""
    code, _, kind = name.partition(" ")
    assert kind == "[t]", f"BIRD shows an attribute that this driver does not know: {name}"
    return ((int(code, 16), 0xE0, value.removesuffix("...").replace(" ", "")),)


class Bird2(Driver):
    NAME = "bird2"
    PACKAGES = ("bird2",)
    ORIGINATES = frozenset({"origin", "as_path", "med", "local_pref", "communities", "large", "extended"})
    BLIND: ClassVar[frozenset[str]] = frozenset()

    def visible(self, route: Route) -> Route:
        """An unknown attribute is shown by its first 160 octets."""
        shown = super().visible(route)
        return replace(shown, unknown=tuple((code, flags, value[:320]) for code, flags, value in shown.unknown))

    def exported(self, route: Route, *, external: bool, own: bool = False) -> Route:
        """The MED of a static route counts as learned: an external peer is not sent it."""
        sent = super().exported(route, external=external, own=own)
        return replace(sent, med=None) if external else sent

    def start(self) -> None:
        self._write()
        packages = tree(*self.PACKAGES)
        argv = packages.command("bird", "-f", "-c", str(self.work / "conf"), "-s", str(self.work / "ctl"))
        self._launch(argv, packages.env())
        self.wait_for(self._answers, "answer on the control socket")

    def announce(self, routes: Iterable[Route]) -> None:
        self.own.update((route.prefix, route) for route in routes)
        self._reload()

    def withdraw(self, prefixes: Iterable[str]) -> None:
        for prefix in prefixes:
            del self.own[prefix]
        self._reload()

    def table(self, peer: str) -> dict[str, Route]:
        return parse(self.ask(f"show route all protocol {self._peer(peer).name}"))

    def state(self, peer: str) -> str:
        for line in self.ask(f"show protocols all {self._peer(peer).name}"):
            name, _, value = line.strip().partition(":")
            if name == "BGP state":
                return value.strip()
        return "down"

    def ask(self, command: str) -> list[str]:
        return self._ask(self.work / "ctl", command)

    @staticmethod
    def _ask(path: Path, command: str) -> list[str]:
        control = Control(path)
        try:
            return control.ask(command)
        finally:
            control.close()

    def _peer(self, address: str) -> Peer:
        return next(peer for peer in self.peers if peer.address == address)

    def _answers(self) -> bool:
        try:
            self.ask("show status")
        except OSError:
            return False
        return True

    def _reload(self) -> None:
        self._write()
        if self.processes:
            reply = self.ask("configure")
            assert any("Reconfigur" in line for line in reply), reply

    def _write(self) -> None:
        lines = [
            f"router id {self.router_id};",
            f'log "{self.log}" all;',
            "debug protocols { states, events };",
            "protocol device { scan time 1; }",
        ]
        for family in ("ipv4", "ipv6"):
            own = [statement(route) for route in self.own.values() if route.family == family]
            lines += [f"protocol static own_{family} {{", f"  {family};", *own, "}"]
        for peer in self.peers:
            lines += self._bgp(peer)
        (self.work / "conf").write_text("\n".join(lines) + "\n")

    def _bgp(self, peer: Peer) -> list[str]:
        family = "ipv6" if ":" in peer.address else "ipv4"
        lines = [
            f"protocol bgp {peer.name} {{",
            f"  local {self.node.address(family)} as {self.asn};",
            f"  neighbor {peer.address} as {peer.asn};",
            "  direct; connect delay time 1; connect retry time 1; error wait time 1, 2; error forget time 1;",
            f"  hold time {peer.hold};",
        ]
        if peer.password is not None:
            lines.append(f'  password "{peer.password}";')
        if peer.passive:
            lines.append("  passive;")
        lines += [f"  {line};" for line in peer.lines]
        for name in peer.families:
            hop = f"next hop self; next hop address {self.next_hop(name)};" if peer.asn != self.asn else ""
            hop = hop or f"next hop address {self.next_hop(name)};"
            more = " ".join(f"{line};" for line in peer.channel)
            lines.append(f"  {name} {{ import all; export where source ~ [RTS_STATIC, RTS_BGP]; {hop} {more} }};")
        return [*lines, "}"]
