"""Text -> value, for the scalars of resources: names, numbers, addresses, durations, communities.

Each parser raises ValueError with the rest of a sentence that begins with the field, and each shape prints a value
as Calico's own tools do.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from bgpd.cluster import selector
from bgpd.cluster.shapes import Leaf, Place, absent
from bgpd.config.kinds import parse_asn, short
from bgpd.config.yamltree import Node, Scalar
from bgpd.wire.family import IPV4, IPV6, Family
from bgpd.wire.prefix import format_address, format_prefix, network, pack_prefix, parse_address, parse_prefix

#: A prefix with its family.
Net: TypeAlias = tuple[Family, bytes]

_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_KEY: Final = re.compile(r"(?:[a-z0-9.-]{1,253}/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)
_GLOB: Final = re.compile(r"[a-zA-Z0-9_.*-]{1,15}", re.ASCII)
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)
_DURATION: Final = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ns|us|µs|ms|s|m|h))+", re.ASCII)
_STEP: Final = re.compile(r"([0-9.]+)(ns|us|ms|s|m|h)", re.ASCII)
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_TRUE: Final = frozenset(["y", "yes", "true", "on"])
_FALSE: Final = frozenset(["n", "no", "false", "off"])
_COMMUNITY: Final = re.compile(r"([0-9]{1,10}):([0-9]{1,10})(?::([0-9]{1,10}))?", re.ASCII)
_FLOAT: Final = re.compile(r"[-+]?[0-9]*\.[0-9]*(?:[eE][-+]?[0-9]+)?|0[xob][0-9a-fA-F]+|0[0-9]+|[-+]?[0-9_]*_[0-9_]*")


@dataclass(frozen=True, slots=True)
class HostAddress:
    """An address with the length of its subnet: 10.0.0.1/24. An address alone has all its bits."""

    address: bytes  #: packed
    length: int

    @property
    def family(self) -> Family:
        return IPV4 if len(self.address) == 4 else IPV6

    @property
    def subnet(self) -> bytes:
        """The prefix that it lies in."""
        return pack_prefix(self.address, self.length)

    @property
    def text(self) -> str:
        """Without the length."""
        return format_address(self.address)

    def __str__(self) -> str:
        return f"{self.text}/{self.length}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address, and a port where one was given (0: none)."""

    address: bytes
    port: int = 0

    def __str__(self) -> str:
        text = format_address(self.address)
        if not self.port:
            return text
        return f"[{text}]:{self.port}" if len(self.address) == 16 else f"{text}:{self.port}"


def name(text: str) -> str:
    """A DNS-1123 subdomain."""
    if len(text) > 253 or not _SUBDOMAIN.fullmatch(text):
        raise ValueError(f"{short(text)} is no name: lower-case letters, digits, '-' and '.', at most 253")
    return text


def label_key(text: str) -> str:
    if len(text) > 317 or not _KEY.fullmatch(text):
        raise ValueError(f"{short(text)} is no label: [PREFIX/]NAME of letters, digits, '-', '_' and '.'")
    return text


def glob(text: str) -> str:
    """The name of an interface; `*` stands for anything."""
    if not _GLOB.fullmatch(text):
        raise ValueError(f"expected the name of an interface (* for any letters, at most 15), got {short(text)}")
    return text


def integer(low: int, high: int) -> Leaf:
    """A whole number."""

    def parse(text: str) -> int:
        if not _INTEGER.fullmatch(text):
            raise ValueError(f"expected a number, got {short(text)}")
        if not low <= int(text) <= high:
            raise ValueError(f"{text} is not between {low} and {high}")
        return int(text)

    return Leaf("a number", parse, int, quoted=False)


def switch(text: str) -> bool:
    """A boolean, with the words of YAML 1.1."""
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise ValueError(f"expected true or false, got {short(text)}")


