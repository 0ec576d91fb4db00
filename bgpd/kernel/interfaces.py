"""Links and addresses as rtnetlink tells about them: requests out, messages in. Pure.

Few, and only four things of them matter: so they are read here, in a page, and a node without an overlay loads no
netlink library at its start. Numbers are in host byte order, addresses in network order; unknown attributes are passed
over.
"""

import struct
from typing import Final

from bgpd.kernel.encode import (
    AF_INET,
    AF_INET6,
    F_DUMP,
    F_REQUEST,
    RTM_DELADDR,
    RTM_DELLINK,
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_NEWADDR,
    RTM_NEWLINK,
    attributes,
)

_AF_BRIDGE: Final = 7
_IFLA_IFNAME: Final = 3
_IFA_ADDRESS: Final = 1
_IFA_LOCAL: Final = 2
_HEADER: Final = struct.Struct("=IHHII")
_LINK: Final = struct.Struct("=BBHiII")  #: ifi_family, pad, ifi_type, ifi_index, ifi_flags, ifi_change
_ADDRESS: Final = struct.Struct("=BBBBi")  #: ifa_family, ifa_prefixlen, ifa_flags, ifa_scope, ifa_index

#: Message types that `parse` knows.
KINDS: Final = frozenset({RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_DELADDR})


class LinkEvent:
    """A link as netlink shows it."""

    __slots__ = ("flags", "index", "name", "present")

    def __init__(self, index: int, name: str, flags: int, present: bool) -> None:
        self.index: Final = index
        self.name: Final = name
        self.flags: Final = flags
        self.present: Final = present


class AddressEvent:
    """An address (packed) of an interface as netlink shows it."""

    __slots__ = ("address", "index", "length", "present")

    def __init__(self, index: int, address: bytes, length: int, present: bool) -> None:
        self.index: Final = index
        self.address: Final = address
        self.length: Final = length  #: of its prefix
        self.present: Final = present


def links_request(seq: int) -> bytes:
    """Ask for all links."""
    return _request(RTM_GETLINK, seq, bytes(_LINK.size))


def addresses_request(seq: int) -> bytes:
    """Ask for all addresses of both families."""
    return _request(RTM_GETADDR, seq, bytes(_ADDRESS.size))


def _request(kind: int, seq: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, F_REQUEST | F_DUMP, seq, 0) + body


def parse(data: bytes, kind: int, start: int, end: int) -> LinkEvent | AddressEvent | None:
    """One message of `KINDS`, None where it is about neither a link nor an IP address of one.

    `start` is that of its header. Raises struct.error for a message that is shorter than it says.
    """
    if kind in {RTM_NEWLINK, RTM_DELLINK}:
        return _link(data, start, end, present=kind == RTM_NEWLINK)
    return _address(data, start, end, present=kind == RTM_NEWADDR)


def _link(data: bytes, start: int, end: int, *, present: bool) -> LinkEvent | None:
    family, _, _, index, flags, _ = _LINK.unpack_from(data, start + 16)
    if family == _AF_BRIDGE:
        return None  # a bridge tells about its ports in the same words: a port that leaves it is no link that went
    name = ""
    for code, at, stop in attributes(data, start + 32, end):
        if code == _IFLA_IFNAME:
            name = data[at:stop].rstrip(b"\0").decode("utf-8", "replace")
    return LinkEvent(index, name or f"#{index}", flags, present)


def _address(data: bytes, start: int, end: int, *, present: bool) -> AddressEvent | None:
    family, length, _, _, index = _ADDRESS.unpack_from(data, start + 16)
    octets = {AF_INET: 4, AF_INET6: 16}.get(family)
    local = peer = b""
    for code, at, stop in attributes(data, start + 24, end):
        if code == _IFA_LOCAL:
            local = data[at:stop]
        elif code == _IFA_ADDRESS:
            peer = data[at:stop]
    address = local or peer  # of a point-to-point link IFA_ADDRESS is the other end
    return AddressEvent(index, address, length, present) if len(address) == octets else None
