"""Roles and the Only to Customer attribute (RFC 9234): a route leak is seen by whoever gets it, or stopped here.

A route that has once gone down to a customer, or across to a peer, carries OTC from then on and may only go further
down. Our role towards a neighbor says which way that is; where no role is configured, nothing here is in its chain.
"""

from typing import Final

from bgpd.policy.chain import Context, Route
from bgpd.policy.reasons import Reason
from bgpd.wire.iana import AttrCode

OTC: Final = AttrCode.OTC.value

# Our own role, as on the wire (section 4.1).
_PROVIDER: Final = 0
_RS: Final = 1
_RS_CLIENT: Final = 2
_CUSTOMER: Final = 3
_PEER: Final = 4


def leak_in(route: Route, context: Context) -> Reason | None:
    """Section 5, ingress: a leak is not eligible, and what comes from above or from beside is marked."""
    role = context.role
    value = route.attrs.get(OTC)
    if value is not None:
        if role in (_PROVIDER, _RS):
            return Reason.LEAK_FROM_BELOW
        if role == _PEER and int.from_bytes(value, "big") != context.remote_asn:
            return Reason.LEAK_FROM_PEER
    elif role in (_CUSTOMER, _PEER, _RS_CLIENT):
        route.changes[OTC] = context.remote_asn.to_bytes(4, "big")
    return None


def leak_out(route: Route, context: Context) -> Reason | None:
    """Section 5, egress: a marked route goes down only, and what goes down or across is marked."""
    role = context.role
    marked = OTC in route.changes or route.attrs.get(OTC) is not None
    if marked and role in (_CUSTOMER, _PEER, _RS_CLIENT):
        return Reason.LEAK_OUT
    if not marked and role in (_PROVIDER, _PEER, _RS):
        route.changes[OTC] = context.local_asn.to_bytes(4, "big")
    return None
