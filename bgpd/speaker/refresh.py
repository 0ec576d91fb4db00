"""Refreshes: everything again, in either direction, on a session that stays (RFC 2918, RFC 7313).

Out: the peer asks, and its member of the update group is told the whole table anew; between two marks (BoRR, EoRR)
where both ends know RFC 7313, so that the peer can let go of what it was not told again.

In: we ask (`ask`). A peer that knows RFC 7313 marks what follows. From its BoRR on, what it gives belongs to a new
generation of its source; EoRR sweeps what is left of the older ones. A peer that forgets EoRR has `LIMIT` seconds.
A second BoRR before EoRR only opens one generation more.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from bgpd.session.effects import Refresh
from bgpd.speaker.defaults import Defaults
from bgpd.speaker.jobs import Jobs
from bgpd.speaker.neighbor import Connection, Neighbor, Rib
from bgpd.speaker.tables import Table
from bgpd.wire.family import Family
from bgpd.wire.iana import MessageType, RefreshSubtype
from bgpd.wire.writer import encode_route_refresh

LIMIT: Final = 360.0  #: seconds from BoRR to EoRR, after which stale routes go all the same (RFC 7313 section 4)


class Refreshes:
    """The requests and the marks of every neighbor."""

    def __init__(self, tables: Mapping[Family, Table], jobs: Jobs) -> None:
        self._tables: Final = tables
        self._jobs: Final = jobs

    def wanted(self, connection: Connection, refresh: Refresh, now: float) -> None:
        """A ROUTE-REFRESH has come. Unknown subtypes are ignored (RFC 7313 section 5)."""
        neighbor = connection.neighbor
        rib = neighbor.ribs.get(refresh.family)
        negotiated = connection.session.negotiated
        if rib is None or negotiated is None:
            return
        if refresh.subtype == RefreshSubtype.REQUEST:
            # A default route of its own comes from another group, behind the mark (`Member.on_begin`).
            if not negotiated.enhanced_refresh:
                Defaults.again(rib)
            rib.group.refresh(rib.member, marked=negotiated.enhanced_refresh)
        elif negotiated.enhanced_refresh and refresh.subtype == RefreshSubtype.BEGIN:
            self._begin(neighbor, rib, now)
        elif negotiated.enhanced_refresh and refresh.subtype == RefreshSubtype.END:
            self._end(neighbor, refresh.family, rib)

    def ask(self, neighbor: Neighbor, family: Family) -> bool:
        """Ask the peer for its routes of a family. False: it does not know RFC 2918, or the family is not in use."""
        connection = neighbor.live
        if connection is None or family not in neighbor.ribs or connection.transport is None:
            return False
        negotiated = connection.session.negotiated
        if negotiated is None or not negotiated.route_refresh:
            return False
        connection.write_message(encode_route_refresh(family), MessageType.ROUTE_REFRESH)
        return True

    def due(self, neighbor: Neighbor, now: float) -> None:
        """EoRR has not come in time for some family."""
        for family, rib in neighbor.ribs.items():
            if rib.refresh_until <= now:
                self._end(neighbor, family, rib)

    def _begin(self, neighbor: Neighbor, rib: Rib, now: float) -> None:
        neighbor.generation += 1
        rib.older.append(rib.source)
        rib.source = rib.source.successor(neighbor.generation)
        rib.refresh_until = now + LIMIT

    def _end(self, neighbor: Neighbor, family: Family, rib: Rib) -> None:
        rib.refresh_until = float("inf")
        if rib.older:
            table = self._tables[family]
            swept = self._sweep(table, neighbor.key, rib, rib.source.generation)
            self._jobs.add(f"stale routes of {neighbor.key} are swept", swept)

    def _sweep(self, table: Table, key: str, rib: Rib, generation: int) -> Iterator[None]:
        """A job: what the peer did not repeat goes, which is everything before `generation`.

        That was the present one at EoRR. When the job runs, the next refresh may have begun another.
        """
        yield from table.walk(table.rib.sweep_stale(key, generation))
        rib.older = [source for source in rib.older if source.generation >= generation]
