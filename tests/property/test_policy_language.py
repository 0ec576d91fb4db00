"""Policies against an interpreter that knows nothing but text, and prefix sets against a look at every entry."""

import ipaddress
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from bgpd.model import Condition, Edit, PolicySpec, PolicyTerm, TermAction
from bgpd.policy.regexp import AsPathRegexp
from bgpd.policy.sets import PrefixSet, parse_range
from bgpd.policy.spec import ACTIONS, MATCHES
from bgpd.policy.terms import Policy
from bgpd.policy.trial import given_attrs, try_policy
from bgpd.wire.aspath import format_as_path
from bgpd.wire.attrs import Attrs
from bgpd.wire.prefix import parse_prefix
from tests.unit.policy.helpers import context_of

# -- prefix sets

SIZES = {4: 32, 6: 128}


@st.composite
def prefixes(draw: st.DrawFn) -> str:
    """Few bits differ, so that many are inside each other."""
    version = draw(st.sampled_from([4, 6]))
    bits = SIZES[version]
    high = draw(st.integers(0, 15)) << (bits - 4) | draw(st.integers(0, 3)) << (bits - 22)
    length = draw(st.sampled_from([0, 1, 3, 4, 8, 20, 21, 22, 24, bits]))
    address = ipaddress.IPv4Address(high) if version == 4 else ipaddress.IPv6Address(high)
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))


@st.composite
def entries(draw: st.DrawFn) -> str:
    prefix = draw(prefixes())
    length, bits = int(prefix.split("/")[1]), 128 if ":" in prefix else 32
    low = draw(st.integers(length, bits))
    return prefix + draw(
        st.sampled_from(["", f" ge {low}", f" le {low}", f" ge {low} le {draw(st.integers(low, bits))}", "+"])
    )


def naive_entry(entry: str, prefix: str) -> bool:
    words = entry.rstrip("+").split()
    outer, inner = ipaddress.ip_network(words[0]), ipaddress.ip_network(prefix)
    if outer.version != inner.version or not inner.subnet_of(outer):  # type: ignore[arg-type]
        return False
    if entry.endswith("+"):
        return True
    rules = dict(zip(words[1::2], words[2::2], strict=True))
    low = int(rules.get("ge", outer.prefixlen))
    high = int(rules.get("le", outer.max_prefixlen if rules else outer.prefixlen))
    return low <= inner.prefixlen <= high


@settings(max_examples=300, deadline=None)
@given(st.lists(entries(), min_size=1, max_size=6), st.lists(prefixes(), min_size=1, max_size=8))
def test_prefix_sets(texts: list[str], asked: list[str]) -> None:
    made = PrefixSet(tuple(parse_range(text) for text in texts))
    for prefix in asked:
        assert made.holds(*parse_prefix(prefix)) is any(naive_entry(text, prefix) for text in texts), (texts, prefix)


# -- regular expressions: those that Python reads the same way

atoms = st.sampled_from(
    ["1", "2", "12", "_", " ", ".", "[0-9]", "[^1]", "(1|2)", "(1 2)*", "1+", "2?", "(12 ?){1,2}", "^", "$"]
)
patterns = st.lists(atoms, min_size=1, max_size=5).map("".join)
texts = st.lists(st.sampled_from(["1", "2", "12", "21", "{1 2}"]), max_size=5).map(" ".join)


@settings(max_examples=500, deadline=None)
@given(patterns, st.lists(texts, min_size=1, max_size=4))
def test_regular_expressions(pattern: str, paths: list[str]) -> None:
    compiled = AsPathRegexp(pattern)
    python = re.compile(pattern.replace("_", r"(?:^|[ {}(),]|$)"))
    for text in paths:
        assert compiled.search(text) is (python.search(text) is not None), (pattern, text)


# -- policies

COMMUNITIES = ["1:1", "1:2", "2:1"]
matches = st.one_of(
    st.tuples(st.just("prefix"), st.lists(entries(), min_size=1, max_size=3)),
    st.tuples(st.just("community"), st.lists(st.sampled_from([*COMMUNITIES, "1:*", "*:1"]), min_size=1, max_size=2)),
    st.tuples(st.just("med"), st.lists(st.sampled_from(["none", "5", "1-9", ">=10"]), min_size=1, max_size=2)),
    st.tuples(st.just("local-pref"), st.lists(st.sampled_from(["100", "<=50", "150"]), min_size=1, max_size=2)),
    st.tuples(st.just("as-path-length"), st.lists(st.sampled_from(["0", "1", ">=2"]), min_size=1, max_size=2)),
    st.tuples(st.just("as-path-contains"), st.lists(st.sampled_from(["1", "2-3"]), min_size=1, max_size=2)),
    st.tuples(st.just("source"), st.lists(st.sampled_from(["own", "internal", "external"]), min_size=1, max_size=2)),
)
edits = st.one_of(
    st.tuples(st.just("add-community"), st.sampled_from(COMMUNITIES)),
    st.tuples(st.just("remove-community"), st.sampled_from(["1:1", "1:*"])),
    st.tuples(st.just("set-community"), st.sampled_from(["none", "2:1"])),
    st.tuples(st.just("med"), st.sampled_from(["none", "5", "+5", "-5"])),
    st.tuples(st.just("local-pref"), st.sampled_from(["150", "-50"])),
    st.tuples(st.just("prepend-as"), st.sampled_from(["1", "3"])),
)
RawTerm = tuple[list[tuple[bool, tuple[str, list[str]]]], list[tuple[str, str]], TermAction]
terms = st.tuples(
    st.lists(st.tuples(st.booleans(), matches), max_size=3),
    st.lists(edits, max_size=3),
    st.sampled_from(list(TermAction)),
)


