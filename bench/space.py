"""Network namespaces of a measurement, and what runs in them.

A name carries the process id of the run: `sweep` removes what a killed run left, and leaves a living one alone.
"""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bgpd.lab.shell import attempt, run

PREFIX = "bgpd-bench-"
DAEMON = "10.99.0.1"  #: where the daemon is
GATEWAY = "10.99.1.1"  #: the first peer
LINK = "e0"

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x4000_0000
#: a late address would be a late session; and the host's congestion control may pace what it sends
_PLAIN = (
    "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad; "
    "echo cubic > /proc/sys/net/ipv4/tcp_congestion_control || echo reno > /proc/sys/net/ipv4/tcp_congestion_control"
)


def peer_address(index: int) -> str:
    """Where the load's peer is; the same in c/encode.h."""
    return f"10.99.{1 + index // 200}.{1 + index % 200}"


class Space:
    """One namespace, with its loopback up."""

    def __init__(self, word: str) -> None:
        self.name = f"{PREFIX}{os.getpid()}.{word}"
        self.path = f"/run/netns/{self.name}"
        run(["ip", "netns", "add", self.name])
        self.ip("link set lo up")
        attempt(self.argv(["sh", "-c", _PLAIN]))

    def ip(self, *lines: str) -> None:
        run(["ip", "-n", self.name, "-batch", "-"], given="\n".join(lines) + "\n", timeout=120)

    def argv(self, command: Sequence[str]) -> list[str]:
        """The words that run a command inside; it execs, so that its process id is the command's own."""
        return ["nsenter", f"--net={self.path}", *command]

    def start(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
        """A program of its own session inside; its output goes to `log`."""
        with log.open("ab") as out:
            return subprocess.Popen(
                self.argv(command), env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is inside: a socket made here stays there."""
        with Path("/proc/thread-self/ns/net").open("rb") as home, Path(self.path).open("rb") as there:
            _setns(there.fileno())
            try:
                yield
            finally:
                _setns(home.fileno())

    def remove(self) -> None:
        """End of it, and of what still runs in it."""
        for pid in attempt(["ip", "netns", "pids", self.name])[1].split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        attempt(["ip", "netns", "delete", self.name])


def _setns(handle: int) -> None:
    if _LIBC.setns(handle, _CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


@contextmanager
def pair(peers: int) -> Iterator[tuple[Space, Space]]:
    """The daemon's namespace and the load's, with the addresses of so many peers, on one cable."""
    with contextlib.ExitStack() as stack:
        daemon, load = Space("daemon"), Space("load")
        for space in (daemon, load):
            stack.callback(space.remove)
        daemon.ip(f"link add {LINK} type veth peer name {LINK} netns {load.name}")
        daemon.ip(f"address add {DAEMON}/16 dev {LINK}", f"address add {mapped(DAEMON)}/64 dev {LINK} nodad")
        daemon.ip(f"link set {LINK} up")
        addresses = [peer_address(i) for i in range(peers)]
        load.ip(*(f"address add {address}/16 dev {LINK}" for address in addresses))
        load.ip(*(f"address add {mapped(address)}/64 dev {LINK} nodad" for address in addresses))
        load.ip(f"link set {LINK} up")
        yield daemon, load


def mapped(address: str) -> str:
    """The IPv6 address that belongs to an IPv4 address here."""
    return f"fd99::{address}"


def sweep() -> None:
    """Remove the namespaces of runs that are no more."""
    for line in attempt(["ip", "netns", "list"])[1].splitlines():
        found = re.match(rf"({PREFIX}(\d+)\.\S+)", line)
        if found and not Path("/proc", found[2]).exists():
            for pid in attempt(["ip", "netns", "pids", found[1]])[1].split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            attempt(["ip", "netns", "delete", found[1]])
