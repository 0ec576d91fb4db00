"""What those who watch are told. A module of its own: it is loaded before the first OPEN, the views are not."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """One line of `watch`."""

    at: float
    event: str  #: session | route | kernel | config
    neighbor: str | None = None
    old: str | None = None  #: session: old state; route: old next hops
    new: str | None = None
    prefix: str | None = None
    reason: str = ""
