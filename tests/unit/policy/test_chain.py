from bgpd.policy.chain import Chain, Context, Route
from bgpd.policy.reasons import Reason
from tests.unit.rib.helpers import attrs

CONTEXT = Context(local_asn=64512, remote_asn=64512, router_id=b"\1\1\1\1")


def refuse(_route: Route, _context: Context) -> Reason | None:
    return Reason.IMPORT_NONE


def accept(_route: Route, _context: Context) -> Reason | None:
    return Reason.ACCEPTED


def never(_route: Route, _context: Context) -> Reason | None:
    raise AssertionError("the chain went on")


def prefer(route: Route, _context: Context) -> Reason | None:
    route.changes[5] = (200).to_bytes(4, "big")
    return None


def look(route: Route, _context: Context) -> Reason | None:
    assert route.settle().local_pref == 200
    assert route.settle() is route.attrs
    route.next_hop = b"\7\7\7\7"
    return None


def test_an_empty_chain_accepts_as_it_is() -> None:
    given = attrs(1)
    verdict = Chain((), CONTEXT).evaluate(given)
    assert verdict.attrs is given
    assert verdict.accepted
    assert verdict.reason is Reason.ACCEPTED


def test_the_first_refusal_ends_it() -> None:
    verdict = Chain((prefer, refuse, never), CONTEXT).evaluate(attrs(1))
    assert verdict.attrs is None
    assert not verdict.accepted
    assert verdict.reason is Reason.IMPORT_NONE
    assert repr(verdict) == "Verdict(import=none)"


def test_an_early_acceptance_keeps_the_changes() -> None:
    verdict = Chain((prefer, accept, never), CONTEXT).evaluate(attrs(1))
    assert verdict.attrs is not None
    assert verdict.attrs.local_pref == 200


def test_a_later_term_sees_what_an_earlier_one_changed() -> None:
    given = attrs(1)
    verdict = Chain((prefer, look), CONTEXT).evaluate(given)
    assert verdict.attrs is not None
    assert (verdict.attrs.local_pref, verdict.attrs.next_hop) == (200, b"\7\7\7\7")
    assert given.local_pref == -1


def test_context_knows_external() -> None:
    assert not CONTEXT.external
    assert Context(local_asn=1, remote_asn=2, router_id=b"\1\1\1\1").external
