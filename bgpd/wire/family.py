"""Address families: AFI + SAFI as one small value (RFC 4760)."""

from typing import Final


class Family:
    """An address family that this speaker carries. Compared by identity: there is one object per family."""

    __slots__ = ("afi", "bits", "name", "octets", "safi")

    def __init__(self, name: str, afi: int, safi: int, bits: int) -> None:
        self.name: Final = name  #: as configuration, CLI and metrics spell it
        self.afi: Final = afi  #: IANA address family number
        self.safi: Final = safi  #: IANA subsequent address family identifier
        self.bits: Final = bits  #: longest prefix length
        self.octets: Final = bits // 8  #: octets of one address

    def __repr__(self) -> str:
        return f"Family({self.name})"


IPV4: Final = Family("ipv4", 1, 1, 32)
IPV6: Final = Family("ipv6", 2, 1, 128)

#: Every family this speaker carries, in the order they are offered.
FAMILIES: Final[tuple[Family, ...]] = (IPV4, IPV6)
BY_CODE: Final[dict[tuple[int, int], Family]] = {(f.afi, f.safi): f for f in FAMILIES}
BY_NAME: Final[dict[str, Family]] = {f.name: f for f in FAMILIES}
