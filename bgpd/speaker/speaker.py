"""The speaker: the verbs of the shells, and the turn.

Two kinds of method. Verbs (`tcp_up`, `frame`, `next_hop_moved`, ...) take what happened and are cheap: they run
a session, queue a frame, start a job. `run` is the turn: it takes UPDATEs from the inbox, steps jobs, flushes.
Both may be called in any order from one thread; none of them raises for anything that a peer does.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf
from typing import Final

from bgpd.model import ExportRule, NeighborSpec, NextHopRule, Originate, SpeakerSpec, identity_of, link_local
from bgpd.policy import rewrite
from bgpd.policy.compile import cluster_ids, cluster_of, export_chain, export_rule, import_chain, silent_note
from bgpd.policy.courtesy import asks_to_drop
from bgpd.policy.terms import PolicyTable
from bgpd.rib.fanout import Fanout
from bgpd.rib.group import GroupKey, Member, UpdateGroup
from bgpd.rib.intern import Sweep, Threshold
from bgpd.rib.loc_rib import Change
from bgpd.rib.nexthop import DISCARD, NOWHERE, SELF, NextHop, NextHopTable
from bgpd.rib.path import Path, Source, best_of
from bgpd.session.effects import Down, DownReason, Moved, Refresh
from bgpd.session.fsm import State
from bgpd.session.restart import Outcome, outcome
from bgpd.speaker.defaults import Defaults, WithoutDefault, take_defaults, wants_default
from bgpd.speaker.dynamic import Dynamic, spec_from
from bgpd.speaker.faults import Demand, Octets, fatal, survived
from bgpd.speaker.inbox import Inbox, Queue
from bgpd.speaker.jobs import Jobs
from bgpd.speaker.limits import enforce_in, enforce_out
from bgpd.speaker.neighbor import Connection, Neighbor, Rib
from bgpd.speaker.policing import ByItem, Exporter, by_class, by_id, judged_anew, policies_of, with_id
from bgpd.speaker.ports import Dialer, Fib, Log, Transport
from bgpd.speaker.reconcile import (
    AddNeighbor,
    Announce,
    ChangeNeighbor,
    Cost,
    RemoveNeighbor,
    Step,
    change_of,
    reconcile,
)
from bgpd.speaker.recovery import Recovery
from bgpd.speaker.refresh import Refreshes
from bgpd.speaker.retention import Retention
from bgpd.speaker.schedule import Schedule
from bgpd.speaker.tables import GUARDED, UNGUARDED, Table
from bgpd.speaker.views import EventView
from bgpd.wire.attrs import Attrs, AttrsTable, build
from bgpd.wire.capability import Negotiated
from bgpd.wire.errors import WireError
from bgpd.wire.family import FAMILIES, IPV4, IPV6, Family
from bgpd.wire.iana import Cease, MessageType
from bgpd.wire.prefix import format_address, format_prefix
from bgpd.wire.update import decode_update

_UPDATE: Final = int(MessageType.UPDATE)
_TYPE: Final = 18  #: offset of the type octet in a frame
_RETRYING: Final = (State.IDLE, State.CONNECT, State.ACTIVE)


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
        `on_converged` is called once, when every neighbor has sent End-of-RIB for every family.
        `restarted`: an earlier self's forwarding state is in place, so peers may have kept its routes (RFC 4724).
        """
        self.spec = spec
        self.wall: Final = wall
        self.tables: Final = {family: Table(family, spec.multipath, fib) for family in FAMILIES}
        self.neighbors: Final[dict[bytes, Neighbor]] = {}
        self.attrs: Final = AttrsTable()
        self.policies: Final = PolicyTable()
        self.hops: Final = NextHopTable(resolved=fib is None)
        self.refused = 0  #: connections from sources that are no neighbor, or not welcome now
        self.converged = False
        self._dialer: Final = dialer
        self._fib: Final = fib
        self._log: Final = log
        self._jitter: Final = jitter
        self._on_converged: Final = on_converged
        self._inbox: Final[Inbox[Connection]] = Inbox()
        self._jobs: Final = Jobs()
        self._dynamic: Final = Dynamic()
        self._defaults: Final = Defaults()
        self._told_with_limit: Final[set[Neighbor]] = set()  # Established, and with max_prefix_out
        self.recovery: Final = Recovery(restarted=restarted)
        self._retention: Final = Retention(self.tables, self._jobs, log)
        self.draining = False  #: everything that is announced carries GRACEFUL_SHUTDOWN (RFC 8326)
        self._refreshes: Final = Refreshes(self.tables, self._jobs)
        self._leaving = False  # sessions close because we restart: their routes are nobody's business any more
        self._schedule: Final = Schedule()
        self._connections: Final[dict[Transport, Connection]] = {}
        self._threshold: Final = Threshold()
        self.attribute_octets: Final = Octets(self.attrs, log)
        self._sweeping = False
        self._now = 0.0  # of the last turn or verb
        self._watchers: Final[list[Callable[[EventView], None]]] = []
        self._local: dict[tuple[Family, bool], Path] = {}  # by family and guard: the paths of what we originate

    # ===== life =====

    def start(self, now: float) -> None:
        """Originate, and start every neighbor."""
        self._now = now
        self._local = {
            (family, guard): _local_path(family, guard, self.spec.router_id, now)
            for family in FAMILIES
            for guard in (True, False)
        }
        for family in FAMILIES:
            self._defaults.start(family, self._local[family, False])
        for item in self.spec.originate:
            self._originate(item, announce=True)
        self._dynamic.configure(self.spec.ranges)
        self._tell_dialer()
        self.recovery.start(now)
        for spec in self.spec.neighbors:
            self._add(spec, now)
        self._look_converged()

    def shutdown(self, now: float, text: str = "") -> None:
        """Every session ends with Cease, Administrative Shutdown (RFC 4486), and stays down."""
        for neighbor in self.neighbors.values():
            neighbor.stop(now, Cease.ADMINISTRATIVE_SHUTDOWN, text)

    def abandon(self, now: float) -> None:
        """Every connection closes without a NOTIFICATION, for peers that keep our routes meanwhile (RFC 4724).

        What the kernel holds stays as it is: nothing is taken back any more.
        """
        self._leaving = True
        for neighbor in self.neighbors.values():
            neighbor.abandon(now, "this speaker restarts")

    def reconfigure(self, spec: SpeakerSpec, now: float) -> list[Step]:
        """Bring another spec into force by the smallest steps, which are returned. The kernel's settings stay."""
        self._now = now
        steps = reconcile(self.spec, spec)
        clusters = cluster_ids(self.spec)
        was, self.spec = self.spec, spec
        identity = was.router_id != spec.router_id or was.asn != spec.asn
        steps = self._reconcile_ranges(spec, now, identity=identity) + steps
        for step in steps:
            if isinstance(step, RemoveNeighbor):
                self._remove(step.spec, now)
            elif isinstance(step, AddNeighbor):
                self._add(step.spec, now)
            elif isinstance(step, ChangeNeighbor):
                self._change(step, now)
            else:
                self._originate(step.originate, announce=isinstance(step, Announce))
            self.publish("config", reason=describe_step(step))
        self._tell_dialer()
        self.policies.keep(policies_of(spec))
        if cluster_ids(spec) != clusters:
            for neighbor in self.neighbors.values():
                if neighbor.live is not None and not neighbor.spec.external:
                    self._repolicy(neighbor, now)
        return steps

    def _tell_dialer(self) -> None:
        """Who has which key, and on which links to look for neighbors."""
        specs = [self.neighbors[s.identity].spec if s.identity in self.neighbors else s for s in self.spec.neighbors]
        self._dialer.set_passwords(tuple(specs), self.spec.ranges)
        self._dialer.look_for(frozenset([spec.interface for spec in specs if spec.unnumbered]))

    def _reconcile_ranges(self, spec: SpeakerSpec, now: float, *, identity: bool) -> list[Step]:
        """Dynamic neighbors under other ranges: those that nothing makes any more go, the others change by steps.

        `identity`: our router id or AS is another one, which is in every OPEN: they all go, and may come again.
        """
        self._dynamic.configure(spec.ranges)
        configured = {neighbor.identity for neighbor in spec.neighbors}
        steps: list[Step] = []
        for neighbor in [n for n in self.neighbors.values() if n.range is not None]:
            item = self._dynamic.range_of(neighbor.spec.address)
            if neighbor.spec.identity in configured or item is None or identity:
                self._remove(neighbor.spec, now)
                continue
            assert neighbor.range is not None
            was, new = (spec_from(each, neighbor.spec.address) for each in (neighbor.range, item))
            self._dynamic.went(neighbor)
            self._dynamic.came(neighbor, item)
            if (step := change_of(was, new)) is not None:
                steps.append(step)
        return steps

    def _add(self, spec: NeighborSpec, now: float) -> Neighbor:
        neighbor = Neighbor(spec, self.spec.router_id, self, self._dialer, self._jitter)
        neighbor.since = now
        self.recovery.adopt(neighbor)
        self.neighbors[spec.identity] = neighbor
        if (note := silent_note(spec)) is not None:
            self._log("warning", "policy_missing", {"neighbor": spec.name, "reason": note})
        neighbor.start(now)
        self._schedule.put(neighbor)
        return neighbor

    def _remove(self, spec: NeighborSpec, now: float) -> None:
        neighbor = self.neighbors[spec.identity]
        neighbor.stop(now, Cease.PEER_DECONFIGURED)
        self._schedule.drop(neighbor)
        self._dynamic.went(neighbor)
        del self.neighbors[spec.identity]

    def _change(self, step: ChangeNeighbor, now: float) -> None:
        neighbor = self.neighbors[step.spec.identity]
        if "max_prefix" in step.changed and neighbor.limits_passed:
            neighbor.limits_passed.clear()
            if neighbor.disabled:
                neighbor.enable(now)  # another limit: it may try again
        neighbor_up = neighbor.live is not None
        if step.cost is Cost.RESET or (step.cost >= Cost.NEXT_SESSION and not neighbor_up):
            neighbor.stop(now, Cease.OTHER_CONFIGURATION_CHANGE)
            neighbor.change(step.spec, self.spec.router_id, now)
            neighbor.start(now)
        else:
            neighbor.change(step.spec, self.spec.router_id, now)
            if neighbor_up and judged_anew(step.changed):
                self._repolicy(neighbor, now)
            for family in list(neighbor.ribs):
                if enforce_in(neighbor, family, self._log, now):
                    break
        if (note := silent_note(step.spec)) is not None:
            self._log("warning", "policy_missing", {"neighbor": step.spec.name, "reason": note})
        self._schedule.put(neighbor)

    def _originate(self, item: Originate, *, announce: bool) -> None:
        path = self._local[item.family, item.blackhole]
        table = self.tables[item.family]
        if announce:
            table.apply(path.source, [], [item.prefix], path)
        else:
            table.apply(path.source, [item.prefix], [], None)

    # ===== what TCP says =====

    def spec_for(self, address: bytes, interface: str = "") -> NeighborSpec | None:
        """The settings for a connection from this address (on this link, where it is link-local); None: a stranger."""
        if (neighbor := self._whose(address, interface)) is not None:
            return neighbor.spec
        item = self._dynamic.room(address)
        return item.template if item is not None else None

    def expects(self, address: bytes, interface: str = "") -> bool:
        """Whether a connection from this address is a neighbor's."""
        if self.spec_for(address, interface) is not None:
            return True
        self.refused += 1
        return False

    def _whose(self, address: bytes, interface: str) -> Neighbor | None:
        """The neighbor with this address; an unnumbered one is whoever is on its link, until it is known who."""
        if (neighbor := self.neighbors.get(identity_of(address, interface))) is not None:
            return neighbor
        if not link_local(address):
            return None
        neighbor = self.neighbors.get(b"%" + interface.encode())
        return neighbor if neighbor is not None and neighbor.spec.address in (b"", address) else None

    def discovered(self, interface: str, address: bytes, now: float) -> None:
        """Who is on the link of an unnumbered neighbor. A session that stands goes on with whom it has."""
        neighbor = self.neighbors.get(b"%" + interface.encode())
        if neighbor is None or neighbor.spec.address == address or neighbor.state >= State.OPEN_SENT:
            return
        self._adopt_address(neighbor, address, now)
        neighbor.stop(now, Cease.OTHER_CONFIGURATION_CHANGE)
        neighbor.start(now)  # it dials at once, whatever timer ran for nobody
        self._schedule.put(neighbor)

    def _adopt_address(self, neighbor: Neighbor, address: bytes, now: float) -> None:
        self._log("info", "neighbor_found", {"neighbor": neighbor.spec.name, "address": format_address(address)})
        neighbor.change(replace(neighbor.spec, address=address), self.spec.router_id, now)
        self._tell_dialer()

    def tcp_up(self, transport: Transport, now: float) -> None:
        """A connection stands, dialed or accepted."""
        neighbor = self._whose(transport.remote_address, transport.interface)
        if neighbor is None and not transport.dialed:
            neighbor = self._welcome(transport.remote_address, now)
        if neighbor is None:
            transport.close()
            return
        if not neighbor.spec.address:
            self._adopt_address(neighbor, transport.remote_address, now)
        if transport.dialed:
            # Known before the session speaks: it may close the transport at once, and then forgets it.
            self._connections[transport] = neighbor.dialing
            neighbor.tcp_dialed(transport, now)
        else:
            connection = neighbor.tcp_accepted(transport, now)
            if connection is None:
                self.refused += 1
            elif connection.transport is transport:
                self._connections[transport] = connection
        self._schedule.put(neighbor)

    def _welcome(self, address: bytes, now: float) -> Neighbor | None:
        """A neighbor for somebody from a listen range; None: from none, or its range is full."""
        item = self._dynamic.room(address)
        if item is None:
            self.refused += 1
            return None
        neighbor = self._add(spec_from(item, address), now)
        self._dynamic.came(neighbor, item)
        self._dynamic.over.append(neighbor)  # where it is refused after all, the turn that follows removes it
        return neighbor

    def connection_over(self, neighbor: Neighbor) -> None:
        self._dynamic.over.append(neighbor)

    def tcp_failed(self, identity: bytes, why: str, now: float) -> None:
        """A dial came to nothing; `why` in words."""
        if (neighbor := self.neighbors.get(identity)) is not None:
            neighbor.tcp_failed(why, now)
            self._schedule.put(neighbor)

    def tcp_closed(self, transport: Transport, why: str, now: float) -> None:
        """A connection has ended, not by us."""
        connection = self._connections.pop(transport, None)
        if connection is not None:
            connection.neighbor.tcp_closed(connection, why, now)
            self._schedule.put(connection.neighbor)

    def tcp_drained(self, transport: Transport) -> None:
        """A transport can take more: the turn that follows writes it."""

    def frame(self, transport: Transport, frame: bytes, now: float) -> None:
        """One whole message, in order. UPDATEs of an Established session wait for a turn, all else is done at once."""
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
        neighbor.receive(connection, frame, now)
        self._schedule.put(neighbor)

    def frame_error(self, transport: Transport, error: WireError, now: float) -> None:
        """What came is not BGP (RFC 4271 section 6.1)."""
        if (connection := self._connections.get(transport)) is not None:
            connection.neighbor.fail(connection, error, now)
            self._schedule.put(connection.neighbor)

    # ===== what a neighbor says (neighbor.Host) =====

    def session_moved(self, connection: Connection, moved: Moved, now: float) -> None:
        neighbor = connection.neighbor
        fields: dict[str, object] = {
            "neighbor": neighbor.spec.name,
            "address": neighbor.key,
            "asn": neighbor.spec.remote_asn,
            "old": moved.old.label,
            "new": moved.new.label,
            "reason": moved.reason,
        }
        if moved.retry_in is not None:
            fields["retry_in"] = round(moved.retry_in, 1)
        level = "info"
        beside = _beside(neighbor, connection, moved)
        if beside:
            level = "debug"
        elif moved.new in _RETRYING and moved.old not in _RETRYING:
            level = "info" if _goes_on(neighbor, connection) else "warning"
        elif moved.new in _RETRYING:
            # A peer that is away is dialed for ever: said once at info, then again only when the reason is another.
            failed = moved.new is not State.CONNECT
            level = "info" if failed and moved.reason != neighbor.last_logged else "debug"
            if failed:
                neighbor.last_logged = moved.reason
        else:
            neighbor.last_logged = ""
        self._log(level, "session", fields)
        if not beside:
            old, new = moved.old.label, moved.new.label
            self.publish("session", now, neighbor=neighbor, old=old, new=new, reason=moved.reason)

    def session_up(self, connection: Connection, negotiated: Negotiated) -> None:
        neighbor = connection.neighbor
        transport = connection.transport
        assert transport is not None
        connection.queue = Queue(transport, connection)
        for family in negotiated.families:
            neighbor.ribs[family] = self._join(connection, family, negotiated)
        self._retention.back(neighbor, negotiated.families, connection.session.agreement, self._now)
        for family in neighbor.spec.families:
            if family not in negotiated.families:
                self._log(
                    "info",
                    "family_not_negotiated",
                    {"neighbor": neighbor.spec.name, "family": family.name, "reason": "the peer does not offer it"},
                )

    def session_down(self, connection: Connection, down: Down, now: float) -> None:
        neighbor = connection.neighbor
        agreement = connection.session.agreement
        kept = outcome(down, agreement) is Outcome.KEEP
        if connection.queue is not None:
            self._inbox.drop(connection.queue)
            connection.queue = None
        for family, rib in neighbor.ribs.items():
            table = self.tables[family]
            rib.group.remove(rib.member)
            table.release(rib.group)
            self._defaults.leave(family, rib)
            if self._leaving:
                continue
            for older in rib.older:  # stale already: RFC 4724 section 4.2 has these go first
                self._jobs.add(f"stale routes of {neighbor.key} leave", table.walk(table.rib.drop(older)))
            if kept and agreement.keeps(family):
                collided = down.reason is DownReason.COLLISION
                self._retention.keep(neighbor, family, rib, agreement, now, collided=collided)
                continue
            self._retention.drop(neighbor, family)
            self._jobs.add(f"routes of {neighbor.key} leave", table.walk(table.rib.drop(rib.source)))
        neighbor.ribs.clear()
        self._told_with_limit.discard(neighbor)

    def retention_due(self, neighbor: Neighbor, now: float) -> None:
        self._retention.due(neighbor, now)
        if neighbor.range is not None:
            self._dynamic.over.append(neighbor)

    def refresh_wanted(self, connection: Connection, refresh: Refresh, now: float) -> None:
        self._refreshes.wanted(connection, refresh, now)

    def refresh_due(self, neighbor: Neighbor, now: float) -> None:
        self._refreshes.due(neighbor, now)

    def refresh_in(self, neighbor: Neighbor, family: Family) -> bool:
        """Ask a peer for its routes of a family again (soft reset in); its answer is taken as it comes.

        False: it cannot be asked: not Established, the family not negotiated, or no route refresh (RFC 2918).
        """
        return self._refreshes.ask(neighbor, family)

    def judge_again(self, neighbor: Neighbor, now: float) -> None:
        """The stored routes of an Established neighbor through its chains anew (soft reset in)."""
        self._repolicy(neighbor, now)

    def tell_again(self, neighbor: Neighbor) -> None:
        """Everything to an Established neighbor once more (soft reset out), as if it had asked (RFC 2918)."""
        connection = neighbor.live
        if connection is not None:
            for family in neighbor.ribs:
                self._refreshes.wanted(connection, Refresh(family), self._now)

    def acted(self, neighbor: Neighbor, what: str, now: float) -> None:
        """An operator did something to a neighbor: its timers, the log, those who watch."""
        self._schedule.put(neighbor)
        self._log("warning", "neighbor_acted", {"neighbor": neighbor.spec.name, "reason": what})
        self.publish("config", now, neighbor=neighbor, reason=what)

    def forget(self, transport: Transport) -> None:
        self._connections.pop(transport, None)

    # ===== joining and policy =====

    def _join(self, connection: Connection, family: Family, negotiated: Negotiated) -> Rib:
        """A session's place in one family: its source, its chains, its group."""
        neighbor = connection.neighbor
        spec = neighbor.spec
        assert connection.transport is not None
        source = Source(
            neighbor.key,
            family,
            generation=neighbor.generation,
            external=spec.external,
            router_id=negotiated.remote_router_id,
            address=spec.address,
            asn=spec.remote_asn,
            cluster=cluster_of(spec, self.spec.router_id),
        )
        ours = frozenset(connection.transport.next_hops.values())
        imports = import_chain(
            spec,
            router_id=self.spec.router_id,
            local_addresses=ours,
            family=family,
            policies=self.policies,
            clusters=cluster_ids(self.spec),
        )
        group, member = self._member(connection, family, negotiated)
        member.deferred = self.recovery.active
        group.join(member)
        rib = Rib(source, imports, group, member)
        rib.zone = connection.transport.zone
        if wants_default(spec):
            self._defaults.join(rib, *self._member(connection, family, negotiated, default=True), {})
        if spec.max_prefix_out:
            self._told_with_limit.add(neighbor)
        rib.accepts_blackhole = spec.accept_blackhole
        rib.with_ids = family in negotiated.add_path_receive
        return rib

    def _member(
        self, connection: Connection, family: Family, negotiated: Negotiated, *, default: bool = False
    ) -> tuple[UpdateGroup, Member]:
        """The update group that this neighbor's settings and session lead to, and a member for it (not joined).

        `default`: the one from which it is told a default route of its own.
        """
        spec = connection.neighbor.spec
        without_default = wants_default(spec) and not default
        if default:
            spec = replace(spec, export_rule=ExportRule.OWN, export_policy=None)
        assert connection.transport is not None
        next_hop = next_hop_self(connection, family, negotiated)
        if not next_hop and not default:
            self._log(
                "info",
                "no_next_hop",
                {
                    "neighbor": spec.name,
                    "family": family.name,
                    "reason": f"no {family.name} address on the session's interface: nothing can be announced",
                },
            )
        knows_llgr = connection.session.agreement.long_lived_capable
        drain = self.draining or spec.graceful_shutdown
        several = family in negotiated.add_path_send
        key = GroupKey(
            family=family.name,
            external=spec.external,
            local_asn=spec.local_asn,
            remote_asn=0,  # no export rule reads it
            rule=export_rule(spec).value,
            next_hop=next_hop,
            next_hop_self=spec.next_hop is NextHopRule.SELF,
            four_octet=negotiated.four_octet,
            max_message=negotiated.max_message,
            extra=(
                *(spec.export_policy, knows_llgr, drain),
                *(cluster_of(spec, self.spec.router_id), spec.export_rule, spec.role, negotiated.extended_next_hop),
                *(without_default, rewrite.key(spec)),
                *(several, spec.add_path_paths if several else 0),
            ),
        )
        chain = export_chain(
            spec,
            router_id=self.spec.router_id,
            next_hop=next_hop,
            next_hop_self=spec.next_hop is NextHopRule.SELF,
            family=family,
            policies=self.policies,
            knows_llgr=knows_llgr,
            drain=drain,
            short_next_hop=family is IPV4 and not negotiated.extended_next_hop,
        )
        exporter = WithoutDefault(chain) if without_default else Exporter(chain)
        table = self._defaults.tables[family] if default else self.tables[family]
        reads_prefix = chain.reads_prefix or without_default
        fanout: Fanout | None = None
        if several:
            fanout, job = table.fan_out(spec.add_path_paths)
            if job is not None:
                self._jobs.add(f"{family.name} paths for ADD-PATH", job)
        by_prefix = (exporter if fanout is None else ByItem(exporter)) if reads_prefix else None
        group = table.group(key, exporter, negotiated, by_prefix, fanout)
        return group, Member(connection.neighbor.key, connection)

    def _repolicy(self, neighbor: Neighbor, now: float) -> None:
        """Other rules on a session that stays: stored routes are judged again, told routes are compared."""
        connection = neighbor.live
        assert connection is not None
        assert connection.transport is not None
        negotiated = connection.session.negotiated
        assert negotiated is not None
        ours = frozenset(connection.transport.next_hops.values())
        for family, rib in neighbor.ribs.items():
            table = self.tables[family]
            rib.imports = import_chain(
                neighbor.spec,
                router_id=self.spec.router_id,
                local_addresses=ours,
                family=family,
                policies=self.policies,
                clusters=cluster_ids(self.spec),
            )
            rib.source.paths.clear()
            rib.accepts_blackhole = neighbor.spec.accept_blackhole
            self._jobs.add(f"import of {neighbor.key} again", self._reimport(table, rib, now))
        self._regroup(neighbor)

    def _regroup(self, neighbor: Neighbor) -> None:
        """What a neighbor is told may have another form now: into the group that it belongs to."""
        connection = neighbor.live
        assert connection is not None
        negotiated = connection.session.negotiated
        assert negotiated is not None
        for family, rib in neighbor.ribs.items():
            group, member = self._member(connection, family, negotiated)
            if group is not rib.group:
                member.end_of_rib = rib.member.end_of_rib
                member.deferred = rib.member.deferred
                told = rib.group.leave(rib.member)
                self.tables[family].release(rib.group)
                told |= self._defaults.leave(family, rib)
                if wants_default(neighbor.spec):
                    mine = self._member(connection, family, negotiated, default=True)
                    had = take_defaults(told, with_ids=family in negotiated.add_path_send)
                    self._defaults.join(rib, *mine, had)
                group.join(member, told)
                if rib.member.marked or rib.member.again:
                    group.refresh(member, marked=True)  # another BoRR is allowed, and EoRR has to come
                rib.group, rib.member = group, member

    def drain(self, *, on: bool) -> int:
        """Announce everything as about to go (RFC 8326), or no more so; the number of neighbors that are told."""
        self.draining = on
        told = [neighbor for neighbor in self.neighbors.values() if neighbor.live is not None]
        for neighbor in told:
            self._regroup(neighbor)
        if on:
            self._log("info", "drain", {"neighbors": len(told)})
        else:
            self._log("info", "undrain", {"neighbors": len(told)})
        self.publish("config", reason="draining" if on else "draining is over")
        return len(told)

    def _reimport(self, table: Table, rib: Rib, now: float) -> Iterator[None]:
        """A job: each stored route of a source through its present import chain."""
        source = rib.source
        for prefixes in table.rib.walk():
            by_path: dict[Path, list[bytes]] = {}
            for prefix in prefixes:
                for path in table.rib.candidates(prefix):
                    if path.source is source:
                        by_path.setdefault(path, []).append(with_id(path, prefix) if rib.with_ids else prefix)
            for path, members in by_path.items():
                self._take(table, rib, [], members, path.attrs_in, now)
            yield

    # ===== the turn =====

    def deadline(self) -> float:
        """When `expire` is due, monotonic seconds; inf where nothing is."""
        return min(self._schedule.next, self.recovery.deadline)

    def expire(self, now: float) -> None:
        """Timers that have run out."""
        self._look_recovered(now)
        for neighbor in self._schedule.due(now):
            neighbor.expire(now)

    def run(self, now: float, more: Callable[[], bool]) -> bool:
        """One turn: a piece of all that is due, again while `more()` says that there is time. True: come again."""
        self._now = now
        if self._dynamic.over:
            for neighbor in self._dynamic.leaving():
                if self.neighbors.get(neighbor.spec.identity) is neighbor:
                    self._remove(neighbor.spec, now)
        inbox, jobs = self._inbox, self._jobs
        while True:
            if inbox:
                queue, frames = inbox.take()
                try:
                    self._updates(queue, frames, now)
                except Exception as error:  # noqa: BLE001 - whatever is wrong with us, it costs one session only
                    self._bug(queue.owner, error, now)
            if jobs:
                jobs.step()
            if not (inbox or jobs) or not more():
                break
        if self.recovery.active:
            self._look_recovered(now)
        if not self._sweeping and self._threshold.due(len(self.attrs)):
            self._sweep()
        busy = bool(inbox) or bool(jobs)
        for table in (*self._defaults.tables.values(), *self.tables.values()):
            if table.flush(more):
                busy = True
        for neighbor in list(self._told_with_limit):
            if enforce_out(neighbor, self._log, now):
                self._schedule.put(neighbor)
        return busy

    def _updates(self, queue: Queue[Connection], frames: list[bytes], now: float) -> None:
        """One share of one connection's UPDATEs."""
        connection = queue.owner
        negotiated = connection.session.negotiated
        assert negotiated is not None
        neighbor = connection.neighbor
        ribs = neighbor.ribs
        self.attribute_octets.enter(neighbor)
        for frame in frames:
            try:
                update = decode_update(frame, negotiated, self.attrs)
            except WireError as error:
                fatal(neighbor, error, self._log)
                neighbor.fail(connection, error, now)
                self._schedule.put(neighbor)
                return
            for batch in update.batches:
                rib = ribs[batch.family]
                self._take(self.tables[batch.family], rib, batch.withdrawn, batch.announced, batch.attrs, now)
                if neighbor.spec.max_prefix and enforce_in(neighbor, batch.family, self._log, now):
                    self._schedule.put(neighbor)
                    return
            if update.end_of_rib is not None:
                self._end_of_rib(neighbor, update.end_of_rib)
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
        self._schedule.put(neighbor)

    def _take(
        self, table: Table, rib: Rib, withdrawn: list[bytes], announced: list[bytes], attrs: Attrs | None, now: float
    ) -> None:
        """One batch through import policy into the loc-rib."""
        if rib.with_ids:
            self._take_with_ids(table, rib, withdrawn, announced, attrs, now)
            return
        if attrs is None or not rib.imports.reads_prefix:
            path = self._path(rib, attrs, now) if attrs is not None else None
            table.apply(rib.source, withdrawn, announced, path)
            return
        table.apply(rib.source, withdrawn, [], None)
        for sort, prefixes in by_class(rib.imports, announced).items():
            table.apply(rib.source, [], prefixes, self._path(rib, attrs, now, sort))

    def _take_with_ids(
        self, table: Table, rib: Rib, withdrawn: list[bytes], announced: list[bytes], attrs: Attrs | None, now: float
    ) -> None:
        """The same under ADD-PATH, where path identifiers stand before the prefixes."""
        for path_id, prefixes in by_id(withdrawn).items():
            table.apply(rib.source, prefixes, [], None, path_id)
        if attrs is None:
            return
        for path_id, prefixes in by_id(announced).items():
            classes = by_class(rib.imports, prefixes) if rib.imports.reads_prefix else {0: prefixes}
            for sort, members in classes.items():
                table.apply(rib.source, [], members, self._path(rib, attrs, now, sort, path_id), path_id)

    def _path(self, rib: Rib, attrs: Attrs, now: float, sort: int = 0, path_id: int = 0) -> Path:
        """The one path of this source with these attributes, at prefixes of this class: judged and resolved once."""
        source = rib.source
        key = (attrs, sort, path_id) if sort or path_id else attrs
        path = source.paths.get(key)
        if path is None and path_id:
            path = source.paths[key] = self._path(rib, attrs, now, sort).with_id(path_id)
        elif path is None:
            verdict = rib.imports.evaluate(
                attrs, external=source.external, peer=source.neighbor, peer_address=source.address, sort=sort
            )
            if verdict.attrs is None:
                path = Path(source, attrs, None, NOWHERE, now, verdict.reason)
            else:
                drop = rib.accepts_blackhole and asks_to_drop(verdict.attrs)
                hop = DISCARD if drop else self._hop(on_link(verdict.attrs.next_hop, rib.zone))
                path = Path(source, attrs, verdict.attrs, hop, now)
            source.paths[key] = path
        return path

    def _hop(self, address: bytes) -> NextHop:
        known = address in self.hops
        hop = self.hops.get(address)
        if not known and self._fib is not None:
            self._fib.track(address)  # answers by next_hop_moved, maybe before it returns
        return hop

    def next_hop_moved(self, address: bytes, reachable: bool, cost: int, reason: str) -> None:
        """What the kernel's side found out about a next hop."""
        if not self.hops.update(address, reachable, cost, reason):
            return
        hop = self.hops.get(address)
        for table in self.tables.values():
            if len(table.rib):
                self._jobs.add(f"next hop {format_address(address)}", table.walk(table.rib.reselect(hop)))

    def _end_of_rib(self, neighbor: Neighbor, family: Family) -> None:
        rib = neighbor.ribs.get(family)
        if rib is not None and not rib.end_of_rib:
            rib.end_of_rib = True
            self._retention.end_of_rib(neighbor, family)
            self._look_converged()

    def _look_recovered(self, now: float) -> None:
        """Is our own restart over? Then End-of-RIB goes to everybody, and peers let go of what we did not repeat."""
        if not self.recovery.complete(self.neighbors.values(), now):
            return
        for neighbor in self.neighbors.values():
            neighbor.bits.restarted = False
            for rib in neighbor.ribs.values():
                rib.group.complete(rib.member)
        self._log("info", "restart_over", {"prefixes": sum(len(table.rib) for table in self.tables.values())})

    def _look_converged(self) -> None:
        """Has every neighbor said everything? Asked at each End-of-RIB until it is so once."""
        if self.converged:
            return
        for neighbor in self.neighbors.values():
            if not neighbor.ribs or not all(rib.end_of_rib for rib in neighbor.ribs.values()):
                return
        self.converged = True
        if self._on_converged is not None:
            self._on_converged()

    def _sweep(self) -> None:
        self._sweeping = True
        self._jobs.add("sweep", self._swept())

    def _swept(self) -> Iterator[None]:
        """A job: let go of attribute sets, paths and next hops that no table refers to."""
        sources = [s for neighbor in self.neighbors.values() for rib in neighbor.ribs.values() for s in rib.sources]
        sweep = Sweep(self.attrs, [table.rib for table in self.tables.values()], sources, self.hops)
        for table in self.tables.values():
            for fanout in table.fanouts.values():
                fanout.forget_slots()
        yield from sweep.run()
        if self._fib is not None:
            for address in sweep.unused:
                self._fib.untrack(address)
        self._threshold.survived(len(self.attrs))
        self._sweeping = False
        self.attribute_octets.settle(list(self.neighbors.values()), self._out_of_resources)

    def _out_of_resources(self, neighbor: Neighbor) -> None:
        """Its attributes take more memory than it may have: Cease, Out of Resources (RFC 4486)."""
        if neighbor.live is not None:
            neighbor.reset(neighbor.live, self._now)
            self._schedule.put(neighbor)

    # ===== those who watch =====

    def subscribe(self, callback: Callable[[EventView], None]) -> Callable[[], None]:
        """Call `callback` at every event; the returned function ends that."""
        if not self._watchers:
            for table in self.tables.values():
                table.watchers.append(self._route_events)
        self._watchers.append(callback)

        def end() -> None:
            if callback in self._watchers:
                self._watchers.remove(callback)
                if not self._watchers:
                    for table in self.tables.values():
                        table.watchers.clear()

        return end

    def publish(
        self,
        event: str,
        now: float = inf,
        *,
        neighbor: Neighbor | None = None,
        old: str | None = None,
        new: str | None = None,
        prefix: str | None = None,
        reason: str = "",
    ) -> None:
        """Tell those who watch. `now` inf: the moment of the last turn."""
        if not self._watchers:
            return
        if now == inf:
            now = self._now
        view = EventView(
            at=self.wall + now,
            event=event,
            neighbor=neighbor.spec.name if neighbor is not None else None,
            old=old,
            new=new,
            prefix=prefix,
            reason=reason,
        )
        for watcher in list(self._watchers):
            watcher(view)

    def _by_key(self, key: str, address: bytes) -> Neighbor | None:
        """The neighbor of a source."""
        if (neighbor := self.neighbors.get(address)) is not None:
            return neighbor
        return next((each for each in self.neighbors.values() if each.key == key), None)

    def _route_events(self, family: Family, changes: list[Change]) -> None:
        for change in changes:
            old, new = best_of(change.old), best_of(change.new)
            giver = new if new is not None else old
            neighbor = None
            if giver is not None and not giver.source.local:
                neighbor = self._by_key(giver.source.neighbor, giver.source.address)
            for prefix in change.prefixes:
                self.publish(
                    "route",
                    neighbor=neighbor,
                    old=_hop_text(old),
                    new=_hop_text(new),
                    prefix=format_prefix(family, prefix),
                    reason="withdrawn" if new is None else "announced" if old is None else "replaced",
                )


