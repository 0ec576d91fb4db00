"""Has everything been said?"""

import pytest

from bgpd.speaker import tables
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.writer import encode_end_of_rib, encode_updates
from tests.unit.speaker.helpers import Bench, prefix_of, spec_of

A, B = "192.168.1.11", "192.168.1.12"


def test_end_of_rib_from_all_means_converged_once() -> None:
    bench = Bench(spec_of(A), spec_of(B))
    a, b = bench.establish(A), bench.establish(B)
    for peer in (a, b):
        for family in (IPV4, IPV6):
            assert bench.converged == 0
            peer.end_of_rib(family)
    b.end_of_rib()
    assert bench.converged == 1


def test_who_has_no_neighbors_has_converged() -> None:
    assert Bench().converged == 1


def test_what_was_said_is_in_the_fib_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for it sweeps what the FIB holds and nobody wants: what is not handed over yet would be swept."""
    monkeypatch.setattr(tables, "FIB_SLICE", 1)
    bench = Bench(spec_of(A), fib=True)
    assert bench.fib is not None
    a = bench.establish(A)
    a.announce("10.2.0.0/24")
    bench.speaker.next_hop_moved(a.address, True, 0, "on link")
    bench.turn()
    routes = [f"10.1.{number}.0/24" for number in range(4)]
    for frame in encode_updates(IPV4, a.attrs(), [prefix_of(text) for text in routes], a.session):
        a.send(frame)
    for family in (IPV4, IPV6):
        a.send(encode_end_of_rib(family, a.session))
    while bench.speaker.run(bench.now, lambda: False):
        missing = [text for text in routes if (IPV4, prefix_of(text)) not in bench.fib.wants]
        assert not (bench.converged and missing)
    assert bench.converged == 1


def test_the_end_of_our_restart_is_said_once() -> None:
    bench = Bench(spec_of(A), restarted=True)
    assert not bench.events("restart_over")
    bench.wait(31)  # a peer that is not there is waited for no longer
    assert bench.events("restart_over") == [{"prefixes": 0}]
    peer = bench.establish(A)
    assert len([update for update in peer.updates() if update.end_of_rib is not None]) == 2
    bench.wait(31)
    assert len(bench.events("restart_over")) == 1


def test_the_fib_hears_who_has_said_everything_while_others_have_not() -> None:
    bench = Bench(spec_of(A), spec_of(B), fib=True)
    assert bench.fib is not None
    a = bench.establish(A)
    a.end_of_rib(IPV4)
    bench.turn()
    assert bench.fib.complete == set()
    a.end_of_rib(IPV6)
    bench.turn()
    assert (bench.fib.complete, bench.converged) == ({a.address}, 0)
