"""The overlay's device and entries in a real kernel."""

import pytest

from bgpd.kernel import io_vxlan
from bgpd.kernel.io_vxlan import OverlayRefused
from bgpd.model import VxlanSpec
from bgpd.wire.prefix import parse_address
from tests.netns.netns import Namespace, Net

OURS, THEIRS = parse_address("10.0.0.1"), parse_address("10.0.0.2")


def node(net: Net) -> Namespace:
    here, there = net.namespace("here"), net.namespace("there")
    net.veth(here, "eth0", there, "eth0")
    here.ip("addr add 10.0.0.1/24 dev eth0", "addr add fd00::1/64 dev eth0 nodad")
    return here


@pytest.mark.parametrize(
    ("own", "name", "mtu"), [(OURS, "bgpd.vx4", 1450), (parse_address("fd00::1"), "bgpd.vx6", 1430)]
)
def test_a_device_of_the_right_mtu(own: bytes, name: str, mtu: int) -> None:
    with Net() as net:
        here = node(net)
        with here.entered():
            index = io_vxlan.ensure(VxlanSpec(), own)
            assert io_vxlan.ensure(VxlanSpec(), own) == index  # adopted
            shown = here.ip(f"-d link show {name}")
            assert f"mtu {mtu}" in shown
            assert "vxlan id 4096" in shown
            assert "dstport 4789 nolearning" in shown
            here.ip("link set eth0 mtu 1400")
            assert io_vxlan.ensure(VxlanSpec(), own) == index
            assert f"mtu {mtu - 100}" in here.ip(f"link show {name}")
            assert io_vxlan.ensure(VxlanSpec(vni=7), own) != index  # what cannot be changed is made anew
            io_vxlan.remove()
            assert name not in here.ip("link show")


def test_entries() -> None:
    with Net() as net:
        here = node(net)
        with here.entered():
            index = io_vxlan.ensure(VxlanSpec(), OURS)
            assert io_vxlan.write(index, [THEIRS]) == []
            assert io_vxlan.write(index, [THEIRS]) == []
            assert io_vxlan.read(index) == {THEIRS}
            assert "10.0.0.2 lladdr 02:62:0a:00:00:02 PERMANENT" in here.ip("neigh show dev bgpd.vx4")
            here.ip("neigh del 10.0.0.2 dev bgpd.vx4")
            assert io_vxlan.read(index) == set()  # one of two is none
            io_vxlan.write(index, [THEIRS])
            io_vxlan.write(index, [], [THEIRS])
            assert io_vxlan.read(index) == set()
            assert io_vxlan.write(index, [], [THEIRS]) == []  # gone already is fine
            assert io_vxlan.write(999, [THEIRS]) != []


def test_somebody_elses_device_stays() -> None:
    with Net() as net:
        here = node(net)
        here.ip("link add bgpd.vx4 type vxlan id 1 dstport 1 nolearning")
        with here.entered():
            with pytest.raises(OverlayRefused, match="somebody else's"):
                io_vxlan.ensure(VxlanSpec(), OURS)
            io_vxlan.remove()
            assert "vxlan id 1 " in here.ip("-d link show bgpd.vx4")


def test_a_port_that_is_taken_by_another_vni_is_named() -> None:
    with Net() as net:
        here = node(net)
        here.ip("link add other type vxlan id 4096 dstport 4789 nolearning")
        with here.entered(), pytest.raises(OverlayRefused, match="cannot be made"):
            io_vxlan.ensure(VxlanSpec(), OURS)


def test_an_address_that_went_is_named() -> None:
    with Net() as net:
        here = node(net)
        with here.entered(), pytest.raises(OverlayRefused, match="no address of this node any more"):
            io_vxlan.ensure(VxlanSpec(), parse_address("10.9.9.9"))
