"""One family's tables: the loc-rib, its update groups, and what the FIB is still to be told.

Every change of the loc-rib goes through `distribute`, once: to each group, to the FIB's pending wants, to those
who watch. What is pending goes out in `flush`, a slice a turn.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from bgpd.kernel.wants import BLACKHOLE, Want, Weighted, scaled
from bgpd.rib.export import ByPrefix, Export
from bgpd.rib.fanout import Fanout
from bgpd.rib.gate import Gate, HeldBack
from bgpd.rib.group import UpdateGroup
from bgpd.rib.loc_rib import Change, Interest, LocRib
from bgpd.rib.member import GroupKey
from bgpd.rib.nexthop import DISCARD
from bgpd.rib.path import Entry, Path, Source, shared_of
from bgpd.speaker.ports import Fib
from bgpd.wire.attrs import EXT_COMMUNITIES
from bgpd.wire.capability import Negotiated
from bgpd.wire.community import bandwidth_of
from bgpd.wire.family import Family

RIPE: Final = 1024  #: prefixes that moved from which on it is time for a flush: they are still in the processor's cache
FIB_SLICE: Final = 16384  #: wants handed to the FIB at once


class Table:
    """Loc-rib, update groups and FIB wants of one family."""

    def __init__(
        self, family: Family, multipath: int, fib: Fib | None, *, suppress: bool = False, weighted: bool = False
    ) -> None:
        """`suppress`: what goes to the FIB is announced when it is there, and not before.

        `weighted`: paths share the load by the link bandwidth that they carry.
        """
        self._weighted: Final = weighted
        self.family: Final = family
        self.rib: Final = LocRib(family, multipath)
        #: What of the loc-rib may be announced, where the FIB has a say in that.
        self.gate: Final[Gate | None] = Gate(self.rib, self._want) if suppress and fib is not None else None
        self.groups: Final[dict[GroupKey, UpdateGroup]] = {}
        #: For neighbors with ADD-PATH: one for all who are told every path (None), one a group where there is a limit.
        self.fanouts: Final[dict[GroupKey | None, Fanout]] = {}
        self.watchers: Final[list[Callable[[Family, list[Change]], None]]] = []
        self._fib: Final = fib
        self._wants: dict[bytes, Want | None] = {}
        self.unsaid = 0  #: prefixes that moved since the last flush, and those that came and moved nothing
        self._next_group = 0  # where the next flush begins

    def group(
        self,
        key: GroupKey,
        export: Export,
        session: Negotiated,
        by_prefix: ByPrefix | None = None,
        fanout: Fanout | None = None,
    ) -> UpdateGroup:
        """The group of `key`, made where it is new. `fanout`: where it is told several paths a prefix."""
        found = self.groups.get(key)
        if found is None:
            feed = self._feed() if fanout is None else fanout
            found = self.groups[key] = UpdateGroup(key, feed, export, session, by_prefix=by_prefix)
            if fanout is not None and fanout.limit and fanout.admit is None:
                fanout.admit = found.exports
        return found

    def fan_out(self, limit: int, key: GroupKey) -> tuple[Fanout, Iterator[None] | None]:
        """The table of at most `limit` paths a prefix (0: all) for a group, and the job that fills it where it is new.

        The job may start when the group has been made.
        """
        whose = key if limit else None
        found = self.fanouts.get(whose)
        if found is not None:
            return found, None
        self.rib.interest = int(Interest.ALL)
        found = self.fanouts[whose] = Fanout(self.family, limit)
        return found, self._fill(found)

    def _fill(self, fanout: Fanout) -> Iterator[None]:
        for changes in fanout.build(self._feed()):
            self._tell(fanout, changes)
            yield

    def _tell(self, fanout: Fanout, changes: list[Change]) -> None:
        if changes:
            for group in self.groups.values():
                if group.loc_rib is fanout:
                    group.on_changes(changes)

    def release(self, group: UpdateGroup) -> None:
        """A member has left; a group without members goes."""
        if group.members:
            return
        self.groups.pop(group.key, None)
        for whose, fanout in list(self.fanouts.items()):
            if not [each for each in self.groups.values() if each.loc_rib is fanout]:
                del self.fanouts[whose]
                if not self.fanouts:
                    self.rib.interest = int(Interest.MULTIPATH)

    def apply(
        self, source: Source, withdrawn: list[bytes], announced: list[bytes], path: Path | None, path_id: int = 0
    ) -> None:
        """One batch into the loc-rib, its changes to everybody."""
        self.unsaid += len(withdrawn) + len(announced)
        changes = self.rib.apply(source, withdrawn, announced, path, path_id)
        if changes:
            self.distribute(changes)

    def _feed(self) -> LocRib | Gate:
        return self.rib if self.gate is None else self.gate

    def distribute(self, changes: list[Change]) -> None:
        self._announce(changes if self.gate is None else self.gate.on_changes(changes))
        if self._fib is not None:
            wants = self._wants
            for change in changes:
                wants.update(dict.fromkeys(change.prefixes, self._want(change.new)))
        for watcher in self.watchers:
            watcher(self.family, changes)

    def _announce(self, changes: list[Change]) -> None:
        for group in self.groups.values():
            if group.loc_rib is self.rib or group.loc_rib is self.gate:
                group.on_changes(changes)
        for fanout in self.fanouts.values():
            self._tell(fanout, fanout.on_changes(changes))

    def _want(self, entry: Entry | None) -> Want | None:
        return want_of(entry, weighted=self._weighted)

    def judged(self, want: Want, prefixes: list[bytes], *, installed: bool) -> None:
        """The FIB's verdict on what it was asked for: announce what waited for it, withdraw what it refused."""
        if self.gate is not None and (changes := self.gate.judged(want, prefixes, installed=installed)):
            self._announce(changes)

    def waits(self) -> bool:
        """Whether anything waits for the FIB before it is announced."""
        return self.gate is not None and self.gate.pending > 0

    def held_back(self, prefix: bytes) -> HeldBack | None:
        """Why the best route of a prefix is not announced, where the FIB is the reason."""
        return None if self.gate is None else self.gate.held.get(prefix)

    def walk(self, slices: Iterator[list[Change]]) -> Iterator[None]:
        """A job: distribute what a walk over the loc-rib finds, slice by slice."""
        for changes in slices:
            if changes:
                self.distribute(changes)
                self.unsaid += sum([len(change.prefixes) for change in changes])
            yield

    def flush(self, more: Callable[[], bool]) -> bool:
        """At least one slice for one group and the FIB, further ones while `more()`. True: there is more to do."""
        self.unsaid = 0
        if not self.groups and not self._wants:
            return False
        if self._wants and self._fib is not None:
            self._submit(self._fib)
        busy = bool(self._wants)
        groups = [group for group in self.groups.values() if group.has_work]
        first = self._next_group % len(groups) if groups else 0
        for number, group in enumerate(groups[first:] + groups[:first], 1):
            again = group.flush(more=more)
            while again and more():
                again = group.flush(more=more)
            busy = busy or again
            if not more():  # the next turn begins with those that had none in this one
                self._next_group = first + number
                return busy or number < len(groups)
        return busy

    def _submit(self, fib: Fib) -> None:
        wants = self._wants
        if len(wants) <= FIB_SLICE:
            fib.submit(self.family, wants)
            self._wants = {}
            return
        first = dict(islice(wants.items(), FIB_SLICE))
        fib.submit(self.family, first)
        for key in first:
            del wants[key]


