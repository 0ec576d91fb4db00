"""Make before break: is what leaving neighbors gave there from others, too?

A neighbor that is `leaving` stays until then (`cluster.handover` decides); nothing is changed here.
"""

from collections.abc import Generator

from bgpd.rib.path import eligible_of
from bgpd.speaker.speaker import Speaker


def needed(speaker: Speaker, leaving: frozenset[bytes]) -> Generator[None, None, frozenset[bytes]]:
    """Those of these neighbors, by identity, without whom some prefix would have no eligible path: in slices."""
    keys = {speaker.neighbors[each].key: each for each in leaving if each in speaker.neighbors}
    found: set[str] = set()
    for table in speaker.tables.values():
        for prefixes in table.rib.walk():
            for entry in {table.rib.table.get(prefix) for prefix in prefixes}:  # equal ones are shared
                givers = {path.source.neighbor for path in eligible_of(entry)}
                if givers and givers <= keys.keys():
                    found |= givers
            yield
    return frozenset([keys[key] for key in found])
