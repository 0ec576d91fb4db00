"""`bgpctl policy test` and `bgpctl show policy`: the words, and what is printed."""

from collections.abc import Iterable
from typing import Final

from bgpd.cli.render import BAD, BOLD, DIM, GOOD, Paper, Row, View, clean

#: word (or --word) -> the argument it fills
WORDS: Final = {
    "neighbor": "neighbor",
    "prefix": "prefix",
    "as-path": "as_path",
    "community": "community",
    "next-hop": "next_hop",
    "med": "med",
    "local-pref": "local_pref",
    "origin": "origin",
    "out": "way",
    "in": "way",
    "live": "live",
}


class WordsError(Exception):
    """The words make no test; the text says why."""


def arguments(rest: list[str]) -> dict[str, object]:
    """The arguments of `policy test` from the words behind it. Raises WordsError."""
    found: dict[str, object] = {}
    communities: list[str] = []
    words = list(rest)
    if words and words[0] != "live" and not words[0].startswith("--"):  # even a policy that is called `in`
        found["policy"] = words.pop(0)
    while words:
        word = words.pop(0)
        plain, equals, value = word.removeprefix("--").partition("=")
        name = WORDS.get(plain)
        if name is None:
            raise WordsError(f"{word!r} is no part of policy test; it is one of: {', '.join(WORDS)}")
        if name in found:
            raise WordsError(f"{plain} is given twice")
        if name == "way":
            found["way"] = plain
            continue
        if not equals:
            if not words:
                raise WordsError(f"'{plain} X' wants its X")
            value = words.pop(0)
        if name == "community":
            communities += value.split()
        elif name == "live":
            found["neighbor"] = value
            found["live"] = words.pop(0) if words and words[0] in ("in", "out") else "in"
        else:
            found[name] = value
    if communities:
        found["community"] = communities
    return found


def policies(paper: Paper, views: Iterable[View]) -> None:
    """Each policy with its terms."""
    for number, view in enumerate(views):
        if number:
            paper.line()
        kind = "  (built in)" if view["builtin"] else "  (reads prefixes)" if view["reads_prefix"] else ""
        paper.line(paper.paint(clean(view["name"]), BOLD) + paper.paint(kind, DIM))
        paper.pairs(
            [("Imports", clean(", ".join(view["imports"]))), ("Exports", clean(", ".join(view["exports"])))],
            indent="  ",
        )
        rows: list[Row] = [
            [
                clean(term["name"]),
                clean("; ".join(term["match"])) or "any",
                clean("; ".join(term["then"])),
                str(term["hits"]),
            ]
            for term in view["terms"]
        ]
        rows.append([("no term", DIM), "", "reject", str(view["fallen"])])
        paper.table(("Term", "Match", "Then", ">Hits"), rows, indent="  ")


def tests(paper: Paper, views: Iterable[View]) -> None:
    """One route a line: the verdict, the term that fired, what it changed."""

    def row(view: View) -> Row:
        return [
            view["prefix"],
            clean(view["source"]),
            ("accept", GOOD) if view["accepted"] else ("reject", BAD),
            clean(view["term"] or "(none)"),
            clean(", ".join(view["fired"])) or "-",
            clean("; ".join(view["changes"])) or "-",
        ]

    if not paper.table(("Prefix", "From", "Verdict", "Term", "Matched", "Changes"), map(row, views)):
        paper.line("No such route.")
