"""How many routes a neighbor may give, and may be told.

Both are counted for each family, and what happens beyond is the neighbor's `max_prefix_action`: a word in the log,
once a session and family, or the end of the session. What it gave too much ends in Cease with Maximum Number of
Prefixes Reached, whose data says the family and the limit (RFC 4486 section 4). What it would be told too much is never
written: an update group keeps back the whole slice that would pass the limit (`Member.allows`). Then the neighbor is
down until somebody enables it, or until its pause is over.
"""

from bgpd.model import LimitAction, NeighborSpec
from bgpd.speaker.defaults import wants_default
from bgpd.speaker.neighbor import Neighbor
from bgpd.speaker.ports import Log
from bgpd.wire.family import Family
from bgpd.wire.iana import Cease


def enforce_in(neighbor: Neighbor, family: Family, log: Log, now: float) -> bool:
    """Look at what it has given. True: the session is over."""
    limit = neighbor.spec.max_prefix
    rib = neighbor.ribs.get(family)
    if not limit or rib is None or rib.received <= limit:
        return False
    return _passed(neighbor, family, limit, f"it gave more than {limit} {family.name} routes", log, now)


def limit_out(spec: NeighborSpec) -> int | None:
    """Routes of a family beyond which nothing is written to it; None: it costs a warning at most.

    A default route of its own is one of them.
    """
    if not spec.max_prefix_out or spec.max_prefix_action is LimitAction.WARN:
        return None
    return spec.max_prefix_out - wants_default(spec)


def enforce_out(neighbor: Neighbor, log: Log, now: float) -> bool:
    """Look at what it was told, or would have been. True: the session is over."""
    limit = neighbor.spec.max_prefix_out
    for family, rib in list(neighbor.ribs.items()):
        if limit and (rib.member.over or rib.advertised > limit):
            words = f"it would be told more than {limit} {family.name} routes"
            if _passed(neighbor, family, limit, words, log, now, out=True):
                return True
    return False


def _passed(
    neighbor: Neighbor, family: Family, limit: int, words: str, log: Log, now: float, *, out: bool = False
) -> bool:
    spec = neighbor.spec
    action = spec.max_prefix_action
    if (family, out) not in neighbor.limits_passed:
        neighbor.limits_passed.add((family, out))
        name = "max-prefix-out" if out else "max-prefix"
        fields: dict[str, object] = {"neighbor": spec.name, "family": family.name, "setting": f"{name}={limit}"}
        log("warning", "prefix_limit", {**fields, "reason": words, "done": action.value})
    if action is LimitAction.WARN:
        return False
    data = family.afi.to_bytes(2, "big") + bytes((family.safi,)) + limit.to_bytes(4, "big")
    pause = spec.max_prefix_restart if action is LimitAction.RESTART else None
    # The data of 6/1 is the limit of the one who sends it; where we told too much, nobody has passed that one.
    if out:
        text = f"we would tell more than {limit} {family.name} routes"
        neighbor.hold_down(now, words, Cease.ADMINISTRATIVE_SHUTDOWN, text, pause=pause)
    else:
        neighbor.hold_down(now, words, Cease.MAXIMUM_PREFIXES, words, data, pause)
    return True
