"""Those who watch: events of sessions, routes and configuration, as they happen (`bgpctl watch`).

While nobody watches, nothing is made: the tables are told to report their changes only from the first watcher on,
until the last one has gone.
"""

from collections.abc import Callable
from math import inf
from typing import Final

from bgpd.rib.loc_rib import Change
from bgpd.rib.nexthop import DISCARD
from bgpd.rib.path import Path, best_of
from bgpd.speaker.events import EventView
from bgpd.speaker.holdings import Holdings
from bgpd.speaker.neighbor import Neighbor
from bgpd.wire.family import Family
from bgpd.wire.prefix import format_address, format_prefix


class Watchers:
    """Who wants to know, and the telling."""

    def __init__(self, held: Holdings) -> None:
        self._held: Final = held
        self._watchers: Final[list[Callable[[EventView], None]]] = []

    def subscribe(self, callback: Callable[[EventView], None]) -> Callable[[], None]:
        """Call `callback` at every event; the returned function ends that."""
        if not self._watchers:
            for table in self._held.tables.values():
                table.watchers.append(self._route_events)
        self._watchers.append(callback)

        def end() -> None:
            if callback in self._watchers:
                self._watchers.remove(callback)
                if not self._watchers:
                    for table in self._held.tables.values():
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
            now = self._held.now
        view = EventView(
            at=self._held.wall + now,
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
        neighbors = self._held.neighbors
        if (neighbor := neighbors.get(address)) is not None:
            return neighbor
        return next((each for each in neighbors.values() if each.key == key), None)

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


def _hop_text(path: Path | None) -> str | None:
    if path is None:
        return None
    return "blackhole" if path.next_hop is DISCARD else format_address(path.next_hop.address) or "self"
