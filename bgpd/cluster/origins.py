"""What a node announces as its own: its blocks, addresses it borrowed, service ranges and service addresses."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bgpd.cluster import selector
from bgpd.cluster.check import is_community
from bgpd.cluster.facts import Facts
from bgpd.cluster.metallb import BGPAdvertisement, Community, IPAddressPool, aggregate, picks, within
from bgpd.cluster.own import ServiceAddress
from bgpd.cluster.plan import Host, Origin
from bgpd.cluster.problem import Cause, Problem
from bgpd.cluster.resources import BlockAffinity, IPAMBlock
from bgpd.cluster.rules import Announced
from bgpd.cluster.scalars import HostAddress, Net, first_address
from bgpd.wire.prefix import pack_prefix

#: a node with this label is no way in for service addresses
EXCLUDED: Final = "node.kubernetes.io/exclude-from-external-load-balancers"


@dataclass(frozen=True, slots=True)
class Service:
    """The service addresses of this node: how each prefix is announced, which to check, and what is wrong."""

    announced: tuple[Announced, ...]
    checked: tuple[str, ...]
    problems: tuple[Problem, ...]


def blocks(facts: Facts) -> tuple[Net, ...]:
    """The blocks of this node: confirmed, and (where the block is known) really its own.

    A node without any claim takes its addresses from what its status says (host-local addresses).
    """
    owned = {block.cidr: block.node for block in facts.snapshot.all(IPAMBlock).values() if not block.deleted}
    found = [
        claim.cidr
        for claim in facts.snapshot.all(BlockAffinity).values()
        if claim.node == facts.name
        and claim.state == "confirmed"
        and not claim.deleted
        and claim.type == "host"
        and owned.get(claim.cidr, facts.name) == facts.name
    ]
    return tuple(sorted(set(found) or set(facts.node.pod_cidrs), key=_order))


def borrowed(facts: Facts) -> tuple[Net, ...]:
    """Addresses of other nodes' blocks that workloads of this node have."""
    found: set[Net] = set()
    for block in facts.snapshot.all(IPAMBlock).values():
        if block.node == facts.name or block.deleted or not block.affinity.startswith("host:"):
            continue
        mine = {
            place
            for place, attributes in enumerate(block.attributes)
            if attributes.owner.get("node") == facts.name and not attributes.released
        }
        if not mine:
            continue
        family = block.cidr[0]
        base = int.from_bytes(first_address(block.cidr), "big")
        for number, place in enumerate(block.allocations):
            if place in mine:
                found.add((family, pack_prefix((base + number).to_bytes(family.octets, "big"), family.bits)))
    return tuple(sorted(found, key=_order))


def service_ranges(facts: Facts) -> tuple[Net, ...]:
    """The configured ranges that this node announces: those of clusters, and (not excluded) of the outside."""
    config = facts.config
    ranges = [*config.service_cluster_ips]
    if facts.node.meta.labels.get(EXCLUDED) != "true":
        ranges += config.service_external_ips
        if config.lb_aggregation == "Enabled":
            ranges += config.service_lb_ips
    return tuple(dict.fromkeys(net for net in ranges))


def all_service_ranges(facts: Facts) -> tuple[Net, ...]:
    """Every configured range: packets to them are the service proxy's, so no route to them enters the kernel."""
    config = facts.config
    return tuple(dict.fromkeys((*config.service_cluster_ips, *config.service_external_ips, *config.service_lb_ips)))


def origins(facts: Facts, service: Service) -> Iterator[Origin]:
    """Everything that this node announces as its own. A longer prefix than a block's is never guarded."""
    for net in blocks(facts):
        yield Origin(net=net, blackhole=net[1][0] < net[0].bits, because="block")
    for net in borrowed(facts):
        yield Origin(net=net, blackhole=False, because="borrowed address")
    for net in service_ranges(facts):
        yield Origin(net=net, blackhole=False, because="service range")
    for announced in service.announced:
        yield Origin(net=announced.net, blackhole=False, because=announced.why)


# -- service addresses


def services(facts: Facts, host: Host) -> Service:
    """The service addresses that this node announces at this moment."""
    announced: list[Announced] = []
    checked: list[str] = []
    problems: list[Problem] = []
    for name, service in facts.snapshot.all(ServiceAddress).items():
        if not _here(facts, service):
            continue
        if service.health_check is not None:
            checked.append(name)
            if host.healthy is not None and name not in host.healthy:
                continue
        for number, address in enumerate(service.addresses):
            found = list(_announced(facts, service, address))
            if not found:
                text = f"no BGPAdvertisement is about the IPAddressPool of {address.text}: nobody is told of it"
                field = f"spec.addresses[{number}]"
                problems.append(Problem("ServiceAddress", name, field, text, service.meta.where, Cause.MISSING))
            announced += found
    return Service(tuple(dict.fromkeys(announced)), tuple(checked), tuple(problems))


def _here(facts: Facts, service: ServiceAddress) -> bool:
    """Whether this node is one of those that may announce it."""
    if facts.node.meta.labels.get(EXCLUDED) == "true":
        return False
    if service.nodes:
        return facts.name in service.nodes
    return selector.matches(service.node_selector, facts.node.meta.labels)


def _announced(facts: Facts, service: ServiceAddress, address: HostAddress) -> Iterator[Announced]:
    """How one address is announced: as it is, or as MetalLB's resources say where they know it."""
    net: Net = (address.family, address.subnet)
    pool = next((each for each in facts.snapshot.all(IPAddressPool).values() if each.holds(address.address)), None)
    if pool is None:
        yield Announced(net=net, why=f"ServiceAddress {service.meta.name}")
        return
    names = _aliases(facts)
    for it in facts.snapshot.all(BGPAdvertisement).values():
        if not it.takes(pool) or not picks(it.node_selectors, facts.node.meta.labels):
            continue
        if not picks(it.service_selectors, service.meta.labels):
            continue
        length = it.aggregation if address.family.octets == 4 else it.aggregation_v6
        whole = aggregate(address.address, length) if length < address.length else net
        if not within(pool, whole):
            whole = net  # an aggregate that holds strangers' addresses too would draw their packets here
        yield Announced(
            net=whole,
            why=f"BGPAdvertisement {it.meta.name}",
            communities=tuple(word if is_community(word) else names[word] for word in it.communities),
            local_pref=it.local_pref or None,
            peers=frozenset(it.peers) if it.peers else None,
        )


def _aliases(facts: Facts) -> dict[str, str]:
    found = facts.snapshot.all(Community).values()
    return {alias.name: alias.value for each in found for alias in each.communities}


def _order(net: Net) -> tuple[int, bytes]:
    return net[0].octets, first_address(net) + net[1][:1]
