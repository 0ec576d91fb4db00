"""The decision process: RFC 4271 section 9.1.2.2 as numbered steps, by elimination.

MED compares only paths of one neighboring AS, so it is no total order: A may beat B, B beat C and C beat A.
Nothing may therefore be compared with "the best so far". All candidates are looked at together: those of the
highest rank stay; of these, each that has a lower MED beside it from its own neighboring AS goes; the rest is
ordered by the last steps. The order of the candidates in an entry is this selection repeated on what is
left, so it does not depend on who came first.

`arrange` is the hot half: it makes the entry that the loc-rib stores. `explain` is for people: it gives each
loser the step that it lost by.
"""

from enum import IntEnum
from typing import Final

from bgpd.rib.path import LENGTH_BITS, ORIGIN_BITS, PREF_BITS, Entry, Path, paths_of, shared_of

_LENGTH_SHIFT: Final = ORIGIN_BITS
_PREF_SHIFT: Final = ORIGIN_BITS + LENGTH_BITS
_LOCAL_SHIFT: Final = ORIGIN_BITS + LENGTH_BITS + PREF_BITS


class Step(IntEnum):
    """One step of the decision; the number is what views print, in the order of comparison."""

    ELIGIBLE = 1
    FRESH = 2
    LOCAL = 3
    LOCAL_PREF = 4
    AS_PATH = 5
    ORIGIN = 6
    MED = 7
    EXTERNAL = 8
    COST = 9
    ROUTER_ID = 10
    CLUSTER_LIST = 11
    ADDRESS = 12

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS: Final = {
    Step.ELIGIBLE: "eligible",  # RFC 4271 section 9.1.2: policy, resolvable next hop
    Step.FRESH: "not kept past a long restart",  # RFC 9494 section 4.3
    Step.LOCAL: "originated here",
    Step.LOCAL_PREF: "higher local preference",  # 9.1.1
    Step.AS_PATH: "shorter AS path",  # 9.1.2.2 (a); a set counts as one
    Step.ORIGIN: "lower origin",  # (b)
    Step.MED: "lower MED of the same neighboring AS",  # (c)
    Step.EXTERNAL: "eBGP over iBGP",  # (d)
    Step.COST: "lower cost to the next hop",  # (e)
    Step.ROUTER_ID: "lower router id",  # (f); ORIGINATOR_ID in its place: RFC 4456 section 9
    Step.CLUSTER_LIST: "shorter cluster list",  # RFC 4456 section 9
    Step.ADDRESS: "lower neighbor address",  # (g)
}


class Standing:
    """What became of one candidate: for views."""

    __slots__ = ("best", "path", "shares", "step", "words")

    def __init__(self, path: Path, best: bool, shares: bool, step: Step | None, words: str) -> None:
        self.path: Final = path
        self.best: Final = best
        self.shares: Final = shares  #: shares the load with the best (true for the best of several, too)
        self.step: Final = step  #: where it lost, None for the best
        self.words: Final = words  #: "best", "lost by step 5: shorter AS path", or why it is not eligible


def _last_steps(path: Path) -> tuple[bool, int, bytes]:
    return (not path.external, path.next_hop.cost, path.tail)


def _total(path: Path) -> tuple[int, bool, int, bytes]:
    return (path.rank, not path.external, path.next_hop.cost, path.tail)


def _beaten_by_med(path: Path, among: list[Path]) -> bool:
    """(c): is there one of the same rank and neighboring AS with a lower MED?"""
    if path.med == 0:
        return False
    for other in among:
        if other.med < path.med and other.neighbor_as == path.neighbor_as and other.rank == path.rank:
            return True
    return False


def _med_matters(paths: list[Path]) -> bool:
    med = paths[0].med
    return not all([path.med == med for path in paths])  # noqa: C419 - a list is what compiles to a plain loop


def _order(paths: list[Path]) -> list[Path]:
    """Eligible paths, best first: each is what selection gives of those after it."""
    paths.sort(key=_total)
    ordered: list[Path] = []
    start = 0
    while start < len(paths):  # one rank at a time: MED only parts paths of equal rank
        end = start + 1
        while end < len(paths) and paths[end].rank == paths[start].rank:
            end += 1
        left = paths[start:end]
        while len(left) > 1 and _med_matters(left):
            standing = [path for path in left if not _beaten_by_med(path, left)]
            chosen = min(standing, key=_last_steps)
            ordered.append(chosen)
            left.remove(chosen)
        ordered.extend(left)
        start = end
    return ordered


