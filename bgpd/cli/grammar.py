"""What a person may type after `bgpctl`, and which request it becomes.

Every word may be shortened as long as it stays clear (`bgpctl sh n` is `bgpctl show neighbors`), as in BIRD's
client. A word that fits nothing is answered with the nearest ones that fit; some words of other daemons' clients
are known well enough to say what the same thing is called here.
"""

from collections.abc import Callable, Sequence
from typing import Final

from bgpd.cli import policy


class UsageError(Exception):
    """The words make no command; the text says why and what would."""


class Request:
    """One request, and how its answer is to be shown."""

    def __init__(self, command: str, **arguments: object) -> None:
        self.command: Final = command  #: a name in control.commands.COMMANDS
        self.arguments: Final = {name: value for name, value in arguments.items() if value is not None}
        self.detail = False  #: routes in full, not one a line

    def __repr__(self) -> str:
        return f"Request({self.command!r}, {self.arguments})"


#: What `bgpctl help` prints: the words, and what they show.
SYNTAX: Final[Sequence[tuple[str, str]]] = (
    ("show status", "the daemon at a glance"),
    ("show neighbors", "every neighbor and its session"),
    ("show neighbor X", "one neighbor (name or address) in full"),
    ("show route [PREFIX|ADDRESS] [ipv4|ipv6] [detail]", "the loc-rib; an address finds its longest match"),
    ("show route [...] received X", "what neighbor X sent (its adj-rib-in)"),
    ("show route [...] advertised X", "what is sent to neighbor X (its adj-rib-out)"),
    ("show kernel [summary]", "our routes in the kernel"),
    ("kernel check", "is the kernel as it should be? Exit code 1 where it is not"),
    ("show policy [NAME]", "policies: terms, hits, and who uses them"),
    ("policy test [NAME] [prefix P] [as-path A] [community C] ...", "what a policy does with a route"),
    ("policy test [NAME] live X [in|out]", "what it does with every route from (in) or for (out) neighbor X"),
    ("enable X", "let neighbor X come up"),
    ("disable X [TEXT]", "take neighbor X down until it is enabled; TEXT goes to the peer"),
    ("reset X [TEXT]", "end the session with X; it comes again at once"),
    ("reset X soft in|out", "judge what X gave (in) again, or tell it everything (out) again; the session stays"),
    ("drain", "tell every neighbor that our routes are about to go; everything stays"),
    ("undrain", "announce everything as usual again"),
    ("restart [TEXT]", "leave; peers and kernel keep our routes until the next start; TEXT goes into the log"),
    ("watch [session] [route] [kernel] [config] [neighbor X]", "every change as it happens; Ctrl-C ends it"),
)

#: The same for the commands that ask the datastore, not a daemon (`cli.store`).
STORE_SYNTAX: Final[Sequence[tuple[str, str]]] = (
    ("apply -f PATH [--dry-run]", "write resources; with one mistake in them nothing is written"),
    ("get KIND [NAME] [-o json|yaml]", "print resources"),
    ("delete KIND NAME | -f PATH", "remove resources; a node's unused blocks are given back"),
    ("status [--json]", "every node, its blocks and sessions, and what is wrong with resources"),
    ("mesh [--json]", "who has a session with whom, and which prefixes are missing where"),
)
STORE_WORDS: Final = tuple(words.partition(" ")[0] for words, _ in STORE_SYNTAX)

#: Words of other daemons' clients -> ours, for the hint behind "unknown word".
_ELSEWHERE: Final = {
    "protocols": "show neighbors",
    "protocol": "show neighbors",
    "summary": "show neighbors",
    "bgp": "show neighbors",
    "peers": "show neighbors",
    "neighbours": "show neighbors",
    "neighbour": "show neighbors",
    "rib": "show route",
    "routes": "show route",
    "ip": "show route",
    "fib": "show kernel",
    "monitor": "watch",
    "shutdown": "disable",
    "clear": "reset",
}


def choose(word: str, choices: Sequence[str], what: str) -> str:
    """The one choice that `word` is, or begins. Raises UsageError with the nearest ones."""
    lowered = word.lower()
    if lowered in choices:
        return lowered
    found = [choice for choice in choices if choice.startswith(lowered)] if word else []
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{word!r} is not clear: {' or '.join(found)}?")
    near = _nearest(lowered, choices)
    if near is None and lowered in _ELSEWHERE:
        raise UsageError(f"there is no {what} {word!r} here; it is called 'bgpctl {_ELSEWHERE[lowered]}'")
    hint = f"did you mean {near!r}?" if near else f"it is one of: {', '.join(choices)}"
    raise UsageError(f"there is no {what} {word!r}; {hint}")


