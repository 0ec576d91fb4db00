"""What may go wrong, or be changed, while a world runs: one function each, one table.

A fault draws whatever it needs from the world's randomness and acts at once. A history uses a random few of
them, so that now and then a rare one comes alone, and often. CHANGES is by field of NeighborSpec: another value, mostly
for both sides, sometimes for one.
"""

from collections.abc import Callable
from dataclasses import replace

from bgpd.model import (
    AddPath,
    ExportRule,
    GracefulRestart,
    ImportRule,
    NeighborSpec,
    NextHopRule,
    Originate,
    Role,
    SpeakerSpec,
)
from bgpd.speaker import admin
from bgpd.speaker.neighbor import Neighbor
from bgpd.wire import aspath
from bgpd.wire.attrs import Attrs, build
from bgpd.wire.family import FAMILIES, IPV4, IPV6, Family
from bgpd.wire.writer import encode_route_refresh
from tests.sim.checks import seen_from
from tests.sim.pipe import Link
from tests.sim.policies import change_policy
from tests.sim.shapes import OPPOSITE
from tests.sim.world import Node, World, pod

Fault = Callable[[World], None]
CHURNED = 20000  #: numbers of prefixes that come and go begin here; those with attributes at twice that


def some(world: World) -> Node:
    return world.rng.choice(list(world.nodes.values()))


def two(world: World) -> tuple[Node, Node]:
    """Two nodes, neighbors where there are any."""
    a = some(world)
    if a.spec.neighbors:
        b = world.by_address.get(world.rng.choice(a.spec.neighbors).address)
        if b is not None:
            return a, b
    return a, world.rng.choice([n for n in world.nodes.values() if n is not a])


# ===== hosts =====


def crash(world: World) -> None:
    node = some(world)
    if node.speaker is not None:
        node.crash()


def stop(world: World) -> None:
    some(world).stop()


def start(world: World) -> None:
    down = [node for node in world.nodes.values() if node.speaker is None]
    if down:
        world.rng.choice(down).start()


def restart(world: World) -> None:
    """Down and up again, so soon that nobody's timers notice, or not."""
    node = some(world)
    if world.rng.random() < 0.3:
        node.stop(restart=True)
    elif world.rng.random() < 0.5 and node.speaker is not None:
        node.crash()
    else:
        node.stop()
    if node.speaker is None:
        world.at(world.now + world.rng.choice((0.0, 0.001, 1.0, 20.0)), node.start)


def everybody(world: World) -> None:
    """The power fails, and comes back for all in the same moment."""
    for node in world.nodes.values():
        if node.speaker is not None:
            node.crash()
        node.fib.clear()
    for node in world.nodes.values():
        node.start()


def freeze(world: World) -> None:
    some(world).freeze(world.rng.choice((0.01, 1.0, 20.0, 100.0)))


# ===== the network =====


def cut(world: World) -> None:
    world.cut(*two(world))


def cut_one_way(world: World) -> None:
    world.cut(*two(world), one_way=True)


def cut_link(world: World) -> None:
    a, b = two(world)
    world.cut_link(world.rng.choice(a.addresses), world.rng.choice(b.addresses))


def isolate(world: World) -> None:
    node = some(world)
    for other in world.nodes.values():
        if other is not node:
            world.cut(node, other)


def heal(world: World) -> None:
    if world.cuts or world.links:
        here, there = world.rng.choice(sorted(world.cuts | world.links.keys()))
        world.heal(world.by_address[here], world.by_address[there])


def slow(world: World) -> None:
    rng = world.rng
    rate = rng.choice((0.0, 2000.0, 20000.0))
    world.slow(*two(world), Link(low=0.05, high=rng.choice((0.2, 2.0)), rate=rate, split=0.3))


def slow_one_way(world: World) -> None:
    """One direction is slow, the other one as ever."""
    rng = world.rng
    a, b = two(world)
    link = Link(low=0.05, high=rng.choice((0.5, 5.0)), rate=rng.choice((0.0, 1000.0)), split=0.3)
    world.slow(a, b, link, one_way=True)


def reset_connection(world: World) -> None:
    """A firewall says RST to one side; the other one hears of it like from a peer."""
    if world.ends:
        end = world.rng.choice(list(world.ends))
        world.broken[frozenset((end.owner.name, world.by_address[end.remote_address].name))] = world.now

        def told() -> None:
            if end.owner.speaker is not None:
                end.owner.speaker.tcp_closed(end, "the peer reset the connection", world.now)
                end.owner.poke()

        if not end.owner.frozen:
            end.crash()
            told()


