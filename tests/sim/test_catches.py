"""The simulation can fail: one thing is broken at a time, and some history must notice.

The same breakages as edits of the sources, and more of them, were tried by hand; here they are patches, so that every
run of the tests knows that its own eyes are open.
"""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from bgpd.rib import decision
from bgpd.rib.group import UpdateGroup
from bgpd.rib.loc_rib import LocRib
from bgpd.rib.pack import Pending
from bgpd.session import session
from bgpd.session.collision import Verdict
from bgpd.session.session import Session
from tests.sim.history import judge
from tests.sim.test_mesh import start_together

SEEDS = [seed for seed in range(200) if seed % 10 != 9]  # small worlds


def shortest_last(path: Any) -> object:
    """The decision process without its first half."""
    return path.tail


def no_withdrawals(real: Callable[..., Any]) -> Callable[..., Any]:
    def apply(self: LocRib, source: object, withdrawn: list[bytes], *rest: object) -> object:
        return real(self, source, withdrawn[1:], *rest)

    return apply


def last_word(self: Pending, prefixes: Iterable[bytes], old: object) -> None:
    """What was told before is overwritten by what came between."""
    for prefix in prefixes:
        self.told[prefix] = old  # type: ignore[assignment]


def nothing_behind(real: Callable[..., Any]) -> Callable[..., Any]:
    """A slow member forgets what is in the log beyond its cursor."""

    def detach(self: UpdateGroup, member: Any) -> None:
        member.cursor = self._base + len(self._log)
        real(self, member)

    return detach


def both_win(*_: object, new_dialed: bool, **__: object) -> Verdict:
    """Each side keeps the connection that it dialed."""
    return Verdict.NEW if new_dialed else Verdict.OLD


def no_hold(self: Session, new: object, now: float) -> None:
    self.deadlines.open_hold = float("inf")


def deaf(self: Session, now: float) -> None:
    """Messages do not re-arm the hold timer."""


BREAKAGES: dict[str, tuple[object, str, Any]] = {
    "decision": (decision, "_total", shortest_last),
    "withdraw": (LocRib, "apply", no_withdrawals(LocRib.apply)),
    "pending": (Pending, "note", last_word),
    "cursor": (UpdateGroup, "_detach", nothing_behind(UpdateGroup._detach)),
    "no hold timer": (Session, "_arm_hold", no_hold),
    "a hold timer that expires for nothing": (Session, "update_seen", deaf),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_history_notices(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    thing, attribute, broken = BREAKAGES[name]
    assert hasattr(thing, attribute)
    monkeypatch.setattr(thing, attribute, broken)
    assert any(judge(seed) is not None for seed in SEEDS), "nobody noticed"


def all_together() -> None:
    for seed in range(20):
        start_together(seed)


def test_a_broken_collision_rule_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "resolve", both_win)
    with pytest.raises(AssertionError):
        all_together()
