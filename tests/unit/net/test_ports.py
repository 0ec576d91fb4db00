"""Who holds a port: against a real socket, and against a made-up /proc."""

import os
import socket
from pathlib import Path

import pytest

from bgpd.net.ports import who_listens

_HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def line(port: int, state: str, inode: int) -> str:
    return f"   0: 00000000:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1\n"


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_real_listener(family: socket.AddressFamily, host: str) -> None:
    with socket.create_server((host, 0), family=family) as server:
        port = server.getsockname()[1]
        name = Path("/proc/self/comm").read_text().strip()
        assert who_listens(port) == f"PID {os.getpid()} ({name})"
    assert who_listens(port) is None


def test_a_connection_is_no_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert who_listens(client.getsockname()[1]) is None


def made_up(proc: Path, tables: str) -> Path:
    (proc / "net").mkdir()
    (proc / "net" / "tcp").write_text(_HEAD + tables)
    return proc


def process(proc: Path, pid: int, name: str, *links: str) -> None:
    (proc / str(pid) / "fd").mkdir(parents=True)
    (proc / str(pid) / "comm").write_text(f"{name}\n")
    for number, link in enumerate(links):
        (proc / str(pid) / "fd" / str(number)).symlink_to(link)


def test_several_holders_and_bystanders(tmp_path: Path) -> None:
    proc = made_up(tmp_path, line(179, "0A", 77) + line(179, "01", 78) + line(22, "0A", 79))
    process(proc, 20, "bird", "/dev/null", "socket:[77]")
    process(proc, 3, "systemd", "socket:[77]")
    process(proc, 4, "sshd", "socket:[79]", "socket:[78]", "pipe:[77]")
    assert who_listens(179, proc=proc) == "PID 3 (systemd) and PID 20 (bird)"
    assert who_listens(22, proc=proc) == "PID 4 (sshd)"
    assert who_listens(80, proc=proc) is None


def test_a_holder_that_cannot_be_seen(tmp_path: Path) -> None:
    proc = made_up(tmp_path, line(179, "0A", 77))
    (proc / "9").mkdir()  # a process whose descriptors are not ours to read
    assert who_listens(179, proc=proc) == "unknown process"


def test_without_proc(tmp_path: Path) -> None:
    assert who_listens(179, proc=tmp_path) is None
    assert who_listens(179, proc=tmp_path / "none") is None
