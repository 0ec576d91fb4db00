"""What neighbors tell the speaker (`neighbor.Host`): sessions move, come up and go down, refreshes are wanted.

A session that comes up gets an inbox queue and joins the tables; one that goes down leaves them, and its routes
either stay for a while (`retention`) or are taken out by a job. What an operator would want to know is logged here,
at a level that does not turn a peer that is away into a log for ever.
"""

from typing import Final

from bgpd.session.effects import Down, DownReason, Moved, Refresh
from bgpd.session.fsm import State
from bgpd.session.restart import Outcome, outcome
from bgpd.speaker.dynamic import Dynamic
from bgpd.speaker.holdings import Holdings
from bgpd.speaker.inbox import Inbox, Queue
from bgpd.speaker.joining import Joining
from bgpd.speaker.neighbor import Connection, Neighbor
from bgpd.speaker.ports import Transport
from bgpd.speaker.refresh import Refreshes
from bgpd.speaker.retention import Retention
from bgpd.speaker.watching import Watchers
from bgpd.wire.capability import Negotiated

_RETRYING: Final = (State.IDLE, State.CONNECT, State.ACTIVE)


class Sessions:
    """The connections that there are, and what becomes of their sessions."""

    def __init__(
        self,
        held: Holdings,
        inbox: Inbox[Connection],
        joining: Joining,
        retention: Retention,
        refreshes: Refreshes,
        dynamic: Dynamic,
        watchers: Watchers,
    ) -> None:
        self.connections: Final[dict[Transport, Connection]] = {}
        self._held: Final = held
        self._inbox: Final = inbox
        self._joining: Final = joining
        self._retention: Final = retention
        self._refreshes: Final = refreshes
        self._dynamic: Final = dynamic
        self._watchers: Final = watchers

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
        beside = _beside(neighbor, connection, moved)
        self._held.log(_level(neighbor, connection, moved, beside=beside), "session", fields)
        if not beside:
            old, new = moved.old.label, moved.new.label
            self._watchers.publish("session", now, neighbor=neighbor, old=old, new=new, reason=moved.reason)

    def session_up(self, connection: Connection, negotiated: Negotiated) -> None:
        neighbor = connection.neighbor
        transport = connection.transport
        assert transport is not None
        connection.queue = Queue(transport, connection)
        for family in negotiated.families:
            neighbor.ribs[family] = self._joining.join(connection, family, negotiated)
        self._joining.look_at_limits(neighbor)
        self._retention.back(neighbor, negotiated.families, connection.session.agreement, self._held.now)
        for family in neighbor.spec.families:
            if family not in negotiated.families:
                self._held.log(
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
        jobs = self._held.jobs
        for family, rib in neighbor.ribs.items():
            table = self._held.tables[family]
            self._joining.leave(neighbor, family, rib)
            if self._held.leaving:
                continue
            if kept and agreement.keeps(family):
                collided = down.reason is DownReason.COLLISION
                self._retention.keep(neighbor, family, rib, agreement, now, collided=collided)
                continue
            self._retention.drop(neighbor, family)
            for source in rib.sources:
                jobs.add(f"routes of {neighbor.key} leave", table.walk(table.rib.drop(source)))
        neighbor.ribs.clear()

    def retention_due(self, neighbor: Neighbor, now: float) -> None:
        self._retention.due(neighbor, now)
        if neighbor.range is not None:
            self._dynamic.over.append(neighbor)

    def connection_over(self, neighbor: Neighbor) -> None:
        self._dynamic.over.append(neighbor)

    def refresh_wanted(self, connection: Connection, refresh: Refresh, now: float) -> None:
        self._refreshes.wanted(connection, refresh, now)

    def refresh_due(self, neighbor: Neighbor, now: float) -> None:
        self._refreshes.due(neighbor, now)

    def forget(self, transport: Transport) -> None:
        self.connections.pop(transport, None)


def _level(neighbor: Neighbor, connection: Connection, moved: Moved, *, beside: bool) -> str:
    """How loud a move is. A peer that is away is dialed for ever: said at info once, and when the reason changes."""
    if beside:
        return "debug"
    if moved.new not in _RETRYING:
        neighbor.last_logged = ""
        return "info"
    if moved.old not in _RETRYING:
        return "info" if _goes_on(neighbor, connection) else "warning"
    failed = moved.new is not State.CONNECT
    level = "info" if failed and moved.reason != neighbor.last_logged else "debug"
    if failed:
        neighbor.last_logged = moved.reason
    return level


def _beside(neighbor: Neighbor, connection: Connection, moved: Moved) -> bool:
    """Whether a move only concerns a connection beside the one that matters: a collision's loser, a needless dial."""
    return State.ESTABLISHED not in (moved.old, moved.new) and _goes_on(neighbor, connection)


def _goes_on(neighbor: Neighbor, connection: Connection) -> bool:
    """Whether the neighbor has another connection that is far enough to carry a session in place of this one."""
    return any(c is not connection and c.session.state >= State.OPEN_SENT for c in neighbor.connections)
