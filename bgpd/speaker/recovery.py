"""Coming back: the restarter's half of graceful restart (RFC 4724 section 4.1).

A speaker that finds its earlier self's routes in the kernel has restarted. Its peers may still hold what it had
announced; they let go of it at our End-of-RIB. Own prefixes go out at once. What was learned waits, and End-of-RIB
behind it, until our own table is complete: until every peer that is there has sent its End-of-RIB. Passed on as it
comes, the best way of a table half full would take the place of a better one that a peer still holds, and could be one
that it must reject, such as one through itself; it would go without for a moment.

A peer that is not there is waited for as well, but never longer than `DEFERRAL`. Peers that restarted themselves, or do
not know the procedure, are not waited for, or two would wait for each other; the latter have kept nothing of ours, and
so are told what was learned as soon as it is there.
"""

from collections.abc import Iterable
from math import inf
from typing import Final

from bgpd.speaker.neighbor import Neighbor

DEFERRAL: Final = 30.0  #: seconds, the most that End-of-RIB waits


class Recovery:
    """Whether we are still coming back."""

    def __init__(self, *, restarted: bool) -> None:
        self.active = restarted  #: our table is not complete yet
        self.deadline = inf  #: when it counts as complete in any case, monotonic seconds

    def start(self, now: float) -> None:
        if self.active:
            self.deadline = now + DEFERRAL

    def adopt(self, neighbor: Neighbor) -> None:
        """A neighbor that is configured while we come back may have known our earlier self."""
        if self.active:
            neighbor.bits.restarted = neighbor.bits.preserved = True

    def complete(self, neighbors: Iterable[Neighbor], now: float) -> bool:
        """Is it over now? True once."""
        if not self.active or (now < self.deadline and any(_awaited(neighbor) for neighbor in neighbors)):
            return False
        self.active, self.deadline = False, inf
        return True


def _awaited(neighbor: Neighbor) -> bool:
    if neighbor.live is None:
        return True
    agreement = neighbor.live.session.agreement
    if agreement.restarted or not agreement.capable:
        return False
    return not all(rib.end_of_rib for rib in neighbor.ribs.values())
