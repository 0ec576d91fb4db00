"""An example of every key of every kind, as JSON, in the form in which it is printed again."""

from typing import Any

#: kind -> what its spec cannot be without
NEEDED: dict[str, dict[str, Any]] = {
    "BGPPeer": {"peerIP": "10.0.0.1", "asNumber": 65001},
    "IPPool": {"cidr": "10.244.0.0/16"},
    "BlockAffinity": {"node": "a", "cidr": "10.244.0.0/26"},
    "IPAMBlock": {"cidr": "10.244.0.0/30"},
    "WorkloadEndpoint": {"node": "a"},
    "PeerSettings": {"peers": ["tor"]},
    "ServiceAddress": {"addresses": ["192.0.2.1/32"], "nodes": ["a"]},
    "BGPPeer metallb.io": {"myASN": 64512, "peerASN": 65001, "peerAddress": "10.0.0.1"},
    "IPAddressPool": {"addresses": ["192.0.2.0/24"]},
}
#: kind -> its name where only some are allowed
NAMES = {"BGPConfiguration": "default", "FelixConfiguration": "default", "ClusterConfiguration": "default"}

_SECRET = {"secretKeyRef": {"name": "bgp", "key": "password"}}
_ADVERTISED = {"cidr": "10.244.0.0/16", "communities": ["red", "65001:1:2"]}
_RULE = {
    "action": "Accept",
    "cidr": "10.0.0.0/8",
    "matchOperator": "NotIn",
    "prefixLength": {"min": 9, "max": 24},
    "source": "RemotePeers",
    "interface": "eth*",
    "peerType": "eBGP",
    "communities": {"values": ["65001:1"]},
    "asPathPrefix": [65001, 65002],
    "priority": 5,
    "operations": [
        {"addCommunity": {"value": "65001:1:2"}},
        {"prependASPath": {"prefix": [65001, 65001]}},
        {"setPriority": {"value": 7}},
    ],
}
_RULE6 = {**_RULE, "cidr": "2001:db8::/32", "prefixLength": {"min": 48, "max": 64}, "matchOperator": "In"}