# ===== routes =====


def churn(world: World) -> None:
    """Configured prefixes come and go."""
    rng = world.rng
    node = some(world)
    kept = [item for item in node.spec.originate if rng.random() < 0.6]
    for _ in range(rng.randrange(3)):
        family = rng.choice(FAMILIES)
        kept.append(
            Originate(family=family, prefix=pod(family, CHURNED + rng.randrange(40)), blackhole=rng.random() < 0.9)
        )
    unique = {(item.family, item.prefix): item for item in kept}
    node.reconfigure(replace(node.spec, originate=tuple(unique.values())))


def attributes(world: World) -> Attrs:
    """Of a route that somebody behind us originates."""
    rng = world.rng
    path = [rng.choice((65001, 65002, 64512, 4200000001, 70000)) for _ in range(rng.choice((0, 0, 1, 3)))]
    communities = [
        rng.choice((0x00010002, 0xFFFFFF01, 0xFFFFFF02, 0xFDE80001)) for _ in range(rng.choice((0, 0, 1, 2)))
    ]
    return build(
        origin=rng.choice((0, 0, 1, 2)),
        as_path=aspath.sequence(*path) if path else b"",
        med=rng.choice((-1, -1, 0, 10, 4294967295)) if world.meds else -1,
        local_pref=rng.choice((-1, -1, 50, 200)),
        communities=sorted(set(communities)),
        large_communities=[(64512, 1, rng.randrange(3))] if rng.random() < 0.3 else None,
        others={99: b"unknown"} if rng.random() < 0.1 else None,
    )


def announce(world: World) -> None:
    """Routes with attributes: new ones, and others for old ones."""
    rng = world.rng
    node = some(world)
    attrs = attributes(world)
    for _ in range(rng.choice((1, 3, 12))):
        family: Family = rng.choice((IPV4, IPV4, IPV6))
        node.announce(family, pod(family, 2 * CHURNED + rng.randrange(12)), attrs)
    if rng.random() < 0.2:  # a table that fills a message or two
        for number in range(300):
            node.announce(IPV4, pod(IPV4, 3 * CHURNED + 1000 + number), attrs)


def withdraw(world: World) -> None:
    node = some(world)
    for family, prefix in list(node.routes):
        if world.rng.random() < 0.6:
            node.withdraw(family, prefix)


def flap(world: World) -> None:
    """One route, gone and back, again and again, faster than anybody flushes."""
    node = some(world)
    attrs = [attributes(world) for _ in range(3)]
    prefix = pod(IPV4, 2 * CHURNED + world.rng.randrange(12))
    pause = world.rng.choice((0.0, 0.004))
    for i in range(world.rng.randrange(2, 12)):
        if world.rng.random() < 0.4:
            world.at(world.now + pause * i, lambda: node.withdraw(IPV4, prefix))
        else:
            world.at(world.now + pause * i, lambda i=i: node.announce(IPV4, prefix, attrs[i % 3]))  # type: ignore[misc]


def hop(world: World) -> None:
    """A next hop is lost, found, or farther away than it was."""
    node = some(world)
    hops = sorted(node.tracked | {a for spec in node.spec.neighbors for a in (spec.address,)})
    if hops:
        address = world.rng.choice(hops)[:16]
        if world.rng.random() < 0.6:
            node.move_hop(address, lost=address[-4:] not in node.lost_hops)
        elif world.costs:
            node.move_hop(address, cost=world.rng.choice((0, 5, 10)))


def refresh(world: World) -> None:
    """One side asks for everything again (RFC 2918)."""
    node = some(world)
    if node.speaker is None or node.frozen:
        return
    for neighbor in node.speaker.neighbors.values():
        if neighbor.live is not None and neighbor.live.transport is not None:
            for family in neighbor.ribs:
                neighbor.live.transport.write(encode_route_refresh(family))


# ===== operators =====


def operator(world: World, node: Node, neighbor: Neighbor, what: str) -> None:
    """What `bgpctl` does to one neighbor, where that may be done now."""
    speaker, now = node.speaker, world.now
    if speaker is None or node.frozen or (what.startswith("soft") and neighbor.live is None):
        return
    world.trace.append(f"{now:.6f} {node.name}: {what} {neighbor.key}")
    if what == "soft in":
        admin.soft_in(speaker, neighbor, now)
    elif what == "soft out":
        admin.soft_out(speaker, neighbor, now)
    elif what == "disable":
        admin.disable(speaker, neighbor, "for a while", now)
    elif what == "enable":
        admin.enable(speaker, neighbor, now)
    elif not neighbor.disabled:
        admin.reset(speaker, neighbor, "", now)
    node.poke()


