"""The decision: a snapshot and the name of a node -> what that node does.

Pure: the same snapshot, name and host give the same plan. Everything that cannot be done as it is asked for is a
problem of the plan, and leaves the rest as it is.
"""

from collections.abc import Iterable
from typing import Final

from bgpd.cluster import origins
from bgpd.cluster.facts import Facts
from bgpd.cluster.judge import PROGRAMS
from bgpd.cluster.plan import Compat, Host, NodePlan, Origin, PeerKind, PeerPlan, Static
from bgpd.cluster.problem import Cause, Problem
from bgpd.cluster.resources import BGPPeer, IPPool, Node
from bgpd.cluster.rulebook import RuleBook, marked
from bgpd.cluster.scalars import Net
from bgpd.cluster.sessions import Sessions
from bgpd.cluster.snapshot import Snapshot
from bgpd.model import Overlay, PoolSpec
from bgpd.wire.prefix import pack_prefix

_OVERLAYS: Final = {"Never": Overlay.NEVER, "CrossSubnet": Overlay.CROSS_SUBNET, "Always": Overlay.ALWAYS}
NOBODY: Final = Host()


class UnknownNodeError(LookupError):
    """There is no such node in the snapshot."""


def decide(
    snapshot: Snapshot, name: str, host: Host = NOBODY, *, compat: Compat | None = None, router_id: str = ""
) -> NodePlan:
    """What the node `name` does. Raises UnknownNodeError where there is none of this name.

    `compat` overrides what the cluster says; `router_id` is as in `Facts.router_id`.
    """
    node = snapshot.get(Node, name)
    if node is None:
        known = ", ".join(list(snapshot.all(Node))[:10]) or "none at all"
        raise UnknownNodeError(f"there is no node {name}; there are: {known}")
    facts = Facts(snapshot, node, compat)
    service = origins.services(facts, host)
    originate = _once(origins.origins(facts, service))
    sessions = Sessions(facts, host, RuleBook(facts, service)).collect()
    problems = [*sessions.problems, *service.problems]
    neighbors = tuple(sessions.found.values())
    pools, foreign = _forwarding(facts, host, problems)
    if not neighbors and len(snapshot.all(Node)) > 1:
        text = "it has no session with anybody: there is no mesh for it, and no BGPPeer picks it"
        problems.append(Problem("Node", name, "", text, node.meta.where, Cause.ABSURD))
    return NodePlan(
        node=name,
        asn=facts.asn,
        router_id=facts.router_id(router_id),
        listen=facts.listen,
        neighbors=neighbors,
        originate=originate,
        static=_static(facts, neighbors),
        communities=marked(facts),
        pools=pools,
        log_level=facts.log_level,
        compat=facts.compat,
        ignored_interfaces=facts.ignored_interfaces,
        workload_addresses=_workload_addresses(facts, neighbors),
        not_programmed=foreign,
        service_ranges=origins.all_service_ranges(facts),
        checked=service.checked,
        problems=tuple(problems),
    )


def _once(found: Iterable[Origin]) -> tuple[Origin, ...]:
    """Each prefix once, as it was first said."""
    by_net: dict[Net, Origin] = {}
    for each in found:
        by_net.setdefault(each.net, each)
    return tuple(by_net.values())


def _static(facts: Facts, neighbors: tuple[PeerPlan, ...]) -> tuple[Static, ...]:
    """How the peers are reached that a BGPPeer gives a way to."""
    ways = {f"BGPPeer {name}": peer.reachable_by for name, peer in facts.snapshot.all(BGPPeer).items()}
    return tuple(
        Static(
            net=(plan.family, pack_prefix(plan.address, plan.family.bits)),
            via=via,
            because=plan.because,
        )
        for plan in neighbors
        if (via := ways.get(plan.because)) is not None and len(via) == len(plan.address)
    )


def _workload_addresses(facts: Facts, neighbors: tuple[PeerPlan, ...]) -> tuple[bytes, ...]:
    """The virtual addresses that workloads peer with, where there are such peers."""
    if all(plan.kind is not PeerKind.WORKLOAD for plan in neighbors):
        return ()
    config, own = facts.config, facts.own
    found = (
        own.workload_peering_ipv4 or config.workload_peering_ipv4,
        own.workload_peering_ipv6 or config.workload_peering_ipv6,
    )
    return tuple(each for each in found if each is not None)


def _forwarding(facts: Facts, host: Host, problems: list[Problem]) -> tuple[tuple[PoolSpec, ...], tuple[Net, ...]]:
    """How packets reach each pool, and the pools whose routes somebody else writes to the kernel."""
    programs = PROGRAMS[facts.config.program_cluster_routes or "Enabled"]
    pools: list[PoolSpec] = []
    foreign: list[Net] = []
    for name, pool in facts.snapshot.all(IPPool).items():
        family, prefix = pool.cidr
        if pool.ipip_mode != "Never" and not host.ipip and "ipip" in programs:
            text = f"{pool.ipip_mode} needs IPIP tunnels, which this kernel or this daemon does not have"
            problems.append(Problem("IPPool", name, "spec.ipipMode", text, pool.meta.where, Cause.REFUSED))
        if pool.vxlan_mode != "Never":
            pools.append(PoolSpec(family=family, prefix=prefix, overlay=_OVERLAYS[pool.vxlan_mode]))
        elif ("ipip" if pool.ipip_mode != "Never" else "plain") not in programs:
            foreign.append(pool.cidr)
    return tuple(pools), tuple(foreign)
