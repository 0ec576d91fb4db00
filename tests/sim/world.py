"""A cluster in one process: real Speakers, a virtual clock, a simulated network, one seed.

Time is a number that only events move. Everything that may vary (latencies, the order of deliveries between
connections, jitter, how long a turn is, which fault comes when) is drawn from one `random.Random`, so a seed is a
whole history.

For scenarios of your own:

    world = World(seed)
    a, b, c = world.mesh(3)              # or world.add(...) and world.join(a, b)
    world.start()                        # or world.at(2.5, a.start)
    world.run(30)                        # let everything happen until then
    a.crash(); world.cut(b, c); b.reconfigure(replace(b.spec, ...)); c.announce(IPV4, prefix, attrs)
    world.run(world.now + 400)
    check(world)                         # tests.sim.checks: what must hold once it is quiet

Addresses: a node's IPv4 address is 4 octets; its IPv6 address is fd00:: with the same last 4. Sessions may run over
either. Nodes with two links have two addresses (`add(..., also=...)`).
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from bgpd.kernel.wants import Want
from bgpd.model import ExportRule, ImportRule, NeighborSpec, Originate, RangeSpec, SpeakerSpec
from bgpd.rib.nexthop import SELF
from bgpd.rib.path import Path, Source
from bgpd.speaker.speaker import Speaker
from bgpd.speaker.tables import GUARDED
from bgpd.wire.attrs import Attrs
from bgpd.wire.family import FAMILIES, IPV4, IPV6, Family
from bgpd.wire.prefix import format_address, pack_prefix
from tests.sim.pipe import End, Link, Mark, Pipe

DIAL_LIMIT = 15.0
PATIENCE = 300_000  #: events of which some must be a second apart
SWEEP_AFTER = 30.0  #: seconds after which a daemon sweeps what it has not confirmed, converged or not
FAST = Link()
LAST = 400.0  #: seconds for which a disturbance may explain a hold timer that expires


@dataclass(eq=False)
class Node:
    """A host: its speaker (None while it is down), and its FIB."""

    world: "World"
    name: str
    address: bytes
    spec: SpeakerSpec
    addresses: tuple[bytes, ...] = ()
    speaker: Speaker | None = None
    fib: dict[tuple[Family, bytes], Want] = field(default_factory=dict)
    routes: dict[tuple[Family, bytes], Attrs] = field(default_factory=dict)  #: originated with attributes of their own
    lost_hops: set[bytes] = field(default_factory=set)  #: next hops (last 4 octets) that do not resolve here
    costs: dict[bytes, int] = field(default_factory=dict)  #: interior cost by next hop (last 4 octets), 0 unless named
    adopted: set[tuple[Family, bytes]] = field(default_factory=set)  #: in the FIB since an earlier life
    tracked: set[bytes] = field(default_factory=set)
    passwords: dict[bytes, bytes] = field(default_factory=dict)
    dials: dict[bytes, int] = field(default_factory=dict)
    log: list[tuple[float, str, str, dict[str, object]]] = field(default_factory=list)
    frozen: bool = False  #: the process stands still (SIGSTOP, a starved host): its kernel goes on
    disturbed: float = float("-inf")  #: until when this host could not be relied on
    froze: float = float("inf")  #: when it last stood still
    gone: float = float("-inf")  #: when its process last ended
    timer: float = float("inf")
    due: bool = False  #: a turn is
    deferred: list[Callable[[], None]] = field(default_factory=list)
    origin: dict[Family, Source] = field(default_factory=dict)  #: who gives `routes` in the tables of this life
    drawn: dict[bytes, NeighborSpec] = field(default_factory=dict)  #: its neighbors as the shape has them, by address
    watch: Callable[["Node"], None] | None = None  #: called whenever the FIB may have lost something

    # ports

    def dial(self, spec: NeighborSpec) -> None:
        world = self.world
        self.dials[spec.address] = ticket = world.ticket()
        local = spec.source_address or self.local_towards(spec.address)
        target = world.by_address.get(spec.address)
        there, back = (local, spec.address), (spec.address, local)
        if target is None or world.lost(*there) or world.lost(*back) or not world.keys_match(self, spec, target, local):
            world.at(world.now + DIAL_LIMIT, lambda: self._dial_failed(spec.address, ticket, "no answer"))
        else:
            pause = world.latency(*there) + world.latency(*back)
            world.at(world.now + pause, lambda: self._dialed(target, spec, local, ticket))

    def local_towards(self, remote: bytes) -> bytes:
        """The address that the kernel would choose: of the same length, of the same network where there is one."""
        same = [address for address in self.addresses if len(address) == len(remote)]
        near = [address for address in same if address[-4:-1] == remote[-4:-1]]
        return (near or same)[0]

    def _dialed(self, target: "Node", spec: NeighborSpec, local: bytes, ticket: int) -> None:
        world = self.world
        if self.speaker is None or self.dials.get(spec.address) != ticket:
            return
        if world.lost(local, spec.address) or world.lost(spec.address, local):
            world.at(world.now + DIAL_LIMIT, lambda: self._dial_failed(spec.address, ticket, "no answer"))
            return
        if target.speaker is None or spec.port != 179:
            self._dial_failed(spec.address, ticket, "connection refused")
            return
        here = End(world, self, local, spec.address, dialed=True)
        there = End(world, target, spec.address, local, dialed=False)
        End.join(here, there)
        world.ends.update({here: None, there: None})
        target.awake(lambda: target.accept(there))
        self.awake(lambda: self._connected(here, ticket))

    def accept(self, there: End) -> None:
        """What the listener does with a connection from its backlog."""
        if not there.open:
            return
        assert self.speaker is not None
        if not self.speaker.expects(there.remote_address):
            there.close()
            return
        self.speaker.tcp_up(there, self.world.now)
        self.poke()

    def _connected(self, here: End, ticket: int) -> None:
        if self.speaker is None or self.dials.get(here.remote_address) != ticket:
            here.close()
            return
        if not here.open:
            self._dial_failed(here.remote_address, ticket, "connection reset")
            return
        del self.dials[here.remote_address]
        self.speaker.tcp_up(here, self.world.now)
        self.poke()
        here.read_kernel()

    def _dial_failed(self, address: bytes, ticket: int, why: str) -> None:
        def failed() -> None:
            if self.speaker is not None and self.dials.get(address) == ticket:
                del self.dials[address]
                self.speaker.tcp_failed(address, why, self.world.now)
                self.poke()

        self.awake(failed)

    def cancel(self, address: bytes) -> None:
        self.dials.pop(address, None)

    def look_for(self, interfaces: frozenset[str]) -> None:
        """Nobody is unnumbered here."""

    def set_passwords(self, neighbors: tuple[NeighborSpec, ...], ranges: tuple[RangeSpec, ...] = ()) -> None:
        self.passwords = {spec.address: spec.password for spec in neighbors if spec.password is not None}
        self.world.kick()

    def submit(self, family: Family, wants: dict[bytes, Want | None]) -> None:
        for prefix, want in wants.items():
            self.adopted.discard((family, prefix))
            if want is None:
                self.fib.pop((family, prefix), None)
            else:
                assert not isinstance(want, tuple) or self.tracked.issuperset(want), "a next hop that nobody tracks"
                self.fib[family, prefix] = want
        if self.watch is not None:
            self.watch(self)

    def track(self, address: bytes) -> None:
        assert address not in self.tracked
        self.tracked.add(address)
        if self.world.late_hops:
            self.world.at(self.world.now + 0.002, lambda: self.awake(lambda: self._resolve(address)))
        else:
            self._resolve(address)

    def untrack(self, address: bytes) -> None:
        assert address in self.tracked
        self.tracked.discard(address)

    def heard(self, addresses: set[bytes]) -> None: ...

    def _resolve(self, address: bytes) -> None:
        if self.speaker is not None and address in self.tracked:
            self.speaker.next_hop_moved(address, *self.world.resolve(self, address))
            if self.world.late_hops:
                self.poke()

    # life

    def start(self) -> None:
        """Start the process where it does not run. What an earlier one left in the FIB stays until it is wanted or swept."""
        if self.speaker is not None:
            return
        world = self.world
        self.adopted = set(self.fib)
        self.tracked.clear()
        world.trace.append(f"{world.now:.6f} {self.name} starts{' again' if self.adopted else ''}")
        self.speaker = speaker = Speaker(
            self.spec,
            dialer=self,
            fib=self,
            log=self._log,
            jitter=lambda: world.rng.uniform(0.75, 1.0),
            on_converged=lambda: world.at(world.now, lambda: self.awake(lambda: self._sweep(speaker))),
            restarted=bool(self.adopted),
        )
        world.at(world.now + SWEEP_AFTER, lambda: self.awake(lambda: self._sweep(speaker)))
        self.speaker.start(self.world.now)
        self.origin = {f: Source(GUARDED, f, local=True, router_id=self.spec.router_id) for f in FAMILIES}
        for family, prefix in self.routes:
            self._apply(family, prefix)
        self.poke()

    def _sweep(self, speaker: Speaker) -> None:
        """What the daemon does when it has converged, or at last: routes of its earlier self that nobody wants go."""
        if self.speaker is speaker:
            for key in self.adopted:
                self.fib.pop(key, None)
            self.adopted.clear()
            if self.watch is not None:
                self.watch(self)

    def _log(self, level: str, event: str, fields: dict[str, object]) -> None:
        assert event != "bug", fields
        assert level != "error", (event, fields)
        self.log.append((self.world.now, level, event, fields))
        self.world.trace.append(f"{self.world.now:.6f} {self.name} {event} {fields}")
        if event == "session" and str(fields["reason"]).startswith("hold timer expired"):
            self.world.judge_hold(self, str(fields["address"]))

    def crash(self) -> None:
        """kill -9: the kernel closes the sockets; the routes stay until the speaker comes back."""
        self.world.trace.append(f"{self.world.now:.6f} {self.name} crashes")
        self._gone()
        for end in [e for e in self.world.ends if e.owner is self]:
            end.crash()

    def stop(self, *, restart: bool = False) -> None:
        """SIGTERM: Cease to everybody, routes out. `restart`: not a word (`--on-stop restart`), and routes stay."""
        if self.speaker is not None and not self.frozen:
            self.world.trace.append(f"{self.world.now:.6f} {self.name} stops{' to start again' if restart else ''}")
            if restart:
                self.speaker.abandon(self.world.now)
            else:
                self.speaker.shutdown(self.world.now)
                self.fib.clear()
            self._gone()
            for end in [e for e in self.world.ends if e.owner is self]:  # accepted, not looked at yet
                end.crash()

    def _gone(self) -> None:
        self.speaker = None
        self.gone = self.world.now
        self.frozen = False
        self.deferred.clear()
        self.dials.clear()
        self.passwords.clear()

    def reconfigure(self, spec: SpeakerSpec) -> None:
        self.spec = spec
        self.world.trace.append(f"{self.world.now:.6f} {self.name} is configured anew")

        def reload() -> None:
            if self.speaker is not None:
                self.speaker.reconfigure(self.spec, self.world.now)
                self.poke()

        self.awake(reload)

    def announce(self, family: Family, prefix: bytes, attrs: Attrs) -> None:
        """Originate a prefix with attributes of its own (no guard in the FIB is implied: it is there)."""
        self.routes[family, prefix] = attrs
        self.awake(lambda: self._apply(family, prefix))

    def withdraw(self, family: Family, prefix: bytes) -> None:
        if self.routes.pop((family, prefix), None) is not None:
            self.awake(lambda: self._apply(family, prefix))

    def _apply(self, family: Family, prefix: bytes) -> None:
        if self.speaker is None:
            return
        source = self.origin[family]
        attrs = self.routes.get((family, prefix))
        if attrs is None:
            self.speaker.tables[family].apply(source, [prefix], [], None)
        else:
            path = Path(source, attrs, attrs, SELF, self.world.now)
            self.speaker.tables[family].apply(source, [], [prefix], path)
        self.poke()

    def move_hop(self, address: bytes, *, lost: bool | None = None, cost: int | None = None) -> None:
        """What this host's kernel knows about an address changes; the speaker is told where it asked."""
        key = address[-4:]
        if lost is not None:
            (self.lost_hops.add if lost else self.lost_hops.discard)(key)
        if cost is not None:
            self.costs[key] = cost
        for hop in [hop for hop in self.tracked if hop[:16][-4:] == key]:
            self.awake(lambda hop=hop: self._resolve(hop))  # type: ignore[misc]
        self.awake(self.turn)

    def freeze(self, seconds: float) -> None:
        """The process stands still; then it finds what its kernel took meanwhile, and its timers late."""
        if self.speaker is None or self.frozen:
            return
        self.frozen = True
        self.froze = self.world.now
        speaker = self.speaker
        self.disturbed = max(self.disturbed, self.world.now + seconds)

        def thaw() -> None:
            if self.speaker is not speaker or not self.frozen:
                return
            self.frozen = False
            timers_first = self.world.rng.random() < 0.5
            if timers_first:
                self.turn()
            deferred, self.deferred = self.deferred, []
            for what in deferred:
                what()
            for end in [e for e in self.world.ends if e.owner is self]:
                end.read_kernel()
            self.poke()

        self.world.at(self.world.now + seconds, thaw)

    def awake(self, what: Callable[[], None]) -> None:
        """Do it now, or when the process runs again."""
        if self.frozen:
            self.deferred.append(what)
        else:
            what()

    def drained(self, end: End) -> None:
        def drained() -> None:
            if self.speaker is not None and end.open:
                self.speaker.tcp_drained(end)
                self.poke()

        self.awake(drained)

    def poke(self) -> None:
        """There may be work: a turn, as soon as the loop allows; what comes in until then is done by the same one."""
        if not self.due:
            self.due = True
            world = self.world
            world.at(world.now + (world.rng.uniform(0.0, world.lag) if world.lag else 0.0), self._due)

    def _due(self) -> None:
        self.due = False
        self.turn()

    def turn(self) -> None:
        """What the engine does: a turn, another one while there is work, then the timer."""
        speaker = self.speaker
        if speaker is None or self.frozen:
            return
        world = self.world
        if world.now >= speaker.deadline():
            speaker.expire(world.now)
        if speaker.run(world.now, world.more) and not self.due:
            self.due = True
            world.at(world.now + 0.001, self._due)
        self._wind(speaker)

    def _wind(self, speaker: Speaker) -> None:
        deadline = speaker.deadline()
        if deadline < self.timer:
            self.timer = deadline
            self.world.at(deadline, self._ring)

    def _ring(self) -> None:
        self.timer = float("inf")
        speaker = self.speaker
        if speaker is not None and not self.frozen and self.world.now < speaker.deadline():
            self._wind(speaker)  # it was put off meanwhile: no turn, which would only hide that somebody forgot one
        else:
            self.turn()


