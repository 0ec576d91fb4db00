"""What two speakers say of themselves in OPEN (RFC 5492), and what follows for the session.

A capability is a code and its octets; the table says how each is read and shown, and one that is unknown is kept as
it is. `negotiate` folds two OPENs into `Negotiated`, which every codec of this room takes: an encoding that depends
on the session depends on nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bgpd.wire.errors import WireError
from bgpd.wire.family import BY_CODE, FAMILIES, IPV4, Family
from bgpd.wire.iana import CapabilityCode, ErrorCode, OpenError

MAX_MESSAGE: Final = 4096  #: octets (RFC 4271 section 4.1)
MAX_EXTENDED: Final = 65535  #: octets (RFC 8654 section 3)
RECEIVE: Final = 1  #: Send/Receive of ADD-PATH (RFC 7911 section 4)
SEND: Final = 2


@dataclass(frozen=True)
class Capability:
    """One capability: code and value as on the wire."""

    code: int
    value: bytes = b""

    def describe(self) -> str:
        """In words: "multiprotocol ipv4", "four-octet-as 64512", "capability 99 0102"."""
        row = _CAPABILITIES.get(self.code)
        if row is None:
            return f"capability {self.code} {self.value.hex()}".rstrip()
        name, read = row
        try:
            return f"{name} {read(self.value)}".rstrip()
        except (IndexError, ValueError):  # shown, never believed
            return f"{name} (malformed) {self.value.hex()}"


@dataclass(frozen=True)
class Open:
    """An OPEN. `asn` is the real one: of the four-octet AS capability where there is one (RFC 6793)."""

    asn: int
    hold_time: int  #: seconds
    router_id: bytes  #: 4 octets
    capabilities: tuple[Capability, ...] = ()

    def find(self, code: int) -> list[bytes]:
        """The values of every capability of one code."""
        return [capability.value for capability in self.capabilities if capability.code == code]


def multiprotocol(family: Family) -> Capability:
    """Multiprotocol extensions for one family (RFC 4760 section 8)."""
    return Capability(CapabilityCode.MULTIPROTOCOL, bytes((family.afi >> 8, family.afi & 0xFF, 0, family.safi)))


def four_octet_as(asn: int) -> Capability:
    """Support for 4-octet AS numbers (RFC 6793 section 3)."""
    return Capability(CapabilityCode.FOUR_OCTET_AS, asn.to_bytes(4, "big"))


def route_refresh() -> Capability:
    """Route refresh (RFC 2918)."""
    return Capability(CapabilityCode.ROUTE_REFRESH)


def extended_message() -> Capability:
    """We take messages of up to 65535 octets (RFC 8654)."""
    return Capability(CapabilityCode.EXTENDED_MESSAGE)


def enhanced_route_refresh() -> Capability:
    """We mark the begin and the end of a refresh, and understand the marks (RFC 7313)."""
    return Capability(CapabilityCode.ENHANCED_ROUTE_REFRESH)


def add_path(ways: tuple[tuple[Family, int], ...]) -> Capability:
    """Several paths a prefix, by family: RECEIVE, SEND or both (RFC 7911 section 4)."""
    value = b"".join([bytes((family.afi >> 8, family.afi & 0xFF, family.safi, way)) for family, way in ways])
    return Capability(CapabilityCode.ADD_PATH, value)


def extended_next_hop() -> Capability:
    """IPv4 unicast with an IPv6 next hop (RFC 8950 section 4)."""
    return Capability(CapabilityCode.EXTENDED_NEXT_HOP, _IPV4_OVER_IPV6)


def role(value: int) -> Capability:
    """What we are to the peer (RFC 9234 section 4.1)."""
    return Capability(CapabilityCode.ROLE, bytes((value,)))


_IPV4_OVER_IPV6: Final = b"\x00\x01\x00\x01\x00\x02"


def make_open(
    asn: int,
    router_id: bytes,
    hold_time: int,
    families: tuple[Family, ...] = FAMILIES,
    *,
    more: tuple[Capability, ...] = (),
) -> Open:
    """The OPEN this speaker sends. `more`: capabilities that the settings of the neighbor add."""
    capabilities = [multiprotocol(family) for family in families]
    capabilities.append(route_refresh())
    capabilities.append(four_octet_as(asn))
    return Open(asn, hold_time, router_id, (*capabilities, *more))


def _name_family(afi: int, safi: int) -> str:
    family = BY_CODE.get((afi, safi))
    return family.name if family is not None else f"afi {afi} safi {safi}"


def _read_nothing(value: bytes) -> str:
    return value.hex()


def _read_multiprotocol(value: bytes) -> str:
    return _name_family(value[0] << 8 | value[1], value[3])


def _read_asn(value: bytes) -> str:
    return str(int.from_bytes(value, "big"))


def _read_add_path(value: bytes) -> str:
    ways = ("?", "receive", "send", "both")  # RFC 7911 section 4
    words = [
        f"{_name_family(value[i] << 8 | value[i + 1], value[i + 2])} {ways[min(value[i + 3], 4) & 3]}"
        for i in range(0, len(value), 4)
    ]
    return ", ".join(words)


def _read_graceful_restart(value: bytes) -> str:
    words = [f"{(value[0] & 0x0F) << 8 | value[1]} s"]  # RFC 4724 section 3
    if value[0] & 0x80:
        words.append("restarted")
    if value[0] & 0x40:  # RFC 8538 section 2
        words.append("notification")
    for i in range(2, len(value), 4):
        kept = " kept" if value[i + 3] & 0x80 else ""
        words.append(_name_family(value[i] << 8 | value[i + 1], value[i + 2]) + kept)
    return ", ".join(words)


def _read_long_lived(value: bytes) -> str:
    words = []
    for i in range(0, len(value), 7):  # RFC 9494 section 3.1
        kept = " kept" if value[i + 3] & 0x80 else ""
        time = int.from_bytes(value[i + 4 : i + 7], "big")
        words.append(f"{_name_family(value[i] << 8 | value[i + 1], value[i + 2])} {time} s{kept}")
    return ", ".join(words)


_ROLES: Final = ("provider", "rs", "rs-client", "customer", "peer")  # RFC 9234 section 4.1
_COUNTERPARTS: Final = (3, 2, 1, 0, 4)  # section 4.2


def _read_role(value: bytes) -> str:
    if len(value) != 1:
        raise ValueError
    return _ROLES[value[0]]


def _read_fqdn(value: bytes) -> str:
    host = value[1 : 1 + value[0]]
    rest = value[1 + value[0] :]
    if len(host) < value[0] or (rest and len(rest) != 1 + rest[0]):
        raise ValueError
    domain = rest[1 : 1 + rest[0]] if rest else b""
    name = host + b"." + domain if domain else host
    return "".join([char if char.isprintable() else "?" for char in name.decode("utf-8", "replace")])


def _read_extended_next_hop(value: bytes) -> str:
    words = [  # RFC 8950 section 4
        f"{_name_family(value[i] << 8 | value[i + 1], value[i + 3])} over afi {value[i + 5]}"
        for i in range(0, len(value), 6)
    ]
    return ", ".join(words)


_CAPABILITIES: Final[dict[int, tuple[str, Callable[[bytes], str]]]] = {
    CapabilityCode.MULTIPROTOCOL: ("multiprotocol", _read_multiprotocol),
    CapabilityCode.ROUTE_REFRESH: ("route-refresh", _read_nothing),
    CapabilityCode.EXTENDED_NEXT_HOP: ("extended-next-hop", _read_extended_next_hop),
    CapabilityCode.EXTENDED_MESSAGE: ("extended-message", _read_nothing),
    CapabilityCode.ROLE: ("role", _read_role),
    CapabilityCode.GRACEFUL_RESTART: ("graceful-restart", _read_graceful_restart),
    CapabilityCode.FOUR_OCTET_AS: ("four-octet-as", _read_asn),
    CapabilityCode.ADD_PATH: ("add-path", _read_add_path),
    CapabilityCode.ENHANCED_ROUTE_REFRESH: ("enhanced-route-refresh", _read_nothing),
    CapabilityCode.LONG_LIVED_GRACEFUL_RESTART: ("long-lived-graceful-restart", _read_long_lived),
    CapabilityCode.FQDN: ("fqdn", _read_fqdn),
}


class Negotiated:
    """What one session agreed on. Built once at OpenConfirm; read by every codec."""

    def __init__(
        self,
        families: tuple[Family, ...] = FAMILIES,
        four_octet: bool = True,
        route_refresh: bool = True,
        hold_time: int = 90,
        keepalive_time: float = 30.0,
        local_asn: int = 64512,
        remote_asn: int = 64512,
        remote_router_id: bytes = b"\x00\x00\x00\x00",
        max_message: int = MAX_MESSAGE,
        max_receive: int = MAX_MESSAGE,
        enhanced_refresh: bool = False,
        add_path_receive: tuple[Family, ...] = (),
        add_path_send: tuple[Family, ...] = (),
        extended_next_hop: bool = False,
    ) -> None:
        self.families = families  #: offered by both, in our order
        self.four_octet = four_octet  #: AS numbers have 4 octets on this session (RFC 6793)
        self.route_refresh = route_refresh  #: the peer takes ROUTE-REFRESH
        self.hold_time = hold_time  #: seconds, 0: no keepalives
        self.keepalive_time = keepalive_time  #: seconds, 0: none are sent
        self.local_asn = local_asn
        self.remote_asn = remote_asn
        self.remote_router_id = remote_router_id  #: 4 octets
        self.external = local_asn != remote_asn  #: eBGP
        self.max_message = max_message  #: octets of one message that we send
        self.max_receive = max_receive  #: octets of one message that we take
        self.enhanced_refresh = enhanced_refresh  #: refreshes have a begin and an end (RFC 7313)
        self.add_path_receive = add_path_receive  #: families whose NLRI comes with path identifiers (RFC 7911)
        self.add_path_send = add_path_send  #: families whose NLRI we send with path identifiers
        self.extended_next_hop = extended_next_hop  #: IPv4 routes may have an IPv6 next hop (RFC 8950)
        self.ids4 = IPV4 in add_path_receive  #: the plain NLRI fields hold path identifiers
        self.ipv4 = IPV4 in families  #: NLRI outside of MP_REACH_NLRI is welcome
        self.flavor = (2 if self.external else 0) | (1 if four_octet else 0)  #: what attribute bytes mean: AttrsTable
        self.by_code = {family.afi << 8 | family.safi: family for family in families}

    def __repr__(self) -> str:
        names = ",".join([family.name for family in self.families])
        kind = "external" if self.external else "internal"
        return f"Negotiated({names}, {kind}, AS {self.remote_asn}, hold {self.hold_time})"


def offered_families(message: Open) -> tuple[Family, ...]:
    """The families of ours that an OPEN offers: IPv4 where it says nothing about families (RFC 4760 section 8)."""
    values = message.find(CapabilityCode.MULTIPROTOCOL)
    if not values:
        return (IPV4,)
    codes = [(value[0] << 8 | value[1], value[3]) for value in values]
    return tuple([family for family in FAMILIES if (family.afi, family.safi) in codes])


def add_path_ways(message: Open) -> dict[Family, int]:
    """What an OPEN says of ADD-PATH. Values that mean nothing are ignored (RFC 7911 section 4)."""
    ways: dict[Family, int] = {}
    for value in message.find(CapabilityCode.ADD_PATH):
        for i in range(0, len(value) - 3, 4):
            family = BY_CODE.get((value[i] << 8 | value[i + 1], value[i + 2]))
            if family is not None and 1 <= value[i + 3] <= 3:
                ways[family] = value[i + 3]
    return ways


def _takes_ipv6_next_hops(message: Open) -> bool:
    for value in message.find(CapabilityCode.EXTENDED_NEXT_HOP):
        if _IPV4_OVER_IPV6 in [value[i : i + 6] for i in range(0, len(value), 6)]:
            return True
    return False


def check_role(message: Open, ours: int | None, strict: bool) -> WireError | None:
    """What is unacceptable about the role that an OPEN tells, beside our own; None: nothing (RFC 9234 section 4.2)."""
    if ours is None:
        return None
    told = set(message.find(CapabilityCode.ROLE))
    if not told:
        text = f"we are {_ROLES[ours]}, the peer tells no role, and role-strict is set"
        return WireError(ErrorCode.OPEN, OpenError.ROLE_MISMATCH, b"", text) if strict else None
    if told == {bytes((_COUNTERPARTS[ours],))}:
        return None
    words = " and ".join(sorted([Capability(CapabilityCode.ROLE, value).describe() for value in told]))
    text = f"we are {_ROLES[ours]}, so the peer must be {_ROLES[_COUNTERPARTS[ours]]}; it says {words}"
    return WireError(ErrorCode.OPEN, OpenError.ROLE_MISMATCH, b"", text)


def negotiate(local: Open, remote: Open, keepalive_time: float = 30.0) -> Negotiated:
    """What holds for the session. `keepalive_time`: as configured, seconds; a third of the hold time is the most."""
    theirs = offered_families(remote)
    families = tuple([family for family in offered_families(local) if family in theirs])
    large = bool(local.find(CapabilityCode.EXTENDED_MESSAGE))
    ours, others = add_path_ways(local), add_path_ways(remote)
    hold_time = min(local.hold_time, remote.hold_time)  # RFC 4271 section 4.2
    four_octet = bool(local.find(CapabilityCode.FOUR_OCTET_AS)) and bool(remote.find(CapabilityCode.FOUR_OCTET_AS))
    return Negotiated(
        families=families,
        four_octet=four_octet,
        route_refresh=bool(remote.find(CapabilityCode.ROUTE_REFRESH)),
        hold_time=hold_time,
        keepalive_time=min(keepalive_time, hold_time / 3),  # RFC 4271 section 4.4
        local_asn=local.asn,
        remote_asn=remote.asn,
        remote_router_id=remote.router_id,
        # RFC 8654 section 4: what we announced we must take, whatever the peer announced
        max_message=MAX_EXTENDED if large and remote.find(CapabilityCode.EXTENDED_MESSAGE) else MAX_MESSAGE,
        max_receive=MAX_EXTENDED if large else MAX_MESSAGE,
        enhanced_refresh=bool(local.find(CapabilityCode.ENHANCED_ROUTE_REFRESH))
        and bool(remote.find(CapabilityCode.ENHANCED_ROUTE_REFRESH)),
        add_path_receive=tuple([f for f in families if ours.get(f, 0) & RECEIVE and others.get(f, 0) & SEND]),
        add_path_send=tuple([f for f in families if ours.get(f, 0) & SEND and others.get(f, 0) & RECEIVE]),
        extended_next_hop=_takes_ipv6_next_hops(local) and _takes_ipv6_next_hops(remote),
    )


def check_open(
    message: Open,
    expected_asn: int,
    local_router_id: bytes,
    internal: bool,
    families: tuple[Family, ...] = (),
) -> WireError | None:
    """What is unacceptable about a well-formed OPEN, seen from our configuration; None: nothing.

    `families`: ours; where they are given and the peer offers none of them, the session would carry nothing.
    """
    if message.asn != expected_asn:
        text = f"the peer's AS is {message.asn}, {expected_asn} is configured"
        return WireError(ErrorCode.OPEN, OpenError.BAD_PEER_AS, b"", text)
    if internal and message.router_id == local_router_id:  # RFC 6286 section 2.2
        return WireError(ErrorCode.OPEN, OpenError.BAD_IDENTIFIER, b"", "the peer's router id is our own")
    if families:
        theirs = offered_families(message)
        if not [family for family in families if family in theirs]:
            # RFC 5492 section 5: the data lists the capabilities that are missed
            data = b"".join([encode_capability(multiprotocol(family)) for family in families])
            return WireError(ErrorCode.OPEN, OpenError.UNSUPPORTED_CAPABILITY, data, "no family in common")
    return None


def encode_capability(capability: Capability) -> bytes:
    """Code, length, value (RFC 5492 section 4)."""
    return bytes((capability.code, len(capability.value))) + capability.value


#: What the session's encoding hangs on must be right; what is only shown need not be.
_FOUR_OCTETS: Final = (CapabilityCode.MULTIPROTOCOL, CapabilityCode.FOUR_OCTET_AS)


def decode_capabilities(data: bytes) -> list[Capability]:
    """The capabilities of one Capabilities optional parameter. Raises WireError(2, 0) where they are malformed."""
    found: list[Capability] = []
    pos = 0
    while pos < len(data):
        if pos + 2 > len(data) or pos + 2 + data[pos + 1] > len(data):
            raise WireError(ErrorCode.OPEN, OpenError.UNSPECIFIC, b"", "a capability overruns its parameter")
        capability = Capability(data[pos], data[pos + 2 : pos + 2 + data[pos + 1]])
        if capability.code in _FOUR_OCTETS and len(capability.value) != 4:
            raise WireError(ErrorCode.OPEN, OpenError.UNSPECIFIC, b"", f"malformed: {capability.describe()}")
        found.append(capability)
        pos += 2 + len(capability.value)
    return found
