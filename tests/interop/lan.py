"""A LAN of network namespaces: one node each, a bridge in a namespace of its own, IPv4 and IPv6.

Node N has 10.99.0.N/24 and fd99::N/64 on `eth0`. Nothing of the machine's own network is touched; `Lan.close` ends
what still runs in it and removes all of it.
"""

import contextlib
import os
import socket
import struct
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.netns.netns import Namespace, Net

_TCP_MD5SIG = 14

#: a link-local address must be there from the first packet
_EARLY = "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad"
#: a neighbor that is cut off is asked for until it is back
_LATE = """cd /proc/sys/net
for d in ipv4/neigh/eth0 ipv6/neigh/eth0; do echo 600 > $d/mcast_solicit; echo 100 > $d/retrans_time_ms; done"""


class Node:
    """One machine on the LAN."""

    def __init__(self, namespace: Namespace, number: int) -> None:
        self.namespace = namespace
        self.number = number
        self.address4 = f"10.99.0.{number}"
        self.address6 = f"fd99::{number}"
        self.started: list[subprocess.Popen[bytes]] = []

    def address(self, family: str) -> str:
        return self.address4 if family == "ipv4" else self.address6

    def command(self, argv: Sequence[str]) -> list[str]:
        """The argv that runs a program on this node; it execs, so the process id stays the program's."""
        return ["nsenter", f"--net={self.namespace.path}", *argv]

    def start(self, argv: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """A program in the background, leading a process group of its own, with its output in `log`."""
        with log.open("ab") as out:
            process = subprocess.Popen(
                self.command(argv), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, start_new_session=True
            )
        self.started.append(process)
        return process

    def run(self, argv: Sequence[str], env: Mapping[str, str] | None = None, given: str | None = None) -> str:
        """A program to its end; its output, or an AssertionError with what it said."""
        done = subprocess.run(
            self.command(argv), env=env, input=given, capture_output=True, text=True, check=False, timeout=30
        )
        assert done.returncode == 0, f"{' '.join(argv)}: {done.returncode}: {done.stderr or done.stdout}"
        return done.stdout

    def tcp(self, family: str = "ipv4") -> socket.socket:
        """A TCP socket that lives on this node."""
        with self.namespace.entered():
            return socket.socket(socket.AF_INET if family == "ipv4" else socket.AF_INET6, socket.SOCK_STREAM)

    def connect(
        self, to: str, port: int = 179, password: str | None = None, source: str | None = None
    ) -> socket.socket:
        """A TCP connection from this node; raises OSError as connect does."""
        family = "ipv6" if ":" in to else "ipv4"
        sock = self.tcp(family)
        try:
            sock.bind((source or self.address(family), 0))
            if password is not None:
                md5(sock, to, password)
            sock.settimeout(5)
            sock.connect((to, port))
        except BaseException:
            sock.close()
            raise
        return sock

    def listen(self, family: str = "ipv4", port: int = 179) -> socket.socket:
        """A listening socket of this node."""
        sock = self.tcp(family)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self.address(family), port))
        sock.listen()
        sock.settimeout(10)
        return sock

    def connections(self, state: int, family: str = "ipv4", port: int = 179) -> set[str]:
        """The TCP sockets here in this state (1 established, 2 SYN sent) whose other end is this port: their ends."""
        found = set()
        name = "tcp" if family == "ipv4" else "tcp6"
        for line in self.run(["cat", f"/proc/net/{name}"]).splitlines()[1:]:
            _, local, remote, number, *_ = line.split()
            if int(number, 16) == state and port in (int(local[-4:], 16), int(remote[-4:], 16)):
                found.add(f"{local} {remote}")
        return found

    def end(self) -> None:
        """End what was started here, at once."""
        for process in self.started:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, 9)
            process.wait(10)
        self.started.clear()


def md5(sock: socket.socket, peer: str, password: str) -> None:
    """TCP MD5 (RFC 2385) with this peer: struct tcp_md5sig of linux/tcp.h."""
    if ":" in peer:
        address = struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, socket.inet_pton(socket.AF_INET6, peer), 0)
    else:
        address = struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(peer))
    key = password.encode()
    value = struct.pack("=128sBBHI80s", address, 0, 0, len(key), 0, key)
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_MD5SIG, value)


class Lan:
    """Some nodes on one bridge."""

    def __init__(self, count: int) -> None:
        self._net = Net()
        self.nodes: list[Node] = []
        try:
            self._switch = self._net.namespace("lan")
            self.nodes += [Node(self._net.namespace(f"n{i}"), i) for i in range(1, count + 1)]
            for node in self.nodes:
                node.run(["sh", "-c", _EARLY])
            self._net.bridge(self._switch, "br0", *((node.namespace, "eth0") for node in self.nodes))
            for node in self.nodes:
                addresses = [f"addr add {node.address4}/24 dev eth0", f"addr add {node.address6}/64 dev eth0 nodad"]
                node.namespace.ip(*addresses)
                node.run(["sh", "-c", _LATE])
        except BaseException:
            self.close()
            raise

    def cut(self, one: Node, other: Node) -> None:
        """Nothing passes between the two any more, and nobody is told: their links stay up."""
        self._isolate("on", one, other)

    def mend(self, one: Node, other: Node) -> None:
        """Undo `cut`."""
        self._isolate("off", one, other)

    def _isolate(self, word: str, *nodes: Node) -> None:
        ports = [f"br0p{self.nodes.index(node)}" for node in nodes]
        self._switch.ip(*(f"link set {port} type bridge_slave isolated {word}" for port in ports))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End what runs on the nodes, and remove them."""
        for node in self.nodes:
            node.end()
        self._net.close()
