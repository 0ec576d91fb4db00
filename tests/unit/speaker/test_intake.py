"""Routes in."""

import pytest

from bgpd.kernel.wants import BLACKHOLE
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.iana import BLACKHOLE as BLACKHOLE_COMMUNITY
from bgpd.wire.prefix import parse_address, parse_prefix
from bgpd.wire.writer import encode_message, encode_updates
from tests.unit.speaker.helpers import Bench, prefix_of, spec_of

A, B = "192.168.1.11", "192.168.1.12"


def test_a_reset_worthy_update_costs_one_session_only() -> None:
    bench = Bench(spec_of(A), spec_of(B))
    a, b = bench.establish(A), bench.establish(B)
    a.send(encode_message(b"\x02", b"\xff\xff\0\0"))
    bench.turn()
    assert a.transport.closed
    assert a.transport.messages()[-1][18:21] == b"\x03\x03\x01"
    assert not b.transport.closed
    assert bench.speaker.neighbors[a.address].update_faults == 1


def test_a_survivable_fault_is_logged_once_a_second() -> None:
    bench = Bench(spec_of(A))
    a = bench.establish(A)
    block = bytes.fromhex("40010109 400200 400304c0a8010b 40050400000064")  # ORIGIN 9
    frame = encode_message(b"\x02", b"\0\0" + len(block).to_bytes(2, "big") + block + b"\x18\x0a\xf4\x02")
    for _ in range(3):
        a.send(frame)
        bench.turn()
    (line,) = bench.events("update_fault")
    assert line["attribute"] == "40010109"
    assert line["done"] == "routes treated as withdrawn"
    assert bench.speaker.neighbors[a.address].update_faults == 3
    assert not a.transport.closed


def test_a_mistake_of_ours_costs_one_session() -> None:
    bench = Bench(spec_of(A), spec_of(B))
    a, b = bench.establish(A), bench.establish(B)
    del bench.speaker.neighbors[a.address].ribs[IPV4]  # routes that it sends now have no place
    a.announce("10.244.2.0/24")
    assert bench.events("bug")
    assert a.transport.closed
    assert not b.transport.closed


def test_a_flood_is_paused_and_resumed() -> None:
    bench = Bench(spec_of(A))
    a = bench.establish(A)
    frame = encode_message(b"\x02", b"\0\0\0\0")
    for _ in range(50000):
        a.send(frame)
    assert a.transport.paused
    bench.turn()
    assert not a.transport.paused


def test_a_next_hop_that_is_lost_takes_its_routes_out() -> None:
    bench = Bench(spec_of(A), fib=True)
    a = bench.establish(A)
    a.announce("10.244.2.0/24")
    bench.speaker.next_hop_moved(a.address, True, 0, "on link")
    bench.turn()
    bench.speaker.next_hop_moved(a.address, False, 0, "eth0 is down")
    bench.turn()
    assert bench.fib is not None
    assert bench.fib.wants[IPV4, prefix_of("10.244.2.0/24")] is None


def test_the_first_word_of_a_next_hop_walks_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(spec_of(A), spec_of(B), fib=True)
    jobs = bench.speaker._held.jobs
    walks: list[int] = []

    def track(address: bytes) -> None:
        bench.speaker.next_hop_moved(address, True, 0, "on link")  # as the kernel's side does: at once
        walks.append(len(jobs))

    monkeypatch.setattr(bench.fib, "track", track)
    a, b = bench.establish(A), bench.establish(B)
    a.announce("10.244.1.0/24")
    b.announce("10.244.2.0/24")
    assert bench.fib is not None
    assert bench.fib.wants[IPV4, prefix_of("10.244.2.0/24")] == (b.address,)
    assert walks == [0, 0]
    bench.speaker.next_hop_moved(b.address, False, 0, "no route")
    assert len(jobs) == 1
    bench.turn()
    assert bench.fib.wants[IPV4, prefix_of("10.244.2.0/24")] is None


def test_attribute_sets_are_swept() -> None:
    bench = Bench(spec_of(A), fib=True)
    a = bench.establish(A)
    for turn in range(4):
        for i in range(6000):
            a.announce(f"10.{i // 250}.{i % 250}.0/24", med=turn * 6000 + i)
    assert len(bench.speaker.attrs) <= 2 * 6000 + 8192


def test_a_blackhole_is_dropped_only_for_who_may_ask() -> None:
    for accepted in (True, False):
        bench = Bench(spec_of("192.168.1.12", 65001, accept_blackhole=accepted), fib=True)
        assert bench.fib is not None
        peer = bench.establish("192.168.1.12")
        peer.announce("10.9.9.9/32", communities=[BLACKHOLE_COMMUNITY])
        bench.speaker.next_hop_moved(peer.address, True, 0, "on link")
        bench.turn()
        want = bench.fib.wants.get((IPV4, prefix_of("10.9.9.9/32")))
        assert want == (BLACKHOLE if accepted else (peer.address,))
        peer.withdraw("10.9.9.9/32")
        assert bench.fib.wants[IPV4, prefix_of("10.9.9.9/32")] is None


def test_multicast_prefixes_are_no_unicast_routes() -> None:
    """Counted, logged, and as if withdrawn; the other routes of the UPDATE stay."""
    bench = Bench(spec_of(A))
    a = bench.establish(A)
    a.announce(
        "10.244.2.0/24", "224.1.0.0/16", "239.0.0.1/32", "224.0.0.0/4", "224.0.0.0/3", "240.0.0.0/8", "0.0.0.0/0"
    )
    table = bench.speaker.tables[IPV4].rib
    kept = {prefix_of(p) for p in ("10.244.2.0/24", "224.0.0.0/3", "240.0.0.0/8", "0.0.0.0/0")}
    assert set(table.table) == kept
    neighbor = bench.speaker.neighbors[a.address]
    assert dict(neighbor.faults) == {("nlri", "withdraw"): 1}
    assert neighbor.last_fault == "3 multicast prefixes among unicast routes"
    (line,) = bench.events("update_fault")
    assert line["done"] == "routes treated as withdrawn"
    a.announce("224.2.0.0/16")
    assert set(table.table) == kept
    assert not a.transport.closed
    six = [parse_prefix(text)[1] for text in ("ff02::/16", "fe80::/10", "fe00::/7", "2001:db8::/32", "::/0")]
    attrs = a.attrs(next_hop=parse_address("2001:db8::1"))
    for frame in encode_updates(IPV6, attrs, six, a.session):
        a.send(frame)
    bench.turn()
    assert set(bench.speaker.tables[IPV6].rib.table) == set(six[1:])
