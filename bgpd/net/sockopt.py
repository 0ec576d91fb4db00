"""Socket options, each set for a reason that stands beside it."""

import contextlib
import errno
import socket
import struct

from bgpd.net.tcp_ao import sockaddr
from bgpd.wire.prefix import format_address

_TCP_MD5SIG = 14  # linux/tcp.h; Python has no names for these
_TCP_MD5SIG_EXT = 32
_FLAG_PREFIX = 1  # TCP_MD5SIG_FLAG_PREFIX
_IP_MINTTL = 21  # linux/in.h
_IPV6_MINHOPCOUNT = 73  # linux/in6.h
_SOCKADDR_STORAGE = 128
_IP_TOS_CS6 = 0xC0  # RFC 4271 says nothing; RFC 2474 section 4.2.2.2: class selector 6 is network control


def family_of(address: bytes) -> socket.AddressFamily:
    """AF_INET or AF_INET6 for a packed address of 4 or 16 octets."""
    return socket.AF_INET if len(address) == 4 else socket.AF_INET6


def new_socket(address: bytes) -> socket.socket:
    """A non-blocking TCP socket of the family of `address`."""
    sock = socket.socket(family_of(address), socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    sock.setblocking(False)
    return sock


def set_common(sock: socket.socket) -> None:
    """Options of every BGP connection, dialled or accepted."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a KEEPALIVE must not wait for an ACK
    # Control traffic; refused only in odd sandboxes, and BGP works without it.
    with contextlib.suppress(OSError):
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _IP_TOS_CS6)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _IP_TOS_CS6)


def set_ttl(sock: socket.socket, ttl: int) -> None:
    """TTL, or hop limit, of everything that leaves; 0 is the kernel's own."""
    value = ttl or -1
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, value)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, value)


def set_least_ttl(sock: socket.socket, ttl: int) -> None:
    """GTSM (RFC 5082): the kernel drops what comes with less than `ttl` before TCP sees it."""
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, _IP_MINTTL, ttl)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MINHOPCOUNT, ttl)


def bind_to_interface(sock: socket.socket, name: str) -> None:
    """Only packets of this link. Raises OSError where there is no such link."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode() + b"\0")


def set_md5(sock: socket.socket, peer: bytes, key: bytes | None, length: int | None = None) -> None:
    """Sign and check every segment from and to `peer` with `key` (RFC 2385); None takes the key away.

    On a listening socket the key holds for connections from `peer`, or from its whole prefix of `length` bits. It may
    be changed on a live connection. `key` is 1 to 80 octets. Raises OSError where the kernel has no TCP MD5.
    """
    key = key or b""
    option, flags, bits = (_TCP_MD5SIG, 0, 0) if length is None else (_TCP_MD5SIG_EXT, _FLAG_PREFIX, length)
    # struct tcp_md5sig: sockaddr_storage, flags, prefixlen, keylen, ifindex, key[80]
    value = struct.pack(f"={_SOCKADDR_STORAGE}sBBHi80s", sockaddr(peer), flags, bits, len(key), 0, key)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
    except OSError as error:
        if error.errno == errno.ENOENT and not key:
            return  # there was none to take away
        missing = error.errno == errno.ENOPROTOOPT
        reason = "this kernel has no TCP MD5 (CONFIG_TCP_MD5SIG)" if missing else error.strerror
        whom = format_address(peer) + ("" if length is None else f"/{length}")
        raise OSError(error.errno, f"TCP MD5 key for {whom}: {reason}") from error


def probe_md5() -> str:
    """Why this kernel cannot do TCP MD5, in words; empty: it can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        try:
            set_md5(sock, b"\x7f\0\0\1", b"probe")
        except OSError as error:
            return (error.strerror or str(error)).partition(": ")[2]
    return ""
