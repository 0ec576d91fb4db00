"""What one node of a large cluster has to do: a real Speaker, and simulated counterparts for all of its sessions.

    python -m tests.sim.scale [NODES...]        1000 and 5000 unless told; prints the table of docs/performance.md

Three roles: a node of a full mesh, a reflector, a client of 2 or 4 reflectors. The counterparts say what such nodes
would say, octet by octet, and read nothing; what the node says is counted. Time is a number here, so a minute with
nothing but KEEPALIVEs costs no more than these. CPU is of the speaker alone, from the first connection until nothing is
left to do: sessions first, then every route, `WAVE` messages a turn. Memory is what the process grew by meanwhile, in a
process of its own; what the kernel keeps for each socket, asyncio's transports and the kernel's own routes are not in it.

What the whole cluster does is the sum over its nodes.
"""

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bgpd import compiled
from bgpd.kernel.wants import Want
from bgpd.model import NeighborSpec, Originate, RangeSpec, SpeakerSpec
from bgpd.speaker.speaker import Speaker
from bgpd.wire.attrs import build
from bgpd.wire.capability import Negotiated, make_open
from bgpd.wire.family import FAMILIES, IPV4, Family
from bgpd.wire.iana import MessageType
from bgpd.wire.prefix import pack_prefix
from bgpd.wire.writer import encode_end_of_rib, encode_keepalive, encode_open, encode_updates
from tests.sim.world import neighbor

ASN: Final = 64512
HOLD: Final = 90  #: seconds; a KEEPALIVE each third of it
WAVE: Final = 64  #: UPDATEs that arrive between two turns
CLUSTER: Final = ASN.to_bytes(4, "big")  #: the cluster id of elected reflectors
MINUTE: Final = 60.0
_ORIGINATOR, _CLUSTERS = 9, 10
_SESSION: Final = Negotiated(local_asn=ASN, remote_asn=ASN)


@dataclass(frozen=True)
class Role:
    """What the node under test is, in a cluster of `nodes`."""

    name: str
    nodes: int
    reflectors: int = 0  #: of the cluster; 0: a full mesh
    reflects: bool = False

    @property
    def peers(self) -> range:
        """Numbers of the nodes it has sessions with. It is the last one; the first are the (other) reflectors."""
        return range(self.nodes - 1 if self.reflects or not self.reflectors else self.reflectors)

    def given(self, peer: int) -> list[int]:
        """Whose blocks a peer tells of: its own, and what a reflector reflects (RFC 4456 section 6): to a client all
        but what that one gave, to another reflector those of clients.
        """
        above = self.reflectors - self.reflects
        if peer >= above:
            return [peer]
        others = range(above if self.reflects else 0, self.nodes - 1)
        return [peer, *[number for number in others if number != peer]]


@dataclass(frozen=True)
class Result:
    """What it took."""

    role: Role
    routes: int  #: best routes in the end
    messages: tuple[int, int]  #: received, sent, until nothing was left to do
    octets: tuple[int, int]  #: the same in octets
    cpu: float  #: seconds until then
    memory: float  #: MiB more than before the first session
    keepalives: int  #: in one minute, both ways
    idle: float  #: seconds of CPU in one minute with nothing else


def address(number: int) -> bytes:
    """172.16.0.0/12, a node each."""
    return (0xAC100001 + number).to_bytes(4, "big")


def block(number: int) -> bytes:
    """Calico's blocks: a /26 of 10.0.0.0/8 a node."""
    return pack_prefix((0x0A000000 + (number << 6)).to_bytes(4, "big"), 26)


class Counterpart:
    """One peer, and its connection: a `speaker.ports.Transport` that nobody reads."""

    def __init__(self, remote: bytes, local: bytes) -> None:
        self.dialed = False
        self.local_address, self.remote_address = local, remote
        self.local_port, self.remote_port = 179, 40000
        self.interface, self.zone = "", 0
        self.next_hops: dict[Family, bytes] = {IPV4: local}
        self.backlog = 0

    def write(self, data: bytes) -> None:
        """The speaker counts what it sends."""

    def close(self) -> None:
        raise AssertionError("a session ended")

    def set_max_message(self, octets: int) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...

    def readable(self) -> bool:
        return False


