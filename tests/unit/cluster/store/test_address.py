from dataclasses import dataclass
from ipaddress import ip_address

import pytest

from bgpd.cluster.store.address import detect
from bgpd.config.datastore import parse_method


@dataclass(frozen=True)
class Local:
    text: str
    interface: str
    length: int
    fit: bool = True

    @property
    def address(self) -> bytes:
        return ip_address(self.text).packed


HOST = [
    Local("127.0.0.1", "lo", 8),
    Local("172.17.0.1", "docker0", 16),
    Local("169.254.3.4", "eth9", 16),
    Local("192.0.2.99", "eth0", 24, fit=False),
    Local("192.0.2.1", "eth0", 24),
    Local("198.51.100.7", "eth1", 25),
    Local("10.9.9.1", "br-0123", 24),
    Local("fe80::1", "eth0", 64),
    Local("2001:db8::1", "eth0", 64),
]


def source(way: dict[str, str]) -> object:
    return lambda to: ip_address(way[to]).packed if to in way else None


@pytest.mark.parametrize(
    ("method", "way", "expected"),
    [
        ("default-route", {"": "198.51.100.7"}, "198.51.100.7/25"),
        ("default-route", {}, "192.0.2.1/24"),  # no default route
        ("default-route", {"": "172.17.0.1"}, "192.0.2.1/24"),  # it leads into a container bridge
        ("first-found", {"": "198.51.100.7"}, "192.0.2.1/24"),
        ("can-reach=203.0.113.5", {"203.0.113.5": "198.51.100.7"}, "198.51.100.7/25"),
        ("interface=eth1", {}, "198.51.100.7/25"),
        ("interface=nothing,eth[1-9],eth0", {}, "198.51.100.7/25"),
        ("interface=docker0", {}, "172.17.0.1/16"),
        ("skip-interface=eth0,docker.*", {}, "198.51.100.7/25"),
        ("cidr=203.0.113.0/24,198.51.100.0/24", {}, "198.51.100.7/25"),
        ("192.0.2.1", {}, "192.0.2.1/24"),
        ("192.0.2.1/20", {}, "192.0.2.1/20"),
        ("203.0.113.1", {}, "203.0.113.1/32"),
    ],
)
def test_methods(method: str, way: dict[str, str], expected: str) -> None:
    assert parse_method(method) == method
    assert str(detect(method, 4, HOST, source(way))) == expected  # type: ignore[arg-type]


def test_the_other_family() -> None:
    assert str(detect("first-found", 16, HOST, source({}))) == "2001:db8::1/64"  # type: ignore[arg-type]
    assert detect("none", 16, HOST, source({})) is None  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="other family"):
        detect("192.0.2.1", 16, HOST, source({}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "method", ["can-reach=203.0.113.5", "interface=wlan.*", "skip-interface=eth.*", "cidr=203.0.113.0/24"]
)
def test_nothing_found_says_what_there_is(method: str) -> None:
    with pytest.raises(ValueError, match=r"no IPv4 address for this node: .*192\.0\.2\.1 on eth0"):
        detect(method, 4, HOST, source({}))  # type: ignore[arg-type]
