"""Graceful restart, as far as OPEN and the end of a session go: what is said, agreed, and kept.

Three RFCs share one idea. A speaker that goes away and comes back asks its peers to go on as if it were there:
RFC 4724 for the restart time that it names, RFC 8538 also where a NOTIFICATION ended the session, RFC 9494 for hours
or days after that, as the last resort. Both ends say in OPEN what they can (`capabilities`); `agree` folds the two
OPENs into an `Agreement`; `outcome` says what the end of a session means for the peer's routes.

Everything here is pure. Who keeps the routes and when they go is `speaker.retention`; how we ourselves come back is
`speaker.recovery`.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from bgpd.model import GracefulRestart, NeighborSpec
from bgpd.session.effects import Down, DownReason
from bgpd.wire.capability import Capability, Open
from bgpd.wire.family import BY_CODE, Family
from bgpd.wire.iana import CapabilityCode, Cease, ErrorCode

RESTARTED: Final = 0x80  #: R: the sender has restarted; nobody is to wait for its End-of-RIB (RFC 4724 section 3)
NOTIFIES: Final = 0x40  #: N: a NOTIFICATION ends the session gracefully, too (RFC 8538 section 2)
PRESERVED: Final = 0x80  #: F, per family: the sender forwarded all the while
MAX_RESTART_TIME: Final = 4095  #: seconds: 12 bits
MAX_LONG_LIVED: Final = (1 << 24) - 1  #: seconds: 24 bits (RFC 9494 section 3)

#: What ends a session for good, on purpose: said as a Hard Reset where the peer would keep the routes otherwise
#: (RFC 8538 section 3.1). A reset by which somebody wants a new session at once is not among them.
HARD: Final = frozenset(
    {
        Cease.MAXIMUM_PREFIXES,
        Cease.ADMINISTRATIVE_SHUTDOWN,
        Cease.PEER_DECONFIGURED,
        Cease.OTHER_CONFIGURATION_CHANGE,
    }
)


class Bits:
    """What OPEN says of our own past; one object a neighbor, shared by its sessions."""

    __slots__ = ("preserved", "restarted")

    def __init__(self) -> None:
        self.restarted = False  #: we restarted and are not through with it: R
        self.preserved = False  #: what this peer had of us has been forwarded ever since: F


class Outcome(Enum):
    """What the end of an Established session means for the routes that the peer gave."""

    DROP = "the routes go at once"
    KEEP = "the routes stay for the restart time"


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two OPENs say about restarts; the default is a peer that knows nothing of it."""

    restart_time: int = 0  #: seconds, the peer's
    restarted: bool = False  #: the peer's R bit
    capable: bool = False  #: both ends know RFC 4724: End-of-RIB may be expected
    notification: bool = False  #: both ends know RFC 8538
    families: dict[Family, bool] = field(default_factory=dict)  #: the peer's, each with its F bit
    long_lived_capable: bool = False  #: both ends know RFC 9494
    long_lived: dict[Family, tuple[int, bool]] = field(default_factory=dict)  #: family -> seconds, F bit; the peer's

    def keeps(self, family: Family) -> bool:
        """Whether this family's routes outlive a session that is lost."""
        return family in self.families or self.long_lived.get(family, (0, False))[0] > 0

    def first_wait(self, family: Family) -> int:
        """Seconds of RFC 4724's part. A family of RFC 9494 only has none (section 4.2)."""
        return self.restart_time if family in self.families else 0

    def second_wait(self, family: Family) -> int:
        """Seconds of RFC 9494's part, after the first."""
        return self.long_lived.get(family, (0, False))[0]

    def preserved(self, family: Family, *, long_lived: bool) -> bool:
        """Said by a peer that is back: is what it gave before still good? In the long wait RFC 9494's bit counts."""
        if long_lived:
            return self.long_lived.get(family, (0, False))[1]
        return self.families.get(family, False)


NOTHING: Final = Agreement()


