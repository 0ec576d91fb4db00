"""One daemon, all cases at once: each case is a neighbor of its own, one more session observes.

Every session goes through the same moments together: OPEN, KEEPALIVE, a good route, the case, one more good route
(the mark), and then a look at what is still there. Where the daemon dies of a case, the cases are run again by halves,
until the one that killed it stands alone.
"""

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.cases import CASES, Case
from tests.conformance.judge import Demand, Outcome, meets
from tests.conformance.octets import (
    DAEMON_ASN,
    HOP6,
    KEEP,
    Slot,
    attr,
    nlri,
    open_message,
    reach_value,
    update,
    update6,
)
from tests.conformance.probe import Probe, Probes
from tests.interop.drivers.base import BOTH, Driver, Peer
from tests.interop.lan import Lan, Node

OBSERVER = "10.99.0.250"
OBSERVER_ASN = 65009
DAEMON, TESTER = 1, 2  # places in Lan.nodes
CHUNK = 300


def prepare(lan: Lan) -> None:
    """One subnet with room for every case, and their addresses on the tester's node."""
    for node in (lan.nodes[DAEMON], lan.nodes[TESTER]):
        node.namespace.ip(f"addr add {node.address4}/16 dev eth0", f"addr del {node.address4}/24 dev eth0")
    addresses = [OBSERVER, *(Slot(i, "", internal=False).address for i in range(1, len(CASES) + 1))]
    lan.nodes[TESTER].namespace.ip(*(f"addr add {address}/16 dev eth0" for address in addresses))


def slots(node: Node, cases: Sequence[Case]) -> list[tuple[Case, Slot]]:
    """Each case with what is its own; numbers are those of the whole table."""
    numbers = {case.name: number for number, case in enumerate(CASES, 1)}
    return [(case, Slot(numbers[case.name], node.address4, case.internal)) for case in cases]


def peers(given: Sequence[tuple[Case, Slot]], *, ours: bool) -> list[Peer]:
    """The neighbors that the daemon needs. Ours is told to send the cases nothing."""
    extra = {"export": "none"} if ours else {}
    found = [Peer(slot.address, slot.asn, BOTH, passive=True, extra=extra) for _, slot in given]
    return [*found, Peer(OBSERVER, OBSERVER_ASN, BOTH, passive=True)]


def run(driver: type[Driver], lan: Lan, work: Path, cases: Sequence[Case] = CASES) -> dict[str, Outcome]:
    """What a daemon does in every case."""
    found: dict[str, Outcome] = {}
    waiting = [list(cases[i : i + CHUNK]) for i in range(0, len(cases), CHUNK)]
    turn = 0
    while waiting:
        group = waiting.pop(0)
        turn += 1
        daemon = driver(lan.nodes[DAEMON], work / f"turn{turn}", DAEMON_ASN)
        outcomes = run_group(daemon, lan, group)
        with contextlib.suppress(AssertionError):
            daemon.kill()
        if outcomes is not None:
            found.update(outcomes)
        elif len(group) == 1:
            found[group[0].name] = Outcome(crashed=True)
        else:
            half = len(group) // 2
            waiting[:0] = [group[:half], group[half:]]
    return found


def run_group(daemon: Driver, lan: Lan, cases: Sequence[Case]) -> dict[str, Outcome] | None:
    """The outcomes; None where the daemon died."""
    given = slots(daemon.node, cases)
    daemon.peers = peers(given, ours=daemon.NAME == "ours")
    daemon.start()
    return watch(daemon, lan, given)


