"""Items -> values: layers are merged, text is parsed, and the origin stays beside each value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bgpd.config import kinds
from bgpd.config.origin import DEFAULT, Book, Collected, Item, Layer, Origin, PeerItem
from bgpd.config.report import Report
from bgpd.config.settings import BY_NAME, PEER_BY_NAME, RANGE_BY_NAME, Setting


@dataclass(frozen=True, slots=True)
class Value:
    """A parsed value of a setting's kind, and where it stood."""

    value: Any
    origin: Origin


@dataclass(frozen=True, slots=True)
class PeerValues:
    """One neighbor's, or one range's, keys that were given and could be parsed; the one it is named by is there."""

    fields: dict[str, Value]
    origin: Origin
    field: str  #: what error lines call it: "peer 192.168.1.11"

    def get(self, name: str) -> Any:
        """The value given, or the row's default."""
        found = self.fields.get(name)
        return (PEER_BY_NAME.get(name) or RANGE_BY_NAME[name]).default if found is None else found.value

    def at(self, name: str) -> Origin:
        """Where it stands; the neighbor's own place for a default."""
        found = self.fields.get(name)
        return self.origin if found is None else found.origin


@dataclass(slots=True)
class Values:
    """Everything that was said and understood. `given` holds one value for a scalar, several for a list."""

    given: dict[str, list[Value]] = field(default_factory=dict)
    peers: list[PeerValues] = field(default_factory=list)
    ranges: list[PeerValues] = field(default_factory=list)
    book: Book = field(default_factory=Book)
    failed: set[str] = field(default_factory=set)  #: said, but not understood: no default may stand in silently

    def get(self, name: str) -> Any:
        """A scalar's value, or the row's default."""
        found = self.given.get(name)
        return found[-1].value if found else BY_NAME[name].default

    def all(self, name: str) -> list[Value]:
        """A list's values."""
        return self.given.get(name, [])

    def at(self, name: str) -> Origin:
        """Where a scalar stands."""
        found = self.given.get(name)
        return found[-1].origin if found else DEFAULT


def merge(layers: Iterable[Collected], report: Report) -> Collected:
    """Setting by setting, the first of `layers` (the strongest first) that says anything wins, lists as a whole.

    A list that hides another list is worth a warning: three neighbors of the file gone for one on the command
    line is seldom what was meant.
    """
    merged = Collected({}, [])
    for layer in layers:
        for name, items in layer.items.items():
            if name not in merged.items:
                merged.items[name] = items
            elif len(items) > 1 or len(merged.items[name]) > 1:
                _hidden(name, merged.items[name], items, report)
        if not merged.peers:
            merged.peers = layer.peers
        elif layer.peers:
            _hidden("peer", merged.peers, layer.peers, report)
        if not merged.ranges:
            merged.ranges = layer.ranges
        elif layer.ranges:
            _hidden("listen-range", merged.ranges, layer.ranges, report)
        if layer.book.policies or layer.book.sets or layer.book.broken:  # only a file has them, and there is one
            merged.book = layer.book
    return merged


def _hidden(name: str, winner: list[Any], loser: list[Any], report: Report) -> None:
    first: Item | PeerItem = winner[0]
    hidden: Item | PeerItem = loser[0]
    count = f"the {len(loser)} values" if len(loser) > 1 else "the one"
    report.warn(first.origin, name, f"replaces {count} of {hidden.origin.text}; lists are not added up")


def judge(collected: Collected, report: Report) -> Values:
    """Parse every item; what cannot be parsed is an error, and is missing in the result."""
    values = Values(book=collected.book)
    for name, items in collected.items.items():
        for item in items:
            found = _value(BY_NAME[name], item, name, report)
            if found is None:
                values.failed.add(name)
            else:
                values.given.setdefault(name, []).append(found)
    for peer in collected.peers:
        _judge_peer(peer, PEER_BY_NAME, values.peers, values, report)
    for peer in collected.ranges:
        _judge_peer(peer, RANGE_BY_NAME, values.ranges, values, report)
    return values


def _judge_peer(
    peer: PeerItem, settings: Mapping[str, Setting], found: list[PeerValues], values: Values, report: Report
) -> None:
    """Parse one neighbor's or range's keys; one that cannot be named is only an error."""
    fields = {}
    for name, item in peer.fields.items():
        where = peer.field if name == peer.head else f"{peer.field}: {name}"
        if (value := _value(settings[name], item, where, report)) is not None:
            fields[name] = value
    named = peer.head if peer.head in peer.fields else "interface"
    if named in fields:
        found.append(PeerValues(fields, peer.origin, peer.field))
    else:
        values.failed.add(peer.kind)


def _value(setting: Setting, item: Item, field: str, report: Report) -> Value | None:
    try:
        value = setting.kind.parse(item.text)
    except ValueError as error:
        report.error(item.origin, field, str(error))
        return None
    if setting.kind is kinds.FILE and item.origin.layer is Layer.FILE:  # beside the file that names it
        value = str(Path(item.origin.where).parent / value)
    return Value(value, item.origin)
