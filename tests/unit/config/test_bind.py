"""Policies and the neighbors that use them."""

import pytest

from bgpd.model import ExportRule, ImportRule
from bgpd.wire.prefix import parse_address
from tests.unit.config.cases import Case

POLICIES = """
policies:
  in:
    - {match: {peer: [rack2, 192.0.2.9]}, then: accept}
  out:
    - {then: {next-hop: self, action: accept}}
"""
PEER = "peer:\n  - {address: 192.0.2.1, asn: 65001, %s}\n  - {address: 192.0.2.2, name: rack2}\n"


def test_a_policy_by_name_or_as_terms(case: Case) -> None:
    speaker = case.parse(yaml=POLICIES + PEER % "import: in, export: [{then: accept}]").spec.speaker
    spec = speaker.neighbors[0]
    assert (spec.import_rule, spec.export_rule) == (ImportRule.POLICY, ExportRule.POLICY)
    assert spec.import_policy is speaker.policies[0]
    assert spec.export_policy is speaker.policies[2]
    assert [policy.name for policy in speaker.policies] == ["in", "out", "peer-192.0.2.1-export"]
    peers = speaker.policies[0].terms[0].conditions[0].values
    assert peers == (parse_address("192.0.2.2"), parse_address("192.0.2.9"))


def test_on_the_command_line(case: Case) -> None:
    spec = case.parse("--peer", "192.0.2.1,asn=65001,import=in,export=all", yaml=POLICIES.replace("rack2, ", ""))
    (neighbor,) = spec.spec.speaker.neighbors
    assert neighbor.import_policy is spec.spec.speaker.policies[0]
    assert (neighbor.export_rule, neighbor.export_policy) == (ExportRule.ALL, None)


@pytest.mark.parametrize(
    ("peer", "lines"),
    [
        ("import: inn", ["bgpd.yaml:8: peer 192.0.2.1: import: expected all, none or the name of a policy, got 'inn'"]),
        (
            "export: outt",
            [
                (
                    "bgpd.yaml:8: peer 192.0.2.1: export: expected own, all, none or the name of a policy, got 'outt'; "
                    "did you mean out?"
                )
            ],
        ),
        (
            "import: out",
            ["bgpd.yaml:8: peer 192.0.2.1: import: policy out term 1: next-hop self means something on export only"],
        ),
        (
            "export: [{then: {next-hop: peer}}]",
            [
                (
                    "bgpd.yaml:8: peer 192.0.2.1: export: policy peer-192.0.2.1-export term 1: next-hop peer means "
                    "something on import only"
                )
            ],
        ),
        (
            "import: [{match: {peer: rak2}, then: accept}]",
            [
                (
                    "bgpd.yaml:8: policy peer-192.0.2.1-import: term 1: match: peer: there is no neighbor 'rak2'; "
                    "did you mean rack2?"
                )
            ],
        ),
        (
            "import: [{then: acept}]",
            [
                (
                    "bgpd.yaml:8: policy peer-192.0.2.1-import: term 1: then: expected accept, reject or next, got 'acept'; "
                    "did you mean accept?"
                )
            ],
        ),
    ],
)
def test_mistakes(case: Case, peer: str, lines: list[str]) -> None:
    found = case.errors(yaml=POLICIES + PEER % peer)
    assert [line.replace("; did you mean in?", "") for line in found] == lines
