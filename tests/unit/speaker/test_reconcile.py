"""The smallest steps between two specs."""

from dataclasses import fields, replace

from bgpd.model import KernelSpec, NeighborSpec, Originate, SpeakerSpec
from bgpd.speaker.reconcile import (
    COST,
    AddNeighbor,
    Announce,
    ChangeNeighbor,
    Cost,
    RemoveNeighbor,
    Withdraw,
    immutable,
    reconcile,
)
from bgpd.wire.family import IPV4
from tests.unit.speaker.helpers import LOCAL, prefix_of, spec_of

A, B = spec_of("192.168.1.11"), spec_of("192.168.1.12")
SPEC = SpeakerSpec(router_id=LOCAL, neighbors=(A, B))


def test_the_table_knows_every_field() -> None:
    assert set(COST) == {f.name for f in fields(NeighborSpec)} - {"address"}


def test_nothing_changed() -> None:
    assert reconcile(SPEC, replace(SPEC)) == []


def test_added_and_removed() -> None:
    c = spec_of("192.168.1.13")
    assert reconcile(SPEC, replace(SPEC, neighbors=(A, c))) == [RemoveNeighbor(B), AddNeighbor(c)]


def test_the_dearest_change_counts() -> None:
    changed = replace(A, hold_time=9, remote_asn=65001)
    assert reconcile(SPEC, replace(SPEC, neighbors=(changed, B))) == [
        ChangeNeighbor(changed, ("remote_asn", "hold_time"), Cost.RESET)
    ]


def test_who_is_a_client_is_our_own_business() -> None:
    """RFC 4456 has nothing in OPEN: the session stays."""
    for changed in (replace(A, rr_client=True), replace(A, cluster_id=b"\x01\x01\x01\x01")):
        assert [
            s.cost for s in reconcile(SPEC, replace(SPEC, neighbors=(changed, B))) if isinstance(s, ChangeNeighbor)
        ] == [Cost.POLICY]


def test_another_router_id_resets_all() -> None:
    steps = reconcile(SPEC, replace(SPEC, router_id=b"\x01\x02\x03\x04"))
    assert [s.cost for s in steps if isinstance(s, ChangeNeighbor)] == [Cost.RESET, Cost.RESET]


def test_prefixes() -> None:
    one = Originate(family=IPV4, prefix=prefix_of("10.244.1.0/24"))
    two = Originate(family=IPV4, prefix=prefix_of("10.244.2.0/24"))
    steps = reconcile(replace(SPEC, originate=(one,)), replace(SPEC, originate=(two,)))
    assert steps == [Withdraw(one), Announce(two)]


def test_what_needs_a_restart() -> None:
    assert immutable(SPEC, replace(SPEC, kernel=KernelSpec(table=100), multipath=1)) == ["table", "multipath"]
