"""What has to be true of one resource by itself, beyond the shape of its fields.

`check` gives (field, the rest of a sentence, cause) for everything that is not.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from bgpd.cluster.metallb import BGPAdvertisement, MetalPeer
from bgpd.cluster.own import ClusterConfiguration, PeerSettings, ServiceAddress
from bgpd.cluster.problem import Cause
from bgpd.cluster.resources import (
    BGPConfiguration,
    BGPFilter,
    BGPPeer,
    FelixConfiguration,
    FilterRule,
    IPAMBlock,
    IPPool,
    Node,
    NodeBGP,
)
from bgpd.cluster.scalars import community, show_net
from bgpd.wire.prefix import network

Finding: TypeAlias = tuple[str, str, Cause]

#: fields of BGPConfiguration that only the one called `default` may have
_CLUSTER_WIDE: Final = {
    "mesh": "nodeToNodeMeshEnabled",
    "asn": "asNumber",
    "service_lb_ips": "serviceLoadBalancerIPs",
    "service_external_ips": "serviceExternalIPs",
    "service_cluster_ips": "serviceClusterIPs",
    "lb_aggregation": "serviceLoadBalancerAggregation",
    "mesh_password": "nodeMeshPassword",
    "mesh_restart_time": "nodeMeshMaxRestartTime",
    "program_cluster_routes": "programClusterRoutes",
    "ipv4_priority": "ipv4NormalRoutePriority",
    "ipv6_priority": "ipv6NormalRoutePriority",
}


def check(resource: object) -> Iterator[Finding]:
    """Everything that is wrong with a resource, looked at alone."""
    test = CHECKS.get(type(resource))
    if test is not None:
        yield from test(resource)


def is_community(text: str) -> bool:
    """Whether a text is a community's value, rather than the name of one."""
    try:
        community(text)
    except ValueError:
        return False
    return True


def _configuration(it: BGPConfiguration) -> Iterator[Finding]:
    if it.meta.name != "default" and not it.meta.name.startswith("node."):
        yield "metadata.name", 'must be "default" or "node." and the name of a node', Cause.VALUE
    if it.meta.name != "default":
        plain = BGPConfiguration(meta=it.meta)
        for attr, key in _CLUSTER_WIDE.items():
            if getattr(it, attr) != getattr(plain, attr):
                yield f"spec.{key}", "is for the whole cluster: only BGPConfiguration default has it", Cause.VALUE
    if it.communities and not it.prefix_advertisements:
        yield "spec.communities", "communities are defined but not used in prefixAdvertisements", Cause.VALUE
    names = [each.name for each in it.communities]
    for number, each in enumerate(it.communities):
        if names.index(each.name) != number:
            yield f"spec.communities[{number}].name", f"there are two communities called {each.name}", Cause.DUPLICATE
    if it.meta.name == "default":
        for number, advertisement in enumerate(it.prefix_advertisements):
            for place, word in enumerate(advertisement.communities):
                if not is_community(word) and word not in names:
                    field = f"spec.prefixAdvertisements[{number}].communities[{place}]"
                    yield field, f"community used is invalid or not defined: {word}", Cause.MISSING
    if it.mesh is False:
        if it.mesh_password is not None:
            yield "spec.nodeMeshPassword", "there is no mesh: nodeToNodeMeshEnabled is false", Cause.VALUE
        if it.mesh_restart_time is not None:
            yield "spec.nodeMeshMaxRestartTime", "there is no mesh: nodeToNodeMeshEnabled is false", Cause.VALUE
    yield from _restart_time("spec.nodeMeshMaxRestartTime", it.mesh_restart_time)


def _restart_time(field: str, seconds: float | None) -> Iterator[Finding]:
    if seconds is not None and round(seconds) > 4095:  # RFC 4724 section 3: 12 bits
        yield field, f"{seconds:g} s is more than 4095 s, the most that a peer can be told (RFC 4724)", Cause.VALUE


