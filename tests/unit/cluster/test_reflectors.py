"""Elections: everybody comes to the same result, spread over zones, and little moves when a node comes or goes."""

from bgpd.cluster.decide import decide
from bgpd.cluster.plan import Host
from bgpd.cluster.reflectors import ZONE, elect
from bgpd.cluster.resources import Node
from tests.unit.cluster.world import by_address, cluster, node, nodes, own

AUTO = own("ClusterConfiguration", "default", mesh="auto", meshLimit=4)


def typed(count: int, zones: int) -> list[Node]:
    found = [node(f"node-{n}", f"10.0.0.{n}/24", **{ZONE: f"z{n % zones}"}) for n in range(1, count + 1)]
    return [each for each in found if isinstance(each, Node)]


def test_zones_share_the_reflectors() -> None:
    members = typed(30, 3)
    chosen = elect(members, 3)
    assert {each.meta.labels[ZONE] for each in members if each.meta.name in chosen} == {"z0", "z1", "z2"}
    assert elect(reversed(members), 3) == chosen
    assert len(elect(members, 5)) == 5
    assert elect([], 3) == frozenset()


def test_a_node_that_leaves_moves_at_most_one_reflector() -> None:
    members = typed(40, 4)
    chosen = elect(members, 4)
    for gone in members:
        assert len(chosen - elect([each for each in members if each is not gone], 4)) <= 1


def test_up_to_the_limit_it_is_a_full_mesh() -> None:
    assert len(decide(cluster(nodes(4), AUTO), "node-1").neighbors) == 6


def test_above_the_limit_everybody_has_a_session_with_each_reflector() -> None:
    snapshot = cluster([node(f"node-{n}", f"10.0.0.{n}/24") for n in range(1, 11)], AUTO)
    plans = {f"node-{n}": decide(snapshot, f"node-{n}") for n in range(1, 11)}
    reflectors = {name for name, plan in plans.items() if any(each.rr_client for each in plan.neighbors)}
    assert len(reflectors) == 3
    for name, plan in plans.items():
        others = {each.remote_node for each in plan.neighbors}
        assert others == (set(plans) - {name} if name in reflectors else reflectors)
        for each in plan.neighbors:
            assert each.rr_client is (name in reflectors and each.remote_node not in reflectors)
            mirror = by_address(plans[each.remote_node])
            back = next(session for session in mirror.values() if session.remote_node == name)
            assert back.passive is not each.passive


def test_reflectors_that_do_not_report_are_replaced() -> None:
    snapshot = cluster([node(f"node-{n}", f"10.0.0.{n}/24") for n in range(1, 11)], AUTO)
    before = {each.remote_node for each in decide(snapshot, "node-1").neighbors}
    names = frozenset(f"node-{n}" for n in range(1, 11))
    if len(before) > 3:
        before = {each.remote_node for each in decide(snapshot, "node-2").neighbors}
    dead = min(before)
    plan = decide(snapshot, "node-1" if dead != "node-1" else "node-2", Host(alive=names - {dead}))
    reflectors = {each.remote_node for each in plan.neighbors}
    assert dead not in reflectors or len(reflectors) > 3  # a reflector itself still hears everybody
