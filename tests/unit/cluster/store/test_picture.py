from bgpd.cluster.store.base import Change, Changes, Entry, Fault, Listing
from bgpd.cluster.store.picture import Picture


def entry(key: str, value: bytes = b"1", revision: int = 1) -> Entry:
    return Entry(key, value, revision, key)


def test_a_list_tells_what_moved() -> None:
    picture = Picture([entry("/a"), entry("/b"), entry("/c")])
    moved = picture.replace(Listing(9, (entry("/a", revision=5), entry("/b", b"2"), entry("/d"))))
    assert moved == {"/b", "/c", "/d"}  # /a was written again with what it held
    assert sorted(picture.entries) == ["/a", "/b", "/d"]
    assert picture.revision == 9


def test_an_entry_with_a_fault_stays_as_it_was() -> None:
    picture = Picture([entry("/a"), entry("/b")])
    assert picture.replace(Listing(2, (), (Fault("/a", "no YAML", ("/a",)),))) == {"/b"}
    assert list(picture.entries) == ["/a"]


def test_changes_are_applied_in_order() -> None:
    picture = Picture([entry("/a")], 3)
    moved = picture.apply(
        Changes(6, (Change("/b", entry("/b"), 4), Change("/a", None, 5), Change("/b", entry("/b", b"2"), 6)))
    )
    assert moved == {"/a", "/b"}
    assert picture.under("/b")[0].value == b"2"
    assert picture.revision == 6
    assert picture.apply(Changes(0, (Change("/x", None, 7),))) == frozenset()
    assert picture.revision == 6
