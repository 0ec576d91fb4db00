"""Which of this machine's addresses is the node's: Calico's methods, and a better default.

    default-route              the address that the default route sends from; without one, first-found (the default)
    first-found                the first address of the first interface that is the machine's own
    can-reach=ADDRESS|NAME     the address that packets to there are sent from
    interface=REGEX,...        the first address of the first interface that matches, in the order of the patterns
    skip-interface=REGEX,...   as first-found, without the interfaces that match
    cidr=PREFIX,...            the first address that lies in one of these
    none                       no address of this family

Bridges of containers, tunnels and the like are never a node's address unless `interface` names them.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final, Protocol

#: Interfaces that belong to containers and overlays, as Calico leaves them out.
_NOT_OURS: Final = re.compile(
    r"docker.*|cbr.*|dummy.*|virbr.*|lxcbr.*|lxdbr.*|veth.*|lo|cali.*|tunl.*|flannel.*|kube-ipvs.*|cni.*|podman.*"
    r"|br-.*|vxlan.*|wireguard.*|nodelocaldns|ovn.*|bgpd-.*"
)


class Local(Protocol):
    """One address of this machine, as the kernel lists it."""

    @property
    def address(self) -> bytes: ...
    @property
    def interface(self) -> str: ...
    @property
    def length(self) -> int: ...
    @property
    def fit(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Found:
    """The node's address, with the length of its subnet, and how it was found (for people)."""

    address: bytes
    length: int
    how: str

    def __str__(self) -> str:
        return f"{ip_address(self.address)}/{self.length}"


def detect(method: str, octets: int, addresses: Sequence[Local], source: Callable[[str], bytes | None]) -> Found | None:
    """The node's address of one family (4 or 16 octets); None for the method `none`.

    `source(destination)`: the local address that packets to there leave with; "" is the way by default.
    Raises ValueError, a sentence that says what was looked for and what there is.
    """
    name, _, value = method.partition("=")
    if method == "none":
        return None
    ours = [each for each in addresses if len(each.address) == octets and each.fit and not _useless(each)]
    usual = [each for each in ours if not _NOT_OURS.fullmatch(each.interface)]
    if name == "default-route":
        return _by_source(source(""), usual, "the source of the default route") or _first(method, usual, ours, octets)
    if name == "first-found":
        return _first(method, usual, ours, octets)
    if name == "can-reach":
        found = _by_source(source(value), ours, f"the source towards {value}")
        return found or _nothing(f"no way to {value} begins at an address of ours", ours, octets)
    if name == "interface":
        return _of_interface(value, ours, octets)
    if name == "skip-interface":
        patterns = [re.compile(pattern) for pattern in value.split(",")]
        left = [each for each in usual if not any(pattern.search(each.interface) for pattern in patterns)]
        return _first(method, left, ours, octets)
    if name == "cidr":
        nets = [ip_network(prefix, strict=False) for prefix in value.split(",")]
        for each in usual:
            if any(ip_address(each.address) in net for net in nets):
                return _found(each, f"the first in {value}")
        return _nothing(f"no address lies in {value}", ours, octets)
    return _given(method, octets, addresses)


def _given(text: str, octets: int, addresses: Sequence[Local]) -> Found:
    """An address that was written down; its length is the interface's where none was written."""
    host, slash, bits = text.partition("/")
    address = ip_address(host).packed
    if len(address) != octets:
        raise ValueError(f"{host} is an address of the other family")
    if slash:
        return Found(address, int(bits), "given")
    for each in addresses:
        if each.address == address:
            return _found(each, "given")
    return Found(address, len(address) * 8, "given; no interface has it")


def _by_source(address: bytes | None, candidates: Sequence[Local], how: str) -> Found | None:
    for each in candidates:
        if each.address == address:
            return _found(each, f"{how}, on {each.interface}")
    return None


def _first(method: str, candidates: Sequence[Local], ours: Sequence[Local], octets: int) -> Found:
    if candidates:
        return _found(candidates[0], f"the first address found, on {candidates[0].interface}")
    return _nothing(f"{method} finds no interface of the machine itself", ours, octets)


def _of_interface(value: str, ours: Sequence[Local], octets: int) -> Found:
    for pattern in value.split(","):
        for each in ours:
            if re.search(pattern, each.interface):
                return _found(each, f"on {each.interface}")
    return _nothing(f"no interface matches {value}", ours, octets)


def _found(local: Local, how: str) -> Found:
    return Found(local.address, local.length, how)


def _nothing(why: str, ours: Sequence[Local], octets: int) -> Found:
    family = "IPv4" if octets == 4 else "IPv6"
    there = ", ".join(f"{ip_address(each.address)} on {each.interface}" for each in ours[:8]) or "none"
    raise ValueError(f"no {family} address for this node: {why} (there is: {there})")


def _useless(local: Local) -> bool:
    address = ip_address(local.address)
    return address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
