"""Nothing that one peer does delays another's keepalives.

One session has the shortest timers that BGP allows, a hold time of 3 seconds and a KEEPALIVE each second (a hold time
of 1 is not legal: 0, or 3 and more, RFC 4271 section 4.2). Meanwhile a second peer sends a full table, which goes on to
the first one, too, and a third one sends garbage and connects again, as fast as it can.
"""

import contextlib
import os
import signal
import threading
import time

from tests.conformance.octets import KEEP
from tests.hostile.conftest import GARBAGE, QUIET_ASN, STRANGER, Start
from tests.hostile.peers import FLOODER_ASN, Quiet, full_table, handshake, handshake_soon
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan

ROUTES = 300_000
LATE = 0.5  #: seconds


def test_keepalives_come_in_time_whatever_the_others_do(lan: Lan, start: Start) -> None:
    table = full_table(ROUTES, lan.nodes[2].address4, per_set=10)
    ours = start()
    quiet = Quiet(handshake_soon(lan.nodes[1], lan.nodes[0].address4, QUIET_ASN, hold=3))
    quiet.start()
    over = threading.Event()
    noise = threading.Thread(target=_garbage, args=(lan, over), daemon=True)
    noise.start()
    flooder = handshake_soon(lan.nodes[2], lan.nodes[0].address4, FLOODER_ASN)
    flooder.settimeout(60)
    reader = threading.Thread(target=_read, args=(flooder,), daemon=True)
    reader.start()
    began = time.monotonic()
    for i in range(0, len(table), 200):
        flooder.sendall(b"".join(table[i : i + 200]))
    address = lan.nodes[2].address4
    ours.wait_for(lambda: _received(ours, address) == ROUTES, f"{ROUTES} routes", 60)
    took = time.monotonic() - began
    time.sleep(max(0.0, 6.0 - took))  # several keepalives in any case
    over.set()
    noise.join(10)
    latest, heard = quiet.latest, len(quiet.heard)
    view = ours.neighbor(lan.nodes[1].address4)
    quiet.end()
    flooder.close()
    stall = ours.status()["loop_stall"]
    print(
        f"{ROUTES} routes in {took:.1f} s; {heard} keepalives, the latest {max(latest, 0.0) * 1000:.0f} ms late; loop stalls {stall * 1000:.0f} ms"
    )
    assert not quiet.lost, quiet.lost
    assert view["state"] == "Established"
    assert view["established_count"] == 1
    assert heard >= took - 1
    assert latest < LATE


def _received(ours: Ours, address: str) -> int:
    return sum(family["received"] for family in ours.neighbor(address)["families"])


def _read(sock: "object") -> None:
    with contextlib.suppress(OSError):
        while sock.recv(1 << 16):  # type: ignore[attr-defined]
            pass


def _garbage(lan: Lan, over: threading.Event) -> None:
    """Strangers, wrong OPENs, sessions that end in noise: one after the other, without a pause."""
    node, target = lan.nodes[2], lan.nodes[0].address4
    turn = 0
    while not over.is_set():
        turn += 1
        with contextlib.suppress(OSError, ConnectionError):
            if turn % 3 == 0:
                node.connect(target, source=STRANGER).close()
            elif turn % 3 == 1:
                with contextlib.closing(handshake(node, target, FLOODER_ASN, source=GARBAGE)) as sock:
                    sock.sendall(KEEP + os.urandom(4000))
            else:
                with contextlib.closing(node.connect(target, source=GARBAGE)) as sock:
                    sock.sendall(os.urandom(4000))


def test_a_late_keepalive_is_noticed(lan: Lan, start: Start) -> None:
    """The watch itself: a daemon that stands still for two seconds is late."""
    ours = start()
    quiet = Quiet(handshake_soon(lan.nodes[1], lan.nodes[0].address4, QUIET_ASN, hold=3))
    quiet.start()
    ours.wait_for(lambda: len(quiet.heard) >= 2, "two keepalives")
    assert quiet.latest < LATE
    process = ours.processes[0]
    process.send_signal(signal.SIGSTOP)
    time.sleep(2.2)
    process.send_signal(signal.SIGCONT)
    assert quiet.latest >= LATE
    quiet.end()
