"""Whatever resources there are: they are decoded or refused, settled, decided and compiled, and nothing else happens."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bgpd.cluster.decide import UnknownNodeError, decide
from bgpd.cluster.decode import decode_json, decode_yaml
from bgpd.cluster.kinds import KINDS, show
from bgpd.cluster.plan import Compat, Host
from bgpd.cluster.render import as_json, as_text
from bgpd.cluster.snapshot import Snapshot, settle
from bgpd.cluster.specs import compile_plan
from bgpd.model import SpeakerSpec
from bgpd.policy.compile import export_chain, import_chain
from tests.unit.cluster.examples import EXAMPLES, NEEDED

TITLES = {f"{kind.name} {kind.api.partition('/')[0]}": kind for kind in KINDS}
ROWS = {name: TITLES.get(name) or next(kind for kind in KINDS if kind.name == name) for name in EXAMPLES}
NAMES = st.sampled_from(["a", "b", "default", "node.a", "tor", "one", "two", "red"])
ADDRESSES = st.integers(1, 4).map(lambda n: f"10.0.0.{n}/24")


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A resource with some of the keys that its kind has, which may or may not go together."""
    name = draw(st.sampled_from(sorted(EXAMPLES)))
    kind, table = ROWS[name], EXAMPLES[name]
    keys = draw(st.lists(st.sampled_from(sorted(table)), max_size=4, unique=True))
    spec: dict[str, Any] = dict(NEEDED.get(name) or {})
    for key in keys:
        value, beside = table[key]
        spec |= {**beside, key: value}
    spec = {key: value for key, value in spec.items() if value is not None and draw(st.integers(0, 19))}
    if name == "Node" and draw(st.booleans()):
        spec["bgp"] = {"ipv4Address": draw(ADDRESSES), "ipv6Address": "fd00::1/64"}
    labels = draw(st.dictionaries(st.sampled_from(["rack", "rr", "app"]), st.sampled_from(["a", "true", "router"])))
    return {
        "apiVersion": kind.api,
        "kind": kind.name,
        "metadata": {"name": draw(NAMES), "labels": labels},
        "spec": spec,
    }


NODE = {
    "apiVersion": "projectcalico.org/v3",
    "kind": "Node",
    "metadata": {"name": "a", "labels": {"rack": "a", "rr": "true"}},
    "spec": {"bgp": {"ipv4Address": "10.0.0.1/24"}},
}


@settings(max_examples=80, deadline=None)
@given(st.lists(documents(), max_size=8), st.lists(documents(), max_size=4), st.sampled_from(Compat))
def test_any_cluster_is_decided(first: list[Any], then: list[Any], compat: Compat) -> None:
    previous: Snapshot | None = None
    for texts in ([NODE, *first], [NODE, *then, *first[:3]]):
        found = [decode_json(json.dumps(text), "k") for text in texts]
        resources = [each for one in found for each in one.resources]
        problems = [each for one in found for each in one.problems]
        snapshot = previous = settle(resources, problems, previous=previous)
        try:
            plan = decide(snapshot, "a", compat=compat)
        except UnknownNodeError:
            assert any(problem.kind == "Node" for problem in snapshot.problems)
            continue
        assert decide(settle(snapshot.resources), "a", compat=compat) == plan
        assert json.loads(json.dumps(as_json(plan))) == as_json(plan)
        assert as_text(plan)
        assert len({neighbor.address or neighbor.interface for neighbor in plan.neighbors}) == len(plan.neighbors)
        compiled = compile_plan(plan, SpeakerSpec(router_id=b"\0\0\0\1"), {}, Host())
        for spec in compiled.speaker.neighbors:
            for family in spec.families:
                import_chain(spec, router_id=b"\0\0\0\1", family=family)
                export_chain(spec, router_id=b"\0\0\0\1", next_hop=b"\x0a\0\0\1", family=family)


@settings(max_examples=40, deadline=None)
@given(documents())
def test_what_is_printed_is_read_again(document: dict[str, Any]) -> None:
    for resource in decode_json(json.dumps(document), "k").resources:
        text = json.dumps(show(resource))
        assert decode_json(text, "k").resources == (resource,)
        assert decode_yaml(text, "k").resources == (resource,)


SELECTORS = st.sampled_from(["all()", "has(rr)", "!has(rr)", "rack == 'a'", "rack != 'a'", "has(none)"])
PEERINGS = st.fixed_dictionaries({"peerSelector": SELECTORS}, optional={"nodeSelector": SELECTORS, "localASNumber": st.just(64999)})  # fmt: skip
MEMBERS = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.booleans(), st.sampled_from([0, 64513]), st.booleans(), st.booleans()),
    min_size=2,
    max_size=6,
)


@settings(max_examples=80, deadline=None)
@given(MEMBERS, st.lists(PEERINGS, max_size=3), st.booleans())
def test_both_ends_of_a_session_know_of_it(members: list[Any], peerings: list[Any], mesh: bool) -> None:
    """Over each pair of nodes and each family: either both have the session or none, they agree, and somebody dials."""
    api = "projectcalico.org/v3"
    texts: list[dict[str, Any]] = []
    for number, (rack, reflects, asn, four, six) in enumerate(members, 7):
        bgp = {
            "ipv4Address": f"10.0.0.{number}/24" if four else None,
            "ipv6Address": f"fd00::{number:x}/64" if six else None,
        }
        bgp |= {"asNumber": asn or None, "routeReflectorClusterID": "244.0.0.1" if reflects else None}
        labels = {"rack": rack} | ({"rr": "1"} if reflects else {})
        spec = {"bgp": bgp} if any(bgp.values()) else {}
        texts.append(
            {"apiVersion": api, "kind": "Node", "metadata": {"name": f"n{number}", "labels": labels}, "spec": spec}
        )
    for number, spec in enumerate(peerings):
        texts.append({"apiVersion": api, "kind": "BGPPeer", "metadata": {"name": f"p{number}"}, "spec": spec})
    if not mesh:
        texts.append({"apiVersion": api, "kind": "BGPConfiguration", "metadata": {"name": "default"}, "spec": {"nodeToNodeMeshEnabled": False}})  # fmt: skip
    found = [decode_json(json.dumps(text), "k") for text in texts]
    assert [each.problems for each in found if each.problems] == []
    snapshot = settle([each for one in found for each in one.resources])
    plans = {f"n{number}": decide(snapshot, f"n{number}") for number in range(7, 7 + len(members))}
    for name, plan in plans.items():
        for session in plan.neighbors:
            back = [
                each
                for each in plans[session.remote_node].neighbors
                if each.remote_node == name and each.family is session.family
            ]
            assert len(back) == 1, (name, session)
            assert back[0].address == session.source_address
            assert session.port == 179
            assert not (back[0].passive and session.passive)
            if not any("localASNumber" in spec for spec in peerings):
                assert (back[0].local_asn, back[0].remote_asn) == (session.remote_asn, session.local_asn)
