"""The files of the container lab are exactly the topology's, and mean what it means."""

from pathlib import Path

import pytest
import yaml

from bgpd.lab import render
from bgpd.lab.topology import build, build_cluster

ROOT = Path(__file__).resolve().parents[3]
FILES = render.files(build())


@pytest.mark.parametrize("name", sorted(FILES))
def test_committed_file_is_the_topologys(name: str) -> None:
    assert (ROOT / name).read_text() == FILES[name], "run `python -m bgpd.lab render`"


def test_a_nodes_file() -> None:
    lab = build()
    settings = yaml.safe_load(render.node_yaml(lab, lab.nodes[1]))
    assert settings["asn"] == 64512
    assert settings["router-id"] == "172.30.64.12"
    assert settings["announce"] == ["10.244.2.0/24"]
    inner = [peer for peer in settings["peer"] if "asn" not in peer]
    outer = [peer for peer in settings["peer"] if "asn" in peer]
    assert [peer["address"] for peer in inner] == ["172.30.64.11", "172.30.64.13"]
    assert [(peer["asn"], peer["import"], peer["export"]) for peer in outer] == [(65001, "all", "own")] * 2


def test_compose_gives_the_nodes_two_capabilities_and_a_read_only_root() -> None:
    services = yaml.safe_load(FILES["docker-compose.yml"])["services"]
    for name in ("node1", "node2", "node3"):
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["cap_add"] == ["NET_ADMIN", "NET_BIND_SERVICE"]
        assert services[name]["read_only"] is True
        assert "privileged" not in services[name]


def test_compose_has_every_host_at_its_address() -> None:
    lab = build()
    compose = yaml.safe_load(FILES["docker-compose.yml"])
    assert set(compose["services"]) == set(lab.hosts())
    addresses = {
        network["ipv4_address"] for service in compose["services"].values() for network in service["networks"].values()
    }
    expected = [address for node in lab.nodes for address in (node.address, node.gateway, node.pod_address)]
    expected += [router.address for router in lab.routers] + [lab.prometheus]
    assert addresses == {str(address) for address in expected}


def test_no_network_translates_addresses_or_is_a_home_lan() -> None:
    for network in yaml.safe_load(FILES["docker-compose.yml"])["networks"].values():
        assert network["driver_opts"]["com.docker.network.bridge.enable_ip_masquerade"] == "false"
        assert "internal" not in network
        subnet = network["ipam"]["config"][0]["subnet"]
        assert not subnet.startswith("192.168.")


@pytest.mark.parametrize("nodes", [2, 40])
def test_routers_know_every_node(nodes: int) -> None:
    lab = build(nodes)
    bird, frr = (render.router_files(lab, router) for router in lab.routers)
    for node in lab.nodes:
        assert f"neighbor {node.address} as 64512;" in bird["bird.conf"]
        assert f" neighbor {node.address} peer-group node" in frr["bgpd.conf"]
    scraped = yaml.safe_load(render.prometheus_yml(lab))["scrape_configs"][0]["static_configs"]
    assert [entry["targets"] for entry in scraped] == [[f"{node.address}:9179"] for node in lab.nodes]


def test_a_node_of_the_cluster_knows_its_name_and_its_datastore() -> None:
    lab = build_cluster()
    settings = yaml.safe_load(render.node_yaml(lab, lab.nodes[1], lab.datastore))
    assert settings == {
        "hostname": "node2", "node": "node2", "datastore": "etcd://172.30.64.5:2379",
        "node-address": "interface=eth0", "metrics": "0.0.0.0:9179",
    }  # fmt: skip


def test_routers_stand_between_two_clusters() -> None:
    lab = build_cluster()
    bird, frr = (render.router_files(lab, router) for router in lab.routers)
    assert "local 172.30.65.2 as 65001; neighbor 172.30.65.251 as 64512;" in bird["bird.conf"]
    assert "local 172.30.66.2 as 65001; neighbor 172.30.66.11 as 64513;" in bird["bird.conf"]
    assert "import where net ~ [ 10.245.0.0/16+ ];" in bird["bird.conf"]
    assert "import where net ~ [ 10.244.0.0/16+, 198.51.100.0/24{32,32} ];" in bird["bird.conf"]
    assert " neighbor 172.30.66.12 peer-group east" in frr["bgpd.conf"]
    assert "ip prefix-list node seq 10 permit 198.51.100.0/24 ge 32" in frr["bgpd.conf"]