#: kind -> key of its spec -> (the example, what else the spec needs beside it)
EXAMPLES: dict[str, dict[str, tuple[Any, dict[str, Any]]]] = {
    "BGPConfiguration": {
        "logSeverityScreen": ("Debug", {}),
        "nodeToNodeMeshEnabled": (False, {}),
        "asNumber": (65546, {}),
        "serviceLoadBalancerIPs": ([{"cidr": "192.0.2.0/24"}], {}),
        "serviceExternalIPs": ([{"cidr": "192.0.2.1/32"}], {}),
        "serviceClusterIPs": ([{"cidr": "10.96.0.0/12"}, {"cidr": "fd00:10:96::/112"}], {}),
        "serviceLoadBalancerAggregation": ("Disabled", {}),
        "communities": ([{"name": "red", "value": "65001:7"}], {"prefixAdvertisements": [_ADVERTISED]}),
        "prefixAdvertisements": ([_ADVERTISED], {"communities": [{"name": "red", "value": "65001:7"}]}),
        "listenPort": (178, {}),
        "nodeMeshPassword": (_SECRET, {}),
        "nodeMeshMaxRestartTime": ("1m30s", {}),
        "bindMode": ("NodeIP", {}),
        "ignoredInterfaces": (["veth*", "docker0"], {}),
        "localWorkloadPeeringIPV4": ("169.254.1.2", {}),
        "localWorkloadPeeringIPV6": ("fd00::2", {}),
        "programClusterRoutes": ("EnabledNoEncapOnly", {}),
        "ipv4NormalRoutePriority": (2000, {}),
        "ipv6NormalRoutePriority": (2001, {}),
    },
    "BGPPeer": {
        "node": ("node-1", {}),
        "nodeSelector": ("has(rack)", {}),
        "peerIP": ("[2001:db8::1]:178", {}),
        "asNumber": (65002, {}),
        "localASNumber": (65009, {}),
        "peerSelector": ("has(rr)", {"peerIP": None, "asNumber": None}),
        "localWorkloadSelector": ("app == 'router'", {"peerIP": None}),
        "keepOriginalNextHop": (True, {}),
        "nextHopMode": ("Self", {}),
        "password": (_SECRET, {}),
        "sourceAddress": ("None", {}),
        "maxRestartTime": ("1h0m0s", {}),
        "keepaliveTime": ("20s", {}),
        "numAllowedLocalASNumbers": (2, {}),
        "ttlSecurity": (1, {}),
        "reachableBy": ("10.0.0.9", {}),
        "filters": (["one", "two"], {}),
        "reversePeering": ("Manual", {}),
    },
    "BGPFilter": {
        "exportV4": ([_RULE, {"action": "Reject"}], {}),
        "importV4": ([_RULE], {}),
        "exportV6": ([_RULE6], {}),
        "importV6": ([_RULE6], {}),
    },
    "IPPool": {
        "cidr": ("fd00:10:244::/48", {}),
        "blockSize": (24, {}),
        "ipipMode": ("CrossSubnet", {}),
        "vxlanMode": ("Always", {}),
        "natOutgoing": (True, {}),
        "disabled": (True, {}),
        "disableBGPExport": (True, {}),
        "nodeSelector": ("has(rack)", {}),
        "namespaceSelector": ("has(team)", {}),
        "allowedUses": (["LoadBalancer"], {}),
        "assignmentMode": ("Manual", {}),
    },
    "Node": {
        "bgp": (
            {
                "asNumber": 64513,
                "ipv4Address": "10.0.0.1/24",
                "ipv6Address": "fd00::1/64",
                "ipv4IPIPTunnelAddr": "10.244.0.1",
                "routeReflectorClusterID": "244.0.0.1",
            },
            {},
        ),
        "ipv4VXLANTunnelAddr": ("10.244.0.1", {}),
        "ipv6VXLANTunnelAddr": ("fd00::1", {}),
        "vxlanTunnelMACAddr": ("66:00:00:00:00:01", {}),
        "vxlanTunnelMACAddrV6": ("66:00:00:00:00:02", {}),
        "addresses": ([{"address": "10.0.0.1/32", "type": "InternalIP"}], {}),
        "interfaces": ([{"name": "eth0", "addresses": ["10.0.0.1"]}], {}),
    },
    "BlockAffinity": {
        "node": ("b", {}),
        "cidr": ("fd00::/122", {}),
        "state": ("pendingDeletion", {}),
        "deleted": (True, {}),
        "type": ("virtual", {}),
    },
    "IPAMBlock": {
        "cidr": ("10.244.0.64/26", {}),
        "affinity": ("host:a", {}),
        "affinityClaimTime": ("2026-01-01T00:00:00Z", {}),
        "strictAffinity": (True, {}),
        "allocations": ([None, 0, None, 0], {"attributes": [{"handle_id": "h"}]}),
        "unallocated": ([0, 2], {}),
        "attributes": (
            [{"handle_id": "h", "secondary": {"node": "b"}, "alternate": {"node": "c"}, "releasedAt": "2026"}],
            {},
        ),
        "sequenceNumber": (7, {}),
        "sequenceNumberForAllocation": ({"1": 6}, {}),
        "deleted": (True, {}),
    },
    "FelixConfiguration": {
        "programClusterRoutes": ("Disabled", {}),
    },
    "WorkloadEndpoint": {
        "node": ("b", {}),
        "ipNetworks": (["10.244.0.5/32", "fd00::5/128"], {}),
    },
    "ClusterConfiguration": {
        "compat": ("calico-3.31", {}),
        "mesh": ("auto", {}),
        "meshLimit": (20, {}),
        "routerID": ("hash", {}),
        "holdTime": ("9s", {}),
        "keepaliveTime": ("3s", {}),
        "connectRetryTime": ("10s", {}),
    },
    "PeerSettings": {
        "peers": (["mesh", "other"], {}),
        "holdTime": ("9s", {}),
        "keepaliveTime": ("3s", {}),
        "connectRetryTime": ("10s", {}),
        "advertise": ("all", {}),
        "acceptDefaultRoute": (True, {}),
    },
    "ServiceAddress": {
        "addresses": (["192.0.2.53/32", "198.51.100.0/28"], {}),
        "nodes": (["a", "b"], {}),
        "nodeSelector": ("has(edge)", {"nodes": None}),
        "healthCheck": (
            {
                "http": {"port": 8080, "path": "/ready", "address": "10.0.0.1", "host": "dns.example"},
                "interval": "5s",
                "timeout": "2s",
                "rise": 1,
                "fall": 1,
            },
            {},
        ),
    },
    "BGPPeer metallb.io": {
        "myASN": (64513, {}),
        "peerASN": (65002, {}),
        "dynamicASN": ("external", {"peerASN": None}),
        "localASN": (64999, {}),
        "peerAddress": ("2001:db8::1", {}),
        "interface": ("eth1", {"peerAddress": None}),
        "sourceAddress": ("10.0.0.9", {}),
        "peerPort": (1179, {}),
        "holdTime": ("3m0s", {}),
        "keepaliveTime": ("1m0s", {}),
        "connectTime": ("10s", {}),
        "nodeSelectors": (
            [
                {
                    "matchLabels": {"rack": "a"},
                    "matchExpressions": [{"key": "edge", "operator": "NotIn", "values": ["x"]}],
                }
            ],
            {},
        ),
        "password": ("hush", {}),
        "passwordSecret": ({"name": "s", "namespace": "metallb-system"}, {}),
        "enableGracefulRestart": (True, {}),
        "ebgpMultiHop": (True, {}),
        "dualStackAddressFamily": (True, {}),
        "disableMP": (True, {}),
    },
    "IPAddressPool": {
        "addresses": (["198.51.100.0/24", "2001:db8::10-2001:db8::20"], {}),
        "autoAssign": (False, {}),
        "avoidBuggyIPs": (True, {}),
    },
    "BGPAdvertisement": {
        "aggregationLength": (24, {}),
        "aggregationLengthV6": (64, {}),
        "localPref": (200, {}),
        "communities": (["65001:1", "red", "65001:1:2"], {}),
        "ipAddressPools": (["p"], {}),
        "ipAddressPoolSelectors": ([{"matchLabels": {"a": "b"}}], {}),
        "nodeSelectors": ([{"matchLabels": {"a": "b"}}], {}),
        "peers": (["tor"], {}),
        "serviceSelectors": ([{"matchExpressions": [{"key": "a", "operator": "Exists"}]}], {}),
    },
    "Community": {"communities": ([{"name": "red", "value": "65001:1"}], {})},
    "BFDProfile": {
        "receiveInterval": (100, {}),
        "transmitInterval": (100, {}),
        "detectMultiplier": (5, {}),
        "echoInterval": (60, {}),
        "echoMode": (True, {}),
        "passiveMode": (True, {}),
        "minimumTtl": (200, {}),
    },
}
#: keys that a node may report in its status
STATUS = {"Node": {"podCIDRs": ["10.244.0.0/24"]}}


def document(kind: str, spec: dict[str, Any], *, api: str, name: str = "") -> dict[str, Any]:
    """A resource of this kind with what it cannot be without, and this; None takes a key away."""
    needed = NEEDED.get(f"{kind} {api.partition('/')[0]}") or NEEDED.get(kind, {})
    whole = {key: value for key, value in {**needed, **spec}.items() if value is not None}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name or NAMES.get(kind, "x")}, "spec": whole}
