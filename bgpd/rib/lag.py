"""What one member has still to be told, gathered bit by bit.

A member that does not follow its group's log has a list of its own: each prefix that it has yet to hear of, with what
it was told before. For a new session, for a refresh and after a move from another group that is the whole table, and a
list of a million prefixes is not made in one go: it is filled in slices, by the flushes, before the first word is said.
Until then it costs nothing. A prefix that moves meanwhile enters at once, by the word of that moment.
"""

from typing import Final

from bgpd.rib.pack import SAME, Pending, Told
from bgpd.rib.path import Entry

FILL: Final = 4  #: so many times more prefixes are taken in at once than are told: a millisecond or two


class Before:
    """What a member was told elsewhere, for a list that starts from there."""

    def told(self, prefix: bytes, word: Told) -> Told:
        """What it was told of `prefix`, where the best path then was `word` (SAME: it is what is best now)."""
        raise NotImplementedError

    def others(self) -> list[bytes]:
        """Prefixes that may be in no table any more."""
        raise NotImplementedError


class Lag(Pending):
    """Pending, for one member alone, and where it begins."""

    __slots__ = ("_at", "_before", "_keys", "_repeat", "_start", "_table")

    def __init__(
        self, table: dict[bytes, Entry] | None = None, *, start: Told = None, before: Before | None = None
    ) -> None:
        """`table`: all of it has to be told; None: only what is noted.

        `start`: what was told of each of its prefixes: None, nothing; SAME, what is best now. `before` knows better.
        """
        super().__init__()
        self._table = table  # until its keys are taken
        self._keys: list[bytes] = []
        self._at = 0
        self._start: Told = start
        self._before = before
        self._repeat = False

    @property
    def filling(self) -> bool:
        """Nothing of it has been said yet."""
        return self._table is not None or self._at < len(self._keys)

    def __len__(self) -> int:
        waiting = len(self._keys) - self._at
        if self._table is not None:
            waiting = len(self._table) + (len(self._before.others()) if self._before is not None else 0)
        return len(self.told) + waiting

    def word(self, prefix: bytes, word: Told = SAME) -> Told:
        found = self.told.get(prefix, SAME)
        if found is not SAME:
            return found
        return self._first(prefix, word) if self.filling and prefix not in self.told else word

    def named(self) -> list[bytes]:
        """The prefixes that it has a word of its own for, those of elsewhere among them; the table's come besides."""
        if self._before is None or not self.filling:
            return list(self.told)
        return list(dict.fromkeys((*self.told, *self._before.others())))

    def note(self, prefixes: list[bytes], old: Told) -> None:
        if not self.filling:
            super().note(prefixes, old)
            return
        told = self.told
        for prefix in prefixes:
            if prefix not in told:
                told[prefix] = self._first(prefix, old)
            elif told[prefix] is SAME:
                told[prefix] = old

    def repeat(self, table: dict[bytes, Entry]) -> None:
        """All of `table` is to be told, whatever was told before (a refresh)."""
        if not self.filling:
            self._table, self._start, self._before = table, SAME, None
            self.restart()
        self._repeat = True
        self.again.update(self.told)

    def take(self, limit: int) -> dict[bytes, Told]:
        """The next slice; empty while the list is being filled."""
        if self.filling:
            self._fill(FILL * limit)
            if self.filling:
                return {}
        return super().take(limit)

    def _first(self, prefix: bytes, word: Told) -> Told:
        if self._before is not None:
            return self._before.told(prefix, word)
        return word if self._start is SAME else None

    def _fill(self, limit: int) -> None:
        if self._table is not None:
            self._keys, self._at, self._table = list(self._table), 0, None
            if self._before is not None:
                self._keys += self._before.others()
        keys = self._keys[self._at : self._at + limit]
        told = self.told
        if self._before is None and told.keys().isdisjoint(keys):
            told.update(dict.fromkeys(keys, self._start))
        else:
            for prefix in keys:
                if prefix not in told:
                    told[prefix] = self._first(prefix, SAME)
        if self._repeat:
            self.again.update(keys)
        self._at += len(keys)
        if self._at >= len(self._keys):
            self._keys, self._at, self._before = [], 0, None
            self._repeat = False
