"""The daemon under test: a YAML file, SIGHUP, and the control socket that bgpctl uses."""

import json
import signal
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bgpd.cli.client import NotReachable, Refused, ask
from tests.interop.drivers.base import Driver, Peer
from tests.interop.lan import Node
from tests.interop.routes import Route, parse_path

#: attributes that the view shows by name
_ORIGINS = {"IGP": "igp", "EGP": "egp", "incomplete": "incomplete"}


class Ours(Driver):
    NAME = "ours"
    PACKAGES = ()
    ORIGINATES = frozenset[str]()

    def __init__(self, node: Node, work: Path, asn: int, peers: Iterable[Peer] = ()) -> None:
        super().__init__(node, work, asn, peers)
        self.control = str(self.work / "ctl")
        self.settings: dict[str, object] = {"no-kernel": True}  #: more keys of the configuration file

    def start(self) -> None:
        self._write()
        self._launch([sys.executable, "-m", "bgpd", "--config", str(self.work / "conf.yaml")])
        self.wait_for(self._answers, "answer on the control socket")

    def announce(self, routes: Iterable[Route]) -> None:
        self.own.update((route.prefix, route) for route in routes)
        self.reload()

    def withdraw(self, prefixes: Iterable[str]) -> None:
        for prefix in prefixes:
            del self.own[prefix]
        self.reload()

    def reload(self) -> None:
        """SIGHUP, and wait until the new configuration is in force."""
        self._write()
        if self.processes:
            before = len(self.events("reloaded"))
            self._signal(signal.SIGHUP)
            self.wait_for(lambda: len(self.events("reloaded")) > before, "reload")

    def table(self, peer: str) -> dict[str, Route]:
        return self.routes("received", peer)

    def advertised(self, peer: str) -> dict[str, Route]:
        """What it sends to the peer."""
        return self.routes("advertised", peer)

    def routes(self, table: str, peer: str) -> dict[str, Route]:
        rows = self.rows(table, peer)
        found = {row["prefix"]: _route(row) for row in rows}
        assert len(found) == len(rows), f"{table} {peer}: a prefix twice"
        return found

    def rows(self, table: str, peer: str) -> list[dict[str, Any]]:
        """`show route received X` or `advertised X`."""
        answer = ask(self.control, "show route", {"table": table, "neighbor": peer})
        try:
            return [json.loads(row) for row in answer.rows()]
        finally:
            answer.close()

    def state(self, peer: str) -> str:
        return str(self.neighbor(peer)["state"])

    def neighbor(self, peer: str) -> dict[str, Any]:
        """`show neighbor`."""
        return self._head("show neighbor", {"neighbor": peer})

    def status(self) -> dict[str, Any]:
        """`show status`."""
        return self._head("show status", {})

    def kernel(self) -> dict[str, Any]:
        """`show kernel`, with the figures only."""
        return self._head("show kernel", {"routes": False})

    def kernel_routes(self) -> list[dict[str, Any]]:
        """`show kernel`, route by route."""
        answer = ask(self.control, "show kernel", {"routes": True})
        try:
            return [json.loads(row) for row in answer.rows()]
        finally:
            answer.close()

    def manage(self, command: str, **arguments: object) -> dict[str, Any]:
        """`bgpctl drain`, `undrain`, `restart`."""
        return self._head(command, arguments)

    def act(self, action: str, peer: str | None = None, text: str | None = None) -> str:
        """`enable`, `disable`, `reset`, `reset soft in`, `reset soft out`: what it says it did."""
        words: dict[str, object] = {} if peer is None else {"neighbor": peer}
        if text is not None:
            words["text"] = text
        return str(self._head(action, words)["result"])

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """What it logged: all, or the events of this name."""
        found = []
        for line in self.log.read_text().splitlines():
            if line.startswith("{"):
                event = json.loads(line)
                if name is None or event["event"] == name:
                    found.append(event)
        return found

    def _head(self, command: str, arguments: dict[str, object]) -> dict[str, Any]:
        answer = ask(self.control, command, arguments)
        try:
            for _ in answer.rows():
                pass
            assert answer.head is not None
            return answer.head
        finally:
            answer.close()

    def _answers(self) -> bool:
        try:
            self.status()
        except (NotReachable, Refused):
            return False
        return True

    def _write(self) -> None:
        config: dict[str, object] = {
            "asn": self.asn,
            "router-id": self.router_id,
            "listen": [f"{self.node.address4}:179", f"[{self.node.address6}]:179"],
            "peer": [self._peer(peer) for peer in self.peers],
            "announce": list(self.own),
            "metrics": "off",
            "control": self.control,
            "log-format": "json",
            "log-level": "debug",
            **self.settings,
        }
        (self.work / "conf.yaml").write_text(json.dumps(config, indent=1) + "\n")

    def _peer(self, peer: Peer) -> dict[str, object]:
        config: dict[str, object] = {
            "address": peer.address,
            "asn": peer.asn,
            "families": list(peer.families),
            "import": "all",
            "export": "all",
            "hold-time": peer.hold,
            "keepalive-time": max(1, peer.hold // 3),
            "connect-retry-time": 1,
            "idle-hold-min": 1,
            "idle-hold-max": 2,
        }
        if peer.passive:
            config["passive"] = True
        if peer.password is not None:
            path = self.work / f"{peer.name}.password"
            path.write_text(peer.password + "\n")
            path.chmod(0o600)
            config["password-file"] = str(path)
        return {key: value for key, value in {**config, **peer.extra}.items() if value is not None}


def _route(row: dict[str, Any]) -> Route:
    """One row of `show route --json`."""
    values: dict[str, Any] = {}
    unknown = []
    for name, text in row["attributes"].items():
        match name:
            case "AGGREGATOR":
                values["aggregator"] = text
            case "ATOMIC_AGGREGATE":
                values["atomic"] = True
            case "ORIGINATOR_ID":
                values["originator"] = text
            case "OTC":
                unknown.append((35, 0xC0, f"{int(text):08x}"))
            case "CLUSTER_LIST":
                values["clusters"] = tuple(text.split())
            case _:
                unknown.append((int(name.removeprefix("attribute ")), 0xE0, text))
    return Route(
        prefix=row["prefix"],
        next_hop=row["next_hop"].split()[0],
        origin=_ORIGINS[row["origin"]],
        as_path=parse_path(row["as_path"]),
        med=row["med"],
        local_pref=row["local_pref"],
        communities=tuple(sorted(row["communities"])),
        large=tuple(sorted(row["large_communities"])),
        extended=tuple(sorted(map(_extended, row["ext_communities"]))),
        unknown=tuple(unknown),
        **values,
    )


def _extended(text: str) -> str:
    """`rt:65001:1` into eight octets: an AS of two octets, an address, or an AS of four octets."""
    if text.startswith("0x"):
        return text[2:]
    kind, key, number = text.split(":")
    sub = {"rt": 2, "soo": 3}[kind]
    if "." in key:
        return bytes((1, sub)).hex() + socket.inet_aton(key).hex() + f"{int(number):04x}"
    if int(key) < 65536:
        return bytes((0, sub)).hex() + f"{int(key):04x}{int(number):08x}"
    return bytes((2, sub)).hex() + f"{int(key):08x}{int(number):04x}"
