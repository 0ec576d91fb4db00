"""`python -m bench.feeder ADDRESS ASN`: accept one BGP session at ADDRESS:179 and do what standard input says.

It prints a line for each event, with the time in seconds since the epoch: `listening`, `connected`, `open` (the
peer's OPEN is here), `established`, `sent N`. A line `routes N` on standard input announces N prefixes of 24 bits from
100.64.0.0 on, five to an attribute set as in real tables; the end of the input ends the session and the program.
It shares no code with the daemon: what it sends is packed here.
"""

import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator

HEADER = struct.Struct("!16sHB")
MARKER = b"\xff" * 16
SHARING = 5  #: prefixes that share one attribute set


def say(*words: object) -> None:
    print(*words, f"{time.time():.6f}", flush=True)


def message(kind: int, body: bytes) -> bytes:
    return HEADER.pack(MARKER, 19 + len(body), kind) + body


def open_message(asn: int, address: str) -> bytes:
    capabilities = bytes((1, 4, 0, 1, 0, 1, 65, 4)) + asn.to_bytes(4, "big")
    parameters = bytes((2, len(capabilities))) + capabilities
    fixed = struct.pack("!BHH4sB", 4, asn, 90, socket.inet_aton(address), len(parameters))
    return message(1, fixed + parameters)


def update(asn: int, next_hop: bytes, index: int, count: int) -> bytes:
    """The UPDATE with prefixes index .. index + count - 1 and an attribute set of their own."""
    as_path = struct.pack("!BBIII", 2, 3, asn, 100000 + index % 1000, 200000 + index // SHARING)
    attributes = bytes((0x40, 1, 1, 0, 0x40, 2, len(as_path))) + as_path + bytes((0x40, 3, 4)) + next_hop
    nlri = b"".join(bytes((24,)) + (0x644000 + i).to_bytes(3, "big") for i in range(index, index + count))
    return message(2, struct.pack("!HH", 0, len(attributes)) + attributes + nlri)


def read_frames(connection: socket.socket) -> Iterator[int]:
    """The type of each message that comes."""
    buffer = b""
    while data := connection.recv(65536):
        buffer += data
        while len(buffer) >= 19:
            _, length, kind = HEADER.unpack_from(buffer)
            if len(buffer) < length:
                break
            buffer = buffer[length:]
            yield kind


def keep_alive(connection: socket.socket) -> None:
    while True:
        time.sleep(20)
        try:
            connection.sendall(message(4, b""))
        except OSError:
            return


def main() -> None:
    address, asn = sys.argv[1], int(sys.argv[2])
    listener = socket.create_server((address, 179))
    say("listening")
    connection, _ = listener.accept()
    say("connected")
    frames = read_frames(connection)
    for kind in frames:
        if kind == 1:
            say("open")
            connection.sendall(open_message(asn, address) + message(4, b""))
        if kind == 4:
            break
    connection.sendall(message(2, b"\0\0\0\0"))  # End-of-RIB
    say("established")
    threading.Thread(target=lambda: list(frames), daemon=True).start()
    threading.Thread(target=keep_alive, args=(connection,), daemon=True).start()
    sent = 0
    for line in sys.stdin:
        wanted = sent + int(line.split()[1])
        while sent < wanted:
            count = min(SHARING, wanted - sent)
            connection.sendall(update(asn, socket.inet_aton(address), sent, count))
            sent += count
        say("sent", sent)
    connection.close()


if __name__ == "__main__":
    main()
