"""What the speaker asks of its shells: the few verbs it may use on the world.

The simulator and the tests implement these with lists and dictionaries; `net.io_tcp` and
`kernel.service` with sockets. Nothing here blocks, and nothing raises.
"""

from collections.abc import Callable
from typing import Protocol

from bgpd.kernel.wants import Want
from bgpd.model import NeighborSpec, RangeSpec
from bgpd.wire.family import Family


class Transport(Protocol):
    """One TCP connection, as the speaker sees it."""

    @property
    def dialed(self) -> bool:
        """True where this side opened the connection."""

    @property
    def local_address(self) -> bytes: ...

    @property
    def local_port(self) -> int: ...

    @property
    def remote_address(self) -> bytes: ...

    @property
    def remote_port(self) -> int: ...

    @property
    def interface(self) -> str:
        """The link, where the remote address is link-local; else empty."""

    @property
    def zone(self) -> int:
        """That link's number; 0 where the remote address is not link-local."""

    @property
    def next_hops(self) -> dict[Family, bytes]:
        """Our own address towards the peer, by family: what next hop self means here."""

    @property
    def backlog(self) -> int:
        """Octets written and not yet taken by the kernel."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None:
        """Close once everything written has gone, or after a few seconds in any case."""

    def set_max_message(self, octets: int) -> None:
        """Take messages of up to this many octets from now on (RFC 8654)."""

    def pause_reading(self) -> None:
        """Leave further octets in the kernel, so that TCP slows the peer (XOFF)."""

    def resume_reading(self) -> None:
        """XON."""

    def readable(self) -> bool:
        """True where the kernel holds octets that were not read yet: the peer is not silent, we are slow."""


class Dialer(Protocol):
    """Opens connections; the answer is `Speaker.tcp_up` or `Speaker.tcp_failed`."""

    def dial(self, spec: NeighborSpec) -> None: ...

    def cancel(self, identity: bytes) -> None:
        """Forget a dial under way; no answer comes."""

    def set_passwords(self, neighbors: tuple[NeighborSpec, ...], ranges: tuple[RangeSpec, ...] = ()) -> None:
        """The TCP MD5 and TCP-AO keys from now on, for connections to come and (MD5) those that live."""

    def look_for(self, interfaces: frozenset[str]) -> None:
        """Find out who is on these links, and on no others: `Speaker.discovered` is told."""


class Fib(Protocol):
    """Where best paths go (`kernel.service`)."""

    def submit(self, family: Family, wants: dict[bytes, Want | None]) -> None:
        """Latest state wins; returns at once."""

    def track(self, address: bytes) -> None:
        """Tell `Speaker.next_hop_moved` about this next hop, now and at each change."""

    def untrack(self, address: bytes) -> None: ...

    def heard(self, addresses: set[bytes]) -> None:
        """These neighbors have said everything, and all of it was submitted: what else of theirs is there is stale."""


#: log(level, event, fields): what a person reads; the shell gives it a time and a shape.
Log = Callable[[str, str, dict[str, object]], None]
