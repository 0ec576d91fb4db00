"""Values of the wire room as hypothesis makes them: well formed, but odd wherever the RFCs allow it."""

from hypothesis import strategies as st

from bgpd.wire import aspath
from bgpd.wire.attrs import AGGREGATOR, AIGP, ATTRS, Attrs, build, encode_attr
from bgpd.wire.capability import Capability, Negotiated, Open, four_octet_as, multiprotocol
from bgpd.wire.family import FAMILIES, IPV4, IPV6, Family
from bgpd.wire.iana import Cease, ErrorCode
from bgpd.wire.message import Notification, RouteRefresh
from bgpd.wire.prefix import pack_prefix

octet = st.integers(0, 255)
number = st.integers(0, 0xFFFFFFFF)
asn = st.one_of(st.integers(1, 65535), st.integers(1, 0xFFFFFFFF))
router_id = st.binary(min_size=4, max_size=4).filter(any)
families = st.sampled_from(FAMILIES)


def prefixes(family: Family) -> st.SearchStrategy[bytes]:
    address = st.binary(min_size=family.octets, max_size=family.octets)
    return st.builds(pack_prefix, address, st.integers(0, family.bits))


ipv4_next_hop = st.builds(
    lambda first, rest: bytes((first,)) + rest, st.integers(1, 223), st.binary(min_size=3, max_size=3)
)
ipv6_global = st.binary(min_size=15, max_size=15).map(lambda rest: b"\x20" + rest)
link_local = st.binary(min_size=14, max_size=14).map(lambda rest: b"\xfe\x80" + rest)
ipv6_next_hop = st.one_of(ipv6_global, link_local, st.builds(bytes.__add__, ipv6_global, link_local))


def next_hops(family: Family) -> st.SearchStrategy[bytes]:
    return ipv4_next_hop if family is IPV4 else ipv6_next_hop


as_paths = st.lists(
    st.tuples(st.sampled_from([1, 2]), st.lists(asn, min_size=1, max_size=12).map(tuple)), max_size=5
).map(aspath.encode)


def pieces(size: int) -> st.SearchStrategy[bytes]:
    """A value of whole pieces, each once."""
    piece = st.binary(min_size=size, max_size=size)
    return st.lists(piece, min_size=1, max_size=40, unique=True).map(b"".join)


aggregators = st.builds(lambda who, address: who.to_bytes(4, "big") + address, asn, router_id)
aigp = st.binary(min_size=8, max_size=8).map(lambda metric: b"\x01\x00\x0b" + metric)

unknown_codes = st.integers(128, 254).filter(lambda code: code not in ATTRS)
others = st.fixed_dictionaries(
    {},
    optional={
        6: st.just(b""),
        AGGREGATOR: aggregators,
        9: router_id,
        10: pieces(4),
        16: pieces(8),
        25: pieces(20),
        AIGP: aigp,
        35: asn.map(lambda who: who.to_bytes(4, "big")),
    },
)
unknowns = st.dictionaries(unknown_codes, st.binary(max_size=300), max_size=2)

#: Every kind of session: what the same bytes may mean.
ALL_SESSIONS = [
    Negotiated(families=offered, four_octet=four_octet, remote_asn=remote_asn)
    for offered in (FAMILIES, (IPV4,), (IPV6,))
    for four_octet in (True, False)
    for remote_asn in (64512, 65001)
]

#: What only internal peers may say.
INTERNAL_ONLY = (5, 9, 10, AIGP)


@st.composite
def attribute_sets(draw: st.DrawFn, family: Family = IPV4, external: bool = False) -> Attrs:
    """Any set of well-formed attributes with a next hop of the family."""
    extra = {**draw(others), **draw(unknowns)}
    if external:
        extra = {code: value for code, value in extra.items() if code not in INTERNAL_ONLY}
    return build(
        draw(next_hops(family)),
        origin=draw(st.integers(0, 2)),
        as_path=draw(as_paths),
        med=draw(st.one_of(st.just(-1), number)),
        local_pref=-1 if external else draw(st.one_of(st.just(-1), number)),
        communities=draw(st.lists(number, max_size=80)),
        large_communities=draw(st.lists(st.tuples(number, number, number), max_size=30)),
        others=extra,
    )


capabilities = st.one_of(
    families.map(multiprotocol),
    st.builds(Capability, octet.filter(lambda code: code not in (1, 65)), st.binary(max_size=255)),
    st.builds(Capability, st.just(1), st.binary(min_size=4, max_size=4)),
)


@st.composite
def opens(draw: st.DrawFn) -> Open:
    who = draw(asn)
    listed = draw(st.lists(capabilities, max_size=8))
    if who > 65535 or draw(st.booleans()):
        listed.insert(draw(st.integers(0, len(listed))), four_octet_as(who))
    hold_time = draw(st.integers(0, 65535).filter(lambda seconds: seconds not in (1, 2)))
    return Open(who, hold_time, draw(router_id), tuple(listed))


notifications = st.builds(
    Notification,
    st.one_of(st.sampled_from(list(ErrorCode)).map(int), octet),
    st.one_of(st.sampled_from(list(Cease)).map(int), octet),
    st.binary(max_size=400),
)
refreshes = st.builds(RouteRefresh, st.sampled_from([1, 2]), st.just(1), octet)


@st.composite
def sessions(draw: st.DrawFn) -> Negotiated:
    """What two speakers may have agreed on."""
    return Negotiated(
        families=draw(st.sampled_from([FAMILIES, (IPV4,), (IPV6,)])),
        four_octet=draw(st.booleans()),
        remote_asn=draw(st.sampled_from([64512, 65001])),
        max_message=draw(st.sampled_from([4096, 65535])),
    )


raw_attribute = st.builds(
    encode_attr,
    st.sampled_from([0x40, 0x80, 0xC0, 0xE0, 0x00, 0x50, 0xD0]),
    st.one_of(st.sampled_from(sorted(ATTRS)), octet),
    st.binary(max_size=60),
)