class Naive:
    """A route as text and numbers."""

    def __init__(self, attrs: Attrs, prefix: str, source: str) -> None:
        self.prefix, self.source = prefix, source
        self.path = format_as_path(attrs.as_path_value()).split()
        self.communities = {f"{c >> 16}:{c & 65535}" for c in attrs.communities()}
        self.med = attrs.med if attrs.med >= 0 else None
        self.local_pref = attrs.local_pref if attrs.local_pref >= 0 else None

    def value_fits(self, field: str, text: str) -> bool:
        if field == "prefix":
            return naive_entry(text, self.prefix)
        if field == "community":
            return any(re.fullmatch(text.replace("*", "[0-9]+"), c) for c in self.communities)
        if field == "source":
            return text == self.source
        if field == "as-path-contains":
            low, _, high = text.partition("-")
            return any(int(low) <= int(asn) <= int(high or low) for asn in self.path)
        number = {
            "med": self.med,
            "local-pref": 100 if self.local_pref is None else self.local_pref,
            "as-path-length": len(self.path),
        }[field]
        if text == "none" or number is None:
            return text == "none" and number is None
        if text[:2] in (">=", "<="):
            return number >= int(text[2:]) if text[0] == ">" else number <= int(text[2:])
        low, _, high = text.partition("-")
        return int(low) <= number <= int(high or low)

    def edit(self, field: str, text: str) -> None:
        if field == "add-community":
            self.communities.add(text)
        elif field == "remove-community":
            self.communities = {c for c in self.communities if not re.fullmatch(text.replace("*", "[0-9]+"), c)}
        elif field == "set-community":
            self.communities = {text} - {"none"}
        elif field == "prepend-as":
            self.path = [text, *self.path]
        elif field == "med":
            self.med = None if text == "none" else self._step(text, self.med or 0)
        else:
            self.local_pref = self._step(text, 100 if self.local_pref is None else self.local_pref)

    @staticmethod
    def _step(text: str, now: int) -> int:
        return max(now + int(text), 0) if text[0] in "+-" else int(text)

    def judge(self, raw: list[RawTerm]) -> bool:
        for conditions, changes, action in raw:
            if all(negated is not any(self.value_fits(f, t) for t in ts) for negated, (f, ts) in conditions):
                if action is TermAction.REJECT:
                    return False
                for field, text in changes:
                    self.edit(field, text)
                if action is TermAction.ACCEPT:
                    return True
        return False


def compiled_of(raw: list[RawTerm]) -> Policy:
    made = []
    for number, (conditions, changes, action) in enumerate(raw):
        made.append(
            PolicyTerm(
                str(number),
                tuple(
                    Condition(field, tuple(MATCHES[field].parse(text) for text in texts), negated)
                    for negated, (field, texts) in conditions
                ),
                tuple(Edit(field, (ACTIONS[field].parse(text),)) for field, text in changes),
                action,
            )
        )
    return Policy(PolicySpec("p", tuple(made)))


@settings(max_examples=600, deadline=None)
@given(
    st.lists(terms, min_size=1, max_size=5),
    prefixes(),
    st.lists(st.sampled_from(["1", "2", "3"]), max_size=3),
    st.lists(st.sampled_from(COMMUNITIES), max_size=2),
    st.sampled_from(["", "5", "12"]),
    st.sampled_from(["", "50", "150"]),
    st.sampled_from(["own", "internal", "external"]),
)
def test_policies(
    raw: list[RawTerm], prefix: str, path: list[str], communities: list[str], med: str, local_pref: str, source: str
) -> None:
    attrs = given_attrs(as_path=" ".join(path), community=communities, med=med, local_pref=local_pref)
    naive = Naive(attrs, prefix, source)
    family, packed = parse_prefix(prefix)
    outcome = try_policy(
        compiled_of(raw),
        context_of(family=family),
        attrs,
        packed,
        external=source == "external",
        local=source == "own",
    )
    accepted = naive.judge(raw)
    assert outcome.accepted is accepted
    if accepted:
        after = Naive(outcome.attrs, prefix, source)
        assert vars(after) == vars(naive)
