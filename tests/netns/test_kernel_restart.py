"""A restart costs no packet: two daemons, a host behind each, streams both ways, kill -9 and `bgpctl restart` under load.

Real processes in namespaces that outlive them. The routes of the earlier run go on forwarding, the peer keeps ours
(RFC 4724), what is still wanted is adopted as it is, and what nobody gives any more is swept.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.drivers.base import Peer
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan
from tests.interop.routes import Route
from tests.netns.netns import Namespace, Net
from tests.netns.stream import Stream

ASN = 64512
PROMPT = {"connect-retry-time": 0.5, "idle-hold-min": 0.5, "idle-hold-max": 1}
TURNS = 2  #: kill -9 and `bgpctl restart` in turn
MORE = 2000  #: further prefixes: what the restarted daemon has to get through


class Pair:
    """Node n (1, 2) announces 10.n.0.0/24, where its host 10.n.0.2 is; node 2 many more."""

    def __init__(self, lan: Lan, net: Net, work: Path) -> None:
        self.lan = lan
        self.work = work
        self.hosts: list[Namespace] = []
        self.daemons: list[Ours] = []
        for number in (1, 2):
            node, peer = lan.nodes[number - 1], lan.nodes[2 - number]
            host = net.namespace(f"h{number}")
            net.veth(host, "eth0", node.namespace, "host0")
            node.namespace.ip(f"addr add 10.{number}.0.1/24 dev host0")
            node.namespace.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"])
            host.ip(f"addr add 10.{number}.0.2/24 dev eth0", f"route add default via 10.{number}.0.1")
            self.hosts.append(host)
            daemon = Ours(node, work, ASN, [Peer(peer.address4, ASN, ("ipv4",), extra=PROMPT)])
            daemon.settings = {}
            daemon.own = {f"10.{number}.0.0/24": Route(f"10.{number}.0.0/24")}
            self.daemons.append(daemon)
        self.daemons[1].own |= {p: Route(p) for i in range(MORE) if (p := f"20.{i >> 8}.{i & 255}.0/24")}

    def streams(self) -> tuple[Stream, Stream]:
        one, two = self.hosts
        return Stream(one, two, "10.2.0.2", 0.001), Stream(two, one, "10.1.0.2", 0.001)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with Lan(3) as lan, Net() as net:
        yield Pair(lan, net, tmp_path)


def learned(daemon: Ours) -> int:
    """Routes by way of the peer in the kernel; those of the guards are not counted."""
    return sum(" via " in line for line in daemon.node.namespace.routes("proto 64"))


def meet(pair: Pair) -> None:
    one, two = pair.daemons
    one.start()
    two.start()
    one.wait_for(lambda: learned(one) == MORE + 1, "every route of the peer")
    two.wait_for(lambda: learned(two) == 1, "the route of the peer")


def test_kill_9_and_restart_under_load_lose_no_packet(pair: Pair) -> None:
    one, two = pair.daemons
    meet(pair)
    there, back = pair.streams()
    with there, back:
        for turn in range(TURNS):
            began = len(one.events("started"))
            begun = time.perf_counter()
            if turn % 2:
                one.manage("restart")
                one.wait_for(lambda: one.processes[-1].poll() is not None, "end of the process")
                one.processes.clear()
            else:
                one.kill()
            # while it is away, the peer forgets a prefix, and has a new one
            gone, fresh = f"20.0.{turn}.0/24", f"30.0.{turn}.0/24"
            del two.own[gone]
            two.announce([Route(fresh)])
            assert learned(one) == MORE + 1  # all of them go on forwarding, with nobody there
            one.start()
            one.wait_for(lambda began=began: len(one.events("started")) > began, "start")  # type: ignore[misc]
            one.wait_for(
                lambda fresh=fresh, gone=gone: one.node.namespace.routes(fresh) and not one.node.namespace.routes(gone),  # type: ignore[misc]
                "the new prefix there, the stale one swept",
            )
            print(
                f"\n{'restart' if turn % 2 else 'kill -9'}: in step again {time.perf_counter() - begun:.2f} s after it was ended"
            )
            assert learned(one) == MORE + 1
        one.wait_for(lambda: one.kernel()["in_sync"], "in step")
        # the endpoints had looked away for nothing: adopted, not written again
        adopted = one.events("kernel_adopted")
        assert len(adopted) == TURNS
        assert all(int(event["count"]) >= MORE for event in adopted)
    print(f"\nthere: {there.words()}\nback: {back.words()}")
    assert (there.lost, back.lost) == (0, 0)


def test_a_dead_peer_delays_nobody(pair: Pair) -> None:
    """A third neighbor is configured and not there: what the living one gives is in the kernel at once all the same."""
    one, two = pair.daemons
    one.peers = [*one.peers, Peer("10.99.0.77", ASN, ("ipv4",), extra=PROMPT)]
    meet(pair)
    one.kill()
    two.announce([Route("30.0.0.0/24")])
    begun = time.perf_counter()
    one.start()
    one.wait_for(lambda: one.node.namespace.routes("30.0.0.0/24"), "the new prefix")
    took = time.perf_counter() - begun
    print(f"\nthe living peer's new route is in the kernel {took:.2f} s after the start")
    assert took < 10
    assert learned(one) == MORE + 2


def test_what_the_living_peer_forgot_goes_and_the_dead_one_s_waits(pair: Pair) -> None:
    """Stale routes are swept neighbor by neighbor: at the End-of-RIB of each."""
    one, two = pair.daemons
    three = Ours(pair.lan.nodes[2], pair.work, ASN, [Peer(one.node.address4, ASN, ("ipv4",), extra=PROMPT)])
    three.settings = {}
    three.own = {"40.0.0.0/24": Route("40.0.0.0/24")}
    one.peers = [*one.peers, Peer(three.node.address4, ASN, ("ipv4",), extra=PROMPT)]
    meet(pair)
    three.start()
    one.wait_for(lambda: one.node.namespace.routes("40.0.0.0/24"), "the third one's prefix")
    one.kill()
    three.kill()
    gone = "20.0.7.0/24"
    del two.own[gone]
    two.reload()
    begun = time.perf_counter()
    one.start()
    one.wait_for(lambda: not one.node.namespace.routes(gone), "what the living one forgot is swept")
    took = time.perf_counter() - begun
    print(f"\nswept {took:.2f} s after the start, with the third neighbor dead")
    assert took < 15
    assert one.node.namespace.routes("40.0.0.0/24")  # the dead one's waits for its deadline
    assert learned(one) == MORE + 1
