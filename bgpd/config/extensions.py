"""What a neighbor's settings of protocol extensions mean together: reflection, ADD-PATH, next hops, roles.

Each of them reads one or two keys; what contradicts another key is an error, what has no effect a warning.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bgpd.config.report import Report
from bgpd.config.values import PeerValues, Values
from bgpd.model import AddPath, NeighborSpec, NextHopRule
from bgpd.wire.family import IPV4


def extensions(peer: PeerValues, *, external: bool, who: str, report: Report) -> dict[str, Any]:
    """Fields of NeighborSpec. `who` is the neighbor's AS in words."""

    def wrong(say: Callable[..., None], key: str, text: str) -> None:
        say(peer.at(key), f"{peer.field}: {key}", text)

    if external and peer.get("rr-client"):
        wrong(report.error, "rr-client", f"a client is in our own AS (RFC 4456), this neighbor is external ({who})")
    if "cluster-id" in peer.fields and not peer.get("rr-client"):
        wrong(report.warn, "cluster-id", "does nothing without rr-client")
    if not external and "role" in peer.fields:
        wrong(report.error, "role", "roles are for external neighbors (RFC 9234), this one is in our own AS")
    if peer.get("role-strict") and "role" not in peer.fields:
        wrong(report.error, "role-strict", "needs a role of ours: role=provider, customer, peer, rs or rs-client")
    ways = add_path_of(peer)
    sends = [way for _, way in ways if way in (AddPath.SEND, AddPath.BOTH)]
    if "add-path-paths" in peer.fields and not sends:
        wrong(report.warn, "add-path-paths", "does nothing without add-path=send or add-path=both")
    if external and peer.get("next-hop") is not NextHopRule.KEEP and sends:
        wrong(
            report.warn,
            "add-path",
            "an external neighbor may choose a path that is not our best one, but its packets take our best one all "
            "the same: where that leads back to it, they go round in circles",
        )
    for family, _ in ways:
        if family not in peer.get("families"):
            wrong(report.warn, "add-path", f"{family.name} is not among the families of this neighbor")
    if peer.get("extended-next-hop") and IPV4 not in peer.get("families"):
        wrong(report.warn, "extended-next-hop", "does nothing without the family ipv4")
    return {
        "rr_client": peer.get("rr-client"),
        "cluster_id": peer.get("cluster-id"),
        "extended_messages": peer.get("extended-messages"),
        "add_path": ways,
        "add_path_paths": peer.get("add-path-paths"),
        "extended_next_hop": peer.get("extended-next-hop"),
        "role": peer.get("role"),
        "role_strict": peer.get("role-strict"),
    }


def add_path_of(peer: PeerValues) -> tuple[tuple[Any, AddPath], ...]:
    """ADD-PATH by family. One word is for every family of the neighbor."""
    value = peer.get("add-path")
    pairs = [(family, value) for family in peer.get("families")] if isinstance(value, AddPath) else value
    return tuple([(family, way) for family, way in pairs if way is not AddPath.OFF])


def with_cluster(spec: NeighborSpec, cluster: bytes | None) -> NeighborSpec:
    """A client without a cluster id of its own is in the speaker's."""
    return replace(spec, cluster_id=cluster) if spec.rr_client and spec.cluster_id is None else spec


def judge_cluster(values: Values, clients: bool, report: Report) -> bytes | None:
    """The speaker-wide cluster id."""
    cluster: bytes | None = values.get("cluster-id")
    if cluster is not None and not clients:
        report.warn(values.at("cluster-id"), "cluster-id", "does nothing: no neighbor has rr-client")
    return cluster
