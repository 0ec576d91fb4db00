"""What is wrong with a resource: which one, where it stands, which field, and why."""

from dataclasses import dataclass
from enum import Enum


class Cause(Enum):
    """Why a resource, or a part of what it asks for, is not in force."""

    SYNTAX = "syntax"  #: the text is no YAML or JSON
    SHAPE = "shape"  #: a value of the wrong kind, a key that does not exist or is missing
    VALUE = "value"  #: a value that its field cannot have, or two that exclude each other
    REFUSED = "refused"  #: understood, and not done by this daemon; the text says why
    DUPLICATE = "duplicate"  #: two resources claim one name, address, prefix or session
    MISSING = "missing"  #: it names something that is not there
    ABSURD = "absurd"  #: a peering with itself, or one that no end can ever bring up


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. The text is the rest of a sentence that begins with the field."""

    kind: str  #: of the resource; empty where that is not known
    name: str
    field: str  #: "spec.peerIP"; empty: the resource as a whole
    text: str
    where: str = ""  #: "peers.yaml:3", the key in etcd; empty: nobody knows
    cause: Cause = Cause.VALUE

    def __str__(self) -> str:
        parts = [self.where, " ".join(word for word in (self.kind, self.name) if word), self.field, self.text]
        return ": ".join([part for part in parts if part])
