"""Policies and sets out of the YAML tree.

Four keys of the file: `prefix-sets`, `community-sets` and `as-path-sets` give lists a name, `policies` gives ordered
terms one. The terms of one neighbor may also stand in its `import` or `export` as they are. What a match or an
action means, and how its values are written, is a row of `policy.spec`; here is only where they stand.
"""

import re
from dataclasses import dataclass
from typing import Final

from bgpd.config.kinds import NAME, short
from bgpd.config.origin import Book, Layer, Origin
from bgpd.config.report import Report, nearest
from bgpd.config.yamltree import Mapping, Node, Scalar, Sequence
from bgpd.model import Condition, Edit, PolicySpec, PolicyTerm, TermAction
from bgpd.policy.spec import ACTIONS, BUILTIN, MATCHES, SETS, Row

#: The keys of the file that are read here, sets first, because policies name them.
SECTIONS: Final = (*[row.name for row in SETS.values()], "policies")
_KIND: Final = {row.name: kind for kind, row in SETS.items()}
_ACTION_WORDS: Final = tuple(action.value for action in TermAction)
_OTHER: Final = {"if": "match", "from": "match", "when": "match", "action": "then", "set": "then", "do": "then"}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the file, and how an error line calls it."""

    file: str
    field: str

    def at(self, node: Node) -> Origin:
        return Origin(Layer.FILE, self.file, node.line)

    def inside(self, word: str) -> "_Place":
        return _Place(self.file, f"{self.field}: {word}" if self.field else word)


def inline_name(kind: str, title: str, key: str) -> str:
    """The name of a policy that stands in a neighbor's `import` or `export`: `peer-192.0.2.1-import`."""
    return f"{kind}-{re.sub(r'[^A-Za-z0-9_.:-]', '-', title)}-{key}"[:63]


