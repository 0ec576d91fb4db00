"""Play seeds by hand.

python -m tests.sim SEED                the trace of one history, and what is wrong with it
python -m tests.sim FIRST COUNT [JOBS]  many, in as many processes; only failures are printed
"""

import hashlib
import sys
import time

from tests.sim.bulk import run
from tests.sim.history import play
from tests.sim.world import World


def one(seed: int) -> int:
    worlds: list[World] = []
    try:
        play(seed, watch=worlds.append)
    finally:
        text = "\n".join(worlds[0].trace)
        print(text)
        print(f"trace {hashlib.sha256(text.encode()).hexdigest()[:16]}")
    print(f"seed {seed} holds")
    return 0


def many(first: int, count: int, jobs: int) -> int:
    began = time.process_time()
    failed = run(first, count, jobs, report=print)
    print(f"{count} seeds from {first}: {len(failed)} failed {failed[:20]}; {time.process_time() - began:.0f} s here")
    return 1 if failed else 0


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    if len(numbers) == 1:
        sys.exit(one(numbers[0]))
    if len(numbers) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(many(numbers[0], numbers[1], numbers[2] if len(numbers) == 3 else 1))
