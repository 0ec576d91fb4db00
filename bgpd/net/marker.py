"""A file that says: the last run did not end by a shutdown.

It is written at the start and removed by a shutdown, so that a start that finds it follows a restart or a crash. It
lies beside the control socket, in a directory that is empty after a reboot, when nothing is forwarded any more.
"""

import contextlib
from pathlib import Path


class Marker:
    """One file; that it cannot be written is no reason not to start."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def set(self) -> bool:
        """Leave the mark; True where there was one already."""
        if self._path.exists():
            return True
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o755, exist_ok=True)
            self._path.touch(mode=0o600)
        return False

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            self._path.unlink()
