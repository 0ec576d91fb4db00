"""Text -> value: one kind a row, each with the words that its errors use.

Every kind parses the text as it stands in the file, never what YAML makes of it: `64512:1` is not sixty-minute
arithmetic here, `1.10` keeps its zero and `010` is refused instead of being eight. What YAML's resolver would
have called the scalar is used for one thing only, to refuse a bare `yes` or `12` where words are meant.
A parser raises ValueError with the rest of a sentence that begins "file:line: field: ".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from bgpd.model import (
    AddPath,
    AsnRule,
    ExportRule,
    GracefulRestart,
    ImportRule,
    LimitAction,
    NextHopRule,
    OnStop,
    Overlay,
    PolicySpec,
    PoolSpec,
    Role,
)
from bgpd.wire.family import BY_NAME, FAMILIES, Family
from bgpd.wire.prefix import covers, format_address, format_prefix, parse_address, parse_prefix

AS_TRANS: Final = 23456  # RFC 6793 section 9
_REFUSED_ASNS: Final = {
    0: "0 is reserved (RFC 7607)",
    AS_TRANS: "23456 is AS_TRANS, a stand-in for large AS numbers (RFC 6793)",
    65535: "65535 is reserved (RFC 7300)",
    4294967295: "4294967295 is reserved (RFC 7300)",
}
_DIGITS: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,62}", re.ASCII)
_INTERFACE: Final = re.compile(r"[A-Za-z0-9_.:@-]{1,15}", re.ASCII)
_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of value is written, read and printed."""

    noun: str  #: after "expected ": "a number"
    parse: Callable[[str], Any]
    show: Callable[[Any], str] = str
    quoted: bool = True  #: may stand in quotes in YAML
    words: bool = False  #: words are meant: a bare YAML boolean, number or null is a mistake


def short(text: str) -> str:
    """Text of a stranger, safe and short enough for one line."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


# numbers


def _whole(text: str, noun: str = "a number") -> int:
    if not _DIGITS.fullmatch(text):
        raise ValueError(f"expected {noun}, got {short(text)}")
    if len(text) > 1 and text[0] == "0":
        raise ValueError(f"{text} begins with 0, which some read as octal; write {text.lstrip('0') or '0'}")
    return int(text)


def number(low: int, high: int, refused: dict[int, str] | None = None) -> Kind:
    """Whole numbers from `low` to `high`; `refused` gives the reason against single ones."""

    def parse(text: str) -> int:
        value = _whole(text)
        if refused and value in refused:
            raise ValueError(refused[value])
        if not low <= value <= high:
            raise ValueError(f"{value} is not between {low} and {high}")
        return value

    return Kind("a number", parse, quoted=False)


def seconds(low: float, high: float) -> Kind:
    """Seconds, with a decimal point where wanted."""

    def parse(text: str) -> float:
        if not _SECONDS.fullmatch(text):
            raise ValueError(f"expected a number of seconds, got {short(text)}")
        value = float(text)
        if not low <= value <= high:
            raise ValueError(f"{text} is not between {low:g} and {high:g} seconds")
        return value

    return Kind("a number of seconds", parse, lambda value: f"{value:g}", quoted=False)


def parse_asn(text: str) -> int:
    """An AS number, plain or as asdot (RFC 5396: `1.10` is 65546)."""
    high, dot, low = text.partition(".")
    if dot and _DIGITS.fullmatch(high) and _DIGITS.fullmatch(low):
        if int(high) > 65535 or int(low) > 65535:
            raise ValueError(f"{short(text)}: each half of an asdot number is at most 65535")
        value = int(high) << 16 | int(low)
    else:
        value = _whole(text)
    if value in _REFUSED_ASNS:
        raise ValueError(_REFUSED_ASNS[value])
    if value > 4294967295:
        raise ValueError(f"{value} is not between 1 and 4294967294")
    return value


def parse_peer_asn(text: str) -> int | AsnRule | str:
    """A neighbor's AS: a number, or whom its OPEN may name."""
    if text == "internal":
        return text
    if text in ("external", "any"):
        return AsnRule(text)
    if text.isalpha():
        raise ValueError(f"expected a number, internal, external or any, got {short(text)}")
    return parse_asn(text)


def private_asn(asn: int) -> bool:
    """For private use (RFC 6996 section 5)."""
    return 64512 <= asn <= 65534 or 4200000000 <= asn <= 4294967294


def _hold_time(text: str) -> int:
    value = _whole(text)
    if value in (1, 2) or value > 65535:  # RFC 4271 section 4.2
        raise ValueError(f"{value} is neither 0 (no keepalives) nor between 3 and 65535 seconds (RFC 4271)")
    return value


