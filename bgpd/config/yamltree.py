"""YAML text -> a small tree that remembers its lines.

PyYAML's constructor turns text into Python values and forgets where they stood; here its event stream is folded
into three kinds of node instead. Text stays text (so `64512:1` or `1.10` or `no` cannot turn into something
else), duplicate keys are still visible, and depth is bounded, which bounds the time too: our settings nest two
levels, and flow brackets without end cost quadratic time in any YAML scanner.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

from bgpd.config.report import ConfigError

_DEPTH: Final = 10
_NODES: Final = 200_000  # aliases are not followed twice, so this is a bound on memory, not on neighbors
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml: a tenth of the time

_NULL: Final = re.compile(r"~|null|Null|NULL|")
_BOOLEAN: Final = re.compile(r"(?:yes|no|true|false|on|off)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|[-+]?\.[0-9]+|0x[0-9a-fA-F]+")
_SEXAGESIMAL: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")


@dataclass(slots=True)
class Scalar:
    """A piece of text, and whether it stood in quotes."""

    text: str
    line: int
    quoted: bool = False

    @property
    def noun(self) -> str:
        """What YAML 1.1 makes of it, with an article."""
        if self.quoted:
            return "a string"
        if _NULL.fullmatch(self.text):
            return "nothing"
        if _BOOLEAN.fullmatch(self.text):
            return "a boolean"
        if _NUMBER.fullmatch(self.text) or _SEXAGESIMAL.fullmatch(self.text):
            return "a number"
        return "a string"


@dataclass(slots=True)
class Sequence:
    """A list."""

    items: "list[Node]"
    line: int
    noun: str = "a list"


@dataclass(slots=True)
class Mapping:
    """Keys and values in the order of the file; a key may occur twice, and may be no scalar."""

    pairs: "list[tuple[Node, Node]]"
    line: int
    noun: str = "a mapping"


Node = Scalar | Sequence | Mapping


def read_tree(text: str, name: str) -> Node | None:
    """The tree of one YAML document; None where there is nothing but comments.

    Raises ConfigError (one line, `name:line: ...`) for a syntax error and for what we do not use: several
    documents, tags, anchors, more than a few levels.
    """
    found = _read(text, name, _DEPTH, many=False)
    return found[0] if found else None


def read_documents(text: str, name: str, depth: int) -> list[Node]:
    """The trees of all documents in a text, `---` between them; those with nothing but comments are left out.

    Raises ConfigError as `read_tree` does. `depth`: how deep they may nest.
    """
    return _read(text, name, depth, many=True)


def _read(text: str, name: str, depth: int, *, many: bool) -> list[Node]:
    try:
        return _fold(yaml.parse(text, Loader=_LOADER), name, depth, many=many)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, max(error.position, 0)) + 1
        raise ConfigError([f"{name}:{line}: a control character, which YAML does not allow"]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError([f"{name}:{mark.line + 1 if mark else 1}: {_syntax(error, text)}"]) from None
    except yaml.YAMLError:
        raise ConfigError([f"{name}:1: this is not YAML"]) from None


def _fold(events: Any, name: str, depth: int, *, many: bool) -> list[Node]:
    """Fold the events into trees. A stack, not recursion: depth is data from a file."""
    roots: list[Node] = []
    stack: list[Sequence | Mapping] = []
    keys: list[Node | None] = []  # the key that waits for its value, one for each level of `stack`
    count = 0
    for event in events:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent) and roots and not many:
            raise ConfigError([f"{name}:{line}: a second document; one file is one configuration"])
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ConfigError([f"{name}:{line}: anchors and aliases (& and *) are not used here"])
        if getattr(event, "tag", None) not in (None, "!"):
            raise ConfigError([f"{name}:{line}: tags (!) are not used here"])
        if isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            stack.pop()
            keys.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        node = _node(event, line)
        count += 1
        if len(stack) >= depth or count > _NODES:
            raise ConfigError([f"{name}:{line}: nested too deep" if len(stack) >= depth else f"{name}: too long"])
        if not stack:
            roots.append(node)
        else:
            _attach(stack[-1], keys, node)
        if not isinstance(node, Scalar):
            stack.append(node)
            keys.append(None)
    return roots


def _node(event: Any, line: int) -> Node:
    if isinstance(event, yaml.ScalarEvent):
        return Scalar(event.value, line, bool(event.style))
    return Sequence([], line) if isinstance(event, yaml.SequenceStartEvent) else Mapping([], line)


def _attach(parent: Sequence | Mapping, keys: list[Node | None], node: Node) -> None:
    if isinstance(parent, Sequence):
        parent.items.append(node)
    elif (key := keys[-1]) is None:
        keys[-1] = node
    else:
        parent.pairs.append((key, node))
        keys[-1] = None


def _syntax(error: Any, text: str) -> str:
    """A syntax error in words of ours, for the mistakes that people make in files like this one."""
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    problem = f"{error.context or ''} {error.problem or ''}"
    if "\t" in line[: len(line) - len(line.lstrip())] or "tab" in problem or "'\\t'" in problem:
        return "YAML syntax: a tab in the indentation; YAML allows spaces only"
    if re.search(r"(?:^|[\s:-])\[[0-9a-fA-F:.]*\]:", line):
        return 'YAML syntax: an address in brackets must stand in quotes: "[::]:179"'
    if "flow sequence" in problem or "flow mapping" in problem or "flow node" in problem:
        return "YAML syntax: a [ or { that is not closed, or a , that is missing"
    if "quoted scalar" in problem:
        return "YAML syntax: a quote that is not closed"
    if "mapping values are not allowed" in problem:
        return "YAML syntax: a second ': ' in one line; quote the value, or indent the line as the others"
    if "simple key" in problem:
        return "YAML syntax: a line without ':'"
    if "cannot start any token" in problem:
        return "YAML syntax: a value that begins with a character that YAML keeps for itself (@ ` %); quote it"
    if "block" in problem:
        return "YAML syntax: indented otherwise than its neighbors"
    return f"YAML syntax: {' '.join(str(error.problem or 'not understood').split())}"
