"""Messages: one value for each type, and `decode` from a frame to a value.

A frame is a whole message with its header, as `framing.Framer` yields it. UPDATEs have a road of their own,
`decode_update`, because they need the session's AttrsTable and are nearly everything that ever arrives.
"""

from dataclasses import dataclass
from typing import Final

from bgpd.wire.attrs import AttrsTable
from bgpd.wire.capability import Capability, Negotiated, Open, decode_capabilities
from bgpd.wire.errors import WireError
from bgpd.wire.family import BY_CODE, Family
from bgpd.wire.iana import (
    CapabilityCode,
    Cease,
    ErrorCode,
    FsmError,
    HeaderError,
    MessageType,
    OpenError,
    RouteRefreshError,
    describe,
)
from bgpd.wire.update import Batch, Update, decode_update

__all__ = [
    "Batch",
    "Capability",
    "Keepalive",
    "Message",
    "Notification",
    "Open",
    "RouteRefresh",
    "Update",
    "decode",
    "decode_notification",
    "decode_open",
    "decode_route_refresh",
    "decode_update",
    "shutdown_data",
]

HEADER: Final = 19  #: octets of marker, length and type (RFC 4271 section 4.1)
VERSION: Final = 4
_CAPABILITIES: Final = 2  # the one optional parameter that is in use (RFC 5492 section 4)
_EXTENDED_PARAMETERS: Final = 255  # RFC 9072 section 2


@dataclass(frozen=True)
class Keepalive:
    """A KEEPALIVE says nothing more."""


@dataclass(frozen=True)
class Notification:
    """Why the sender ends the session (RFC 4271 section 4.5)."""

    code: int
    subcode: int
    data: bytes = b""

    @property
    def shutdown_text(self) -> str:
        """What the peer's operator had to say (RFC 9003); "" for nothing, or nothing legible."""
        if self.code != ErrorCode.CEASE or not self.data:
            return ""
        if self.subcode not in (Cease.ADMINISTRATIVE_SHUTDOWN, Cease.ADMINISTRATIVE_RESET):
            return ""
        text = self.data[1 : 1 + self.data[0]]
        if len(text) < self.data[0]:
            return ""
        # Section 4: it may be anything; a log line must stay a line
        return "".join([char if char.isprintable() else " " for char in text.decode("utf-8", "replace")])

    def describe(self) -> str:
        """In words: "Cease: Administrative Shutdown (maintenance until 6)"."""
        words = describe(self.code, self.subcode)
        if (self.code, self.subcode) == (ErrorCode.CEASE, Cease.HARD_RESET) and len(self.data) >= 2:
            # RFC 8538 section 3.1: what is really meant stands inside; never a Hard Reset in its turn
            inside = Notification(self.data[0], self.data[1], self.data[2:])
            deeper = (inside.code, inside.subcode) == (ErrorCode.CEASE, Cease.HARD_RESET)
            return words if deeper else f"{words} ({inside.describe()})"
        return f"{words} ({self.shutdown_text})" if self.shutdown_text else words


@dataclass(frozen=True)
class RouteRefresh:
    """ROUTE-REFRESH (RFC 2918) and its subtypes (RFC 7313)."""

    afi: int
    safi: int
    subtype: int = 0

    @property
    def family(self) -> Family | None:
        """The family meant; None where it is none of ours."""
        return BY_CODE.get((self.afi, self.safi))


Message = Open | Update | Notification | Keepalive | RouteRefresh


def decode(frame: bytes, session: Negotiated | None) -> Message:
    """Any frame as a value. Raises WireError, and nothing else. An UPDATE is read with a table of its own."""
    kind = frame[18] if len(frame) >= HEADER else 0
    if kind == MessageType.UPDATE:
        if session is None:
            raise WireError(ErrorCode.FSM, FsmError.UNSPECIFIC, b"", "an UPDATE before the session is up")
        return decode_update(frame, session, AttrsTable())
    if kind == MessageType.OPEN:
        return decode_open(frame)
    if kind == MessageType.NOTIFICATION:
        return decode_notification(frame)
    if kind == MessageType.ROUTE_REFRESH:
        return decode_route_refresh(frame)
    if kind == MessageType.KEEPALIVE:
        if len(frame) != HEADER:
            raise _bad_length(frame)
        return Keepalive()
    if len(frame) < HEADER:
        raise _bad_length(frame)
    raise WireError(ErrorCode.HEADER, HeaderError.BAD_TYPE, frame[18:19], f"message type {kind}")


