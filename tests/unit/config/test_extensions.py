"""Settings of protocol extensions: what they become, what is refused, what is only doubtful."""

import pytest

from bgpd.model import AddPath, Role
from bgpd.wire.family import IPV4, IPV6
from tests.unit.config.cases import Case


def test_fields_of_a_client(case: Case) -> None:
    parsed = case.parse(
        "--cluster-id=9.9.9.9",
        "--peer=10.0.0.1,rr-client",
        "--peer=10.0.0.2,rr-client,cluster-id=1.1.1.1",
        "--peer=10.0.0.3,extended-messages=false",
    )
    first, second, third = parsed.spec.speaker.neighbors
    assert (first.rr_client, first.cluster_id) == (True, bytes([9, 9, 9, 9]))
    assert second.cluster_id == bytes([1, 1, 1, 1])
    assert (third.rr_client, third.cluster_id, third.extended_messages) == (False, None, False)


def test_add_path_by_word_and_by_family(case: Case) -> None:
    parsed = case.parse(
        "--peer=10.0.0.1,add-path=both,add-path-paths=2",
        "--peer=10.0.0.2,add-path=ipv4:send+ipv6:receive",
        "--peer=10.0.0.3,add-path=off",
        "--peer=10.0.0.4,add-path=receive,families=ipv6",
    )
    ways = [spec.add_path for spec in parsed.spec.speaker.neighbors]
    assert ways == [
        ((IPV4, AddPath.BOTH), (IPV6, AddPath.BOTH)),
        ((IPV4, AddPath.SEND), (IPV6, AddPath.RECEIVE)),
        (),
        ((IPV6, AddPath.RECEIVE),),
    ]
    assert parsed.spec.speaker.neighbors[0].add_path_paths == 2
    assert not parsed.warnings


def test_a_role(case: Case) -> None:
    parsed = case.parse("--peer=10.0.0.1,asn=65001,import=all,export=all,role=rs-client,role-strict")
    (spec,) = parsed.spec.speaker.neighbors
    assert (spec.role, spec.role_strict) == (Role.RS_CLIENT, True)


@pytest.mark.parametrize(
    ("peer", "text"),
    [
        (
            "asn: 65001\n    rr-client: true",
            "rr-client: a client is in our own AS (RFC 4456), this neighbor is external",
        ),
        ("asn: external\n    rr-client: true", "this neighbor is external (asn=external)"),
        ("role: peer", "role: roles are for external neighbors (RFC 9234), this one is in our own AS"),
        ("role: king", "role: expected provider, rs, rs-client, customer or peer, got 'king'"),
        ("asn: 65001\n    role-strict: true", "role-strict: needs a role of ours"),
        ("add-path: some", "add-path: expected off, receive, send or both"),
        ("add-path: ipv4:both+ipv4:send", "add-path: expected off, receive, send or both"),
        ("add-path: both\n    add-path-paths: 0", "add-path-paths: 0 is not between 1 and 64; all sends every path"),
        ("rr-client: true\n    cluster-id: 7", "cluster-id: expected four octets written as an IPv4 address"),
        ("rr-client: true\n    cluster-id: 0.0.0.0", "cluster-id: 0.0.0.0 is no cluster id"),
    ],
)
def test_errors_name_file_and_line(case: Case, peer: str, text: str) -> None:
    lines = case.errors(yaml=f"peer:\n  - address: 10.0.0.1\n    {peer}\n")
    found = [line for line in lines if text in line]
    assert len(found) == 1
    assert found[0].startswith(f"bgpd.yaml:{2 + len(peer.splitlines())}: peer 10.0.0.1: ")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("cluster-id=1.1.1.1", "does nothing without rr-client"),
        ("add-path=receive,add-path-paths=2", "does nothing without add-path=send or add-path=both"),
        ("asn=65001,import=all,export=all,add-path=send", "they go round in circles"),
        ("families=ipv4,add-path=ipv6:send", "ipv6 is not among the families of this neighbor"),
        ("families=ipv6,extended-next-hop", "does nothing without the family ipv4"),
    ],
)
def test_what_has_no_effect_warns(case: Case, words: str, text: str) -> None:
    (line,) = case.warnings("--peer", f"10.0.0.1,{words}")
    assert text in line


def test_a_cluster_id_without_clients_warns(case: Case) -> None:
    (line,) = case.warnings("--cluster-id=1.1.1.1", "--peer=10.0.0.1")
    assert "no neighbor has rr-client" in line
