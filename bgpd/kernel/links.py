"""Links, addresses and other people's routes: whether and how a next hop can be reached. Pure.

The shell tells what netlink says (`link`, `address`, `route`); `resolve` answers for one next-hop address: the ways out
(gateway and interface), the cost, and the reason in words. The rules:

- A next hop is resolved by the longest match among the main table's routes that are not ours. Connected prefixes are
  such routes: the kernel makes them from addresses. Our own routes never count, so a BGP route cannot hold itself up.
- A match counts while a link of it is up and has a carrier. Otherwise the next shorter one is tried, as the kernel does
  when it has removed the first.
- A default route does not resolve: a next hop that is "somewhere in the Internet" is nearly always a mistake or a
  link that is down. (Where it is meant, say so: `by_default`.)
- A link-local address means nothing without its interface.

A link that goes down, or loses its last IPv4 address, takes IPv4 routes along without one RTM_DELROUTE. So `link` and
`address` drop such routes here and answer which links have lost theirs, so that the caller drops what he believed.
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import Final

from bgpd.kernel.encode import AF_INET, AF_INET6, F_REPLACE, KIND_NAMES, RouteInfo
from bgpd.kernel.routes import RTN_UNICAST, Hop
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.prefix import covers, format_address, format_prefix, pack_prefix

MAIN: Final = 254  #: the table that next hops are resolved in

IFF_UP: Final = 0x1
IFF_RUNNING: Final = 0x40
IFF_LOWER_UP: Final = 0x10000


def scoped(link_local: bytes, ifindex: int) -> bytes:
    """A link-local next hop with its interface: 20 octets, as wants and `track` take it."""
    return link_local + ifindex.to_bytes(4, "big")


def _host(address: bytes) -> bytes:
    return bytes((len(address) * 8,)) + address


class Link:
    """One interface."""

    __slots__ = ("addresses", "flags", "index", "name")

    def __init__(self, index: int, name: str, flags: int) -> None:
        self.index = index
        self.name = name
        self.flags = flags
        self.addresses: set[tuple[bytes, int]] = set()  #: (address, prefix length) given to it

    @property
    def up(self) -> bool:
        """Somebody switched it on."""
        return bool(self.flags & IFF_UP)

    @property
    def usable(self) -> bool:
        """On, and with a carrier."""
        return self.up and bool(self.flags & (IFF_RUNNING | IFF_LOWER_UP))

    @property
    def trouble(self) -> str:
        """Why it is not usable."""
        return f"link {self.name} has no carrier" if self.up else f"link {self.name} is down"


class Resolution:
    """The answer about one next hop. Equal answers change nothing."""

    __slots__ = ("cost", "hops", "reason")

    def __init__(self, hops: tuple[Hop, ...], cost: int, reason: str) -> None:
        self.hops: Final = hops  #: sorted; empty where it cannot be reached
        self.cost: Final = cost  #: 0 on a link; the metric of the route where one leads there
        self.reason: Final = reason

    @property
    def reachable(self) -> bool:
        return bool(self.hops)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Resolution):
            return NotImplemented
        return self.hops == other.hops and self.cost == other.cost and self.reason == other.reason

    def __hash__(self) -> int:
        return hash((self.hops, self.cost, self.reason))

    def __repr__(self) -> str:
        return f"Resolution({self.hops!r}, {self.cost}, {self.reason!r})"


class RouteTable:
    """Other people's routes of one family, to be searched by longest match."""

    def __init__(self, af: int) -> None:
        self.octets = 4 if af == AF_INET else 16
        self.lengths: list[int] = []  #: prefix lengths in use, longest first
        self.by_length: dict[int, dict[bytes, dict[tuple[int, int], RouteInfo]]] = {}
        self.moved: dict[bytes, None] | None = None  #: prefixes whose routes are others, where somebody follows them

    @staticmethod
    def _identity(info: RouteInfo) -> tuple[int, int]:
        """What tells routes of one prefix apart: IPv6 keeps one route a link (fe80::/64), gateways are merged."""
        if info.af == AF_INET6 and len(info.hops) == 1 and not info.hops[0][0]:
            return info.metric, info.hops[0][1]
        return info.metric, 0

    def add(self, prefix: bytes, info: RouteInfo, replace: bool) -> None:
        length = prefix[0]
        if self.moved is not None:
            self.moved[prefix] = None
        networks = self.by_length.get(length)
        if networks is None:
            networks = self.by_length[length] = {}
            self.lengths = sorted(self.by_length, reverse=True)
        routes = networks.setdefault(prefix, {})
        if replace:
            for key in [k for k in routes if k[0] == info.metric]:
                del routes[key]
        routes[self._identity(info)] = info

    def remove(self, prefix: bytes, info: RouteInfo) -> None:
        routes = self.by_length.get(prefix[0], {}).get(prefix)
        if routes is None:
            return
        key = self._identity(info)
        if key not in routes:
            key = (info.metric, 0)
        known = routes.pop(key, None)
        if known is None:
            return
        if self.moved is not None:
            self.moved[prefix] = None
        left = tuple(hop for hop in known.hops if hop not in info.hops)
        if left and info.af == AF_INET6:  # one of several ways was taken away
            rest = RouteInfo(
                af=known.af, tos=known.tos, table=known.table, protocol=known.protocol, scope=known.scope,
                kind=known.kind, flags=known.flags, metric=known.metric, hops=left, nexthop_id=known.nexthop_id,
            )  # fmt: skip
            routes[self._identity(rest)] = rest
        self._tidy(prefix)

    def remove_through(self, ifindex: int) -> None:
        """Forget routes whose only way out was this link."""
        gone = [
            (prefix, key)
            for networks in self.by_length.values()
            for prefix, routes in networks.items()
            for key, info in routes.items()
            if info.hops and all(hop[1] == ifindex for hop in info.hops)
        ]
        for prefix, key in gone:
            self.by_length[prefix[0]][prefix].pop(key)
            if self.moved is not None:
                self.moved[prefix] = None
            self._tidy(prefix)

    def _tidy(self, prefix: bytes) -> None:
        networks = self.by_length[prefix[0]]
        if not networks[prefix]:
            del networks[prefix]
            if not networks:
                del self.by_length[prefix[0]]
                self.lengths = sorted(self.by_length, reverse=True)

    def routes(self, prefix: bytes) -> Iterable[RouteInfo]:
        """Every route of a prefix."""
        return self.by_length.get(prefix[0], {}).get(prefix, {}).values()

    def prefixes(self) -> Iterator[bytes]:
        """Every prefix that has a route."""
        return itertools.chain.from_iterable(self.by_length.values())

    def matches(self, address: bytes) -> list[tuple[bytes, RouteInfo]]:
        """Every route that covers an address: longest first, then by metric."""
        number = int.from_bytes(address, "big")
        bits = self.octets * 8
        found: list[tuple[bytes, RouteInfo]] = []
        for length in self.lengths:
            octets = (length + 7) >> 3
            spare = octets * 8 - length
            key = bytes((length,)) + (number >> (bits - length) << spare).to_bytes(octets, "big")
            routes = self.by_length[length].get(key)
            if routes is not None:
                found.extend((key, info) for _, info in sorted(routes.items()))
        return found


