"""Nodes in one AS, a namespace each on one bridge, every block of every node into every kernel.

M is a full iBGP mesh; in R two nodes reflect (RFC 4456) and the others have sessions with these two only; L is a mesh
that loses a node's link. When every kernel has every block the nodes are watched at rest, then one of them dies.
Nobody keeps routes of a node that is gone (`graceful-restart: off`), so that what heals is seen.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import usage
from bench.daemons import Kind, Peer, Running, Setup
from bench.scenarios import main_routes
from bench.space import Space
from bench.stats import Record
from bgpd.lab.limits import raise_neighbour_limits, restore_neighbour_limits
from bgpd.lab.shell import Failed, run

ASN: Final = 64512
HOLD: Final = 30
SHORT: Final = 9  #: the hold time where it decides when a node is missed
BLOCKS: Final = 4
PATIENCE: Final = 180.0
IDLE: Final = HOLD / 3  #: seconds over which nodes at rest are watched: every session's KEEPALIVE is in them


@dataclass(frozen=True, slots=True)
class Shape:
    """Which nodes there are, and who speaks with whom."""

    what: str
    nodes: int
    quick: int  #: nodes of a quick run
    reflectors: int = 0  #: the first so many reflect to all others, which have no other sessions; 0: a full mesh
    cut: bool = False  #: a node's link goes, too, with a hold time of SHORT; nobody is watched at rest


SHAPES: Final[Mapping[str, Shape]] = {
    **{f"M{n}": Shape(f"{n} nodes in a full mesh, {BLOCKS} blocks each, into every kernel", n, quick)
       for n, quick in ((20, 8), (50, 14), (100, 20))},
    **{f"R{n}": Shape(f"{n} nodes, two of them reflect, {BLOCKS} blocks each, into every kernel", n, 8, reflectors=2)
       for n in (20, 50, 100)},
    "L20": Shape(f"20 nodes in a full mesh, hold time {SHORT} s; one loses its link", 20, 8, cut=True),
}  # fmt: skip


def address(number: int) -> str:
    return f"10.98.{number // 200}.{1 + number % 200}"


def blocks(number: int) -> list[str]:
    """What a node announces."""
    return [f"10.{200 + i}.{number}.0/24" for i in range(BLOCKS)]


def perform(name: str, kind: Kind, number: int, *, quick: bool = False) -> list[Record]:
    """One shape of one daemon: from the first exec until every kernel has every block, and what comes after."""
    shape = SHAPES[name]
    base = Path(tempfile.mkdtemp(prefix="bgpd-bench-"))
    base.chmod(0o755)
    try:
        with _mesh(shape.quick if quick else shape.nodes) as (switch, spaces), ExitStack() as stack:
            values = _measure(shape, kind, switch, spaces, base, stack)
    except Failed as error:
        return [Record(name, kind.name, number, "mesh", failed=str(error))]
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return [Record(name, kind.name, number, "mesh", values)]


@contextmanager
def _mesh(nodes: int) -> Iterator[tuple[Space, list[Space]]]:
    """The switch and the nodes; the kernel's neighbour table, which all of them share, has room for them meanwhile."""
    with ExitStack() as stack:
        limits = raise_neighbour_limits(nodes)
        stack.callback(restore_neighbour_limits, limits)
        switch = Space("switch")
        stack.callback(switch.remove)
        switch.ip("link add br0 type bridge stp_state 0 forward_delay 0", "link set br0 up")
        spaces: list[Space] = []
        for i in range(nodes):
            spaces.append(Space(f"node{i}"))
            stack.callback(spaces[i].remove)
            run(f"ip -n {switch.name} link add p{i} type veth peer eth0 netns {spaces[i].name}".split())
            spaces[i].ip(f"address add {address(i)}/16 dev eth0", "link set eth0 up")
        switch.ip(*(f"link set p{i} master br0 up" for i in range(nodes)))
        yield switch, spaces


