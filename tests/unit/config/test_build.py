"""The judgements that need more than one value, or that need the machine."""

import pytest

from bgpd.config import build as module
from bgpd.config.build import KNOWN_PROTOCOLS
from bgpd.model import ExportRule, ImportRule, KernelSpec, OnStop
from bgpd.wire.family import IPV4, IPV6
from tests.unit.config.cases import Case


def test_a_complete_start(case: Case) -> None:
    """The command line of the README."""
    parsed = case.parse(
        "--asn", "64512", "--router-id", "192.168.1.10", "--peer", "192.168.1.11", "--peer", "192.168.1.12",
        "--announce", "10.244.1.0/24",
    )  # fmt: skip
    assert parsed.warnings == []
    speaker = parsed.spec.speaker
    assert (speaker.asn, speaker.router_id, speaker.multipath) == (64512, b"\xc0\xa8\x01\x0a", 16)
    assert [neighbor.address for neighbor in speaker.neighbors] == [b"\xc0\xa8\x01\x0b", b"\xc0\xa8\x01\x0c"]
    first = speaker.neighbors[0]
    assert (first.name, first.local_asn, first.remote_asn, first.port) == ("192.168.1.11", 64512, 64512, 179)
    assert (first.import_rule, first.export_rule, first.external) == (ImportRule.UNSET, ExportRule.UNSET, False)
    assert (first.hold_time, first.keepalive_time, first.connect_retry_time) == (90, 30, 5.0)
    assert (first.idle_hold_min, first.idle_hold_max, first.families) == (5.0, 30.0, (IPV4, IPV6))
    assert [(own.family, own.prefix, own.blackhole) for own in speaker.originate] == [(IPV4, b"\x18\x0a\xf4\x01", True)]
    assert speaker.kernel == KernelSpec(enabled=True, table=254, protocol=64, metric=64)


def test_defaults(case: Case) -> None:
    spec = case.parse().spec
    assert spec.speaker.asn == 64512
    assert spec.listen == (("0.0.0.0", 179), ("::", 179))
    assert spec.metrics == ("127.0.0.1", 9179)
    assert (spec.control, spec.on_stop, spec.hostname) == ("/run/bgpd/bgpd.sock", OnStop.SHUTDOWN, "node1")
    assert (spec.log_format, spec.log_level) == ("console", "info")


# our AS number


@pytest.mark.parametrize("asn", ["64512", "65534", "4200000000", "4294967294"])
def test_private_asns_are_taken_silently(case: Case, asn: str) -> None:
    assert case.warnings("--asn", asn) == []


@pytest.mark.parametrize("asn", ["1", "64511", "65536", "4199999999"])
def test_another_asn_warns_and_says_why(case: Case, asn: str) -> None:
    assert case.warnings("--asn", asn) == [
        (
            f"--asn: {asn} is not for private use (64512-65534, 4200000000-4294967294): unless a registry gave it to "
            "you, it is another network's number, and routes that carry it may be taken for theirs or dropped"
        )
    ]


def test_a_public_neighbor_is_normal(case: Case) -> None:
    assert case.warnings("--peer", "192.0.2.1,asn=3356,import=all,export=own") == []


@pytest.mark.parametrize("asn", ["0", "23456", "65535", "4294967295"])
def test_reserved_asns_are_refused_for_neighbors_too(case: Case, asn: str) -> None:
    (line,) = case.errors("--peer", f"192.0.2.1,asn={asn}")
    assert line.startswith(f"--peer 192.0.2.1: asn: {asn} is ")


# router id


def test_the_router_id_is_found(case: Case) -> None:
    parsed = case.parse()
    assert parsed.spec.speaker.router_id == b"\xc0\xa8\x01\x0a"
    assert parsed.spec.sources["router-id"] == "found: the source of the default route, on eth0"


def test_no_router_id_can_be_found(case: Case) -> None:
    case.host.id = None
    assert case.errors() == [
        "router-id: this machine has no IPv4 address to take it from; say --router-id A.B.C.D (any four octets that no other speaker has)"
    ]
    assert case.parse("--router-id", "1.2.3.4").spec.speaker.router_id == b"\x01\x02\x03\x04"


def test_a_wrong_router_id_is_not_replaced_by_a_found_one(case: Case) -> None:
    assert case.errors("--router-id", "one") == [
        "--router-id: expected four octets written as an IPv4 address, got 'one'"
    ]


# neighbors


def test_duplicate_neighbors(case: Case) -> None:
    assert case.errors("--peer", "192.168.1.11", "--peer", "192.168.1.11,name=other") == [
        "--peer 192.168.1.11: is given twice (first: flag --peer)"
    ]
    assert case.errors(yaml="peer:\n- fd00::1\n- address: fd00:0::1\n") == [
        "bgpd.yaml:3: peer fd00:0::1: is given twice (first: bgpd.yaml:2)"
    ]


