"""`--check`: what is printed says everything, and can be loaded again."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bgpd.config import parse
from bgpd.config.settings import BY_NAME, SETTINGS
from bgpd.config.show import _scalar
from bgpd.config.yamltree import Mapping, Scalar, read_tree
from tests.unit.config.cases import Case

FULL = """\
asn: 1.10
announce: [10.244.1.0/24, "fd00:244::/64"]
peer:
- 192.168.1.11
- {address: fd00::1, asn: 65001, name: "yes", hold-time: 9, families: ipv6, passive: on, idle-hold-max: 60}
- {address: fd00::2, asn: 65001, name: "12", import: all, export: none, source-address: fd00::10}
listen: ["[::]:1179", ":179", 192.168.1.10]
metrics: off
table: main
hostname: "off"
on-stop: restart
no-kernel: yes
"""


def reread(text: str, case: Case) -> object:
    return case.parse(yaml=text).spec


def test_what_is_printed_means_the_same(case: Case) -> None:
    parsed = case.parse(yaml=FULL)
    assert reread(parsed.text(), case) == parsed.spec


def test_a_password_file_is_named_and_its_content_is_not(case: Case) -> None:
    case.file("key", "hush")
    parsed = case.parse("--peer", "192.168.1.11,password-file=key")
    assert "password-file: key" in parsed.text()
    assert "hush" not in parsed.text()
    assert reread(parsed.text(), case) == parsed.spec


def test_every_setting_is_there(case: Case) -> None:
    for text in (case.parse().text(), case.parse(yaml=FULL).text()):
        words = [line.split("#", 1)[-1] if line.startswith("#") else line for line in text.splitlines()]
        for setting in SETTINGS:
            if setting.in_file:
                assert any(word.strip().startswith(f"{setting.name}:") for word in words), setting.name


def test_the_text(case: Case) -> None:
    """Whole, because people read it."""
    text = case.parse(
        "--asn=64513", "--metrics=off", yaml="metric: 7\npeer:\n- address: fd00::1\n  asn: 65001\n  import: all\n", BGPD_TABLE="100"
    ).text()  # fmt: skip
    assert [" ".join(line.split()) for line in text.splitlines()] == [
        "asn: 64513 # flag --asn",
        "router-id: 192.168.1.10 # found: the source of the default route, on eth0",
        "peer:",
        "- address: fd00::1 # bgpd.yaml:3",
        "asn: 65001 # bgpd.yaml:4",
        "port: 179 # default",
        "# name: fd00::1 # default",
        "# password-file: no password # default",
        "passive: false # default",
        "import: all # bgpd.yaml:5",
        "# export: none # default for eBGP (RFC 8212)",
        "hold-time: 90 # default",
        "# keepalive-time: 30 # default",
        "connect-retry-time: 5 # default",
        "idle-hold-min: 5 # default",
        "idle-hold-max: 30 # default",
        "# source-address: the kernel's choice # default",
        "families: ipv4+ipv6 # default",
        "# interface: the kernel's choice # default",
        "# multihop: 1 for eBGP, the kernel's own (64) for iBGP # default",
        "# ttl-security: off # default",
        "# ao-key-file: no TCP-AO # default",
        "# local-as: ours # default",
        "allow-own-as: 0 # default",
        "as-override: false # default",
        "remove-private-as: false # default",
        "next-hop: auto # default",
        "default-originate: false # default",
        "# max-prefix: no limit # default",
        "max-prefix-action: stop # default",
        "max-prefix-restart: 300 # default",
        "# max-prefix-out: no limit # default",
        "max-attribute-octets: 67108864 # default",
        "rr-client: false # default",
        "# cluster-id: ours (the setting of the same name, or our router id) # default",
        "extended-messages: true # default",
        "add-path: off # default",
        "add-path-paths: all # default",
        "extended-next-hop: false # default",
        "# role: no role, and no rules against route leaks # default",
        "role-strict: false # default",
        "graceful-restart: full # default",
        "restart-time: 120 # default",
        "long-lived-stale-time: 0 # default",
        "long-lived-stale-limit: 86400 # default",
        "# send-hold-time: twice the hold time that was negotiated, and 8 seconds at least # default",
        "graceful-shutdown: false # default",
        "accept-blackhole: false # default",
        "# listen-range: none # default",
        "# announce: none # default",
        "# redistribute: none # default",
        "# listen: :179 # default",
        "multipath: 16 # default",
        "graceful-shutdown: false # default",
        "# cluster-id: our router id # default",
        "table: 100 # environment BGPD_TABLE",
        "protocol: 64 # default",
        "metric: 7 # bgpd.yaml:1",
        "nexthop-objects: 1000 # default",
        "audit-interval: 60 # default",
        "link-bandwidth: false # default",
        "suppress-fib-pending: false # default",
        "# pool: none: nothing is encapsulated # default",
        "vxlan-vni: 4096 # default",
        "vxlan-port: 4789 # default",
        "vxlan-mtu: 0 # default",
        "# vxlan-address: the router id where it is ours, and the IPv6 address of its link # default",
        "no-kernel: false # default",
        "metrics: off # flag --metrics",
        "control: /run/bgpd/bgpd.sock # default",
        "log-format: console # default",
        "log-level: info # default",
        "on-stop: shutdown # default",
        "# hostname: node1 # the machine's name",
        "# datastore: none: this file and the flags say everything # default",
        "# datastore-ca: those that the system trusts # default",
        "# datastore-cert: none # default",
        "# datastore-key: in the certificate's file # default",
        "# datastore-user: none # default",
        "# datastore-password-file: none # default",
        "datastore-cache: /var/lib/bgpd/datastore.json # default",
        "# secrets: in the datastore # default",
        "# node: the machine's name # default",
        "node-address: default-route # default",
        "node-address6: none # default",
    ]


@given(st.text(min_size=1, max_size=40).filter(lambda text: "\0" not in text and "\n" not in text))
def test_any_file_name_survives(name: str) -> None:
    tree = read_tree(f"control: {_scalar(BY_NAME['control'], name)}\n", "f")
    assert isinstance(tree, Mapping)
    value = tree.pairs[0][1]
    assert isinstance(value, Scalar)
    assert value.text == name
    assert value.noun == "a string"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_accepted_configuration_survives(data: st.DataObject, case: Case) -> None:
    """What was accepted once is accepted again from --check, and is the same."""
    environ = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "BGPD_ASN": st.integers(64512, 65534).map(str),
                "BGPD_TABLE": st.sampled_from(["main", "1", "4294967295"]),
                "BGPD_METRICS": st.sampled_from(["off", ":1", "[::1]:9"]),
                "BGPD_HOSTNAME": st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,9}", fullmatch=True),
                "BGPD_LISTEN": st.lists(st.sampled_from([":1", "::1", "[::]:5", "1.2.3.4"]), unique=True).map(" ".join),
                "BGPD_ANNOUNCE": st.lists(st.sampled_from(["10.0.0.0/8", "fd00::/8", "1.2.3.4/32"]), unique=True).map(" ".join),
                "BGPD_PEER": st.lists(
                    st.builds(
                        ",".join,
                        st.lists(
                            st.sampled_from(["passive", "name=no", "hold-time=0", "asn=65001", "import=none", "families=ipv4"]),
                            unique=True,
                        ).map(lambda keys: ["9.9.9.9", *keys]),
                    ),
                    max_size=1,
                ).map(" ".join),
            },
        )
    )  # fmt: skip
    parsed = parse([], environ, case.host)
    assert reread(parsed.text(), case) == parsed.spec
