"""Routes in: from UPDATE frames, through import policy, into the loc-rib.

`updates` is the straight line that every received route walks: decode to batches, one `Path` for the batch's
attributes (`_path` judges and resolves once a source and attribute set), one `Table.apply`. Beside it stands what
makes the same walk for another reason: `reimport` (other rules) and `next_hop_moved`; and the account of memory:
attribute sets that no table refers to any more are swept, and a neighbor whose sets take too much is let go.
"""

from collections.abc import Iterator
from typing import Final

from bgpd.model import link_local
from bgpd.policy.courtesy import asks_to_drop
from bgpd.rib.intern import Sweep, Threshold
from bgpd.rib.nexthop import DISCARD, NOWHERE, NextHop
from bgpd.rib.path import Path, Source
from bgpd.speaker.completion import Completion
from bgpd.speaker.faults import INVALID_NETWORK, Demand, Octets, beyond, fatal, survived
from bgpd.speaker.holdings import Holdings
from bgpd.speaker.inbox import Inbox, Queue
from bgpd.speaker.limits import enforce_in
from bgpd.speaker.neighbor import Connection, Neighbor, Rib
from bgpd.speaker.policing import by_class, by_id
from bgpd.speaker.retention import marked
from bgpd.speaker.tables import Table
from bgpd.wire.attrs import Attrs
from bgpd.wire.errors import Fault, Severity, WireError
from bgpd.wire.iana import LLGR_STALE, MessageType
from bgpd.wire.nlri import multicast_in
from bgpd.wire.prefix import format_address
from bgpd.wire.update import Batch, decode_update

_TYPE: Final = 18  #: offset of the type octet in a frame
_UPDATE: Final = int(MessageType.UPDATE)


