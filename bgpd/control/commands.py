"""The commands: one function each, over read-only questions to the speaker.

`Queries` states what the commands ask; the speaker's side answers it, without I/O. A command takes the
request's arguments, checks them, and returns a `Reply`: at most one object and any number of rows, which are
taken one by one when the client is ready for them. A command that fails raises `CommandError` with a code for
programs and a sentence for people.

The words that a person types are the business of `cli.grammar`; here arguments have names.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import chain
from typing import Any, Final, Protocol

from bgpd.control.protocol import ErrorCode
from bgpd.speaker.events import EventView
from bgpd.speaker.views import (
    ActionView,
    KernelCheckView,
    KernelView,
    NeighborView,
    PolicyTestView,
    PolicyView,
    RouteView,
    StatusView,
)
from bgpd.wire.family import BY_NAME, Family
from bgpd.wire.prefix import parse_address, parse_prefix

#: Where `show route` looks: the loc-rib, or one neighbor's adj-rib-in or adj-rib-out.
TABLES: Final = ("loc-rib", "received", "advertised")
#: The kinds of event that `watch` can be asked for.
EVENTS: Final = ("session", "route", "kernel", "config")
#: What changes something about one neighbor, over this socket only. `text` goes to the peer (RFC 9003).
ACTIONS: Final = ("enable", "disable", "reset", "reset soft in", "reset soft out")
#: What concerns the whole speaker.
OWN_ACTIONS: Final = ("drain", "undrain", "restart")
_LONGEST_TEXT: Final = 255  #: octets of a shutdown communication (RFC 9003 section 2)


class Queries(Protocol):
    """What the commands ask of the speaker. Nothing here blocks, waits or does I/O.

    An iterator is consumed in slices, with other work of the event loop between two slices: the tables may change
    meanwhile, and the iterator has to bear it. It may yield None wherever it has looked at many entries without
    finding one to report: a place to pause.
    """

    def status(self) -> StatusView:
        """The daemon at a glance."""
        ...

    def neighbors(self) -> Iterable[NeighborView | None]:
        """Every neighbor, in the order of the configuration."""
        ...

    def neighbor(self, name_or_address: str) -> NeighborView | None:
        """One neighbor by its name or its address in text; None where there is no such neighbor."""
        ...

    def routes(
        self, family: Family | None, prefix: bytes | None, table: str, neighbor: str | None, *, longest: bool = False
    ) -> Iterator[RouteView | None]:
        """Routes of one table, best first within a prefix.

        `family` None: every family. `prefix`: packed, always with its family; None: every prefix. `longest`: `prefix`
        is a whole address (a prefix of 32 or 128 bits), and its longest match is wanted. `table` is one of `TABLES`;
        `neighbor` is a neighbor's name, given exactly where the table is not the loc-rib.
        """
        ...

    def policies(self) -> Iterable[PolicyView | None]:
        """Every policy."""
        ...

    def policy_test(
        self, policy: str | None, neighbor: str | None, route: Mapping[str, Any] | None, way: str
    ) -> Iterator[PolicyTestView | None]:
        """What a policy does with a route, given by the words of `policy test`; None: with every route of a neighbor.

        `way` is in or out. `policy` None: the one in force. Raises ValueError for words that mean nothing.
        """
        ...

    def kernel(self, routes: bool) -> KernelView:
        """The FIB side; with its routes where `routes` is set."""
        ...

    def kernel_check(self) -> Awaitable[KernelCheckView]:
        """Look at everything that the kernel should hold. Raises ValueError where it is not in use."""
        ...

    def act(self, action: str, name_or_address: str, text: str) -> ActionView:
        """Do one of `ACTIONS` to a neighbor; the answer says what was done. Raises ValueError where it cannot be."""
        ...

    def manage(self, action: str, text: str) -> ActionView:
        """Do one of `OWN_ACTIONS`; the answer says what was done. `text` goes into the log.

        Raises ValueError where it cannot be.
        """
        ...

    def subscribe(self, callback: Callable[[EventView], None]) -> Callable[[], None]:
        """Call `callback` at every event from now on; the returned function ends that (twice is harmless)."""
        ...


class CommandError(Exception):
    """A command cannot be answered: `code` is for programs, the text is a sentence for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code: Final = code
        self.text: Final = text


