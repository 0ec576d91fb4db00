"""The table of settings: one row each, and everything else is derived from the rows.

A row gives the flag (`--router-id`), the environment twin (`BGPD_ROUTER_ID`), the YAML key (`router-id`), the
help line and the entry of `docs/configuration.md` (a test compares them). `PEER_SETTINGS` is the same for the
keys of one neighbor, which are written `key=value` inside `--peer` and as a mapping in YAML.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from bgpd.config import datastore, kinds, redistribution
from bgpd.config.kinds import Kind
from bgpd.model import GracefulRestart, LimitAction, NextHopRule, OnStop
from bgpd.wire.family import FAMILIES


class Shape(Enum):
    """How often, and in what form, a setting may be given."""

    SCALAR = "scalar"  #: one value
    LIST = "list"  #: the flag repeats, the variable takes several separated by spaces, YAML takes a list
    SWITCH = "switch"  #: the flag alone means true
    PEERS = "peers"  #: a list of neighbors: strings as in --peer, or mappings
    RANGES = "ranges"  #: a list of listen ranges, in the same two forms


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row."""

    name: str  #: kebab-case: the YAML key, and the flag without its dashes
    kind: Kind
    help: str
    default: Any = None  #: a value of the kind; None: found, or nothing
    default_text: str = ""  #: in help and manual, where the value itself says too little
    shape: Shape = Shape.SCALAR
    metavar: str = ""
    short: str = ""  #: "-c"
    example: str = ""  #: a value, for the manual
    in_file: bool = True  #: has a YAML key

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        return "BGPD_" + self.name.upper().replace("-", "_")

    @property
    def default_words(self) -> str:
        """The default as help and manual print it."""
        if self.default_text or self.default is None:
            return self.default_text
        return self.kind.show(self.default)


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        name="config",
        short="-c",
        kind=kinds.FILE,
        metavar="FILE",
        help="read settings from this YAML file; flags and environment override it",
        default_text="no file",
        example="/etc/bgpd/bgpd.yaml",
        in_file=False,
    ),
    Setting(
        name="check",
        kind=kinds.SWITCH,
        shape=Shape.SWITCH,
        default=False,
        help="print the effective configuration with where each value came from, and leave",
        example="true",
        in_file=False,
    ),
    Setting(
        name="asn",
        kind=kinds.ASN,
        default=64512,
        metavar="N",
        help="our AS number, plain or as asdot",
        example="64512",
    ),
    Setting(
        name="router-id",
        kind=kinds.ROUTER_ID,
        metavar="A.B.C.D",
        help="our router id, different on every speaker",
        default_text="found: the IPv4 address that the default route sends from",
        example="192.168.1.10",
    ),
    Setting(
        name="peer",
        kind=kinds.ADDRESS,
        shape=Shape.PEERS,
        metavar="ADDR[,KEY=VALUE...]",
        help="a neighbor: its address, then asn=N, port=N, name=X, password-file=F, passive, import=all|none, "
        "export=own|all|none and more; repeat it for each",
        default_text="none",
        example="192.168.1.11,asn=65001,import=all,export=own",
    ),
    Setting(
        name="listen-range",
        kind=kinds.RANGE,
        shape=Shape.RANGES,
        metavar="PREFIX[,KEY=VALUE...]",
        help="addresses from which anybody may connect and be a neighbor: a prefix, then limit=N and the keys of a "
        "neighbor; repeat it for each",
        default_text="none",
        example="10.1.0.0/16,limit=50,asn=external,import=all,export=own",
    ),
    Setting(
        name="announce",
        kind=kinds.PREFIX,
        shape=Shape.LIST,
        metavar="PREFIX",
        help="a prefix to announce as our own; repeat it for each",
        default_text="none",
        example="10.244.1.0/24",
    ),
    Setting(
        name="redistribute",
        kind=redistribution.REDISTRIBUTE,
        shape=Shape.LIST,
        metavar="WHOSE[,KEY=VALUE...]",
        help="announce what others have in the kernel as our own: connected, or a routing protocol as static, ospf or "
        "a number; then interface=PATTERN, table=N, policy=NAME; repeat it for each",
        default_text="none",
        example="connected,interface=eth*",
    ),
    Setting(
        name="listen",
        kind=kinds.LISTEN,
        shape=Shape.LIST,
        metavar="ADDR:PORT",
        help="where to accept sessions; :PORT is every address, [ADDR]:PORT is for IPv6; repeat it for each",
        default_text=":179",
        example="192.168.1.10:179",
    ),
    Setting(
        name="multipath",
        kind=kinds.number(1, 256),
        default=16,
        metavar="N",
        help="how many equal paths share the load; 1 uses only the best",
        example="4",
    ),
    Setting(
        name="graceful-shutdown",
        kind=kinds.SWITCH,
        shape=Shape.SWITCH,
        default=False,
        help="tell every neighbor that our routes are about to go (RFC 8326), from the start on",
        example="true",
    ),
    Setting(
        name="cluster-id",
        kind=kinds.CLUSTER_ID,
        metavar="A.B.C.D",
        help="our cluster as a route reflector (RFC 4456); several reflectors of one group of clients may share it",
        default_text="our router id",
        example="10.0.0.1",
    ),
    Setting(
        name="table",
        kind=kinds.TABLE,
        default=254,
        metavar="N",
        help="the kernel's routing table for learned routes; main is 254",
        example="100",
    ),
    Setting(
        name="protocol",
        kind=kinds.number(
            1,
            255,
            {
                0: "0 means unspecified to the kernel",
                1: "1 belongs to ICMP redirects",
                2: "2 belongs to the kernel",
                3: "3 belongs to routes set at boot",
                4: "4 belongs to static routes of an administrator",
            },
        ),
        default=64,
        metavar="N",
        help="the protocol number that marks our routes in the kernel; nobody else may use it",
        example="64",
    ),
    Setting(
        name="metric",
        kind=kinds.number(1, 4294967295),
        default=64,
        metavar="N",
        help="the metric of our routes in the kernel",
        example="64",
    ),
    Setting(
        name="nexthop-objects",
        kind=kinds.number(0, 4294967295),
        default=1000,
        metavar="N",
        help="routes with the same next hops from which on they share a nexthop object of the kernel; 0: none ever do",
        example="0",
    ),
    Setting(
        name="audit-interval",
        kind=kinds.seconds(0, 86400),
        default=60.0,
        metavar="SECONDS",
        help="time between two rounds of the audit that compares the kernel's table with ours; 0: none",
        example="600",
    ),
    Setting(
        name="link-bandwidth",
        kind=kinds.SWITCH,
        shape=Shape.SWITCH,
        default=False,
        help="equal paths share the load by the link bandwidth that they carry, where every one of them carries it",
        example="true",
    ),
    Setting(
        name="suppress-fib-pending",
        kind=kinds.SWITCH,
        shape=Shape.SWITCH,
        default=False,
        help="announce a learned route only when the kernel has it, and not while the kernel refuses it",
        example="true",
    ),
    Setting(
        name="pool",
        kind=kinds.POOL,
        shape=Shape.LIST,
        metavar="PREFIX,overlay=MODE",
        help="where packets to pods are encapsulated in VXLAN: a prefix, and overlay=never, cross-subnet (only to next "
        "hops behind a router) or always; repeat it for each",
        default_text="none: nothing is encapsulated",
        example="10.244.0.0/16,overlay=cross-subnet",
    ),
    Setting(
        name="vxlan-vni",
        kind=kinds.number(1, 16777215),
        default=4096,
        metavar="N",
        help="the VXLAN network identifier of the overlay, the same on every node",
        example="100",
    ),
    Setting(
        name="vxlan-port",
        kind=kinds.number(1, 65535),
        default=4789,
        metavar="PORT",
        help="the UDP port of the overlay, the same on every node",
        example="8472",
    ),
    Setting(
        name="vxlan-mtu",
        kind=kinds.number(0, 65535),
        default=0,
        metavar="OCTETS",
        help="the MTU of the overlay's devices; 0 is what is left of the MTU below: 50 octets less (IPv6: 70)",
        default_text="0: what is left of the MTU below",
        example="1450",
    ),
    Setting(
        name="vxlan-address",
        kind=kinds.ADDRESS,
        shape=Shape.LIST,
        metavar="ADDR",
        help="our end of the overlay, one address a family: the next hop that our neighbors get from us",
        default_text="the router id where it is ours, and the IPv6 address of its link",
        example="192.168.1.10",
    ),
    Setting(
        name="no-kernel",
        kind=kinds.SWITCH,
        shape=Shape.SWITCH,
        default=False,
        help="speak BGP only: read and write no kernel routes",
        example="true",
    ),
    Setting(
        name="metrics",
        kind=kinds.METRICS,
        default=("127.0.0.1", 9179),
        metavar="ADDR:PORT",
        help="where to serve /metrics, /healthz and /readyz; off serves nothing",
        example="0.0.0.0:9179",
    ),
    Setting(
        name="control",
        kind=kinds.SOCKET,
        default="/run/bgpd/bgpd.sock",
        metavar="PATH",
        help="the Unix socket that bgpctl talks to",
        example="/run/bgpd/bgpd.sock",
    ),
    Setting(
        name="log-format",
        kind=kinds.choice("console", "json"),
        default="console",
        metavar="FORMAT",
        help="console for people, json for machines (one object a line)",
        example="json",
    ),
    Setting(
        name="log-level",
        kind=kinds.choice("debug", "info", "warning", "error"),
        default="info",
        metavar="LEVEL",
        help="the least that is logged: debug, info, warning or error",
        example="debug",
    ),
    Setting(
        name="on-stop",
        kind=kinds.ON_STOP,
        default=OnStop.SHUTDOWN,
        metavar="WHAT",
        help="on SIGTERM: shutdown says goodbye and takes our routes away; restart closes silently and leaves them",
        example="restart",
    ),
    Setting(
        name="hostname",
        kind=kinds.NAME,
        metavar="NAME",
        help="the name that we show",
        default_text="the machine's name",
        example="node1",
    ),
    Setting(
        name="datastore",
        kind=datastore.DATASTORE,
        metavar="URL",
        help="where the cluster's resources are: etcd://HOST:PORT[,...], etcds:// with TLS, or files:///DIRECTORY",
        default_text="none: this file and the flags say everything",
        example="etcd://192.168.1.5:2379",
    ),
    Setting(
        name="datastore-ca",
        kind=kinds.FILE,
        metavar="FILE",
        help="the authority that signed etcd's certificate",
        default_text="those that the system trusts",
        example="/etc/bgpd/etcd-ca.pem",
    ),
    Setting(
        name="datastore-cert",
        kind=kinds.FILE,
        metavar="FILE",
        help="our certificate, for an etcd that asks for one",
        default_text="none",
        example="/etc/bgpd/etcd.pem",
    ),
    Setting(
        name="datastore-key",
        kind=kinds.FILE,
        metavar="FILE",
        help="the key of our certificate",
        default_text="in the certificate's file",
        example="/etc/bgpd/etcd.key",
    ),
    Setting(
        name="datastore-user",
        kind=kinds.NAME,
        metavar="NAME",
        help="our user in etcd",
        default_text="none",
        example="bgpd",
    ),
    Setting(
        name="datastore-password-file",
        kind=kinds.FILE,
        metavar="FILE",
        help="a file that holds the password of our user in etcd",
        default_text="none",
        example="/etc/bgpd/etcd.password",
    ),
    Setting(
        name="datastore-cache",
        kind=kinds.FILE,
        metavar="FILE",
        help="where the last picture of the datastore is kept, so that a node starts while etcd is away",
        default="/var/lib/bgpd/datastore.json",
        example="/run/bgpd/datastore.json",
    ),
    Setting(
        name="secrets",
        kind=kinds.FILE,
        metavar="DIRECTORY",
        help="where the passwords are that resources name: DIRECTORY/NAME/KEY",
        default_text="in the datastore",
        example="/etc/bgpd/secrets",
    ),
    Setting(
        name="node",
        kind=datastore.NODE_NAME,
        metavar="NAME",
        help="our name among the nodes of the cluster",
        default_text="the machine's name",
        example="node9",
    ),
    Setting(
        name="node-address",
        kind=datastore.DETECTION,
        default="default-route",
        metavar="ADDR[/LENGTH]|METHOD",
        help="our IPv4 address as a node, or how it is found: default-route, first-found, can-reach=, interface=, "
        "skip-interface=, cidr=, none",
        example="interface=eth.*",
    ),
    Setting(
        name="node-address6",
        kind=datastore.DETECTION,
        default="none",
        metavar="ADDR[/LENGTH]|METHOD",
        help="the same for IPv6",
        example="first-found",
    ),
)