def _peer(it: BGPPeer) -> Iterator[Finding]:
    if it.node and it.node_selector:
        yield "spec.nodeSelector", "node is given, too; one of them says whose peering this is", Cause.VALUE
    who = [
        ("peerIP", it.peer_ip is not None),
        ("peerSelector", bool(it.peer_selector)),
        ("localWorkloadSelector", bool(it.workload_selector)),
    ]
    given = [key for key, there in who if there]
    if len(given) > 1:
        yield f"spec.{given[1]}", f"{given[0]} is given, too; one of them says who the peer is", Cause.VALUE
    if not given:
        yield "spec.peerIP", "says nobody: give peerIP, peerSelector or localWorkloadSelector", Cause.MISSING
    if it.peer_selector and it.asn:
        yield "spec.asNumber", "must be empty with peerSelector: each node brings its own AS", Cause.VALUE
    if not it.peer_selector and given and not it.asn:
        yield "spec.asNumber", f"is missing: the AS of the peer, with {given[0]}", Cause.MISSING
    if it.keep_next_hop and it.next_hop_mode:
        yield "spec.keepOriginalNextHop", "nextHopMode is given, too, and says the same better", Cause.VALUE
    if it.reachable_by is not None:
        if it.peer_ip is None:
            yield "spec.reachableBy", "needs peerIP: it says how that address is reached", Cause.VALUE
        elif len(it.peer_ip.address) != len(it.reachable_by):
            yield "spec.reachableBy", "must be of the family of peerIP", Cause.VALUE
        elif it.peer_ip.address == it.reachable_by:
            yield "spec.reachableBy", "is peerIP itself", Cause.ABSURD
    if it.workload_selector and it.reverse_peering != "Auto":
        yield "spec.reversePeering", "has no meaning with localWorkloadSelector: no pod is a node", Cause.VALUE
    yield from _restart_time("spec.maxRestartTime", it.restart_time)
    if it.keepalive_time is not None and not 1 <= round(it.keepalive_time) <= 65535:
        yield "spec.keepaliveTime", "must be 1 s to 65535 s", Cause.VALUE
    for number, name in enumerate(it.filters):
        if it.filters.index(name) != number:
            yield f"spec.filters[{number}]", f"{name} is named twice", Cause.DUPLICATE


def _filter(it: BGPFilter) -> Iterator[Finding]:
    for field, rules, octets in (
        ("spec.exportV4", it.export_v4, 4),
        ("spec.importV4", it.import_v4, 4),
        ("spec.exportV6", it.export_v6, 16),
        ("spec.importV6", it.import_v6, 16),
    ):
        for number, rule in enumerate(rules):
            for key, text in _rule(rule, octets):
                yield f"{field}[{number}].{key}", text, Cause.VALUE


def _rule(rule: FilterRule, octets: int) -> Iterator[tuple[str, str]]:
    if rule.cidr is not None and not rule.operator:
        yield "matchOperator", "is missing: how does a route compare with cidr?"
    if rule.cidr is None and rule.operator:
        yield "cidr", "is missing: what does matchOperator compare with?"
    low, high = rule.lengths.low, rule.lengths.high
    if rule.cidr is None and (low is not None or high is not None):
        yield "prefixLength", "needs a cidr"
    if rule.cidr is not None and rule.cidr[0].octets != octets:
        yield "cidr", f"{show_net(rule.cidr)} is not of the family of this list"
    if any(length is not None and length > octets * 8 for length in (low, high)):
        yield "prefixLength", f"min and max are at most {octets * 8}"
    if low is not None and high is not None and low > high:
        yield "prefixLength", f"min {low} is more than max {high}"
    if rule.operations and rule.action != "Accept":
        yield "operations", "only what is accepted can be changed"
    for number, operation in enumerate(rule.operations):
        given = [bool(operation.add_community), bool(operation.prepend), bool(operation.set_priority)]
        if sum(given) != 1:
            yield f"operations[{number}]", "exactly one of addCommunity, prependASPath and setPriority"
        if 0 in operation.prepend:
            yield f"operations[{number}].prependASPath", "AS 0 is reserved (RFC 7607)"


