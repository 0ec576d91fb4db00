"""What is wanted against what is known of the kernel: the next operations, in order. Pure.

The kernel finds a route by destination, TOS and metric, not by protocol: a careless REPLACE overwrites a route that
somebody else put there. So every write follows from what we *know*:

    nothing known at the key          CREATE (exclusive): the kernel itself refuses where somebody holds the key
    ours, and it differs              REPLACE: one step, no packet falls into a gap
    ours, and nobody wants it         DELETE with protocol, table and metric: it can hit only our own route
    somebody else's                   nothing: a conflict, reported, and theirs stays

"Ours" means that our own last write, a dump or an event said so. An answer that contradicts us (EEXIST, ENOENT,
ESRCH) is knowledge too: `Fib.refused` turns it into what happens next. Nothing is ever deleted to be added again;
where a guard becomes a unicast route (another metric, so another key) the new one is written before the old one goes.

A `Fib` is one family's half of this: plain dicts by prefix, values shared between prefixes. What the table will hold
once the operations in flight are done is in `written`; prefixes in flight are not planned again until they landed.
"""

import errno
import os
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Final

from bgpd.kernel.routes import (
    CREATE,
    DELETE,
    REPLACE,
    Batch,
    Refusal,
    Route,
    Ways,
)
from bgpd.kernel.wants import Want, addresses_of

#: First wait before a refused route is tried again, and the longest; it doubles in between. Seconds.
RETRY_MIN: Final = 0.5
RETRY_MAX: Final = 60.0


class Target:
    """One distinct want and what it comes to at the moment; all prefixes that want the same share it."""

    __slots__ = ("addresses", "count", "group", "plain", "reason", "route", "want")

    def __init__(self, want: Want) -> None:
        self.want: Final = want
        self.addresses: Final[frozenset[bytes]] = frozenset(addresses_of(want))
        self.route: Route | None = None  #: None: no next hop is reachable, `reason` says why
        self.reason = "not resolved yet"
        self.count = 0  #: prefixes that want it
        self.group = 0  #: its nexthop object, where it has one
        self.plain = False  #: the kernel refused it one


class Failure:
    """A route that the kernel refused, and when it is tried again."""

    __slots__ = ("again", "delay", "errno", "text")

    def __init__(self, errno_: int, text: str, delay: float, again: float) -> None:
        self.errno = errno_
        self.text = text
        self.delay = delay
        self.again = again


