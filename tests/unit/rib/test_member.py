from bgpd.rib.member import GroupKey, Member
from tests.unit.rib.helpers import Peer
from tests.unit.rib.test_export import SESSION


def _key(**words: object) -> GroupKey:
    values: dict[str, object] = {"family": "ipv4", "external": True, "local_asn": 1, "remote_asn": 0, "rule": "all"}
    return GroupKey(**(values | {"next_hop": b"\x0a\0\0\1"} | words))  # type: ignore[arg-type]


def test_neighbors_are_alike_where_every_input_is() -> None:
    assert _key() == _key()
    assert hash(_key()) == hash(_key())
    for other in ({"rule": "none"}, {"next_hop_self": True}, {"four_octet": False}, {"extra": ("client",)}):
        assert _key(**other) != _key(), other


def test_a_member_is_told_so_many_routes_and_no_more() -> None:
    member = Member("x", Peer(SESSION))
    assert member.allows(1 << 20)
    member.limit, member.advertised = 10, 9
    assert member.allows(1)
    assert member.allows(-5)
    assert not member.allows(2)
    assert not member.allows(-5)  # it hears nothing any more until somebody decides
