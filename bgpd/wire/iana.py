"""Code points, one enum per IANA registry, and their names in the RFCs' words.

Registries: "Border Gateway Protocol (BGP) Parameters" and "Capability Codes" as of 2025-06. Hot loops use the plain
integers of `attrs`; these enums are for everything that a person reads.
"""

from enum import IntEnum
from typing import Final

AS_TRANS: Final = 23456  #: stands for an AS number that does not fit two octets (RFC 6793 section 9)


class MessageType(IntEnum):
    """BGP Message Types."""

    OPEN = 1
    UPDATE = 2
    NOTIFICATION = 3
    KEEPALIVE = 4
    ROUTE_REFRESH = 5

    @property
    def label(self) -> str:
        """As the RFCs spell it: ROUTE-REFRESH."""
        return self.name.replace("_", "-")


class AttrCode(IntEnum):
    """BGP Path Attributes, the ones this speaker reads."""

    ORIGIN = 1
    AS_PATH = 2
    NEXT_HOP = 3
    MED = 4
    LOCAL_PREF = 5
    ATOMIC_AGGREGATE = 6
    AGGREGATOR = 7
    COMMUNITIES = 8
    ORIGINATOR_ID = 9
    CLUSTER_LIST = 10
    MP_REACH_NLRI = 14
    MP_UNREACH_NLRI = 15
    EXT_COMMUNITIES = 16
    AS4_PATH = 17
    AS4_AGGREGATOR = 18
    IPV6_EXT_COMMUNITIES = 25
    AIGP = 26
    LARGE_COMMUNITIES = 32
    OTC = 35


class Origin(IntEnum):
    """ORIGIN values (RFC 4271 section 4.3)."""

    IGP = 0
    EGP = 1
    INCOMPLETE = 2

    @property
    def label(self) -> str:
        """As operators write it: IGP, EGP, incomplete."""
        return self.name if self is not Origin.INCOMPLETE else "incomplete"


class SegmentType(IntEnum):
    """AS_PATH segment types (RFC 4271 section 4.3, RFC 5065 section 3)."""

    AS_SET = 1
    AS_SEQUENCE = 2
    AS_CONFED_SEQUENCE = 3
    AS_CONFED_SET = 4


class CapabilityCode(IntEnum):
    """Capability Codes (RFC 5492)."""

    MULTIPROTOCOL = 1
    ROUTE_REFRESH = 2
    EXTENDED_NEXT_HOP = 5
    EXTENDED_MESSAGE = 6
    ROLE = 9
    GRACEFUL_RESTART = 64
    FOUR_OCTET_AS = 65
    ADD_PATH = 69
    ENHANCED_ROUTE_REFRESH = 70
    LONG_LIVED_GRACEFUL_RESTART = 71
    FQDN = 73


class RefreshSubtype(IntEnum):
    """Route Refresh Subcodes (RFC 7313)."""

    REQUEST = 0
    BEGIN = 1
    END = 2


class ErrorCode(IntEnum):
    """BGP Error (Notification) Codes."""

    HEADER = 1
    OPEN = 2
    UPDATE = 3
    HOLD_TIMER_EXPIRED = 4
    FSM = 5
    CEASE = 6
    ROUTE_REFRESH = 7
    SEND_HOLD_TIMER_EXPIRED = 8


class HeaderError(IntEnum):
    """Message Header Error subcodes (RFC 4271 section 6.1)."""

    UNSPECIFIC = 0
    NOT_SYNCHRONIZED = 1
    BAD_LENGTH = 2
    BAD_TYPE = 3


class OpenError(IntEnum):
    """OPEN Message Error subcodes (RFC 4271 section 6.2, RFC 5492, RFC 9234)."""

    UNSPECIFIC = 0
    UNSUPPORTED_VERSION = 1
    BAD_PEER_AS = 2
    BAD_IDENTIFIER = 3
    UNSUPPORTED_PARAMETER = 4
    UNACCEPTABLE_HOLD_TIME = 6
    UNSUPPORTED_CAPABILITY = 7
    ROLE_MISMATCH = 11


class UpdateError(IntEnum):
    """UPDATE Message Error subcodes (RFC 4271 section 6.3)."""

    UNSPECIFIC = 0
    MALFORMED_ATTRIBUTE_LIST = 1
    UNRECOGNIZED_WELL_KNOWN = 2
    MISSING_WELL_KNOWN = 3
    ATTRIBUTE_FLAGS = 4
    ATTRIBUTE_LENGTH = 5
    INVALID_ORIGIN = 6
    INVALID_NEXT_HOP = 8
    OPTIONAL_ATTRIBUTE = 9
    INVALID_NETWORK_FIELD = 10
    MALFORMED_AS_PATH = 11


class FsmError(IntEnum):
    """Finite State Machine Error subcodes (RFC 6608)."""

    UNSPECIFIC = 0
    IN_OPEN_SENT = 1
    IN_OPEN_CONFIRM = 2
    IN_ESTABLISHED = 3


