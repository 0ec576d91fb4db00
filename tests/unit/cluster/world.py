"""Small clusters for tests, written in as few words as possible."""

import json
from typing import Any

from bgpd.cluster.decide import decide
from bgpd.cluster.decode import decode_json
from bgpd.cluster.kinds import Resource
from bgpd.cluster.plan import NodePlan, PeerPlan
from bgpd.cluster.resources import SecretRef
from bgpd.cluster.snapshot import Snapshot, settle
from bgpd.wire.prefix import format_address, format_prefix

CALICO = "projectcalico.org/v3"
OWN = "bgpd/v1"


def resource(kind: str, name: str, spec: dict[str, Any], *, api: str = CALICO, **meta: Any) -> Resource:
    """One resource. Fails where the decoder finds anything wrong with it."""
    document = {"apiVersion": api, "kind": kind, "metadata": {"name": name, **meta}, "spec": spec}
    found = decode_json(json.dumps(document), "test")
    assert found.problems == (), found.problems
    return found.resources[0]


def node(name: str, ipv4: str = "", ipv6: str = "", *, asn: Any = 0, cluster: str = "", **labels: Any) -> Resource:
    bgp = {"ipv4Address": ipv4, "ipv6Address": ipv6, "asNumber": asn, "routeReflectorClusterID": cluster}
    bgp = {key: value for key, value in bgp.items() if value}
    return resource("Node", name, {"bgp": bgp} if bgp else {}, labels=labels)


def nodes(count: int, **labels: Any) -> list[Resource]:
    """node-1 is 10.0.0.1/24 and fd00::1/64, and so on."""
    return [node(f"node-{n}", f"10.0.{n >> 8}.{n & 255}/16", f"fd00::{n:x}/64", **labels) for n in range(1, count + 1)]


def config(name: str = "default", **spec: Any) -> Resource:
    return resource("BGPConfiguration", name, spec)


def peer(name: str, **spec: Any) -> Resource:
    return resource("BGPPeer", name, spec)


def pool(name: str, cidr: str, **spec: Any) -> Resource:
    return resource("IPPool", name, {"cidr": cidr, **spec})


def claim(owner: str, cidr: str, state: str = "confirmed") -> Resource:
    name = f"{owner}-{cidr.replace('.', '-').replace('/', '-').replace(':', '-')}".strip("-")
    return resource("BlockAffinity", name, {"node": owner, "cidr": cidr, "state": state})


def bgp_filter(name: str, **lists: Any) -> Resource:
    return resource("BGPFilter", name, lists)


def own(kind: str, name: str, **spec: Any) -> Resource:
    return resource(kind, name, spec, api=OWN)


def metal(kind: str, name: str, **spec: Any) -> Resource:
    labels = spec.pop("labels", {})
    api = "metallb.io/v1beta2" if kind == "BGPPeer" else "metallb.io/v1beta1"
    return resource(kind, name, spec, api=api, labels=labels)


def cluster(*parts: Any, secrets: frozenset[SecretRef] | None = None) -> Snapshot:
    """A snapshot in which nothing is wrong."""
    snapshot = settle(flat(*parts), secrets=secrets)
    assert snapshot.problems == (), snapshot.problems
    return snapshot


def flat(*parts: Any) -> list[Resource]:
    return [each for part in parts for each in (part if isinstance(part, list) else [part])]


def plan_of(name: str, *parts: Any, **options: Any) -> NodePlan:
    return decide(cluster(*parts), name, **options)


def by_address(plan: NodePlan) -> dict[str, PeerPlan]:
    return {format_address(each.address): each for each in plan.neighbors}


def announced(plan: NodePlan) -> dict[str, bool]:
    """Prefix -> whether it is guarded in the kernel."""
    return {format_prefix(*each.net): each.blackhole for each in plan.originate}