def _table(text: str) -> int:
    names = {"main": 254, "default": 253}
    if text in names:
        return names[text]
    value = _whole(text, "a table number, main or default")
    if value == 255:
        raise ValueError("table 255 is the kernel's own (local)")
    if not 1 <= value <= 4294967295:
        raise ValueError(f"{value} is not between 1 and 4294967295")
    return value


# addresses


def parse_ip(text: str) -> bytes:
    """An address, packed."""
    try:
        return parse_address(text)
    except ValueError:
        hint = ""
        if "/" in text:
            hint = " (an address has no prefix length)"
        elif "%" in text:
            hint = " (an interface is written interface=NAME)"
        raise ValueError(f"expected an IPv4 or IPv6 address, got {short(text)}{hint}") from None


def _peer_address(text: str) -> bytes:
    try:
        packed = parse_ip(text)
    except ValueError:
        host, colon, port = text.rpartition(":")
        if colon and _DIGITS.fullmatch(port) and _is_address(host.strip("[]")):
            raise ValueError(f"{short(text)}: a port is written port={port}") from None
        raise
    if why := _unusable(packed):
        raise ValueError(f"{text} {why}, not a neighbor")
    return packed


def _source_address(text: str) -> bytes:
    packed = parse_ip(text)
    if why := _unusable(packed):
        raise ValueError(f"{text} {why}, not a source address")
    return packed


def _is_address(text: str) -> bool:
    try:
        parse_address(text)
    except ValueError:
        return False
    return True


def _unusable(packed: bytes) -> str:
    """Why no BGP session can have this address at one of its ends, or nothing."""
    if not any(packed):
        return "is the unspecified address"
    if len(packed) == 4:
        if 224 <= packed[0] <= 239:
            return "is a multicast address"
        if packed[0] >= 240 or packed[0] == 0:
            return "is a reserved address"
    elif packed[0] == 0xFF:
        return "is a multicast address"
    elif packed[:12] == b"\0" * 10 + b"\xff\xff":
        return f"is an IPv4 address in IPv6 clothes (write {format_address(packed[12:])})"
    return ""


def _interface(text: str) -> str:
    if not _INTERFACE.fullmatch(text) or text in (".", ".."):
        raise ValueError(f"expected the name of an interface (at most 15 characters), got {short(text)}")
    return text


def _range(text: str) -> tuple[Family, bytes]:
    """The prefix of a listen range; unlike an announced one it may be short, and link-local."""
    if "/" not in text or len(text) > 80:
        raise ValueError(f"expected a prefix such as 10.0.0.0/24, got {short(text)}")
    return parse_prefix(text)


def _router_id(text: str) -> bytes:
    try:
        packed = parse_address(text)
    except ValueError:
        packed = b""
    if len(packed) != 4:
        raise ValueError(f"expected four octets written as an IPv4 address, got {short(text)}")
    if not any(packed):
        raise ValueError("0.0.0.0 is no router id (RFC 6286)")
    return packed


#: What nobody may announce: prefix, and what it is. Anything that overlaps one of them is refused.
_NEVER: Final = (
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("0.0.0.0/8", "reserved"),
    ("::1/128", "loopback"),
    ("::/128", "reserved"),
    ("::ffff:0.0.0.0/96", "IPv4-mapped"),
    ("fe80::/10", "link-local"),
    ("ff00::/8", "multicast"),
)


def _prefix(text: str) -> tuple[Family, bytes]:
    if "/" not in text:
        if _is_address(text):
            raise ValueError(f"{text} has no prefix length; for this one address write {text}/{_bits(text)}")
        raise ValueError(f"expected a prefix such as 10.244.1.0/24, got {short(text)}")
    if len(text) > 80:
        raise ValueError(f"expected a prefix such as 10.244.1.0/24, got {short(text)}")
    family, prefix = parse_prefix(text)
    if prefix[0] == 0:
        raise ValueError(f"{text} is the default route, which is not announced")
    for other, what in _NEVER:
        other_family, packed = parse_prefix(other)
        if family is other_family and (covers(packed, prefix) or covers(prefix, packed)):
            relation = "is" if covers(packed, prefix) else "contains"
            raise ValueError(f"{text} {relation} {what} ({other}), which is not announced")
    return family, prefix


def _pool(text: str) -> PoolSpec:
    """`PREFIX[,overlay=MODE]`."""
    head, comma, rest = text.partition(",")
    family, prefix = _prefix(head.strip())
    if not comma:
        return PoolSpec(family=family, prefix=prefix)
    key, _, value = rest.strip().partition("=")
    if key != "overlay":
        raise ValueError(
            f"after the prefix expected overlay=never, overlay=cross-subnet or overlay=always, got {short(key)}"
        )
    return PoolSpec(family=family, prefix=prefix, overlay=OVERLAY.parse(value))


