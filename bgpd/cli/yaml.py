"""JSON values as YAML that people read, and that means the same to every parser of it."""

import json
import re
from typing import Any, Final

#: what needs no quotes in any version of YAML
_PLAIN: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*", re.ASCII)
_WORDS: Final = frozenset(["true", "false", "yes", "no", "on", "off", "null", "y", "n"])


def as_yaml(value: Any, indent: int = 0) -> str:
    """A mapping, a list or a scalar, in lines."""
    pad = " " * indent
    if isinstance(value, dict) and value:
        return "".join(f"{pad}{_scalar(key)}:{_behind(item, indent + 2)}" for key, item in value.items())
    if isinstance(value, list) and value:
        return "".join(f"{pad}- {as_yaml(item, indent + 2).lstrip()}" for item in value)
    return f"{pad}{_scalar(value)}\n"


def _behind(value: Any, indent: int) -> str:
    """What follows a key."""
    if isinstance(value, dict | list) and value:
        return "\n" + as_yaml(value, indent)
    return f" {_scalar(value)}\n"


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if isinstance(value, str):  # YAML's escapes are JSON's, but for what lies beyond the first 65,536 characters
        return '"' + "".join(_escaped(char) for char in value) + '"'
    return json.dumps(value)


def _escaped(char: str) -> str:
    if ord(char) > 0xFFFF:
        return f"\\U{ord(char):08x}"
    return f"\\x{ord(char):02x}" if char == "\x7f" else json.dumps(char)[1:-1]