def _beside(neighbor: Neighbor, connection: Connection, moved: Moved) -> bool:
    """Whether a move only concerns a connection beside the one that matters: a collision's loser, a needless dial."""
    return State.ESTABLISHED not in (moved.old, moved.new) and _goes_on(neighbor, connection)


def _goes_on(neighbor: Neighbor, connection: Connection) -> bool:
    """Whether the neighbor has another connection that is far enough to carry a session in place of this one."""
    return any(c is not connection and c.session.state >= State.OPEN_SENT for c in neighbor.connections)


def on_link(next_hop: bytes, zone: int) -> bytes:
    """A next hop as the kernel's side takes it: a link-local one with the number of the session's link, 20 octets."""
    if zone and len(next_hop) >= 16 and link_local(next_hop[-16:]):
        return next_hop[-16:] + zone.to_bytes(4, "big")
    return next_hop


def next_hop_self(connection: Connection, family: Family, negotiated: Negotiated) -> bytes:
    """Our own address towards the peer, as the next hop of a family's routes; empty where there is none.

    Where both know RFC 8950, IPv4 routes over an IPv6 session have an IPv6 next hop: what that session's packets use.
    """
    transport = connection.transport
    if transport is None:
        return b""
    if family is IPV4 and negotiated.extended_next_hop and len(transport.remote_address) == 16:
        return transport.next_hops.get(IPV6, b"")
    return transport.next_hops.get(family, b"")


def _hop_text(path: Path | None) -> str | None:
    if path is None:
        return None
    return "blackhole" if path.next_hop is DISCARD else format_address(path.next_hop.address) or "self"


def _local_path(family: Family, guard: bool, router_id: bytes, now: float) -> Path:
    source = Source(GUARDED if guard else UNGUARDED, family, local=True, router_id=router_id)
    attrs = build()
    return Path(source, attrs, attrs, SELF, now)


def describe_step(step: Step) -> str:
    """A step of a reload, for logs."""
    if isinstance(step, AddNeighbor):
        return f"neighbor {step.spec.name} added"
    if isinstance(step, RemoveNeighbor):
        return f"neighbor {step.spec.name} removed"
    if isinstance(step, ChangeNeighbor):
        return f"neighbor {step.spec.name}: {', '.join(step.changed)} ({step.cost.name.lower().replace('_', ' ')})"
    what = "announced" if isinstance(step, Announce) else "withdrawn"
    return f"{format_prefix(step.originate.family, step.originate.prefix)} {what}"