def test_duplicate_names(case: Case) -> None:
    assert case.errors(yaml="peer:\n- 192.168.1.11,name=a\n- address: 192.168.1.12\n  name: a\n") == [
        "bgpd.yaml:4: peer 192.168.1.12: name: a is the name of peer 192.168.1.11 too"
    ]
    assert case.errors("--peer", "192.168.1.11", "--peer", "192.168.1.12,name=192.168.1.11") == [
        "--peer 192.168.1.12: name: 192.168.1.11 is the name of peer 192.168.1.11 too"
    ]


def test_a_neighbor_that_is_this_machine(case: Case) -> None:
    assert case.errors("--peer", "192.168.1.10") == [
        "--peer 192.168.1.10: is this machine's own address (on eth0), no neighbor"
    ]


def test_a_neighbor_with_our_router_id_warns(case: Case) -> None:
    assert case.warnings("--router-id", "192.168.1.11", "--peer", "192.168.1.11") == [
        "--peer 192.168.1.11: is also our router id; is this neighbor this machine itself?"
    ]


def test_a_neighbor_inside_an_announced_prefix_warns(case: Case) -> None:
    assert case.warnings("--peer", "10.244.1.9", "--announce", "10.244.1.0/24") == [
        "--announce: 10.244.1.0/24 holds peer 10.244.1.9; the blackhole route that guards the prefix may take the packets to this neighbor"
    ]


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ("", "without import and export: nothing is exchanged (RFC 8212); say import=all, export=own"),
        (",export=own", "without import: no route comes in (RFC 8212); say import=all"),
        (",import=none", "without export: no route goes out (RFC 8212); say export=own"),
    ],
)
def test_ebgp_without_rules_warns(case: Case, rules: str, text: str) -> None:
    """With --check; a speaker that runs says so itself."""
    assert case.warnings("--peer", f"192.0.2.1,asn=65001{rules}") == []
    parsed = case.parse("--check", "--peer", f"192.0.2.1,asn=65001{rules}")
    assert parsed.warnings == [f"--peer 192.0.2.1: eBGP (AS 65001) {text}"]
    assert parsed.spec.speaker.neighbors[0].external


def test_rules(case: Case) -> None:
    (neighbor,) = case.parse("--peer", "192.0.2.1,asn=65001,import=all,export=none").spec.speaker.neighbors
    assert (neighbor.import_rule, neighbor.export_rule) == (ImportRule.ALL, ExportRule.NONE)


def test_source_address(case: Case) -> None:
    assert case.warnings("--peer", "192.168.1.11,source-address=192.168.1.10") == []
    assert case.warnings("--peer", "192.168.1.11,source-address=192.168.1.99") == [
        "--peer 192.168.1.11: source-address: 192.168.1.99 is not an address of this machine now"
    ]
    assert case.errors("--peer", "fd00::1,source-address=192.168.1.10") == [
        "--peer fd00::1: source-address: 192.168.1.10 and the neighbor's address are not of one family"
    ]
    assert case.errors("--peer", "192.168.1.11,source-address=192.168.1.11") == [
        "--peer 192.168.1.11: source-address: 192.168.1.11 is the neighbor's own address"
    ]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("hold-time=9", (9, 3)), ("hold-time=180", (180, 30)), ("hold-time=0", (0, 0)), ("hold-time=3", (3, 1)),
        ("hold-time=90,keepalive-time=10", (90, 10)), ("hold-time=0,keepalive-time=0", (0, 0)),
    ],
)  # fmt: skip
def test_timers(case: Case, keys: str, expected: tuple[int, int]) -> None:
    parsed = case.parse("--peer", f"192.168.1.11,{keys}")
    neighbor = parsed.spec.speaker.neighbors[0]
    assert (neighbor.hold_time, neighbor.keepalive_time) == expected
    assert parsed.warnings == []


def test_a_keepalive_time_that_is_too_long_warns(case: Case) -> None:
    parsed = case.parse("--peer", "192.168.1.11,hold-time=9,keepalive-time=4")
    assert parsed.warnings == [
        "--peer 192.168.1.11: keepalive-time: 4 is more than a third of the hold time (9); 3 is used"
    ]
    assert parsed.spec.speaker.neighbors[0].keepalive_time == 3


def test_timers_that_contradict_each_other(case: Case) -> None:
    assert case.errors("--peer", "192.168.1.11,keepalive-time=0") == [
        "--peer 192.168.1.11: keepalive-time: 0 sends no keepalives, which needs hold-time 0 (it is 90)"
    ]
    assert case.errors("--peer", "192.168.1.11,idle-hold-min=60,idle-hold-max=1.5") == [
        "--peer 192.168.1.11: idle-hold-max: 1.5 is less than idle-hold-min (60)"
    ]
    neighbor = case.parse("--peer", "192.168.1.11,idle-hold-min=60").spec.speaker.neighbors[0]
    assert (neighbor.idle_hold_min, neighbor.idle_hold_max) == (60, 60)


