"""What must hold when nothing has happened for long enough.

Each function looks at one thing and says in its assertion what is wrong and where. `check` asks all of them.

Sessions are where the two configurations and the network say, and nowhere else. What one end was told is
what the other end holds, and the counters say the same. What was told is what the best path exports to. The choice
in each loc-rib is that of a naive reading of the RFC, and it is what the FIB holds. Walking the FIBs from next hop to
next hop ends where the prefix is originated, whichever of several next hops is taken. Nothing is left over.
"""

from collections.abc import Iterator

from bgpd.kernel.wants import BLACKHOLE
from bgpd.model import AddPath, NeighborSpec
from bgpd.rib.path import Path, best_of, paths_of, shared_of
from bgpd.speaker.neighbor import Neighbor
from bgpd.speaker.speaker import Speaker
from bgpd.speaker.tables import want_of
from bgpd.wire.attrs import Attrs
from bgpd.wire.family import FAMILIES, Family
from bgpd.wire.prefix import format_prefix
from tests.sim import oracle, reach
from tests.sim.shapes import OPPOSITE
from tests.sim.world import Node, World

Heard = dict[bytes, tuple[bytes, bytes]]  # prefix -> what is said of it
Key = tuple[Family, bytes]
Done = set[tuple[Node, Key]]


def check(world: World) -> None:
    """Everything below. `world.run` must have gone on for as long as the longest timer after the last fault."""
    for node in live(world):
        for spec in node.spec.neighbors:
            session(world, node, spec)
        for family in FAMILIES:
            choice(node, family)
        fib(node)
        idle(world, node)
    own = {node: originated(node) for node in world.nodes.values()}
    done: Done = set()  # ways that are right from there on, whoever began
    for node in live(world):
        walk(world, node, own, done)
    reach.everybody(world)
    reach.valleys(world)


def live(world: World) -> Iterator[Node]:
    return (node for node in world.nodes.values() if node.speaker is not None)


def speaker_of(node: Node) -> Speaker:
    assert node.speaker is not None
    return node.speaker


# ===== sessions =====


def seen_from(world: World, node: Node, spec: NeighborSpec) -> tuple[Node, NeighborSpec, bytes] | None:
    """The node behind a neighbor, what it has configured about us, and our address there."""
    other = world.by_address.get(spec.address)
    if other is None or other.speaker is None:
        return None
    local = spec.source_address or node.local_towards(spec.address)
    for theirs in other.spec.neighbors:
        if theirs.address == local and (theirs.source_address or other.local_towards(local)) == spec.address:
            return other, theirs, local
    return None


def possible(world: World, node: Node, spec: NeighborSpec, *, strictly: bool = True) -> bool:
    """Whether the two configurations and the network allow a session. `strictly`: a new one."""
    found = seen_from(world, node, spec)
    if found is None:
        return False
    other, theirs, local = found
    if world.lost(local, spec.address) or world.lost(spec.address, local):
        return False
    return (
        spec.local_asn == theirs.remote_asn
        and spec.remote_asn == theirs.local_asn
        and spec.password == theirs.password
        and bool(set(spec.families) & set(theirs.families))
        and roles_fit(spec, theirs, strictly=strictly)
        and (spec.external or node.spec.router_id != other.spec.router_id)
    )


def roles_fit(a: NeighborSpec, b: NeighborSpec, *, strictly: bool = True) -> bool:
    """RFC 9234 section 4.2: what both say fits, or one of them says nothing, which a strict one does not put up with."""
    if not a.external:
        return True
    if a.role is None or b.role is None:
        if not strictly:
            return True
        return not (a.role is not None and a.role_strict) and not (b.role is not None and b.role_strict)
    return OPPOSITE[a.role] is b.role


def session(world: World, node: Node, spec: NeighborSpec) -> None:
    """Both ends agree whether there is a session, and which connection it is."""
    where = f"{node.name} -> {spec.name}"
    mine = speaker_of(node).neighbors[spec.address]
    stands = mine.live is not None and mine.live.session.negotiated is not None
    if not possible(world, node, spec):
        forever = stands and mine.live.session.negotiated.hold_time == 0  # type: ignore[union-attr]
        earlier = possible(world, node, spec, strictly=False)  # `role-strict` is for the next session
        assert not stands or forever or earlier, f"{where}: a session that nobody is at the other end of"
        return
    found = seen_from(world, node, spec)
    assert found is not None
    other, them, local = found
    if not stands and not any(not one.passive and one.port == 179 for one in (spec, them)):
        return  # nobody dials
    theirs = speaker_of(other).neighbors[local]
    for neighbor, name in ((mine, where), (theirs, f"{other.name} -> {node.name}")):
        assert neighbor.live is not None, f"{name}: {neighbor.state.label}, {neighbor.foremost.session.reason}"
        assert neighbor.live.transport is not None, name
        assert neighbor.accepted is None or neighbor.accepted is neighbor.live, f"{name}: a second connection"
    assert mine.live is not None
    assert theirs.live is not None
    end = mine.live.transport
    assert end.peer is theirs.live.transport, f"{where}: two different connections"  # type: ignore[union-attr]
    ours, their = mine.live.session.negotiated, theirs.live.session.negotiated
    assert ours is not None
    assert their is not None
    assert set(ours.families) == set(their.families), where
    assert ours.hold_time == their.hold_time, where
    assert set(ours.add_path_send) == set(their.add_path_receive) == _several(spec, them, ours.families), where
    tables(node, mine, other, theirs)