def parse(words: Sequence[str]) -> Request:
    """The request that the words mean. Raises UsageError."""
    rest = list(words)
    if not rest:
        raise UsageError("say what to do, for example: bgpctl show status")
    command = choose(rest.pop(0), ("show", "watch", "policy", "kernel", *_ACTIONS, *_OWN_ACTIONS), "command")
    if command == "watch":
        return _watch(rest)
    if command in _ACTIONS:
        return _act(command, rest)
    if command == "policy":
        return _policy_test(rest)
    if command == "kernel":
        choose(rest.pop(0) if rest else "", ("check",), "part of kernel")
        _nothing_after(rest, "kernel check")
        return Request("kernel check")
    if command == "restart":
        return Request("restart", text=" ".join(rest) or None)
    if command in _OWN_ACTIONS:
        _nothing_after(rest, command)
        return Request(command)
    if not rest:
        raise UsageError(f"show what? one of: {', '.join(_SHOW)}")
    subject = rest.pop(0)
    if subject.lower() == "neighbor":
        subject = "neighbors"  # with a name behind it or without: both words do
    return _SHOW[choose(subject, tuple(_SHOW), "subject of show")](rest)


def _status(rest: list[str]) -> Request:
    _nothing_after(rest, "show status")
    return Request("show status")


def _neighbors(rest: list[str]) -> Request:
    if not rest:
        return Request("show neighbors")
    name = rest.pop(0)
    _nothing_after(rest, f"show neighbor {name}")
    return Request("show neighbor", neighbor=name)


def _route(rest: list[str]) -> Request:
    """[PREFIX] [ipv4|ipv6] [received X|advertised X] [detail], in any order."""
    prefix = family = table = neighbor = None
    detail = False
    while rest:
        word = rest.pop(0)
        if word[:1].isdigit() or ":" in word:  # addresses of both families; no word begins so
            if prefix is not None:
                raise UsageError(f"two prefixes, {prefix} and {word}: one can be asked for at a time")
            prefix = word
            continue
        keyword = choose(word, ("received", "advertised", "ipv4", "ipv6", "detail"), "part of show route")
        if keyword == "detail":
            detail = True
        elif keyword in {"ipv4", "ipv6"}:
            family = keyword
        else:
            if table is not None:
                raise UsageError("one table at a time: either 'received X' or 'advertised X'")
            table, neighbor = keyword, _operand(rest, keyword, "X is the name or address of a neighbor")
    request = Request("show route", prefix=prefix, family=family, table=table, neighbor=neighbor)
    request.detail = detail or prefix is not None
    return request


def _kernel(rest: list[str]) -> Request:
    if rest:
        choose(rest.pop(0), ("summary",), "part of show kernel")
        _nothing_after(rest, "show kernel summary")
        return Request("show kernel", routes=False)
    return Request("show kernel")


def _policy(rest: list[str]) -> Request:
    name = rest.pop(0) if rest else None
    _nothing_after(rest, f"show policy {name}")
    return Request("show policy", policy=name)


def _policy_test(rest: list[str]) -> Request:
    choose(rest.pop(0) if rest else "", ("test",), "part of policy")
    try:
        return Request("policy test", **policy.arguments(rest))
    except policy.WordsError as error:
        raise UsageError(str(error)) from error


def _watch(rest: list[str]) -> Request:
    kinds: list[str] = []
    neighbor = None
    while rest:
        word = choose(rest.pop(0), ("session", "route", "kernel", "config", "neighbor"), "event")
        if word == "neighbor":
            neighbor = _operand(rest, "neighbor", "X is a name or an address")
        else:
            kinds.append(word)
    return Request("watch", events=kinds or None, neighbor=neighbor)


def _act(command: str, rest: list[str]) -> Request:
    """Enable X, disable X [TEXT], reset X [TEXT], reset X soft in|out: the rest of the words are the text."""
    name = _operand(rest, command, "X is the name or address of a neighbor")
    if command == "enable":
        _nothing_after(rest, f"enable {name}")
    if command == "reset" and rest[:1] == ["soft"]:
        if len(rest) == 1:
            raise UsageError(f"reset {name} soft what? in (judge what it gave again) or out (tell it everything again)")
        way = choose(rest[1], ("in", "out"), "part of reset soft")
        _nothing_after(rest[2:], f"reset {name} soft {way}")
        return Request(f"reset soft {way}", neighbor=name)
    return Request(command, neighbor=name, text=" ".join(rest) or None)


_OWN_ACTIONS: Final = ("drain", "undrain", "restart")
_ACTIONS: Final = ("enable", "disable", "reset")
_SHOW: Final[dict[str, Callable[[list[str]], Request]]] = {
    "status": _status,
    "neighbors": _neighbors,
    "route": _route,
    "kernel": _kernel,
    "policy": _policy,
}


def _operand(rest: list[str], keyword: str, meaning: str) -> str:
    if not rest:
        raise UsageError(f"'{keyword} X' wants its X: {meaning}")
    return rest.pop(0)


def _nothing_after(rest: list[str], done: str) -> None:
    if rest:
        raise UsageError(f"'{done}' is complete; {rest[0]!r} is too much")


def _nearest(word: str, choices: Sequence[str]) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415 - only after a mistake: 10 ms that others need not wait

    near = get_close_matches(word, choices, 1)
    return near[0] if near else None
