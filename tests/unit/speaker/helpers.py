"""A speaker without a world: fake transports, a fake FIB, frames built by the codec."""

from dataclasses import replace

from bgpd.kernel.wants import Want
from bgpd.model import ExportRule, ImportRule, NeighborSpec, RangeSpec, SpeakerSpec
from bgpd.speaker.speaker import Speaker
from bgpd.wire import aspath
from bgpd.wire.attrs import Attrs, build
from bgpd.wire.capability import Negotiated, make_open
from bgpd.wire.family import FAMILIES, IPV4, Family
from bgpd.wire.prefix import format_address, parse_address, parse_prefix
from bgpd.wire.update import Update, decode_update
from bgpd.wire.writer import encode_end_of_rib, encode_keepalive, encode_open, encode_updates, encode_withdraws

LOCAL = parse_address("192.168.1.10")
ASN = 64512


class FakeTransport:
    """Remembers what is done to it."""

    def __init__(self, remote: bytes, *, dialed: bool = True) -> None:
        self.dialed = dialed
        self.local_address, self.remote_address = LOCAL, remote
        self.local_port, self.remote_port = (40000, 179) if dialed else (179, 40000)
        self.interface, self.zone = "", 0
        self.next_hops: dict[Family, bytes] = {IPV4: LOCAL}
        self.backlog = 0
        self.sent: list[bytes] = []
        self.closed: int = 0  # how often
        self.paused: int = 0
        self.unread = False
        self.max_message = 4096

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        self.closed += 1

    def set_max_message(self, octets: int) -> None:
        self.max_message = octets

    def pause_reading(self) -> None:
        self.paused = 1

    def resume_reading(self) -> None:
        self.paused = 0

    def readable(self) -> bool:
        return self.unread

    def messages(self) -> list[bytes]:
        """Every whole message written, in order."""
        data, found = b"".join(self.sent), []
        while data:
            size = int.from_bytes(data[16:18], "big")
            found.append(data[:size])
            data = data[size:]
        return found


class FakeDialer:
    def __init__(self) -> None:
        self.dialed: list[bytes] = []
        self.cancelled: list[bytes] = []
        self.passwords: dict[bytes, bytes | None] = {}
        self.links: frozenset[str] = frozenset()

    def dial(self, spec: NeighborSpec) -> None:
        self.dialed.append(spec.address)

    def cancel(self, address: bytes) -> None:
        self.cancelled.append(address)

    def set_passwords(self, neighbors: tuple[NeighborSpec, ...], ranges: tuple[RangeSpec, ...] = ()) -> None:
        self.passwords = {n.address: n.password for n in neighbors if n.password}
        self.passwords |= {item.prefix: item.template.password for item in ranges if item.template.password}

    def look_for(self, interfaces: frozenset[str]) -> None:
        self.links = interfaces


class FakeFib:
    def __init__(self) -> None:
        self.wants: dict[tuple[Family, bytes], Want | None] = {}
        self.tracked: list[bytes] = []
        self.complete: set[bytes] = set()  # neighbors that have said everything

    def submit(self, family: Family, wants: dict[bytes, Want | None]) -> None:
        for prefix, want in wants.items():
            self.wants[family, prefix] = want

    def track(self, address: bytes) -> None:
        self.tracked.append(address)

    def untrack(self, address: bytes) -> None:
        self.tracked.remove(address)

    def heard(self, addresses: set[bytes]) -> None:
        self.complete = addresses


def spec_of(address: str, asn: int = ASN, **more: object) -> NeighborSpec:
    spec = NeighborSpec(address=parse_address(address), name=address, local_asn=ASN, remote_asn=asn)
    if asn != ASN:
        spec = replace(spec, import_rule=ImportRule.ALL, export_rule=ExportRule.ALL)
    return replace(spec, **more)  # type: ignore[arg-type]


def prefix_of(text: str) -> bytes:
    return parse_prefix(text)[1]


