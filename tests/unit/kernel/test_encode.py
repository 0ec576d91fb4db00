"""Our messages are read by pyroute2's decoder, and by our own parser; both must see what was meant."""

import errno
import struct

import pytest
from pyroute2.netlink.rtnl.marshal import MarshalRtnl

from bgpd.kernel import encode
from bgpd.kernel.encode import AF_INET, AF_INET6, Encoder, parse_error, parse_refusal, parse_route
from bgpd.kernel.routes import CREATE, DELETE, GUARD_METRIC, REPLACE, RTN_BLACKHOLE, RTN_UNICAST, Hop, Route
from bgpd.wire.prefix import parse_address, parse_prefix

GATEWAY4 = parse_address("10.0.0.2")
GATEWAY6 = parse_address("fd00::2")


def prefix(text: str) -> bytes:
    return parse_prefix(text)[1]


def unicast(*hops: Hop, metric: int = 64) -> Route:
    return Route(RTN_UNICAST, tuple(sorted(hops)), metric)


def decoded(data: bytes) -> list[dict[str, object]]:
    """By pyroute2: header and attributes in one flat dict."""
    out = []
    for message in MarshalRtnl().parse(data):
        flat = {k: v for k, v in message.items() if k != "attrs"}
        flat.update({name: message.get(name) for name, _ in message["attrs"]})
        flat["nl_type"], flat["nl_flags"] = message["header"]["type"], message["header"]["flags"]
        out.append(flat)
    return out


def test_unicast_ipv4() -> None:
    data = b"".join(
        Encoder(AF_INET, 254, 64).encode(
            CREATE, unicast((GATEWAY4, 3)), [prefix("10.244.2.0/24"), prefix("10.1.0.0/16")]
        )
    )
    one, two = decoded(data)
    assert (one["RTA_DST"], one["dst_len"]) == ("10.244.2.0", 24)
    assert (two["RTA_DST"], two["dst_len"]) == ("10.1.0.0", 16)
    assert one["RTA_GATEWAY"] == "10.0.0.2"
    assert (one["RTA_OIF"], one["RTA_PRIORITY"], one["table"], one["proto"], one["type"]) == (3, 64, 254, 64, 1)
    assert one["scope"] == 0
    assert one["nl_type"] == encode.RTM_NEWROUTE
    assert one["nl_flags"] == encode.F_REQUEST | encode.F_CREATE | encode.F_EXCL


