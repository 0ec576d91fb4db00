"""What an operator does to a neighbor."""

from dataclasses import replace

import pytest

from bgpd.model import ImportRule
from bgpd.session.fsm import State
from bgpd.speaker import admin
from bgpd.speaker.query import neighbor_view
from bgpd.wire.iana import MessageType
from tests.unit.speaker.helpers import Bench, prefix_of, spec_of

PEER = "192.168.1.11"


def kinds(messages: list[bytes]) -> list[int]:
    return [message[18] for message in messages]


def test_disable_says_so_and_lasts_until_enable() -> None:
    bench = Bench(spec_of(PEER, 65001))
    peer = bench.establish(PEER)
    neighbor = bench.speaker.neighbors[peer.address]
    answer = admin.disable(bench.speaker, neighbor, "back at noon", bench.now)
    assert "bgpctl enable" in answer
    assert peer.transport.messages()[-1][19:] == bytes((6, 2, 12)) + b"back at noon"  # RFC 9003
    bench.wait(10_000)
    assert neighbor.state is State.IDLE
    view = neighbor_view(bench.speaker, neighbor, bench.now)
    assert view.disabled == "disabled by an operator: back at noon"
    spec = bench.speaker.spec
    bench.speaker.reconfigure(replace(spec, router_id=bytes((9, 9, 9, 9))), bench.now)  # resets, but does not start it
    assert neighbor.state is State.IDLE
    dials = len(bench.dialer.dialed)
    admin.enable(bench.speaker, neighbor, bench.now)
    assert len(bench.dialer.dialed) == dials + 1
    assert [event["reason"] for event in bench.events("neighbor_acted")] == [view.disabled, "enabled"]


def test_a_disabled_neighbor_takes_no_connection() -> None:
    bench = Bench(spec_of(PEER, 65001, passive=True))
    neighbor = bench.speaker.neighbors[spec_of(PEER).address]
    admin.disable(bench.speaker, neighbor, "", bench.now)
    from tests.unit.speaker.helpers import FakeTransport

    transport = FakeTransport(neighbor.spec.address, dialed=False)
    bench.speaker.tcp_up(transport, bench.now)
    assert transport.closed


def test_reset_comes_back_at_once() -> None:
    bench = Bench(spec_of(PEER, 65001))
    peer = bench.establish(PEER)
    neighbor = bench.speaker.neighbors[peer.address]
    dials = len(bench.dialer.dialed)
    admin.reset(bench.speaker, neighbor, "new cable", bench.now)
    assert peer.transport.messages()[-1][19:] == bytes((6, 4, 9)) + b"new cable"
    assert len(bench.dialer.dialed) == dials + 1
    admin.disable(bench.speaker, neighbor, "", bench.now)
    with pytest.raises(ValueError, match="'enable' brings it up"):
        admin.reset(bench.speaker, neighbor, "", bench.now)


def test_soft_in_judges_again_and_asks_again() -> None:
    bench = Bench(spec_of(PEER, 65001))
    peer = bench.establish(PEER)
    peer.announce("10.0.0.0/24")
    neighbor = bench.speaker.neighbors[peer.address]
    neighbor.spec = replace(neighbor.spec, import_rule=ImportRule.NONE)  # as if somebody had changed what it reads
    before = len(peer.transport.messages())
    answer = admin.soft_in(bench.speaker, neighbor, bench.now)
    bench.turn()
    assert "asked for them again (ipv4, ipv6)" in answer
    assert kinds(peer.transport.messages()[before:]).count(MessageType.ROUTE_REFRESH) == 2
    table = bench.speaker.tables[next(iter(neighbor.ribs))]
    assert table.rib.best(prefix_of("10.0.0.0/24")) is None
    assert neighbor.live is not None


def test_soft_out_tells_everything_again() -> None:
    bench = Bench(spec_of(PEER, 65001), spec_of("192.168.1.12", 65002))
    giver, taker = bench.establish(PEER), bench.establish("192.168.1.12")
    giver.announce("10.0.0.0/24", "10.0.1.0/24")
    before = len(taker.updates())
    admin.soft_out(bench.speaker, bench.speaker.neighbors[taker.address], bench.now)
    bench.turn()
    again = taker.updates()[before:]
    announced = [prefix for update in again for batch in update.batches for prefix in batch.announced]
    assert sorted(announced) == sorted([prefix_of("10.0.0.0/24"), prefix_of("10.0.1.0/24")])


def test_soft_wants_a_session() -> None:
    bench = Bench(spec_of(PEER, 65001))
    neighbor = bench.speaker.neighbors[spec_of(PEER).address]
    with pytest.raises(ValueError, match="there is no session"):
        admin.soft_in(bench.speaker, neighbor, bench.now)
    with pytest.raises(ValueError, match="there is no session"):
        admin.soft_out(bench.speaker, neighbor, bench.now)
