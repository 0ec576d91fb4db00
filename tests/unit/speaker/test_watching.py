"""Those who watch."""

from bgpd.model import Originate
from bgpd.speaker.events import EventView
from bgpd.wire.family import IPV4
from tests.unit.speaker.helpers import Bench, prefix_of, spec_of

OWN = Originate(family=IPV4, prefix=prefix_of("10.244.1.0/24"))
A, B = "192.168.1.11", "192.168.1.12"


def test_watchers_see_sessions_and_routes() -> None:
    bench = Bench(spec_of(A), originate=(OWN,))
    seen: list[EventView] = []
    end = bench.speaker.subscribe(seen.append)
    a = bench.establish(A)
    a.announce("10.244.2.0/24")
    assert [(e.event, e.new) for e in seen][-2:] == [("session", "Established"), ("route", A)]
    end()
    end()
    a.withdraw("10.244.2.0/24")
    assert len(seen) == len([e for e in seen if e.new != "withdrawn"])
    assert seen[-1].prefix == "10.244.2.0/24"


def test_while_nobody_watches_the_tables_report_nothing() -> None:
    bench = Bench(spec_of(A))
    assert not any(table.watchers for table in bench.speaker.tables.values())
    first, second = bench.speaker.subscribe(lambda _: None), bench.speaker.subscribe(lambda _: None)
    first()
    assert all(len(table.watchers) == 1 for table in bench.speaker.tables.values())
    second()
    assert not any(table.watchers for table in bench.speaker.tables.values())