class Reader:
    """Reads sections into a `Book`; what is wrong goes into the report, and is missing in the book."""

    def __init__(self, file: str, report: Report) -> None:
        self.book: Final = Book()
        self._file: Final = file
        self._report: Final = report

    def section(self, key: str, node: Node) -> None:
        """One of SECTIONS. Sets have to come before policies."""
        place = _Place(self._file, key)
        if isinstance(node, Scalar) and node.noun == "nothing":
            return
        if not isinstance(node, Mapping):
            self._error(place, node, f"expected names, each with a list, got {node.noun}")
            return
        for name, value, where in self._pairs(node, place):
            try:
                NAME.parse(name)
            except ValueError as error:
                self._report.error(where, place.field, str(error))
                continue
            if key == "policies":
                self.policy(name, value, where)
            else:
                self._set(_KIND[key], name, value, place.inside(name), where)

    # -- sets

    def _set(self, kind: str, name: str, node: Node, place: _Place, where: Origin) -> None:
        values = self._values(SETS[kind], node, place)
        if values:
            self.book.sets[kind, name] = (tuple(values), where)
        else:
            self.book.broken.add((kind, name))

    # -- policies

    def policy(self, name: str, node: Node, where: Origin) -> None:
        """One policy: a list of terms."""
        place = _Place(self._file, f"policy {name}")
        if name in BUILTIN:
            self._report.error(where, place.field, "this name is a word of import and export; take another")
        elif name in self.book.policies:
            self._report.error(where, place.field, "there are two policies of this name")
        elif not isinstance(node, Sequence) or not node.items:
            what = "an empty list" if isinstance(node, Sequence) else node.noun
            self._error(place, node, f"expected a list of terms, got {what}")
            self.book.broken.add(("policy", name))
        else:
            before = len(self._report.errors)
            terms = self._terms(node, place)
            if len(self._report.errors) > before:
                self.book.broken.add(("policy", name))
            else:
                self.book.policies[name] = (PolicySpec(name, tuple(terms)), where)

    def _terms(self, node: Sequence, place: _Place) -> list[PolicyTerm]:
        found: list[PolicyTerm] = []
        names: set[str] = set()
        last = ""  # a term that stops everything
        for number, part in enumerate(node.items, 1):
            term = self._term(part, number, place)
            if term is None:
                continue
            if term.name in names:
                self._error(place, part, f"there are two terms called {term.name}")
            names.add(term.name)
            if last:
                self._report.warn(place.at(part), place.field, f"term {term.name} is never reached: {last} stops all")
            if not term.conditions and term.action is not TermAction.NEXT:
                last = last or f"term {term.name}"
            found.append(term)
        return found

    def _term(self, node: Node, number: int, place: _Place) -> PolicyTerm | None:
        if not isinstance(node, Mapping):
            self._error(place, node, f"term {number}: expected name, match and then, got {node.noun}")
            return None
        pairs = {key: value for key, value, _ in self._pairs(node, place.inside(f"term {number}"))}
        name = str(number)
        if (given := pairs.get("name")) is not None:
            if not isinstance(given, Scalar) or not given.text or not given.text.isprintable():
                self._error(place, given, f"term {number}: expected a name, got {given.noun}")
            else:
                name = given.text
        place = place.inside(f"term {name}")
        for key, value in pairs.items():
            if key not in ("name", "match", "then"):
                hint = f"; did you mean {_OTHER[key]}?" if key in _OTHER else nearest(key, ("name", "match", "then"))
                self._error(place, value, f"unknown key {short(key)}{hint or '; a term has name, match and then'}")
        conditions = self._match(pairs["match"], place.inside("match"), negated=False) if "match" in pairs else []
        if "then" not in pairs:
            self._error(place, node, f"without then: say accept, reject, {TermAction.NEXT.value} or what to change")
            return None
        edits, action = self._then(pairs["then"], place.inside("then"))
        return PolicyTerm(name, tuple(conditions), tuple(edits), action)

    def _match(self, node: Node, place: _Place, *, negated: bool) -> list[Condition]:
        if isinstance(node, Scalar) and node.text in ("any", "all") and not negated:
            return []
        if not isinstance(node, Mapping):
            self._error(place, node, f"expected matches, such as prefix-set: NAME, got {node.noun}")
            return []
        found: list[Condition] = []
        for key, value, where in self._pairs(node, place):
            if key == "not" and not negated:
                found += self._match(value, place.inside("not"), negated=True)
                continue
            row = MATCHES.get(key)
            if row is None:
                near = nearest(key, MATCHES if negated else [*MATCHES, "not"])
                self._report.error(where, place.field, f"there is no match {short(key)}{near}")
                continue
            condition = self._condition(row, value, place.inside(key), negated=negated)
            if condition is not None:
                found.append(condition)
        return found

    def _condition(self, row: Row, node: Node, place: _Place, *, negated: bool) -> Condition | None:
        values = self._values(row, node, place)
        if not values:
            return None
        if row.name == "peer":
            for value in values:
                if isinstance(value, str):
                    self.book.peers.append((value, place.at(node), place.field))
        if not row.set_of:
            return Condition(row.name, tuple(values), negated)
        members: list[object] = []
        for name in [str(value) for value in values]:
            found = self.book.sets.get((row.set_of, name))
            if found is not None:
                members += found[0]
            elif (row.set_of, name) not in self.book.broken:
                known = [known for kind, known in (*self.book.sets, *self.book.broken) if kind == row.set_of]
                self._error(place, node, f"there is no {row.set_of} set {short(name)}{nearest(name, known)}")
        words = " or ".join(str(value) for value in values)
        return Condition(row.name, tuple(dict.fromkeys(members)), negated, words) if members else None

    def _then(self, node: Node, place: _Place) -> tuple[list[Edit], TermAction]:
        action, edits = TermAction.NEXT, []
        if isinstance(node, Scalar):
            return [], self._action(node, place)
        if not isinstance(node, Mapping):
            self._error(place, node, f"expected accept, reject, or what to change, got {node.noun}")
            return [], action
        for key, value, where in self._pairs(node, place):
            if key == "action":
                action = self._action(value, place.inside(key))
            elif (row := ACTIONS.get(key)) is None:
                near = nearest(key, [*ACTIONS, "action"])
                hint = near or (f"; write action: {key}" if key in _ACTION_WORDS else "")
                self._report.error(where, place.field, f"there is no action {short(key)}{hint}")
            elif values := self._values(row, value, place.inside(key)):
                edits.append(Edit(key, tuple(values)))
        if edits and action is TermAction.REJECT:
            self._error(place, node, "a route that is rejected is not changed: leave out one of the two")
        return edits, action

    def _action(self, node: Node, place: _Place) -> TermAction:
        if isinstance(node, Scalar) and node.text in _ACTION_WORDS:
            return TermAction(node.text)
        what = short(node.text) if isinstance(node, Scalar) else node.noun
        near = nearest(node.text, _ACTION_WORDS) if isinstance(node, Scalar) else ""
        self._error(place, node, f"expected {', '.join(_ACTION_WORDS[:-1])} or {_ACTION_WORDS[-1]}, got {what}{near}")
        return TermAction.NEXT

    # -- values

    def _values(self, row: Row, node: Node, place: _Place) -> list[object]:
        """The values of a row: one, or a list where the row takes one."""
        if isinstance(node, Sequence) and not row.many:
            self._error(place, node, "expected one value, got a list")
            return []
        parts = node.items if isinstance(node, Sequence) else [node]
        if not parts:
            self._error(place, node, "an empty list means nothing")
        found: list[object] = []
        for part in parts:
            if not isinstance(part, Scalar) or part.noun == "nothing" or not part.text.isprintable():
                what = part.noun if not isinstance(part, Scalar) or part.noun == "nothing" else short(part.text)
                self._error(place, part, f"expected a value such as {row.example}, got {what}")
                continue
            try:
                found.append(row.parse(part.text.strip()))
            except ValueError as error:
                self._error(place, part, str(error))
        return found if len(found) == len(parts) else []

    def _pairs(self, node: Mapping, place: _Place) -> list[tuple[str, Node, Origin]]:
        """The pairs of a mapping; a key that is no text, or is there twice, is an error."""
        seen: dict[str, int] = {}
        found: list[tuple[str, Node, Origin]] = []
        for key, value in node.pairs:
            where = place.at(key)
            if not isinstance(key, Scalar) or not key.text or not key.text.isprintable():
                self._report.error(where, place.field, f"expected a key, got {key.noun}")
            elif key.text in seen:
                self._report.error(where, place.field, f"{key.text} is given twice, first on line {seen[key.text]}")
            else:
                seen[key.text] = key.line
                found.append((key.text, value, where))
        return found

    def _error(self, place: _Place, node: Node, text: str) -> None:
        self._report.error(place.at(node), place.field, text)
