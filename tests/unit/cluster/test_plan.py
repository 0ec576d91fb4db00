from bgpd.cluster.plan import Host, PeerKind, PeerPlan
from bgpd.wire.family import IPV4, IPV6


def test_a_session_s_family_is_that_of_its_address() -> None:
    plan = PeerPlan(kind=PeerKind.MESH, name="x", address=bytes(16), port=179, local_asn=1, remote_asn=1)
    assert plan.family is IPV6
    plan = PeerPlan(kind=PeerKind.MESH, name="x", address=bytes(4), port=179, local_asn=1, remote_asn=1)
    assert plan.family is IPV4


def test_secrets_are_not_printed() -> None:
    plan = PeerPlan(kind=PeerKind.NODE, name="x", address=b"", port=1, local_asn=1, remote_asn=1, plain_password="hush")
    assert "hush" not in repr(plan)


def test_nothing_is_known_of_a_host_that_nobody_asked() -> None:
    assert (Host().healthy, Host().alive, Host().ipip, Host().interfaces) == (None, None, False, {})
