"""Update groups: the adj-rib-out, shared by all neighbors that get the same bytes.

A group is keyed by every input of export and encoding, so what it has told its members is a pure function of
the loc-rib: `export(best path)`. It stores no table. It stores what is *pending*: prefixes whose best path moved
since they were last told, each with the path that was best then. A flush takes a slice of them, asks the
loc-rib for the present best, and compares the two exports; all prefixes that make one transition are decided
together. Mostly the flush comes at once, and nothing has moved twice: then the loc-rib's changes are still *fresh*, go
out as they came, and no prefix is looked up for it. The messages go to a log, encoded once; each member writes the same
octets by its cursor.

A neighbor is not told the routes that it gave itself. A prefix whose best path moves from neighbor X to
neighbor Y is therefore announced to everybody but Y, Y gets a withdrawal, where it had been told X's route, and
X gets the announcement even where it looks to everybody else as nothing had happened.

A member that cannot follow is *detached*: it leaves the log and gets a pending list of its own (`lag`), from
which it catches up as fast as it reads, always to the latest state; then it rejoins. A new member (nothing told,
everything pending), a route refresh (everything told again), a slow member (the log from its cursor on,
undone) and a move from another group (what that one told) are this one mechanism. So a slow reader costs the
memory of one table, never of time.
"""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from bgpd.rib.export import ByPrefix, Export, Exports, equal
from bgpd.rib.fanout import Fanout
from bgpd.rib.gate import Gate
from bgpd.rib.lag import Before, Lag
from bgpd.rib.loc_rib import Change, LocRib
from bgpd.rib.member import GroupKey, Member
from bgpd.rib.pack import EVERYBODY, SAME, Buckets, Pending, Record, Said, Same, Told
from bgpd.rib.path import Path, best_of
from bgpd.wire.attrs import Attrs
from bgpd.wire.capability import Negotiated
from bgpd.wire.writer import encode_end_of_rib, encode_route_refresh

SLICE: Final = 1024  #: prefixes of one record: a millisecond or two of work
FRESH: Final = 4  #: so many times more are one record where they are fresh: no prefix has to be looked up
ROUNDS: Final = 4  #: records made before they are written, where there is time
BURST: Final = 65536  #: octets that a member writes at once, or a record more
LOG_LIMIT: Final = 1 << 20  #: octets of log that a member may lie behind before it is detached
_BEGIN: Final = 1  # subtypes of ROUTE-REFRESH (RFC 7313)
_END: Final = 2
_AT_ONCE: Final = 4  # detached members whose lists are open at one time

#: Where a group's paths come from: the loc-rib, what of it the FIB has, or all paths one by one (ADD-PATH).
Feed: TypeAlias = LocRib | Gate | Fanout


