"""What the machine's answers mean; asking a real kernel is in tests/netns/test_discover.py."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgpd.config import NoRouterIdError
from bgpd.net.discover import LocalAddress, choose_router_id, interface_has, next_hops, parse_addresses
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.prefix import parse_address

HOST, LINK, GLOBAL = 254, 253, 0
DEPRECATED, TENTATIVE, TEMPORARY = 0x20, 0x40, 0x01


def at(interface: str, address: str, scope: int = GLOBAL, flags: int = 0) -> LocalAddress:
    return LocalAddress(parse_address(address), interface, 24, scope, flags)


LO = at("lo", "127.0.0.1", HOST)
DOCKER = at("docker0", "172.17.0.1")
BRIDGE = at("br-0123456789ab", "172.18.0.1")
ETH0 = at("eth0", "192.168.1.10")
ETH1 = at("eth1", "10.0.0.1")
ETH0_V6 = at("eth0", "fd00::10")


# router id


def test_the_source_of_the_default_route() -> None:
    assert choose_router_id(ETH1.address, [LO, DOCKER, ETH0, ETH1]) == (
        ETH1.address,
        "the source of the default route, on eth1",
    )


@pytest.mark.parametrize("container", [DOCKER, BRIDGE, at("cni0", "10.88.0.1"), at("virbr0", "192.168.122.1")])
def test_never_a_bridge_of_containers(container: LocalAddress) -> None:
    found, why = choose_router_id(container.address, [LO, container, ETH0])
    assert found == ETH0.address
    assert why.endswith("belongs to a container network)")
    with pytest.raises(NoRouterIdError):
        choose_router_id(container.address, [LO, container, ETH0_V6])


def test_without_a_default_route_the_first_address() -> None:
    assert choose_router_id(None, [LO, DOCKER, ETH0, ETH1]) == (
        ETH0.address,
        "the address of eth0 (no default route)",
    )


@pytest.mark.parametrize(
    "others", [[], [LO], [LO, ETH0_V6], [at("eth0", "169.254.1.1")], [at("lo", "127.0.0.5")], [at("eth0", "10.0.0.1", LINK)]]
)  # fmt: skip
def test_none(others: list[LocalAddress]) -> None:
    with pytest.raises(NoRouterIdError, match=r"^this machine has no IPv4 address to take it from$"):
        choose_router_id(None, others)


# next hop self


def test_the_other_family_is_on_the_same_interface() -> None:
    known = [LO, at("eth1", "fd01::1"), ETH0, at("eth0", "fe80::1", LINK), ETH0_V6]
    assert next_hops(ETH0.address, known) == {IPV4: ETH0.address, IPV6: ETH0_V6.address}
    assert next_hops(ETH0_V6.address, known) == {IPV4: ETH0.address, IPV6: ETH0_V6.address}


@pytest.mark.parametrize("flags", [DEPRECATED, TENTATIVE, TEMPORARY])
def test_an_address_that_will_not_last_is_no_next_hop(flags: int) -> None:
    assert next_hops(ETH0.address, [ETH0, at("eth0", "fd00::99", flags=flags)]) == {IPV4: ETH0.address}


def test_a_session_end_that_nobody_knows_still_has_its_own_family() -> None:
    assert next_hops(ETH0.address, []) == {IPV4: ETH0.address}
    assert next_hops(LO.address, [LO, at("lo", "::1", HOST), ETH0_V6]) == {IPV4: LO.address}


# netlink


def message(kind: int, body: bytes, flags: int = 2) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body


def address_message(
    address: bytes, *, index: int = 2, attribute: int = 2, wide: int | None = None, flags: int = 2
) -> bytes:
    body = struct.pack("=BBBBI", 2 if len(address) == 4 else 10, 24, 0x80, GLOBAL, index)
    body += struct.pack("=HH", 4 + len(address), attribute) + address
    body += struct.pack("=HH", 9, 3) + b"eth0\0" + b"\0\0\0"  # IFA_LABEL, padded
    if wide is not None:
        body += struct.pack("=HHI", 8, 8, wide)
    return message(20, body, flags)


DONE = message(3, b"\0\0\0\0")


def test_a_dump() -> None:
    data = address_message(ETH0.address) + address_message(ETH0_V6.address, attribute=1, index=7, wide=0x300)
    found, done, intact = parse_addresses(data)
    assert found == [(ETH0.address, 2, 24, GLOBAL, 0x80), (ETH0_V6.address, 7, 24, GLOBAL, 0x300)]
    assert (done, intact) == (False, True)
    assert parse_addresses(DONE) == ([], True, True)
    assert parse_addresses(data + DONE) == (found, True, True)


def test_a_dump_that_was_disturbed() -> None:
    assert parse_addresses(address_message(ETH0.address, flags=0x12) + DONE)[1:] == (True, False)


def test_a_refusal() -> None:
    with pytest.raises(OSError, match="the kernel does not tell our addresses"):
        parse_addresses(message(2, struct.pack("=i", -1) + bytes(16)))


@given(st.binary(max_size=200), st.integers(0, 80))
def test_no_octets_loop_or_crash(noise: bytes, cut: int) -> None:
    try:
        parse_addresses(noise)
        parse_addresses(address_message(ETH0.address)[:cut] + noise)
    except OSError:
        assert noise


def test_next_hops_of_a_session_on_a_link() -> None:
    """The same link-local address may be on several links; the session's link says which global addresses go with it."""
    local = parse_address("fe80::1")

    def entry(text: str, interface: str, scope: int = 0) -> LocalAddress:
        return LocalAddress(parse_address(text), interface, 64, scope, 0)

    known = [
        entry("fe80::1", "eth0", 253),
        entry("fe80::1", "eth1", 253),
        entry("2001:db8::1", "eth1"),
        entry("2001:db8::2", "eth1"),
        entry("10.0.0.1", "eth1"),
    ]
    assert next_hops(local, known, "eth0") == {IPV6: local}
    both = parse_address("2001:db8::1") + local
    assert next_hops(local, known, "eth1") == {IPV4: parse_address("10.0.0.1"), IPV6: both}


def test_which_link_an_address_is_on() -> None:
    assert interface_has("lo", parse_address("127.0.0.1"))
    assert not interface_has("lo", parse_address("192.0.2.1"))
