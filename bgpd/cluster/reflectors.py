"""Who reflects routes: the nodes that say so, and with `mesh: auto` those that are elected.

An election asks nobody: every node computes the same from the same snapshot. Above the limit the nodes are ordered by
a hash of their name, and one at a time is taken from each zone in turn, until there are enough; so a node that comes
or goes moves at most one of them, and a zone that fails takes at most its share along. Elected reflectors are meshed
with each other, and every other node with each of them.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

from bgpd.cluster.facts import Facts
from bgpd.cluster.resources import Node

ZONE: Final = "topology.kubernetes.io/zone"
#: of elected reflectors: all of one cluster would not reflect to each other, which they need not, being meshed
_COUNT: Final = 3  #: reflectors, and one more for each thousand nodes


class Roles:
    """What each node is to the mesh."""

    def __init__(self, elected: frozenset[str], asn: int) -> None:
        self._elected: Final = elected
        self._cluster_id: Final = asn.to_bytes(4, "big")

    def cluster_id(self, node: Node) -> bytes | None:
        """The cluster that a node reflects for; None: it reflects for nobody."""
        if node.bgp is not None and node.bgp.cluster_id is not None:
            return node.bgp.cluster_id
        return self._cluster_id if node.meta.name in self._elected else None

    def meshed(self, one: Node, other: Node) -> bool:
        """Whether two nodes have a session of the mesh."""
        if any(node.bgp is not None and node.bgp.cluster_id is not None for node in (one, other)):
            return False  # Calico: who reflects has its peers by BGPPeer
        return not self._elected or one.meta.name in self._elected or other.meta.name in self._elected

    def client(self, one: Node, other: Node) -> bool:
        """Whether `other` is a client of `one`, in the mesh."""
        return one.meta.name in self._elected and other.meta.name not in self._elected


def roles_of(facts: Facts, alive: frozenset[str] | None) -> Roles:
    """The roles of all nodes. `alive`: the nodes that report; None: nobody knows, so all."""
    candidates = [
        node
        for node in facts.snapshot.all(Node).values()
        if node.bgp is not None and node.bgp.cluster_id is None and (node.bgp.ipv4 or node.bgp.ipv6)
    ]
    if facts.cluster.mesh != "auto" or len(candidates) <= facts.cluster.mesh_limit:
        return Roles(frozenset(), facts.asn)
    living = [node for node in candidates if alive is None or node.meta.name in alive]
    return Roles(elect(living or candidates, _COUNT + len(candidates) // 1000), facts.asn)


def elect(nodes: Iterable[Node], count: int) -> frozenset[str]:
    """The names of `count` of these nodes, spread over zones."""
    zones: dict[str, list[str]] = {}
    for node in nodes:
        zones.setdefault(node.meta.labels.get(ZONE, ""), []).append(node.meta.name)
    queues = [sorted(names, key=_rank) for _, names in sorted(zones.items(), key=lambda pair: _rank(pair[0]))]
    chosen: list[str] = []
    for turn in range(max([len(names) for names in queues], default=0)):
        chosen += [names[turn] for names in queues if turn < len(names)]
    return frozenset(chosen[:count])


def _rank(name: str) -> bytes:
    return hashlib.sha256(b"reflector " + name.encode()).digest()
