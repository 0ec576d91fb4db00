"""What a policy can say: one row for each match and each action.

The rows are the language. Configuration reads and prints values with them, `terms` compiles each to a test or an
edit, and docs/policy.md is held to them by a test. A row's `parse` raises ValueError with the rest of a sentence
that begins "file:line: field: ".
"""

import re
from collections.abc import Callable
from typing import Final

from bgpd.model import Condition, PolicySpec, PolicyTerm, TermAction
from bgpd.policy import communities, sets
from bgpd.policy.regexp import AsPathRegexp
from bgpd.wire.family import BY_NAME
from bgpd.wire.iana import Origin
from bgpd.wire.prefix import format_address, format_prefix, parse_address, parse_prefix

U32: Final = 0xFFFFFFFF
ABSENT: Final = (-1, -1)  #: the range that an attribute lies in which is not there
_DIGITS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_ASDOT: Final = re.compile(r"([0-9]{1,5})\.([0-9]{1,5})", re.ASCII)
_ORIGINS: Final = {"igp": Origin.IGP.value, "egp": Origin.EGP.value, "incomplete": Origin.INCOMPLETE.value}
_SOURCES: Final = ("own", "internal", "external")


class Row:
    """One match or one action: how its values are written."""

    def __init__(
        self,
        name: str,
        help: str,  # noqa: A002 - what it is called in the table of settings, too
        example: str,
        parse: Callable[[str], object],
        show: Callable[[object], str] = str,
        *,
        many: bool = True,
        set_of: str = "",
    ) -> None:
        self.name: Final = name  #: the key in YAML
        self.help: Final = help
        self.example: Final = example  #: a value as it stands in YAML
        self.parse: Final = parse
        self.show: Final = show
        self.many: Final = many  #: takes a list
        self.set_of: Final = set_of  #: its values are names of sets of this kind (a key of SETS)


# -- values


def _number(text: str, most: int = U32) -> int:
    if not _DIGITS.fullmatch(text) or int(text) > most:
        raise ValueError(f"expected a number from 0 to {most}, got {text[:60]!r}")
    return int(text)


def _asn(text: str) -> int:
    if (dot := _ASDOT.fullmatch(text)) is not None:
        high, low = _number(dot[1], 65535), _number(dot[2], 65535)
        return high << 16 | low
    return _number(text)


def _asn_range(text: str) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    found = (_asn(low), _asn(high) if dash else _asn(low))
    if found[0] > found[1]:
        raise ValueError(f"{text} is no range: it goes down")
    return found


def _asn_to_add(text: str) -> int:
    asn = _asn(text)
    if asn == 0:
        raise ValueError("AS 0 is reserved (RFC 7607)")
    return asn


def _range(text: str) -> tuple[int, int]:
    """`5`, `5-10`, `>=5`, `<=5`."""
    if text.startswith(">="):
        return _number(text[2:].strip()), U32
    if text.startswith("<="):
        return 0, _number(text[2:].strip())
    low, dash, high = text.partition("-")
    found = (_number(low.strip()), _number(high.strip()) if dash else _number(low.strip()))
    if found[0] > found[1]:
        raise ValueError(f"{text} is no range: it goes down")
    return found


def _range_or_none(text: str) -> tuple[int, int]:
    return ABSENT if text == "none" else _range(text)


def _show_range(value: object) -> str:
    assert isinstance(value, tuple)
    low, high = value
    if value == ABSENT:
        return "none"
    if low == high:
        return str(low)
    return f">={low}" if high == U32 else f"<={high}" if low == 0 else f"{low}-{high}"


def _show_asns(value: object) -> str:
    assert isinstance(value, tuple)
    return str(value[0]) if value[0] == value[1] else f"{value[0]}-{value[1]}"


def _pattern(text: str) -> str:
    AsPathRegexp(text)
    return text


def _choice(words: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"expected {', '.join(words[:-1])} or {words[-1]}, got {text[:60]!r}")
        return text

    return parse


def _address_or_prefix(text: str) -> object:
    """bytes: an address; (family's name, prefix): every address in it."""
    if "/" in text:
        family, prefix = parse_prefix(text)
        return family.name, prefix
    return parse_address(text)


def _peer(text: str) -> object:
    """As `_address_or_prefix`, or a neighbor's name."""
    if "/" in text or re.fullmatch(r"[0-9.]+|[0-9a-fA-F:]*:[0-9a-fA-F:.]*", text):
        return _address_or_prefix(text)
    return text


