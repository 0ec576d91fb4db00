"""Text -> resources. YAML as people write it (several documents, lists of kind List) and JSON as datastores keep it.

Both become the same tree, so there is one decoder. A resource with something wrong is left out, and every fault of
it is a `Problem` with the line of the field; the others of the same text are not touched by it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from bgpd.cluster import check
from bgpd.cluster.kinds import BY_API, KINDS, REFUSED, Kind, Resource
from bgpd.cluster.problem import Cause, Problem
from bgpd.cluster.resources import META
from bgpd.cluster.shapes import Fault, Place, absent
from bgpd.config.kinds import short
from bgpd.config.report import ConfigError, nearest, printable
from bgpd.config.yamltree import Mapping, Node, Scalar, Sequence, read_documents

_DEPTH: Final = 24  # metadata.managedFields of Kubernetes nests twelve levels
_LARGEST: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a text holds."""

    resources: tuple[Resource, ...] = ()
    problems: tuple[Problem, ...] = ()


def decode_yaml(text: str, where: str) -> Decoded:
    """The resources of a file. `where` is its name, for problems."""
    if len(text) > _LARGEST:
        return _broken(where, f"larger than {_LARGEST >> 20} MiB")
    try:
        trees = read_documents(text, where, _DEPTH)
    except ConfigError as error:
        return _broken("", error.lines[0])
    return _decode(trees, where)


def decode_json(data: bytes | str, where: str) -> Decoded:
    """The resource that a datastore keeps under the key `where`."""
    try:
        return _decode([tree_of_json(data)], where)
    except ValueError as error:
        return _broken(where, str(error))


def decode_spec(kind: Kind, data: bytes | str, meta: dict[str, str], where: str, **extra: str) -> Decoded:
    """A resource of which the datastore keeps nothing but the spec, as Calico does of blocks and claims.

    `meta` is what goes into `metadata`; `extra` are keys of the spec that stand in the datastore's key.
    """
    try:
        spec = tree_of_json(data)
    except ValueError as error:
        return _broken(where, str(error))
    if isinstance(spec, Mapping):
        spec = Mapping([*spec.pairs, *_quoted(extra).pairs], 0)
    body: list[tuple[Node, Node]] = [
        (Scalar("apiVersion", 0), Scalar(kind.api, 0, quoted=True)),
        (Scalar("kind", 0), Scalar(kind.name, 0, quoted=True)),
        (Scalar("metadata", 0), _quoted(meta)),
        (Scalar("spec", 0), spec),
    ]
    return _decode([Mapping(body, 0)], where)


