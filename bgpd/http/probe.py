"""`python -m bgpd.http.probe [URL]`: is the daemon well? Exit code 0 yes, 1 no; one line says why.

A container's health check runs this every few seconds, so it starts fast: a socket and a few lines of text, no
HTTP library. Without a URL it asks /healthz at the address of $BGPD_METRICS, else at 127.0.0.1:9179.
"""

import os
import socket
import sys
from collections.abc import Sequence
from typing import Final

_TIMEOUT: Final = 3.0  #: seconds; a daemon whose loop stands still does not answer at all
_EVERYWHERE: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on, not dialed


def target(url: str) -> tuple[str, int, str]:
    """Host, port and path of an http URL. Raises ValueError."""
    if not url.startswith("http://"):
        raise ValueError(f"{url} is no http:// URL")
    authority, _, path = url.removeprefix("http://").partition("/")
    host, port = authority, "80"
    if authority.startswith("["):
        host, _, behind = authority[1:].partition("]")
        port = behind.removeprefix(":") or port
    elif ":" in authority:
        host, _, port = authority.rpartition(":")
    if not port.isdecimal():
        raise ValueError(f"{url}: {port!r} is no port")
    return _EVERYWHERE.get(host, host), int(port), f"/{path}"


def probe(url: str, timeout: float = _TIMEOUT) -> tuple[bool, str]:
    """Ask once. Returns whether the status is 200, and the first line of the answer."""
    host, port, path = target(url)
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    answer = b""
    try:
        with socket.create_connection((host, port), timeout) as connection:
            connection.sendall(request.encode())
            while len(answer) < 65536 and (data := connection.recv(65536)):
                answer += data
    except OSError as error:
        return False, f"{url}: {error.strerror or error}"
    head, _, body = answer.decode(errors="replace").partition("\r\n\r\n")
    status = head.partition("\r\n")[0]
    first = body.partition("\n")[0]
    return status.startswith(("HTTP/1.1 200 ", "HTTP/1.0 200 ")), f"{status}: {first}" if first else status


def main(arguments: Sequence[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    url = given[0] if given else f"http://{os.environ.get('BGPD_METRICS') or '127.0.0.1:9179'}/healthz"
    try:
        well, text = probe(url)
    except ValueError as error:
        well, text = False, str(error)
    print(text)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
