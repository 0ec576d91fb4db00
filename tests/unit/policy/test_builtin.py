import pytest

from bgpd.policy import builtin, reflection
from bgpd.policy.chain import Context, Route
from bgpd.policy.reasons import Reason
from bgpd.wire import aspath
from bgpd.wire.attrs import Attrs, build
from tests.unit.rib.helpers import attrs

US, THEM = 64512, 65001
V4, V6, LL = b"\x0a\0\0\1", bytes.fromhex("fd000000000000000000000000000001"), bytes.fromhex("fe80") + bytes(13) + b"\1"
HOP6 = bytes.fromhex("fd000000000000000000000000000099")
EXTERNAL = Context(local_asn=US, remote_asn=THEM, router_id=V4, next_hop=V4, local_addresses=frozenset((V4, V6, LL)))
INTERNAL = Context(local_asn=US, remote_asn=US, router_id=V4, next_hop=V4)


def out(given: Attrs, context: Context, *, external: bool = True, local: bool = False) -> Attrs:
    route = Route(given, external, local)
    term = builtin.to_external if context.external else builtin.to_internal
    assert term(route, context) is None
    return route.settle()


def test_as_loop() -> None:
    for given, reason in (
        (attrs(THEM), None),
        (attrs(THEM, US), Reason.AS_LOOP),
        (attrs(US, THEM), Reason.AS_LOOP),
        (attrs(), None),
        (build(next_hop=V4, as_path=aspath.encode([(2, (THEM,)), (1, (5, US))])), Reason.AS_LOOP),
        (attrs(0x00010000, 0xFC000001), None),  # our number's octets across two others'
    ):
        assert builtin.as_loop(Route(given, True, False), EXTERNAL) is reason
        assert builtin.as_loop(Route(given, False, False), INTERNAL) is reason


def test_first_as() -> None:
    assert builtin.first_as(Route(attrs(THEM, 7), True, False), EXTERNAL) is None
    assert builtin.first_as(Route(attrs(7, THEM), True, False), EXTERNAL) is Reason.FIRST_AS
    assert builtin.first_as(Route(attrs(), True, False), EXTERNAL) is Reason.FIRST_AS


def test_originator_loop() -> None:
    assert builtin.originator_loop(Route(attrs(1), False, False), INTERNAL) is None
    assert builtin.originator_loop(Route(attrs(1, others={9: b"\1\1\1\1"}), False, False), INTERNAL) is None
    assert builtin.originator_loop(Route(attrs(1, others={9: V4}), False, False), INTERNAL) is Reason.ORIGINATOR_LOOP


@pytest.mark.parametrize(
    ("next_hop", "reason"),
    [
        (V4, Reason.NEXT_HOP_OURS),
        (b"\x0a\0\0\2", None),
        (V6, Reason.NEXT_HOP_OURS),
        (HOP6, None),
        (HOP6 + LL, Reason.NEXT_HOP_OURS),
        (V6 + bytes(16), Reason.NEXT_HOP_OURS),
        (HOP6 + HOP6, None),
    ],
)
def test_next_hop_ours(next_hop: bytes, reason: Reason | None) -> None:
    assert builtin.next_hop_ours(Route(attrs(1, next_hop=next_hop), True, False), EXTERNAL) is reason


@pytest.mark.parametrize(
    ("community", "to_external", "to_internal"),
    [
        (0xFFFFFF01, Reason.NO_EXPORT, None),
        (0xFFFFFF02, Reason.NO_ADVERTISE, Reason.NO_ADVERTISE),
        (0xFFFFFF03, Reason.NO_EXPORT_SUBCONFED, None),
        (64512 << 16 | 1, None, None),
    ],
)
def test_well_known_communities(community: int, to_external: Reason | None, to_internal: Reason | None) -> None:
    given = attrs(1, communities=[5, community])
    assert builtin.well_known(Route(given, True, False), EXTERNAL) is to_external
    assert builtin.well_known(Route(given, True, False), INTERNAL) is to_internal
    assert builtin.well_known(Route(attrs(1), True, False), EXTERNAL) is None


