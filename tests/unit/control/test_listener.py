"""The socket file, before anybody answers behind it (the rest of it: test_service)."""

import socket
from pathlib import Path

from bgpd.control.listener import bind


def test_who_comes_early_waits(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    with bind(path) as listener, socket.socket(socket.AF_UNIX) as client:
        assert path.stat().st_mode & 0o777 == 0o660
        client.connect(str(path))
        client.sendall(b"question")
        taken, _ = listener.accept()
        with taken:
            assert taken.recv(100) == b"question"
