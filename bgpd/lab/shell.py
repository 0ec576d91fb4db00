"""Commands, streams of lines, and deadlines: the only place of the lab that starts processes.

A command either gives its output or raises Failed with the command and what it said. A stream is a running command
whose lines can be waited for. Nothing waits longer than it was told to.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self


class Failed(Exception):  # noqa: N818 - a sentence for people, not a defect of ours
    """Something that the lab needs did not work; the text is for the person at the terminal."""


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    given: str = "",
    timeout: float = 60.0,
    called: str | None = None,
) -> str:
    """Run a command to its end and return its standard output; raises Failed where its exit code is not 0.

    `called` is what a failure calls the command, where its own words say too much.
    """
    code, out, err = attempt(argv, env=env, given=given, timeout=timeout)
    if code != 0:
        said = (err.strip() or out.strip() or f"exit {code}").splitlines()
        raise Failed(f"{called or ' '.join(argv)}: " + "\n    ".join(said[-12:]))
    return out


def attempt(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, given: str = "", timeout: float = 60.0
) -> tuple[int, str, str]:
    """Run a command to its end: exit code, standard output, standard error. Raises Failed only where it cannot run."""
    try:
        done = subprocess.run(  # noqa: S603 - argv is the lab's own
            argv, env=env, input=given, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{' '.join(argv)}: no end after {timeout:.0f} s") from error
    except OSError as error:
        raise Failed(f"{argv[0]}: {error.strerror}") from error
    return done.returncode, done.stdout, done.stderr


def until(what: str, condition: Callable[[], str | None], *, timeout: float, pause: float = 0.05) -> float:
    """Look until `condition` has nothing more to complain about; returns the seconds that took.

    The condition returns what is still missing. Raises Failed with its last complaint at the deadline.
    """
    started = time.monotonic()
    while True:
        complaint = condition()
        now = time.monotonic()
        if complaint is None:
            return now - started
        if now - started > timeout:
            raise Failed(f"{what}: not after {timeout:.0f} s: {complaint}")
        time.sleep(pause)


class Stream:
    """A running command whose lines are kept and can be waited for. Use it in a `with`: it ends with the block.

    Its standard input stays open until then: a command inside a container outlives its `docker exec`, and learns by
    the end of its input that nobody listens any more.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        self._argv = argv
        self._lines: list[str] = []
        self._more = threading.Condition()
        self._ended = False
        self._process = subprocess.Popen(  # noqa: S603 - argv is the lab's own
            argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._more:
                self._lines.append(line.rstrip("\n"))
                self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()

    def lines(self) -> list[str]:
        """Every line so far."""
        with self._more:
            return list(self._lines)

    def wait(self, wanted: Callable[[list[str]], bool], *, timeout: float, what: str) -> list[str]:
        """Wait until the lines so far satisfy `wanted`, and return them; raises Failed at the deadline or the end."""
        deadline = time.monotonic() + timeout
        with self._more:
            while not wanted(self._lines):
                left = deadline - time.monotonic()
                if left <= 0 or self._ended:
                    why = "the command ended" if self._ended else f"not after {timeout:.0f} s"
                    raise Failed(f"{what}: {why}; it said: " + (" | ".join(self._lines[-6:]) or "nothing"))
                self._more.wait(left)
            return list(self._lines)

    def close(self) -> None:
        """End the command: by the end of its input, and where that does not do it by a signal."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        for signal_next in (signal.SIGTERM, signal.SIGKILL, None):
            try:
                self._process.wait(1)
                break
            except subprocess.TimeoutExpired:
                if signal_next is not None:
                    self._process.send_signal(signal_next)
        self._reader.join(3)
        if not self._reader.is_alive():
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def clean_env(drop: Iterable[str] = ("BGPD_",)) -> dict[str, str]:
    """Our environment without the variables that would configure a daemon behind the lab's back."""
    return {key: value for key, value in os.environ.items() if not key.startswith(tuple(drop))}
