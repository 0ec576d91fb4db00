"""Packets between the pods of a cluster while it is turned inside out: each one that is lost counts.

Every node sends to the pod of the next one, by the kernel's routes alone. A pod is an address of the node's block.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.etcd.cluster import CALICO, Cluster, Daemon, resource, wait
from tests.netns.netns import Net
from tests.netns.stream import Stream

EVERY = 0.002  #: seconds between two packets of one stream
NODES = 20 if os.environ.get("BGPD_LONG") else 6


@contextmanager
def started(work: Path, count: int, *options: str) -> Iterator[tuple[Cluster, list[Daemon]]]:
    """So many nodes in a full mesh, each with a pod."""
    with Net() as net:
        cluster = Cluster(net, work, count)
        try:
            cluster.start_etcd()
            cluster.put("ippools", "pods", resource("IPPool", "pods", {"cidr": "10.244.0.0/16", "blockSize": 24}))
            fast = {"connectRetryTime": "1s"}
            body = {"kind": "ClusterConfiguration", "apiVersion": "bgpd/v1", "metadata": {"name": "default"}}
            cluster.etcd.ctl(
                "put", "/bgpd/v1/resources/bgpd/clusterconfigurations/default", json.dumps(body | {"spec": fast})
            )
            nodes = [cluster.daemon(n, "--node-address", "first-found", *options).start() for n in range(1, count + 1)]
            logs = [node.log for node in nodes]
            patience = 40.0 + 10 * count  # seconds: they all start at once
            wait(lambda: all(node.events("block_claimed") for node in nodes), *logs, patience=patience)
            wait(lambda: all(len(routes(node)) == count - 1 for node in nodes), *logs, patience=patience)
            for node in nodes:
                node.host.ip(f"addr add {pod(node)}/32 dev lo")
            yield cluster, nodes
        finally:
            cluster.stop()


def routes(node: Daemon) -> list[str]:
    """The blocks of others in a node's kernel."""
    return [route for route in node.host.routes() if " via 192.0.2." in route]


def pod(node: Daemon) -> str:
    return str(ip_network(str(node.events("block_claimed")[0]["block"]))[1])


def ring(stack: ExitStack, nodes: list[Daemon]) -> list[Stream]:
    """From every node to the next."""
    pairs = zip(nodes, [*nodes[1:], nodes[0]], strict=True)
    return [stack.enter_context(Stream(a.host, b.host, pod(b), EVERY)) for a, b in pairs]


def judge(streams: list[Stream], what: str) -> None:
    lost, sent = sum(each.lost for each in streams), sum(each.sent for each in streams)
    longest = max(each.longest for each in streams)
    print(f"{what}: {sent} packets sent, {lost} lost, longest silence {1e3 * longest:.0f} ms")
    assert lost == 0, [each.words() for each in streams]


@pytest.mark.timeout(180)
def test_from_a_mesh_to_reflectors_and_back(tmp_path: Path) -> None:
    """Five nodes, one of which becomes the reflector of all, and a plain one again."""
    with started(tmp_path, 5) as (cluster, nodes):
        logs = [node.log for node in nodes]
        with ExitStack() as stack:
            streams = ring(stack, nodes)
            reflector(cluster, "n1", {"routeReflectorClusterID": "244.0.0.1"}, {"rr": "true"})
            peers = {"nodeSelector": "!has(rr)", "peerSelector": "has(rr)"}
            cluster.put("bgppeers", "reflectors", resource("BGPPeer", "reflectors", peers))
            mesh = {"nodeToNodeMeshEnabled": False}
            cluster.put("bgpconfigurations", "default", resource("BGPConfiguration", "default", mesh))
            wait(lambda: [len(node.sessions()) for node in nodes] == [4, 1, 1, 1, 1], *logs)
            time.sleep(1)
            assert all(len(routes(node)) == 4 for node in nodes)
            kept = [each for each in nodes[0].events("session") if each["old"] == "Established"]
            assert kept == []  # what is needed before and after has not been touched
            cluster.put("bgpconfigurations", "default", resource("BGPConfiguration", "default", {}))
            cluster.etcd.ctl("del", CALICO + "bgppeers/reflectors")
            reflector(cluster, "n1", {}, {})
            wait(lambda: [node.established() for node in nodes] == [4] * 5, *logs)
            time.sleep(1)
            assert all(len(routes(node)) == 4 for node in nodes)
        judge(streams, "mesh -> reflector -> mesh, 5 nodes")


def reflector(cluster: Cluster, name: str, bgp: dict[str, str], labels: dict[str, str]) -> None:
    """Other settings for a Node."""
    lines = cluster.etcd.ctl("get", CALICO + f"nodes/{name}", "--print-value-only")
    node = json.loads(lines)
    node["spec"]["bgp"].pop("routeReflectorClusterID", None)
    node["spec"]["bgp"] |= bgp
    node["metadata"]["labels"] = labels
    cluster.put("nodes", name, json.dumps(node))


@pytest.mark.timeout(100 * NODES)
def test_every_node_is_replaced_one_after_the_other(tmp_path: Path) -> None:
    """As on hosts: the daemon leaves with its routes in the kernel, and another one takes them over (RFC 4724)."""
    with started(tmp_path, NODES, "--on-stop", "restart") as (_, nodes):
        logs = [node.log for node in nodes]
        with ExitStack() as stack:
            streams = ring(stack, nodes)
            for node in nodes:
                node.stop()
                count = len(node.events("restart_over"))
                node.start()
                wait(lambda node=node, count=count: len(node.events("restart_over")) > count, node.log)  # type: ignore[misc]
                wait(lambda: [each.established() for each in nodes] == [NODES - 1] * NODES, *logs)
            assert all(len(routes(node)) == NODES - 1 for node in nodes)
        judge(streams, f"a rolling replacement of {NODES} nodes")
