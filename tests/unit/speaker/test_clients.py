"""Who is a client of ours, and in which cluster, changes on a session that stays (RFC 4456)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bgpd.model import NeighborSpec
from bgpd.policy.reflection import CLUSTER_LIST
from bgpd.rib.loc_rib import SLICE
from bgpd.rib.path import Path
from bgpd.wire.family import IPV4
from tests.unit.speaker.helpers import LOCAL, Bench, Peer, prefix_of, spec_of

A, B = "192.168.1.11", "192.168.1.12"
ONE = "10.1.0.0/24"
CLUSTER, OTHER = b"\x01\x01\x01\x01", b"\x02\x02\x02\x02"


def mesh() -> tuple[Bench, Peer, Peer]:
    """Two plain internal neighbors, of which one has given a route."""
    bench = Bench(spec_of(A), spec_of(B))
    a, b = bench.establish(A), bench.establish(B)
    a.announce(ONE)
    assert b.told() == {}
    return bench, a, b


def change(bench: Bench, address: str, *, turn: bool = True, **fields: object) -> None:
    def changed(spec: NeighborSpec) -> NeighborSpec:
        return replace(spec, **fields) if spec.name == address else spec  # type: ignore[arg-type]

    spec = bench.speaker.spec
    bench.speaker.reconfigure(replace(spec, neighbors=tuple(map(changed, spec.neighbors))), bench.now)
    if turn:
        bench.turn()


def clusters(peer: Peer) -> bytes | None:
    """The CLUSTER_LIST of what a peer was told of the route; b"" where it was told nothing."""
    attrs = peer.told().get(prefix_of(ONE))
    return attrs.get(CLUSTER_LIST) if attrs is not None else b""


@pytest.mark.parametrize("who", [A, B])
def test_a_neighbor_becomes_a_client_and_is_one_no_more(who: str) -> None:
    bench, a, b = mesh()
    change(bench, who, rr_client=True)
    assert clusters(b) == LOCAL  # to a client, or from one
    change(bench, who, cluster_id=CLUSTER)
    assert clusters(b) == CLUSTER
    change(bench, who, cluster_id=OTHER)
    assert clusters(b) == OTHER
    change(bench, who, rr_client=False)
    assert b.told() == {}
    assert (a.transport.closed, b.transport.closed) == (0, 0)
    a.withdraw(ONE)
    assert len(bench.speaker.tables[IPV4].rib) == 0


def test_a_route_of_a_cluster_that_becomes_ours_is_a_loop() -> None:
    bench, a, _ = mesh()
    a.announce(ONE, others={CLUSTER_LIST: CLUSTER})
    table = bench.speaker.tables[IPV4].rib
    change(bench, B, rr_client=True, cluster_id=CLUSTER)
    assert table.best(prefix_of(ONE)) is None
    change(bench, B, rr_client=False, cluster_id=None)
    assert table.best(prefix_of(ONE)) is not None


def lost(bench: Bench, a: Peer) -> None:
    a.close()


def again(bench: Bench, a: Peer) -> None:
    change(bench, A, cluster_id=OTHER, turn=False)


@pytest.mark.parametrize("then", [lost, again])
def test_something_happens_while_the_routes_are_handed_over(then: Callable[[Bench, Peer], None]) -> None:
    """Half of them belong to the neighbor as it was, half to what it is now: none is forgotten."""
    bench, a, b = mesh()
    many = [f"10.{n >> 8}.{n & 255}.0/24" for n in range(512, 512 + SLICE)]  # one is left for a second slice
    halves = many[: SLICE // 2], many[SLICE // 2 :]
    for half in halves:
        a.announce(*half)
    change(bench, A, turn=False, rr_client=True, cluster_id=CLUSTER)
    bench.speaker.run(bench.now, lambda: False)
    sources = {path.source for entry in list(bench.speaker.tables[IPV4].rib.table) for path in paths(bench, entry)}
    assert len(sources) == 2
    then(bench, a)
    bench.turn()
    if then is lost:
        assert len(bench.speaker.tables[IPV4].rib) == 0
        assert b.told() == {}
    else:
        assert {attrs.get(CLUSTER_LIST) for attrs in b.told().values()} == {OTHER}
        assert len(b.told()) == SLICE + 1
        for some in ([ONE], *halves):
            a.withdraw(*some)
        assert len(bench.speaker.tables[IPV4].rib) == 0


def paths(bench: Bench, prefix: bytes) -> tuple[Path, ...]:
    return bench.speaker.tables[IPV4].rib.candidates(prefix)
