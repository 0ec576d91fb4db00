"""Twenty peers send a full table at one moment, and a last one reads nothing of it.

What waits is bounded: for each peer that sends, a megabyte of its messages and what TCP holds (reading stops, and goes
on when they are dealt with); for the one that does not read, one table, whatever the others do. A session with a hold
time of 3 seconds stands beside it.
"""

import threading
from pathlib import Path

from bgpd.speaker.inbox import HIGH
from tests.hostile.conftest import ASN, QUIET_ASN
from tests.hostile.peers import FLOODER_ASN, Quiet, full_table, handshake_soon, resident
from tests.interop.drivers.base import Peer
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan

PEERS = 20
ROUTES = 4_000  #: of each
MOST = 32_000  #: of the first one: two megabytes, one route an UPDATE
LATE = 0.5  #: seconds
MIB = 1 << 20


def test_full_tables_from_twenty_peers_at_once(lan: Lan, tmp_path: Path) -> None:
    node = lan.nodes[2]
    senders, deaf = [f"10.99.0.{100 + i}" for i in range(PEERS)], "10.99.0.130"
    node.namespace.ip(*[f"addr add {address}/24 dev eth0" for address in (*senders, deaf)])
    ours = Ours(lan.nodes[0], tmp_path, ASN)
    ours.peers = [Peer(lan.nodes[1].address4, QUIET_ASN, passive=True, hold=3)]
    ours.peers += [Peer(address, FLOODER_ASN, passive=True) for address in (*senders, deaf)]
    ours.start()
    target = lan.nodes[0].address4
    quiet = Quiet(handshake_soon(lan.nodes[1], target, QUIET_ASN, hold=3))
    quiet.start()
    silent = handshake_soon(node, target, FLOODER_ASN, source=deaf, rcvbuf=4096)
    socks = [handshake_soon(node, target, FLOODER_ASN, source=address) for address in senders]
    tables = [b"".join(full_table(MOST if i == 0 else ROUTES, a, per_set=1)) for i, a in enumerate(senders)]
    before = resident(ours)
    threads = [threading.Thread(target=sock.sendall, args=(t,)) for sock, t in zip(socks, tables, strict=True)]
    for sock, thread in zip(socks, threads, strict=True):
        sock.settimeout(90)
        thread.start()
    waiting: list[int] = []

    def all_there() -> bool:
        views = [ours.neighbor(address) for address in senders]
        waiting.append(max([view["input_queue_octets"] for view in views]))
        return [sum(f["received"] for f in view["families"]) for view in views] == [MOST] + [ROUTES] * (PEERS - 1)

    ours.wait_for(all_there, "every table", 90)
    latest = quiet.latest
    grown = resident(ours) - before
    unread = ours.neighbor(deaf)
    quiet.end()
    for thread, sock in zip(threads, socks, strict=True):
        thread.join(10)
        sock.close()
    silent.close()
    print(
        f"{MOST + ROUTES * (PEERS - 1)} paths: {grown / MIB:.0f} MiB; waiting at most {max(waiting)} octets of one peer; "
        f"keepalives {max(latest, 0.0) * 1000:.0f} ms late at most; stalls {ours.status()['loop_stall'] * 1000:.0f} ms"
    )
    assert max(waiting) <= HIGH + 65536 + 4096
    assert unread["state"] == "Established"
    assert unread["output_queue_octets"] < MIB
    assert grown < 160 * MIB
    assert not quiet.lost, quiet.lost
    assert latest < LATE
