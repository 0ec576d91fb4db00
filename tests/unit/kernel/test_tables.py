"""What is waiting, and what is settled."""

from bgpd.kernel.links import IFF_LOWER_UP, IFF_UP
from bgpd.kernel.tables import SLICE, Tables
from bgpd.model import KernelSpec
from bgpd.wire.family import IPV4, IPV6

A = b"\x0a\x00\x00\x02"


def test_submitted_wants_are_taken_in_slices() -> None:
    tables = Tables(KernelSpec(), lambda *_: None)
    plane = tables.planes[IPV4]
    assert tables.settled()
    plane.submitted.update({bytes((24, 20, i >> 8, i & 255)): (A,) for i in range(SLICE + 1)})
    assert not tables.settled()
    plane.take(tables.next_hops)
    assert len(plane.fib.wants) == SLICE
    plane.take(tables.next_hops)
    assert len(plane.fib.wants) == SLICE + 1
    assert tables.counts(IPV4)["unresolved"] == SLICE + 1
    assert tables.counts(IPV6)["wanted"] == 0
    plane.unwant_all()
    assert tables.counts()["wanted"] == 0


def test_a_link_that_changes_lets_failures_try_again() -> None:
    tables = Tables(KernelSpec(), lambda *_: None)
    fib = tables.planes[IPV4].fib
    fib.postpone(b"\x18\x0a\x01\x00", "", 0, 0.0)
    assert not fib.waiting()
    tables.knowledge.link(2, "eth0", IFF_UP | IFF_LOWER_UP, True)
    tables.review()
    assert fib.waiting()


def test_what_has_to_be_known_comes_first() -> None:
    tables = Tables(KernelSpec(), lambda *_: None)
    tables.resync_reason = "events were lost"
    assert tables.chores_waiting()
    assert not tables.settled()
    assert not tables.in_sync()
