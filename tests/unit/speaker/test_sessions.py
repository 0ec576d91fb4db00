"""What becomes of a session."""

from bgpd.wire.family import IPV4
from tests.unit.speaker.helpers import Bench, Peer, spec_of

A, B = "192.168.1.11", "192.168.1.12"


def test_a_lost_session_takes_its_routes_along() -> None:
    bench = Bench(spec_of(A), spec_of(B, 65001))
    a, b = bench.establish(A), bench.establish(B)
    a.announce("10.244.2.0/24", "10.244.3.0/24")
    a.close()
    assert len(bench.speaker.tables[IPV4].rib) == 0
    assert b.told() == {}
    assert bench.speaker.neighbors[a.address].dropped["tcp-closed"] == 1


def test_a_peer_that_is_away_is_said_once() -> None:
    bench = Bench(spec_of(A))
    for _ in range(5):
        bench.speaker.tcp_failed(bytes((192, 168, 1, 11)), "connection refused", bench.now)
        bench.wait(200)
    told = [level for level, event, fields in bench.logged if event == "session" and "refused" in str(fields["reason"])]
    assert told.count("info") == 1
    assert told.count("debug") >= 4
    assert "warning" not in told


def test_a_session_that_ends_is_a_warning() -> None:
    bench = Bench(spec_of(A))
    bench.establish(A).close()
    told = [(level, fields["old"]) for level, event, fields in bench.logged if event == "session"]
    assert ("warning", "Established") in told


def test_a_family_that_the_peer_does_not_offer_is_said() -> None:
    bench = Bench(spec_of(A))
    peer = bench.establish(A)
    assert not bench.events("family_not_negotiated")
    peer.close()
    other = Bench(spec_of(A))
    told = Peer(other, A)
    told.open(families=(IPV4,))
    told.keepalive()
    (line,) = other.events("family_not_negotiated")
    assert line["family"] == "ipv6"
