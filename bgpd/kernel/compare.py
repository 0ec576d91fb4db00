"""What is wanted, what we believe is written, and what a dump or a look-up shows: the differences, with reasons. Pure.

`Survey` takes one dump in slices and gives every difference. `Count` is the cheap half, for the audit that never ends:
it only adds up whether a dump that trickles in is what we believe, and says where it is not; then a survey is due.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Final

from bgpd.kernel.encode import RouteInfo
from bgpd.kernel.knowledge import Sorted
from bgpd.kernel.plan import Fib
from bgpd.kernel.routes import RTN_UNICAST, Route


class Difference(Enum):
    """How the kernel is not as it should be, at one prefix."""

    MISSING = "missing"  #: we had written it, and it is not there
    CHANGED = "changed"  #: it leads another way than we had written
    UNEXPECTED = "unexpected"  #: it bears our mark, and nobody wants it
    REFUSED = "not installed"  #: it is wanted, and the kernel or another route keeps it out
    UNUSED = "not used"  #: it is there, and a look-up finds another route all the same


#: What a person reads where there is no better reason.
REASONS: Final = {
    Difference.MISSING: "it was written, and went without an event",
    Difference.CHANGED: "it was written, and changed without an event",
    Difference.UNEXPECTED: "it has our protocol, table and metric, and nobody wants it",
}


class Finding:
    """One difference. `wanted` and `found` are None where there is nothing."""

    __slots__ = ("difference", "found", "prefix", "reason", "wanted")

    def __init__(
        self, prefix: bytes, difference: Difference, wanted: Route | None, found: Route | None, reason: str = ""
    ) -> None:
        self.prefix: Final = prefix
        self.difference: Final = difference
        self.wanted: Final = wanted
        self.found: Final = found
        self.reason: Final = reason or REASONS.get(difference, "")


class Survey:
    """One family's tables against one dump. At most `limit` findings are kept, all are counted."""

    def __init__(self, fib: Fib, row: Sorted, busy: set[bytes], limit: int) -> None:
        self._fib: Final = fib
        self._row: Final = row
        self._busy: Final = busy
        self._limit: Final = limit
        self.findings: list[Finding] = []
        self.count = 0

    def _note(
        self, prefix: bytes, difference: Difference, wanted: Route | None, found: Route | None, reason: str = ""
    ) -> None:
        self.count += 1
        if len(self.findings) < self._limit:
            self.findings.append(Finding(prefix, difference, wanted, found, reason))

    def wanted(self, prefixes: Iterable[bytes]) -> None:
        """These prefixes are (or were a moment ago) wanted."""
        fib, ours = self._fib, self._row.ours
        for prefix in prefixes:
            target = fib.wants.get(prefix)
            if target is None or target.route is None or prefix in fib.dirty:
                continue
            found = ours.get(prefix)
            written = fib.written.get(prefix)
            if found is not None and (found is target.route or found == target.route) and written == found:
                continue
            state, reason = fib.state(prefix, self._busy)
            if state in {"failed", "conflict"}:
                self._note(prefix, Difference.REFUSED, target.route, found, reason or "another route holds its key")
            elif state == "installed" and found is None:
                self._note(prefix, Difference.MISSING, target.route, None)
            elif state == "installed":
                self._note(prefix, Difference.CHANGED, target.route, found)

    def found(self, prefixes: Iterable[bytes]) -> None:
        """These prefixes are in the dump with our mark."""
        fib, ours = self._fib, self._row.ours
        for prefix in prefixes:
            if prefix not in fib.wants and prefix not in fib.adopted and prefix not in fib.dirty:
                self._note(prefix, Difference.UNEXPECTED, None, ours[prefix])


def unused(prefix: bytes, route: Route, hit: tuple[bytes, RouteInfo] | None, *, ours: bool) -> str:
    """Why packets to the first address of a prefix do not take our route; empty: they do, or rightly another.

    `hit` is what a look-up found, None where it found nothing; `ours`: whether that bears our mark.
    """
    if route.kind != RTN_UNICAST:
        return ""  # a guard is there to lose
    if hit is None:
        return "a look-up finds no route at all"
    found, info = hit
    if found[0] > prefix[0] or (found == prefix and ours):
        return ""
    if ours and route.nexthop and info.nexthop_id == route.nexthop:
        return ""  # IPv6 keeps one entry for all routes of an object, with the first one's name on it: the way is ours
    if found == prefix:
        return f"a route of protocol {info.protocol} with metric {info.metric} goes before it (table {info.table})"
    return f"a look-up finds a shorter prefix, of protocol {info.protocol} in table {info.table}"


class Count:
    """One family's dump, as it trickles in, against what we believe is written.

    What is written or told about meanwhile may be seen before or after: it is left out (`Fib.touched`).
    """

    def __init__(self, fib: Fib, busy: set[bytes]) -> None:
        """`busy`: prefixes of the batch in flight."""
        self._fib: Final = fib
        self.touched: Final = set(busy)
        fib.touched = self.touched
        self._matched = 0
        self._wrong = 0

    def take(self, rows: Iterable[tuple[bytes, Route]]) -> None:
        """Some more routes with our mark."""
        written, strays, touched = self._fib.written, self._fib.strays, self.touched
        for prefix, route in rows:
            known = written.get(prefix)
            if known is not None and (known is route or known == route):
                self._matched += 1
            elif prefix not in touched and strays.get(prefix) != route:
                self._wrong += 1

    def end(self) -> int:
        """The dump is complete: at least so many routes are not as believed."""
        self._fib.touched = None
        missing = len(self._fib.written) - self._matched
        return self._wrong + max(0, missing - len(self.touched))
