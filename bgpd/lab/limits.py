"""The kernel's neighbour table, which every namespace of the machine shares."""

from pathlib import Path

NEIGHBOUR_LIMITS = Path("/proc/sys/net/ipv4/neigh/default")
SMALL = 16  #: up to so many nodes the kernel's own limits do


def raise_neighbour_limits(nodes: int) -> dict[str, int]:
    """Make room for a mesh of that many nodes; returns what to put back (nothing where there is room).

    Every namespace's entries count against one limit (1,024 by default): a mesh of 50 nodes has 50 * 52 of them,
    and beyond the limit sessions fail at random.
    """
    wanted = 2 * nodes * (nodes + 8) + 1024
    before = {}
    for step, factor in (("gc_thresh3", 4), ("gc_thresh2", 2), ("gc_thresh1", 1)):
        file = NEIGHBOUR_LIMITS / step
        current = int(file.read_text())
        target = wanted * factor // 4
        if nodes > SMALL and current < target:
            before[step] = current
            file.write_text(f"{target}\n")
    return before


def restore_neighbour_limits(before: dict[str, int]) -> None:
    """Put back what `raise_neighbour_limits` found, smallest first."""
    for step in ("gc_thresh1", "gc_thresh2", "gc_thresh3"):
        if step in before:
            (NEIGHBOUR_LIMITS / step).write_text(f"{int(before[step])}\n")
