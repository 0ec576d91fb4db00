"""The rules of each session of a node, made once for sessions that are alike."""

from collections.abc import Iterable
from typing import Final, TypeAlias

from bgpd.cluster import origins
from bgpd.cluster.facts import Facts
from bgpd.cluster.metallb import MetalPeer
from bgpd.cluster.own import MESH
from bgpd.cluster.plan import Marked, Rule, Verb
from bgpd.cluster.resources import BGPFilter, BGPPeer, IPPool
from bgpd.cluster.rules import Material, export_rules, import_rules
from bgpd.cluster.scalars import Net
from bgpd.wire.family import FAMILIES, Family

#: Import and export.
Both: TypeAlias = tuple[tuple[Rule, ...], tuple[Rule, ...]]


def marked(facts: Facts) -> tuple[Marked, ...]:
    """Communities by prefix, with their values."""
    return tuple(
        Marked(net=each.cidr, communities=tuple(dict.fromkeys(facts.community(word) for word in each.communities)))
        for each in facts.prefix_advertisements
    )


class RuleBook:
    """Rules by what they depend on."""

    def __init__(self, facts: Facts, service: origins.Service) -> None:
        self._facts: Final = facts
        self._service: Final = service
        self._filters: Final = facts.snapshot.all(BGPFilter)
        self._materials: Final = {family: self._material(family) for family in FAMILIES}
        self._made: Final[dict[object, Both]] = {}

    def of(
        self,
        families: tuple[Family, ...],
        source: BGPPeer | MetalPeer | None,
        *,
        internal: bool,
        reflector: bool,
        asn: int = 0,
    ) -> Both:
        """The rules of a session with these families. `source`: the resource that asks for it; None: the mesh.

        `asn`: our AS in the session.
        """
        settings = self._facts.settings(source.meta.name if source is not None else MESH)
        advertise = settings.advertise if settings is not None else ""
        accept_default = settings is not None and settings.accept_default_route
        metal = source.meta.name if isinstance(source, MetalPeer) else ""
        names = source.filters if isinstance(source, BGPPeer) else ()
        key = (families, internal, names, advertise, accept_default, metal, reflector, asn if names else 0)
        found = self._made.get(key)
        if found is not None:
            return found
        filters = [self._filters[name] for name in names]
        imports: list[Rule] = []
        exports: list[Rule] = []
        for family in families:
            if metal:
                imports = [Rule(why="MetalLB's peers are not listened to", verb=Verb.REJECT)]
            else:
                imports += import_rules(filters, family, internal=internal, accept_default=accept_default)
            # what is told of one family ends with "everything else": of two, only the last one may
            exports[-1:] = export_rules(
                self._materials[family],
                filters,
                internal=internal,
                reflector=reflector,
                advertise=advertise,
                metal_peer=metal,
                asn=asn,
            )
        found = self._made[key] = tuple(imports), tuple(exports)
        return found

    def _material(self, family: Family) -> Material:
        facts, config = self._facts, self._facts.config
        pools = [(name, pool) for name, pool in facts.snapshot.all(IPPool).items() if pool.cidr[0] is family]

        def mine(nets: Iterable[Net]) -> tuple[Net, ...]:
            return tuple(net for net in nets if net[0] is family)

        return Material(
            family=family,
            compat=facts.compat,
            priority=facts.priority(family.octets),
            silent_pools=tuple((name, pool.cidr) for name, pool in pools if pool.disable_bgp_export),
            pools=tuple((name, pool.cidr) for name, pool in pools if not pool.disable_bgp_export),
            blocks=mine(origins.blocks(facts)),
            services=mine(origins.service_ranges(facts)),
            external_services=mine((*config.service_lb_ips, *config.service_external_ips)),
            marked=tuple(each for each in marked(facts) if each.net[0] is family),
            announced=tuple(each for each in self._service.announced if each.net[0] is family),
        )