def test_full_mesh() -> None:
    given = attrs(1)
    assert reflection.full_mesh(Route(given, external=False, local=False), INTERNAL) is Reason.IBGP_TO_IBGP
    assert reflection.full_mesh(Route(given, external=True, local=False), INTERNAL) is None
    assert reflection.full_mesh(Route(given, external=False, local=True), INTERNAL) is None


def test_only_own() -> None:
    assert builtin.only_own(Route(attrs(), external=False, local=True), INTERNAL) is None
    assert builtin.only_own(Route(attrs(), external=False, local=False), INTERNAL) is Reason.NOT_OWN


def test_to_external() -> None:
    given = attrs(7, 8, med=5, local_pref=300, communities=[9], others={9: V4, 10: V4, 26: b"\1\0\x0b" + bytes(8)})
    made = out(given, EXTERNAL)
    assert made.as_path() == [(2, (US, 7, 8))]
    assert (made.next_hop, made.med, made.local_pref) == (V4, -1, -1)
    assert [code for _, code, _ in made.items()] == [1, 2, 3, 8]


def test_to_external_of_our_own_keeps_the_med() -> None:
    made = out(attrs(next_hop=b"", med=5), EXTERNAL, external=False, local=True)
    assert (made.med, made.next_hop, made.as_path()) == (5, V4, [(2, (US,))])


def test_to_external_strips_what_is_not_transitive() -> None:
    stays, goes = b"\x00" * 8, b"\x40" + b"\x00" * 7
    long_stays, long_goes = b"\x00" * 20, b"\x40" + b"\x00" * 19
    made = out(attrs(1, others={16: stays + goes, 25: long_goes + long_stays}), EXTERNAL)
    assert made.get(16) == stays
    assert made.get(25) == long_stays
    made = out(attrs(1, others={16: goes, 25: long_stays}), EXTERNAL)
    assert made.get(16) is None
    assert made.get(25) == long_stays


def test_to_internal() -> None:
    made = out(attrs(7, med=5, next_hop=b"\5\5\5\5"), INTERNAL)
    assert (made.local_pref, made.med, made.next_hop, made.as_path()) == (100, 5, b"\5\5\5\5", [(2, (7,))])
    assert out(attrs(7, local_pref=70), INTERNAL).local_pref == 70
    assert out(attrs(next_hop=b""), INTERNAL, external=False, local=True).next_hop == V4


def test_to_internal_next_hop() -> None:
    six = Context(local_asn=US, remote_asn=US, router_id=V4, next_hop=V6)
    assert out(attrs(7, next_hop=HOP6), six).next_hop == HOP6
    assert out(attrs(7, next_hop=HOP6 + LL), six).next_hop == HOP6
    assert out(attrs(7, next_hop=LL), six).next_hop == V6
    assert out(attrs(7, next_hop=LL + LL), six).next_hop == V6
    ours = Context(local_asn=US, remote_asn=US, router_id=V4, next_hop=V4, next_hop_self=True)
    assert out(attrs(7, next_hop=b"\5\5\5\5"), ours).next_hop == V4


def test_without_a_local_address_nothing_goes() -> None:
    for remote, term in ((THEM, builtin.to_external), (US, builtin.to_internal)):
        context = Context(local_asn=US, remote_asn=remote, router_id=V4)
        assert term(Route(attrs(7), True, False), context) is Reason.NO_NEXT_HOP


def test_flat_refusals() -> None:
    route = Route(attrs(1), True, False)
    assert builtin.reject_unset_import(route, EXTERNAL) is Reason.NO_IMPORT_POLICY
    assert builtin.reject_import(route, EXTERNAL) is Reason.IMPORT_NONE
    assert builtin.reject_unset_export(route, EXTERNAL) is Reason.NO_EXPORT_POLICY
    assert builtin.reject_export(route, EXTERNAL) is Reason.EXPORT_NONE
