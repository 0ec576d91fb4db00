"""Calico's resources, `projectcalico.org/v3`, as frozen values, and the keys that each is read from.

The fields are those of Calico 3.33. Times are seconds, addresses packed, prefixes (family, packed prefix).
What no decision reads (`metadata.creationTimestamp`, `orchRefs` and the like) is known by name and kept by nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bgpd.cluster.scalars import (
    ADDRESS,
    ASN,
    CLUSTER_ID,
    COMMUNITY,
    DURATION,
    ENDPOINT,
    GLOB,
    HOST_ADDRESS,
    LABEL,
    LOOSE_NET,
    LOOSE_SWITCH,
    NAME,
    NET,
    POOL_SELECTOR,
    PORT,
    SELECTOR,
    SWITCH,
    TEXT,
    Endpoint,
    HostAddress,
    Net,
    integer,
    label_key,
    words,
)
from bgpd.cluster.shapes import Key, Many, Optional, Record, Table, Wrapped

_PRIORITY: Final = integer(1, 2147483646)
_WIREGUARD: Final = "WireGuard is not supported: what this node is sent would not be encrypted"

NORMAL_PRIORITY: Final = 1024  #: of a route that nobody gave another one


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What every resource says of itself."""

    name: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    uid: str = ""
    revision: str = ""  #: where it was read from a datastore that counts
    created: str = ""  #: RFC 3339
    where: str = field(default="", compare=False)  #: "peers.yaml:3", a key in etcd


META: Final = Record(
    Meta,
    Key("name", NAME, "name"),
    Key("namespace", NAME, "namespace"),
    Key("labels", Table(LABEL, label_key), "labels"),
    Key("annotations", Table(LABEL), "annotations"),
    Key("uid", TEXT, "uid"),
    Key("resourceVersion", TEXT, "revision"),
    Key("creationTimestamp", TEXT, "created"),
    foreign=frozenset(
        [
            "generateName",
            "generation",
            "selfLink",
            "managedFields",
            "ownerReferences",
            "finalizers",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ]
    ),
)


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Which secret, and which key of it."""

    name: str
    key: str


SECRET: Final = Wrapped("secretKeyRef", Record(SecretRef, Key("name", NAME, "name"), Key("key", TEXT, "key")))


# -- BGPConfiguration


@dataclass(frozen=True, slots=True)
class NamedCommunity:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class PrefixAdvertisement:
    """Communities that whatever lies in a prefix is announced with: values, or names of BGPConfiguration's."""

    cidr: Net
    communities: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BGPConfiguration:
    """Of the whole cluster (`default`), or of one node (`node.NAME`)."""

    meta: Meta
    log_severity: str = ""  #: empty: Info
    mesh: bool | None = None  #: None: not said, so there is one
    asn: int = 0  #: 0: 64512
    service_lb_ips: tuple[Net, ...] = ()
    service_external_ips: tuple[Net, ...] = ()
    service_cluster_ips: tuple[Net, ...] = ()
    lb_aggregation: str = "Enabled"
    communities: tuple[NamedCommunity, ...] = ()
    prefix_advertisements: tuple[PrefixAdvertisement, ...] = ()
    listen_port: int = 0  #: 0: 179
    mesh_password: SecretRef | None = None
    mesh_restart_time: float | None = None
    bind_mode: str = ""
    ignored_interfaces: tuple[str, ...] = ()
    workload_peering_ipv4: bytes | None = None
    workload_peering_ipv6: bytes | None = None
    program_cluster_routes: str = ""
    ipv4_priority: int = NORMAL_PRIORITY
    ipv6_priority: int = NORMAL_PRIORITY


PROGRAM_WORDS: Final = ("Enabled", "Disabled", "EnabledIPIPOnly", "EnabledNoEncapOnly")

