"""TCP for BGP: listeners, the dialer, and one `Transport` a connection.

A received octet's way: the kernel fills this process's one read buffer (64 KiB, shared: nothing else runs
between the read and the framing), the `Framer` cuts whole messages, `Speaker.frame` takes each in order.
A connection from an address that is no neighbor is closed before a transport exists, and logged at most
once a minute an address.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Callable
from typing import Any

from bgpd.model import NeighborSpec, RangeSpec, link_local
from bgpd.net import sockopt, tcp_ao
from bgpd.net.discover import interface_has, next_hop_addresses
from bgpd.net.io_clock import now
from bgpd.net.keys import Keys
from bgpd.net.on_link import Neighborhood
from bgpd.net.ports import who_listens
from bgpd.speaker.ports import Log
from bgpd.speaker.speaker import Speaker
from bgpd.wire.errors import WireError
from bgpd.wire.family import Family
from bgpd.wire.framing import Framer
from bgpd.wire.prefix import format_address, parse_address

READ_SIZE = 65536  #: octets read at once; more would let one peer hold the loop
WRITE_HIGH = 262144  #: octets queued in a transport before routes wait in the update group's log
CLOSE_LIMIT = 3.0  #: seconds a last NOTIFICATION may take to leave
DIAL_LIMIT = 15.0  #: seconds for the TCP handshake
STRANGER_QUIET = 60.0  #: seconds between two log lines about one unknown source
STRANGERS_KEPT = 1024  #: unknown sources remembered for that

_buffer = memoryview(bytearray(READ_SIZE))


class ListenRefused(Exception):  # noqa: N818 - a refusal with a sentence for the user, not a fault
    """A listening socket could not be had; the text says why and what to do."""


class Transport(asyncio.BufferedProtocol):
    """One TCP connection (`speaker.ports.Transport`)."""

    def __init__(
        self,
        speaker: Speaker,
        poke: Callable[[], None],
        alive: "set[Transport]",
        *,
        dialed: bool,
        arrived: Callable[[], None] | None = None,
    ) -> None:
        self.dialed = dialed
        self.local_address = self.remote_address = b""
        self.local_port = self.remote_port = 0
        self.interface, self.zone = "", 0
        self.next_hops: dict[Family, bytes] = {}
        self._speaker = speaker
        self._poke = poke
        self._arrived = arrived if arrived is not None else poke
        self._alive = alive
        self._framer = Framer()
        self._tcp: asyncio.Transport | None = None
        self._socket: socket.socket | None = None
        self._closing = False
        self.closed = asyncio.Event()  #: set when the connection is gone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._tcp = transport
        self._alive.add(self)
        self._socket = sock = transport.get_extra_info("socket")
        local, remote = sock.getsockname(), sock.getpeername()
        self.local_address, self.local_port = _packed(local[0]), local[1]
        self.remote_address, self.remote_port = _packed(remote[0]), remote[1]
        self.interface, self.zone = link_of(remote)
        self.next_hops = next_hop_addresses(self.local_address, self.interface)
        transport.set_write_buffer_limits(high=WRITE_HIGH)
        self._speaker.tcp_up(self, now())
        self._poke()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        return _buffer

    def buffer_updated(self, nbytes: int) -> None:
        framer, speaker, at = self._framer, self._speaker, now()
        framer.feed(bytes(_buffer[:nbytes]))
        try:
            while not self._closing and (frame := framer.next_frame()) is not None:
                speaker.frame(self, frame, at)
        except WireError as error:
            speaker.frame_error(self, error, at)
        self._arrived()

    def eof_received(self) -> bool:
        return False  # asyncio closes, connection_lost follows

    def connection_lost(self, exc: Exception | None) -> None:
        self._tcp = self._socket = None
        self._alive.discard(self)
        self.closed.set()
        if not self._closing:
            self._closing = True
            self._speaker.tcp_closed(self, _reason(exc), now())
            self._poke()

    def pause_writing(self) -> None:
        """The speaker looks at `backlog` itself."""

    def resume_writing(self) -> None:
        self._speaker.tcp_drained(self)
        self._poke()

    @property
    def backlog(self) -> int:
        return self._tcp.get_write_buffer_size() if self._tcp is not None else 0

    def write(self, data: bytes) -> None:
        if self._tcp is not None:
            self._tcp.write(data)

    def close(self) -> None:
        self._closing = True
        if (tcp := self._tcp) is not None:
            tcp.close()
            asyncio.get_running_loop().call_later(CLOSE_LIMIT, tcp.abort)

    def set_max_message(self, octets: int) -> None:
        self._framer.max_message = octets

    def pause_reading(self) -> None:
        if self._tcp is not None:
            self._tcp.pause_reading()

    def resume_reading(self) -> None:
        if self._tcp is not None:
            self._tcp.resume_reading()

    def readable(self) -> bool:
        if self._socket is None:
            return False
        try:
            (count,) = struct.unpack("i", fcntl.ioctl(self._socket.fileno(), termios.FIONREAD, b"\0\0\0\0"))
        except OSError:
            return False
        return bool(count)

    def set_md5(self, key: bytes | None) -> None:
        """Change the TCP MD5 key of the live connection; both ends do it within a retransmission or two."""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # TCP that is closing has no key to change
                sockopt.set_md5(self._socket, self.remote_address, key)


class Network:
    """Every socket of the daemon: listeners, dials under way, transports (`speaker.ports.Dialer`)."""

    def __init__(self, poke: Callable[[], None], log: Log, arrived: Callable[[], None] | None = None) -> None:
        """`poke`: the speaker has something to do; `arrived`: the same, of messages (`Engine`)."""
        self._poke = poke
        self._arrived = arrived if arrived is not None else poke
        self._log = log
        self._speaker: Speaker | None = None
        self._listeners: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._dials: dict[bytes, asyncio.Task[None]] = {}
        self._keys = Keys(lambda why: log("error", "password_refused", {"reason": why}))
        self._neighborhood: Neighborhood | None = None
        self._strangers: dict[bytes, float] = {}
        self.on_stranger: Callable[[bytes], None] = lambda _address: None  #: somebody who is no neighbor called
        self._alive: set[Transport] = set()

    # ===== listening =====

    def listen(
        self,
        addresses: tuple[tuple[str, int], ...],
        neighbors: tuple[NeighborSpec, ...] = (),
        ranges: tuple[RangeSpec, ...] = (),
    ) -> None:
        """Listen on every address, without accepting yet; the keys of `neighbors` and `ranges` are in force before.

        (A caller that came between the two would be taken without its key.) A wildcard of a family that this host does
        not have is left out; anything else that fails raises ListenRefused.
        """
        bound = self._bind(addresses)
        self._keys.configure(neighbors, ranges, self._listeners, self._alive)
        for sock, (host, port) in zip(self._listeners, bound, strict=True):
            try:
                sock.listen(128)
            except OSError as error:
                raise ListenRefused(_listen_refusal(error, host, port)) from error

    def _bind(self, addresses: tuple[tuple[str, int], ...]) -> list[tuple[str, int]]:
        """A socket for each address that this host can have; those addresses."""
        bound: list[tuple[str, int]] = []
        for host, port in addresses:
            address = parse_address(host)
            try:
                sock = sockopt.new_socket(address)
            except OSError as error:
                if error.errno == errno.EAFNOSUPPORT and not any(address):
                    continue
                raise ListenRefused(f"listen {host}:{port}: {error.strerror}") from error
            self._listeners.append(sock)
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sockopt.set_ttl(sock, 255)  # our half of the handshake must pass a peer's GTSM, too (RFC 5082)
                if len(address) == 16:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind((host, port))
                bound.append((host, port))
            except OSError as error:
                if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) and not any(address):
                    self._listeners.pop().close()
                    continue
                raise ListenRefused(_listen_refusal(error, host, port)) from error
        return bound

    def listening(self) -> list[str]:
        """Addresses as bound, for people: "0.0.0.0:179", "[::]:179"."""
        names = (sock.getsockname() for sock in self._listeners)
        return [f"[{n[0]}]:{n[1]}" if ":" in n[0] else f"{n[0]}:{n[1]}" for n in names]

    def start(self, speaker: Speaker) -> None:
        """Accept from now on, on behalf of `speaker`."""
        self._speaker = speaker
        loop = asyncio.get_running_loop()
        self._accepting = [loop.create_task(self._accept(sock)) for sock in self._listeners]

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        speaker = self._speaker
        assert speaker is not None
        while True:
            try:
                sock, remote = await loop.sock_accept(listener)
            except OSError as error:
                # EMFILE and the like: the caller is still in the backlog, and so will it be in a moment.
                self._log("warning", "accept_failed", {"reason": error.strerror or str(error)})
                await asyncio.sleep(1.0)
                continue
            address, (interface, _) = _packed(remote[0]), link_of(remote)
            spec = speaker.spec_for(address, interface) if speaker.expects(address, interface) else None
            if spec is None or (spec.interface and not _came_by(sock, spec.interface)):
                sock.close()
                self._log_stranger(address)
                continue
            try:
                _set_options(sock, spec)
                await self._adopt(sock, dialed=False)
            except OSError:
                sock.close()  # the caller has gone already

    def _log_stranger(self, address: bytes) -> None:
        self.on_stranger(address)
        at = now()
        if at - self._strangers.get(address, -STRANGER_QUIET) < STRANGER_QUIET:
            return
        if len(self._strangers) >= STRANGERS_KEPT:
            self._strangers.clear()
        self._strangers[address] = at
        self._log(
            "warning",
            "connection_refused",
            {
                "source": format_address(address),
                "reason": "no neighbor has this address on this link, no range has room",
            },
        )

    # ===== dialling =====

    def dial(self, spec: NeighborSpec) -> None:
        self.cancel(spec.identity)
        task = asyncio.get_running_loop().create_task(self._dial(spec))
        self._dials[spec.identity] = task

    def cancel(self, identity: bytes) -> None:
        if (task := self._dials.pop(identity, None)) is not None:
            task.cancel()

    async def _dial(self, spec: NeighborSpec) -> None:
        loop = asyncio.get_running_loop()
        speaker = self._speaker
        assert speaker is not None
        sock: socket.socket | None = None
        try:
            self._known(spec)
            sock = sockopt.new_socket(spec.address)
            _set_options(sock, spec)
            if spec.interface:
                sockopt.bind_to_interface(sock, spec.interface)
            if spec.password is not None:
                sockopt.set_md5(sock, spec.address, spec.password)
            tcp_ao.add_keys(sock, spec.address, spec.ao_keys, dial=True)
            if spec.source_address is not None:
                sock.bind((format_address(spec.source_address), 0))
            async with asyncio.timeout(DIAL_LIMIT):
                await loop.sock_connect(sock, _target(spec))
            self._dials.pop(spec.identity, None)
            await self._adopt(sock, dialed=True)
        except asyncio.CancelledError:
            if sock is not None:
                sock.close()
            raise
        except (OSError, TimeoutError) as error:
            if sock is not None:
                sock.close()
            self._dials.pop(spec.identity, None)
            speaker.tcp_failed(spec.identity, _reason(error) + _far(error, spec), now())
            self._poke()

    def _known(self, spec: NeighborSpec) -> None:
        """Raises OSError for an unnumbered neighbor that nobody has seen yet."""
        if spec.address:
            return
        trouble = self._neighborhood.trouble(spec.interface) if self._neighborhood is not None else ""
        raise OSError(f"{spec.interface}: {trouble}" if trouble else f"nobody else was heard on {spec.interface} yet")

    def look_for(self, interfaces: frozenset[str]) -> None:
        if self._neighborhood is None:
            if not interfaces:
                return
            self._neighborhood = Neighborhood(self._found)
        self._neighborhood.watch(set(interfaces))

    def _found(self, interface: str, address: bytes) -> None:
        assert self._speaker is not None
        self._speaker.discovered(interface, address, now())
        self._poke()

    async def _adopt(self, sock: socket.socket, *, dialed: bool) -> None:
        speaker = self._speaker
        assert speaker is not None
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(
            lambda: Transport(speaker, self._poke, self._alive, dialed=dialed, arrived=self._arrived), sock
        )

    # ===== keys =====

    def set_passwords(self, neighbors: tuple[NeighborSpec, ...], ranges: tuple[RangeSpec, ...] = ()) -> None:
        self._keys.configure(neighbors, ranges, self._listeners, self._alive)

    # ===== stopping =====

    async def drained(self, limit: float) -> None:
        """Return when every transport has closed, after `limit` seconds at most: the last NOTIFICATIONs are out."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while self._alive:
                    await next(iter(self._alive)).closed.wait()

    async def stop(self) -> None:
        """Close listeners and dials; transports were closed by the speaker."""
        if self._neighborhood is not None:
            self._neighborhood.stop()
        tasks = [*self._accepting, *self._dials.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._accepting.clear()
        self._dials.clear()
        for sock in self._listeners:
            sock.close()
        self._listeners.clear()


def _packed(host: str) -> bytes:
    """The packed form of what getpeername gives, without a zone."""
    return parse_address(host.partition("%")[0])


def link_of(address: tuple[Any, ...]) -> tuple[str, int]:
    """The interface of a link-local socket address, and its number; ("", 0) for any other."""
    zone = address[3] if len(address) > 3 else 0
    if not zone:
        return "", 0
    try:
        return socket.if_indextoname(zone), zone
    except OSError:  # gone since
        return "", 0


def _target(spec: NeighborSpec) -> tuple[Any, ...]:
    """Where to connect to."""
    host = format_address(spec.address)
    if not link_local(spec.address):
        return host, spec.port
    return host, spec.port, 0, socket.if_nametoindex(spec.interface)


def _set_options(sock: socket.socket, spec: NeighborSpec) -> None:
    """What a neighbor's settings ask of every connection with it."""
    sockopt.set_common(sock)
    sockopt.set_ttl(sock, spec.ttl)
    if spec.least_ttl:
        sockopt.set_least_ttl(sock, spec.least_ttl)


def _came_by(sock: socket.socket, interface: str) -> bool:
    """Whether an accepted connection is to an address of this link; from now on, only the link's packets count."""
    try:
        if not interface_has(interface, _packed(sock.getsockname()[0])):
            return False
        sockopt.bind_to_interface(sock, interface)
    except OSError:  # the caller has gone already, or the link
        return False
    return True


def _far(error: OSError | TimeoutError, spec: NeighborSpec) -> str:
    """A hint where packets may have died on their way: TTL 1 reaches no further than the link."""
    dead = isinstance(error, TimeoutError) or error.errno in (errno.EHOSTUNREACH, errno.ETIMEDOUT)
    if spec.ttl != 1 or not dead or link_local(spec.address):
        return ""
    return "; or it is behind a router, and needs multihop=N"


def _reason(error: BaseException | None) -> str:
    """An exception of the socket layer in words."""
    if error is None:
        return "the peer closed the connection"
    if isinstance(error, TimeoutError) and not getattr(error, "errno", None):
        return f"no answer to the TCP handshake within {DIAL_LIMIT:g} s (a firewall, a wrong address, or no route?)"
    if isinstance(error, OSError) and error.errno is not None:
        return _ERRNO_WORDS.get(error.errno, error.strerror or os.strerror(error.errno))
    return str(error) or type(error).__name__


_ERRNO_WORDS = {
    errno.ECONNREFUSED: "connection refused (nothing listens there, or this address is no neighbor of it)",
    errno.ECONNRESET: "the peer reset the connection",
    errno.EPIPE: "the peer closed the connection",
    errno.ETIMEDOUT: "TCP timed out: the peer stopped answering",
    errno.EHOSTUNREACH: "no route to host, or the host does not answer ARP",
    errno.ENETUNREACH: "no route to the neighbor's network",
    errno.EADDRNOTAVAIL: "the source address is not on this host",
}


def _listen_refusal(error: OSError, host: str, port: int) -> str:
    where = f"listen {host}:{port}" if ":" not in host else f"listen [{host}]:{port}"
    if error.errno == errno.EADDRINUSE:
        holder = who_listens(port) or "an unknown process"
        return f"{where}: the port is in use by {holder}; stop it, or choose another with --listen"
    if error.errno == errno.EACCES:
        return (
            f"{where}: not permitted to bind a port below 1024: "
            "give the process CAP_NET_BIND_SERVICE, or choose another port with --listen"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: the address is not on this host"
    return f"{where}: {error.strerror}"
