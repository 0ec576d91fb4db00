"""suppress-fib-pending: what the kernel does not have is not announced, with real sessions and a real kernel."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.drivers.base import Peer
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan
from tests.interop.raw import RawSession, end_of_rib
from tests.interop.routes import Route

ASN, GIVER, TAKER = 64512, 65002, 65003
GOOD, BAD = "10.99.0.2", "10.99.0.77"  #: next hops; the kernel is made to refuse the second one
MANY = 5000


class Relay:
    """Node 1 is ours; node 2 gives routes, node 3 is told them."""

    def __init__(self, lan: Lan, work: Path) -> None:
        self.node, giver, taker = lan.nodes
        self.node.namespace.ip(f"rule add to {BAD} unreachable")  # the kernel's check of a gateway asks the rules, too
        peers = [
            Peer(giver.address4, GIVER, ("ipv4",), passive=True),
            Peer(taker.address4, TAKER, ("ipv4",), passive=True),
        ]
        self.ours = Ours(self.node, work, ASN, peers)
        self.ours.settings = {"suppress-fib-pending": True}
        self.ours.announce([Route("10.1.0.0/24")])
        self.ours.start()
        self.giver = RawSession(giver.connect(self.node.address4))
        self.giver.hello(GIVER, giver.address4, ("ipv4",))
        self.taker = RawSession(taker.connect(self.node.address4))
        self.taker.hello(TAKER, taker.address4, ("ipv4",))
        self.giver.send(end_of_rib("ipv4"))
        self.taker.wait(lambda: "ipv4" in self.taker.ended, "End-of-RIB")

    def give(self, prefixes: list[str], next_hop: str, *path: int) -> None:
        self.giver.announce([Route(prefix, next_hop, as_path=(GIVER, *path)) for prefix in prefixes])

    def held(self, prefix: str) -> str:
        (row,) = [row for row in self.ours.rows("received", "10.99.0.2") if row["prefix"] == prefix]
        return str(row["held_back"])

    def close(self) -> None:
        self.giver.close()
        self.taker.close()
        self.ours.stop()


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    with Lan(3) as lan:
        made = Relay(lan, tmp_path)
        yield made
        made.close()


def test_announced_when_the_kernel_has_it_and_not_before(relay: Relay) -> None:
    ours, taker = relay.ours, relay.taker
    own = {"10.1.0.0/24"}
    assert set(taker.routes) == own  # never held back
    begun = time.monotonic()
    relay.give(["10.50.0.0/24"], GOOD)
    taker.wait(lambda: "10.50.0.0/24" in taker.routes, "what is installed")
    print(f"\nannounced {1e3 * (time.monotonic() - begun):.1f} ms after it was given, installed first")
    assert relay.node.namespace.routes("10.50.0.0/24")

    relay.give(["10.51.0.0/24"], BAD)
    ours.wait_for(lambda: relay.held("10.51.0.0/24").endswith("the kernel does not take it"), "the refusal")
    relay.give(["10.52.0.0/24"], GOOD)  # a later one passes it
    taker.wait(lambda: "10.52.0.0/24" in taker.routes, "the later one")
    assert set(taker.routes) == own | {"10.50.0.0/24", "10.52.0.0/24"}

    relay.give(["10.52.0.0/24"], BAD)  # takes the place of what was announced, and is refused
    taker.wait(lambda: "10.52.0.0/24" not in taker.routes, "the withdrawal")
    relay.node.namespace.ip("route add 10.53.0.0/24 via 10.99.0.3 proto static metric 64")  # somebody else has the key
    relay.give(["10.53.0.0/24"], GOOD)
    ours.wait_for(lambda: relay.held("10.53.0.0/24") != "", "the conflict")

    begun = time.monotonic()
    relay.node.namespace.ip(f"rule del to {BAD} unreachable")
    relay.node.namespace.ip("route del 10.53.0.0/24 proto static metric 64")
    everything = own | {f"10.{number}.0.0/24" for number in (50, 51, 52, 53)}
    taker.wait(lambda: set(taker.routes) == everything, "what works now")
    print(f"announced {1e3 * (time.monotonic() - begun):.0f} ms after the kernel could take it (retries included)")
    assert relay.held("10.51.0.0/24") == ""


def test_many_at_once_and_the_latest_wins(relay: Relay) -> None:
    taker = relay.taker
    prefixes = [f"20.{i >> 8}.{i & 255}.0/24" for i in range(MANY)]
    begun = time.monotonic()
    for number in range(4):  # three overtaken at full speed
        relay.give(prefixes, (GOOD, "10.99.0.3")[number % 2], 65100 + number)
    relay.give(prefixes[::5], BAD)
    good = set(prefixes) - set(prefixes[::5])

    def settled() -> bool:
        there = {p: route for p, route in taker.routes.items() if p in good}
        return (
            len(there) == len(good)
            and all(route.as_path[-1] == 65103 for route in there.values())
            and not any(prefix in taker.routes for prefix in prefixes[::5])
        )

    taker.wait(settled, "the latest of each", 60)
    print(f"\n{4 * MANY} changes of {MANY} routes, one in five refused in the end: {time.monotonic() - begun:.2f} s")
    relay.giver.withdraw(prefixes)
    taker.wait(lambda: len(taker.routes) == 1, "all withdrawn", 30)