# passwords


def test_password(case: Case) -> None:
    case.file("key", "sec ret\n")
    parsed = case.parse("--peer", "192.168.1.11,password-file=key")
    assert parsed.spec.speaker.neighbors[0].password == b"sec ret"
    assert parsed.warnings == []
    assert "sec ret" not in repr(parsed) + parsed.text() + str(parsed.spec.sources)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "key is empty: a password has 1 to 80 octets"),
        ("\n", "key is empty: a password has 1 to 80 octets"),
        ("x" * 81, "key: the password is longer than 80 octets, the most that the kernel takes"),
        ("x" * 10000, "key: the password is longer than 80 octets, the most that the kernel takes"),
        ("one\ntwo\n", "key has several lines: the password is one line"),
    ],
)
def test_bad_passwords(case: Case, content: str, why: str) -> None:
    case.file("key", content)
    assert case.errors("--peer", "192.168.1.11,password-file=key") == [f"--peer 192.168.1.11: password-file: {why}"]


def test_the_longest_password(case: Case) -> None:
    case.file("key", b"\xff" * 80 + b"\r\n")
    assert case.parse("--peer", "192.168.1.11,password-file=key").spec.speaker.neighbors[0].password == b"\xff" * 80


@pytest.mark.parametrize(("mode", "who"), [(0o440, "its group (mode 0440)"), (0o644, "everybody (mode 0644)")])
def test_a_password_that_others_can_read_warns(case: Case, mode: int, who: str) -> None:
    case.file("key", "secret", mode)
    assert case.warnings(yaml="peer:\n- address: 192.168.1.11\n  password-file: key\n") == [
        f"bgpd.yaml:3: peer 192.168.1.11: password-file: key can be read by {who}; 0400 keeps it private"
    ]


def test_an_unreadable_password_file(case: Case) -> None:
    assert case.errors("--peer", "192.168.1.11,password-file=none") == [
        "--peer 192.168.1.11: password-file: cannot read none: no such file or directory"
    ]
    assert case.errors(yaml="peer:\n- {address: 192.168.1.11, password-file: /}\n") == [
        "bgpd.yaml:2: peer 192.168.1.11: password-file: cannot read /: is a directory"
    ]


# prefixes, listeners, the kernel


def test_duplicate_prefixes(case: Case) -> None:
    assert case.errors(yaml="announce:\n- 10.1.0.0/16\n- 10.1.0.0/16\n") == [
        "bgpd.yaml:3: announce: 10.1.0.0/16 is given twice (first: bgpd.yaml:2)"
    ]


def test_duplicate_listeners(case: Case) -> None:
    assert case.errors("--listen", "[fd00::1]:179", "--listen", "fd00:0::1") == [
        "--listen: [fd00::1]:179 is given twice (first: flag --listen)"
    ]


def test_listeners_of_every_address(case: Case) -> None:
    assert case.parse("--listen", ":1179", "--listen", "[::]:1179").spec.listen == (("0.0.0.0", 1179), ("::", 1179))


def test_metrics_on_every_address(case: Case) -> None:
    assert case.parse("--metrics", ":9179").spec.metrics == ("", 9179)  # asyncio's word for both families


@pytest.mark.parametrize("protocol", sorted(KNOWN_PROTOCOLS))
def test_a_protocol_number_of_others_warns(case: Case, protocol: int) -> None:
    assert case.warnings("--protocol", str(protocol)) == [
        f"--protocol: {protocol} is used by {KNOWN_PROTOCOLS[protocol]}; our routes must be ours alone"
    ]
    assert case.warnings("--protocol", str(protocol), "--no-kernel") == []


def test_kernel(case: Case) -> None:
    kernel = case.parse("--table", "100", "--protocol", "70", "--metric", "7", "--no-kernel").spec.speaker.kernel
    assert kernel == KernelSpec(enabled=False, table=100, protocol=70, metric=7)


def test_nothing_is_known_without_a_host() -> None:
    assert module.NO_HOST.hostname() == ""
    assert module.NO_HOST.addresses() == {}


# neighbors: sessions of every kind


