"""A neighbor's settings in words: only what differs from the plain neighbor, for `show neighbor`."""

from collections.abc import Mapping

from bgpd.model import AddPath, LimitAction, NeighborSpec, NextHopRule
from bgpd.policy.compile import cluster_of
from bgpd.policy.rewrite import private
from bgpd.rib.loc_rib import IDENTIFIERS
from bgpd.speaker.neighbor import Rib
from bgpd.wire.capability import MAX_MESSAGE, Negotiated, Open
from bgpd.wire.family import Family
from bgpd.wire.iana import CapabilityCode
from bgpd.wire.prefix import format_address


def transport(spec: NeighborSpec) -> list[str]:
    """How the connection is made and guarded."""
    words = []
    if spec.ttl_security:
        hops = "hop" if spec.ttl_security == 1 else "hops"
        words.append(f"GTSM, {spec.ttl_security} {hops} (TTL 255 sent, less than {spec.least_ttl} dropped)")
    elif spec.ttl:
        words.append(f"TTL {spec.ttl}")
    if spec.interface:
        words.append(f"bound to {spec.interface}")
    if spec.password is not None:
        words.append("TCP MD5")
    if spec.ao_keys:
        words.append("TCP-AO, " + ", ".join(f"key {key.send_id}/{key.receive_id}" for key in spec.ao_keys))
    return words


def rewriting(spec: NeighborSpec) -> list[str]:
    """What becomes of AS paths and next hops."""
    words = []
    if spec.speaker_asn:
        words.append(f"local-as {spec.local_asn} (ours is {spec.speaker_asn})")
    if spec.allow_own_as:
        words.append(f"our AS allowed {spec.allow_own_as} times in what it gives")
    if spec.as_override:
        words.append("our AS in place of its own")
    if spec.remove_private_as:
        own = " but its own" if private(spec.remote_asn) else ""
        words.append(f"no AS for private use{own}")
    if spec.next_hop is not NextHopRule.AUTO:
        words.append("next hop self" if spec.next_hop is NextHopRule.SELF else "next hop kept")
    if spec.default_originate:
        words.append("a default route of our own")
    return words


def extensions(spec: NeighborSpec, router_id: bytes, negotiated: Negotiated | None, remote: Open | None) -> list[str]:
    """Reflection, roles, and what both ends know beyond the base protocol. `router_id` is ours."""
    words = []
    if cluster := cluster_of(spec, router_id):
        words.append(f"route reflector client, cluster {format_address(cluster)}")
    if spec.leaving:
        words.append("leaving as soon as its routes come from others")
    if spec.role is not None and spec.external:
        words.append(f"we are {spec.role.label}, it is {_role(remote)}")
    if negotiated is None:
        return words
    if negotiated.max_message > MAX_MESSAGE:
        words.append(f"messages of up to {negotiated.max_message} octets")
    if negotiated.enhanced_refresh:
        words.append("marked refreshes")
    if negotiated.extended_next_hop:
        words.append("IPv4 over IPv6 next hops")
    words.extend([f"{spec.add_path_paths or 'all'} paths of {family.name} sent" for family in negotiated.add_path_send])
    return words


def _role(remote: Open | None) -> str:
    if remote is None:
        return "not heard yet"
    told = [each.describe() for each in remote.capabilities if each.code == CapabilityCode.ROLE]
    return told[0].removeprefix("role ") if told else "untold"


def add_path(negotiated: Negotiated | None, family: Family) -> str:
    """Which way several paths of a family go on a session."""
    if negotiated is None:
        return ""
    way = (1 if family in negotiated.add_path_receive else 0) | (2 if family in negotiated.add_path_send else 0)
    return AddPath(way).label if way else ""


def limits(spec: NeighborSpec, ribs: Mapping[Family, Rib]) -> list[str]:
    """How many routes, and what happens beyond; what was beyond the paths that one prefix may have."""
    words = []
    if spec.max_prefix:
        words.append(f"{spec.max_prefix} routes of a family from it")
    if spec.max_prefix_out:
        words.append(f"{spec.max_prefix_out} routes of a family to it")
    if words:
        restart = spec.max_prefix_action is LimitAction.RESTART
        pause = f" after {spec.max_prefix_restart:g} s" if restart else ""
        words[-1] += f"; beyond: {spec.max_prefix_action.value}{pause}"
    for family, rib in ribs.items():
        if ignored := rib.source.beyond:
            words.append(f"{ignored} paths of {family.name} ignored: more than {IDENTIFIERS} for one prefix")
    return words
