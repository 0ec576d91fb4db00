"""Who is behind a netlink port: a hint for people, as far as /proc tells.

A route event names the port id of the socket that asked for it. By custom a process's first netlink socket has its
process id as port, so `ip route del` is mostly found at /proc/PORT while it still lives; a later socket of a process
has a random port, and then the way goes by the socket's inode: net/netlink names it, the processes' descriptor
links hold it. Both need rights on /proc, and a process in another process namespace has other numbers there. So an
answer is checked against the socket's inode where there is one, and "not known" is an answer, too.

A program may be gone a millisecond later, so `glance` reads the one name at once. The thorough look costs up to some
tens of milliseconds on a machine with many processes: it is made after the repair, in a thread (whose network
namespace is the one that counts), a port that was looked up is remembered for a moment, and only a few are looked up
per second.
"""

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_NETLINK_ROUTE: Final = "0"
#: Ports looked up per second; those beyond are told by their number.
_PER_SECOND: Final = 5
#: Processes whose descriptors are looked at for one port.
_PROCESSES: Final = 2000
#: Seconds for which an answer holds.
_FRESH: Final = 1.0


class Culprits:
    """Answers by port id. `proc` is another tree in tests."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc: Final = proc
        self._known: dict[int, tuple[float, str]] = {}
        self._seen: dict[int, str] = {}  # names read at once, of ports not yet looked up
        self._window = 0.0
        self._looked = 0

    def glance(self, port: int) -> None:
        """Note whose process id the port is, while it is there to be seen."""
        if port and port not in self._seen and len(self._seen) < 64 and (name := self._name(port)):
            self._seen[port] = name

    def who(self, port: int) -> str:
        """The words for the program behind a netlink port; 0 is the kernel itself."""
        if not port:
            return "the kernel"
        now = time.monotonic()
        known = self._known.get(port)
        if known is not None and now - known[0] < _FRESH:
            return known[1]
        if now - self._window >= 1.0:
            self._window, self._looked = now, 0
            self._known.clear()
        if self._looked >= _PER_SECOND:
            return f"netlink port {port}"
        self._looked += 1
        words = self._look(port)
        self._known[port] = now, words
        return words

    def _look(self, port: int) -> str:
        inode = self._inode(port)
        name = self._seen.pop(port, "") or self._name(port)
        if name and (inode is None or self._holds(port, inode)):
            # Without an inode the socket is closed already, and the port is a process id by custom only.
            return f"{name} (pid {port})" if inode else f"probably {name} (pid {port})"
        if inode:
            with suppress(OSError):
                for pid in [int(each.name) for each in self._proc.iterdir() if each.name.isdigit()][:_PROCESSES]:
                    if self._holds(pid, inode):
                        return f"{self._name(pid) or 'a program'} (pid {pid}, netlink port {port})"
        return f"a program that is gone or out of sight (netlink port {port})"

    def _inode(self, port: int) -> str | None:
        """The inode of the route socket with this port; None where there is none, or no list of them."""
        try:
            lines = (self._proc / "thread-self" / "net" / "netlink").read_text(encoding="ascii").splitlines()
        except OSError:
            return None
        for line in lines[1:]:  # sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
            fields = line.split()
            if len(fields) >= 10 and fields[1] == _NETLINK_ROUTE and fields[2] == str(port):
                return fields[9]
        return None

    def _name(self, pid: int) -> str:
        try:
            return (self._proc / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""

    def _holds(self, pid: int, inode: str) -> bool:
        """Whether a process has the socket open."""
        with suppress(OSError):
            for each in (self._proc / str(pid) / "fd").iterdir():
                with suppress(OSError):
                    if str(each.readlink()) == f"socket:[{inode}]":
                        return True
        return False
