"""Routes as the kernel has them, and the operations that change them. Values, pure."""

from typing import Final

#: One way out: gateway (packed; b"" where the destination itself is on the link) and interface index.
Hop = tuple[bytes, int]
Ways = tuple[Hop, ...]

#: Guards carry the worst metric but the kernel's own, so that any real route of the same length beats them: an IPv6
#: connected prefix has metric 256 and would lose to a guard that had our usual metric.
GUARD_METRIC: Final = 0xFFFF_FFFE

#: Operations; `encode` knows their messages.
CREATE: Final = 0
REPLACE: Final = 1
DELETE: Final = 2

#: Route kinds (rtm_type) that we write.
RTN_UNICAST: Final = 1
RTN_BLACKHOLE: Final = 6


class Route:
    """What the FIB holds for a prefix: kind, ways out, metric. A value; shared, never changed."""

    __slots__ = ("_hash", "hops", "kind", "metric", "nexthop", "weights")

    def __init__(
        self, kind: int, hops: tuple[Hop, ...], metric: int, nexthop: int = 0, weights: tuple[int, ...] = ()
    ) -> None:
        self.kind: Final = kind
        self.hops: Final = hops  #: sorted
        self.metric: Final = metric
        self.nexthop: Final = nexthop  #: id of the nexthop object that has the ways out (`objects`); 0: none
        self.weights: Final = weights  #: one a way out, 1 to 256; empty: equal ones
        self._hash: Final = hash((kind, hops, metric, nexthop, weights))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Route):
            return NotImplemented
        return (
            self.nexthop == other.nexthop
            and self.metric == other.metric
            and self.kind == other.kind
            and self.hops == other.hops
            and self.weights == other.weights
        )

    def __repr__(self) -> str:
        shares = f", weights={self.weights}" if self.weights else ""
        return f"Route(kind={self.kind}, hops={self.hops!r}, metric={self.metric}, nexthop={self.nexthop}{shares})"


class Refusal:
    """One error reply: which operation on which prefix, and why not."""

    __slots__ = ("errno", "op", "prefix", "text")

    def __init__(self, prefix: bytes, op: int, errno_: int, text: str) -> None:
        self.prefix = prefix
        self.op = op
        self.errno = errno_
        self.text = text  #: the kernel's own words (NETLINK_EXT_ACK), or ""


class Batch:
    """Operations to be written together. The order of the groups matters only between two on one prefix."""

    __slots__ = ("groups", "old", "prefixes", "taken")

    def __init__(self) -> None:
        self.groups: list[tuple[int, Route, list[bytes]]] = []
        self.prefixes: set[bytes] = set()
        self.old: dict[bytes, Route] = {}  #: what `written` said before, where it said something
        self.taken: list[bytes] = []  #: all that was planned, also where nothing has to be written
