"""Flags, variables, and the one-line form of a neighbor."""

import pytest

from bgpd import __version__, compiled
from bgpd.config.flags import read_peer
from bgpd.config.origin import Layer, Origin
from bgpd.config.report import Report
from bgpd.config.settings import PEER_SETTINGS, SETTINGS, Setting, Shape
from tests.unit.config.cases import Case


@pytest.mark.parametrize(
    ("argv", "lines"),
    [
        (
            ["--anounce", "10.0.0.0/8"],
            [
                "--anounce: unknown flag; did you mean --announce?",
                "'10.0.0.0/8': expected a flag; there are no other arguments",
            ],
        ),
        (["--as=5"], ["--as: unknown flag; did you mean --asn?"]),
        (["--router_id=1.1.1.1"], ["--router_id: unknown flag; did you mean --router-id?"]),
        (["--zzz"], ["--zzz: unknown flag"]),
        (["-x"], ["-x: unknown flag"]),
        (["up"], ["'up': expected a flag; there are no other arguments"]),
        (["--asn"], ["--asn: expected a value"]),
        (["--asn", "--no-kernel"], ["--asn: expected a value"]),
        (["--asn", "a lot"], ["--asn: expected a number, got 'a lot'"]),
        (["--asn=-5"], ["--asn: expected a number, got '-5'"]),
        (["--asn", "64512", "--asn", "64513"], ["--asn: given 2 times: '64512', '64513'"]),
        (["--peer", "192.168.1.300"], ["--peer 192.168.1.300: expected an IPv4 or IPv6 address, got '192.168.1.300'"]),
        (["--peer", "rack1"], ["--peer rack1: expected an IPv4 or IPv6 address, got 'rack1'"]),
        (
            ["--peer", "192.168.1.11/24"],
            [
                "--peer 192.168.1.11/24: expected an IPv4 or IPv6 address, got '192.168.1.11/24' (an address has no prefix length)"
            ],
        ),
        (
            ["--peer", "fe80::1%eth0"],
            [
                "--peer fe80::1%eth0: expected an IPv4 or IPv6 address, got 'fe80::1%eth0' (an interface is written interface=NAME)"
            ],
        ),
        (
            ["--peer", "192.168.1.11:1179"],
            ["--peer 192.168.1.11:1179: '192.168.1.11:1179': a port is written port=1179"],
        ),
        (["--peer", "[fd00::1]:1179"], ["--peer [fd00::1]:1179: '[fd00::1]:1179': a port is written port=1179"]),
        (["--peer", "asn=64512"], ["--peer: expected ADDR[,KEY=VALUE...], got 'asn=64512'"]),
        (["--peer", ""], ["--peer: expected ADDR[,KEY=VALUE...], got ''"]),
        (["--peer", "192.168.1.11,"], ["--peer 192.168.1.11: empty key"]),
        (["--peer", "192.168.1.11,asm=64513"], ["--peer 192.168.1.11: unknown key 'asm'; did you mean asn?"]),
        (["--peer", "192.168.1.11,pasive"], ["--peer 192.168.1.11: unknown key 'pasive'; did you mean passive?"]),
        (["--peer", "192.168.1.11,address=1.2.3.4"], ["--peer 192.168.1.11: the address stands first, and once"]),
        (["--peer", "192.168.1.11,asn=1,asn=2"], ["--peer 192.168.1.11: asn is given twice"]),
        (["--peer", "192.168.1.11,asn"], ["--peer 192.168.1.11: asn: expected asn=N|internal|external|any"]),
        (["--peer", "192.168.1.11,asn="], ["--peer 192.168.1.11: asn: expected asn=N|internal|external|any"]),
        (["--peer", "192.168.1.11,passive="], ["--peer 192.168.1.11: passive: expected passive=true"]),
        (["--peer", "192.168.1.11,port=0"], ["--peer 192.168.1.11: port: 0 is not between 1 and 65535"]),
        (
            ["--peer", "192.168.1.11,import=own"],
            [
                "--peer 192.168.1.11: import: own is a word for export; expected all or none, or the name of a policy",
            ],
        ),
        (
            ["--peer", "192.168.1.11,import=al"],
            ["--peer 192.168.1.11: import: expected all, none or the name of a policy, got 'al'; did you mean all?"],
        ),
        (
            ["--peer", "192.168.1.11,families=ipv5"],
            ["--peer 192.168.1.11: families: expected ipv4, ipv6 or ipv4+ipv6, got 'ipv5'"],
        ),
    ],
)
def test_bad_flags(case: Case, argv: list[str], lines: list[str]) -> None:
    assert case.errors(*argv) == lines


def test_everything_wrong_is_said_at_once(case: Case) -> None:
    assert case.errors(
        "--asnn=1", "--asn=0", "--peer=192.168.1.11,port=x", "--announce=10.244.1.5/24", yaml="metric: 0\n", BGPD_TABLE="0"
    ) == [
        "--asnn: unknown flag; did you mean --asn?",
        "--asn: 0 is reserved (RFC 7607)",
        "--announce: '10.244.1.5/24' has host bits set; did you mean 10.244.1.0/24?",
        "BGPD_TABLE: 0 is not between 1 and 4294967295",
        "bgpd.yaml:1: metric: 0 is not between 1 and 4294967295",
        "--peer 192.168.1.11: port: expected a number, got 'x'",
    ]  # fmt: skip


