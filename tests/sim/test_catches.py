"""The simulation can fail: one thing is broken at a time, and some history must notice.

The same breakages as edits of the sources, and more of them, were tried by hand; here they are patches, so that every
run of the tests knows that its own eyes are open.
"""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from bgpd.policy import builtin, reflection, roles
from bgpd.policy import compile as compile_
from bgpd.policy.reasons import Reason
from bgpd.rib import decision, fanout
from bgpd.rib.group import UpdateGroup
from bgpd.rib.loc_rib import LocRib
from bgpd.rib.pack import Pending
from bgpd.rib.path import eligible_of
from bgpd.session import session
from bgpd.session.collision import Verdict
from bgpd.session.session import Session
from bgpd.speaker import recovery
from bgpd.speaker.retention import Retention
from tests.sim import reach
from tests.sim.history import judge
from tests.sim.shapes import Shape, storeys, tiers
from tests.sim.test_mesh import start_together
from tests.sim.world import World

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


def without(*terms: object) -> tuple[Any, ...]:
    """The import checks of internal neighbors less these."""
    return tuple([term for term in compile_._IMPORT_CHECKS if term not in terms])


def passes(*_: object) -> None:
    """A term that lets everything pass, and marks nothing."""


def never_swept(self: Retention, neighbor: Any, family: object) -> None:
    """End-of-RIB ends the waiting, and what was not repeated stays."""
    neighbor.retained.pop(family, None)


def impatient(self: Retention, neighbor: Any, family: Any, rib: Any, *_: object, **__: object) -> None:
    """What a lost session gave goes at once, whatever its peer asked for."""
    self.drop(neighbor, family)
    for source in rib.sources:
        self._jobs.add("gone", self._tables[family].walk(self._tables[family].rib.drop(source)))


def endless(self: Retention, neighbor: Any, now: float) -> None:
    """Nobody looks whether the restart time is over."""
    for kept in neighbor.retained.values():
        kept.until = max(kept.until, now + 1000.0)


def only_the_best(real: Callable[..., Any]) -> Callable[..., Any]:
    """ADD-PATH that forgets the second path of a prefix."""

    def eligible(entry: object) -> Any:
        return real(entry)[:1]

    return eligible


def sweeps_all(real: Callable[..., Any]) -> Callable[..., Any]:
    """The end of a refresh takes what was repeated along, too."""

    def sweep(self: LocRib, neighbor: str, generation: int, *rest: object) -> Any:
        return real(self, neighbor, generation + 1, *rest)

    return sweep


BREAKAGES: dict[str, tuple[object, str, Any]] = {
    "decision": (decision, "_total", shortest_last),
    "withdraw": (LocRib, "apply", no_withdrawals(LocRib.apply)),
    "pending": (Pending, "note", last_word),
    "cursor": (UpdateGroup, "_detach", nothing_behind(UpdateGroup._detach)),
    "no hold timer": (Session, "_arm_hold", no_hold),
    "a hold timer that expires for nothing": (Session, "update_seen", deaf),
    "clusters may loop": (compile_, "_IMPORT_CHECKS", without(reflection.cluster_loop)),
    "originators may loop": (compile_, "_IMPORT_CHECKS", without(builtin.originator_loop)),
    "reflected without a trace": (reflection, "reflect", passes),
    "OTC out": (roles, "leak_out", passes),
    "OTC in": (roles, "leak_in", passes),
    "ADD-PATH": (fanout, "eligible_of", only_the_best(eligible_of)),
    "stale routes are not swept": (Retention, "end_of_rib", never_swept),
    "stale routes are not kept": (Retention, "keep", impatient),
    "stale routes stay for ever": (Retention, "due", endless),
    "a restart is over at once": (recovery, "_awaited", lambda _: False),
    "a refresh sweeps too much": (LocRib, "sweep_stale", sweeps_all(LocRib.sweep_stale)),
}


#: Seeds that are known to notice, tried first: it saves time, and nothing else.
TRY_FIRST = {
    "decision": 5,
    "originators may loop": 80,
    "ADD-PATH": 45,
    "stale routes are not swept": 58,
    "a restart is over at once": 28,
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_history_notices(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    thing, attribute, broken = BREAKAGES[name]
    assert hasattr(thing, attribute)
    monkeypatch.setattr(thing, attribute, broken)
    seeds = [TRY_FIRST.get(name, 0), *SEEDS]
    assert any(judge(seed) is not None for seed in seeds), "nobody noticed"


def all_together() -> None:
    for seed in range(20):
        start_together(seed)


def test_a_broken_collision_rule_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "resolve", both_win)
    with pytest.raises(AssertionError):
        all_together()


def settled(shape: Shape, seed: int) -> World:
    world = World(seed)
    shape(world)
    for node in world.nodes.values():
        node.drawn = {spec.address: spec for spec in node.spec.neighbors}
    world.start()
    world.run(60.0)
    return world


def test_reach_alone_sees_who_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the second reading of each session: a reflector that does not reflect to its clients."""
    assert reach.everybody(settled(storeys, 1))
    monkeypatch.setattr(
        reflection, "full_mesh", lambda route, _: None if route.external or route.local else Reason.IBGP_TO_IBGP
    )
    with pytest.raises(AssertionError, match="has no way to"):
        reach.everybody(settled(storeys, 1))


def test_valleys_alone_sees_a_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    worlds = range(10)
    for seed in worlds:
        reach.valleys(settled(tiers, seed))
    monkeypatch.setattr(roles, "leak_out", passes)
    monkeypatch.setattr(roles, "leak_in", passes)

    def leaks(seed: int) -> bool:
        try:
            reach.valleys(settled(tiers, seed))
        except AssertionError:
            return True
        return False

    assert any(leaks(seed) for seed in worlds)