class Cease(IntEnum):
    """Cease subcodes (RFC 4486, RFC 8538, RFC 9384)."""

    UNSPECIFIC = 0
    MAXIMUM_PREFIXES = 1
    ADMINISTRATIVE_SHUTDOWN = 2
    PEER_DECONFIGURED = 3
    ADMINISTRATIVE_RESET = 4
    CONNECTION_REJECTED = 5
    OTHER_CONFIGURATION_CHANGE = 6
    COLLISION_RESOLUTION = 7
    OUT_OF_RESOURCES = 8
    HARD_RESET = 9
    BFD_DOWN = 10


class RouteRefreshError(IntEnum):
    """ROUTE-REFRESH Message Error subcodes (RFC 7313 section 5)."""

    UNSPECIFIC = 0
    INVALID_LENGTH = 1


_CODE_NAMES: Final[dict[int, str]] = {
    1: "Message Header Error",
    2: "OPEN Message Error",
    3: "UPDATE Message Error",
    4: "Hold Timer Expired",
    5: "Finite State Machine Error",
    6: "Cease",
    7: "ROUTE-REFRESH Message Error",
    8: "Send Hold Timer Expired",
}

_SUBCODE_NAMES: Final[dict[tuple[int, int], str]] = {
    (1, 1): "Connection Not Synchronized",
    (1, 2): "Bad Message Length",
    (1, 3): "Bad Message Type",
    (2, 1): "Unsupported Version Number",
    (2, 2): "Bad Peer AS",
    (2, 3): "Bad BGP Identifier",
    (2, 4): "Unsupported Optional Parameter",
    (2, 5): "Authentication Failure (deprecated)",
    (2, 6): "Unacceptable Hold Time",
    (2, 7): "Unsupported Capability",
    (2, 11): "Role Mismatch",
    (3, 1): "Malformed Attribute List",
    (3, 2): "Unrecognized Well-known Attribute",
    (3, 3): "Missing Well-known Attribute",
    (3, 4): "Attribute Flags Error",
    (3, 5): "Attribute Length Error",
    (3, 6): "Invalid ORIGIN Attribute",
    (3, 7): "AS Routing Loop (deprecated)",
    (3, 8): "Invalid NEXT_HOP Attribute",
    (3, 9): "Optional Attribute Error",
    (3, 10): "Invalid Network Field",
    (3, 11): "Malformed AS_PATH",
    (5, 1): "Unexpected Message in OpenSent",
    (5, 2): "Unexpected Message in OpenConfirm",
    (5, 3): "Unexpected Message in Established",
    (6, 1): "Maximum Number of Prefixes Reached",
    (6, 2): "Administrative Shutdown",
    (6, 3): "Peer De-configured",
    (6, 4): "Administrative Reset",
    (6, 5): "Connection Rejected",
    (6, 6): "Other Configuration Change",
    (6, 7): "Connection Collision Resolution",
    (6, 8): "Out of Resources",
    (6, 9): "Hard Reset",
    (6, 10): "BFD Down",
    (7, 1): "Invalid Message Length",
}


def describe(code: int, subcode: int) -> str:
    """A NOTIFICATION's code and subcode in the RFCs' words: "Cease: Administrative Shutdown"."""
    name = _CODE_NAMES.get(code, f"Error code {code}")
    if (detail := _SUBCODE_NAMES.get((code, subcode))) is not None:
        return f"{name}: {detail}"
    return name if subcode == 0 else f"{name}: subcode {subcode}"


#: Well-known communities ("BGP Well-known Communities").
GRACEFUL_SHUTDOWN: Final = 0xFFFF0000  # RFC 8326
ACCEPT_OWN: Final = 0xFFFF0001  # RFC 7611
LLGR_STALE: Final = 0xFFFF0006  # RFC 9494
NO_LLGR: Final = 0xFFFF0007  # RFC 9494
BLACKHOLE: Final = 0xFFFF029A  # RFC 7999
NO_EXPORT: Final = 0xFFFFFF01  # RFC 1997
NO_ADVERTISE: Final = 0xFFFFFF02  # RFC 1997
NO_EXPORT_SUBCONFED: Final = 0xFFFFFF03  # RFC 1997
NO_PEER: Final = 0xFFFFFF04  # RFC 3765

WELL_KNOWN_COMMUNITIES: Final[dict[int, str]] = {
    GRACEFUL_SHUTDOWN: "graceful-shutdown",
    ACCEPT_OWN: "accept-own",
    LLGR_STALE: "llgr-stale",
    NO_LLGR: "no-llgr",
    BLACKHOLE: "blackhole",
    NO_EXPORT: "no-export",
    NO_ADVERTISE: "no-advertise",
    NO_EXPORT_SUBCONFED: "no-export-subconfed",
    NO_PEER: "no-peer",
}
