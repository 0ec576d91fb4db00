"""A back end says its name to whoever connects."""

import socket
import subprocess
import sys
import time


def test_it_tells_its_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "bgpd.lab.backend", str(port), "node7"])
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), 5) as connection:
                    assert connection.recv(64) == b"node7\n"
                    return
            except ConnectionRefusedError:
                assert time.monotonic() < deadline
                time.sleep(0.02)
    finally:
        process.terminate()
        process.wait(5)
