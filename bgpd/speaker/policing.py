"""Where policy meets the tables: a chain as an update group asks it, and a batch split as a chain reads it.

A chain that reads no prefix judges a set of attributes once, for all the prefixes that have it. One that does tells
prefixes apart by class only (`Chain.classify`), so here they are grouped by class, and each class of a batch
is one path.
"""

from typing import Final

from bgpd.model import NeighborSpec, PolicySpec, SpeakerSpec
from bgpd.policy.chain import Chain
from bgpd.rib.path import Path
from bgpd.speaker.reconcile import COST, Cost
from bgpd.wire.attrs import Attrs


class Exporter:
    """An export chain: `rib.export.Export`, and `rib.export.ByPrefix` where the chain reads prefixes."""

    def __init__(self, chain: Chain) -> None:
        self.chain: Final = chain

    def __call__(self, path: Path) -> Attrs | None:
        return self.export(path, 0)

    def export(self, path: Path, sort: int) -> Attrs | None:
        assert path.attrs is not None
        source = path.source
        return self.chain.evaluate(
            path.attrs,
            external=source.external,
            local=source.local,
            peer=source.neighbor,
            peer_address=source.address,
            sort=sort,
            giver_id=source.router_id,
            giver_cluster=source.cluster,
        ).attrs

    def classify(self, prefix: bytes) -> int:
        return self.chain.classify(prefix)


class ByItem:
    """`rib.export.ByPrefix` for a group with ADD-PATH: what it classifies has a path identifier in front."""

    def __init__(self, inner: Exporter) -> None:
        self._inner: Final = inner

    def classify(self, prefix: bytes) -> int:
        return self._inner.classify(prefix[4:])

    def export(self, path: Path, sort: int) -> Attrs | None:
        return self._inner.export(path, sort)


def by_id(items: list[bytes]) -> dict[int, list[bytes]]:
    """Prefixes by the path identifier (RFC 7911) that stands before them."""
    found: dict[bytes, list[bytes]] = {}
    for item in items:
        found.setdefault(item[:4], []).append(item[4:])
    return {int.from_bytes(path_id, "big"): prefixes for path_id, prefixes in found.items()}


def by_class(chain: Chain, prefixes: list[bytes]) -> dict[int, list[bytes]]:
    """Prefixes by the class that a chain sees them in."""
    found: dict[int, list[bytes]] = {}
    for prefix in prefixes:
        found.setdefault(chain.classify(prefix), []).append(prefix)
    return found


def judged_anew(changed: tuple[str, ...]) -> bool:
    """Whether one of these settings of a neighbor changes a verdict about its routes."""
    return bool([name for name in changed if COST.get(name) is Cost.POLICY])


def for_next_session(changed: tuple[str, ...]) -> bool:
    """Whether one of these settings is negotiated, or used when a connection is made."""
    return bool([name for name in changed if COST.get(name) in (Cost.NEXT_SESSION, Cost.PASSWORD)])


def policies_of(spec: SpeakerSpec) -> set[PolicySpec]:
    """Every policy that has a name or a neighbor."""
    return {*spec.policies, *[policy for neighbor in spec.neighbors for policy in policies_in(neighbor)]}


def policies_in(spec: NeighborSpec) -> list[PolicySpec]:
    return [policy for policy in (spec.import_policy, spec.export_policy) if policy is not None]
