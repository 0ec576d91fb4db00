"""MetalLB's resources, `metallb.io`: peers, pools of service addresses, and how those are announced.

MetalLB takes services and endpoints from the Kubernetes API; here they are ServiceAddress resources (`own`): an
address of one that lies in an IPAddressPool is announced as the BGPAdvertisements of that pool say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bgpd.cluster.resources import Meta
from bgpd.cluster.scalars import (
    ADDRESS,
    ASN,
    DURATION,
    GLOB,
    LABEL,
    NAME,
    SWITCH,
    TEXT,
    Net,
    community,
    integer,
    label_key,
    net,
    words,
)
from bgpd.cluster.shapes import Key, Leaf, Many, Record, Table
from bgpd.config.kinds import short
from bgpd.wire.family import IPV4, IPV6, Family
from bgpd.wire.prefix import network, pack_prefix, parse_address

METALLB: Final = "metallb.io/v1beta1"
METALLB_PEER: Final = "metallb.io/v1beta2"


# -- selectors, as Kubernetes writes them


@dataclass(frozen=True, slots=True)
class Expression:
    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        there = labels.get(self.key)
        if self.operator == "In":
            return there in self.values
        if self.operator == "NotIn":
            return there not in self.values
        return (there is not None) is (self.operator == "Exists")


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All of it holds; an empty one picks everything."""

    labels: Mapping[str, str] = field(default_factory=dict)
    expressions: tuple[Expression, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(key) == value for key, value in self.labels.items()) and all(
            expression.holds(labels) for expression in self.expressions
        )


SELECTORS: Final = Many(
    Record(
        LabelSelector,
        Key("matchLabels", Table(LABEL, label_key), "labels"),
        Key(
            "matchExpressions",
            Many(
                Record(
                    Expression,
                    Key("key", Leaf("a label", label_key), "key"),
                    Key("operator", words("In", "NotIn", "Exists", "DoesNotExist"), "operator"),
                    Key("values", Many(TEXT), "values"),
                )
            ),
            "expressions",
        ),
    )
)


def picks(selectors: tuple[LabelSelector, ...], labels: Mapping[str, str]) -> bool:
    """Whether any of them does; none at all pick everything."""
    return not selectors or any(selector.matches(labels) for selector in selectors)


# -- BGPPeer


@dataclass(frozen=True, slots=True)
class SecretName:
    """A secret of type basic-auth: its key is `password`."""

    name: str
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetalPeer:
    """`BGPPeer` of MetalLB: it is told service addresses, and what it says is not listened to."""

    meta: Meta
    my_asn: int
    peer_asn: int = 0
    dynamic_asn: str = ""
    local_asn: int = 0
    address: bytes = b""
    interface: str = ""
    source_address: bytes | None = None
    port: int = 179
    hold_time: float | None = None
    keepalive_time: float | None = None
    connect_time: float | None = None
    node_selectors: tuple[LabelSelector, ...] = ()
    password: str = field(default="", repr=False)
    password_secret: SecretName | None = None
    graceful_restart: bool = False
    multihop: bool = False
    dual_stack: bool = False
    disable_mp: bool = False


METAL_PEER: Final = Record(
    MetalPeer,
    Key("myASN", ASN, "my_asn"),
    Key("peerASN", ASN, "peer_asn"),
    Key("dynamicASN", words("internal", "external"), "dynamic_asn"),
    Key("localASN", ASN, "local_asn"),
    Key("peerAddress", ADDRESS, "address"),
    Key("interface", GLOB, "interface"),
    Key("sourceAddress", ADDRESS, "source_address"),
    Key("peerPort", integer(1, 16384), "port"),
    Key("holdTime", DURATION, "hold_time"),
    Key("keepaliveTime", DURATION, "keepalive_time"),
    Key("connectTime", DURATION, "connect_time"),
    Key("nodeSelectors", SELECTORS, "node_selectors"),
    Key("password", TEXT, "password"),
    Key(
        "passwordSecret",
        Record(SecretName, Key("name", NAME, "name"), Key("namespace", NAME, "namespace")),
        "password_secret",
    ),
    Key("enableGracefulRestart", SWITCH, "graceful_restart"),
    Key("ebgpMultiHop", SWITCH, "multihop"),
    Key("dualStackAddressFamily", SWITCH, "dual_stack"),
    Key("disableMP", SWITCH, "disable_mp"),
    refused={
        "bfdProfile": "BFD is not there yet: without it this peering would fail more slowly than asked for",
        "vrf": "sessions in a VRF are not supported",
        "routerID": "a node has one router id: leave it to the node, or set routerID of ClusterConfiguration",
    },
)


# -- pools


@dataclass(frozen=True, slots=True)
class AddressRange:
    """First and last address, packed, and the text that said so."""

    first: bytes
    last: bytes
    text: str

    def holds(self, address: bytes) -> bool:
        return len(address) == len(self.first) and self.first <= address <= self.last


def address_range(text: str) -> AddressRange:
    """`192.0.2.0/24`, or `192.0.2.10-192.0.2.20`."""
    low, dash, high = text.partition("-")
    if not dash:
        family, prefix = net(text)
        return AddressRange(*_ends(family, prefix), text)
    try:
        first, last = parse_address(low.strip()), parse_address(high.strip())
    except ValueError:
        raise ValueError(f"expected a prefix or FIRST-LAST, got {short(text)}") from None
    if len(first) != len(last) or first > last:
        raise ValueError(f"{short(text)} is no range: its end is before its beginning")
    return AddressRange(first, last, text)


