"""What only the machine knows: its name, its addresses, a router id, the next hops that mean "self".

Addresses come from one RTM_GETADDR dump, spoken here directly: forty lines, and no library to load before the
first OPEN. The source address of the default route is the kernel's own answer: a UDP socket that is connected
(no packet leaves) to an address that only the default route can match.
"""

import socket
import struct
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bgpd.config.build import NoRouterIdError
from bgpd.wire.family import FAMILIES, IPV4, IPV6, Family
from bgpd.wire.prefix import format_address

_RTM_GETADDR: Final = 22
_RTM_NEWADDR: Final = 20
_NLMSG_ERROR: Final = 2
_NLMSG_DONE: Final = 3
_DUMP: Final = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_INTERRUPTED: Final = 0x10  # NLM_F_DUMP_INTR: addresses moved while we read
_IFA_ADDRESS: Final = 1
_IFA_LOCAL: Final = 2  # our end, where IFA_ADDRESS is the other end of a point-to-point link
_IFA_FLAGS: Final = 8
_UNFIT: Final = 0x01 | 0x08 | 0x20 | 0x40  # secondary or temporary, duplicate, deprecated, tentative: linux/if_addr.h
_SCOPE_GLOBAL: Final = 0

_NOWHERE: Final = "240.0.0.1"  # class E: nobody has a route to it but by default
#: Interfaces of containers and overlays. Their addresses are the same on many machines, or gone tomorrow.
_NOT_OURS: Final = (
    "docker",
    "br-",
    "podman",
    "cni",
    "cbr",
    "lxcbr",
    "lxdbr",
    "virbr",
    "cali",
    "tunl",
    "vxlan.calico",
    "flannel",
    "kube-",
    "nodelocaldns",
)
_FRESH: Final = 1.0  # seconds that a dump may serve several sessions that come up together


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """One address of this machine."""

    address: bytes  #: packed
    interface: str
    length: int  #: of its subnet's prefix
    scope: int  #: rtnetlink: 0 global, 253 link, 254 host
    flags: int

    @property
    def fit(self) -> bool:
        """Other machines can reach it, and it is here to stay."""
        return self.scope == _SCOPE_GLOBAL and not self.flags & _UNFIT


class ThisHost:
    """The real machine (`bgpd.config.Host`), asked anew by each call, except for the router id.

    A router id that was found stays for as long as this object lives: were another address to come first at a
    reload, every session would have to be reset for a number that means nothing. So keep one for the process.
    """

    def __init__(self) -> None:
        self._router_id: tuple[bytes, str] | None = None

    def hostname(self) -> str:
        """The machine's name."""
        return socket.gethostname()

    def addresses(self) -> Mapping[bytes, str]:
        """Local addresses, packed -> interface. Empty where the kernel does not tell."""
        return {entry.address: entry.interface for entry in _read_addresses()}

    def router_id(self) -> tuple[bytes, str]:
        """A router id and in words where it was found. Raises NoRouterIdError."""
        if self._router_id is None:
            self._router_id = choose_router_id(default_source(), _read_addresses())
        return self._router_id


