"""A policy on trial: what it would do with a route, term by term, and nothing is changed or counted."""

import re
from collections.abc import Sequence
from typing import Final

from bgpd.model import Edit, PolicySpec, TermAction
from bgpd.policy import communities
from bgpd.policy.chain import Context, Route
from bgpd.policy.spec import ACTIONS, MATCHES, ORIGINS
from bgpd.policy.terms import Policy, edit_of
from bgpd.wire import aspath
from bgpd.wire.attrs import MP_REACH_NLRI, NEXT_HOP, Attrs, attr_name, build, format_attr
from bgpd.wire.prefix import format_address, parse_address

#: For what reads nothing of a neighbor.
NOBODY: Final = Context(local_asn=64512, remote_asn=64512, router_id=bytes(4))


class Outcome:
    """What a policy says of one route."""

    def __init__(
        self, accepted: bool, term: str, reason: str, fired: list[str], attrs: Attrs, changes: list[str]
    ) -> None:
        self.accepted: Final = accepted
        self.term: Final = term  #: the one that decided, "" where none did
        self.reason: Final = reason  #: as `show route received` says it
        self.fired: Final = fired  #: every term that matched, in order
        self.attrs: Final = attrs  #: afterwards
        self.changes: Final = changes  #: "LOCAL_PREF none -> 200"


def try_policy(
    policy: Policy,
    context: Context,
    attrs: Attrs,
    prefix: bytes,
    *,
    external: bool,
    local: bool,
    peer: str = "",
    peer_address: bytes = b"",
) -> Outcome:
    """Run a policy over one route (packed prefix; `context.family` is its family)."""
    assert context.family is not None
    route = Route(attrs, external, local, peer, peer_address, policy.classify(context.family, prefix))
    fired: list[str] = []
    for term in policy.terms:
        if not term.holds(route, context):
            continue
        name = term.spec.name
        fired.append(name)
        if term.action is TermAction.REJECT:
            return Outcome(False, name, term.refusal.value, fired, attrs, [])
        for edit in term.edits:
            edit(route, context)
        if term.action is TermAction.ACCEPT:
            done = route.settle()
            said = f"accepted by policy {policy.spec.name} term {name}"
            return Outcome(True, name, said, fired, done, differences(attrs, done, route.forced))
    return Outcome(False, "", policy.refusal.value, fired, attrs, [])


def differences(before: Attrs, after: Attrs, forced: bytes | None = None) -> list[str]:
    """What is different, attribute by attribute, in words."""
    old = {code: value for _, code, value in before.items()}
    new = {code: value for _, code, value in after.items()}
    found = []
    for code in sorted({*old, *new} - {NEXT_HOP, MP_REACH_NLRI}):
        was, now = old.get(code), new.get(code)
        if was != now:
            found.append(f"{attr_name(code)} {_words(code, was)} -> {_words(code, now)}")
    hop = after.next_hop if forced is None else forced
    if hop != before.next_hop:
        found.append(f"NEXT_HOP {format_address(before.next_hop) or 'none'} -> {format_address(hop) or 'self'}")
    return found


def _words(code: int, value: bytes | None) -> str:
    return "none" if value is None else format_attr(code, value) or "empty"


def used_by(policy: PolicySpec, import_policy: PolicySpec | None, export_policy: PolicySpec | None) -> list[str]:
    """The directions in which a neighbor uses a policy."""
    pairs = (("import", import_policy), ("export", export_policy))
    return [direction for direction, used in pairs if used == policy]


def parse_as_path(text: str) -> bytes:
    """The AS_PATH value of "65001 65002 {1 2}". Raises ValueError with a plain sentence."""
    segments: aspath.Segments = []
    for part in re.findall(r"\{[^{}]*\}|[^{}]+|[{}]", text):
        inside = part.strip("{}") if part.startswith("{") and part.endswith("}") else part
        words = inside.replace(",", " ").split()
        if not words and part.strip():
            raise ValueError(f"{text!r} is no AS path, as in '65001 65002 {{1 2}}'")
        if words:
            numbers = tuple([_as_number(word, text) for word in words])
            segments.append((1 if part.startswith("{") else 2, numbers))
    return aspath.encode(segments)


def _as_number(word: str, text: str) -> int:
    if not (word.isascii() and word.isdigit() and 0 < int(word) <= 0xFFFFFFFF):
        raise ValueError(f"{word!r} in {text!r} is no AS number")
    return int(word)


def given_attrs(
    *,
    as_path: str = "",
    community: Sequence[str] = (),
    next_hop: str = "",
    med: str = "",
    local_pref: str = "",
    origin: str = "igp",
) -> Attrs:
    """Attributes as a person writes them; communities of any kind. Raises ValueError with a plain sentence."""
    by_kind: dict[str, list[str]] = {kind: [] for kind in communities.KINDS}
    for text in community:
        by_kind[communities.kind_of(text)].append(text)
    route = Route(
        build(
            parse_address(next_hop) if next_hop else b"",
            ORIGINS[str(MATCHES["origin"].parse(origin))],
            parse_as_path(as_path),
            _number(med),
            _number(local_pref),
        ),
        external=False,
        local=False,
    )
    for kind, texts in by_kind.items():
        if texts:
            field = f"add-{kind}"
            edit = Edit(field, tuple([ACTIONS[field].parse(text) for text in texts]))
            edit_of(edit)(route, NOBODY)
    return route.settle()


def _number(text: str) -> int:
    if not text:
        return -1
    if not (text.isascii() and text.isdigit() and int(text) <= 0xFFFFFFFF):
        raise ValueError(f"expected a number from 0 to 4294967295, got {text!r}")
    return int(text)
