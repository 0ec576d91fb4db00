"""Sessions that are alike have one set of rules; those that are not, do not."""

from bgpd.cluster import origins
from bgpd.cluster.facts import Facts
from bgpd.cluster.plan import Host
from bgpd.cluster.resources import BGPPeer, Node
from bgpd.cluster.rulebook import RuleBook, marked
from bgpd.cluster.scalars import show_net
from bgpd.wire.family import FAMILIES, IPV4, IPV6
from tests.unit.cluster.world import bgp_filter, cluster, config, node, own, peer

SNAPSHOT = cluster(
    node("a", "10.0.0.1/24"),
    peer("one", peerIP="10.0.0.254", asNumber=65001, filters=["f"]),
    peer("two", peerIP="10.0.0.253", asNumber=65001, filters=["f"]),
    peer("open", peerIP="10.0.0.252", asNumber=65001),
    bgp_filter("f", exportV4=[{"action": "Reject", "peerType": "iBGP"}]),
    own("PeerSettings", "s", peers=["open"], advertise="all", acceptDefaultRoute=True),
    config(prefixAdvertisements=[{"cidr": "10.0.0.0/8", "communities": ["1:1", "1:1"]}]),
)
FACTS = Facts(SNAPSHOT, SNAPSHOT.all(Node)["a"])
BOOK = RuleBook(FACTS, origins.services(FACTS, Host()))
PEERS = SNAPSHOT.all(BGPPeer)


def test_alike_is_one() -> None:
    first = BOOK.of((IPV4,), PEERS["one"], internal=False, reflector=False)
    assert BOOK.of((IPV4,), PEERS["two"], internal=False, reflector=False) is first
    for families, name, internal in (((IPV6,), "two", False), ((IPV4,), "two", True), ((IPV4,), "open", False)):
        assert BOOK.of(families, PEERS[name], internal=internal, reflector=False) != first


def test_settings_are_those_of_the_peer() -> None:
    imports, exports = BOOK.of((IPV4,), PEERS["open"], internal=False, reflector=False)
    assert [rule.why for rule in imports] == ["everything else"]
    assert "advertise all" in [rule.why for rule in exports]
    imports, exports = BOOK.of((IPV4,), None, internal=True, reflector=True)
    assert [rule.why for rule in exports] == ["prefixAdvertisements", "own", "route reflector", "everything else"]


def test_of_two_families_only_the_end_says_no() -> None:
    _, exports = BOOK.of(FAMILIES, PEERS["open"], internal=False, reflector=False)
    assert [rule.why for rule in exports].count("everything else") == 1
    assert exports[-1].why == "everything else"


def test_communities_by_prefix() -> None:
    assert [(show_net(each.net), each.communities) for each in marked(FACTS)] == [("10.0.0.0/8", ("1:1",))]
