"""What every daemon's driver can do: start and stop it, tell it routes, read its table.

A driver writes a configuration, starts the real program on a node of the LAN, and reads what it learned from its own
command line or control socket into `Route` values. Waiting is polling of that status, every 40 ms, up to a
deadline: none of these daemons offers an event for each thing that the tests wait for.
"""

import contextlib
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import ClassVar

from bgpd.lab.debian import Tree, unpack
from tests.interop.lan import Node
from tests.interop.routes import ATTRIBUTES, Route, assert_equal, only, without

POLL = 0.04  #: seconds between two looks at a status
PATIENCE = 30.0  #: seconds until a wait fails; nothing here takes half of it on a busy machine

BOTH = ("ipv4", "ipv6")


@cache
def tree(*packages: str) -> Tree:
    """Debian's packages, unpacked; a daemon that cannot be had is an error, never a skip."""
    return unpack(packages)


@dataclass(frozen=True, slots=True)
class Peer:
    """A neighbor as a driver configures it."""

    address: str
    asn: int
    families: tuple[str, ...] = BOTH
    password: str | None = None
    passive: bool = False
    hold: int = 90
    extra: Mapping[str, object] = field(default_factory=dict, compare=False)  #: words of one driver's own
    channel: tuple[str, ...] = ()  #: the same, for each of its families
    lines: tuple[str, ...] = ()  #: lines for this neighbor, in the daemon's own language (not ours)

    @property
    def name(self) -> str:
        """A word for configurations that need one."""
        return "p_" + self.address.replace(".", "_").replace(":", "_")