def _show_address(value: object) -> str:
    if isinstance(value, bytes):
        return format_address(value)
    if isinstance(value, tuple):
        return format_prefix(BY_NAME[value[0]], value[1])
    return str(value)


def _rpki(_text: str) -> object:
    raise ValueError("reserved until RPKI exists: this speaker has no RPKI state to match yet")


def _step(text: str) -> tuple[str, int]:
    """`200`: set; `+10`, `-10`: add, within 0 and 4294967295."""
    if text[:1] in ("+", "-"):
        return "add", _number(text[1:]) * (1 if text[0] == "+" else -1)
    return "set", _number(text)


def _step_or_none(text: str) -> tuple[str, int]:
    return ("remove", 0) if text == "none" else _step(text)


def _show_step(value: object) -> str:
    assert isinstance(value, tuple)
    word, number = value
    return "none" if word == "remove" else f"{number:+d}" if word == "add" else str(number)


def _next_hop(text: str) -> object:
    return text if text in ("self", "peer") else parse_address(text)


def _count(text: str) -> int:
    if not (_DIGITS.fullmatch(text) and 1 <= int(text) <= 64):
        raise ValueError(f"expected how often, 1 to 64, got {text[:60]!r}; other AS numbers are for prepend-as")
    return int(text)


def _one(parse: Callable[[str], object], one: Callable[[object], object]) -> Callable[[str], object]:
    """Only what means one community."""

    def exact(text: str) -> object:
        found = parse(text)
        if one(found) is None:
            raise ValueError(f"{text} is a pattern of many; what is added has to be one community")
        return found

    return exact


def _or_none(parse: Callable[[str], object]) -> Callable[[str], object]:
    def parsed(text: str) -> object:
        return "none" if text == "none" else parse(text)

    return parsed


def _set_name(text: str) -> str:
    return text


def any_community(text: str) -> tuple[str, object]:
    """(kind, pattern) of a community of any kind: the kind is seen from how it is written."""
    kind = communities.kind_of(text)
    return kind, _PATTERNS[kind][0](text)


def _show_any(value: object) -> str:
    assert isinstance(value, tuple)
    return _PATTERNS[value[0]][1](value[1])


_PATTERNS: Final[dict[str, tuple[Callable[[str], object], Callable[..., str], Callable[..., object], str]]] = {
    "community": (communities.parse_standard, communities.format_standard, communities.one_standard, "65001:100"),
    "large-community": (communities.parse_large, communities.format_large, communities.one_large, "65001:1:100"),
    "ext-community": (communities.parse_ext, communities.format_ext, communities.one_ext, "rt:65001:100"),
    "ipv6-ext-community": (
        communities.parse_ext6,
        communities.format_ext6,
        communities.one_ext6,
        "rt:[2001:db8::1]:100",
    ),
}
_KINDS: Final = {
    "community": "communities (RFC 1997)",
    "large-community": "large communities (RFC 8092)",
    "ext-community": "extended communities (RFC 4360)",
    "ipv6-ext-community": "extended communities with an IPv6 address (RFC 5701)",
}


def _show_or_none(show: Callable[..., str]) -> Callable[[object], str]:
    def shown(value: object) -> str:
        return "none" if value == "none" else show(value)

    return shown


# -- the language

#: kind of set -> the row that its members are read with. The top-level key is `KIND-sets`.
SETS: Final[dict[str, Row]] = {
    "prefix": Row("prefix-sets", "prefixes", "10.0.0.0/8 ge 9 le 24", sets.parse_range, sets.format_range),  # type: ignore[arg-type]
    "community": Row("community-sets", "communities of any kind", '"65001:*"', any_community, _show_any),
    "as-path": Row("as-path-sets", "regular expressions over AS paths", '"^65001_"', _pattern),
}