def default_source() -> bytes | None:
    """The IPv4 address that the default route sends from; None where there is no such route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((_NOWHERE, 9))
        except OSError:
            return None
        return socket.inet_aton(sock.getsockname()[0])


def source_towards(destination: str) -> bytes | None:
    """The local address that packets to an address or a name leave with; "": by default. None where there is no way.

    A name is looked up, which may take as long as the resolver does.
    """
    if not destination:
        return default_source()
    try:
        found = socket.getaddrinfo(destination, 9, type=socket.SOCK_DGRAM)
    except OSError:
        return None
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as sock:
            try:
                sock.connect(address)
            except OSError:
                continue
            return socket.inet_pton(family, sock.getsockname()[0].partition("%")[0])
    return None


def local_addresses() -> list[LocalAddress]:
    """Every address of this machine, as the kernel lists them now."""
    return _read_addresses()


def choose_router_id(source: bytes | None, addresses: Iterable[LocalAddress]) -> tuple[bytes, str]:
    """The default route's source, else the first IPv4 address that belongs to the machine itself.

    Raises NoRouterIdError where there is none, as on a host that has only IPv6.
    """
    own = [entry for entry in addresses if len(entry.address) == 4 and entry.fit and not _container(entry)]
    for entry in own:
        if entry.address == source:
            return entry.address, f"the source of the default route, on {entry.interface}"
    if own:
        why = "no default route" if source is None else f"{format_address(source)} belongs to a container network"
        return own[0].address, f"the address of {own[0].interface} ({why})"
    raise NoRouterIdError("this machine has no IPv4 address to take it from")


def _container(entry: LocalAddress) -> bool:
    return entry.interface.startswith(_NOT_OURS) or entry.address[0] == 127 or entry.address[:2] == b"\xa9\xfe"


_dump: tuple[float, list[LocalAddress]] = (-_FRESH, [])


def next_hop_addresses(local: bytes, interface: str = "") -> dict[Family, bytes]:
    """What "next hop self" means on a session whose local end is `local` (packed): our address of each family.

    `interface` says where a link-local one is. There the IPv6 next hop is the global address and the link-local one
    (32 octets, RFC 2545 section 3), or the link-local one alone.
    The session's own family: its own address. The other family: the first lasting global address of the same
    interface. A family without one is not in the answer, and cannot be announced there.
    """
    return next_hops(local, _addresses(), interface)


def interface_has(interface: str, local: bytes) -> bool:
    """Whether one of our addresses (packed) is on this interface."""
    return any(entry.interface == interface and entry.address == local for entry in _addresses())


def _addresses() -> list[LocalAddress]:
    """Every address, at most a second old."""
    global _dump  # noqa: PLW0603 - a thousand sessions coming up need one dump, not a thousand
    at = time.monotonic()
    if at - _dump[0] >= _FRESH:
        _dump = (at, _read_addresses())
    return _dump[1]


def next_hops(local: bytes, addresses: Iterable[LocalAddress], interface: str = "") -> dict[Family, bytes]:
    """`next_hop_addresses`, of addresses that are given."""
    known = list(addresses)
    if interface:
        found = {IPV6: local}
        for entry in reversed(known):  # the first one wins
            if entry.interface == interface and entry.fit:
                found[IPV4 if len(entry.address) == 4 else IPV6] = entry.address + (
                    local if len(entry.address) == 16 else b""
                )
        return {family: found[family] for family in FAMILIES if family in found}
    own = IPV4 if len(local) == 4 else IPV6
    interfaces = {entry.interface for entry in known if entry.address == local}
    found = {own: local}
    for entry in known:
        family = IPV4 if len(entry.address) == 4 else IPV6
        if entry.interface in interfaces and entry.fit and family not in found:
            found[family] = entry.address
    return {family: found[family] for family in FAMILIES if family in found}


# netlink


def _read_addresses() -> list[LocalAddress]:
    """Every address of this network namespace in the kernel's order. Empty where it cannot be read."""
    try:
        for _ in range(3):
            found, whole = _read_once()
            if whole:
                break
    except OSError:
        return []
    return found


def _read_once() -> tuple[list[LocalAddress], bool]:
    """One dump, and whether nothing moved while it was read."""
    found: list[LocalAddress] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.settimeout(2.0)
        sock.send(struct.pack("=IHHIIB7x", 24, _RTM_GETADDR, _DUMP, 1, 0, socket.AF_UNSPEC))
        whole = True
        while True:
            messages, done, intact = parse_addresses(sock.recv(1 << 17))
            found += [_named(*message) for message in messages]
            whole = whole and intact
            if done:
                return found, whole


def parse_addresses(data: bytes) -> tuple[list[tuple[bytes, int, int, int, int]], bool, bool]:
    """One datagram of a dump -> (address, index, length, scope, flags) of each message; the end; undisturbed.

    Raises OSError where the kernel answers with an error.
    """
    found: list[tuple[bytes, int, int, int, int]] = []
    at, intact = 0, True
    while at + 16 <= len(data):
        length, kind, flags = struct.unpack_from("=IHH", data, at)
        if length < 16 or at + length > len(data):
            break
        intact = intact and not flags & _INTERRUPTED
        if kind == _NLMSG_DONE:
            return found, True, intact
        if kind == _NLMSG_ERROR:
            raise OSError("the kernel does not tell our addresses")
        if kind == _RTM_NEWADDR and length >= 24 and (entry := _entry(data[at + 16 : at + length])):
            found.append(entry)
        at += length + 3 & ~3
    return found, False, intact


def _entry(body: bytes) -> tuple[bytes, int, int, int, int] | None:
    """One ifaddrmsg with its attributes."""
    _, prefix_length, flags, scope, index = struct.unpack_from("=BBBBI", body)
    attributes: dict[int, bytes] = {}
    at = 8
    while at + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, at)
        if length < 4:
            break
        attributes[kind] = body[at + 4 : at + length]
        at += length + 3 & ~3
    if len(wide := attributes.get(_IFA_FLAGS, b"")) == 4:
        flags = struct.unpack("=I", wide)[0]
    address = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
    return (address, index, prefix_length, scope, flags) if address and len(address) in (4, 16) else None


def _named(address: bytes, index: int, length: int, scope: int, flags: int) -> LocalAddress:
    try:
        interface = socket.if_indextoname(index)
    except OSError:  # gone since
        interface = f"interface {index}"
    return LocalAddress(address, interface, length, scope, flags)
