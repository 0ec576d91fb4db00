"""Has everything been said? End-of-RIB markers, the first convergence, and the end of our own restart."""

from collections.abc import Callable
from typing import Final

from bgpd.speaker.holdings import Holdings
from bgpd.speaker.neighbor import Neighbor
from bgpd.speaker.retention import Retention
from bgpd.wire.family import Family


class Completion:
    """What waits for the tables to be whole."""

    def __init__(self, held: Holdings, retention: Retention, on_converged: Callable[[], None] | None) -> None:
        self._held: Final = held
        self._retention: Final = retention
        self._on_converged: Final = on_converged
        self.converged = False  #: every neighbor has said everything once, and all of it is in the tables and the FIB
        self._heard_all = False  # the first half of that
        self._news = False  # somebody has said everything since the FIB was told who has

    def end_of_rib(self, neighbor: Neighbor, family: Family) -> None:
        """A neighbor has said everything of a family (RFC 4724 section 2)."""
        rib = neighbor.ribs.get(family)
        if rib is not None and not rib.end_of_rib:
            rib.end_of_rib = True
            self._retention.end_of_rib(neighbor, family)
            self._news = True
            self.look_converged()

    def look_converged(self) -> None:
        """Has every neighbor said everything? Asked at each End-of-RIB until it is so once."""
        neighbors = self._held.neighbors.values()
        self._heard_all = all(n.ribs and all(rib.end_of_rib for rib in n.ribs.values()) for n in neighbors)

    def _complete(self) -> set[bytes]:
        """The addresses of those who have said everything."""
        found: set[bytes] = set()
        for each in self._held.neighbors.values():
            transport = None if each.live is None else each.live.transport
            if transport is not None and each.ribs and all(rib.end_of_rib for rib in each.ribs.values()):
                found.add(transport.remote_address)
        return found

    def settled(self) -> None:
        """A turn has left nothing undone: what was heard is in the FIB, so that what nobody wants there can go."""
        if self._news and not self.converged and self._held.fib is not None:
            self._news = False
            self._held.fib.heard(self._complete())
        if self._heard_all and not self.converged:
            self.converged = True
            if self._on_converged is not None:
                self._on_converged()

    def look_recovered(self, now: float, regroup: Callable[[Neighbor], None]) -> None:
        """Is our own restart over? Then everybody is told everything, and End-of-RIB lets peers drop the rest.

        `regroup` moves a neighbor to the update group that it belongs to: until now it was told own prefixes only.
        """
        held = self._held
        if now < held.recovery.deadline and any(table.waits() for table in held.tables.values()):
            return  # End-of-RIB would let peers drop what the FIB is about to have
        if not held.recovery.complete(held.neighbors.values(), now):
            return
        for neighbor in held.neighbors.values():
            neighbor.bits.restarted = False
            if neighbor.live is not None:
                regroup(neighbor)
            for rib in neighbor.ribs.values():
                rib.group.complete(rib.member)
        held.log("info", "restart_over", {"prefixes": sum(len(table.rib) for table in held.tables.values())})