#: A neighbor's own keys. `address` has no `address=`: it stands first in --peer.
PEER_SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        name="address",
        kind=kinds.ADDRESS,
        metavar="ADDR",
        help="the neighbor's address, IPv4 or IPv6; this is its identity",
        default_text="required, but for an unnumbered neighbor (`interface` alone)",
        example="192.168.1.11",
    ),
    Setting(
        name="asn",
        kind=kinds.PEER_ASN,
        metavar="N|internal|external|any",
        help="its AS number; another than ours makes it eBGP; or whom its OPEN may name: internal, external, any",
        default_text="ours",
        example="65001",
    ),
    Setting(
        name="port", kind=kinds.number(1, 65535), default=179, metavar="N", help="the port that we dial", example="1790"
    ),
    Setting(
        name="name",
        kind=kinds.NAME,
        metavar="X",
        help="a name for people: logs, bgpctl, metrics",
        default_text="its address",
        example="rack1",
    ),
    Setting(
        name="password-file",
        kind=kinds.FILE,
        metavar="F",
        help="a file that holds the TCP MD5 password, 1 to 80 octets; one newline at its end is dropped",
        default_text="no password",
        example="/etc/bgpd/rack1.key",
    ),
    Setting(
        name="passive",
        kind=kinds.SWITCH,
        shape=Shape.SWITCH,
        default=False,
        help="never dial, only accept",
        example="true",
    ),
    Setting(
        name="import",
        kind=kinds.IMPORT,
        metavar="all|none|POLICY",
        help="which of its routes we take: all, none, or what a policy accepts",
        default_text="all for iBGP, none for eBGP (RFC 8212)",
        example="all",
    ),
    Setting(
        name="export",
        kind=kinds.EXPORT,
        metavar="own|all|none|POLICY",
        help="which routes it gets: those that we announce, every best one, none, or what a policy accepts",
        default_text="own for iBGP, none for eBGP (RFC 8212)",
        example="own",
    ),
    Setting(
        name="hold-time",
        kind=kinds.HOLD_TIME,
        default=90,
        metavar="SECONDS",
        help="silence after which a session is given up: 0 (never) or 3 and more; the lower one of both ends counts",
        example="9",
    ),
    Setting(
        name="keepalive-time",
        kind=kinds.number(0, 21845),
        default=30,
        metavar="SECONDS",
        help="time between keepalives; never more than a third of the hold time",
        default_text="30, or a third of a shorter hold time",
        example="3",
    ),
    Setting(
        name="connect-retry-time",
        kind=kinds.seconds(0.1, 3600),
        default=5.0,
        metavar="SECONDS",
        help="time between attempts to connect",
        example="2",
    ),
    Setting(
        name="idle-hold-min",
        kind=kinds.seconds(0.1, 3600),
        default=5.0,
        metavar="SECONDS",
        help="pause after a session that failed; it doubles with each failure",
        example="1",
    ),
    Setting(
        name="idle-hold-max",
        kind=kinds.seconds(0.1, 3600),
        default=30.0,
        metavar="SECONDS",
        help="the longest pause after failures",
        example="60",
    ),
    Setting(
        name="source-address",
        kind=kinds.SOURCE,
        metavar="ADDR",
        help="the local address that we dial from",
        default_text="the kernel's choice",
        example="192.168.1.10",
    ),
    Setting(
        name="families",
        kind=kinds.FAMILY_SET,
        default=FAMILIES,
        metavar="ipv4|ipv6|ipv4+ipv6",
        help="the address families offered; in YAML also a list",
        example="ipv4",
    ),
    Setting(
        name="interface",
        kind=kinds.INTERFACE,
        metavar="NAME",
        help="the link that the session is bound to; without an address the neighbor is whoever is found there",
        default_text="the kernel's choice",
        example="eth0",
    ),
    Setting(
        name="multihop",
        kind=kinds.number(1, 255),
        metavar="N",
        help="how many hops away the neighbor may be: the TTL of what we send",
        default_text="1 for eBGP, the kernel's own (64) for iBGP",
        example="4",
    ),
    Setting(
        name="ttl-security",
        kind=kinds.number(1, 254),
        metavar="N",
        help="the neighbor is at most N hops away (1: on our link), what comes from farther is "
        "thrown away (GTSM, RFC 5082); both ends must have it",
        default_text="off",
        example="1",
    ),
    Setting(
        name="ao-key-file",
        kind=kinds.FILE,
        metavar="F",
        help="a file of TCP-AO keys (RFC 5925), a line each: SEND-ID RECEIVE-ID ALGORITHM KEY",
        default_text="no TCP-AO",
        example="/etc/bgpd/rack1.ao",
    ),
    Setting(
        name="local-as",
        kind=kinds.ASN,
        metavar="N",
        help="the AS that we are in to this neighbor, in place of our own",
        default_text="ours",
        example="64999",
    ),
    Setting(
        name="allow-own-as",
        kind=kinds.number(0, 10),
        default=0,
        metavar="N",
        help="how often our own AS may be in the AS path of its routes",
        example="1",
    ),
    Setting(
        name="as-override",
        kind=kinds.SWITCH,
        shape=Shape.SWITCH,
        default=False,
        help="what it is sent shows our AS in place of its own, so that it takes routes of its other sites",
        example="true",
    ),
    Setting(
        name="remove-private-as",
        kind=kinds.SWITCH,
        shape=Shape.SWITCH,
        default=False,
        help="what it is sent shows no AS for private use (RFC 6996) but its own and ours",
        example="true",
    ),
    Setting(
        name="next-hop",
        kind=kinds.NEXT_HOP,
        default=NextHopRule.AUTO,
        metavar="auto|self|keep",
        help="whom it sends packets to: auto is ourselves for eBGP and who gave the route for iBGP",
        example="self",
    ),
    Setting(
        name="default-originate",
        kind=kinds.SWITCH,
        shape=Shape.SWITCH,
        default=False,
        help="tell it a default route that points to us, and no other default route",
        example="true",
    ),
    Setting(
        name="max-prefix",
        kind=kinds.number(1, 100000000),
        metavar="N",
        help="how many routes it may give for each family, accepted or not",
        default_text="no limit",
        example="1000",
    ),
    Setting(
        name="max-prefix-action",
        kind=kinds.LIMIT_ACTION,
        default=LimitAction.STOP,
        metavar="warn|stop|restart",
        help="what passing a limit of prefixes does: a warning, or the end of the session, for good or for a time",
        example="restart",
    ),
    Setting(
        name="max-prefix-restart",
        kind=kinds.seconds(1, 86400),
        default=300.0,
        metavar="SECONDS",
        help="how long the session stays down where max-prefix-action is restart",
        example="60",
    ),
    Setting(
        name="max-prefix-out",
        kind=kinds.number(1, 100000000),
        metavar="N",
        help="how many routes it may be told for each family; one more does what max-prefix-action says",
        default_text="no limit",
        example="500",
    ),
    Setting(
        name="max-attribute-octets",
        kind=kinds.number(0, 1 << 40),
        default=64 << 20,
        metavar="OCTETS",
        help="how many octets of path attributes first seen from it are kept; more ends the session (0: no limit)",
        example="10000000",
    ),
    Setting(
        name="rr-client",
        kind=kinds.SWITCH,
        shape=Shape.SWITCH,
        default=False,
        help="a client of ours as a route reflector (RFC 4456): internal routes go to it and from it",
        example="true",
    ),
    Setting(
        name="cluster-id",
        kind=kinds.CLUSTER_ID,
        metavar="A.B.C.D",
        help="the cluster that this client belongs to, another than ours",
        default_text="ours (the setting of the same name, or our router id)",
        example="10.0.0.1",
    ),
    Setting(
        name="extended-messages",
        kind=kinds.SWITCH,
        shape=Shape.SWITCH,
        default=True,
        help="offer messages of up to 65535 octets (RFC 8654)",
        example="false",
    ),
    Setting(
        name="add-path",
        kind=kinds.ADD_PATH,
        default=(),
        metavar="off|receive|send|both",
        help="several paths for one prefix (RFC 7911): one word for all families, or ipv4:both+ipv6:receive",
        default_text="off",
        example="both",
    ),
    Setting(
        name="add-path-paths",
        kind=kinds.PATH_COUNT,
        default=0,
        metavar="all|N",
        help="how many of the best paths it is sent where add-path sends",
        example="2",
    ),
    Setting(
        name="extended-next-hop",
        kind=kinds.SWITCH,
        shape=Shape.SWITCH,
        default=False,
        help="let IPv4 routes have an IPv6 next hop (RFC 8950), as they then do on a session over IPv6",
        example="true",
    ),
    Setting(
        name="role",
        kind=kinds.ROLE,
        metavar="provider|customer|peer|rs|rs-client",
        help="what we are to this external neighbor (RFC 9234)",
        default_text="no role, and no rules against route leaks",
        example="customer",
    ),
    Setting(
        name="role-strict",
        kind=kinds.SWITCH,
        shape=Shape.SWITCH,
        default=False,
        help="no session with a neighbor that does not tell its role",
        example="true",
    ),
    Setting(
        name="graceful-restart",
        kind=kinds.GRACEFUL_RESTART,
        default=GracefulRestart.FULL,
        metavar="off|helper|full",
        help="keep its routes while it restarts (helper), and ask it to keep ours while we do (full)",
        example="helper",
    ),
    Setting(
        name="restart-time",
        kind=kinds.number(1, 4095),
        default=120,
        metavar="SECONDS",
        help="how long it is asked to keep our routes while we restart",
        example="60",
    ),
    Setting(
        name="long-lived-stale-time",
        kind=kinds.LONG_LIVED,
        default=(),
        metavar="SECONDS",
        help="how long after that our routes are its last resort (RFC 9494); FAMILY:SECONDS pairs joined by + differ",
        default_text="0: not at all",
        example="86400",
    ),
    Setting(
        name="long-lived-stale-limit",
        kind=kinds.number(0, 16777215),
        default=86400,
        metavar="SECONDS",
        help="the longest time that its routes are the last resort here, whatever it asks for (RFC 9494)",
        example="3600",
    ),
    Setting(
        name="send-hold-time",
        kind=kinds.number(0, 65535),
        metavar="SECONDS",
        help="how long it may take nothing of what we send before the session ends (RFC 9687); 0 is for ever",
        default_text="twice the hold time that was negotiated, and 8 seconds at least",
        example="240",
    ),
    Setting(
        name="graceful-shutdown",
        kind=kinds.SWITCH,
        shape=Shape.SWITCH,
        default=False,
        help="tell it that our routes are about to go (RFC 8326), as `bgpctl drain` tells all neighbors",
        example="true",
    ),
    Setting(
        name="accept-blackhole",
        kind=kinds.SWITCH,
        shape=Shape.SWITCH,
        default=False,
        help="drop packets to routes that it marks with the community BLACKHOLE (RFC 7999)",
        example="true",
    ),
)