class Driver(ABC):
    """One daemon on one node."""

    NAME: ClassVar[str]
    PACKAGES: ClassVar[tuple[str, ...]]
    BLIND: ClassVar[frozenset[str]] = frozenset()  #: attributes that its status does not show
    ORIGINATES: ClassVar[frozenset[str]] = frozenset(ATTRIBUTES)  #: attributes that it can give its own routes
    AS_SETS: ClassVar[bool] = False  #: can originate an AS_SET
    DUAL: ClassVar[frozenset[str]] = frozenset({"internal", "external"})  #: peers with both families on one session
    OWN_LIMIT: ClassVar[int] = 512  #: routes of a family that it originates in good time
    SHOWS_PARTIAL: ClassVar[bool] = False  #: tells the Partial bit of an unknown attribute
    FORWARDS: ClassVar[bool] = True  #: passes on what it learned

    def __init__(self, node: Node, work: Path, asn: int, peers: Iterable[Peer] = ()) -> None:
        self.node = node
        self.work = work / f"{self.NAME}-{node.number}"
        self.work.mkdir(parents=True)
        self.asn = asn
        self.router_id = node.address4
        self.peers = list(peers)
        self.own: dict[str, Route] = {}  #: what it announces
        self.log = self.work / "log"
        self.processes: list[subprocess.Popen[bytes]] = []

    # -- life ----------------------------------------------------------------------------------------------------
    @abstractmethod
    def start(self) -> None:
        """Write the configuration, start the program, and return when it answers."""

    def stop(self) -> None:
        """End it as an administrator would."""
        self._signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(PATIENCE)
        self.processes.clear()

    def kill(self) -> None:
        """End it without a word: SIGKILL to all of its processes."""
        self._signal(signal.SIGKILL)
        for process in self.processes:
            process.wait(PATIENCE)
        self.processes.clear()

    def restart(self) -> None:
        self.stop()
        self.start()

    def _signal(self, number: signal.Signals) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                if number == signal.SIGKILL:
                    os.killpg(process.pid, number)
                else:
                    process.send_signal(number)

    def _launch(self, argv: list[str], env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        process = self.node.start(argv, self.log, env)
        self.processes.append(process)
        return process

    # -- routes --------------------------------------------------------------------------------------------------
    @abstractmethod
    def announce(self, routes: Iterable[Route]) -> None:
        """Originate these routes, replacing what it originates for the same prefixes."""

    @abstractmethod
    def withdraw(self, prefixes: Iterable[str]) -> None:
        """Originate these prefixes no more."""

    @abstractmethod
    def table(self, peer: str) -> dict[str, Route]:
        """The routes learned from the peer of this address."""

    @abstractmethod
    def state(self, peer: str) -> str:
        """The session's state as RFC 4271 names it; "down" where the daemon says no more."""

    def next_hop(self, family: str) -> str:
        return self.node.address(family)

    def exported(self, route: Route, *, external: bool, own: bool = False) -> Route:
        """What a peer must hold after this daemon passed the route on: RFC 4271 section 5, RFC 1997, RFC 4360.

        `own`: a route that this daemon originates. An external peer is sent no LOCAL_PREF, and the MED of another AS
        stays behind; an internal one gets all, and LOCAL_PREF 100 where nobody chose one.
        """
        kept = replace(route, unknown=tuple((code, flags | 0x20, value) for code, flags, value in route.unknown))
        if external:
            med = route.med if own else None
            path = (self.asn, *route.as_path)
            return replace(kept, as_path=path, local_pref=None, med=med, next_hop=self.next_hop(route.family))
        hop = self.next_hop(route.family) if own else route.next_hop
        return replace(kept, local_pref=100 if route.local_pref is None else route.local_pref, next_hop=hop)

    def visible(self, route: Route) -> Route:
        """The route as this daemon's status can show it; the same again for a route that was read from it.

        All of them show LOCAL_PREF 100 for a route that came without.
        """
        hidden = 0 if self.SHOWS_PARTIAL else 0x20
        unknown = tuple((code, flags | hidden, value) for code, flags, value in route.unknown)
        local_pref = 100 if route.local_pref is None else route.local_pref
        return without(replace(route, unknown=unknown, local_pref=local_pref), self.BLIND)

    def originable(self, route: Route) -> Route:
        """The route with what this daemon can originate of its attributes; the next hop is always its own."""
        kept = without(only(route, self.ORIGINATES), {"next_hop"})
        return (
            kept if self.AS_SETS else replace(kept, as_path=tuple(hop for hop in kept.as_path if isinstance(hop, int)))
        )

    # -- waiting -------------------------------------------------------------------------------------------------
    def wait_for(self, ready: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
        """Until `ready`; raises AssertionError with the log's end at the deadline."""
        deadline = time.monotonic() + seconds
        while not ready():
            for process in self.processes:
                assert process.poll() is None, f"{self.NAME} ended with {process.returncode}\n{self.tail()}"
            assert time.monotonic() < deadline, f"{self.NAME}: no {what} within {seconds:.0f} s\n{self.tail()}"
            time.sleep(POLL)

    def wait_established(self, peer: str, seconds: float = PATIENCE) -> None:
        self.wait_for(lambda: self.state(peer) == "Established", f"session with {peer}", seconds)

    def wait_down(self, peer: str, seconds: float = PATIENCE) -> None:
        self.wait_for(lambda: self.state(peer) != "Established", f"end of the session with {peer}", seconds)

    def wait_count(self, peer: str, count: int, seconds: float = PATIENCE) -> None:
        """Until it holds that many routes of the peer."""
        self.wait_for(lambda: len(self.table(peer)) == count, f"{count} routes from {peer}", seconds)

    def wait_table(self, peer: str, expected: Mapping[str, Route], seconds: float = PATIENCE) -> None:
        """Until its table of the peer is this one, as far as it shows attributes."""
        want = {prefix: self.visible(route) for prefix, route in expected.items()}
        deadline = time.monotonic() + seconds
        while True:
            asked = time.monotonic()
            got = {prefix: self.visible(route) for prefix, route in self.table(peer).items()}
            if got == want or asked > deadline:
                assert_equal(want, got, f"{self.NAME}, routes of {peer}")
                return
            time.sleep(max(POLL, time.monotonic() - asked))  # a big table takes long to show: leave the daemon half

    def tail(self, lines: int = 25) -> str:
        """The end of its log."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""
