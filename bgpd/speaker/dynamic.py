"""Dynamic neighbors: whoever connects from a listen range is one for as long as its session lasts.

A range is a prefix, a limit and a template. Nothing is made before a connection from the range is accepted, and
nothing is left when it has ended, unless its routes are kept for a graceful restart: then the neighbor stays until
they have gone. The longest prefix that matches counts; a full range refuses, even where a shorter one would match.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from bgpd.model import NeighborSpec, RangeSpec
from bgpd.speaker.neighbor import Neighbor
from bgpd.wire.prefix import covers, format_address, format_prefix


def spec_from(item: RangeSpec, address: bytes) -> NeighborSpec:
    """The template as the neighbor with this address."""
    return replace(item.template, address=address, name=format_address(address))


def name_of(item: RangeSpec) -> str:
    """A range for people."""
    return format_prefix(item.family, item.prefix)


class Dynamic:
    """The ranges in force, and the neighbors that came from them."""

    def __init__(self) -> None:
        self._ranges: tuple[RangeSpec, ...] = ()
        self._counts: Final[Counter[tuple[str, bytes]]] = Counter()
        self.over: Final[list[Neighbor]] = []  #: connections of theirs have ended: look whether they may go

    def configure(self, ranges: Iterable[RangeSpec]) -> None:
        """Other ranges from now on, the longest prefix first."""
        self._ranges = tuple(sorted(ranges, key=lambda item: -item.prefix[0]))

    def range_of(self, address: bytes) -> RangeSpec | None:
        """The range that an address is in, full or not."""
        host = bytes((len(address) * 8,)) + address
        for item in self._ranges:
            if item.family.octets == len(address) and covers(item.prefix, host):
                return item
        return None

    def room(self, address: bytes) -> RangeSpec | None:
        """The range that takes one more neighbor with this address; None: there is none."""
        item = self.range_of(address)
        return item if item is not None and self._counts[_key(item)] < item.limit else None

    def count(self, item: RangeSpec) -> int:
        """Neighbors of one range now."""
        return self._counts[_key(item)]

    def came(self, neighbor: Neighbor, item: RangeSpec) -> None:
        neighbor.range = item
        self._counts[_key(item)] += 1

    def went(self, neighbor: Neighbor) -> None:
        if neighbor.range is not None:
            self._counts[_key(neighbor.range)] -= 1

    def leaving(self) -> list[Neighbor]:
        """Neighbors of which nothing is left: no connection, and no routes that are kept."""
        gone = [n for n in dict.fromkeys(self.over) if n.accepted is None and not n.retained]
        self.over.clear()
        return gone


def _key(item: RangeSpec) -> tuple[str, bytes]:
    return item.family.name, item.prefix
