"""Restarts that lose nothing: nodes are killed, restarted and cut off for a while, and every FIB stays whole.

A history of this kind begins with a settled network. What each FIB holds then it must hold after every single event,
whatever comes: RFC 4724 for a process that comes back, RFC 8538 for a session that a NOTIFICATION ends, RFC 9494
where the patience is the long one. Beside the restarts run things that must not matter to any of them: refreshes,
soft resets, policies that mark, other routes that come and go.

What the RFCs give away is excused, and no more than that: who is lost again before it has said everything takes
along what it had not repeated (RFC 4724 section 4.2), and two in trouble at one time may each go without the other.
Who is back says within `DEFERRAL` that it has said everything, and what is stale then goes. At the end nothing is
stale, and every FIB is what it was.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from bgpd.kernel.wants import Want
from bgpd.model import ExportRule, GracefulRestart, ImportRule
from bgpd.rib.path import paths_of
from bgpd.session.fsm import State
from bgpd.wire.family import FAMILIES, Family
from tests.sim.checks import check, live, speaker_of
from tests.sim.faults import announce, flap, operator, refresh, some, two, withdraw
from tests.sim.policies import marks
from tests.sim.world import Node, World

Key = tuple[Family, bytes]
SETTLES = 240.0  #: seconds in which all is as it was once the last one is back: back-off, a dial in vain, 30 s of grace


class Vigil:
    """Watches every FIB of a settled world."""

    def __init__(self, world: World, patience: float) -> None:
        self.world = world
        self.patience = patience  #: seconds for which every neighbor keeps routes
        self.full: dict[str, dict[Key, Want]] = {}
        self.troubled: set[str] = set()  #: nodes that are away, cut off, or not back in full
        self._givers: dict[str, dict[Key, set[str]]] = {}
        self._excused: dict[str, set[Key]] = {node.name: set() for node in world.nodes.values()}
        for node in world.nodes.values():
            self.full[node.name] = {key: want for key, want in node.fib.items() if key not in node.routes}
            self._givers[node.name] = dict(_givers(node))
            node.watch = self.whole

    def whole(self, node: Node) -> None:
        """Nothing is gone that was there, but what is excused."""
        missing = self.full[node.name].keys() - node.fib.keys() - self._excused[node.name]
        assert not missing, f"{self.world.now:.6f}: {node.name} lost {sorted(missing, key=str)}"

    def trouble(self, *nodes: Node) -> None:
        """Something begins at these; where others are in trouble still, they may lose what comes through either."""
        if self.troubled - {node.name for node in nodes}:
            self.excuse(self.troubled | {node.name for node in nodes})
        self.troubled |= {node.name for node in nodes}

    def excuse(self, names: set[str]) -> None:
        """From now on what these gave, to whomever and through whomever, may go; and what they were given."""
        self.world.trace.append(f"{self.world.now:.6f} excused: {sorted(names)}")
        for name, full in self.full.items():
            if name in names:
                self._excused[name] |= self._givers[name].keys()
            else:
                self._excused[name] |= {key for key in full if names & self._ways(name, key)}

    def _ways(self, name: str, key: Key) -> set[str]:
        """Everybody through whom a route may have come here."""
        found: set[str] = set()
        left = [name]
        while left:
            for giver in self._givers[left.pop()].get(key, ()):
                if giver not in found:
                    found.add(giver)
                    left.append(giver)
        return found

    def settle(self) -> None:
        """Until all sessions stand and nothing is stale."""
        until = self.world.now + SETTLES
        while self.world.now < until:
            self.world.run(self.world.now + 5.0)
            if not self.world.cuts and all(not _wanting(node) for node in self.world.nodes.values()):
                self.troubled.clear()
                for name, node in [(node.name, node) for node in self.world.nodes.values()]:
                    self._excused[name] &= self.full[name].keys() - node.fib.keys()
                return
        raise AssertionError(f"not settled: {[why for node in self.world.nodes.values() if (why := _wanting(node))]}")

    def over(self) -> None:
        for node in self.world.nodes.values():
            node.watch = None
            for key, want in self.full[node.name].items():
                has = node.fib.get(key)
                assert has == want, f"{node.name}: {key} was {want}, is {has}"


def _givers(node: Node) -> Iterator[tuple[Key, set[str]]]:
    """Who gave each route, by name of the node; of what a node originates, nobody."""
    world = node.world
    for family in FAMILIES:
        for prefix, entry in speaker_of(node).tables[family].rib.table.items():
            givers = {world.by_address[p.source.address].name for p in paths_of(entry) if not p.source.local}
            if not any(path.source.local for path in paths_of(entry)):
                yield (family, prefix), givers


def _wanting(node: Node) -> str:
    """What a node is not through with; empty: nothing."""
    speaker = node.speaker
    if speaker is None or node.frozen:
        return f"{node.name} is not there"
    if speaker.recovery.active or node.adopted:
        return f"{node.name} is coming back"
    for neighbor in speaker.neighbors.values():
        if neighbor.live is None or not all(rib.end_of_rib for rib in neighbor.ribs.values()):
            return f"{node.name} has no session with {neighbor.key}"
        if neighbor.retained:
            return f"{node.name} keeps stale routes of {neighbor.key}"
    return ""


# ===== what must not matter =====


def _away(vigil: Vigil) -> float:
    """For how long somebody may be away: it must find its way back while the others still wait."""
    longest = max(vigil.patience - 55.0, 0.5)
    return vigil.world.rng.choice((0.0, 0.01, 1.0, 10.0, longest))


def _leave(vigil: Vigil, node: Node) -> None:
    """Killed, or stopped in restart mode."""
    if vigil.world.rng.random() < 0.5:
        node.crash()
    else:
        node.stop(restart=True)


def _at_work(world: World) -> Node | None:
    """Somebody who is up."""
    up = [node for node in live(world) if not node.frozen]
    return world.rng.choice(up) if up else None


def again(vigil: Vigil) -> None:
    """One goes and comes back."""
    node = _at_work(vigil.world)
    if node is not None:
        vigil.trouble(node)
        _leave(vigil, node)
        vigil.world.at(vigil.world.now + min(_away(vigil), 100.0), node.start)


def twice(vigil: Vigil) -> None:
    """One goes and comes back, and goes again in the midst of it, and comes back."""
    world = vigil.world
    node = _at_work(world)
    if node is None:
        return
    vigil.trouble(node)
    _leave(vigil, node)
    pause = world.rng.choice((0.0, 1.0))
    world.at(world.now + pause, node.start)

    def once_more() -> None:
        if node.speaker is None or node.frozen:
            return
        vigil.trouble(node)  # all may have been quiet meanwhile, and another one be in trouble now
        if _says_it_again(node):
            vigil.excuse({node.name})
        _leave(vigil, node)
        world.at(world.now + world.rng.choice((0.0, 0.1, 3.0)), node.start)

    world.at(world.now + pause + world.rng.choice((0.0, 0.01, 0.1, 0.3, 2.0, 8.0)), once_more)


def _says_it_again(node: Node) -> bool:
    """In the midst of telling what it had told before: somebody may think that it is back, and still holds that."""
    if all(neighbor.state < State.OPEN_CONFIRM for neighbor in speaker_of(node).neighbors.values()):
        return False
    return any(
        neighbor.retained
        for other in live(node.world)
        for neighbor in speaker_of(other).neighbors.values()
        if neighbor.spec.address in node.addresses
    )


def reset(vigil: Vigil) -> None:
    """A firewall, or an operator, ends one session; it comes up again at once."""
    world = vigil.world
    node = _at_work(world)
    if node is None:
        return
    speaker = speaker_of(node)
    stands = [neighbor for neighbor in speaker.neighbors.values() if neighbor.live is not None]
    if stands and not vigil.troubled:
        neighbor = world.rng.choice(stands)
        vigil.trouble(node, world.by_address[neighbor.spec.address])
        if world.rng.random() < 0.5:
            operator(world, node, neighbor, "reset")
        else:
            end = neighbor.live.transport  # type: ignore[union-attr]
            end.crash()  # type: ignore[union-attr]
            speaker.tcp_closed(end, "the peer reset the connection", world.now)  # type: ignore[arg-type]
            node.poke()


def freeze(vigil: Vigil) -> None:
    """One stands still, so long that hold timers expire, and finds all connections closed."""
    node = _at_work(vigil.world)
    if node is not None:
        if node.name in vigil.troubled:
            vigil.excuse({node.name})  # it misses its own half minute
        vigil.trouble(node)
        node.freeze(vigil.world.rng.choice((1.0, max(vigil.patience - 55.0, 10.0))))


def cut(vigil: Vigil) -> None:
    """Two do not hear of each other, for longer than their hold timers run."""
    world = vigil.world
    a, b = two(world)
    if late := {a.name, b.name} & vigil.troubled:
        vigil.excuse(late)  # who is coming back has half a minute to hear what the other one gives
    vigil.trouble(a, b)
    world.cut(a, b, one_way=world.rng.random() < 0.3)
    world.at(world.now + world.rng.choice((5.0, max(vigil.patience - 55.0, 10.0))), lambda: world.heal(a, b))


def mark(vigil: Vigil) -> None:
    """A policy that lets everything pass and marks some of it, on what one neighbor gives.

    Not while that one is away: what it gave cannot be judged again then, and goes.
    """
    if not vigil.troubled:
        rules = {"import_rule": ImportRule.POLICY, "import_policy": marks(vigil.world.rng)}
        _configure(vigil, rules)


def settings(vigil: Vigil) -> None:
    """What the next session will be like, and what this one may have at once."""
    rng = vigil.world.rng
    values = {"connect_retry_time": 3.0, "keepalive_time": 2, "send_hold_time": 60, "extended_messages": False}
    _configure(vigil, {name: values[name] for name in rng.sample(sorted(values), 2)})


def _configure(vigil: Vigil, values: dict[str, object]) -> None:
    node = some(vigil.world)
    if node.spec.neighbors:
        spec = vigil.world.rng.choice(node.spec.neighbors)
        new = replace(spec, **values)  # type: ignore[arg-type]
        node.reconfigure(replace(node.spec, neighbors=tuple([new if n is spec else n for n in node.spec.neighbors])))


def soft(vigil: Vigil) -> None:
    """An operator's soft resets, or a peer's own refresh."""
    world = vigil.world
    node = _at_work(world)
    if node is None:
        return
    if world.rng.random() < 0.4:
        refresh(world)
        return
    stands = [neighbor for neighbor in speaker_of(node).neighbors.values() if neighbor.live is not None]
    for neighbor in stands:
        operator(world, node, neighbor, world.rng.choice(("soft in", "soft out")))


def other_routes(vigil: Vigil) -> None:
    """Routes that nobody watches come, go and flap."""
    for _ in range(3):
        vigil.world.rng.choice((announce, announce, flap, withdraw))(vigil.world)


KINDS: dict[str, Callable[[Vigil], None]] = {
    function.__name__: function for function in (again, twice, reset, freeze, cut, mark, settings, soft, other_routes)
}


def play(world: World) -> None:
    """A history without a loss, in a world whose shape is made and which has not started. Ends with the checks."""
    rng = world.rng
    patience = _patience(world)
    world.start(spread=rng.choice((0.0, 3.0)))
    world.run(30.0)
    vigil = Vigil(world, patience)
    vigil.settle()
    check(world)
    vigil = Vigil(world, patience)
    for _ in range(rng.randrange(2, 8)):
        name = rng.choice(("again", "again", "twice", *KINDS))
        world.trace.append(f"{world.now:.6f} {name}")
        KINDS[name](vigil)
        if rng.random() < 0.7:
            vigil.settle()
        else:
            world.run(world.now + rng.choice((0.0, 0.05, 1.0, 8.0)))
    vigil.settle()
    world.run(world.now + 60.0)
    check(world)
    vigil.over()


def _patience(world: World) -> float:
    """The same restart timers for all: short and then long ones, or one that is long enough.

    The long wait makes a route the last resort, and its copies among reflectors, or beyond another AS, do not know that
    yet: they are chosen for a moment, and given up again. So it is for networks where nobody passes anything on.
    """
    rng = world.rng
    wait, long_wait = rng.choice(((60, 0), (120, 0), (120, 0), (5, 100), (0, 110)))
    specs = [spec for node in world.nodes.values() for spec in node.spec.neighbors]
    if any(spec.external or spec.rr_client or spec.export_rule is ExportRule.ALL for spec in specs):
        wait, long_wait = max(wait, 60), 0
    hold = rng.choice((9, 30, 90))
    for node in world.nodes.values():
        neighbors = tuple(
            [
                replace(
                    spec,
                    graceful_restart=GracefulRestart.FULL,
                    restart_time=wait,
                    long_lived_stale_time=tuple([(family, long_wait) for family in FAMILIES]) if long_wait else (),
                    hold_time=hold,
                    keepalive_time=hold // 3,
                )
                for spec in node.spec.neighbors
            ]
        )
        node.spec = replace(node.spec, neighbors=neighbors)
    return float(wait + long_wait)
