"""Makers of sources, attrs and paths, and a sink that reads like the peer behind it."""

from bgpd.policy.reasons import Reason
from bgpd.rib.nexthop import SELF, NextHop
from bgpd.rib.path import Path, Source
from bgpd.wire import aspath
from bgpd.wire.attrs import Attrs, AttrsTable, build
from bgpd.wire.capability import Negotiated
from bgpd.wire.family import IPV4, Family
from bgpd.wire.framing import Framer
from bgpd.wire.prefix import parse_prefix
from bgpd.wire.update import decode_update

HERE = b"\x0a\x00\x00\x01"
REACHABLE = NextHop(b"\xc0\x00\x02\x01", reachable=True, cost=0, reason="on eth0")


def px(text: str) -> bytes:
    return parse_prefix(text)[1]


def blocks(count: int, start: int = 0) -> list[bytes]:
    """`count` different IPv4 /24s."""
    return [b"\x18\x0a" + (start + i).to_bytes(2, "big") for i in range(count)]


def attrs(
    *asns: int,
    next_hop: bytes = REACHABLE.address,
    origin: int = 0,
    med: int = -1,
    local_pref: int = -1,
    communities: list[int] | None = None,
    others: dict[int, bytes] | None = None,
) -> Attrs:
    return build(
        next_hop=next_hop,
        origin=origin,
        as_path=aspath.sequence(*asns),
        med=med,
        local_pref=local_pref,
        communities=communities,
        others=others,
    )


def source(
    neighbor: str = "a",
    *,
    family: Family = IPV4,
    generation: int = 0,
    external: bool = True,
    local: bool = False,
    router_id: int = 1,
    address: int | None = None,
    asn: int = 65001,
) -> Source:
    number = router_id if address is None else address
    return Source(
        neighbor,
        family,
        generation=generation,
        external=external,
        local=local,
        router_id=router_id.to_bytes(4, "big"),
        address=b"" if local else b"\xc0\x00\x02" + bytes((number,)),
        asn=asn,
    )


def path(
    giver: Source, given: Attrs | None = None, *, next_hop: NextHop = REACHABLE, reason: Reason | None = None
) -> Path:
    """A path of `giver`; with a reason it is a rejected one."""
    given = attrs(giver.asn) if given is None else given
    return Path(giver, given, None if reason is not None else given, SELF if giver.local else next_hop, 0.0, reason)


class Peer:
    """A sink that decodes what it is given, as the peer would: `table` is what it believes."""

    def __init__(self, session: Negotiated, family: Family = IPV4, *, open_: bool = True) -> None:
        self.session = session
        self.family = family
        self.open = open_
        self.table: dict[bytes, Attrs] = {}
        self.end_of_rib = 0
        self.messages = 0
        self.needless: list[bytes] = []  # withdrawn without having been announced
        self.log: list[tuple[str, bytes]] = []
        self.marks: list[int] = []  # subtypes of ROUTE-REFRESH
        self._framer = Framer()
        self._attrs = AttrsTable()

    def ready(self) -> bool:
        return self.open

    def write(self, data: bytes, messages: int) -> None:
        self._framer.feed(data)
        count = 0
        while (frame := self._framer.next_frame()) is not None:
            if frame[18] == 5:  # ROUTE-REFRESH: BoRR or EoRR (RFC 7313)
                assert messages == 0
                self.marks.append(frame[21])
                continue
            count += 1
            update = decode_update(frame, self.session, self._attrs)
            assert not update.faults
            if update.end_of_rib is not None:
                assert update.end_of_rib is self.family
                self.end_of_rib += 1
            for batch in update.batches:
                assert batch.family is self.family
                for prefix in batch.withdrawn:
                    self.log.append(("withdraw", prefix))
                    if self.table.pop(prefix, None) is None:
                        self.needless.append(prefix)
                for prefix in batch.announced:
                    assert batch.attrs is not None
                    self.log.append(("announce", prefix))
                    self.table[prefix] = batch.attrs
        assert count == messages
        self.messages += count
