"""The table of kinds: how each is called, and what it is read with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from bgpd.cluster import metallb, own
from bgpd.cluster import resources as r
from bgpd.cluster.resources import Meta
from bgpd.cluster.shapes import Record

CALICO: Final = "projectcalico.org/v3"
CALICO_CRD: Final = "crd.projectcalico.org/v1"  #: how Kubernetes stores the same


class Resource(Protocol):
    """Any of the classes in the table."""

    @property
    def meta(self) -> Meta: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of resource."""

    name: str  #: as it is written under `kind`
    api: str
    plural: str  #: in keys of etcd and on the command line
    spec: Record
    status: Record | None = None  #: what of `status` is read
    also: tuple[str, ...] = ()  #: other versions of the same

    @property
    def make(self) -> Any:
        return self.spec.make


def _calico(name: str, plural: str, spec: Record, status: Record | None = None) -> Kind:
    return Kind(name=name, api=CALICO, plural=plural, spec=spec, status=status, also=(CALICO_CRD,))


def _metallb(name: str, plural: str, spec: Record, api: str = metallb.METALLB) -> Kind:
    return Kind(name=name, api=api, plural=plural, spec=spec)


KINDS: Final[tuple[Kind, ...]] = (
    _calico("BGPConfiguration", "bgpconfigurations", r.BGP_CONFIGURATION),
    _calico("BGPPeer", "bgppeers", r.BGP_PEER),
    _calico("BGPFilter", "bgpfilters", r.BGP_FILTER),
    _calico("IPPool", "ippools", r.IP_POOL),
    _calico("Node", "nodes", r.NODE, r.NODE_STATUS),
    _calico("BlockAffinity", "blockaffinities", r.BLOCK_AFFINITY),
    _calico("IPAMBlock", "ipamblocks", r.IPAM_BLOCK),
    _calico("FelixConfiguration", "felixconfigurations", r.FELIX_CONFIGURATION),
    _calico("WorkloadEndpoint", "workloadendpoints", r.WORKLOAD_ENDPOINT),
    Kind(name="ClusterConfiguration", api=own.OWN, plural="clusterconfigurations", spec=own.CLUSTER_CONFIGURATION),
    Kind(name="PeerSettings", api=own.OWN, plural="peersettings", spec=own.PEER_SETTINGS),
    Kind(name="ServiceAddress", api=own.OWN, plural="serviceaddresses", spec=own.SERVICE_ADDRESS),
    _metallb("BGPPeer", "bgppeers", metallb.METAL_PEER, api=metallb.METALLB_PEER),
    _metallb("IPAddressPool", "ipaddresspools", metallb.IP_ADDRESS_POOL),
    _metallb("BGPAdvertisement", "bgpadvertisements", metallb.BGP_ADVERTISEMENT),
    _metallb("Community", "communities", metallb.COMMUNITY_KIND),
    _metallb("BFDProfile", "bfdprofiles", metallb.BFD_PROFILE),
)

#: (apiVersion, kind) -> the row
BY_API: Final[dict[tuple[str, str], Kind]] = {(api, k.name): k for k in KINDS for api in (k.api, *k.also)}
#: class -> the row
BY_CLASS: Final[dict[type, Kind]] = {k.make: k for k in KINDS}

#: Kinds that exist, and that this daemon does not read, with the reason.
REFUSED: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ["NetworkPolicy", "GlobalNetworkPolicy", "StagedNetworkPolicy", "StagedGlobalNetworkPolicy", "Tier"],
        "policy for packets is Felix's work, not that of a BGP speaker",
    ),
    **dict.fromkeys(
        ["HostEndpoint", "Profile", "NetworkSet", "GlobalNetworkSet"],
        "endpoints are Felix's work; routes to workloads are announced by block",
    ),
    **dict.fromkeys(
        ["Service", "Endpoints", "EndpointSlice", "Pod", "Namespace", "Secret", "ConfigMap"],
        "this needs the Kubernetes API; a service address is announced by a ServiceAddress of bgpd/v1",
    ),
}


def show(resource: Resource) -> dict[str, Any]:
    """A resource as JSON, with every key that differs from its default."""
    kind = BY_CLASS[type(resource)]
    spec = kind.spec.show(resource)
    found = {"apiVersion": kind.api, "kind": kind.name, "metadata": r.META.show(resource.meta), "spec": spec}
    if kind.status is not None and (status := kind.status.show(resource)):
        found["status"] = status
    return found