def test_an_unknown_variable_warns(case: Case) -> None:
    assert case.warnings(BGPD_ANOUNCE="10.0.0.0/8") == ["BGPD_ANOUNCE: unknown variable; did you mean BGPD_ANNOUNCE?"]
    assert case.warnings(BGPD_QQQQQQ="1") == ["BGPD_QQQQQQ: unknown variable"]


def test_variables_of_others_are_left_alone(case: Case) -> None:
    service = {"BGPD_SERVICE_HOST": "10.96.0.7", "BGPD_SERVICE_PORT_BGP": "179", "BGPD_PORT": "tcp://10.96.0.7:179"}
    assert case.warnings(**service, BGPD_PORT_179_TCP_ADDR="10.96.0.7", PATH="/bin", XBGPD_ASN="0") == []


def test_an_empty_variable_is_not_set(case: Case) -> None:
    parsed = case.parse(BGPD_ASN="", BGPD_PEER="  ", BGPD_NO_SUCH="")
    assert parsed.spec.speaker.asn == 64512
    assert parsed.spec.speaker.neighbors == ()
    assert parsed.warnings == []


def test_lists_in_variables_are_separated_by_spaces(case: Case) -> None:
    speaker = case.parse(
        BGPD_PEER="192.168.1.11,name=a fd00::2,asn=64512", BGPD_ANNOUNCE="10.1.0.0/16  10.2.0.0/16"
    ).spec.speaker
    assert [neighbor.name for neighbor in speaker.neighbors] == ["a", "fd00::2"]
    assert [originate.prefix.hex() for originate in speaker.originate] == ["100a01", "100a02"]


SCALARS = [setting for setting in SETTINGS if setting.name not in ("config", "check")]


@pytest.mark.parametrize("setting", SCALARS, ids=lambda setting: setting.name)
def test_every_flag_has_a_twin_and_a_key(case: Case, setting: Setting) -> None:
    """The same value by flag, by variable and by YAML key gives the same spec, and another one than the default."""
    example = setting.example
    if setting.name in (
        "asn",
        "router-id",
        "protocol",
        "metric",
        "control",
        "hostname",
    ):  # whose examples are the defaults
        example = {"asn": "64999", "router-id": "9.9.9.9", "control": "/tmp/x.sock", "hostname": "other"}.get(
            setting.name, "77"
        )
    with_it = ["--peer=192.168.1.11,rr-client"] if setting.name == "cluster-id" else []
    by_flag = case.parse(f"{setting.flag}={example}", *with_it).spec
    assert case.parse(*with_it, **{setting.variable: example}).spec == by_flag
    assert case.parse(*with_it, yaml=f"{setting.name}: {example}\n").spec == by_flag
    assert case.parse(*with_it).spec != by_flag


_FILES = {"password-file": "secret", "ao-key-file": "1 1 hmac-sha-1-96 secret\n"}
#: what some settings ask for beside them
_WITH = {"role": ["asn=65001"], "role-strict": ["asn=65001", "role=peer"]}
PEER_KEYS = [setting for setting in PEER_SETTINGS if setting.name != "address"]


@pytest.mark.parametrize("setting", PEER_KEYS, ids=lambda setting: setting.name)
def test_every_key_of_a_neighbor_in_every_form(case: Case, setting: Setting) -> None:
    example = setting.example
    if setting.name in _FILES:
        example = case.file("key", _FILES[setting.name])
    first = ["192.168.1.11", *_WITH.get(setting.name, [])]
    mapping = ", ".join(f"{key}: {value}" for key, value in [word.split("=") for word in first[1:]])
    line = ",".join([*first, f"{setting.name}={example}"])
    by_flag = case.parse("--peer", line).spec
    assert case.parse(BGPD_PEER=line).spec == by_flag
    assert case.parse(yaml=f"peer: {line}\n").spec == by_flag
    assert case.parse(yaml=f"peer: [{{address: 192.168.1.11, {setting.name}: {example}, {mapping}}}]\n").spec == by_flag
    assert case.parse("--peer", ",".join(first)).spec != by_flag


def test_config_and_check_have_twins(case: Case) -> None:
    case.file("other.yaml", "asn: 64999\n")
    assert case.parse(BGPD_CONFIG="other.yaml").spec.speaker.asn == 64999
    assert case.parse(BGPD_CHECK="1").check
    assert case.parse("--check").check
    assert not case.parse().check


def test_a_switch_can_be_undone(case: Case) -> None:
    assert not case.parse(BGPD_NO_KERNEL="1").spec.speaker.kernel.enabled
    assert case.parse("--no-kernel=false", BGPD_NO_KERNEL="1").spec.speaker.kernel.enabled
    assert not case.parse("--no-kernel", BGPD_NO_KERNEL="no").spec.speaker.kernel.enabled


def test_help_names_every_flag(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leave:
        case.parse("--help")
    assert leave.value.code == 0
    text = capsys.readouterr().out
    assert all(setting.flag in text for setting in SETTINGS)


def test_version(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leave:
        case.parse("--version")
    assert leave.value.code == 0
    assert capsys.readouterr().out == f"bgpd {__version__} ({compiled.words()})\n"


def test_read_peer_takes_spaces_and_bare_switches() -> None:
    report = Report()
    peer = read_peer("fd00::1, asn=65001 , passive", Origin(Layer.FLAG, "--peer"), report)
    assert peer is not None
    assert {key: item.text for key, item in peer.fields.items()} == {
        "address": "fd00::1",
        "asn": "65001",
        "passive": "true",
    }
    assert report.errors == []


def test_shapes_are_used() -> None:
    assert {setting.shape for setting in SETTINGS} == set(Shape)
