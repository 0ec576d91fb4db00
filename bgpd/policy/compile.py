"""From a neighbor's spec to its two chains.

Rules are resolved here: an internal neighbor's unset rules mean import all and export own; an external one's
mean that nothing passes (RFC 8212), which `silent_note` says in words.
"""

from typing import Final

from bgpd.model import ExportRule, ImportRule, NeighborSpec, NextHopRule, PolicySpec, SpeakerSpec
from bgpd.policy import builtin, courtesy, reflection, rewrite, roles
from bgpd.policy.chain import Chain, Context, Term
from bgpd.policy.terms import Policy, PolicyTable
from bgpd.wire.family import Family

_IMPORT_CHECKS: Final[tuple[Term, ...]] = (
    builtin.as_loop,
    builtin.originator_loop,
    reflection.cluster_loop,
    builtin.next_hop_ours,
)
_COURTESIES: Final[tuple[Term, ...]] = (courtesy.keep_blackhole, courtesy.honour_shutdown)
_IMPORT_EXTERNAL: Final[tuple[Term, ...]] = (
    builtin.first_as,
    builtin.as_loop,
    builtin.next_hop_ours,
)


def import_rule(spec: NeighborSpec) -> ImportRule:
    """The rule in force; UNSET stays only where RFC 8212 applies."""
    if spec.import_rule is ImportRule.UNSET and not spec.external:
        return ImportRule.ALL
    return spec.import_rule


def export_rule(spec: NeighborSpec) -> ExportRule:
    """The rule in force; UNSET stays only where RFC 8212 applies."""
    if spec.export_rule is ExportRule.UNSET and not spec.external:
        return ExportRule.ALL if spec.rr_client else ExportRule.OWN  # whom we reflect to wants everything
    return spec.export_rule


def silent_note(spec: NeighborSpec) -> str | None:
    """What RFC 8212 keeps from passing, and what to do about it; None where it does not apply."""
    no_import = import_rule(spec) is ImportRule.UNSET
    no_export = export_rule(spec) is ExportRule.UNSET
    if no_import and no_export:
        what, do = "nothing is exchanged", "import=all and export=own or export=all"
    elif no_import:
        what, do = "nothing is accepted", "import=all (or import=none)"
    elif no_export:
        what, do = "nothing is announced", "export=own or export=all (or export=none)"
    else:
        return None
    return f"eBGP without a stated policy: {what} (RFC 8212); set {do}"


def cluster_of(spec: NeighborSpec, router_id: bytes) -> bytes:
    """The cluster of a route reflector client (RFC 4456 section 7); empty where it is none."""
    if not spec.rr_client:
        return b""
    return router_id if spec.cluster_id is None else spec.cluster_id


def cluster_ids(spec: SpeakerSpec) -> frozenset[bytes]:
    """Every cluster that the speaker reflects for: one of these in a CLUSTER_LIST is a loop."""
    neighbors = [*spec.neighbors, *[each.template for each in spec.ranges]]
    return frozenset([cluster_of(neighbor, spec.router_id) for neighbor in neighbors if neighbor.rr_client])


def _role(spec: NeighborSpec) -> int:
    return spec.role.value if spec.role is not None and spec.external else -1


def import_chain(
    spec: NeighborSpec,
    *,
    router_id: bytes,
    local_addresses: frozenset[bytes] = frozenset(),
    family: Family | None = None,
    policies: PolicyTable | None = None,
    clusters: frozenset[bytes] = frozenset(),
) -> Chain:
    """What of this neighbor's routes enters the loc-rib. `local_addresses`: packed addresses of this speaker.

    `clusters`: every one that the speaker reflects for (`cluster_ids`).
    `family` is for policies that somebody wrote, and `policies` shares them; without it they are compiled here.
    """
    context = Context(
        local_asn=spec.local_asn,
        remote_asn=spec.remote_asn,
        router_id=router_id,
        local_addresses=local_addresses,
        family=family,
        peer_address=spec.address,
        importing=True,
        cluster_ids=clusters,
        role=_role(spec),
        second_asn=spec.speaker_asn,
        allow_own_as=spec.allow_own_as,
    )
    rule = import_rule(spec)
    if rule is ImportRule.UNSET:
        return Chain((builtin.reject_unset_import,), context)
    if rule is ImportRule.NONE:
        return Chain((builtin.reject_import,), context)
    terms = _IMPORT_EXTERNAL if spec.external else _IMPORT_CHECKS
    if context.role >= 0:
        terms = (*terms, roles.leak_in)
    if spec.import_policy is None:
        return Chain((*terms, *_COURTESIES), context)
    policy = _compiled(spec.import_policy, policies)
    return Chain((*terms, policy, *_COURTESIES), context, policy.classify if policy.reads_prefix else None)


def _compiled(spec: PolicySpec, policies: PolicyTable | None) -> Policy:
    return Policy(spec) if policies is None else policies.get(spec)


def export_chain(
    spec: NeighborSpec,
    *,
    router_id: bytes,
    next_hop: bytes,
    next_hop_self: bool = False,
    family: Family | None = None,
    policies: PolicyTable | None = None,
    knows_llgr: bool = False,
    drain: bool = False,
    waits: bool = False,
    short_next_hop: bool = False,
) -> Chain:
    """What of the loc-rib goes to this neighbor, and in which form.

    `next_hop` is ours on this session for the family at hand: 4 octets, 16, 32 (global + link-local, where the
    peer is on our link), or empty where there is none: then nothing that needs it is announced. `knows_llgr`: the
    peer knows RFC 9494. `drain`: everything carries GRACEFUL_SHUTDOWN (RFC 8326). `waits`: only what is originated here
    goes yet (RFC 4724 section 4.1). `short_next_hop`: IPv4 routes on a session without RFC 8950.
    """
    context = Context(
        local_asn=spec.local_asn,
        remote_asn=spec.remote_asn,
        router_id=router_id,
        next_hop=next_hop,
        next_hop_self=next_hop_self,
        family=family,
        peer_address=spec.address,
        client_cluster=cluster_of(spec, router_id),
        role=_role(spec),
        short_next_hop=short_next_hop,
        keep_next_hop=spec.next_hop is NextHopRule.KEEP,
    )
    rule = export_rule(spec)
    if rule is ExportRule.UNSET:
        return Chain((builtin.reject_unset_export,), context)
    if rule is ExportRule.NONE:
        return Chain((builtin.reject_export,), context)
    terms: list[Term] = [builtin.not_yet] if waits else []
    if rule is ExportRule.OWN:
        stated = spec.external or spec.export_rule is not ExportRule.UNSET
        terms.append(builtin.only_own if stated else reflection.own_or_clients)
    terms.append(builtin.well_known)
    if not knows_llgr:
        terms.append(courtesy.refuse_stale)
    if not spec.external:
        terms.append(reflection.full_mesh)
    # A policy sees the route as the loc-rib has it; the form that the protocol demands comes last.
    policy = _compiled(spec.export_policy, policies) if spec.export_policy is not None else None
    if policy is not None:
        terms.append(policy)
    if not spec.external:
        terms.append(reflection.reflect)
    elif context.role >= 0:
        terms.append(roles.leak_out)
    if spec.external and spec.as_override:
        terms.append(rewrite.override)
    if spec.external and spec.remove_private_as:
        terms.append(rewrite.remove_private)
    terms.append(builtin.to_external if spec.external else builtin.to_internal)
    if drain or spec.graceful_shutdown:
        terms.append(courtesy.announce_shutdown)
    return Chain(tuple(terms), context, policy.classify if policy is not None and policy.reads_prefix else None)
