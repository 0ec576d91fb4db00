"""Policies at work in a speaker: batches that are split, words for what was rejected, changes without a reset."""

from dataclasses import replace

from bgpd.model import ExportRule, ImportRule, NeighborSpec, PolicySpec
from bgpd.policy.compile import import_chain
from bgpd.speaker.policing import by_class, judged_anew, policies_in, policies_of
from bgpd.speaker.query import routes
from bgpd.wire.aspath import format_as_path
from bgpd.wire.family import IPV4
from tests.unit.policy.helpers import policy_of
from tests.unit.speaker.helpers import Bench, prefix_of, spec_of

A, B = "192.0.2.1", "192.0.2.2"
SPLIT = """
- name: near
  match: {prefix: 10.0.0.0/8 le 32}
  then: {local-pref: 200, action: accept}
- name: bad
  match: {prefix: 11.0.0.0/8 le 32}
  then: reject
- name: rest
  match: {med: 5}
  then: accept
"""


def peer(
    address: str, asn: int = 65001, imports: PolicySpec | None = None, exports: PolicySpec | None = None
) -> NeighborSpec:
    spec = spec_of(address, asn)
    if imports is not None:
        spec = replace(spec, import_rule=ImportRule.POLICY, import_policy=imports)
    if exports is not None:
        spec = replace(spec, export_rule=ExportRule.POLICY, export_policy=exports)
    return spec


def test_one_update_three_verdicts() -> None:
    bench = Bench(peer(A, imports=policy_of(SPLIT, "in")))
    a = bench.establish(A)
    a.announce("10.1.0.0/16", "10.2.0.0/16", "11.1.0.0/16", "12.0.0.0/8")
    table = bench.speaker.tables[IPV4].rib
    one, two = [table.best(prefix_of(text)) for text in ("10.1.0.0/16", "10.2.0.0/16")]
    assert one is two
    assert one is not None
    assert one.attrs is not None
    assert one.attrs.local_pref == 200
    seen = {
        view.prefix: view.reason
        for view in routes(bench.speaker, IPV4, None, "received", bench.speaker.neighbors[a.address], None)
        if view is not None
    }
    assert "rejected by policy in term bad" in seen["11.1.0.0/16"]
    assert "rejected by policy in: no term accepts it" in seen["12.0.0.0/8"]
    a.announce("11.1.0.0/16", "12.0.0.0/8", med=5)
    assert table.best(prefix_of("12.0.0.0/8")) is not None
    assert table.best(prefix_of("11.1.0.0/16")) is None
    a.withdraw("10.1.0.0/16", "12.0.0.0/8")
    assert table.best(prefix_of("10.1.0.0/16")) is None
    assert len(table) == 2


def test_an_export_that_reads_prefixes() -> None:
    out = policy_of(
        """
        - match: {prefix: 10.0.0.0/8 le 32}
          then: {med: 7, add-community: [64512:1, no-export], add-large-community: 64512:1:2, prepend: 2, action: accept}
        - match: {prefix: 11.0.0.0/8 le 32}
          then: reject
        - then: {next-hop: 192.0.2.99, action: accept}
        """
    )
    bench = Bench(peer(A), peer(B, 65002, exports=out))
    a, b = bench.establish(A), bench.establish(B)
    a.announce("10.1.0.0/16", "11.1.0.0/16", "12.1.0.0/16")
    told = b.told()
    assert set(told) == {prefix_of("10.1.0.0/16"), prefix_of("12.1.0.0/16")}
    ten, twelve = told[prefix_of("10.1.0.0/16")], told[prefix_of("12.1.0.0/16")]
    assert ten.med == 7
    assert format_as_path(ten.as_path_value()) == "64512 64512 64512 65001"
    assert ten.communities() == [64512 << 16 | 1, 0xFFFFFF01]
    assert ten.large_communities() == [(64512, 1, 2)]
    assert twelve.med == -1
    assert twelve.next_hop == bytes((192, 0, 2, 99))
    rib = bench.speaker.neighbors[b.address].ribs[IPV4]
    assert rib.member.advertised == 2
    assert dict(rib.group.advertised(rib.member)).keys() == told.keys()
    assert rib.group.advertised_route(rib.member, prefix_of("11.1.0.0/16")) is None
    a.withdraw("10.1.0.0/16", "11.1.0.0/16")
    assert set(b.told()) == {prefix_of("12.1.0.0/16")}
    assert rib.member.advertised == 1


def test_one_policy_one_group() -> None:
    out = policy_of("- match: {prefix: 10.0.0.0/8 le 32}\n  then: accept")
    again = policy_of("- match: {prefix: 10.0.0.0/8 le 32}\n  then: accept")
    bench = Bench(peer(A, exports=out), peer(B, 65002, exports=again), peer("192.0.2.3", 65003))
    for address in (A, B, "192.0.2.3"):
        bench.establish(address)
    assert sorted(len(group.members) for group in bench.speaker.tables[IPV4].groups.values()) == [1, 2]


def test_another_policy_without_a_reset() -> None:
    bench = Bench(peer(A), peer(B, 65002))
    a, b = bench.establish(A), bench.establish(B)
    a.announce("10.1.0.0/16", "11.1.0.0/16")
    assert len(b.told()) == 2
    before = len(b.updates())
    neighbors = (peer(A, imports=policy_of(SPLIT)), peer(B, 65002))
    bench.speaker.reconfigure(replace(bench.speaker.spec, neighbors=neighbors), bench.now)
    bench.turn()
    assert set(b.told()) == {prefix_of("10.1.0.0/16")}
    out = policy_of("- match: {prefix: 10.0.0.0/8 le 32}\n  then: {med: 9, action: accept}")
    neighbors = (neighbors[0], peer(B, 65002, exports=out))
    bench.speaker.reconfigure(replace(bench.speaker.spec, neighbors=neighbors), bench.now)
    bench.turn()
    assert [attrs.med for attrs in b.told().values()] == [9]
    assert len(b.updates()) == before + 2  # one withdrawal, one announcement
    assert [bench.speaker.neighbors[p.address].established_count for p in (a, b)] == [1, 1]
    bench.speaker.reconfigure(replace(bench.speaker.spec, neighbors=(peer(A), peer(B, 65002))), bench.now)
    bench.turn()
    assert sorted(attrs.med for attrs in b.told().values()) == [-1, -1]
    assert bench.speaker.policies.find(out) is None


def test_helpers() -> None:
    policy = policy_of(SPLIT)
    spec = peer(A, imports=policy)
    chain = import_chain(spec, router_id=bytes(4), family=IPV4)
    found = by_class(chain, [prefix_of(text) for text in ("10.1.0.0/16", "11.0.0.0/8", "10.0.0.0/8", "12.0.0.0/8")])
    assert sorted(map(len, found.values())) == [1, 1, 2]
    assert judged_anew(("hold_time", "import_policy"))
    assert not judged_anew(("hold_time", "router_id"))
    assert policies_in(spec) == [policy]
    assert policies_of(Bench(spec).speaker.spec) == {policy}
