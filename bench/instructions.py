"""Instructions a route, counted by valgrind: the same from run to run, however busy the machine is.

Scenario A's `init` at two sizes, with the daemon inside valgrind; what the larger one takes more, by what it has more.
"""

import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.daemons import Command, Kind, Peer, Running, Setup
from bench.load import EXTRA, KEEPER_HOLD, load, peers
from bench.space import DAEMON, pair
from bench.stats import Record
from bgpd.lab.shell import Failed

SIZES: Final = (2_000, 22_000)  #: routes
_TOTAL: Final = re.compile(r"I\s+refs:\s+([\d,]+)")


def perform(kind: Kind, number: int) -> list[Record]:
    """One figure; none where valgrind is not installed."""
    if shutil.which("valgrind") is None:
        return [Record("instructions", kind.name, number, "init", failed="valgrind is not installed")]
    try:
        small, large = (_count(kind, size) for size in SIZES)
    except Failed as error:
        return [Record("instructions", kind.name, number, "init", failed=str(error))]
    return [Record("instructions", kind.name, number, "init", {"a_route": (large - small) / (SIZES[1] - SIZES[0])})]


def _inside(kind: Kind, report: Path) -> Kind:
    """The same daemon, run by valgrind."""

    def prepare(setup: Setup, directory: Path) -> list[Command]:
        words = ["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--log-file={report}"]
        words += ["--cachegrind-out-file=/dev/null"]
        return [replace(command, argv=_through(command.argv, words)) for command in kind.prepare(setup, directory)]

    return replace(kind, prepare=prepare)


def _through(argv: list[str], words: list[str]) -> list[str]:
    """The words stand before the program itself, behind what prepares its namespace (bgpd.lab.debian.Tree.command)."""
    at = argv.index("sh", argv.index("-c") + 1) + 1 if argv[0] == "unshare" else 0
    return [*argv[:at], *words, *argv[at:]]


def _count(kind: Kind, routes: int) -> int:
    base = Path(tempfile.mkdtemp(prefix="bgpd-bench-"))
    report = base / "report"
    found = [Peer(address, asn, hold=240) for address, asn in peers(2 + EXTRA)]
    found[-1] = replace(found[-1], hold=KEEPER_HOLD, keeper=True)
    try:
        with pair(2 + EXTRA) as (here, there), load(there, {"routes": routes, "hold": 240}) as feeding:
            daemon = Running(_inside(kind, report), Setup(DAEMON, found), here, base)
            try:
                for command in ("connect timeout=120", "announce all 0 have={} timeout=120"):
                    if not feeding.ask(command.format(routes))["ok"]:
                        raise Failed(f"{command}: not done under valgrind: {daemon.tail()}")
            finally:
                daemon.stop(patience=60)  # valgrind writes its report at the end, in its own time
        total = _TOTAL.search(report.read_text())
        if total is None:
            raise Failed(f"valgrind counted nothing: {report.read_text()[-200:]}")
        return int(total[1].replace(",", ""))
    finally:
        shutil.rmtree(base, ignore_errors=True)
