"""Which prefixes of the kernel each entry names, told once and followed."""

from bgpd.config.redistribution import parse_redistribute
from bgpd.kernel.encode import AF_INET, AF_INET6, RouteInfo
from bgpd.kernel.links import IFF_LOWER_UP, IFF_RUNNING, IFF_UP, Links, RouteTable
from bgpd.kernel.redistribution import SLICE, Redistribution
from bgpd.kernel.routes import RTN_BLACKHOLE, RTN_UNICAST
from bgpd.model import Redistribute
from bgpd.wire.prefix import format_prefix, parse_address, parse_prefix

UP = IFF_UP | IFF_RUNNING | IFF_LOWER_UP


class World:
    """Links eth0 (10.0.0.1/24) and eth1, and what the speaker has been told."""

    def __init__(self, *entries: str) -> None:
        self.links = Links()
        self.links.link(1, "lo", UP)
        self.links.link(2, "eth0", UP)
        self.links.link(3, "eth1", UP)
        self.address("127.0.0.1/8", 1)
        self.address("10.0.0.1/24", 2)
        self.redistribution = Redistribution(self.links, 64)
        self.told: dict[str, set[str]] = {}
        self.words: list[tuple[str, int, int]] = []
        self.configure(*entries)

    def configure(self, *entries: str | Redistribute) -> bool:
        parsed = tuple(parse_redistribute(each) if isinstance(each, str) else each for each in entries)
        return self.redistribution.configure(parsed)

    def address(self, text: str, index: int, *, present: bool = True) -> None:
        address, _, length = text.partition("/")
        self.links.address(index, parse_address(address), int(length), present)

    def route(
        self, text: str, index: int = 2, *, protocol: int = 4, table: int = 254, metric: int = 0,
        kind: int = RTN_UNICAST, present: bool = True, flags: int = 0,
    ) -> None:  # fmt: skip
        family, prefix = parse_prefix(text)
        af = AF_INET if family.octets == 4 else AF_INET6
        hops = ((b"", index),) if kind == RTN_UNICAST else ()
        info = RouteInfo(
            af=af, tos=0, table=table, protocol=protocol, scope=0, kind=kind, flags=0, metric=metric, hops=hops,
            nexthop_id=0,
        )  # fmt: skip
        if self.links.keeps(info):
            self.links.route(prefix, info, present, flags)

    def look(self) -> dict[str, set[str]]:
        """Everything that is to be told."""
        self.redistribution.review()
        while True:
            for name, family, gone, new in self.redistribution.take():
                known = self.told.setdefault(name, set())
                assert {format_prefix(family, prefix) for prefix in gone} <= known
                known -= {format_prefix(family, prefix) for prefix in gone}
                known |= {format_prefix(family, prefix) for prefix in new}
                self.words.append((name, len(gone), len(new)))
            if not self.redistribution.waiting():
                return {name: prefixes for name, prefixes in self.told.items() if prefixes}


def test_connected_are_the_prefixes_of_addresses_of_links_that_work() -> None:
    world = World("connected")
    world.address("192.0.2.1/32", 1)  # of a loopback: there is no route in any table
    world.address("2001:db8::1/64", 3)
    world.address("fe80::1/64", 3)
    world.address("169.254.1.1/16", 3)
    assert world.look() == {"connected": {"10.0.0.0/24", "192.0.2.1/32", "2001:db8::/64"}}
    world.links.link(2, "eth0", IFF_UP)  # the cable is pulled
    world.address("192.0.2.1/32", 1, present=False)
    assert world.look() == {"connected": {"2001:db8::/64"}}
    world.links.link(2, "eth0", UP)
    assert world.look() == {"connected": {"2001:db8::/64", "10.0.0.0/24"}}
    assert world.redistribution.counts() == {"connected": 2}