def test_every_prefix_length_of_both_families() -> None:
    for af, host, octets, gateway in (
        (AF_INET, "255.255.255.255", 4, GATEWAY4),
        (AF_INET6, "ffff:" * 7 + "ffff", 16, GATEWAY6),
    ):
        full = parse_address(host)
        number = int.from_bytes(full, "big")
        prefixes = []
        for length in range(octets * 8 + 1):
            masked = (number >> (octets * 8 - length) << (octets * 8 - length)).to_bytes(octets, "big")
            prefixes.append(bytes((length,)) + masked[: (length + 7) // 8])
        data = b"".join(Encoder(af, 254, 64).encode(CREATE, unicast((gateway, 3)), prefixes))
        assert [m["dst_len"] for m in decoded(data)] == list(range(octets * 8 + 1))
        seen = [parse_route(data, start, end, {})[0] for *_, start, end in encode.messages(data)]
        assert seen == prefixes


def test_replace_never_creates() -> None:
    [message] = decoded(
        b"".join(Encoder(AF_INET, 254, 64).encode(REPLACE, unicast((GATEWAY4, 3)), [prefix("10.0.0.0/8")]))
    )
    assert message["nl_flags"] == encode.F_REQUEST | encode.F_REPLACE


def test_delete_carries_protocol_table_and_metric_and_nothing_else() -> None:
    [message] = decoded(
        b"".join(Encoder(AF_INET, 1000, 99).encode(DELETE, unicast((GATEWAY4, 3), metric=7), [prefix("10.0.0.0/8")]))
    )
    assert message["nl_type"] == encode.RTM_DELROUTE
    assert (message["proto"], message["RTA_TABLE"], message["RTA_PRIORITY"], message["type"]) == (99, 1000, 7, 0)
    assert "RTA_GATEWAY" not in message
    assert "RTA_OIF" not in message


def test_multipath() -> None:
    route = unicast((GATEWAY4, 3), (parse_address("10.0.1.2"), 4))
    [message] = decoded(b"".join(Encoder(AF_INET, 254, 64).encode(CREATE, route, [prefix("10.0.0.0/8")])))
    hops = message["RTA_MULTIPATH"]
    assert isinstance(hops, list)
    assert [(hop["oif"], hop.get("RTA_GATEWAY")) for hop in hops] == [(3, "10.0.0.2"), (4, "10.0.1.2")]


def test_weights_there_and_back() -> None:
    other = parse_address("10.0.0.3")
    weighted = Route(RTN_UNICAST, ((GATEWAY4, 3), (other, 4)), 64, 0, (1, 256))
    data = b"".join(Encoder(AF_INET, 254, 64).encode(CREATE, weighted, [prefix("10.244.2.0/24")]))
    (one,) = decoded(data)
    assert [hop["hops"] for hop in one["RTA_MULTIPATH"]] == [0, 255]  # type: ignore[attr-defined]
    assert parse_route(data, 0, len(data), {})[1].route() == weighted
    equal = unicast((GATEWAY4, 3), (other, 4))
    data = b"".join(Encoder(AF_INET, 254, 64).encode(CREATE, equal, [prefix("10.244.2.0/24")]))
    assert parse_route(data, 0, len(data), {})[1].route() == equal


def test_multipath_ipv6() -> None:
    route = unicast((GATEWAY6, 3), (parse_address("fd00::3"), 3))
    [message] = decoded(b"".join(Encoder(AF_INET6, 254, 64).encode(CREATE, route, [prefix("fd01::/64")])))
    hops = message["RTA_MULTIPATH"]
    assert isinstance(hops, list)
    assert [hop.get("RTA_GATEWAY") for hop in hops] == ["fd00::2", "fd00::3"]


def test_ipv4_by_way_of_an_ipv6_gateway() -> None:
    [message] = decoded(
        b"".join(Encoder(AF_INET, 254, 64).encode(CREATE, unicast((GATEWAY6, 3)), [prefix("10.0.0.0/8")]))
    )
    assert message["RTA_VIA"] == {"family": AF_INET6, "addr": "fd00::2"}


def test_blackhole_and_on_link() -> None:
    guard = Route(RTN_BLACKHOLE, (), GUARD_METRIC)
    [message] = decoded(b"".join(Encoder(AF_INET, 254, 64).encode(CREATE, guard, [prefix("10.244.1.0/24")])))
    assert (message["type"], message["RTA_PRIORITY"]) == (6, GUARD_METRIC)
    assert "RTA_OIF" not in message
    [message] = decoded(
        b"".join(Encoder(AF_INET, 254, 64).encode(CREATE, unicast((b"", 3)), [prefix("10.244.1.0/24")]))
    )
    assert (message["scope"], message["RTA_OIF"]) == (253, 3)


@pytest.mark.parametrize("table", [254, 70000])
@pytest.mark.parametrize(
    ("af", "text", "route"),
    [
        (AF_INET, "10.244.2.0/24", unicast((GATEWAY4, 3))),
        (AF_INET, "0.0.0.0/0", unicast((GATEWAY4, 3))),
        (AF_INET, "10.244.2.0/24", unicast((GATEWAY4, 3), (parse_address("10.0.0.3"), 9))),
        (AF_INET, "10.244.2.0/24", unicast((GATEWAY6, 3), (GATEWAY4, 3))),
        (AF_INET6, "fd01::/64", unicast((GATEWAY6, 3))),
        (AF_INET, "10.0.0.0/8", Route(RTN_BLACKHOLE, (), GUARD_METRIC)),
    ],
)
def test_parse_is_the_inverse(af: int, text: str, route: Route, table: int) -> None:
    data = b"".join(Encoder(af, table, 64).encode(CREATE, route, [prefix(text)]))
    [(kind, _, _, _, start, end)] = encode.messages(data)
    seen, info = parse_route(data, start, end, {})
    assert kind == encode.RTM_NEWROUTE
    assert (seen, info.route(), info.table, info.protocol, info.af) == (prefix(text), route, table, 64, af)


def _dumped(dst: bytes, length: int) -> bytes:
    """As the kernel orders it: RTA_TABLE, RTA_DST, RTA_PRIORITY, RTA_GATEWAY, RTA_OIF."""
    body = struct.pack("=BBBBBBBBI", AF_INET, length, 0, 0, 254, 64, 0, 1, 0) + struct.pack("=HHI", 8, 15, 254)
    if length:
        body += struct.pack("=HH", 8, 1) + dst
    body += struct.pack("=HHI", 8, 6, 64) + struct.pack("=HH", 8, 5) + GATEWAY4 + struct.pack("=HHI", 8, 4, 3)
    return struct.pack("=IHHII", 16 + len(body), encode.RTM_NEWROUTE, 2, 1, 0) + body


def test_a_dump_shares_what_its_routes_have_in_common() -> None:
    data = _dumped(parse_address("10.1.0.0"), 16) + _dumped(parse_address("10.2.3.0"), 24) + _dumped(b"", 0)
    memo: encode.Memo = {}
    rows = [parse_route(data, start, end, memo) for *_, start, end in encode.messages(data)]
    assert [row[0] for row in rows] == [prefix("10.1.0.0/16"), prefix("10.2.3.0/24"), prefix("0.0.0.0/0")]
    assert rows[0][1] is rows[1][1]
    assert rows[0][1].route() == rows[2][1].route() == unicast((GATEWAY4, 3))


def _error(code: int, request: bytes, flags: int = 0, tail: bytes = b"") -> bytes:
    body = struct.pack("=i", -code) + request + tail
    return struct.pack("=IHHII", 16 + len(body), encode.NLMSG_ERROR, flags, 0, 0) + body


@pytest.mark.parametrize("op", [CREATE, REPLACE, DELETE])
def test_a_refusal_names_prefix_and_operation(op: int) -> None:
    request = b"".join(Encoder(AF_INET6, 254, 64).encode(op, unicast((GATEWAY6, 3)), [prefix("fd01::/64")]))
    words = b"Nexthop has invalid gateway\0"
    tail = struct.pack("=HH", 4 + len(words), 1) + words
    data = _error(errno.ENETUNREACH, request, encode.F_ACK_TLVS, tail)
    [(_, flags, _, _, start, end)] = encode.messages(data)
    refusal = parse_refusal(data, start, end, flags)
    assert refusal is not None
    assert (refusal.prefix, refusal.op, refusal.errno) == (prefix("fd01::/64"), op, errno.ENETUNREACH)
    assert refusal.text == "Nexthop has invalid gateway"


def test_an_ack_is_no_refusal() -> None:
    data = _error(0, encode.terminator(7))
    [(_, flags, _, _, start, end)] = encode.messages(data)
    assert parse_error(data, start, end, flags) == (0, "")
    assert parse_refusal(data, start, end, flags) is None


@pytest.mark.parametrize("data", [b"", b"\x10", b"\x00" * 16, b"\xff" * 40, struct.pack("=IHHII", 15, 2, 0, 0, 0)])
def test_malformed_datagrams_end_quietly(data: bytes) -> None:
    assert list(encode.messages(data)) == []