class Fib:
    """Wanted and written routes of one family in one table."""

    def __init__(self, metric: int, many: int = 0, *, judging: bool = False) -> None:
        """`many`: prefixes from which on a target has `grown`; 0: none ever does.

        `judging`: somebody wants to hear what became of every want (`verdicts`).
        """
        self._judging: Final = judging
        self.metric: Final = metric
        self._many: Final = many
        self.grown: list[Target] = []  #: targets that so many prefixes share now, and nobody has looked at yet
        self.wants: dict[bytes, Target] = {}
        self.targets: dict[Want, Target] = {}
        self.written: dict[bytes, Route] = {}  #: ours in the kernel, as far as we know
        self.strays: dict[bytes, Route] = {}  #: ours at a second metric of the same prefix (found, never written by us)
        self.adopted: dict[bytes, None] = {}  #: of `written`: found at start, not wanted yet
        self.foreign: dict[tuple[bytes, int], int] = {}  #: (prefix, metric) -> protocol of who holds one of our keys
        self.dirty: dict[bytes, None] = {}  #: to be planned, after the queue
        self.urgent: dict[bytes, None] = {}  #: of `dirty`: to be planned before the queue, somebody took them away
        self.queue: list[bytes] = []  #: being planned, from the end; may name a prefix that is dirty again
        self.doubts: dict[bytes, None] = {}  #: EEXIST, and we do not know why: to be looked up
        self.conflicts: dict[bytes, int] = {}  #: prefix -> protocol of the route that holds its key
        self.failures: dict[bytes, Failure] = {}
        self.touched: set[bytes] | None = None  #: what moved since the audit began to count, where one does
        self.postponed = False  #: `failures` has got a date that the caller does not know yet
        self.news: list[bytes] = []  #: conflicts that nobody was told of yet
        self.swept = False  #: routes of ours that nobody wants are removed at once

    # wants

    def take(self, wants: Iterable[tuple[bytes, Want | None]]) -> list[Target]:
        """Take wants; returns the targets that are new and have to be resolved before the next `plan`."""
        known, targets, dirty = self.wants, self.targets, self.dirty
        fresh: list[Target] = []
        last: Want | None = None
        target: Target | None = None
        for prefix, want in wants:
            if want is None:
                self._unwant(prefix)
                continue
            if want is not last or target is None:
                last = want
                target = targets.get(want)
                if target is None:
                    target = targets[want] = Target(want)
                    fresh.append(target)
            old = known.get(prefix)
            if old is target:
                if self._judging:
                    dirty[prefix] = None
                continue
            target.count += 1
            if target.count == self._many:
                self.grown.append(target)
            known[prefix] = target
            dirty[prefix] = None
            if old is not None:
                self._release(old)
            elif self.adopted:
                self.adopted.pop(prefix, None)
        return fresh

    def _unwant(self, prefix: bytes) -> None:
        self.adopted.pop(prefix, None)
        old = self.wants.pop(prefix, None)
        if old is not None:
            self._release(old)
        if prefix in self.written or old is not None:
            self.dirty[prefix] = None

    def unwant_all(self) -> None:
        """Nothing is wanted any more: everything of ours is to be removed."""
        self.wants.clear()
        self.targets.clear()
        self.failures.clear()
        self.urgent.clear()
        self.sweep()
        self.dirty.update(dict.fromkeys(self.written))

    def _release(self, target: Target) -> None:
        target.count -= 1
        if not target.count:
            del self.targets[target.want]

    # planning

    def waiting(self) -> bool:
        """Whether there is something to plan."""
        return bool(self.dirty or self.queue or self.urgent)

    def _next(self, limit: int, busy: set[bytes]) -> list[bytes]:
        """The next dirty prefixes, those first that cannot wait. Those in flight go back to the end of the line."""
        urgent: list[bytes] = []
        if self.urgent:
            urgent = [p for p in self.urgent if p not in busy][:limit]
            for prefix in urgent:
                del self.urgent[prefix]
                self.dirty.pop(prefix, None)
            limit -= len(urgent)
            if not limit:
                return urgent
        if not self.queue:
            self.queue = list(self.dirty)
            self.queue.reverse()
            self.dirty.clear()
        taken = self.queue[-limit:]
        del self.queue[-limit:]
        if busy:
            self.dirty.update(dict.fromkeys([p for p in taken if p in busy]))
            taken = [p for p in taken if p not in busy]
        return urgent + taken if urgent else taken

    def repairs(self, limit: int, busy: set[bytes]) -> Batch:
        """The operations for at most `limit` prefixes that cannot wait, and for no others."""
        count = len([prefix for prefix in self.urgent if prefix not in busy])
        return self.plan(min(count, limit), busy) if count else Batch()

    def plan(self, limit: int, busy: set[bytes]) -> Batch:
        """The next operations for at most `limit` dirty prefixes; those in `busy` (in flight) stay dirty."""
        batch = Batch()
        wants, written, foreign = self.wants, self.written, self.foreign
        creates: dict[Route, list[bytes]] = {}
        replaces: dict[Route, list[bytes]] = {}
        deletes: dict[Route, list[bytes]] = {}
        last_route: Route | None = None
        last_list: list[bytes] = []
        taken = self._next(limit, busy)
        for prefix in taken:
            target = wants.get(prefix)
            route = None if target is None else target.route
            old = written.get(prefix)
            if old is None:
                if route is None or (foreign and (prefix, route.metric) in foreign):
                    continue
                if route is not last_route:  # neighbors in the queue mostly share a route: spare the look-up
                    last_route = route
                    last_list = creates.setdefault(route, [])
                last_list.append(prefix)
                written[prefix] = route
            elif route is None:
                if target is None and prefix in self.adopted:
                    continue
                batch.old[prefix] = old
                deletes.setdefault(old, []).append(prefix)
                del written[prefix]
            elif route is not old and route != old:
                batch.old[prefix] = old
                if old.metric == route.metric:
                    replaces.setdefault(route, []).append(prefix)
                    written[prefix] = route
                    continue
                deletes.setdefault(old, []).append(prefix)
                if foreign and (prefix, route.metric) in foreign:
                    del written[prefix]
                    continue
                creates.setdefault(route, []).append(prefix)
                written[prefix] = route
        batch.taken = taken
        for op, groups in ((CREATE, creates), (REPLACE, replaces), (DELETE, deletes)):
            for route, prefixes in groups.items():
                batch.groups.append((op, route, prefixes))
                batch.prefixes.update(prefixes)
        self._forget_verdicts(taken, batch.prefixes)
        if self.touched is not None:
            self.touched |= batch.prefixes
        return batch

    def _forget_verdicts(self, prefixes: Iterable[bytes], written: Container[bytes]) -> None:
        """What was said of these when they were planned last; `written`: those of them that are tried now."""
        if self.conflicts or self.foreign:
            for prefix in prefixes:
                self._judge_conflict(prefix)
        if self.failures:
            for prefix in prefixes:
                target = self.wants.get(prefix)
                # Where there is nothing to try (it stands as wanted, or somebody holds the key: a conflict), the date
                # of the next try would stay in the past, and be due for ever.
                if target is None or target.route is None or prefix not in written:
                    self.failures.pop(prefix, None)

    def _judge_conflict(self, prefix: bytes) -> None:
        target = self.wants.get(prefix)
        route = None if target is None else target.route
        holder = None if route is None else self.foreign.get((prefix, route.metric))
        if holder is None:
            self.conflicts.pop(prefix, None)
        else:
            if prefix not in self.conflicts:
                self.news.append(prefix)
            self.conflicts[prefix] = holder

    # answers

    def landed(self, batch: Batch, refused: Container[bytes]) -> None:
        """A batch was written; what it did not refuse is no failure any more."""
        if self.failures:
            for prefix in [p for p in self.failures if p in batch.prefixes and p not in refused]:
                del self.failures[prefix]

    def refused(self, batch: Batch, refusal: Refusal, now: float) -> bool:
        """The kernel refused one operation of a batch. True where that is news for people."""
        op, prefix, code = refusal.op, refusal.prefix, refusal.errno
        old = batch.old.get(prefix)
        if op == DELETE:
            if code in {errno.ESRCH, errno.ENOENT, errno.ENODEV}:
                return False  # it is gone, which is what we wanted
            if old is not None and prefix not in self.written:
                self.written[prefix] = old
        elif op == CREATE:
            self.written.pop(prefix, None)
            if code == errno.EEXIST:
                self.doubts[prefix] = None
                return False
        elif code in {errno.ENOENT, errno.ESRCH}:
            self.written.pop(prefix, None)  # somebody took it away: what we know now is "nothing there"
            self.dirty[prefix] = None
            return False
        elif old is not None:
            self.written[prefix] = old  # a refused REPLACE leaves what was there
        return self._failed(refusal, now)

    def _failed(self, refusal: Refusal, now: float) -> bool:
        prefix, code, text = refusal.prefix, refusal.errno, refusal.text
        known = self.failures.get(prefix)
        delay = RETRY_MIN if known is None else min(known.delay * 2, RETRY_MAX)
        words = os.strerror(code) if code > 0 else "no answer"
        self.failures[prefix] = Failure(code, f"{words} ({text})" if text else words, delay, now + delay)
        return known is None

    def retry(self, now: float) -> float:
        """Make dirty what is due again; returns when the next one is due (inf: none)."""
        soonest = float("inf")
        for prefix, failure in self.failures.items():
            if failure.again <= now:
                self.dirty[prefix] = None
            elif failure.again < soonest:
                soonest = failure.again
        return soonest

    def retry_all(self) -> None:
        """Links or addresses changed: what failed may work now."""
        self.dirty.update(dict.fromkeys(self.failures))

    # knowledge

    def found(self, prefix: bytes, route: Route) -> bool:
        """A dump or an event shows a route of ours. True where that contradicts what we knew."""
        if self.touched is not None:
            self.touched.add(prefix)
        if self.foreign:
            self.foreign.pop((prefix, route.metric), None)  # one key, one route: whoever was there was replaced
        known = self.written.get(prefix)
        if known == route:
            return False
        if known is not None and known.metric != route.metric:
            self.strays[prefix] = route  # one of the two is from an earlier life
            return False
        self.written[prefix] = route
        self.doubts.pop(prefix, None)
        if prefix in self.wants or self.swept:
            self.dirty[prefix] = None
        else:
            self.adopted[prefix] = None
        return True

    def held(self, prefix: bytes, metric: int, protocol: int) -> bool:
        """A dump or an event shows somebody else's route on a key that could be ours. True where ours was there."""
        self.foreign[prefix, metric] = protocol
        if self.touched is not None:
            self.touched.add(prefix)
        lost = self.written.get(prefix)
        if lost is not None and lost.metric == metric:
            del self.written[prefix]
            self.adopted.pop(prefix, None)
        else:
            lost = None
        self.doubts.pop(prefix, None)
        if prefix in self.wants:
            self.dirty[prefix] = None
        return lost is not None

    def vacated(self, prefix: bytes, metric: int) -> None:
        """Somebody else's route left a key that could be ours."""
        self.foreign.pop((prefix, metric), None)
        if prefix in self.wants:
            self.dirty[prefix] = None

    def lost(self, prefix: bytes, metric: int) -> bool:
        """A route of ours left the kernel without us. True where we had thought it was there."""
        if self.touched is not None:
            self.touched.add(prefix)
        stray = self.strays.get(prefix)
        if stray is not None and stray.metric == metric:
            del self.strays[prefix]
        route = self.written.get(prefix)
        if route is None or route.metric != metric:
            return False
        del self.written[prefix]
        self.adopted.pop(prefix, None)
        if prefix in self.wants:
            self.dirty[prefix] = None
        return True

    def lost_through(self, ifindex: int, prefixes: Iterable[bytes]) -> int:
        """A link went: the kernel dropped, without a word, our routes that had no other way out. Returns how many."""
        verdicts: dict[int, bool] = {}  # by identity: routes are shared, and far fewer than prefixes
        written = self.written
        count = 0
        for prefix in prefixes:
            route = written.get(prefix)
            if route is None:
                continue
            verdict = verdicts.get(id(route))
            if verdict is None:
                verdict = verdicts[id(route)] = bool(route.hops) and all(hop[1] == ifindex for hop in route.hops)
            if verdict:
                count += self.lost(prefix, route.metric)
        return count

    def lost_with(self, groups: Container[int], prefixes: Iterable[bytes]) -> int:
        """Nexthop objects are gone: the kernel dropped, without a word, the routes that name them. Returns how many."""
        written = self.written
        lost = [
            p for p in prefixes if (route := written.get(p)) is not None and route.nexthop and route.nexthop in groups
        ]
        return sum([self.lost(prefix, written[prefix].metric) for prefix in lost])

    def moved(self, targets: set[Target], prefixes: Iterable[bytes]) -> None:
        """The routes of these targets changed: their prefixes, among the given ones, have to be planned."""
        wants, dirty = self.wants, self.dirty
        for prefix in prefixes:
            if wants.get(prefix) in targets:
                dirty[prefix] = None

    def not_in(self, ours: Mapping[bytes, Route], prefixes: Iterable[bytes]) -> int:
        """A dump shows these of our routes only: forget the others. Returns how many we had believed in."""
        return sum([self.lost(p, self.written[p].metric) for p in prefixes if p not in ours and p in self.written])

    def relearned(self, strays: Mapping[bytes, Route], foreign: Mapping[tuple[bytes, int], int]) -> None:
        """The rest of a dump: ours at a second metric, and other people's routes on keys that could be ours."""
        before = self.foreign
        self.strays = dict(strays)
        self.foreign = dict(foreign)
        for prefix, metric in before.keys() | self.foreign.keys():
            if (prefix, metric) in self.foreign:
                self.held(prefix, metric, self.foreign[prefix, metric])
            else:
                self.vacated(prefix, metric)

    def still_in_doubt(self, prefix: bytes, now: float) -> None:
        """Not even a dump explains why the kernel says EEXIST: wait, and say so."""
        if prefix in self.doubts:
            del self.doubts[prefix]
            self._failed(Refusal(prefix, CREATE, errno.EEXIST, "a route that no dump shows holds this key"), now)

    def postpone(self, prefix: bytes, text: str, doublings: int, now: float) -> None:
        """Do not write this prefix at once."""
        self.dirty.pop(prefix, None)
        self.urgent.pop(prefix, None)
        delay = min(RETRY_MIN * 2 ** min(doublings, 16), RETRY_MAX)
        self.failures[prefix] = Failure(0, text, delay, now + delay)
        self.postponed = True

    def let_go(self, prefixes: Iterable[bytes], gateways: Container[bytes], ways: Callable[[Route], Ways]) -> int:
        """Of these adopted prefixes, those that lead to such gateways only are kept no longer. Returns how many."""
        verdicts: dict[int, bool] = {}  # by identity, as in `lost_through`
        count = 0
        for prefix in prefixes:
            route = self.written.get(prefix)
            if route is None or prefix not in self.adopted:
                continue
            verdict = verdicts.get(id(route))
            if verdict is None:
                hops = ways(route)
                verdict = verdicts[id(route)] = bool(hops) and all([hop[0] in gateways for hop in hops])  # noqa: C419 - compiles
            if verdict:
                del self.adopted[prefix]
                self.dirty[prefix] = None
                count += 1
        return count

    def sweep(self) -> int:
        """From now on, what is ours and unwanted goes at once; what was kept so far goes now. Returns how many."""
        self.swept = True
        count = len(self.adopted)
        self.dirty.update(self.adopted)
        self.adopted.clear()
        return count

    # answers to those who asked for routes

    def verdicts(self, prefixes: Iterable[bytes], busy: Container[bytes]) -> dict[tuple[Want, bool], list[bytes]]:
        """By want: prefixes for which the kernel has it (True), or does not take it (False); not those under way."""
        found: dict[tuple[Want, bool], list[bytes]] = {}
        if not self._judging:
            return found
        wants, written = self.wants, self.written
        for prefix in prefixes:
            target = wants.get(prefix)
            if target is None or prefix in busy or prefix in self.doubts:
                continue
            route = target.route
            there = route is not None and written.get(prefix) == route
            if there or route is None or prefix in self.failures or prefix in self.conflicts:
                found.setdefault((target.want, there), []).append(prefix)
        return found

    # answers to people

    def state(self, prefix: bytes, busy: set[bytes]) -> tuple[str, str]:
        """(installed | pending | failed | conflict | unresolved | adopted | unwanted, reason) of one prefix."""
        target = self.wants.get(prefix)
        if target is None:
            return ("adopted", "kept from an earlier run") if prefix in self.adopted else ("unwanted", "")
        if prefix in busy or prefix in self.doubts:
            return "pending", ""
        if target.route is None:
            return "unresolved", target.reason
        if prefix in self.conflicts:
            return "conflict", ""
        failure = self.failures.get(prefix)
        if failure is not None:
            return "failed", failure.text
        if self.written.get(prefix) == target.route:
            return "installed", ""
        return "pending", ""

    def counts(self, busy: set[bytes]) -> dict[str, int]:
        """How many prefixes are in each state. Cheap at any size; exact when nothing is pending."""
        unresolved = sum([t.count for t in self.targets.values() if t.route is None])
        wanted, failed, conflicts = len(self.wants), len(self.failures), len(self.conflicts)
        pending = len(self.dirty) + len(self.queue) + len(busy) + len(self.doubts)
        return {
            "wanted": wanted,
            "pending": pending,
            "failed": failed,
            "conflicts": conflicts,
            "unresolved": unresolved,
            "installed": max(0, wanted - min(pending, wanted) - failed - conflicts - unresolved),
            "adopted": len(self.adopted),
        }
