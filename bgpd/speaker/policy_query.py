"""Read-only questions about policies: what they are, who uses them, what they would do."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from bgpd.model import NeighborSpec, PolicySpec, text_of
from bgpd.policy.chain import Context
from bgpd.policy.compile import export_rule, import_rule
from bgpd.policy.spec import BUILTIN, describe_condition, describe_edits
from bgpd.policy.terms import Policy
from bgpd.policy.trial import NOBODY, Outcome, given_attrs, try_policy
from bgpd.rib.path import Path, given_by
from bgpd.speaker.neighbor import Neighbor
from bgpd.speaker.speaker import Speaker
from bgpd.speaker.views import PolicyTermView, PolicyTestView, PolicyView
from bgpd.wire.aspath import format_as_path
from bgpd.wire.attrs import Attrs
from bgpd.wire.family import Family
from bgpd.wire.prefix import format_prefix, parse_prefix

SLICE = 256  #: prefixes looked at between two places to pause


def known(speaker: Speaker) -> dict[str, PolicySpec]:
    """Every policy by name: the file's, and the words of `import` and `export`."""
    return {policy.name: policy for policy in speaker.spec.policies} | BUILTIN


def find(policies: dict[str, PolicySpec], name: str) -> PolicySpec:
    """Raises ValueError (a sentence with the nearest name) where there is none."""
    if (found := policies.get(name)) is not None:
        return found
    near = get_close_matches(name, policies, 1)
    raise ValueError(f"there is no policy {name!r}" + (f"; did you mean {near[0]}?" if near else ""))


def policies(speaker: Speaker) -> Iterator[PolicyView]:
    """Every policy, with its terms, its counters and who uses it."""
    for name, policy in known(speaker).items():
        compiled = speaker.policies.find(policy)
        specs = [neighbor.spec for neighbor in speaker.neighbors.values()]
        yield PolicyView(
            name=name,
            builtin=name in BUILTIN,
            reads_prefix=Policy(policy).reads_prefix,
            imports=[spec.name for spec in specs if _in_force(spec, "import") == policy],
            exports=[spec.name for spec in specs if _in_force(spec, "export") == policy],
            terms=[
                PolicyTermView(
                    name=term.name,
                    match=[describe_condition(condition) for condition in term.conditions],
                    then=describe_edits(term),
                    hits=compiled.terms[number].hits if compiled is not None else 0,
                )
                for number, term in enumerate(policy.terms)
            ],
            fallen=compiled.fallen if compiled is not None else 0,
        )


def _in_force(spec: NeighborSpec, direction: str) -> PolicySpec | None:
    """The policy of a direction; None where RFC 8212 says that nobody stated one."""
    if direction == "import":
        return spec.import_policy or BUILTIN.get(import_rule(spec).value)
    return spec.export_policy or BUILTIN.get(export_rule(spec).value)


def given(
    policy: PolicySpec,
    neighbor: Neighbor | None,
    prefix: str,
    *,
    direction: str = "import",
    as_path: str = "",
    community: Sequence[str] = (),
    next_hop: str = "",
    med: str = "",
    local_pref: str = "",
    origin: str = "igp",
) -> PolicyTestView:
    """What a policy does with one route that somebody wrote down. Raises ValueError with a plain sentence."""
    return given_for(
        policy,
        neighbor.spec if neighbor is not None else None,
        prefix,
        given_attrs(
            as_path=as_path, community=community, next_hop=next_hop, med=med, local_pref=local_pref, origin=origin
        ),
        importing=direction == "import",
    )


def given_for(
    policy: PolicySpec, spec: NeighborSpec | None, prefix: str, attrs: Attrs, *, importing: bool
) -> PolicyTestView:
    """The same without a speaker: for a file that nobody runs yet."""
    family, packed = parse_prefix(prefix)
    context = _context(spec, family, importing=importing)
    external = spec is not None and spec.external
    peer = text_of(spec.address, spec.interface) if spec is not None and importing else ""
    outcome = try_policy(
        Policy(policy),
        context,
        attrs,
        packed,
        external=external and importing,
        local=not importing,
        peer=peer,
        peer_address=spec.address if spec is not None and importing else b"",
    )
    return _view(policy, family, packed, spec.name if spec is not None else "", outcome)


def live(speaker: Speaker, policy: PolicySpec | None, neighbor: Neighbor, way: str) -> Iterator[PolicyTestView | None]:
    """What a policy (None: the one in force) would do with every route from ("in") or for ("out") a neighbor."""
    importing = way == "in"
    spec = neighbor.spec
    policy = policy or _in_force(spec, "import" if importing else "export")
    if policy is None:
        raise ValueError(f"{spec.name} has no {'import' if importing else 'export'} policy (RFC 8212): name one")
    compiled = Policy(policy)
    names = {each.key: each.spec.name for each in speaker.neighbors.values()}
    for family, table in speaker.tables.items():
        context = _context(spec, family, importing=importing, next_hop=_next_hop(neighbor, family))
        for prefixes in table.rib.walk(SLICE):
            for prefix in prefixes:
                best = table.rib.best(prefix)
                told = [best] if best is not None and best.source.neighbor != neighbor.key else []
                for path in given_by(table.rib.table.get(prefix), neighbor.key) if importing else told:
                    yield _judged(compiled, policy, context, path, prefix, names)
            yield None


def _judged(
    compiled: Policy, policy: PolicySpec, context: Context, path: Path, prefix: bytes, names: dict[str, str]
) -> PolicyTestView:
    source = path.source
    attrs = path.attrs_in if context.importing or path.attrs is None else path.attrs
    outcome = try_policy(
        compiled,
        context,
        attrs,
        prefix,
        external=source.external,
        local=source.local,
        peer=source.neighbor,
        peer_address=source.address,
    )
    giver = "local" if source.local else names.get(source.neighbor, source.neighbor)
    return _view(policy, source.family, prefix, giver, outcome)


def _next_hop(neighbor: Neighbor, family: Family) -> bytes:
    live = neighbor.live
    return live.transport.next_hops.get(family, b"") if live is not None and live.transport is not None else b""


def _context(spec: NeighborSpec | None, family: Family, *, importing: bool, next_hop: bytes = b"") -> Context:
    return Context(
        local_asn=spec.local_asn if spec is not None else NOBODY.local_asn,
        remote_asn=spec.remote_asn if spec is not None else NOBODY.remote_asn,
        router_id=NOBODY.router_id,
        next_hop=next_hop,
        family=family,
        peer_address=spec.address if spec is not None else b"",
        importing=importing,
    )


def _view(policy: PolicySpec, family: Family, prefix: bytes, source: str, outcome: Outcome) -> PolicyTestView:
    return PolicyTestView(
        family=family.name,
        prefix=format_prefix(family, prefix),
        source=source,
        policy=policy.name,
        accepted=outcome.accepted,
        term=outcome.term or None,
        reason=outcome.reason,
        fired=outcome.fired,
        changes=outcome.changes,
        as_path=format_as_path(outcome.attrs.as_path_value()),
    )
