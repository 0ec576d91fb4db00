"""Router id, addresses and next hops, asked of real kernels."""

import pytest

from bgpd.config import NoRouterIdError
from bgpd.net import discover
from bgpd.net.discover import ThisHost, next_hop_addresses
from bgpd.wire.family import IPV4, IPV6
from bgpd.wire.prefix import parse_address
from tests.netns.netns import Namespace, Net


@pytest.fixture(autouse=True)
def _no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discover, "_FRESH", 0.0)


def node(net: Net, *commands: str) -> Namespace:
    """A namespace with a cable `eth0`; more by `commands`."""
    here, there = net.namespace("here"), net.namespace("there")
    net.veth(here, "eth0", there, "eth0")
    for command in commands:
        here.ip(command)
    return here


def test_the_default_route_decides() -> None:
    with Net() as net:
        here = node(
            net,
            "link add docker0 type bridge",
            "addr add 172.17.0.1/16 dev docker0",
            "link set docker0 up",
            "addr add 10.9.9.9/32 dev lo",
            "addr add 192.168.1.10/24 dev eth0",
            "addr add 192.168.1.77/24 dev eth0",
            "route add default via 192.168.1.1",
        )
        with here.entered():
            host = ThisHost()
            assert host.router_id() == (
                parse_address("192.168.1.10"),
                "the source of the default route, on eth0",
            )
            here.ip("route replace default via 192.168.1.1 src 10.9.9.9")
            assert ThisHost().router_id()[0] == parse_address("10.9.9.9")
            assert host.router_id()[0] == parse_address("192.168.1.10")  # what was found stays: a reload resets nobody


@pytest.mark.parametrize("default", [[], ["route add blackhole default"], ["route add default dev docker0"]])
def test_no_default_route_or_one_to_containers(default: list[str]) -> None:
    with Net() as net:
        here = node(
            net,
            "link add docker0 type bridge",
            "addr add 172.17.0.1/16 dev docker0",
            "link set docker0 up",
            "addr add 192.168.1.10/24 dev eth0",
            *default,
        )
        with here.entered():
            found, why = ThisHost().router_id()
        assert found == parse_address("192.168.1.10")
        assert why.startswith("the address of eth0 (")


def test_a_host_with_ipv6_only() -> None:
    with Net() as net:
        here = node(net, "addr add fd00::10/64 dev eth0 nodad", "route add default via fd00::1")
        with here.entered(), pytest.raises(NoRouterIdError):
            ThisHost().router_id()


def test_addresses_and_next_hops() -> None:
    with Net() as net:
        here = node(
            net,
            "addr add 192.168.1.10/24 dev eth0",
            "addr add 10.0.0.1 peer 10.0.0.2 dev eth0",
            "addr add fd00::bad/64 dev eth0 preferred_lft 0 nodad",
            "addr add fd00::10/64 dev eth0 nodad",
        )
        with here.entered():
            found = ThisHost().addresses()
            assert next_hop_addresses(parse_address("192.168.1.10")) == {
                IPV4: parse_address("192.168.1.10"),
                IPV6: parse_address("fd00::10"),
            }
        assert found[parse_address("192.168.1.10")] == "eth0"
        assert found[parse_address("127.0.0.1")] == "lo"
        assert parse_address("10.0.0.1") in found  # our end of a point-to-point link
        assert parse_address("10.0.0.2") not in found


def test_many_addresses() -> None:
    """More than one datagram of answers."""
    wanted = [f"10.1.{high}.{low}" for high in range(4) for low in range(1, 251)]
    with Net() as net:
        here = node(net)
        here.ip(*(f"addr add {address}/32 dev eth0" for address in wanted))
        with here.entered():
            found = ThisHost().addresses()
    assert {parse_address(address) for address in wanted} <= set(found)