def _equal(path: Path, best: Path) -> bool:
    """May it share the load: equal through the interior cost (no RFC says so; this is what routers agree on)."""
    return (
        path.rank == best.rank
        and path.med == best.med
        and path.external is best.external
        and path.next_hop.cost == best.next_hop.cost
        and path.last_resort() is best.last_resort()
    )


def arrange(paths: list[Path], multipath: int) -> Entry | None:
    """The entry for these candidates, in whatever order they come; at most `multipath` of them share the load."""
    if not paths:
        return None
    if len(paths) == 1:
        lone = paths[0]
        return lone if lone.eligible() else (None, lone)
    fresh: list[Path] = []
    kept: list[Path] = []
    useless: list[Path] = []
    for path in paths:
        if not path.eligible():
            useless.append(path)
        elif path.last_resort():
            kept.append(path)
        else:
            fresh.append(path)
    ordered = _order(fresh)
    if kept:
        ordered.extend(_order(kept))
    useless.sort(key=_total)
    sharing: list[Path | None] = []
    rest: list[Path] = []
    for path in ordered:  # not always a run: of equal paths, one of another AS with a higher MED may stand between
        if len(sharing) < multipath and _equal(path, ordered[0]) and not _beaten_by_med(path, ordered):
            sharing.append(path)
        else:
            rest.append(path)
    if len(sharing) < len(paths):
        sharing.append(None)
        sharing.extend(rest)
        if useless and ordered:
            sharing.append(None)
        sharing.extend(useless)
    return tuple(sharing)


def explain(entry: Entry | None) -> list[Standing]:
    """Every candidate of an entry with the reason for its place, best first. For views, not for hot paths."""
    candidates = paths_of(entry)
    shared = len(shared_of(entry))
    standings: list[Standing] = []
    for index, path in enumerate(candidates):
        if index == 0 and shared:
            standings.append(Standing(path, best=True, shares=shared > 1, step=None, words="best"))
        elif not path.eligible():
            standings.append(Standing(path, best=False, shares=False, step=Step.ELIGIBLE, words=why_not(path)))
        elif not shared:  # became eligible a moment ago; the walk has not come by yet
            standings.append(Standing(path, best=False, shares=False, step=None, words="about to be selected"))
        else:
            step = _lost_by(path, candidates)
            shares = index < shared
            words = f"lost by step {step.value}: {step.words}"
            if shares:
                words = f"shares the load with the best ({words})"
            standings.append(Standing(path, best=False, shares=shares, step=step, words=words))
    return standings


def why_not(path: Path) -> str:
    """Why a path is not eligible, in words; "" where it is."""
    if path.attrs is None:
        return f"rejected: {path.reason.value}" if path.reason is not None else "rejected by import policy"
    if path.source.down:
        return "the session is gone"
    if not path.next_hop.reachable:
        return f"next hop unreachable: {path.next_hop.reason}"
    return ""


def _lost_by(path: Path, candidates: tuple[Path, ...]) -> Step:
    """The step that took `path` out, when all candidates are looked at together."""
    best = candidates[0]
    if path.last_resort() and not best.last_resort():
        return Step.FRESH
    if path.rank != best.rank:
        if path.rank >> _LOCAL_SHIFT != best.rank >> _LOCAL_SHIFT:
            return Step.LOCAL
        if path.rank >> _PREF_SHIFT != best.rank >> _PREF_SHIFT:
            return Step.LOCAL_PREF
        if path.rank >> _LENGTH_SHIFT != best.rank >> _LENGTH_SHIFT:
            return Step.AS_PATH
        return Step.ORIGIN
    if _beaten_by_med(path, [p for p in candidates if p.eligible()]):
        return Step.MED
    if path.external is not best.external:
        return Step.EXTERNAL
    if path.next_hop.cost != best.next_hop.cost:
        return Step.COST
    if path.tail[:4] != best.tail[:4]:
        return Step.ROUTER_ID
    return Step.CLUSTER_LIST if path.tail[4:6] != best.tail[4:6] else Step.ADDRESS
