"""What the loc-rib wants of the kernel for a prefix: next hops, shares of the load, or a guard. Values, pure."""

from collections.abc import Sequence
from enum import Enum
from typing import Final


class Guard(Enum):
    """A want that is no next hop."""

    BLACKHOLE = "blackhole"  #: packets that nothing more specific matches are dropped, so they cannot loop


BLACKHOLE: Final = Guard.BLACKHOLE


class Weighted:
    """A want whose next hops carry unequal shares of the load. A value."""

    __slots__ = ("_hash", "addresses", "weights")

    def __init__(self, addresses: tuple[bytes, ...], weights: tuple[int, ...]) -> None:
        self.addresses: Final = addresses
        self.weights: Final = weights  #: one an address, 1 to 256
        self._hash: Final = hash((addresses, weights))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Weighted) and self.addresses == other.addresses and self.weights == other.weights

    def __repr__(self) -> str:
        return f"Weighted({self.addresses!r}, {self.weights})"


#: What the loc-rib wants for one prefix: next-hop addresses (packed: 4, 16, or 32 octets = global + link-local; or 20
#: octets = link-local + interface index, see `links.scoped`), the same with weights, or a guard.
Want = tuple[bytes, ...] | Weighted | Guard


def addresses_of(want: Want) -> tuple[bytes, ...]:
    """The next hops of a want; none for a guard."""
    if isinstance(want, Guard):
        return ()
    return want.addresses if isinstance(want, Weighted) else want


def readdressed(want: Want, addresses: tuple[bytes, ...]) -> Want:
    """The same want by way of other spellings of its next hops, one for one."""
    if isinstance(want, Guard):
        return want
    return Weighted(addresses, want.weights) if isinstance(want, Weighted) else addresses


#: The most that one way out weighs: an octet in the kernel, which counts from 0.
WEIGHT_MAX: Final = 256
_CLOSE: Final = 0.001  # of a share, what rounding may change it by where a small number does


def scaled(shares: Sequence[float]) -> tuple[int, ...]:
    """Weights as the kernel takes them, 1 to 256, the smallest in these proportions; empty where they are equal."""
    most = max(shares, default=0.0)
    if len(shares) < 2 or min(shares) == most:
        return ()
    weights: list[int] = []
    for scale in range(1, WEIGHT_MAX + 1):
        exact = [share * scale / most for share in shares]
        weights = [max(1, round(each)) for each in exact]
        if all([abs(weight - each) <= each * _CLOSE for weight, each in zip(weights, exact, strict=True)]):  # noqa: C419 - compiles
            break
    return tuple(weights) if min(weights) < max(weights) else ()
