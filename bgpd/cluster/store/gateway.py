"""etcd's JSON gateway over HTTP: several endpoints, TLS, a user's token, time limits, answers that come as a stream.

etcd serves its whole API twice: as gRPC, and as JSON over HTTP/1.1 on the same port. Measured beside a running
bgpd (Debian's etcd 3.4, one core): the gateway by aiohttp costs 10 MB and answers a put in 1.5 ms and a watch in
1.2 ms; gRPC by aetcd and grpcio costs 15 MB and 0.9 and 1.1 ms. The gateway it is: aiohttp is wanted elsewhere,
its TLS is Python's own, and no C core with threads of its own joins the process.

A request goes to the endpoint that answered last. Where that one does not answer, the next is tried, until each
had its turn. A request that writes may have happened although its answer was lost: the caller reads again.
"""

import asyncio
import json
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import aiohttp

from bgpd.cluster.store.base import StoreError, Trouble

Message = dict[str, Any]

#: gRPC's status codes that mean something to us; what is not here is UNREACHABLE, which is tried again.
_CODES: Final = {
    3: Trouble.BROKEN,  # INVALID_ARGUMENT; "authentication failed" comes as this, too: see `_refused`
    5: Trouble.LEASE_LOST,  # NOT_FOUND
    7: Trouble.REFUSED,  # PERMISSION_DENIED
    8: Trouble.TOO_LARGE,  # RESOURCE_EXHAUSTED
    9: Trouble.REFUSED,  # FAILED_PRECONDITION: "authentication is not enabled"
    11: Trouble.COMPACTED,  # OUT_OF_RANGE
    16: Trouble.REFUSED,  # UNAUTHENTICATED
}
_NO_SPACE: Final = "database space exceeded"
_STALE_TOKEN: Final = ("invalid auth token", "revision of auth store is old", "user name is empty")
_NO_RIGHT: Final = ("authentication failed", "permission denied", "user name is empty", "invalid auth token")
#: octets of white space before several messages. The gateway's HTTP server throws away what it has not read of a
#: request when it begins to answer, which is after the first message: of 16 watches it forgot some in one start of
#: seven. Behind more than the buffers of its reader hold (4 KiB) all is read before there is a first message.
#: See `EtcdStore.watch`.
_LEAD: Final = 16384
_LARGEST_LINE: Final = 64 << 20  #: octets of one message of a stream; etcd's own limit for a request is 1.5 MiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How etcd is reached."""

    endpoints: tuple[str, ...]  #: http://ADDR:PORT or https://...
    ca: str = ""  #: file: whose signature makes an endpoint's certificate good; empty: the system's
    certificate: str = ""  #: file: ours
    key: str = ""  #: file: of our certificate
    user: str = ""
    password: str = ""
    timeout: float = 3.0  #: seconds that one endpoint has for one answer


