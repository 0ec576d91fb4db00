"""The Unix socket that bgpctl talks to.

One task a client: read one request line, answer, close. A reply is written in slices: rows are taken from the
speaker for a few milliseconds, encoded (msgspec writes a view in about a microsecond), and handed to the socket;
then the event loop goes on with its real work until the client has taken them. One slice runs at a time, however
many clients ask, so a listing never costs the loop more than one slice a turn.

What a client can do to us is bounded: the request by octets and seconds, the reply's memory by one slice and the
socket buffer, `watch` by a queue whose oldest events are dropped (and the client told how many), a reader that
stands still by a deadline, all of them by their number. Access is by file mode: owner and group (0660).
"""

import asyncio
import contextlib
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from bgpd.control.commands import CommandError, Queries, Reply, answer
from bgpd.control.listener import bind
from bgpd.control.protocol import CLOSE, DEFAULT_PATH, END, ERROR, HEADER, LOST, MAX_REQUEST, ROW, ErrorCode
from bgpd.speaker.events import EventView

#: Somebody who logs: an event's name and its values.
Report = Callable[[str, dict[str, object]], None]

_SLICE_OCTETS: Final = 128 * 1024
_LOOK_AT_CLOCK: Final = 16  #: rows between two looks at the clock
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a client may take."""

    clients: int = 32  #: at one time
    request_seconds: float = 5.0  #: to send the request line
    stall_seconds: float = 300.0  #: without taking anything of its reply (a pager is a slow reader)
    slice_seconds: float = 0.004  #: of work for one reply between two turns of the event loop
    watch_events: int = 1024  #: waiting for one client of `watch`


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    command: str
    arguments: dict[str, object] = {}


class _Mailbox:
    """The events that wait for one client of `watch`: bounded, the oldest are dropped and counted."""

    def __init__(self, limit: int, wanted: Callable[[EventView], bool]) -> None:
        self._events: Final[deque[EventView]] = deque()
        self._limit: Final = limit
        self._wanted: Final = wanted
        self._lost = 0
        self.closed = False  #: the client hung up
        self.news: Final = asyncio.Event()

    def put(self, event: EventView) -> None:
        if not self._wanted(event):
            return
        if len(self._events) >= self._limit:
            self._events.popleft()
            self._lost += 1
        self._events.append(event)
        self.news.set()

    def close(self) -> None:
        self.closed = True
        self.news.set()

    def take(self, count: int) -> bytes:
        """Lines for up to `count` events, oldest first; what was lost came before them."""
        lines = bytearray()
        if self._lost:
            lines += LOST + b"%d" % self._lost + CLOSE
            self._lost = 0
        for _ in range(min(count, len(self._events))):
            lines += ROW + _encode(self._events.popleft()) + CLOSE
        if not self._events:
            self.news.clear()
        return bytes(lines)


class ControlService:
    """Serves `queries` on the socket file `path`, from `start` to `stop`."""

    def __init__(
        self,
        path: str = DEFAULT_PATH,
        *,
        queries: Queries,
        on_event: Report | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._path: Final = Path(path)
        self._queries: Final = queries
        self._report: Final[Report] = on_event or (lambda _event, _values: None)
        self._limits: Final = limits or Limits()
        self._turn: Final = asyncio.Lock()  # one slice at a time, whoever asks
        self._clients: Final[set[asyncio.Task[None]]] = set()
        self._server: asyncio.Server | None = None
        self._inode: int | None = None

    async def start(self, listener: socket.socket | None = None) -> None:
        """Serve on `listener`, which `listener.bind` made; None: made here. Raises ControlRefused."""
        if listener is None:
            listener = bind(self._path)
        self._inode = self._path.stat().st_ino
        self._server = await asyncio.start_unix_server(self._accept, sock=listener, limit=MAX_REQUEST)

    async def stop(self) -> None:
        """Hang up on every client; remove the socket file if it is still ours."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        clients = list(self._clients)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        with contextlib.suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= 2 * self._limits.clients:  # not even a word for them
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._client(reader, writer))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's life. Nothing that it does leaves this function as an exception."""
        transport = writer.transport
        try:
            await self._converse(reader, writer)
            transport.set_write_buffer_limits(0)  # drained from here on means: the kernel has it all
            await self._drained(writer)
            writer.close()
        except asyncio.CancelledError:
            transport.write(_error(ErrorCode.STOPPING, "the daemon is stopping"))
            writer.close()
            raise
        except OSError:  # it went away, or (TimeoutError) it stood still
            pass
        except Exception as error:  # noqa: BLE001 - a bug in an answer must not reach the sessions
            self._report("control_failed", {"error": repr(error)})
            transport.write(_error(ErrorCode.INTERNAL, f"the daemon failed to answer: {error!r}"))
            writer.close()
        finally:
            if not transport.is_closing() or transport.get_write_buffer_size():
                transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await self._request(reader)
            if request is None:
                return
            reply = answer(self._queries, request.command, request.arguments)
            if reply.later is not None:
                reply = await reply.later
        except CommandError as error:
            writer.write(_error(error.code, error.text))
            return
        writer.write(HEADER + _encode(reply.head) + CLOSE)
        if reply.events is not None:
            await self._watch(reader, writer, reply.events)
        else:
            await self._rows(writer, reply)

    async def _request(self, reader: asyncio.StreamReader) -> _Request | None:
        """The request line; None where the client hung up without one."""
        try:
            async with asyncio.timeout(self._limits.request_seconds):
                line = await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as short:
            if not short.partial:
                return None
            line = short.partial  # the last line of a client that has already closed its side
        except asyncio.LimitOverrunError as error:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"a request is one line of at most {MAX_REQUEST} octets"
            ) from error
        except TimeoutError as error:
            text = f"no request within {self._limits.request_seconds:g} seconds"
            raise CommandError(ErrorCode.BAD_REQUEST, text) from error
        try:
            request = msgspec.json.decode(line, type=_Request)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise CommandError(ErrorCode.BAD_REQUEST, f"not a request: {error}") from error
        if len(self._clients) > self._limits.clients:  # said after its request: a hang-up before would hide it
            raise CommandError(ErrorCode.BUSY, f"{self._limits.clients} control clients are connected already")
        return request

    async def _rows(self, writer: asyncio.StreamWriter, reply: Reply) -> None:
        """Write the rows slice by slice; a client that does not read stops its iterator, nothing else."""
        rows = iter(reply.rows)
        count, more = 0, True
        while more:
            async with self._turn:
                lines, taken, more = self._slice(rows)
                await asyncio.sleep(0)  # the loop's turn, before anybody's next slice
            count += taken
            writer.write(lines)
            await self._drained(writer)
        writer.write(END + b"%d" % count + CLOSE)

    def _slice(self, rows: Iterator[object | None]) -> tuple[bytes, int, bool]:
        """Encoded rows for one slice of time and octets; how many; whether there may be more."""
        lines = bytearray()
        count = 0
        until = time.monotonic() + self._limits.slice_seconds
        for looked, row in enumerate(rows, 1):
            if row is not None:
                lines += ROW + _encode(row) + CLOSE
                count += 1
            ask_clock = row is None or looked % _LOOK_AT_CLOCK == 0
            if len(lines) >= _SLICE_OCTETS or (ask_clock and time.monotonic() >= until):
                return bytes(lines), count, True
        return bytes(lines), count, False

    async def _watch(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wanted: Callable[[EventView], bool]
    ) -> None:
        """Pass events on until the client hangs up."""
        mailbox = _Mailbox(self._limits.watch_events, wanted)
        unsubscribe = self._queries.subscribe(mailbox.put)
        listening = asyncio.get_running_loop().create_task(_hung_up(reader, mailbox))
        try:
            while True:
                await self._drained(writer)
                await mailbox.news.wait()
                if mailbox.closed:
                    return
                writer.write(mailbox.take(64))
        finally:
            unsubscribe()
            listening.cancel()

    async def _drained(self, writer: asyncio.StreamWriter) -> None:
        """Wait until the client has room. Raises TimeoutError for one that stands still, OSError for one that left."""
        async with asyncio.timeout(self._limits.stall_seconds):
            await writer.drain()


async def _hung_up(reader: asyncio.StreamReader, mailbox: _Mailbox) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(4096):
            pass
    mailbox.close()


def _error(code: str, text: str) -> bytes:
    return ERROR + _encode({"code": code, "text": text}) + CLOSE
