"""The listening socket of the pages. It takes connections before anything that answers is loaded."""

import errno
import socket
from collections.abc import Callable

#: A port -> who listens on it, in words (`net.ports.who_listens`).
WhoListens = Callable[[int], str | None]


class HttpRefused(Exception):  # noqa: N818 - it refuses, in a sentence for people
    """The address cannot be listened on; the text says why, and who holds the port."""


def listen(address: tuple[str, int], who_listens: WhoListens) -> socket.socket:
    """A socket that listens on `address`. Raises HttpRefused."""
    host, port = address
    where = f"metrics on {f'[{host}]' if ':' in host else host}:{port}"
    try:
        return socket.create_server(address, family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=100)
    except OSError as error:
        if (error.errno or 0) < 0:  # it was no address, and could not be looked up as a name
            raise HttpRefused(f"{where}: {host!r} is no address of this machine") from error
        raise HttpRefused(f"{where}: {_why(error, port, who_listens)}") from error


def _why(error: OSError, port: int, who_listens: WhoListens) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port in use by {who_listens(port) or 'unknown process'}"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine does not have that address"
    if error.errno == errno.EACCES:
        return "permission denied: ports below 1024 need CAP_NET_BIND_SERVICE"
    return error.strerror or str(error)
