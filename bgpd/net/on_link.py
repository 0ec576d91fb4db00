"""Who else is on a link: finding unnumbered neighbors by IPv6, which needs no configuration.

On each link that has an unnumbered neighbor we say that we are there and ask who else is: a router advertisement
(with lifetime 0, so that nobody takes us for a default router) and a router solicitation, as routers with
unnumbered BGP expect them, and an echo request to all nodes, which any IPv6 stack answers. Every second until
somebody is found, every ten seconds after that. What comes back names its sender by its link-local address.

A router goes before a host, and whoever was chosen stays for as long as it is heard: two routers on one link do
not make the session jump. A raw socket is needed, hence CAP_NET_RAW.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable
from math import inf
from typing import Final

from bgpd.model import link_local
from bgpd.net.io_clock import now
from bgpd.wire.prefix import parse_address

SOON: Final = 1.0  #: seconds between two questions while nobody is known
LATER: Final = 10.0  #: seconds between two questions once somebody is
SILENCE: Final = 35.0  #: seconds after which somebody who was not heard is forgotten
_KEPT: Final = 256  # addresses remembered for one link
_ECHO_REQUEST, _ECHO_REPLY, _SOLICITATION, _ADVERTISEMENT = 128, 129, 133, 134  # RFC 4443, RFC 4861
_ALL_NODES: Final = "ff02::1"
_ALL_ROUTERS: Final = "ff02::2"
_ICMP6_FILTER: Final = 1  # linux/icmpv6.h
_HOPS: Final = 255  # RFC 4861 section 6.1: a message with less has crossed a router, and is a forgery


class Heard:
    """Who was heard on one link, and who of them is the neighbor. Pure."""

    def __init__(self) -> None:
        self.chosen = b""
        self._routers: dict[bytes, float] = {}
        self._hosts: dict[bytes, float] = {}

    def hear(self, address: bytes, at: float, *, router: bool) -> None:
        """Somebody spoke."""
        known = self._routers if router else self._hosts
        if len(known) < _KEPT or address in known:
            known[address] = at

    def choose(self, at: float) -> bytes:
        """The neighbor now; empty: nobody is there."""
        for known in (self._routers, self._hosts):
            for address in [address for address, last in known.items() if at - last > SILENCE]:
                del known[address]
        if self.chosen not in self._routers and (self.chosen not in self._hosts or self._routers):
            self.chosen = min(self._routers or self._hosts, default=b"")
        return self.chosen


class Link:
    """One interface that is asked."""

    def __init__(self, name: str, found: Callable[[str, bytes], None]) -> None:
        self.name: Final = name
        self.trouble = ""  #: why it cannot be asked at the moment
        self.heard: Final = Heard()
        self._found: Final = found
        self._told = b""
        self._socket: socket.socket | None = None
        self._loop: Final = asyncio.get_running_loop()
        self._timer = self._loop.call_soon(self._tick)

    def close(self) -> None:
        self._timer.cancel()
        self._shut()

    def _tick(self) -> None:
        """Ask, look who is there, and come again."""
        try:
            if self._socket is None:
                self._open()
            self._send(_advertisement(), _ALL_NODES)
            self._send(bytes((_SOLICITATION, 0, 0, 0, 0, 0, 0, 0)), _ALL_ROUTERS)
            self._send(struct.pack("!BBHHH", _ECHO_REQUEST, 0, 0, os.getpid() & 0xFFFF, 1), _ALL_NODES)
            self.trouble = ""
        except OSError as error:  # no such link, it is down, it has no address yet
            self.trouble = (error.strerror or str(error)).lower()
            self._shut()
        self._decide()
        self._timer = self._loop.call_later(LATER if self.heard.chosen else SOON, self._tick)

    def _decide(self) -> None:
        chosen = self.heard.choose(now())
        if chosen and chosen != self._told:
            self._told = chosen
            self._found(self.name, chosen)

    def _open(self) -> None:
        index = socket.if_nametoindex(self.name)
        self._socket = sock = open_socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.name.encode() + b"\0")
        for option, value in (
            (socket.IPV6_MULTICAST_HOPS, _HOPS),
            (socket.IPV6_UNICAST_HOPS, _HOPS),
            (socket.IPV6_MULTICAST_LOOP, 0),
            (socket.IPV6_MULTICAST_IF, index),
            (socket.IPV6_RECVHOPLIMIT, 1),
        ):
            sock.setsockopt(socket.IPPROTO_IPV6, option, value)
        group = struct.pack("=16sI", parse_address(_ALL_ROUTERS), index)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
        self._loop.add_reader(sock, self._readable)

    def _shut(self) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _send(self, message: bytes, to: str) -> None:
        assert self._socket is not None
        with contextlib.suppress(BlockingIOError):
            self._socket.sendto(message, (to, 0, 0, socket.if_nametoindex(self.name)))

    def _readable(self) -> None:
        assert self._socket is not None
        try:
            data, ancillary, _, remote = self._socket.recvmsg(2048, 256)
        except OSError:
            return
        sender = parse_address(remote[0].partition("%")[0])
        if not data or not link_local(sender):
            return
        kind = data[0]
        if kind != _ECHO_REPLY and _hop_limit(ancillary) != _HOPS:
            return
        self.heard.hear(sender, now(), router=kind == _ADVERTISEMENT)
        if kind == _SOLICITATION:
            with contextlib.suppress(OSError):
                self._send(_advertisement(), _ALL_NODES)
        if kind == _ADVERTISEMENT or self.heard.chosen:  # a host waits for the next tick: a router may be there
            self._decide()


class Neighborhood:
    """The links that are asked."""

    def __init__(self, found: Callable[[str, bytes], None]) -> None:
        """`found(interface, address)` is told who is there, and again when it is somebody else."""
        self._found: Final = found
        self._links: Final[dict[str, Link]] = {}

    def watch(self, interfaces: set[str]) -> None:
        """Ask on these links from now on, and on no others."""
        for name in self._links.keys() - interfaces:
            self._links.pop(name).close()
        for name in interfaces - self._links.keys():
            self._links[name] = Link(name, self._found)

    def trouble(self, interface: str) -> str:
        """Why a link cannot be asked, in words; empty: it is."""
        link = self._links.get(interface)
        return link.trouble if link is not None else ""

    def stop(self) -> None:
        self.watch(set())


def open_socket() -> socket.socket:
    """A raw ICMPv6 socket for the three messages that matter. Raises OSError, PermissionError without CAP_NET_RAW."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_ICMPV6)
    sock.setblocking(False)
    blocked = [0xFFFFFFFF] * 8
    for kind in (_ECHO_REPLY, _SOLICITATION, _ADVERTISEMENT):
        blocked[kind >> 5] &= ~(1 << (kind & 31)) & 0xFFFFFFFF
    sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("=8I", *blocked))
    return sock


def probe() -> str:
    """Why unnumbered neighbors cannot be looked for, in words; empty: they can."""
    try:
        open_socket().close()
    except PermissionError:
        return "looking for an unnumbered neighbor needs CAP_NET_RAW"
    except OSError as error:
        return f"no raw ICMPv6 socket: {error.strerror}"
    return ""


def _advertisement() -> bytes:
    """RFC 4861 section 4.2: lifetime 0, nothing promised; the kernel fills the checksum in."""
    return struct.pack("!BBHBBHII", _ADVERTISEMENT, 0, 0, 0, 0, 0, 0, 0)


def _hop_limit(ancillary: list[tuple[int, int, bytes]]) -> float:
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_HOPLIMIT:
            return int.from_bytes(data[:4], "little" if struct.pack("=H", 1)[0] else "big")
    return -inf
