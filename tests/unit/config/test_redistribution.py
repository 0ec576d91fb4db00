"""`redistribute`: whose routes, and which of them."""

import pytest

from bgpd.config.redistribution import parse_redistribute, show_redistribute
from tests.unit.config.cases import Case

POLICY = "policies:\n  p:\n    - then: accept\n"


@pytest.mark.parametrize(
    ("text", "name", "shown"),
    [
        ("connected", "connected", "connected"),
        ("connected, interface=eth*,interface=lo", "connected eth* lo", "connected,interface=eth*,interface=lo"),
        ("4,table=100", "static table 100", "static,table=100"),
        ("ospf,policy=p", "ospf", "ospf,policy=p"),
        ("77,table=254", "77", "77"),
    ],
)
def test_entries(text: str, name: str, shown: str) -> None:
    entry = parse_redistribute(text)
    assert entry.name == name
    assert show_redistribute(entry) == shown
    assert parse_redistribute(shown) == entry


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected connected"),
        ("osfp", "did you mean ospf"),
        ("kernel", "say connected"),
        ("2", "say connected"),
        ("256", "3 to 255"),
        ("static,tabel=3", "did you mean table"),
        ("static,table", "expected interface"),
        ("static,table=0", "1 to 4294967295"),
        ("static,table=4294967296", "1 to 4294967295"),
        ("static,table=255", "the kernel's own"),
        ("connected,table=100", "they come from addresses"),
        ("static,table=1,table=2", "given twice"),
        ("static,interface=", "expected a name"),
        ("static,policy=a b", "expected"),
    ],
)
def test_entries_that_are_none(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_redistribute(text)


def test_the_policy_is_found(case: Case) -> None:
    spec = case.parse(yaml=f"{POLICY}redistribute:\n  - static,policy=p\n  - connected\n").spec.speaker
    assert [(entry.name, entry.policy is not None) for entry in spec.redistribute] == [
        ("static", True),
        ("connected", False),
    ]


@pytest.mark.parametrize(
    ("yaml", "why"),
    [
        (f"{POLICY}redistribute: static,policy=q", "bgpd.yaml:4: redistribute static: policy: there is no policy 'q'"),
        ("redistribute: [static, 'static,policy=p']", "redistribute static: is given twice"),
        ("redistribute: '64'", "bgpd.yaml:1: redistribute 64: 64 marks the routes that we write"),
        ("redistribute: static\nno-kernel: true", "bgpd.yaml:1: redistribute static: with no-kernel"),
        ("redistribute: {static: 1}", "expected whose routes to announce"),
    ],
)
def test_errors_name_their_line(case: Case, yaml: str, why: str) -> None:
    assert any(why in line for line in case.errors(yaml=yaml))
