"""Neighbors by interface: nothing but link-local addresses between them, found by themselves."""

from pathlib import Path

from tests.interop.drivers.frr import Frr
from tests.interop.drivers.ours import Ours
from tests.interop.lan import Lan
from tests.interop.routes import Route


def _ours(lan: Lan, work: Path, number: int, asn: int) -> Ours:
    daemon = Ours(lan.nodes[number - 1], work, asn)
    daemon.settings["peer"] = [
        {
            "interface": "eth0",
            "asn": "external",
            "import": "all",
            "export": "all",
            "connect-retry-time": 1,
            "idle-hold-min": 1,
        }
    ]
    daemon.settings["listen"] = ["[::]:179", "0.0.0.0:179"]
    return daemon


def test_two_of_ours(tmp_path: Path) -> None:
    lan = Lan(2)
    try:
        first, second = _ours(lan, tmp_path, 1, 64512), _ours(lan, tmp_path, 2, 65002)
        for number, daemon in enumerate((first, second), 1):
            daemon.announce([Route(f"2001:db8:{number}::/48"), Route(f"10.{number}.0.0/16")])
            daemon.start()
        for daemon, other in ((first, 2), (second, 1)):
            daemon.wait_established("eth0")
            daemon.wait_for(lambda d=daemon, o=other: len(d.table("eth0")) == 2, "both routes")  # type: ignore[misc]
            view = daemon.neighbor("eth0")
            assert view["remote_address"].startswith("fe80::")
            assert view["remote_address"].endswith("%eth0")
            row = next(row for row in daemon.rows("received", "eth0") if row["family"] == "ipv6")
            assert row["prefix"] == f"2001:db8:{other}::/48"
            assert row["eligible"]
            assert "fe80::" in row["next_hop"]
    finally:
        lan.close()


def test_the_kernel_gets_the_link_local_next_hop(tmp_path: Path) -> None:
    lan = Lan(2)
    try:
        first, second = _ours(lan, tmp_path, 1, 64512), _ours(lan, tmp_path, 2, 65002)
        first.settings["no-kernel"] = False
        second.announce([Route("2001:db8:2::/48")])
        for daemon in (first, second):
            daemon.start()
        first.wait_established("eth0")
        node = lan.nodes[0]
        first.wait_for(lambda: "2001:db8:2::/48" in node.run(["ip", "-6", "route"]), "the route in the kernel")
        line = next(text for text in node.run(["ip", "-6", "route"]).splitlines() if text.startswith("2001:db8:2::/48"))
        assert "via fe80::" in line
        assert "dev eth0" in line
    finally:
        lan.close()


def test_frr(tmp_path: Path) -> None:
    """FRR finds its neighbor by router advertisements, and tells who it is by its own."""
    lan = Lan(2)
    try:
        ours = _ours(lan, tmp_path, 1, 64512)
        other = FrrOnLink(lan.nodes[1], tmp_path, 65002)
        other.own["2001:db8:9::/48"] = Route("2001:db8:9::/48")
        ours.announce([Route("2001:db8:1::/48")])
        other.start()
        ours.start()
        ours.wait_established("eth0")
        ours.wait_for(lambda: "2001:db8:9::/48" in ours.table("eth0"), "the route of FRR")
        other.wait_for(lambda: "2001:db8:1::/48" in other.ask("show bgp ipv6 unicast"), "our route")
    finally:
        lan.close()


class FrrOnLink(Frr):
    """FRR with one unnumbered neighbor."""

    def _config(self) -> list[str]:
        lines = super()._config()
        where = lines.index("no bgp default ipv4-unicast") + 1
        lines[where:where] = ["neighbor eth0 interface remote-as external", "neighbor eth0 timers connect 1"]
        where = lines.index("address-family ipv6 unicast") + 1
        lines.insert(where, "neighbor eth0 activate")
        return lines
