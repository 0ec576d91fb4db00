"""A small HTTP/1.1 server for the three pages: /metrics, /healthz, /readyz (and / that lists them).

It reads requests line by line and knows GET and HEAD, keep-alive, and nothing else: bodies, other methods, old
folded headers are refused. Every connection has a deadline for the head of its request (whoever dribbles is
closed), for its idle time and for taking an answer; heads are bounded in octets, connections in number. A page is
made in pieces with a turn of the event loop in between, one page at a time, because a thousand neighbors make
twenty thousand lines and no keepalive should wait for them.

/healthz answers "is it alive": 503 when the speaker has stopped taking turns; when the whole loop stands still
there is no answer, which the probe counts the same. /readyz answers "may traffic come": it says no with every reason.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

from bgpd.http.listener import WhoListens, listen
from bgpd.http.metrics import negotiate
from bgpd.http.snapshot import MetricsSnapshot
from bgpd.speaker.views import StatusView

#: Somebody who logs: an event's name and its values.
Report = Callable[[str, dict[str, object]], None]

_TEXT: Final = "text/plain; charset=utf-8"
_METHODS: Final = ("GET", "HEAD")
_TOKEN: Final = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Is the daemon alive?"""

    loop_stall: float  #: seconds, the longest that the loop was away from its sockets in the last minute
    stalled: str = ""  #: why the speaker is not alive, in words; empty: it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a client may take."""

    connections: int = 64  #: at one time
    head_octets: int = 8192  #: request line and headers
    head_seconds: float = 5.0  #: from a request's first octet to the end of its head
    idle_seconds: float = 60.0  #: between two requests (Prometheus comes every 15 to 60)
    stall_seconds: float = 10.0  #: without taking anything of an answer
    slice_seconds: float = 0.004  #: of work for a page between two turns of the event loop


class Pages(Protocol):
    """What the pages are made of; nothing here blocks, waits or does I/O."""

    def status(self) -> StatusView: ...

    def metrics(self) -> Iterator[MetricsSnapshot | None]:
        """None wherever the loop may have its turn; the snapshot comes last."""
        ...

    def health(self) -> Health: ...


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: str
    accept: str
    body: bool  #: octets follow that nobody here reads
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class _Page:
    status: HTTPStatus
    pieces: Iterator[bytes]
    content_type: str = _TEXT


class _Bad(Exception):  # noqa: N818 - a request that is answered with this status and then hung up on
    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status: Final = status


