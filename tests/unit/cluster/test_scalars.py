"""Scalars of resources: what is accepted, how it is printed, and the sentence for what is not."""

from collections.abc import Callable
from typing import Any

import pytest

from bgpd.cluster import scalars as s
from bgpd.wire.family import IPV4, IPV6

GOOD: list[tuple[Callable[[str], Any], str, Any]] = [
    (s.name, "node-1.rack-2", "node-1.rack-2"),
    (s.asn, "64512", 64512),
    (s.asn, "1.10", 65546),
    (s.asn, "0", 0),
    (s.duration, "90s", 90.0),
    (s.duration, "1m30s", 90.0),
    (s.duration, "1.5h", 5400.0),
    (s.duration, "500ms", 0.5),
    (s.duration, "0", 0.0),
    (s.community, "65001:010", "65001:10"),
    (s.community, "4200000000:1:2", "4200000000:1:2"),
    (s.net, "10.244.0.0/16", (IPV4, b"\x10\x0a\xf4")),
    (s.net, "2001:db8::/32", (IPV6, b"\x20\x20\x01\x0d\xb8")),
    (s.loose_net, "10.1.2.3/8", (IPV4, b"\x08\x0a")),
    (s.loose_net, "0.0.0.0/0", (IPV4, b"\x00")),
    (s.endpoint, "10.0.0.1", s.Endpoint(b"\x0a\x00\x00\x01")),
    (s.endpoint, "10.0.0.1:178", s.Endpoint(b"\x0a\x00\x00\x01", 178)),
    (s.endpoint, "[::2]:65535", s.Endpoint(bytes(15) + b"\x02", 65535)),
    (s.endpoint, "::2", s.Endpoint(bytes(15) + b"\x02")),
    (s.host_address, "10.0.0.1", s.HostAddress(b"\x0a\x00\x00\x01", 32)),
    (s.host_address, "10.0.0.1/24", s.HostAddress(b"\x0a\x00\x00\x01", 24)),
    (s.cluster_id, "224.0.0.1", b"\xe0\x00\x00\x01"),
    (s.glob, "eth*", "eth*"),
    (s.label_key, "kubernetes.io/hostname", "kubernetes.io/hostname"),
    (s.label_value, "yes", "true"),
    (s.label_value, "Off", "false"),
    (s.label_value, "1", "1"),
    (s.label_value, "rack-1", "rack-1"),
    (s.switch, "on", True),
    (s.switch, "n", False),
]
BAD: list[tuple[Callable[[str], Any], str, str]] = [
    (s.name, "Node_1", "no name"),
    (s.name, "a" * 254, "no name"),
    (s.asn, "4294967296", "is not between"),
    (s.asn, "1.70000", "half of an asdot"),
    (s.asn, "23456", "AS_TRANS"),
    (s.duration, "5", "such as 120s"),
    (s.duration, "-5s", "such as 120s"),
    (s.community, "65536:1", "at most 65535"),
    (s.community, "no-export", "expected a community"),
    (s.net, "10.244.0.1/16", "host bits"),
    (s.net, "10.244.0.0", "expected a prefix"),
    (s.loose_net, "10.0.0.0/33", "0 to 32"),
    (s.loose_net, "x/8", "expected a prefix"),
    (s.endpoint, "10.0.0.1:0", "port must be"),
    (s.endpoint, "10.0.0.1:65536", "port must be"),
    (s.endpoint, "[10.0.0.1]:179", "expected \\[ADDRESS\\]:PORT"),
    (s.endpoint, "fe80::1%eth0", "link-local"),
    (s.endpoint, "0.0.0.0", "no address of a host"),
    (s.endpoint, "224.0.0.1", "no address of a host"),
    (s.endpoint, "::ffff:10.0.0.1", "IPv6 clothes"),
    (s.endpoint, "1" * 65, "expected ADDRESS"),
    (s.host_address, "10.0.0.1/33", "0 to 32"),
    (s.cluster_id, "::1", "cluster id"),
    (s.glob, "an-interface-too-long", "at most 15"),
    (s.label_key, "-x", "no label"),
    (s.label_value, "1.10", "quotes"),
    (s.label_value, "0x1f", "quotes"),
    (s.label_value, "010", "quotes"),
    (s.label_value, "1_000", "quotes"),
    (s.selector_text, "a ==", "no selector"),
    (s.selector_text, " " * 1025, "1024"),
    (s.pool_selector, "global()", "no meaning"),
    (s.switch, "maybe", "true or false"),
    (s.text_value, "a\nb", "one line"),
]


@pytest.mark.parametrize(("parse", "text", "value"), GOOD)
def test_read(parse: Callable[[str], Any], text: str, value: Any) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(("parse", "text", "why"), BAD)
def test_refused(parse: Callable[[str], Any], text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text)


@pytest.mark.parametrize("text", ["0s", "59s", "1m0s", "1m30s", "1h0m0s", "1h1m1s", "0.5s"])
def test_durations_print_as_they_are_read(text: str) -> None:
    assert s.show_duration(s.duration(text)) == text


def test_addresses_print_as_go_prints_them() -> None:
    assert str(s.endpoint("[2001:DB8:0::1]:178")) == "[2001:db8::1]:178"
    assert str(s.endpoint("2001:db8::1")) == "2001:db8::1"
    assert str(s.endpoint("10.0.0.1:178")) == "10.0.0.1:178"
    address = s.host_address("10.0.0.77/26")
    assert (str(address), address.text, address.subnet) == ("10.0.0.77/26", "10.0.0.77", b"\x1a\x0a\x00\x00\x40")
    assert address.family is IPV4
