"""One daemon with one session and nothing to do: how soon its first OPEN is there, its memory, its wake-ups."""

import shutil
import socket
import struct
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from bench import usage
from bench.daemons import Kind, Peer, Running, Setup
from bench.load import FIRST_AS
from bench.space import DAEMON, GATEWAY, pair
from bench.stats import Record
from bgpd.lab.shell import Failed

WATCHED: Final = 6.0  #: seconds
_MARKER: Final = b"\xff" * 16


def message(kind: int, body: bytes = b"") -> bytes:
    return _MARKER + struct.pack("!HB", 19 + len(body), kind) + body


def open_message(asn: int, address: str) -> bytes:
    """An OPEN with IPv4 unicast and four-octet AS numbers."""
    capabilities = bytes((1, 4, 0, 1, 0, 1, 65, 4)) + asn.to_bytes(4, "big")
    fixed = struct.pack("!BHH4s", 4, 23456, 90, socket.inet_aton(address))
    return message(1, fixed + bytes((len(capabilities) + 2, 2, len(capabilities))) + capabilities)


def perform(kind: Kind, number: int) -> list[Record]:
    base = Path(tempfile.mkdtemp(prefix="bgpd-bench-"))
    try:
        return [Record("idle", kind.name, number, "idle", _measure(kind, base, number))]
    except (Failed, OSError) as error:
        return [Record("idle", kind.name, number, "idle", failed=str(error))]
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _measure(kind: Kind, base: Path, number: int) -> dict[str, float]:
    """The first run also looks at the daemon at rest."""
    setup = Setup(DAEMON, [Peer(GATEWAY, FIRST_AS, hold=90)], passive=False, networks=["10.244.1.0/24"])
    with pair(1) as (here, there):
        with there.entered():
            listener = socket.create_server((GATEWAY, 179))
        listener.settimeout(30)
        began = time.monotonic()
        daemon = Running(kind, setup, here, base)
        try:
            with listener, listener.accept()[0] as session:
                session.settimeout(30)
                first = session.recv(4096)
                opened = time.monotonic() - began
                if not first.startswith(_MARKER):
                    raise Failed("its first message is none of BGP's")
                session.sendall(open_message(FIRST_AS, GATEWAY) + message(4))
                threading.Thread(target=_read, args=(session,), daemon=True).start()
                return {"first_open": opened, **(_at_rest(daemon) if number == 0 else {})}
        finally:
            daemon.stop()


def _at_rest(daemon: Running) -> dict[str, float]:
    pids = daemon.pids()
    time.sleep(1)
    usage.settle(pids, 1.0, 20)
    cpu, awake, began = usage.cpu(pids), usage.wakeups(pids), time.monotonic()
    time.sleep(WATCHED)
    elapsed = time.monotonic() - began
    return {
        "rss": usage.memory(pids)[0],
        "idle": 100 * (usage.cpu(pids) - cpu) / elapsed,
        "wakeups": (usage.wakeups(pids) - awake) / elapsed,
    }


def _read(session: socket.socket) -> None:
    try:
        while session.recv(4096):
            pass
    except OSError:
        return
