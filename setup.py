"""The build switch: `BGPD_COMPILE=1 pip install .` compiles the hot rooms with mypyc; else nothing here does anything.

The compiled modules are the interpreted ones, from the same sources; which they are stands in pyproject.toml under
[tool.bgpd]. It takes a C compiler and Python's headers at install time, and nothing of either afterwards.
"""

import os
import shutil
import sys
import sysconfig
import tomllib
from pathlib import Path

from setuptools import Extension, setup

WANTED = os.environ.get("BGPD_COMPILE", "").lower() not in ("", "0", "no", "false")
ASKING = "egg_info" in sys.argv or "dist_info" in sys.argv  # pip asks for names first, when mypy is not there yet


def modules() -> list[str]:
    """The files to compile: of each named room every module but `__init__`, which only has words."""
    settings = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["bgpd"]
    found: list[str] = []
    for name in settings["compiled"]:
        path = Path(name)
        found += [str(path)] if path.is_file() else [str(p) for p in sorted(path.glob("*.py")) if p.stem != "__init__"]
    return [name for name in found if name not in settings["interpreted"]]


def extensions() -> list[Extension]:
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        sys.exit(f"bgpd: BGPD_COMPILE needs a C compiler, and there is no {compiler}; without it bgpd runs interpreted")
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        sys.exit("bgpd: BGPD_COMPILE needs Python's headers (Debian: python3-dev); without it bgpd runs interpreted")
    from mypyc.build import mypycify  # noqa: PLC0415 - only where it is asked for

    made: list[Extension] = mypycify(modules(), opt_level="3", debug_level="0", group_name="bgpd")
    # mypyc stops at every warning of every compiler to come; of them all, this one has found a fault in what it wrote
    warnings = ["-Wno-error", "-Werror=maybe-uninitialized"]
    for extension in made:
        extension.extra_compile_args = [*extension.extra_compile_args, *warnings]
    return made


setup(
    setup_requires=["mypy>=2.0"] if WANTED else [],
    ext_modules=extensions() if WANTED and not ASKING else [],
)
