"""Route reflection (RFC 4456): what one internal neighbor gave may go to another, and how a loop of reflectors is seen.

A reflector has clients. What a client gave goes to every internal neighbor; what another internal neighbor gave goes
to clients only; from external neighbors and from here it goes as ever. A reflected route says who brought it into the
AS (ORIGINATOR_ID) and which clusters it has been through (CLUSTER_LIST); everything else stays as it came, its next
hop included.

A cluster id belongs to a neighbor here: two groups of clients may be two clusters of one reflector. So a route enters
the cluster of the client that gave it and that of the client that gets it, and either id that comes back is a loop.
"""

from typing import Final

from bgpd.policy.chain import Context, Route
from bgpd.policy.reasons import Reason
from bgpd.wire.iana import AttrCode

ORIGINATOR_ID: Final = AttrCode.ORIGINATOR_ID.value
CLUSTER_LIST: Final = AttrCode.CLUSTER_LIST.value


def cluster_loop(route: Route, context: Context) -> Reason | None:
    """RFC 4456 section 8: it has been through one of our clusters already."""
    raw = route.attrs.raw
    for cluster in context.cluster_ids:
        if cluster in raw and _holds(route.attrs.get(CLUSTER_LIST) or b"", cluster):
            return Reason.CLUSTER_LOOP
    return None


def _holds(clusters: bytes, wanted: bytes) -> bool:
    for at in range(0, len(clusters), 4):  # noqa: SIM110 - compiles to a plain loop
        if clusters[at : at + 4] == wanted:
            return True
    return False


def own_or_clients(route: Route, _context: Context) -> Reason | None:
    """What an internal neighbor gets where nobody said: our own, and what a reflector owes it."""
    return None if route.local or route.giver_cluster else Reason.NOT_OWN


def full_mesh(route: Route, context: Context) -> Reason | None:
    """RFC 4271 section 9.2: what an internal neighbor gave is not for another one, but where RFC 4456 lets it pass."""
    if route.external or route.local or route.giver_cluster or context.client_cluster:
        return None
    return Reason.IBGP_TO_IBGP


def reflect(route: Route, context: Context) -> Reason | None:
    """What a reflected route says of its way (RFC 4456 section 8)."""
    if route.external or route.local:
        return None
    giver, taker = route.giver_cluster, context.client_cluster
    attrs = route.settle()
    if attrs.get(ORIGINATOR_ID) is None:  # section 8: never created twice
        route.changes[ORIGINATOR_ID] = route.giver_id
    clusters = giver + (attrs.get(CLUSTER_LIST) or b"")
    if taker != giver:
        clusters = taker + clusters
    route.changes[CLUSTER_LIST] = clusters
    return None
