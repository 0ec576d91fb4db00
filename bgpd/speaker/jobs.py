"""Long walks, in slices.

A job is a generator that does a bounded piece of work at each step (a few hundred prefixes). The speaker steps
jobs in turn while its budget lasts, so a million routes that leave never hold up a KEEPALIVE.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final


class Jobs:
    """The jobs under way, stepped round-robin."""

    def __init__(self) -> None:
        self._queue: Final[deque[tuple[str, Iterator[object]]]] = deque()

    def __bool__(self) -> bool:
        return bool(self._queue)

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, name: str, job: Iterator[object]) -> None:
        """Start `job`; `name` is for people."""
        self._queue.append((name, job))

    def step(self) -> None:
        """One slice of the next job. Must not be empty."""
        name, job = self._queue.popleft()
        try:
            next(job)
        except StopIteration:
            return
        self._queue.append((name, job))

    def names(self) -> list[str]:
        return [name for name, _ in self._queue]
