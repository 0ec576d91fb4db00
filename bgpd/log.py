"""Logs: one line an event, for people (`console`) or for machines (`json`).

An event is a name and fields. The name says what happened in a word that can be searched for; `EVENTS` lists
every one with its meaning, and a test holds the code to that list. The core knows no logger: it calls
`log(level, event, fields)`, which is `Logger.emit` here. Fields keep the order in which they were given, so that
two lines about one thing look alike.

    console   2026-01-31 12:00:00.123Z info    session           peer=rack1 old=OpenConfirm new=Established
    json      {"time":"2026-01-31T12:00:00.123Z","level":"info","event":"session","peer":"rack1",...}

A log that cannot be written (a closed pipe, a full disk) is no reason to drop a session: the line is lost, the
count of lost lines is kept.

structlog is loaded by the first line that is written, or by `release`: that takes longer than the first OPEN, so a
start holds its lines back for a moment. Each has the time of its event.
"""

import sys
import time
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    import structlog

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}

#: Every event: its name and what it means.
EVENTS: Final[dict[str, str]] = {
    # the daemon
    "started": "everything is bound and open; sessions begin",
    "stopping": "a signal said stop; what happens to sessions and routes is in on_stop",
    "config": "something in the configuration is doubtful, and was taken as it is",
    "reloaded": "SIGHUP, or the datastore: the new configuration is in force",
    "reload_refused": "the configuration, or what the cluster adds to it, has a mistake; the old one stays in force",
    "reload_needs_restart": "these settings take effect at the next start",
    "bug": "we made a mistake; what failed was contained, and a report is welcome",
    # the cluster
    "datastore": "the datastore answers, or does not; what runs goes on either way",
    "datastore_trouble": "something could not be written to, or read from, the datastore; it is tried again",
    "sessions_leaving": "no plan has these sessions any more; they stay until their routes come from others",
    "sessions_left": "they ended: make before break is done",
    "resource_problem": "a resource has a mistake, or asks for what cannot be done; the rest is not touched",
    "resource_problem_over": "what was wrong with a resource is right now",
    "service_down": "a health check failed often enough: this node withdraws the service address",
    "service_up": "a health check succeeded often enough: this node announces the service address",
    "node_registered": "this node's resource was written, with the address that was found",
    "node_conflict": "another machine has our name or our address; this one does not register",
    "node_address": "no address was found for this node",
    "block_claimed": "a block of addresses is this node's",
    "block_missing": "no pool has a free block for this node",
    # neighbors
    "session": "a session moved from one state to another, and why",
    "policy_missing": "an eBGP neighbor without import or export exchanges nothing (RFC 8212)",
    "family_not_negotiated": "the peer does not speak a family that we offered",
    "drain": "bgpctl drain or graceful-shutdown: everything is announced with GRACEFUL_SHUTDOWN (RFC 8326)",
    "undrain": "bgpctl undrain or a reload: everything is announced as usual again",
    "routes_kept": "a session was lost, and its routes stay while the peer restarts (RFC 4724, RFC 8538)",
    "routes_long_lived": "the peer stays away; its routes are the last resort from now on (RFC 9494)",
    "routes_dropped": "routes that had been kept for a peer that restarts are removed",
    "restart_over": "our own table is complete after a restart; peers are told so (End-of-RIB)",
    "no_next_hop": "a family has no address of ours on this session, so nothing of it is announced there",
    "update_fault": "an UPDATE had a fault; what was done about it (RFC 7606)",
    "attribute_limit": "a neighbor's path attributes take more memory than it may have",
    "connection_refused": "somebody who is no configured neighbor tried to connect",
    "accept_failed": "the kernel could not hand over a connection",
    "paths_ignored": "a neighbor gave more paths for one prefix than are kept (ADD-PATH)",
    "prefix_limit": "a neighbor gave, or would be told, more routes than it may; what was done about it",
    "neighbor_found": "an unnumbered neighbor showed itself on its link",
    "neighbor_acted": "somebody enabled, disabled or reset a neighbor over the control socket",
    "password_refused": "the kernel did not take a TCP MD5 password",
    # the kernel
    "redistributed": "routes of others in the kernel are announced as ours, or no more",
    "kernel_flush": "our routes could not be taken out of the kernel in time",
    "kernel_adopted": "routes of an earlier run were found, and are ours again",
    "kernel_swept": "routes of an earlier run that nobody wants any more were removed",
    "kernel_routes_lost": "somebody else removed or replaced routes of ours",
    "kernel_fight": "somebody keeps removing or changing a route of ours; it is put back more slowly from now on",
    "kernel_routes_refused": "the kernel refused routes of ours",
    "kernel_overlay": "the overlay cannot be had as configured; the reason",
    "kernel_conflict": "somebody else holds the place of a route of ours; it is left alone",
    "kernel_route_unused": "a route of ours is in the kernel, and a look-up finds another one",
    "kernel_resync": "what the kernel holds was compared with what we want, and differed",
    "kernel_trouble": "the kernel could not be asked, or told",
    # the sockets for people
    "control_failed": "a command on the control socket met a mistake of ours",
    "http_failed": "a page met a mistake of ours",
}