@dataclass(slots=True, kw_only=True)
class Reply:
    """What a command answers: an object, rows, or events without end."""

    head: object | None = None  #: the one object of a singular command
    rows: Iterable[object | None] = ()  #: views, taken lazily; None is a place to pause
    later: Awaitable["Reply"] | None = None  #: the answer has to be waited for: it is this one
    events: Callable[[EventView], bool] | None = None  #: `watch`: go on for ever with the events that this lets pass


Arguments = Mapping[str, object]
Run = Callable[[Queries, Arguments], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One row of the table of commands."""

    run: Run
    help: str
    arguments: Mapping[str, str]  #: name -> what it means; any other argument is refused


def show_status(queries: Queries, _arguments: Arguments) -> Reply:
    return Reply(head=queries.status())


def show_neighbors(queries: Queries, _arguments: Arguments) -> Reply:
    return Reply(rows=queries.neighbors())


def show_neighbor(queries: Queries, arguments: Arguments) -> Reply:
    return Reply(head=_neighbor(queries, _text(arguments, "neighbor")))


def show_route(queries: Queries, arguments: Arguments) -> Reply:
    table = _text(arguments, "table") or TABLES[0]
    if table not in TABLES:
        raise CommandError(ErrorCode.BAD_ARGUMENT, f"there is no table {table!r}: it is one of {', '.join(TABLES)}")
    named = _text(arguments, "neighbor")
    if (table == TABLES[0]) != (named is None):
        wrong = "the loc-rib belongs to no neighbor" if named else f"{table} routes are one neighbor's: say which"
        raise CommandError(ErrorCode.BAD_ARGUMENT, wrong)
    neighbor = None if named is None else _neighbor(queries, named).name
    family = _family(_text(arguments, "family"))
    prefix, longest = None, False
    if (wanted := _text(arguments, "prefix")) is not None:
        implied, prefix, longest = _destination(wanted)
        if family is not None and family is not implied:
            raise CommandError(ErrorCode.BAD_ARGUMENT, f"{wanted} is {implied.name}, not {family.name}")
        family = implied
    return Reply(rows=queries.routes(family, prefix, table, neighbor, longest=longest))


def show_kernel(queries: Queries, arguments: Arguments) -> Reply:
    view = queries.kernel(_flag(arguments, "routes", default=True))
    return Reply(head=replace(view, routes=[]), rows=view.routes)


def kernel_check(queries: Queries, _arguments: Arguments) -> Reply:
    try:
        check = queries.kernel_check()
    except ValueError as error:
        raise CommandError(ErrorCode.REFUSED, str(error)) from error

    async def later() -> Reply:
        view = await check
        return Reply(head=replace(view, findings=[]), rows=view.findings)

    return Reply(later=later())


def show_policy(queries: Queries, arguments: Arguments) -> Reply:
    named = _text(arguments, "policy")
    views = [view for view in queries.policies() if view is not None]
    if named is None:
        return Reply(rows=views)
    found = [view for view in views if view.name == named]
    if not found:
        near = get_close_matches(named, [view.name for view in views], 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise CommandError(ErrorCode.BAD_ARGUMENT, f"there is no policy {named!r}{hint}")
    return Reply(rows=found)


def policy_test(queries: Queries, arguments: Arguments) -> Reply:
    live = _text(arguments, "live")
    way = live or _text(arguments, "way") or "in"
    if way not in ("in", "out"):
        raise CommandError(ErrorCode.BAD_ARGUMENT, f"a policy is tried on routes that go in or out, not {way!r}")
    named = _text(arguments, "neighbor")
    neighbor = _neighbor(queries, named).name if named is not None or live is not None else None
    policy = _text(arguments, "policy")
    words = ("prefix", "as_path", "next_hop", "med", "local_pref", "origin")
    route: dict[str, Any] | None = {name: text for name in words if (text := _text(arguments, name)) is not None}
    communities = arguments.get("community") or []
    if not isinstance(communities, (list, tuple)) or not all(isinstance(text, str) for text in communities):
        raise CommandError(ErrorCode.BAD_ARGUMENT, "community has to be a list of texts")
    if live is not None:
        if route or communities:
            raise CommandError(ErrorCode.BAD_ARGUMENT, "either the routes of the live table, or one that is given")
        route = None
    elif not route or "prefix" not in route or policy is None:
        raise CommandError(ErrorCode.BAD_ARGUMENT, "say which policy, and at least the prefix of a route")
    else:
        route["community"] = list(communities)
    try:
        rows = queries.policy_test(policy, neighbor, route, way)
        first = next(rows, None)  # what is wrong with the words is known here
    except ValueError as error:
        raise CommandError(ErrorCode.BAD_ARGUMENT, str(error)) from error
    return Reply(rows=chain([first], rows))


def watch(queries: Queries, arguments: Arguments) -> Reply:
    named = _text(arguments, "neighbor")
    neighbor = None if named is None else _neighbor(queries, named).name
    kinds = arguments.get("events") or EVENTS
    if not isinstance(kinds, (list, tuple)) or not all(kind in EVENTS for kind in kinds):
        raise CommandError(ErrorCode.BAD_ARGUMENT, f"events are a list of {', '.join(EVENTS)}")
    wanted = frozenset(kinds)
    return Reply(events=lambda event: event.event in wanted and (neighbor is None or event.neighbor == neighbor))


def _act(action: str) -> Run:
    def run(queries: Queries, arguments: Arguments) -> Reply:
        name = _neighbor(queries, _text(arguments, "neighbor")).name
        text = _text(arguments, "text") or ""
        if len(text.encode(errors="replace")) > _LONGEST_TEXT:
            raise CommandError(ErrorCode.BAD_ARGUMENT, f"the text is longer than {_LONGEST_TEXT} octets (RFC 9003)")
        try:
            return Reply(head=queries.act(action, name, text))
        except ValueError as error:
            raise CommandError(ErrorCode.REFUSED, str(error)) from error

    return run


_NEIGHBOR: Final = "name or address of a neighbor"


def _manage(action: str) -> Run:
    def run(queries: Queries, arguments: Arguments) -> Reply:
        try:
            return Reply(head=queries.manage(action, _text(arguments, "text") or ""))
        except ValueError as error:
            raise CommandError(ErrorCode.REFUSED, str(error)) from error

    return run


_WORDS: Final = "words for the peer's operator (RFC 9003)"

COMMANDS: Final[Mapping[str, Command]] = {
    "show status": Command(run=show_status, help="the daemon at a glance", arguments={}),
    "show neighbors": Command(run=show_neighbors, help="every neighbor and its session", arguments={}),
    "show neighbor": Command(run=show_neighbor, help="one neighbor in full", arguments={"neighbor": _NEIGHBOR}),
    "show route": Command(
        run=show_route,
        help="routes of the loc-rib, or of one neighbor's adj-rib-in or adj-rib-out",
        arguments={
            "prefix": "a prefix (exact), or an address (its longest match)",
            "family": "ipv4 or ipv6",
            "table": "loc-rib, received or advertised",
            "neighbor": _NEIGHBOR,
        },
    ),
    "show kernel": Command(
        run=show_kernel, help="the routes in the kernel", arguments={"routes": "false: only the figures"}
    ),
    "kernel check": Command(
        run=kernel_check, help="is the kernel as it should be? Every difference, with its reason", arguments={}
    ),
    "show policy": Command(
        run=show_policy, help="policies, their terms and counters", arguments={"policy": "name of a policy"}
    ),
    "policy test": Command(
        run=policy_test,
        help="what a policy does with a route that is given, or with those of the live tables",
        arguments={
            "policy": "name of a policy; with live it may be left out: the one in force",
            "neighbor": _NEIGHBOR,
            "way": "in (default) or out: which way the given route goes",
            "live": "in or out: every route from, or for, the neighbor",
            "prefix": "of the given route",
            "as_path": "of the given route, as in 65001 65002 {1 2}",
            "community": "a list of communities of any kind",
            "next_hop": "of the given route",
            "med": "of the given route",
            "local_pref": "of the given route",
            "origin": "igp, egp or incomplete",
        },
    ),
    "enable": Command(run=_act("enable"), help="let a neighbor come up", arguments={"neighbor": _NEIGHBOR}),
    "disable": Command(
        run=_act("disable"),
        help="take a neighbor down until it is enabled",
        arguments={"neighbor": _NEIGHBOR, "text": _WORDS},
    ),
    "reset": Command(
        run=_act("reset"), help="end a session; it comes again", arguments={"neighbor": _NEIGHBOR, "text": _WORDS}
    ),
    "reset soft in": Command(
        run=_act("reset soft in"),
        help="judge its routes again, and ask for them again; the session stays",
        arguments={"neighbor": _NEIGHBOR},
    ),
    "reset soft out": Command(
        run=_act("reset soft out"),
        help="tell it everything again; the session stays",
        arguments={"neighbor": _NEIGHBOR},
    ),
    "drain": Command(
        run=_manage("drain"),
        help="announce everything as about to go (RFC 8326); sessions and routes stay",
        arguments={},
    ),
    "undrain": Command(run=_manage("undrain"), help="announce everything as usual again", arguments={}),
    "restart": Command(
        run=_manage("restart"),
        help="leave so that peers and kernel keep the routes until the next start (RFC 4724)",
        arguments={"text": "words for the log"},
    ),
    "watch": Command(
        run=watch,
        help="every change as it happens",
        arguments={"events": "a list of kinds of event", "neighbor": _NEIGHBOR},
    ),
}


def answer(queries: Queries, name: str, arguments: Arguments) -> Reply:
    """Find the command, check that its arguments have names that it knows, run it. Raises CommandError."""
    command = COMMANDS.get(name)
    if command is None:
        near = get_close_matches(name, COMMANDS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise CommandError(ErrorCode.UNKNOWN_COMMAND, f"there is no command {name!r}{hint}")
    for argument in arguments:
        if argument not in command.arguments:
            known = ", ".join(command.arguments) or "none"
            raise CommandError(ErrorCode.BAD_ARGUMENT, f"{name!r} has no argument {argument!r} (it has: {known})")
    return command.run(queries, arguments)


def _text(arguments: Arguments, name: str) -> str | None:
    value = arguments.get(name)
    if value is None or isinstance(value, str):
        return value
    raise CommandError(ErrorCode.BAD_ARGUMENT, f"{name} has to be a text")


def _flag(arguments: Arguments, name: str, *, default: bool) -> bool:
    value = arguments.get(name, default)
    if isinstance(value, bool):
        return value
    raise CommandError(ErrorCode.BAD_ARGUMENT, f"{name} has to be true or false")


def _family(name: str | None) -> Family | None:
    if name is None:
        return None
    if name not in BY_NAME:
        raise CommandError(ErrorCode.BAD_ARGUMENT, f"there is no family {name!r}: it is one of {', '.join(BY_NAME)}")
    return BY_NAME[name]


def _neighbor(queries: Queries, named: str | None) -> NeighborView:
    """The neighbor of that name or address; where there is none, the error names the nearest."""
    if named is None:
        raise CommandError(ErrorCode.BAD_ARGUMENT, "say which neighbor")
    if (view := queries.neighbor(named)) is not None:
        return view
    known = [text for view in queries.neighbors() if view is not None for text in (view.name, view.address)]
    near = get_close_matches(named, known, 1)
    hint = f"; did you mean {near[0]}?" if near else "" if known else "; none is configured"
    raise CommandError(ErrorCode.UNKNOWN_NEIGHBOR, f"there is no neighbor {named!r}{hint}")


def _destination(text: str) -> tuple[Family, bytes, bool]:
    """A prefix, or an address as a prefix of its full length; True where it was an address."""
    longest = "/" not in text
    try:
        if longest:
            text = f"{text}/{8 * len(parse_address(text))}"
        return *parse_prefix(text), longest
    except ValueError as error:
        raise CommandError(ErrorCode.BAD_ARGUMENT, str(error)) from error
