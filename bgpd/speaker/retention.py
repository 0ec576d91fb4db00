"""Routes that outlive their session: the helper's half of graceful restart (RFC 4724, 8538, 9494).

A session ends without a goodbye, and its peer had asked for patience: the source of its routes is kept, marked
stale, and forwarded along as if nothing had happened. What ends that, per family:

- the peer is back, and says of the family that it forwarded all the while: the new session is a new source, whose
  paths replace the stale ones prefix by prefix; End-of-RIB sweeps what it did not repeat;
- the peer is back and says nothing of the kind: what it gave before goes at once;
- the restart time passes: the routes go, or, where the peer asked for that as well, they become the last resort,
  marked LLGR_STALE and chosen only where nothing else is left, for the long-lived stale time that it asked for, or
  our own limit of it (`long_lived_stale_limit`);
- the session is lost again: what was stale already goes first (RFC 4724 section 4.2), what the second session gave is
  kept in its turn.

Other rules of import judge what is kept like all else (`joining.repolicy`). Nothing here reads a clock: a
neighbor's deadline includes those of what it retains.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from bgpd.model import GracefulRestart, NeighborSpec
from bgpd.rib.path import Path, Source
from bgpd.session.restart import Agreement
from bgpd.speaker.jobs import Jobs
from bgpd.speaker.neighbor import Neighbor, Retained, Rib
from bgpd.speaker.ports import Log
from bgpd.speaker.tables import Table
from bgpd.wire.attrs import COMMUNITIES, Attrs, rewrite
from bgpd.wire.community import encode_communities
from bgpd.wire.family import FAMILIES, Family
from bgpd.wire.iana import LLGR_STALE, NO_LLGR

#: Seconds from the new session to its End-of-RIB (RFC 4724 section 4.2 leaves the bound to us).
STALE_TIME: Final = 360.0


class Retention:
    """Keeps and lets go, for every neighbor."""

    def __init__(self, tables: Mapping[Family, Table], jobs: Jobs, log: Log) -> None:
        self._tables: Final = tables
        self._jobs: Final = jobs
        self._log: Final = log

    def keep(
        self, neighbor: Neighbor, family: Family, rib: Rib, agreement: Agreement, now: float, *, collided: bool = False
    ) -> None:
        """The session is lost; what it gave stays, for as long as the peer asked.

        `collided`: only its connection is, in favor of another one. That is no second restart: all stays. So does what
        a refresh under way had not repeated yet: RFC 4724 section 4.2 lets go of what is stale from a restart.
        """
        for source in rib.sources:
            source.paths.clear()  # nothing more comes in
            source.stale = True
        before = neighbor.retained.get(family)
        if collided and before is not None:
            before.sources += rib.sources
            before.until = max(before.until, now + agreement.first_wait(family))
            return
        self.drop(neighbor, family)
        wait = agreement.first_wait(family)
        long_wait = min(agreement.second_wait(family), neighbor.spec.long_lived_stale_limit)
        neighbor.retained[family] = kept = Retained(rib, now + wait, long_wait)
        how_long = f"for {wait} s, then {long_wait} s as the last resort" if long_wait else f"for {wait} s"
        self._log("info", "routes_kept", _fields(neighbor, family, kept, how_long))
        if not wait:
            self._expire(neighbor, family, kept, now)

    def drop(self, neighbor: Neighbor, family: Family) -> None:
        """What is kept of an earlier session goes."""
        if (kept := neighbor.retained.pop(family, None)) is not None:
            table = self._tables[family]
            for source in kept.sources:
                self._jobs.add(f"stale routes of {neighbor.key} leave", table.walk(table.rib.drop(source)))

    def back(self, neighbor: Neighbor, negotiated: tuple[Family, ...], agreement: Agreement, now: float) -> None:
        """The neighbor is Established again."""
        for family, kept in list(neighbor.retained.items()):
            if family in negotiated and agreement.preserved(family, long_lived=kept.long_lived):
                kept.back = True
                if not kept.long_lived:  # RFC 9494 section 4.2: the long wait goes on until End-of-RIB
                    kept.until, kept.long_wait = now + STALE_TIME, 0
            else:
                fields = _fields(neighbor, family, kept, "it is back, and has not forwarded meanwhile")
                self._log("info", "routes_dropped", fields)
                self.drop(neighbor, family)

    def end_of_rib(self, neighbor: Neighbor, family: Family) -> None:
        """The neighbor has said everything: what it did not repeat goes."""
        kept = neighbor.retained.pop(family, None)
        if kept is not None:
            if kept.routes:
                self._log("info", "routes_dropped", _fields(neighbor, family, kept, "End-of-RIB came without them"))
            table = self._tables[family]
            swept = table.rib.sweep_stale(neighbor.key, kept.sources[-1].generation + 1)
            self._jobs.add(f"stale routes of {neighbor.key} are swept", table.walk(swept))

    def due(self, neighbor: Neighbor, now: float) -> None:
        """Deadlines of this neighbor may have passed."""
        for family, kept in list(neighbor.retained.items()):
            if kept.until <= now:
                self._expire(neighbor, family, kept, now)

    def _expire(self, neighbor: Neighbor, family: Family, kept: Retained, now: float) -> None:
        if kept.long_wait and not kept.back and not kept.long_lived:
            kept.long_lived, kept.until = True, now + kept.long_wait
            for source in kept.sources:
                source.last_resort = True
                source.paths.clear()  # what is judged again from here on is marked, too
                self._jobs.add(f"routes of {neighbor.key} age", age(self._tables[family], source))
            fields = _fields(neighbor, family, kept, f"for {kept.long_wait} s, as the last resort")
            self._log("info", "routes_long_lived", fields)
            return
        self._log("info", "routes_dropped", _fields(neighbor, family, kept, "it did not come back in time"))
        self.drop(neighbor, family)


def _fields(neighbor: Neighbor, family: Family, kept: Retained, why: str) -> dict[str, object]:
    return {"neighbor": neighbor.spec.name, "family": family.name, "routes": kept.routes, "reason": why}


def age(table: Table, source: Source) -> Iterator[None]:
    """A job: the routes of a source become the last resort (RFC 9494 section 4.2).

    Each gets LLGR_STALE, so that our peers rank it low, too; one with NO_LLGR is withdrawn.
    """
    aged: dict[Path, Path | None] = {}
    made: set[Path] = set()
    for prefixes in table.rib.walk():
        if source.down:  # it is being dropped meanwhile
            return
        by_path: dict[Path, list[bytes]] = {}
        for prefix in prefixes:
            for path in table.rib.candidates(prefix):
                if path.source is source and path not in made:
                    by_path.setdefault(path, []).append(prefix)
        for path, members in by_path.items():
            if path not in aged:
                aged[path] = _aged(path)
            new = aged[path]
            if new is None:
                table.apply(source, members, [], None, path.path_id)
            elif new is not path:
                made.add(new)
                table.apply(source, [], members, new, path.path_id)
        yield


def _aged(path: Path) -> Path | None:
    if NO_LLGR in path.attrs_in.communities():
        return None
    if path.attrs is None:
        return path  # not let in, and so nothing to anybody
    aged = marked(path.attrs, LLGR_STALE)
    return Path(path.source, path.attrs_in, aged, path.next_hop, path.since, path_id=path.path_id)


def marked(attrs: Attrs, community: int) -> Attrs:
    """The attributes with one community more."""
    known = attrs.communities()
    return attrs if community in known else rewrite(attrs, {COMMUNITIES: encode_communities([*known, community])})


def words(spec: NeighborSpec, agreement: Agreement | None) -> list[str]:
    """What is kept through restarts, at which end: for views. `agreement` None: there was no session yet."""
    found = [f"graceful restart {spec.graceful_restart.value}"]
    if spec.graceful_restart is GracefulRestart.FULL:
        found.append(f"it is asked to keep ours for {spec.restart_time} s")
        found += [f"then {family.name} for {seconds} s" for family, seconds in spec.long_lived_stale_time]
    if agreement is not None and spec.graceful_restart is not GracefulRestart.OFF:
        if not agreement.capable:
            found.append("it does not know of restarts")
        for family in FAMILIES:
            if agreement.keeps(family):
                long_wait = min(agreement.second_wait(family), spec.long_lived_stale_limit)
                then = f", then {long_wait} s as the last resort" if long_wait else ""
                found.append(f"its {family.name} is kept for {agreement.first_wait(family)} s{then}")
        if agreement.notification:
            found.append("through NOTIFICATIONs, too")
    if spec.graceful_shutdown:
        found.append("told that we are about to go (graceful-shutdown)")
    if spec.accept_blackhole:
        found.append("may have packets dropped (accept-blackhole)")
    return found