class UpdateGroup:
    """The shared adj-rib-out of the neighbors with one key, for one family."""

    def __init__(
        self,
        key: GroupKey,
        loc_rib: Feed,
        export: Export,
        session: Negotiated,
        *,
        log_limit: int = LOG_LIMIT,
        by_prefix: ByPrefix | None = None,
    ) -> None:
        """`by_prefix`: where the export reads prefixes; `export` is then not asked."""
        self.key: Final = key
        self.loc_rib: Final = loc_rib
        self.members: Final[dict[str, Member]] = {}
        self.exports: Final = Exports(loc_rib.family, export, session, by_prefix)
        self._session: Final = session
        self._log_limit: Final = log_limit
        self._pending: Final = Pending()
        self._fresh: list[Change] = []  # what moved last, as it came; nothing while `_pending` has something
        self._fresh_prefixes = 0
        self._log: Final[list[Record]] = []
        self._base = 0  # number of the first record in the log
        self._octets = 0  # of the log
        self._attached = 0  # members that follow the log
        self._next_to_hear = 0  # among those that do not

    def __repr__(self) -> str:
        waiting = len(self._pending) + self._fresh_prefixes
        return f"UpdateGroup({self.key!r}, {len(self.members)} members, {waiting} pending)"

    # -- what members are told

    def advertised(self, member: Member) -> Iterator[tuple[bytes, Attrs]]:
        """The adj-rib-out of a member: exactly what it has been told up to now."""
        for prefix, attrs in self.looked_at(member):
            if attrs is not None:
                yield prefix, attrs

    def looked_at(self, member: Member) -> Iterator[tuple[bytes, Attrs | None]]:
        """The same with each prefix that was not told, too (None): for those who count steps."""
        behind = self._behind(member)
        for prefixes in self.loc_rib.walk(SLICE):
            for prefix in prefixes:
                yield prefix, self._told(member.name, prefix, behind)
        for prefix in behind.named():
            if prefix not in self.loc_rib.table:
                yield prefix, self._told(member.name, prefix, behind)

    def advertised_route(self, member: Member, prefix: bytes) -> Attrs | None:
        """One prefix of `advertised`."""
        return self._told(member.name, prefix, self._behind(member))

    def _told(self, name: str, prefix: bytes, behind: Lag, word: Told = SAME) -> Attrs | None:
        """What a member was told: of what everybody was told `word` of (SAME: what is best now), or it is behind."""
        told = behind.word(prefix, word)
        if told is SAME:
            told = self.loc_rib.best(prefix)
        return self.exports.for_member(told, name, self.exports.classify(prefix) if isinstance(told, Path) else 0)

    def _behind(self, member: Member) -> Lag:
        """What the member has not been told yet, with what it was told before."""
        if member.lag is not None:
            return member.lag
        behind = Lag()
        for record in self._log[member.cursor - self._base :]:
            for old, _, _, prefixes in record.said:
                behind.note(prefixes, old)
        behind.note_all(self._pending.told)
        for change in self._fresh:
            behind.note(change.prefixes, best_of(change.old))
        return behind

    # -- members come and go

    def join(self, member: Member, told: dict[bytes, Attrs] | None = None) -> None:
        """A new member. `told`: what its old group had told it (see `leave`); None: a new session, nothing.

        It gets the table by the flushes that follow, then End-of-RIB, without any delay for the others.
        """
        member.lag = Lag(self.loc_rib.table)
        if told is not None:
            member.lag.told.update(told)
            member.moved = not self.loc_rib.complete  # what is not in there yet is not gone
        member.advertised = len(told) if told is not None else 0
        self.members[member.name] = member

    def remove(self, member: Member) -> None:
        """Its session is gone, and with it everything that it was told."""
        if self.members.pop(member.name, None) is None:
            return
        if member.lag is None:
            self._detached()
        member.lag = None

    def move(self, member: Member, to: "UpdateGroup", as_: Member) -> None:
        """Out of this group and `to` another with the same feed, where it goes on `as_`; nothing is looked at now."""
        as_.lag = Lag(to.loc_rib.table, before=_Past(self, member.name, self._behind(member)))
        as_.advertised = member.advertised
        self.remove(member)
        to.members[as_.name] = as_

    def leave(self, member: Member) -> dict[bytes, Attrs]:
        """Out of this group but not out of touch: what it was told here, for `join` elsewhere."""
        told = dict(self.advertised(member))
        self.remove(member)
        return told

    def refresh(self, member: Member, *, marked: bool = False) -> None:
        """Tell everything again (RFC 2918). `marked`: between BoRR and EoRR (RFC 7313)."""
        if marked:
            if not member.end_of_rib:  # RFC 7313 section 4: never before End-of-RIB
                member.again = True
                return
            member.marked = True
            member.sink.write(encode_route_refresh(self.loc_rib.family, _BEGIN), 0)
            if member.on_begin is not None:
                member.on_begin()
        if member.lag is None:
            self._detach(member)
        assert member.lag is not None
        member.lag.repeat(self.loc_rib.table)

    def complete(self, member: Member) -> None:
        """The loc-rib is whole: End-of-RIB goes out behind what the member has still to be told."""
        member.deferred = False
        if member.lag is None and not member.end_of_rib:
            self._detach(member)

    def _detach(self, member: Member) -> None:
        member.lag = self._behind(member)
        self._detached()

    def _detached(self) -> None:
        self._attached -= 1
        if self._attached == 0:  # nobody follows: there is nothing to be pending
            self._pending.clear()
            self._fresh, self._fresh_prefixes = [], 0
        self._trim()

    # -- the loc-rib moved

    def on_changes(self, changes: list[Change]) -> None:
        """Take note of prefixes whose best path moved. Nothing is decided or encoded before the flush."""
        lags: list[Lag] = []
        if self._attached < len(self.members):
            lags = [member.lag for member in self.members.values() if member.lag is not None]
        for change in changes:
            old = change.old if change.old is None or isinstance(change.old, Path) else change.old[0]
            if old is best_of(change.new):
                continue
            if self._attached:
                self._note(change, old)
            for lag in lags:
                lag.note(change.prefixes, old)

    def _note(self, change: Change, old: Path | None) -> None:
        """Remember a change until the flush: as it is where that comes soon, prefix by prefix where it does not."""
        if len(self._pending):
            self._pending.note(change.prefixes, old)
            return
        self._fresh.append(change)
        self._fresh_prefixes += len(change.prefixes)
        if self._fresh_prefixes > FRESH * SLICE:
            self._settle()

    def _settle(self) -> None:
        """What is fresh joins what is pending: of each prefix only what was told first stays."""
        fresh, self._fresh, self._fresh_prefixes = self._fresh, [], 0
        for change in fresh:
            self._pending.note(change.prefixes, best_of(change.old))

    def _unsaid(self) -> bool:
        return self._fresh_prefixes > 0 or len(self._pending) > 0

    # -- flushing

    @property
    def has_work(self) -> bool:
        """Would a flush get anywhere now?"""
        if self._attached and self._unsaid():
            return True
        if not self._log and self._attached == len(self.members):
            return False  # the usual answer, asked every turn, however many they are
        for member in self.members.values():
            if member.over:
                continue
            if member.lag is not None and (member.moved or not len(member.lag)) and not self.loc_rib.complete:
                continue  # what it waits for is still being put together
            if (member.lag is not None or member.cursor < self._base + len(self._log)) and member.sink.ready():
                return True
        return False

    def flush(self, limit: int = SLICE, *, more: Callable[[], bool] | None = None) -> bool:
        """One slice of work: at most `limit` prefixes for the group and for each detached member.

        With `more` a few slices for the group, and a slice for one detached member after the other, while it says yes.
        True: call again, there is more that can be done now. False: wait for a change or a sink that drains.
        """
        rounds = 1 if more is None else ROUNDS
        while rounds and self._attached and self._unsaid():
            record = self._record(self._transitions_of_all() if self._all_fresh(limit) else self._next(limit))
            if record is not None:
                self._log.append(record)
                self._octets += record.octets
            rounds = rounds - 1 if more is None or more() else 0
        self._pump()
        if self._attached < len(self.members):
            self._hear(limit, more)
        return self.has_work

    def _hear(self, limit: int, more: Callable[[], bool] | None) -> None:
        """A slice for each detached member that can take it, in turn; the next time begins where this one ended.

        A list that is being told has to be in memory: a few at a time are, the others wait, however many there are.
        """
        members = [m for m in self.members.values() if m.lag is not None and m.sink.ready() and not m.over]
        if not self.loc_rib.complete:
            members = [m for m in members if not m.moved]
        open_ = sum([m.lag is not None and not m.lag.filling and len(m.lag) > 0 for m in members])
        first = self._next_to_hear % len(members) if members else 0
        for number, member in enumerate(members[first:] + members[:first], 1):
            lag = member.lag
            if lag is None:
                continue
            if lag.filling:
                if open_ >= _AT_ONCE:
                    continue
                open_ += 1
            self._catch_up(member, lag, limit)
            if more is not None and not more():
                self._next_to_hear = first + number
                return

    def _pump(self) -> None:
        """Every member writes what its sink takes; who is too far behind is detached."""
        end = self._base + len(self._log)
        for member in list(self.members.values()):
            if member.lag is not None:
                continue
            while member.cursor < end and member.sink.ready():
                if not self._write_on(member, end):
                    break
        if self._octets > self._log_limit:
            self._trim()
            while self._octets > self._log_limit:
                for member in list(self.members.values()):
                    if member.lag is None and member.cursor == self._base:
                        self._detach(member)
        self._trim()

    def _write_on(self, member: Member, end: int) -> bool:
        """The records from its cursor to `end`, as one write of BURST octets or so. False: it may hear no more."""
        parts: list[bytes] = []
        octets = written = 0
        allowed = True
        while member.cursor < end and octets < BURST:
            record = self._log[member.cursor - self._base]
            gain = record.delta + record.adjust.get(member.name, 0)
            if member.limit is not None and not member.allows(gain):
                allowed = False
                break
            data, messages = record.data_for(member.name)
            if data:
                parts.append(data)
                octets += len(data)
                written += messages
            member.advertised += gain
            member.cursor += 1
        if parts:
            member.sink.write(parts[0] if len(parts) == 1 else b"".join(parts), written)
        return allowed

    def _trim(self) -> None:
        """Forget the records that every cursor has passed."""
        if not self._log:
            return
        low = self._base + len(self._log)
        for member in self.members.values():
            if member.lag is None and member.cursor < low:
                low = member.cursor
        passed = low - self._base
        if passed:
            for record in self._log[:passed]:
                self._octets -= record.octets
            del self._log[:passed]
            self._base = low

    def _next(self, limit: int) -> list[Said]:
        """A slice of what is pending."""
        found: list[Said] = []
        for (old, new, sort), prefixes in self._transitions(self._pending.take(limit)).items():
            if old is None or isinstance(old, Path):  # only members that lag have anything else noted
                found.append((old, new, sort, prefixes))
        return found

    def _all_fresh(self, limit: int) -> bool:
        """Are all that moved still as they came, and each prefix once? Then nothing has to be looked up again."""
        if not self._fresh_prefixes:
            return False
        if self._fresh_prefixes <= FRESH * limit:
            if len(self._fresh) == 1:
                return True
            named: set[bytes] = set()
            for change in self._fresh:
                named.update(change.prefixes)
            if len(named) == self._fresh_prefixes:
                return True
        self._settle()
        return False

    def _transitions_of_all(self) -> list[Said]:
        """Everything fresh, taken."""
        fresh, self._fresh, self._fresh_prefixes = self._fresh, [], 0
        by_prefix = self.exports.by_prefix
        found: list[Said] = []
        for change in fresh:
            old, new = best_of(change.old), best_of(change.new)
            if by_prefix is None:
                found.append((old, new, 0, change.prefixes))
                continue
            classes: dict[int, list[bytes]] = {}
            for prefix in change.prefixes:
                classes.setdefault(by_prefix.classify(prefix), []).append(prefix)
            found += [(old, new, sort, prefixes) for sort, prefixes in classes.items()]
        return found

    def _record(self, said: list[Said]) -> Record | None:
        """Decide and encode a slice for all who follow the log."""
        buckets = Buckets()
        delta = 0
        adjust: dict[str, int] = {}
        for old, new, sort, prefixes in said:
            size = len(prefixes)
            was = old is not None and self.exports.passed(old, sort)
            new_attrs = self.exports.export(new, sort) if new is not None else None
            giver = self._following(old.source.neighbor) if old is not None and was else ""
            taker = self._following(new.source.neighbor) if new is not None and new_attrs is not None else ""
            if new is None or new_attrs is None:
                if was:
                    buckets.withdraw((giver, ""), prefixes)
            elif old is None or not was or not self.exports.same_words(old, new, new_attrs, sort):
                buckets.announce((taker, "") if taker else EVERYBODY, new_attrs, prefixes)
            elif giver and giver != taker:
                buckets.announce(("", giver), new_attrs, prefixes)
            if taker and taker != giver and was:
                buckets.withdraw(("", taker), prefixes)
            step = (new_attrs is not None) - was
            delta += step * size
            if giver:
                gained = new_attrs is not None and taker != giver
                adjust[giver] = adjust.get(giver, 0) + (gained - step) * size
            if taker and taker != giver:
                adjust[taker] = adjust.get(taker, 0) - (was + step) * size
        blobs = buckets.encode(self.loc_rib.family, self._session)
        return Record(said, blobs, delta, adjust) if blobs else None

    def _following(self, name: str) -> str:
        """`name` where it is a member that follows the log, else ""."""
        member = self.members.get(name)
        return name if member is not None and member.lag is None else ""

    def _transitions(self, olds: dict[bytes, Told]) -> dict[tuple[Told, Path | None, int], list[bytes]]:
        """Prefixes by what was told, what is best now, and their class; those that came back are left out."""
        if self.exports.by_prefix is not None:
            return self._transitions_by_class(olds, self.exports.by_prefix)
        table = self.loc_rib.table
        found: dict[tuple[Told, Path | None, int], list[bytes]] = {}
        run: list[bytes] = []
        last_old: Told = SAME
        last_new: Path | None = None
        for prefix, old in olds.items():
            entry = table.get(prefix)
            new = entry if entry is None or isinstance(entry, Path) else entry[0]
            if old is not last_old or new is not last_new or not run:
                if old is new:
                    continue
                last_old, last_new = old, new
                key = (old, new, 0)
                known = found.get(key)
                if known is None:
                    run = found[key] = []
                else:
                    run = known
            run.append(prefix)
        return found

    def _transitions_by_class(
        self, olds: dict[bytes, Told], by_prefix: ByPrefix
    ) -> dict[tuple[Told, Path | None, int], list[bytes]]:
        found: dict[tuple[Told, Path | None, int], list[bytes]] = {}
        for prefix, old in olds.items():
            new = best_of(self.loc_rib.table.get(prefix))
            if old is not new:
                found.setdefault((old, new, by_prefix.classify(prefix)), []).append(prefix)
        return found

    def _catch_up(self, member: Member, lag: Lag, limit: int) -> None:
        """One slice for a detached member alone; back to the log when it has heard everything."""
        if len(lag):
            olds = lag.take(limit)
            if lag.again:
                olds = self._tell_again(member, olds, lag.again)
            self._tell(member, olds)
        if len(lag) or member.over:
            return
        if not self.loc_rib.complete:
            return
        if not member.end_of_rib and not member.deferred:
            member.end_of_rib = True
            member.sink.write(encode_end_of_rib(self.loc_rib.family, self._session), 1)
        if member.marked:
            member.marked = False
            member.sink.write(encode_route_refresh(self.loc_rib.family, _END), 0)
        if member.again and member.end_of_rib:
            member.again = False
            self.refresh(member, marked=True)
            return
        if not self._unsaid():  # the group stands where the loc-rib stands, and so does the member
            member.lag = None
            member.cursor = self._base + len(self._log)
            self._attached += 1

    def _tell_again(self, member: Member, olds: dict[bytes, Told], again: set[bytes]) -> dict[bytes, Told]:
        """A slice of a refresh: announced whatever was told before. Returns the rest, which is news."""
        news: dict[bytes, Told] = {}
        found: dict[tuple[Told, Path | None, int], list[bytes]] = {}
        for prefix, old in olds.items():
            if prefix in again:
                again.remove(prefix)
                new = best_of(self.loc_rib.table.get(prefix))
                found.setdefault((old, new, self.exports.classify(prefix)), []).append(prefix)
            else:
                news[prefix] = old
        buckets = Buckets()
        gain = 0
        for (old, new, sort), prefixes in found.items():
            new_attrs = self.exports.for_member(new, member.name, sort)
            old_attrs = new_attrs if isinstance(old, Same) else self.exports.for_member(old, member.name, sort)
            if new_attrs is not None:
                buckets.announce(EVERYBODY, new_attrs, prefixes)
            elif old_attrs is not None:
                buckets.withdraw(EVERYBODY, prefixes)
            gain += ((new_attrs is not None) - (old_attrs is not None)) * len(prefixes)
        self._write(member, buckets, gain)
        return news

    def _tell(self, member: Member, olds: dict[bytes, Told]) -> None:
        buckets = Buckets()
        gain = 0
        for (old, new, sort), prefixes in self._transitions(olds).items():
            new_attrs = self.exports.for_member(new, member.name, sort)
            if isinstance(old, Same):
                if new_attrs is not None:
                    buckets.announce(EVERYBODY, new_attrs, prefixes)
                continue
            old_attrs = self.exports.for_member(old, member.name, sort)
            if new_attrs is None:
                if old_attrs is not None:
                    buckets.withdraw(EVERYBODY, prefixes)
            elif old_attrs is None or not equal(old_attrs, new_attrs):
                buckets.announce(EVERYBODY, new_attrs, prefixes)
            gain += ((new_attrs is not None) - (old_attrs is not None)) * len(prefixes)
        self._write(member, buckets, gain)

    def _write(self, member: Member, buckets: Buckets, gain: int) -> None:
        """What one member alone is told: `gain` routes more than before, or nothing where that is too many."""
        if not member.allows(gain):
            return
        member.advertised += gain
        for blob in buckets.encode(self.loc_rib.family, self._session):
            member.sink.write(blob.data, blob.messages)


class _Past(Before):
    """What a member was told by the group that it has left: that group's export of what was best then."""

    def __init__(self, group: UpdateGroup, name: str, behind: Lag) -> None:
        self._group: Final = group
        self._name: Final = name
        self._behind: Final = behind

    def told(self, prefix: bytes, word: Told) -> Told:
        return self._group._told(self._name, prefix, self._behind, word)  # noqa: SLF001 - of one piece with the group

    def others(self) -> list[bytes]:
        return list(self._behind.told)
