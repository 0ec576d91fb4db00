"""`python -m bgpd.lab.backend PORT NAME`: a back end of the service address; it tells every caller its name."""

import socketserver
import sys


class _Answer(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(f"{sys.argv[2]}\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 64


if __name__ == "__main__":
    with _Server(("0.0.0.0", int(sys.argv[1])), _Answer) as server:  # noqa: S104 - its namespace is the lab's own
        server.serve_forever()
