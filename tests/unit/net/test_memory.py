"""Collected by hand: a cycle goes when it is cheap, a table is never walked."""

import gc
import subprocess
import sys
from pathlib import Path

from bgpd.net import memory

SCRIPT = """
import gc
from bgpd.net import memory

class Node: pass

memory.tame()
assert not gc.isenabled()
a, b = Node(), Node()
a.other, b.other = b, a
del a, b
assert memory.tidy() >= 2, "a young cycle is collected"
table = [[i] for i in range(2 * memory.CHEAP)]
before = gc.get_freeze_count()
assert memory.tidy() == 0
assert gc.get_freeze_count() >= before + len(table), "a table is frozen, not walked"
another = [[i] for i in range(2 * memory.CHEAP)]
del table
before = gc.get_freeze_count()
assert memory.tidy() == 0
assert gc.get_freeze_count() >= before + len(another), "nor is one that came in the place of another"
"""


def test_tame_and_tidy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=False, capture_output=True, text=True, cwd=Path(__file__).parents[3]
    )
    assert done.returncode == 0, done.stderr


def test_tidy_here_is_harmless() -> None:
    assert gc.isenabled()
    try:
        assert memory.tidy() >= 0
    finally:
        gc.unfreeze()
