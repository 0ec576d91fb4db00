"""What of the kernel's routes and addresses the speaker is told, to be announced as its own. Pure.

`links` keeps what others' tables hold and notes which prefixes moved; here that is compared with what each entry has
been told, some prefixes at a time (`take`). The rules:

- A route of our protocol number is never told, whatever its table and metric: what we installed cannot come back.
- "connected" are the prefixes of the addresses of links that are up and have a carrier. No route needs to be there: a
  /32 of a loopback has none.
- Of another protocol count unicast routes with a usable way out, and those that drop packets on purpose (blackhole,
  unreachable, prohibit): they hold an aggregate up.
- A default route, loopback, link-local and multicast prefixes mean something here only. Nobody is told of them.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import chain, islice
from typing import Final

from bgpd.kernel.encode import AF_INET, RouteInfo
from bgpd.kernel.links import MAIN, Links
from bgpd.kernel.routes import RTN_UNICAST
from bgpd.model import Redistribute
from bgpd.wire.family import FAMILIES, IPV4, IPV6, Family
from bgpd.wire.prefix import covers, pack_prefix, parse_prefix

#: Prefixes looked at in one turn: a millisecond or two.
SLICE: Final = 512

_RTN_DROPS: Final = frozenset({6, 7, 8})  # blackhole, unreachable, prohibit
_LOCAL_ONLY: Final = {
    IPV4: tuple(parse_prefix(text)[1] for text in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")),
    IPV6: tuple(parse_prefix(text)[1] for text in ("::/127", "fe80::/10", "ff00::/8")),
}

#: (entry's name, family, withdrawn, announced)
Told = tuple[str, Family, list[bytes], list[bytes]]


class Redistribution:
    """Which prefixes of the kernel each entry names, and which of them were told."""

    def __init__(self, links: Links, protocol: int) -> None:
        """`protocol`: our own."""
        self._links: Final = links
        self._protocol: Final = protocol
        self._entries: dict[str, Redistribute] = {}
        self._told: Final[dict[tuple[str, Family], dict[bytes, None]]] = {}
        self._again: Final[dict[tuple[str, Family], Iterator[bytes]]] = {}  # told once more: the policy is another one
        self._through: set[int] = set()  # links that a route which an entry names leaves by
        self._all: Iterator[tuple[tuple[int, int], bytes]] = iter(())  # of every table, to be looked at once more
        self._busy = False  # `_all` or `_again` have more
        self._addresses_moved = False

    @property
    def tables(self) -> frozenset[int]:
        """The tables whose routes have to be known."""
        return frozenset(entry.table for entry in self._entries.values() if entry.protocol)

    def configure(self, entries: tuple[Redistribute, ...]) -> bool:
        """Other entries. True where a dump is needed: a table is read that was not."""
        before, self._entries = self._entries, {entry.name: entry for entry in entries}
        known = {MAIN, *[table for table, _ in self._links.followed]}
        self._links.follow(self.tables)
        for key, told in self._told.items():
            if before.get(key[0]) != self._entries.get(key[0]):
                self._again[key] = iter(list(told))
        self.look_anew()
        return not self.tables <= known

    def look_anew(self) -> None:
        """Every route once more."""
        self._through = set()
        self._addresses_moved = True
        followed = self._links.followed
        everything = [(key, table.prefixes()) for key, table in followed.items()]
        self._all = iter([(key, prefix) for key, prefixes in everything for prefix in prefixes])
        self._busy = True

    def review(self) -> None:
        """Links or addresses may have changed."""
        self._addresses_moved = self._addresses_moved or self._links.changed
        if self._entries and self._links.flapped & self._through:
            self.look_anew()
        self._links.flapped.clear()

    def waiting(self) -> bool:
        """Whether `take` would look at anything but addresses."""
        return self._busy or any(table.moved for table in self._links.followed.values())

    def take(self) -> list[Told]:
        """What the speaker is to be told: of addresses everything, of routes the next slice."""
        found: list[Told] = []
        if self._addresses_moved:
            self._addresses_moved = False
            for entry in self._entries.values():
                if not entry.protocol:
                    found += self._connected(entry)
        found += self._once_more()
        found += self._routes()
        return found

    def counts(self) -> dict[str, int]:
        """Prefixes told, by the entry's name."""
        total = dict.fromkeys(self._entries, 0)
        for (name, _), told in self._told.items():
            if name in total:
                total[name] += len(told)
        return total

    def _connected(self, entry: Redistribute) -> Iterator[Told]:
        present: dict[Family, dict[bytes, None]] = {family: {} for family in FAMILIES}
        for link in self._links.links.values():
            if link.usable and _named(entry, link.name):
                for address, length in link.addresses:
                    family = IPV4 if len(address) == 4 else IPV6
                    prefix = pack_prefix(address, length)
                    if not _local_only(family, prefix):
                        present[family][prefix] = None
        for family, prefixes in present.items():
            told = self._told.setdefault((entry.name, family), {})
            gone = [prefix for prefix in told if prefix not in prefixes]
            new = [prefix for prefix in prefixes if prefix not in told]
            if gone or new:
                self._told[entry.name, family] = prefixes
                yield entry.name, family, gone, new

    def _once_more(self) -> Iterator[Told]:
        """What entries that changed were told: announced again, or withdrawn where there is no such entry now."""
        for (name, family), prefixes in list(self._again.items()):
            some = list(islice(prefixes, SLICE))
            told = self._told[name, family]
            here = [prefix for prefix in some if prefix in told]
            if len(some) < SLICE:
                del self._again[name, family]
            if name in self._entries:
                yield name, family, [], here
                continue
            for prefix in here:
                del told[prefix]
            yield name, family, here, []

    def _routes(self) -> Iterator[Told]:
        """Of prefixes that moved."""
        changes: dict[tuple[str, Family], tuple[list[bytes], list[bytes]]] = {}
        some = list(islice(chain(self._moved(), self._all), SLICE))
        if len(some) < SLICE:
            self._busy = bool(self._again)
        for (number, af), prefix in some:
            table = self._links.followed.get((number, af))
            routes = [] if table is None else [each for each in table.routes(prefix) if each.protocol != self._protocol]
            family = IPV4 if af == AF_INET else IPV6
            for entry in self._entries.values():
                if not entry.protocol or entry.table != number:
                    continue
                told = self._told.setdefault((entry.name, family), {})
                named = [each for each in routes if each.protocol == entry.protocol]
                present = any(self._counts(entry, each) for each in named) and not _local_only(family, prefix)
                if present != (prefix in told):
                    gone, new = changes.setdefault((entry.name, family), ([], []))
                    if present:
                        told[prefix] = None
                        new.append(prefix)
                    else:
                        del told[prefix]
                        gone.append(prefix)
        for (name, family), (gone, new) in changes.items():
            yield name, family, gone, new

    def _moved(self) -> Iterator[tuple[tuple[int, int], bytes]]:
        for key, table in self._links.followed.items():
            while table.moved:
                yield key, table.moved.popitem()[0]

    def _counts(self, entry: Redistribute, info: RouteInfo) -> bool:
        """Whether an entry means this route, and packets can go there at this moment."""
        self._through.update([index for _, index in info.hops])
        if info.kind in _RTN_DROPS:
            return not entry.interfaces
        if info.kind != RTN_UNICAST:
            return False
        if not info.hops:
            return not entry.interfaces  # a nexthop object: whose ways the kernel knows
        links = [self._links.links.get(index) for _, index in info.hops]
        return any(link is not None and link.usable and _named(entry, link.name) for link in links)


def _named(entry: Redistribute, name: str) -> bool:
    return not entry.interfaces or any(fnmatchcase(name, pattern) for pattern in entry.interfaces)


def _local_only(family: Family, prefix: bytes) -> bool:
    return not prefix[0] or any(covers(each, prefix) for each in _LOCAL_ONLY[family])
