"""ExaBGP: routes by its API, one helper process that passes commands in and events out.

It has no table of its own: the driver builds one from the JSON events, as any user of ExaBGP does. It never passes on
what it learned.
"""

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

from tests.interop.drivers.base import Driver, Peer, tree
from tests.interop.routes import AsPath, Route

_STATES = {"up": "Established", "connected": "OpenSent", "down": "Idle"}


class Exabgp(Driver):
    NAME = "exabgp"
    PACKAGES = ("exabgp",)
    AS_SETS = True
    FORWARDS = False
    BLIND: ClassVar[frozenset[str]] = frozenset()

    SHOWS_PARTIAL: ClassVar[bool] = True

    def visible(self, route: Route) -> Route:
        shown = super().visible(route)
        return replace(shown, as_path=_flat(shown.as_path))

    def originable(self, route: Route) -> Route:
        kept = super().originable(route)
        return replace(kept, as_path=_flat(kept.as_path))

    def exported(self, route: Route, *, external: bool, own: bool = False) -> Route:
        """A generic attribute goes out with the flags that the configuration says."""
        return replace(super().exported(route, external=external, own=own), unknown=route.unknown)

    def start(self) -> None:
        self._events = self.work / "events"
        self._events.unlink(missing_ok=True)
        self._offset, self._rest = 0, b""
        self._states: dict[str, str] = {}
        self._tables: dict[str, dict[str, Route]] = {peer.address: {} for peer in self.peers}
        fifo = self.work / "commands"
        if not fifo.exists():
            os.mkfifo(fifo)
        self._commands = os.open(fifo, os.O_RDWR)  # never the last writer: the helper reads on between two commands
        (self.work / "helper.sh").write_text(f"cat {fifo} &\nexec cat >> {self._events}\n")
        (self.work / "conf").write_text("\n".join(self._config()) + "\n")
        packages = tree(*self.PACKAGES)
        env = {
            **packages.env(),
            "exabgp_tcp_bind": f"{self.node.address4} {self.node.address6}",
            "exabgp_tcp_port": "179",
            "exabgp_daemon_user": "root",
            "exabgp_api_cli": "false",
            "exabgp_api_ack": "false",
            "exabgp_log_level": "INFO",
        }
        self._launch([sys.executable, packages.path("python3-exabgp"), str(self.work / "conf")], env)
        self.wait_for(self._events.exists, "helper process")
        self.announce(list(self.own.values()))

    def stop(self) -> None:
        super().stop()
        os.close(self._commands)

    def kill(self) -> None:
        super().kill()
        os.close(self._commands)

    def announce(self, routes: Iterable[Route]) -> None:
        for route in routes:
            self.own[route.prefix] = route
            for peer in self._carriers(route) if self.processes else ():
                self._command(f"neighbor {peer.address} {self._announcement(route, external=peer.asn != self.asn)}")

    def withdraw(self, prefixes: Iterable[str]) -> None:
        for prefix in prefixes:
            route = self.own.pop(prefix)
            self._command(f"withdraw route {prefix} next-hop {self.next_hop(route.family)}")

    def table(self, peer: str) -> dict[str, Route]:
        self._read()
        return dict(self._tables[peer])

    def state(self, peer: str) -> str:
        self._read()
        return self._states.get(peer, "Idle")

    def _command(self, line: str) -> None:
        os.write(self._commands, line.encode() + b"\n")

    def _carriers(self, route: Route) -> list[Peer]:
        return [peer for peer in self.peers if route.family in peer.families]

    def _announcement(self, route: Route, *, external: bool) -> str:
        """The command; what an external peer has to see is for the user to write: ExaBGP prepends and drops nothing."""
        route = self.exported(route, external=external, own=True)
        hops = [str(hop) if isinstance(hop, int) else f"( {' '.join(map(str, sorted(hop)))} )" for hop in route.as_path]
        words = [f"announce route {route.prefix} next-hop {route.next_hop} origin {route.origin}"]
        words.append(f"as-path [ {' '.join(hops)} ]")
        if route.med is not None:
            words.append(f"med {route.med}")
        if route.local_pref is not None:
            words.append(f"local-preference {route.local_pref}")
        if route.communities:
            words.append(f"community [ {' '.join(route.communities)} ]")
        if route.large:
            words.append(f"large-community [ {' '.join(route.large)} ]")
        if route.extended:
            words.append(f"extended-community [ {' '.join(f'0x{value}' for value in route.extended)} ]")
        if route.aggregator is not None:
            words.append(f"aggregator ( {route.aggregator.replace(' ', ':')} )")
        if route.atomic:
            words.append("atomic-aggregate")
        words += [f"attribute [ 0x{code:02x} 0x{flags & 0xDF:02x} 0x{value} ]" for code, flags, value in route.unknown]
        return " ".join(words)

    def _config(self) -> list[str]:
        lines = ["process io {", f"  run /bin/sh {self.work / 'helper.sh'};", "  encoder json;", "}"]
        for peer in self.peers:
            lines += self._neighbor(peer)
        return lines

    def _neighbor(self, peer: Peer) -> list[str]:
        local = self.node.address("ipv6" if ":" in peer.address else "ipv4")
        lines = [
            f"neighbor {peer.address} {{",
            f"  router-id {self.router_id};",
            f"  local-address {local};",
            f"  local-as {self.asn};",
            f"  peer-as {peer.asn};",
            f"  hold-time {peer.hold};",
            "  group-updates false;",
            f"  family {{ {' '.join(f'{family} unicast;' for family in peer.families)} }}",
            "  api { processes [ io ]; neighbor-changes; receive { parsed; update; } }",
        ]
        if peer.password is not None:
            lines.append(f"  md5-password '{peer.password}';")
        if peer.passive:
            lines.append("  passive true;")
        lines += [f"  {line}" for line in peer.lines]
        return [*lines, "}"]

    def _read(self) -> None:
        """Take the events since the last look."""
        with self._events.open("rb") as handle:
            handle.seek(self._offset)
            data = handle.read()
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"{"):
                self._take(json.loads(line))

    def _take(self, event: dict[str, Any]) -> None:
        neighbor = event.get("neighbor", {})
        peer = neighbor.get("address", {}).get("peer")
        if event["type"] == "state":
            self._states[peer] = _STATES[neighbor["state"]]
            if neighbor["state"] == "down":
                self._tables[peer] = {}
        elif event["type"] == "update" and "update" in neighbor["message"]:
            update = neighbor["message"]["update"]
            for rows in update.get("withdraw", {}).values():
                for row in rows:
                    self._tables[peer].pop(row["nlri"], None)
            shape = _attributes(update.get("attribute", {}))
            for hops in update.get("announce", {}).values():
                for hop, rows in hops.items():
                    for row in rows:
                        self._tables[peer][row["nlri"]] = replace(shape, prefix=row["nlri"], next_hop=hop.split(" ")[0])


