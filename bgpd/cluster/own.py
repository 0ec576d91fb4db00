"""Kinds of our own, `bgpd/v1`, where Calico has none."""

from dataclasses import dataclass
from typing import Final

from bgpd.cluster.resources import Meta
from bgpd.cluster.scalars import (
    ADDRESS,
    DURATION,
    HOST_ADDRESS,
    NAME,
    PORT,
    SELECTOR,
    SWITCH,
    TEXT,
    HostAddress,
    integer,
    words,
)
from bgpd.cluster.shapes import Key, Many, Record

OWN: Final = "bgpd/v1"
COMPAT: Final = ("none", "calico", "calico-3.31", "calico-3.33")
ADVERTISE: Final = ("own", "cluster", "all")
MESH: Final = "mesh"  #: the name under which PeerSettings mean every mesh session


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfiguration:
    """What all nodes do alike, and Calico has no word for. Its name is `default`."""

    meta: Meta
    compat: str = "none"
    mesh: str = "full"
    mesh_limit: int = 50  #: nodes above which `mesh: auto` elects reflectors
    router_id: str = ""  #: "hash": of the node's name; empty: the node's IPv4 address
    hold_time: float | None = None
    keepalive_time: float | None = None
    connect_retry_time: float | None = None


CLUSTER_CONFIGURATION: Final = Record(
    ClusterConfiguration,
    Key("compat", words(*COMPAT), "compat"),
    Key("mesh", words("full", "auto"), "mesh"),
    Key("meshLimit", integer(2, 10000), "mesh_limit"),
    Key("routerID", words("hash"), "router_id"),
    Key("holdTime", DURATION, "hold_time"),
    Key("keepaliveTime", DURATION, "keepalive_time"),
    Key("connectRetryTime", DURATION, "connect_retry_time"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSettings:
    """What is tuned for the sessions of some BGPPeers, or (`mesh`) of the mesh."""

    meta: Meta
    peers: tuple[str, ...]
    hold_time: float | None = None
    keepalive_time: float | None = None
    connect_retry_time: float | None = None
    advertise: str = ""  #: own | cluster | all; empty: own
    accept_default_route: bool = False


PEER_SETTINGS: Final = Record(
    PeerSettings,
    Key("peers", Many(NAME, least=1), "peers"),
    Key("holdTime", DURATION, "hold_time"),
    Key("keepaliveTime", DURATION, "keepalive_time"),
    Key("connectRetryTime", DURATION, "connect_retry_time"),
    Key("advertise", words(*ADVERTISE), "advertise"),
    Key("acceptDefaultRoute", SWITCH, "accept_default_route"),
)


@dataclass(frozen=True, slots=True)
class TcpCheck:
    """It is healthy where a connection is accepted."""

    port: int
    address: bytes = b"\x7f\x00\x00\x01"


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """It is healthy where GET is answered with a status of 200 to 399."""

    port: int
    path: str = "/"
    address: bytes = b"\x7f\x00\x00\x01"
    host: str = ""  #: the Host header; empty: the address


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """What says whether this node has somebody to answer: exactly one of tcp, http and command."""

    tcp: TcpCheck | None = None
    http: HttpCheck | None = None
    command: tuple[str, ...] = ()  #: healthy where it ends with 0
    interval: float = 2.0  #: seconds between two checks
    timeout: float = 1.0  #: seconds that one may take
    rise: int = 2  #: checks in a row that have to succeed before it is announced
    fall: int = 3  #: checks in a row that have to fail before it is withdrawn


_CHECK: Final = Record(
    HealthCheck,
    Key("tcp", Record(TcpCheck, Key("port", PORT, "port"), Key("address", ADDRESS, "address")), "tcp"),
    Key(
        "http",
        Record(
            HttpCheck,
            Key("port", PORT, "port"),
            Key("path", TEXT, "path"),
            Key("address", ADDRESS, "address"),
            Key("host", TEXT, "host"),
        ),
        "http",
    ),
    Key("command", Many(TEXT, least=1, most=64), "command"),
    Key("interval", DURATION, "interval"),
    Key("timeout", DURATION, "timeout"),
    Key("rise", integer(1, 100), "rise"),
    Key("fall", integer(1, 100), "fall"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAddress:
    """Addresses that several nodes answer for, and who of them announces them."""

    meta: Meta
    addresses: tuple[HostAddress, ...]
    nodes: tuple[str, ...] = ()
    node_selector: str = ""
    health_check: HealthCheck | None = None


SERVICE_ADDRESS: Final = Record(
    ServiceAddress,
    Key("addresses", Many(HOST_ADDRESS, least=1), "addresses"),
    Key("nodes", Many(NAME, least=1), "nodes"),
    Key("nodeSelector", SELECTOR, "node_selector"),
    Key("healthCheck", _CHECK, "health_check"),
)
