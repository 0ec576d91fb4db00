"""Faults are counted and kept; attribute octets are charged, released and bounded."""

from bgpd.model import AddPath
from bgpd.speaker.query import neighbor_view
from bgpd.wire import aspath
from bgpd.wire.attrs import AttrsTable, build
from bgpd.wire.capability import add_path as add_path_capability
from bgpd.wire.capability import make_open, negotiate
from bgpd.wire.family import FAMILIES, IPV4
from bgpd.wire.iana import Cease
from bgpd.wire.message import decode_open
from bgpd.wire.scan import decode_block
from bgpd.wire.writer import encode_message, encode_open, encode_updates
from tests.unit.speaker.helpers import Bench, Peer, prefix_of, spec_of

PEER = "192.168.1.11"
LIMIT = 20_000


def update(attributes: bytes, prefix: bytes = b"\x18\x0a\x01\x02") -> bytes:
    body = b"\0\0" + len(attributes).to_bytes(2, "big") + attributes + prefix
    return b"\xff" * 16 + (19 + len(body)).to_bytes(2, "big") + b"\2" + body


GOOD = b"\x40\1\1\0" + b"\x40\2\0" + b"\x40\3\4\xc0\xa8\1\x0b" + b"\x40\5\4\0\0\0\x64"


def test_faults_are_counted_by_attribute_and_action_and_the_last_is_kept() -> None:
    bench = Bench(spec_of(PEER))
    peer = bench.establish(PEER)
    neighbor = bench.speaker.neighbors[peer.address]
    peer.send(update(GOOD.replace(b"\x40\1\1\0", b"\x40\1\1\7")))
    bench.turn()
    assert neighbor.faults == {("ORIGIN", "withdraw"): 1}
    assert neighbor.last_fault_attribute == "40010107"
    assert neighbor.last_fault is not None
    assert neighbor.last_fault.startswith("ORIGIN")
    peer.send(update(GOOD + b"\x40\6\1\0" + b"\xc0\7\1\0"))
    bench.turn()
    assert neighbor.faults["ATOMIC_AGGREGATE", "discard"] == neighbor.faults["AGGREGATOR", "discard"] == 1
    assert neighbor.update_faults == 2
    assert len(bench.events("update_fault")) == 1  # the second came within a second
    peer.send(update(GOOD + b"\x40\x63\1\0"))
    bench.turn()
    assert peer.transport.closed
    assert neighbor.faults["attribute 99", "reset"] == 1
    assert neighbor.last_fault_attribute == "40630100"
    assert bench.events("update_fault")[-1]["done"] == "session reset"
    view = neighbor_view(bench.speaker, neighbor, bench.now)
    assert view.faults["ORIGIN"] == {"withdraw": 1}
    assert view.last_fault_attribute == "40630100"


def test_a_fault_of_a_prefix_counts_under_nlri() -> None:
    bench = Bench(spec_of(PEER))
    peer = bench.establish(PEER)
    peer.send(update(GOOD, b"\x21\1\1\1\1\1"))
    bench.turn()
    assert bench.speaker.neighbors[peer.address].faults == {("nlri", "reset"): 1}


def flood(bench: Bench, peer: Peer, first: int, count: int, prefix: str = "") -> None:
    """Ever other attributes, each some 50 octets: one prefix each, or all on one prefix."""
    for number in range(first, first + count):
        if peer.transport.closed:
            return
        name = prefix or f"10.{number >> 8 & 255}.{number & 255}.0/24"
        peer.announce(name, communities=[number, *range(8)])


def test_octets_are_charged_to_who_gave_them_first() -> None:
    bench = Bench(spec_of(PEER), spec_of("192.168.1.12"))
    one, two = bench.establish(PEER), bench.establish("192.168.1.12")
    octets = bench.speaker.attribute_octets
    first, second = (bench.speaker.neighbors[peer.address] for peer in (one, two))
    assert octets.of(first) == 0
    one.announce("10.0.0.0/8", next_hop=one.address)
    charged = octets.of(first)
    assert charged > 20
    two.announce("10.0.0.0/8", next_hop=one.address)  # the same set: it costs nothing more
    assert (octets.of(first), octets.of(second)) == (charged, 0)
    view = neighbor_view(bench.speaker, first, bench.now)
    assert view.attribute_octets == charged
    assert view.max_attribute_octets == 64 << 20


