"""The snapshot: what the daemon need not say has a value that says nothing."""

from bgpd.http.snapshot import FibMetrics, MetricsSnapshot, NeighborMetrics


def test_what_is_not_said_is_nothing() -> None:
    snapshot = MetricsSnapshot(version="0", python="3", compiled=("rib",), asn=1, router_id="1.1.1.1", ready=False)
    assert (list(snapshot.neighbors), dict(snapshot.prefixes), snapshot.fib, snapshot.loop_stall) == (
        [],
        {},
        None,
        None,
    )
    neighbor = NeighborMetrics(
        name="n", address="10.0.0.1", remote_asn=1, external=False, state="Idle", state_changed_at=0.0
    )
    assert (neighbor.established, dict(neighbor.dropped), neighbor.octets_sent) == (0, {}, 0)
    assert not FibMetrics().in_sync
