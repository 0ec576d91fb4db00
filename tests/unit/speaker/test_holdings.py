"""What the parts of the speaker share."""

from tests.unit.speaker.helpers import LOCAL, Bench


def test_without_a_kernel_every_next_hop_counts_as_reachable() -> None:
    assert Bench().speaker.hops.get(LOCAL).reachable
    assert not Bench(fib=True).speaker.hops.get(LOCAL).reachable


def test_the_parts_share_one_of_each() -> None:
    speaker = Bench().speaker
    assert speaker.tables is speaker._held.tables
    assert speaker._intake.inbox is speaker._inbox
    assert speaker._sessions.connections is speaker._connections
