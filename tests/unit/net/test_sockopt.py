"""TCP MD5 and the other options, on loopback sockets of this kernel."""

import asyncio
import socket

import pytest

from bgpd.net.sockopt import (
    bind_to_interface,
    family_of,
    new_socket,
    probe_md5,
    set_common,
    set_least_ttl,
    set_md5,
    set_ttl,
)
from bgpd.wire.prefix import format_address, parse_address


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_md5_lets_the_right_key_in_and_no_other(host: str) -> None:
    loop = asyncio.get_running_loop()
    address = parse_address(host)
    with new_socket(address) as listener:
        set_md5(listener, address, b"right")
        listener.bind((host, 0))
        listener.listen()
        port = listener.getsockname()[1]
        with new_socket(address) as right, new_socket(address) as wrong:
            set_md5(right, address, b"right")
            set_md5(wrong, address, b"wrong")
            await loop.sock_connect(right, (host, port))
            accepted, _ = await loop.sock_accept(listener)
            accepted.close()
            with pytest.raises(TimeoutError):  # the kernel drops the SYN: silence, not a refusal
                async with asyncio.timeout(0.3):
                    await loop.sock_connect(wrong, (host, port))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_md5_key_is_changed_on_a_live_connection(host: str) -> None:
    loop = asyncio.get_running_loop()
    address = parse_address(host)
    with new_socket(address) as listener, new_socket(address) as dialed:
        set_md5(listener, address, b"old")
        listener.bind((host, 0))
        listener.listen()
        set_md5(dialed, address, b"old")
        await loop.sock_connect(dialed, (host, listener.getsockname()[1]))
        accepted, _ = await loop.sock_accept(listener)
        with accepted:
            set_md5(dialed, address, b"new")
            set_md5(accepted, address, b"new")
            await loop.sock_sendall(dialed, b"still here")
            assert await loop.sock_recv(accepted, 100) == b"still here"


def test_taking_away_a_key_that_was_never_there() -> None:
    with new_socket(b"\x7f\0\0\1") as sock:
        set_md5(sock, parse_address("192.0.2.1"), None)


def test_common_options() -> None:
    for host in ("127.0.0.1", "::1"):
        address = parse_address(host)
        with new_socket(address) as sock:
            set_common(sock)
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert not sock.getblocking()
            assert sock.family == family_of(address)
            assert format_address(address) == host


async def test_one_md5_key_for_a_whole_range() -> None:
    loop = asyncio.get_running_loop()
    with new_socket(b"\x7f\0\0\1") as listener:
        set_md5(listener, parse_address("127.0.0.0"), b"right", 24)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        for source in ("127.0.0.7", "127.0.0.8"):
            with new_socket(b"\x7f\0\0\1") as dialed:
                set_md5(dialed, parse_address("127.0.0.1"), b"right")
                dialed.bind((source, 0))
                await loop.sock_connect(dialed, ("127.0.0.1", port))
                accepted, remote = await loop.sock_accept(listener)
                assert remote[0] == source
                accepted.close()
        set_md5(listener, parse_address("127.0.0.0"), None, 24)
        with new_socket(b"\x7f\0\0\1") as plain:
            await loop.sock_connect(plain, ("127.0.0.1", port))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_gtsm_drops_what_came_from_too_far(host: str) -> None:
    loop = asyncio.get_running_loop()
    address = parse_address(host)
    with new_socket(address) as listener:
        set_ttl(listener, 255)
        listener.bind((host, 0))
        listener.listen()
        target = (host, listener.getsockname()[1])
        for ttl, arrives in ((255, True), (254, False)):
            with new_socket(address) as dialed:
                set_ttl(dialed, ttl)
                set_least_ttl(dialed, 255)
                await loop.sock_connect(dialed, target)
                accepted, _ = await loop.sock_accept(listener)
                with accepted:
                    set_least_ttl(accepted, 255)
                    await loop.sock_sendall(dialed, b"x")
                    if arrives:
                        assert await loop.sock_recv(accepted, 1) == b"x"
                    else:
                        with pytest.raises(TimeoutError):
                            async with asyncio.timeout(0.2):
                                await loop.sock_recv(accepted, 1)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_ttl_zero_is_the_kernels_own(host: str) -> None:
    address = parse_address(host)
    option = (
        (socket.IPPROTO_IP, socket.IP_TTL) if len(address) == 4 else (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)
    )
    with new_socket(address) as sock:
        before = sock.getsockopt(*option)
        set_ttl(sock, 7)
        assert sock.getsockopt(*option) == 7
        set_ttl(sock, 0)
        assert sock.getsockopt(*option) == before


def test_an_interface_that_is_not_there() -> None:
    with new_socket(b"\x7f\0\0\1") as sock:
        bind_to_interface(sock, "lo")
        with pytest.raises(OSError, match="No such device"):
            bind_to_interface(sock, "nosuch0")


def test_this_kernel_has_tcp_md5() -> None:
    assert not probe_md5()
