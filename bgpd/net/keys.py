"""Who signs with which key: the listening sockets and the live connections kept to what the configuration says.

A key is known to the kernel by an address or a prefix. TCP MD5 (RFC 2385) allows a live connection to change its key,
so a reload does that, and both ends have a retransmission or two of time; keys of TCP-AO go to listening sockets, and
the connections that used others are reset by the speaker.
"""

import socket
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, Protocol

from bgpd.model import AoKey, NeighborSpec, RangeSpec, SpeakerSpec
from bgpd.net import on_link, sockopt, tcp_ao
from bgpd.wire.prefix import covers

#: A packed address and None, or a packed address and the bits of it that count.
Whom = tuple[bytes, int | None]


class Signed(Protocol):
    """A live connection."""

    @property
    def remote_address(self) -> bytes: ...

    def set_md5(self, key: bytes | None) -> None: ...


class Keys:
    """The keys in force."""

    def __init__(self, refused: Callable[[str], None]) -> None:
        """`refused` takes the reason in words where the kernel does not take a key."""
        self._refused: Final = refused
        self._passwords: dict[Whom, bytes] = {}
        self._ao: dict[Whom, tuple[AoKey, ...]] = {}

    def configure(
        self,
        neighbors: Iterable[NeighborSpec],
        ranges: Iterable[RangeSpec],
        listeners: Iterable[socket.socket],
        live: Iterable[Signed],
    ) -> None:
        """Other keys from now on."""
        known: dict[Whom, NeighborSpec] = {(spec.address, None): spec for spec in neighbors if spec.address}
        wanted: dict[Whom, NeighborSpec] = {**known, **{_whom(item): item.template for item in ranges}}
        sockets, connections = list(listeners), list(live)
        passwords = {whom: spec.password for whom, spec in wanted.items() if spec.password is not None}
        for whom in self._passwords.keys() | passwords.keys():
            if self._passwords.get(whom) != passwords.get(whom):
                self._md5(whom, passwords.get(whom), sockets)
                for connection in connections:
                    if _concerns(whom, connection.remote_address, known):
                        connection.set_md5(passwords.get(whom))
        keys = {whom: spec.ao_keys for whom, spec in wanted.items() if spec.ao_keys}
        for whom in self._ao.keys() | keys.keys():
            if self._ao.get(whom) != keys.get(whom):
                self._tcp_ao(whom, self._ao.get(whom, ()), keys.get(whom, ()), sockets)
        self._passwords, self._ao = passwords, keys

    def _md5(self, whom: Whom, key: bytes | None, listeners: list[socket.socket]) -> None:
        address, length = whom
        for sock in listeners:
            if sock.family == sockopt.family_of(address):
                try:
                    sockopt.set_md5(sock, address, key, length)
                except OSError as error:
                    self._refused(error.strerror or str(error))

    def _tcp_ao(
        self, whom: Whom, old: tuple[AoKey, ...], new: tuple[AoKey, ...], listeners: list[socket.socket]
    ) -> None:
        address, length = whom
        for sock in listeners:
            if sock.family == sockopt.family_of(address):
                try:
                    tcp_ao.remove_keys(sock, address, old, length=length)
                    tcp_ao.add_keys(sock, address, new, dial=False, length=length)
                except OSError as error:
                    self._refused(f"TCP-AO: {error.strerror or error}")


def refusals(spec: SpeakerSpec) -> list[str]:
    """What neighbors want and this kernel has not, or will not let us do: a sentence each, before anything starts."""
    found: list[str] = []
    wanted = [(f"peer {each.name}", each) for each in spec.neighbors]
    wanted += [(each.template.name, each.template) for each in spec.ranges]
    answers: dict[str, str] = {}

    def ask(what: str, probe: Callable[[], str]) -> str:
        if what not in answers:
            answers[what] = probe()
        return answers[what]

    for name, each in wanted:
        if each.password is not None and (why := ask("md5", sockopt.probe_md5)):
            found.append(f"{name}: password-file: {why}")
        algorithms = sorted({key.algorithm for key in each.ao_keys})
        reasons = [ask(algorithm, partial(tcp_ao.probe, algorithm)) for algorithm in algorithms]
        found += [f"{name}: ao-key-file: {why}" for why in reasons if why]
        if each.unnumbered and (why := ask("on_link", on_link.probe)):
            found.append(f"{name}: interface: {why}")
    return found


def _whom(item: RangeSpec) -> Whom:
    return item.prefix[1:].ljust(item.family.octets, b"\0"), item.prefix[0]


def _concerns(whom: Whom, address: bytes, known: dict[Whom, NeighborSpec]) -> bool:
    """Whether a connection with this address signs with that key."""
    base, length = whom
    if length is None:
        return base == address
    if len(base) != len(address) or (address, None) in known:
        return False
    return covers(bytes((length,)) + base[: (length + 7) >> 3], bytes((len(address) * 8,)) + address)
