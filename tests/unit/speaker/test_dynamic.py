"""Neighbors that come from a listen range, and go."""

from dataclasses import replace

from bgpd.model import AsnRule, ExportRule, ImportRule, NeighborSpec, RangeSpec
from bgpd.speaker.dynamic import Dynamic, name_of
from bgpd.wire.capability import make_open
from bgpd.wire.family import IPV4, Family
from bgpd.wire.prefix import parse_address, parse_prefix
from bgpd.wire.writer import encode_keepalive, encode_open
from tests.unit.speaker.helpers import ASN, LOCAL, Bench, FakeTransport, spec_of


def range_of(prefix: str, limit: int = 2, **more: object) -> RangeSpec:
    family, packed = parse_prefix(prefix)
    template = NeighborSpec(
        address=b"", name="", local_asn=ASN, remote_asn=0, asn_rule=AsnRule.EXTERNAL, passive=True,
        import_rule=ImportRule.ALL, export_rule=ExportRule.ALL,
    )  # fmt: skip
    return RangeSpec(family=family, prefix=packed, limit=limit, template=replace(template, **more))  # type: ignore[arg-type]


class Caller:
    """Somebody who connects."""

    def __init__(self, bench: Bench, address: str, asn: int = 65001) -> None:
        self.bench, self.asn = bench, asn
        self.transport = FakeTransport(parse_address(address), dialed=False)
        bench.speaker.tcp_up(self.transport, bench.now)
        bench.turn()

    def speak(self, families: tuple[Family, ...] = (IPV4,)) -> None:
        opened = encode_open(make_open(self.asn, self.transport.remote_address, 90, families))
        for frame in (opened, encode_keepalive()):
            self.bench.speaker.frame(self.transport, frame, self.bench.now)
        self.bench.turn()

    def close(self) -> None:
        self.bench.speaker.tcp_closed(self.transport, "gone", self.bench.now)
        self.bench.turn()


def names(bench: Bench) -> list[str]:
    return [neighbor.spec.name for neighbor in bench.speaker.neighbors.values()]


def test_a_neighbor_lives_as_long_as_its_session() -> None:
    bench = Bench(ranges=(range_of("10.1.0.0/16"),))
    assert bench.speaker.expects(parse_address("10.1.2.3"))
    assert not bench.speaker.expects(parse_address("10.2.0.1"))
    assert names(bench) == []  # asking makes nothing
    caller = Caller(bench, "10.1.2.3")
    caller.speak()
    (neighbor,) = bench.speaker.neighbors.values()
    assert neighbor.live is not None
    assert neighbor.spec.remote_asn == 65001  # from its OPEN
    assert neighbor.range is not None
    assert name_of(neighbor.range) == "10.1.0.0/16"
    caller.close()
    assert names(bench) == []
    assert bench.dialer.dialed == []


def test_a_session_that_never_stands_leaves_nothing() -> None:
    bench = Bench(ranges=(range_of("10.1.0.0/16"),))
    ours = Caller(bench, "10.1.0.1", asn=ASN)  # external is demanded
    ours.speak()
    assert ours.transport.closed
    assert names(bench) == []
    silent = Caller(bench, "10.1.0.2")
    bench.wait(600)
    assert silent.transport.closed
    assert names(bench) == []


def test_the_limit_holds_and_a_place_becomes_free() -> None:
    bench = Bench(ranges=(range_of("10.1.0.0/16", limit=2), range_of("10.0.0.0/8", limit=9)))
    callers = [Caller(bench, f"10.1.0.{number}") for number in (1, 2)]
    assert not bench.speaker.expects(parse_address("10.1.0.3"))  # the longest prefix counts, full or not
    late = Caller(bench, "10.1.0.3")
    assert late.transport.closed
    assert bench.speaker.expects(parse_address("10.2.0.1"))
    callers[0].close()
    assert bench.speaker.expects(parse_address("10.1.0.3"))


def test_a_configured_neighbor_goes_before_a_range() -> None:
    bench = Bench(spec_of("10.1.0.1", 65001, passive=True), ranges=(range_of("10.1.0.0/16"),))
    Caller(bench, "10.1.0.1").speak()
    (neighbor,) = bench.speaker.neighbors.values()
    assert neighbor.range is None
    assert neighbor.live is not None


def test_a_reload_removes_changes_and_replaces() -> None:
    first, second = range_of("10.1.0.0/16", limit=9), range_of("10.2.0.0/16")
    bench = Bench(ranges=(first, second))
    stays, goes, becomes = Caller(bench, "10.1.0.1"), Caller(bench, "10.2.0.1"), Caller(bench, "10.1.0.9")
    for caller in (stays, goes, becomes):
        caller.speak()
    spec = bench.speaker.spec
    other = range_of("10.1.0.0/16", limit=9, hold_time=30)
    new = replace(spec, ranges=(other,), neighbors=(spec_of("10.1.0.9", 65001, passive=True),))
    bench.speaker.reconfigure(new, bench.now)
    bench.turn()
    assert not stays.transport.closed
    assert goes.transport.closed
    assert becomes.transport.closed  # configured now: its own session, its own settings
    kept = bench.speaker.neighbors[parse_address("10.1.0.1")]
    assert kept.spec.hold_time == 30
    assert sorted(names(bench)) == ["10.1.0.1", "10.1.0.9"]
    bench.speaker.reconfigure(replace(new, router_id=parse_address("9.9.9.9")), bench.now)
    bench.turn()
    assert stays.transport.closed  # our router id is in every OPEN


def test_counts_never_go_wrong() -> None:
    dynamic = Dynamic()
    dynamic.configure([range_of("10.0.0.0/8"), range_of("10.1.0.0/16")])
    item = dynamic.range_of(parse_address("10.1.0.1"))
    assert item is not None
    assert name_of(item) == "10.1.0.0/16"
    assert dynamic.range_of(parse_address("fd00::1")) is None
    assert dynamic.count(item) == 0
    assert LOCAL
