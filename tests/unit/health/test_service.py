"""Up after so many successes, down after so many failures; others are not disturbed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bgpd.cluster.own import HealthCheck
from bgpd.health.service import Health


class Watched:
    """A Health whose changes can be waited for, and files that say who is well."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.changed = asyncio.Event()
        self.events: list[tuple[str, object]] = []
        self.health = Health(
            self.changed.set, lambda _level, event, words: self.events.append((event, words["service"]))
        )

    def check(self, name: str, rise: int = 1, fall: int = 1) -> HealthCheck:
        return HealthCheck(
            command=("test", "-e", str(self.path / name)), interval=0.02, timeout=5, rise=rise, fall=fall
        )

    async def until(self, healthy: set[str]) -> None:
        async with asyncio.timeout(20):
            while self.health.healthy != healthy:
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    made = Watched(tmp_path)
    yield made
    await made.health.stop()


async def test_up_and_down(watched: Watched) -> None:
    watched.health.configure({"a": watched.check("a"), "b": watched.check("b", rise=3, fall=2)})
    (watched.path / "a").touch()
    await watched.until({"a"})
    (watched.path / "b").touch()
    await watched.until({"a", "b"})
    (watched.path / "a").unlink()
    await watched.until({"b"})
    assert watched.events == [("service_up", "a"), ("service_up", "b"), ("service_down", "a")]


async def test_others_go_on_and_what_is_gone_is_not_healthy(watched: Watched) -> None:
    (watched.path / "a").touch()
    (watched.path / "b").touch()
    checks = {"a": watched.check("a"), "b": watched.check("b")}
    watched.health.configure(checks)
    await watched.until({"a", "b"})
    watched.health.configure({"a": checks["a"]})
    assert watched.health.healthy == {"a"}
    watched.health.configure({"a": watched.check("c", fall=2)})  # another question: what was true stays until it fails
    assert watched.health.healthy == {"a"}
    await watched.until(set())


async def test_stopped_is_stopped(watched: Watched) -> None:
    watched.health.configure({"a": watched.check("a")})
    await watched.health.stop()
    assert watched.health.healthy == frozenset()
