"""What tcpdump says, as values."""

import pytest

from bgpd.lab.packets import packet_of, parse_packet, some
from bgpd.lab.shell import Failed


def test_long_lists_are_cut() -> None:
    assert some(["a", "b"]) == "a, b"
    assert some([str(i) for i in range(9)]) == "0, 1, 2, 3, 4, 5, 6, 7, ..."


def test_parse_packet() -> None:
    text = (
        "17:46:01.1 IP (tos 0x0, ttl 62, id 1, offset 0, flags [DF], proto ICMP (1), length 84) "
        "10.244.1.10 > 10.244.2.10: ICMP echo request, id 1, seq 1, length 64"
    )
    assert parse_packet(text) == ("10.244.1.10", "10.244.2.10", "ICMP", 62)


def test_parse_packet_shows_a_tunnel() -> None:
    text = (
        "17:46:01.1 IP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto IPIP (4), length 104) "
        "172.30.64.11 > 172.30.64.12: IP (tos 0x0, ttl 63, id 1, proto ICMP (1), length 84)"
    )
    assert parse_packet(text)[:3] == ("172.30.64.11", "172.30.64.12", "IPIP")


def test_parse_packet_refuses_what_it_does_not_know() -> None:
    with pytest.raises(Failed, match="not understood"):
        parse_packet("ARP, Request who-has 10.244.1.1")


def test_packet_of_lines_in_any_order_of_the_two_streams() -> None:
    lines = [
        "tcpdump: listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes",
        "17:46:01.1 IP (tos 0x0, ttl 62, id 1, offset 0, flags [DF], proto ICMP (1), length 84)",
        "1 packet captured",
        "    10.244.1.10 > 10.244.2.10: ICMP echo request, id 1, seq 1, length 64",
        "0 packets dropped by kernel",
    ]
    assert parse_packet(packet_of(lines)) == ("10.244.1.10", "10.244.2.10", "ICMP", 62)
    assert packet_of(["tcpdump: listening"]).strip() == ""
