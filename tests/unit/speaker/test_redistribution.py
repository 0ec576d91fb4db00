"""Routes of the kernel as routes of ours."""

from dataclasses import replace

from bgpd.model import Condition, Edit, ExportRule, PolicySpec, PolicyTerm, Redistribute, TermAction
from bgpd.policy.spec import ACTIONS, MATCHES
from bgpd.speaker import query
from bgpd.wire.family import IPV4
from bgpd.wire.iana import Origin
from tests.unit.speaker.helpers import Bench, prefix_of, spec_of

PEER = "192.168.1.11"
STATIC = Redistribute(protocol=4, name="static")


def policy(med: str) -> PolicySpec:
    """Rejects 10.9.0.0/16 and sets MED."""
    inside = Condition("prefix", (MATCHES["prefix"].parse("10.9.0.0/16+"),))
    return PolicySpec(
        "p",
        (
            PolicyTerm("not that", (inside,), (), TermAction.REJECT),
            PolicyTerm("the rest", (), (Edit("med", (ACTIONS["med"].parse(med),)),), TermAction.ACCEPT),
        ),
    )


def make(*entries: Redistribute) -> Bench:
    return Bench(spec_of(PEER, export_rule=ExportRule.OWN), fib=True, redistribute=entries)


def take(bench: Bench, name: str, gone: list[str], new: list[str]) -> None:
    prefixes = [prefix_of(each) for each in gone], [prefix_of(each) for each in new]
    bench.speaker.redistributed.take(name, IPV4, *prefixes, bench.now)
    bench.turn()


def test_announced_as_ours_and_withdrawn() -> None:
    bench = make(STATIC)
    peer = bench.establish(PEER)
    take(bench, "static", [], ["10.1.0.0/16", "10.2.0.0/16"])
    told = peer.told()
    assert set(told) == {prefix_of("10.1.0.0/16"), prefix_of("10.2.0.0/16")}
    attrs = told[prefix_of("10.1.0.0/16")]
    assert attrs.origin == Origin.INCOMPLETE  # RFC 4271 section 5.1.1
    assert attrs.med < 0
    assert attrs.next_hop == peer.transport.local_address
    assert bench.fib is not None
    assert not [want for want in bench.fib.wants.values() if want is not None]  # it is in the kernel already
    assert bench.speaker.redistributed.counts()["static", "ipv4", "accepted"] == 2
    take(bench, "static", ["10.1.0.0/16"], [])
    assert set(peer.told()) == {prefix_of("10.2.0.0/16")}


def test_better_than_what_was_learned() -> None:
    bench = make(STATIC)
    peer = bench.establish(PEER)
    peer.announce("10.1.0.0/16")
    bench.speaker.next_hop_moved(peer.address, True, 0, "on link")
    bench.turn()
    take(bench, "static", [], ["10.1.0.0/16"])
    best = bench.speaker.tables[IPV4].rib.best(prefix_of("10.1.0.0/16"))
    assert best is not None
    assert best.source.local
    assert bench.fib is not None
    assert bench.fib.wants[IPV4, prefix_of("10.1.0.0/16")] is None
    take(bench, "static", ["10.1.0.0/16"], [])
    assert bench.fib.wants[IPV4, prefix_of("10.1.0.0/16")] == (peer.address,)


def test_a_policy_judges_and_a_reload_brings_another_one() -> None:
    entry = Redistribute(protocol=4, name="static", policy_name="p", policy=policy("7"))
    bench = make(entry)
    peer = bench.establish(PEER)
    prefixes = ["10.1.0.0/16", "10.9.1.0/24"]
    take(bench, "static", [], prefixes)
    assert {prefix: attrs.med for prefix, attrs in peer.told().items()} == {prefix_of("10.1.0.0/16"): 7}
    assert bench.speaker.redistributed.counts()["static", "ipv4", "rejected"] == 1
    views = [view for view in query.routes(bench.speaker, IPV4, None, "best", None, installed=None) if view is not None]
    assert [(view.prefix, view.source, view.next_hop) for view in views if view.best] == [
        ("10.1.0.0/16", "redistributed static", "self")
    ]
    other = Redistribute(protocol=4, name="static", policy_name="p", policy=policy("8"))
    bench.speaker.reconfigure(replace(bench.speaker.spec, redistribute=(other,)), bench.now)
    take(bench, "static", [], prefixes)
    assert {prefix: attrs.med for prefix, attrs in peer.told().items()} == {prefix_of("10.1.0.0/16"): 8}
    assert peer.transport.closed == 0
    bench.speaker.reconfigure(replace(bench.speaker.spec, redistribute=()), bench.now)
    take(bench, "static", prefixes, [])
    assert peer.told() == {}
    assert bench.speaker.redistributed.counts() == {}