class HttpService:
    """Serves the pages on `address`, from `start` to `stop`; `who_listens` is `net.ports.who_listens`."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        pages: Pages,
        who_listens: WhoListens | None = None,
        on_event: Report | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._address: Final = address
        self._pages: Final = pages
        self._who_listens: Final[WhoListens] = who_listens or (lambda _port: None)
        self._report: Final[Report] = on_event or (lambda _event, _values: None)
        self._limits: Final = limits or Limits()
        self._turn: Final = asyncio.Lock()  # one page at a time
        self._connections: Final[set[asyncio.Task[None]]] = set()
        self._server: asyncio.Server | None = None
        self._routes: Final[dict[str, Callable[[_Request], _Page]]] = {
            "/": self._index,
            "/metrics": self._metrics,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
        }

    @property
    def port(self) -> int:
        """The port that is listened on (useful where 0 was asked for)."""
        assert self._server is not None, "not started"
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, listener: socket.socket | None = None) -> None:
        """Serve on `listener`, which `listener.listen` made; None: made here. Raises HttpRefused."""
        if listener is None:
            listener = listen(self._address, self._who_listens)
        self._server = await asyncio.start_server(self._accept, sock=listener, limit=self._limits.head_octets)

    async def stop(self) -> None:
        """Hang up on everybody."""
        if self._server is None:
            return
        self._server.close()
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= self._limits.connections:
            text = b"too many connections\n"
            writer.write(_head(HTTPStatus.SERVICE_UNAVAILABLE, _TEXT, len(text), keep_alive=False) + text)
            writer.close()
            return
        task = asyncio.get_running_loop().create_task(self._connection(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection's life. Nothing that it does leaves this function as an exception."""
        writer.transport.set_write_buffer_limits(0)  # drained means: the kernel has it all
        try:
            while await self._exchange(reader, writer):
                pass
            writer.close()
        except OSError:  # it went away, or (TimeoutError) it stood still
            pass
        finally:
            if not writer.transport.is_closing() or writer.transport.get_write_buffer_size():
                writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether there may be another."""
        allow, request = "", None
        try:
            request = await self._request(reader)
            if request is None:
                return False
            page = self._find(request)
            body = await self._body(page)
        except _Bad as bad:
            page, body = _Page(bad.status, iter(())), f"{bad}\n".encode()
            allow = "Allow: GET, HEAD\r\n" if bad.status == HTTPStatus.METHOD_NOT_ALLOWED else ""
        except Exception as error:  # noqa: BLE001 - a bug in a page must not reach the sessions
            self._report("http_failed", {"error": repr(error)})
            page, body = _Page(HTTPStatus.INTERNAL_SERVER_ERROR, iter(())), f"{error!r}\n".encode()
        # After a request that was not understood nobody knows where the next one begins.
        keep_alive = request is not None and request.keep_alive
        writer.write(_head(page.status, page.content_type, len(body), keep_alive=keep_alive, more=allow))
        if request is None or request.method != "HEAD":
            writer.write(body)
        async with asyncio.timeout(self._limits.stall_seconds):
            await writer.drain()
        return keep_alive

    async def _request(self, reader: asyncio.StreamReader) -> _Request | None:
        """The head of the next request; None where the client has no more. Raises _Bad, TimeoutError when idle."""
        async with asyncio.timeout(self._limits.idle_seconds):
            first = await reader.read(1)
        if not first:
            return None
        try:
            async with asyncio.timeout(self._limits.head_seconds):
                while first in {b"\r", b"\n"}:  # an empty line before a request is ignored (RFC 9112 section 2.2)
                    first = await reader.read(1)
                head = first + await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        except asyncio.LimitOverrunError as error:
            text = f"the head of a request may have {self._limits.head_octets} octets"
            raise _Bad(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text) from error
        except TimeoutError as error:
            text = f"the head of the request was not complete after {self._limits.head_seconds:g} seconds"
            raise _Bad(HTTPStatus.REQUEST_TIMEOUT, text) from error
        return _parse(head)

    def _find(self, request: _Request) -> _Page:
        if request.method not in _METHODS:
            raise _Bad(HTTPStatus.METHOD_NOT_ALLOWED, f"{request.method} is not served here; GET and HEAD are")
        if request.body:
            raise _Bad(HTTPStatus.BAD_REQUEST, "no page here takes a body")
        if (route := self._routes.get(request.path)) is None:
            text = f"there is no {request.path} here; there is {', '.join(self._routes)}\n"
            return _Page(HTTPStatus.NOT_FOUND, iter([text.encode()]))
        return route(request)

    async def _body(self, page: _Page) -> bytes:
        """The page's text; the event loop runs between its pieces."""
        pieces: list[bytes] = []
        async with self._turn:
            until = time.monotonic() + self._limits.slice_seconds
            for piece in page.pieces:
                pieces.append(piece)
                if time.monotonic() >= until:
                    await asyncio.sleep(0)
                    until = time.monotonic() + self._limits.slice_seconds
        return b"".join(pieces)

    def _index(self, _request: _Request) -> _Page:
        text = (
            "bgpd\n\n/metrics         for Prometheus\n/healthz         is it alive\n/readyz          may traffic come\n"
        )
        return _Page(HTTPStatus.OK, iter([f"{text}/readyz?verbose  and what was looked at\n".encode()]))

    def _metrics(self, request: _Request) -> _Page:
        content_type, write = negotiate(request.accept)
        return _Page(HTTPStatus.OK, _text(self._pages.metrics(), write), content_type)

    def _healthz(self, _request: _Request) -> _Page:
        health = self._pages.health()
        stall = f"loop stalls: {health.loop_stall * 1000:.1f} ms at worst in the last minute"
        if health.stalled:
            return _Page(HTTPStatus.SERVICE_UNAVAILABLE, iter([f"stalled: {health.stalled}; {stall}\n".encode()]))
        return _Page(HTTPStatus.OK, iter([f"ok: {stall}\n".encode()]))

    def _readyz(self, request: _Request) -> _Page:
        view = self._pages.status()
        lines = (
            ["ready"] if view.ready else [f"not ready: {reason}" for reason in view.not_ready or ["no reason given"]]
        )
        if "verbose" in request.query.split("&"):
            kernel = {None: "not used", True: "in step", False: "not in step"}[view.kernel_in_sync]
            prefixes = ", ".join(f"{family} {count}" for family, count in view.prefixes.items()) or "none"
            lines += [
                f"neighbors: {view.established} of {view.neighbors} established",
                f"kernel: {kernel}",
                f"loc-rib prefixes: {prefixes}",
                f"loop stalls: {view.loop_stall * 1000:.1f} ms at worst in the last minute",
                f"running: {view.uptime:.0f} s",
            ]
        status = HTTPStatus.OK if view.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return _Page(status, iter(["".join(f"{line}\n" for line in lines).encode()]))