class Bench:
    """A speaker with everything around it fake."""

    def __init__(self, *neighbors: NeighborSpec, fib: bool = False, restarted: bool = False, **more: object) -> None:
        self.dialer = FakeDialer()
        self.fib = FakeFib() if fib else None
        self.logged: list[tuple[str, str, dict[str, object]]] = []
        self.converged = 0
        self.now = 100.0
        spec = SpeakerSpec(asn=ASN, router_id=LOCAL, neighbors=neighbors)
        self.speaker = Speaker(
            replace(spec, **more),  # type: ignore[arg-type]
            dialer=self.dialer,
            fib=self.fib,
            log=lambda level, event, fields: self.logged.append((level, event, fields)),
            jitter=lambda: 1.0,
            on_converged=self._converged,
            restarted=restarted,
        )
        self.speaker.start(self.now)
        self.turn()

    def _converged(self) -> None:
        self.converged += 1

    def turn(self) -> None:
        while self.speaker.run(self.now, lambda: True):
            pass

    def wait(self, seconds: float) -> None:
        """Time passes, timer by timer."""
        end = self.now + seconds
        while self.speaker.deadline() <= end:
            self.now = max(self.now, self.speaker.deadline())
            self.speaker.expire(self.now)
            self.turn()
        self.now = end

    def events(self, name: str) -> list[dict[str, object]]:
        return [fields for _, event, fields in self.logged if event == name]

    def establish(self, address: str, **more: bool) -> "Peer":
        """Bring a session up by the peer's messages."""
        peer = Peer(self, address, **more)
        peer.open()
        peer.keepalive()
        self.turn()
        return peer


class Peer:
    """The remote end of one session."""

    def __init__(self, bench: Bench, address: str, *, dialed: bool = True) -> None:
        self.bench = bench
        self.address = parse_address(address)
        self.transport = FakeTransport(self.address, dialed=dialed)
        self.asn = bench.speaker.neighbors[self.address].spec.remote_asn
        self.session = Negotiated(local_asn=self.asn, remote_asn=ASN)
        bench.speaker.tcp_up(self.transport, bench.now)

    def send(self, frame: bytes) -> None:
        self.bench.speaker.frame(self.transport, frame, self.bench.now)

    def open(self, hold_time: int = 90, families: tuple[Family, ...] = FAMILIES) -> None:
        self.send(encode_open(make_open(self.asn, self.address, hold_time, families)))

    def keepalive(self) -> None:
        self.send(encode_keepalive())

    def attrs(self, **more: object) -> Attrs:
        path = aspath.sequence(self.asn) if self.asn != ASN else b""
        values: dict[str, object] = {"next_hop": self.address, "as_path": path} | more
        if self.asn == ASN:
            values.setdefault("local_pref", 100)
        return build(**values)  # type: ignore[arg-type]

    def announce(self, *prefixes: str, **more: object) -> None:
        for frame in encode_updates(IPV4, self.attrs(**more), [prefix_of(p) for p in prefixes], self.session):
            self.send(frame)
        self.bench.turn()

    def withdraw(self, *prefixes: str) -> None:
        for frame in encode_withdraws(IPV4, [prefix_of(p) for p in prefixes], self.session):
            self.send(frame)
        self.bench.turn()

    def end_of_rib(self, family: Family = IPV4) -> None:
        self.send(encode_end_of_rib(family, self.session))
        self.bench.turn()

    def close(self) -> None:
        self.bench.speaker.tcp_closed(self.transport, "the peer closed the connection", self.bench.now)
        self.bench.turn()

    def updates(self) -> list[Update]:
        """UPDATEs that the speaker has written to this peer."""
        from bgpd.wire.attrs import AttrsTable

        table = AttrsTable()
        return [decode_update(m, self.session, table) for m in self.transport.messages() if m[18] == 2]

    def told(self) -> dict[bytes, Attrs]:
        """The table that these UPDATEs add up to."""
        held: dict[bytes, Attrs] = {}
        for update in self.updates():
            for batch in update.batches:
                for prefix in batch.withdrawn:
                    held.pop(prefix, None)
                for prefix in batch.announced:
                    assert batch.attrs is not None
                    held[prefix] = batch.attrs
        return held

    @property
    def name(self) -> str:
        return format_address(self.address)
