"""The kernel's own word that something in a directory changed: inotify, by three calls of the C library."""

import ctypes
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MODIFY: Final = 0x0002  # linux/inotify.h
CLOSE_WRITE: Final = 0x0008
MOVED_FROM: Final = 0x0040
MOVED_TO: Final = 0x0080
CREATE: Final = 0x0100
DELETE: Final = 0x0200
DELETE_SELF: Final = 0x0400
MOVE_SELF: Final = 0x0800
OVERFLOW: Final = 0x4000
IGNORED: Final = 0x8000
ALL: Final = MODIFY | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF | MOVE_SELF
#: The directory itself is not what it was, or events were lost: look at everything again.
GONE: Final = DELETE_SELF | MOVE_SELF | IGNORED

_HEADER: Final = struct.Struct("=iIII")


@dataclass(frozen=True, slots=True)
class Event:
    """One event: what happened (a mask), and to which name in the directory."""

    mask: int
    name: str


class Inotify:
    """Watches directories. `fd` becomes readable; `read` never waits."""

    def __init__(self) -> None:
        """Raises OSError, as where the user has too many of them."""
        self._libc: Final = ctypes.CDLL(None, use_errno=True)
        self.fd: Final = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise _failure("inotify")

    def add(self, directory: Path, mask: int = ALL) -> None:
        """Watch a directory. Raises OSError."""
        if self._libc.inotify_add_watch(self.fd, os.fsencode(directory), mask) < 0:
            raise _failure(str(directory))

    def read(self) -> list[Event]:
        """What happened since the last call."""
        try:
            data = os.read(self.fd, 1 << 16)
        except BlockingIOError:
            return []
        return parse(data)

    def close(self) -> None:
        os.close(self.fd)


def parse(data: bytes) -> list[Event]:
    """The events of one read."""
    found, at = [], 0
    while at + _HEADER.size <= len(data):
        _, mask, _, length = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        found.append(Event(mask, os.fsdecode(data[at : at + length].rstrip(b"\0"))))
        at += length
    return found


def _failure(what: str) -> OSError:
    code = ctypes.get_errno()
    return OSError(code, f"{what}: {os.strerror(code)}")
