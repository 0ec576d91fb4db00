"""What was wrong in a neighbor's UPDATEs, and how much of this speaker's memory its attributes take.

Every fault is counted by attribute and by what was done about it (RFC 7606 section 8 asks for it to be told), the last
offending attribute is kept as octets, and the log says so once a second at most.

`Octets` bounds memory. Attribute sets are interned, so a set costs its octets once; they are charged to the neighbor
that it was first seen from. Beyond the neighbor's limit the tables are swept first, as what is charged may be unused
since long; what then is still too much, or is twice too much before, ends the session: Cease, Out of Resources.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final

from bgpd.rib.loc_rib import IDENTIFIERS
from bgpd.speaker.neighbor import Neighbor, Rib
from bgpd.speaker.ports import Log
from bgpd.wire.attrs import AttrsTable, attr_name
from bgpd.wire.errors import Fault, Severity, WireError

QUIET: Final = 1.0  #: seconds between two log lines about faults of one neighbor
RARELY: Final = 60.0  #: seconds between two log lines about paths of a family that are ignored
SHOWN: Final = 128  #: octets of an offending attribute that a log line or a view shows

_ACTIONS: Final = {Severity.DISCARD: "discard", Severity.WITHDRAW: "withdraw", Severity.RESET: "reset"}
_DONE: Final = {
    Severity.DISCARD: "attribute discarded",
    Severity.WITHDRAW: "routes treated as withdrawn",
    Severity.RESET: "session reset",
}
_MESSAGE: Final = "message"  #: what a fault is counted under that belongs to no attribute
_NLRI: Final = "nlri"  #: and one of a prefix
_UPDATE_ERROR: Final = 3
INVALID_NETWORK: Final = 10  #: its subcode for prefixes: Invalid Network Field


def survived(neighbor: Neighbor, faults: list[Fault], log: Log, now: float) -> None:
    """What was wrong in an UPDATE that the session survives."""
    neighbor.update_faults += 1
    worst = faults[0]
    for fault in faults:
        _count(neighbor, fault.code, fault.subcode, fault.severity)
        if fault.severity > worst.severity:
            worst = fault
    neighbor.last_fault = worst.text
    neighbor.last_fault_attribute = worst.data[:SHOWN].hex()
    if now - neighbor.fault_logged_at < QUIET:
        return
    neighbor.fault_logged_at = now
    log(
        "warning",
        "update_fault",
        {
            "neighbor": neighbor.spec.name,
            "reason": worst.text,
            "done": _DONE[worst.severity],
            "attribute": worst.data[:SHOWN].hex(),
            "faults": len(faults),
        },
    )


def fatal(neighbor: Neighbor, error: WireError, log: Log) -> None:
    """What was wrong in an UPDATE that ends the session. Sessions end at most as often as the back-off lets them."""
    neighbor.update_faults += 1
    neighbor.last_fault = str(error)
    neighbor.last_fault_attribute = error.data[:SHOWN].hex()
    # The data of an UPDATE error is the offending attribute where there is one (RFC 4271 section 6.3).
    code = error.data[1] if error.code == _UPDATE_ERROR and len(error.data) >= 3 else 0
    _count(neighbor, code, error.subcode if error.code == _UPDATE_ERROR else 0, Severity.RESET)
    log(
        "warning",
        "update_fault",
        {
            "neighbor": neighbor.spec.name,
            "reason": str(error),
            "done": _DONE[Severity.RESET],
            "attribute": error.data[:SHOWN].hex(),
            "faults": 1,
        },
    )


def beyond(neighbor: Neighbor, rib: Rib, log: Log, now: float) -> None:
    """It gave more paths for one prefix than are kept (ADD-PATH); said now and then."""
    if now - rib.beyond_said_at < RARELY:
        return
    new, rib.beyond_said, rib.beyond_said_at = rib.source.beyond - rib.beyond_said, rib.source.beyond, now
    log(
        "warning",
        "paths_ignored",
        {
            "neighbor": neighbor.spec.name,
            "family": rib.source.family.name,
            "paths": new,
            "reason": f"more than {IDENTIFIERS} paths for one prefix (ADD-PATH)",
        },
    )


def _count(neighbor: Neighbor, code: int, subcode: int, severity: Severity) -> None:
    name = attr_name(code) if code else _NLRI if subcode == INVALID_NETWORK else _MESSAGE
    neighbor.faults[name, _ACTIONS[severity]] += 1


class Demand(Enum):
    """What `Octets.look` asks of the speaker."""

    NOTHING = 0
    SWEEP = 1
    RESET = 2


class Octets:
    """The account of attribute octets, by neighbor."""

    def __init__(self, table: AttrsTable, log: Log) -> None:
        self._table: Final = table
        self._log: Final = log
        self._last = 0  # the number of the last neighbor that was given one
        self._swept: Final[set[int]] = set()  # over the limit, and a sweep is on its way

    def enter(self, neighbor: Neighbor) -> None:
        """What is decoded from here on is this neighbor's."""
        if not neighbor.giver:
            self._last += 1
            neighbor.giver = self._last
        self._table.giver = neighbor.giver

    def of(self, neighbor: Neighbor) -> int:
        """Octets of attribute sets first seen from it, and not yet forgotten."""
        return self._table.given.get(neighbor.giver, 0) if neighbor.giver else 0

    def look(self, neighbor: Neighbor) -> Demand:
        """After some of its UPDATEs."""
        limit = neighbor.spec.max_attribute_octets
        octets = self._table.given.get(neighbor.giver, 0)
        if not limit or octets <= limit:
            return Demand.NOTHING
        if octets <= 2 * limit:
            if neighbor.giver in self._swept:
                return Demand.NOTHING
            self._swept.add(neighbor.giver)
            return Demand.SWEEP
        self._tell(neighbor, octets)
        return Demand.RESET

    def settle(self, neighbors: list[Neighbor], reset: Callable[[Neighbor], None]) -> None:
        """After a sweep: who has still too much ends."""
        self._swept.clear()
        for neighbor in neighbors:
            limit = neighbor.spec.max_attribute_octets
            if limit and neighbor.live is not None and self.of(neighbor) > limit:
                self._tell(neighbor, self.of(neighbor))
                reset(neighbor)

    def _tell(self, neighbor: Neighbor, octets: int) -> None:
        limit = neighbor.spec.max_attribute_octets
        self._log(
            "warning",
            "attribute_limit",
            {
                "neighbor": neighbor.spec.name,
                "reason": f"its path attributes take {octets} octets here",
                "setting": f"max-attribute-octets={limit}",
            },
        )