BGP_CONFIGURATION: Final = Record(
    BGPConfiguration,
    Key(
        "logSeverityScreen", words("Trace", "Debug", "Info", "Warning", "Error", "Fatal", any_case=True), "log_severity"
    ),
    Key("nodeToNodeMeshEnabled", SWITCH, "mesh"),
    Key("asNumber", ASN, "asn"),
    Key("serviceLoadBalancerIPs", Many(Wrapped("cidr", NET)), "service_lb_ips"),
    Key("serviceExternalIPs", Many(Wrapped("cidr", NET)), "service_external_ips"),
    Key("serviceClusterIPs", Many(Wrapped("cidr", NET)), "service_cluster_ips"),
    Key("serviceLoadBalancerAggregation", words("Enabled", "Disabled"), "lb_aggregation"),
    Key(
        "communities",
        Many(Record(NamedCommunity, Key("name", TEXT, "name"), Key("value", COMMUNITY, "value")), most=500),
        "communities",
    ),
    Key(
        "prefixAdvertisements",
        Many(
            Record(
                PrefixAdvertisement,
                Key("cidr", NET, "cidr"),
                Key("communities", Many(TEXT, least=1, most=50), "communities"),
            ),
            most=500,
        ),
        "prefix_advertisements",
    ),
    Key("listenPort", PORT, "listen_port"),
    Key("nodeMeshPassword", SECRET, "mesh_password"),
    Key("nodeMeshMaxRestartTime", DURATION, "mesh_restart_time"),
    Key("bindMode", words("None", "NodeIP"), "bind_mode"),
    Key("ignoredInterfaces", Many(GLOB), "ignored_interfaces"),
    Key("localWorkloadPeeringIPV4", ADDRESS, "workload_peering_ipv4"),
    Key("localWorkloadPeeringIPV6", ADDRESS, "workload_peering_ipv6"),
    Key("programClusterRoutes", words(*PROGRAM_WORDS), "program_cluster_routes"),
    Key("ipv4NormalRoutePriority", _PRIORITY, "ipv4_priority"),
    Key("ipv6NormalRoutePriority", _PRIORITY, "ipv6_priority"),
)


# -- BGPPeer


@dataclass(frozen=True, slots=True, kw_only=True)
class BGPPeer:
    """A peering: of one node, of those that a selector picks, or (neither) of all."""

    meta: Meta
    node: str = ""
    node_selector: str = ""
    peer_ip: Endpoint | None = None
    asn: int = 0
    local_asn: int = 0
    peer_selector: str = ""
    workload_selector: str = ""
    keep_next_hop: bool = False
    next_hop_mode: str = ""
    password: SecretRef | None = None
    source_address: str = "UseNodeIP"
    restart_time: float | None = None
    keepalive_time: float | None = None
    allow_own_as: int = 0
    ttl_security: int = 0
    reachable_by: bytes | None = None
    filters: tuple[str, ...] = ()
    reverse_peering: str = "Auto"


BGP_PEER: Final = Record(
    BGPPeer,
    Key("node", NAME, "node"),
    Key("nodeSelector", SELECTOR, "node_selector"),
    Key("peerIP", ENDPOINT, "peer_ip"),
    Key("asNumber", ASN, "asn"),
    Key("localASNumber", ASN, "local_asn"),
    Key("peerSelector", SELECTOR, "peer_selector"),
    Key("localWorkloadSelector", SELECTOR, "workload_selector"),
    Key("keepOriginalNextHop", SWITCH, "keep_next_hop"),
    Key("nextHopMode", words("Auto", "Self", "Keep"), "next_hop_mode"),
    Key("password", SECRET, "password"),
    Key("sourceAddress", words("UseNodeIP", "None"), "source_address"),
    Key("maxRestartTime", DURATION, "restart_time"),
    Key("keepaliveTime", DURATION, "keepalive_time"),
    Key("numAllowedLocalASNumbers", integer(0, 2147483647), "allow_own_as"),
    Key("ttlSecurity", integer(0, 255), "ttl_security"),
    Key("reachableBy", ADDRESS, "reachable_by"),
    Key("filters", Many(NAME), "filters"),
    Key("reversePeering", words("Auto", "Manual"), "reverse_peering"),
    refused={
        "failureDetectionMode": "BFD is not there yet: without it this peering would fail more slowly than asked for",
        "restartMode": "a field of Calico Enterprise",
        "birdGatewayMode": "a field of Calico Enterprise",
        "extensions": "a field of Calico Enterprise",
        "externalNetwork": "a field of Calico Enterprise",
    },
)


