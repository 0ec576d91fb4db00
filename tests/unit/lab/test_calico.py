"""The Calico node's bird.cfg: the mesh, its passive ends, its rack's peerings."""

import re

from bgpd.lab.calico import bird_cfg
from bgpd.lab.topology import build_cluster

TEXT = bird_cfg(build_cluster(20))


def test_one_protocol_for_each_peer() -> None:
    lab = build_cluster(20)
    assert lab.calico is not None
    addresses = re.findall(r"neighbor (\S+) as (\d+);", TEXT)
    peers = lab.peers(lab.calico)
    assert dict(addresses) == {str(peers[name]): "65001" if name.startswith("dc") else "64512" for name in peers}


def test_who_dials_is_decided_by_addresses_as_text() -> None:
    passive = re.findall(r"neighbor (\S+) as 64512;\n.*\n.*\n  passive on;", TEXT)
    every = re.findall(r"neighbor (\S+) as 64512;", TEXT)
    assert passive == [address for address in every if address > "172.30.65.251"]


def test_the_data_centre_is_told_the_own_block_only() -> None:
    peers = TEXT.partition("filter calico_export_to_peers {")[2].partition("\n}")[0]
    assert "source ~ [ RTS_BGP ] ) then { reject; }" in peers
    assert "route 10.244.241.0/24 blackhole;" in TEXT
