"""The YAML file: every mistake names the file, the line and the field."""

import pytest

from bgpd.wire.family import IPV4, IPV6
from tests.unit.config.cases import Case

WHOLE = """\
# a whole configuration
asn: 64512
router-id: 192.168.1.10
announce:
  - 10.244.1.0/24
  - fd00:244::/64
peer:
  - 192.168.1.11
  - 192.168.1.12,name=two,hold-time=9
  - address: 192.168.1.254
    asn: 65001
    name: rack
    passive: yes
    import: all
    export: own
    families: [ipv4, ipv6]
    idle-hold-min: 1.5
listen: ["[::]:1179", ":179"]
metrics: off
no-kernel: true
"""


def test_a_whole_file(case: Case) -> None:
    parsed = case.parse(yaml=WHOLE)
    assert parsed.warnings == []
    assert parsed.path == "bgpd.yaml"
    spec = parsed.spec
    assert [neighbor.name for neighbor in spec.speaker.neighbors] == ["192.168.1.11", "two", "rack"]
    rack = spec.speaker.neighbors[2]
    assert (rack.remote_asn, rack.passive, rack.families, rack.idle_hold_min) == (65001, True, (IPV4, IPV6), 1.5)
    assert spec.listen == (("::", 1179), ("0.0.0.0", 179), ("::", 179))
    assert spec.metrics is None
    assert not spec.speaker.kernel.enabled
    assert spec.sources["asn"] == "bgpd.yaml:2"
    assert spec.sources["announce fd00:244::/64"] == "bgpd.yaml:6"
    assert spec.sources["peer 192.168.1.12"] == "bgpd.yaml:9"
    assert spec.sources["peer 192.168.1.254 name"] == "bgpd.yaml:12"


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "~\n", "{}\n", "\ufeff# with a mark\n"])
def test_a_file_that_says_nothing(case: Case, text: str) -> None:
    assert case.parse(yaml=text).spec == case.parse().spec


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        # keys
        ("router_id: 1.1.1.1\n", ["bgpd.yaml:1: router_id: unknown key; did you mean router-id?"]),
        ("\nannouce: []\n", ["bgpd.yaml:2: annouce: unknown key; did you mean announce?"]),
        ("neighbours: []\n", ["bgpd.yaml:1: neighbours: unknown key"]),
        ("config: x\n", ["bgpd.yaml:1: config: has no place in the file: it is a flag"]),
        ("asn: 64512\nmetric: 5\nasn: 64513\n", ["bgpd.yaml:3: asn: given twice, first on line 1"]),
        ("[a]: 1\n", ["bgpd.yaml:1: expected a key, got a list"]),
        ("? {a: b}\n: 1\n", ["bgpd.yaml:1: expected a key, got a mapping"]),
        ("<<: {asn: 1}\n", ["bgpd.yaml:1: <<: unknown key"]),
        # shapes
        ("asn: [64512]\n", ["bgpd.yaml:1: asn: expected a number, got a list"]),
        ("\n\n\nasn:\n  x: 1\n", ["bgpd.yaml:5: asn: expected a number, got a mapping"]),
        ('asn: "64512"\n', []),
        ('metric: "64"\n', ["bgpd.yaml:1: metric: expected a number, got a string ('64' is in quotes)"]),
        ("asn:\n", ["bgpd.yaml:1: asn: expected a number, got nothing"]),
        ("asn: ~\n", ["bgpd.yaml:1: asn: expected a number, got nothing"]),
        ("asn: many\n", ["bgpd.yaml:1: asn: expected a number, got 'many'"]),
        ("no-kernel: maybe\n", ["bgpd.yaml:1: no-kernel: expected true or false, got 'maybe'"]),
        ('no-kernel: "true"\n', ["bgpd.yaml:1: no-kernel: expected true or false, got a string ('true' is in quotes)"]),
        ("announce: {a: b}\n", ["bgpd.yaml:1: announce: expected a prefix, got a mapping"]),
        ("announce:\n- [10.0.0.0/8]\n", ["bgpd.yaml:2: announce: expected a prefix, got a list"]),
        ("announce:\n-\n", ["bgpd.yaml:2: announce: expected a prefix, got nothing"]),
        ("- asn: 64512\n", ["bgpd.yaml:1: expected settings (key: value), got a list"]),
        ("asn\n", ["bgpd.yaml:1: expected settings (key: value), got a string"]),
        # what YAML 1.1 makes of things
        ("asn: 64512:1\n", ["bgpd.yaml:1: asn: expected a number, got '64512:1'"]),
        ("asn: 0x10\n", ["bgpd.yaml:1: asn: expected a number, got '0x10'"]),
        ("asn: 64_512\n", ["bgpd.yaml:1: asn: expected a number, got '64_512'"]),
        ("asn: 064512\n", ["bgpd.yaml:1: asn: 064512 begins with 0, which some read as octal; write 64512"]),
        ("metric: 6.4e1\n", ["bgpd.yaml:1: metric: expected a number, got '6.4e1'"]),
        ("router-id: 10.1\n", ["bgpd.yaml:1: router-id: expected four octets written as an IPv4 address, got '10.1'"]),
        ("hostname: no\n", ['bgpd.yaml:1: hostname: expected a name, got a boolean; where the word is meant, quote it: "no"']),
        ("hostname: 12\n", ['bgpd.yaml:1: hostname: expected a name, got a number; where the word is meant, quote it: "12"']),
        ("hostname: 12:30\n", ['bgpd.yaml:1: hostname: expected a name, got a number; where the word is meant, quote it: "12:30"']),
        ("peer:\n- address: 10.1\n", ["bgpd.yaml:2: peer 10.1: expected an IPv4 or IPv6 address, got '10.1'"]),
        ("peer: 10.1\n", ["bgpd.yaml:1: peer 10.1: expected an IPv4 or IPv6 address, got '10.1'"]),
        ("on-stop: no\n", ["bgpd.yaml:1: on-stop: expected shutdown or restart, got 'no'"]),
        # neighbors
        ("peer:\n- asn: 65001\n", ["bgpd.yaml:2: peer: a neighbor without an address (or an interface)"]),
        ("peer:\n- [192.168.1.11]\n", ["bgpd.yaml:2: peer: expected ADDR[,KEY=VALUE...] or a mapping, got a list"]),
        ("peer:\n-\n", ["bgpd.yaml:2: peer: expected ADDR[,KEY=VALUE...] or a mapping, got nothing"]),
        ("peer:\n- address: [192.168.1.11]\n", ["bgpd.yaml:2: peer: address: expected an address, got a list"]),
        ("peer:\n- address: 192.168.1.11\n  prot: 1\n", ["bgpd.yaml:3: peer 192.168.1.11: unknown key 'prot'; did you mean port?"]),
        ("peer:\n- address: 192.168.1.11\n  port: [1]\n", ["bgpd.yaml:3: peer 192.168.1.11: port: expected a number, got a list"]),
        ("peer:\n- address: 192.168.1.11\n  port: 70000\n", ["bgpd.yaml:3: peer 192.168.1.11: port: 70000 is not between 1 and 65535"]),
        ("peer:\n- {address: 192.168.1.11, name: a, name: b}\n", ["bgpd.yaml:2: peer: name: given twice, first on line 2"]),
        ("peer:\n- address: 192.168.1.11\n  families: [ipv4, ipx]\n", ["bgpd.yaml:3: peer 192.168.1.11: families: expected ipv4, ipv6 or ipv4+ipv6, got 'ipv4+ipx'"]),
        ("peer:\n- 192.168.1.11,asn=x\n", ["bgpd.yaml:2: peer 192.168.1.11: asn: expected a number, internal, external or any, got 'x'"]),
    ],
)  # fmt: skip
def test_mistakes(case: Case, text: str, lines: list[str]) -> None:
    if lines:
        assert case.errors(yaml=text) == lines
    else:
        case.parse(yaml=text)


