"""What OPEN offers by the neighbor's settings, and what two of them agree on."""

from dataclasses import replace

from bgpd.model import AddPath, NeighborSpec, Role
from bgpd.session.effects import Down, DownReason, Effect
from bgpd.session.features import features
from bgpd.session.session import Session
from bgpd.wire.capability import MAX_EXTENDED, MAX_MESSAGE, Open, make_open, negotiate
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.writer import encode_open
from tests.session.specs import pair

LEFT, RIGHT = pair()
ID = bytes((9, 9, 9, 9))


def words(spec: NeighborSpec) -> list[str]:
    return [capability.describe() for capability in features(spec)]


def opened(spec: NeighborSpec) -> Open:
    return make_open(spec.local_asn, ID, 90, spec.families, more=tuple(features(spec)))


def test_the_plain_neighbor() -> None:
    assert words(LEFT) == ["extended-message", "enhanced-route-refresh"]
    assert words(replace(LEFT, extended_messages=False)) == ["enhanced-route-refresh"]


def test_every_setting() -> None:
    spec = replace(
        LEFT, extended_next_hop=True, add_path=((IPV6, AddPath.BOTH), (IPV4, AddPath.SEND)), role=Role.RS_CLIENT
    )
    assert words(spec) == [
        "extended-message",
        "enhanced-route-refresh",
        "extended-next-hop ipv4 over afi 2",
        "add-path ipv4 send, ipv6 both",
        "role rs-client",
    ]


def test_what_has_no_meaning_is_not_offered() -> None:
    alone = replace(LEFT, families=(IPV6,), extended_next_hop=True, add_path=((IPV4, AddPath.BOTH),))
    assert words(alone) == ["extended-message", "enhanced-route-refresh"]
    inside = replace(LEFT, remote_asn=LEFT.local_asn, role=Role.PEER)
    assert words(inside) == ["extended-message", "enhanced-route-refresh"]


def test_agreement() -> None:
    ours = opened(replace(LEFT, add_path=((IPV4, AddPath.BOTH), (IPV6, AddPath.SEND)), extended_next_hop=True))
    theirs = opened(replace(RIGHT, add_path=((IPV4, AddPath.RECEIVE), (IPV6, AddPath.SEND)), extended_next_hop=True))
    both = negotiate(ours, theirs)
    assert (both.max_message, both.max_receive, both.enhanced_refresh) == (MAX_EXTENDED, MAX_EXTENDED, True)
    assert (both.add_path_send, both.add_path_receive) == ((IPV4,), ())
    assert both.extended_next_hop
    assert not both.ids4
    back = negotiate(theirs, ours)
    assert (back.add_path_send, back.add_path_receive, back.ids4) == ((), (IPV4,), True)


def test_large_messages_are_sent_to_who_takes_them_and_taken_where_we_said_so() -> None:
    large, small = opened(LEFT), opened(replace(RIGHT, extended_messages=False))
    assert (negotiate(large, small).max_message, negotiate(large, small).max_receive) == (MAX_MESSAGE, MAX_EXTENDED)
    assert (negotiate(small, large).max_message, negotiate(small, large).max_receive) == (MAX_MESSAGE, MAX_MESSAGE)


def meet(ours: Role | None, theirs: Role | None, *, strict: bool = False) -> list[Effect]:
    session = Session(replace(LEFT, role=ours, role_strict=strict), ID, lambda: 1.0)
    session.start(0.0)
    session.tcp_up(0.0)
    other = replace(RIGHT, role=theirs)
    there = make_open(other.local_asn, bytes(4 * (8,)), 90, other.families, more=tuple(features(other)))
    return session.receive(encode_open(there), 0.0)


def refused(effects: list[Effect]) -> bool:
    for effect in effects:
        if isinstance(effect, Down):
            assert effect.notification is not None
            assert (effect.notification.code, effect.notification.subcode) == (2, 11)
            assert effect.reason is DownReason.BAD_ROLE
            return True
    return False


def test_roles_must_fit() -> None:
    """RFC 9234 section 4.2, over every pair."""
    fits = {
        (Role.PROVIDER, Role.CUSTOMER), (Role.CUSTOMER, Role.PROVIDER), (Role.RS, Role.RS_CLIENT),
        (Role.RS_CLIENT, Role.RS), (Role.PEER, Role.PEER),
    }  # fmt: skip
    for ours in Role:
        for theirs in Role:
            assert refused(meet(ours, theirs)) is ((ours, theirs) not in fits)
        assert not refused(meet(ours, None))
        assert refused(meet(ours, None, strict=True))
        assert not refused(meet(None, ours))