def _attributes(found: dict[str, Any]) -> Route:
    """The attributes of an update event."""
    values: dict[str, Any] = {}
    unknown: list[tuple[int, int, str]] = []
    for name, value in found.items():
        match name:
            case "origin":
                values["origin"] = value
            case "as-path":
                values["as_path"] = (*value, *values.get("as_path", ()))
            case "as-set":
                values["as_path"] = (*values.get("as_path", ()), frozenset(value))
            case "med":
                values["med"] = value
            case "local-preference":
                values["local_pref"] = value
            case "community":
                values["communities"] = tuple(sorted(":".join(map(str, pair)) for pair in value))
            case "large-community":
                values["large"] = tuple(sorted(":".join(map(str, part)) for part in value))
            case "extended-community":
                values["extended"] = tuple(sorted(f"{row['value']:016x}" for row in value))
            case "aggregator":
                values["aggregator"] = value.replace(":", " ")
            case "atomic-aggregate":
                values["atomic"] = bool(value)
            case "originator-id":
                values["originator"] = value
            case "cluster-list":
                values["clusters"] = tuple(value)
            case "confederation-path" | "confederation-set":
                assert not value, f"{name}: {value}"
            case _:
                unknown.append(_unknown(name, value))
    return Route("", unknown=tuple(unknown), **values)


def _flat(path: AsPath) -> AsPath:
    """The AS_PATH as ExaBGP keeps it: every sequence in one, then every set in one."""
    members = frozenset[int]().union(*(hop for hop in path if not isinstance(hop, int)))
    return (*(hop for hop in path if isinstance(hop, int)), *([members] if members else []))


def _unknown(name: str, value: str) -> tuple[int, int, str]:
    """`attribute-0xD5-0xE0`."""
    _, code, flags = name.split("-")
    return int(code, 16), int(flags, 16) & 0xEF, value.removeprefix("0x").lower()
