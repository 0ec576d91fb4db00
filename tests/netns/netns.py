"""Network namespaces for tests: made with unique names, entered by the thread, removed at the end.

    with Net() as net:
        a, b = net.namespace("a"), net.namespace("b")
        net.veth(a, "eth0", b, "eth0")
        a.ip("addr add 10.0.0.1/24 dev eth0")
        with a.entered():              # sockets made here belong to the namespace, for as long as they live
            await service.start()

A namespace belongs to a thread. `entered` moves the calling thread in and back; what it starts meanwhile (threads,
processes) is inside, too. Needs root and iproute2.
"""

import ctypes
import itertools
import os
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

_CLONE_NEWNET = 0x4000_0000
_LIBC = ctypes.CDLL(None, use_errno=True)
_COUNTER = itertools.count()


def _setns(fd: int) -> None:
    if _LIBC.setns(fd, _CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _run(command: Sequence[str], stdin: str | None = None) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


class Namespace:
    """One network namespace."""

    def __init__(self, name: str) -> None:
        self.name = name
        _run(["ip", "netns", "add", name])
        self.path = Path("/run/netns") / name
        self.ip("link set lo up")

    def ip(self, *commands: str) -> str:
        """`ip COMMAND` inside; several go as one batch. Raises RuntimeError with ip's own words."""
        if len(commands) == 1:
            return _run(["ip", "-n", self.name, *commands[0].split()])
        return _run(["ip", "-n", self.name, "-batch", "-"], "\n".join(commands) + "\n")

    def run(self, command: Sequence[str]) -> str:
        """A command inside; returns what it prints."""
        return _run(["ip", "netns", "exec", self.name, *command])

    def popen(self, command: Sequence[str], **options: object) -> "subprocess.Popen[str]":
        """A process inside. End it by its own handle."""
        return subprocess.Popen(["ip", "netns", "exec", self.name, *command], text=True, **options)  # type: ignore[call-overload, no-any-return]

    def routes(self, selector: str = "", family: int = 4) -> list[str]:
        """`ip route show SELECTOR`, one route a line."""
        lines = _run(["ip", f"-{family}", "-n", self.name, "route", "show", *selector.split()]).splitlines()
        return [" ".join(line.split()) for line in lines]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is inside, until the end of the block."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            there = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _setns(there)
            finally:
                os.close(there)
            try:
                yield
            finally:
                _setns(home)
        finally:
            os.close(home)

    def remove(self) -> None:
        """End of it: its links and routes go, too. Processes inside have to be ended before."""
        _run(["ip", "netns", "del", self.name])


class Net:
    """The namespaces of one test."""

    def __init__(self) -> None:
        self._tag = f"bt{os.getpid()}-{secrets.token_hex(2)}-{next(_COUNTER)}"
        self._namespaces: list[Namespace] = []

    def namespace(self, name: str) -> Namespace:
        """A new namespace; `name` is for people, the system's name is unique."""
        namespace = Namespace(f"{self._tag}-{name}")
        self._namespaces.append(namespace)
        return namespace

    def veth(self, one: Namespace, one_name: str, other: Namespace, other_name: str) -> None:
        """A cable between two namespaces; both ends are up."""
        _run(
            ["ip", "link", "add", one_name, "netns", one.name, "type", "veth", "peer", other_name, "netns", other.name]
        )
        one.ip(f"link set {one_name} up")
        other.ip(f"link set {other_name} up")

    def bridge(self, switch: Namespace, name: str, *members: tuple[Namespace, str]) -> None:
        """A bridge in its own namespace (no host firewall sees its frames), one cable to each (namespace, link)."""
        switch.ip(f"link add {name} type bridge", f"link set {name} up")
        for number, (namespace, link) in enumerate(members):
            port = f"{name}p{number}"
            self.veth(namespace, link, switch, port)
            switch.ip(f"link set {port} master {name}")

    def close(self) -> None:
        for namespace in reversed(self._namespaces):
            namespace.remove()
        self._namespaces.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
