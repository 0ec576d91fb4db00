"""One node, a directory of resources, a real kernel: service addresses come and go with their health check, and
`reachableBy` is a route."""

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.etcd.cluster import Daemon, wait
from tests.netns.netns import Namespace, Net


class Host:
    """A daemon on 192.0.2.1 whose resources are files."""

    def __init__(self, net: Net, work: Path) -> None:
        self.namespace: Namespace = net.namespace("node")
        switch = net.namespace("switch")
        net.bridge(switch, "br0", (self.namespace, "eth0"))
        self.namespace.ip("addr add 192.0.2.1/24 dev eth0")
        self.resources = work / "resources"
        self.resources.mkdir()
        self.put("Node", "n1", {"bgp": {"ipv4Address": "192.0.2.1/24"}})
        self.daemon = Daemon(
            work, self.namespace, "n1", "--datastore", f"files://{self.resources}", "--node-address", "192.0.2.1/24"
        )

    def put(self, kind: str, name: str, spec: dict[str, Any], api: str = "projectcalico.org/v3") -> None:
        text = json.dumps({"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec})
        (self.resources / f".{name}").write_text(text)
        (self.resources / f".{name}").rename(self.resources / f"{kind}-{name}.json")

    def prefixes(self) -> set[str]:
        return {row["prefix"] for row in self.daemon.ctl("show", "route")}

    def routes(self) -> list[str]:
        return self.namespace.ip("route show proto 64").splitlines()

    def reloads(self) -> int:
        return len(self.daemon.events("reloaded"))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with Net() as net:
        made = Host(net, tmp_path)
        yield made
        made.daemon.stop(signal.SIGKILL)


def test_a_service_address_follows_its_health_check(host: Host) -> None:
    check = {"tcp": {"port": 8053}, "interval": "100ms", "timeout": "1s", "rise": 1, "fall": 2}
    host.put("ServiceAddress", "dns", {"addresses": ["198.51.100.53"], "healthCheck": check}, "bgpd/v1")
    host.daemon.start()
    wait(lambda: host.daemon.events("started"), host.daemon.log)
    assert host.prefixes() == set()
    with host.namespace.entered():
        listener = socket.create_server(("127.0.0.1", 8053))
    wait(lambda: host.daemon.events("service_up"), host.daemon.log)
    wait(lambda: host.prefixes() == {"198.51.100.53/32"}, host.daemon.log)
    assert host.routes() == []  # packets that arrive are the service's, not a route's
    listener.close()
    wait(lambda: host.daemon.events("service_down"), host.daemon.log)
    wait(lambda: host.prefixes() == set(), host.daemon.log)


def test_a_peer_that_is_reached_by_somebody(host: Host) -> None:
    peer = {"peerIP": "203.0.113.9", "asNumber": 65001, "reachableBy": "192.0.2.254"}
    host.put("BGPPeer", "tor", peer)
    host.daemon.start()
    wait(lambda: any("203.0.113.9 via 192.0.2.254 dev eth0" in line for line in host.routes()), host.daemon.log)
    host.put("BGPPeer", "tor", peer | {"reachableBy": "192.0.2.253"})
    wait(lambda: any("203.0.113.9 via 192.0.2.253 dev eth0" in line for line in host.routes()), host.daemon.log)
    (host.resources / "BGPPeer-tor.json").unlink()
    wait(lambda: host.routes() == [], host.daemon.log)


def test_the_log_level_is_the_cluster_s(host: Host) -> None:
    host.daemon.start()
    wait(lambda: host.daemon.events("started"), host.daemon.log)
    host.put(
        "BGPConfiguration", "default", {"logSeverityScreen": "Error", "serviceClusterIPs": [{"cidr": "10.96.0.0/12"}]}
    )
    wait(lambda: host.prefixes() == {"10.96.0.0/12"}, host.daemon.log)
    assert host.reloads() == 0  # said at level info, which is not wanted any more
