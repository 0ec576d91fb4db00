"""Communities by which neighbors ask something of each other, and what is done about them.

GRACEFUL_SHUTDOWN (RFC 8326): "this way is about to go". On import such a route gets local preference 0: every other
way is better, and nothing is lost where there is none. A speaker that drains says it with all that it announces, and
gives internal neighbors the local preference itself.

BLACKHOLE (RFC 7999): "drop what goes there". Whether a neighbor may ask for that is its `accept-blackhole`; in any
case the route stays within this AS (section 3.2).

LLGR_STALE (RFC 9494): somebody keeps the route as the last resort. It is only for neighbors who know what that means
(section 4.3), or they would take it for a good one.
"""

from typing import Final

from bgpd.policy.chain import Context, Route
from bgpd.policy.reasons import Reason
from bgpd.wire.attrs import COMMUNITIES, LOCAL_PREF, Attrs
from bgpd.wire.community import encode_communities
from bgpd.wire.iana import BLACKHOLE, GRACEFUL_SHUTDOWN, LLGR_STALE, NO_EXPORT

_SHUTDOWN: Final = GRACEFUL_SHUTDOWN.to_bytes(4, "big")
_BLACKHOLE: Final = BLACKHOLE.to_bytes(4, "big")
_STALE: Final = LLGR_STALE.to_bytes(4, "big")
_NO_PREFERENCE: Final = bytes(4)


def _has(attrs: Attrs, octets: bytes, community: int) -> bool:
    # cheap first, and nearly always enough
    return attrs.may_be_well_known() and attrs.mentions(octets) and community in attrs.communities()


def _present(route: Route) -> Attrs:
    """The attributes with what earlier terms noted about communities."""
    return route.settle() if COMMUNITIES in route.changes else route.attrs


def _add(route: Route, community: int) -> None:
    route.changes[COMMUNITIES] = encode_communities([*_present(route).communities(), community])


def honour_shutdown(route: Route, _context: Context) -> Reason | None:
    """RFC 8326 section 4.2: local preference 0, whatever a policy has set."""
    if _has(_present(route), _SHUTDOWN, GRACEFUL_SHUTDOWN):
        route.changes[LOCAL_PREF] = _NO_PREFERENCE
    return None


def keep_blackhole(route: Route, _context: Context) -> Reason | None:
    """RFC 7999 section 3.2: it goes no farther than this AS."""
    attrs = _present(route)
    if _has(attrs, _BLACKHOLE, BLACKHOLE) and NO_EXPORT not in attrs.communities():
        _add(route, NO_EXPORT)
    return None


def refuse_stale(route: Route, _context: Context) -> Reason | None:
    """For a neighbor that does not know RFC 9494."""
    return Reason.LLGR_STALE if _has(route.attrs, _STALE, LLGR_STALE) else None


def announce_shutdown(route: Route, context: Context) -> Reason | None:
    """RFC 8326 section 4.3, last of all: everything carries the community."""
    _add(route, GRACEFUL_SHUTDOWN)
    if not context.external:
        route.changes[LOCAL_PREF] = _NO_PREFERENCE
    return None


def asks_to_drop(attrs: Attrs) -> bool:
    """Does a route that was let in carry BLACKHOLE?"""
    return _has(attrs, _BLACKHOLE, BLACKHOLE)