def watch(daemon: Driver, lan: Lan, given: Sequence[tuple[Case, Slot]]) -> dict[str, Outcome] | None:
    """Run the cases against a daemon that is configured and up."""
    probes = Probes(lan.nodes[TESTER])
    try:
        observer = probes.add(_observer(daemon))

        def dead() -> bool:
            return any(process.poll() is not None for process in daemon.processes)

        probes.handshakes(dead)
        assert observer.confirmed, f"{daemon.NAME}: no session for the observer\n{daemon.tail()}"
        table = [(case, slot, probes.add(_probe(case, slot))) for case, slot in given]
        probes.handshakes(dead)
        routes = observer.routes
        assert routes is not None
        later = [row for row in table if row[0].stage == "established"]
        for case, slot, probe in later:
            probe.send(_old(case, slot))
        probes.pump(lambda: dead() or all(_name(c, s, "old") in routes or p.closed for c, s, p in later), 10)
        late = {case.name for case, slot, probe in later if _name(case, slot, "old") not in routes}
        for case, slot, probe in later:
            probe.send(case.data(slot))
        for case, slot, probe in table:
            if case.mark:
                probe.send(_mark(case, slot))
        probes.pump(
            lambda: (
                dead() or all(probe.closed or (case.mark != "" and slot.mark in routes) for case, slot, probe in table)
            ),
            4,
        )
        quiet = time.monotonic() + 0.5  # a wrong answer may come a moment later than the right one
        probes.pump(lambda: time.monotonic() > quiet, 5)
        if dead():
            return None
        return {case.name: _outcome(case, slot, probe, observer, case.name in late) for case, slot, probe in table}
    finally:
        probes.close()


def demands(case: Case, done: Outcome) -> tuple[Demand, ...]:
    return case.otherwise if done.note == _NOT_OFFERED else case.demands


def right(case: Case, done: Outcome) -> bool:
    """Whether it did what one of the demands asks for."""
    return any(meets(demand, done) for demand in demands(case, done))


_NOT_OFFERED = " (does not offer it)"


def _observer(daemon: Driver) -> Probe:
    slot = Slot(0, daemon.node.address4, internal=False)
    probe = Probe(
        OBSERVER, daemon.node.address4, open_message(slot, _observer_caps(), asn=OBSERVER_ASN, router_id=OBSERVER)
    )
    probe.routes = {}
    return probe


def _observer_caps() -> bytes:
    return b"\1\4\0\1\0\1" + b"\1\4\0\2\0\1" + b"\x41\4" + OBSERVER_ASN.to_bytes(4, "big")


def _probe(case: Case, slot: Slot) -> Probe:
    hello = case.hello(slot) if case.hello is not None else open_message(slot)
    if case.stage == "open":
        probe = Probe(slot.address, slot.daemon, case.data(slot))
        probe.lively = True
        return probe
    if case.stage == "confirm":
        return Probe(slot.address, slot.daemon, hello, case.data(slot))
    return Probe(slot.address, slot.daemon, hello, KEEP)


def _name(case: Case, slot: Slot, which: str) -> str:
    return str(getattr(slot, which + ("6" if case.ipv6 else "")))


def _old(case: Case, slot: Slot) -> bytes:
    width = 4 if case.wide else 2
    if case.ipv6:
        return update6(slot, attr(0x80, 14, reach_value(nlri(slot.old6), HOP6)))
    return update(slot, routes=nlri(slot.old), width=width)


def _mark(case: Case, slot: Slot) -> bytes:
    width = 4 if case.wide else 2
    # An OPEN that says nothing of 4-octet AS numbers makes a session without them.
    if case.stage == "open" and b"\x41\4" not in case.data(slot):
        width = 2
    return update(slot, routes=nlri(slot.mark), width=width)


def _outcome(case: Case, slot: Slot, probe: Probe, observer: Probe, late: bool) -> Outcome:
    routes = observer.routes
    assert routes is not None
    new = _name(case, slot, "new")
    done = Outcome(
        up=not probe.closed and probe.sock is not None,
        established=probe.confirmed,
        notice=probe.notice,
        marked=not case.mark or slot.mark in routes,
        old=_name(case, slot, "old") in routes,
        new=new in routes,
        attrs=routes.get(new, {}),
    )
    if probe.notice is not None:  # told, but not hung up yet: the session is over all the same
        done.up = False
    if late and done.up:
        done.note = " (the good route before was not passed on)"
    if case.needs and bytes((case.needs,)) not in _offered(probe.opened):
        done.note = _NOT_OFFERED
    return done


def _offered(opened: bytes) -> bytes:
    """The codes of the capabilities in an OPEN."""
    codes, at = [], 10
    while at + 2 <= len(opened):
        end = at + 2 + opened[at + 1]
        inner = at + 2
        while opened[at] == 2 and inner + 2 <= end:
            codes.append(opened[inner])
            inner += 2 + opened[inner + 1]
        at = end
    return bytes(codes)
