"""What a case demands, what a daemon did, and whether that is enough."""

from collections.abc import Mapping
from dataclasses import dataclass, field

PARTIAL = 0x20


@dataclass(frozen=True, slots=True)
class Notice:
    """A NOTIFICATION; `data` None: whatever it is."""

    code: int
    subcode: int
    data: bytes | None = None

    def __str__(self) -> str:
        text = f"{self.code}/{self.subcode}"
        return f"{text} `{self.data[:12].hex()}`" if self.data else text


@dataclass(frozen=True, slots=True)
class Demand:
    """One behaviour that an RFC allows."""

    text: str  #: in words, as the table shows it
    up: bool = True
    notices: tuple[Notice, ...] = ()  #: where the session ends: any of these
    silent: bool = False  #: where the session ends: may be without a NOTIFICATION
    routes: bool | None = None  #: True: the old and the new route are there; False: neither; None: whatever
    only_new: bool = False  #: the new route is there, the old one is not asked for
    attrs: Mapping[int, tuple[int, bytes] | None] = field(default_factory=dict)
    #: of the new route at the observer: code -> (flags less Extended, value), or None: absent


@dataclass(slots=True)
class Outcome:
    """What a daemon did."""

    up: bool = False
    established: bool = False
    notice: Notice | None = None
    marked: bool = False  #: the observer has seen what was announced after the case
    old: bool = False
    new: bool = False
    attrs: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    crashed: bool = False
    note: str = ""


def meets(demand: Demand, done: Outcome) -> bool:
    """Whether the outcome is what this demand asks for."""
    if done.crashed or done.up != demand.up:
        return False
    if not demand.up:
        if done.notice is None:
            return demand.silent
        return any(
            (n.code, n.subcode) == (done.notice.code, done.notice.subcode) and n.data in (None, done.notice.data)
            for n in demand.notices
        )
    if not done.marked:
        return False
    if demand.routes is not None and (done.new != demand.routes or (done.old != demand.routes and not demand.only_new)):
        return False
    for code, wanted in demand.attrs.items():
        got = done.attrs.get(code)
        if wanted is None:
            if got is not None:
                return False
        elif got is None or (got[0] & ~0x1F, got[1]) != (wanted[0], wanted[1]):
            return False
    return True


def words(done: Outcome) -> str:
    """What a daemon did, short enough for a cell."""
    if done.crashed:
        return "died"
    if not done.up:
        return str(done.notice) if done.notice is not None else "closed in silence"
    if not done.marked:
        return f"up, later routes lost{done.note}"
    routes = {(True, True): "routes kept", (False, False): "no routes", (True, False): "old route only"}
    return f"up, {routes.get((done.old, done.new), 'new route only')}{done.note}"