def capabilities(spec: NeighborSpec, bits: Bits) -> list[Capability]:
    """What our OPEN says: nothing, or RFC 4724 with RFC 8538, and RFC 9494.

    A helper names no family: it keeps what its peers gave, and asks nothing for itself.
    """
    mode = spec.graceful_restart
    if mode is GracefulRestart.OFF:
        return []
    families = spec.families if mode is GracefulRestart.FULL else ()
    time = spec.restart_time if mode is GracefulRestart.FULL else 0
    head = (RESTARTED if bits.restarted else 0) << 8 | NOTIFIES << 8 | time
    flags = PRESERVED if bits.preserved else 0
    value = head.to_bytes(2, "big")
    long_lived = b""
    for family in families:
        code = bytes((family.afi >> 8, family.afi & 0xFF, family.safi, flags))
        value += code
        if seconds := dict(spec.long_lived_stale_time).get(family, 0):
            long_lived += code + seconds.to_bytes(3, "big")
    return [
        Capability(CapabilityCode.GRACEFUL_RESTART, value),
        Capability(CapabilityCode.LONG_LIVED_GRACEFUL_RESTART, long_lived),
    ]


def agree(local: Open | None, remote: Open | None) -> Agreement:
    """What holds for a session of these OPENs. A capability that is malformed counts as not there."""
    if local is None or remote is None:
        return NOTHING
    ours = _last(local, CapabilityCode.GRACEFUL_RESTART, 4, 2)
    theirs = _last(remote, CapabilityCode.GRACEFUL_RESTART, 4, 2)
    if ours is None or theirs is None:
        return NOTHING  # RFC 9494 section 3: its capability means nothing without that of RFC 4724
    long_lived = _last(remote, CapabilityCode.LONG_LIVED_GRACEFUL_RESTART, 7, 0)
    aware = _last(local, CapabilityCode.LONG_LIVED_GRACEFUL_RESTART, 7, 0)
    both = long_lived is not None and aware is not None
    return Agreement(
        restart_time=(theirs[0] & 0x0F) << 8 | theirs[1],
        restarted=bool(theirs[0] & RESTARTED),
        capable=True,
        notification=bool(ours[0] & theirs[0] & NOTIFIES),
        families={
            family: bool(entry[3] & PRESERVED)
            for entry in _pieces(theirs[2:], 4)
            if (family := BY_CODE.get((entry[0] << 8 | entry[1], entry[2]))) is not None
        },
        long_lived_capable=both,
        long_lived={
            family: (int.from_bytes(entry[4:7], "big"), bool(entry[3] & PRESERVED))
            for entry in _pieces(long_lived if both and long_lived is not None else b"", 7)
            if (family := BY_CODE.get((entry[0] << 8 | entry[1], entry[2]))) is not None
        },
    )


def _last(message: Open, code: int, size: int, head: int) -> bytes | None:
    """The value that counts: the last one (RFC 4724 section 3, errata); None where there is none, or a broken one."""
    values = message.find(code)
    if not values or len(values[-1]) < head or (len(values[-1]) - head) % size:
        return None
    return values[-1]


def _pieces(value: bytes, size: int) -> list[bytes]:
    return [value[i : i + size] for i in range(0, len(value), size)]


def outcome(down: Down, agreement: Agreement) -> Outcome:
    """What becomes of the routes of a session that was Established and ended by `down`."""
    if not agreement.capable:
        return Outcome.DROP
    if down.reason is DownReason.COLLISION:
        return Outcome.KEEP  # another connection takes its place at this moment
    notification = down.notification
    if notification is None:
        return Outcome.KEEP  # RFC 4724 section 4.2: TCP went away
    if not agreement.notification:
        return Outcome.DROP
    hard = notification.code == ErrorCode.CEASE and notification.subcode == Cease.HARD_RESET
    return Outcome.DROP if hard else Outcome.KEEP  # RFC 8538 section 4