def _several(spec: NeighborSpec, theirs: NeighborSpec, families: tuple[Family, ...]) -> set[Family]:
    """Families in which several paths go to the neighbor: it wants them, and we give them (RFC 7911 section 4)."""
    return {
        family
        for family in families
        if spec.add_path_of(family).value & AddPath.SEND.value
        and theirs.add_path_of(family).value & AddPath.RECEIVE.value
    }


def tables(node: Node, mine: Neighbor, other: Node, theirs: Neighbor) -> None:
    """What one says that it told is what the other one holds, what it should be told, and what is counted."""
    for family in FAMILIES:
        where = f"{node.name} -> {other.name} {family.name}"
        rib = mine.ribs.get(family)
        told: Heard = {}
        if rib is not None:
            told = {item: (a.raw, a.next_hop) for item, a in rib.group.advertised(rib.member)}
            assert rib.member.advertised == len(told), f"{where}: {rib.member.advertised} counted, {len(told)} told"
            should_tell(node, mine, family, told)
            assert rib.member.end_of_rib, where
            if rib.default is not None:
                group, member = rib.default
                told |= {item: (a.raw, a.next_hop) for item, a in group.advertised(member)}
        back = theirs.ribs.get(family)
        table = speaker_of(other).tables[family].rib
        held: Heard = {}
        accepted = 0
        read: set[int] = set()
        for prefix, path in table.received(theirs.key):
            accepted += path.attrs is not None
            if theirs.spec.import_policy is None and id(path) not in read:
                read.add(id(path))
                right = oracle.admits(speaker_of(other), theirs, path.attrs_in)
                assert oracle.read(path.attrs) == right, f"{where}: {path} is {oracle.read(path.attrs)}, not {right}"
            item = path.path_id.to_bytes(4, "big") + prefix if back is not None and back.with_ids else prefix
            held[item] = path.attrs_in.raw, path.attrs_in.next_hop
        assert told == held, f"{where}: {_differ(family, told, held)}"
        if back is not None:
            assert back.source.received == len(held), where
            assert back.source.accepted == accepted, where
            assert back.end_of_rib, where


def _differ(family: Family, told: Heard, held: Heard) -> str:
    wrong = [item for item in told.keys() | held.keys() if told.get(item) != held.get(item)]
    return ", ".join(f"{_text(family, item)} told {told.get(item)} held {held.get(item)}" for item in sorted(wrong)[:4])


def _text(family: Family, item: bytes) -> str:
    """A prefix, or one with a path identifier in front."""
    if item[0] == 0 and len(item) > 4:
        return f"{item[:4].hex()} {format_prefix(family, item[4:])}"
    return format_prefix(family, item)


def should_tell(node: Node, mine: Neighbor, family: Family, told: Heard) -> None:
    """The adj-rib-out from nothing: every best path through an export made for this neighbor alone.

    Under ADD-PATH: every path of the best that are to be told, under whatever identifiers.
    """
    where = f"{node.name} -> {mine.key} {family.name}"
    assert mine.live is not None
    negotiated = mine.live.session.negotiated
    assert negotiated is not None
    table = speaker_of(node).tables[family]
    groups = dict(table.groups)
    table.groups.clear()
    alone, _ = speaker_of(node)._joining.member(mine.live, family, negotiated)
    table.groups.clear()
    table.groups.update(groups)
    assert alone.key == mine.ribs[family].group.key, f"{where}: in the group of others"
    several = family in negotiated.add_path_send
    wanted: dict[bytes, list[tuple[bytes, bytes]]] = {}
    read: set[int] = set()
    for prefix, entry in table.rib.table.items():
        best = best_of(entry)
        if several:
            item = bytes(4) + prefix
            paths = [path for path in paths_of(entry) if path.eligible()]
            if limit := mine.spec.add_path_paths:
                paths = [
                    path for path in paths if alone.exports.export(path, alone.exports.classify(item)) is not None
                ][:limit]
        else:
            paths = [best] if best is not None else []
        for path in paths:
            if path.source.neighbor != mine.key:
                attrs = alone.exports.export(path, alone.exports.classify(bytes(4) + prefix if several else prefix))
                if mine.spec.export_policy is None and prefix != b"\0" and id(path) not in read:
                    read.add(id(path))
                    due = oracle.tells(speaker_of(node), mine, family, path)
                    assert oracle.read(attrs) == due, f"{where} {path}: {oracle.read(attrs)}, not {due}"
                if attrs is not None:
                    wanted.setdefault(prefix, []).append((attrs.raw, attrs.next_hop))
    had: dict[bytes, list[tuple[bytes, bytes]]] = {}
    for item, words in told.items():
        had.setdefault(item[4:] if several else item, []).append(words)
    for prefix in wanted.keys() | had.keys():
        right, said = sorted(wanted.get(prefix, [])), sorted(had.get(prefix, []))
        assert right == said, f"{where} {format_prefix(family, prefix)}: told {said}, not {right}"


