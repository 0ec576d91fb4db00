"""The control socket from the client's side: one request, then the reply's lines as they come."""

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Final

from bgpd.control.protocol import END, ERROR, HEADER, LOST, ROW

Object = dict[str, object]


class NotReachable(Exception):  # noqa: N818 - it is a state of the world
    """No daemon answers; the text says why and what to do."""


class Refused(Exception):  # noqa: N818 - the daemon said no
    """The daemon answered with an error."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code: Final = code


class Answer:
    """A reply that is being read: its object, then its rows, one at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection: Final = connection
        self._lines: Final = connection.makefile("rb", buffering=256 * 1024)
        self.lost = 0  #: events that this client was too slow for; the reader of `rows` may set it back to 0
        try:
            first = self._line()
        except BaseException:
            self._lines.close()
            raise
        if not first.startswith(HEADER):
            self._lines.close()
            raise NotReachable("what answers on the control socket is no bgpd of this version")
        self.head: Final[Object | None] = json.loads(first)["header"]

    def rows(self) -> Iterator[bytes]:
        """The JSON text of each row. Raises Refused, or NotReachable where the daemon goes away in the middle."""
        while True:
            line = self._line()
            if line.startswith(ROW):
                yield line[len(ROW) : -2]  # without "}\n"
            elif line.startswith(LOST):
                self.lost += json.loads(line)["lost"]
            elif line.startswith(END):
                return

    def close(self) -> None:
        self._lines.close()
        self._connection.close()

    def _line(self) -> bytes:
        try:
            line = self._lines.readline()
        except OSError:
            line = b""
        if not line.endswith(b"\n"):
            raise NotReachable("bgpd hung up in the middle of its answer: it stopped, or this end was too slow")
        if line.startswith(ERROR):
            error = json.loads(line)["error"]
            raise Refused(error["code"], error["text"])
        return line


def ask(path: str, command: str, arguments: Object) -> Answer:
    """Send one request to the daemon at `path`. Raises NotReachable or Refused."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(path)
        with contextlib.suppress(BrokenPipeError):  # it may say why before it hangs up
            connection.sendall(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
    except OSError as error:
        connection.close()
        raise NotReachable(_advice(path, error)) from error
    try:
        return Answer(connection)
    except BaseException:
        connection.close()
        raise


def _advice(path: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"no bgpd is running here: there is no {path}. Start it, or name its socket with --control PATH."
    if isinstance(error, ConnectionRefusedError):
        return f"no bgpd is running here: nobody listens behind {path}. Start it again."
    if isinstance(error, PermissionError):
        return f"{path}: permission denied. Ask as root, or as a member of the socket's group."
    return f"{path}: {(error.strerror or str(error)).lower()}. Name bgpd's socket with --control PATH."
