"""Topologies: who is a neighbor of whom, in which AS, and what each originates.

Small ones have 3 to 8 speakers, big ones 100 and more. A shape is a function of a world; its nodes are in
`world.nodes` afterwards, not started.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from bgpd.model import AddPath, ExportRule, Originate, Role, SpeakerSpec
from bgpd.wire.family import FAMILIES, IPV4, IPV6
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
    world.whole = True
    full_mesh(world, [host(world, 64512) for _ in range(world.rng.randrange(3, 7))])


def clusters(world: World) -> None:
    """Two or three meshes; every node, or one of each, with the routers of a data-centre AS, which carry transit."""
    rng = world.rng
    spines = [host(world, DATA_CENTRE) for _ in range(rng.randrange(1, 3))]
    full_mesh(world, spines, export_rule=ExportRule.ALL)
    same_as = rng.random() < 0.2  # two clusters with one AS number do not hear of each other
    world.whole = not same_as
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
    world.whole = True
    nodes = [host(world, 65001 + i) for i in range(world.rng.randrange(3, 9))]
    for a, b in zip(nodes, nodes[1:] + nodes[:1], strict=True):
        world.join(a, b)


def star(world: World) -> None:
    """A hub and spokes; the spokes have an AS each or all the same one."""
    rng = world.rng
    hub = host(world, DATA_CENTRE)
    shared = rng.random() < 0.3
    world.whole = not shared
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
    world.whole = True
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
    world.whole = True
    for _ in range(clients):
        client = host(world, 64512)
        both = world.rng.random() < 0.7 or tops == 1
        world.whole = world.whole and (both or cluster is None)  # of one cluster, one does not hear of the other's
        for top in above if both else above[:1]:
            reflecting(world, top, client, cluster)
    for _ in range(plain):
        other = host(world, 64512)
        for top in above:
            world.join(top, other, export_rule=ExportRule.ALL)


def reflecting(world: World, top: Node, client: Node, cluster: bytes | None, **more: object) -> None:
    """A session between a reflector and its client; `more`: fields of the client's side."""
    world.join(top, client)
    last = replace(top.spec.neighbors[-1], rr_client=True, cluster_id=cluster)
    top.spec = replace(top.spec, neighbors=(*top.spec.neighbors[:-1], last))
    last = replace(client.spec.neighbors[-1], **more)  # type: ignore[arg-type]
    client.spec = replace(client.spec, neighbors=(*client.spec.neighbors[:-1], last))


def regions(world: World) -> None:
    """Clusters in one AS, each with one reflector or two; reflectors, and some others, in a full mesh.

    Now and then clients of a cluster are neighbors of each other, or one has a router of another AS behind it.
    """
    rng = world.rng
    world.meds = world.costs = False
    world.whole = True
    above: list[Node] = []
    below: list[Node] = []
    for number in range(2):
        tops = [host(world, 64512) for _ in range(rng.randrange(1, 3))]
        cluster = rng.choice((None, bytes((0, 0, 7, number))))
        clients = [host(world, 64512) for _ in range(rng.randrange(1, 3))]
        if rng.random() < 0.3:
            full_mesh(world, clients)
        for client in clients:
            for top in tops:
                reflecting(world, top, client, cluster, export_rule=ExportRule.ALL)
        above += tops
        below += clients
    plain = [host(world, 64512) for _ in range(rng.randrange(2))]
    full_mesh(world, above + plain, export_rule=ExportRule.ALL)
    if rng.random() < 0.5:
        outside = host(world, DATA_CENTRE)
        for node in rng.sample(below + plain, rng.randrange(1, 3)):
            world.join(node, outside)