def _pool(it: IPPool) -> Iterator[Finding]:
    family, prefix = it.cidr
    v4 = family.octets == 4
    low, high = (20, 32) if v4 else (116, 128)
    if it.block_size and not low <= it.block_size <= high:
        yield "spec.blockSize", f"of {family.name}, it is {low} to {high}", Cause.VALUE
    if prefix[0] > it.bits and not it.disabled:
        yield "spec.cidr", f"{show_net(it.cidr)} is smaller than one block (/{it.bits})", Cause.VALUE
    if (prefix[1:3] == b"\xa9\xfe" and prefix[0] >= 16) or (
        not v4 and prefix[1:2] == b"\xfe" and prefix[2:3] >= b"\x80"
    ):
        yield "spec.cidr", "is link-local", Cause.VALUE
    if it.ipip_mode != "Never" and it.vxlan_mode != "Never":
        yield "spec.vxlanMode", "ipipMode is given, too; a packet is wrapped once", Cause.VALUE
    if it.ipip_mode != "Never" and not v4:
        yield "spec.ipipMode", "IPIP carries IPv4 only", Cause.VALUE
    if "LoadBalancer" in it.allowed_uses:
        if len(it.allowed_uses) > 1:
            yield "spec.allowedUses", "LoadBalancer stands alone", Cause.VALUE
        if it.ipip_mode != "Never" or it.vxlan_mode != "Never":
            yield (
                "spec.allowedUses",
                "addresses of load balancers are not wrapped: no ipipMode, no vxlanMode",
                Cause.VALUE,
            )
        if it.disable_bgp_export:
            yield "spec.disableBGPExport", "addresses of load balancers are there to be announced", Cause.VALUE
        if it.node_selector != "all()":
            yield "spec.nodeSelector", "must be all() for LoadBalancer", Cause.VALUE


def _node(it: Node) -> Iterator[Finding]:
    if it.bgp is None:
        return
    if it.bgp == NodeBGP():
        yield "spec.bgp", "is empty: leave it out, or say what there is", Cause.VALUE
    for key, found, octets in (("ipv4Address", it.bgp.ipv4, 4), ("ipv6Address", it.bgp.ipv6, 16)):
        if found is not None and len(found.address) != octets:
            yield f"spec.bgp.{key}", f"{found} is of the other family", Cause.VALUE


def _block(it: IPAMBlock) -> Iterator[Finding]:
    family, prefix = it.cidr
    size = 1 << (family.bits - prefix[0])
    if size > 65536:
        yield "spec.cidr", f"{show_net(it.cidr)} is larger than any block", Cause.VALUE
    elif it.allocations and len(it.allocations) != size:
        yield "spec.allocations", f"has {len(it.allocations)} entries, and the block {size} addresses", Cause.VALUE
    for number, place in enumerate(it.allocations):
        if place is not None and place >= len(it.attributes):
            yield f"spec.allocations[{number}]", f"there are no attributes number {place}", Cause.MISSING


def _felix(it: FelixConfiguration) -> Iterator[Finding]:
    if it.wireguard or it.wireguard_v6:
        key = "wireguardEnabled" if it.wireguard else "wireguardEnabledV6"
        yield (
            f"spec.{key}",
            "WireGuard is not supported: what other nodes expect encrypted would go out plain",
            Cause.REFUSED,
        )


def _timers(hold: float | None, keepalive: float | None, retry: float | None, retry_key: str) -> Iterator[Finding]:
    if hold is not None and not (hold == 0 or 3 <= hold <= 65535):  # RFC 4271 section 4.2
        yield "spec.holdTime", "must be 0 or 3 s to 65535 s (RFC 4271)", Cause.VALUE
    if keepalive is not None and not 1 <= keepalive <= 65535:
        yield "spec.keepaliveTime", "must be 1 s to 65535 s", Cause.VALUE
    if hold and keepalive is not None and keepalive >= hold:
        yield "spec.keepaliveTime", f"must be less than holdTime ({hold:g} s)", Cause.VALUE
    if retry is not None and not 1 <= retry <= 65535:
        yield f"spec.{retry_key}", "must be 1 s to 65535 s", Cause.VALUE


