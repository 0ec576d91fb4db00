"""Answers for people and programs: what control and http ask, from the speaker, the kernel and the process.

`speaker.query` answers what the speaker knows; here it is joined with what only the running process knows
(its memory, the loop's lateness, the kernel service, readiness). Nothing here changes anything or waits.
"""

import asyncio
import os
import platform
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import bgpd
from bgpd import compiled
from bgpd.http.service import Health
from bgpd.http.snapshot import ClusterMetrics, FamilyMetrics, FibMetrics, Histogram, MetricsSnapshot, NeighborMetrics
from bgpd.net.engine import Engine
from bgpd.net.io_clock import now, wall
from bgpd.net.io_loop import BUCKETS, Stalls
from bgpd.session.fsm import State
from bgpd.speaker import admin, policy_query, query
from bgpd.speaker.events import EventView
from bgpd.speaker.neighbor import Neighbor
from bgpd.speaker.speaker import Speaker
from bgpd.speaker.views import (
    ActionView,
    KernelCheckView,
    KernelView,
    NeighborView,
    PolicyTestView,
    PolicyView,
    RouteView,
    StatusView,
)
from bgpd.wire.family import FAMILIES, Family
from bgpd.wire.iana import MessageType
from bgpd.wire.prefix import covers, format_address, format_prefix

if TYPE_CHECKING:
    from bgpd.kernel.service import KernelService

GRACE: Final = 30.0  #: seconds after the start in which every session must come up before this speaker is ready
STALLED: Final = 5.0  #: seconds without a turn that was due, after which the speaker counts as stalled
_MANY: Final = 1000  #: prefixes; of more than these a node tells its cluster only those in pools
_MOST_TOLD: Final = 50_000  #: prefixes in one report
_MOST_TERMS: Final = 1000  #: terms of policies that have a time series each
_PAUSE: Final = 16  #: neighbors looked at between two chances to do something else
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_KINDS: Final = tuple(MessageType)


