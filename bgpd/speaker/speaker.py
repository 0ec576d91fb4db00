"""The speaker: the verbs of the shells, and the turn.

Two kinds of method. Verbs (`tcp_up`, `frame`, `next_hop_moved`, ...) take what happened and are cheap: they run
a session, queue a frame, start a job. `run` is the turn: it takes UPDATEs from the inbox, steps jobs, flushes.
Both may be called in any order from one thread; none of them raises for anything that a peer does.

The work itself is done by the parts: `intake` (routes in), `joining` (sessions into groups, other rules), `roster`
(who is a neighbor), `sessions` (what becomes of a session), `completion` (is everything said), `watching`.
"""

from collections.abc import Callable, Iterator
from typing import Final

from bgpd.kernel.wants import Want
from bgpd.model import Originate, SpeakerSpec
from bgpd.policy.compile import cluster_ids
from bgpd.rib.nexthop import SELF
from bgpd.rib.path import Path, Source
from bgpd.session.effects import Refresh
from bgpd.speaker.completion import Completion
from bgpd.speaker.defaults import Defaults
from bgpd.speaker.dynamic import Dynamic
from bgpd.speaker.holdings import Holdings
from bgpd.speaker.intake import Intake
from bgpd.speaker.joining import Joining
from bgpd.speaker.limits import enforce_out
from bgpd.speaker.neighbor import Neighbor
from bgpd.speaker.policing import policies_of
from bgpd.speaker.ports import Dialer, Fib, Log, Transport
from bgpd.speaker.reconcile import (
    AddNeighbor,
    Announce,
    ChangeNeighbor,
    RemoveNeighbor,
    Step,
    describe_step,
    reconcile,
)
from bgpd.speaker.redistribution import Redistributed
from bgpd.speaker.refresh import Refreshes
from bgpd.speaker.retention import Retention
from bgpd.speaker.roster import Roster
from bgpd.speaker.sessions import Sessions
from bgpd.speaker.tables import GUARDED, RIPE, UNGUARDED
from bgpd.speaker.watching import Watchers
from bgpd.wire.attrs import build
from bgpd.wire.errors import WireError
from bgpd.wire.family import FAMILIES, Family
from bgpd.wire.iana import Cease, MessageType

_UPDATE: Final = int(MessageType.UPDATE)
_REFRESH: Final = int(MessageType.ROUTE_REFRESH)
_STEPS: Final = 16  #: steps of a new configuration taken at once: a few milliseconds
_TYPE: Final = 18  #: offset of the type octet in a frame


