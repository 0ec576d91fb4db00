"""Read-only questions to the speaker, answered with views. Nothing here changes anything.

Iterators are lazy and bear changes between two steps; they yield None where they have looked at a slice without
finding a route, so that who consumes them can pause.
"""

from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import Final

from bgpd.model import text_of
from bgpd.policy.compile import export_rule, import_rule, silent_note
from bgpd.rib.decision import Standing, explain, why_not
from bgpd.rib.fanout import Fanout
from bgpd.rib.group import UpdateGroup
from bgpd.rib.member import Member
from bgpd.rib.path import Path, given_by
from bgpd.session.effects import Notice
from bgpd.session.fsm import State
from bgpd.speaker import retention, traits
from bgpd.speaker.dynamic import name_of
from bgpd.speaker.joining import next_hop_self
from bgpd.speaker.neighbor import Connection, Neighbor
from bgpd.speaker.speaker import Speaker
from bgpd.speaker.tables import GUARDED, UNGUARDED, Table
from bgpd.speaker.views import FamilyView, NeighborView, NotificationView, RouteView
from bgpd.wire.attrs import (
    AS_PATH,
    COMMUNITIES,
    EXT_COMMUNITIES,
    LARGE_COMMUNITIES,
    LOCAL_PREF,
    MED,
    MP_REACH_NLRI,
    NEXT_HOP,
    ORIGIN,
    Attrs,
    attr_name,
    format_attr,
)
from bgpd.wire.capability import Open
from bgpd.wire.family import FAMILIES, Family
from bgpd.wire.iana import CapabilityCode, MessageType
from bgpd.wire.iana import Origin as OriginValue
from bgpd.wire.prefix import format_address, format_prefix, pack_prefix

#: (family, prefix) -> "yes", or why it is not in the kernel (`kernel.service.installed`).
Installed = Callable[[Family, bytes], str]
_SHOWN_APART: Final = (ORIGIN, AS_PATH, NEXT_HOP, MED, LOCAL_PREF, COMMUNITIES, LARGE_COMMUNITIES, EXT_COMMUNITIES)
_KINDS: Final = tuple(MessageType)


def find_neighbor(speaker: Speaker, named: str) -> Neighbor | None:
    """By name or by address in text."""
    for neighbor in speaker.neighbors.values():
        if named in (neighbor.spec.name, neighbor.key):
            return neighbor
    return None


# ===== neighbors =====


def neighbor_view(speaker: Speaker, neighbor: Neighbor, now: float) -> NeighborView:
    """One neighbor, seen through the connection that is farthest on."""
    spec = neighbor.spec
    connection = neighbor.live or neighbor.foremost
    session, transport = connection.session, connection.transport
    negotiated = session.negotiated
    remote = session.remote_open
    sent = session.local_open
    notice = neighbor.last_notice
    return NeighborView(
        name=spec.name,
        address=neighbor.key,
        local_asn=spec.local_asn,
        remote_asn=spec.remote_asn,
        external=spec.external,
        state=session.state.label,
        since=speaker.wall + (session.since if session.since is not None else neighbor.since),
        reason=session.reason,
        established_count=neighbor.established_count,
        remote_router_id=format_address(remote.router_id) if remote is not None else None,
        local_address=format_address(transport.local_address) if transport is not None else None,
        local_port=transport.local_port if transport is not None else None,
        remote_port=transport.remote_port if transport is not None else None,
        direction=("dialed" if transport.dialed else "accepted") if transport is not None else None,
        passive=spec.passive,
        password=spec.password is not None,
        hold_time=negotiated.hold_time if negotiated is not None else spec.hold_time,
        keepalive_time=int(negotiated.keepalive_time if negotiated is not None else spec.keepalive_time),
        hold_left=session.hold_left(now),
        import_rule=spec.import_policy.name if spec.import_policy is not None else import_rule(spec).value,
        export_rule=spec.export_policy.name if spec.export_policy is not None else export_rule(spec).value,
        policy_note=silent_note(spec),
        capabilities_sent=_capabilities(sent),
        capabilities_received=_capabilities(remote),
        families=[_family_view(neighbor, connection, family, now) for family in spec.families],
        messages_received=_messages(neighbor.messages_received),
        messages_sent=_messages(neighbor.messages_sent),
        octets_received=neighbor.octets_received,
        octets_sent=neighbor.octets_sent,
        update_faults=neighbor.update_faults,
        last_fault=neighbor.last_fault,
        last_fault_attribute=neighbor.last_fault_attribute,
        faults=_faults(neighbor),
        attribute_octets=speaker.attribute_octets.of(neighbor),
        max_attribute_octets=spec.max_attribute_octets,
        last_notification=_notification_view(notice, speaker.wall) if notice is not None else None,
        input_queue_octets=connection.queue.octets if connection.queue is not None else 0,
        output_queue_octets=transport.backlog if transport is not None else 0,
        asn_rule=spec.asn_rule.value,
        disabled=neighbor.disabled,
        resume_in=max(0.0, neighbor.resume_at - now) if neighbor.resume_at != inf else None,
        dynamic=name_of(neighbor.range) if neighbor.range is not None else None,
        remote_address=text_of(spec.address, spec.interface) if spec.unnumbered and spec.address else None,
        transport=traits.transport(spec),
        rewriting=traits.rewriting(spec),
        limits=traits.limits(spec, neighbor.ribs),
        restarts=retention.words(spec, session.agreement if session.remote_open is not None else None),
        extensions=traits.extensions(spec, speaker.spec.router_id, negotiated, remote),
    )


