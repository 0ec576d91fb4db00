"""Routes of the kernel to announce, as they are written in a setting: whose, and which of them."""

import re
from typing import Final

from bgpd.config.kinds import NAME, Kind, short
from bgpd.config.report import nearest
from bgpd.model import Redistribute

#: Who writes routes, as in /etc/iproute2/rt_protos -> rtm_protocol. What the kernel itself makes is "connected".
PROTOCOLS: Final = {
    "boot": 3, "static": 4, "ra": 9, "zebra": 11, "bird": 12, "dhcp": 16, "babel": 42, "openr": 99, "bgp": 186,
    "isis": 187, "ospf": 188, "rip": 189, "eigrp": 192,
}  # fmt: skip
_CONNECTED: Final = "connected"
_KERNEL: Final = 2  # rtm_protocol of what the kernel makes from addresses
_MAIN: Final = 254
_LOCAL: Final = 255
_PATTERN: Final = re.compile(r"[^\s/,=]{1,15}")


def parse_redistribute(text: str) -> Redistribute:
    """`connected|PROTOCOL[,interface=PATTERN]...[,table=N][,policy=NAME]`. Raises ValueError."""
    word, *options = [part.strip() for part in text.split(",")]
    protocol = _protocol(word)
    table, policy, interfaces = _MAIN, "", []
    seen = set()
    for option in options:
        key, equals, value = option.partition("=")
        if key not in ("interface", "table", "policy") or not equals:
            known = ("interface", "table", "policy")
            raise ValueError(
                f"after {word} expected interface=PATTERN, table=N or policy=NAME, got {short(option)}"
                f"{nearest(key, known)}"
            )
        if key in seen and key != "interface":
            raise ValueError(f"{key} is given twice")
        seen.add(key)
        if key == "interface":
            if not _PATTERN.fullmatch(value):
                raise ValueError(f"interface: expected a name or a pattern as eth*, got {short(value)}")
            interfaces.append(value)
        elif key == "policy":
            policy = NAME.parse(value)
        else:
            table = _table(value, protocol)
    return Redistribute(
        protocol=protocol,
        table=table,
        interfaces=tuple(dict.fromkeys(interfaces)),
        policy_name=policy,
        name=" ".join([_word(protocol), *interfaces, *([f"table {table}"] if table != _MAIN else [])]),
    )


def _protocol(word: str) -> int:
    if word == _CONNECTED:
        return 0
    if word in PROTOCOLS:
        return PROTOCOLS[word]
    if word in ("kernel", str(_KERNEL)):
        raise ValueError(f"the kernel's own routes are those of our links' prefixes: say {_CONNECTED}")
    if word.isascii() and word.isdecimal() and len(word) < 4 and _KERNEL < int(word) < 256:
        return int(word)
    words = (_CONNECTED, *PROTOCOLS)
    raise ValueError(
        f"expected {', '.join(words)} or a protocol number (3 to 255), got {short(word)}{nearest(word, words)}"
    )


def _table(value: str, protocol: int) -> int:
    if not protocol:
        raise ValueError(f"{_CONNECTED} prefixes are in no table: they come from addresses; leave table out")
    if not (value.isascii() and value.isdecimal() and len(value) <= 10 and 0 < int(value) < 1 << 32):
        raise ValueError(f"table: expected a number from 1 to 4294967295, got {short(value)}")
    if int(value) == _LOCAL:
        raise ValueError(f"table {_LOCAL} is the kernel's own: {_CONNECTED} announces what is in it")
    return int(value)


def _word(protocol: int) -> str:
    names = {number: name for name, number in PROTOCOLS.items()}
    return names.get(protocol, str(protocol)) if protocol else _CONNECTED


def show_redistribute(entry: Redistribute) -> str:
    """The words that give this value."""
    parts = [_word(entry.protocol), *[f"interface={pattern}" for pattern in entry.interfaces]]
    if entry.table != _MAIN:
        parts.append(f"table={entry.table}")
    if entry.policy_name:
        parts.append(f"policy={entry.policy_name}")
    return ",".join(parts)


REDISTRIBUTE: Final = Kind("whose routes to announce", parse_redistribute, show_redistribute)
