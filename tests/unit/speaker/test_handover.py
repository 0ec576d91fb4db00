"""Which leaving neighbors are still needed, and how one leaves."""

from dataclasses import replace

from bgpd.speaker.handover import needed
from bgpd.wire.family import IPV4
from tests.unit.speaker.helpers import Bench, prefix_of, spec_of

A, B, C = "192.168.1.11", "192.168.1.12", "192.168.1.13"
ONE, TWO = "10.1.0.0/24", "10.2.0.0/24"


def ask(bench: Bench, *names: str) -> set[str]:
    by_identity = {spec.identity: spec.name for spec in bench.speaker.spec.neighbors}
    looking = needed(bench.speaker, frozenset(each for each, name in by_identity.items() if name in names))
    try:
        while True:
            next(looking)
    except StopIteration as end:
        return {by_identity[each] for each in end.value}


def test_who_is_needed() -> None:
    bench = Bench(spec_of(A), spec_of(B), spec_of(C))
    a, b, c = bench.establish(A), bench.establish(B), bench.establish(C)
    assert ask(bench, A, B) == set()
    a.announce(ONE, TWO)
    c.announce(TWO)
    assert ask(bench, A, B) == {A}
    b.announce(ONE)
    assert ask(bench, A, B) == {A, B}  # both leave, so neither helps the other
    assert ask(bench, A) == set()
    c.announce(ONE)
    assert ask(bench, A, B) == set()


def test_who_leaves_says_nothing_and_takes_its_routes_along() -> None:
    bench = Bench(spec_of(A, leaving=True), spec_of(B))
    a, b = bench.establish(A), bench.establish(B)
    a.announce(ONE)
    before = len(a.transport.messages())
    bench.speaker.reconfigure(replace(bench.speaker.spec, neighbors=(spec_of(B),)), bench.now)
    bench.turn()
    assert a.transport.closed == 1
    assert len(a.transport.messages()) == before  # no NOTIFICATION: it may keep what we told it (RFC 4724)
    assert bench.speaker.tables[IPV4].rib.best(prefix_of(ONE)) is None
    assert b.transport.closed == 0
