"""What our OPEN offers beside families and restarts: the optional capabilities that a neighbor's settings ask for.

`wire.capability.negotiate` folds these with the peer's into what holds for the session; a setting that is off is a
capability that is not sent, so nothing further in needs to ask the settings again.
"""

from bgpd.model import AddPath, NeighborSpec
from bgpd.wire.capability import (
    Capability,
    add_path,
    enhanced_route_refresh,
    extended_message,
    extended_next_hop,
    role,
)
from bgpd.wire.family import IPV4


def features(spec: NeighborSpec) -> list[Capability]:
    """Capabilities in ascending order of what they change: framing, refreshes, next hops, NLRI, roles."""
    found: list[Capability] = []
    if spec.extended_messages:
        found.append(extended_message())
    found.append(enhanced_route_refresh())
    if spec.extended_next_hop and IPV4 in spec.families:
        found.append(extended_next_hop())
    ways = tuple(
        (family, way.value) for family in spec.families if (way := spec.add_path_of(family)) is not AddPath.OFF
    )
    if ways:
        found.append(add_path(ways))
    if spec.role is not None and spec.external:  # RFC 9234 section 4.1: external neighbors only
        found.append(role(spec.role.value))
    return found