# -- BGPFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What is changed in a route that is accepted; exactly one of these is given."""

    add_community: str = ""
    prepend: tuple[int, ...] = ()
    set_priority: int = 0


@dataclass(frozen=True, slots=True)
class Lengths:
    """`prefixLength` as it is written."""

    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRule:
    """All criteria hold -> the action. No criteria: everything."""

    action: str
    cidr: Net | None = None
    operator: str = ""
    lengths: Lengths = Lengths()
    source: str = ""
    interface: str = ""
    peer_type: str = ""
    communities: tuple[str, ...] = ()
    as_path_prefix: tuple[int, ...] = ()
    priority: int = 0
    operations: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BGPFilter:
    meta: Meta
    export_v4: tuple[FilterRule, ...] = ()
    import_v4: tuple[FilterRule, ...] = ()
    export_v6: tuple[FilterRule, ...] = ()
    import_v6: tuple[FilterRule, ...] = ()


_LENGTH: Final = integer(0, 128)
_OPERATION: Final = Record(
    Operation,
    Key("addCommunity", Wrapped("value", COMMUNITY), "add_community"),
    Key("prependASPath", Wrapped("prefix", Many(ASN, least=1, most=10)), "prepend"),
    Key("setPriority", Wrapped("value", _PRIORITY), "set_priority"),
)
_RULE: Final = Record(
    FilterRule,
    Key("action", words("Accept", "Reject"), "action"),
    Key("cidr", LOOSE_NET, "cidr"),
    Key("matchOperator", words("Equal", "NotEqual", "In", "NotIn"), "operator"),
    Key("prefixLength", Record(Lengths, Key("min", _LENGTH, "low"), Key("max", _LENGTH, "high")), "lengths"),
    Key("source", words("RemotePeers"), "source"),
    Key("interface", GLOB, "interface"),
    Key("peerType", words("eBGP", "iBGP"), "peer_type"),
    Key("communities", Wrapped("values", Many(COMMUNITY, least=1, most=1)), "communities"),
    Key("asPathPrefix", Many(ASN, least=1), "as_path_prefix"),
    Key("priority", _PRIORITY, "priority"),
    Key("operations", Many(_OPERATION, least=1, most=10), "operations"),
)

BGP_FILTER: Final = Record(
    BGPFilter,
    Key("exportV4", Many(_RULE), "export_v4"),
    Key("importV4", Many(_RULE), "import_v4"),
    Key("exportV6", Many(_RULE), "export_v6"),
    Key("importV6", Many(_RULE), "import_v6"),
)


# -- IPPool


@dataclass(frozen=True, slots=True, kw_only=True)
class IPPool:
    """Where the addresses of workloads come from, and how packets to them travel."""

    meta: Meta
    cidr: Net
    block_size: int = 0  #: bits; 0: 26, of IPv6 122
    ipip_mode: str = "Never"
    vxlan_mode: str = "Never"
    nat_outgoing: bool = False
    disabled: bool = False  #: no new addresses; what lies in it is announced all the same
    disable_bgp_export: bool = False
    node_selector: str = "all()"
    namespace_selector: str = ""
    allowed_uses: tuple[str, ...] = ("Workload", "Tunnel")
    assignment_mode: str = "Automatic"

    @property
    def bits(self) -> int:
        """The length of a block's prefix."""
        return self.block_size or (26 if self.cidr[0].octets == 4 else 122)


_MODE: Final = words("Never", "Always", "CrossSubnet")