def words(*options: str, any_case: bool = False) -> Leaf:
    """One of a few words, spelled as they are here."""
    wanted = f"{', '.join(options[:-1])} or {options[-1]}" if len(options) > 1 else options[0]

    known = {option.lower() if any_case else option: option for option in options}

    def parse(text: str) -> str:
        found = known.get(text.lower() if any_case else text)
        if found is None:
            raise ValueError(f"expected {wanted}, got {short(text)}")
        return found

    return Leaf(wanted, parse)


def asn(text: str) -> int:
    """An AS number, plain or as asdot; 0: none is given."""
    return 0 if text == "0" else parse_asn(text)


def address(text: str) -> bytes:
    """An address, packed; one that a router can have."""
    try:
        packed = parse_address(text)
    except ValueError:
        hint = " (link-local addresses with an interface are not supported here)" if "%" in text else ""
        raise ValueError(f"expected an address, got {short(text)}{hint}") from None
    if not any(packed) or packed[0] == 0xFF or (len(packed) == 4 and packed[0] >= 224):
        raise ValueError(f"{text} is no address of a host")
    if packed[:12] == b"\0" * 10 + b"\xff\xff":
        raise ValueError(f"{text} is an IPv4 address in IPv6 clothes; write {format_address(packed[12:])}")
    return packed


def host_address(text: str) -> HostAddress:
    """`10.0.0.1/24`, or an address alone."""
    host, slash, bits = text.partition("/")
    packed = address(host)
    most = len(packed) * 8
    if not slash:
        return HostAddress(packed, most)
    if not (bits.isascii() and bits.isdigit() and len(bits) <= 3) or int(bits) > most:
        raise ValueError(f"{short(text)}: the length must be 0 to {most}")
    return HostAddress(packed, int(bits))


def net(text: str) -> Net:
    """A prefix, without host bits."""
    if len(text) > 80 or "/" not in text:
        raise ValueError(f"expected a prefix such as 10.244.0.0/16, got {short(text)}")
    return parse_prefix(text)


def loose_net(text: str) -> Net:
    """A prefix; host bits are masked away, as Calico does in its filters, and an address is itself."""
    if len(text) > 80:
        raise ValueError(f"expected a prefix such as 10.244.0.0/16, got {short(text)}")
    found = host_address_any(text)
    return found.family, found.subnet


def host_address_any(text: str) -> HostAddress:
    """As `host_address`, for any address at all (0.0.0.0/0 is one)."""
    host, slash, bits = text.partition("/")
    try:
        packed = parse_address(host)
    except ValueError:
        raise ValueError(f"expected a prefix such as 10.244.0.0/16, got {short(text)}") from None
    most = len(packed) * 8
    if slash and (not (bits.isascii() and bits.isdigit() and len(bits) <= 3) or int(bits) > most):
        raise ValueError(f"{short(text)}: the length must be 0 to {most}")
    return HostAddress(packed, int(bits) if slash else most)


def endpoint(text: str) -> Endpoint:
    """`10.0.0.1`, `10.0.0.1:178`, `[2001:db8::1]:178`."""
    if len(text) > 64:
        raise ValueError(f"expected ADDRESS or ADDRESS:PORT, got {short(text)}")
    if text.startswith("["):
        host, bracket, tail = text[1:].partition("]")
        if not bracket or ":" not in host or not tail.startswith(":"):
            raise ValueError(f"expected [ADDRESS]:PORT, got {short(text)}")
        return Endpoint(address(host), _port(tail[1:], text))
    if text.count(":") == 1:
        host, _, tail = text.partition(":")
        return Endpoint(address(host), _port(tail, text))
    return Endpoint(address(text))


