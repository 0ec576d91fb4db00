"""Every configuration file of the lab, as text made from the topology.

The files under docker/ and docker-compose.yml are committed, so that `docker compose up` works for anyone without
running anything of ours first; `python -m bgpd.lab render` writes them and a unit test keeps them equal to the
topology. The namespace lab writes the same texts into its own directory.
"""

from dataclasses import dataclass
from ipaddress import IPv4Network

from bgpd.lab.topology import (
    CLUSTER_ASN,
    DATACENTRE_ASN,
    EAST_ASN,
    EAST_POOL,
    FABRIC,
    METRICS_PORT,
    POOL,
    PROMETHEUS_PORT,
    SERVICES,
    Node,
    Router,
    RouterKind,
    Topology,
)

HEADER = "# Made by `python -m bgpd.lab render` from bgpd/lab/topology.py: change it there."


def files(topology: Topology) -> dict[str, str]:
    """Every file of the container lab: path from the repository's root -> text."""
    made = {f"docker/nodes/{node.name}.yaml": node_yaml(topology, node) for node in topology.nodes}
    for router in topology.routers:
        for name, text in router_files(topology, router).items():
            made[f"docker/{router.kind.value}/{name}"] = text
    made["docker/prometheus/prometheus.yml"] = prometheus_yml(topology)
    made["docker-compose.yml"] = compose_yml(topology)
    return made


def node_yaml(topology: Topology, node: Node, datastore: str = "") -> str:
    """The bgpd.yaml of a node; with a `datastore` that is all it needs to know."""
    if datastore:
        return (
            f"{HEADER}\nhostname: {node.name}\nnode: {node.name}\ndatastore: {datastore}\n"
            f"node-address: interface=eth0\nmetrics: 0.0.0.0:{METRICS_PORT}\n"
        )
    lines = [
        HEADER,
        f"hostname: {node.name}",
        f"asn: {CLUSTER_ASN}",
        f"router-id: {node.address}",
        f"metrics: 0.0.0.0:{METRICS_PORT}",
        "announce:",
        f"  - {node.block}",
        *([f"pool: {topology.pool}"] if topology.pool else []),
        "peer:",
    ]
    for other in topology.nodes:
        if other is not node:
            lines += [f"  - address: {other.address}", f"    name: {other.name}"]
    for router in topology.routers:
        lines += [
            f"  - address: {router.address}",
            f"    name: {router.name}",
            f"    asn: {DATACENTRE_ASN}",
            "    import: all  # eBGP exchanges nothing until both are stated (RFC 8212)",
            "    export: own",
        ]
    return "\n".join(lines) + "\n"


def router_files(topology: Topology, router: Router) -> dict[str, str]:
    """The configuration files of a data-centre router, by name."""
    if router.kind is RouterKind.BIRD:
        return {"bird.conf": _bird_conf(topology, router)}
    return {"zebra.conf": _zebra_conf(router), "bgpd.conf": _frr_conf(topology, router)}


def router_start(router: Router) -> str:
    """Shell words that give a data-centre router the addresses it answers at (before its daemon starts)."""
    return "; ".join(f"ip address replace {address}/32 dev lo" for address in router.services)


