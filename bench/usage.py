"""What processes use: CPU by the kernel's own clock of each process, memory and wake-ups from /proc."""

import contextlib
import os
import time
from collections.abc import Collection, Sequence
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def family(pids: Collection[int]) -> list[int]:
    """These processes and all of their descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(int(entry.name))) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found, left = [], list(pids)
    while left:
        pid = left.pop()
        found.append(pid)
        left += children.get(pid, [])
    return found


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None


def cpu(pids: Sequence[int]) -> float:
    """Seconds of CPU of all their threads so far, with the resolution of the scheduler; 0 for one that has ended."""
    total = 0.0
    for pid in pids:
        try:
            total += time.clock_gettime(~pid << 3 | 2)  # a process's clock id, as clock_getcpuclockid(3) makes it
        except OSError:
            continue
    return total


def memory(pids: Sequence[int]) -> tuple[float, float]:
    """MiB resident now, and at the most so far."""
    now = most = 0
    for pid in pids:
        now += _status(pid, "VmRSS:")
        most += _status(pid, "VmHWM:")
    return now / 1024, most / 1024


def shared_memory(pids: Sequence[int]) -> float:
    """MiB where a page that several processes have counts for each of them by its share (PSS)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(row.split()[1]) for row in rows if row.startswith("Pss:"))
    return total / 1024


def wakeups(pids: Sequence[int]) -> int:
    """How often their threads went to sleep of their own will."""
    total = 0
    for pid in pids:
        try:
            threads = [path.name for path in Path(f"/proc/{pid}/task").iterdir()]
        except OSError:
            continue
        total += sum(_status(pid, "voluntary_ctxt_switches:", f"task/{thread}/") for thread in threads)
    return total


def _status(pid: int, key: str, where: str = "") -> int:
    try:
        for line in Path(f"/proc/{pid}/{where}status").read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def busy() -> float:
    """Seconds of CPU that the whole machine has used since it started."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK


def settle(pids: Sequence[int], quiet: float = 0.4, patience: float = 60.0, share: float = 0.02) -> bool:
    """Wait until for so long the processes have used less than this share of a processor; False where they never do."""
    deadline = time.monotonic() + patience
    before = cpu(pids)
    while time.monotonic() < deadline:
        time.sleep(quiet)
        now = cpu(pids)
        if now - before < share * quiet:
            return True
        before = now
    return False