IP_POOL: Final = Record(
    IPPool,
    Key("cidr", NET, "cidr"),
    Key("blockSize", integer(20, 128), "block_size"),
    Key("ipipMode", _MODE, "ipip_mode"),
    Key("vxlanMode", _MODE, "vxlan_mode"),
    Key("natOutgoing", SWITCH, "nat_outgoing"),
    Key("disabled", SWITCH, "disabled"),
    Key("disableBGPExport", SWITCH, "disable_bgp_export"),
    Key("nodeSelector", POOL_SELECTOR, "node_selector"),
    Key("namespaceSelector", POOL_SELECTOR, "namespace_selector"),
    Key("allowedUses", Many(words("Workload", "Tunnel", "LoadBalancer"), least=1), "allowed_uses"),
    Key("assignmentMode", words("Automatic", "Manual"), "assignment_mode"),
    refused={
        "ipip": "a field of Calico 2: write ipipMode",
        "nat-outgoing": "a field of Calico 2: write natOutgoing",
        "awsSubnetID": "a field of Calico Enterprise",
    },
)


# -- Node


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBGP:
    """How a node takes part in BGP."""

    asn: int = 0  #: 0: that of the cluster
    ipv4: HostAddress | None = None
    ipv6: HostAddress | None = None
    tunnel_ipv4: bytes | None = None  #: the node's end of IPIP tunnels
    cluster_id: bytes | None = None  #: it is a route reflector, for this cluster

    def address(self, octets: int) -> HostAddress | None:
        """Its address of a family, by the octets of one."""
        return self.ipv4 if octets == 4 else self.ipv6


@dataclass(frozen=True, slots=True)
class OtherAddress:
    """An address that a node is known by."""

    address: HostAddress
    type: str = ""


@dataclass(frozen=True, slots=True)
class NodeInterface:
    name: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    meta: Meta
    bgp: NodeBGP | None = None
    vxlan_ipv4: bytes | None = None
    vxlan_ipv6: bytes | None = None
    vxlan_mac: str = ""
    vxlan_mac_v6: str = ""
    addresses: tuple[OtherAddress, ...] = ()
    interfaces: tuple[NodeInterface, ...] = ()
    pod_cidrs: tuple[Net, ...] = ()  #: its confirmed blocks where addresses come from host-local


NODE: Final = Record(
    Node,
    Key(
        "bgp",
        Record(
            NodeBGP,
            Key("asNumber", ASN, "asn"),
            Key("ipv4Address", HOST_ADDRESS, "ipv4"),
            Key("ipv6Address", HOST_ADDRESS, "ipv6"),
            Key("ipv4IPIPTunnelAddr", ADDRESS, "tunnel_ipv4"),
            Key("routeReflectorClusterID", CLUSTER_ID, "cluster_id"),
        ),
        "bgp",
    ),
    Key("ipv4VXLANTunnelAddr", ADDRESS, "vxlan_ipv4"),
    Key("ipv6VXLANTunnelAddr", ADDRESS, "vxlan_ipv6"),
    Key("vxlanTunnelMACAddr", TEXT, "vxlan_mac"),
    Key("vxlanTunnelMACAddrV6", TEXT, "vxlan_mac_v6"),
    Key(
        "addresses",
        Many(
            Record(
                OtherAddress,
                Key("address", HOST_ADDRESS, "address"),
                Key("type", words("CalicoNodeIP", "InternalIP", "ExternalIP"), "type"),
            )
        ),
        "addresses",
    ),
    Key(
        "interfaces",
        Many(Record(NodeInterface, Key("name", TEXT, "name"), Key("addresses", Many(TEXT), "addresses"))),
        "interfaces",
    ),
    refused={"wireguard": _WIREGUARD},
    foreign=frozenset(["orchRefs"]),  # the names that orchestrators have for it
)
NODE_STATUS: Final = Record(
    Node,
    Key("podCIDRs", Many(NET), "pod_cidrs"),
    refused={"wireguardPublicKey": _WIREGUARD, "wireguardPublicKeyV6": _WIREGUARD},
)


# -- addresses: who owns which block


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockAffinity:
    """A node's claim on a block."""

    meta: Meta
    node: str
    cidr: Net
    state: str = "confirmed"  #: Calico's own older versions wrote nothing, and meant this
    deleted: bool = False
    type: str = "host"


