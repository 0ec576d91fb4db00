"""Nexthop objects (Linux 5.3): many routes lead to one thing, and that thing is changed in one message. Pure.

A target that many prefixes share gets a group: the routes name the group, the group names its members (one a way out).
When the way to the next hops changes, the group is replaced, and 100,000 routes have moved. A group of one is a group,
too, because the kernel never lets one kind take the other's place.

What the kernel does without a word: a link that goes down, or loses its carrier, takes its members along; a group
without members goes, and so do all routes that name it. `through` says which groups that were, so that the caller drops
what he believed. A group that nobody wants is not removed before no route names it: removing it removes the routes.

Our objects carry our protocol number, and ids from `BASE` on, where no other program counts.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from bgpd.kernel.plan import Target
from bgpd.kernel.routes import Hop

RTM_NEWNEXTHOP: Final = 104
RTM_DELNEXTHOP: Final = 105
RTM_GETNEXTHOP: Final = 106

BASE: Final = 0x4247_0000
_END: Final = BASE + (1 << 24)

_NHA_ID: Final = 1
_NHA_GROUP: Final = 2
_NHA_OIF: Final = 5
_NHA_GATEWAY: Final = 6
_HEAD: Final = struct.Struct("=BBBBI")  #: nh_family, nh_scope, nh_protocol, reserved, nh_flags
_MEMBER: Final = struct.Struct("=IBBH")  #: id, weight - 1, reserved
_RTA: Final = struct.Struct("=HH")
_RTA32: Final = struct.Struct("=HHI")


class Object:
    """A nexthop object as the kernel shows it."""

    __slots__ = ("hop", "id", "members", "protocol")

    def __init__(self, id_: int, protocol: int, hop: Hop | None, members: tuple[int, ...]) -> None:
        self.id: Final = id_
        self.protocol: Final = protocol
        self.hop: Final = hop  #: of a member
        self.members: Final = members  #: ids, of a group


def encode_member(id_: int, hop: Hop, protocol: int) -> bytes:
    """The body of a RTM_NEWNEXTHOP for one way out."""
    gateway, index = hop
    family = 2 if len(gateway) == 4 else 10
    head = _HEAD.pack(family, 0, protocol, 0, 0) + _RTA32.pack(8, _NHA_ID, id_) + _RTA32.pack(8, _NHA_OIF, index)
    return head + _RTA.pack(4 + len(gateway), _NHA_GATEWAY) + gateway


def encode_group(id_: int, members: Iterable[int], protocol: int) -> bytes:
    """The body of a RTM_NEWNEXTHOP for a group."""
    entries = b"".join([_MEMBER.pack(member, 0, 0, 0) for member in members])
    head = _HEAD.pack(0, 0, protocol, 0, 0) + _RTA32.pack(8, _NHA_ID, id_)
    return head + _RTA.pack(4 + len(entries), _NHA_GROUP) + entries


def encode_id(id_: int) -> bytes:
    """The body of a RTM_DELNEXTHOP; of a dump request with id 0."""
    return _HEAD.pack(0, 0, 0, 0, 0) + (_RTA32.pack(8, _NHA_ID, id_) if id_ else b"")


def parse(data: bytes, start: int, end: int) -> Object:
    """One nexthop message; `start` is that of its header."""
    protocol = data[start + 18]
    at = start + 24
    id_ = index = 0
    gateway = b""
    members: tuple[int, ...] = ()
    while at + 4 <= end:
        length, kind = _RTA.unpack_from(data, at)
        if length < 4:
            break
        value = data[at + 4 : min(at + length, end)]
        if kind == _NHA_ID:
            id_ = int.from_bytes(value, "little" if struct.pack("=H", 1)[0] else "big")
        elif kind == _NHA_OIF:
            index = struct.unpack("=I", value)[0]
        elif kind == _NHA_GATEWAY:
            gateway = value
        elif kind == _NHA_GROUP:
            members = tuple(_MEMBER.unpack_from(value, i)[0] for i in range(0, len(value) - 7, 8))
        at += (length + 3) & ~3
    return Object(id_, protocol, None if members else (gateway, index), members)


class Objects:
    """Ours: what is wanted, and what the kernel has."""

    def __init__(self, protocol: int) -> None:
        self.protocol: Final = protocol
        self.usable = False  #: this kernel has them
        self.groups: dict[int, tuple[Hop, ...]] = {}  #: group -> the ways out that it should have
        self.owners: dict[int, Target] = {}  #: group -> the target that it belongs to
        self.written: dict[int, tuple[Hop, ...]] = {}  #: group -> the ways out that it has
        self.members: dict[Hop, int] = {}  #: those in the kernel
        self.pending: dict[int, None] = {}  #: groups to be written
        self.dead: set[int] = set()  #: groups that the kernel dropped, with every route that names them
        self._next = BASE

    def mine(self, id_: int) -> bool:
        return BASE <= id_ < _END

    def _new_id(self) -> int:
        self._next += 1
        return self._next

    # wants

    def give(self, target: Target, hops: tuple[Hop, ...]) -> int:
        """A group of its own for a target; one that an earlier run left with these ways out is taken over."""
        for group, content in self.written.items():
            if content == hops and group not in self.owners:
                break
        else:
            group = self._new_id()
            self.pending[group] = None
        self.owners[group] = target
        self.groups[group] = hops
        return group

    def change(self, group: int, hops: tuple[Hop, ...]) -> None:
        """The ways out that it should have from now on."""
        self.groups[group] = hops
        if self.written.get(group) != hops:
            self.pending[group] = None

    def drop(self, group: int) -> None:
        """Nobody wants it; it stays until no route names it."""
        self.owners.pop(group, None)
        self.groups.pop(group, None)
        self.pending.pop(group, None)

    def release(self) -> None:
        """Drop the groups of targets that no prefix wants any more."""
        for group in [group for group, target in self.owners.items() if not target.count]:
            self.drop(group)

    # writing

    def steps(self, group: int) -> Iterator[tuple[int, Hop | None, bytes]]:
        """What makes a group as it should be, in order: (id, way out of a member, body of a RTM_NEWNEXTHOP)."""
        ids = []
        for hop in self.groups[group]:
            member = self.members.get(hop)
            if member is None:
                member = self._new_id()
                yield member, hop, encode_member(member, hop, self.protocol)
            ids.append(self.members.get(hop, member))
        yield group, None, encode_group(group, ids, self.protocol)

    def done(self, id_: int, hop: Hop | None) -> None:
        """A step was taken."""
        if hop is not None:
            self.members[hop] = id_
        else:
            self.written[id_] = self.groups[id_]
            self.pending.pop(id_, None)

    def unused(self, named: set[int]) -> list[int]:
        """What can be removed, groups first: `named` are the groups that some route names."""
        groups = [group for group in self.written if group not in self.groups and group not in named]
        for group in groups:
            del self.written[group]
        needed = {hop for content in (*self.groups.values(), *self.written.values()) for hop in content}
        spare = [hop for hop in self.members if hop not in needed]
        return groups + [self.members.pop(hop) for hop in spare]

    # knowledge

    def through(self, ifindex: int) -> None:
        """A link is down or has no carrier: its members are gone, and groups that had no other."""
        self._gone({hop for hop in self.members if hop[1] == ifindex})

    def removed(self, id_: int) -> None:
        """Somebody removed one of ours."""
        if id_ in self.written:
            del self.written[id_]
            self.dead.add(id_)
            if id_ in self.groups:
                self.pending[id_] = None
        else:
            self._gone({hop for hop, member in self.members.items() if member == id_})

    def _gone(self, hops: set[Hop]) -> None:
        if not hops:
            return
        for hop in hops:
            del self.members[hop]
        for group, content in list(self.written.items()):
            left = tuple(hop for hop in content if hop not in hops)
            if left == content:
                continue
            if left:
                self.written[group] = left
            else:
                del self.written[group]
                self.dead.add(group)
            if group in self.groups and self.groups[group] != left:
                self.pending[group] = None

    def changed(self, seen: Object) -> None:
        """Somebody wrote over one of ours: it is written again."""
        if seen.id in self.written:
            self.written[seen.id] = ()
            if seen.id in self.groups:
                self.pending[seen.id] = None
        else:
            for hop in [hop for hop, member in self.members.items() if member == seen.id and hop != seen.hop]:
                self._gone({hop})

    def learn(self, dump: Iterable[Object]) -> int:
        """A dump is what the kernel has; returns how many groups were not as believed."""
        known = [each for each in dump if self.mine(each.id) and each.protocol == self.protocol]
        hops = {each.id: each.hop for each in known if each.hop is not None}
        before = self.written
        self.members = {hop: id_ for id_, hop in hops.items()}
        self.written = {
            each.id: tuple(sorted(hops[member] for member in each.members if member in hops))
            for each in known
            if each.members
        }
        self._next = max([self._next, *[each.id for each in known]])
        for group, content in self.groups.items():
            if self.written.get(group) != content:
                self.pending[group] = None
        return sum(self.written.get(group) != content for group, content in before.items())
