"""What the settings of a cluster come down to for one node, before any session is thought of."""

import hashlib
from dataclasses import dataclass
from typing import Final

from bgpd.cluster.own import ClusterConfiguration, PeerSettings
from bgpd.cluster.plan import Compat
from bgpd.cluster.resources import BGPConfiguration, Meta, Node, NodeBGP, PrefixAdvertisement, SecretRef
from bgpd.cluster.scalars import HostAddress
from bgpd.cluster.snapshot import Snapshot
from bgpd.wire.prefix import format_address, parse_address

DEFAULT_ASN: Final = 64512
DEFAULT_PORT: Final = 179
RESTART_TIME: Final = 120  #: seconds, as BIRD has it
CALICO_HOLD_TIME: Final = 240  #: seconds, BIRD's own default, which Calico leaves as it is
HOLD_TIME: Final = 90
COMPAT: Final = {
    "none": Compat.NONE,
    "calico": Compat.CALICO_333,
    "calico-3.31": Compat.CALICO_331,
    "calico-3.33": Compat.CALICO_333,
}
_LEVELS: Final = {
    "Trace": "debug",
    "Debug": "debug",
    "Info": "info",
    "Warning": "warning",
    "Error": "error",
    "Fatal": "error",
}
#: what Calico's BIRD never looks at, whatever is configured
CALICO_INTERFACES: Final = ("cali*", "kube-ipvs*")


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds."""

    hold: int
    keepalive: int
    retry: float


class Facts:
    """Answers about one snapshot, as one node sees it. `compat` overrides what the cluster says."""

    def __init__(self, snapshot: Snapshot, node: Node, compat: Compat | None = None) -> None:
        self.snapshot: Final = snapshot
        self.node: Final = node
        self.name: Final = node.meta.name
        self.bgp: Final = node.bgp or NodeBGP()
        self.config: Final = snapshot.default or BGPConfiguration(meta=Meta(name="default"))
        own = snapshot.get(BGPConfiguration, f"node.{self.name}")
        self.own: Final = own or BGPConfiguration(meta=Meta(name="none"))
        found = snapshot.get(ClusterConfiguration, "default")
        self.cluster: Final = found or ClusterConfiguration(meta=Meta(name="default"))
        self.compat: Final = COMPAT[self.cluster.compat] if compat is None else compat
        self.asn: Final = self.asn_of(node)
        self._ports: Final = {
            name.removeprefix("node."): each.listen_port
            for name, each in snapshot.all(BGPConfiguration).items()
            if name != "default" and each.listen_port
        }
        self._settings: Final = {
            name: settings for settings in snapshot.all(PeerSettings).values() for name in settings.peers
        }

    def asn_of(self, node: Node) -> int:
        return (node.bgp.asn if node.bgp is not None else 0) or self.config.asn or DEFAULT_ASN

    def given_port(self, node: str) -> int:
        """The port that somebody said a node listens on; 0: nobody did."""
        return self._ports.get(node, 0) or self.config.listen_port

    @property
    def port(self) -> int:
        return self.given_port(self.name) or DEFAULT_PORT

    @property
    def listen(self) -> tuple[tuple[str, int], ...]:
        """Address and port, as `DaemonSpec.listen` has them."""
        if (self.own.bind_mode or self.config.bind_mode) == "NodeIP":
            found = [each for each in (self.bgp.ipv4, self.bgp.ipv6) if each is not None]
            return tuple((each.text, self.port) for each in found)
        return ("0.0.0.0", self.port), ("::", self.port)  # noqa: S104 - a router listens

    @property
    def log_level(self) -> str:
        return _LEVELS[self.own.log_severity or self.config.log_severity or "Info"]

    @property
    def ignored_interfaces(self) -> tuple[str, ...]:
        return (*(self.own.ignored_interfaces or self.config.ignored_interfaces), *CALICO_INTERFACES)

    @property
    def prefix_advertisements(self) -> tuple[PrefixAdvertisement, ...]:
        """A node's own list replaces that of the cluster."""
        return self.own.prefix_advertisements or self.config.prefix_advertisements

    def community(self, word: str) -> str:
        """The value of a community that may be named."""
        names = {each.name: each.value for each in (*self.config.communities, *self.own.communities)}
        return names.get(word, word)

    def priority(self, octets: int) -> int:
        return self.config.ipv4_priority if octets == 4 else self.config.ipv6_priority

    def settings(self, peer: str) -> PeerSettings | None:
        """What is tuned for a BGPPeer, or for the mesh."""
        return self._settings.get(peer)

    def timers(self, peer: str, keepalive: float | None = None) -> Timers:
        """`keepalive`: what the BGPPeer itself says."""
        settings = self.settings(peer)
        tuned = (settings.hold_time, settings.keepalive_time, settings.connect_retry_time) if settings else (None,) * 3
        shared = (self.cluster.hold_time, self.cluster.keepalive_time, self.cluster.connect_retry_time)
        hold = _first(tuned[0], shared[0])
        beat = _first(keepalive, tuned[1], shared[1])
        if hold is None:
            hold = HOLD_TIME if self.compat is Compat.NONE else CALICO_HOLD_TIME
            hold = hold if beat is None else max(hold, 3 * round(beat))
        retry = _first(tuned[2], shared[2])
        return Timers(round(hold), round(hold / 3 if beat is None else beat), 5.0 if retry is None else retry)

    def router_id(self, wanted: str = "") -> bytes:
        """`wanted`: "hash", four octets as text, or empty: the node's IPv4 address, else the hash."""
        if wanted not in ("", "hash"):
            return parse_address(wanted)
        if wanted == "hash" or self.cluster.router_id == "hash" or self.bgp.ipv4 is None:
            return hashed_router_id(self.name)
        return self.bgp.ipv4.address

    def address(self, octets: int) -> HostAddress | None:
        return self.bgp.address(octets)

    def has_password(self, secret: SecretRef | None) -> bool:
        """Whether a password that is asked for is there; nothing asked for counts as there."""
        return secret is None or self.snapshot.has_secret(secret)


def hashed_router_id(name: str) -> bytes:
    """Calico's router id of a name: the first four octets of its SHA-256, kept out of multicast."""
    octets = hashlib.sha256(name.encode()).digest()[:4]
    return bytes((octets[0] - 32,)) + octets[1:] if octets[0] > 223 else octets


def later_as_text(peer: bytes, own: bytes) -> bool:
    """Calico's rule for who waits: the peer's address is greater than ours, compared as text (10.0.0.9 > 10.0.0.10)."""
    return format_address(peer) > format_address(own)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
