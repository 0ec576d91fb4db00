"""A Calico node without Calico: BIRD 1.6.8, the base of Calico's own, told what Calico's confd would tell it.

The text says what a Calico 3.31 node says for the lab's resources: the mesh with its passive ends, the peerings of its
rack with their filter, the block as a blackhole, and the export pipeline (filters, own block as a whole and never a
part of it, anything of a pool). What is missing is Felix, so there is no tunnel and no policy.
"""

from bgpd.lab.topology import CLUSTER_ASN, DATACENTRE_ASN, POOL, Topology


def bird_cfg(topology: Topology) -> str:
    """Bird.cfg of the Calico node."""
    me = topology.calico
    assert me is not None
    source = str(me.address)
    peers = []
    for node in topology.nodes:
        address = str(node.address)
        # who dials in a pair: addresses compared as text, so that both ends agree
        passive = "\n  passive on;" if address > source else ""
        peers.append(_protocol("Mesh", address, CLUSTER_ASN, source, "calico_export_to_mesh", passive))
    for router in topology.routers:
        address = str(router.on(me.wire))
        peers.append(_protocol("Node", address, DATACENTRE_ASN, source, "calico_export_to_peers", ""))
    return f"""# A Calico node's BIRD 1.6, for the resources of this cluster.
router id {me.address};
log stderr all;
debug protocols {{ states }};

function own_or_pool ()
{{
  if ( net = {me.block} ) then {{ accept; }}
  if ( net ~ {me.block} ) then {{ reject; }}  # the block goes out as a whole, its parts stay here
  if ( net ~ {POOL} ) then {{ accept; }}
  reject;
}}

filter calico_export_to_mesh {{
  own_or_pool();
}}

filter calico_export_to_peers {{
  if ( source ~ [ RTS_BGP ] ) then {{ reject; }}  # the BGPFilter of these peerings
  own_or_pool();
}}

protocol kernel {{
  learn;
  persist;
  scan time 2;
  import all;
  export all;
  graceful restart;
  merge paths on;
}}

protocol device {{
  scan time 2;
}}

protocol direct {{
  interface -"cali*", -"kube-ipvs*", "*";
}}

protocol static {{
  route {me.block} blackhole;
}}

template bgp bgp_template {{
  local as {CLUSTER_ASN};
  multihop;
  gateway recursive;
  import all;
  add paths on;
  graceful restart;
  connect delay time 2;
  connect retry time 5;
  error wait time 5, 30;
}}

{"".join(peers)}"""


def _protocol(kind: str, address: str, asn: int, source: str, export: str, passive: str) -> str:
    return f"""protocol bgp {kind}_{address.replace(".", "_")} from bgp_template {{
  ttl security off;
  multihop;
  neighbor {address} as {asn};
  source address {source};
  export filter {export};{passive}
}}
"""