# ===== the choice =====


def choice(node: Node, family: Family) -> None:
    """Each entry against a naive decision over all of its candidates."""
    speaker = speaker_of(node)
    rib = speaker.tables[family].rib
    mine = {neighbor.key for neighbor in speaker.neighbors.values() if family in neighbor.ribs}
    total = 0
    right: set[int] = set()  # entries looked at: many prefixes share one
    for prefix, entry in rib.table.items():
        paths = paths_of(entry)
        total += len(paths)
        if id(entry) in right:
            continue
        right.add(id(entry))
        where = f"{node.name} {format_prefix(family, prefix)}"
        assert paths, where
        givers = [(path.source.neighbor, path.path_id) for path in paths]
        assert len(set(givers)) == len(givers), f"{where}: two paths of one neighbor"
        for path in paths:
            assert path.source.local or path.source.neighbor in mine, f"{where}: {path} of nobody"
            assert not path.source.down, where
            if path.attrs is not None and not path.source.local:
                reachable, cost, _ = node.world.resolve(node, path.next_hop.address)
                assert path.next_hop.reachable is reachable, f"{where}: {path.next_hop}"
                assert not reachable or path.next_hop.cost == cost, f"{where}: {path.next_hop}"
        sharing = naive(list(paths))
        best = best_of(entry)
        assert best is (sharing[0] if sharing else None), f"{where}: {best} was chosen, not {sharing}"
        shared = shared_of(entry)
        assert set(shared) <= set(sharing), where
        assert len(shared) == min(len(sharing), rib.multipath), where
    assert total == rib.paths, f"{node.name}: {total} paths, {rib.paths} counted"


def naive(paths: list[Path]) -> list[Path]:
    """RFC 4271 section 9.1.2.2, step by step: the best path, then those that are as good up to the router id."""
    left = [path for path in paths if path.attrs is not None and path.next_hop.reachable]
    if any(not path.source.last_resort for path in left):
        left = [path for path in left if not path.source.last_resort]
    if any(path.source.local for path in left):
        left = [path for path in left if path.source.local]

    def keep(value: list[int]) -> list[Path]:
        return [path for path, one in zip(left, value, strict=True) if one == min(value)]

    if left:
        left = keep([-(a.local_pref if a.local_pref >= 0 else 100) for a in _attrs(left)])
        left = keep([sum(1 if kind == 1 else len(asns) for kind, asns in a.as_path()) for a in _attrs(left)])
        left = keep([a.origin for a in _attrs(left)])
    beaten = {id(p) for p in left for q in left if p.neighbor_as == q.neighbor_as and max(0, _med(q)) < max(0, _med(p))}
    left = [path for path in left if id(path) not in beaten]
    if left:
        left = keep([0 if path.source.external else 1 for path in left])
        left = keep([path.next_hop.cost for path in left])
    if not left:
        return []
    best = min(left, key=_tie)
    return [best] + [path for path in left if path is not best and max(0, _med(path)) == max(0, _med(best))]


def _attrs(paths: list[Path]) -> list[Attrs]:
    return [path.attrs for path in paths if path.attrs is not None]


def _med(path: Path) -> int:
    assert path.attrs is not None
    return path.attrs.med


def _tie(path: Path) -> tuple[bytes, int, bytes, int]:
    """Router id or ORIGINATOR_ID, length of the cluster list, the peer's address, the path identifier."""
    assert path.attrs is not None
    source = path.source
    if source.external or source.local:
        return source.router_id, 0, source.address, path.path_id
    originator, clusters = path.attrs.get(9), path.attrs.get(10)
    return originator or source.router_id, len(clusters or b"") // 4, source.address, path.path_id


