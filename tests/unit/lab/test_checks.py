"""What the checks conclude from what they read."""

import pytest

from bgpd.lab.checks import packet_of, parse_packet, rights
from bgpd.lab.shell import Failed

STATUS = """Name:\tbgpd-python
Uid:\t179\t179\t179\t179
CapInh:\t0000000000000000
CapPrm:\t0000000000001400
CapEff:\t0000000000001400
CapBnd:\t0000000000001400
CapAmb:\t0000000000000000
"""


def test_rights_exactly_two() -> None:
    assert rights(STATUS) == "user 179, effective capabilities 0000000000001400 = NET_ADMIN + NET_BIND_SERVICE"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("Uid:\t179\t179", "Uid:\t0\t0", "the daemon runs as root"),
        ("CapEff:\t0000000000001400", "CapEff:\t0000000000001000", "CapEff is 0000000000001000: not exactly"),
        ("CapEff:\t0000000000001400", "CapEff:\t0000000000003400", "CapEff is 0000000000003400: not exactly"),
        ("CapBnd:\t0000000000001400", "CapBnd:\t00000000a80435fb", "CapBnd is 00000000a80435fb: not exactly"),
    ],
)
def test_rights_refused(before: str, after: str, text: str) -> None:
    with pytest.raises(Failed, match=text):
        rights(STATUS.replace(before, after))


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