def _measure(
    shape: Shape, kind: Kind, switch: Space, spaces: list[Space], base: Path, stack: ExitStack
) -> dict[str, float]:
    running: list[Running] = []
    with spaces[0].entered():  # its thread's view: addresses and links have routes, too
        whole = main_routes("/proc/thread-self/net/fib_triestat") + BLOCKS * len(spaces)  # its own as blackholes
    began = time.monotonic()
    for number, space in enumerate(spaces):
        directory = base / f"n{number}"
        directory.mkdir()
        running.append(Running(kind, _setup(shape, number, len(spaces)), space, directory))
        stack.callback(running[-1].stop)
    started = time.monotonic() - began
    listening = _until(running, _listens, began, "listens")
    complete = _until(running, lambda pid: _routes(pid) >= whole, began, "has every route")
    pids = [pid for daemon in running for pid in daemon.pids()]
    values = {"wall": complete, "started": started, "after_listening": max(0.0, complete - listening)}
    values["cpu_until"] = usage.cpu(pids) / len(spaces)
    usage.settle(pids, 1.0, 20)
    if not shape.cut:
        values |= _at_rest(pids, len(spaces))
    reflectors = [pid for daemon in running[: shape.reflectors] for pid in daemon.pids()]
    if reflectors:
        values["reflector_pss"] = usage.shared_memory(reflectors) / shape.reflectors
    values["heal"] = _heal(running, running[-1].kill)
    if shape.reflectors:
        values["heal_reflector"] = _heal(running[:-1], running[0].kill, gone=0)
    if shape.cut:
        values["heal_cut"] = _heal(running[:-1], lambda: switch.ip(f"link set p{len(spaces) - 2} down"))
    return values


def _at_rest(pids: Sequence[int], nodes: int) -> dict[str, float]:
    """What a node uses when nothing happens."""
    before, awake, began = usage.cpu(pids), usage.wakeups(pids), time.monotonic()
    time.sleep(IDLE)
    elapsed = time.monotonic() - began
    return {
        "idle": 100 * (usage.cpu(pids) - before) / elapsed / nodes,
        "wakeups": (usage.wakeups(pids) - awake) / elapsed / nodes,
        "rss": usage.memory(pids)[0] / nodes,
        "pss": usage.shared_memory(pids) / nodes,
    }


def _heal(running: Sequence[Running], die: Callable[[], None], gone: int = -1) -> float:
    """Seconds from a node's death until what it announced is in no other kernel, and everything else still is."""
    others = [daemon for number, daemon in enumerate(running) if number != gone % len(running)]
    left = {daemon.pid: _routes(daemon.pid) - BLOCKS for daemon in others}
    began = time.monotonic()
    die()
    took = _until(others, lambda pid: _routes(pid) <= left[pid], began, "let go of the routes of a node that died")
    lost = sum(_routes(pid) < expected for pid, expected in left.items())
    if lost:
        raise Failed(f"{lost} of {len(others)} nodes lost routes of nodes that live")
    return took


def _routes(pid: int) -> int:
    return main_routes(f"/proc/{pid}/net/fib_triestat")


def _setup(shape: Shape, number: int, nodes: int) -> Setup:
    reflects = number < shape.reflectors
    spoken_to = range(nodes if reflects or not shape.reflectors else shape.reflectors)
    others = [
        Peer(
            address(i), ASN, hold=SHORT if shape.cut else HOLD,
            client=reflects and i >= shape.reflectors, graceful=False,
        )
        for i in spoken_to if i != number
    ]  # fmt: skip
    return Setup(address(number), others, kernel=True, networks=blocks(number), asn=ASN, passive=False)


def _until(running: list[Running], fine: Callable[[int], bool], began: float, what: str) -> float:
    """Seconds until it is true of every node; a node is not looked at again once it is."""
    left = list(running)
    while left:
        looked = time.monotonic()
        left = [daemon for daemon in left if not _try(fine, daemon)]
        if left and time.monotonic() - began > PATIENCE:
            raise Failed(f"{len(left)} of {len(running)} nodes: none {what} after {PATIENCE:.0f} s: {left[0].tail()}")
        if left:  # the looking may take a ninth of one processor: the nodes need both
            time.sleep(max(0.01, 8 * (time.monotonic() - looked)))
    return time.monotonic() - began


def _try(fine: Callable[[int], bool], daemon: Running) -> bool:
    try:
        return fine(daemon.pid)
    except OSError:
        raise Failed(f"a node's daemon ended: {daemon.tail()}") from None


def _listens(pid: int) -> bool:
    """Whether its namespace has a TCP socket, the first of which is a listener; not before the program is in there."""
    if Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink():
        return False
    for name in ("sockstat", "sockstat6"):  # /proc/net/tcp would say more, and takes the kernel milliseconds to walk
        for row in Path(f"/proc/{pid}/net/{name}").read_text().splitlines():
            words = row.split()
            if words[0] in ("TCP:", "TCP6:") and int(words[2]) > 0:
                return True
    return False