#: Keys of a neighbor that a listen range has not: they belong to one neighbor, or to who dials.
_NOT_IN_RANGES: Final = frozenset(
    {"address", "name", "port", "passive", "interface", "source-address", "connect-retry-time"}
)

#: A listen range's keys. `prefix` has no `prefix=`: it stands first in --listen-range.
RANGE_SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        name="prefix",
        kind=kinds.RANGE,
        metavar="PREFIX",
        help="the addresses from which anybody may connect",
        default_text="required",
        example="10.1.0.0/16",
    ),
    Setting(
        name="limit",
        kind=kinds.number(1, 10000),
        default=100,
        metavar="N",
        help="how many neighbors of the range there may be at one time",
        example="50",
    ),
    *(setting for setting in PEER_SETTINGS if setting.name not in _NOT_IN_RANGES),
)

BY_NAME: Final[dict[str, Setting]] = {setting.name: setting for setting in SETTINGS}
PEER_BY_NAME: Final[dict[str, Setting]] = {setting.name: setting for setting in PEER_SETTINGS}
RANGE_BY_NAME: Final[dict[str, Setting]] = {setting.name: setting for setting in RANGE_SETTINGS}
BY_VARIABLE: Final[dict[str, Setting]] = {setting.variable: setting for setting in SETTINGS}