def _text(
    steps: Iterator[MetricsSnapshot | None], write: Callable[[MetricsSnapshot], Iterator[bytes]]
) -> Iterator[bytes]:
    """The page of the snapshot that the last step gives; nothing, for now, of each other step."""
    for snapshot in steps:
        if snapshot is None:
            yield b""
        else:
            yield from write(snapshot)


def _head(status: HTTPStatus, content_type: str, length: int, *, keep_alive: bool, more: str = "") -> bytes:
    connection = "keep-alive" if keep_alive else "close"
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n"
        f"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{more}Connection: {connection}\r\n\r\n"
    ).encode()


def _parse(head: bytes) -> _Request:
    """The request line and the four headers that matter here (RFC 9112). Raises _Bad."""
    begin, *fields = head[:-4].split(b"\r\n")
    parts = begin.split(b" ")
    if len(parts) != 3 or not parts[0] or not _TOKEN.issuperset(parts[0]) or parts[2] not in {b"HTTP/1.1", b"HTTP/1.0"}:
        raise _Bad(HTTPStatus.BAD_REQUEST, "a request begins with METHOD /path HTTP/1.1")
    method, target, version = parts
    headers: dict[bytes, bytes] = {}
    for field in fields:
        name, colon, value = field.partition(b":")
        # A folded line begins with a blank: it fails as a token (RFC 9112 section 5.2).
        if not colon or not name or not _TOKEN.issuperset(name) or b"\n" in value or b"\r" in value or b"\0" in value:
            raise _Bad(HTTPStatus.BAD_REQUEST, "a header line is NAME: VALUE")
        lowered, stripped = name.lower(), value.strip(b" \t")
        headers[lowered] = headers[lowered] + b"," + stripped if lowered in headers else stripped
    if version == b"HTTP/1.1" and b"host" not in headers:  # RFC 9112 section 3.2
        raise _Bad(HTTPStatus.BAD_REQUEST, "HTTP/1.1 wants a Host header")
    if target.startswith(b"http://"):  # absolute form (RFC 9112 section 3.2.2)
        target = b"/" + target.removeprefix(b"http://").partition(b"/")[2]
    if not target.startswith(b"/") or not target.isascii() or any(octet <= 0x20 or octet == 0x7F for octet in target):
        raise _Bad(HTTPStatus.BAD_REQUEST, "a path begins with / and is plain ASCII")
    path, _, query = target.decode().partition("?")
    wants = {option.strip().lower() for option in headers.get(b"connection", b"").split(b",")}
    body = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
    keep_alive = not body and b"close" not in wants and (version == b"HTTP/1.1" or b"keep-alive" in wants)
    accept = headers.get(b"accept", b"").decode("latin-1")
    return _Request(method.decode(), path, query, accept, body, keep_alive)