def test_whose_as_a_neighbor_is_in(case: Case) -> None:
    peers = [
        "10.0.0.1,asn=external",
        "10.0.0.2,asn=any",
        "10.0.0.3,asn=internal,local-as=65009",
        "10.0.0.4,local-as=65009",
    ]
    specs = case.parse("--asn=64513", *[f"--peer={peer}" for peer in peers]).spec.speaker.neighbors
    assert [(s.local_asn, s.remote_asn, s.asn_rule.value, s.speaker_asn, s.external) for s in specs] == [
        (64513, 0, "external", 0, True),
        (64513, 0, "any", 0, True),
        (65009, 65009, "fixed", 64513, False),
        (65009, 64513, "fixed", 64513, True),
    ]


def test_unnumbered_and_link_local_neighbors(case: Case) -> None:
    yaml = (
        "peer:\n- {interface: eth0, asn: external}\n- {address: 'fe80::1', interface: eth1}\n- fe80::1,interface=eth2\n"
    )
    first, second, third = case.parse(yaml=yaml).spec.speaker.neighbors
    assert (first.unnumbered, first.address, first.name, first.identity) == (True, b"", "eth0", b"%eth0")
    assert second.address == third.address
    assert second.identity != third.identity
    assert case.parse("--peer=interface=eth0,asn=external").spec.speaker.neighbors == (first,)


@pytest.mark.parametrize(
    ("yaml", "lines"),
    [
        ("peer:\n- fe80::1\n", ["bgpd.yaml:2: peer fe80::1: is link-local, which means something on its link only: add interface=NAME"]),
        ("peer:\n- {interface: eth0}\n- {interface: eth0, asn: 65001}\n", ["bgpd.yaml:3: peer eth0: is given twice (first: bgpd.yaml:2)"]),
        ("peer:\n- address: 10.0.0.1\n  ttl-security: 1\n  multihop: 2\n", ["bgpd.yaml:4: peer 10.0.0.1: multihop: ttl-security sends with TTL 255 and says itself how far the neighbor may be; give only one of the two"]),
        ("peer:\n- interface: eth0\n  multihop: 2\n", ["bgpd.yaml:3: peer eth0: multihop: a link-local session never leaves its link, so it has no hops"]),
        ("peer:\n- 10.0.0.1,ttl-security=255\n", ["bgpd.yaml:2: peer 10.0.0.1: ttl-security: 255 is not between 1 and 254"]),
        ("peer:\n- 10.0.0.1,asn=outside\n", ["bgpd.yaml:2: peer 10.0.0.1: asn: expected a number, internal, external or any, got 'outside'"]),
        ("peer:\n- 10.0.0.1,interface=a/b\n", ["bgpd.yaml:2: peer 10.0.0.1: interface: expected the name of an interface (at most 15 characters), got 'a/b'"]),
        ("peer:\n- 10.0.0.1,ao-key-file=none\n", ["bgpd.yaml:2: peer 10.0.0.1: ao-key-file: cannot read none: no such file or directory"]),
        ("listen-range:\n- prefix: 10.0.0.1/24\n", ["bgpd.yaml:2: listen-range 10.0.0.1/24: '10.0.0.1/24' has host bits set; did you mean 10.0.0.0/24?"]),
        ("listen-range:\n- 10.0.0.0/24,port=1\n", ["bgpd.yaml:2: listen-range 10.0.0.0/24: unknown key 'port'; did you mean import?"]),
        ("listen-range:\n- 10.0.0.0/24\n- 10.0.0.0/24\n", ["bgpd.yaml:3: listen-range 10.0.0.0/24: is given twice (first: bgpd.yaml:2)"]),
        ("listen-range:\n- limit: 2\n", ["bgpd.yaml:2: listen-range: a range without a prefix"]),
        ("listen-range:\n- 10.0.0.0/24,limit=0\n", ["bgpd.yaml:2: listen-range 10.0.0.0/24: limit: 0 is not between 1 and 10000"]),
    ],
)  # fmt: skip
def test_what_contradicts_itself(case: Case, yaml: str, lines: list[str]) -> None:
    assert case.errors(yaml=yaml) == lines


def test_ranges_go_from_the_longest_prefix(case: Case) -> None:
    case.file("key", "hush")
    parsed = case.parse(
        yaml="listen-range:\n- 10.0.0.0/8\n- {prefix: 10.1.0.0/16, limit: 3, asn: external, password-file: key, import: all, export: own}\n"
    )
    first, second = parsed.spec.speaker.ranges
    assert (first.prefix[0], first.limit, first.template.password) == (16, 3, b"hush")
    assert first.template.passive
    assert (second.prefix[0], second.limit, second.template.external) == (8, 100, False)
    assert "limit: 3" in parsed.text()


def test_a_restart_time_without_restart_warns(case: Case) -> None:
    warnings = case.warnings("--peer=10.0.0.1,max-prefix=5,max-prefix-restart=60")
    assert warnings == ["--peer 10.0.0.1: max-prefix-restart: does nothing without max-prefix-action=restart"]
