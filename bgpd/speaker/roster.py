"""Who the neighbors are: those of the configuration, those from listen ranges, those that a link turns up.

Neighbors come (`add`), go (`remove`) and get other settings (`change`, by the steps of `reconcile`). For a
connection this is where its address is looked up: a neighbor's, a welcome stranger's from a range, or nobody's.
"""

from dataclasses import replace
from typing import Final

from bgpd.model import NeighborSpec, SpeakerSpec, identity_of, link_local
from bgpd.policy.compile import silent_note
from bgpd.session.fsm import State
from bgpd.speaker.dynamic import Dynamic, spec_from
from bgpd.speaker.holdings import Holdings
from bgpd.speaker.joining import Joining
from bgpd.speaker.limits import enforce_in
from bgpd.speaker.neighbor import Host, Neighbor
from bgpd.speaker.policing import for_next_session, judged_anew
from bgpd.speaker.reconcile import ChangeNeighbor, Cost, Step, change_of
from bgpd.wire.iana import Cease
from bgpd.wire.prefix import format_address


class Roster:
    """The neighbors, as a list that changes."""

    def __init__(self, held: Holdings, joining: Joining, dynamic: Dynamic, host: Host) -> None:
        self.refused = 0  #: connections from sources that are no neighbor, or not welcome now
        self._held: Final = held
        self._joining: Final = joining
        self._dynamic: Final = dynamic
        self._host: Final = host

    # ===== they come, change and go =====

    def start(self, now: float) -> None:
        """Every neighbor of the configuration."""
        self._dynamic.configure(self._held.spec.ranges)
        self.tell_dialer()
        self._held.recovery.start(now)
        for spec in self._held.spec.neighbors:
            self.add(spec, now)

    def tell_dialer(self) -> None:
        """Who has which key, and on which links to look for neighbors."""
        held = self._held
        specs = [held.neighbors[s.identity].spec if s.identity in held.neighbors else s for s in held.spec.neighbors]
        held.dialer.set_passwords(tuple(specs), held.spec.ranges)
        held.dialer.look_for(frozenset([spec.interface for spec in specs if spec.unnumbered]))

    def reconcile_ranges(self, spec: SpeakerSpec, now: float, *, identity: bool) -> list[Step]:
        """Dynamic neighbors under other ranges: those that nothing makes any more go, the others change by steps.

        `identity`: our router id or AS is another one, which is in every OPEN: they all go, and may come again.
        """
        self._dynamic.configure(spec.ranges)
        configured = {neighbor.identity for neighbor in spec.neighbors}
        steps: list[Step] = []
        for neighbor in [n for n in self._held.neighbors.values() if n.range is not None]:
            item = self._dynamic.range_of(neighbor.spec.address)
            if neighbor.spec.identity in configured or item is None or identity:
                self.remove(neighbor.spec, now)
                continue
            assert neighbor.range is not None
            was, new = (spec_from(each, neighbor.spec.address) for each in (neighbor.range, item))
            self._dynamic.went(neighbor)
            self._dynamic.came(neighbor, item)
            if (step := change_of(was, new)) is not None:
                steps.append(step)
        return steps

    def add(self, spec: NeighborSpec, now: float) -> Neighbor:
        held = self._held
        neighbor = Neighbor(spec, held.spec.router_id, self._host, held.dialer, held.jitter)
        neighbor.since = now
        held.recovery.adopt(neighbor)
        held.neighbors[spec.identity] = neighbor
        self._say_silent(spec)
        neighbor.start(now)
        held.schedule.put(neighbor)
        return neighbor

    def remove(self, spec: NeighborSpec, now: float) -> None:
        neighbor = self._held.neighbors[spec.identity]
        if neighbor.spec.leaving:  # what it gave is there from others; it may still need what we told it (RFC 4724)
            neighbor.abandon(now, "others have taken over what it told")
        neighbor.stop(now, Cease.PEER_DECONFIGURED)
        self._held.schedule.drop(neighbor)
        self._dynamic.went(neighbor)
        del self._held.neighbors[spec.identity]

    def change(self, step: ChangeNeighbor, now: float) -> None:
        held = self._held
        neighbor = held.neighbors[step.spec.identity]
        if "max_prefix" in step.changed and neighbor.limits_passed:
            neighbor.limits_passed.clear()
            if neighbor.disabled:
                neighbor.enable(now)  # another limit: it may try again
        reset = step.cost is Cost.RESET
        # A connection that comes up has said the old things already. What is kept through a restart is not its matter.
        anew = reset or (neighbor.live is None and for_next_session(step.changed))
        if anew:
            neighbor.stop(now, Cease.OTHER_CONFIGURATION_CHANGE if reset else Cease.ADMINISTRATIVE_RESET)
        neighbor.change(step.spec, held.spec.router_id, now)
        if judged_anew(step.changed):
            self._joining.repolicy(neighbor, now)
        self._joining.look_at_limits(neighbor)
        if anew:
            neighbor.start(now)
        for family in list(neighbor.ribs):
            if enforce_in(neighbor, family, held.log, now):
                break
        self._say_silent(step.spec)
        held.schedule.put(neighbor)

    def _say_silent(self, spec: NeighborSpec) -> None:
        """RFC 8212 keeps a neighbor without policy silent; say so."""
        if (note := silent_note(spec)) is not None:
            self._held.log("warning", "policy_missing", {"neighbor": spec.name, "reason": note})

    def let_go(self, now: float) -> None:
        """Dynamic neighbors of which nothing is left."""
        if self._dynamic.over:
            for neighbor in self._dynamic.leaving():
                if self._held.neighbors.get(neighbor.spec.identity) is neighbor:
                    self.remove(neighbor.spec, now)

    # ===== whose connection is it =====

    def spec_for(self, address: bytes, interface: str = "") -> NeighborSpec | None:
        """The settings for a connection from this address (on this link, where it is link-local); None: a stranger."""
        if (neighbor := self.whose(address, interface)) is not None:
            return neighbor.spec
        item = self._dynamic.room(address)
        return item.template if item is not None else None

    def expects(self, address: bytes, interface: str = "") -> bool:
        """Whether a connection from this address is a neighbor's."""
        if self.spec_for(address, interface) is not None:
            return True
        self.refused += 1
        return False

    def whose(self, address: bytes, interface: str) -> Neighbor | None:
        """The neighbor with this address; an unnumbered one is whoever is on its link, until it is known who."""
        if (neighbor := self._held.neighbors.get(identity_of(address, interface))) is not None:
            return neighbor
        if not link_local(address):
            return None
        neighbor = self._held.neighbors.get(b"%" + interface.encode())
        return neighbor if neighbor is not None and neighbor.spec.address in (b"", address) else None

    def welcome(self, address: bytes, now: float) -> Neighbor | None:
        """A neighbor for somebody from a listen range; None: from none, or its range is full."""
        item = self._dynamic.room(address)
        if item is None:
            self.refused += 1
            return None
        neighbor = self.add(spec_from(item, address), now)
        self._dynamic.came(neighbor, item)
        self._dynamic.over.append(neighbor)  # where it is refused after all, the turn that follows removes it
        return neighbor

    def discovered(self, interface: str, address: bytes, now: float) -> None:
        """Who is on the link of an unnumbered neighbor. A session that stands goes on with whom it has."""
        neighbor = self._held.neighbors.get(b"%" + interface.encode())
        if neighbor is None or neighbor.spec.address == address or neighbor.state >= State.OPEN_SENT:
            return
        self.adopt_address(neighbor, address, now)
        neighbor.stop(now, Cease.OTHER_CONFIGURATION_CHANGE)
        neighbor.start(now)  # it dials at once, whatever timer ran for nobody
        self._held.schedule.put(neighbor)

    def adopt_address(self, neighbor: Neighbor, address: bytes, now: float) -> None:
        """From now on an unnumbered neighbor is this one."""
        self._held.log("info", "neighbor_found", {"neighbor": neighbor.spec.name, "address": format_address(address)})
        neighbor.change(replace(neighbor.spec, address=address), self._held.spec.router_id, now)
        self.tell_dialer()
