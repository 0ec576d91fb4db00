"""The overlay: prefixes whose packets travel in VXLAN to their next hop, and the entries that this takes. Pure.

A pool says for the prefixes inside it: `never`, `cross-subnet` (only where the next hop is not on a link of ours, that
is behind a router that knows nothing of pods) or `always`. A next hop of such a prefix is marked with that rule
(`through`), so that the same address may be reached plainly for one prefix and encapsulated for another. Marked or not,
it is an address like any other to the rest of this room: a route that is encapsulated has a gateway and an interface.

Each end knows what the others need without being told: the outer destination is the next hop itself, and the device's
MAC address is made from the node's address (`mac_of`). So there is nothing to learn and nothing to flood, and two
entries a node are enough: a neighbor (next hop -> MAC) and a forwarding entry (MAC -> outer destination).
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from bgpd.kernel.links import Links, Resolution
from bgpd.model import Overlay, PoolSpec
from bgpd.wire.family import FAMILIES, IPV4, Family
from bgpd.wire.prefix import covers, format_address

#: Devices by family: one each, since the outer packet is of the family of the next hop.
DEVICES: Final = {4: "bgpd.vx4", 16: "bgpd.vx6"}
#: Octets that encapsulation costs: inner Ethernet 14, VXLAN 8, UDP 8, outer IP 20 or 40 (RFC 7348 section 5).
OVERHEAD: Final = {4: 50, 16: 70}

_PLAIN: Final = 0  #: mark: not encapsulated, but a default route may lead there
_MARKS: Final = {Overlay.CROSS_SUBNET: 1, Overlay.ALWAYS: 2}
_ALWAYS: Final = _MARKS[Overlay.ALWAYS]
_FOREIGN: Final = 3  #: mark: routes of this pool are not ours to write


def through(address: bytes, mark: int) -> bytes:
    """A next hop (4 or 16 octets) with how to reach it: 5 or 17 octets."""
    return address + bytes((mark,))


def marked(address: bytes) -> bool:
    """Whether `through` made it."""
    return len(address) in {5, 17}


def plain(next_hops: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Next hops without their marks."""
    return tuple([each[:-1] if marked(each) else each for each in next_hops])


def mac_of(address: bytes) -> bytes:
    """The MAC address of a node's device, 6 octets, locally administered: every node can work out every other's."""
    return b"\x02\x62" + (address if len(address) == 4 else sha256(address).digest()[:4])


class Tunnel:
    """One family's device and its entries."""

    __slots__ = ("index", "known", "missing", "name", "reason")

    def __init__(self, octets: int) -> None:
        self.name: Final = DEVICES[octets]
        self.index = 0  #: interface index; 0: there is none
        self.reason = "is not there yet"  #: why there is none, as the end of a sentence
        self.known: set[bytes] = set()  #: next hops that have their entries
        self.missing: set[bytes] = set()  #: next hops that need them, before a route can lead there


