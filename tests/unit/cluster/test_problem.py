from bgpd.cluster.problem import Cause, Problem


def test_a_problem_names_place_resource_field_and_reason() -> None:
    problem = Problem("BGPPeer", "tor", "spec.peerIP", "says nobody", "peers.yaml:7", Cause.MISSING)
    assert str(problem) == "peers.yaml:7: BGPPeer tor: spec.peerIP: says nobody"


def test_what_is_not_known_is_left_out() -> None:
    assert str(Problem("", "", "", "this is not YAML", "a.yaml:1")) == "a.yaml:1: this is not YAML"