def _cluster(it: ClusterConfiguration) -> Iterator[Finding]:
    if it.meta.name != "default":
        yield "metadata.name", 'must be "default": there is one', Cause.VALUE
    yield from _timers(it.hold_time, it.keepalive_time, it.connect_retry_time, "connectRetryTime")


def _peer_settings(it: PeerSettings) -> Iterator[Finding]:
    yield from _timers(it.hold_time, it.keepalive_time, it.connect_retry_time, "connectRetryTime")


def _service(it: ServiceAddress) -> Iterator[Finding]:
    if it.nodes and it.node_selector:
        yield "spec.nodeSelector", "nodes is given, too; one of them says who announces it", Cause.VALUE
    if not it.nodes and not it.node_selector and it.health_check is None:
        yield "spec.nodes", "nobody announces it: give nodes, nodeSelector or healthCheck", Cause.MISSING
    for number, address in enumerate(it.addresses):
        if network(address.subnet, len(address.address)) != address.address:
            yield f"spec.addresses[{number}]", f"{address} has host bits set", Cause.VALUE
    if (check := it.health_check) is not None:
        if sum([check.tcp is not None, check.http is not None, bool(check.command)]) != 1:
            yield "spec.healthCheck", "exactly one of tcp, http and command", Cause.VALUE
        if not 0.1 <= check.interval <= 3600:
            yield "spec.healthCheck.interval", "must be 100ms to 1h", Cause.VALUE
        if not 0.01 <= check.timeout <= 60:
            yield "spec.healthCheck.timeout", "must be 10ms to 1m", Cause.VALUE
        if check.http is not None and not check.http.path.startswith("/"):
            yield "spec.healthCheck.http.path", "must begin with /", Cause.VALUE


def _metal_peer(it: MetalPeer) -> Iterator[Finding]:
    if not it.my_asn:
        yield "spec.myASN", "must not be 0", Cause.VALUE
    if bool(it.peer_asn) == bool(it.dynamic_asn):
        yield "spec.peerASN", "exactly one of peerASN and dynamicASN", Cause.VALUE
    if bool(it.address) == bool(it.interface):
        yield "spec.peerAddress", "exactly one of peerAddress and interface", Cause.VALUE
    if "*" in it.interface:
        yield "spec.interface", "is one interface, not a pattern", Cause.VALUE
    if it.password and it.password_secret is not None:
        yield "spec.passwordSecret", "password is given, too", Cause.VALUE
    if it.source_address is not None and it.address and len(it.source_address) != len(it.address):
        yield "spec.sourceAddress", "must be of the family of peerAddress", Cause.VALUE
    if it.disable_mp and (it.dual_stack or len(it.address) == 16):
        yield "spec.disableMP", "without multiprotocol there is IPv4 only (RFC 4760)", Cause.VALUE
    yield from _timers(it.hold_time, it.keepalive_time, it.connect_time, "connectTime")


def _advertisement(it: BGPAdvertisement) -> Iterator[Finding]:
    if it.service_selectors and (it.aggregation != 32 or it.aggregation_v6 != 128):
        yield "spec.serviceSelectors", "does not go with aggregation: an aggregate is of all services", Cause.VALUE


CHECKS: Final[dict[type, Callable[[Any], Iterator[Finding]]]] = {
    BGPConfiguration: _configuration,
    BGPPeer: _peer,
    BGPFilter: _filter,
    IPPool: _pool,
    Node: _node,
    IPAMBlock: _block,
    FelixConfiguration: _felix,
    ClusterConfiguration: _cluster,
    PeerSettings: _peer_settings,
    ServiceAddress: _service,
    MetalPeer: _metal_peer,
    BGPAdvertisement: _advertisement,
}