class Answers:
    """`control.commands.Queries` and `http.service.Pages` of a running daemon."""

    def __init__(
        self,
        *,
        hostname: str,
        listening: Callable[[], list[str]],
        engine: Engine,
        stalls: Stalls,
        restart: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """`restart` makes the daemon leave for a restart; it takes words for the log."""
        self.reloads = self.reload_failures = 0  #: configurations taken over, and refused
        self.cluster: Callable[[], ClusterMetrics | None] = lambda: None  #: what is to be said of the datastore
        self._hostname: Final = hostname
        self._listening: Final = listening
        self._engine: Final = engine
        self._stalls: Final = stalls
        self._restart: Final = restart
        self._started: Final = now()
        self._speaker: Speaker | None = None
        self._kernel: KernelService | None = None

    def start(self, speaker: Speaker, kernel: "KernelService | None") -> None:
        """From here on there is something to answer about."""
        self._speaker = speaker
        self._kernel = kernel

    @property
    def speaker(self) -> Speaker:
        assert self._speaker is not None
        return self._speaker

    # ===== control =====

    def status(self) -> StatusView:
        speaker = self.speaker
        reasons = self.not_ready()
        return StatusView(
            version=bgpd.__version__,
            hostname=self._hostname,
            pid=os.getpid(),
            asn=speaker.spec.asn,
            router_id=format_address(speaker.spec.router_id),
            started=wall() - (now() - self._started),
            uptime=now() - self._started,
            listen=self._listening(),
            neighbors=len(speaker.neighbors),
            established=sum(n.live is not None for n in speaker.neighbors.values()),
            prefixes={family.name: len(table.rib) for family, table in speaker.tables.items()},
            paths={family.name: table.rib.paths for family, table in speaker.tables.items()},
            update_groups=sum(len(table.groups) for table in speaker.tables.values()),
            ready=not reasons,
            not_ready=reasons,
            kernel_in_sync=self._kernel.in_sync() if self._kernel is not None else None,
            rss=resident(),
            loop_stall=self._stalls.worst(),
            compiled=bool(compiled.rooms()),
            restarting=speaker.recovery.active,
            draining=speaker.draining,
        )

    def neighbors(self) -> Iterator[NeighborView | None]:
        for neighbor in list(self.speaker.neighbors.values()):
            yield query.neighbor_view(self.speaker, neighbor, now())

    def neighbor(self, name_or_address: str) -> NeighborView | None:
        neighbor = query.find_neighbor(self.speaker, name_or_address)
        return query.neighbor_view(self.speaker, neighbor, now()) if neighbor is not None else None

    def routes(
        self, family: Family | None, prefix: bytes | None, table: str, neighbor: str | None, *, longest: bool = False
    ) -> Iterator[RouteView | None]:
        found = query.find_neighbor(self.speaker, neighbor) if neighbor is not None else None
        installed = self._kernel.installed if self._kernel is not None else None
        return query.routes(self.speaker, family, prefix, table, found, installed, longest=longest)

    def policies(self) -> Iterator[PolicyView]:
        return policy_query.policies(self.speaker)

    def policy_test(
        self, policy: str | None, neighbor: str | None, route: Mapping[str, Any] | None, way: str
    ) -> Iterator[PolicyTestView | None]:
        speaker = self.speaker
        spec = policy_query.find(policy_query.known(speaker), policy) if policy is not None else None
        found = query.find_neighbor(speaker, neighbor) if neighbor is not None else None
        if route is None:
            assert found is not None
            return policy_query.live(speaker, spec, found, way)
        assert spec is not None
        direction = "import" if way == "in" else "export"
        return iter([policy_query.given(spec, found, direction=direction, **route)])

    def kernel(self, routes: bool) -> KernelView:
        if self._kernel is not None:
            return self._kernel.view(routes)
        spec = self.speaker.spec.kernel
        return KernelView(
            enabled=False,
            table=spec.table,
            protocol=spec.protocol,
            metric=spec.metric,
            in_sync=True,
            wanted=0,
            installed=0,
            pending=0,
            failed=0,
            conflicts=0,
            unresolved=0,
        )

    def kernel_check(self) -> Awaitable[KernelCheckView]:
        """`control.commands.Queries`."""
        if self._kernel is None:
            raise ValueError("the kernel is not used (--no-kernel): there is nothing to compare")
        return self._kernel.check()

    def manage(self, action: str, text: str) -> ActionView:
        """`control.commands.Queries`."""
        speaker = self.speaker
        if action == "restart":
            self._restart(text)
            established = sum(n.live is not None for n in speaker.neighbors.values())
            return ActionView(neighbor="", result=f"leaving; {established} sessions close without a word")
        told = speaker.drain(on=action == "drain")
        self._engine.poke()
        what = "about to go (GRACEFUL_SHUTDOWN)" if action == "drain" else "usual"
        return ActionView(neighbor="", result=f"our routes are announced to {told} neighbors as {what}")

    def act(self, action: str, name_or_address: str, text: str) -> ActionView:
        """`control.commands.Queries`."""
        speaker = self.speaker
        neighbor = query.find_neighbor(speaker, name_or_address)
        if neighbor is None:
            raise ValueError(f"there is no neighbor {name_or_address!r} any more")
        at = now()
        acts: dict[str, Callable[[], str]] = {
            "enable": lambda: admin.enable(speaker, neighbor, at),
            "disable": lambda: admin.disable(speaker, neighbor, text, at),
            "reset": lambda: admin.reset(speaker, neighbor, text, at),
            "reset soft in": lambda: admin.soft_in(speaker, neighbor, at),
            "reset soft out": lambda: admin.soft_out(speaker, neighbor, at),
        }
        result = acts[action]()
        self._engine.poke()
        return ActionView(neighbor=neighbor.spec.name, result=result)

    def subscribe(self, callback: Callable[[EventView], None]) -> Callable[[], None]:
        return self.speaker.subscribe(callback)

    async def report(self, pools: Collection[tuple[Family, bytes]]) -> dict[str, Any]:
        """What this node tells its cluster: sessions, what it announces as its own, what it has.

        Of a large table only what lies in `pools` (the cluster's, packed), None where that is too much, too: "has". The
        table is looked at in slices, with the loop's turn in between.
        """
        speaker = self.speaker
        sessions = [
            {
                "name": n.spec.name,
                "address": format_address(n.spec.address),
                "state": _state(n),
                "asn": n.spec.remote_asn,
            }
            for n in speaker.neighbors.values()
            if n.spec.address
        ]
        own = [format_prefix(each.family, each.prefix) for each in speaker.spec.originate]
        has: list[str] = []
        everything = sum(len(table.rib) for table in speaker.tables.values()) <= _MANY
        for family, table in speaker.tables.items():
            near = [prefix for each, prefix in pools if each is family]
            for prefixes in table.rib.walk() if everything or near else ():
                inside = prefixes if everything else [p for p in prefixes if any(covers(pool, p) for pool in near)]
                has += [format_prefix(family, p) for p in inside if table.rib.best(p) is not None]
                if len(has) > _MOST_TOLD:
                    break
                await asyncio.sleep(0)
        return {
            "version": bgpd.__version__,
            "router_id": format_address(speaker.spec.router_id),
            "sessions": sorted(sessions, key=lambda each: str(each["address"])),
            "announces": sorted(own),
            "has": sorted(has) if len(has) <= _MOST_TOLD else None,
        }

    # ===== health =====

    def health(self) -> Health:
        late = self._engine.overdue()
        stalled = f"the speaker's turn is {late:.1f} s late" if late > STALLED else ""
        return Health(loop_stall=self._stalls.worst(), stalled=stalled)

    def not_ready(self) -> list[str]:
        """Why traffic should not be sent here, in words; empty: it should.

        In the first GRACE seconds every neighbor must be Established and have said End-of-RIB. After that one
        session is enough: a neighbor that is dead must not take this node out of service, too.
        """
        speaker = self.speaker
        reasons = []
        if self._kernel is not None and not self._kernel.in_sync():
            counts = self._kernel.counts()
            detail = ", ".join(f"{counts[name]} {name}" for name in ("pending", "failed", "conflicts") if counts[name])
            reasons.append(f"kernel routes are not in step: {detail or 'being written'}")
        silent = query.silent_neighbors(speaker)
        if now() - self._started < GRACE:
            reasons += silent + query.waiting_for_end_of_rib(speaker)
        elif silent and len(silent) == len(speaker.neighbors):
            reasons += silent
        if (health := self.health()).stalled:
            reasons.append(health.stalled)
        return reasons

    # ===== metrics =====

    def metrics(self) -> Iterator[MetricsSnapshot | None]:
        """`http.service.Pages`."""
        speaker = self.speaker
        neighbors: list[NeighborMetrics] = []
        for number, neighbor in enumerate(list(speaker.neighbors.values()), 1):
            neighbors.append(_neighbor_metrics(speaker, neighbor))
            if number % _PAUSE == 0:
                yield None
        yield MetricsSnapshot(
            version=bgpd.__version__,
            python=platform.python_version(),
            compiled=compiled.rooms(),
            asn=speaker.spec.asn,
            router_id=format_address(speaker.spec.router_id),
            ready=not self.not_ready(),
            neighbors=neighbors,
            prefixes={family.name: len(table.rib) for family, table in speaker.tables.items()},
            paths={family.name: table.rib.paths for family, table in speaker.tables.items()},
            update_groups=sum(len(table.groups) for table in speaker.tables.values()),
            attribute_sets=len(speaker.attrs),
            policies=speaker.policies.counts(_MOST_TERMS),
            redistributed=speaker.redistributed.counts(),
            fib=self._fib_metrics(),
            loop_stall=Histogram(bounds=BUCKETS, counts=self._stalls.counts, total=self._stalls.total),
            connections_refused=speaker.refused,
            reloads=self.reloads,
            reload_failures=self.reload_failures,
            restarting=speaker.recovery.active,
            draining=speaker.draining,
            cluster=self.cluster(),
        )

    def _fib_metrics(self) -> FibMetrics | None:
        kernel = self._kernel
        if kernel is None:
            return None
        counts, counters = kernel.counts(), kernel.counters
        return FibMetrics(
            in_sync=kernel.in_sync(),
            wanted={family.name: kernel.counts(family)["wanted"] for family in FAMILIES},
            installed=counts["installed"],
            pending=counts["pending"],
            failed=counts["failed"],
            conflicts=counts["conflicts"],
            unresolved=counts["unresolved"],
            writes=counters["routes_created"] + counters["routes_replaced"] + counters["routes_deleted"],
            write_errors=counters["routes_refused"],
            repairs=counters["routes_repaired"],
            resyncs=counters["resyncs"],
            fights=counters["fights"],
            audits=counters["audits"],
            audit_differences=counters["audit_differences"],
            audited=kernel.audited(),
            held_back=_held_back(self.speaker),
            overlay_devices=kernel.overlay()[0],
            overlay_entries=kernel.overlay()[1],
            overlay_errors=counters["overlay_errors"],
        )


def _held_back(speaker: Speaker) -> dict[str, int]:
    """Best routes that are not announced because the kernel has not got them; empty where nobody waits for that."""
    gates = [table.gate for table in speaker.tables.values() if table.gate is not None]
    pending = sum(gate.pending for gate in gates)
    return {"pending": pending, "refused": sum(len(gate.held) for gate in gates) - pending} if gates else {}


def _neighbor_metrics(speaker: Speaker, neighbor: Neighbor) -> NeighborMetrics:
    live = neighbor.live
    transport = live.transport if live is not None else None
    return NeighborMetrics(
        name=neighbor.spec.name,
        address=neighbor.key,
        remote_asn=neighbor.spec.remote_asn,
        external=neighbor.spec.external,
        state=_state(neighbor),
        state_changed_at=speaker.wall + neighbor.since,
        disabled=bool(neighbor.disabled),
        limit=neighbor.spec.max_prefix,
        established=neighbor.established_count,
        dropped=neighbor.dropped,
        notifications_sent=neighbor.notifications_sent,
        notifications_received=neighbor.notifications_received,
        families={
            family.name: FamilyMetrics(received=rib.received, accepted=rib.accepted, advertised=rib.advertised)
            for family, rib in neighbor.ribs.items()
        },
        messages_received={kind.label: neighbor.messages_received[kind] for kind in _KINDS},
        messages_sent={kind.label: neighbor.messages_sent[kind] for kind in _KINDS},
        octets_received=neighbor.octets_received,
        octets_sent=neighbor.octets_sent,
        update_faults=neighbor.update_faults,
        stale={family.name: kept.routes for family, kept in neighbor.retained.items()},
        faults=neighbor.faults,
        attribute_octets=speaker.attribute_octets.of(neighbor),
        input_queue_octets=live.queue.octets if live is not None and live.queue is not None else 0,
        output_queue_octets=transport.backlog if transport is not None else 0,
    )


def _state(neighbor: Neighbor) -> str:
    return State.ESTABLISHED.label if neighbor.live is not None else neighbor.state.label


def resident() -> int:
    """Octets of memory that this process has in RAM."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - a Path costs more than the read
        return int(file.read().split()[1]) * _PAGE
