"""Jobs are stepped in turn until they end."""

from collections.abc import Iterator

from bgpd.speaker.jobs import Jobs


def test_round_robin() -> None:
    seen: list[str] = []

    def job(name: str, steps: int) -> Iterator[None]:
        for i in range(steps):
            seen.append(f"{name}{i}")
            yield

    jobs = Jobs()
    jobs.add("a", job("a", 2))
    jobs.add("b", job("b", 1))
    assert jobs.names() == ["a", "b"]
    while jobs:
        jobs.step()
    assert seen == ["a0", "b0", "a1"]
    assert len(jobs) == 0