def _show_pool(pool: PoolSpec) -> str:
    return f"{format_prefix(pool.family, pool.prefix)},overlay={pool.overlay.value}"


def _bits(address: str) -> int:
    return len(parse_address(address)) * 8


def _endpoint(text: str, port: int | None) -> tuple[str, int]:
    """`ADDR:PORT`, `[V6]:PORT`, `:PORT` (host is empty), `ADDR` where a port is known."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and rest[0] != ":"):
            raise ValueError(f"expected [ADDRESS]:PORT, got {short(text)}")
        if len(_packed(host, text)) != 16:
            raise ValueError(f"{short(text)}: brackets are for IPv6 addresses")
        tail = rest[1:] if rest else None
    elif text.count(":") > 1:  # a bare IPv6 address
        host, tail = text, None
    else:
        host, colon, tail_text = text.partition(":")
        tail = tail_text if colon else None
    if tail is None:
        if _DIGITS.fullmatch(host):
            raise ValueError(f"expected ADDRESS:PORT, got {short(text)}; did you mean :{host}?")
        if port is None:
            raise ValueError(f"expected ADDRESS:PORT, got {short(text)}")
        number_ = port
    else:
        number_ = _whole(tail, "a port number")
    if not 1 <= number_ <= 65535:
        raise ValueError(f"{short(text)}: port {number_} is not between 1 and 65535")
    return (format_address(_packed(host, text)) if host else ""), number_


def _packed(host: str, text: str) -> bytes:
    try:
        return parse_address(host)
    except ValueError:
        raise ValueError(f"expected an address and a port, got {short(text)}") from None


def _listen(text: str) -> tuple[str, int]:
    return _endpoint(text, 179)


def _metrics(text: str) -> tuple[str, int] | None:
    return None if text in ("off", "no", "false") else _endpoint(text, None)


def show_endpoint(value: tuple[str, int] | None) -> str:
    """The text of an endpoint, as it may be written."""
    if value is None:
        return "off"
    host, port = value
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# words


def parse_switch(text: str) -> bool:
    """A boolean, in YAML 1.1's own words and 1 and 0 for the environment."""
    word = text.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"expected true or false, got {short(text)}")


def choice(*options: str, make: Callable[[str], Any] = str, show: Callable[[Any], str] = str) -> Kind:
    """One of a few words."""
    noun = f"{', '.join(options[:-1])} or {options[-1]}"

    def parse(text: str) -> Any:
        if text not in options:
            raise ValueError(f"expected {noun}, got {short(text)}")
        return make(text)

    return Kind(noun, parse, show)


def _import(text: str) -> ImportRule | str:
    return ImportRule(text) if text in ("all", "none") else _name(text)


def _export(text: str) -> ExportRule | str:
    return ExportRule(text) if text in ("own", "all", "none") else _name(text)


def _show_rule(value: Any) -> str:
    """A word, or a policy's name."""
    return str(value.name if isinstance(value, PolicySpec) else value.value)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"expected a name of at most 63 letters, digits and . _ : -, got {short(text)}")
    return text


def _file(text: str) -> str:
    if not text or "\0" in text or "\n" in text:
        raise ValueError(f"expected the name of a file, got {short(text)}")
    return text


