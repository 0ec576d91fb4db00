from bgpd.rib.pack import EVERYBODY, SAME, Blob, Buckets, Pending, Record
from bgpd.wire.capability import Negotiated
from bgpd.wire.family import IPV4
from tests.unit.rib.helpers import Peer, attrs, blocks, path, source

SESSION = Negotiated()


def test_the_first_word_stays() -> None:
    pending, old, later = Pending(), path(source()), path(source())
    one, two, three = blocks(3)
    pending.note([one, two], old)
    pending.note([two, three], later)
    pending.note([one], None)
    assert pending.told == {one: old, two: old, three: later}


def test_same_gives_way_to_a_real_word() -> None:
    one, two, three = blocks(3)
    old = path(source())
    pending = Pending({one: SAME, two: SAME, three: None})
    pending.note([one, three], old)
    pending.note_all({two: old, one: None})
    assert pending.told == {one: old, two: old, three: None}


def test_take_all_at_once() -> None:
    pending = Pending()
    pending.note(blocks(3), None)
    assert list(pending.take(3)) == blocks(3)
    assert len(pending) == 0
    pending.note(blocks(2), None)
    assert len(pending) == 2


def test_take_in_slices_first_come_first_served() -> None:
    pending = Pending()
    pending.note(blocks(10), None)
    assert list(pending.take(4)) == blocks(4)
    pending.note(blocks(1), None)  # moves again: behind those that wait
    pending.note(blocks(4, 20), None)
    assert list(pending.take(4)) == blocks(4, 4)
    taken: list[bytes] = []
    while len(pending):
        taken += pending.take(4)
    assert taken == [*blocks(2, 8), *blocks(1), *blocks(4, 20)]


def test_clear_forgets_the_order_too() -> None:
    pending = Pending()
    pending.note(blocks(10), None)
    pending.take(4)
    pending.clear()
    pending.note(blocks(8, 50), None)
    assert list(pending.take(4)) == blocks(4, 50)


def test_equal_words_share_messages() -> None:
    buckets = Buckets()
    buckets.announce(EVERYBODY, attrs(1), blocks(3))
    buckets.announce(EVERYBODY, attrs(1), blocks(3, 10))
    buckets.announce(EVERYBODY, attrs(2), blocks(1, 20))
    buckets.withdraw(EVERYBODY, blocks(2, 30))
    buckets.withdraw(EVERYBODY, blocks(2, 40))
    blobs = buckets.encode(IPV4, SESSION)
    assert [blob.messages for blob in blobs] == [1, 2]  # withdrawals first
    peer = Peer(SESSION)
    for blob in blobs:
        peer.write(blob.data, blob.messages)
    assert [kind for kind, _ in peer.log] == ["withdraw"] * 4 + ["announce"] * 7


def test_messages_stay_within_the_limit() -> None:
    buckets = Buckets()
    buckets.announce(EVERYBODY, attrs(1), blocks(3000))
    [blob] = buckets.encode(IPV4, SESSION)
    assert blob.messages == 3
    peer = Peer(SESSION)
    peer.write(blob.data, blob.messages)
    assert list(peer.table) == blocks(3000)


def test_record_for_whom() -> None:
    blobs = [Blob(("", ""), [b"all"]), Blob(("x", ""), [b"not-x"]), Blob(("", "x"), [b"only-x", b"!"])]
    record = Record([], blobs, 0, {})
    assert record.data_for("y") == (b"allnot-x", 2)
    assert record.data_for("y")[0] is record.data_for("z")[0]
    assert record.data_for("x") == (b"allonly-x!", 3)
    assert record.octets == len(b"allnot-xonly-x!")
