"""Who holds a TCP port: for the one error message that everybody meets ("address in use").

The kernel's tables name the listening socket by its inode; the processes' descriptor links name the inode. Both
are files under /proc. Other users' descriptors are readable for root only (CAP_SYS_PTRACE), and a process in
another container is not visible at all: then the answer says what is known.
"""

import contextlib
from pathlib import Path
from typing import Final

_LISTEN: Final = "0A"  # st, the state column of /proc/net/tcp: TCP_LISTEN of include/net/tcp_states.h
_TABLES: Final = ("net/tcp", "net/tcp6")


def who_listens(port: int, *, proc: Path = Path("/proc")) -> str | None:
    """Who listens on TCP `port` in this network namespace: "PID n (name)", "unknown process"; None: nobody does."""
    inodes = _inodes(port, proc)
    if not inodes:
        return None
    holders = [holder for pid in _pids(proc) if (holder := _holder(pid, inodes, proc)) is not None]
    return " and ".join(holders) or "unknown process"


def _inodes(port: int, proc: Path) -> set[str]:
    """The inodes of the listening sockets on that port, as texts."""
    found: set[str] = set()
    for table in _TABLES:
        try:
            lines = (proc / table).read_text().splitlines()[1:]
        except OSError:  # no IPv6, no /proc
            continue
        for line in lines:
            fields = line.split()
            if len(fields) > 9 and fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found


def _pids(proc: Path) -> list[int]:
    try:
        return sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdecimal())
    except OSError:
        return []


def _holder(pid: int, inodes: set[str], proc: Path) -> str | None:
    """The process in words, where one of its descriptors is one of those sockets."""
    directory = proc / str(pid)
    try:
        descriptors = list((directory / "fd").iterdir())
        name = (directory / "comm").read_text().strip()
    except OSError:  # it is gone, or it is not ours to look at
        return None
    for descriptor in descriptors:
        with contextlib.suppress(OSError):  # closed since
            link = str(descriptor.readlink())
            if link.startswith("socket:[") and link[8:-1] in inodes:
                return f"PID {pid} ({name})"
    return None
