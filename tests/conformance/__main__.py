"""`python -m tests.conformance`: every daemon, every case, and the table in docs/conformance.md (root)."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.conformance.cases import CASES
from tests.conformance.judge import Outcome, words
from tests.conformance.runner import prepare, right, run
from tests.interop.drivers.base import Driver
from tests.interop.drivers.bird2 import Bird2
from tests.interop.drivers.frr import Frr
from tests.interop.drivers.gobgp import Gobgp
from tests.interop.drivers.openbgpd import Openbgpd
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan

DAEMONS: dict[str, tuple[type[Driver], str]] = {
    "ours": (Ours, "bgpd (ours)"),
    "bird2": (Bird2, "BIRD 2.0.12"),
    "frr": (Frr, "FRR 8.4.4"),
    "gobgp": (Gobgp, "GoBGP 3.10"),
    "openbgpd": (Openbgpd, "OpenBGPD 7.7"),
}
Results = dict[str, dict[str, Outcome]]


def collect(names: list[str]) -> Results:
    """Run the daemons one after the other, each on a LAN of its own."""
    found: Results = {}
    for name in names:
        started = time.monotonic()
        lan = Lan(3)
        try:
            prepare(lan)
            with tempfile.TemporaryDirectory() as work:
                found[name] = run(DAEMONS[name][0], lan, Path(work))
        finally:
            lan.close()
        count = sum(right(case, found[name][case.name]) for case in CASES)
        print(f"{name}: {count} of {len(CASES)} right, {time.monotonic() - started:.0f} s", file=sys.stderr)
    return found


def render(results: Results) -> str:
    """The document."""
    names = list(results)
    head = "| case | RFC | demanded | " + " | ".join(DAEMONS[name][1] for name in names) + " |"
    lines = [
        "# Conformance",
        "",
        f"{len(CASES)} malformed or odd messages, sent over TCP to five daemons in one run by `make conformance`; the",
        "cases are values in `tests/conformance/cases.py`. *Demanded* is what the RFC asks for; where it leaves a choice,",
        "each choice counts as right. ✓ is right, ✗ is not; then comes what the daemon did: a NOTIFICATION as code/subcode",
        "and data, or what became of two routes, one announced before and again with the odd message, one only with it.",
        "The others are Debian 12's packages; newer versions may do better.",
        "",
        "| daemon | right |",
        "|---|---|",
    ]
    for name in names:
        count = sum(right(case, results[name][case.name]) for case in CASES)
        lines.append(f"| {DAEMONS[name][1]} | {count} of {len(CASES)} |")
    lines += ["", head, "|---|---|---|" + "---|" * len(names)]
    for case in CASES:
        cells = []
        for name in names:
            done = results[name][case.name]
            cells.append(f"{'✓' if right(case, done) else '✗'} {words(done)}")
        stage = " (internal)" if case.internal and "internal" not in case.name else ""
        lines.append(f"| {case.name}{stage} | {case.rfc} | {case.demanded} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("daemons", nargs="*", default=list(DAEMONS), help=f"of {', '.join(DAEMONS)}; all by default")
    parser.add_argument("--out", type=Path, help="write the table there instead of the terminal")
    options = parser.parse_args()
    results = collect(options.daemons)
    text = render(results)
    if options.out is not None:
        options.out.write_text(text)
    else:
        print(text)
    wrong = [case.name for case in CASES if "ours" in results and not right(case, results["ours"][case.name])]
    for name in wrong:
        print(f"ours is wrong: {name}: {words(results['ours'][name])}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