def operate(world: World) -> None:
    """On one neighbor, or on all of a node in a row."""
    rng = world.rng
    node = some(world)
    speaker = node.speaker
    if speaker is None or not speaker.neighbors:
        return
    chosen = list(speaker.neighbors.values())
    if rng.random() < 0.6:
        chosen = [rng.choice(chosen)]
    for neighbor in chosen:
        what = rng.choice(("soft in", "soft in", "soft out", "soft out", "reset", "disable"))
        operator(world, node, neighbor, what)
        if what == "disable":
            _enable_later(world, node, neighbor)


def _enable_later(world: World, node: Node, neighbor: Neighbor) -> None:
    def enable() -> None:
        if node.speaker is not None and neighbor in node.speaker.neighbors.values():
            node.awake(lambda: operator(world, node, neighbor, "enable"))

    world.at(world.now + world.rng.choice((0.0, 0.5, 40.0)), enable)


def drain(world: World) -> None:
    """About to go, and then not: everything is told once more with GRACEFUL_SHUTDOWN, and once more without."""
    node = some(world)
    speaker = node.speaker
    if speaker is None or node.frozen:
        return
    speaker.drain(on=not speaker.draining)
    node.poke()


def cross(world: World) -> None:
    """Two dial each other in the same moment."""
    a, b = two(world)
    for node, other in ((a, b), (b, a)):
        if node.speaker is None or node.frozen:
            continue
        for neighbor in list(node.speaker.neighbors.values()):
            if neighbor.spec.address in other.addresses and not neighbor.disabled:
                operator(world, node, neighbor, "reset")


# ===== configuration =====


Other = Callable[[World, NeighborSpec], object]


def of(*values: object) -> Other:
    """One of these."""
    return lambda world, spec: world.rng.choice(values)


#: Another value of a field. True: the two sides change together, as an operator would do it.
CHANGES: dict[str, tuple[bool, Other]] = {
    "name": (False, lambda world, spec: f"peer-{world.rng.randrange(100)}"),
    "port": (False, of(179, 179, 1790)),
    "passive": (False, lambda world, spec: not spec.passive),
    "password": (True, of(None, b"secret", b"other")),
    "families": (True, of(FAMILIES, (IPV4,), (IPV6,), (IPV6, IPV4))),
    "import_rule": (False, of(ImportRule.ALL, ImportRule.NONE, ImportRule.UNSET)),
    "export_rule": (False, of(ExportRule.OWN, ExportRule.ALL, ExportRule.NONE, ExportRule.UNSET)),
    "hold_time": (False, of(3, 9, 30, 90)),
    "keepalive_time": (False, of(1, 10, 30)),
    "connect_retry_time": (False, of(1.0, 5.0, 20.0)),
    "idle_hold_min": (False, of(1.0, 5.0)),
    "idle_hold_max": (False, of(5.0, 30.0)),
    "next_hop": (False, of(NextHopRule.AUTO, NextHopRule.SELF)),
    "default_originate": (False, lambda world, spec: not spec.default_originate),
    "graceful_restart": (False, of(*GracefulRestart)),
    "restart_time": (False, of(0, 5, 60, 120)),
    "long_lived_stale_time": (False, of((), ((IPV4, 20),), ((IPV4, 30), (IPV6, 1)))),
    "long_lived_stale_limit": (False, of(0, 20, 86400)),
    "send_hold_time": (False, of(None, 0, 30)),
    "graceful_shutdown": (False, lambda world, spec: not spec.graceful_shutdown),
    "cluster_id": (False, of(None, b"\0\0\0\1")),
    "extended_messages": (False, of(True, False)),
    "add_path": (
        True,
        of((), ((IPV4, AddPath.BOTH),), *(tuple((family, way) for family in FAMILIES) for way in list(AddPath)[1:])),
    ),
    "add_path_paths": (False, of(0, 1, 2)),
    "extended_next_hop": (True, of(True, False)),
    "role": (True, of(None, None, *Role)),
    "role_strict": (True, of(True, False)),
}

