"""Nexthop objects: what is written, what is lost, what may be removed."""

import struct

from bgpd.kernel.objects import (
    BASE,
    RTM_NEWNEXTHOP,
    Object,
    Objects,
    encode_group,
    encode_id,
    encode_member,
    parse,
)
from bgpd.kernel.plan import Target
from bgpd.kernel.routes import Hop

A: Hop = (b"\x0a\x00\x00\x02", 2)
B: Hop = (b"\x0a\x00\x01\x02", 3)
V6: Hop = (b"\xfd" + bytes(14) + b"\x02", 2)


def message(body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), RTM_NEWNEXTHOP, 0, 0, 0) + body


def make() -> tuple[Objects, Target]:
    objects = Objects(64)
    target = Target((A[0], B[0]))
    target.count = 1
    return objects, target


def write(objects: Objects) -> list[tuple[int, Hop | None]]:
    taken = []
    for group in list(objects.pending):
        for id_, hop, _ in objects.steps(group):
            objects.done(id_, hop)
            taken.append((id_, hop))
    return taken


def test_messages_there_and_back() -> None:
    for hop in (A, V6):
        data = message(encode_member(BASE + 1, hop, 64))
        seen = parse(data, 0, len(data))
        assert (seen.id, seen.protocol, seen.hop, seen.members) == (BASE + 1, 64, hop, ())
    data = message(encode_group(BASE + 2, [BASE + 1, BASE + 3], 64))
    seen = parse(data, 0, len(data))
    assert (seen.id, seen.hop, seen.members) == (BASE + 2, None, (BASE + 1, BASE + 3))
    data = message(encode_id(BASE + 2))
    assert parse(data, 0, len(data)).id == BASE + 2


def test_members_first_and_shared() -> None:
    objects, target = make()
    group = objects.give(target, (A, B))
    taken = write(objects)
    assert [hop for _, hop in taken] == [A, B, None]
    assert not objects.pending
    other = objects.give(Target((A[0],)), (A,))
    assert [id_ for id_, _ in write(objects)] == [other]  # its member is there already
    objects.change(group, (B,))
    assert write(objects) == [(group, None)]
    objects.change(group, (B,))
    assert not objects.pending


def test_a_link_that_goes_takes_members_and_groups() -> None:
    objects, target = make()
    both = objects.give(target, (A, B))
    only = objects.give(Target((A[0],)), (A,))
    write(objects)
    objects.through(2)
    assert objects.dead == {only}
    assert objects.written == {both: (B,)}
    assert set(objects.pending) == {both, only}
    objects.change(both, (B,))
    objects.change(only, (B,))
    write(objects)
    assert objects.written == {both: (B,), only: (B,)}


def test_somebody_removes_or_changes_one() -> None:
    objects, target = make()
    group = objects.give(target, (A,))
    write(objects)
    objects.removed(group)
    assert objects.dead == {group}
    write(objects)
    objects.dead.clear()
    objects.changed(Object(group, 64, None, (7,)))
    assert group in objects.pending
    write(objects)
    objects.removed(objects.members[A])
    assert objects.dead == {group}
    write(objects)
    member = objects.members[A]
    objects.changed(Object(member, 64, B, ()))
    assert A not in objects.members
    assert not objects.mine(5)


def test_what_an_earlier_run_left_is_taken_over() -> None:
    objects, target = make()
    dump = [
        Object(BASE + 1, 64, A, ()),
        Object(BASE + 2, 64, None, (BASE + 1,)),
        Object(BASE + 3, 17, B, ()),
        Object(9, 64, B, ()),
    ]
    assert objects.learn(dump) == 0
    assert objects.give(target, (A,)) == BASE + 2
    assert not objects.pending
    assert objects.give(Target((B[0],)), (B,)) > BASE + 2
    assert objects.learn([]) == 1
    assert len(objects.pending) == 2


def test_only_what_no_route_names_is_removed() -> None:
    objects, target = make()
    group = objects.give(target, (A,))
    write(objects)
    member = objects.members[A]
    assert objects.unused(set()) == []
    target.count = 0
    objects.release()
    assert objects.unused({group}) == []
    assert objects.unused(set()) == [group, member]
    assert not objects.members