def prometheus_yml(topology: Topology) -> str:
    """What Prometheus scrapes."""
    targets = "".join(
        f"      - targets: [{node.address}:{METRICS_PORT}]\n        labels: {{node: {node.name}}}\n"
        for node in topology.speakers
    )
    return (
        f"{HEADER}\nglobal:\n  scrape_interval: 1s\n  scrape_timeout: 1s\n\n"
        f"scrape_configs:\n  - job_name: bgpd\n    static_configs:\n{targets}"
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """A cluster, as a data-centre router sees it."""

    name: str  #: of the template or peer group
    words: str  #: for people
    asn: int
    nodes: tuple[Node, ...]
    prefixes: tuple[tuple[IPv4Network, int], ...]  #: what it may announce: inside of these, at least that long


def _sides(topology: Topology) -> list[_Side]:
    services = ((SERVICES, 32),) if topology.service is not None else ()
    found = [_Side("node", "the pool", CLUSTER_ASN, topology.mesh, ((POOL, POOL.prefixlen), *services))]
    if topology.east:
        pool = ((EAST_POOL, EAST_POOL.prefixlen),)
        found.append(_Side("east", "the other cluster's pool", EAST_ASN, topology.east, pool))
    return found


def _bird_conf(topology: Topology, router: Router) -> str:
    routes = "\n".join(f"  route {prefix} blackhole;" for prefix in router.prefixes)
    sides = _sides(topology)
    parts = []
    for side in sides:
        others = [f" || net ~ {_bird_set(other)}" for other in sides if other is not side]
        parts.append(f"""template bgp {side.name} {{
  connect delay time 1;
  connect retry time 2;
  error wait time 1, 4;  # the default of 60 s would hide a node that came back
  ipv4 {{
    import where net ~ {_bird_set(side)};
    export where proto = "datacentre"{"".join(others)};
  }};
}}
""")
        parts += [
            f"protocol bgp {node.name} from {side.name} {{ local {router.on(node.wire)} as {DATACENTRE_ASN}; "
            f"neighbor {node.address} as {side.asn}; }}"
            for node in side.nodes
        ]
        parts.append("")
    return f"""{HEADER}
# Data-centre router {router.name}: a real BIRD 2. It accepts {_what(sides)} and announces its own prefixes.
log stderr all;
router id {router.address};

protocol device {{}}

protocol static datacentre {{
  ipv4;
{routes}
}}

protocol kernel {{
  ipv4 {{ export where source = RTS_BGP; }};
  merge paths on;
}}

{chr(10).join(parts).strip()}
"""


def _what(sides: list[_Side]) -> str:
    if len(sides) == 1:
        return "the pool from every node"
    return "each cluster's prefixes from its nodes, tells the other cluster,"


def _bird_set(side: _Side) -> str:
    members = (
        f"{prefix}+" if least == prefix.prefixlen else f"{prefix}{{{least},32}}" for prefix, least in side.prefixes
    )
    return f"[ {', '.join(members)} ]"


def _zebra_conf(router: Router) -> str:
    return f"{HEADER.replace('#', '!')}\nhostname {router.name}\nlog stdout\n"


def _frr_conf(topology: Topology, router: Router) -> str:
    sides = _sides(topology)
    lists = [
        f"ip prefix-list {side.name} seq {5 * i} permit {prefix}"
        + (" le 32" if least == prefix.prefixlen else f" ge {least}")
        for side in sides
        for i, (prefix, least) in enumerate(side.prefixes, 1)
    ]
    lists += [f"ip prefix-list datacentre seq {5 * i} permit {prefix}" for i, prefix in enumerate(router.prefixes, 1)]
    maps, groups, active = [], [], []
    for side in sides:
        maps.append(f"route-map from-{side.name} permit 10\n match ip address prefix-list {side.name}")
        told = ["datacentre", *(other.name for other in sides if other is not side)]
        maps += [
            f"route-map to-{side.name} permit {10 * i}\n match ip address prefix-list {name}"
            for i, name in enumerate(told, 1)
        ]
        groups.append(f""" neighbor {side.name} peer-group
 neighbor {side.name} remote-as {side.asn}
 neighbor {side.name} timers connect 2
 neighbor {side.name} advertisement-interval 0""")
        groups += [f" neighbor {node.address} peer-group {side.name}" for node in side.nodes]
        active.append(f"""  neighbor {side.name} activate
  neighbor {side.name} route-map from-{side.name} in
  neighbor {side.name} route-map to-{side.name} out""")
    networks = "\n".join(f"  network {prefix}" for prefix in router.prefixes)
    lines = "\n".join
    return f"""{HEADER.replace("#", "!")}
! Data-centre router {router.name}: a real FRR. It accepts {_what(sides)} and announces its own prefixes.
hostname {router.name}
log stdout
!
{lines(lists)}
!
{lines(maps)}
!
router bgp {DATACENTRE_ASN}
 bgp router-id {router.address}
 bgp log-neighbor-changes
 no bgp network import-check
 coalesce-time 50
{lines(groups)}
 !
 address-family ipv4 unicast
{networks}
{lines(active)}
 exit-address-family
"""


def compose_yml(topology: Topology) -> str:
    """docker-compose.yml: format 2.4, which Compose v1 and v2 both read."""
    services = [_node_service(node) + _pod_service(node) for node in topology.nodes]
    services += [_router_service(router) for router in topology.routers]
    networks = "".join(_pod_network(node) for node in topology.nodes)
    return f"""{HEADER}
# The cluster lab in containers: `docker compose up` is enough, `make lab` also looks at everything and judges it.
# Both Compose v1 and v2 read this file; v1 needs the line `version`.
version: "2.4"

x-node: &node
  image: bgpd-lab-node
  build: {{context: ., dockerfile: docker/Dockerfile}}
  environment: {{BGPD_POOL: "${{LAB_POOL:-}}"}}  # such as {POOL},overlay=always: packets between pods in VXLAN
  read_only: true
  tmpfs: ["/run/bgpd:uid=179,gid=179,mode=0750"]
  cap_drop: [ALL]
  cap_add: [NET_ADMIN, NET_BIND_SERVICE]  # the daemon runs as non-root and has exactly these two
  sysctls: {{net.ipv4.ip_forward: "1"}}
  stop_grace_period: 10s

x-pod: &pod
  image: bgpd-lab-pod
  build: {{context: docker, dockerfile: pod.Dockerfile}}
  init: true
  cap_drop: [ALL]
  cap_add: [NET_ADMIN, NET_RAW]  # to set its default route; to ping and to look at packets

x-router: &router
  init: true
  cap_drop: [ALL]
  sysctls: {{net.ipv4.ip_forward: "1"}}

services:
{"".join(services)}  prometheus:
    container_name: bgpd-lab-prometheus
    hostname: prometheus
    image: bgpd-lab-prometheus
    build: {{context: docker, dockerfile: prometheus.Dockerfile}}
    read_only: true
    tmpfs: ["/prometheus:uid=9090,gid=9090,mode=0750"]
    cap_drop: [ALL]
    volumes: ["./docker/prometheus/prometheus.yml:/etc/prometheus/prometheus.yml:ro"]
    networks: {{fabric: {{ipv4_address: {topology.prometheus}}}}}  # its pages: http://{topology.prometheus}:{PROMETHEUS_PORT}

# Every network routes plainly: no masquerading anywhere, so that a pod's address arrives unchanged.
networks:
  fabric:
    driver_opts:
      com.docker.network.bridge.name: bgpd-fabric
      com.docker.network.bridge.enable_ip_masquerade: "false"
    ipam: {{config: [{{subnet: {FABRIC}, gateway: {FABRIC[1]}}}]}}
{networks}"""


def _node_service(node: Node) -> str:
    return f"""  {node.name}:
    <<: *node
    container_name: bgpd-lab-{node.name}
    hostname: {node.name}
    volumes: ["./docker/nodes/{node.name}.yaml:/etc/bgpd/bgpd.yaml:ro"]
    networks:
      fabric: {{ipv4_address: {node.address}}}
      pods{node.index}: {{ipv4_address: {node.gateway}}}

"""


def _pod_service(node: Node) -> str:
    return f"""  {node.pod}:
    <<: *pod
    container_name: bgpd-lab-{node.pod}
    hostname: {node.pod}
    command: ["ip route replace default via {node.gateway} && exec sleep infinity"]
    networks: {{pods{node.index}: {{ipv4_address: {node.pod_address}}}}}

"""


def _router_service(router: Router) -> str:
    kind = router.kind.value
    # zebra asks for SYS_ADMIN at start and will not run without it
    capabilities = "NET_ADMIN, NET_RAW, NET_BIND_SERVICE" + (", SYS_ADMIN" if router.kind is RouterKind.FRR else "")
    return f"""  {router.name}:
    <<: *router
    container_name: bgpd-lab-{router.name}
    hostname: {router.name}
    image: bgpd-lab-{kind}
    build: {{context: docker, dockerfile: {kind}.Dockerfile}}
    cap_add: [{capabilities}]
    environment: {{SERVICES: "{" ".join(str(address) for address in router.services)}"}}
    volumes: ["./docker/{kind}:/etc/lab:ro"]
    networks: {{fabric: {{ipv4_address: {router.address}}}}}

"""


def _pod_network(node: Node) -> str:
    # The bridge itself gets an address too, out of the way: .1 is the node's.
    return f"""  pods{node.index}:
    driver_opts:
      com.docker.network.bridge.name: bgpd-pods{node.index}
      com.docker.network.bridge.enable_ip_masquerade: "false"
      com.docker.network.bridge.trusted_host_interfaces: bgpd-fabric
    ipam: {{config: [{{subnet: {node.block}, gateway: {node.block[254]}}}]}}
"""