def want_of(entry: Entry | None, *, weighted: bool = False) -> Want | None:
    """What the FIB shall hold for an entry: next hops, a guard for what we originate, None for nothing.

    `weighted`: where every path of several carries a link bandwidth, the load is shared in that proportion.
    """
    shared = shared_of(entry)
    if not shared:
        return None
    best = shared[0]
    if best.source.local:
        return BLACKHOLE if best.source.neighbor == GUARDED else None
    if best.next_hop is DISCARD:
        return BLACKHOLE  # RFC 7999
    if len(shared) == 1:
        return (best.next_hop.address,)
    # Several reflectors, or several paths of one neighbor, may name one next hop; it takes one share of the load.
    paths = [path for path in shared if path.next_hop is not DISCARD]
    addresses = tuple(dict.fromkeys([path.next_hop.address for path in paths]))
    return _weigh(addresses, paths) if weighted and len(addresses) > 1 else addresses


def _weigh(addresses: tuple[bytes, ...], paths: list[Path]) -> Want:
    """draft-ietf-idr-link-bandwidth section 2: unequal shares only where every path says what its link carries."""
    shares: dict[bytes, float] = {}
    for path in paths:
        value = path.attrs.get(EXT_COMMUNITIES) if path.attrs is not None else None
        bandwidth = bandwidth_of(value) if value is not None else 0.0
        if bandwidth == 0.0:
            return addresses
        shares.setdefault(path.next_hop.address, bandwidth)
    weights = scaled([shares[address] for address in addresses])
    return Weighted(addresses, weights) if weights else addresses


#: Names of the local sources: what we originate, with and without a guard in the kernel.
GUARDED: Final = "local"
UNGUARDED: Final = "local (no guard)"
