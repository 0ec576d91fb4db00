"""The load program (c/load.c) and how it is spoken to: a command a line, an answer of JSON a line."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bench.compiler import program
from bench.space import Space, peer_address
from bgpd.lab.shell import Failed

FIRST_AS = 400001  #: of peer 0; the same in c/encode.h
KEEPER_HOLD = 3
EXTRA = 2  #: peers beside feeders and receivers: the one that joins late, and the keeper


class Load:
    """A running load."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, command: str) -> dict[str, Any]:
        """Give a command and wait until it is done; raises Failed where the load ends over it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"the load ended over {command!r}: {self.said()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def said(self) -> str:
        """What it complained about; ends it."""
        self._process.kill()
        assert self._process.stderr is not None
        return " | ".join(self._process.stderr.read().splitlines()[-4:])


@contextmanager
def load(space: Space, options: Mapping[str, int]) -> Iterator[Load]:
    """The load in a namespace; it ends with the block."""
    argv = space.argv([program("load"), *(f"{key}={value}" for key, value in options.items())])
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield Load(process)
    finally:
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
        process.kill()
        process.wait()
        process.communicate()


def peers(count: int) -> list[tuple[str, int]]:
    """Address and AS of the first `count` peers."""
    return [(peer_address(i), FIRST_AS + i) for i in range(count)]
