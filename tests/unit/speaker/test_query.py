"""Views of routes and neighbors."""

from bgpd.model import Originate
from bgpd.speaker.query import find_neighbor, neighbor_view, routes
from bgpd.speaker.views import RouteView
from bgpd.wire.family import IPV4
from bgpd.wire.prefix import parse_address
from tests.unit.speaker.helpers import Bench, prefix_of, spec_of

A, B = "192.168.1.11", "192.168.1.12"


def seen(bench: Bench, table: str = "loc-rib", neighbor: str | None = None, **more: object) -> list[RouteView]:
    found = find_neighbor(bench.speaker, neighbor) if neighbor else None
    prefix = more.pop("prefix", None)
    views = routes(bench.speaker, None, prefix, table, found, None, **more)  # type: ignore[arg-type]
    return [view for view in views if view is not None]


def test_each_candidate_with_its_reason() -> None:
    bench = Bench(spec_of(A), spec_of(B, 65001))
    bench.establish(A).announce("10.9.0.0/16", communities=[(64512 << 16) + 7])
    bench.establish(B).announce("10.9.0.0/16", med=5)
    best, loser = seen(bench)
    assert (best.source, best.reason, best.communities) == (A, "best", ["64512:7"])
    assert (loser.source, loser.as_path, loser.med) == (B, "65001", 5)
    assert loser.reason == "lost by step 5: shorter AS path"


def test_received_and_advertised() -> None:
    own = Originate(family=IPV4, prefix=prefix_of("10.244.1.0/24"))
    bench = Bench(spec_of(A), spec_of(B, 65001), originate=(own,))
    bench.establish(A).announce("10.244.2.0/24")
    bench.establish(B)
    assert [v.prefix for v in seen(bench, "received", A)] == ["10.244.2.0/24"]
    assert [v.prefix for v in seen(bench, "advertised", A)] == ["10.244.1.0/24"]
    sent = seen(bench, "advertised", B)
    assert [(v.prefix, v.as_path, v.source) for v in sent] == [
        ("10.244.1.0/24", "64512", "local"),
        ("10.244.2.0/24", "64512", A),
    ]
    assert [v.prefix for v in seen(bench, "advertised", B, prefix=prefix_of("10.244.2.0/24"))] == ["10.244.2.0/24"]


def test_exact_and_longest_match() -> None:
    bench = Bench(spec_of(A))
    bench.establish(A).announce("10.0.0.0/8", "10.244.2.0/24")
    assert [v.prefix for v in seen(bench, prefix=prefix_of("10.0.0.0/8"))] == ["10.0.0.0/8"]
    assert seen(bench, prefix=prefix_of("10.0.0.0/9")) == []
    address = b"\x20" + parse_address("10.244.2.77")
    assert [v.prefix for v in seen(bench, prefix=address, longest=True)] == ["10.244.2.0/24"]
    assert seen(bench, prefix=b"\x20" + parse_address("11.0.0.1"), longest=True) == []


def test_a_neighbor_that_is_down() -> None:
    bench = Bench(spec_of(A, password=b"x"))
    view = neighbor_view(bench.speaker, bench.speaker.neighbors[parse_address(A)], bench.now)
    assert (view.state, view.reason, view.password) == ("Connect", f"dialing {A} port 179", True)
    assert view.families[0].negotiated is False
    assert view.local_address is None


def test_a_notification_is_shown() -> None:
    bench = Bench(spec_of(A))
    bench.establish(A)
    bench.speaker.shutdown(bench.now, "bye")
    view = neighbor_view(bench.speaker, bench.speaker.neighbors[parse_address(A)], bench.now)
    assert view.last_notification is not None
    assert view.last_notification.direction == "sent"
    assert view.last_notification.code == 6
