"""`--check`, the part with policies and sets: YAML that can be loaded again."""

from bgpd.config.origin import Book
from bgpd.model import Condition, PolicyTerm, TermAction
from bgpd.policy.spec import ACTIONS, MATCHES, SETS

_COLUMN = 42


def show_book(book: Book) -> list[str]:
    """The lines of `prefix-sets`, `community-sets`, `as-path-sets` and `policies`; none of what there is none of."""
    lines: list[str] = []
    for kind, row in SETS.items():
        named = [(name, found) for (of, name), found in book.sets.items() if of == kind]
        if named:
            lines.append(f"{row.name}:")
        for name, (values, origin) in named:
            lines.append(f"{f'  {quoted(name)}:':<{_COLUMN}} # {origin.text}")
            lines += [f"    - {quoted(row.show(value))}" for value in values]
    if book.policies:
        lines.append("policies:")
    for name, (policy, origin) in book.policies.items():
        lines.append(f"{f'  {quoted(name)}:':<{_COLUMN}} # {origin.text}")
        for term in policy.terms:
            lines += _term(term)
    return lines


def _term(term: PolicyTerm) -> list[str]:
    lines = [f"    - name: {quoted(term.name)}"]
    if term.conditions:
        lines.append("      match:")
        lines += [f"        {_condition(c)}" for c in term.conditions if not c.negated]
        negated = [c for c in term.conditions if c.negated]
        if negated:
            lines.append("        not:")
            lines += [f"          {_condition(c)}" for c in negated]
    if not term.edits:
        return [*lines, f"      then: {term.action.value}"]
    lines.append("      then:")
    for edit in term.edits:
        row = ACTIONS[edit.field]
        values = [quoted(row.show(value)) for value in edit.values]
        lines.append(f"        {edit.field}: {values[0] if not row.many else '[' + ', '.join(values) + ']'}")
    if term.action is not TermAction.NEXT:
        lines.append(f"        action: {term.action.value}")
    return lines


def _condition(condition: Condition) -> str:
    row = MATCHES[condition.field]
    texts = condition.set_name.split(" or ") if condition.set_name else [row.show(value) for value in condition.values]
    return f"{condition.field}: [{', '.join([quoted(text) for text in texts])}]"


def quoted(text: str) -> str:
    """A text as a double-quoted scalar; plain words and numbers stay as they are."""
    if text and text.isascii() and text.replace("-", "").replace(".", "").isalnum() and not text.startswith(("-", ".")):
        return text
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return f'"{escaped}"'
