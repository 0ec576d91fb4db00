from bgpd.kernel.wants import BLACKHOLE, Weighted, addresses_of, readdressed, scaled

A, B = b"\x0a\x00\x00\x02", b"\x0a\x00\x00\x03"


def test_shares_become_weights() -> None:
    assert scaled([]) == scaled([5.0]) == scaled([5.0, 5.0]) == scaled([1e9, 1e9 + 1]) == ()
    assert scaled([1.0, 2.0]) == (1, 2)
    assert scaled([1.0, 1000.0]) == (1, 256)
    assert scaled([10.0, 25.0, 40.0]) == (2, 5, 8)


def test_a_want_in_other_spellings_of_its_next_hops() -> None:
    want = Weighted((A, B), (1, 3))
    assert addresses_of(want) == addresses_of((A, B)) == (A, B)
    assert addresses_of(BLACKHOLE) == ()
    assert readdressed(want, (B, A)) == Weighted((B, A), (1, 3)) != want
    assert readdressed((A,), (B,)) == (B,)
    assert readdressed(BLACKHOLE, ()) is BLACKHOLE


def test_weighted_wants_are_values() -> None:
    assert {Weighted((A, B), (1, 3)): 1}[Weighted((A, B), (1, 3))]
    assert Weighted((A, B), (1, 3)) != Weighted((A, B), (1, 2))
    assert Weighted((A, B), (1, 3)) != (A, B)
