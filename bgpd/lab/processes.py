"""Processes, named by their id and their start time together, so that a reused id is never hit."""

import os
import select
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from bgpd.lab.shell import Failed


def start_time(pid: int) -> str:
    """The kernel's start time of a process (clock ticks since boot); "" where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def read_pid(file: Path) -> int | None:
    """The process that a pid file names, where it still is the same one."""
    try:
        pid, started = file.read_text().split()
    except (OSError, ValueError):
        return None
    return int(pid) if started == start_time(int(pid)) else None


def end(pids: Sequence[int], patience: float = 5.0) -> None:
    """End processes: SIGTERM to all, then SIGKILL to those that have not gone after `patience` seconds."""
    for number, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        waiting = {}
        for pid in set(pids):
            try:
                waiting[os.pidfd_open(pid)] = pid
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + wait
        while waiting and (left := deadline - time.monotonic()) > 0:
            for fd in select.select(list(waiting), [], [], left)[0]:
                pid = waiting.pop(fd)
                os.close(fd)
                _reap(pid)
        pids = list(waiting.values())
        for fd in waiting:
            os.close(fd)
        if not pids:
            return
    raise Failed(f"processes that do not end: {', '.join(str(pid) for pid in pids)}")


def _reap(pid: int) -> None:
    """Take a child of ours off the process table; another parent's child is not our business."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
