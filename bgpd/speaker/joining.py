"""A session's place in the tables: its source and chains, and the update group that tells it routes.

`join` is for a session that came up. `repolicy` is for one that stays under other rules: what it gave is judged
again, and what it was told is compared with what it should be told now (`regroup`: leave one group, join another).
"""

from dataclasses import replace
from functools import partial
from typing import Final

from bgpd.model import ExportRule, NextHopRule
from bgpd.policy import rewrite
from bgpd.policy.chain import Chain
from bgpd.policy.compile import cluster_ids, cluster_of, export_chain, export_rule, import_chain
from bgpd.rib.fanout import Fanout
from bgpd.rib.group import UpdateGroup
from bgpd.rib.member import GroupKey, Member
from bgpd.rib.path import Source
from bgpd.speaker.defaults import Defaults, WithoutDefault, take_defaults, wants_default
from bgpd.speaker.holdings import Holdings
from bgpd.speaker.intake import Intake
from bgpd.speaker.limits import limit_out
from bgpd.speaker.neighbor import Connection, Neighbor, Rib
from bgpd.speaker.policing import ByItem, Exporter
from bgpd.wire.capability import Negotiated
from bgpd.wire.family import IPV4, IPV6, Family


class Joining:
    """Puts sessions into the tables' sources and groups, and moves them."""

    def __init__(self, held: Holdings, intake: Intake, defaults: Defaults) -> None:
        self._held: Final = held
        self._intake: Final = intake
        self._defaults: Final = defaults
        self.told_with_limit: Final[set[Neighbor]] = set()  #: Established, and with max_prefix_out

    def join(self, connection: Connection, family: Family, negotiated: Negotiated) -> Rib:
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
            cluster=cluster_of(spec, self._held.spec.router_id),
        )
        group, member = self.member(connection, family, negotiated)
        member.deferred = self._held.recovery.active
        group.join(member)
        ours = frozenset(connection.transport.next_hops.values())
        rib = Rib(source, self._imports(neighbor, family, ours), group, member)
        member.on_begin = partial(self._defaults.again, rib)
        rib.local_addresses = ours
        rib.zone = connection.transport.zone
        if wants_default(spec):
            self._defaults.join(rib, *self.member(connection, family, negotiated, default=True), {})
        rib.accepts_blackhole = spec.accept_blackhole
        rib.with_ids = family in negotiated.add_path_receive
        return rib

    def _imports(self, neighbor: Neighbor, family: Family, local_addresses: frozenset[bytes]) -> Chain:
        return import_chain(
            neighbor.spec,
            router_id=self._held.spec.router_id,
            local_addresses=local_addresses,
            family=family,
            policies=self._held.policies,
            clusters=cluster_ids(self._held.spec),
        )

    def member(
        self, connection: Connection, family: Family, negotiated: Negotiated, *, default: bool = False
    ) -> tuple[UpdateGroup, Member]:
        """The update group that this neighbor's settings and session lead to, and a member for it (not joined).

        `default`: the one from which it is told a default route of its own.
        """
        spec = connection.neighbor.spec
        router_id = self._held.spec.router_id
        without_default = wants_default(spec) and not default
        if default:
            spec = replace(spec, export_rule=ExportRule.OWN, export_policy=None)
        next_hop = next_hop_self(connection, family, negotiated)
        if not next_hop and not default:
            self._say_no_next_hop(connection.neighbor, family)
        knows_llgr = connection.session.agreement.long_lived_capable
        drain = self._held.drains or spec.graceful_shutdown
        # RFC 4724 section 4.1: who restarts selects nothing, and so passes nothing on, before its table is whole.
        waits = self._held.recovery.active and connection.session.agreement.capable
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
                *(cluster_of(spec, router_id), spec.export_rule, spec.role, negotiated.extended_next_hop),
                *(without_default, rewrite.key(spec)),
                *(several, spec.add_path_paths if several else 0, waits),
            ),
        )
        chain = export_chain(
            spec,
            router_id=router_id,
            next_hop=next_hop,
            next_hop_self=spec.next_hop is NextHopRule.SELF,
            family=family,
            policies=self._held.policies,
            knows_llgr=knows_llgr,
            drain=drain,
            waits=waits,
            short_next_hop=family is IPV4 and not negotiated.extended_next_hop,
        )
        exporter = WithoutDefault(chain) if without_default else Exporter(chain)
        table = self._defaults.tables[family] if default else self._held.tables[family]
        reads_prefix = chain.reads_prefix or without_default
        fanout: Fanout | None = None
        if several:
            fanout, job = table.fan_out(spec.add_path_paths, key)
            if job is not None:
                self._held.jobs.add(f"{family.name} paths for ADD-PATH", job)
        by_prefix = (exporter if fanout is None else ByItem(exporter)) if reads_prefix else None
        group = table.group(key, exporter, negotiated, by_prefix, fanout)
        member = Member(connection.neighbor.key, connection)
        if not default:
            member.limit = limit_out(spec)
        return group, member

    def _say_no_next_hop(self, neighbor: Neighbor, family: Family) -> None:
        why = f"no {family.name} address on the session's interface: nothing can be announced"
        self._held.log("info", "no_next_hop", {"neighbor": neighbor.spec.name, "family": family.name, "reason": why})

    def leave(self, neighbor: Neighbor, family: Family, rib: Rib) -> None:
        """The session is over: it is told nothing any more."""
        rib.group.remove(rib.member)
        self._held.tables[family].release(rib.group)
        self._defaults.leave(family, rib)
        self.told_with_limit.discard(neighbor)

    def look_at_limits(self, neighbor: Neighbor) -> None:
        """The limit of what it is told may be another one, or it has a session now."""
        for rib in neighbor.ribs.values():
            rib.member.limit = limit_out(neighbor.spec)
        if neighbor.ribs and neighbor.spec.max_prefix_out:
            self.told_with_limit.add(neighbor)
        else:
            self.told_with_limit.discard(neighbor)

    def repolicy(self, neighbor: Neighbor, now: float) -> None:
        """Other rules, the same session or none: stored routes are judged again, told routes are compared.

        Stored are also the generations before the present one (RFC 7313), and what is kept through a restart.
        """
        for family, rib in neighbor.ribs.items():
            self._judge(neighbor, family, rib, rib.sources, now)
            rib.inherit()
        for family, kept in neighbor.retained.items():
            self._judge(neighbor, family, kept.rib, kept.sources, now)
            kept.rib.inherit()
            kept.sources = [source.last_heir() for source in kept.sources]
        if neighbor.live is not None:
            self.regroup(neighbor)

    def _judge(self, neighbor: Neighbor, family: Family, rib: Rib, sources: list[Source], now: float) -> None:
        rib.imports = self._imports(neighbor, family, rib.local_addresses)
        rib.accepts_blackhole = neighbor.spec.accept_blackhole
        cluster = cluster_of(neighbor.spec, self._held.spec.router_id)
        for source in sources:
            source.paths.clear()
            if source.cluster != cluster:
                source.in_cluster(cluster)  # what it gave is another thing to those that it is reflected to
            again = self._intake.reimport(self._held.tables[family], rib, source, now)
            self._held.jobs.add(f"import of {neighbor.key} again", again)

    def regroup(self, neighbor: Neighbor) -> None:
        """What a neighbor is told may have another form now: into the group that it belongs to."""
        connection = neighbor.live
        assert connection is not None
        negotiated = connection.session.negotiated
        assert negotiated is not None
        for family, rib in neighbor.ribs.items():
            group, member = self.member(connection, family, negotiated)
            if group is not rib.group:
                member.end_of_rib = rib.member.end_of_rib
                member.deferred = rib.member.deferred
                member.on_begin = partial(self._defaults.again, rib)
                if rib.default is None and not wants_default(neighbor.spec) and group.loc_rib is rib.group.loc_rib:
                    rib.group.move(rib.member, group, member)
                    self._held.tables[family].release(rib.group)
                    if rib.member.marked or rib.member.again:
                        group.refresh(member, marked=True)
                    rib.group, rib.member = group, member
                    continue
                told = rib.group.leave(rib.member)
                self._held.tables[family].release(rib.group)
                told |= self._defaults.leave(family, rib)
                if wants_default(neighbor.spec):
                    mine = self.member(connection, family, negotiated, default=True)
                    had = take_defaults(told, with_ids=family in negotiated.add_path_send)
                    self._defaults.join(rib, *mine, had)
                group.join(member, told)
                if rib.member.marked or rib.member.again:
                    group.refresh(member, marked=True)  # another BoRR is allowed, and EoRR has to come
                rib.group, rib.member = group, member


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
