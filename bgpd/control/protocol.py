"""The lines on the control socket. Both ends share them, so this imports next to nothing.

A client connects, sends one request line, and reads reply lines until the connection closes:

    -> {"command": "show route", "arguments": {"table": "received", "neighbor": "node2"}}
    <- {"header": null}
    <- {"row": {"family": "ipv4", "prefix": "10.244.2.0/24", ...}}
    <- {"row": ...}
    <- {"end": 2}

The header carries the object of a singular command (`show status`), or null. `watch` sends rows without end,
and {"lost": 17} where the client was too slow and 17 events had to go. {"error": {"code": ..., "text": ...}}
ends a reply at any place instead of {"end": ...}; a reply that just stops was cut off.
"""

from typing import Final

#: Where the daemon listens and bgpctl dials, unless told otherwise.
DEFAULT_PATH: Final = "/run/bgpd/bgpd.sock"
#: Octets of the longest request line that is read.
MAX_REQUEST: Final = 64 * 1024


class ErrorCode:
    """Why there is no answer, for programs: the values of "code" in an error line."""

    BAD_REQUEST: Final = "bad-request"  #: not one line of JSON with a command
    UNKNOWN_COMMAND: Final = "unknown-command"
    BAD_ARGUMENT: Final = "bad-argument"
    UNKNOWN_NEIGHBOR: Final = "unknown-neighbor"
    REFUSED: Final = "refused"  #: understood, and not possible now
    BUSY: Final = "busy"  #: too many clients already
    STOPPING: Final = "stopping"  #: the daemon is on its way out
    INTERNAL: Final = "internal"  #: a bug of ours


#: Lines of a reply start with one of these; a row's object stands between ROW and the closing brace.
HEADER: Final = b'{"header":'
ROW: Final = b'{"row":'
LOST: Final = b'{"lost":'
END: Final = b'{"end":'
ERROR: Final = b'{"error":'
CLOSE: Final = b"}\n"
