"""Roles: every rule of RFC 9234 section 5, from our own role's side."""

import pytest

from bgpd.model import ExportRule, ImportRule, NeighborSpec, Role
from bgpd.policy.compile import export_chain, import_chain
from bgpd.policy.reasons import Reason
from bgpd.policy.roles import OTC
from bgpd.wire.family import IPV4
from tests.unit.rib.helpers import attrs

US, THEM = 65000, 65001
ADDRESS = b"\x0a\x00\x00\x01"


def spec(role: Role | None, remote_asn: int = THEM) -> NeighborSpec:
    return NeighborSpec(
        address=ADDRESS, name="n", local_asn=US, remote_asn=remote_asn, role=role,
        import_rule=ImportRule.ALL, export_rule=ExportRule.ALL,
    )  # fmt: skip


def octets(asn: int) -> bytes:
    return asn.to_bytes(4, "big")


@pytest.mark.parametrize(
    ("role", "otc", "verdict"),
    [
        # from a customer or an RS-client: marked is a leak
        (Role.PROVIDER, 7, Reason.LEAK_FROM_BELOW),
        (Role.RS, 7, Reason.LEAK_FROM_BELOW),
        (Role.PROVIDER, THEM, Reason.LEAK_FROM_BELOW),
        (Role.PROVIDER, None, None),
        (Role.RS, None, None),
        # from a peer: marked by anybody else is a leak
        (Role.PEER, 7, Reason.LEAK_FROM_PEER),
        (Role.PEER, THEM, THEM),
        (Role.PEER, None, THEM),
        # from a provider or RS: marked from now on
        (Role.CUSTOMER, None, THEM),
        (Role.CUSTOMER, 7, 7),
        (Role.RS_CLIENT, None, THEM),
        (Role.RS_CLIENT, 7, 7),
        (None, 7, 7),
        (None, None, None),
    ],
)
def test_import(role: Role | None, otc: int | None, verdict: Reason | int | None) -> None:
    chain = import_chain(spec(role), router_id=b"\x09\x09\x09\x09")
    given = attrs(THEM, others={OTC: octets(otc)} if otc is not None else None)
    judged = chain.evaluate(given, external=True)
    if isinstance(verdict, Reason):
        assert judged.reason is verdict
    else:
        assert judged.attrs is not None
        assert judged.attrs.get(OTC) == (octets(verdict) if verdict is not None else None)


@pytest.mark.parametrize(
    ("role", "otc", "verdict"),
    [
        # to a customer, a peer or an RS-client: marked
        (Role.PROVIDER, None, US),
        (Role.PROVIDER, 7, 7),
        (Role.RS, None, US),
        (Role.RS, 7, 7),
        (Role.PEER, None, US),
        # to a provider, a peer or an RS: never what is marked
        (Role.PEER, 7, Reason.LEAK_OUT),
        (Role.CUSTOMER, 7, Reason.LEAK_OUT),
        (Role.CUSTOMER, None, None),
        (Role.RS_CLIENT, 7, Reason.LEAK_OUT),
        (Role.RS_CLIENT, None, None),
        (None, 7, 7),
        (None, None, None),
    ],
)
def test_export(role: Role | None, otc: int | None, verdict: Reason | int | None) -> None:
    chain = export_chain(spec(role), router_id=b"\x09\x09\x09\x09", next_hop=ADDRESS, family=IPV4)
    given = attrs(65009, others={OTC: octets(otc)} if otc is not None else None)
    judged = chain.evaluate(given, external=True)
    if isinstance(verdict, Reason):
        assert judged.reason is verdict
    else:
        assert judged.attrs is not None
        assert judged.attrs.get(OTC) == (octets(verdict) if verdict is not None else None)


def test_a_role_towards_our_own_as_means_nothing() -> None:
    chain = import_chain(spec(Role.PROVIDER, US), router_id=b"\x09\x09\x09\x09")
    assert chain.evaluate(attrs(others={OTC: octets(7)})).accepted
