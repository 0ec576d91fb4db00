"""Policies meet neighbors: a name in `import` or `export` becomes the policy it names.

Here is judged what needs both: that there is such a policy, that the neighbors a policy names exist, and that what
it does makes sense in the direction it is used in.
"""

from typing import Final

from bgpd.config.origin import Book
from bgpd.config.report import Report, nearest
from bgpd.config.values import PeerValues, Value, Values
from bgpd.model import Condition, PolicySpec, text_of
from bgpd.policy.spec import BUILTIN

_WORDS: Final = {"import": ("all", "none"), "export": ("own", "all", "none")}


def bind(values: Values, report: Report) -> tuple[PolicySpec, ...]:
    """Put policies in the place of their names, neighbor by neighbor. Returns every policy of the file."""
    book = values.book
    named = _resolved(values, report)
    for peer in (*values.peers, *values.ranges):
        for key in _WORDS:
            value = peer.fields.get(key)
            if value is not None and isinstance(value.value, str):
                policy = named.get(value.value)
                if policy is not None:
                    peer.fields[key] = Value(policy, value.origin)
                    _fits(policy, peer, key, report)
                else:
                    _unknown(value.value, peer, key, book, report)
                    del peer.fields[key]
    return tuple(named.values())


def _unknown(name: str, peer: PeerValues, key: str, book: Book, report: Report) -> None:
    if ("policy", name) in book.broken:
        return  # there is an error about it already
    words = _WORDS[key]
    if name in BUILTIN:
        text = f"{name} is a word for export; expected {' or '.join(words)}, or the name of a policy"
    else:
        near = nearest(name, [*words, *book.policies, *[known for kind, known in book.broken if kind == "policy"]])
        text = f"expected {', '.join(words)} or the name of a policy, got {name!r}{near}"
    report.error(peer.at(key), f"{peer.field}: {key}", text)


def _fits(policy: PolicySpec, peer: PeerValues, key: str, report: Report) -> None:
    """An action that means nothing in this direction."""
    wrong, other = ("self", "export") if key == "import" else ("peer", "import")
    for term in policy.terms:
        for edit in term.edits:
            if edit.field == "next-hop" and edit.values == (wrong,):
                report.error(
                    peer.at(key),
                    f"{peer.field}: {key}",
                    f"policy {policy.name} term {term.name}: next-hop {wrong} means something on {other} only",
                )


def _resolved(values: Values, report: Report) -> dict[str, PolicySpec]:
    """The policies of the file; neighbors are named by what routes know them by."""
    known: dict[str, object] = {}
    for peer in values.peers:
        address, interface = peer.get("address") or b"", peer.get("interface") or ""
        known[peer.get("name") or text_of(address, interface)] = address or text_of(address, interface)
    for name, origin, field in values.book.peers:
        if name not in known:
            report.error(origin, field, f"there is no neighbor {name!r}{nearest(name, known)}")
    return {name: _with_addresses(policy, known) for name, (policy, _) in values.book.policies.items()}


def _with_addresses(policy: PolicySpec, known: dict[str, object]) -> PolicySpec:
    terms = []
    for term in policy.terms:
        conditions = [
            Condition(c.field, tuple(_known(value, known) for value in c.values), c.negated) if c.field == "peer" else c
            for c in term.conditions
        ]
        terms.append(type(term)(term.name, tuple(conditions), term.edits, term.action))
    return PolicySpec(policy.name, tuple(terms))


def _known(value: object, known: dict[str, object]) -> object:
    return known.get(value, value) if isinstance(value, str) else value