def _bad_length(frame: bytes) -> WireError:
    text = f"{len(frame)} octets"
    return WireError(ErrorCode.HEADER, HeaderError.BAD_LENGTH, len(frame).to_bytes(2, "big"), text)


def decode_open(frame: bytes) -> Open:
    """An OPEN frame. Raises WireError for what no speaker may accept (RFC 4271 section 6.2).

    Whether it is the peer that was configured is `capability.check_open`'s to say.
    """
    if len(frame) < 29:
        raise _bad_length(frame)
    if frame[19] != VERSION:  # the data is the largest version we speak
        text = f"version {frame[19]}"
        raise WireError(ErrorCode.OPEN, OpenError.UNSUPPORTED_VERSION, b"\x00\x04", text)
    asn = frame[20] << 8 | frame[21]
    hold_time = frame[22] << 8 | frame[23]
    router_id = frame[24:28]
    if asn == 0:  # RFC 7607 section 2
        raise WireError(ErrorCode.OPEN, OpenError.BAD_PEER_AS, b"", "AS 0")
    if hold_time in (1, 2):
        raise WireError(ErrorCode.OPEN, OpenError.UNACCEPTABLE_HOLD_TIME, b"", f"hold time {hold_time}")
    if router_id == b"\x00\x00\x00\x00":  # RFC 6286 section 2.1
        raise WireError(ErrorCode.OPEN, OpenError.BAD_IDENTIFIER, b"", "router id 0.0.0.0")
    capabilities: list[Capability] = []
    for value in _parameters(frame):
        capabilities.extend(decode_capabilities(value))
    for capability in capabilities:
        if capability.code == CapabilityCode.FOUR_OCTET_AS:
            asn = int.from_bytes(capability.value, "big")
            if asn == 0:
                raise WireError(ErrorCode.OPEN, OpenError.BAD_PEER_AS, b"", "AS 0")
    return Open(asn, hold_time, router_id, tuple(capabilities))


def _parameters(frame: bytes) -> list[bytes]:
    """The values of the Capabilities optional parameters, in the plain or the extended form (RFC 9072)."""
    pos, end = 29, 29 + frame[28]
    width = 1  # octets of each parameter's length
    if frame[28] != 0 and len(frame) > 29 and frame[29] == _EXTENDED_PARAMETERS:
        # RFC 9072 section 2: the type 255 decides, the plain length is then ignored
        if len(frame) < 32:
            raise _malformed_parameters("the extended parameter length is cut off")
        pos, end, width = 32, 32 + (frame[30] << 8 | frame[31]), 2
    if end != len(frame):
        raise _malformed_parameters(f"the parameters end at octet {end} of {len(frame)}")
    values: list[bytes] = []
    while pos < end:
        start = pos + 1 + width
        if start > end:
            raise _malformed_parameters("the parameters end within a header")
        stop = start + int.from_bytes(frame[pos + 1 : start], "big")
        if stop > end:
            raise _malformed_parameters("a parameter overruns the message")
        if frame[pos] != _CAPABILITIES:
            text = f"optional parameter {frame[pos]}"
            raise WireError(ErrorCode.OPEN, OpenError.UNSUPPORTED_PARAMETER, b"", text)
        values.append(frame[start:stop])
        pos = stop
    return values


def _malformed_parameters(text: str) -> WireError:
    # RFC 4271 section 6.2: recognized, but malformed: Unspecific
    return WireError(ErrorCode.OPEN, OpenError.UNSPECIFIC, b"", text)


def decode_notification(frame: bytes) -> Notification:
    """A NOTIFICATION frame. Raises WireError where it is too short (which is never answered, RFC 4271 section 6.4)."""
    if len(frame) < 21:
        raise _bad_length(frame)
    return Notification(frame[19], frame[20], frame[21:])


def decode_route_refresh(frame: bytes) -> RouteRefresh:
    """A ROUTE-REFRESH frame. Raises WireError(7, 1) for a wrong length (RFC 7313 section 5)."""
    if len(frame) < 23:
        raise _bad_length(frame)
    if len(frame) > 23:  # outbound route filters (RFC 5291) are never offered
        text = f"{len(frame)} octets"
        raise WireError(ErrorCode.ROUTE_REFRESH, RouteRefreshError.INVALID_LENGTH, frame, text)
    return RouteRefresh(frame[19] << 8 | frame[20], frame[22], frame[21])


def shutdown_data(text: str) -> bytes:
    """The data of a Cease with a message to the peer's operator (RFC 9003): at most 255 octets of UTF-8."""
    if not text:
        return b""
    data = text.encode("utf-8", "replace")[:255].decode("utf-8", "ignore").encode()
    return bytes((len(data),)) + data