def test_several_mistakes_are_said_together(case: Case) -> None:
    assert case.errors(yaml="asm: 1\nmetric: x\ntable: [1]\n") == [
        "bgpd.yaml:1: asm: unknown key; did you mean asn?",
        "bgpd.yaml:3: table: expected a table number, main or default, got a list",
        "bgpd.yaml:2: metric: expected a number, got 'x'",
    ]


def test_the_file_cannot_be_read(case: Case) -> None:
    assert case.errors("-c", "none.yaml") == ["none.yaml: cannot read the configuration: no such file or directory"]
    assert case.errors("-c", ".") == [".: cannot read the configuration: is a directory"]
    assert case.errors("-c", "a\0b") == ["--config: expected the name of a file, got 'a\\x00b'"]
    assert case.errors("-c", "") == ["--config: expected the name of a file, got ''"]


def test_the_file_is_no_text(case: Case) -> None:
    assert case.errors(yaml=b"asn: 1\nhostname: \xff\n") == ["bgpd.yaml:2: not UTF-8 text"]
    assert case.errors(yaml=b"#" * (5 << 20)) == ["bgpd.yaml: larger than 4 MiB, which is no configuration"]


def test_a_relative_password_file_stands_beside_the_file_that_names_it(case: Case) -> None:
    (case.directory / "etc").mkdir()
    case.file("etc/key", "secret\n")
    case.file("etc/bgpd.yaml", "peer: [{address: 192.168.1.11, password-file: key}]\n")
    assert case.parse("-c", "etc/bgpd.yaml").spec.speaker.neighbors[0].password == b"secret"
