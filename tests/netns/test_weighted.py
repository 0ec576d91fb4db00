"""Weighted ECMP by link bandwidth: from the community in an UPDATE, and from a policy, to what the kernel chooses."""

from pathlib import Path

from tests.interop.drivers.base import Peer
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan, Node
from tests.interop.raw import RawSession, end_of_rib
from tests.interop.routes import Route

ASN = 64512
PREFIX = "10.50.0.0/24"
SLOW, FAST = "4004fc004ce4e1c0", "4004fc004db2d05e"  #: 120,000,000 and 375,000,000 octets per second: 8 to 25
LOOKS = 1000


def hops(node: Node) -> dict[str, int]:
    """Gateway -> weight, as `ip route` tells them."""
    found = {}
    for line in node.namespace.routes(f"{PREFIX} proto 64"):
        words = line.split()
        if "via" in words:
            found[words[words.index("via") + 1]] = int(words[words.index("weight") + 1]) if "weight" in words else 0
    return found


def share(node: Node, gateway: str) -> float:
    """How many of many flows the kernel sends by way of a gateway."""
    asked = [f"route get 10.50.0.{i % 250} from 10.99.0.1 ipproto udp sport {1024 + i} dport 53" for i in range(LOOKS)]
    answers = [line for line in node.namespace.ip(*asked).splitlines() if " via " in line]
    assert len(answers) == LOOKS
    return sum(f" via {gateway} " in line for line in answers) / LOOKS


def test_the_load_is_shared_by_bandwidth(tmp_path: Path) -> None:
    with Lan(3) as lan:
        node = lan.nodes[0]
        node.namespace.run(["sysctl", "-qw", "net.ipv4.fib_multipath_hash_policy=1"])
        peers = [Peer(each.address4, ASN, ("ipv4",), passive=True) for each in lan.nodes[1:]]
        ours = Ours(node, tmp_path, ASN, peers)
        ours.settings = {"link-bandwidth": True}
        ours.start()
        sessions = []
        for each in lan.nodes[1:]:
            session = RawSession(each.connect(node.address4))
            session.hello(ASN, each.address4, ("ipv4",))
            session.send(end_of_rib("ipv4"))
            sessions.append(session)

        def say(number: int, *bandwidth: str) -> None:
            address = lan.nodes[1 + number].address4
            sessions[number].announce([Route(PREFIX, address, local_pref=100, extended=bandwidth)])

        say(0, SLOW)
        say(1, FAST)
        ours.wait_for(lambda: hops(node) == {"10.99.0.2": 8, "10.99.0.3": 25}, "weights by bandwidth")
        found = share(node, "10.99.0.3")
        print(f"\nweights 8 and 25: {100 * found:.1f}% of {LOOKS} flows by the faster link (75.7% wanted)")
        assert 0.70 < found < 0.82
        (row,) = [row for row in ours.kernel_routes() if row["prefix"] == PREFIX]
        assert [hop.split()[-2:] for hop in row["next_hops"]] == [["weight", "8"], ["weight", "25"]]

        say(1)  # says nothing of its link any more
        ours.wait_for(lambda: hops(node) == {"10.99.0.2": 1, "10.99.0.3": 1}, "equal shares")
        found = share(node, "10.99.0.3")
        print(f"one path without it: {100 * found:.1f}%")
        assert 0.44 < found < 0.56
        # a policy says it for him
        ours.peers[1] = Peer(
            ours.peers[1].address,
            ASN,
            ("ipv4",),
            passive=True,
            extra={"import": [{"then": {"add-ext-community": "bandwidth:64512:40000000", "action": "accept"}}]},
        )
        ours.reload()
        ours.wait_for(lambda: hops(node) == {"10.99.0.2": 3, "10.99.0.3": 1}, "weights by policy")
        assert ours.kernel()["in_sync"]
        sessions[1].withdraw([PREFIX])
        ours.wait_for(lambda: hops(node) == {"10.99.0.2": 0}, "one way is left")
        for session in sessions:
            session.close()
        ours.stop()
