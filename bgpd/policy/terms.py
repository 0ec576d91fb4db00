"""Policies, compiled: a `PolicySpec` becomes a `Policy` that judges routes.

A policy is one term of a chain. It goes through its own terms in order: where every test of a term holds, its edits
are made and its action is taken, and the next term sees the route as it then is. A route that no term accepts is
rejected.

What reads the prefix is kept apart, because all else is asked once per attribute set. The prefix sets of a
policy are numbered, and `classify` says for a prefix which of them hold it, as bits. That number is all that the
tests know of a prefix, so prefixes with the same number and the same attributes fare alike, and are judged once.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from bgpd.model import Condition, Edit, PolicySpec, PolicyTerm, TermAction
from bgpd.policy import communities
from bgpd.policy.chain import Context, Route
from bgpd.policy.reasons import Refusal
from bgpd.policy.regexp import AsPathRegexp
from bgpd.policy.sets import PrefixRange, PrefixSet
from bgpd.policy.spec import ORIGINS
from bgpd.wire import aspath
from bgpd.wire.attrs import (
    AS_PATH,
    COMMUNITIES,
    EXT_COMMUNITIES,
    IPV6_EXT_COMMUNITIES,
    LARGE_COMMUNITIES,
    LOCAL_PREF,
    MED,
    ORIGIN,
)
from bgpd.wire.community import encode_communities, encode_large, split
from bgpd.wire.family import BY_NAME, Family
from bgpd.wire.prefix import covers

Test: TypeAlias = Callable[[Route, Context], bool]
Change: TypeAlias = Callable[[Route, Context], None]

_AS_PATH: Final = AS_PATH
_MED: Final = MED
_LOCAL_PREF: Final = LOCAL_PREF
_ORIGIN: Final = ORIGIN
_U32: Final = 0xFFFFFFFF
_DEFAULT_LOCAL_PREF: Final = 100
_CODES: Final = {
    "community": (COMMUNITIES, 4),
    "large-community": (LARGE_COMMUNITIES, 12),
    "ext-community": (EXT_COMMUNITIES, 8),
    "ipv6-ext-community": (IPV6_EXT_COMMUNITIES, 20),
}


class Term:
    """One term, ready to run."""

    __slots__ = ("action", "edits", "hits", "refusal", "spec", "tests")

    def __init__(self, spec: PolicyTerm, policy: str, prefix_sets: list[tuple[PrefixRange, ...]]) -> None:
        self.spec: Final = spec
        self.action: Final = spec.action
        self.tests: Final = [_test(condition, prefix_sets) for condition in spec.conditions]
        self.edits: Final = [edit_of(edit) for edit in spec.edits]
        self.refusal: Final = Refusal(f"rejected by policy {policy} term {spec.name}")
        self.hits = 0  #: routes (sets of attributes, rather) that it has matched; nothing here reads it

    def holds(self, route: Route, context: Context) -> bool:
        if route.changes or route.next_hop is not None:  # an earlier term has changed what is to be read
            route.settle()
        for test in self.tests:  # noqa: SIM110 - compiles to a plain loop
            if not test(route, context):
                return False
        return True


class Policy:
    """A policy as one term of a chain."""

    __slots__ = ("_sets", "fallen", "reads_prefix", "refusal", "spec", "terms")

    def __init__(self, spec: PolicySpec) -> None:
        self.spec: Final = spec
        prefix_sets: list[tuple[PrefixRange, ...]] = []
        self.terms: Final = [Term(term, spec.name, prefix_sets) for term in spec.terms]
        self._sets: Final = [PrefixSet(entries) for entries in prefix_sets]
        self.reads_prefix: Final = bool(prefix_sets)
        self.refusal: Final = Refusal(f"rejected by policy {spec.name}: no term accepts it")
        self.fallen = 0  #: routes that no term stopped

    def classify(self, family: Family, prefix: bytes) -> int:
        """Which of the prefix sets hold a prefix, as bits."""
        found = 0
        bit = 1
        for prefixes in self._sets:
            if prefixes.holds(family, prefix):
                found |= bit
            bit <<= 1
        return found

    def __call__(self, route: Route, context: Context) -> Refusal | None:
        for term in self.terms:
            if term.holds(route, context):
                term.hits += 1
                if term.action is TermAction.REJECT:
                    return term.refusal
                for edit in term.edits:
                    edit(route, context)
                if term.action is TermAction.ACCEPT:
                    return None
        self.fallen += 1
        return self.refusal


class PolicyTable:
    """Compiled policies by their spec, so that neighbors with one policy share it, and its counters."""

    def __init__(self) -> None:
        self._policies: Final[dict[PolicySpec, Policy]] = {}

    def get(self, spec: PolicySpec) -> Policy:
        found = self._policies.get(spec)
        if found is None:
            found = self._policies[spec] = Policy(spec)
        return found

    def find(self, spec: PolicySpec) -> Policy | None:
        """The compiled policy where somebody has used it."""
        return self._policies.get(spec)

    def counts(self, most: int) -> dict[tuple[str, str], int]:
        """(policy, term) -> sets of attributes that it matched; term "" is those that no term stopped.

        Of at most `most` terms, for where each is kept by somebody (a time series).
        """
        found: dict[tuple[str, str], int] = {}
        for policy in self._policies.values():
            for name, count in [*[(term.spec.name, term.hits) for term in policy.terms], ("", policy.fallen)]:
                key = (policy.spec.name, name)
                if key in found or len(found) < most:
                    found[key] = found.get(key, 0) + count
        return found

    def keep(self, specs: set[PolicySpec]) -> None:
        """Forget all others."""
        for spec in [spec for spec in self._policies if spec not in specs]:
            del self._policies[spec]


# -- tests


def _test(condition: Condition, prefix_sets: list[tuple[PrefixRange, ...]]) -> Test:
    test = _prefix_test(condition, prefix_sets) if condition.field in ("prefix", "prefix-set") else _plain(condition)
    if not condition.negated:
        return test

    def negated(route: Route, context: Context) -> bool:
        return not test(route, context)

    return negated


def _prefix_test(condition: Condition, prefix_sets: list[tuple[PrefixRange, ...]]) -> Test:
    entries: tuple[PrefixRange, ...] = condition.values  # type: ignore[assignment]
    if entries not in prefix_sets:
        prefix_sets.append(entries)
    bit = 1 << prefix_sets.index(entries)

    def in_set(route: Route, _context: Context) -> bool:
        return bool(route.sort & bit)

    return in_set


def _plain(condition: Condition) -> Test:
    return _TESTS[condition.field](condition.values)


def _as_path(values: tuple[object, ...]) -> Test:
    patterns = [AsPathRegexp(str(value)) for value in values]

    def test(route: Route, _context: Context) -> bool:
        text = route.as_path_text()
        for pattern in patterns:  # noqa: SIM110 - compiles to a plain loop
            if pattern.search(text):
                return True
        return False

    return test


def _within(read: Callable[[Route], int]) -> Callable[[tuple[object, ...]], Test]:
    """A number that lies in one of the ranges."""

    def compiled(values: tuple[object, ...]) -> Test:
        ranges: list[tuple[int, int]] = list(values)  # type: ignore[arg-type]

        def test(route: Route, _context: Context) -> bool:
            number = read(route)
            for low, high in ranges:  # noqa: SIM110 - compiles to a plain loop
                if low <= number <= high:
                    return True
            return False

        return test

    return compiled


def _as_path_contains(values: tuple[object, ...]) -> Test:
    ranges: list[tuple[int, int]] = list(values)  # type: ignore[arg-type]

    def test(route: Route, _context: Context) -> bool:
        for _kind, numbers in route.attrs.as_path():
            for number in numbers:
                for low, high in ranges:
                    if low <= number <= high:
                        return True
        return False

    return test


def _carries(kind: str) -> Callable[[tuple[object, ...]], Test]:
    """One of the communities of a kind fits one of the patterns."""

    def compiled(values: tuple[object, ...]) -> Test:
        return _community_test([(kind, value) for value in values])

    return compiled


def _community_set(values: tuple[object, ...]) -> Test:
    return _community_test(list(values))  # type: ignore[arg-type]


def _community_test(patterns: list[tuple[str, object]]) -> Test:
    """`patterns`: (kind, pattern), of any kinds."""
    by_kind: dict[str, list[object]] = {}
    for kind, pattern in patterns:
        by_kind.setdefault(kind, []).append(pattern)
    kinds = [(*_CODES[kind], kind, wanted) for kind, wanted in by_kind.items()]

    def test(route: Route, _context: Context) -> bool:
        for code, size, kind, wanted in kinds:
            value = route.attrs.get(code)
            if value is not None:
                for piece in split(value, size):
                    if _fits(kind, wanted, piece):
                        return True
        return False

    return test


def _fits(kind: str, patterns: list[object], piece: bytes) -> bool:
    """Whether one community, as its octets, fits one of the patterns of its kind."""
    for pattern in patterns:
        if kind == "community":
            if communities.fits_standard(pattern, int.from_bytes(piece, "big")):  # type: ignore[arg-type]
                return True
        elif kind == "large-community":
            numbers = (
                int.from_bytes(piece[:4], "big"),
                int.from_bytes(piece[4:8], "big"),
                int.from_bytes(piece[8:], "big"),
            )
            if communities.fits_large(pattern, numbers):  # type: ignore[arg-type]
                return True
        elif kind == "ext-community":
            if communities.fits_ext(pattern, piece):  # type: ignore[arg-type]
                return True
        elif communities.fits_ext6(pattern, piece):  # type: ignore[arg-type]
            return True
    return False


def _addresses(values: tuple[object, ...]) -> Callable[[bytes], bool]:
    """Whether an address is one of these, or in one of these prefixes."""
    exact = {value for value in values if isinstance(value, bytes)}
    prefixes = [(BY_NAME[value[0]].octets, value[1]) for value in values if isinstance(value, tuple)]

    def holds(address: bytes) -> bool:
        if address in exact:
            return True
        for octets, prefix in prefixes:
            if octets == len(address) and covers(prefix, bytes((8 * octets,)) + address):
                return True
        return False

    return holds


def _next_hop_test(values: tuple[object, ...]) -> Test:
    holds = _addresses(values)

    def test(route: Route, _context: Context) -> bool:
        next_hop = route.attrs.next_hop
        return holds(next_hop[:16]) if next_hop else False  # 32 octets: the global one

    return test


def _peer_test(values: tuple[object, ...]) -> Test:
    holds = _addresses(values)
    names = {value for value in values if isinstance(value, str)}

    def test(route: Route, _context: Context) -> bool:
        return route.peer in names or (not route.local and holds(route.peer_address))

    return test


def _family(values: tuple[object, ...]) -> Test:
    families = {BY_NAME[str(value)] for value in values}

    def test(_route: Route, context: Context) -> bool:
        return context.family in families

    return test


def _source(values: tuple[object, ...]) -> Test:
    def test(route: Route, _context: Context) -> bool:
        return ("own" if route.local else "external" if route.external else "internal") in values

    return test


def _origin_test(values: tuple[object, ...]) -> Test:
    wanted = {ORIGINS[str(value)] for value in values}

    def test(route: Route, _context: Context) -> bool:
        return route.attrs.origin in wanted

    return test


def _length(route: Route) -> int:
    return route.attrs.as_path_length


def _origin_as(route: Route) -> int:
    return aspath.origin_as(route.attrs.as_path_value()) or -1


def _neighbor_as(route: Route) -> int:
    return route.attrs.neighbor_as or -1


def _med_of(route: Route) -> int:
    return route.attrs.med


def _local_pref_of(route: Route) -> int:
    found = route.attrs.local_pref
    return found if found >= 0 else _DEFAULT_LOCAL_PREF


_TESTS: Final[dict[str, Callable[[tuple[object, ...]], Test]]] = {
    "as-path": _as_path,
    "as-path-set": _as_path,
    "as-path-length": _within(_length),
    "as-path-contains": _as_path_contains,
    "as-path-origin": _within(_origin_as),
    "neighbor-as": _within(_neighbor_as),
    "community": _carries("community"),
    "large-community": _carries("large-community"),
    "ext-community": _carries("ext-community"),
    "ipv6-ext-community": _carries("ipv6-ext-community"),
    "community-set": _community_set,
    "next-hop": _next_hop_test,
    "family": _family,
    "origin": _origin_test,
    "med": _within(_med_of),
    "local-pref": _within(_local_pref_of),
    "peer": _peer_test,
    "source": _source,
}


# -- edits


def edit_of(edit: Edit) -> Change:
    """What one line of `then` does."""
    verb, _, kind = edit.field.partition("-")
    if kind in _CODES:
        return _community_edit(verb, kind, edit.values)
    return _EDITS[edit.field](edit.values)


def _now(route: Route, code: int) -> bytes | None:
    """The value of an attribute with the changes noted so far."""
    return route.changes[code] if code in route.changes else route.attrs.get(code)


def _stepped(value: tuple[str, int], now: int) -> bytes:
    word, number = value
    return (number if word == "set" else min(max(now + number, 0), _U32)).to_bytes(4, "big")


def _local_pref(values: tuple[object, ...]) -> Change:
    step: tuple[str, int] = values[0]  # type: ignore[assignment]

    def change(route: Route, _context: Context) -> None:
        value = _now(route, _LOCAL_PREF)
        now = int.from_bytes(value, "big") if value is not None else _DEFAULT_LOCAL_PREF
        route.changes[_LOCAL_PREF] = _stepped(step, now)

    return change


def _med(values: tuple[object, ...]) -> Change:
    step: tuple[str, int] = values[0]  # type: ignore[assignment]

    def change(route: Route, _context: Context) -> None:
        route.keep_med = True  # RFC 4271 section 5.1.4: what this AS sets may go to another one
        if step[0] == "remove":
            route.changes[_MED] = None
        else:
            route.changes[_MED] = _stepped(step, int.from_bytes(_now(route, _MED) or b"", "big"))

    return change


def _origin(values: tuple[object, ...]) -> Change:
    value = bytes((ORIGINS[str(values[0])],))

    def change(route: Route, _context: Context) -> None:
        route.changes[_ORIGIN] = value

    return change


def _next_hop(values: tuple[object, ...]) -> Change:
    value = values[0]

    def change(route: Route, context: Context) -> None:
        if value == "self":
            route.forced = context.next_hop
        elif isinstance(value, str):
            route.next_hop = context.peer_address
        elif isinstance(value, bytes) and context.family is not None and len(value) == context.family.octets:
            if context.importing:
                route.next_hop = value
            else:
                route.forced = value

    return change


def _prepend(values: tuple[object, ...]) -> Change:
    count = values[0]
    assert isinstance(count, int)

    def change(route: Route, context: Context) -> None:
        asn = context.remote_asn if context.importing else context.local_asn
        route.changes[_AS_PATH] = aspath.prepend(_now(route, _AS_PATH) or b"", asn, count)

    return change


def _prepend_as(values: tuple[object, ...]) -> Change:
    numbers = [value for value in values if isinstance(value, int)]

    def change(route: Route, _context: Context) -> None:
        path = _now(route, _AS_PATH) or b""
        for number in reversed(numbers):
            path = aspath.prepend(path, number)
        route.changes[_AS_PATH] = path

    return change


def _community_edit(verb: str, kind: str, values: tuple[object, ...]) -> Change:
    code, size = _CODES[kind]
    patterns = [value for value in values if value != "none"]
    wanted = [] if verb == "remove" else [_octets(kind, pattern) for pattern in patterns]

    def change(route: Route, _context: Context) -> None:
        now = [] if verb == "set" else split(_now(route, code) or b"", size)
        if verb == "remove":
            now = [piece for piece in now if not _fits(kind, patterns, piece)]
        else:
            now = sorted({*now, *wanted})
        route.changes[code] = b"".join(now) or None

    return change


def _octets(kind: str, pattern: object) -> bytes:
    """The octets of the one community that a pattern means."""
    if kind == "community":
        number = communities.one_standard(pattern)  # type: ignore[arg-type]
        assert number is not None
        return encode_communities([number])
    if kind == "large-community":
        large = communities.one_large(pattern)  # type: ignore[arg-type]
        assert large is not None
        return encode_large([large])
    one = communities.one_ext if kind == "ext-community" else communities.one_ext6
    ext = one(pattern)  # type: ignore[arg-type]
    assert ext is not None
    return ext


_EDITS: Final[dict[str, Callable[[tuple[object, ...]], Change]]] = {
    "local-pref": _local_pref,
    "med": _med,
    "origin": _origin,
    "next-hop": _next_hop,
    "prepend": _prepend,
    "prepend-as": _prepend_as,
}
