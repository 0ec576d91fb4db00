"""Events and states in words."""

from bgpd.kernel import report
from bgpd.kernel.encode import AF_INET
from bgpd.kernel.knowledge import Loss
from bgpd.kernel.report import Reporter
from bgpd.kernel.routes import RTN_UNICAST, Refusal, Route
from bgpd.kernel.tables import Tables
from bgpd.model import KernelSpec
from bgpd.wire.family import IPV4

A = b"\x0a\x00\x00\x02"
P, Q = b"\x18\x0a\x01\x00", b"\x18\x0a\x02\x00"
ROUTE = Route(RTN_UNICAST, ((A, 2),), 64)


def make() -> tuple[Tables, Reporter, list[tuple[str, dict[str, object]]]]:
    tables = Tables(KernelSpec(), lambda *_: None)
    told: list[tuple[str, dict[str, object]]] = []
    for target in tables.planes[IPV4].fib.take([(P, (A,)), (Q, (A,))]):
        target.route = ROUTE
    return tables, Reporter(tables, lambda name, fields: told.append((name, fields))), told


def test_losses_are_one_event_for_each_doer() -> None:
    tables, reporter, told = make()
    tables.knowledge.lost[AF_INET, 7, Loss.DELETED, 0] = [P, Q]
    tables.knowledge.lost[AF_INET, 7, Loss.REPLACED, 12] = [Q]
    reporter.losses(tables.knowledge.lost, {7: "felix"})
    assert [fields["count"] for _, fields in told] == [2, 1]
    assert told[0][1]["reason"] == "deleted by felix; what is wanted is put back"
    assert told[1][1]["reason"] == "replaced by a route of protocol 12 (bird), written by felix; it is left alone"
    assert told[0][1]["prefix"] == "10.1.0.0/24"


def test_a_fight_is_told_once() -> None:
    tables, reporter, told = make()
    tables.knowledge.new_fights.append((AF_INET, P))
    reporter.fights()
    reporter.fights()
    assert [name for name, _ in told] == ["kernel_fight"]


def test_states_in_words() -> None:
    tables, reporter, told = make()
    fib = tables.planes[IPV4].fib
    assert report.installed(tables, IPV4, P) == "pending"
    batch = fib.plan(9, set())
    assert report.installed(tables, IPV4, P) == "yes"
    refusal = Refusal(P, 0, 101, "")
    assert fib.refused(batch, refusal, 0.0)
    reporter.refusals(tables.planes[IPV4], [refusal])
    assert report.installed(tables, IPV4, P) == "failed: Network is unreachable"
    assert told[0][1]["reason"] == "the kernel refused it: Network is unreachable"
    fib.held(Q, 64, 4)
    fib.plan(9, set())
    reporter.conflicts(tables.planes[IPV4])
    assert "4 (static)" in report.installed(tables, IPV4, Q)
    view = report.view(tables, with_routes=True)
    assert (view.wanted, view.failed, view.conflicts) == (2, 1, 1)
    assert {route.state for route in view.routes} == {"failed", "conflict"}
