"""The layout of the keys. What Calico knows stands exactly where Calico puts it; the rest under `/bgpd/v1/`.

    /calico/resources/v3/projectcalico.org/<plural>/<name>         a resource: JSON with kind, metadata, spec
    /calico/ipam/v2/host/<node>/ipv4/block/10.244.1.0-26           a node's affinity to a block
    /calico/ipam/v2/assignment/ipv4/block/10.244.1.0-26            the block: whose it is, and its addresses
    /bgpd/v1/resources/<group>/<plural>/<name>                     a resource of a kind that Calico does not have
    /bgpd/v1/secrets/<name>/<key>                                  a password
    /bgpd/v1/alive/<node>                                          the node is there, with a lease
    /bgpd/v1/status/<node>                                         what it says about itself, with the same lease

A resource with a namespace has it before its name: `<namespace>/<name>`.
A prefix that is listed ends in "/": `node-1` is not the beginning of `node-10`.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from bgpd.cluster.kinds import BY_API, KINDS, Kind
from bgpd.cluster.store.base import Range

Network = IPv4Network | IPv6Network

CALICO: Final = "/calico/resources/v3/projectcalico.org/"
OWN: Final = "/bgpd/v1/"
RESOURCES: Final = OWN + "resources/"
ALIVE: Final = OWN + "alive/"
STATUS: Final = OWN + "status/"
SECRETS: Final = OWN + "secrets/"
HOSTS: Final = "/calico/ipam/v2/host/"
BLOCKS: Final = "/calico/ipam/v2/assignment/"

_CALICO_GROUP: Final = "projectcalico.org"


def kind_prefix(kind: Kind) -> str:
    """Where all resources of a kind stand."""
    group = kind.api.partition("/")[0]
    return f"{CALICO if group == _CALICO_GROUP else f'{RESOURCES}{group}/'}{kind.plural}/"


def resource_key(api: str, kind: str, name: str, namespace: str = "") -> str:
    """Where a resource stands. Raises ValueError for a kind that is not known."""
    row = BY_API.get((api, kind))
    if row is None:
        near = next((f"; it is of {each.api}" for each in KINDS if each.name == kind), "")
        raise ValueError(f"{api} has no kind {kind} that is known here{near}")
    return kind_prefix(row) + (f"{namespace}/{name}" if namespace else name)


def name_of_resource(key: str) -> tuple[str, str] | None:
    """Plural and (NAMESPACE/)name of the resource at a key; None where the key is none of a resource."""
    for prefix, first in ((CALICO, 0), (RESOURCES, 1)):
        words = key.removeprefix(prefix).split("/")
        if key.startswith(prefix) and len(words) in (first + 2, first + 3) and all(words):
            return words[first], "/".join(words[first + 1 :])
    return None


def affinity_prefix(node: str) -> str:
    """A node's affinities, of both families."""
    return f"{HOSTS}{node}/"


def affinity_key(node: str, block: Network) -> str:
    return f"{HOSTS}{node}/ipv{block.version}/block/{_dashed(block)}"


def block_key(block: Network) -> str:
    return f"{BLOCKS}ipv{block.version}/block/{_dashed(block)}"


def read_affinity(key: str) -> tuple[str, Network] | None:
    """The node and the block of an affinity's key; None where it is none."""
    node, _, rest = key.removeprefix(HOSTS).partition("/")
    parts = rest.split("/")
    if not key.startswith(HOSTS) or len(parts) != 3 or parts[1] != "block":
        return None
    block = _network(parts[2])
    return (node, block) if block is not None and node and parts[0] == f"ipv{block.version}" else None


def read_block(key: str) -> Network | None:
    """The block of a block's key; None where it is none."""
    parts = key.removeprefix(BLOCKS).split("/")
    if not key.startswith(BLOCKS) or len(parts) != 3 or parts[1] != "block":
        return None
    return _network(parts[2])


def status_key(node: str) -> str:
    return STATUS + node


def alive_key(node: str) -> str:
    return ALIVE + node


def secret_key(name: str, key: str) -> str:
    return f"{SECRETS}{name}/{key}"


def end_of(prefix: str) -> bytes:
    """The first key behind all that begin with `prefix` (etcd's range_end)."""
    octets = bytearray(prefix.encode())
    while octets and octets[-1] == 0xFF:
        octets.pop()
    if octets:
        octets[-1] += 1
    return bytes(octets) or b"\0"


def holds(ranges: Iterable[Range], key: str) -> bool:
    """Whether a key is in one of the ranges."""
    return any(each.holds(key) for each in ranges)


def _dashed(block: Network) -> str:
    return str(block).replace("/", "-")


def _network(text: str) -> Network | None:
    try:
        return ip_network(text.replace("-", "/", 1))
    except ValueError:
        return None
