"""The restarter: own prefixes go at once; what was learned, and End-of-RIB, wait for the table, and never for long."""

from bgpd.model import ExportRule, Originate
from bgpd.session.restart import agree
from bgpd.speaker.recovery import DEFERRAL
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.message import Open, decode
from bgpd.wire.prefix import parse_address
from tests.unit.speaker.helpers import Bench, Peer, prefix_of, spec_of
from tests.unit.speaker.test_retention import establish

PEER = "192.168.1.11"
OTHER = "192.168.1.12"
PLAIN = "192.168.1.13"
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


def test_what_was_learned_is_passed_on_when_the_table_is_whole() -> None:
    """RFC 4724 section 4.1. Earlier it could take the place of a better route that a peer still holds."""
    far = "10.244.1.0/24"
    bench = Bench(
        spec_of(PEER),
        spec_of(OTHER, asn=65001, export_rule=ExportRule.ALL),
        spec_of(PLAIN, asn=65002, export_rule=ExportRule.ALL),
        originate=(Originate(family=IPV4, prefix=prefix_of(OWN)),),
        restarted=True,
    )
    for address in (PEER, OTHER, PLAIN):
        bench.speaker.next_hop_moved(bench.speaker.neighbors[parse_address(address)].spec.address, True, 0, "on link")
    peer, other, plain = establish(bench, PEER), establish(bench, OTHER), establish(bench, PLAIN, graceful="")
    peer.announce(far)
    assert set(other.told()) == {prefix_of(OWN)}
    assert set(plain.told()) == {prefix_of(OWN), prefix_of(far)}, "who has kept nothing of ours needs it now"
    for each in (peer, other):
        for family in (IPV4, IPV6):
            each.end_of_rib(family)
    assert set(other.told()) == {prefix_of(OWN), prefix_of(far)}
    last = [update for update in other.updates() if update.end_of_rib is IPV4 or update.batches][-1]
    assert last.end_of_rib is IPV4, "and End-of-RIB comes behind it"


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
