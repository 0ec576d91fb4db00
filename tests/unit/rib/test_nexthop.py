from bgpd.rib.nexthop import NOWHERE, SELF, NextHopTable

A = b"\x0a\x00\x00\x01"


def test_one_object_per_address() -> None:
    table = NextHopTable()
    assert table.get(A) is table.get(A)
    assert len(table) == 1
    assert A in table


def test_a_new_one_is_unreachable_until_somebody_says_so() -> None:
    hop = NextHopTable().get(A)
    assert not hop.reachable
    assert hop.reason == "not resolved yet"


def test_without_a_kernel_every_next_hop_is_good() -> None:
    hop = NextHopTable(resolved=True).get(A)
    assert hop.reachable
    assert "no kernel" in hop.reason


def test_update_says_whether_selection_may_differ() -> None:
    table = NextHopTable()
    hop = table.get(A)
    assert table.update(A, reachable=True, cost=5, reason="via eth0")
    assert (hop.reachable, hop.cost, hop.reason) == (True, 5, "via eth0")
    assert not table.update(A, reachable=True, cost=5, reason="via eth1")
    assert hop.reason == "via eth1"
    assert table.update(A, reachable=True, cost=6, reason="via eth1")
    assert table.update(A, reachable=False, cost=6, reason="no route")
    assert not table.update(A, reachable=False, cost=0, reason="link down")  # the cost of no way at all


def test_update_of_an_unknown_address_is_nobodys_business() -> None:
    table = NextHopTable()
    assert not table.update(A, reachable=True, cost=0, reason="x")
    assert len(table) == 0


def test_forget() -> None:
    table = NextHopTable()
    hop = table.get(A)
    table.forget([A, b"\0\0\0\0"])
    assert table.all() == []
    assert table.get(A) is not hop


def test_constants() -> None:
    assert SELF.reachable
    assert not NOWHERE.reachable
    assert "NextHop" in repr(SELF)
    assert "unreachable" in repr(NOWHERE)
