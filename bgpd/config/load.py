"""The YAML file -> items, each with its line.

The file is a mapping of settings. `peer` is a list (or one) of strings as after --peer, or of mappings with an
`address`; `announce` and `listen` are lists (or one). What a value means is judged later, with those of flags and
environment; here only its shape is: "expected a number, got a list".
"""

from pathlib import Path
from typing import Final

from bgpd.config.flags import read_peer
from bgpd.config.kinds import short
from bgpd.config.origin import Collected, Item, Layer, Origin, PeerItem
from bgpd.config.policies import SECTIONS, Reader, inline_name
from bgpd.config.report import ConfigError, Report, nearest
from bgpd.config.settings import BY_NAME, PEER_BY_NAME, RANGE_BY_NAME, Setting, Shape
from bgpd.config.yamltree import Mapping, Node, Scalar, Sequence, read_tree

_LARGEST: Final = 4 << 20  # octets; a thousand neighbors need a tenth of that


def load(path: str, report: Report) -> Collected:
    """Read the file. A file that cannot be read or parsed is one error; a file that is empty says nothing."""
    try:
        return interpret(read_text(path), path, report)
    except ConfigError as error:
        report.errors += error.lines
        return Collected({}, [])


def read_text(path: str) -> str:
    """The file's text. Raises ConfigError where there is none."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError([f"{path}: cannot read the configuration: {why.lower()}"]) from None
    if len(data) > _LARGEST:
        raise ConfigError([f"{path}: larger than {_LARGEST >> 20} MiB, which is no configuration"])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}:{line}: not UTF-8 text"]) from None


def interpret(text: str, name: str, report: Report) -> Collected:
    """The items of one document. Raises ConfigError where it is no YAML."""
    tree = read_tree(text, name)
    collected = Collected({}, [])
    if tree is None or (isinstance(tree, Scalar) and tree.noun == "nothing"):
        return collected
    if not isinstance(tree, Mapping):
        raise ConfigError([f"{name}:{tree.line}: expected settings (key: value), got {tree.noun}"])
    sections: dict[str, Node] = {}
    for key, node, origin in _entries(tree, name, "", report):
        setting = BY_NAME.get(key)
        if key in SECTIONS:
            sections[key] = node
        elif setting is None or not setting.in_file:
            known = [*[row.name for row in BY_NAME.values() if row.in_file], *SECTIONS]
            why = "has no place in the file: it is a flag" if setting else f"unknown key{nearest(key, known)}"
            report.errors.append(f"{origin.text}: {key}: {why}")
        elif setting.shape is Shape.PEERS:
            collected.peers += _peers(node, name, report)
        elif setting.shape is Shape.RANGES:
            collected.ranges += _peers(node, name, report, key)
        elif items := _items(setting, key, node, name, report):
            collected.items[key] = items
    _read_policies(collected, sections, name, report)
    return collected


def _read_policies(collected: Collected, sections: dict[str, Node], name: str, report: Report) -> None:
    """Sets, then policies, then the terms that stand in a neighbor's `import` and `export`."""
    reader = Reader(name, report)
    for key in SECTIONS:
        if key in sections:
            reader.section(key, sections[key])
    for peer in (*collected.peers, *collected.ranges):
        for key, node in peer.inline.items():
            reader.policy(peer.fields[key].text, node, peer.fields[key].origin)
    collected.book = reader.book


def _entries(tree: Mapping, name: str, prefix: str, report: Report) -> list[tuple[str, Node, Origin]]:
    """The pairs of a mapping with text for keys; another key, or one that is there twice, is an error."""
    seen: dict[str, int] = {}
    found: list[tuple[str, Node, Origin]] = []
    for key, node in tree.pairs:
        origin = Origin(Layer.FILE, name, key.line)
        if not isinstance(key, Scalar):
            report.errors.append(f"{origin.text}: {prefix}expected a key, got {key.noun}")
        elif not key.text.isprintable() or not key.text:
            report.errors.append(f"{origin.text}: {prefix}expected a key, got {short(key.text)}")
        elif key.text in seen:
            report.errors.append(f"{origin.text}: {prefix}{key.text}: given twice, first on line {seen[key.text]}")
        else:
            seen[key.text] = key.line
            found.append((key.text, node, origin))
    return found