class Shells:
    """Nobody to dial, and a kernel that knows every next hop and takes every route."""

    def __init__(self) -> None:
        self.speaker: Speaker | None = None

    def dial(self, spec: NeighborSpec) -> None: ...
    def cancel(self, identity: bytes) -> None: ...
    def look_for(self, interfaces: frozenset[str]) -> None: ...
    def set_passwords(self, neighbors: tuple[NeighborSpec, ...], ranges: tuple[RangeSpec, ...] = ()) -> None: ...
    def submit(self, family: Family, wants: dict[bytes, Want | None]) -> None: ...
    def untrack(self, address: bytes) -> None: ...
    def heard(self, addresses: set[bytes]) -> None: ...

    def track(self, address: bytes) -> None:
        assert self.speaker is not None
        self.speaker.next_hop_moved(address, True, 0, "on link")


class Bench:
    """The node, its peers, and the clocks: time, and CPU of the speaker."""

    def __init__(self, role: Role) -> None:
        own = address(role.nodes - 1)
        clients = role.nodes - role.reflectors
        neighbors = []
        for number in role.peers:
            client = role.reflects and number >= role.reflectors - 1
            more = {"passive": True, "rr_client": client, "cluster_id": CLUSTER if client else None}
            neighbors.append(neighbor(address(number), ASN, ASN, families=(IPV4,), hold_time=HOLD, **more))
        assert clients > 0
        spec = SpeakerSpec(
            asn=ASN,
            router_id=own,
            neighbors=tuple(neighbors),
            originate=(Originate(family=IPV4, prefix=block(role.nodes - 1)),),
        )
        shells = Shells()
        self.now = 0.0
        self.cpu = 0.0
        self.peers: Final = {number: Counterpart(address(number), own) for number in role.peers}
        self.speaker: Final = Speaker(spec, dialer=shells, fib=shells, log=lambda *_: None, jitter=lambda: 1.0)
        shells.speaker = self.speaker
        self._do(lambda: self.speaker.start(self.now))

    def _do(self, what: Callable[[], object]) -> None:
        began = time.process_time()
        what()
        self.cpu += time.process_time() - began

    def hear(self, frames: list[tuple[int, bytes]]) -> None:
        """Frames of peers, and then one turn."""
        speaker, peers, now = self.speaker, self.peers, self.now

        def turn() -> None:
            for number, frame in frames:
                speaker.frame(peers[number], frame, now)
            while speaker.run(now, lambda: True):
                pass

        self._do(turn)

    def meet(self) -> None:
        """Every peer connects, one after the other."""
        for number, peer in self.peers.items():
            self._do(lambda peer=peer: self.speaker.tcp_up(peer, self.now))  # type: ignore[misc]
            hello = encode_open(make_open(ASN, address(number), HOLD, (IPV4,)))
            self.hear([(number, hello), (number, encode_keepalive())])
            self.now += 0.0001
        assert all(each.live is not None for each in self.speaker.neighbors.values())

    def rest(self, seconds: float) -> None:
        """Nothing but KEEPALIVEs: theirs when they are due, ours when the speaker thinks so."""
        end, theirs = self.now + seconds, self.now
        while self.now < end:
            if self.now >= theirs:
                self.hear([(number, encode_keepalive()) for number in self.peers])
                theirs += HOLD / 3
            self.now = min(end, theirs, max(self.speaker.deadline(), self.now + 0.001))
            self._do(lambda: self.speaker.expire(self.now))
            self.hear([])


def frames(role: Role) -> Iterator[tuple[int, bytes]]:
    """What all peers say, each its routes one by one, as every block has another next hop, then End-of-RIB."""
    for peer in role.peers:
        for number in role.given(peer):
            passed = {_ORIGINATOR: address(number), _CLUSTERS: CLUSTER} if number != peer else {}
            attrs = build(address(number), local_pref=100, others=passed)
            for frame in encode_updates(IPV4, attrs, [block(number)], _SESSION):
                yield peer, frame
        yield peer, encode_end_of_rib(IPV4, _SESSION)


