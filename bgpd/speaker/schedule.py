"""When to look at which neighbor's timers: a heap that is allowed to be early.

A hold timer moves with every message, always to later. So an entry may be out of date, but only on the early
side: when it comes up, the neighbor is asked again and put back. A message costs nothing here.
"""

import heapq
from collections.abc import Iterator
from math import inf
from typing import Final

from bgpd.speaker.neighbor import Neighbor


class Schedule:
    """Neighbors by the moment at which one of their timers may be due."""

    def __init__(self) -> None:
        self._heap: Final[list[tuple[float, int, Neighbor]]] = []
        self._count = 0

    @property
    def next(self) -> float:
        """The earliest entry, inf where there is none."""
        return self._heap[0][0] if self._heap else inf

    def put(self, neighbor: Neighbor) -> None:
        """Its timers were set: make sure that it is looked at in time."""
        deadline = neighbor.deadline
        if deadline < neighbor.scheduled:
            neighbor.scheduled = deadline
            self._count += 1
            heapq.heappush(self._heap, (deadline, self._count, neighbor))

    def due(self, now: float) -> Iterator[Neighbor]:
        """Neighbors with a timer that has run out, each once. It is put back after the caller has dealt with it."""
        popped: list[Neighbor] = []
        while self._heap and self._heap[0][0] <= now:
            at, _, neighbor = heapq.heappop(self._heap)
            if at == neighbor.scheduled:  # else an earlier entry took its place
                neighbor.scheduled = inf
                popped.append(neighbor)
        for neighbor in popped:
            if neighbor.deadline <= now and neighbor.scheduled != -inf:
                yield neighbor
            self.put(neighbor)

    def drop(self, neighbor: Neighbor) -> None:
        """It is no longer configured."""
        neighbor.scheduled = -inf
        self._heap[:] = [item for item in self._heap if item[2] is not neighbor]
        heapq.heapify(self._heap)
