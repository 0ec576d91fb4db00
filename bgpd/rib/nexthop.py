"""Next hops: reachability and cost, one shared object per address.

A path holds a reference to its `NextHop` and never a copy of what it says. When the kernel's side learns that
an address became reachable, unreachable or farther away, one object changes, and the speaker starts a
`LocRib.reselect` walk over the paths through it. Until that walk has reached a prefix, the loc-rib still
says what its subscribers were told.
"""

from collections.abc import Collection
from typing import Final


class NextHop:
    """How to get to one address. Compared by identity: there is one object per address and table."""

    __slots__ = ("address", "cost", "mark", "reachable", "reason")

    def __init__(self, address: bytes, reachable: bool, cost: int, reason: str) -> None:
        self.address: Final = address  #: packed: 4, 16 or 32 octets (global + link-local); empty: this speaker itself
        self.reachable = reachable
        self.cost = cost  #: interior cost, RFC 4271 section 9.1.2.2 (e); 0 where it is on-link
        self.reason = reason  #: in words: by which way, or why not
        self.mark = 0  #: the last sweep that found it in use (`intern`)

    def __repr__(self) -> str:
        return f"NextHop({self.address.hex()}, {'reachable' if self.reachable else 'unreachable'}, {self.reason})"


#: The next hop of what this speaker originates: always there.
SELF: Final = NextHop(b"", reachable=True, cost=0, reason="this speaker")
#: The next hop of what a neighbor asked us to drop (RFC 7999): always there, and nowhere.
DISCARD: Final = NextHop(b"", reachable=True, cost=0, reason="dropped: community BLACKHOLE")
#: Stands in for the next hop of a rejected path, which nobody needs to resolve.
NOWHERE: Final = NextHop(b"", reachable=False, cost=0, reason="not looked up: the path was rejected")


class NextHopTable:
    """All next hops of the speaker. `resolved` is what a new one starts with: True where no kernel is asked."""

    def __init__(self, *, resolved: bool = False) -> None:
        self._hops: Final[dict[bytes, NextHop]] = {}
        self._resolved: Final = resolved
        self.epoch = 0  #: number of the sweep under way or last done

    def __len__(self) -> int:
        return len(self._hops)

    def __contains__(self, address: bytes) -> bool:
        return address in self._hops

    def get(self, address: bytes) -> NextHop:
        """The one object for `address`, made where it is new (the caller then has it tracked)."""
        hop = self._hops.get(address)
        if hop is None:
            reason = "not looked up: no kernel in use" if self._resolved else "not resolved yet"
            hop = NextHop(address, self._resolved, 0, reason)
            self._hops[address] = hop
        hop.mark = self.epoch
        return hop

    def update(self, address: bytes, reachable: bool, cost: int, reason: str) -> bool:
        """Take what the kernel's side found out. True: selection may differ, so `LocRib.reselect(next_hop)` is due."""
        hop = self._hops.get(address)
        if hop is None:
            return False
        moved = hop.reachable is not reachable or (reachable and hop.cost != cost)
        hop.reachable, hop.cost, hop.reason = reachable, cost, reason
        return moved

    def all(self) -> list[NextHop]:
        return list(self._hops.values())

    def forget(self, unused: Collection[bytes]) -> None:
        """Drop addresses that no path uses any more (found by `intern.Sweep`)."""
        for address in unused:
            self._hops.pop(address, None)