_MATCH_ROWS: Final = (
    Row("prefix", "the prefix, with ge and le", "10.0.0.0/8 ge 9 le 24", sets.parse_range, sets.format_range),  # type: ignore[arg-type]
    Row("prefix-set", "the prefix is in a named set", "bogons", _set_name, set_of="prefix"),
    Row("as-path", "a regular expression, as operators write it", '"^65001 .* 65002$"', _pattern),
    Row("as-path-set", "any regular expression of a named set", "transits", _set_name, set_of="as-path"),
    Row("as-path-length", "how long the AS path is; a set counts one", '"<=5"', _range, _show_range),
    Row("as-path-contains", "an AS anywhere in the path", "64512-65534", _asn_range, _show_asns),
    Row("as-path-origin", "the AS that originates the route", "65002", _asn_range, _show_asns),
    Row("neighbor-as", "the AS that the path begins with", "65001", _asn_range, _show_asns),
    Row("community", "a standard community", '"65001:*"', *_PATTERNS["community"][:2]),
    Row("large-community", "a large community", '"65001:1:*"', *_PATTERNS["large-community"][:2]),
    Row("ext-community", "an extended community", '"rt:65001:*"', *_PATTERNS["ext-community"][:2]),
    Row(
        "ipv6-ext-community",
        "an extended community with an IPv6 address",
        '"rt:[2001:db8::1]:*"',
        *_PATTERNS["ipv6-ext-community"][:2],
    ),
    Row("community-set", "any community of a named set", "customers", _set_name, set_of="community"),
    Row(
        "next-hop",
        "the next hop: an address, or a prefix that holds it",
        "192.0.2.0/24",
        _address_or_prefix,
        _show_address,
    ),
    Row("family", "ipv4 or ipv6", "ipv6", _choice(tuple(BY_NAME))),
    Row("origin", "igp, egp or incomplete", "igp", _choice(tuple(_ORIGINS))),
    Row("med", "MULTI_EXIT_DISC; none: it has none", "none", _range_or_none, _show_range),
    Row("local-pref", "LOCAL_PREF; a route without one counts as 100", '">=200"', _range, _show_range),
    Row("peer", "who gave the route: a name, an address, a prefix that holds it", "192.0.2.1", _peer, _show_address),
    Row("source", "own, internal or external: who gave it, in general", "external", _choice(_SOURCES)),
    Row("rpki", "reserved until RPKI exists", "valid", _rpki),
)

MATCHES: Final[dict[str, Row]] = {row.name: row for row in _MATCH_ROWS}


def _community_actions() -> list[Row]:
    rows = []
    for kind, (parse, show, one, example) in _PATTERNS.items():
        words, wild = _KINDS[kind], f'"{example.rsplit(":", 1)[0]}:*"'
        rows += [
            Row(f"add-{kind}", f"add {words}", example, _one(parse, one), show),
            Row(f"remove-{kind}", f"remove {words}; wildcards as in a match", wild, parse, show),
            Row(
                f"set-{kind}",
                f"these {words} and no others; none: remove all",
                example,
                _or_none(_one(parse, one)),
                _show_or_none(show),
            ),
        ]
    return rows


_ACTION_ROWS: Final = (
    Row("local-pref", "set LOCAL_PREF, or add to it with a sign", "+50", _step, _show_step, many=False),
    Row("med", "set MED, add to it with a sign, or none", "50", _step_or_none, _show_step, many=False),
    Row("origin", "set the origin", "incomplete", _choice(tuple(_ORIGINS)), many=False),
    Row("next-hop", "self (export), peer (import) or an address", "192.0.2.1", _next_hop, _show_address, many=False),
    Row("prepend", "put our own AS in front so many times more (on import: the neighbor's)", "3", _count, many=False),
    Row("prepend-as", "put these AS numbers in front, left to right", "[65100, 65100]", _asn_to_add),
    *_community_actions(),
)

ACTIONS: Final[dict[str, Row]] = {row.name: row for row in _ACTION_ROWS}

ORIGINS: Final = _ORIGINS

#: Policies that are always there; the words of `import` and `export`.
BUILTIN: Final[dict[str, PolicySpec]] = {
    "all": PolicySpec("all", (PolicyTerm("everything", action=TermAction.ACCEPT),)),
    "none": PolicySpec("none", (PolicyTerm("everything", action=TermAction.REJECT),)),
    "own": PolicySpec("own", (PolicyTerm("own", (Condition("source", ("own",)),), (), TermAction.ACCEPT),)),
}


def describe_condition(condition: Condition) -> str:
    """A condition in words: `community 65001:* or no-export`."""
    row = MATCHES[condition.field]
    words = condition.set_name or " or ".join([row.show(value) for value in condition.values])
    return f"{'not ' if condition.negated else ''}{condition.field} {words}"


def describe_edits(term: PolicyTerm) -> list[str]:
    """What a term does, in words."""
    done = [f"{e.field} {' '.join([ACTIONS[e.field].show(value) for value in e.values])}" for e in term.edits]
    return [*done, *([] if term.action is TermAction.NEXT else [term.action.value])] or [TermAction.NEXT.value]
