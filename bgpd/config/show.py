"""`--check`: the effective configuration as a YAML file, with where each value came from as comments.

What is printed can be loaded again and means the same (a test does so). A line that is a comment altogether is
a default that follows from something else, such as what an eBGP neighbor without `import` gets.
"""

import re
from typing import Any, Final

from bgpd.config.kinds import FILE, SOCKET
from bgpd.config.origin import DEFAULT
from bgpd.config.settings import PEER_SETTINGS, RANGE_SETTINGS, SETTINGS, Setting, Shape
from bgpd.config.showpolicy import show_book
from bgpd.config.values import PeerValues, Values
from bgpd.model import text_of

_PLAIN: Final = re.compile(r"[A-Za-z0-9/](?:[A-Za-z0-9_./+:-]*[A-Za-z0-9_./+-])?", re.ASCII)
_TRAPS: Final = re.compile(r"(?:[0-9].*|yes|no|true|false|on|off|null|y|n)", re.IGNORECASE)
_COLUMN: Final = 42


def show(values: Values) -> str:
    """The text of `--check`, with a newline at its end."""
    lines: list[str] = []
    for setting in SETTINGS:
        if not setting.in_file:
            continue
        if setting.shape is Shape.PEERS:
            lines += _peers(values)
        elif setting.shape is Shape.RANGES:
            lines += _ranges(values)
        elif setting.shape is Shape.LIST:
            lines += _list(setting, values)
        else:
            lines += _row("", setting, values.get(setting.name), values.at(setting.name).text)
    lines += show_book(values.book)
    return "\n".join(lines) + "\n"


def _list(setting: Setting, values: Values) -> list[str]:
    given = values.all(setting.name)
    if not given:
        return [_line(f"# {setting.name}: {setting.default_words}", DEFAULT.text)]
    rows = [_line(f"  - {_scalar(setting, value.value)}", value.origin.text) for value in given]
    return [f"{setting.name}:", *rows]


def _peers(values: Values) -> list[str]:
    if not values.peers:
        return [_line("# peer: none", DEFAULT.text)]
    asn: int = values.get("asn")
    lines = ["peer:"]
    for peer in values.peers:
        rows = [line for setting in PEER_SETTINGS for line in _key(setting, peer, asn)]
        lines += ["  - " + rows[0], *("    " + row for row in rows[1:])]
    return lines


def _ranges(values: Values) -> list[str]:
    if not values.ranges:
        return [_line("# listen-range: none", DEFAULT.text)]
    asn: int = values.get("asn")
    lines = ["listen-range:"]
    for peer in values.ranges:
        rows = [line for setting in RANGE_SETTINGS for line in _key(setting, peer, asn)]
        lines += ["  - " + rows[0], *("    " + row for row in rows[1:])]
    return lines


def _key(setting: Setting, peer: PeerValues, asn: int) -> list[str]:
    """The line of one key of one neighbor."""
    name = setting.name
    if name in peer.fields:
        return _row("", setting, peer.get(name), peer.at(name).text)
    external = peer.get("asn") not in (None, "internal", peer.get("local-as") or asn)
    implied = {
        "asn": str(asn),
        "name": text_of(peer.get("address") or b"", peer.get("interface") or ""),
        "import": "none" if external else "all",
        "export": "none" if external else "own",
        "keepalive-time": str(min(peer.get("keepalive-time"), peer.get("hold-time") // 3)),
    }
    if name in implied:
        why = "default: ours" if name == "asn" else "default"
        if name in ("import", "export"):
            why = "default for eBGP (RFC 8212)" if external else "default for iBGP"
        return [_line(f"# {name}: {implied[name]}", why)]
    return _row("", setting, peer.get(name), DEFAULT.text)


def _row(indent: str, setting: Setting, value: Any, origin: str) -> list[str]:
    if value is None and setting.default is None:
        return [_line(f"{indent}# {setting.name}: {setting.default_words}", origin)]
    if setting.name == "hostname" and (not value or origin == "the machine's name"):
        return [_line(f"{indent}# hostname: {value}", origin)]
    return [_line(f"{indent}{setting.name}: {_scalar(setting, value)}", origin)]


def _line(text: str, comment: str) -> str:
    return f"{text:<{_COLUMN}} # {comment}"


def _scalar(setting: Setting, value: Any) -> str:
    """The value's text, in quotes where YAML would trip over it."""
    text = setting.kind.show(value)
    words = setting.kind.words or setting.kind in (FILE, SOCKET)
    if not setting.kind.quoted or (_PLAIN.fullmatch(text) and not (words and _TRAPS.fullmatch(text))):
        return text
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return f'"{escaped}"'