class World:
    """Nodes, connections, the clock and the heap of what comes next."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.now = 0.0
        self.nodes: dict[bytes, Node] = {}  #: each node once, by its first address
        self.by_address: dict[bytes, Node] = {}  #: by each of its addresses
        self.ends: dict[End, None] = {}  #: open ones, in the order in which they were opened
        self.pipes: list[Pipe] = []  #: of connections that are open or still have something on the way
        self.cuts: set[tuple[bytes, bytes]] = set()  #: directions, by address, in which nothing arrives
        self.links: dict[tuple[bytes, bytes], Link] = {}  #: directions that are not like `usual`
        self.usual = FAST
        self.window = 1 << 18  #: octets that the kernels of both sides take before a writer's backlog grows
        self.budget = 0.5  #: how likely a turn goes on after each of its pieces
        self.meds = True  #: MED and reflection together need not settle (RFC 3345)
        self.costs = True  #: neither need it with interior costs that contradict each other
        self.whole = False  #: the shape promises that everybody reaches everybody, where nothing is filtered
        self.lag = 0.0  #: seconds that a turn may be late
        self.late_hops = False  #: the kernel side answers about a next hop a moment later, not at once
        self.link_local = False  #: IPv6 next hops carry a link-local half (RFC 2545)
        self.disturbed: dict[frozenset[str], float] = {}  #: until when two nodes' path could not be relied on
        self.broken: dict[frozenset[str], float] = {}  #: when a connection between two nodes was last reset
        self.together = False  #: all nodes start in the same moment
        self.trace: list[str] = []
        self._heap: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0

    def at(self, when: float, what: Callable[[], object]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (max(when, self.now), self._count, what))

    def ticket(self) -> int:
        self._count += 1
        return self._count

    def more(self) -> bool:
        """Whether a turn may go on."""
        return self.rng.random() < self.budget

    def run(self, until: float) -> None:
        """Let everything happen that is due before `until`."""
        events, at = 0, self.now
        while self._heap and self._heap[0][0] <= until:
            self.now, _, what = heapq.heappop(self._heap)
            what()
            events += 1
            if events == PATIENCE:  # a timer that is always due, or work that makes work
                assert self.now - at > 1.0, f"time stands still at {self.now}"
                events, at = 0, self.now
        self.now = until

    def start(self, spread: float = 0.0) -> None:
        """Start every node, within `spread` seconds."""
        for node in self.nodes.values():
            self.at(self.now + (self.rng.uniform(0, spread) if spread else 0.0), node.start)

    # the network

    def link(self, here: bytes, there: bytes) -> Link:
        return self.links.get((here, there), self.usual)

    def latency(self, here: bytes, there: bytes) -> float:
        link = self.link(here, there)
        return self.rng.uniform(link.low, link.high)

    def lost(self, here: bytes, there: bytes) -> bool:
        """Whether what `here` sends to `there` is swallowed."""
        return (here, there) in self.cuts

    def parted(self, a: Node, b: Node) -> bool:
        """Whether no session between the two can be: no pair of their addresses with both directions whole."""
        return not any(
            len(x) == len(y) and (x, y) not in self.cuts and (y, x) not in self.cuts
            for x in a.addresses
            for y in b.addresses
        )

    def same_key(self, a: End, b: End) -> bool:
        """TCP MD5 at both ends of a connection."""
        return (
            a.owner.speaker is None
            or b.owner.speaker is None
            or (a.owner.passwords.get(a.remote_address) == b.owner.passwords.get(b.remote_address))
        )

    def keys_match(self, node: Node, spec: NeighborSpec, target: Node, local: bytes) -> bool:
        """TCP MD5 before there is a connection."""
        return target.speaker is None or spec.password == target.passwords.get(local)

    def cut(self, a: Node, b: Node, *, one_way: bool = False) -> None:
        """Nothing from `a` arrives at `b`, nor the other way unless `one_way`."""
        self.trace.append(f"{self.now:.6f} {a.name} {'->' if one_way else '<->'} {b.name} are cut")
        for x in a.addresses:
            for y in b.addresses:
                self.cuts.add((x, y))
                if not one_way:
                    self.cuts.add((y, x))

    def cut_link(self, here: bytes, there: bytes) -> None:
        """One of several links between two nodes, by its addresses."""
        self.cuts |= {(here, there), (there, here)}

    def heal(self, a: Node, b: Node) -> None:
        """Whatever was done to the links between the two is over."""
        pairs = [(x, y) for x in a.addresses for y in b.addresses]
        pairs += [(y, x) for x, y in pairs]
        touched = [pair for pair in pairs if pair in self.cuts or pair in self.links]
        if touched:
            self.trace.append(f"{self.now:.6f} {a.name} <-> {b.name} heal")
            self.disturb(a, b, 0.0)
            self.cuts.difference_update(pairs)
            for pair in pairs:
                self.links.pop(pair, None)
            self.kick()

    def heal_all(self) -> None:
        for here, there in sorted(self.cuts | self.links.keys()):
            self.heal(self.by_address[here], self.by_address[there])

    def slow(self, a: Node, b: Node, link: Link, *, one_way: bool = False) -> None:
        """From now on the links from `a` to `b`, and those back unless `one_way`, are like this."""
        self.trace.append(f"{self.now:.6f} {a.name} {'->' if one_way else '<->'} {b.name} {link}")
        for x in a.addresses:
            for y in b.addresses:
                self.links[x, y] = link
                if not one_way:
                    self.links[y, x] = link

    def kick(self) -> None:
        """Something that blocked connections may be over. Half-closed ones are among them."""
        self.pipes = [pipe for pipe in self.pipes if pipe.flight or pipe.writer.open]
        for pipe in self.pipes:
            pipe.kick()

    def disturb(self, a: Node, b: Node, seconds: float) -> None:
        """Until then, and for a while after, what happens between the two has an excuse."""
        key = frozenset((a.name, b.name))
        self.disturbed[key] = max(self.disturbed.get(key, 0.0), self.now + seconds)

    def judge_hold(self, node: Node, address: str) -> None:
        """A hold timer expired: there must be a reason outside of the two speakers."""
        others = [other for a, other in self.by_address.items() if format_address(a) == address]
        for other in others:
            pairs = [(x, y) for x in node.addresses for y in other.addresses]
            pairs += [(y, x) for x, y in pairs]
            if any(pair in self.cuts or pair in self.links for pair in pairs):
                return
            # not `node.disturbed`: who was late itself finds in its kernel what the peer said meanwhile
            at = max(other.disturbed, self.disturbed.get(frozenset((node.name, other.name)), -LAST))
            ended = max(other.gone, self.broken.get(frozenset((node.name, other.name)), -LAST))
            if at + LAST > self.now or node.froze <= ended <= node.disturbed + 1.0:
                return
        raise AssertionError(f"{node.name}: the hold timer for {address} expired, and nothing was wrong")

    def resolve(self, node: Node, address: bytes) -> tuple[bool, int, str]:
        """What the kernel of `node` says of a next hop."""
        key = address[:16][-4:]
        if key in node.lost_hops or self.owner(address) is None:
            return False, 0, "no route"
        return True, node.costs.get(key, 0), "on link"

    def owner(self, hop: bytes) -> Node | None:
        """Whose address a next hop is; 32 octets are two addresses of one node."""
        return self.by_address.get(hop[:16][-4:])

    def hop6(self, address: bytes) -> bytes:
        """The IPv6 next hop that belongs to an address."""
        own = address6(address[-4:])
        return own + b"\xfe\x80" + own[2:] if self.link_local else own

    # building

    def add(self, name: str, address: bytes, spec: SpeakerSpec, *, also: tuple[bytes, ...] = ()) -> Node:
        """A host. `also`: further IPv4 addresses; each IPv4 address has its IPv6 one beside it."""
        own = (address, *also)
        node = Node(self, name, address, spec, (*own, *(address6(a) for a in own if len(a) == 4)))
        self.nodes[address] = node
        for one in node.addresses:
            assert one not in self.by_address
            self.by_address[one] = node
        return node

    def join(self, a: Node, b: Node, *, at_a: bytes = b"", at_b: bytes = b"", **more: Any) -> None:
        """Make the two neighbors (both configurations), by default at their first addresses; `more`: NeighborSpec."""
        at_a, at_b = at_a or a.address, at_b or b.address
        a.spec = replace(a.spec, neighbors=(*a.spec.neighbors, neighbor(at_b, a.spec.asn, b.spec.asn, **more)))
        b.spec = replace(b.spec, neighbors=(*b.spec.neighbors, neighbor(at_a, b.spec.asn, a.spec.asn, **more)))

    def mesh(self, count: int, asn: int = 64512) -> list[Node]:
        """`count` nodes in a full iBGP mesh, each with a pod prefix."""
        made = []
        for i in range(count):
            spec = SpeakerSpec(
                asn=asn,
                router_id=bytes((192, 168, 1, 11 + i)),
                originate=(Originate(family=IPV4, prefix=pod_prefix(i)),),
            )
            made.append(self.add(f"node{i + 1}", bytes((192, 168, 1, 11 + i)), spec))
        for i, a in enumerate(made):
            for b in made[i + 1 :]:
                self.join(a, b)
        return made


def address6(address: bytes) -> bytes:
    """The IPv6 address beside an IPv4 one."""
    return b"\xfd" + bytes(11) + address


def pod_prefix(number: int) -> bytes:
    """10.244.N.0/24."""
    return pack_prefix(bytes((10, 244, (number + 1) & 255, 0)), 24)


def pod_prefix6(number: int) -> bytes:
    """fd01:N::/32."""
    return pack_prefix(b"\xfd\x01" + number.to_bytes(2, "big") + bytes(12), 32)


def pod(family: Family, number: int) -> bytes:
    """The prefix with this number, of either family; IPv4 ones number up to 65,000."""
    if family is IPV6:
        return pod_prefix6(number)
    return pack_prefix(bytes((10, number >> 8, number & 255, 0)), 24)


def neighbor(address: bytes, local_asn: int, remote_asn: int, **more: Any) -> NeighborSpec:
    """A neighbor with the rules of eBGP stated; `more`: further fields of NeighborSpec."""
    external = local_asn != remote_asn
    spec = NeighborSpec(
        address=address,
        name=format_address(address),
        local_asn=local_asn,
        remote_asn=remote_asn,
        import_rule=ImportRule.ALL if external else ImportRule.UNSET,
        export_rule=ExportRule.ALL if external else ExportRule.UNSET,
    )
    return replace(spec, **more)


def check(world: World) -> None:
    """What must hold when nothing has happened for long enough: `tests.sim.checks`."""
    from tests.sim import checks

    checks.check(world)


__all__ = [
    "DIAL_LIMIT",
    "End",
    "Link",
    "Mark",
    "Node",
    "World",
    "check",
    "neighbor",
    "pod",
    "pod_prefix",
    "pod_prefix6",
]
