"""What a driver can do: everything the checks need, in terms of hosts by name.

The two drivers differ in how a host is made and how a program gets to run on it. They do not differ in addresses,
configurations or checks.
"""

import json
from typing import Any, Protocol

from bgpd.lab.shell import Failed, Stream, attempt, run
from bgpd.lab.topology import Topology


class Driver(Protocol):
    """One lab, made or to be made."""

    kind: str  #: docker | netns
    topology: Topology
    stop_words: str  #: how a node is stopped, for the report

    def up(self) -> None:
        """Make everything and start it; whatever was there under the lab's name goes first."""

    def down(self) -> None:
        """Remove every trace; works after a crash, and where there is nothing."""

    def exists(self) -> bool:
        """Is there a lab, or what is left of one?"""

    def argv(self, host: str, command: list[str]) -> list[str]:
        """The command line that runs a command on a host."""

    def sidecar(self, host: str, command: list[str]) -> list[str]:
        """The command line that runs a packet tool in a host's network, whatever the host's own rights."""

    def bgpctl(self, node: str) -> list[str]:
        """The words, on that node, before bgpctl's own arguments."""

    def python(self, node: str) -> list[str]:
        """The words, on that node, that run a Python which knows our package."""

    def process_status(self, node: str) -> str | None:
        """/proc/PID/status of the node's daemon, where the driver runs it with fewer rights than root; else None."""

    def health(self, node: str) -> str | None:
        """What the driver's own health check says of a node ("healthy", ...), where it has one; else None."""

    def stop_node(self, node: str) -> None:
        """SIGTERM to the node's daemon; returns when it is gone."""

    def start_node(self, node: str) -> None:
        """Start a stopped node's daemon again; returns at once."""

    def stop(self, host: str, program: str = "") -> None:
        """SIGTERM to a program of a host (its only one, where none is named); returns when it is gone."""

    def start(self, host: str, program: str = "") -> None:
        """Start such a program again; returns at once."""

    def example(self, node: str) -> str:
        """A command line for a person who wants to look at a node."""

    def log(self, host: str) -> str:
        """What the host's program logged lately."""


def on(driver: Driver, host: str, *command: str, timeout: float = 20.0) -> str:
    """Run a command on a host and return its output."""
    return run(driver.argv(host, list(command)), timeout=timeout, called=f"on {host}: {' '.join(command)}")


def try_on(driver: Driver, host: str, *command: str, timeout: float = 20.0) -> tuple[int, str, str]:
    """Run a command on a host: exit code, output, errors."""
    return attempt(driver.argv(host, list(command)), timeout=timeout)


def stream_on(driver: Driver, host: str, *command: str) -> Stream:
    """Start a command on a host and read its lines."""
    return Stream(driver.argv(host, list(command)))


def bgpctl(driver: Driver, node: str, *words: str) -> Any:
    """What `bgpctl --json WORDS` says on a node; raises Failed where it cannot say it."""
    argv = driver.argv(node, [*driver.bgpctl(node), "--json", *words])
    text = run(argv, timeout=20, called=f"on {node}: bgpctl {' '.join(words)}")
    try:
        return json.loads(text)
    except ValueError as error:
        raise Failed(f"bgpctl {' '.join(words)} on {node} printed no JSON: {text[:200]!r}") from error


FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"


def fetch(driver: Driver, host: str, url: str) -> str:
    """A page as a host sees it; raises Failed with the last line of what went wrong."""
    code, out, err = try_on(driver, host, *driver.python(host), "-c", FETCH, url)
    if code != 0:
        raise Failed((err.strip().splitlines() or ["no answer"])[-1])
    return out
