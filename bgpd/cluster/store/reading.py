"""From a picture of the datastore to a judged snapshot; an entry that did not change is not decoded again."""

from collections.abc import Callable
from typing import Final

from bgpd.cluster.decode import Decoded, decode_json, decode_spec, decode_yaml
from bgpd.cluster.kinds import BY_CLASS, KINDS, Kind, Resource
from bgpd.cluster.problem import Cause, Problem
from bgpd.cluster.resources import BlockAffinity, IPAMBlock, SecretRef
from bgpd.cluster.snapshot import Snapshot, settle
from bgpd.cluster.store.base import Entry, Range
from bgpd.cluster.store.keys import (
    ALIVE,
    BLOCKS,
    CALICO,
    HOSTS,
    RESOURCES,
    SECRETS,
    affinity_prefix,
    kind_prefix,
    read_affinity,
    read_block,
)
from bgpd.cluster.store.picture import Picture

_WORKLOADS: Final = CALICO + "workloadendpoints/"
_AFFINITY: Final[Kind] = BY_CLASS[BlockAffinity]
_BLOCK: Final[Kind] = BY_CLASS[IPAMBlock]
_KINDS: Final = [kind_prefix(kind) for kind in KINDS]
#: Prefixes that every node reads: one a kind of Calico's (its workloads are many, and seldom asked for), ours as one.
_ALWAYS: Final = (
    *(Range(prefix) for prefix in _KINDS if prefix.startswith(CALICO) and prefix != _WORKLOADS),
    Range(RESOURCES),
    Range(BLOCKS),
    Range(ALIVE),
)


def ranges_of(node: str, *, secrets: bool) -> Callable[[Picture], tuple[Range, ...]]:
    """What a node reads of the datastore. `secrets`: passwords are in it, too."""
    own = (*_ALWAYS, Range(affinity_prefix(node)), *((Range(SECRETS),) if secrets else ()))

    def ranges(picture: Picture) -> tuple[Range, ...]:
        wanted = any(
            b"localWorkloadSelector" in entry.value
            for key, entry in picture.entries.items()
            if key.startswith(CALICO + "bgppeers/")
        )
        return (*own, Range(_WORKLOADS)) if wanted else own

    return ranges


class Reader:
    """Decodes, and judges together. It remembers what each entry was, and the last snapshot for what is wrong now."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self._decoded: dict[str, tuple[bytes, str, Decoded]] = {}
        self._good: dict[str, tuple[Resource, ...]] = {}  # what a key held when it last could be read

    def read(self, picture: Picture, secrets: frozenset[SecretRef] | None = None) -> Snapshot:
        """The snapshot of a picture, with the faults of the store among its problems."""
        before, self._decoded = self._decoded, {}
        resources: list[Resource] = []
        problems: list[Problem] = []
        for key, entry in picture.entries.items():
            known = before.get(key)
            fresh = known is None or known[0] != entry.value or known[1] != entry.place
            decoded = decode(entry) if fresh or known is None else known[2]
            self._decoded[key] = (entry.value, entry.place, decoded)
            if decoded.resources:
                self._good[key] = decoded.resources
            # A text that is nothing has no name for `settle` to find its last good version by; its key has.
            resources += decoded.resources or (self._good.get(key, ()) if decoded.problems else ())
            problems += decoded.problems
        self._good = {key: good for key, good in self._good.items() if key in picture.entries}
        problems += [Problem("", "", "", fault.reason, "", Cause.SYNTAX) for fault in picture.faults]
        self.snapshot = settle(resources, problems, previous=self.snapshot, secrets=secrets)
        return self.snapshot


def decode(entry: Entry) -> Decoded:
    """What an entry holds: resources, or what is wrong with it; nothing for keys that are no resources."""
    key = entry.key
    if key.startswith(HOSTS):
        place = read_affinity(key)
        if place is None:
            return Decoded()
        node, block = place
        name = f"{node}-{str(block).replace('/', '-').replace('.', '-').replace(':', '-')}"
        return decode_spec(
            _AFFINITY, entry.value or b"{}", {"name": name.lower()}, entry.place, node=node, cidr=str(block)
        )
    if key.startswith(BLOCKS):
        network = read_block(key)
        if network is None:
            return Decoded()
        name = str(network).replace("/", "-").replace(".", "-").replace(":", "-").replace("--", "-0-")
        return decode_spec(_BLOCK, entry.value, {"name": name}, entry.place)
    if not key.startswith((CALICO, RESOURCES)):
        return Decoded()
    if entry.value.lstrip()[:1] == b"{":
        return decode_json(entry.value, entry.place)
    file = entry.place.rpartition(":")[0] or entry.place
    return decode_yaml(entry.value.decode("utf-8", "replace"), file)
