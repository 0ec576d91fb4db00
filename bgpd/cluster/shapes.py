"""Pieces of a resource: how each is read from a tree, and printed as JSON.

A shape is a value with two ways: `read(node, place)` makes a value of a node of `config.yamltree` (which YAML and
JSON both become) and notes what is wrong in the place; `show(value)` makes what `json.dumps` takes. One table of
shapes a kind is thus its decoder, its encoder and its documentation.

null and the empty string count as a key that is not there, as Go's zero values do in Calico's own decoder.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import dataclass, fields
from typing import Any, Final, Protocol

from bgpd.cluster.problem import Cause
from bgpd.config.kinds import short
from bgpd.config.report import nearest
from bgpd.config.yamltree import Mapping as MappingNode
from bgpd.config.yamltree import Node, Scalar, Sequence

BAD: Final = object()  #: what `read` answers where it noted a fault


class Fault:
    """One thing that is wrong, before anybody knows the name of the resource."""

    __slots__ = ("cause", "field", "line", "text")

    def __init__(self, line: int, field: str, text: str, cause: Cause) -> None:
        self.line: Final = line
        self.field: Final = field
        self.text: Final = text
        self.cause: Final = cause


class Place:
    """Where in a resource the reader is, and the faults that it has found so far."""

    __slots__ = ("faults", "field")

    def __init__(self, field: str = "", faults: list[Fault] | None = None) -> None:
        self.field: Final = field
        self.faults: Final[list[Fault]] = [] if faults is None else faults

    def inside(self, word: str) -> "Place":
        return Place(f"{self.field}.{word}" if self.field else word, self.faults)

    def item(self, number: int) -> "Place":
        return Place(f"{self.field}[{number}]", self.faults)

    def fault(self, node: Node, text: str, cause: Cause = Cause.SHAPE) -> object:
        self.faults.append(Fault(node.line, self.field, text, cause))
        return BAD


class Shape(Protocol):
    """How one piece is read and printed."""

    def read(self, node: Node, place: Place) -> Any: ...

    def show(self, value: Any) -> Any: ...


def absent(node: Node) -> bool:
    """null, or an empty string."""
    return isinstance(node, Scalar) and (not node.text or node.noun == "nothing")


class Leaf:
    """A scalar. `parse` raises ValueError with the rest of a sentence that begins with the field."""

    def __init__(
        self,
        noun: str,
        parse: Callable[[str], Any],
        show: Callable[[Any], Any] = str,
        *,
        quoted: bool = True,
        bare: bool = True,
    ) -> None:
        self._noun: Final = noun  #: "a number"
        self._parse: Final = parse
        self.show: Final = show
        self._quoted: Final = quoted  #: may be a JSON string
        self._bare: Final = bare  #: may be a JSON number or boolean

    def read(self, node: Node, place: Place) -> Any:
        if not isinstance(node, Scalar):
            return place.fault(node, f"expected {self._noun}, got {node.noun}")
        if (node.quoted and not self._quoted) or (not self._bare and node.noun in ("a number", "a boolean")):
            return place.fault(node, f"expected {self._noun}, got {node.noun} ({short(node.text)})")
        try:
            return self._parse(node.text)
        except ValueError as error:
            return place.fault(node, str(error), Cause.VALUE)


class Many:
    """A list."""

    def __init__(self, item: Shape, *, least: int = 0, most: int = 0) -> None:
        self._item: Final = item
        self._least: Final = least
        self._most: Final = most  #: 0: any number

    def read(self, node: Node, place: Place) -> Any:
        if not isinstance(node, Sequence):
            return place.fault(node, f"expected a list, got {node.noun}")
        if self._most and len(node.items) > self._most:
            return place.fault(node, f"{len(node.items)} entries; there may be {self._most}", Cause.VALUE)
        if len(node.items) < self._least:
            return place.fault(node, f"{len(node.items)} entries; there must be {self._least}", Cause.VALUE)
        found = [self._item.read(item, place.item(number)) for number, item in enumerate(node.items)]
        return BAD if any(value is BAD for value in found) else tuple(found)

    def show(self, value: Any) -> Any:
        return [self._item.show(item) for item in value]


class Optional:
    """A piece that may be null in a list, where that means something."""

    def __init__(self, item: Shape) -> None:
        self._item: Final = item

    def read(self, node: Node, place: Place) -> Any:
        return None if absent(node) else self._item.read(node, place)

    def show(self, value: Any) -> Any:
        return None if value is None else self._item.show(value)


class Table:
    """A mapping of keys that somebody chose, to values of one shape."""

    def __init__(self, item: Shape, key: Callable[[str], str] = str) -> None:
        self._item: Final = item
        self._key: Final = key

    def read(self, node: Node, place: Place) -> Any:
        if not isinstance(node, MappingNode):
            return place.fault(node, f"expected a mapping, got {node.noun}")
        found: dict[str, Any] = {}
        before = len(place.faults)
        for key, value in node.pairs:
            if not isinstance(key, Scalar):
                place.fault(key, f"expected a key, got {key.noun}")
                continue
            try:
                name = self._key(key.text)
            except ValueError as error:
                place.fault(key, str(error), Cause.VALUE)
                continue
            if name in found:
                place.fault(key, f"{short(name)} is given twice")
            found[name] = self._item.read(value, place.inside(name))
        return BAD if len(place.faults) > before else found

    def show(self, value: Any) -> Any:
        return {key: self._item.show(item) for key, item in value.items()}


class Wrapped:
    """A mapping of one key, of which only the value is kept: `{cidr: 10.0.0.0/8}`."""

    def __init__(self, key: str, item: Shape) -> None:
        self._key: Final = key
        self._item: Final = item

    def read(self, node: Node, place: Place) -> Any:
        if not isinstance(node, MappingNode):
            return place.fault(node, f"expected {self._key}: VALUE, got {node.noun}")
        pairs = _pairs(node, place)
        found: Any = BAD
        for key, value in pairs.items():
            if key == self._key:
                found = self._item.read(value, place.inside(key))
            else:
                place.inside(key).fault(value, f"unknown key{nearest(key, [self._key])}")
                return BAD
        if self._key not in pairs:
            return place.fault(node, f"{self._key} is missing")
        return found

    def show(self, value: Any) -> Any:
        return {self._key: self._item.show(value)}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a record."""

    name: str  #: as it is written
    shape: Shape
    attr: str = ""  #: the attribute that it becomes; empty: read and judged, but kept by nobody here


