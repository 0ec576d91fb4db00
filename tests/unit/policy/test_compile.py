import pytest

from bgpd.model import ExportRule, ImportRule, NeighborSpec
from bgpd.policy import compile as rules
from bgpd.policy.reasons import Reason
from tests.unit.rib.helpers import attrs

US, THEM = 64512, 65001
HERE, THERE = b"\x0a\0\0\1", b"\x0a\0\0\2"


def spec(
    *, external: bool, imports: ImportRule = ImportRule.UNSET, exports: ExportRule = ExportRule.UNSET
) -> NeighborSpec:
    return NeighborSpec(
        address=THERE,
        name="x",
        local_asn=US,
        remote_asn=THEM if external else US,
        import_rule=imports,
        export_rule=exports,
    )


@pytest.mark.parametrize(
    ("external", "rule", "reason"),
    [
        (False, ImportRule.UNSET, Reason.ACCEPTED),
        (False, ImportRule.ALL, Reason.ACCEPTED),
        (False, ImportRule.NONE, Reason.IMPORT_NONE),
        (True, ImportRule.UNSET, Reason.NO_IMPORT_POLICY),
        (True, ImportRule.ALL, Reason.ACCEPTED),
        (True, ImportRule.NONE, Reason.IMPORT_NONE),
    ],
)
def test_import_rules(external: bool, rule: ImportRule, reason: Reason) -> None:
    chain = rules.import_chain(spec(external=external, imports=rule), router_id=HERE)
    assert chain.evaluate(attrs(THEM), external=external).reason is reason


@pytest.mark.parametrize(
    ("external", "rule", "own", "learned_outside", "learned_inside"),
    [
        (False, ExportRule.UNSET, Reason.ACCEPTED, Reason.NOT_OWN, Reason.NOT_OWN),
        (False, ExportRule.OWN, Reason.ACCEPTED, Reason.NOT_OWN, Reason.NOT_OWN),
        (False, ExportRule.ALL, Reason.ACCEPTED, Reason.ACCEPTED, Reason.IBGP_TO_IBGP),
        (False, ExportRule.NONE, Reason.EXPORT_NONE, Reason.EXPORT_NONE, Reason.EXPORT_NONE),
        (True, ExportRule.UNSET, Reason.NO_EXPORT_POLICY, Reason.NO_EXPORT_POLICY, Reason.NO_EXPORT_POLICY),
        (True, ExportRule.OWN, Reason.ACCEPTED, Reason.NOT_OWN, Reason.NOT_OWN),
        (True, ExportRule.ALL, Reason.ACCEPTED, Reason.ACCEPTED, Reason.ACCEPTED),
        (True, ExportRule.NONE, Reason.EXPORT_NONE, Reason.EXPORT_NONE, Reason.EXPORT_NONE),
    ],
)
def test_export_rules(
    external: bool, rule: ExportRule, own: Reason, learned_outside: Reason, learned_inside: Reason
) -> None:
    chain = rules.export_chain(spec(external=external, exports=rule), router_id=HERE, next_hop=HERE)
    assert chain.evaluate(attrs(next_hop=b""), local=True).reason is own
    assert chain.evaluate(attrs(7), external=True).reason is learned_outside
    assert chain.evaluate(attrs(7), external=False).reason is learned_inside


def test_import_checks_of_both_kinds() -> None:
    outside = rules.import_chain(
        spec(external=True, imports=ImportRule.ALL), router_id=HERE, local_addresses=frozenset((HERE,))
    )
    inside = rules.import_chain(spec(external=False), router_id=HERE, local_addresses=frozenset((HERE,)))
    for chain, external in ((outside, True), (inside, False)):
        assert chain.evaluate(attrs(THEM, US), external=external).reason is Reason.AS_LOOP
        assert chain.evaluate(attrs(THEM, next_hop=HERE), external=external).reason is Reason.NEXT_HOP_OURS
    assert outside.evaluate(attrs(7), external=True).reason is Reason.FIRST_AS
    assert inside.evaluate(attrs(7)).reason is Reason.ACCEPTED
    assert inside.evaluate(attrs(others={9: HERE})).reason is Reason.ORIGINATOR_LOOP


def test_export_shapes() -> None:
    out = rules.export_chain(spec(external=True, exports=ExportRule.ALL), router_id=HERE, next_hop=HERE)
    made = out.evaluate(attrs(7, local_pref=300), external=False).attrs
    assert made is not None
    assert (made.as_path(), made.next_hop, made.local_pref) == ([(2, (US, 7))], HERE, -1)
    inside = rules.export_chain(
        spec(external=False, exports=ExportRule.ALL), router_id=HERE, next_hop=HERE, next_hop_self=True
    )
    made = inside.evaluate(attrs(7, next_hop=THERE), external=True).attrs
    assert made is not None
    assert (made.as_path(), made.next_hop, made.local_pref) == ([(2, (7,))], HERE, 100)


@pytest.mark.parametrize(
    ("external", "imports", "exports", "words"),
    [
        (True, ImportRule.UNSET, ExportRule.UNSET, "nothing is exchanged"),
        (True, ImportRule.UNSET, ExportRule.ALL, "nothing is accepted"),
        (True, ImportRule.NONE, ExportRule.UNSET, "nothing is announced"),
        (True, ImportRule.NONE, ExportRule.NONE, None),
        (False, ImportRule.UNSET, ExportRule.UNSET, None),
    ],
)
def test_silent_note(external: bool, imports: ImportRule, exports: ExportRule, words: str | None) -> None:
    note = rules.silent_note(spec(external=external, imports=imports, exports=exports))
    if words is None:
        assert note is None
    else:
        assert note is not None
        assert words in note
        assert "RFC 8212" in note
