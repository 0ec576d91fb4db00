"""What people ask about policies."""

import re
from dataclasses import replace

import pytest

from bgpd.model import ImportRule
from bgpd.speaker import policy_query
from tests.unit.policy.helpers import policy_of
from tests.unit.speaker.helpers import Bench, spec_of

A = "192.0.2.1"
IN = policy_of(
    """
    - name: near
      match: {prefix: 10.0.0.0/8 le 32, community: "65001:*"}
      then: {local-pref: 200, action: accept}
    """,
    "in",
)


def bench() -> Bench:
    spec = replace(spec_of(A, 65001), import_rule=ImportRule.POLICY, import_policy=IN)
    return Bench(spec, policies=(IN,))


def test_show_policy() -> None:
    made = bench()
    peer = made.establish(A)
    peer.announce("10.1.0.0/16", "10.2.0.0/16", communities=[65001 << 16])
    peer.announce("11.1.0.0/16")
    views = {view.name: view for view in policy_query.policies(made.speaker)}
    assert list(views) == ["in", "all", "none", "own"]
    assert (views["in"].imports, views["in"].exports, views["all"].exports) == ([A], [], [A])
    assert (views["in"].reads_prefix, views["in"].builtin, views["own"].builtin) == (True, False, True)
    (term,) = views["in"].terms
    assert term.match == ["prefix 10.0.0.0/8 le 32", "community 65001:*"]
    assert term.then == ["local-pref 200", "accept"]
    assert (term.hits, views["in"].fallen) == (1, 1)


def test_a_given_route() -> None:
    made = bench()
    neighbor = next(iter(made.speaker.neighbors.values()))
    view = policy_query.given(IN, neighbor, "10.3.0.0/16", community=["65001:9"], as_path="65001 7")
    assert (view.accepted, view.term, view.fired, view.source) == (True, "near", ["near"], A)
    assert view.changes == ["LOCAL_PREF none -> 200"]
    assert view.as_path == "65001 7"
    view = policy_query.given(IN, None, "11.3.0.0/16")
    assert (view.accepted, view.term, view.reason) == (False, None, "rejected by policy in: no term accepts it")
    with pytest.raises(ValueError, match="host bits"):
        policy_query.given(IN, None, "10.0.0.1/8")


def test_the_live_tables() -> None:
    made = bench()
    peer = made.establish(A)
    peer.announce("10.1.0.0/16", communities=[65001 << 16])
    peer.announce("11.1.0.0/16")
    neighbor = made.speaker.neighbors[peer.address]
    seen = {view.prefix: view.term for view in policy_query.live(made.speaker, None, neighbor, "in") if view}
    assert seen == {"10.1.0.0/16": "near", "11.1.0.0/16": None}
    everything = policy_query.known(made.speaker)["all"]
    assert all(view.accepted for view in policy_query.live(made.speaker, everything, neighbor, "in") if view)
    assert [view for view in policy_query.live(made.speaker, None, neighbor, "out") if view] == []  # all are its own
    assert made.speaker.policies.get(IN).terms[0].hits == 1  # a trial does not count


def test_names() -> None:
    known = policy_query.known(bench().speaker)
    assert policy_query.find(known, "in") is IN
    with pytest.raises(ValueError, match=re.escape("there is no policy 'owm'; did you mean own?")):
        policy_query.find(known, "owm")
    unset = Bench(replace(spec_of(A, 65001), import_rule=ImportRule.UNSET))
    neighbor = next(iter(unset.speaker.neighbors.values()))
    with pytest.raises(ValueError, match="no import policy"):
        list(policy_query.live(unset.speaker, None, neighbor, "in"))