class Record:
    """A mapping with known keys, which becomes one frozen value."""

    def __init__(
        self,
        make: type,
        *keys: Key,
        refused: Mapping[str, str] | None = None,
        foreign: frozenset[str] = frozenset(),
        others: bool = False,
    ) -> None:
        """`refused`: key -> why it is. `foreign`: keys of other programs, which say nothing about routing.

        `others`: the resource belongs to another program, and keys that are not in the table are its own.
        """
        self.make: Final = make
        self.keys: Final = {key.name: key for key in keys}
        self.refused: Final = dict(refused or {})
        self.foreign: Final = foreign
        self._others: Final = others
        defaults = {field.name: field for field in fields(make)}
        self._needed: Final = [
            key.name
            for key in keys
            if key.attr
            and defaults[key.attr].default is NO_DEFAULT
            and defaults[key.attr].default_factory is NO_DEFAULT
        ]

    def read(self, node: Node, place: Place) -> Any:
        found = self.values(node, place)
        return BAD if found is None else self.make(**found)

    def values(self, node: Node, place: Place) -> dict[str, Any] | None:
        """The attributes; None where something is wrong."""
        if not isinstance(node, MappingNode):
            place.fault(node, f"expected keys and values, got {node.noun}")
            return None
        before = len(place.faults)
        found: dict[str, Any] = {}
        for name, value in _pairs(node, place).items():
            if absent(value) or name in self.foreign:
                continue
            inside = place.inside(name)
            if (key := self.keys.get(name)) is not None:
                piece = key.shape.read(value, inside)
                if key.attr:
                    found[key.attr] = piece
            elif name in self.refused:
                inside.fault(value, self.refused[name], Cause.REFUSED)
            elif not self._others:
                inside.fault(value, f"unknown key{nearest(name, [*self.keys, *self.refused])}")
        for name in self._needed:
            if self.keys[name].attr not in found:
                place.inside(name).fault(node, "is missing")
        return None if len(place.faults) > before else found

    def show(self, value: Any) -> Any:
        """Only what differs from the default."""
        plain = _defaults(self.make)
        shown = {}
        for name, key in self.keys.items():
            if key.attr and (piece := getattr(value, key.attr)) != plain.get(key.attr, NO_DEFAULT):
                shown[name] = key.shape.show(piece)
        return shown


def _defaults(make: type) -> dict[str, Any]:
    return {
        each.name: each.default_factory() if each.default_factory is not NO_DEFAULT else each.default
        for each in fields(make)
        if each.default is not NO_DEFAULT or each.default_factory is not NO_DEFAULT
    }


def _pairs(node: MappingNode, place: Place) -> dict[str, Node]:
    """The pairs of a mapping; a key that is no text, or is there twice, is a fault."""
    found: dict[str, Node] = {}
    for key, value in node.pairs:
        if not isinstance(key, Scalar) or not key.text or not key.text.isprintable():
            place.fault(key, f"expected a key, got {key.noun}")
        elif key.text in found:
            place.inside(key.text).fault(key, "is given twice")
        else:
            found[key.text] = value
    return found
