"""TCP-AO (RFC 5925) as Linux has it since 6.7: the structures of linux/tcp.h, and whether this kernel takes them.

Few kernels are built with CONFIG_TCP_AO, so nothing is assumed: `probe` asks with a socket that is thrown away, and a
configuration that wants TCP-AO where there is none is refused before anything starts. A key is added to the
listening sockets for connections to come, and to a socket before it dials. The first key is the one that we sign
with; the peer's KeyIDs are chosen by the peer.
"""

import errno
import socket
import struct
from typing import Final

from bgpd.model import AoKey

TCP_AO_ADD_KEY: Final = 38
TCP_AO_DEL_KEY: Final = 39
KEY_LENGTH: Final = 80  #: TCP_AO_MAXKEYLEN
_SET_CURRENT: Final = 1 << 0  # both are bit fields of one __u32, from the lowest bit on little endian machines
_SET_RNEXT: Final = 1 << 1
_MAC_LENGTH: Final = 12  # octets: both algorithms are cut to 96 bits (RFC 5926 section 3.2)
#: RFC 5926's names -> those of the kernel's crypto
_ALGORITHMS: Final = {"hmac-sha-1-96": b"hmac(sha1)", "aes-128-cmac-96": b"cmac(aes128)"}

#: struct tcp_ao_add: addr, alg_name, ifindex, flags, reserved2, prefix, sndid, rcvid, maclen, keyflags, keylen, key
ADD: Final = struct.Struct(f"=128s64siIHBBBBBB{KEY_LENGTH}s")
#: struct tcp_ao_del: addr, ifindex, flags, reserved2, prefix, sndid, rcvid, current_key, rnext, keyflags
DEL: Final = struct.Struct("=128siIHBBBBBB")


def sockaddr(peer: bytes) -> bytes:
    """A packed address as sockaddr_in or sockaddr_in6, port 0."""
    if len(peer) == 4:
        return struct.pack("=HH4s", socket.AF_INET, 0, peer)
    return struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, peer, 0)


def add_value(peer: bytes, length: int, key: AoKey, *, current: bool) -> bytes:
    """The option value that adds `key` for peers in `peer`/`length`; `current`: it is the one that we sign with.

    A current key can only be named on a socket that is about to dial; on a listener the kernel refuses it.
    """
    flags = _SET_CURRENT | _SET_RNEXT if current else 0
    return ADD.pack(
        sockaddr(peer), _ALGORITHMS[key.algorithm], 0, flags, 0, length,
        key.send_id, key.receive_id, _MAC_LENGTH, 0, len(key.secret), key.secret,
    )  # fmt: skip


def del_value(peer: bytes, length: int, key: AoKey) -> bytes:
    """The option value that takes `key` away again."""
    return DEL.pack(sockaddr(peer), 0, 0, 0, length, key.send_id, key.receive_id, 0, 0, 0)


def add_keys(
    sock: socket.socket, peer: bytes, keys: tuple[AoKey, ...], *, dial: bool, length: int | None = None
) -> None:
    """Sign and check every segment from and to `peer` (or its prefix of `length` bits). Raises OSError."""
    bits = len(peer) * 8 if length is None else length
    for number, key in enumerate(keys):
        value = add_value(peer, bits, key, current=dial and number == 0)
        sock.setsockopt(socket.IPPROTO_TCP, TCP_AO_ADD_KEY, value)


def remove_keys(sock: socket.socket, peer: bytes, keys: tuple[AoKey, ...], *, length: int | None = None) -> None:
    """Take keys away from a listening socket; one that is not there does no harm. Raises OSError."""
    bits = len(peer) * 8 if length is None else length
    for key in keys:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, TCP_AO_DEL_KEY, del_value(peer, bits, key))
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise


def probe(algorithm: str = "hmac-sha-1-96") -> str:
    """Why this kernel cannot do TCP-AO with an algorithm, in words; empty: it can."""
    key = AoKey(send_id=1, receive_id=1, algorithm=algorithm, secret=b"probe")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        try:
            add_keys(sock, b"\x7f\0\0\1", (key,), dial=True)
        except OSError as error:
            return _words(error, algorithm)
    return ""


def _words(error: OSError, algorithm: str) -> str:
    if error.errno == errno.ENOPROTOOPT:
        return "this kernel has no TCP-AO (Linux 6.7 or later with CONFIG_TCP_AO has it)"
    if error.errno == errno.ENOENT:
        return f"this kernel's crypto has no {algorithm}"
    return f"this kernel refuses TCP-AO: {error.strerror}"
