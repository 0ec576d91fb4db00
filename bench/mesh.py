"""M: nodes in a full iBGP mesh, a namespace each on one bridge, every block of every node into every kernel."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
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
HOLD: Final = 90
BLOCKS: Final = 4
PATIENCE: Final = 120.0
IDLE: Final = 6.0  #: seconds over which idle CPU is taken


def address(number: int) -> str:
    return f"10.98.{number // 200}.{1 + number % 200}"


def blocks(number: int) -> list[str]:
    """What a node announces."""
    return [f"10.{200 + i}.{number}.0/24" for i in range(BLOCKS)]


def perform(name: str, nodes: int, kind: Kind, number: int) -> list[Record]:
    """One mesh of one daemon: from the first exec until every kernel has every block; then the nodes at rest."""
    base = Path(tempfile.mkdtemp(prefix="bgpd-bench-"))
    base.chmod(0o755)
    try:
        with _mesh(nodes) as spaces, ExitStack() as stack:
            values = _measure(kind, spaces, base, stack)
    except Failed as error:
        return [Record(name, kind.name, number, "mesh", failed=str(error))]
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return [Record(name, kind.name, number, "mesh", values)]


@contextmanager
def _mesh(nodes: int) -> Iterator[list[Space]]:
    """The nodes' namespaces; the kernel's neighbour table, which all of them share, has room for them meanwhile."""
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
            run(
                [
                    "ip",
                    "-n",
                    switch.name,
                    "link",
                    "add",
                    f"p{i}",
                    "type",
                    "veth",
                    "peer",
                    "eth0",
                    "netns",
                    spaces[i].name,
                ]
            )
            spaces[i].ip(f"address add {address(i)}/16 dev eth0", "link set eth0 up")
        switch.ip(*(f"link set p{i} master br0 up" for i in range(nodes)))
        yield spaces


def _measure(kind: Kind, spaces: list[Space], base: Path, stack: ExitStack) -> dict[str, float]:
    setups = [_setup(i, len(spaces)) for i in range(len(spaces))]
    directories = [base / f"n{i}" for i in range(len(spaces))]
    for directory in directories:
        directory.mkdir()
    running: list[Running] = []
    began = time.monotonic()
    for setup, space, directory in zip(setups, spaces, directories, strict=True):
        running.append(Running(kind, setup, space, directory))
        stack.callback(running[-1].stop)
    started = time.monotonic() - began
    listening = _until(running, _listens, began, "listens")
    whole = BLOCKS * len(spaces)  # its own are there as blackholes
    complete = _until(
        running, lambda pid: main_routes(f"/proc/{pid}/net/fib_triestat") >= whole, began, "has every route"
    )
    pids = [pid for daemon in running for pid in daemon.pids()]
    values = {"wall": complete, "started": started, "after_listening": max(0.0, complete - listening)}
    values["cpu_until"] = usage.cpu(pids) / len(spaces)
    usage.settle(pids, 1.0, 20)
    before, awake = usage.cpu(pids), usage.wakeups(pids)
    began = time.monotonic()
    time.sleep(IDLE)
    elapsed = time.monotonic() - began
    values["idle"] = 100 * (usage.cpu(pids) - before) / elapsed / len(spaces)
    values["wakeups"] = (usage.wakeups(pids) - awake) / elapsed / len(spaces)
    values["rss"] = usage.memory(pids)[0] / len(spaces)
    return values


def _setup(number: int, nodes: int) -> Setup:
    others = [Peer(address(i), ASN, hold=HOLD) for i in range(nodes) if i != number]
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