def _port(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise ValueError(f"{short(whole)}: the port must be 1 to 65535")
    return int(text)


def duration(text: str) -> float:
    """Go's durations, in seconds: `90s`, `1m30s`, `500ms`."""
    if text == "0":
        return 0.0
    if not _DURATION.fullmatch(text):
        raise ValueError(f"expected a duration such as 120s or 1m30s, got {short(text)}")
    return sum(float(number) * _UNITS[unit] for number, unit in _STEP.findall(text.replace("µs", "us")))


def show_duration(seconds: float) -> str:
    """As Go prints it, without fractions of milliseconds."""
    if seconds != int(seconds):
        return f"{seconds:g}s"
    hours, rest = divmod(int(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{left}s"


def community(text: str) -> str:
    """`65001:100`, or a large one, `65001:1:100`. Kept as text without leading zeros."""
    found = _COMMUNITY.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a community such as 65001:100 or 65001:1:100, got {short(text)}")
    numbers = [int(part) for part in found.groups() if part is not None]
    most = 65535 if len(numbers) == 2 else 0xFFFFFFFF
    if max(numbers) > most:
        raise ValueError(f"{text}: each number is at most {most}")
    return ":".join(str(number) for number in numbers)


def cluster_id(text: str) -> bytes:
    """Four octets written as an IPv4 address."""
    try:
        packed = parse_address(text)
    except ValueError:
        packed = b""
    if len(packed) != 4 or not any(packed):
        raise ValueError(f"expected a cluster id written as an IPv4 address, got {short(text)}")
    return packed


def selector_text(text: str) -> str:
    """A label selector, kept as it was written."""
    if len(text) > 1024:
        raise ValueError("a selector has at most 1024 characters")
    selector.parse(text)
    return text


def pool_selector(text: str) -> str:
    """A selector of an IP pool."""
    if selector.uses_global(text):
        raise ValueError("global() has no meaning here")
    return selector_text(text)


def text_value(text: str) -> str:
    """Any text of one line."""
    if not text.isprintable() or len(text) > 4096:
        raise ValueError(f"expected one line of text, got {short(text)}")
    return text


def label_value(text: str) -> str:
    """The value of a label as it comes from YAML 1.1: a bare `yes` is the boolean true, so the label is "true"."""
    word = text.lower()
    if word in _TRUE:
        return "true"
    if word in _FALSE:
        return "false"
    if _FLOAT.fullmatch(text):
        raise ValueError(f"{text} is a number that YAML would write otherwise; put it in quotes")
    return text_value(text)


def show_net(value: Net) -> str:
    return format_prefix(*value)


def first_address(value: Net) -> bytes:
    """The first address of a prefix, packed."""
    return network(value[1], value[0].octets)


class LabelValue(Leaf):
    """A label's value: what YAML 1.1 calls a boolean becomes "true" or "false", unless it is in quotes."""

    def __init__(self) -> None:
        super().__init__("a string", label_value)
        self._quoted_text = Leaf("a string", text_value)

    def read(self, node: Node, place: Place) -> Any:
        if absent(node):
            return ""
        if isinstance(node, Scalar) and node.quoted:
            return self._quoted_text.read(node, place)
        return super().read(node, place)


NAME: Final = Leaf("a name", name)
TEXT: Final = Leaf("a string", text_value)
LABEL: Final = LabelValue()
SWITCH: Final = Leaf("true or false", switch, bool, quoted=False)
LOOSE_SWITCH: Final = Leaf("true or false", switch, bool)  #: "false" in quotes, too: so Calico writes it
ASN: Final = Leaf("an AS number", asn, int)
ADDRESS: Final = Leaf("an address", address, format_address)
HOST_ADDRESS: Final = Leaf("an address", host_address)
NET: Final = Leaf("a prefix", net, show_net)
LOOSE_NET: Final = Leaf("a prefix", loose_net, show_net)
ENDPOINT: Final = Leaf("an address", endpoint)
DURATION: Final = Leaf("a duration", duration, show_duration)
COMMUNITY: Final = Leaf("a community", community)
CLUSTER_ID: Final = Leaf("a cluster id", cluster_id, format_address)
SELECTOR: Final = Leaf("a selector", selector_text)
POOL_SELECTOR: Final = Leaf("a selector", pool_selector)
GLOB: Final = Leaf("the name of an interface", glob)
PORT: Final = integer(1, 65535)
