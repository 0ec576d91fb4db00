"""The cyclic collector, by hand.

A collection walks every object of a generation while the loop stands still; with a full table that is a pause that
keepalives feel. The hot types make no cycles, so the collector is off, and what was loaded at the start is frozen.
The rest of a process (tasks that failed, tracebacks) does make a few: they are collected when nothing is to be done
and when it is cheap, and given up where a table has grown in the meantime.
"""

import gc
from typing import Final

#: New container objects above which a collection would be felt (about 1 ms for each 10,000).
CHEAP: Final = 20_000
PERIOD: Final = 10.0  #: seconds between two looks


def tame() -> None:
    """After the start: everything loaded is here to stay, and nothing is collected by itself from now on.

    Not even now: what little is garbage costs less than the look at all the rest, while sessions come up.
    """
    gc.freeze()
    gc.disable()


def tidy() -> int:
    """When idle: collect the young, or freeze them where there are too many. Returns how many objects went."""
    # What the collector has counted is too little where older objects went meanwhile, as a table that is told anew.
    if gc.get_count()[0] > CHEAP or len(gc.get_objects(0)) > CHEAP:
        gc.freeze()
        return 0
    return gc.collect(1)