def _faults(neighbor: Neighbor) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for (attribute, action), count in neighbor.faults.items():
        counts.setdefault(attribute, {})[action] = count
    return counts


def _capabilities(message: Open | None) -> list[str]:
    return [capability.describe() for capability in message.capabilities] if message is not None else []


def _messages(counts: list[int]) -> dict[str, int]:
    return {kind.label: counts[kind] for kind in _KINDS}


def _family_view(neighbor: Neighbor, connection: Connection, family: Family, now: float) -> FamilyView:
    rib = neighbor.ribs.get(family)
    kept = neighbor.retained.get(family)
    stale = kept.routes if kept is not None else 0
    stale_left = max(0.0, kept.until - now) if kept is not None else None
    long_lived = kept is not None and kept.long_lived
    if rib is None:
        return FamilyView(
            family=family.name, negotiated=False, stale=stale, stale_left=stale_left, long_lived=long_lived
        )
    negotiated = connection.session.negotiated
    next_hop = next_hop_self(connection, family, negotiated) if negotiated is not None else b""
    return FamilyView(
        family=family.name,
        negotiated=True,
        received=rib.received,
        accepted=rib.accepted,
        advertised=rib.advertised,
        ignored=rib.source.beyond,
        end_of_rib_received=rib.end_of_rib,
        end_of_rib_sent=rib.member.end_of_rib,
        next_hop=format_address(next_hop) if next_hop else None,
        add_path=traits.add_path(negotiated, family),
        stale=stale,
        stale_left=stale_left,
        long_lived=long_lived,
    )


def _notification_view(notice: Notice, wall: float) -> NotificationView:
    message = notice.notification
    return NotificationView(
        direction="sent" if notice.sent else "received",
        code=message.code,
        subcode=message.subcode,
        text=notice.text,
        data=message.data.hex(),
        at=wall + notice.at,
    )


# ===== routes =====


def routes(
    speaker: Speaker,
    family: Family | None,
    prefix: bytes | None,
    table: str,
    neighbor: Neighbor | None,
    installed: Installed | None,
    *,
    longest: bool = False,
) -> Iterator[RouteView | None]:
    """Routes of one table: "loc-rib", or one neighbor's "received" (adj-rib-in) or "advertised" (adj-rib-out)."""
    for each in FAMILIES if family is None else (family,):
        tables = speaker.tables[each]
        found = _match(tables, prefix, longest=longest) if prefix is not None else None
        if table == "advertised" and neighbor is not None:
            yield from _advertised(speaker, tables, neighbor, found)
        else:
            giver = neighbor.key if neighbor is not None else None
            yield from _held(speaker, tables, giver, found, installed)


def _match(table: Table, prefix: bytes, *, longest: bool) -> list[bytes]:
    """The prefix itself, or the longest one in the table that covers it."""
    known = table.rib.table
    if not longest:
        return [prefix] if prefix in known else []
    address = prefix[1:].ljust(table.family.octets, b"\0")
    for length in range(prefix[0], -1, -1):
        shorter = pack_prefix(address, length)
        if shorter in known:
            return [shorter]
    return []


def _held(
    speaker: Speaker, table: Table, giver: str | None, only: list[bytes] | None, installed: Installed | None
) -> Iterator[RouteView | None]:
    """What the loc-rib holds, all of it or what one neighbor gave."""
    names = {n.key: n.spec.name for n in speaker.neighbors.values()}
    for prefixes in [only] if only is not None else table.rib.walk(256):
        for prefix in prefixes:
            entry = table.rib.table.get(prefix)
            if giver is not None and not given_by(entry, giver):
                continue
            for standing in explain(entry):
                if giver is None or standing.path.source.neighbor == giver:
                    yield _route_view(speaker, table.family, prefix, standing, names, installed)
        yield None