# ===== forwarding =====


def fib(node: Node) -> None:
    """The FIB is what the tables say, and nothing besides."""
    wanted = {}
    for family in FAMILIES:
        for prefix, entry in speaker_of(node).tables[family].rib.table.items():
            want = want_of(entry)
            if want is not None:
                wanted[family, prefix] = want
    assert node.fib == wanted, f"{node.name}: {_strange(node.fib, wanted)}"


def _strange(a: object, b: object) -> str:
    assert isinstance(a, dict)
    assert isinstance(b, dict)
    return ", ".join(
        f"{key}: has {a.get(key)}, wants {b.get(key)}" for key in a.keys() | b.keys() if a.get(key) != b.get(key)
    )


def originated(node: Node) -> set[tuple[Family, bytes]]:
    return {(item.family, item.prefix) for item in node.spec.originate} | set(node.routes)


def guarded(node: Node, family: Family, prefix: bytes) -> bool:
    """Whether stray packets for a prefix of its own end in a blackhole there."""
    if (family, prefix) in node.routes:
        return True
    return all(item.blackhole for item in node.spec.originate if (item.family, item.prefix) == (family, prefix))


def walk(world: World, node: Node, own: dict[Node, set[Key]], done: Done) -> None:
    """From here, hop by hop: every way ends at a live node that originates the prefix; no loop, no black hole."""
    for family, prefix in sorted(node.fib.keys() | own[node], key=lambda key: (key[0].name, key[1])):
        if prefix != b"\0":  # a default route says "ask me", not "I know"
            _go(world, node, (family, prefix), (), own, done)


def _go(world: World, node: Node, key: Key, way: tuple[Node, ...], own: dict[Node, set[Key]], done: Done) -> None:
    assert node not in way, f"a loop: {_by(key, way, node)}"
    if (node, key) in done:
        return
    done.add((node, key))
    assert node.speaker is not None, f"a node that is down: {_by(key, way, node)}"
    want = node.fib.get(key)
    if key in own[node]:
        assert want == (BLACKHOLE if guarded(node, *key) else None), f"{node.name}: {_by(key, way, node)}"
        return
    assert want is not None, f"a black hole: {_by(key, way, node)}"
    assert isinstance(want, tuple)
    for hop in want:
        assert world.resolve(node, hop)[0], f"an unreachable next hop: {_by(key, way, node)}"
        owner = world.owner(hop)
        assert owner is not None, f"a next hop that is nobody's: {_by(key, way, node)}"
        _go(world, owner, key, (*way, node), own, done)


def _by(key: Key, way: tuple[Node, ...], node: Node) -> str:
    return f"{format_prefix(*key)} by {' '.join([n.name for n in (*way, node)])}"


# ===== nothing left over =====


def idle(world: World, node: Node) -> None:
    """No work that nobody does, no state that nobody needs."""
    speaker = speaker_of(node)
    where = node.name
    assert not speaker._held.jobs, f"{where}: {speaker._held.jobs.names()}"
    assert not speaker._inbox, where
    assert not node.frozen, where
    assert not node.adopted, f"{where}: routes of an earlier life"
    assert not speaker.recovery.active, where
    assert set(speaker.neighbors) == {spec.address for spec in node.spec.neighbors}, where
    open_ends = {end for end in world.ends if end.owner is node}
    assert set(speaker._connections) == open_ends, f"{where}: connections that only one side knows"
    ribs = 0
    for neighbor in speaker.neighbors.values():
        ribs += len(neighbor.ribs)
        assert neighbor.live is not None or not neighbor.ribs, where
        assert not neighbor.retained, f"{where}: routes kept for a restart that is over"
        if neighbor.live is not None:
            assert neighbor.spec.address not in node.dials, f"{where}: dials a neighbor that it has"
            assert neighbor.live.queue is not None, where
            assert not neighbor.live.queue.paused, where
    for family, table in speaker.tables.items():
        assert not table._wants, where
        members = 0
        for group in table.groups.values():
            assert group.members, f"{where}: a group of nobody"
            members += len(group.members)
            assert not group.has_work, f"{where}: {group!r}"
            assert not group._log, f"{where}: {group!r} keeps what everybody has"
            assert group._octets == 0, where
            assert all(member.lag is None for member in group.members.values()), f"{where}: {group!r}"
            assert group._attached == len(group.members), where
            for member in group.members.values():
                assert member.sink.ready(), f"{where}: {member!r}"
        assert members == sum(family in neighbor.ribs for neighbor in speaker.neighbors.values()), where
    hops = {hop.address for hop in speaker.hops.all()}
    assert node.tracked == hops, f"{where}: next hops tracked in vain"
