"""Update groups under random change, with members that join, leave, stall and ask again.

Whatever the history: the bytes written to a member, decoded, give what the group says it told it; and when all is
flushed, that is the export of the table less the member's own routes.
"""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bgpd.rib.group import UpdateGroup
from bgpd.rib.loc_rib import LocRib
from bgpd.rib.member import GroupKey, Member
from bgpd.rib.nexthop import NextHop
from bgpd.rib.path import Path, Source
from bgpd.wire.attrs import Attrs, rewrite
from bgpd.wire.capability import Negotiated
from bgpd.wire.family import IPV4
from tests.unit.rib.helpers import Peer, attrs, blocks, path, source

SESSION = Negotiated(local_asn=64512, remote_asn=65000)
US = b"\x0a\0\0\1"
PREFIXES = blocks(12)
NAMES = ("a", "b", "x", "y")  # a and b give routes, too

prefix_lists = st.lists(st.sampled_from(PREFIXES), max_size=8)
names = st.sampled_from(NAMES)
steps = st.one_of(
    st.tuples(
        st.just("update"), st.sampled_from("abc"), prefix_lists, prefix_lists, st.integers(0, 5), st.integers(1, 3)
    ),
    st.tuples(
        st.just("update"), st.sampled_from("abc"), prefix_lists, prefix_lists, st.integers(0, 5), st.integers(1, 3)
    ),
    st.tuples(st.just("flush"), st.integers(1, 20)),
    st.tuples(st.just("join"), names),
    st.tuples(st.just("leave"), names),
    st.tuples(st.just("stall"), names),
    st.tuples(st.just("resume"), names),
    st.tuples(st.just("refresh"), names),
    st.tuples(st.just("move"), names),
    st.tuples(st.just("walk over"), names),
    st.tuples(st.just("down"), st.sampled_from("abc")),
    st.tuples(st.just("hop"), st.booleans()),
)


def key(name: str) -> GroupKey:
    return GroupKey(family="ipv4", external=True, local_asn=1, remote_asn=0, rule=name, next_hop=US)


def plain(given_: Path) -> Attrs | None:
    """MED 5 stays inside; MED is not exported, so some paths look alike."""
    return None if given_.med == 5 else rewrite(given_.attrs_in, {4: None}, US)


def marked(given_: Path) -> Attrs | None:
    """The other group's way: other attributes, another filter."""
    return None if given_.med == 4 else rewrite(given_.attrs_in, {4: None, 8: b"\0\1\0\1"}, US)


class World:
    def __init__(self, log_limit: int) -> None:
        self.rib = LocRib(IPV4, 2)
        self.groups = [
            UpdateGroup(key("plain"), self.rib, plain, SESSION, log_limit=log_limit),
            UpdateGroup(key("marked"), self.rib, marked, SESSION, log_limit=log_limit),
        ]
        self.exports = (plain, marked)
        self.peers: dict[str, Peer] = {}
        self.where: dict[str, int] = {}
        self.hop = NextHop(b"\1\1\1\1", reachable=True, cost=0, reason="")
        self.givers = {name: source(name, router_id=i + 1) for i, name in enumerate("abc")}

    def member(self, name: str) -> Member:
        return self.groups[self.where[name]].members[name]

    def tell(self, changes: list) -> None:  # type: ignore[type-arg]
        for group in self.groups:
            group.on_changes(changes)

    def down(self, giver: Source) -> None:
        for changes in self.rib.drop(giver, 5):
            self.tell(changes)
        self.givers[giver.neighbor] = source(
            giver.neighbor, generation=giver.generation + 1, router_id=giver.router_id[3]
        )

    def check(self) -> None:
        for name, peer in self.peers.items():
            group, member = self.groups[self.where[name]], self.member(name)
            believed = {prefix: given_.raw for prefix, given_ in peer.table.items()}
            assert believed == {prefix: told.raw for prefix, told in group.advertised(member)}
            assert member.advertised == len(believed)
            assert not peer.needless

    def settle(self) -> None:
        for peer in self.peers.values():
            peer.open = True
        for group in self.groups:
            for _ in range(1000):
                if not group.flush(7):
                    break
            else:
                raise AssertionError("the flush never ends")
        self.check()
        for name, peer in self.peers.items():
            export = self.exports[self.where[name]]
            expected = {}
            for prefix in self.rib.table:
                best = self.rib.best(prefix)
                if best is not None and best.source.neighbor != name and (out := export(best)) is not None:
                    expected[prefix] = out.raw
            assert {prefix: given_.raw for prefix, given_ in peer.table.items()} == expected
            assert peer.end_of_rib == 1


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=50), st.sampled_from([150, 400, 1 << 20]))
@example(  # a route that went before its member moved: the old group alone knows that it was told
    [("update", "c", [], [b"\x18\n\0\0"], 0, 1), ("join", "a"), ("flush", 1), ("down", "c"), ("walk over", "a")], 150
)
def test_the_bytes_are_the_table(script: list[tuple[object, ...]], log_limit: int) -> None:
    world = World(log_limit)
    for step in script:
        match step:
            case ("update", str(name), list(withdrawn), list(announced), int(med), int(asn)):
                giver = world.givers[name]
                made = path(giver, attrs(asn, med=med), next_hop=world.hop if asn == 3 else path(giver).next_hop)
                world.tell(world.rib.apply(giver, withdrawn, announced, made))
            case ("flush", int(limit)):
                for group in world.groups:
                    group.flush(limit)
            case ("join", str(name)) if name not in world.peers:
                world.peers[name] = Peer(SESSION)
                world.where[name] = 0
                world.groups[0].join(Member(name, world.peers[name]))
            case ("leave", str(name)) if name in world.peers:
                world.groups[world.where[name]].remove(world.member(name))
                del world.peers[name]
                if name in world.givers:
                    world.down(world.givers[name])
            case ("stall" | "resume" as how, str(name)) if name in world.peers:
                world.peers[name].open = how == "resume"
            case ("refresh", str(name)) if name in world.peers:
                world.groups[world.where[name]].refresh(world.member(name))
            case ("walk over", str(name)) if name in world.peers:
                old, member = world.groups[world.where[name]], world.member(name)
                world.where[name] = 1 - world.where[name]
                made_anew = Member(name, world.peers[name])
                made_anew.end_of_rib = member.end_of_rib
                old.move(member, world.groups[world.where[name]], made_anew)
                if member.again or member.marked:
                    world.groups[world.where[name]].refresh(made_anew, marked=True)
            case ("move", str(name)) if name in world.peers:
                old = world.groups[world.where[name]]
                member = world.member(name)
                told = old.leave(member)
                world.where[name] = 1 - world.where[name]
                world.groups[world.where[name]].join(member, told)
            case ("down", str(name)):
                world.down(world.givers[name])
            case ("hop", bool(reachable)):
                world.hop.reachable = reachable
                for changes in world.rib.reselect(world.hop, 5):
                    world.tell(changes)
            case _:
                continue
        world.check()
    world.settle()