class Overlays:
    """Which prefixes are encapsulated, and what a marked next hop comes to."""

    def __init__(self, links: Links, pools: Iterable[PoolSpec] = ()) -> None:
        self.links: Final = links
        self.tunnels: Final = {octets: Tunnel(octets) for octets in DEVICES}
        self.unsure = False  #: something happened to links or addresses since the devices were looked at
        self._pools: dict[Family, list[tuple[bytes, int]]] = {}
        self._marked: dict[tuple[tuple[bytes, ...], int], tuple[bytes, ...]] = {}  # one tuple for equal wants
        self.configure(pools)

    def configure(self, pools: Iterable[PoolSpec]) -> None:
        """Other pools. The caller marks its next hops anew."""
        self._pools = {family: [] for family in FAMILIES}
        for pool in pools:
            rule = _FOREIGN if pool.foreign else _MARKS.get(pool.overlay, _PLAIN)
            self._pools[pool.family].append((pool.prefix, rule))
        for rows in self._pools.values():
            rows.sort(reverse=True)  # the longest first: the length is the first octet
        self.doubt()

    def active(self, octets: int) -> bool:
        """Whether a pool of this family (4 or 16 octets an address) may be encapsulated."""
        pools = [rows for family, rows in self._pools.items() if (family is IPV4) == (octets == 4)]
        return any(rule not in {_PLAIN, _FOREIGN} for rows in pools for _, rule in rows)

    def doubt(self) -> None:
        """Links or addresses changed: the devices have to be looked at, where there are or should be any."""
        self.unsure = any(self.active(octets) or tunnel.index for octets, tunnel in self.tunnels.items())

    def pooled(self, family: Family) -> bool:
        """Whether wants of this family have to be marked at all."""
        return bool(self._pools[family])

    def mark(self, family: Family, prefix: bytes, next_hops: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """The next hops of a prefix with the rule of the pool that it is in; as they are where it is in none."""
        for pool, rule in self._pools[family]:
            if covers(pool, prefix):
                return next_hops if rule == _PLAIN else self._mark(next_hops, rule)
        return next_hops

    def _mark(self, next_hops: tuple[bytes, ...], rule: int) -> tuple[bytes, ...]:
        found = self._marked.get((next_hops, rule))
        if found is None:
            if len(self._marked) > 10_000:  # next hops that are long gone
                self._marked.clear()
            found = tuple([through(each, rule) if len(each) in DEVICES else each for each in next_hops])
            self._marked[next_hops, rule] = found
        return found

    def follow(self, address: bytes) -> bytes:
        """What to ask about a next hop that the speaker follows, for all its prefixes at once.

        Nodes of a cluster in several subnets often have nothing but a default route to each other, which leads to a
        next hop only where a pool says so.
        """
        return through(address, _PLAIN) if len(address) in DEVICES and self.active(len(address)) else address

    def resolve(self, address: bytes) -> Resolution:
        """How a marked next hop is reached; a device that is missing is named with the reason."""
        plain, rule = address[:-1], address[-1]
        if rule == _FOREIGN:
            return Resolution((), 0, "somebody else writes the routes of this pool")
        under = self.links.resolve(plain, by_default=True)
        if rule == _PLAIN or not under.reachable or (rule != _ALWAYS and under.hops[0][0] == plain):
            return under
        tunnel = self.tunnels[len(plain)]
        link = self.links.links.get(tunnel.index)
        if link is None or not link.usable:
            trouble = tunnel.reason if link is None else f"is of no use: {link.trouble}"
            return Resolution((), 0, f"the overlay's device {tunnel.name} {trouble}")
        if plain not in tunnel.known:
            tunnel.missing.add(plain)
        words = f"in VXLAN by {tunnel.name} to {format_address(plain)}, {under.reason}"
        return Resolution(((plain, tunnel.index),), under.cost, words)

    def waiting(self) -> bool:
        """Whether devices have to be looked at, or entries written, before the routes that need them."""
        return self.unsure or any(tunnel.missing for tunnel in self.tunnels.values())

    def counts(self) -> tuple[int, int]:
        """Devices, and next hops that have their entries."""
        return len(self.devices()), sum([len(tunnel.known) for tunnel in self.tunnels.values() if tunnel.index])

    def devices(self) -> frozenset[int]:
        """The interface indexes of what encapsulates: a gateway there is on the link by definition."""
        return frozenset(tunnel.index for tunnel in self.tunnels.values() if tunnel.index)


def source_of(octets: int, links: Links, wanted: Iterable[bytes], router_id: bytes) -> tuple[bytes, str]:
    """Our own end of a family's tunnels, and why there is none: (address, reason), one of them empty.

    `wanted`: addresses that the configuration names. Else it is the router id where that is an address of this node,
    and the first global address of the same link for IPv6: what our sessions announce as the next hop.
    """
    for address in wanted:
        if len(address) == octets:
            if address in links.owners:
                return address, ""
            return b"", f"cannot be made: {format_address(address)} is no address of this node"
    owner = links.owners.get(router_id)
    if octets == 4:
        if owner is not None:
            return router_id, ""
        return (
            b"",
            f"cannot be made: the router id {format_address(router_id)} is no address of this node, so say which",
        )
    link = links.links.get(owner or 0)
    found = (
        sorted(address for address, _ in link.addresses if len(address) == 16 and address[0] != 0xFE) if link else []
    )
    if found:
        return found[0], ""
    return b"", "cannot be made: the link of the router id has no global IPv6 address, so say which"


def entries(addresses: Iterable[bytes], macs: Mapping[bytes, bytes] | None = None) -> list[tuple[bytes, bytes]]:
    """(next hop, MAC) of each; `macs` knows better for nodes that choose their own."""
    known = macs or {}
    return [(address, known.get(address) or mac_of(address)) for address in sorted(addresses)]
