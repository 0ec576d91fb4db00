"""Has everything been said?"""

from bgpd.wire.family import IPV4, IPV6
from tests.unit.speaker.helpers import Bench, spec_of

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


def test_the_end_of_our_restart_is_said_once() -> None:
    bench = Bench(spec_of(A), restarted=True)
    assert not bench.events("restart_over")
    bench.wait(31)  # a peer that is not there is waited for no longer
    assert bench.events("restart_over") == [{"prefixes": 0}]
    peer = bench.establish(A)
    assert len([update for update in peer.updates() if update.end_of_rib is not None]) == 2
    bench.wait(31)
    assert len(bench.events("restart_over")) == 1