class Gateway:
    """One client. Make it inside a running event loop; close it."""

    def __init__(self, access: Access) -> None:
        """Raises StoreError (REFUSED) where a certificate cannot be read."""
        self._access: Final = access
        self._at = 0  # the endpoint that answered last
        self._token = ""
        self._authenticating = asyncio.Lock()
        self._tls: Final = _tls(access)
        self._session: Final = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
            trust_env=False,  # a proxy for the web is no way to a datastore
        )

    @property
    def endpoint(self) -> str:
        """The endpoint that is in use."""
        return self._access.endpoints[self._at]

    def next_endpoint(self) -> None:
        """Use another one from now on."""
        self._at = (self._at + 1) % len(self._access.endpoints)

    async def close(self) -> None:
        await self._session.close()
        secure = any(each.startswith("https") for each in self._access.endpoints)
        await asyncio.sleep(
            0.05 if secure else 0
        )  # connections end in the loop's next turns, TLS after a word of its peer

    async def call(self, method: str, message: Message, *, timeout: float | None = None) -> Message:  # noqa: ASYNC109
        """One answer, from the first endpoint that has one. Raises StoreError."""
        last: StoreError | None = None
        for _ in self._access.endpoints:
            try:
                return await self._ask(method, message, timeout or self._access.timeout)
            except StoreError as error:
                if error.trouble is not Trouble.UNREACHABLE:
                    raise
                last = error
                self.next_endpoint()
        assert last is not None
        raise last

    async def _ask(self, method: str, message: Message, limit: float, *, renewed: bool = False) -> Message:
        """One endpoint's answer; a token that is too old is renewed once."""
        endpoint = self.endpoint
        token = await self._ready_token(endpoint, limit)
        try:
            async with (
                asyncio.timeout(limit),
                self._session.post(
                    f"{endpoint}/v3/{method}", data=_body(message), headers=_headers(token), ssl=self._tls
                ) as answer,
            ):
                body = await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(endpoint, error, limit) from None
        decoded = _decode(endpoint, body)
        if answer.status == 200:
            return decoded
        error_ = _refusal(endpoint, decoded)
        if self._access.user and not renewed and _stale(str(error_)):
            self._forget(token)
            return await self._ask(method, message, limit, renewed=True)
        raise error_

    async def stream(self, method: str, messages: Sequence[Message]) -> AsyncGenerator[Message, None]:
        """The results of a call that answers without end, from the endpoint in use. Raises StoreError.

        The first result must come within the time limit; after it silence says nothing: TCP asks whether the other
        end still knows the connection.
        """
        endpoint = self.endpoint
        token = await self._ready_token(endpoint, self._access.timeout)
        limits = aiohttp.ClientTimeout(total=None, sock_connect=self._access.timeout)
        answer: aiohttp.ClientResponse | None = None
        try:
            async with asyncio.timeout(self._access.timeout):
                answer = await self._session.post(
                    f"{endpoint}/v3/{method}",
                    data=_body(*messages),
                    headers=_headers(token),
                    timeout=limits,
                    ssl=self._tls,
                )
            _keep_alive(answer)
            async for line in _lines(answer, self._access.timeout):
                result = _decode(endpoint, line)
                if "result" not in result:
                    error = _refusal(endpoint, result.get("error", result))
                    if _stale(str(error)):
                        self._forget(token)
                    raise error
                yield result["result"]
        except (aiohttp.ClientError, OSError, TimeoutError) as error_:
            raise _unreachable(endpoint, error_, self._access.timeout) from None
        finally:
            if answer is not None:
                answer.close()
        raise StoreError(Trouble.UNREACHABLE, f"{endpoint}: hung up")

    # -- tokens --------------------------------------------------------------------------------------------------
    async def _ready_token(self, endpoint: str, limit: float) -> str:
        """The token of our user; asked for where there is none. Empty where we have no user."""
        if not self._access.user:
            return ""
        async with self._authenticating:
            if not self._token:
                self._token = await self._authenticate(endpoint, limit)
            return self._token

    def _forget(self, token: str) -> None:
        """Use a token no more (another request may have a fresh one already)."""
        if self._token == token:
            self._token = ""

    async def _authenticate(self, endpoint: str, limit: float) -> str:
        names = {"name": self._access.user, "password": self._access.password}
        try:
            async with (
                asyncio.timeout(limit),
                self._session.post(
                    f"{endpoint}/v3/auth/authenticate", data=_body(names), headers=_headers(""), ssl=self._tls
                ) as answer,
            ):
                body = await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(endpoint, error, limit) from None
        decoded = _decode(endpoint, body)
        if answer.status != 200:
            raise _refusal(endpoint, decoded)
        return str(decoded.get("token", ""))


def b64(data: bytes | str) -> str:
    """Octets as the gateway writes them."""
    return b64encode(data.encode() if isinstance(data, str) else data).decode()


def _body(*messages: Message) -> BytesIO:
    """One message, or several after each other. (aiohttp warns of large bytes; a file it sends in pieces.)"""
    lines = "\n".join([json.dumps(message, separators=(",", ":")) for message in messages])
    return BytesIO((" " * _LEAD + lines if len(messages) > 1 else lines).encode())


