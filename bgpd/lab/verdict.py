"""Counts the checks, prints each with what it saw, and ends in one line."""

import time
import traceback
from collections.abc import Callable

from bgpd.lab.shell import Failed

Say = Callable[[str], None]


class Verdict:
    """A run of checks. `say` prints one line (or several) to the person."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._started = time.monotonic()
        self.passed: list[str] = []
        self.failed: list[str] = []

    def section(self, title: str) -> None:
        """A heading."""
        self._say(f"\n{title}")

    def show(self, text: str) -> None:
        """Evidence, indented."""
        for line in text.splitlines():
            self._say(f"        {line}")

    def check(self, name: str, look: Callable[[], str]) -> bool:
        """One check: `look` returns what it saw, in a few words, or raises. Never raises itself."""
        try:
            seen = look()
        except Failed as error:
            return self._fail(name, str(error))
        except Exception as error:  # noqa: BLE001 - a check that breaks has failed, and the others still count
            where = traceback.extract_tb(error.__traceback__)[-1]
            return self._fail(name, f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})")
        self.passed.append(name)
        self._say(f"  ok    {name}: {seen}")
        return True

    def _fail(self, name: str, why: str) -> bool:
        self.failed.append(name)
        self._say(f"  FAIL  {name}: {why}")
        return False

    def finish(self, what: str) -> int:
        """The last line; returns the exit code."""
        total = len(self.passed) + len(self.failed)
        took = f"{time.monotonic() - self._started:.1f} s"
        if self.failed or not total:
            self._say(
                f"\nVERDICT: FAIL {len(self.passed)}/{total} checks, {what}, {took}; failed: {', '.join(self.failed)}"
            )
            return 1
        self._say(f"\nVERDICT: PASS {total}/{total} checks, {what}, {took}")
        return 0