class Intake:
    """The inbox and everything that is done with what comes out of it."""

    def __init__(self, held: Holdings, completion: Completion) -> None:
        self._held: Final = held
        self._tables: Final = held.tables
        self._attrs: Final = held.attrs
        self._log: Final = held.log
        self._completion: Final = completion
        self.inbox: Final[Inbox[Connection]] = Inbox()
        self.attribute_octets: Final = Octets(held.attrs, held.log)
        self._threshold: Final = Threshold()
        self._sweeping = False
        self._new_hop: NextHop | None = None  # what is tracked for the first time at this moment

    # ===== UPDATEs =====

    def step(self, now: float) -> None:
        """One share of the next connection's UPDATEs. The inbox must not be empty."""
        queue, frames = self.inbox.take()
        try:
            self._updates(queue, frames, now)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with us, it costs one session only
            self._bug(queue.owner, error, now)

    def _updates(self, queue: Queue[Connection], frames: list[bytes], now: float) -> None:
        connection = queue.owner
        negotiated = connection.session.negotiated
        assert negotiated is not None
        neighbor = connection.neighbor
        ribs = neighbor.ribs
        self.attribute_octets.enter(neighbor)
        for frame in frames:
            if frame[_TYPE] != _UPDATE:
                neighbor.receive(connection, frame, now)
                self._held.schedule.put(neighbor)
                if connection.queue is not queue:
                    return  # that was its end
                continue
            try:
                update = decode_update(frame, negotiated, self._attrs)
            except WireError as error:
                fatal(neighbor, error, self._log)
                neighbor.fail(connection, error, now)
                self._held.schedule.put(neighbor)
                return
            for batch in update.batches:
                rib = ribs[batch.family]
                if strays := multicast_in(batch.announced, batch.family.bits, 4 if rib.with_ids else 0):
                    update.faults.append(_without(batch, strays))
                self._take(self._tables[batch.family], rib, batch.withdrawn, batch.announced, batch.attrs, now)
                if rib.source.beyond != rib.beyond_said:
                    beyond(neighbor, rib, self._log, now)
                if neighbor.spec.max_prefix and enforce_in(neighbor, batch.family, self._log, now):
                    self._held.schedule.put(neighbor)
                    return
            if update.end_of_rib is not None:
                self._completion.end_of_rib(neighbor, update.end_of_rib)
            if update.faults:
                survived(neighbor, update.faults, self._log, now)
        demand = self.attribute_octets.look(neighbor)
        if demand is Demand.SWEEP and not self._sweeping:
            self._sweep()
        elif demand is Demand.RESET:
            self._out_of_resources(neighbor)

    def _bug(self, connection: Connection, error: Exception, now: float) -> None:
        """An UPDATE made us stumble: this session starts anew, all others go on."""
        neighbor = connection.neighbor
        self._log("error", "bug", {"neighbor": neighbor.spec.name, "reason": f"{type(error).__name__}: {error}"})
        neighbor.reset(connection, now)
        self._held.schedule.put(neighbor)

    def _take(
        self, table: Table, rib: Rib, withdrawn: list[bytes], announced: list[bytes], attrs: Attrs | None, now: float
    ) -> None:
        """One batch through import policy into the loc-rib."""
        if rib.with_ids:
            self._take_with_ids(table, rib, withdrawn, announced, attrs, now)
            return
        if attrs is None or not rib.imports.reads_prefix:
            source = rib.source
            path = self._path(rib, source, attrs, now) if attrs is not None else None
            table.apply(source, withdrawn, announced, path)
            return
        table.apply(rib.source, withdrawn, [], None)
        self._announce(table, rib, rib.source, announced, attrs, now)

    def _take_with_ids(
        self, table: Table, rib: Rib, withdrawn: list[bytes], announced: list[bytes], attrs: Attrs | None, now: float
    ) -> None:
        """The same under ADD-PATH, where path identifiers stand before the prefixes."""
        for path_id, prefixes in by_id(withdrawn).items():
            table.apply(rib.source, prefixes, [], None, path_id)
        if attrs is None:
            return
        for path_id, prefixes in by_id(announced).items():
            self._announce(table, rib, rib.source, prefixes, attrs, now, path_id)

    def _announce(
        self,
        table: Table,
        rib: Rib,
        source: Source,
        prefixes: list[bytes],
        attrs: Attrs,
        now: float,
        path_id: int = 0,
    ) -> None:
        """Prefixes of one set of attributes, class by class as the import chain tells them apart."""
        classes = by_class(rib.imports, prefixes) if rib.imports.reads_prefix else {0: prefixes}
        for sort, members in classes.items():
            table.apply(source, [], members, self._path(rib, source, attrs, now, sort, path_id), path_id)

    def _path(self, rib: Rib, source: Source, attrs: Attrs, now: float, sort: int = 0, path_id: int = 0) -> Path:
        """The one path of a source with these attributes, at prefixes of this class: judged and resolved once.

        `source` is a generation of `rib`: the present one, but for routes that are judged again.
        """
        key = (attrs, sort, path_id) if sort or path_id else attrs
        path = source.paths.get(key)
        if path is None and path_id:
            path = source.paths[key] = self._path(rib, source, attrs, now, sort).with_id(path_id)
        elif path is None:
            verdict = rib.imports.evaluate(
                attrs, external=source.external, peer=source.neighbor, peer_address=source.address, sort=sort
            )
            if verdict.attrs is None:
                path = Path(source, attrs, None, NOWHERE, now, verdict.reason)
            else:
                drop = rib.accepts_blackhole and asks_to_drop(verdict.attrs)
                hop = DISCARD if drop else self._hop(on_link(verdict.attrs.next_hop, rib.zone))
                passed = marked(verdict.attrs, LLGR_STALE) if source.last_resort else verdict.attrs
                path = Path(source, attrs, passed, hop, now)
            source.paths[key] = path
        return path

    def reimport(self, table: Table, rib: Rib, source: Source, now: float) -> Iterator[None]:
        """A job: each stored route of a source through the present import chain of its rib.

        The source may be an older generation during a marked refresh, or one whose session has ended: what it gave
        is as stale as it was, and judged by the rules of today. One that has an heir (RFC 4456: the neighbor is in
        another cluster) hands its routes over, and what is left of them goes where the heir is dropped meanwhile.
        """
        for prefixes in table.rib.walk():
            into = source.last_heir()
            if into.down:
                break
            by_path: dict[Path, list[bytes]] = {}
            for prefix in prefixes:
                for path in table.rib.candidates(prefix):
                    if path.source is source:
                        by_path.setdefault(path, []).append(prefix)
            for path, members in by_path.items():
                self._announce(table, rib, into, members, path.attrs_in, now, path.path_id)
            yield
        if source.heir is not None and source.received and source.last_heir().down:
            yield from table.walk(table.rib.drop(source))
        if source is not rib.source or source.stale:
            source.paths.clear()  # nothing more comes in

    # ===== next hops =====

    def _hop(self, address: bytes) -> NextHop:
        hops, fib = self._held.hops, self._held.fib
        known = address in hops
        hop = hops.get(address)
        if not known and fib is not None:
            self._new_hop = hop
            fib.track(address)  # answers by next_hop_moved, maybe before it returns
            self._new_hop = None
        return hop

    def next_hop_moved(self, address: bytes, reachable: bool, cost: int, reason: str) -> None:
        """What the kernel's side found out about a next hop."""
        hops = self._held.hops
        if not hops.update(address, reachable, cost, reason):
            return
        hop = hops.get(address)
        if hop is self._new_hop:
            return  # no path goes through it yet
        for table in self._tables.values():
            if len(table.rib):
                self._held.jobs.add(f"next hop {format_address(address)}", table.walk(table.rib.reselect(hop)))

    # ===== memory =====

    def look_at_memory(self) -> None:
        """Once a turn: is a sweep due?"""
        if not self._sweeping and self._threshold.due(len(self._attrs)):
            self._sweep()

    def _sweep(self) -> None:
        self._sweeping = True
        self._held.jobs.add("sweep", self._swept())

    def _swept(self) -> Iterator[None]:
        """A job: let go of attribute sets, paths and next hops that no table refers to."""
        held = self._held
        sources = [s for neighbor in held.neighbors.values() for rib in neighbor.ribs.values() for s in rib.sources]
        sweep = Sweep(held.attrs, [table.rib for table in held.tables.values()], sources, held.hops)
        for table in held.tables.values():
            for fanout in table.fanouts.values():
                fanout.forget_slots()
        yield from sweep.run()
        if held.fib is not None:
            for address in sweep.unused:
                held.fib.untrack(address)
        self._threshold.survived(len(held.attrs))
        self._sweeping = False
        self.attribute_octets.settle(list(held.neighbors.values()), self._out_of_resources)

    def _out_of_resources(self, neighbor: Neighbor) -> None:
        """Its attributes take more memory than it may have: Cease, Out of Resources (RFC 4486)."""
        if neighbor.live is not None:
            neighbor.reset(neighbor.live, self._held.now)
            self._held.schedule.put(neighbor)


def _without(batch: Batch, strays: list[bytes]) -> Fault:
    """Take prefixes out of a batch, as if they had been withdrawn; what that is called."""
    gone = set(strays)
    batch.announced = [prefix for prefix in batch.announced if prefix not in gone]
    batch.withdrawn = batch.withdrawn + strays
    if not batch.announced:
        batch.attrs = None
    text = f"{len(gone)} multicast prefixes among unicast routes"
    return Fault(Severity.WITHDRAW, 0, INVALID_NETWORK, text, strays[0])


def on_link(next_hop: bytes, zone: int) -> bytes:
    """A next hop as the kernel's side takes it: a link-local one with the number of the session's link, 20 octets."""
    if zone and len(next_hop) >= 16 and link_local(next_hop[-16:]):
        return next_hop[-16:] + zone.to_bytes(4, "big")
    return next_hop