BLOCK_AFFINITY: Final = Record(
    BlockAffinity,
    Key("node", NAME, "node"),
    Key("cidr", NET, "cidr"),
    Key("state", words("confirmed", "pending", "pendingDeletion"), "state"),
    Key("deleted", LOOSE_SWITCH, "deleted"),
    Key("type", words("host", "virtual"), "type"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """Whom an address was given to."""

    handle: str = ""
    owner: Mapping[str, str] = field(default_factory=dict)  #: pod, namespace, node, type, ...
    alternate: Mapping[str, str] = field(default_factory=dict)
    released: str = ""  #: RFC 3339; it stays taken until it has cooled down


@dataclass(frozen=True, slots=True, kw_only=True)
class IPAMBlock:
    """Which addresses of a block are taken."""

    meta: Meta
    cidr: Net
    affinity: str = ""  #: "host:NAME", "virtual:load-balancer"; empty: nobody's
    claimed: str = ""  #: RFC 3339
    strict: bool = False
    allocations: tuple[int | None, ...] = ()  #: for each address: the place in `attributes` of whom it was given to
    unallocated: tuple[int, ...] = ()  #: free addresses, in the order in which they will be given
    attributes: tuple[Attributes, ...] = ()
    sequence: int = 0
    sequences: Mapping[str, int] = field(default_factory=dict)  #: address's number -> `sequence` when it was given
    deleted: bool = False

    @property
    def node(self) -> str:
        """The node that it belongs to; empty: none."""
        kind, _, owner = self.affinity.partition(":")
        return owner if kind == "host" else ""


_COUNT: Final = integer(0, (1 << 63) - 1)
_ATTRIBUTES: Final = Record(
    Attributes,
    Key("handle_id", TEXT, "handle"),
    Key("secondary", Table(LABEL), "owner"),
    Key("alternate", Table(LABEL), "alternate"),
    Key("releasedAt", TEXT, "released"),
)
IPAM_BLOCK: Final = Record(
    IPAMBlock,
    Key("cidr", NET, "cidr"),
    Key("affinity", TEXT, "affinity"),
    Key("affinityClaimTime", TEXT, "claimed"),
    Key("affinity_claim_time", TEXT),  # as it is spelled in etcd; nobody asks
    Key("hostAffinity", TEXT),  # of Calico 2
    Key("strictAffinity", SWITCH, "strict"),
    Key("allocations", Many(Optional(_COUNT)), "allocations"),
    Key("unallocated", Many(_COUNT), "unallocated"),
    Key("attributes", Many(_ATTRIBUTES), "attributes"),
    Key("sequenceNumber", _COUNT, "sequence"),
    Key("sequenceNumberForAllocation", Table(_COUNT), "sequences"),
    Key("deleted", LOOSE_SWITCH, "deleted"),
)


# -- what else a decision reads


@dataclass(frozen=True, slots=True, kw_only=True)
class FelixConfiguration:
    """Felix's own settings, of which only those that have to agree with ours are read."""

    meta: Meta
    program_cluster_routes: str = ""
    wireguard: bool = False
    wireguard_v6: bool = False


FELIX_CONFIGURATION: Final = Record(
    FelixConfiguration,
    Key("programClusterRoutes", words(*PROGRAM_WORDS), "program_cluster_routes"),
    Key("wireguardEnabled", SWITCH, "wireguard"),
    Key("wireguardEnabledV6", SWITCH, "wireguard_v6"),
    others=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadEndpoint:
    """A workload: read only to find those that a BGPPeer peers with by `localWorkloadSelector`."""

    meta: Meta
    node: str
    networks: tuple[HostAddress, ...] = ()


WORKLOAD_ENDPOINT: Final = Record(
    WorkloadEndpoint,
    Key("node", NAME, "node"),
    Key("ipNetworks", Many(HOST_ADDRESS), "networks"),
    others=True,  # interfaces, ports, profiles: Felix's
)