class Links:
    """What is known of links, addresses and other people's routes in the main table."""

    def __init__(self, *, by_default: bool = False) -> None:
        self.links: dict[int, Link] = {}
        self.owners: dict[bytes, int] = {}  #: each of our own addresses -> interface index
        self._tables: Final = {AF_INET: RouteTable(AF_INET), AF_INET6: RouteTable(AF_INET6)}
        #: Tables whose routes are followed for redistribution, by number and address family; the main one may be there.
        self.followed: Final[dict[tuple[int, int], RouteTable]] = {}
        self.flapped: set[int] = set()  #: links that became usable or unusable, or are called otherwise
        self._by_default = by_default
        self.changed = False  #: something happened since the caller last cleared it
        self.touched: list[tuple[int, bytes]] = []  #: (octets of an address, prefix) of routes that came or went

    def clear(self) -> None:
        """Forget everything, before a new dump."""
        self.links.clear()
        self.owners.clear()
        for af in self._tables:
            self.adopt(MAIN, RouteTable(af))
        for table, af in self.followed:
            self.adopt(table, RouteTable(af))
        self.changed = True

    def follow(self, tables: frozenset[int]) -> None:
        """Note in these tables, and in no others, which prefixes move. What is in a new one, a dump has to tell."""
        for key in [key for key in self.followed if key[0] not in tables]:
            self.followed.pop(key).moved = None
        for number in tables:
            for af, main in self._tables.items():
                if (number, af) not in self.followed:
                    table = main if number == MAIN else RouteTable(af)
                    table.moved = dict.fromkeys(table.prefixes())
                    self.followed[number, af] = table

    def main(self, af: int) -> RouteTable:
        """Others' routes of a family in the main table."""
        return self._tables[af]

    def keeps(self, info: RouteInfo) -> bool:
        """Whether this route is in a table that is kept here."""
        return info.table == MAIN or (info.table, info.af) in self.followed

    def adopt(self, number: int, table: RouteTable) -> None:
        """A dump's table takes the place of the one there is."""
        af = AF_INET if table.octets == 4 else AF_INET6
        if number == MAIN:
            self._tables[af] = table
        before = self.followed.get((number, af))
        if before is not None and before is not table:
            assert before.moved is not None
            table.moved = before.moved | dict.fromkeys(before.prefixes()) | dict.fromkeys(table.prefixes())
            self.followed[number, af] = table

    # what netlink says

    def link(self, index: int, name: str, flags: int, present: bool = True) -> bool:
        """A link came, changed or went. True where its IPv4 routes are gone: the kernel does not say so."""
        link = self.links.get(index)
        was_up = link is not None and link.up
        before = (link.usable, link.name) if link is not None else None
        if not present:
            if link is not None:
                del self.links[index]
                self.owners = {address: owner for address, owner in self.owners.items() if owner != index}
        elif link is None:
            self.links[index] = Link(index, name, flags)
        else:
            link.name, link.flags = name, flags
        self.changed = True
        now = self.links.get(index)
        if before != ((now.usable, now.name) if now is not None else None):
            self.flapped.add(index)
        gone = was_up and not (present and flags & IFF_UP)
        if gone:
            for table in self._known():
                table.remove_through(index)
        return gone

    def _known(self) -> list[RouteTable]:
        return [*self._tables.values(), *[table for key, table in self.followed.items() if key[0] != MAIN]]

    def address(self, index: int, address: bytes, length: int, present: bool = True) -> bool:
        """An address came or went. True where the link lost its last IPv4 address, and so its IPv4 routes."""
        link = self.links.get(index)
        self.changed = True
        if present:
            self.owners[address] = index
            if link is not None:
                link.addresses.add((address, length))
            return False
        if self.owners.get(address) == index:
            del self.owners[address]
        if link is None:
            return False
        link.addresses.discard((address, length))
        gone = len(address) == 4 and not any(len(other) == 4 for other, _ in link.addresses)
        if gone:
            for table in self._known():
                if table.octets == 4:
                    table.remove_through(index)
        return gone

    def route(self, prefix: bytes, info: RouteInfo, present: bool, flags: int = 0) -> None:
        """Somebody else's route in the main table, or one that is followed, came, changed or went."""
        table = self._tables[info.af] if info.table == MAIN else self.followed[info.table, info.af]
        if present:
            table.add(prefix, info, bool(flags & F_REPLACE))
        else:
            table.remove(prefix, info)
        if info.table == MAIN:
            self.touched.append((table.octets, prefix))

    # answers

    def gateways(self) -> set[bytes] | None:
        """Where routes of others lead, apart from links; None where one of them does not say (a nexthop object)."""
        found: set[bytes] = set()
        for table in self._tables.values():
            for networks in table.by_length.values():
                for routes in networks.values():
                    for info in routes.values():
                        if info.nexthop_id and not info.hops:
                            return None
                        found.update([gateway for gateway, _ in info.hops])
        return found

    def name(self, index: int) -> str:
        """The interface's name, or its number where it is gone."""
        link = self.links.get(index)
        return link.name if link is not None else f"#{index}"

    def resolve(self, address: bytes, *, by_default: bool = False) -> Resolution:
        """Whether and how a next hop (4, 16, 20 or 32 octets) is reached; the reason is made for people.

        `by_default`: a default route is good enough for this one, whatever holds for others.
        """
        if len(address) == 20:
            return self._on_link(address[:16], int.from_bytes(address[16:], "big"))
        if len(address) == 32:
            address = address[:16]  # the global one; the link-local half needs an interface
        owner = self.owners.get(address)
        if owner is not None:
            return Resolution((), 0, f"it is an address of this node ({self.name(owner)})")
        if len(address) == 16 and address[0] == 0xFE and address[1] & 0xC0 == 0x80:
            return Resolution((), 0, "a link-local address without its interface leads nowhere")
        trouble = "no route leads to it"
        for prefix, info in self._tables[AF_INET if len(address) == 4 else AF_INET6].matches(address):
            if not prefix[0] and not (by_default or self._by_default):
                trouble = trouble if "link" in trouble else "only the default route leads to it"
                break
            text = format_prefix(IPV4 if len(address) == 4 else IPV6, prefix)
            if info.kind != RTN_UNICAST:
                return Resolution((), 0, f"route {text} is {KIND_NAMES.get(info.kind, 'no unicast route')}")
            hops, problem = self._usable(address, info)
            if hops:
                return Resolution(hops, info.metric if hops[0][0] != address else 0, self._words(address, hops, text))
            trouble = problem or trouble
        return Resolution((), 0, self._lame_link(address) or trouble)

    def _lame_link(self, address: bytes) -> str:
        """The trouble of a link whose own prefix covers the address: its route went, its address stayed."""
        for link in self.links.values():
            for own, length in link.addresses:
                if not link.usable and len(own) == len(address) and covers(pack_prefix(own, length), _host(address)):
                    return link.trouble
        return ""

    def _on_link(self, address: bytes, index: int) -> Resolution:
        link = self.links.get(index)
        if link is None:
            return Resolution((), 0, f"interface {index} does not exist")
        if not link.usable:
            return Resolution((), 0, link.trouble)
        return Resolution(((address, index),), 0, f"on link {link.name}")

    def _usable(self, address: bytes, info: RouteInfo) -> tuple[tuple[Hop, ...], str]:
        hops: set[Hop] = set()
        problem = "its route has a nexthop object that is not followed" if info.nexthop_id and not info.hops else ""
        for gateway, index in info.hops:
            link = self.links.get(index)
            if link is not None and link.usable:
                hops.add((gateway or address, index))
            else:
                problem = link.trouble if link is not None else f"interface {index} does not exist"
        return tuple(sorted(hops)), problem

    def _words(self, address: bytes, hops: tuple[Hop, ...], text: str) -> str:
        if hops[0][0] == address:
            return f"on link {self.name(hops[0][1])}"
        ways = ", ".join(f"{format_address(gateway)} dev {self.name(index)}" for gateway, index in hops)
        return f"via {ways} (route {text})"
