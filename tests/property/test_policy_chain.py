"""What no chain may ever let through, whatever the attributes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bgpd.model import ExportRule, ImportRule, NeighborSpec
from bgpd.policy.compile import export_chain, import_chain
from bgpd.policy.reasons import Reason
from bgpd.wire import aspath
from bgpd.wire.attrs import Attrs, build

US, THEM = 64512, 65001
HERE, THERE = b"\x0a\0\0\1", b"\x0a\0\0\2"

asns = st.one_of(st.sampled_from([US, THEM, 7]), st.integers(1, 0xFFFFFFFF))
segments = st.lists(st.tuples(st.sampled_from([1, 2]), st.lists(asns, min_size=1, max_size=4).map(tuple)), max_size=3)
communities = st.lists(st.one_of(st.integers(0xFFFFFF00, 0xFFFFFF04), st.integers(0, 0xFFFFFFFF)), max_size=3)
attributes = st.builds(
    build,
    next_hop=st.sampled_from(
        [HERE, THERE, b"", bytes(15) + b"\1", b"\xfe\x80" + bytes(14), bytes(15) + b"\1" + b"\xfe\x80" + bytes(14)]
    ),
    origin=st.integers(0, 2),
    as_path=segments.map(aspath.encode),
    med=st.integers(-1, 9),
    local_pref=st.sampled_from([-1, 0, 100, 0xFFFFFFFF]),
    communities=communities,
    others=st.dictionaries(
        st.sampled_from([9, 10, 16, 25, 26, 35, 99]),
        st.sampled_from([b"\x40" + bytes(39), bytes(40), bytes(80)]),
        max_size=3,
    ),
)
imports = st.sampled_from([rule for rule in ImportRule if rule is not ImportRule.POLICY])
exports = st.sampled_from([rule for rule in ExportRule if rule is not ExportRule.POLICY])


def spec(external: bool, import_rule: ImportRule, export_rule: ExportRule) -> NeighborSpec:
    return NeighborSpec(
        address=THERE,
        name="x",
        local_asn=US,
        remote_asn=THEM if external else US,
        import_rule=import_rule,
        export_rule=export_rule,
    )


@settings(max_examples=300, deadline=None)
@given(attributes, st.booleans(), imports)
def test_import(given_: Attrs, external: bool, rule: ImportRule) -> None:
    chain = import_chain(spec(external, rule, ExportRule.ALL), router_id=HERE, local_addresses=frozenset((HERE,)))
    verdict = chain.evaluate(given_, external=external)
    again = chain.evaluate(given_, external=external)
    assert verdict.reason is again.reason
    assert (verdict.attrs is None) is (verdict.reason is not Reason.ACCEPTED)
    if verdict.attrs is None:
        return
    assert again.attrs is not None
    assert again.attrs.raw == verdict.attrs.raw
    assert rule is ImportRule.ALL or (rule is ImportRule.UNSET and not external)
    assert not [1 for _, numbers in verdict.attrs.as_path() if US in numbers]
    assert verdict.attrs.next_hop[:16] != HERE
    if external:
        assert verdict.attrs.neighbor_as == THEM


@settings(max_examples=300, deadline=None)
@given(
    attributes, st.booleans(), exports, st.sampled_from(["external", "internal", "local"]), st.sampled_from([HERE, b""])
)
def test_export(given_: Attrs, external: bool, rule: ExportRule, giver: str, next_hop: bytes) -> None:
    chain = export_chain(spec(external, ImportRule.ALL, rule), router_id=HERE, next_hop=next_hop)
    before = given_.raw
    made = chain.evaluate(given_, external=giver == "external", local=giver == "local").attrs
    assert given_.raw == before
    if made is None:
        return
    assert next_hop
    assert rule is not ExportRule.NONE
    assert not (rule is ExportRule.UNSET and external)
    assert rule is ExportRule.ALL or giver == "local"
    assert 0xFFFFFF02 not in made.communities()
    assert made.origin == given_.origin
    assert made.communities() == given_.communities()
    if external:
        assert not {0xFFFFFF01, 0xFFFFFF03} & set(made.communities())
        assert made.neighbor_as == US
        assert made.as_path_length == given_.as_path_length + 1
        assert (made.next_hop, made.local_pref) == (HERE, -1)
        assert made.med == (given_.med if giver == "local" else -1)
        assert not [code for _, code, _ in made.items() if code in (9, 10, 26)]
    else:
        assert giver != "internal"
        assert made.local_pref == (given_.local_pref if given_.local_pref >= 0 else 100)
        assert made.as_path() == given_.as_path()
        assert len(made.next_hop) in (4, 16)
        assert made.next_hop[:2] != b"\xfe\x80"
