"""`python -m bench`: measure, print, and on request write the documents."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench import idle, instructions, limit, mesh, report, scenarios
from bench.compiler import program
from bench.daemons import Available, Kind, available
from bench.space import sweep
from bench.stats import Record, Records
from bgpd.lab.netns import require_root
from bgpd.lab.shell import Failed

Step = tuple[str, str, int, Callable[[], list[Record]]]  #: scenario, daemon, run, what measures it

PAIR: Final = frozenset(["compiled", "interpreted", "bird2"])  #: the daemons of the meshes and of the rest
PART: Final = report.OUT / "part.json"  #: what there is so far, of a run that was stopped, too
REPEATED: Final = frozenset(["compiled", "bird2"])  #: those that run more than once
SLOW: Final = frozenset(
    ["M50", "R20", "L20", "instructions", "Pother", "K500", "B300", "A6", "X", "D25", "D50"]
)  #: not in a quick run
ASKED: Final = frozenset(["M100", "R50", "R100"])  #: only by name: minutes each
SHORT: Final = frozenset(["M20", "idle"])  #: of what is no scenario with peers, also with ours interpreted
ENOUGH: Final = 660.0  #: seconds after which nothing is repeated, so that a slow machine is done in time
LATE: Final = 810.0  #: seconds after which only ours and BIRD 2 are measured


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as ^C: everything that was made goes again
    try:
        run = report.read(options.show) if options.show else _measure(options)
        print(f"\n{report.text(run)}")
        if options.publish:
            for file in report.publish(run):
                print(f"-> {file}")
    except Failed as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"bench: stopped; what there is: python -m bench --show {PART}", file=sys.stderr)
        return 130
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="How fast, how large: ours beside other BGP daemons.")
    names = ", ".join([*scenarios.SCENARIOS, *mesh.SHAPES, "idle", "instructions"])
    parser.add_argument("--quick", action="store_true", help="small tables, one run of each")
    parser.add_argument("--only", default="", metavar="A,C", help=f"these scenarios: {names}")
    parser.add_argument("--daemons", default="", metavar="X,Y", help="these daemons")
    parser.add_argument("--publish", action="store_true", help="write README.md, docs/bench.md and docs/bench.svg")
    parser.add_argument("--show", type=Path, metavar="FILE", help="measure nothing; take the JSON of a run")
    return parser.parse_args(argv)


def _words(text: str) -> list[str]:
    return [word for word in text.replace(",", " ").split() if word]


def _measure(options: argparse.Namespace) -> report.Run:
    require_root("a measurement")
    names, daemons = _words(options.only), _words(options.daemons)
    known = [*scenarios.SCENARIOS, *mesh.SHAPES, "idle", "instructions"]
    if unknown := [name for name in names if name not in known]:
        raise Failed(f"no scenario named {', '.join(unknown)}; there are {', '.join(known)}")
    whole = not (options.quick or names or daemons)
    if options.publish and not whole:
        raise Failed("only a whole run is published: no QUICK, no BENCH, no DAEMONS")
    for source in ("load", "kernel"):
        program(source)
    sweep()
    found = available(daemons)
    for name, why in found.missing.items():
        print(f"left out: {name}: {why}", file=sys.stderr)
    wanted = names or [name for name in known if name not in ASKED and not (options.quick and name in SLOW)]
    began, what = time.monotonic(), report.machine()
    run = report.Run(what, found.versions, found.missing, 0.0, whole=False, records=Records())
    for step in _steps(wanted, found, quick=options.quick):
        _take(step, run.records, time.monotonic() - began)
        run = replace(run, seconds=time.monotonic() - began)
        report.keep(run, PART)
    run = replace(run, whole=whole)
    file = report.OUT / "quick.json" if options.quick else report.OUT / "bench.json" if whole else PART
    report.keep(run, file)
    print(f"\n-> {file}", file=sys.stderr)
    return run


def _take(step: Step, records: Records, elapsed: float) -> None:
    """Do one measurement, or say why not."""
    scenario, daemon, number, measure = step
    if (number and elapsed > ENOUGH) or (daemon not in REPEATED and elapsed > LATE):
        print(f"[{elapsed:4.0f}] {scenario} {daemon}: left out, it is late", file=sys.stderr)
        return
    mine = [record for record in records if (record.scenario, record.daemon) == (scenario, daemon)]
    if daemon not in REPEATED and any(record.failed for record in mine):
        return  # once is enough
    try:
        records += measure()
    except Exception as error:  # noqa: BLE001 - one measurement that breaks must not cost all the others
        records.append(Record(scenario, daemon, number, "end", failed=f"{type(error).__name__}: {error}"))
    _tell(records, scenario, daemon, elapsed)


def _steps(names: Sequence[str], found: Available, *, quick: bool) -> Iterator[Step]:
    """Every single measurement in order: of one scenario run by run, in each run daemon by daemon."""
    for name in names:
        if name in scenarios.SCENARIOS:
            yield from _scenario(name, found.kinds, quick=quick)
            continue
        runs = 1 if quick or name != "idle" else 3
        for run in range(runs):
            for kind in found.kinds:
                if kind.name in PAIR and (kind.name in REPEATED or (name in SHORT and not (quick or run))):
                    yield name, kind.name, run, _other(name, kind, run, quick=quick)


def _scenario(name: str, kinds: Sequence[Kind], *, quick: bool) -> Iterator[Step]:
    scenario = scenarios.SCENARIOS[name]
    scenario = scenario.made_quick() if quick else scenario
    for run in range(scenario.runs):
        if scenario.kernel:
            yield name, limit.NAME, run, lambda run=run: limit.perform(name, scenario.routes, run)  # type: ignore[misc]
        for kind in kinds:
            if scenario.phases_of(kind) and (run == 0 or kind.name in REPEATED):
                yield name, kind.name, run, lambda kind=kind, run=run: scenarios.perform(scenario, kind, run)  # type: ignore[misc]


def _other(name: str, kind: Kind, run: int, *, quick: bool) -> Callable[[], list[Record]]:
    if name == "idle":
        return lambda: idle.perform(kind, run)
    if name == "instructions":
        return lambda: instructions.perform(kind, run)
    return lambda: mesh.perform(name, kind, run, quick=quick)


def _tell(records: Records, scenario: str, daemon: str, elapsed: float) -> None:
    """One line about what was measured last."""
    last = [record for record in records if (record.scenario, record.daemon) == (scenario, daemon)]
    last = [record for record in last if record.run == last[-1].run]
    words = [
        f"{record.phase} {record.values['p50']:.0f} µs"
        if "p50" in record.values
        else f"{record.phase} {record.values['wall']:.2f} s"
        for record in last
        if "wall" in record.values
    ]
    words += [f"first OPEN {record.values['first_open']:.2f} s" for record in last if "first_open" in record.values]
    words += [f"FAILED {record.phase}: {record.failed}" for record in last if record.failed]
    print(f"[{elapsed:4.0f}] {scenario} {daemon}: {', '.join(words)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