def storeys(world: World) -> None:
    """Reflectors that are clients of reflectors."""
    rng = world.rng
    world.meds = world.costs = False
    world.whole = True
    tops = [host(world, 64512) for _ in range(rng.randrange(1, 3))]
    full_mesh(world, tops, export_rule=ExportRule.ALL)
    top_cluster = cluster_id(world)
    middle = [host(world, 64512) for _ in range(rng.randrange(1, 3))]
    for node in middle:
        for top in tops:
            reflecting(world, top, node, top_cluster, export_rule=ExportRule.ALL)
    for _ in range(rng.randrange(2, 5)):
        leaf = host(world, 64512)
        for node in rng.sample(middle, rng.randrange(1, len(middle) + 1)):
            reflecting(world, node, leaf, None)


def tiers(world: World) -> None:
    """Providers, customers and peers, each an AS of its own, who mostly say so (RFC 9234)."""
    rng = world.rng
    tops = [host(world, 65001 + i) for i in range(rng.randrange(1, 3))]
    middle = [host(world, 65011 + i) for i in range(rng.randrange(1, 4))]
    leaves = [host(world, 65021 + i) for i in range(rng.randrange(1, 4))]
    for a, b in pairwise(tops):
        related(world, a, b, Role.PEER)
    for a, b in pairwise(middle):
        if rng.random() < 0.6:
            related(world, a, b, rng.choice((Role.PEER, Role.PEER, Role.RS)))
    for uppers, lowers in ((tops, middle), (middle, leaves)):
        for lower in lowers:
            for upper in rng.sample(uppers, rng.randrange(1, min(len(uppers), 2) + 1)):
                related(world, upper, lower, Role.PROVIDER)


def related(world: World, a: Node, b: Node, role: Role) -> None:
    """`a` is this to `b`; now and then only one of them says so."""
    rng = world.rng
    world.join(a, b)
    silent = rng.choice((None, None, None, None, a, b))
    for node, said in ((a, role), (b, OPPOSITE[role])):
        if node is not silent:
            last = replace(node.spec.neighbors[-1], role=said, role_strict=silent is None and rng.random() < 0.3)
            node.spec = replace(node.spec, neighbors=(*node.spec.neighbors[:-1], last))


#: What the other side says, where one side says this.
OPPOSITE = {
    Role.PROVIDER: Role.CUSTOMER,
    Role.CUSTOMER: Role.PROVIDER,
    Role.RS: Role.RS_CLIENT,
    Role.RS_CLIENT: Role.RS,
    Role.PEER: Role.PEER,
}


def several_paths(world: World) -> None:
    """ADD-PATH (RFC 7911) on some sessions of a world: either way or both, all paths or the best few."""
    rng = world.rng
    share = rng.choice((0.3, 1.0))
    ways = ((AddPath.BOTH, AddPath.BOTH), (AddPath.SEND, AddPath.RECEIVE), (AddPath.RECEIVE, AddPath.SEND))
    chosen: dict[frozenset[bytes], dict[bytes, AddPath]] = {}
    for node in world.nodes.values():
        neighbors = []
        for spec in node.spec.neighbors:
            link = frozenset((spec.address, node.local_towards(spec.address)))
            if link not in chosen:
                here, there = rng.choice(ways) if rng.random() < share else (AddPath.OFF, AddPath.OFF)
                chosen[link] = {spec.address: there, node.local_towards(spec.address): here}
            way = chosen[link][node.local_towards(spec.address)]
            add_path = tuple([(family, way) for family in FAMILIES]) if way is not AddPath.OFF else ()
            neighbors.append(replace(spec, add_path=add_path, add_path_paths=rng.choice((0, 0, 1, 2, 3))))
        node.spec = replace(node.spec, neighbors=tuple(neighbors))


def cluster_id(world: World) -> bytes | None:
    """One cluster id for all reflectors, or each its own."""
    return world.rng.choice((None, b"\0\0\0\7"))


SMALL: tuple[Shape, ...] = (
    *(mesh, mesh, clusters, clusters, ring, star, tangle, dual),
    *(reflectors, regions, regions, storeys, tiers, tiers),
)


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
