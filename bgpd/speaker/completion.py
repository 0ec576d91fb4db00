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
        self.converged = False  #: every neighbor has said everything once

    def end_of_rib(self, neighbor: Neighbor, family: Family) -> None:
        """A neighbor has said everything of a family (RFC 4724 section 2)."""
        rib = neighbor.ribs.get(family)
        if rib is not None and not rib.end_of_rib:
            rib.end_of_rib = True
            self._retention.end_of_rib(neighbor, family)
            self.look_converged()

    def look_converged(self) -> None:
        """Has every neighbor said everything? Asked at each End-of-RIB until it is so once."""
        if self.converged:
            return
        for neighbor in self._held.neighbors.values():
            if not neighbor.ribs or not all(rib.end_of_rib for rib in neighbor.ribs.values()):
                return
        self.converged = True
        if self._on_converged is not None:
            self._on_converged()

    def look_recovered(self, now: float) -> None:
        """Is our own restart over? Then End-of-RIB goes to everybody, and peers let go of what we did not repeat."""
        held = self._held
        if not held.recovery.complete(held.neighbors.values(), now):
            return
        for neighbor in held.neighbors.values():
            neighbor.bits.restarted = False
            for rib in neighbor.ribs.values():
                rib.group.complete(rib.member)
        held.log("info", "restart_over", {"prefixes": sum(len(table.rib) for table in held.tables.values())})
