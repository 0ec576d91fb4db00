"""A default route for the neighbors that want one from us, whatever the loc-rib holds (`default-originate`).

It is in a table of its own, one for each family, with update groups of its own: neither the kernel nor any other
neighbor sees it. To such a neighbor the loc-rib's default route does not exist (`WithoutDefault`), so the two never
mix, and there is one word on the default route at any time. It goes out before everything else, so End-of-RIB
(which the main group sends) comes after it, and so does EoRR in a marked refresh: behind BoRR the default route is told
at once.
"""

from typing import Final

from bgpd.model import ExportRule, NeighborSpec
from bgpd.policy.compile import export_rule
from bgpd.rib.group import UpdateGroup
from bgpd.rib.member import Member
from bgpd.rib.path import Path
from bgpd.speaker.neighbor import Rib
from bgpd.speaker.policing import Exporter
from bgpd.speaker.tables import Table
from bgpd.wire.attrs import Attrs
from bgpd.wire.family import FAMILIES, Family

DEFAULT: Final = b"\0"  #: the prefix of length 0
_CLASS: Final = -1  # the class of that prefix: no policy makes this number


class WithoutDefault(Exporter):
    """An export that has no default route."""

    def export(self, path: Path, sort: int) -> Attrs | None:
        return None if sort == _CLASS else super().export(path, sort)

    def classify(self, prefix: bytes) -> int:
        return _CLASS if prefix == DEFAULT else super().classify(prefix)


class Defaults:
    """The default routes that we originate, and who is told."""

    def __init__(self) -> None:
        self.tables: Final = {family: Table(family, 1, None) for family in FAMILIES}

    def start(self, family: Family, path: Path) -> None:
        """Have the route; `path` is a local one."""
        self.tables[family].apply(path.source, [], [DEFAULT], path)

    def join(self, rib: Rib, group: UpdateGroup, member: Member, told: dict[bytes, Attrs]) -> None:
        """Tell a neighbor. `told`: the default routes that it has of us already."""
        member.end_of_rib = True  # that word is the main group's
        group.join(member, told)
        rib.default = group, member

    @staticmethod
    def again(rib: Rib) -> None:
        """Tell it anew, now: the neighbor asked for everything."""
        if rib.default is not None:
            group, member = rib.default
            group.refresh(member)
            group.flush()

    def leave(self, family: Family, rib: Rib) -> dict[bytes, Attrs]:
        """Tell it no more: what it was told, which somebody has to take back."""
        if rib.default is None:
            return {}
        (group, member), rib.default = rib.default, None
        told = group.leave(member)
        self.tables[family].release(group)
        return told


def take_defaults(told: dict[bytes, Attrs], *, with_ids: bool) -> dict[bytes, Attrs]:
    """Take the default routes out of what a neighbor was told. `with_ids`: by items of ADD-PATH, an id in front."""
    taken = {item: attrs for item, attrs in told.items() if (item[4:] if with_ids else item) == DEFAULT}
    for item in taken:
        del told[item]
    return taken


def wants_default(spec: NeighborSpec) -> bool:
    """Whether a neighbor is told our default route: it is a stated policy, but no substitute for one (RFC 8212)."""
    return spec.default_originate and export_rule(spec) is not ExportRule.UNSET