def _socket(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError(f"expected an absolute path, got {short(text)}")
    if len(text.encode(errors="surrogateescape")) > 107 or "\0" in text:  # sun_path, unix(7)
        raise ValueError(f"{short(text)} is longer than the 107 octets that a Unix socket's path may have")
    return text


def _families(text: str) -> tuple[Family, ...]:
    words = [word for word in re.split(r"[+\s]+", text) if word]
    unknown = [word for word in words if word not in BY_NAME]
    if unknown or not words:
        raise ValueError(f"expected ipv4, ipv6 or ipv4+ipv6, got {short(text)}")
    return tuple(family for family in FAMILIES if family.name in words)


def _add_path(text: str) -> AddPath | tuple[tuple[Family, AddPath], ...]:
    """One word for every family, or FAMILY:WORD pairs joined by +."""
    words = {way.label: way for way in AddPath}
    if text in words:
        return words[text]
    pairs: dict[Family, AddPath] = {}
    for pair in re.split(r"[+\s]+", text.strip()):
        name, _, word = pair.partition(":")
        if name not in BY_NAME or word not in words or BY_NAME[name] in pairs:
            raise ValueError(
                f"expected off, receive, send or both, or pairs such as ipv4:both+ipv6:receive, got {short(text)}"
            )
        pairs[BY_NAME[name]] = words[word]
    return tuple(pairs.items())


def _show_add_path(value: AddPath | tuple[tuple[Family, AddPath], ...]) -> str:
    if isinstance(value, AddPath):
        return value.label
    return "+".join(f"{family.name}:{way.label}" for family, way in value) or AddPath.OFF.label


def _cluster_id(text: str) -> bytes:
    try:
        packed = parse_address(text)
    except ValueError:
        packed = b""
    if len(packed) != 4:
        raise ValueError(f"expected four octets written as an IPv4 address, got {short(text)}")
    if not any(packed):
        raise ValueError("0.0.0.0 is no cluster id")
    return packed


def _path_count(text: str) -> int:
    if text == "all":
        return 0
    value = _whole(text, "all or a number")
    if not 1 <= value <= 64:
        raise ValueError(f"{value} is not between 1 and 64; all sends every path")
    return value


def _long_lived(text: str) -> int | tuple[tuple[Family, int], ...]:
    """One number of seconds for every family, or FAMILY:SECONDS pairs joined by +."""
    wanted = f"expected a number of seconds, or pairs such as ipv4:3600+ipv6:600, got {short(text)}"
    if _DIGITS.fullmatch(text):
        return _stale_time(text)
    pairs: dict[Family, int] = {}
    for pair in re.split(r"[+\s]+", text.strip()):
        name, _, time = pair.partition(":")
        if name not in BY_NAME or BY_NAME[name] in pairs or not _DIGITS.fullmatch(time):
            raise ValueError(wanted)
        pairs[BY_NAME[name]] = _stale_time(time)
    return tuple(pairs.items())


def _stale_time(text: str) -> int:
    value = _whole(text)
    if value > 16777215:  # RFC 9494 section 3: 24 bits
        raise ValueError(f"{value} is not between 0 and 16777215 seconds (RFC 9494)")
    return value


def _show_long_lived(value: int | tuple[tuple[Family, int], ...]) -> str:
    if isinstance(value, int):
        return str(value)
    return "+".join(f"{family.name}:{seconds}" for family, seconds in value) or "0"


_ROLES: Final = {role.label: role for role in Role}

ASN: Final = Kind("a number", parse_asn)
PEER_ASN: Final = Kind(
    "a number, internal, external or any",
    parse_peer_asn,
    lambda value: str(value.value if isinstance(value, AsnRule) else value),
)
INTERFACE: Final = Kind("the name of an interface", _interface, words=True)
RANGE: Final = Kind("a prefix", _range, lambda value: format_prefix(*value))
ADDRESS: Final = Kind("an address", _peer_address, format_address)
SOURCE: Final = Kind("an address", _source_address, format_address)
ROUTER_ID: Final = Kind("an IPv4 address", _router_id, format_address)
PREFIX: Final = Kind("a prefix", _prefix, lambda value: format_prefix(*value))
LISTEN: Final = Kind("ADDRESS:PORT", _listen, show_endpoint)
METRICS: Final = Kind("ADDRESS:PORT or off", _metrics, show_endpoint)
HOLD_TIME: Final = Kind("a number of seconds", _hold_time, quoted=False)
TABLE: Final = Kind("a table number, main or default", _table)
SWITCH: Final = Kind("true or false", parse_switch, lambda value: "true" if value else "false", quoted=False)
NAME: Final = Kind("a name", _name, words=True)
FILE: Final = Kind("the name of a file", _file, words=True)
SOCKET: Final = Kind("an absolute path", _socket, words=True)
FAMILY_SET: Final = Kind("ipv4, ipv6 or ipv4+ipv6", _families, lambda value: "+".join(f.name for f in value))
IMPORT: Final = Kind("all, none or the name of a policy", _import, _show_rule)
EXPORT: Final = Kind("own, all, none or the name of a policy", _export, _show_rule)
ON_STOP: Final = choice("shutdown", "restart", make=OnStop, show=lambda value: str(value.value))
OVERLAY: Final = choice(*[mode.value for mode in Overlay], make=Overlay, show=lambda value: str(value.value))
POOL: Final = Kind("a prefix and its overlay", _pool, _show_pool)
NEXT_HOP: Final = choice("auto", "self", "keep", make=NextHopRule, show=lambda value: str(value.value))
LIMIT_ACTION: Final = choice("warn", "stop", "restart", make=LimitAction, show=lambda value: str(value.value))
ADD_PATH: Final = Kind("off, receive, send or both", _add_path, _show_add_path)
CLUSTER_ID: Final = Kind("four octets as an IPv4 address", _cluster_id, format_address)
PATH_COUNT: Final = Kind("all or a number", _path_count, lambda value: str(value or "all"), quoted=False)
ROLE: Final = choice(*_ROLES, make=_ROLES.__getitem__, show=lambda value: str(value.label))
GRACEFUL_RESTART: Final = choice("off", "helper", "full", make=GracefulRestart, show=lambda value: str(value.value))
LONG_LIVED: Final = Kind("a number of seconds", _long_lived, _show_long_lived, quoted=True)
