"""Our daemon, every case of the table, over TCP. `make conformance` runs the others, too, and writes the document."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.__main__ import DAEMONS, render
from tests.conformance.cases import CASES
from tests.conformance.judge import PARTIAL, Demand, Notice, Outcome, meets, words
from tests.conformance.octets import DAEMON_ASN
from tests.conformance.runner import DAEMON, peers, prepare, right, slots, watch
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan

DOCUMENT = Path(__file__).parents[2] / "docs" / "conformance.md"


@pytest.fixture
def lan() -> Iterator[Lan]:
    made = Lan(3)
    try:
        prepare(made)
        yield made
    finally:
        made.close()


def test_ours_is_right_in_every_case(lan: Lan, tmp_path: Path) -> None:
    ours = Ours(lan.nodes[DAEMON], tmp_path, DAEMON_ASN)
    given = slots(ours.node, CASES)
    ours.peers = peers(given, ours=True)
    ours.start()
    found = watch(ours, lan, given)
    assert found is not None, f"it died\n{ours.tail()}"
    wrong = [f"{c.name}: {words(found[c.name])}, demanded: {c.demanded}" for c in CASES if not right(c, found[c.name])]
    assert not wrong, "\n".join(wrong)
    # What the operator is told: every fault that a session survived was counted, and says what it was.
    for case, slot in given:
        shown = ours.neighbor(slot.address)
        if case.demands[0].text in ("treat-as-withdraw", "attribute discard"):
            assert shown["update_faults"] >= 1, case.name
            assert shown["last_fault"], case.name
        elif not case.demands[0].up and case.demands[0].notices:
            assert shown["last_notification"]["direction"] == "sent", case.name
    assert not ours.events("bug")


def test_there_are_enough_cases_and_each_has_a_name() -> None:
    assert len(CASES) >= 120
    assert len({case.name for case in CASES}) == len(CASES)


def test_the_judge_tells_right_from_wrong() -> None:
    reset = Demand("x", up=False, notices=(Notice(3, 1),))
    exact = Demand("x", up=False, notices=(Notice(1, 2, b"\0\1"),))
    assert meets(reset, Outcome(notice=Notice(3, 1, b"any")))
    assert not meets(reset, Outcome(notice=Notice(3, 2, b"")))
    assert not meets(reset, Outcome())
    assert not meets(reset, Outcome(up=True, marked=True))
    assert not meets(exact, Outcome(notice=Notice(1, 2, b"\0\2")))
    assert not meets(reset, Outcome(crashed=True, notice=Notice(3, 1, b"")))
    gone = Demand("x", routes=False)
    assert meets(gone, Outcome(up=True, marked=True))
    assert not meets(gone, Outcome(up=True, marked=True, old=True))
    assert not meets(gone, Outcome(up=True, marked=False))
    kept = Demand("x", routes=True, attrs={99: (0xC0 | PARTIAL, b"a"), 5: None})
    good = Outcome(up=True, marked=True, old=True, new=True, attrs={99: (0xF0, b"a")})
    assert meets(kept, good)
    assert not meets(kept, Outcome(up=True, marked=True, old=True, new=True, attrs={99: (0xC0, b"a")}))
    assert not meets(kept, Outcome(up=True, marked=True, old=True, new=True, attrs={99: (0xE0, b"a"), 5: (0x40, b"")}))


def test_the_document_has_every_case_and_every_daemon() -> None:
    text = DOCUMENT.read_text()
    assert f"\n{len(CASES)} malformed or odd messages" in text
    missing = [case.name for case in CASES if f"| {case.name}" not in text]
    assert not missing, f"run `make conformance`: {missing}"
    for _, label in DAEMONS.values():
        assert f"| {label} |" in text


def test_the_document_says_died_of_who_died() -> None:
    results = {"ours": {case.name: Outcome(crashed=True) for case in CASES}}
    text = render(results)
    assert text.count("✗ died") == len(CASES)
