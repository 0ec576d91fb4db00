"""The control socket: questions about the speaker, answered over a Unix socket.

What it owns: one socket file (mode 0660), the framing of requests and replies, and the table of commands.
A client sends one line, a request in JSON, and gets lines back: a header, rows, and an end that counts the
rows, or an error. A few commands act on one
neighbor (enable, disable, reset); they are to be had here only, never over HTTP.

    protocol    the lines: what a request and a reply look like
    commands    one function a command, over the `Queries` protocol; the table of commands with their help
    listener    the socket file, open before the rest is loaded
    service     asyncio: the clients, their limits, `watch`

A route passes through here as a `RouteView`, one at a time, in slices of a few milliseconds, so that a
listing of a million routes delays no keepalive. What is refused: requests that are no JSON or too long,
clients beyond the limit, and a reader that has stood still for minutes. A second daemon on the same path is
refused too: a socket file is removed only where nobody listens behind it.
"""