def tree_of_json(data: bytes | str) -> Node:
    """JSON as the tree that YAML becomes. Raises ValueError (a plain sentence)."""
    if len(data) > _LARGEST:
        raise ValueError(f"larger than {_LARGEST >> 20} MiB")
    try:
        value = json.loads(data, object_pairs_hook=_Pairs, parse_int=_Bare, parse_float=_Bare, parse_constant=_Bare)
        return _tree(value, 0)
    except UnicodeDecodeError:
        raise ValueError("this is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"this is not JSON: {error.msg.lower()} (line {error.lineno})") from None
    except RecursionError:
        raise ValueError("nested too deep") from None


class _Bare(str):
    """The text of a JSON number."""

    __slots__ = ()


class _Pairs(list[tuple[str, Any]]):
    """A JSON object, with keys that are given twice still in it."""

    __slots__ = ()


def _tree(value: Any, depth: int) -> Node:
    if depth > _DEPTH:
        raise ValueError("nested too deep")
    if isinstance(value, _Pairs):
        return Mapping([(Scalar(key, 0), _tree(item, depth + 1)) for key, item in value], 0)
    if isinstance(value, list):
        return Sequence([_tree(item, depth + 1) for item in value], 0)
    if value is None:
        return Scalar("null", 0)
    if isinstance(value, bool):
        return Scalar("true" if value else "false", 0)
    return Scalar(str(value), 0, quoted=not isinstance(value, _Bare))


def _quoted(values: dict[str, str]) -> Mapping:
    return Mapping([(Scalar(key, 0), Scalar(value, 0, quoted=True)) for key, value in values.items()], 0)


def _broken(where: str, text: str) -> Decoded:
    return Decoded((), (Problem("", "", "", printable(text), where, Cause.SYNTAX),))


# -- one resource


def _decode(trees: list[Node], where: str) -> Decoded:
    found: list[Resource] = []
    problems: list[Problem] = []
    for tree in trees:
        for node in _flat(tree):
            one = _one(node, where)
            if isinstance(one, list):
                problems += one
            elif one is not None:
                found.append(one)
    return Decoded(tuple(found), tuple(problems))


def _flat(tree: Node) -> Iterator[Node]:
    """The members of a List, or the tree itself."""
    if isinstance(tree, Mapping):
        top = {key.text: value for key, value in tree.pairs if isinstance(key, Scalar)}
        kind, items = top.get("kind"), top.get("items")
        if isinstance(kind, Scalar) and kind.text.endswith("List") and isinstance(items, Sequence):
            yield from items.items
            return
    yield tree


def _one(tree: Node, where: str) -> Resource | list[Problem] | None:
    """The resource, or all that is wrong with it; None where the document is empty."""
    if absent(tree):
        return None
    if not isinstance(tree, Mapping):
        return _problems([Fault(tree.line, "", f"expected a resource, got {tree.noun}", Cause.SHAPE)], "", "", where)
    top = {key.text: value for key, value in tree.pairs if isinstance(key, Scalar)}
    api, word = _text(top.get("apiVersion")), _text(top.get("kind"))
    kind, name = BY_API.get((api, word)), _name(top.get("metadata"))
    if kind is None:
        fault = Fault(tree.line, "kind", *_unknown(api, word))
        return _problems([fault], word, name, where)
    place = Place()
    made = _read(kind, tree, top, place, where)
    if made is not None:
        for field, text, cause in check.check(made):
            place.faults.append(Fault(line_of(tree, field), field, text, cause))
    if place.faults or made is None:
        return _problems(place.faults, word, name, where)
    return made


def _read(kind: Kind, tree: Mapping, top: dict[str, Node], place: Place, where: str) -> Resource | None:
    for key, value in tree.pairs:
        text = _text(key)
        if text not in ("apiVersion", "kind", "metadata", "spec", "status"):
            hint = nearest(text, ("metadata", "spec", "status"))
            place.inside(text or "key").fault(value, f"unknown key{hint}")
    meta = META.read(top.get("metadata") or Mapping([], tree.line), place.inside("metadata"))
    found = kind.spec.values(top.get("spec") or Mapping([], tree.line), place.inside("spec"))
    status = top.get("status")
    if found is not None and kind.status is not None and isinstance(status, Mapping):
        found |= kind.status.values(status, place.inside("status")) or {}
    if place.faults or found is None:
        return None
    at = f"{where}:{tree.line}" if tree.line else where
    made: Resource = kind.make(meta=replace(meta, where=at), **found)
    return made


def _unknown(api: str, word: str) -> tuple[str, Cause]:
    """Why a kind is not read."""
    if word in REFUSED:
        return f"{word} is not read: {REFUSED[word]}", Cause.REFUSED
    known = [kind for kind in KINDS if kind.name == word]
    if known:
        return f"{word} is read as {' or '.join(k.api for k in known)}, not as {short(api)}", Cause.SHAPE
    return f"unknown kind {short(word)} of {short(api)}{nearest(word, [k.name for k in KINDS])}", Cause.SHAPE


def _problems(faults: list[Fault], kind: str, name: str, where: str) -> list[Problem]:
    def at(line: int) -> str:
        return f"{where}:{line}" if line else where

    return [Problem(kind, name, f.field, printable(f.text), at(f.line), f.cause) for f in faults]


def _text(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) and node.text.isprintable() else ""


def _name(node: Node | None) -> str:
    if isinstance(node, Mapping):
        for key, value in node.pairs:
            if _text(key) == "name":
                return _text(value)[:253]
    return ""


def line_of(tree: Node, field: str) -> int:
    """The line of "spec.importV4[0].cidr", or of the nearest thing around it that is there."""
    line, node = tree.line, tree
    for word in field.replace("[", ".[").split("."):
        inner: Node | None = None
        if word.startswith("[") and isinstance(node, Sequence):
            number = int(word[1:-1])
            inner = node.items[number] if number < len(node.items) else None
        elif isinstance(node, Mapping):
            for key, value in node.pairs:
                if _text(key) == word:
                    inner, line = value, key.line
                    break
        if inner is None:
            return line
        node, line = inner, max(line, inner.line) if isinstance(inner, Scalar) else line
    return line
