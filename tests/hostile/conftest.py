"""The scene: our daemon on node 1, a well-behaved peer's place on node 2, hostile ones on node 3."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.peers import FLOODER_ASN
from tests.interop.drivers.base import Peer
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan

ASN = 64512
QUIET_ASN = 65002
GARBAGE = "10.99.0.77"  #: one more neighbor on node 3
STRANGER = "10.99.0.78"  #: an address on node 3 that is no neighbor

Start = Callable[..., Ours]


@pytest.fixture
def lan() -> Iterator[Lan]:
    made = Lan(3)
    try:
        made.nodes[2].namespace.ip(f"addr add {GARBAGE}/24 dev eth0", f"addr add {STRANGER}/24 dev eth0")
        yield made
    finally:
        made.close()


@pytest.fixture
def start(lan: Lan, tmp_path: Path) -> Start:
    """`start(**words)`: the daemon with a quiet peer (hold 3), a flooder and a garbage sender, given these words."""

    def run(**words: Any) -> Ours:
        ours = Ours(lan.nodes[0], tmp_path, ASN)
        ours.peers = [
            Peer(lan.nodes[1].address4, QUIET_ASN, passive=True, hold=3),
            Peer(lan.nodes[2].address4, FLOODER_ASN, passive=True, extra=words),
            Peer(GARBAGE, FLOODER_ASN, passive=True, extra=words),
        ]
        ours.start()
        return ours

    return run
