"""What a topology promises as a whole, whatever way its routes took.

`everybody`: where every session stands and nobody filters, every node has a way to every prefix. `valleys`: where
neighbors say what they are to each other (RFC 9234), no route has gone up again, or across, after it had gone down or
across once.
"""

from itertools import pairwise

from bgpd.model import ExportRule, ImportRule, NeighborSpec
from bgpd.rib.path import paths_of
from bgpd.wire.family import FAMILIES
from bgpd.wire.prefix import format_prefix
from tests.sim.oracle import DOWNWARDS, UPWARDS
from tests.sim.world import Node, World

_OTC = 35


def everybody(world: World) -> bool:
    """Asserts that all reach all, where that is so; whether it is."""
    if not world.whole or world.cuts or any(not _plain(node) for node in world.nodes.values()):
        return False
    everything = {(item.family, item.prefix) for node in world.nodes.values() for item in node.spec.originate}
    for node in world.nodes.values():
        missing = everything - node.fib.keys() - {(item.family, item.prefix) for item in node.spec.originate}
        assert not missing, f"{node.name} has no way to {[format_prefix(*each) for each in missing]}"
    return True


def _plain(node: Node) -> bool:
    """Up, knows all next hops, has every session in every family, and filters nothing."""
    speaker = node.speaker
    if speaker is None or node.lost_hops or len(node.spec.neighbors) != len(node.drawn):
        return False
    return all(
        len(speaker.neighbors[spec.address].ribs) == len(FAMILIES) and _as_drawn(node.drawn[spec.address], spec)
        for spec in node.spec.neighbors
    )


def _as_drawn(drawn: NeighborSpec, spec: NeighborSpec) -> bool:
    """It lets pass at least what the shape wanted it to."""
    return (
        spec.role is None
        and spec.import_rule in (drawn.import_rule, ImportRule.ALL)
        and spec.export_rule in (drawn.export_rule, ExportRule.ALL)
        and spec.cluster_id == drawn.cluster_id
    )


def valleys(world: World) -> None:
    """Each accepted route with a mark that its way explains, and none that came by a way that is forbidden."""
    by_asn = {node.spec.asn: node for node in world.nodes.values()}
    roles = [spec.role for node in world.nodes.values() for spec in node.spec.neighbors]
    twice = any(len(node.addresses) > 2 for node in world.nodes.values())
    if len(by_asn) != len(world.nodes) or twice or not any(role is not None for role in roles):
        return
    for node in world.nodes.values():
        if node.speaker is None:
            continue
        for family in FAMILIES:
            for prefix, entry in node.speaker.tables[family].rib.table.items():
                for path in paths_of(entry):
                    if path.attrs is None or path.source.local:
                        continue
                    way = [asn for _, asns in path.attrs.as_path() for asn in reversed(asns)]
                    first = by_asn.get(way[0])
                    if first is None or all(item.prefix != prefix for item in first.spec.originate):
                        continue
                    names = [by_asn[asn] for asn in way] + [node]
                    mark = path.attrs.get(_OTC)
                    assert mark == _marked(names), (
                        f"{format_prefix(family, prefix)} at {node.name}: {way}, OTC {mark!r}"
                    )


def _marked(way: list[Node]) -> bytes | None:
    """OTC after this way, from the origin on."""
    mark: bytes | None = None
    for here, there in pairwise(way):
        ours, theirs = _between(here, there), _between(there, here)
        said = here.spec.asn.to_bytes(4, "big")
        if mark is not None:
            assert ours.role not in UPWARDS, f"a leak: {[n.name for n in way]} at {here.name}"
            assert theirs.role not in DOWNWARDS, f"a leak that {there.name} let in: {[n.name for n in way]}"
        elif ours.role in DOWNWARDS or theirs.role in UPWARDS:
            mark = said
    return mark


def _between(here: Node, there: Node) -> NeighborSpec:
    return next(spec for spec in here.spec.neighbors if spec.address in there.addresses)
