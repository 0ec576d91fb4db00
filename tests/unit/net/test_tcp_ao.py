"""TCP-AO: the structures against the C declarations of linux/tcp.h, and what a kernel without it answers."""

import ctypes
import errno
import socket

import pytest

from bgpd.model import AoKey
from bgpd.net import tcp_ao
from bgpd.wire.prefix import parse_address

KEY = AoKey(send_id=1, receive_id=2, algorithm="hmac-sha-1-96", secret=b"secret")


class _Storage(ctypes.Structure):
    """struct __kernel_sockaddr_storage: 128 octets, aligned like a pointer."""

    _fields_ = [("family", ctypes.c_uint16), ("data", ctypes.c_uint8 * 118), ("align", ctypes.c_void_p)]


class TcpAoAdd(ctypes.Structure):
    """struct tcp_ao_add, as linux/tcp.h declares it; the compiler's rules put the padding where it belongs."""

    _fields_ = [
        ("addr", _Storage),
        ("alg_name", ctypes.c_char * 64),
        ("ifindex", ctypes.c_int32),
        ("set_current", ctypes.c_uint32, 1),
        ("set_rnext", ctypes.c_uint32, 1),
        ("reserved", ctypes.c_uint32, 30),
        ("reserved2", ctypes.c_uint16),
        ("prefix", ctypes.c_uint8),
        ("sndid", ctypes.c_uint8),
        ("rcvid", ctypes.c_uint8),
        ("maclen", ctypes.c_uint8),
        ("keyflags", ctypes.c_uint8),
        ("keylen", ctypes.c_uint8),
        ("key", ctypes.c_uint8 * 80),
    ]


class TcpAoDel(ctypes.Structure):
    """struct tcp_ao_del."""

    _fields_ = [
        ("addr", _Storage),
        ("ifindex", ctypes.c_int32),
        ("set_current", ctypes.c_uint32, 1),
        ("set_rnext", ctypes.c_uint32, 1),
        ("del_async", ctypes.c_uint32, 1),
        ("reserved", ctypes.c_uint32, 29),
        ("reserved2", ctypes.c_uint16),
        ("prefix", ctypes.c_uint8),
        ("sndid", ctypes.c_uint8),
        ("rcvid", ctypes.c_uint8),
        ("current_key", ctypes.c_uint8),
        ("rnext", ctypes.c_uint8),
        ("keyflags", ctypes.c_uint8),
    ]


def test_the_sizes_are_the_kernels() -> None:
    assert ctypes.sizeof(_Storage) == 128
    assert tcp_ao.ADD.size == ctypes.sizeof(TcpAoAdd) == 288
    assert tcp_ao.DEL.size == ctypes.sizeof(TcpAoDel) == 144


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_every_field_is_where_the_kernel_reads_it(host: str) -> None:
    peer = parse_address(host)
    raw = tcp_ao.add_value(peer, 24, KEY, current=True)
    value = TcpAoAdd.from_buffer_copy(raw)
    family = socket.AF_INET if len(peer) == 4 else socket.AF_INET6
    assert value.addr.family == family
    at = 4 if len(peer) == 4 else 8
    assert raw[at : at + len(peer)] == peer
    assert value.alg_name == b"hmac(sha1)"
    assert (value.set_current, value.set_rnext, value.reserved, value.reserved2) == (1, 1, 0, 0)
    assert (value.ifindex, value.prefix, value.sndid, value.rcvid, value.maclen) == (0, 24, 1, 2, 12)
    assert (value.keyflags, value.keylen, bytes(value.key[:6])) == (0, 6, b"secret")
    other = TcpAoAdd.from_buffer_copy(tcp_ao.add_value(peer, 24, KEY, current=False))
    assert (other.set_current, other.set_rnext) == (0, 0)


def test_every_field_of_a_removal() -> None:
    raw = tcp_ao.del_value(parse_address("192.0.2.1"), 32, KEY)
    value = TcpAoDel.from_buffer_copy(raw)
    assert (value.addr.family, value.prefix, value.sndid, value.rcvid) == (socket.AF_INET, 32, 1, 2)
    assert (value.set_current, value.del_async, value.current_key, value.rnext, value.keyflags) == (0, 0, 0, 0, 0)


def test_the_probe_says_what_this_kernel_says() -> None:
    """A kernel either takes a key, and then the probe finds nothing to say, or is named as the reason."""
    code = 0
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        try:
            tcp_ao.add_keys(sock, b"\x7f\0\0\1", (KEY,), dial=True)
        except OSError as error:
            code = error.errno or -1
    said = {0: "", errno.ENOPROTOOPT: "this kernel has no TCP-AO (Linux 6.7 or later with CONFIG_TCP_AO has it)"}
    assert tcp_ao.probe() == said[code]


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOENT, "no aes-128-cmac-96"), (errno.EKEYREJECTED, "refuses TCP-AO")],
)
def test_the_probe_in_words(monkeypatch: pytest.MonkeyPatch, code: int, words: str) -> None:
    def refuse(*_arguments: object, **_more: object) -> None:
        raise OSError(code, "no")

    monkeypatch.setattr(tcp_ao, "add_keys", refuse)
    assert words in tcp_ao.probe("aes-128-cmac-96")