_COLORS: Final = {"debug": "\x1b[2m", "info": "\x1b[32m", "warning": "\x1b[33m", "error": "\x1b[31m"}
_RESET: Final = "\x1b[0m"


class _Output:
    """The end of the chain: one write a line, and never an exception."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0

    def msg(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: the stream is closed
            self.lost += 1

    debug = info = warning = error = msg


class Logger:
    """What the house logs with."""

    def __init__(self, log_format: str, level: str, stream: TextIO) -> None:
        self._output = _Output(stream)
        self._render = render_json if log_format == "json" else Console(color=stream.isatty())
        self._held: list[tuple[str, str, dict[str, object], float]] | None = None
        self._log: structlog.typing.FilteringBoundLogger | None = None
        self.set_level(level)

    def set_level(self, level: str) -> None:
        """The least that is written from now on: debug, info, warning or error."""
        self._least = LEVELS[level]

    def emit(self, level: str, event: str, fields: dict[str, object]) -> None:
        """One event. Never raises for what is in `fields`, nor because the line cannot be written."""
        if LEVELS[level] < self._least:
            return
        if self._held is not None:
            self._held.append((level, event, dict(fields), time.time()))
        else:
            self._write(level, event, fields, time.time())

    def hold(self) -> None:
        """Keep the lines from now on until `release`."""
        if self._log is None:
            self._held = []

    def load(self) -> None:
        """Load what writing needs. May run in a thread."""
        if self._log is None:
            self._log = _bound(self._output, [stamp, self._render])

    def release(self) -> None:
        """Write what was held back, and from now on everything at once."""
        held, self._held = self._held, None
        for line in held or ():
            self._write(*line)

    def _write(self, level: str, event: str, fields: dict[str, object], at: float) -> None:
        if self._log is None:
            self.load()
        write: Callable[..., None] = getattr(self._log, level)
        write(event, **{_RESERVED.get(name, name): value for name, value in fields.items()}, at_=at)

    @property
    def lost(self) -> int:
        """Lines that could not be written."""
        return self._output.lost


_RESERVED: Final = {"event": "event_", "level": "level_", "time": "time_", "self": "self_", "at_": "at__"}


def _bound(output: _Output, processors: "list[structlog.typing.Processor]") -> "structlog.typing.FilteringBoundLogger":
    """structlog, without rich: it imports that for coloured tracebacks where it finds it, 60 ms and 8 MB for nobody."""
    absent = "rich" not in sys.modules
    if absent:
        sys.modules["rich"] = None  # type: ignore[assignment]
    import structlog  # noqa: PLC0415 - see the head of this file

    if absent:
        del sys.modules["rich"]
    bound: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        output,
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(0),
        cache_logger_on_first_use=True,
    ).bind()
    return bound


def setup(log_format: str = "console", level: str = "info", stream: TextIO | None = None) -> Logger:
    """A logger that writes to `stream` (standard error)."""
    return Logger(log_format, level, sys.stderr if stream is None else stream)


def stamp(_: Any, level: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put time and level first; the fields follow as they were given."""
    now = datetime.fromtimestamp(event.pop("at_"), UTC)
    name = event.pop("event")
    return {"time": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}Z", "level": level, "event": name, **event}


def render_json(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    """One object, one line."""
    return _encode(event)


def _encode(event: MutableMapping[str, Any]) -> str:
    import json  # noqa: PLC0415 - not loaded where people read

    return json.dumps(event, default=_text, ensure_ascii=False, separators=(",", ":"))


class Console:
    """One line for people: time (UTC), level, event, fields as name=value."""

    def __init__(self, *, color: bool) -> None:
        self._color = color

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> str:
        when, level, name = event.pop("time"), event.pop("level"), event.pop("event")
        on, off = (_COLORS[level], _RESET) if self._color else ("", "")
        trace = event.pop("traceback", None)
        fields = " ".join(f"{key}={_value(value)}" for key, value in event.items())
        return f"{when.replace('T', ' ')} {on}{level:<7}{off} {name:<17} {fields}".rstrip() + _indented(trace)


def _text(value: object) -> str:
    """Octets as hex, everything else as it prints."""
    return value.hex() if isinstance(value, bytes | bytearray | memoryview) else str(value)


def _value(value: object) -> str:
    """A field's value; in quotes where it would not read as one word. A peer's words cannot break the line."""
    text = _text(value)
    if text and text.isprintable() and not any(char in text for char in ' ="'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else ascii(char)[1:-1] for char in escaped) + '"'


def _indented(trace: object) -> str:
    """A traceback, under its line; the one thing that people want in several lines."""
    return "".join(f"\n    {line}" for line in str(trace).splitlines()) if trace else ""
