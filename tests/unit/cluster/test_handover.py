"""What outlives its plan: sessions until they are not needed, a reflector's role for a while."""

from dataclasses import replace
from math import inf

from bgpd.cluster.handover import LIMIT, Handover
from bgpd.cluster.plan import NodePlan, PeerKind, PeerPlan, Rule, Verb

NODES = ("a", "b", "c")
CLUSTER = b"\xf4\x00\x00\x01"


def peer(number: int, **more: object) -> PeerPlan:
    values: dict[str, object] = {
        "kind": PeerKind.MESH,
        "name": f"Mesh_10_0_0_{number}",
        "address": bytes((10, 0, 0, number)),
        "port": 179,
        "local_asn": 64512,
        "remote_asn": 64512,
        "remote_node": "abc"[number - 1],
    }
    return PeerPlan(**values | more)  # type: ignore[arg-type]


def plan(*peers: PeerPlan) -> NodePlan:
    return NodePlan(node="me", asn=64512, router_id=bytes((10, 0, 0, 9)), listen=(), neighbors=peers)


def after(*plans: NodePlan) -> Handover:
    handover = Handover()
    for each in plans:
        handover.lay(each, NODES, 0.0)
    return handover


def test_a_session_leaves_when_it_is_not_needed() -> None:
    handover = after(plan(peer(1), peer(2)))
    assert handover.deadline == inf
    laid = handover.lay(plan(peer(1)), NODES, 10.0)
    assert laid.neighbors == (peer(1), peer(2, leaving=True))
    assert handover.leaving == {peer(2).address: "Mesh_10_0_0_2"}
    assert handover.lay(plan(peer(1)), NODES, 20.0) == laid
    assert handover.deadline == 10.0 + LIMIT
    handover.done([peer(2).address])
    assert handover.lay(plan(peer(1)), NODES, 21.0) == plan(peer(1))
    assert (handover.leaving, handover.deadline) == ({}, inf)


def test_a_session_leaves_at_the_limit() -> None:
    handover = after(plan(peer(1), peer(2)), plan(peer(1)))
    assert len(handover.lay(plan(peer(1)), NODES, LIMIT - 0.1).neighbors) == 2
    assert handover.lay(plan(peer(1)), NODES, LIMIT) == plan(peer(1))


def test_a_session_that_is_wanted_again_does_not_leave() -> None:
    handover = after(plan(peer(1)), plan())
    assert handover.lay(plan(peer(1)), NODES, 50.0) == plan(peer(1))
    handover.lay(plan(), NODES, 55.0)
    assert handover.deadline == 55.0 + LIMIT


def test_what_ends_at_once() -> None:
    outside = peer(3, remote_node="")
    handover = after(plan(peer(1), peer(2), outside))
    laid = handover.lay(plan(), ("a",), 1.0)  # b is deleted, the third was never a node
    assert laid == plan(peer(1, leaving=True))
    other = replace(plan(), asn=64513)
    assert handover.lay(other, NODES, 2.0) == other


def test_a_reflector_goes_on_reflecting_for_a_while() -> None:
    told = (Rule(why="everything", verb=Verb.ACCEPT),)
    client = peer(1, kind=PeerKind.NODE, rr_client=True, cluster_id=CLUSTER, exports=told)
    handover = after(plan(client))
    laid = handover.lay(plan(peer(1)), NODES, 5.0)
    assert laid.neighbors == (peer(1, rr_client=True, cluster_id=CLUSTER, exports=told),)
    assert handover.lay(plan(peer(1)), NODES, 5.0 + LIMIT - 0.1) == laid
    assert handover.lay(plan(peer(1)), NODES, handover.deadline) == plan(peer(1))
    assert handover.deadline == inf
    assert handover.lay(plan(client), NODES, 100.0) == plan(client)


def test_another_cluster_is_taken_at_once() -> None:
    other = peer(1, rr_client=True, cluster_id=b"\x01\x01\x01\x01")
    assert after(plan(peer(1, rr_client=True, cluster_id=CLUSTER))).lay(plan(other), NODES, 1.0) == plan(other)