def measure(role: Role) -> Result:
    """One node of such a cluster from its start until it is quiet, and for a minute more."""
    said = list(frames(role))  # made beforehand, as it is not the node's work
    before = _resident()
    bench = Bench(role)
    bench.meet()
    for at in range(0, len(said), WAVE):
        bench.hear(said[at : at + WAVE])
    cpu, memory = bench.cpu, _resident() - before
    received, sent = _counted(bench, MessageType.UPDATE)
    neighbors = bench.speaker.neighbors.values()
    octets = sum(each.octets_received for each in neighbors), sum(each.octets_sent for each in neighbors)
    calls = _counted(bench, MessageType.KEEPALIVE)
    bench.rest(MINUTE)
    again = _counted(bench, MessageType.KEEPALIVE)
    assert all(each.live is not None for each in neighbors)
    routes = len(bench.speaker.tables[IPV4].rib.table)
    return Result(role, routes, (received, sent), octets, cpu, memory, sum(again) - sum(calls), bench.cpu - cpu)


def _counted(bench: Bench, kind: MessageType) -> tuple[int, int]:
    """Messages of a kind received and sent."""
    neighbors = bench.speaker.neighbors.values()
    return sum(each.messages_received[kind] for each in neighbors), sum(each.messages_sent[kind] for each in neighbors)


def _resident() -> float:
    """MiB of this process."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def roles(nodes: int) -> list[Role]:
    found = [Role("mesh", nodes)]
    for count in (2, 4):
        found.append(Role(f"one of {count} reflectors", nodes, count, reflects=True))
        found.append(Role(f"client of {count} reflectors", nodes, count))
    return found


def lines(results: list[Result]) -> Iterator[str]:
    """The table, Markdown."""
    yield "| nodes | role | sessions | routes | UPDATEs in / out | MiB in / out | CPU s | MiB | KEEPALIVEs a second | CPU at rest |"
    yield "|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    for each in results:
        words = (
            f"{each.role.nodes:,}",
            each.role.name,
            f"{len(each.role.peers):,}",
            f"{each.routes:,}",
            " / ".join([f"{count:,}" for count in each.messages]),
            " / ".join([f"{octets / 2**20:.1f}" for octets in each.octets]),
            f"{each.cpu:.2f}",
            f"{each.memory:.1f}",
            f"{each.keepalives / MINUTE:,.1f}",
            f"{100 * each.idle / MINUTE:.2f}%",
        )
        yield f"| {' | '.join(words)} |"


def whole(results: list[Result]) -> Iterator[str]:
    """What all nodes of each cluster do together, Markdown."""
    yield "| nodes | cluster | sessions | UPDATEs | CPU s, all nodes | MiB, all nodes | KEEPALIVEs a second |"
    yield "|--:|---|--:|--:|--:|--:|--:|"
    clients = {(each.role.nodes, each.role.reflectors): each for each in results if not each.role.reflects}
    above = {(each.role.nodes, each.role.reflectors): each for each in results if each.role.reflects}
    for (nodes, count), one in clients.items():
        parts = [(one, nodes - count), *([(above[nodes, count], count)] if count else [])]

        def total(value: Callable[[Result], float], parts: list[tuple[Result, int]] = parts) -> float:
            return sum(value(each) * times for each, times in parts)

        words = (
            f"{nodes:,}",
            f"{count} reflectors" if count else "mesh",
            f"{total(lambda each: len(each.role.peers)) / 2:,.0f}",
            f"{total(lambda each: each.messages[1]):,.0f}",
            f"{total(lambda each: each.cpu):,.0f}",
            f"{total(lambda each: each.memory):,.0f}",
            f"{total(lambda each: each.keepalives) / 2 / MINUTE:,.0f}",
        )
        yield f"| {' | '.join(words)} |"


def main(sizes: list[int]) -> None:
    results = []
    for role in [role for nodes in sizes for role in roles(nodes)]:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            results.append(pool.apply(measure, (role,)))
    print(
        f"{compiled.words()}, Python {sys.version.split()[0]}, hold time {HOLD} s, a block a node, families {IPV4.name} of {len(FAMILIES)}"
    )
    print("\n".join(lines(results)), "\n", *whole(results), sep="\n")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1000, 5000])
