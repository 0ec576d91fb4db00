"""Messages that pyroute2 writes, read by our own parser; our requests, read by pyroute2."""

import struct

import pytest
from pyroute2.netlink import nlmsg
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.marshal import MarshalRtnl

from bgpd.kernel.encode import AF_INET, AF_INET6, RTM_DELADDR, RTM_DELLINK, RTM_NEWADDR, RTM_NEWLINK
from bgpd.kernel.interfaces import AddressEvent, LinkEvent, addresses_request, links_request, parse
from bgpd.wire.prefix import parse_address


def written(message: nlmsg, kind: int, **fields: object) -> bytes:
    message["header"]["type"] = kind
    for name, value in fields.items():
        message[name] = value
    message.encode()
    return bytes(message.data)


def read(data: bytes, kind: int) -> LinkEvent | AddressEvent | None:
    """With something before it and after it, as in a datagram of several messages."""
    return parse(bytes(8) + data + b"\xff" * 12, kind, 8, 8 + len(data))


@pytest.mark.parametrize("kind", [RTM_NEWLINK, RTM_DELLINK])
def test_link(kind: int) -> None:
    attrs = [("IFLA_MTU", 1500), ("IFLA_IFNAME", "eth0.100"), ("IFLA_OPERSTATE", "UP")]
    event = read(written(ifinfmsg(), kind, family=0, index=7, flags=0x1043, attrs=attrs), kind)
    assert isinstance(event, LinkEvent)
    assert (event.index, event.name, event.flags, event.present) == (7, "eth0.100", 0x1043, kind == RTM_NEWLINK)


def test_link_without_name_has_a_number() -> None:
    event = read(written(ifinfmsg(), RTM_NEWLINK, index=7, flags=1, attrs=[]), RTM_NEWLINK)
    assert isinstance(event, LinkEvent)
    assert event.name == "#7"


def test_port_of_a_bridge_is_no_link() -> None:
    data = written(ifinfmsg(), RTM_DELLINK, family=7, index=7, attrs=[("IFLA_IFNAME", "eth0")])
    assert read(data, RTM_DELLINK) is None


@pytest.mark.parametrize(
    ("family", "attrs", "expected"),
    [
        (AF_INET, [("IFA_ADDRESS", "10.0.0.1"), ("IFA_LOCAL", "10.0.0.1"), ("IFA_LABEL", "eth0")], "10.0.0.1"),
        (AF_INET, [("IFA_ADDRESS", "10.0.0.2"), ("IFA_LOCAL", "10.0.0.1")], "10.0.0.1"),  # point to point: ours
        (AF_INET6, [("IFA_ADDRESS", "fd00::1"), ("IFA_FLAGS", 0x80)], "fd00::1"),
        (AF_INET6, [], None),
        (28, [("IFA_ADDRESS", "10.0.0.1")], None),
    ],
)
@pytest.mark.parametrize("kind", [RTM_NEWADDR, RTM_DELADDR])
def test_address(kind: int, family: int, attrs: list[tuple[str, object]], expected: str | None) -> None:
    message = ifaddrmsg()
    event = read(written(message, kind, family=family, prefixlen=24, index=3, attrs=attrs), kind)
    if expected is None:
        assert event is None
        return
    assert isinstance(event, AddressEvent)
    assert (event.address, event.length, event.index) == (parse_address(expected), 24, 3)
    assert event.present == (kind == RTM_NEWADDR)


def test_requests() -> None:
    for data, body in ((links_request(5), 16), (addresses_request(6), 8)):
        length, _, flags, _, port = struct.unpack_from("=IHHII", data)
        assert (length, flags, port) == (len(data), 0x301, 0)
        assert data[16:] == bytes(body)  # a socket with strict checks refuses anything else
    (message,) = MarshalRtnl().parse(links_request(5).replace(b"\x12\0", b"\x10\0", 1))
    assert message["header"]["sequence_number"] == 5
