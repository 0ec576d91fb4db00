"""Routes of the kernel as routes of ours (`redistribute`): from what the kernel's room tells into the loc-rib.

They are locally originated: ORIGIN is INCOMPLETE, as they were learned by some other means (RFC 4271 section 5.1.1),
the AS path is empty, there is no MED, and the next hop is this speaker. The entry's policy judges them as import does;
what it rejects is kept with the reason, like any other route. Nothing of it goes to the FIB: it is there.
"""

from typing import Final

from bgpd.model import Redistribute, SpeakerSpec
from bgpd.policy.chain import Chain, Context
from bgpd.rib.nexthop import SELF
from bgpd.rib.path import Path, Source
from bgpd.speaker.holdings import Holdings
from bgpd.speaker.policing import by_class
from bgpd.wire.attrs import build
from bgpd.wire.family import FAMILIES, Family
from bgpd.wire.iana import Origin

#: What the source of a redistributed route is called: this and the entry's name.
PREFIX: Final = "redistributed "


class Redistributed:
    """The sources of all entries, each with its import chain."""

    def __init__(self, held: Holdings) -> None:
        self._held: Final = held
        self._attrs: Final = build(origin=Origin.INCOMPLETE)
        self._specs: dict[str, Redistribute] = {}
        self._sources: Final[dict[tuple[str, Family], Source]] = {}
        self._chains: Final[dict[tuple[str, Family], Chain]] = {}

    def configure(self, spec: SpeakerSpec) -> None:
        """The entries in force from now on. Whoever tells their routes tells those of a changed entry again."""
        known, self._specs = self._specs, {each.name: each for each in spec.redistribute}
        for each in spec.redistribute:
            if known.get(each.name) == each:
                continue
            for family in FAMILIES:
                key = (each.name, family)
                self._chains[key] = self._chain(each, family, spec)
                source = self._sources.get(key)
                if source is None:
                    name = PREFIX + each.name
                    self._sources[key] = Source(name, family, local=True, router_id=spec.router_id)
                else:
                    source.paths.clear()

    def _chain(self, entry: Redistribute, family: Family, spec: SpeakerSpec) -> Chain:
        context = Context(
            local_asn=spec.asn, remote_asn=spec.asn, router_id=spec.router_id, family=family, importing=True
        )
        if entry.policy is None:
            return Chain((), context)
        policy = self._held.policies.get(entry.policy)
        return Chain((policy,), context, policy.classify if policy.reads_prefix else None)

    def take(self, name: str, family: Family, withdrawn: list[bytes], announced: list[bytes], now: float) -> None:
        """What the kernel holds no more of an entry, and what it holds now."""
        source = self._sources[name, family]
        table = self._held.tables[family]
        if withdrawn:
            table.apply(source, withdrawn, [], None)
        if announced:
            chain = self._chains[name, family]
            classes = by_class(chain, announced) if chain.reads_prefix else {0: announced}
            for sort, prefixes in classes.items():
                table.apply(source, [], prefixes, self._path(chain, source, sort, now))

    def _path(self, chain: Chain, source: Source, sort: int, now: float) -> Path:
        key = (self._attrs, sort, 0)
        path = source.paths.get(key)
        if path is None:
            verdict = chain.evaluate(self._attrs, local=True, peer=source.neighbor, sort=sort)
            reason = None if verdict.accepted else verdict.reason
            path = source.paths[key] = Path(source, self._attrs, verdict.attrs, SELF, now, reason)
        return path

    def counts(self) -> dict[tuple[str, str, str], int]:
        """Routes by (entry's name, family name, "accepted" | "rejected" by its policy)."""
        found: dict[tuple[str, str, str], int] = {}
        for (name, family), source in self._sources.items():
            if name in self._specs:
                found[name, family.name, "accepted"] = source.accepted
                found[name, family.name, "rejected"] = source.received - source.accepted
        return found
