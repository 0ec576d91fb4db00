"""What events and dumps tell: about our routes, other people's, links and addresses. Pure; `now` is an argument.

Events name only other people's doing (our own writes are filtered out before we see them). A route of ours that
somebody deletes or changes is planned again at once. One that is taken again and again waits longer each time: two
daemons that overwrite each other at full speed help nobody.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Final

from bgpd.kernel.encode import AF_INET, AF_INET6, RTM_F_CLONED, RouteInfo
from bgpd.kernel.links import Links, RouteTable
from bgpd.kernel.objects import Object, Objects
from bgpd.kernel.plan import Fib
from bgpd.kernel.routes import GUARD_METRIC, Route
from bgpd.model import KernelSpec
from bgpd.wire.family import FAMILIES, IPV4, Family

AF: Final[dict[Family, int]] = {family: AF_INET if family is IPV4 else AF_INET6 for family in FAMILIES}

#: Repairs of one route within `_FIGHT_WINDOW` seconds before it is only put back after a while.
_FIGHT: Final = 5
_FIGHT_WINDOW: Final = 10.0


class Loss(Enum):
    """What somebody did to a route of ours."""

    DELETED = "deleted"
    CHANGED = "changed"  #: written over under our own protocol number
    REPLACED = "replaced by a route"  #: of another protocol, which holds the key now


#: (family, port id, what was done, protocol that holds the key now) -> prefixes
Losses = dict[tuple[int, int, Loss, int], list[bytes]]


class Sorted:
    """A dump of one family, sorted by whose the routes are."""

    __slots__ = ("foreign", "others", "ours", "shared", "strays")

    def __init__(self) -> None:
        self.ours: dict[bytes, Route] = {}
        self.strays: dict[bytes, Route] = {}  #: ours at a second metric of the same prefix
        self.foreign: dict[tuple[bytes, int], int] = {}  #: (prefix, metric) that could be ours -> protocol
        self.shared: dict[RouteInfo, Route] = {}  #: equal routes are one value
        self.others: dict[tuple[int, int], RouteTable] = {}  #: (table, family) that `Links` keeps -> it, without ours


class Knowledge:
    """Takes in what netlink says, for both families."""

    def __init__(self, spec: KernelSpec, links: Links, fibs: dict[int, Fib], objects: Objects) -> None:
        self._objects = objects
        self._table = spec.table
        self._protocol = spec.protocol
        self._metrics = frozenset({spec.metric, GUARD_METRIC})
        self._links = links
        self._fibs = fibs
        self._fights: dict[tuple[int, bytes], tuple[int, float]] = {}
        self.lost: Losses = {}  #: that nobody was told of yet
        self.new_fights: list[tuple[int, bytes]] = []  #: (family, prefix) that nobody was told of yet
        self.gone: list[tuple[int, int]] = []  #: (family, interface) whose routes the kernel dropped without a word
        self.repairs = 0  #: routes of ours that somebody took or changed while we wanted them

    def ours(self, info: RouteInfo) -> bool:
        """Whether a route bears our mark: protocol, table and metric."""
        return info.protocol == self._protocol and info.table == self._table and info.metric in self._metrics

    def link(self, index: int, name: str, flags: int, present: bool) -> None:
        """A link event."""
        if self._links.link(index, name, flags, present):
            self.gone.extend((af, index) for af in self._fibs)
        link = self._links.links.get(index)
        if link is None or not link.usable:
            self._objects.through(index)

    def address(self, index: int, address: bytes, length: int, present: bool) -> None:
        """An address event."""
        if self._links.address(index, address, length, present):
            self.gone.append((AF_INET, index))

    def nexthop(self, seen: Object, present: bool) -> None:
        """A nexthop object event: somebody else wrote or removed one."""
        if self._objects.mine(seen.id):
            if present:
                self._objects.changed(seen)
            else:
                self._objects.removed(seen.id)

    def route(self, prefix: bytes, info: RouteInfo, present: bool, flags: int, port: int, now: float) -> None:
        """A route event: somebody else (netlink port id `port`, 0: the kernel) added, changed or removed a route."""
        fib = self._fibs.get(info.af)
        if fib is None or info.tos or info.flags & RTM_F_CLONED:
            return
        if self.ours(info):
            wrong = fib.found(prefix, info.route()) if present else fib.lost(prefix, info.metric)
            if wrong and port and prefix in fib.wants:
                self._fight(info.af, fib, prefix, now)
                loss = Loss.CHANGED if present else Loss.DELETED
                self.lost.setdefault((info.af, port, loss, 0), []).append(prefix)
            return
        if self._links.keeps(info):
            self._links.route(prefix, info, present, flags)
        if info.table == self._table and info.metric in self._metrics:
            if not present:
                fib.vacated(prefix, info.metric)
            elif fib.held(prefix, info.metric, info.protocol):
                self.lost.setdefault((info.af, port, Loss.REPLACED, info.protocol), []).append(prefix)

    def _fight(self, af: int, fib: Fib, prefix: bytes, now: float) -> None:
        self.repairs += 1
        key = (af, prefix)
        count, since = self._fights.get(key, (0, now))
        if now - since > _FIGHT_WINDOW:
            count, since = 0, now
        if len(self._fights) > 100_000:
            self._fights.clear()
        self._fights[key] = (count + 1, since)
        if count < _FIGHT:
            fib.urgent[prefix] = None
            return
        if count == _FIGHT:
            self.new_fights.append(key)
        fib.postpone(prefix, "somebody keeps removing or changing it", count - _FIGHT, now)

    def sort(self, dump: Iterable[tuple[bytes, RouteInfo]], row: Sorted) -> None:
        """A piece of a dump of the main table or ours, by whose the routes are. Fit for a thread."""
        shared = row.shared
        for prefix, info in dump:
            if self.ours(info):
                route = shared.get(info)
                if route is None:
                    route = shared[info] = info.route()
                if prefix in row.ours:
                    row.strays[prefix] = route
                else:
                    row.ours[prefix] = route
                continue
            if info.tos:
                continue
            if self._links.keeps(info):
                others = row.others.get((info.table, info.af))
                if others is None:
                    others = row.others[info.table, info.af] = RouteTable(info.af)
                others.add(prefix, info, replace=False)
            if info.table == self._table and info.metric in self._metrics:
                row.foreign[prefix, info.metric] = info.protocol
