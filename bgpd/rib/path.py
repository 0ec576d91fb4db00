"""Sources and paths: who gave a route, and what.

A `Source` is one neighbor's one family in one generation: a new session, and later every refresh that must
know old from new, opens a new one. A `Path` is a source and one attribute set, shared by every prefix that
came with it. All that the attributes fix of its rank is computed here, once: `rank` is one small integer
whose order is the order of the first decision steps, `tail` one string of octets whose order is that of the
last ones. What may change later is read through shared objects: reachability and cost from the next hop,
staleness from the source.

A rejected path keeps `attrs_in` and the reason, and has no `attrs`: it is a candidate that is never eligible,
which is how the adj-rib-in can be a view of the loc-rib.
"""

from typing import Any, Final, Protocol, TypeAlias

from bgpd.rib.nexthop import NextHop
from bgpd.wire.attrs import Attrs
from bgpd.wire.family import Family
from bgpd.wire.iana import LLGR_STALE

DEFAULT_LOCAL_PREF: Final = 100  # what a path has that came without one (RFC 4271 leaves it to us; everybody takes 100)
_LLGR_STALE: Final = LLGR_STALE.to_bytes(4, "big")  # a quick look before a slow one
_ORIGINATOR_ID: Final = 9
_CLUSTER_LIST: Final = 10

# `rank`, from the top: 1 bit learned, 32 bits inverted LOCAL_PREF, 15 bits AS_PATH length, 2 bits ORIGIN. The smaller
# is the better, and 50 bits stay a machine integer when compiled.
ORIGIN_BITS: Final = 2
LENGTH_BITS: Final = 15
PREF_BITS: Final = 32
_LENGTH_MAX: Final = (1 << LENGTH_BITS) - 1
_PREF_MAX: Final = (1 << PREF_BITS) - 1


class Why(Protocol):
    """A reason in words: a member of `policy.reasons.Reason`, or a policy's own."""

    @property
    def value(self) -> Any:
        """The words."""


class Source:
    """Who gives paths: (neighbor, family, generation). Compared by identity.

    Two generations of one neighbor are two sources with the same `neighbor`; a path of the newer one replaces
    that of the older one, prefix by prefix.
    """

    __slots__ = (
        "accepted",
        "address",
        "asn",
        "beyond",
        "cluster",
        "down",
        "external",
        "family",
        "generation",
        "heir",
        "last_resort",
        "local",
        "neighbor",
        "paths",
        "received",
        "router_id",
        "stale",
        "tail",
    )

    def __init__(
        self,
        neighbor: str,
        family: Family,
        *,
        generation: int = 0,
        external: bool = False,
        local: bool = False,
        router_id: bytes = b"\0\0\0\0",
        address: bytes = b"",
        asn: int = 0,
        cluster: bytes = b"",
    ) -> None:
        self.neighbor: Final = neighbor  #: the neighbor's name; unique among all sources of one speaker
        self.family: Final = family
        self.generation: Final = generation
        self.external: Final = external  #: eBGP
        self.local: Final = local  #: this speaker originates it
        self.router_id: Final = router_id
        self.address: Final = address  #: the peer's, packed: the last tie-break
        self.asn: Final = asn
        self.cluster: Final = cluster  #: of a route reflector client (RFC 4456), 4 octets; empty: it is none
        self.tail: Final = router_id + b"\0\0" + address  #: `Path.tail` where the attributes have no say
        self.heir: Source | None = (
            None  #: who holds its routes from now on: the same, in another cluster (`in_cluster`)
        )
        self.stale = False  #: kept through a restart (RFC 4724); still as good as any other
        self.last_resort = False  #: kept for long (RFC 9494): only where nothing fresh is left
        self.down = False  #: the session is gone and `LocRib.drop` is under way: nothing of it is eligible
        self.received = 0  #: routes of this source in the loc-rib's table, accepted or not
        self.accepted = 0  #: of those, let in by import policy
        self.beyond = 0  #: announcements ignored because one prefix had too many paths already (ADD-PATH); only grows
        #: The paths of this source by what came in (and the prefix's class, where import policy reads prefixes, and the
        #: identifier under ADD-PATH): a hit saves policy and next-hop look-up. Cleared by a new policy.
        self.paths: Final[dict[Attrs | tuple[Attrs, int, int], Path]] = {}

    def successor(self, generation: int) -> "Source":
        """The same neighbor in a new generation, with nothing given yet."""
        return self._twin(generation, self.cluster)

    def in_cluster(self, cluster: bytes) -> "Source":
        """The same neighbor and generation in another cluster (RFC 4456): the heir of this one's routes."""
        self.heir = heir = self._twin(self.generation, cluster)
        heir.stale, heir.last_resort = self.stale, self.last_resort
        return heir

    def last_heir(self) -> "Source":
        """Who is to hold its routes now: mostly itself."""
        found = self
        while found.heir is not None:
            found = found.heir
        return found

    def _twin(self, generation: int, cluster: bytes) -> "Source":
        new = Source(
            self.neighbor,
            self.family,
            generation=generation,
            external=self.external,
            local=self.local,
            router_id=self.router_id,
            address=self.address,
            asn=self.asn,
            cluster=cluster,
        )
        new.beyond = self.beyond
        return new

    def __repr__(self) -> str:
        return f"Source({self.neighbor}, {self.family.name}, generation {self.generation})"