def _items(setting: Setting, field: str, node: Node, name: str, report: Report) -> list[Item]:
    """The items of one setting; fewer, and errors, where a shape is wrong."""
    nodes: list[Node] = [node]
    if setting.shape is Shape.LIST or (setting.name == "families" and isinstance(node, Sequence)):
        nodes = node.items if isinstance(node, Sequence) else nodes
    found = []
    for part in nodes:
        origin = Origin(Layer.FILE, name, part.line)
        why = _shape(setting, part)
        if why:
            report.error(origin, field, why)
        elif isinstance(part, Scalar):
            found.append(Item(part.text, origin))
    if setting.name == "families" and len(found) > 1:  # a list in YAML, one word elsewhere
        return [Item("+".join(item.text for item in found), found[0].origin)]
    return found


def _shape(setting: Setting, node: Node) -> str:
    """What is wrong with the form of a value, or nothing."""
    kind = setting.kind
    if not isinstance(node, Scalar):
        return f"expected {kind.noun}, got {node.noun}"
    noun = node.noun
    if noun == "nothing":
        return f"expected {kind.noun}, got nothing"
    if node.quoted and not kind.quoted:
        return f"expected {kind.noun}, got a string ({short(node.text)} is in quotes)"
    if kind.words and noun != "a string":
        return f'expected {kind.noun}, got {noun}; where the word is meant, quote it: "{node.text}"'
    return ""


def _peers(node: Node, name: str, report: Report, kind: str = "peer") -> list[PeerItem]:
    """The neighbors of `peer:`, or the ranges of `listen-range:`."""
    head = "ADDR" if kind == "peer" else "PREFIX"
    found: list[PeerItem] = []
    for part in node.items if isinstance(node, Sequence) else [node]:
        origin = Origin(Layer.FILE, name, part.line)
        if isinstance(part, Mapping):
            peer = _peer(part, PeerItem({}, origin, kind), name, report)
        elif isinstance(part, Scalar) and part.noun != "nothing":
            peer = read_peer(part.text, origin, report, kind)
        else:
            report.error(origin, kind, f"expected {head}[,KEY=VALUE...] or a mapping, got {part.noun}")
            continue
        if peer is not None:
            found.append(peer)
    return found


def _peer(tree: Mapping, peer: PeerItem, name: str, report: Report) -> PeerItem | None:
    """One neighbor or range written as a mapping; None (and an error) where nothing says which."""
    settings = PEER_BY_NAME if peer.kind == "peer" else RANGE_BY_NAME
    entries = _entries(tree, name, f"{peer.kind}: ", report)
    keys = {key for key, _, _ in entries}
    head = "interface" if peer.kind == "peer" and peer.head not in keys else peer.head
    title = next((node.text for key, node, _ in entries if key == head and isinstance(node, Scalar)), "")
    field = f"{peer.kind} {title}" if title.isprintable() and title else peer.kind
    for key, node, where in entries:
        setting = settings.get(key)
        if setting is None:
            report.error(where, field, f"unknown key {short(key)}{nearest(key, settings)}")
        elif key in ("import", "export") and isinstance(node, Sequence):
            peer.fields[key] = Item(inline_name(peer.kind, title, key), where)
            peer.inline[key] = node
        elif items := _items(setting, f"{field}: {key}", node, name, report):
            peer.fields[key] = items[0]
    if head not in keys:
        what = "a neighbor without an address (or an interface)" if peer.kind == "peer" else "a range without a prefix"
        report.error(peer.origin, peer.kind, what)
        return None
    return peer if head in peer.fields else None
