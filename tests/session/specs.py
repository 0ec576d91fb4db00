"""Neighbor specs for two sides of one session."""

from dataclasses import replace

from bgpd.model import NeighborSpec

LEFT_ADDRESS = bytes((192, 168, 1, 10))
RIGHT_ADDRESS = bytes((192, 168, 1, 11))


def pair(left_asn: int = 65001, right_asn: int = 65002) -> tuple[NeighborSpec, NeighborSpec]:
    """Left's neighbor right, and right's neighbor left."""
    left = NeighborSpec(address=RIGHT_ADDRESS, name="right", local_asn=left_asn, remote_asn=right_asn)
    right = NeighborSpec(address=LEFT_ADDRESS, name="left", local_asn=right_asn, remote_asn=left_asn)
    return left, right


def one_way(left_asn: int = 65001, right_asn: int = 65002) -> tuple[NeighborSpec, NeighborSpec]:
    """The same, but only left dials."""
    left, right = pair(left_asn, right_asn)
    return left, replace(right, passive=True)