def test_interfaces_are_chosen_by_pattern() -> None:
    world = World("connected,interface=eth*", "static,interface=eth1")
    world.address("192.0.2.1/32", 1)
    world.route("10.1.0.0/16", 2)
    world.route("10.2.0.0/16", 3)
    assert world.look() == {"connected eth*": {"10.0.0.0/24"}, "static eth1": {"10.2.0.0/16"}}


def test_routes_of_a_protocol_come_and_go() -> None:
    world = World("static")
    world.route("10.1.0.0/16")
    world.route("10.2.0.0/16", protocol=188)
    world.route("10.3.0.0/16", kind=RTN_BLACKHOLE)
    for nobodys in ("0.0.0.0/0", "127.1.0.0/16", "224.0.0.0/8", "fe80::/64", "::/0"):
        world.route(nobodys)
    assert world.look() == {"static": {"10.1.0.0/16", "10.3.0.0/16"}}
    world.route("10.1.0.0/16", metric=9)
    world.route("10.1.0.0/16", present=False)  # one of two
    world.words.clear()
    assert world.look() == {"static": {"10.1.0.0/16", "10.3.0.0/16"}}
    assert not world.words  # nothing is told twice
    world.route("10.1.0.0/16", metric=9, protocol=188, flags=0x100)  # replaced: there is no word of the old one
    world.route("10.3.0.0/16", kind=RTN_BLACKHOLE, present=False)
    assert world.look() == {}


def test_what_we_wrote_never_comes_back() -> None:
    world = World()
    world.configure(Redistribute(protocol=64, name="64"))
    world.route("10.1.0.0/16", protocol=64, metric=7)
    assert world.look() == {}


def test_a_link_without_a_carrier_takes_its_routes_along_and_brings_them_back() -> None:
    world = World("static")
    world.route("10.1.0.0/16", 2)
    world.route("2001:db8:1::/48", 3)
    assert len(world.look()["static"]) == 2
    world.links.link(3, "eth1", IFF_UP)
    assert world.look() == {"static": {"10.1.0.0/16"}}
    world.links.link(3, "eth1", UP)
    assert world.look() == {"static": {"10.1.0.0/16", "2001:db8:1::/48"}}
    world.links.link(2, "eth0", 0)  # down: IPv4 routes go without a word
    assert world.look() == {"static": {"2001:db8:1::/48"}}


def test_another_table_is_read_from_the_dump_that_follows() -> None:
    world = World()
    world.route("10.1.0.0/16", table=100)  # nobody listens to that table yet
    assert world.configure("static,table=100")
    assert not world.configure("static,table=100")
    dump = RouteTable(AF_INET)
    dump.add(parse_prefix("10.2.0.0/16")[1], RouteInfo(
        af=AF_INET, tos=0, table=100, protocol=4, scope=0, kind=RTN_BLACKHOLE, flags=0, metric=0, hops=(), nexthop_id=0
    ), replace=False)  # fmt: skip
    world.links.adopt(100, dump)
    world.route("10.3.0.0/16", table=100)
    world.route("10.4.0.0/16")
    assert world.look() == {"static table 100": {"10.2.0.0/16", "10.3.0.0/16"}}
    world.links.clear()  # the next dump begins
    assert world.look() == {}


def test_other_entries() -> None:
    world = World("connected", "static")
    count = SLICE * 2 + 1
    for number in range(count):
        world.route(f"20.{number >> 8}.{number & 255}.0/24")
    assert len(world.look()["static"]) == count
    world.words.clear()
    world.configure("connected", "static,policy=p")  # another policy: told once more, and nothing is withdrawn
    world.look()
    assert sum(new for _, _, new in world.words) == count
    assert not sum(gone for _, gone, _ in world.words)
    assert max(new for _, _, new in world.words) <= SLICE
    world.configure("static,policy=p")
    assert set(world.look()) == {"static"}
    world.configure()
    assert world.look() == {}
    world.configure("connected")
    assert world.look() == {"connected": {"10.0.0.0/24"}}
