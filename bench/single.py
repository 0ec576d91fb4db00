"""One daemon and one neighbor, in two namespaces joined by a veth pair."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.table import Result
from bgpd.lab.processes import end
from bgpd.lab.shell import Failed, clean_env, run, until

OURS, THEIRS = "192.0.2.1", "192.0.2.2"
NAMESPACES = ("bgpd-bench.daemon", "bgpd-bench.feeder")
RUNS = 5
ROUTES = (10_000, 90_000)  #: first so many, then so many more


def measure() -> list[Result]:
    """Everything about one daemon."""
    opens, idle = [], []
    for _ in range(RUNS):
        with _pair(), _feeder() as feeder, _daemon() as (started, pid):
            opens.append(_event(feeder, "open") - started)
            _event(feeder, "established")
            _settled(pid)
            idle.append(rss(pid))
    small, large = _with_routes()
    return [
        Result(what="exec to first OPEN", unit="s", values=opens, aim=0.4),
        Result(what="memory idle, one session", unit="MiB", values=idle, aim=50),
        Result(what="memory per 1,000 routes (10,000 installed)", unit="MiB", values=[small]),
        Result(what="memory per 1,000 routes (100,000 installed)", unit="MiB", values=[large]),
    ]


def _with_routes() -> tuple[float, float]:
    """MiB per 1,000 routes after the first batch and after all."""
    with _pair(), _feeder() as feeder, _daemon() as (_, pid):
        _event(feeder, "established")
        _settled(pid)
        idle, total, per_thousand = rss(pid), 0, []
        for count in ROUTES:
            assert feeder.stdin is not None
            feeder.stdin.write(f"routes {count}\n")
            feeder.stdin.flush()
            total += count
            _event(feeder, "sent")
            until(f"{total} routes in the kernel", partial(_missing, total), timeout=120, pause=0.5)
            _settled(pid)
            per_thousand.append((rss(pid) - idle) / total * 1000)
    return per_thousand[0], per_thousand[1]


def _missing(count: int) -> str | None:
    table = run(["ip", "-n", NAMESPACES[0], "route", "show", "proto", "64"])
    found = table.count("\n")
    return None if found >= count else f"{found} of {count}"


def _settled(pid: int) -> None:
    """Wait until the process uses no CPU for half a second."""
    before = -1

    def busy() -> str | None:
        nonlocal before
        now = cpu_ticks(pid)
        quiet, before = now - before <= 1, now
        return None if quiet else "busy"

    until("a quiet daemon", busy, timeout=60, pause=0.5)


def cpu_ticks(pid: int) -> int:
    """User and system time of a process so far, in clock ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def rss(pid: int) -> float:
    """Resident memory of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise Failed(f"process {pid} has no memory: it ended")


@contextmanager
def _pair() -> Iterator[None]:
    ours, theirs = NAMESPACES
    for namespace in NAMESPACES:
        if f"\n{namespace}" in "\n" + run(["ip", "netns", "list"]):
            run(["ip", "netns", "delete", namespace])
        run(["ip", "netns", "add", namespace])
    try:
        run(["ip", "-n", ours, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", theirs])
        for namespace, address in ((ours, OURS), (theirs, THEIRS)):
            lines = f"link set lo up\naddress add {address}/24 dev eth0\nlink set eth0 up\n"
            run(["ip", "-n", namespace, "-batch", "-"], given=lines)
        yield
    finally:
        for namespace in NAMESPACES:
            run(["ip", "netns", "delete", namespace])


@contextmanager
def _feeder() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "bench.feeder", THEIRS, "65001"]
    argv = ["ip", "netns", "exec", NAMESPACES[1], *command]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            _event(process, "listening")
            yield process
        finally:
            process.kill()


@contextmanager
def _daemon() -> Iterator[tuple[float, int]]:
    """A daemon with one neighbor: when it was executed (seconds since the epoch) and its process id."""
    with tempfile.TemporaryDirectory(prefix="bgpd-bench-") as directory:
        peer = f"{THEIRS},asn=65001,import=all,export=own"
        options = ["--asn", "64512", "--router-id", OURS, "--peer", peer, "--announce", "10.244.1.0/24"]
        command = [sys.executable, "-m", "bgpd", *options, "--control", f"{directory}/bgpd.sock"]
        started = time.time()
        process = subprocess.Popen(
            ["ip", "netns", "exec", NAMESPACES[0], *command],
            env=clean_env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield started, process.pid
        finally:
            end([process.pid], patience=10)
            process.wait()


def _event(feeder: subprocess.Popen[str], name: str) -> float:
    """Wait for the feeder's line that begins with `name`; when it was."""
    assert feeder.stdout is not None
    for line in feeder.stdout:
        words = line.split()
        if words[0] == name:
            return float(words[-1])
    raise Failed(f"the feeder ended before {name!r}")
