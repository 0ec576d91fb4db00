"""Many seeds in a few processes. What fails is reported as it is found, with the command that plays it alone."""

import multiprocessing
from collections.abc import Callable

from tests.sim.history import judge

CHUNK = 5


def _one(seed: int) -> tuple[int, str | None]:
    return seed, judge(seed)


def run(first: int, count: int, jobs: int, *, report: Callable[[str], object], limit: int = 20) -> list[int]:
    """The seeds that fail; it ends early after `limit` of them."""
    failed: list[int] = []
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        for number, (seed, why) in enumerate(pool.imap_unordered(_one, range(first, first + count), CHUNK), 1):
            if why is not None:
                failed.append(seed)
                report(f"seed {seed} fails; alone: python -m tests.sim {seed}\n{why}")
                if len(failed) >= limit:
                    break
            if number % 1000 == 0 and number < count:
                report(f"{number} seeds played, {len(failed)} failed")
        pool.terminate()
    return failed
