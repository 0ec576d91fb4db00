"""`python -m tests.fuzz`: every target for its share of the time, one process after the other.

Inputs that found something new are kept in the cache directory and are where the next run begins. What breaks a target
is written to tests/corpus/<target>/, which the tests replay, and the command fails.
"""

import argparse
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "corpus"
#: The whole speaker is slow and deep: it gets this many shares.
SHARES = {"speaker": 4}
_RUNS = re.compile(r"stat::number_of_executed_units:\s*(\d+)|^#(\d+)\s", re.MULTILINE)
_EXTENSION = ".bin"


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one target's time."""

    target: str
    inputs: int
    finding: Path | None
    output: str


def fuzz(name: str, seconds: float, work: Path) -> Run:
    """Fuzz one target; inputs that are worth keeping stay in `work`."""
    target = TARGETS[name]
    corpus, seeds, found = work / name, work / f"{name}.seeds", CORPUS / name
    for directory in (corpus, seeds):
        directory.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (seeds / f"{number:03}").write_bytes(seed)
    before = set(found.glob("*")) if found.is_dir() else set()
    found.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={max(1, round(seconds))}", f"-max_len={target.longest}", "-print_final_stats=1"]
    options += ["-timeout=10", "-rss_limit_mb=4096", "-verbosity=1", f"-artifact_prefix={found}/"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.one", name, *options, str(corpus), str(seeds)],
        cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    new = sorted(set(found.glob("*")) - before)
    if not any(found.iterdir()):
        found.rmdir()
    counts = [int(a or b) for a, b in _RUNS.findall(done.stderr)]
    finding = new[0] if new else None
    if done.returncode and finding is None:
        raise RuntimeError(f"{name}: ended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return Run(name, max(counts, default=0), finding, done.stdout + done.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", default=list(TARGETS), help=f"of {', '.join(TARGETS)}; all by default")
    parser.add_argument("--seconds", type=float, default=600, help="for all of them together")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bgpd" / "fuzz"
    parser.add_argument("--work", type=Path, default=cache, help="where inputs are kept")
    options = parser.parse_args()
    share = options.seconds / sum(SHARES.get(name, 1) for name in options.targets)
    total, findings = 0, 0
    for name in options.targets:
        done = fuzz(name, share * SHARES.get(name, 1), options.work)
        total += done.inputs
        print(f"{name:18} {done.inputs:>12,} inputs{f'  FOUND {done.finding}' if done.finding else ''}", flush=True)
        if done.finding is not None:
            findings += 1
            print(done.output[-3000:], file=sys.stderr)
    print(f"{'all':18} {total:>12,} inputs, {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
