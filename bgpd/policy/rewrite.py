"""What a neighbor's settings change in the AS path of its routes and of what it is sent.

`allow-own-as` bears with our own AS in what comes in. `as-override` and `remove-private-as` change what goes out to
another AS, before our own AS is put in front: the first shows our AS in place of the neighbor's, for sites that
meet only across us and would take their own AS for a loop; the second shows no AS for private use, but the
neighbor's own, which it has to see. A segment that becomes empty goes.
"""

from collections.abc import Callable
from typing import Final

from bgpd.model import NeighborSpec
from bgpd.policy.chain import Context, Route
from bgpd.policy.reasons import Reason
from bgpd.wire import aspath
from bgpd.wire.iana import AttrCode

AS_PATH: Final = AttrCode.AS_PATH.value
_LOW: Final = (64512, 65534)  # RFC 6996 section 5
_HIGH: Final = (4200000000, 4294967294)


def private(asn: int) -> bool:
    """An AS number for private use (RFC 6996)."""
    return _LOW[0] <= asn <= _LOW[1] or _HIGH[0] <= asn <= _HIGH[1]


def own_as_too_often(route: Route, context: Context) -> Reason | None:
    """RFC 4271 section 9.1.2, where our AS may be there a few times, or where we have two (local-as)."""
    count = 0
    for _, numbers in aspath.decode(route.attrs.as_path_value()):
        for asn in numbers:
            if asn == context.local_asn or asn == context.second_asn:  # noqa: PLR1714 - a tuple costs here
                count += 1
    return Reason.AS_LOOP if count > context.allow_own_as else None


def _rewritten(route: Route, context: Context, change: Callable[[int, Context], int]) -> None:
    """Change every AS of the path; 0 takes one away."""
    value = route.settle().as_path_value()
    segments = []
    for kind, numbers in aspath.decode(value):
        kept = tuple([after for asn in numbers if (after := change(asn, context))])
        if kept:
            segments.append((kind, kept))
    changed = aspath.encode(segments)
    if changed != value:
        route.changes[AS_PATH] = changed


def _ours_for_theirs(asn: int, context: Context) -> int:
    return context.local_asn if asn == context.remote_asn else asn


def _none_for_private(asn: int, context: Context) -> int:
    if asn != context.remote_asn and private(asn):
        return 0
    return asn


def override(route: Route, context: Context) -> Reason | None:
    """Our AS in place of the neighbor's."""
    if route.attrs.mentions(context.remote_asn.to_bytes(4, "big")):
        _rewritten(route, context, _ours_for_theirs)
    return None


def remove_private(route: Route, context: Context) -> Reason | None:
    """No AS for private use but the neighbor's own."""
    _rewritten(route, context, _none_for_private)
    return None


def key(spec: NeighborSpec) -> tuple[object, ...]:
    """What of all this two neighbors must share to be told the same."""
    rewrites = spec.external and (spec.as_override or (spec.remove_private_as and private(spec.remote_asn)))
    return spec.as_override, spec.remove_private_as, spec.remote_asn if rewrites else 0, spec.next_hop
