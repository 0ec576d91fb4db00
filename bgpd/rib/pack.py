"""Packing: what has to be said about a slice of prefixes, encoded once.

A `Pending` holds the prefixes that moved and, for each, what was told before; the first word stays, so
however often a prefix moves between two flushes it costs one look-up and one message. `Buckets` gathers
prefixes that are said in the same words (withdrawn, or announced with the same attributes) to the same
audience, and encodes each bucket into as few UPDATEs as fit. Withdrawals go first: they give memory back to the
receiver, and no prefix is in two buckets of one audience.

An audience is a tag (skip, only): everybody but `skip`, or nobody but `only`. Tags exist because a neighbor
is not told its own routes. A `Record` is one flushed slice with all its audiences: one element of a group's log.
"""

from typing import Final, TypeAlias

from bgpd.rib.path import Path
from bgpd.wire.attrs import Attrs
from bgpd.wire.capability import Negotiated
from bgpd.wire.family import Family
from bgpd.wire.writer import encode_updates, encode_withdraws

_LONG: Final = 8  # prefixes of one change from which on it pays to ask for all of them at once


class Same:
    """Told what the loc-rib's best path exports to right now: the mark of a refresh."""


SAME: Final = Same()

#: What somebody was told about a prefix: the path whose export it is, the attributes themselves, or nothing.
Told: TypeAlias = Path | Attrs | Same | None
#: Prefixes of one class that move from what was told to what is best now.
Said: TypeAlias = tuple[Path | None, Path | None, int, list[bytes]]
Tag: TypeAlias = tuple[str, str]
EVERYBODY: Final[Tag] = ("", "")


class Pending:
    """Prefixes to be flushed, first come first served, each with what was told before it moved."""

    __slots__ = ("_next", "_order", "again", "told")

    def __init__(self, told: dict[bytes, Told] | None = None) -> None:
        self.told: dict[bytes, Told] = {} if told is None else told
        self.again: set[bytes] = set()  #: announced at the next flush even where nothing is different (a refresh)
        self._order: list[bytes] = []  # keys of the slices to come, where there is more than one slice
        self._next = 0

    def __len__(self) -> int:
        return len(self.told)

    def note(self, prefixes: list[bytes], old: Told) -> None:
        """These moved; what was told about them before was `old`, unless an earlier note says otherwise."""
        told = self.told
        if len(prefixes) > _LONG and told.keys().isdisjoint(prefixes):
            told.update(dict.fromkeys(prefixes, old))
            return
        for prefix in prefixes:
            if told.get(prefix, SAME) is SAME:
                told[prefix] = old

    def note_all(self, olds: dict[bytes, Told]) -> None:
        told = self.told
        for prefix, old in olds.items():
            if told.get(prefix, SAME) is SAME:
                told[prefix] = old

    def take(self, limit: int) -> dict[bytes, Told]:
        """The next slice, removed; at most `limit` prefixes."""
        told = self.told
        if len(told) <= limit:
            self.clear()
            return told
        if self._next >= len(self._order):
            self._order = list(told)
            self._next = 0
        taken: dict[bytes, Told] = {}
        end = self._next + limit
        for prefix in self._order[self._next : end]:
            if prefix in told:
                taken[prefix] = told.pop(prefix)
        self._next = end
        return taken

    def word(self, prefix: bytes, word: Told = SAME) -> Told:
        """What was told of a prefix, where everybody was told `word`."""
        found = self.told.get(prefix, SAME)
        return word if found is SAME else found

    def restart(self) -> None:
        """What is taken next is the first of all again."""
        self._order = []
        self._next = 0

    def clear(self) -> None:
        self.told = {}
        self._order = []
        self._next = 0


class Blob:
    """UPDATEs for one audience, as one run of octets."""

    __slots__ = ("data", "messages", "only", "skip")

    def __init__(self, tag: Tag, frames: list[bytes]) -> None:
        self.skip: Final = tag[0]
        self.only: Final = tag[1]
        self.data: Final = b"".join(frames)
        self.messages: Final = len(frames)


class Record:
    """One flushed slice: an element of the log that members read by cursor, whole or not at all."""

    __slots__ = ("adjust", "blobs", "delta", "messages", "octets", "said", "tagged", "whole")

    def __init__(self, said: list[Said], blobs: list[Blob], delta: int, adjust: dict[str, int]) -> None:
        self.said: Final = said  #: every prefix of the slice with what was told before: to undo the record
        self.blobs: Final = blobs
        self.delta: Final = delta  #: how many routes more a member has been told afterwards ...
        self.adjust: Final = adjust  #: ... and by how much that differs for those with routes of their own in it
        self.tagged: Final[set[str]] = set()
        whole: list[bytes] = []
        messages = 0
        octets = 0
        for blob in blobs:
            octets += len(blob.data)
            if blob.only:
                self.tagged.add(blob.only)
                continue
            if blob.skip:
                self.tagged.add(blob.skip)
            whole.append(blob.data)
            messages += blob.messages
        self.whole: Final = whole[0] if len(whole) == 1 else b"".join(whole)  #: what most members get: one object
        self.messages: Final = messages
        self.octets: Final = octets

    def data_for(self, name: str) -> tuple[bytes, int]:
        """What this member gets of it, and how many messages that is."""
        if name not in self.tagged:
            return self.whole, self.messages
        parts: list[bytes] = []
        messages = 0
        for blob in self.blobs:
            if blob.only == name or (not blob.only and blob.skip != name):
                parts.append(blob.data)
                messages += blob.messages
        return b"".join(parts), messages


class Buckets:
    """Prefixes gathered by audience and words."""

    __slots__ = ("_announced", "_withdrawn")

    def __init__(self) -> None:
        self._withdrawn: Final[dict[Tag, list[bytes]]] = {}
        self._announced: Final[dict[Tag, dict[tuple[bytes, bytes], tuple[Attrs, list[bytes]]]]] = {}

    def withdraw(self, tag: Tag, prefixes: list[bytes]) -> None:
        found = self._withdrawn.get(tag)
        if found is None:
            self._withdrawn[tag] = list(prefixes)
        else:
            found.extend(prefixes)

    def announce(self, tag: Tag, attrs: Attrs, prefixes: list[bytes]) -> None:
        bucket = self._announced.get(tag)
        if bucket is None:
            bucket = self._announced[tag] = {}
        words = (attrs.raw, attrs.next_hop)
        found = bucket.get(words)
        if found is None:
            bucket[words] = (attrs, list(prefixes))
        else:
            found[1].extend(prefixes)

    def encode(self, family: Family, session: Negotiated) -> list[Blob]:
        """Every bucket in as few messages as fit; withdrawals before announcements."""
        blobs = [
            Blob(tag, encode_withdraws(family, prefixes, session))
            for tag, prefixes in self._withdrawn.items()
            if prefixes
        ]
        for tag, bucket in self._announced.items():
            frames: list[bytes] = []
            for attrs, prefixes in bucket.values():
                frames.extend(encode_updates(family, attrs, prefixes, session))
            blobs.append(Blob(tag, frames))
        return blobs