def _route_view(
    speaker: Speaker,
    family: Family,
    prefix: bytes,
    standing: Standing,
    names: dict[str, str],
    installed: Installed | None,
) -> RouteView:
    path = standing.path
    local = path.source.local
    attrs = path.attrs if path.attrs is not None else path.attrs_in
    others = local and path.source.neighbor not in (GUARDED, UNGUARDED)  # redistributed: its route is not ours to write
    in_fib = installed(family, prefix) if installed is not None and standing.best and not others else None
    held = speaker.tables[family].held_back(prefix) if standing.best else None
    return _view(
        family,
        prefix,
        attrs,
        source=_giver(path, names),
        next_hop="self" if local else format_address(attrs.next_hop),
        best=standing.best,
        multipath=standing.shares,
        eligible=path.eligible(),
        reason=standing.words or why_not(path),
        since=speaker.wall + path.since,
        installed=in_fib,
        held_back=held.value if held is not None else "",
        path_id=path.path_id or None,
        stale=_staleness(path),
    )


def _staleness(path: Path) -> str:
    if path.last_resort():
        return "long-lived"
    return "restart" if path.source.stale else ""


def _advertised(
    speaker: Speaker, table: Table, neighbor: Neighbor, only: list[bytes] | None
) -> Iterator[RouteView | None]:
    rib = neighbor.ribs.get(table.family)
    if rib is None:
        return
    if rib.default is not None:
        yield from _told(speaker, table.family, *rib.default, only)
    yield from _told(speaker, table.family, rib.group, rib.member, only)


def _told(
    speaker: Speaker, family: Family, group: UpdateGroup, member: Member, only: list[bytes] | None
) -> Iterator[RouteView | None]:
    """What one update group has told a member."""
    fanout = group.loc_rib if isinstance(group.loc_rib, Fanout) else None
    told: Iterable[tuple[bytes, Attrs | None]] = group.looked_at(member)
    if only is not None:
        items = only if fanout is None else [item for prefix in only for item in fanout.items(prefix)]
        told = [(item, group.advertised_route(member, item)) for item in items]
    names = {n.key: n.spec.name for n in speaker.neighbors.values()}
    for count, (item, attrs) in enumerate(told, 1):
        if attrs is not None:
            best = group.loc_rib.best(item)
            prefix = item if fanout is None else item[4:]
            yield _view(
                family,
                prefix,
                attrs,
                source=_giver(best, names),
                next_hop=format_address(attrs.next_hop),
                best=True,
                multipath=False,
                eligible=True,
                reason="advertised",
                since=speaker.wall + best.since if best is not None else 0.0,
                installed=None,
                path_id=None if fanout is None else int.from_bytes(item[:4], "big"),
            )
        if count % 256 == 0:
            yield None


def _giver(path: Path | None, names: dict[str, str]) -> str:
    if path is None:
        return ""
    name = path.source.neighbor
    return "local" if name in (GUARDED, UNGUARDED) else names.get(name, name)


def _view(
    family: Family,
    prefix: bytes,
    attrs: Attrs,
    *,
    source: str,
    next_hop: str,
    best: bool,
    multipath: bool,
    eligible: bool,
    reason: str,
    since: float,
    installed: str | None,
    held_back: str = "",
    path_id: int | None = None,
    stale: str = "",
) -> RouteView:
    def words(code: int) -> list[str]:
        value = attrs.get(code)
        return format_attr(code, value).split() if value else []

    others = {
        attr_name(code): format_attr(code, value)
        for _flags, code, value in attrs.items()
        if code not in _SHOWN_APART and code != MP_REACH_NLRI
    }
    return RouteView(
        family=family.name,
        prefix=format_prefix(family, prefix),
        source=source,
        next_hop=next_hop,
        best=best,
        multipath=multipath,
        eligible=eligible,
        reason=reason,
        origin=OriginValue(attrs.origin).label,
        as_path=format_attr(AS_PATH, attrs.as_path_value()),
        local_pref=attrs.local_pref if attrs.local_pref >= 0 else None,
        med=attrs.med if attrs.med >= 0 else None,
        communities=words(COMMUNITIES),
        large_communities=words(LARGE_COMMUNITIES),
        ext_communities=words(EXT_COMMUNITIES),
        attributes=others,
        since=since,
        installed=installed,
        held_back=held_back,
        path_id=path_id,
        stale=stale,
    )


# ===== readiness =====


def silent_neighbors(speaker: Speaker) -> list[str]:
    """Neighbors that are not Established, each with its state and reason, in words."""
    return [
        f"neighbor {n.spec.name}: {n.state.label}: {n.foremost.session.reason}"
        for n in speaker.neighbors.values()
        if n.state is not State.ESTABLISHED and not n.disabled
    ]


def waiting_for_end_of_rib(speaker: Speaker) -> list[str]:
    """Established neighbors that have not yet said everything, of those that say when they have.

    Only a speaker with the graceful restart capability owes us the marker (RFC 4724 section 2).
    """
    return [
        f"neighbor {n.spec.name}: End-of-RIB not received for {', '.join(missing)}"
        for n in speaker.neighbors.values()
        if n.live is not None
        and n.live.session.remote_open is not None
        and n.live.session.remote_open.find(CapabilityCode.GRACEFUL_RESTART)
        and (missing := [family.name for family, rib in n.ribs.items() if not rib.end_of_rib])
    ]
