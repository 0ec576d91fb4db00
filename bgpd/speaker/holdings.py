"""What the parts of the speaker share: the tables, the neighbors, the ports, and the moment.

There is one of these a speaker, made by it and handed to each part; nobody outside this room sees it. A part that is
the only one to need something keeps it for itself.
"""

from collections.abc import Callable
from typing import Final

from bgpd.model import SpeakerSpec
from bgpd.policy.terms import PolicyTable
from bgpd.rib.nexthop import NextHopTable
from bgpd.speaker.jobs import Jobs
from bgpd.speaker.neighbor import Neighbor
from bgpd.speaker.ports import Dialer, Fib, Log
from bgpd.speaker.recovery import Recovery
from bgpd.speaker.schedule import Schedule
from bgpd.speaker.tables import Table
from bgpd.wire.attrs import AttrsTable
from bgpd.wire.family import FAMILIES, Family


class Holdings:
    """Everything that more than one part reads or changes."""

    def __init__(
        self,
        spec: SpeakerSpec,
        *,
        dialer: Dialer,
        fib: Fib | None,
        log: Log,
        jitter: Callable[[], float],
        wall: float,
        restarted: bool,
    ) -> None:
        """As `Speaker`."""
        self.spec = spec
        self.dialer: Final = dialer
        self.fib: Final = fib
        self.log: Final = log
        self.jitter: Final = jitter
        self.wall: Final = wall
        suppress, weighted = spec.kernel.suppress_fib_pending, spec.kernel.link_bandwidth
        self.tables: Final[dict[Family, Table]] = {
            family: Table(family, spec.multipath, fib, suppress=suppress, weighted=weighted) for family in FAMILIES
        }
        self.neighbors: Final[dict[bytes, Neighbor]] = {}  #: by identity (`NeighborSpec.identity`)
        self.attrs: Final = AttrsTable()
        self.policies: Final = PolicyTable()
        self.hops: Final = NextHopTable(resolved=fib is None)
        self.jobs: Final = Jobs()
        self.schedule: Final = Schedule()
        self.recovery: Final = Recovery(restarted=restarted)
        self.draining = False  #: an operator has everything announced with GRACEFUL_SHUTDOWN (RFC 8326)
        self.leaving = False  #: sessions close because we restart: their routes are nobody's business any more
        self.now = 0.0  #: of the last turn or verb, monotonic seconds

    @property
    def drains(self) -> bool:
        """Everything that is announced carries GRACEFUL_SHUTDOWN: an operator or the configuration wants it."""
        return self.draining or self.spec.graceful_shutdown
