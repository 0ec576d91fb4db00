"""The counts of `tests.sim.scale` in a small cluster: they are known without it."""

import pytest

from tests.sim.scale import HOLD, MINUTE, Result, Role, lines, measure, roles, whole

NODES = 12


def told(result: Result) -> int:
    """Routes that went out: one an UPDATE, as each has a next hop of its own; the last UPDATE is End-of-RIB."""
    return result.messages[1] - len(result.role.peers)


@pytest.mark.parametrize(
    ("role", "sessions", "routes_in", "routes_out"),
    [
        # everybody tells everybody its own block, and passes nothing on
        (Role("mesh", NODES), 11, 11, 11),
        # 10 clients are told all blocks but their own, the other reflector ours and the clients'; it repeats the clients'
        (Role("reflector", NODES, 2, reflects=True), 11, 11 + 10, 10 * 11 + 11),
        # all blocks but our own, from both
        (Role("client", NODES, 2), 2, 2 * 11, 2),
    ],
)
def test_a_role_costs_what_the_rfcs_say(role: Role, sessions: int, routes_in: int, routes_out: int) -> None:
    result = measure(role)
    assert len(role.peers) == sessions
    assert result.messages[0] - sessions == routes_in
    assert told(result) == routes_out
    assert result.routes == NODES
    assert result.keepalives == sessions * 2 * MINUTE / (HOLD / 3)


def test_the_tables_name_every_role() -> None:
    results = [Result(role, 10, (1, 2), (3, 4), 0.5, 1.5, 60, 0.1) for role in roles(10)]
    assert [line.split(" | ")[1] for line in list(lines(results))[2:]] == [role.name for role in roles(10)]
    # 8 clients with 2 sessions each, and the one between the reflectors
    assert "| 10 | 2 reflectors | 17 |" in list(whole(results))[3]