#: Fields that no history changes, and why. A test holds CHANGES and this against the class.
LEFT_ALONE: dict[str, str] = {
    "address": "it is who the neighbor is",
    "local_asn": "a wrong AS is for the session's tests; a network of two minds about it never settles",
    "remote_asn": "the same",
    "asn_rule": "the same",
    "speaker_asn": "the same",
    "import_policy": "see `policies`",
    "export_policy": "see `policies`",
    "source_address": "a node here has one address on each link",
    "interface": "links have no names here",
    "unnumbered": "the same",
    "multihop": "nothing counts hops here",
    "ttl_security": "the same",
    "ao_keys": "like `password`, which stands for both",
    "allow_own_as": "what stops a loop; without it a lost route is counted to infinity",
    "as_override": "the same",
    "remove_private_as": "the same: every AS here is private",
    "max_prefix": "who goes beyond it stays down until somebody looks; see the tests of limits",
    "max_prefix_action": "the same",
    "max_prefix_restart": "the same",
    "max_prefix_out": "the same",
    "max_attribute_octets": "the same",
    "accept_blackhole": "packets would end where they should not",
    "leaving": "see test_handover",
    "rr_client": "the shape says who reflects; turning it alone parts an AS",
}


def change(world: World) -> None:
    """Other settings for a neighbor, often for both sides, or for all neighbors of a node."""
    rng = world.rng
    node = some(world)
    if not node.spec.neighbors:
        return
    fields = rng.sample(sorted(CHANGES), rng.choice((1, 1, 2, 4)))
    chosen = rng.choice(node.spec.neighbors)
    values = {name: CHANGES[name][1](world, chosen) for name in fields}
    together = {name: value for name, value in values.items() if CHANGES[name][0] and rng.random() < 0.8}
    found = seen_from(world, node, chosen)
    _set(node, chosen, values)
    if "password" in values:
        for other in world.nodes.values():
            world.disturb(node, other, 0.0)
    if found is not None and together:
        other, theirs, _ = found
        if other is not node:
            if isinstance(role := together.get("role"), Role):
                together["role"] = OPPOSITE[role]
            world.at(world.now + rng.choice((0.0, 0.5, 40.0)), lambda: _set(other, theirs, together))


def _set(node: Node, spec: NeighborSpec, values: dict[str, object]) -> None:
    if "import_rule" in values:
        values = {**values, "import_policy": None}
    if "export_rule" in values:
        values = {**values, "export_policy": None}
    neighbors = tuple(
        replace(n, **values) if n.address == spec.address else n  # type: ignore[arg-type]
        for n in node.spec.neighbors
    )
    node.reconfigure(replace(node.spec, neighbors=neighbors))
    for other in node.world.nodes.values():
        if other is not node and "password" in values:
            node.world.disturb(node, other, 0.0)


def repolicy(world: World) -> None:
    """Another policy, on a session that stays."""
    change_policy(world.rng, some(world))


def remove_neighbor(world: World) -> None:
    """Gone from the configuration, and back some time later, perhaps at once."""
    rng = world.rng
    node = some(world)
    if not node.spec.neighbors:
        return
    spec = rng.choice(node.spec.neighbors)
    node.reconfigure(replace(node.spec, neighbors=tuple(n for n in node.spec.neighbors if n.address != spec.address)))

    def back() -> None:
        if all(n.address != spec.address for n in node.spec.neighbors):
            node.reconfigure(replace(node.spec, neighbors=(*node.spec.neighbors, spec)))

    if rng.random() < 0.8:
        world.at(world.now + rng.choice((0.0, 0.01, 3.0, 60.0)), back)


def renumber(world: World) -> None:
    """Another router id: every session of the node starts anew, collisions are won by others."""
    node = some(world)
    router_id = bytes((world.rng.choice((1, 250)), *node.spec.router_id[1:]))
    node.reconfigure(_with_router_id(node.spec, router_id))


def _with_router_id(spec: SpeakerSpec, router_id: bytes) -> SpeakerSpec:
    return replace(spec, router_id=router_id)


#: By name, as a trace and a failing seed's report call them. What a history leaves out, it leaves out wholly.
FAULTS: dict[str, Fault] = {
    function.__name__: function
    for function in (
        *(crash, stop, start, restart, everybody, freeze),
        *(cut, cut_one_way, cut_link, isolate, heal, slow, slow_one_way, reset_connection),
        *(churn, announce, withdraw, flap, hop, refresh),
        *(operate, drain, cross),
        *(change, repolicy, remove_neighbor, renumber),
    )
}
