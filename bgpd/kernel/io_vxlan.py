"""The overlay's devices and entries, by pyroute2: few, and changed rarely. Synchronous; called in a thread.

A device is ours by its alias. One of that name without it belongs to somebody else and stays untouched; one of ours
that differs in what cannot be changed (VNI, port, our end) is made anew, and its routes and entries with it.

pyroute2 is loaded when the first device is wanted: it takes as long as all the rest of a node's start.
"""

from collections.abc import Iterable
from typing import Any, Final

from bgpd.kernel.tunnel import DEVICES, OVERHEAD, entries, mac_of
from bgpd.model import VxlanSpec
from bgpd.wire.prefix import format_address, parse_address

ALIAS: Final = "bgpd overlay"
_NUD_PERMANENT: Final = 0x80
_NTF_SELF: Final = 0x02
_AF_BRIDGE: Final = 7


class OverlayRefused(Exception):  # noqa: N818 - it names what happened
    """The device cannot be had; the text is the end of a sentence that begins with its name."""


def ensure(spec: VxlanSpec, source: bytes) -> int:
    """The device of the family of `source` (our end, 4 or 16 octets), up and as wanted; returns its interface index.

    Raises OverlayRefused.
    """
    from pyroute2 import IPRoute, NetlinkError  # noqa: PLC0415 - see above; so in all of this module

    with IPRoute() as netlink:
        try:
            return _ensure(netlink, spec, source)
        except NetlinkError as error:
            raise OverlayRefused(f"cannot be made: {error.args[1]}") from error


def _ensure(netlink: Any, spec: VxlanSpec, source: bytes) -> int:
    name = DEVICES[len(source)]
    mtu = spec.mtu or _underlay_mtu(netlink, source) - OVERHEAD[len(source)]
    found = netlink.link_lookup(ifname=name)
    if found:
        link = netlink.get_links(found[0])[0]
        if link.get_attr("IFLA_IFALIAS") != ALIAS:
            raise OverlayRefused("is somebody else's: it does not carry our alias")
        if _same(link, spec, source):
            change = {} if link.get_attr("IFLA_MTU") == mtu else {"mtu": mtu}
            if change or not link["flags"] & 1:
                netlink.link("set", index=found[0], state="up", **change)
            return int(found[0])
        netlink.link("del", index=found[0])
    ends = {"vxlan_local": format_address(source)} if len(source) == 4 else {"vxlan_local6": format_address(source)}
    netlink.link(
        "add", ifname=name, kind="vxlan", vxlan_id=spec.vni, vxlan_port=spec.port, vxlan_learning=False,
        address=_mac_words(mac_of(source)), mtu=mtu, **ends,
    )  # fmt: skip
    index = int(netlink.link_lookup(ifname=name)[0])
    netlink.link("set", index=index, ifalias=ALIAS, state="up")
    return index


def _same(link: Any, spec: VxlanSpec, source: bytes) -> bool:
    data = link.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_DATA")
    if data is None:
        return False
    local = data.get_attr("IFLA_VXLAN_LOCAL" if len(source) == 4 else "IFLA_VXLAN_LOCAL6")
    port = data.get_attr("IFLA_VXLAN_PORT")
    own = link.get_attr("IFLA_ADDRESS") == _mac_words(mac_of(source))
    return bool(
        own
        and local
        and parse_address(local) == source
        and (data.get_attr("IFLA_VXLAN_ID"), port) == (spec.vni, spec.port)
    )


def _underlay_mtu(netlink: Any, source: bytes) -> int:
    """The MTU of the link that has our end's address."""
    for row in netlink.get_addr():
        text = row.get_attr("IFA_LOCAL") or row.get_attr("IFA_ADDRESS")
        if text and parse_address(text) == source:
            return int(netlink.get_links(row["index"])[0].get_attr("IFLA_MTU"))
    raise OverlayRefused(f"cannot be made: {format_address(source)} is no address of this node any more")


def write(index: int, add: Iterable[bytes], remove: Iterable[bytes] = ()) -> list[str]:
    """Give each next hop in `add` its two entries on the device, take those in `remove`; returns trouble in words."""
    from pyroute2 import IPRoute, NetlinkError  # noqa: PLC0415

    trouble: list[str] = []
    with IPRoute() as netlink:
        for command, addresses in (("replace", add), ("del", remove)):
            for address, mac in entries(addresses):
                text, lladdr = format_address(address), _mac_words(mac)
                try:
                    netlink.fdb(command, ifindex=index, lladdr=lladdr, dst=text, flags=_NTF_SELF, state=_NUD_PERMANENT)
                    netlink.neigh(command, dst=text, lladdr=lladdr, ifindex=index, state=_NUD_PERMANENT)
                except NetlinkError as error:
                    if command == "replace":
                        trouble.append(f"{text}: {error.args[1]}")
    return trouble


def read(index: int) -> set[bytes]:
    """The next hops that have both entries on the device."""
    from pyroute2 import IPRoute  # noqa: PLC0415

    with IPRoute() as netlink:
        forwarding = {
            (row.get_attr("NDA_DST"), row.get_attr("NDA_LLADDR"))
            for row in netlink.get_neighbours(family=_AF_BRIDGE, ifindex=index)
        }
        neighbors = {
            (row.get_attr("NDA_DST"), row.get_attr("NDA_LLADDR"))
            for row in netlink.get_neighbours(ifindex=index)
            if row["state"] & _NUD_PERMANENT
        }
    return {parse_address(text) for text, _ in forwarding & neighbors if text}


def remove() -> None:
    """Our devices go; others' stay."""
    from pyroute2 import IPRoute  # noqa: PLC0415

    with IPRoute() as netlink:
        for name in DEVICES.values():
            for index in netlink.link_lookup(ifname=name):
                if netlink.get_links(index)[0].get_attr("IFLA_IFALIAS") == ALIAS:
                    netlink.link("del", index=index)


def _mac_words(mac: bytes) -> str:
    return ":".join(f"{octet:02x}" for octet in mac)