def _ends(family: Family, prefix: bytes) -> tuple[bytes, bytes]:
    """The first and the last address of a prefix."""
    first = network(prefix, family.octets)
    rest = (1 << (family.bits - prefix[0])) - 1
    return first, (int.from_bytes(first, "big") | rest).to_bytes(family.octets, "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class IPAddressPool:
    """Addresses that services may have."""

    meta: Meta
    addresses: tuple[AddressRange, ...]
    auto_assign: bool = True  #: for whoever hands addresses out; a ServiceAddress names its own
    avoid_buggy_ips: bool = False  #: no service has an address that ends in .0 or .255

    def holds(self, address: bytes) -> bool:
        return any(each.holds(address) for each in self.addresses)


IP_ADDRESS_POOL: Final = Record(
    IPAddressPool,
    Key("addresses", Many(Leaf("a prefix or a range", address_range, lambda value: value.text), least=1), "addresses"),
    Key("autoAssign", SWITCH, "auto_assign"),
    Key("avoidBuggyIPs", SWITCH, "avoid_buggy_ips"),
    refused={
        "serviceAllocation": "this needs the Kubernetes API: who gets which address is what a ServiceAddress says"
    },
)


# -- how they are announced


def advertised(text: str) -> str:
    """A community's value (`large:` may stand before a large one), or the name of one."""
    if text.startswith("large:"):
        return community(text.removeprefix("large:"))
    if ":" in text:
        return community(text)
    if not text.isprintable():
        raise ValueError(f"expected a community, got {short(text)}")
    return text


def _value(text: str) -> str:
    return community(text.removeprefix("large:"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BGPAdvertisement:
    """How the service addresses of some pools are announced."""

    meta: Meta
    aggregation: int = 32
    aggregation_v6: int = 128
    local_pref: int = 0
    communities: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    pool_selectors: tuple[LabelSelector, ...] = ()
    node_selectors: tuple[LabelSelector, ...] = ()
    peers: tuple[str, ...] = ()  #: names of MetalLB's peers; empty: every neighbor
    service_selectors: tuple[LabelSelector, ...] = ()

    def takes(self, pool: IPAddressPool) -> bool:
        """Whether it is about this pool: named, or picked by a selector; neither is given: about all."""
        if not self.pools and not self.pool_selectors:
            return True
        named = pool.meta.name in self.pools
        return named or any(selector.matches(pool.meta.labels) for selector in self.pool_selectors)


BGP_ADVERTISEMENT: Final = Record(
    BGPAdvertisement,
    Key("aggregationLength", integer(1, 32), "aggregation"),
    Key("aggregationLengthV6", integer(1, 128), "aggregation_v6"),
    Key("localPref", integer(0, 0xFFFFFFFF), "local_pref"),
    Key("communities", Many(Leaf("a community", advertised)), "communities"),
    Key("ipAddressPools", Many(NAME), "pools"),
    Key("ipAddressPoolSelectors", SELECTORS, "pool_selectors"),
    Key("nodeSelectors", SELECTORS, "node_selectors"),
    Key("peers", Many(NAME), "peers"),
    Key("serviceSelectors", SELECTORS, "service_selectors"),
)


@dataclass(frozen=True, slots=True)
class Alias:
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """Names for communities."""

    meta: Meta
    communities: tuple[Alias, ...] = ()


COMMUNITY_KIND: Final = Record(
    Community,
    Key(
        "communities",
        Many(Record(Alias, Key("name", TEXT, "name"), Key("value", Leaf("a community", _value), "value"))),
        "communities",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BFDProfile:
    """How fast a peer's loss is seen; read and judged, and in force where a peer names it (see `MetalPeer`)."""

    meta: Meta
    receive_interval: int = 300  #: milliseconds
    transmit_interval: int = 300
    detect_multiplier: int = 3
    echo_interval: int = 50
    echo_mode: bool = False
    passive_mode: bool = False
    minimum_ttl: int = 254


_INTERVAL: Final = integer(10, 60000)
BFD_PROFILE: Final = Record(
    BFDProfile,
    Key("receiveInterval", _INTERVAL, "receive_interval"),
    Key("transmitInterval", _INTERVAL, "transmit_interval"),
    Key("detectMultiplier", integer(2, 255), "detect_multiplier"),
    Key("echoInterval", _INTERVAL, "echo_interval"),
    Key("echoMode", SWITCH, "echo_mode"),
    Key("passiveMode", SWITCH, "passive_mode"),
    Key("minimumTtl", integer(1, 254), "minimum_ttl"),
)


def aggregate(address: bytes, length: int) -> Net:
    """The prefix of `length` bits that an address lies in."""
    return (IPV4 if len(address) == 4 else IPV6), pack_prefix(address, length)


def within(pool: IPAddressPool, prefix: Net) -> bool:
    """Whether every address of a prefix is the pool's: only then may it be announced as one."""
    family, packed = prefix
    first, last = _ends(family, packed)
    return any(each.holds(first) and each.holds(last) for each in pool.addresses)
