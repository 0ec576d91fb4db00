"""What is waiting, and what is settled."""

from bgpd.kernel.links import IFF_LOWER_UP, IFF_UP
from bgpd.kernel.tables import SLICE, Tables
from bgpd.model import KernelSpec, Overlay, PoolSpec
from bgpd.wire.family import IPV4, IPV6

A, B = b"\x0a\x00\x00\x02", b"\x0a\x00\x00\x03"


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


def test_other_pools_want_everything_anew_in_slices_and_lose_nothing_newer() -> None:
    tables = Tables(KernelSpec(), lambda *_: None)
    plane = tables.planes[IPV4]
    prefixes = [bytes((24, 20, i >> 8, i & 255)) for i in range(2 * SLICE)]
    plane.submitted.update(dict.fromkeys(prefixes, (A,)))
    for _ in range(3):
        plane.take(tables.next_hops)
    plane.submitted.update(dict.fromkeys(prefixes, (B,)))
    plane.take(tables.next_hops)  # half of them
    tables.configure((PoolSpec(family=IPV4, prefix=b"\x08\x14", overlay=Overlay.ALWAYS),))
    plane.submitted[prefixes[0]] = None
    targets = []
    while plane._taking or plane.submitted:
        plane.take(tables.next_hops)
        targets.append(len(plane.fib.targets))
    assert len(targets) >= 4  # in slices
    assert set(plane.fib.wants) == set(prefixes[1:])
    marked = tables.overlays.mark(IPV4, prefixes[1], (B,))
    assert marked != (B,)
    assert {target.want for target in plane.fib.wants.values()} == {marked}
    assert {target.count for target in plane.fib.targets.values()} == {2 * SLICE - 1}


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
