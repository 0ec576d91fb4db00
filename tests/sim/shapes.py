"""Topologies: who is a neighbor of whom, in which AS, and what each originates.

Small ones have 3 to 8 speakers, big ones 100 and more. A shape is a function of a world; its nodes are in
`world.nodes` afterwards, not started.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from bgpd.model import ExportRule, Originate, SpeakerSpec
from bgpd.wire.family import IPV4, IPV6
from tests.sim.world import Node, World, address6, pod

Shape = Callable[[World], None]
DATA_CENTRE = 65000


def host(world: World, asn: int, *, also: tuple[bytes, ...] = ()) -> Node:
    """One more node, with a prefix or two of its own."""
    number = len(world.nodes)
    address = bytes((192, 168, number >> 7, 11 + (number & 127)))
    originate = [Originate(family=IPV4, prefix=pod(IPV4, number))]
    if world.rng.random() < 0.5:
        originate.append(Originate(family=IPV6, prefix=pod(IPV6, number)))
    if world.rng.random() < 0.1:
        originate.append(Originate(family=IPV4, prefix=pod(IPV4, 60000)))  # the same from several: anycast
    multipath = world.rng.choice((1, 2, 16))
    spec = SpeakerSpec(asn=asn, router_id=address, originate=tuple(originate), multipath=multipath)
    return world.add(f"n{number}", address, spec, also=also)


def full_mesh(world: World, nodes: list[Node], export_rule: ExportRule = ExportRule.UNSET) -> None:
    over6 = world.rng.random() < 0.2
    for i, a in enumerate(nodes):
        for b in nodes[i + 1 :]:
            at_a, at_b = (address6(a.address), address6(b.address)) if over6 else (b"", b"")
            world.join(a, b, at_a=at_a, at_b=at_b, export_rule=export_rule)


# ===== small =====


def mesh(world: World) -> None:
    """One AS, everybody with everybody: a Calico cluster by default."""
    full_mesh(world, [host(world, 64512) for _ in range(world.rng.randrange(3, 7))])


def clusters(world: World) -> None:
    """Two or three meshes; every node, or one of each, with the routers of a data-centre AS, which carry transit."""
    rng = world.rng
    spines = [host(world, DATA_CENTRE) for _ in range(rng.randrange(1, 3))]
    full_mesh(world, spines, export_rule=ExportRule.ALL)
    same_as = rng.random() < 0.2  # two clusters with one AS number do not hear of each other
    for number in range(rng.randrange(2, 4)):
        asn = 64512 if same_as else 64512 + number
        nodes = [host(world, asn) for _ in range(rng.randrange(1, 3))]
        full_mesh(world, nodes, export_rule=ExportRule.ALL)
        outside = nodes if rng.random() < 0.6 else nodes[:1]
        for node in outside:
            for spine in spines if rng.random() < 0.7 else spines[:1]:
                world.join(node, spine)


def ring(world: World) -> None:
    """Each its own AS, each with two neighbors: two ways to everybody."""
    nodes = [host(world, 65001 + i) for i in range(world.rng.randrange(3, 9))]
    for a, b in zip(nodes, nodes[1:] + nodes[:1], strict=True):
        world.join(a, b)


def star(world: World) -> None:
    """A hub and spokes; the spokes have an AS each or all the same one."""
    rng = world.rng
    hub = host(world, DATA_CENTRE)
    shared = rng.random() < 0.3
    for i in range(rng.randrange(2, 8)):
        world.join(hub, host(world, 65001 if shared else 65001 + i))


def tangle(world: World) -> None:
    """Any graph of eBGP sessions."""
    rng = world.rng
    nodes = [host(world, 65001 + rng.randrange(6)) for _ in range(rng.randrange(3, 9))]
    for i, a in enumerate(nodes):
        for b in nodes[i + 1 :]:
            if a.spec.asn != b.spec.asn and rng.random() < 0.5:
                world.join(a, b)


def dual(world: World) -> None:
    """Pairs with two links and a session over each: the same routes twice, ECMP between one pair of nodes."""
    rng = world.rng
    count = rng.randrange(2, 5)
    nodes = [host(world, 65001 + i, also=(bytes((172, 16, 1, 11 + i)),)) for i in range(count)]
    for i, a in enumerate(nodes):
        for b in nodes[i + 1 :]:
            world.join(a, b)
            world.join(a, b, at_a=a.addresses[1], at_b=b.addresses[1])


def reflectors(world: World) -> None:
    """Two reflectors at most, clients of one or of both, and now and then a plain internal neighbor."""
    rng = world.rng
    reflect(world, rng.randrange(1, 3), rng.randrange(2, 6), rng.randrange(2))


def reflect(world: World, tops: int, clients: int, plain: int) -> None:
    world.meds = False
    cluster = cluster_id(world)
    above = [host(world, 64512) for _ in range(tops)]
    full_mesh(world, above, export_rule=ExportRule.ALL)
    for _ in range(clients):
        client = host(world, 64512)
        for top in above if world.rng.random() < 0.7 else above[:1]:
            world.join(top, client)
            last = replace(top.spec.neighbors[-1], rr_client=True, cluster_id=cluster)
            top.spec = replace(top.spec, neighbors=(*top.spec.neighbors[:-1], last))
    for _ in range(plain):
        other = host(world, 64512)
        for top in above:
            world.join(top, other, export_rule=ExportRule.ALL)


def cluster_id(world: World) -> bytes | None:
    """One cluster id for all reflectors, or each its own."""
    return world.rng.choice((None, b"\0\0\0\7"))


SMALL: tuple[Shape, ...] = (mesh, mesh, clusters, clusters, ring, star, tangle, dual, reflectors, reflectors)


# ===== middle =====


def large_mesh(world: World) -> None:
    full_mesh(world, [host(world, 64512) for _ in range(world.rng.randrange(9, 14))])


def many_clusters(world: World) -> None:
    """Five clusters of three around two spines."""
    spines = [host(world, DATA_CENTRE) for _ in range(2)]
    full_mesh(world, spines, export_rule=ExportRule.ALL)
    for number in range(5):
        nodes = [host(world, 64512 + number) for _ in range(3)]
        full_mesh(world, nodes, export_rule=ExportRule.ALL)
        for node in nodes:
            for spine in spines:
                world.join(node, spine)


MIDDLE: tuple[Shape, ...] = (large_mesh, many_clusters)

# ===== big =====


def line(world: World) -> None:
    """A hundred ASes in a row: what one end says takes a hundred steps to the other."""
    few_prefixes(world, [host(world, 65001 + i) for i in range(world.rng.randrange(100, 111))])
    nodes = list(world.nodes.values())
    for a, b in pairwise(nodes):
        world.join(a, b)


def spokes(world: World) -> None:
    """A hub with a hundred."""
    hub = host(world, DATA_CENTRE)
    few_prefixes(world, [host(world, 65001 + i) for i in range(100)])
    for spoke in list(world.nodes.values())[1:]:
        world.join(hub, spoke)


def tree(world: World) -> None:
    """Two spines, some leaves with both, hosts on each leaf: a data centre of one AS a rack."""
    spines = [host(world, DATA_CENTRE) for _ in range(2)]
    hosts: list[Node] = []
    for rack in range(8):
        leaf = host(world, 65001 + rack)
        for spine in spines:
            world.join(leaf, spine)
        for _ in range(12):
            hosts.append(host(world, 65101 + len(hosts)))
            world.join(leaf, hosts[-1])
    few_prefixes(world, hosts)


def many_clients(world: World) -> None:
    """Two reflectors and a hundred clients."""
    reflect(world, 2, 100, 0)
    few_prefixes(world, list(world.nodes.values())[2:])


def few_prefixes(world: World, nodes: list[Node]) -> None:
    """Only some of many originate: the work is in the sessions."""
    kept = set(world.rng.sample(nodes, 8))
    for node in nodes:
        if node not in kept:
            node.spec = replace(node.spec, originate=())


BIG: tuple[Shape, ...] = (line, spokes, tree, many_clients)
