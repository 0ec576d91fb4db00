"""Where a value came from.

An origin is carried beside every value from the first character to the last check, because an error without
its place is a riddle. It has two spellings: `text` for `DaemonSpec.sources` ("flag --asn", "bgpd.yaml:3") and
`label(field)` for the front of an error line ("--asn", "bgpd.yaml:3: asn").
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from bgpd.model import PolicySpec


class Layer(Enum):
    """The layers, strongest first."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """One place where a value stands."""

    layer: Layer
    where: str = ""  #: "--asn", "BGPD_ASN", the file's name as it was given; words for a default that was found
    line: int = 0  #: counted from 1, files only

    @property
    def text(self) -> str:
        """For `--check` and `DaemonSpec.sources`."""
        if self.layer is Layer.FILE:
            return f"{self.where}:{self.line}"
        if self.layer is Layer.DEFAULT:
            return self.where or "default"
        return f"{self.layer.value} {self.where}"

    def label(self, field: str) -> str:
        """The front of an error line about `field`. A flag or a variable that *is* the field is not said twice."""
        if self.layer is Layer.FILE:
            return f"{self.where}:{self.line}: {field}"
        if self.layer is Layer.DEFAULT:
            return field
        own = self.where.removeprefix("--").removeprefix("BGPD_").lower().replace("_", "-")
        if own == field:
            return self.where
        if field.startswith(own + " "):  # "peer 192.168.1.11: port" from --peer
            return self.where + field[len(own) :]
        return f"{self.where}: {field}"


DEFAULT = Origin(Layer.DEFAULT)


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of text and its origin: a value that nobody has judged yet."""

    text: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class PeerItem:
    """One neighbor as it was written: its keys, each with its own place. From --peer and from YAML alike."""

    fields: dict[str, Item]
    origin: Origin
    kind: str = "peer"  #: or "listen-range"
    inline: dict[str, Any] = field(default_factory=dict)  #: "import", "export" -> a YAML list of terms

    @property
    def head(self) -> str:
        """The key that stands first, and says which one this is."""
        return "address" if self.kind == "peer" else "prefix"

    @property
    def field(self) -> str:
        """What error lines call this neighbor."""
        name = self.fields.get(self.head) or self.fields.get("interface")
        return f"{self.kind} {name.text}" if name is not None else self.kind


#: What one layer says: setting name -> its items (one for a scalar), and the neighbors.
Items = dict[str, list[Item]]


@dataclass(slots=True)
class Book:
    """The policies and sets of a file, each with its place."""

    policies: dict[str, tuple[PolicySpec, Origin]] = field(default_factory=dict)
    sets: dict[tuple[str, str], tuple[tuple[object, ...], Origin]] = field(default_factory=dict)  #: by kind and name
    peers: list[tuple[str, Origin, str]] = field(default_factory=list)  #: neighbors that policies name: name, where
    broken: set[tuple[str, str]] = field(default_factory=set)  #: kind and name of what has an error of its own


@dataclass(slots=True)
class Collected:
    """Everything that one layer said."""

    items: Items
    peers: list[PeerItem]
    ranges: list[PeerItem] = field(default_factory=list)
    book: Book = field(default_factory=Book)
