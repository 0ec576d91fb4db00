"""What settings do to AS paths and next hops."""

import pytest

from bgpd.model import ExportRule, ImportRule, NeighborSpec, NextHopRule
from bgpd.policy.compile import export_chain, import_chain
from bgpd.policy.reasons import Reason
from bgpd.policy.rewrite import key, private
from bgpd.wire import aspath
from bgpd.wire.attrs import Attrs, build
from bgpd.wire.prefix import parse_address

OURS, HOP = parse_address("192.0.2.1"), parse_address("192.0.2.9")


def spec(asn: int = 65001, **more: object) -> NeighborSpec:
    return NeighborSpec(
        address=parse_address("192.0.2.2"), name="n", **{"local_asn": 64512, **more}, remote_asn=asn,  # type: ignore[arg-type]
        import_rule=ImportRule.ALL, export_rule=ExportRule.ALL,
    )  # fmt: skip


def route(*path: int, next_hop: bytes = HOP) -> Attrs:
    return build(as_path=aspath.sequence(*path), next_hop=next_hop)


def exported(neighbor: NeighborSpec, attrs: Attrs, *, external: bool = True) -> Attrs:
    self_ = neighbor.next_hop is NextHopRule.SELF
    chain = export_chain(neighbor, router_id=OURS, next_hop=OURS, next_hop_self=self_)
    verdict = chain.evaluate(attrs, external=external)
    assert verdict.attrs is not None
    return verdict.attrs


def path_of(attrs: Attrs) -> str:
    return aspath.format_as_path(attrs.as_path_value())


@pytest.mark.parametrize(
    ("allowed", "second", "path", "taken"),
    [
        (0, 0, (65001, 3356), True),
        (0, 0, (65001, 64512), False),
        (1, 0, (65001, 64512), True),
        (1, 0, (65001, 64512, 3356, 64512), False),
        (2, 0, (65001, 64512, 3356, 64512), True),
        (0, 64999, (65001, 64999), False),  # local-as hides our AS, and a loop is one all the same
        (1, 64999, (65001, 64999, 64512), False),
    ],
)
def test_our_own_as_in_what_comes(allowed: int, second: int, path: tuple[int, ...], taken: bool) -> None:
    chain = import_chain(spec(allow_own_as=allowed, speaker_asn=second), router_id=OURS)
    verdict = chain.evaluate(route(*path), external=True)
    assert verdict.accepted is taken
    assert taken or verdict.reason is Reason.AS_LOOP


def test_as_override() -> None:
    sent = exported(spec(as_override=True), route(65009, 65001, 65001))
    assert path_of(sent) == "64512 65009 64512 64512"
    assert path_of(exported(spec(), route(65009, 65001))) == "64512 65009 65001"


def test_remove_private_as() -> None:
    sent = exported(spec(3356, remove_private_as=True), route(65009, 174, 4200000001))
    assert path_of(sent) == "64512 174"
    own = exported(spec(65001, remove_private_as=True), route(65009, 65001, 174))
    assert path_of(own) == "64512 65001 174"  # the neighbor must find its own
    assert path_of(exported(spec(3356, remove_private_as=True), route(65009))) == "64512"


def test_a_set_loses_members_and_goes_when_it_is_empty() -> None:
    value = aspath.encode([(2, (174,)), (1, (65009, 65010)), (2, (3356, 65011))])
    sent = exported(spec(3356, remove_private_as=True), build(as_path=value, next_hop=HOP))
    assert path_of(sent) == "64512 174 3356"


@pytest.mark.parametrize(
    ("neighbor", "rule", "external", "expected"),
    [
        (65001, NextHopRule.AUTO, True, OURS),
        (65001, NextHopRule.KEEP, True, HOP),
        (64512, NextHopRule.AUTO, True, HOP),
        (64512, NextHopRule.SELF, True, OURS),
        (64512, NextHopRule.KEEP, True, HOP),
    ],
)
def test_next_hops(neighbor: int, rule: NextHopRule, external: bool, expected: bytes) -> None:
    assert exported(spec(neighbor, next_hop=rule), route(3356), external=external).next_hop == expected


def test_a_next_hop_that_cannot_be_kept() -> None:
    lost = route(3356, next_hop=parse_address("fe80::1"))
    assert exported(spec(next_hop=NextHopRule.KEEP), lost).next_hop == OURS


def test_neighbors_share_what_they_are_told_where_they_may() -> None:
    assert key(spec(65001)) == key(spec(65002))
    assert key(spec(65001, as_override=True)) != key(spec(65002, as_override=True))
    assert key(spec(3356, remove_private_as=True)) == key(spec(174, remove_private_as=True))
    assert key(spec(65001, remove_private_as=True)) != key(spec(65002, remove_private_as=True))


@pytest.mark.parametrize(("asn", "answer"), [(64511, False), (64512, True), (65534, True), (65535, False), (4200000000, True), (4294967295, False)])  # fmt: skip
def test_private(asn: int, answer: bool) -> None:
    assert private(asn) is answer
