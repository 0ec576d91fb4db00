"""A chain of terms and its verdict.

A term is a callable that looks at the route at hand and answers with a `Reason` to reject it, with
`Reason.ACCEPTED` to accept it and look no further, or with None to go on. A term that changes attributes notes
the change in the route; the changes of all terms are made in one rewrite when the chain is through, or earlier
where a later term wants to read them (`Route.settle`).

What a term knows about the neighbor it is used on is in the `Context`, which is a value: two chains of the same
terms over equal contexts give equal verdicts.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from bgpd.policy.reasons import Reason, Why
from bgpd.wire import aspath
from bgpd.wire.attrs import Attrs, rewrite
from bgpd.wire.family import Family


class Context:
    """What terms read of the neighbor and of this speaker."""

    __slots__ = (
        "allow_own_as",
        "asn_octets",
        "client_cluster",
        "cluster_ids",
        "external",
        "family",
        "importing",
        "keep_next_hop",
        "local_addresses",
        "local_asn",
        "next_hop",
        "next_hop_self",
        "peer_address",
        "remote_asn",
        "role",
        "router_id",
        "second_asn",
        "short_next_hop",
    )

    def __init__(
        self,
        *,
        local_asn: int,
        remote_asn: int,
        router_id: bytes,
        next_hop: bytes = b"",
        next_hop_self: bool = False,
        local_addresses: frozenset[bytes] = frozenset(),
        family: Family | None = None,
        peer_address: bytes = b"",
        importing: bool = False,
        cluster_ids: frozenset[bytes] = frozenset(),
        client_cluster: bytes = b"",
        role: int = -1,
        short_next_hop: bool = False,
        second_asn: int = 0,
        allow_own_as: int = 0,
        keep_next_hop: bool = False,
    ) -> None:
        self.local_asn: Final = local_asn
        self.asn_octets: Final = local_asn.to_bytes(4, "big")  #: to look for in a block
        self.remote_asn: Final = remote_asn
        self.external: Final = local_asn != remote_asn
        self.router_id: Final = router_id
        self.next_hop: Final = next_hop  #: export: "self" on this session, 4, 16 or 32 octets; empty: there is none
        self.next_hop_self: Final = next_hop_self  #: export to iBGP: also for what external neighbors gave
        self.local_addresses: Final = local_addresses  #: import: ours, so no next hop of anybody's
        self.family: Final = family  #: of the routes; None where no term reads it
        self.peer_address: Final = peer_address  #: the neighbor's, packed
        self.importing: Final = importing
        self.cluster_ids: Final = cluster_ids  #: import: every cluster that this speaker reflects for (RFC 4456)
        self.client_cluster: Final = client_cluster  #: export: the neighbor's cluster where it is a client, else empty
        self.role: Final = role  #: ours towards the neighbor, as on the wire (RFC 9234); -1: none
        self.second_asn: Final = second_asn  #: the speaker's own AS where `local_asn` is not (local-as); 0: it is
        self.allow_own_as: Final = allow_own_as  #: import: how often our AS may be in the path
        self.keep_next_hop: Final = keep_next_hop  #: export to eBGP: who gave the route stays its next hop
        self.short_next_hop: Final = short_next_hop  #: export: the session takes 4 octets only (no RFC 8950)


class Route:
    """The route at hand while a chain looks at it."""

    __slots__ = (
        "_text",
        "attrs",
        "changes",
        "external",
        "forced",
        "giver_cluster",
        "giver_id",
        "keep_med",
        "local",
        "next_hop",
        "peer",
        "peer_address",
        "sort",
    )

    def __init__(
        self, attrs: Attrs, external: bool, local: bool, peer: str = "", peer_address: bytes = b"", sort: int = 0
    ) -> None:
        self.attrs: Attrs = attrs  #: without the changes noted since the last `settle`
        self.peer: Final = peer  #: who gave it: `Source.neighbor`
        self.peer_address: Final = peer_address  #: and that one's address, packed
        self.sort: Final = sort  #: the class of its prefix (`terms.Policy.classify`)
        self.keep_med = False  #: export: its MED was set here, so it goes to another AS
        self.forced: bytes | None = None  #: export: the next hop that a policy gave it, None: what the protocol says
        self.giver_id = b""  #: router id of who gave it
        self.giver_cluster = b""  #: the cluster of the route reflector client that gave it, else empty
        self._text: str | None = None
        self.external: Final = external  #: an external neighbor gave it
        self.local: Final = local  #: this speaker originates it
        self.changes: dict[int, bytes | None] = {}  #: attribute code -> new value, None: removed
        self.next_hop: bytes | None = None  #: the new one, None: unchanged

    def settle(self) -> Attrs:
        """Make the noted changes."""
        if self.changes or self.next_hop is not None:
            self.attrs = rewrite(self.attrs, self.changes, self.next_hop)
            self.changes = {}
            self.next_hop = None
            self._text = None
        return self.attrs

    def as_path_text(self) -> str:
        """AS_PATH as operators write it; made once, however many patterns look at it."""
        if self._text is None:
            self._text = aspath.format_as_path(self.attrs.as_path_value())
        return self._text


Term: TypeAlias = Callable[[Route, Context], Why | None]


class Verdict:
    """What a chain says of a route. `attrs` is None exactly where it was rejected."""

    __slots__ = ("attrs", "reason")

    def __init__(self, attrs: Attrs | None, reason: Why) -> None:
        self.attrs: Final = attrs
        self.reason: Final = reason

    @property
    def accepted(self) -> bool:
        return self.attrs is not None

    def __repr__(self) -> str:
        return f"Verdict({self.reason.value})"


class Chain:
    """Terms in order, and the context that they run in. A route that no term stops is accepted."""

    __slots__ = ("_classify", "context", "reads_prefix", "terms")

    def __init__(
        self, terms: tuple[Term, ...], context: Context, classify: Callable[[Family, bytes], int] | None = None
    ) -> None:
        """`classify`: where a term reads prefixes, what it can tell of one (see `terms`); None: none does."""
        self.terms: Final = terms
        self.context: Final = context
        self.reads_prefix: Final = classify is not None
        self._classify: Final = classify

    def classify(self, prefix: bytes) -> int:
        """The class of a prefix, for `evaluate`: prefixes of one class and with equal attributes fare alike."""
        family = self.context.family
        return 0 if self._classify is None or family is None else self._classify(family, prefix)

    def evaluate(
        self,
        attrs: Attrs,
        *,
        external: bool = False,
        local: bool = False,
        peer: str = "",
        peer_address: bytes = b"",
        sort: int = 0,
        giver_id: bytes = b"",
        giver_cluster: bytes = b"",
    ) -> Verdict:
        """Judge one attribute set given by an external, an internal (both False) or the local source.

        `peer` and `peer_address` say who that is; `sort` is the class of its prefixes. `giver_id` is that one's router
        id, and `giver_cluster` its cluster where it is a route reflector client.
        """
        route = Route(attrs, external, local, peer, peer_address, sort)
        route.giver_id, route.giver_cluster = giver_id, giver_cluster
        for term in self.terms:
            reason = term(route, self.context)
            if reason is not None:
                if reason is Reason.ACCEPTED:
                    break
                return Verdict(None, reason)
        return Verdict(route.settle(), Reason.ACCEPTED)
