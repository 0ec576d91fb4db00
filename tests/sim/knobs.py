"""Small worlds, small limits: the code that only a full table reaches, reached by ten routes.

Slices, high marks, caches and the sweep's threshold are constants. For the time of one history they are others, drawn
from its seed. A compiled room keeps its constants; its histories are played all the same, with the limits as they are.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any

from bgpd.rib import export, group, intern, loc_rib
from bgpd.speaker import inbox, neighbor, tables

#: (module or function, name or position of the default, values). The real value is always one of the choices.
_CONSTANTS: tuple[tuple[object, str, tuple[int, ...]], ...] = (
    (neighbor, "HIGH", (64, 600, 5000)),
    (inbox, "SHARE", (1, 100, 4000)),
    (export, "_CACHE", (1, 3, 50)),
    (group, "_AT_ONCE", (1, 2)),
    (loc_rib, "_INDEX_LIMIT", (1, 4)),
    (tables, "FIB_SLICE", (1, 5)),
)
_DEFAULTS: tuple[tuple[Callable[..., object], tuple[int, ...]], ...] = (
    (group.UpdateGroup.flush, (1, 2, 7)),
    (loc_rib.LocRib.walk, (1, 2, 9)),
    (loc_rib.LocRib.drop, (1, 3)),
    (loc_rib.LocRib.reselect, (1, 3)),
    (intern.Sweep.run, (1, 5)),
)


@contextmanager
def knobs(rng: random.Random, *, tight: bool) -> Iterator[None]:
    """Other limits while the block runs; in many histories, all stay as they are.

    `tight`: transports and logs take next to nothing, so that every reader is a slow one.
    """
    undo: list[Callable[[], None]] = []
    if tight:
        _set(undo, neighbor, "HIGH", rng.choice((1, 64, 200)))
        _set(undo, group.UpdateGroup.__init__, "__kwdefaults__", {"log_limit": rng.choice((1, 50, 300))})
        _set(undo, group.UpdateGroup.flush, "__defaults__", (rng.choice((1, 2, 7)),))
    elif rng.random() < 0.5:
        for module, name, values in _CONSTANTS:
            if rng.random() < 0.4:
                _set(undo, module, name, rng.choice(values))
        for function, values in _DEFAULTS:
            defaults = getattr(function, "__defaults__", None)
            if rng.random() < 0.4 and defaults:
                _set(undo, function, "__defaults__", (*defaults[:-1], rng.choice(values)))
        if rng.random() < 0.4:
            low = rng.choice((30, 200, 2000))
            _set(undo, inbox, "LOW", low)
            _set(undo, inbox, "HIGH", low * 3)
        if rng.random() < 0.4:
            _set(undo, group.UpdateGroup.__init__, "__kwdefaults__", {"log_limit": rng.choice((50, 500, 5000))})
        if rng.random() < 0.4:
            floor = rng.choice((1, 8, 40))
            _set(undo, intern.Threshold.__init__, "__defaults__", (floor,))
            _set(undo, intern.Threshold.survived, "__defaults__", (floor,))
    try:
        yield
    finally:
        for step in reversed(undo):
            step()


def _set(undo: list[Callable[[], None]], thing: object, name: str, value: Any) -> None:
    if not isinstance(thing, (ModuleType, FunctionType)):
        return  # a compiled method
    old = getattr(thing, name)
    undo.append(lambda: setattr(thing, name, old))
    setattr(thing, name, value)