def _headers(token: str) -> dict[str, str]:
    """`hasleader`: an endpoint that lost its leader says so instead of staying silent."""
    headers = {"Content-Type": "application/json", "Grpc-Metadata-Hasleader": "true"}
    return headers | {"Authorization": token} if token else headers


def _keep_alive(answer: aiohttp.ClientResponse) -> None:
    """A connection on which nothing may come for hours: an end that has lost it is noticed within 20 seconds."""
    transport = answer.connection.transport if answer.connection is not None else None
    raw = transport.get_extra_info("socket") if transport is not None else None
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3)):
            raw.setsockopt(socket.IPPROTO_TCP, option, value)


async def _lines(answer: aiohttp.ClientResponse, first: float) -> AsyncIterator[bytes]:
    """The lines of a body, of any length. Raises TimeoutError where not even one comes within `first` seconds."""
    rest = bytearray()
    limit: float | None = first
    chunks = answer.content.iter_any()
    while True:
        try:
            async with asyncio.timeout(limit):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            break
        rest += chunk
        if len(rest) > _LARGEST_LINE:
            raise StoreError(Trouble.TOO_LARGE, f"{answer.url}: a message of more than {_LARGEST_LINE >> 20} MiB")
        if b"\n" not in chunk:
            continue
        *lines, tail = bytes(rest).split(b"\n")
        rest, limit = bytearray(tail), None
        for line in lines:
            if line.strip():
                yield line
    if rest.strip():
        yield bytes(rest)


def _decode(endpoint: str, body: bytes) -> Message:
    decoded: Any = None
    with suppress(ValueError):
        decoded = json.loads(body)
    if not isinstance(decoded, dict):
        words = " ".join(body[:80].decode("utf-8", "replace").split())
        raise StoreError(Trouble.BROKEN, f"{endpoint}: this is not etcd's JSON gateway; it says {words!r}")
    return decoded


def _refusal(endpoint: str, message: Message) -> StoreError:
    """What an answer that is an error means."""
    code = int(message.get("code") or message.get("grpc_code") or 0)
    text = str(message.get("message") or message.get("error") or "an error without words")
    trouble = _CODES.get(code, Trouble.UNREACHABLE)
    if any(words in text for words in (*_NO_RIGHT, *_STALE_TOKEN, _NO_SPACE)):
        trouble = Trouble.REFUSED
    elif "too large" in text:
        trouble = Trouble.TOO_LARGE
    return StoreError(trouble, f"{endpoint}: {text}")


def _stale(text: str) -> bool:
    return any(words in text for words in _STALE_TOKEN)


def _unreachable(endpoint: str, error: BaseException, limit: float) -> StoreError:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return StoreError(Trouble.REFUSED, f"{endpoint}: its certificate is not good: {error.certificate_error}")
    if isinstance(error, TimeoutError):
        return StoreError(Trouble.UNREACHABLE, f"{endpoint}: no answer within {limit:g} s")
    if isinstance(error, aiohttp.ClientConnectorError):
        why = error.os_error.strerror or str(error.os_error)
        return StoreError(Trouble.UNREACHABLE, f"{endpoint}: {why}")
    return StoreError(Trouble.UNREACHABLE, f"{endpoint}: {error or type(error).__name__}")


def _tls(access: Access) -> ssl.SSLContext | bool:
    """The context for https endpoints; True (aiohttp's own default) where no file is named."""
    if not (access.ca or access.certificate):
        return True
    for path in filter(None, (access.ca, access.certificate, access.key)):
        try:
            Path(path).read_bytes()
        except OSError as error:
            raise StoreError(
                Trouble.REFUSED, f"{path}: cannot read: {(error.strerror or str(error)).lower()}"
            ) from None
    try:
        context = ssl.create_default_context(cafile=access.ca or None)
        if access.certificate:
            context.load_cert_chain(access.certificate, access.key or None)
    except (ssl.SSLError, ValueError) as error:
        files = ", ".join(filter(None, (access.ca, access.certificate, access.key)))
        raise StoreError(Trouble.REFUSED, f"{files}: no certificate and key that fit: {error}") from None
    return context
