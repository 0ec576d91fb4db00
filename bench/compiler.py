"""The C programs of this directory, compiled at their first use into bench/out/bin."""

import os
import shutil
from pathlib import Path

from bgpd.lab.shell import Failed, run

SOURCES = Path(__file__).resolve().parent / "c"
BINARIES = Path(__file__).resolve().parent / "out" / "bin"


def program(name: str) -> str:
    """The path of the program made from NAME.c. Raises Failed where there is no C compiler, or where it refuses."""
    target = BINARIES / name
    sources = [SOURCES / f"{name}.c", *SOURCES.glob("*.h")]
    if target.exists() and target.stat().st_mtime >= max(source.stat().st_mtime for source in sources):
        return str(target)
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise Failed("the load is a C program and there is no C compiler: apt-get install gcc libc6-dev")
    BINARIES.mkdir(parents=True, exist_ok=True)
    fresh = BINARIES / f".{name}.{os.getpid()}"
    run([compiler, "-O2", "-Wall", "-o", str(fresh), str(sources[0])])
    fresh.rename(target)  # a run that uses the old one keeps it
    return str(target)
