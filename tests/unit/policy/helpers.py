"""Short ways to policies: terms as they stand in YAML."""

from bgpd.config.origin import Layer, Origin
from bgpd.config.policies import Reader
from bgpd.config.report import Report
from bgpd.config.yamltree import read_tree
from bgpd.model import PolicySpec
from bgpd.policy.chain import Context
from bgpd.wire.family import IPV4, Family


def policy_of(text: str, name: str = "p") -> PolicySpec:
    """The policy whose terms are this YAML."""
    report = Report()
    reader = Reader("test.yaml", report)
    tree = read_tree(text, "test.yaml")
    assert tree is not None
    reader.policy(name, tree, Origin(Layer.FILE, "test.yaml", 1))
    assert not report.errors, report.errors
    return reader.book.policies[name][0]


def context_of(*, family: Family = IPV4, importing: bool = True, remote_asn: int = 65001) -> Context:
    return Context(
        local_asn=64512,
        remote_asn=remote_asn,
        router_id=b"\x0a\0\0\1",
        next_hop=b"\x0a\0\0\1",
        family=family,
        peer_address=b"\xc0\0\2\1",
        importing=importing,
    )
