"""The pages' socket, before anybody answers behind it (the rest of it: test_service)."""

import socket

import pytest

from bgpd.http.listener import HttpRefused, listen


def test_who_comes_early_waits() -> None:
    with listen(("127.0.0.1", 0), lambda _: None) as listener:
        with socket.create_connection(listener.getsockname()) as client:
            client.sendall(b"GET")
            taken, _ = listener.accept()
            with taken:
                assert taken.recv(100) == b"GET"
        with pytest.raises(HttpRefused, match="port in use by PID 7"):
            listen(listener.getsockname(), lambda _: "PID 7")


def test_ipv6() -> None:
    with listen(("::1", 0), lambda _: None) as listener:
        assert listener.family == socket.AF_INET6