class Path:
    """(source, attrs) and the reason why not, shared by every prefix that came with them."""

    __slots__ = (
        "attrs",
        "attrs_in",
        "exported_by",
        "exported_words",
        "external",
        "llgr_stale",
        "mark",
        "med",
        "neighbor_as",
        "next_hop",
        "path_id",
        "rank",
        "reason",
        "since",
        "source",
        "tail",
    )

    def __init__(
        self,
        source: Source,
        attrs_in: Attrs,
        attrs: Attrs | None,
        next_hop: NextHop,
        since: float,
        reason: Why | None = None,
        path_id: int = 0,
    ) -> None:
        self.source: Final = source
        self.attrs_in: Final = attrs_in  #: as received
        self.attrs: Final = attrs  #: after import policy; None: rejected, see `reason`
        self.next_hop: Final = next_hop
        self.since: Final = since  #: when this source first gave these attributes
        self.mark = 0  #: the last sweep that found it in use (`intern`)
        self.exported_by = 0  #: the update group (`Exports.serial`) that last asked what it exports to ...
        self.exported_words = 0  #: ... and a hash of the answer, -1 for nothing; these three are all that changes here
        self.reason: Final = reason  #: why import rejected it (`policy.reasons.Reason`), None where it did not
        used = attrs_in if attrs is None else attrs
        preference = used.local_pref if used.local_pref >= 0 else DEFAULT_LOCAL_PREF
        self.rank: Final = (
            ((0 if source.local else 1) << (PREF_BITS + LENGTH_BITS + ORIGIN_BITS))
            | ((_PREF_MAX - preference) << (LENGTH_BITS + ORIGIN_BITS))
            | (min(used.as_path_length, _LENGTH_MAX) << ORIGIN_BITS)
            | used.origin
        )
        self.med: Final = max(used.med, 0)  # RFC 4271 section 9.1.2.2 (c): a missing one is the lowest
        self.neighbor_as: Final = used.neighbor_as
        self.external: Final = source.external
        #: RFC 9494 section 4.3: somebody keeps it for long, so it is the last resort, whoever passed it on.
        self.llgr_stale: Final = (
            used.may_be_well_known() and used.mentions(_LLGR_STALE) and LLGR_STALE in used.communities()
        )
        self.path_id: Final = path_id  #: as received under ADD-PATH (RFC 7911); 0 where there is none
        self.tail: Final = _tail(source, used) if not path_id else _tail(source, used) + path_id.to_bytes(4, "big")

    def last_resort(self) -> bool:
        """Only to be chosen where nothing fresh is left (RFC 9494 section 4.3)."""
        return self.llgr_stale or self.source.last_resort

    def with_id(self, path_id: int) -> "Path":
        """The same path under another identifier."""
        return Path(self.source, self.attrs_in, self.attrs, self.next_hop, self.since, self.reason, path_id)

    def eligible(self) -> bool:
        """May it be selected at this moment?"""
        return self.attrs is not None and self.next_hop.reachable and not self.source.down

    def __repr__(self) -> str:
        return f"Path({self.source.neighbor}, {self.attrs_in.raw.hex()}, via {self.next_hop.address.hex()})"


