"""The terms that the protocol itself demands, import first, then export.

Each is a function of the route at hand and the context. The order in which a chain takes them is in `compile`.
"""

from typing import Final

from bgpd.policy.chain import Context, Route
from bgpd.policy.outside import external_form
from bgpd.policy.reasons import Reason
from bgpd.policy.rewrite import own_as_too_often
from bgpd.wire import aspath
from bgpd.wire.iana import AttrCode

LOCAL_PREF: Final = AttrCode.LOCAL_PREF.value
ORIGINATOR_ID: Final = AttrCode.ORIGINATOR_ID.value

# RFC 1997
NO_EXPORT: Final = 0xFFFFFF01
NO_ADVERTISE: Final = 0xFFFFFF02
NO_EXPORT_SUBCONFED: Final = 0xFFFFFF03

_LOCAL_PREF_100: Final = (100).to_bytes(4, "big")


# -- the neighbor's rule


def reject_unset_import(_route: Route, _context: Context) -> Reason | None:
    return Reason.NO_IMPORT_POLICY  # RFC 8212 section 2


def reject_import(_route: Route, _context: Context) -> Reason | None:
    return Reason.IMPORT_NONE


def reject_unset_export(_route: Route, _context: Context) -> Reason | None:
    return Reason.NO_EXPORT_POLICY  # RFC 8212 section 2


def reject_export(_route: Route, _context: Context) -> Reason | None:
    return Reason.EXPORT_NONE


def only_own(route: Route, _context: Context) -> Reason | None:
    return None if route.local else Reason.NOT_OWN


def not_yet(route: Route, _context: Context) -> Reason | None:
    """RFC 4724 section 4.1: while this speaker comes back, the best of what it has heard may be no good way."""
    return None if route.local else Reason.RESTARTING


# -- import


def first_as(route: Route, context: Context) -> Reason | None:
    """RFC 4271 section 6.3: the leftmost AS of what an external neighbor sends may be checked to be its own."""
    return Reason.FIRST_AS if route.attrs.neighbor_as != context.remote_asn else None


def as_loop(route: Route, context: Context) -> Reason | None:
    """RFC 4271 section 9.1.2: a path that has been through our AS is not eligible; iBGP included."""
    attrs = route.attrs
    if context.second_asn or context.allow_own_as:
        return own_as_too_often(route, context)
    if not attrs.mentions(context.asn_octets):  # cheap, and nearly always enough
        return None
    return Reason.AS_LOOP if aspath.contains(attrs.as_path_value(), context.local_asn) else None


def originator_loop(route: Route, context: Context) -> Reason | None:
    """RFC 4456 section 8: a reflector sent back what we originated."""
    if not route.attrs.mentions(context.router_id):
        return None
    return Reason.ORIGINATOR_LOOP if route.attrs.get(ORIGINATOR_ID) == context.router_id else None


def next_hop_ours(route: Route, context: Context) -> Reason | None:
    """RFC 4271 section 5.1.3: never install a route with ourselves as the next hop."""
    addresses = context.local_addresses
    next_hop = route.attrs.next_hop
    if next_hop in addresses or (len(next_hop) == 32 and (next_hop[:16] in addresses or next_hop[16:] in addresses)):
        return Reason.NEXT_HOP_OURS
    return None


# -- export


def well_known(route: Route, context: Context) -> Reason | None:
    """RFC 1997: NO_ADVERTISE goes to nobody, NO_EXPORT and NO_EXPORT_SUBCONFED to no external neighbor."""
    if not route.attrs.may_be_well_known():
        return None
    communities = route.attrs.communities()
    if NO_ADVERTISE in communities:
        return Reason.NO_ADVERTISE
    if context.external:
        if NO_EXPORT in communities:
            return Reason.NO_EXPORT
        if NO_EXPORT_SUBCONFED in communities:
            return Reason.NO_EXPORT_SUBCONFED
    return None


def to_external(route: Route, context: Context) -> Reason | None:
    """The form of a route for another AS, see `outside`."""
    next_hop = route.forced or context.next_hop
    if context.keep_next_hop and not route.forced:
        given = route.settle().next_hop
        next_hop = given if given and not _unusable(given, context) else next_hop
    if not next_hop:
        return Reason.NO_NEXT_HOP
    keep_med = route.local or route.keep_med
    # 5.1.3 would let a next hop on a shared subnet pass (third party); always ourselves is the conservative reading
    route.attrs = external_form(route.settle(), context.local_asn, next_hop, keep_med=keep_med)
    return None


def to_internal(route: Route, context: Context) -> Reason | None:
    """The form of a route for our own AS."""
    if not (route.forced or context.next_hop):
        return Reason.NO_NEXT_HOP
    if route.settle().local_pref < 0:
        route.changes[LOCAL_PREF] = _LOCAL_PREF_100  # RFC 4271 section 5.1.5: shall be there
    next_hop = route.attrs.next_hop
    if route.forced:
        route.next_hop = route.forced
    elif route.local or context.next_hop_self or not next_hop or _unusable(next_hop, context):
        route.next_hop = context.next_hop
    elif len(next_hop) == 32:
        route.next_hop = next_hop[:16]  # RFC 2545 section 3: the link-local half only means something on its link
    return None


def _unusable(next_hop: bytes, context: Context) -> bool:
    """It cannot stay as it is: the session has no form for it (RFC 8950 section 4), or it means nothing there."""
    return (context.short_next_hop and len(next_hop) != 4) or _link_local(next_hop)


def _link_local(next_hop: bytes) -> bool:
    """Only a link-local address: nobody beyond that link could use it, so it cannot stay as it is."""
    return len(next_hop) >= 16 and next_hop[0] == 0xFE and next_hop[1] & 0xC0 == 0x80
