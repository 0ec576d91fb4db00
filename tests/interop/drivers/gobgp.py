"""GoBGP: a configuration file, and `gobgp` for everything else."""

import base64
import json
import socket
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

from tests.interop.drivers.base import Driver, Peer, tree
from tests.interop.routes import AsPath, Route, path_text

_ORIGINS = ("igp", "egp", "incomplete")
_STATES = {
    "idle": "Idle", "connect": "Connect", "active": "Active", "opensent": "OpenSent", "openconfirm": "OpenConfirm",
    "established": "Established", 0: "Unknown", 1: "Idle", 2: "Connect", 3: "Active", 4: "OpenSent", 5: "OpenConfirm",
    6: "Established",
}  # fmt: skip


class Gobgp(Driver):
    NAME = "gobgp"
    PACKAGES = ("gobgpd",)
    ORIGINATES = frozenset({"origin", "as_path", "med", "local_pref", "communities", "large", "aggregator"})
    #: over IPv4 its IPv6 next hop to an external peer is its IPv4 address, mapped: no router can use that
    DUAL: ClassVar[frozenset[str]] = frozenset({"internal"})

    SHOWS_PARTIAL: ClassVar[bool] = True
    OWN_LIMIT: ClassVar[int] = 40  #: one command at a time

    def exported(self, route: Route, *, external: bool, own: bool = False) -> Route:
        """It passes unknown attributes on without the Partial bit."""
        return replace(super().exported(route, external=external, own=own), unknown=route.unknown)

    def start(self) -> None:
        (self.work / "conf.json").write_text(json.dumps(self._config(), indent=1))
        packages = tree(*self.PACKAGES)
        argv = packages.command("gobgpd", "-t", "json", "-f", str(self.work / "conf.json"), "-p", "-l", "debug")
        self._launch([*argv, "--api-hosts=127.0.0.1:50051", "--pprof-disable"], packages.env())
        self.wait_for(self._answers, "answer on its API")
        for route in self.own.values():
            self._add(route)

    def announce(self, routes: Iterable[Route]) -> None:
        for route in routes:
            self.own[route.prefix] = route
            if self.processes:
                self._add(route)

    def withdraw(self, prefixes: Iterable[str]) -> None:
        for prefix in prefixes:
            route = self.own.pop(prefix)
            if self.processes:
                self._gobgp("global", "rib", "-a", route.family, "del", prefix)

    def table(self, peer: str) -> dict[str, Route]:
        found: dict[str, Route] = {}
        families = next(p.families for p in self.peers if p.address == peer)
        for family in families:
            for prefix, paths in self._learned(peer, family).items():
                found[prefix] = _route(prefix, paths[0])
        return found

    def _learned(self, peer: str, family: str) -> dict[str, list[dict[str, Any]]]:
        """The adj-rib-in, which it shows only while the session is up; else what the global table has of the peer."""
        try:
            return json.loads(self._gobgp("-j", "neighbor", peer, "adj-in", "-a", family) or "{}") or {}
        except AssertionError as error:
            if "is not established" not in str(error):
                raise
        rib = json.loads(self._gobgp("-j", "global", "rib", "-a", family) or "{}") or {}
        kept = {prefix: [path for path in paths if path.get("neighbor-ip") == peer] for prefix, paths in rib.items()}
        return {prefix: paths for prefix, paths in kept.items() if paths}

    def state(self, peer: str) -> str:
        reply = json.loads(self._gobgp("-j", "neighbor", peer))
        value = reply["state"].get("session-state", reply["state"].get("session_state", "unknown"))
        return _STATES.get(value.lower() if isinstance(value, str) else value, str(value))

    def _gobgp(self, *words: str) -> str:
        packages = tree(*self.PACKAGES)
        return self.node.run([packages.path("gobgp"), *words], packages.env())

    def _answers(self) -> bool:
        with self.node.tcp() as sock:  # asking by `gobgp` too early costs a second of its own back-off
            try:
                sock.connect(("127.0.0.1", 50051))
            except OSError:
                return False
        return True

    def _add(self, route: Route) -> None:
        words = ["global", "rib", "-a", route.family, "add", route.prefix, "origin", route.origin]
        if route.as_path:
            words += ["aspath", path_text(route.as_path)]
        if route.med is not None:
            words += ["med", str(route.med)]
        if route.local_pref is not None:
            words += ["local-pref", str(route.local_pref)]
        if route.communities:
            words += ["community", ",".join(route.communities)]
        if route.large:
            words += ["large-community", ",".join(route.large)]
        if route.aggregator is not None:
            words += ["aggregator", ":".join(route.aggregator.split())]
        words += ["nexthop", self.next_hop(route.family)]
        self._gobgp(*words)

    def _config(self) -> dict[str, Any]:
        return {
            "global": {
                "config": {
                    "as": self.asn,
                    "router-id": self.router_id,
                    "local-address-list": [self.node.address4, self.node.address6],
                }
            },
            "neighbors": [self._neighbor(peer) for peer in self.peers],
        }

    def _neighbor(self, peer: Peer) -> dict[str, Any]:
        config: dict[str, Any] = {"neighbor-address": peer.address, "peer-as": peer.asn}
        if peer.password is not None:
            config["auth-password"] = peer.password
        extra = {word: block for word, block in peer.extra.items() if isinstance(block, dict)}  # others' words are text
        family_extra = extra.pop("afi-safi", {})
        return {
            **extra,
            "config": config,
            "timers": {
                "config": {
                    "connect-retry": 1,
                    "hold-time": peer.hold,
                    "keepalive-interval": max(1, peer.hold // 3),
                    "idle-hold-time-after-reset": 1,
                }
            },
            "transport": {"config": {"passive-mode": peer.passive}},
            "afi-safis": [
                {"config": {"afi-safi-name": f"{family}-unicast"}, **family_extra} for family in peer.families
            ],
        }


def _route(prefix: str, path: dict[str, Any]) -> Route:
    """One path of `gobgp -j ... adj-in`."""
    values: dict[str, Any] = {}
    unknown: list[tuple[int, int, str]] = []
    for attr in path["attrs"]:
        match attr["type"]:
            case 1:
                values["origin"] = _ORIGINS[attr["value"]]
            case 2:
                values["as_path"] = _path(attr["as_paths"])
            case 3:
                values["next_hop"] = attr["nexthop"]
            case 4:
                values["med"] = attr["metric"]
            case 5:
                values["local_pref"] = attr["value"]
            case 6:
                values["atomic"] = True
            case 7:
                values["aggregator"] = f"{attr['as']} {attr['address']}"
            case 8:
                values["communities"] = tuple(sorted(f"{c >> 16}:{c & 0xFFFF}" for c in attr["communities"]))
            case 9:
                values["originator"] = attr["value"]
            case 10:
                values["clusters"] = tuple(attr["value"])
            case 14:
                values["next_hop"] = attr["nexthop"]
            case 16:
                values["extended"] = tuple(sorted(map(_extended, attr["value"])))
            case 32:
                rows = attr["value"]
                values["large"] = tuple(sorted(f"{r['ASN']}:{r['LocalData1']}:{r['LocalData2']}" for r in rows))
            case code:
                unknown.append((code, attr["flags"] & 0xEF, base64.b64decode(attr["value"]).hex()))
    return Route(prefix=prefix, unknown=tuple(unknown), **values)


def _path(segments: list[dict[str, Any]]) -> AsPath:
    path: list[int | frozenset[int]] = []
    for segment in segments:
        path += [frozenset(segment["asns"])] if segment["segment_type"] == 1 else segment["asns"]
    return tuple(path)


def _extended(value: dict[str, Any]) -> str:
    """`{"type": 0, "subtype": 2, "value": "65001:1"}`: an AS of two octets, an address, or an AS of four octets."""
    key, number = value["value"].split(":")
    head = bytes((value["type"], value["subtype"])).hex()
    match value["type"]:
        case 0:
            return f"{head}{int(key):04x}{int(number):08x}"
        case 1:
            return f"{head}{socket.inet_aton(key).hex()}{int(number):04x}"
        case _:
            high, _, low = key.rpartition(".")
            return f"{head}{(int(high or 0) << 16) + int(low):08x}{int(number):04x}"