def _tail(source: Source, attrs: Attrs) -> bytes:
    """Steps (f) and (g): router id, cluster list length, address, in the order of comparison."""
    if source.external or source.local:
        return source.tail
    # RFC 4456 section 9: ORIGINATOR_ID stands for the router id; the shorter CLUSTER_LIST wins before the address
    router_id = attrs.get(_ORIGINATOR_ID) or source.router_id
    clusters = len(attrs.get(_CLUSTER_LIST) or b"") // 4
    return router_id + clusters.to_bytes(2, "big") + source.address


def same_route(a: "Path | None", b: "Path | None") -> bool:
    """Could no subscriber tell them apart: same neighbor and identifier, next hop and attributes after policy?

    A neighbor that came back with another router id is another one: to a reflector that is the ORIGINATOR_ID. So is a
    client in another cluster, which stands in the CLUSTER_LIST.
    """
    if a is b:
        return True
    if a is None or b is None or a.next_hop is not b.next_hop or a.source.neighbor != b.source.neighbor:
        return False
    if a.path_id != b.path_id or a.source.router_id != b.source.router_id or a.source.cluster != b.source.cluster:
        return False
    if a.attrs is None or b.attrs is None:
        return a.attrs is b.attrs
    return a.attrs is b.attrs or (a.attrs.raw == b.attrs.raw and a.attrs.next_hop == b.attrs.next_hop)


#: What the loc-rib stores for a prefix. A lone path that is best is stored bare. Otherwise a tuple in the order of
#: preference, where a first None closes the set that shares the load, and a second one those that are eligible: `(best,
#: equal, None, loser, None, rejected)`, `(best, None, loser)`, `(None, rejected)`. The
#: selection is part of the value, so an old entry still says what was best when it was stored.
Entry: TypeAlias = Path | tuple[Path | None, ...]


def best_of(entry: Entry | None) -> Path | None:
    """The selected path, None where nothing is eligible."""
    if entry is None or isinstance(entry, Path):
        return entry
    return entry[0]


def shared_of(entry: Entry | None) -> tuple[Path, ...]:
    """The best path and those that share the load with it (ECMP), best first."""
    if entry is None:
        return ()
    if isinstance(entry, Path):
        return (entry,)
    found: list[Path] = []
    for path in entry:
        if path is None:
            break
        found.append(path)
    return tuple(found)


def eligible_of(entry: Entry | None) -> tuple[Path, ...]:
    """Every candidate that was eligible when the entry was made, best first."""
    if entry is None:
        return ()
    if isinstance(entry, Path):
        return (entry,)
    found: list[Path] = []
    closed = entry[0] is None
    for path in entry:
        if path is not None:
            found.append(path)
        elif closed:
            break
        else:
            closed = True
    return tuple(found)


def paths_of(entry: Entry | None) -> tuple[Path, ...]:
    """Every candidate, best first."""
    if entry is None:
        return ()
    if isinstance(entry, Path):
        return (entry,)
    return tuple([path for path in entry if path is not None])


def path_from(entry: Entry | None, neighbor: str, path_id: int = 0) -> Path | None:
    """The candidate that `neighbor` gave, under this identifier where it has ADD-PATH."""
    if entry is None:
        return None
    if isinstance(entry, Path):
        return entry if entry.source.neighbor == neighbor and entry.path_id == path_id else None
    for path in entry:
        if path is not None and path.source.neighbor == neighbor and path.path_id == path_id:
            return path
    return None


def given_by(entry: Entry | None, neighbor: str) -> list[Path]:
    """Every candidate that `neighbor` gave, of whatever generation."""
    return [path for path in paths_of(entry) if path.source.neighbor == neighbor]
