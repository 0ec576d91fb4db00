"""The HTTP pages: /metrics, /healthz, /readyz, on a small server of our own.

What it owns: the listening socket, the reading of requests (GET and HEAD, nothing else), and the text of the
pages. It reads plain values: a `MetricsSnapshot` that is taken at one moment, a `Health`, and a `StatusView`.

    snapshot    the figures, as plain ints: what the daemon fills in for one scrape
    metrics     snapshot -> metric families -> text, in the format that Prometheus asks for
    listener    the listening socket, open before the rest is loaded
    service     asyncio: connections, requests, limits, routes
    probe       `python -m bgpd.http.probe`: the health check of a container

A route is seen here only as a number. The text of a thousand neighbors is made in slices between which the
event loop goes on. What is refused: bodies, other methods, headers that are too long or come too slowly.
"""
