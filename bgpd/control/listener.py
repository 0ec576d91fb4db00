"""The socket file of the control socket: made, and cleared away where nobody listens behind it.

It stands and takes connections before anything that answers is loaded; who comes early waits a moment.
"""

import contextlib
import errno
import os
import socket
import stat
import struct
from pathlib import Path
from typing import Final

_SOCKET_MODE: Final = 0o660
_BACKLOG: Final = 100


class ControlRefused(Exception):  # noqa: N818 - it refuses, in a sentence for people
    """The socket cannot be opened; the text says why and what to do."""


def bind(path: Path) -> socket.socket:
    """A listening socket with mode 0660 from its first moment. Raises ControlRefused."""
    _clear_away(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileExistsError):
            path.parent.mkdir(mode=0o755)
        os.fchmod(listener.fileno(), _SOCKET_MODE)  # before bind: the file is never wider than this
        listener.bind(str(path))
        path.chmod(_SOCKET_MODE)  # and the umask takes nothing from the group
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno is None:  # Python itself: longer than sun_path
            raise ControlRefused(
                f"control socket {path}: the path is too long for a Unix socket (107 octets)"
            ) from error
        hint = "use --control PATH for another place" if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS} else ""
        hint = hint or ("create its directory first" if error.errno in {errno.ENOENT, errno.ENOTDIR} else "")
        reason = (error.strerror or str(error)).lower()
        raise ControlRefused(f"control socket {path}: {reason}{'; ' if hint else ''}{hint}") from error
    return listener


def _clear_away(path: Path) -> None:
    """Remove a socket file that nobody listens behind. Raises ControlRefused where somebody does."""
    try:
        mode = path.lstat().st_mode
    except OSError:  # nothing there, or nowhere to look: bind says what is wrong
        return
    if not stat.S_ISSOCK(mode):
        raise ControlRefused(
            f"control socket {path}: there is a file of another kind; remove it, or use --control PATH"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            return
        except FileNotFoundError:
            return
        except BlockingIOError:  # its queue is full: it lives
            holder = "a process"
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise ControlRefused(f"control socket {path}: {reason}; use --control PATH for another place") from error
        else:
            pid = struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
            holder = f"process {pid}" if pid else "a process"
    raise ControlRefused(f"control socket {path}: {holder} answers there already; stop it, or use --control PATH")
