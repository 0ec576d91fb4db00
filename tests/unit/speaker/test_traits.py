"""Settings in words."""

from bgpd.model import AoKey, LimitAction, NextHopRule
from bgpd.speaker import traits
from tests.unit.speaker.helpers import spec_of

AO = AoKey(send_id=1, receive_id=2, algorithm="hmac-sha-1-96", secret=b"x")


def test_a_plain_neighbor_has_nothing_to_say() -> None:
    plain = spec_of("192.168.1.11")
    assert traits.transport(plain) == traits.rewriting(plain) == traits.limits(plain, {}) == []


def test_transport() -> None:
    assert traits.transport(spec_of("192.168.1.11", 65001)) == ["TTL 1"]
    guarded = spec_of("192.168.1.11", 65001, ttl_security=2, interface="eth0", password=b"x", ao_keys=(AO,))
    assert traits.transport(guarded) == [
        "GTSM, 2 hops (TTL 255 sent, less than 254 dropped)", "bound to eth0", "TCP MD5", "TCP-AO, key 1/2",
    ]  # fmt: skip


def test_rewriting() -> None:
    spec = spec_of(
        "192.168.1.11", 65001, speaker_asn=64999, allow_own_as=1, as_override=True, remove_private_as=True,
        next_hop=NextHopRule.KEEP, default_originate=True,
    )  # fmt: skip
    assert traits.rewriting(spec) == [
        "local-as 64512 (ours is 64999)", "our AS allowed 1 times in what it gives", "our AS in place of its own",
        "no AS for private use but its own", "next hop kept", "a default route of our own",
    ]  # fmt: skip


def test_limits() -> None:
    spec = spec_of("192.168.1.11", max_prefix=5, max_prefix_out=6, max_prefix_action=LimitAction.RESTART)
    assert traits.limits(spec, {}) == [
        "5 routes of a family from it",
        "6 routes of a family to it; beyond: restart after 300 s",
    ]
