"""Make before break: what a new plan no longer has outlives it until something else does its work (pure).

Between a mesh and reflectors, and between one set of reflectors and another, every node takes its own steps at its own
moment, and none knows how far the others are. Three rules make that safe, each by what the node sees itself:

- A session with a node that is still in the cluster stays until every route that came by it has come from a neighbor
  that stays, too (`speaker.handover`), or `LIMIT` has passed.
- Whoever is through with that first closes without a NOTIFICATION: the other end keeps what it was told (RFC 4724), by
  its own copy of the first rule.
- A reflector passes routes on to its clients for `LIMIT` longer than it has to: that does no harm, and who becomes a
  neighbor of everybody needs some time for it.

A session with a node that was deleted, of another AS, or whose password is gone, ends at once, as ever.
"""

from collections.abc import Iterable
from dataclasses import replace
from math import inf
from typing import Final

from bgpd.cluster.plan import NodePlan, PeerPlan

LIMIT: Final = 60.0  #: seconds that a session or a reflector's role outlives its plan at most


class Handover:
    """What outlives its plan, and until when; the moments are monotonic seconds."""

    def __init__(self) -> None:
        self._before: NodePlan | None = None  # the last one as it was in force, with all that outlived its own
        self._leaving: dict[bytes, float] = {}  # by address: sessions, and until when
        self._reflecting: dict[bytes, float] = {}  # by address: clients that are none any more
        self._over: set[bytes] = set()  # addresses of which the work is done

    @property
    def leaving(self) -> dict[bytes, str]:
        """The sessions that outlive their plan: address -> name."""
        before = self._before.neighbors if self._before is not None else ()
        return {peer.address: peer.name for peer in before if peer.leaving}

    @property
    def deadline(self) -> float:
        """When `lay` gives another answer for the same plan; inf: never."""
        return min([*self._leaving.values(), *self._reflecting.values()], default=inf)

    def lay(self, plan: NodePlan, nodes: Iterable[str], now: float) -> NodePlan:
        """The plan with what outlives the ones before it. `nodes`: the names of those that are in the cluster."""
        before = self._before
        if before is not None and before.asn == plan.asn and before.router_id == plan.router_id:
            wanted = {peer.address: peer for peer in plan.neighbors}
            known = set(nodes)
            neighbors = [self._as_client(peer, before, now) for peer in plan.neighbors]
            neighbors += [
                replace(peer, leaving=True)
                for peer in before.neighbors
                if peer.address not in wanted and peer.remote_node in known and self._stays(peer, now)
            ]
            plan = replace(plan, neighbors=tuple(neighbors))
        kept = {peer.address for peer in plan.neighbors if peer.leaving}
        self._leaving = {address: until for address, until in self._leaving.items() if address in kept}
        clients = {peer.address for peer in plan.neighbors if peer.rr_client}
        self._reflecting = {address: until for address, until in self._reflecting.items() if address in clients}
        self._over.clear()
        self._before = plan
        return plan

    def done(self, addresses: Iterable[bytes]) -> None:
        """What came by these sessions comes from elsewhere: the next `lay` is without them."""
        self._over.update(addresses)

    def _stays(self, peer: PeerPlan, now: float) -> bool:
        """Whether a session that the plan does not have goes on."""
        return peer.address not in self._over and now < self._leaving.setdefault(peer.address, now + LIMIT)

    def _as_client(self, peer: PeerPlan, before: NodePlan, now: float) -> PeerPlan:
        """A session of the plan; reflected to as before, where that has just ceased."""
        was = next((each for each in before.neighbors if each.address == peer.address), None)
        if peer.rr_client or was is None or not was.rr_client:
            self._reflecting.pop(peer.address, None)
            return peer
        if now >= self._reflecting.setdefault(peer.address, now + LIMIT):
            return peer
        return replace(peer, rr_client=True, cluster_id=was.cluster_id, exports=was.exports)
