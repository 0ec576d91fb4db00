"""A node's plan as the speaker's spec: sessions become neighbors, rules become policies.

Nothing of the plan is lost on the way: a rule that no term can say is a bug here, and raises. What only the machine
knows comes in: passwords, and which prefixes are reached over which interface.
"""

import fnmatch
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from bgpd.cluster.plan import Compat, Host, NodePlan, PeerPlan, Rule, Verb, Within
from bgpd.cluster.problem import Cause, Problem
from bgpd.cluster.resources import NORMAL_PRIORITY, SecretRef
from bgpd.model import (
    AddPath,
    Condition,
    Edit,
    ExportRule,
    GracefulRestart,
    ImportRule,
    NeighborSpec,
    Originate,
    PolicySpec,
    PolicyTerm,
    PoolSpec,
    SpeakerSpec,
    StaticRoute,
    TermAction,
)
from bgpd.policy import communities
from bgpd.wire.family import FAMILIES

_ACTIONS: Final = {Verb.ACCEPT: TermAction.ACCEPT, Verb.REJECT: TermAction.REJECT, Verb.NEXT: TermAction.NEXT}
#: a match that holds for no route: an AS path has no length of four billion
_NEVER: Final = Condition("as-path-length", ((0xFFFFFFFF, 0xFFFFFFFF),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The spec, and what kept a session out of it."""

    speaker: SpeakerSpec
    problems: tuple[Problem, ...]


def compile_plan(plan: NodePlan, base: SpeakerSpec, passwords: Mapping[SecretRef, bytes], host: Host) -> Compiled:
    """The plan laid over `base`, which has everything that is no cluster's business (tables, metrics of the kernel).

    Neighbors and prefixes of `base` stay, and come first where both mean one address. A session whose password is not
    in `passwords` is left out: it fails closed.
    """
    maker = _Maker(plan, host)
    neighbors = {each.identity: each for each in base.neighbors}
    problems: list[Problem] = []
    for peer in plan.neighbors:
        password = peer.plain_password.encode() or None
        if peer.password is not None:
            password = passwords.get(peer.password)
            if not password:
                secret = peer.password
                text = f"secret {secret.name} has no key {secret.key}: the session with {peer.name} stays down"
                problems.append(Problem("", peer.because, "password", text, "", Cause.MISSING))
                continue
            if len(password) > 80:
                text = f"the password of {peer.name} is longer than 80 octets, which TCP MD5 does not take"
                problems.append(Problem("", peer.because, "password", text, "", Cause.VALUE))
                continue
        spec = maker.neighbor(peer, password)
        neighbors.setdefault(spec.identity, spec)
    known = {(each.family, each.prefix) for each in base.originate}
    own = [
        Originate(family=each.net[0], prefix=each.net[1], blackhole=each.blackhole)
        for each in plan.originate
        if each.net not in known
    ]
    foreign = [
        PoolSpec(family=family, prefix=prefix, foreign=True)
        for family, prefix in dict.fromkeys((*plan.not_programmed, *plan.service_ranges))
    ]
    kernel = replace(base.kernel, pools=(*(plan.pools or base.kernel.pools), *foreign))
    if plan.compat is Compat.CALICO_333:
        kernel = replace(kernel, metric=NORMAL_PRIORITY)
    speaker = replace(
        base,
        asn=plan.asn,
        router_id=plan.router_id,
        neighbors=tuple(neighbors.values()),
        originate=(*base.originate, *own),
        kernel=kernel,
        static=tuple(StaticRoute(family=each.net[0], prefix=each.net[1], via=each.via) for each in plan.static),
    )
    return Compiled(speaker=speaker, problems=tuple(problems))


class _Maker:
    """Makes neighbors; those with the same rules share their policies."""

    def __init__(self, plan: NodePlan, host: Host) -> None:
        self._plan: Final = plan
        self._host: Final = host
        self._seen: Final[dict[tuple[str, int], PolicySpec]] = {}  # by identity: hashing rules costs more than all else
        self._policies: Final[dict[tuple[str, tuple[Rule, ...]], PolicySpec]] = {}

    def neighbor(self, peer: PeerPlan, password: bytes | None) -> NeighborSpec:
        families = FAMILIES if peer.dual_stack or not peer.address else (peer.family,)
        return NeighborSpec(
            address=peer.address,
            name=peer.name,
            local_asn=peer.local_asn,
            remote_asn=peer.remote_asn,
            port=peer.port,
            passive=peer.passive,
            password=password,
            families=families,
            import_rule=ImportRule.POLICY,
            export_rule=ExportRule.POLICY,
            import_policy=self._policy("import", peer.imports),
            export_policy=self._policy("export", peer.exports),
            source_address=peer.source_address,
            hold_time=peer.hold_time,
            keepalive_time=peer.keepalive_time,
            connect_retry_time=peer.connect_retry_time,
            asn_rule=peer.asn_rule,
            interface=peer.interface,
            unnumbered=bool(peer.interface) and not peer.address,
            multihop=0 if peer.gtsm_hops or peer.interface else peer.multihop,
            ttl_security=peer.gtsm_hops,
            speaker_asn=self._plan.asn if peer.local_asn != self._plan.asn else 0,
            allow_own_as=peer.allow_own_asn,
            next_hop=peer.next_hop,
            graceful_restart=GracefulRestart.FULL if peer.graceful_restart else GracefulRestart.HELPER,
            restart_time=peer.restart_time,
            rr_client=peer.rr_client,
            cluster_id=peer.cluster_id,
            leaving=peer.leaving,
            add_path=tuple((family, AddPath.BOTH) for family in families),
        )

    def _policy(self, way: str, rules: tuple[Rule, ...]) -> PolicySpec:
        known = self._seen.get((way, id(rules)))
        if known is not None:
            return known
        found = self._policies.get((way, rules))
        if found is None:
            terms = tuple([term(rule, number, self._host) for number, rule in enumerate(rules, 1)])
            # named by what is in it: whatever else changes, the same rules are the same policy
            digest = hashlib.sha256(repr(terms).encode()).hexdigest()[:8]
            found = self._policies[way, rules] = PolicySpec(f"cluster-{way}-{digest}", terms)
        self._seen[way, id(rules)] = found
        return found


def term(rule: Rule, number: int, host: Host) -> PolicyTerm:
    """One rule as a term of a policy."""
    return PolicyTerm(f"{number}: {rule.why}", tuple(_conditions(rule, host)), tuple(_edits(rule)), _ACTIONS[rule.verb])


def _conditions(rule: Rule, host: Host) -> list[Condition]:
    found: list[Condition] = []
    if rule.within is not None:
        found.append(_prefixes(rule.within, negated=rule.outside))
    if rule.source:
        found.append(Condition("source", rule.source))
    if rule.interface:
        found.append(_interface(rule.interface, host))
    if rule.community:
        kind = communities.kind_of(rule.community)
        found.append(Condition(kind, (_pattern(rule.community),)))
    if rule.as_path_prefix:
        found.append(Condition("as-path", (f"^{' '.join(str(asn) for asn in rule.as_path_prefix)}_",)))
    if rule.local_pref is not None:
        found.append(Condition("local-pref", ((rule.local_pref, rule.local_pref),)))
    return found


def _prefixes(within: tuple[Within, ...], *, negated: bool) -> Condition:
    ranges = tuple((it.net[0].name, it.net[1], it.low, it.high) for it in within if it.low <= it.high)
    if ranges:
        return Condition("prefix", ranges, negated)
    return replace(_NEVER, negated=negated)  # no prefix is as long as that


def _interface(glob: str, host: Host) -> Condition:
    """The next hop is on a link of an interface that the glob means, as the machine has them now."""
    nets = [
        (net[0].name, net[1])
        for name, prefixes in host.interfaces.items()
        if fnmatch.fnmatchcase(name, glob.replace("[", "[[]"))
        for net in prefixes
    ]
    return Condition("next-hop", tuple(nets)) if nets else _NEVER


def _pattern(text: str) -> object:
    return communities.parse_large(text) if text.count(":") == 2 else communities.parse_standard(text)


def _edits(rule: Rule) -> list[Edit]:
    found: list[Edit] = []
    for kind in ("community", "large-community"):
        words = [word for word in rule.add_communities if communities.kind_of(word) == kind]
        if words:
            found.append(Edit(f"add-{kind}", tuple(_pattern(word) for word in words)))
    if rule.prepend:
        found.append(Edit("prepend-as", rule.prepend))
    if rule.set_local_pref is not None:
        found.append(Edit("local-pref", (("set", rule.set_local_pref),)))
    return found
