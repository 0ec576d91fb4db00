"""Who is in an update group: what makes neighbors alike, and what is remembered of each."""

from collections.abc import Callable
from typing import Final, Protocol

from bgpd.rib.lag import Lag


class Sink(Protocol):
    """Where a member's bytes go: the transport, seen from here."""

    def ready(self) -> bool:
        """Is the backlog below its high mark?"""

    def write(self, data: bytes, messages: int) -> None:
        """Queue `data`, which is `messages` whole UPDATEs; 0: one ROUTE-REFRESH (RFC 7313). Never refuses."""


class GroupKey:
    """Every input that export or encoding reads. Neighbors with equal keys get equal bytes.

    `next_hop` is what "next hop self" means on these sessions: 4 octets, 16, or 32 where the peer is on our link
    (RFC 2545 section 3). `extra` takes whatever later joins in (roles, reflection, ADD-PATH, policy).
    """

    __slots__ = ("_values", "external", "family", "local_asn", "next_hop", "next_hop_self", "remote_asn", "rule")

    def __init__(
        self,
        *,
        family: str,
        external: bool,
        local_asn: int,
        remote_asn: int,
        rule: str,
        next_hop: bytes,
        next_hop_self: bool = False,
        four_octet: bool = True,
        max_message: int = 4096,
        extra: tuple[object, ...] = (),
    ) -> None:
        self.family: Final = family
        self.external: Final = external
        self.local_asn: Final = local_asn
        self.remote_asn: Final = remote_asn  #: 0 where nothing depends on it
        self.rule: Final = rule
        self.next_hop: Final = next_hop
        self.next_hop_self: Final = next_hop_self
        self._values: Final[tuple[object, ...]] = (
            *(family, external, local_asn, remote_asn, rule, next_hop, next_hop_self, four_octet, max_message),
            extra,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GroupKey) and self._values == other._values

    def __hash__(self) -> int:
        return hash(self._values)

    def __repr__(self) -> str:
        return f"GroupKey{self._values}"


class Member:
    """One neighbor in a group."""

    __slots__ = (
        "advertised",
        "again",
        "cursor",
        "deferred",
        "end_of_rib",
        "lag",
        "limit",
        "marked",
        "moved",
        "name",
        "on_begin",
        "over",
        "sink",
    )

    def __init__(self, name: str, sink: Sink) -> None:
        self.name: Final = name  #: the neighbor's: the same word as `Source.neighbor`
        self.sink: Final = sink
        self.cursor = 0  #: number of the next record to write
        self.lag: Lag | None = None  #: set while it is detached
        self.end_of_rib = False  #: sent
        self.deferred = False  #: End-of-RIB has to wait for `UpdateGroup.complete` (RFC 4724 section 4.1)
        self.marked = False  #: a refresh is under way that ends with EoRR (RFC 7313)
        self.again = False  #: one more begins behind End-of-RIB
        self.moved = False  #: it knows what another group has told it: compared when the loc-rib is complete
        self.advertised = 0  #: routes that it has been told
        self.limit: int | None = None  #: how many it may be told; what would pass it is not written
        self.over = False  #: it would have been told more: it hears nothing any more until somebody decides
        self.on_begin: Callable[[], None] | None = None  #: called behind each BoRR, for what others tell the neighbor

    def allows(self, gain: int) -> bool:
        """May it be told so many routes more (less, where negative)? Remembered where not."""
        if self.limit is not None and gain > 0 and self.advertised + gain > self.limit:
            self.over = True
        return not self.over

    def __repr__(self) -> str:
        return f"Member({self.name}, {'at ' + str(self.cursor) if self.lag is None else f'{len(self.lag)} behind'})"