class Speaker:
    """All routing state, and its only writer."""

    def __init__(
        self,
        spec: SpeakerSpec,
        *,
        dialer: Dialer,
        fib: Fib | None,
        log: Log,
        jitter: Callable[[], float],
        wall: float = 0.0,
        on_converged: Callable[[], None] | None = None,
        restarted: bool = False,
    ) -> None:
        """`fib` None: nothing is written to a kernel, and next hops count as reachable.

        `jitter` gives factors from 0.75 to 1.0. `wall` is what to add to `now` for seconds since the epoch.
        `on_converged` is called once, when every neighbor has sent End-of-RIB for every family and the FIB has it all.
        `restarted`: an earlier self's forwarding state is in place, so peers may have kept its routes (RFC 4724).
        """
        held = Holdings(spec, dialer=dialer, fib=fib, log=log, jitter=jitter, wall=wall, restarted=restarted)
        self._held: Final = held
        self.wall: Final = wall
        self.tables: Final = held.tables
        self.neighbors: Final = held.neighbors
        self.attrs: Final = held.attrs
        self.policies: Final = held.policies
        self.hops: Final = held.hops
        self.recovery: Final = held.recovery
        self._dynamic: Final = Dynamic()
        self._defaults: Final = Defaults()
        self._watchers: Final = Watchers(held)
        self.redistributed: Final = Redistributed(held)
        self._refreshes: Final = Refreshes(held.tables, held.jobs)
        retention = Retention(held.tables, held.jobs, log)
        self._completion: Final = Completion(held, retention, on_converged)
        self._intake: Final = Intake(held, self._completion)
        self._inbox: Final = self._intake.inbox
        self.attribute_octets: Final = self._intake.attribute_octets
        self._joining: Final = Joining(held, self._intake, self._defaults)
        self._sessions: Final = Sessions(
            held, self._inbox, self._joining, retention, self._refreshes, self._dynamic, self._watchers
        )
        self._roster: Final = Roster(held, self._joining, self._dynamic, self._sessions)
        self._connections: Final = self._sessions.connections
        self._to_flush: Final = (*self._defaults.tables.values(), *held.tables.values())
        self._steps: Iterator[None] = iter(())  # of the last configuration, those that are still to be taken
        self._local: dict[tuple[Family, bool], Path] = {}  # by family and guard: the paths of what we originate
        # Verbs that are a part's own.
        self.subscribe: Final = self._watchers.subscribe
        self.publish: Final = self._watchers.publish
        self.spec_for: Final = self._roster.spec_for
        self.expects: Final = self._roster.expects
        self.discovered: Final = self._roster.discovered
        self.next_hop_moved: Final = self._intake.next_hop_moved

    @property
    def spec(self) -> SpeakerSpec:
        """The settings in force."""
        return self._held.spec

    @property
    def refused(self) -> int:
        """Connections from sources that are no neighbor, or not welcome now."""
        return self._roster.refused

    @property
    def converged(self) -> bool:
        """Every neighbor has said everything once."""
        return self._completion.converged

    @property
    def draining(self) -> bool:
        """Everything that is announced carries GRACEFUL_SHUTDOWN (RFC 8326)."""
        return self._held.drains

    # ===== life =====

    def start(self, now: float) -> None:
        """Originate, and start every neighbor."""
        self._held.now = now
        self._local = {
            (family, guard): _local_path(family, guard, self.spec.router_id, now)
            for family in FAMILIES
            for guard in (True, False)
        }
        for family in FAMILIES:
            self._defaults.start(family, self._local[family, False])
        for item in self.spec.originate:
            self._originate(item, announce=True)
        self.redistributed.configure(self.spec)
        self._roster.start(now)
        self._completion.look_converged()

    def shutdown(self, now: float, text: str = "") -> None:
        """Every session ends with Cease, Administrative Shutdown (RFC 4486), and stays down."""
        for neighbor in self.neighbors.values():
            neighbor.stop(now, Cease.ADMINISTRATIVE_SHUTDOWN, text)

    def abandon(self, now: float) -> None:
        """Every connection closes without a NOTIFICATION, for peers that keep our routes meanwhile (RFC 4724).

        What the kernel holds stays as it is: nothing is taken back any more.
        """
        self._held.leaving = True
        for neighbor in self.neighbors.values():
            neighbor.abandon(now, "this speaker restarts")

    def reconfigure(self, spec: SpeakerSpec, now: float) -> list[Step]:
        """Bring another spec into force by the smallest steps, which are returned. The kernel's settings stay.

        More than a few steps are taken by the turns that follow; another spec waits for none of them.
        """
        held, roster = self._held, self._roster
        held.now = now
        for _ in self._steps:
            pass
        was, held.spec = held.spec, spec
        identity = was.router_id != spec.router_id or was.asn != spec.asn
        steps = roster.reconcile_ranges(spec, now, identity=identity) + reconcile(was, spec)
        self.redistributed.configure(spec)
        self._steps = self._stepping(steps, was)
        if next(self._steps, self) is None:
            roster.tell_dialer()  # who is still to be added has its key already
            held.jobs.add("another configuration", self._steps)
        return steps

    def _stepping(self, steps: list[Step], was: SpeakerSpec) -> Iterator[None]:
        """Take the steps from one spec to the one in force, some at a time."""
        held, roster = self._held, self._roster
        spec = held.spec
        for number, step in enumerate(steps, 1):
            self._step(step, held.now)
            if number % _STEPS == 0 and number < len(steps):
                yield
        now = held.now
        roster.tell_dialer()
        self.policies.keep(policies_of(spec))
        if cluster_ids(spec) != cluster_ids(was):
            for neighbor in self.neighbors.values():
                if not neighbor.spec.external:
                    self._joining.repolicy(neighbor, now)
        if spec.graceful_shutdown != was.graceful_shutdown:
            self._tell_shutdown()

    def _step(self, step: Step, now: float) -> None:
        """One step. Dynamic neighbors may have come and gone since it was decided."""
        roster = self._roster
        if isinstance(step, AddNeighbor):
            if step.spec.identity in self.neighbors:
                roster.remove(step.spec, now)
            roster.add(step.spec, now)
        elif isinstance(step, (RemoveNeighbor, ChangeNeighbor)):
            if step.spec.identity not in self.neighbors:
                return
            if isinstance(step, RemoveNeighbor):
                roster.remove(step.spec, now)
            else:
                roster.change(step, now)
        else:
            self._originate(step.originate, announce=isinstance(step, Announce))
        self.publish("config", reason=describe_step(step))

    def _originate(self, item: Originate, *, announce: bool) -> None:
        path = self._local[item.family, item.blackhole]
        table = self.tables[item.family]
        if announce:
            table.apply(path.source, [], [item.prefix], path)
        else:
            table.apply(path.source, [item.prefix], [], None)

    # ===== what TCP says =====

    def tcp_up(self, transport: Transport, now: float) -> None:
        """A connection stands, dialed or accepted."""
        neighbor = self._roster.whose(transport.remote_address, transport.interface)
        if neighbor is None and not transport.dialed:
            neighbor = self._roster.welcome(transport.remote_address, now)
        if neighbor is None:
            transport.close()
            return
        if not neighbor.spec.address:
            self._roster.adopt_address(neighbor, transport.remote_address, now)
        if transport.dialed:
            # Known before the session speaks: it may close the transport at once, and then forgets it.
            self._connections[transport] = neighbor.dialing
            neighbor.tcp_dialed(transport, now)
        else:
            connection = neighbor.tcp_accepted(transport, now)
            if connection is None:
                self._roster.refused += 1
            elif connection.transport is transport:
                self._connections[transport] = connection
        self._held.schedule.put(neighbor)

    def tcp_failed(self, identity: bytes, why: str, now: float) -> None:
        """A dial came to nothing; `why` in words."""
        if (neighbor := self.neighbors.get(identity)) is not None:
            neighbor.tcp_failed(why, now)
            self._held.schedule.put(neighbor)

    def tcp_closed(self, transport: Transport, why: str, now: float) -> None:
        """A connection has ended, not by us."""
        connection = self._connections.pop(transport, None)
        if connection is not None:
            connection.neighbor.tcp_closed(connection, why, now)
            self._held.schedule.put(connection.neighbor)

    def tcp_drained(self, transport: Transport) -> None:
        """A transport can take more: the turn that follows writes it."""

    def frame(self, transport: Transport, frame: bytes, now: float) -> None:
        """One whole message, in order. UPDATEs of an Established session wait for a turn, all else is done at once.

        A ROUTE-REFRESH waits behind the UPDATEs before it: it may be the mark that ends what they tell (RFC 7313).
        """
        connection = self._connections.get(transport)
        if connection is None:
            return
        neighbor = connection.neighbor
        kind = frame[_TYPE]
        neighbor.messages_received[kind] += 1
        neighbor.octets_received += len(frame)
        if kind == _UPDATE and connection.queue is not None:
            connection.session.update_seen(now)
            self._inbox.put(connection.queue, frame)
            return
        if kind == _REFRESH and connection.queue is not None and connection.queue.frames:
            self._inbox.put(connection.queue, frame)
            return
        neighbor.receive(connection, frame, now)
        self._held.schedule.put(neighbor)

    def frame_error(self, transport: Transport, error: WireError, now: float) -> None:
        """What came is not BGP (RFC 4271 section 6.1)."""
        if (connection := self._connections.get(transport)) is not None:
            connection.neighbor.fail(connection, error, now)
            self._held.schedule.put(connection.neighbor)

    # ===== what the FIB says =====

    def fib_judged(self, family: Family, want: Want, prefixes: list[bytes], installed: bool) -> None:
        """The FIB has (or refuses) what it was asked for these prefixes; only with `suppress_fib_pending`."""
        self.tables[family].judged(want, prefixes, installed=installed)

    # ===== what an operator says =====

    def refresh_in(self, neighbor: Neighbor, family: Family) -> bool:
        """Ask a peer for its routes of a family again (soft reset in); its answer is taken as it comes.

        False: it cannot be asked: not Established, the family not negotiated, or no route refresh (RFC 2918).
        """
        return self._refreshes.ask(neighbor, family)

    def judge_again(self, neighbor: Neighbor, now: float) -> None:
        """The stored routes of an Established neighbor through its chains anew (soft reset in)."""
        self._joining.repolicy(neighbor, now)

    def tell_again(self, neighbor: Neighbor) -> None:
        """Everything to an Established neighbor once more (soft reset out), as if it had asked (RFC 2918)."""
        connection = neighbor.live
        if connection is not None:
            for family in neighbor.ribs:
                self._refreshes.wanted(connection, Refresh(family), self._held.now)

    def acted(self, neighbor: Neighbor, what: str, now: float) -> None:
        """An operator did something to a neighbor: its timers, the log, those who watch."""
        self._held.schedule.put(neighbor)
        self._held.log("warning", "neighbor_acted", {"neighbor": neighbor.spec.name, "reason": what})
        self.publish("config", now, neighbor=neighbor, reason=what)

    def drain(self, *, on: bool) -> int:
        """Announce everything as about to go (RFC 8326), or no more so; the number of neighbors that are told.

        Raises ValueError for an end of it that the configuration (`graceful-shutdown`) does not allow.
        """
        if not on and self.spec.graceful_shutdown:
            raise ValueError("graceful-shutdown is set in the configuration; take it out there, and reload")
        self._held.draining = on
        return self._tell_shutdown()

    def _tell_shutdown(self) -> int:
        """Everybody into the group that says, or no more says, that our routes are about to go."""
        told = [neighbor for neighbor in self.neighbors.values() if neighbor.live is not None]
        for neighbor in told:
            self._joining.regroup(neighbor)
        if self.draining:
            self._held.log("info", "drain", {"neighbors": len(told)})
        else:
            self._held.log("info", "undrain", {"neighbors": len(told)})
        self.publish("config", reason="draining" if self.draining else "draining is over")
        return len(told)

    # ===== the turn =====

    def deadline(self) -> float:
        """When `expire` is due, monotonic seconds; inf where nothing is."""
        return min(self._held.schedule.next, self.recovery.deadline)

    def expire(self, now: float) -> None:
        """Timers that have run out."""
        self._completion.look_recovered(now, self._joining.regroup)
        for neighbor in self._held.schedule.due(now):
            neighbor.expire(now)

    def run(self, now: float, more: Callable[[], bool]) -> bool:
        """One turn: a piece of all that is due, again while `more()` says that there is time. True: come again."""
        self._held.now = now
        self._roster.let_go(now)
        inbox, jobs = self._inbox, self._held.jobs
        while True:
            if inbox:
                self._intake.step(now)
            if jobs:
                jobs.step()
            if not (inbox or jobs) or not more() or self._ripe():
                break
        if self.recovery.active:
            self._completion.look_recovered(now, self._joining.regroup)
        self._intake.look_at_memory()
        busy = bool(inbox) or bool(jobs)
        for table in self._to_flush:
            if table.flush(more):
                busy = True
        for neighbor in list(self._joining.told_with_limit):
            if enforce_out(neighbor, self._held.log, now):
                self._held.schedule.put(neighbor)
        if not busy:
            self._completion.settled()
        return busy

    def _ripe(self) -> bool:
        """Has as much moved as one flush can take? More would only wait, and be looked up again."""
        for table in self._to_flush:  # noqa: SIM110 - any() of a generator is a call for each, compiled
            if table.unsaid >= RIPE:
                return True
        return False


def _local_path(family: Family, guard: bool, router_id: bytes, now: float) -> Path:
    source = Source(GUARDED if guard else UNGUARDED, family, local=True, router_id=router_id)
    attrs = build()
    return Path(source, attrs, attrs, SELF, now)
