"""Route reflection: who gets what, what is added, and what is a loop."""

import pytest

from bgpd.model import ExportRule, NeighborSpec, RangeSpec, SpeakerSpec
from bgpd.policy.chain import Context, Route
from bgpd.policy.compile import cluster_ids, cluster_of, export_chain, export_rule, import_chain
from bgpd.policy.reasons import Reason
from bgpd.policy.reflection import CLUSTER_LIST, ORIGINATOR_ID, cluster_loop, full_mesh, own_or_clients, reflect
from bgpd.wire.attrs import Attrs
from bgpd.wire.family import IPV4
from tests.unit.rib.helpers import attrs

US = b"\x0a\x00\x00\x01"
GIVER = b"\x0a\x00\x00\x07"
ONE = b"\x01\x01\x01\x01"
TWO = b"\x02\x02\x02\x02"
OTHER = b"\x09\x09\x09\x09"


def context(client: bytes = b"", clusters: frozenset[bytes] = frozenset()) -> Context:
    return Context(local_asn=65000, remote_asn=65000, router_id=US, client_cluster=client, cluster_ids=clusters)


def route(given: Attrs, *, cluster: bytes = b"", external: bool = False, local: bool = False) -> Route:
    made = Route(given, external, local)
    made.giver_id, made.giver_cluster = GIVER, cluster
    return made


def spec(**more: object) -> NeighborSpec:
    values: dict[str, object] = {"address": GIVER, "name": "n", "local_asn": 65000, "remote_asn": 65000}
    return NeighborSpec(**values | more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("giver", "taker", "reason"),
    [
        (b"", b"", Reason.IBGP_TO_IBGP),  # RFC 4456 section 6: a non-client's route goes to clients only
        (b"", ONE, None),
        (ONE, b"", None),
        (ONE, ONE, None),  # client to client
        (ONE, TWO, None),
    ],
)
def test_who_gets_an_internal_route(giver: bytes, taker: bytes, reason: Reason | None) -> None:
    assert full_mesh(route(attrs(), cluster=giver), context(taker)) is reason


def test_external_and_own_routes_are_no_reflection() -> None:
    for made in (route(attrs(1), external=True), route(attrs(), local=True)):
        assert full_mesh(made, context()) is None
        assert reflect(made, context(ONE)) is None
        assert made.changes == {}


@pytest.mark.parametrize(
    ("giver", "taker", "clusters"),
    [(ONE, b"", ONE), (b"", TWO, TWO), (ONE, ONE, ONE), (ONE, TWO, TWO + ONE)],
)
def test_what_a_reflected_route_says_of_its_way(giver: bytes, taker: bytes, clusters: bytes) -> None:
    made = route(attrs(), cluster=giver)
    assert reflect(made, context(taker)) is None
    assert made.changes == {ORIGINATOR_ID: GIVER, CLUSTER_LIST: clusters}


def test_the_originator_stays_and_clusters_go_in_front() -> None:
    made = route(attrs(others={ORIGINATOR_ID: OTHER, CLUSTER_LIST: OTHER}), cluster=ONE)
    reflect(made, context())
    assert made.settle().get(ORIGINATOR_ID) == OTHER
    assert made.settle().get(CLUSTER_LIST) == ONE + OTHER


def test_everything_else_stays_as_it_came() -> None:
    given = attrs(65001, next_hop=OTHER, med=7, local_pref=200)
    chain = export_chain(spec(rr_client=True), router_id=US, next_hop=US, family=IPV4)
    told = chain.evaluate(given, giver_id=GIVER).attrs
    assert told is not None
    assert (told.next_hop, told.med, told.local_pref, told.as_path_value()) == (OTHER, 7, 200, given.as_path_value())


def test_a_cluster_of_ours_is_a_loop() -> None:
    ours = context(clusters=frozenset({ONE, TWO}))
    assert cluster_loop(route(attrs(others={CLUSTER_LIST: OTHER + TWO})), ours) is Reason.CLUSTER_LOOP
    assert cluster_loop(route(attrs(others={CLUSTER_LIST: OTHER})), ours) is None
    assert cluster_loop(route(attrs()), ours) is None
    # the octets of a cluster id, but not as an entry: astride two of them, or in another attribute
    astride = b"\x09\x09" + ONE + b"\x09\x09"
    assert cluster_loop(route(attrs(others={CLUSTER_LIST: astride})), ours) is None
    assert cluster_loop(route(attrs(communities=[0x01010101])), ours) is None


def test_the_import_chain_looks_for_loops() -> None:
    chain = import_chain(spec(), router_id=US, clusters=frozenset({ONE}))
    assert chain.evaluate(attrs(others={CLUSTER_LIST: ONE})).reason is Reason.CLUSTER_LOOP
    assert chain.evaluate(attrs(others={ORIGINATOR_ID: US})).reason is Reason.ORIGINATOR_LOOP
    assert chain.evaluate(attrs(others={CLUSTER_LIST: TWO})).accepted


def test_the_cluster_of_a_client() -> None:
    assert cluster_of(spec(), US) == b""
    assert cluster_of(spec(cluster_id=ONE), US) == b""
    assert cluster_of(spec(rr_client=True), US) == US
    assert cluster_of(spec(rr_client=True, cluster_id=ONE), US) == ONE


def test_all_clusters_of_a_speaker() -> None:
    template = RangeSpec(family=IPV4, prefix=b"\x08\x0a", template=spec(rr_client=True, cluster_id=TWO))
    neighbors = (spec(), spec(rr_client=True, cluster_id=ONE))
    speaker = SpeakerSpec(router_id=US, neighbors=neighbors, ranges=(template,))
    assert cluster_ids(speaker) == {ONE, TWO}
    assert cluster_ids(SpeakerSpec(router_id=US, neighbors=(spec(),))) == frozenset()


def test_what_goes_out_where_nobody_said() -> None:
    assert export_rule(spec(rr_client=True)) is ExportRule.ALL
    assert export_rule(spec()) is ExportRule.OWN
    assert own_or_clients(route(attrs(), local=True), context()) is None
    assert own_or_clients(route(attrs(), cluster=ONE), context()) is None
    assert own_or_clients(route(attrs(1), external=True), context()) is Reason.NOT_OWN
    stated = export_chain(spec(export_rule=ExportRule.OWN), router_id=US, next_hop=US, family=IPV4)
    assert stated.evaluate(attrs(), giver_id=GIVER, giver_cluster=ONE).reason is Reason.NOT_OWN
    unset = export_chain(spec(), router_id=US, next_hop=US, family=IPV4)
    assert unset.evaluate(attrs(), giver_id=GIVER, giver_cluster=ONE).accepted
