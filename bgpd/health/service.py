"""The checks of this node: asked again and again, and who is healthy now."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from bgpd.cluster.own import HealthCheck
from bgpd.health.probe import ask

Emit = Callable[[str, str, dict[str, object]], None]


class Health:
    """One task a service address. `healthy` is a value: a new one where the answer of any check changed."""

    def __init__(self, on_change: Callable[[], None], log: Emit) -> None:
        self.healthy: frozenset[str] = frozenset()
        self._on_change: Final = on_change
        self._log: Final = log
        self._checks: dict[str, HealthCheck] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def configure(self, checks: Mapping[str, HealthCheck]) -> None:
        """Check these, and no others. One that is as it was goes on with what it knows."""
        for name in [name for name, check in self._checks.items() if checks.get(name) != check]:
            self._tasks.pop(name).cancel()
            if name not in checks:
                self.healthy -= {name}
        for name, check in checks.items():
            if name not in self._tasks:
                self._tasks[name] = asyncio.get_running_loop().create_task(self._watch(name, check))
        self._checks = dict(checks)

    async def stop(self) -> None:
        """No more questions."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()
        self._checks.clear()

    async def _watch(self, name: str, check: HealthCheck) -> None:
        loop = asyncio.get_running_loop()
        row = 0  # answers in a row that are other than what we believe
        due = loop.time()
        while True:
            reason = await ask(check)
            believed = name in self.healthy
            row = row + 1 if believed is bool(reason) else 0
            if row >= (check.fall if believed else check.rise):
                row = 0
                self._turn(name, reason)
            due = max(due + check.interval, loop.time())
            await asyncio.sleep(due - loop.time())

    def _turn(self, name: str, reason: str) -> None:
        if reason:
            self.healthy -= {name}
            self._log("warning", "service_down", {"service": name, "reason": reason})
        else:
            self.healthy |= {name}
            self._log("info", "service_up", {"service": name})
        self._on_change()
