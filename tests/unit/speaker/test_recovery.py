"""The restarter: nothing is late but End-of-RIB, and that never for long."""

from bgpd.model import Originate
from bgpd.session.restart import agree
from bgpd.speaker.recovery import DEFERRAL
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.message import Open, decode
from tests.unit.speaker.helpers import Bench, Peer, prefix_of, spec_of
from tests.unit.speaker.test_retention import establish

PEER = "192.168.1.11"
OTHER = "192.168.1.12"
OWN = "10.244.9.0/24"


def restarted(*addresses: str, again: bool = True) -> Bench:
    return Bench(
        *[spec_of(address) for address in addresses],
        originate=(Originate(family=IPV4, prefix=prefix_of(OWN)),),
        restarted=again,
    )


def ends(peer: Peer) -> int:
    """End-of-RIB markers written to the peer."""
    return len([update for update in peer.updates() if update.end_of_rib is not None])


def opened(peer: Peer) -> tuple[bool, bool]:
    """The R bit and the F bit of IPv4 in our last OPEN to this peer."""
    (message,) = [m for f in peer.transport.messages() if isinstance(m := decode(f, peer.session), Open)]
    said = agree(message, message)
    return said.restarted, said.families[IPV4]


def test_a_first_start_waits_for_nobody() -> None:
    bench = restarted(PEER, OTHER, again=False)
    peer = establish(bench, PEER)
    assert opened(peer) == (False, False)
    assert ends(peer) == 2


def test_own_prefixes_go_at_once_and_end_of_rib_waits_for_the_table() -> None:
    bench = restarted(PEER, OTHER)
    peer = establish(bench, PEER)
    assert opened(peer) == (True, True)
    assert prefix_of(OWN) in peer.told()
    other = establish(bench, OTHER)
    assert ends(peer) == ends(other) == 0
    for each in (peer, other):
        each.end_of_rib()
        each.end_of_rib(IPV6)
    assert ends(peer) == ends(other) == 2
    assert bench.events("restart_over")


def test_a_dead_peer_delays_end_of_rib_for_half_a_minute_at_most() -> None:
    bench = restarted(PEER, OTHER)
    peer = establish(bench, PEER)
    peer.end_of_rib()
    peer.end_of_rib(IPV6)
    bench.wait(DEFERRAL - 1)
    assert ends(peer) == 0
    bench.wait(1)
    assert ends(peer) == 2
    again = establish(bench, OTHER)
    assert opened(again) == (False, True), "the restart is over, what was forwarded still is"
    assert ends(again) == 2


def test_two_that_restart_do_not_wait_for_each_other() -> None:
    bench = restarted(PEER)
    peer = establish(bench, PEER, graceful="c07800010180")
    assert ends(peer) == 2


def test_who_does_not_know_the_procedure_is_not_waited_for() -> None:
    bench = restarted(PEER)
    peer = establish(bench, PEER, graceful="")
    assert ends(peer) == 2


def test_a_session_that_is_lost_later_says_that_forwarding_went_on() -> None:
    bench = restarted(PEER, again=False)
    establish(bench, PEER).close()
    assert opened(establish(bench, PEER, dialed=False)) == (False, True)


def test_leaving_for_a_restart_takes_nothing_back() -> None:
    bench = Bench(spec_of(PEER), fib=True)
    peer = establish(bench, PEER, graceful="")
    assert bench.fib is not None
    peer.announce("10.244.1.0/24")
    bench.speaker.next_hop_moved(peer.address, True, 0, "on link")
    bench.turn()
    wants = dict(bench.fib.wants)
    assert wants[IPV4, prefix_of("10.244.1.0/24")] == (peer.address,)
    bench.speaker.abandon(bench.now)
    bench.turn()
    assert bench.fib.wants == wants
