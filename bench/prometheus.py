"""What our own metrics page says of a run."""

import re
import socket
from collections.abc import Mapping

from bench.daemons import METRICS
from bench.space import Space

_BUCKET = re.compile(r'^bgpd_(?:event_)?loop_stall_seconds_bucket\{.*?le="([^"]+)".*\} (\S+)$', re.MULTILINE)
_ENOUGH = 0.02  #: seconds; nothing should lie above


def page(space: Space) -> str:
    """/metrics of the daemon in a namespace, or nothing."""
    try:
        with space.entered():
            connection = socket.create_connection(METRICS, 5)
        with connection:
            connection.sendall(b"GET /metrics HTTP/1.0\r\nHost: bench\r\n\r\n")
            found = b""
            while data := connection.recv(65536):
                found += data
    except OSError:
        return ""
    return found.decode(errors="replace")


def buckets(text: str) -> dict[float, float]:
    """The histogram of loop stalls: upper edge in seconds -> how many were as short as that or shorter."""
    return {float(edge): float(count) for edge, count in _BUCKET.findall(text)}


def stalls(before: Mapping[float, float], after: Mapping[float, float]) -> dict[str, float]:
    """Between two looks: how often the loop was away from its sockets, how often for longer than 20 ms, and the upper
    edge of the highest bucket that has anything, in seconds (ten times the last edge for what lies above all).
    """
    counts = {edge: count - before.get(edge, 0.0) for edge, count in sorted(after.items())}
    if not counts:
        return {}
    total = max(counts.values())
    below = max((count for edge, count in counts.items() if edge <= _ENOUGH), default=0.0)
    finite = [edge for edge in counts if edge != float("inf")]
    longest = next((edge for edge in finite if counts[edge] == total), 10 * finite[-1])
    return {"stalls": total, "stalls_over": total - below, "stall_longest": longest}