def test_a_table_that_grows_without_end_ends_with_out_of_resources() -> None:
    bench = Bench(spec_of(PEER, max_attribute_octets=LIMIT), spec_of("192.168.1.12"))
    peer, other = bench.establish(PEER), bench.establish("192.168.1.12")
    neighbor = bench.speaker.neighbors[peer.address]
    flood(bench, peer, 0, 2000)
    assert peer.transport.closed
    assert neighbor.last_notice is not None
    notification = neighbor.last_notice.notification
    assert (notification.code, notification.subcode) == (6, Cease.OUT_OF_RESOURCES)
    assert len(bench.events("attribute_limit")) == 1
    assert not other.transport.closed
    bench.wait(60.0)
    assert bench.speaker.attribute_octets.of(neighbor) <= 2 * LIMIT + 200


def test_churn_on_one_prefix_is_swept_and_the_session_stays() -> None:
    bench = Bench(spec_of(PEER, max_attribute_octets=LIMIT))
    peer = bench.establish(PEER)
    flood(bench, peer, 0, 2000, prefix="10.0.0.0/8")
    assert not peer.transport.closed
    assert not bench.events("attribute_limit")
    assert bench.speaker.attribute_octets.of(bench.speaker.neighbors[peer.address]) <= LIMIT


def test_zero_is_no_limit() -> None:
    bench = Bench(spec_of(PEER, max_attribute_octets=0))
    peer = bench.establish(PEER)
    flood(bench, peer, 0, 800)
    assert not peer.transport.closed


def test_what_is_swept_is_released_whatever_form_it_came_in() -> None:
    table = AttrsTable()
    table.giver = 7
    for number in range(50):
        block = build(next_hop=b"\1\1\1\1", as_path=aspath.sequence(number + 1)).raw
        reverse = block[-7:] + block[:-7]  # NEXT_HOP first: not canonical
        for form in (block, reverse):
            attrs = decode_block(form, b"", True, True, True, [])
            assert attrs is not None
            table.keep(attrs, 3, b"", form, True)
    assert table.given[7] == sum(len(key) for keys in table._dicts() for key in keys)
    for _ in table.sweep(set()):
        pass
    assert len(table) == 0
    assert table.given == {}
    assert table._aliases == {}


def test_paths_beyond_what_one_prefix_may_have_are_counted_shown_and_said_now_and_then() -> None:
    bench = Bench(spec_of("192.168.1.11", add_path=((IPV4, AddPath.BOTH),)))
    peer = Peer(bench, "192.168.1.11")
    theirs = make_open(peer.asn, peer.address, 90, FAMILIES, more=(add_path_capability(((IPV4, 3),)),))
    peer.session = negotiate(theirs, decode_open(peer.transport.messages()[0]))
    peer.send(encode_open(theirs))
    peer.keepalive()
    bench.turn()
    one = prefix_of("10.1.0.0/24")

    def give(first: int, last: int) -> None:
        for number in range(first, last):
            for frame in encode_updates(IPV4, peer.attrs(med=number), [number.to_bytes(4, "big") + one], peer.session):
                peer.send(frame)
        bench.turn()

    give(1, 65)
    neighbor = bench.speaker.neighbors[peer.address]
    assert not neighbor_view(bench.speaker, neighbor, bench.now).limits
    give(65, 75)
    assert len(bench.speaker.tables[IPV4].rib.candidates(one)) == 64
    view = neighbor_view(bench.speaker, neighbor, bench.now)
    assert view.limits == ["10 paths of ipv4 ignored: more than 64 for one prefix"]
    assert [family.ignored for family in view.families] == [10, 0]
    assert len(bench.events("paths_ignored")) == 1
    bench.wait(61)
    peer.keepalive()
    give(75, 77)
    assert len(bench.events("paths_ignored")) == 2


def test_a_fault_of_neither_counts_under_message() -> None:
    bench = Bench(spec_of("192.168.1.11"))
    peer = bench.establish("192.168.1.11")
    peer.send(encode_message(b"\x02", b"\xff\xff\0\0"))  # the withdrawn routes overrun the message
    bench.turn()
    assert bench.speaker.neighbors[peer.address].faults == {("message", "reset"): 1}
